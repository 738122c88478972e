"""gradcalc: derivatives by sympy and by torch autograd, side by side, with a proven verdict.

>>> from gradcalc import differentiate
>>> report = differentiate("sin(x**2)", at={"x": "3"})
>>> report.verdict
<Verdict.AGREE: 'agree'>
"""

# Nothing is imported here: `python -m gradcalc` looks in the current directory first, until `__main__` has put an end to it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from gradcalc.calculate.answer import differentiate
    from gradcalc.errors import CalcError
    from gradcalc.report import Partial, Problem, Report, Verdict

__all__ = ["CalcError", "Partial", "Problem", "Report", "Verdict", "__version__", "differentiate"]
__version__ = "0.1.0"

_HOMES = {"differentiate": "calculate.answer", "CalcError": "errors"}


def __getattr__(name: str) -> object:
    # Nothing is imported before it is asked for: the engines are heavy, and the program handles signals first.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"gradcalc.{_HOMES.get(name, 'report')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
