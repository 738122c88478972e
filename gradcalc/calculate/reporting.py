"""Reports: what is known of a question, put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from gradcalc.expression.latex import latex
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node
from gradcalc.proof.claims.breakpoints import equalities
from gradcalc.report import Partial, Report, Verdict, worst

if TYPE_CHECKING:
    pass
from gradcalc.calculate.prepared import Prepared


@cache
def versions() -> dict[str, str]:
    """The versions an answer depends on."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and of no use for a wrong request

    found = {}
    for package in ("gradcalc", "torch", "sympy", "python-flint"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def undecided(prepared: Prepared, why: str) -> Report:
    """The answer to a question for which there was not enough time or memory."""
    partials = [
        Partial(wanted.by, None, None, verdict=Verdict.UNDECIDED, cause="time", why=why, **wanted.place_in_report)
        for wanted in prepared.wanted
    ]
    return _report(prepared, partials)


def _of_formulas(tree: Node) -> Iterator[str]:
    """What must be said of the formulas of an expression, whoever finds them."""
    asked = equalities(tree)
    if asked:
        places = " or ".join(" = ".join(map(unparse, node.args)) for node in asked[:_MENTIONED])
        more = " and the like" if len(asked) > _MENTIONED else ""
        yield f"where {places}{more} a formula may be false: it has the derivative of each case, and one point has no slope"


_MENTIONED = 3


def _report(prepared: Prepared, partials: Sequence[Partial], notes: Sequence[str] = (), **rest: Any) -> Report:
    verdicts = [partial.verdict for partial in partials if partial.verdict is not None]
    known: dict[str, Any] = {"point": {}, "dtype": None, "device": None, "value": None}
    return Report(
        expr=prepared.problem.expr,
        read_as=unparse(prepared.tree),
        order=prepared.problem.order,
        at=dict(prepared.problem.at),
        partials=tuple(partials),
        verdict=worst(verdicts) if verdicts or prepared.has_point else None,
        versions=versions(),
        latex=latex(prepared.tree),
        notes=(*prepared.notes, *notes, *_of_formulas(prepared.tree)),
        **{**known, **rest},
    )
