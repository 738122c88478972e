"""Products of derivatives by arrays with directions and a cotangent, as formulas.

Comes in: an `ArrayQuestion`, directions of variables, a cotangent.  Goes out: an `ArrayFormula` for the product with the
Jacobian, or one for each variable.  A product is the derivative of another expression: along a line, or of a weighted sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formulas, opened, resting_on
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import shape_text
from gradcalc.expression.directional import contract_with_cotangent, fresh_name, restrict_to_line
from gradcalc.expression.printer import unparse
from gradcalc.expression.sizes import Size
from gradcalc.expression.tree import Name, Node, names_in
from gradcalc.inputs.shapes import sizes_of
from gradcalc.report import ArrayFormula


@dataclass(frozen=True, slots=True)
class Factors:
    """What a derivative is multiplied by: directions of variables, and a cotangent of the shape of the expression."""

    directions: Mapping[str, Node] = field(default_factory=dict)
    cotangent: Node | None = None


def with_factors(question: ArrayQuestion, factors: Factors) -> ArrayQuestion:
    """The question with the shapes of names that only the factors have.  Raises `CalcError` for factors that do not fit."""
    own = question
    for name, direction in factors.directions.items():
        if name not in question.variables:
            raise CalcError(f"{name} has a direction, and is not in the expression")
        own = _with_factor(own, direction, question.sizes.get(name, ()), f"the direction of {name}")
    if factors.cotangent is not None:
        own = _with_factor(own, factors.cotangent, sizes_of(question.tree, question.sizes), "the cotangent")
    return own


def _with_factor(question: ArrayQuestion, factor: Node, sizes: Sequence[Size], what: str) -> ArrayQuestion:
    known = dict(question.sizes)
    if isinstance(factor, Name) and factor.name not in question.names:
        known[factor.name] = tuple(sizes)
    own = sizes_of(factor, known)
    if own != tuple(sizes):
        raise CalcError(f"{what} has the shape {shape_text(own)}, not {shape_text(sizes)}")
    return replace(question, sizes=known)


def product_formulas(
    question: ArrayQuestion, factors: Factors, by: Sequence[str], order: int, seconds: float, *, entries: bool = False
) -> Iterator[ArrayFormula]:
    """The products of the derivatives by variables with factors, whose shapes the question has.

    Of first derivatives a product with directions is one number, or array; of second ones there is one for each variable.
    """
    _require_constant_factors(question, factors, order)
    if factors.cotangent is not None:
        question = replace(question, tree=contract_with_cotangent(question.tree, factors.cotangent))
    if not factors.directions:
        for it in array_formulas(question, by, order, seconds, entries=entries):
            yield it if factors.cotangent is None else replace(it, product=(*(it.product or ()), *_shown(factors)))
        return
    if order > 1 and sizes_of(question.tree, question.sizes):
        raise CalcError(
            "second derivatives along a direction are those of a number", hint="give a cotangent, or write sum(...)"
        )
    parameter = fresh_name(question.names)
    along = replace(
        question, tree=restrict_to_line(question.tree, factors.directions, parameter), zero=frozenset({parameter})
    )
    (first,) = array_formulas(along, [parameter], 1, seconds)
    if order == 1 or first.formula is None:
        yield replace(first, by=", ".join(factors.directions), product=_shown(factors), along=tuple(factors.directions))
        return
    for it in array_formulas(replace(question, tree=opened(first, question)), by, 1, seconds):
        yield resting_on(replace(it, product=_shown(factors), along=tuple(factors.directions)), first)


def _require_constant_factors(question: ArrayQuestion, factors: Factors, order: int) -> None:
    """Raise `CalcError` for a factor that would be differentiated, too."""
    derived = [factors.cotangent] if factors.cotangent is not None else []
    derived += factors.directions.values() if order > 1 else ()
    own = next((name for factor in derived for name in names_in(factor) if name in question.variables), None)
    if own is not None:
        raise CalcError(f"{own} is a variable of the expression, and would be differentiated", hint="use a name of its own")


def _shown(factors: Factors) -> tuple[str, ...]:
    """The kinds of the factors, each before what they are."""
    along = ("direction", "; ".join(map(unparse, factors.directions.values()))) if factors.directions else ()
    return (*along, *(("cotangent", unparse(factors.cotangent)) if factors.cotangent is not None else ()))
