"""Settings of hypothesis: the same examples in every run, and no stop-watch."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("gradcalc", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gradcalc")
