"""Documented error bounds of kernels, in units in the last place.

Sources, by function:
  cpu   the largest of: the GNU C Library manual, "Errors in Math Functions" (x86_64); SLEEF (u10 variants: 1.0 ulp, which
        torch's vectorised kernels call); Intel MKL VML, high accuracy (below 1 ulp for all, not correctly rounded)
  cuda  CUDA C++ Programming Guide, "Mathematical Functions", the larger of float and double
  mps   Metal Shading Language Specification, "Numerical Compliance" (precise functions)

`None`: no bound is documented; the error is reported, and not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Bound:
    """Units in the last place, by kind of device."""

    cpu: float | None
    cuda: float | None
    mps: float | None = 4

    def on(self, device: str) -> float | None:
        """The bound on a device such as `cuda:1`; devices without a table of their own have the loosest."""
        kind = device.partition(":")[0]
        if kind in ("cpu", "cuda", "mps"):
            bound: float | None = getattr(self, kind)
            return bound
        bounds = (self.cpu, self.cuda, self.mps)
        return None if None in bounds else max(bound for bound in bounds if bound is not None)


CORRECTLY_ROUNDED = Bound(0.5, 0.5, 0.5)
"""Correctly rounded: + - * and, but for Metal, division."""

MAX_ULPS: dict[str, Bound] = {
    "divide": Bound(0.5, 0.5, 2.5),
    "sqrt": Bound(1, 0.5, 1),
    "rsqrt": Bound(2, 2, 2),
    "exp": Bound(1, 2),
    "exp2": Bound(1, 2),
    "expm1": Bound(1, 1, None),
    "log": Bound(1, 1),
    "log2": Bound(2, 1),
    "log10": Bound(2, 2),
    "log1p": Bound(1, 1, None),
    "sin": Bound(1, 2),
    "cos": Bound(1, 2),
    "tan": Bound(1, 4, 6),
    "asin": Bound(1, 4, 5),
    "acos": Bound(1, 3, 5),
    "atan": Bound(1, 2, 5),
    "atan2": Bound(1, 3, 6),
    "sinh": Bound(2, 3),
    "cosh": Bound(2, 2),
    "tanh": Bound(2, 2, 5),
    "asinh": Bound(2, 3, 5),
    "acosh": Bound(2, 4, 5),
    "atanh": Bound(2, 3, 5),
    "pow": Bound(1, 4, 16),
    "hypot": Bound(1, 3, None),
    "erf": Bound(1, 2, None),
    "erfc": Bound(5, 5, None),
    "lgamma": Bound(4, 6, None),
    "lgamma_negative": Bound(None, None, None),
    "digamma": Bound(None, None, None),
    "polygamma": Bound(None, None, None),
    "erfinv": Bound(None, None, None),
    "bessel": Bound(None, None, None),
    "ndtr": Bound(None, None, None),
}


@cache
def is_documented(function: str, device: str) -> bool:
    """Whether the error of a function has a documented bound on a device; none is below half a unit."""
    return MAX_ULPS.get(function, CORRECTLY_ROUNDED).on(device) is not None
