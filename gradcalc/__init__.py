"""Compare symbolic (SymPy) and autograd (PyTorch) derivatives, with a proof of the verdict.

`differentiate` and `sweep` give a report with formulas, values and a verdict for each partial derivative; `check` judges a
derivative found by hand; `steps`, `trace`, `accumulate`, `tracking`, `bce` and `plot` are the commands of the same names.

>>> from gradcalc import differentiate
>>> report = differentiate("sin(x**2)", at={"x": "3"})
>>> report.verdict
<Verdict.AGREE: 'agree'>
"""

# Nothing is imported here: `python -m gradcalc` looks in the current directory first, until `__main__` has put an end to it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from gradcalc.errors import CalcError
    from gradcalc.library.functions import accumulate, bce, check, differentiate, plot, steps, sweep, trace, tracking
    from gradcalc.library.result import Result
    from gradcalc.report import Partial, Problem, Report, Verdict

__all__ = [
    "CalcError", "Partial", "Problem", "Report", "Result", "Verdict", "__version__", "accumulate", "bce", "check",
    "differentiate", "plot", "steps", "sweep", "trace", "tracking",
]  # fmt: skip
__version__ = "0.1.0"

_HOMES = {
    "CalcError": "errors", "Result": "library.result", "Partial": "report", "Problem": "report", "Report": "report",
    "Verdict": "report",
}  # fmt: skip


def __getattr__(name: str) -> object:
    # Nothing is imported before it is asked for: the engines are heavy, and the program handles signals first.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"gradcalc.{_HOMES.get(name, 'library.functions')}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__doc__"]
