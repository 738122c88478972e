"""Derivatives by whole arrays as formulas of vectors and matrices, beside the numbers at a point.

Comes in: a query at its point, and the true derivatives there.  Goes out: an `ArrayFormula` for each variable that has a
short one.  It is proven by its normal form for all values, and its numbers at the point are compared with the derivatives:
one that they contradict is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formula
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.calculate.reference import Reference
from gradcalc.engines.indexed.gradients import ArrayDerivative, Question, is_equal
from gradcalc.engines.indexed.known_sizes import letters_for
from gradcalc.engines.indexed.nodes import Unprintable
from gradcalc.errors import CalcError
from gradcalc.expression.tree import Node, calls_in, names_in
from gradcalc.inputs.shapes import MOST_DIMENSIONS
from gradcalc.proof.array_formulas import Evidence, has_cases_in, is_different
from gradcalc.report import ArrayFormula
from gradcalc.runtime import deadline

_LONGEST = 200
"""Characters of a formula, with its parts, that is short."""
_SECONDS = 0.5
"""What a formula may take, and its numbers at the point."""
_TOTAL = (
    "+", "-", "*", "neg", "@", "dot", "outer", "transpose", "diag", "eye", "ones", "one_hot", "sum", "mean", "cumsum", "[",
    "[]", "where", "<", ">", "<=", ">=", "==", "!=", "and", "or", "heaviside", "sign", "abs", "relu", "max", "min", "amax",
    "amin", "maximum", "minimum", "exp", "sin", "cos", "tanh", "sigmoid", "softplus", "softmax", "log_softmax", "logsumexp",
)  # fmt: skip
"""Functions that have a value everywhere: where such a formula has none, there is a kink."""
_MOST_ROWS = 100
"""Entries of the value up to which formulas are looked for."""


def array_gradients(prepared: PreparedQuery, reference: Reference) -> tuple[ArrayFormula, ...]:
    """The formulas by variables of which all entries are asked for; first derivatives only."""
    query, shapes = prepared.query, prepared.point.shapes
    is_product = bool(query.direction) or query.cotangent is not None
    own = {name: shapes[name] for name in names_in(prepared.tree) if name in shapes}
    is_large = prod(prepared.shape) > _MOST_ROWS or any(len(shape) > MOST_DIMENSIONS or 0 in shape for shape in own.values())
    if query.order != 1 or is_product or is_large or not any(own.values()):
        return ()
    sizes, numbers = letters_for(prepared.tree, own, names_in(prepared.tree))
    question = ArrayQuestion(prepared.tree, sizes)
    whole = [axis.variable for axis in prepared.partials.axes if len(axis.positions) == prod(axis.shape)]
    formulas = (_formula(question, numbers, name, reference) for name in whole)
    return tuple(it for it in formulas if it is not None)


def _formula(question: ArrayQuestion, numbers: Mapping[str, int], by: str, reference: Reference) -> ArrayFormula | None:
    """The formula by a variable, if a short one is proven in time."""

    def confirm(own: Question, known: ArrayDerivative, tree: Node, shown: Node) -> Evidence | None:
        if has_cases_in(own.tree, by) or not is_equal(own, known, tree):
            return None
        try:
            return None if _is_contradicted(shown, by, reference) else Evidence.ALL_VALUES
        except deadline.OutOfTime:
            return Evidence.ALL_VALUES

    try:
        with deadline.limit(_SECONDS):
            it = array_formula(question, by, 1, confirm, numbers)
    except (Unprintable, CalcError, deadline.OutOfTime):
        return None
    length = len(it.formula or "") + sum(len(name) + len(part) for name, part in it.parts)
    return it if it.formula is not None and it.product is None and length <= _LONGEST else None


def _is_contradicted(tree: Node, by: str, reference: Reference) -> bool:
    """Whether a formula has other entries at the point than the derivative, or none where there is a derivative.

    Functions that are not defined everywhere may have no entries where the derivative is not known from whole arrays either.
    """
    entries = reference.values_of_formula(tree, {}).entries
    slopes = [it for place in range(prod(reference.shape)) for it in reference.slopes(place, ()).get(by, ())]
    pairs = list(zip(slopes, entries, strict=True))
    is_total = all(call.name in _TOTAL for call in calls_in(tree))
    return any(is_different(*pair) or (pair[1] is None and not (is_total and pair[0] is None)) for pair in pairs)
