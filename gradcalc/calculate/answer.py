"""From a question to a report.

Comes in: a `Problem`, or a `PreparedQuery`.  Goes out: a `Report`.  A question about formulas loads no torch and no flint,
and sympy is loaded by a process of its own while torch loads here.
"""

from __future__ import annotations

from gradcalc.calculate.prepared import PreparedQuery, derivatives, prepare_problem
from gradcalc.calculate.reporting import index_fields, report, undecided_report, versions
from gradcalc.report import Partial, Problem, Report
from gradcalc.runtime.deadline import DEFAULT_SECONDS


def prefetch(prepared: PreparedQuery) -> None:
    """Start the symbolic engine on a question that will be answered soon, and look up package versions while it runs."""
    prepared.client.submit(prepared.request)
    versions()


def answer(question: Problem | PreparedQuery, *, seconds: float = DEFAULT_SECONDS) -> Report:
    """The answer to a question; sympy may take `seconds` for its part, and exact arithmetic for its own.

    Raises `CalcError` for a question that cannot be answered.
    """
    prepared = question if isinstance(question, PreparedQuery) else prepare_problem(question, seconds=seconds)
    prefetch(prepared)  # its process works while torch is imported here
    if not prepared.has_point:
        return _formulas(prepared)
    from gradcalc.calculate.at_point import at_point

    return at_point(prepared)


def _formulas(prepared: PreparedQuery) -> Report:
    symbolic = derivatives(prepared)
    if isinstance(symbolic, str):
        return undecided_report(prepared, symbolic)
    partials = [
        Partial(
            spec.by,
            *formula.texts,
            proof={"symbolic": formula.unusable or "ok"},
            **index_fields(spec),
        )
        for spec, formula in zip(prepared.partials, symbolic.formulas, strict=True)
    ]
    return report(prepared, partials, symbolic)
