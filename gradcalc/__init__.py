"""gradcalc: derivatives by sympy and by torch autograd, side by side, with a proven verdict.

>>> from gradcalc import differentiate
>>> report = differentiate("sin(x**2)", at={"x": "3"})
>>> report.verdict
<Verdict.AGREE: 'agree'>
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcalc.errors import CalcError
from gradcalc.report import Partial, Problem, Report, Verdict

if TYPE_CHECKING:
    from gradcalc.calculate import differentiate

__all__ = ["CalcError", "Partial", "Problem", "Report", "Verdict", "__version__", "differentiate"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # The witnesses are heavy: nothing of them is imported before it is asked for.
    if name == "differentiate":
        from gradcalc.calculate import differentiate

        return differentiate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
