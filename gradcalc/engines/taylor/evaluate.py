"""The Taylor engine: the jet of an expression along a ray.

Comes in: a tree and the values of its variables.  Goes out: the jet of the expression, with notes of every place where it
is not smooth.  No sympy, no formula of a derivative: this is the second, independent reference.

Source: power series algorithms of Arb (F. Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval
arithmetic", 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import cast

from flint import fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.jets import Condition, Jet, NoSeries, is_nan
from gradcalc.engines.taylor.reals import Real, exact
from gradcalc.engines.taylor.special_functions import JetVocabulary
from gradcalc.expression.tree import Call, Name, Node, Number, Program, linearize
from gradcalc.functions import TABLE

Value = Jet | Condition
Constants = Callable[[Node], fmpq | None]


ReadLeaf = Callable[[Number | Name], Value]
ReadCall = Callable[[Call, list[Value]], Value]


def literals(constants: Mapping[str, Fraction]) -> Constants:
    """The numbers that a machine holds for literals and constants, by their text; None where they mean what was typed."""
    numbers = {text: exact(value) for text, value in constants.items()}

    def literal(node: Node) -> fmpq | None:
        if isinstance(node, Number):
            return numbers.get(node.text)
        return numbers.get(node.name) if isinstance(node, Call) and not node.args else None

    return literal


def no_constants(_: Node) -> fmpq | None:
    """Literals and constants mean what was typed."""
    return None


def evaluate(
    tree: Node | Program, values: Mapping[str, Real | Jet], *, order: int = 0, constants: Constants = no_constants
) -> Jet:
    """The jet of a tree, or of its program where it is evaluated often.

    `values` gives every variable a number (constant along the ray) or a jet.  `constants` may replace a literal or
    a constant by the number a machine made of it.
    """
    return cast("Jet", evaluate_all(tree if isinstance(tree, Program) else linearize(tree), values, order, constants)[-1])


def evaluate_all(program: Program, values: Mapping[str, Real | Jet], order: int, constants: Constants) -> list[Value]:
    """The jets of all instructions."""
    return program.evaluate(*readers(values, order, constants))


def evaluate_known(program: Program, values: Mapping[str, Real], constants: Constants) -> list[Value | None]:
    """The values of all instructions, None for those that the present precision leaves open."""
    leaf, call = readers(values, 0, constants)
    results: list[Value | None] = []
    for node, places in zip(*program, strict=True):
        value: Value | None = None
        args = [arg for place in places if (arg := results[place]) is not None]
        if len(args) == len(places):
            with suppress(reals.Unresolved, reals.NotReal):
                value = call(node, args) if isinstance(node, Call) else leaf(node)
        results.append(value)
    return results


def evaluate_some(
    program: Program,
    values: Mapping[str, Real | Jet],
    order: int,
    constants: Constants,
    dirty: Sequence[int],
    baseline: Sequence[Value],
) -> Jet:
    """Re-evaluate the instructions in `dirty`, and take the rest from `baseline`: the jet of the last instruction.

    An expression of many variables is evaluated along many rays, and little of it moves in each.
    """
    leaf, call = readers(values, order, constants)
    results: dict[int, Value] = {}
    for place in dirty:
        node = program.nodes[place]
        if isinstance(node, Call):
            operands = program.operands[place]
            results[place] = call(node, [results[arg] if arg in results else baseline[arg] for arg in operands])
        else:
            results[place] = leaf(node)
    return cast("Jet", results.get(len(baseline) - 1, baseline[-1]))


def readers(values: Mapping[str, Real | Jet], order: int, constants: Constants) -> tuple[ReadLeaf, ReadCall]:
    """The functions that evaluate a leaf and a call, in jets up to t**`order`."""
    vocabulary = JetVocabulary(order)

    def leaf(node: Number | Name) -> Value:
        if isinstance(node, Name):
            value = values[node.name]
            return value if isinstance(value, Jet) else Jet.constant(value)
        replacement = constants(node)
        return Jet.literal(exact(node.value) if replacement is None else replacement)

    def call(node: Call, args: list[Value]) -> Value:
        row = TABLE[node.name]
        if not args:
            replacement = constants(node)
            if replacement is not None:
                return Jet.literal(replacement)
        vocabulary.enter(node)
        if node.name == "where" or row.condition:
            branch: Value = row.meaning(vocabulary, *args)
            return branch
        parts = cast("list[Jet]", args)  # all other functions are of numbers
        is_lost = False
        for part in parts:
            is_lost = is_lost or not part.has_expansion
        if is_lost and any(is_nan(part.value) for part in parts):
            return vocabulary.undefined(parts)
        try:
            result: Jet = row.meaning(vocabulary, *args)
        except (reals.NotReal, NoSeries):  # an inner part of the function has no value, or no sign
            return vocabulary.undefined(parts, *vocabulary.noted)
        # A function may pass over an argument, or be constant beside it: it is not real where the argument is not.
        if not is_lost:
            return result
        notes = result.notes.union(*(part.notes for part in parts))
        return vocabulary.with_unknown_tail(result.value, notes, is_literal=result.is_literal)

    return leaf, call
