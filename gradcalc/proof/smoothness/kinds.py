"""What an expression is like at a point."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What an expression is like at a point."""

    SMOOTH = "regular"
    DIFFERENTIABLE = "smooth"  # differentiable although the point is a breakpoint
    KINK = "kink"
    JUMP = "jump"
    VERTICAL = "vertical"
    EDGE = "edge"
    POLE = "pole"
    DOMAIN = "domain"
    REMOVABLE = "removable"
    UNKNOWN = "unknown"


UNDEFINED = frozenset({Kind.EDGE, Kind.POLE, Kind.DOMAIN, Kind.REMOVABLE})
NOT_DIFFERENTIABLE = frozenset({Kind.KINK, Kind.JUMP, Kind.VERTICAL})
