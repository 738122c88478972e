"""How many points there may be, and how many of them are proven."""

from __future__ import annotations

MAX_POINTS = 1_000_001
PART = 10_000
"""Points that are held in memory at once."""
ALL_PROVEN = 1_000
"""Up to so many points, each one is proven, unless fewer proofs are asked for."""
PROOFS = 3
"""Of every `PART` points, so many are proven."""
