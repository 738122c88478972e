"""The derivation of an expression rule by rule, with numbers at a point, and the proof that it leads to the derivative.

Comes in: a `Problem`.  Goes out: a `Stepwise`: a derivation for each variable, beside the answer of all witnesses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcalc import deadline
from gradcalc.calculate import Prepared, answer, foresee, prepare
from gradcalc.cells import named_entries
from gradcalc.deadline import DEFAULT_SECONDS
from gradcalc.derivation import Step, derive
from gradcalc.errors import CalcError
from gradcalc.report import Problem, Report
from gradcalc.syntax import Node, unparse

MAX_DERIVATIONS = 20


@dataclass(frozen=True, slots=True)
class Derivation:
    """The steps to the derivative by a variable, and at a point the derivative of the part of each (None: no value there).

    What they lead to was compared with the derivative in exact arithmetic: at `equal` points it is the same; at `beside`
    ones it has no value, or a function is not smooth and its rule does not hold; at `wrong` ones it is another number.
    """

    by: str
    steps: Sequence[Step]
    numbers: Sequence[str | None]
    equal: int
    beside: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Stepwise:
    """The derivations, in the order of the partials of the report."""

    report: Report
    derivations: Sequence[Derivation]


def stepwise(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Stepwise:
    """Derive an expression by hand.

    Raises `CalcError` for what is no single number, for a function without a rule, and for what is too long to be followed.
    """
    prepared = prepare(problem, seconds=seconds)
    prepared.needs_a_number("a derivation is of one number")
    if not prepared.wanted:
        raise CalcError(
            f"{unparse(prepared.tree)} has no variables: it is constant, and its derivative is 0",
            hint='name what to derive by in the expression, such as "3*x"',
        )
    if len(prepared.wanted) > MAX_DERIVATIONS:
        count = len(prepared.wanted)
        raise CalcError(f"there are {count} variables, and at most {MAX_DERIVATIONS} derivations", hint="choose with --by")
    (tree,) = prepared.entries.entries
    derived = [(wanted.entries[0], derive(tree, wanted.entries[0])) for wanted in prepared.wanted]
    foresee(prepared)
    values = dict(pair for name, cells in prepared.values.items() for pair in named_entries(name, cells))
    found = [_proven(tree, by, steps, values, prepared) for by, steps in derived]
    return Stepwise(answer(prepared), found)


def _proven(tree: Node, by: str, steps: Sequence[Step], values: Mapping[str, Node], prepared: Prepared) -> Derivation:
    from gradcalc.proof.claims import Compared, compared

    numbers: list[str | None] = []
    found: list[Compared] = []
    try:
        with deadline.limit(prepared.question.seconds):
            if prepared.has_point:
                numbers = [_number(step.derivative, values) for step in steps]
            found.extend(compared(tree, steps[0].derivative, by, [values] if values else []))
    except deadline.OutOfTime:
        pass
    equal = sum(it.same for it in found)
    beside = sum(not it.same and (it.claimed is None or it.on_seam) for it in found)
    return Derivation(by, steps, numbers, equal, beside, len(found) - equal - beside)


def _number(derivative: Node, values: Mapping[str, Node]) -> str | None:
    from gradcalc.proof.regularity import value_of
    from gradcalc.proof.site import Site
    from gradcalc.witness.balls import OutOfPrecision, decimal

    try:
        value = value_of(Site(derivative, values))
    except OutOfPrecision:
        return None
    return None if value is None else decimal(value)
