"""Reports: what is known of a question, put together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from gradcalc.calculate.formulas import Formulas
from gradcalc.calculate.partials import PartialSpec
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.report import LazyPartials, Partial, Report, Verdict, verdict_counts, worst


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


def undecided_report(prepared: PreparedQuery, why: str) -> Report:
    """The answer to a question for which there was not enough time or memory."""
    count = len(prepared.partials)

    def partial(number: int) -> Partial:
        return undecided_partial(prepared.partials[number], why)

    if prepared.is_short:
        return report(prepared, tuple(map(partial, range(count))))
    return report(prepared, LazyPartials(count, {Verdict.UNDECIDED: count}, partial))


def undecided_partial(
    spec: PartialSpec, why: str, texts: tuple[str | None, str | None] = (None, None), number: float | None = None
) -> Partial:
    """A partial for which there was not enough time or memory."""
    return Partial(
        spec.by,
        *texts,
        autograd=number,
        verdict=Verdict.UNDECIDED,
        cause="time",
        why=why,
        index=spec.index,
        of=spec.of,
        entries=spec.entries,
    )


def report(
    prepared: PreparedQuery,
    partials: Sequence[Partial],
    symbolic: Formulas | None = None,
    notes: Sequence[str] = (),
    **numbers: Any,
) -> Report:
    """The report on the partials of a question, with sympy's formulas if there are some; `numbers` are what a point adds."""
    verdicts = [verdict for verdict in verdict_counts(partials) if verdict is not None]
    return Report(
        expr=prepared.query.text,
        read_as=prepared.read_as,
        order=prepared.query.order,
        at=prepared.point.texts,
        partials=partials,
        verdict=worst(verdicts) if verdicts or prepared.has_point else None,
        versions=versions(),
        latex=prepared.latex,
        notes=(*prepared.notes, *notes, *prepared.formula_notes),
        values=prepared.point.trees,
        entry_formulas=() if symbolic is None else symbolic.entry_formulas,
        **{"point": {}, "dtype": None, "device": None, "value": None, **numbers},
    )
