"""From a question to a report.

Comes in: a `Problem`, or a `PreparedQuery`.  Goes out: a `Report`.  A question about formulas loads no torch and no flint,
and sympy is loaded by a process of its own while torch loads here.
"""

from __future__ import annotations

from gradcalc.calculate.cost import Cost
from gradcalc.calculate.formulas import formulas
from gradcalc.calculate.partials import PartialSpec
from gradcalc.calculate.prepared import PreparedQuery, prepare_problem
from gradcalc.calculate.reporting import report, undecided_report, versions
from gradcalc.engines.symbolic.messages import Formula
from gradcalc.report import Partial, Problem, Report
from gradcalc.runtime.deadline import DEFAULT_SECONDS


def prefetch(prepared: PreparedQuery) -> None:
    """Start the symbolic engine on a question that will be answered soon, and look up package versions while it runs."""
    if not isinstance(prepared.request, str):
        prepared.client.submit(prepared.request)
    versions()


def answer(question: Problem | PreparedQuery, *, seconds: float = DEFAULT_SECONDS) -> Report:
    """The answer to a question; sympy may take `seconds` for its part, and exact arithmetic for its own.

    Raises `CalcError` for a question that cannot be answered, and for one that needs more memory than there is.
    """
    prepared = question if isinstance(question, PreparedQuery) else prepare_problem(question, seconds=seconds)
    prefetch(prepared)  # its process works while torch is imported here
    if not prepared.has_point:
        return _formulas(prepared)
    Cost.of(prepared).require_memory()
    from gradcalc.calculate.at_point import at_point

    return at_point(prepared)


def _formulas(prepared: PreparedQuery) -> Report:
    symbolic = formulas(prepared)
    if symbolic.failure:
        return undecided_report(prepared, symbolic.failure)
    return report(prepared, [_formula(spec, symbolic.of(number)) for number, spec in enumerate(prepared.partials)], symbolic)


def _formula(spec: PartialSpec, formula: Formula | None) -> Partial:
    """A partial of which only the formula is asked."""
    assert formula is not None
    proof = {"symbolic": formula.unusable or "ok"}
    return Partial(spec.by, *formula.texts, proof=proof, index=spec.index, of=spec.of, entries=spec.entries)
