"""From a question to a report.

Comes in: a `Problem`, or a `PreparedQuery`.  Goes out: a `Report`.  A question about formulas loads no torch and no flint,
and sympy is loaded by a process of its own while torch loads here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradcalc.calculate.prepared import PreparedQuery, derivatives, prepare_problem
from gradcalc.calculate.reporting import index_fields, report, undecided_report, versions
from gradcalc.report import Partial, Problem, Report
from gradcalc.runtime.deadline import DEFAULT_SECONDS


def differentiate(
    expr: str,
    *,
    at: Mapping[str, Any] | None = None,
    by: Sequence[str] | str = (),
    order: int = 1,
    device: str = "cpu",
    dtype: str | None = None,
    variables: Sequence[str] = (),
) -> Report:
    """The derivatives of an expression: formulas, and at a point the numbers of all engines with a verdict for each.

    `at` gives each variable a value: text is exact (`"0.1"` is 1/10, `"pi/2"`), and so are integers and fractions; a float
    is taken as its shortest decimal text.  Arrays are nested lists of these, or numpy's or torch's.  `by` names the
    variables to differentiate by, or entries such as `x[0]` (default: all, in order of appearance), `order` how often.
    Raises `CalcError` for a question that cannot be answered.

    >>> report = differentiate("x**2", at={"x": 3})
    >>> report.partials[0].formula, report.partials[0].symbolic, report.partials[0].autograd
    ('2*x', '6', 6.0)
    """
    texts = {name: _text_of(value) for name, value in (at or {}).items()}
    names = (by,) if isinstance(by, str) else tuple(by)
    return answer(Problem(expr, texts, names, order, device, dtype, tuple(variables)))


def _text_of(value: Any) -> str:
    """A value as it is typed."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text_of, value))}]"
    return value if isinstance(value, str) else str(value)


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
