"""Settings of hypothesis, the same examples in every run and no stop-watch; and of the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from support import generated_code

gc.disable()  # until the cases are collected
settings.register_profile("gradcalc", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gradcalc")


def pytest_collection_finish() -> None:
    """Spare the collector what stays until the end, modules and thousands of cases, and let it look more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    gc.enable()


@pytest.fixture(autouse=True, scope="module")
def _without_jax_afterwards() -> Iterator[None]:
    """The process that runs generated code of jax lasts for one module."""
    yield
    generated_code.end_jax()
