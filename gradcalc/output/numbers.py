"""Numbers as text."""

from __future__ import annotations

from typing import Any

FEW = 4
"""Entries of an array that a cell shows."""


def fit(value: Any, digits: int = 10) -> str:
    """A number in so many digits; an array entry by entry, a long one cut."""
    if isinstance(value, list):
        shown = value if len(value) <= FEW else value[:FEW]
        more = [] if len(shown) == len(value) else [f"... {len(value) - len(shown)} more"]
        return f"[{', '.join([*(fit(part, digits) for part in shown), *more])}]"
    return "none" if value is None else f"{value:.{digits}g}" if isinstance(value, float) else str(value)
