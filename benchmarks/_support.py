"""Puts the generators that tests and benchmarks share on the path: `tests/support`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
