"""Reports: what is known of a question, put together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from gradcalc.calculate.entry_formulas import entry_formulas
from gradcalc.calculate.partials import PartialSpec
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.engines.symbolic.messages import Derivatives
from gradcalc.report import Partial, Report, Verdict, worst


@cache
def versions() -> dict[str, str]:
    """The versions an answer depends on."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and of no use for a wrong request

    table = {}
    for package in ("gradcalc", "torch", "sympy", "python-flint"):
        try:
            table[package] = version(package)
        except PackageNotFoundError:
            table[package] = "unknown"
    return table


def index_fields(spec: PartialSpec) -> dict[str, Any]:
    """The index fields of a partial of the report; empty for scalars."""
    return {"index": spec.index, "of": spec.of, "entries": spec.entries}


def undecided_report(prepared: PreparedQuery, why: str) -> Report:
    """The answer to a question for which there was not enough time or memory."""
    partials = [
        Partial(spec.by, None, None, verdict=Verdict.UNDECIDED, cause="time", why=why, **index_fields(spec))
        for spec in prepared.partials
    ]
    return report(prepared, partials)


def report(
    prepared: PreparedQuery,
    partials: Sequence[Partial],
    symbolic: Derivatives | str = "",
    notes: Sequence[str] = (),
    **numbers: Any,
) -> Report:
    """The report on the partials of a question, with sympy's formulas if there are some; `numbers` are what a point adds."""
    verdicts = [partial.verdict for partial in partials if partial.verdict is not None]
    return Report(
        expr=prepared.query.text,
        read_as=prepared.read_as,
        order=prepared.query.order,
        at=prepared.point.texts,
        partials=tuple(partials),
        verdict=worst(verdicts) if verdicts or prepared.has_point else None,
        versions=versions(),
        latex=prepared.latex,
        notes=(*prepared.notes, *notes, *prepared.formula_notes),
        values=prepared.point.trees,
        entry_formulas=() if isinstance(symbolic, str) else entry_formulas(prepared.partials, symbolic),
        **{"point": {}, "dtype": None, "device": None, "value": None, **numbers},
    )
