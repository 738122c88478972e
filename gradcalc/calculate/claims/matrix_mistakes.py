"""Mistakes of matrix calculus: a repair of a claim that makes it the derivative names what is wrong with it.

Comes in: a derivative with indices, the sizes of it, and a claim.  Goes out: the kind of the mistake and a sentence.  A
repair counts if its normal form is that of the derivative.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

from gradcalc.engines.indexed.gradients import ArrayDerivative, Question, is_equal
from gradcalc.engines.indexed.nodes import Unprintable
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.sizes import size_tree
from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.inputs.shapes import sizes_of
from gradcalc.runtime import deadline


class Repair(NamedTuple):
    """A mistake, its kind, and the claim without it."""

    cause: str
    mistake: str
    tree: Node


def matrix_mistake(question: Question, known: ArrayDerivative, shape: Sequence[str], claimed: Node) -> Repair | None:
    """The first repair of a claim that makes it the derivative, which has these sizes.  Raises `OutOfTime`."""
    sizes = list(dict.fromkeys(size for each in question.sizes.values() for size in each))
    try:
        own = len(sizes_of(claimed, question.sizes))
        whole = _of_whole(question, claimed, sizes, (own, len(shape)))
    except CalcError:  # only another part of it can make its shapes fit
        whole = iter(())
    for repair in (*whole, *sorted(_of_parts(question, claimed), key=_order)):
        deadline.check()
        try:
            if sizes_of(repair.tree, question.sizes) == tuple(shape) and is_equal(question, known, repair.tree):
                return repair
        except (CalcError, Unprintable):
            continue
    return None


def _order(repair: Repair) -> int:
    """A missing transpose is likelier than another order of factors."""
    return _LIKELIEST_FIRST.index(repair.cause)


_LIKELIEST_FIRST = ("transposed", "order", "product")


def _times(a: Node, b: Node) -> Node:
    return Call("*", (a, b))


def _over(a: Node, b: Node) -> Node:
    return Call("/", (a, b))


def _of_whole(question: Question, claimed: Node, sizes: Sequence[str], ranks: tuple[int, int]) -> Iterator[Repair]:
    """Repairs of the claim as a whole: transposed, its sign, a factor, a sum, a shape."""
    transposed = Call("transpose", (claimed,))
    yield Repair("transposed", "the claim is the transpose of the derivative", transposed)
    yield Repair("sign", "the sign of the whole derivative is wrong", Call("neg", (claimed,)))
    for factor in ("2", "3"):
        two = Number(factor)
        missing, extra = _times(claimed, two), _over(claimed, two)
        yield Repair("factor", f"the claim is 1/{factor} times the derivative: a factor {factor} is missing", missing)
        yield Repair("factor", f"the claim is {factor} times the derivative", extra)
    for text, number in _products(sizes):
        below = text if isinstance(number, Number | Name) else f"({text})"
        words = f"the claim is {text} times the derivative: a factor 1/{below} is missing"
        yield Repair("factor", words, _over(claimed, number))
        words = f"the derivative is {text} times the claim: a factor 1/{below} is too many"
        yield Repair("factor", words, _times(claimed, number))
    yield from _of_shape(question, claimed, sizes, ranks)


def _products(sizes: Sequence[str]) -> Iterator[tuple[str, Node]]:
    """The sizes and their products of two, as text and tree."""
    for size in sizes:
        yield size, size_tree(size)
    for a, b in combinations_with_replacement(sizes, 2):
        yield f"{a}*{b}", _times(size_tree(a), size_tree(b))


def _of_shape(question: Question, claimed: Node, sizes: Sequence[str], ranks: tuple[int, int]) -> Iterator[Repair]:
    """Repairs of a claim that has more dimensions than the derivative, or fewer."""
    own, rank = ranks
    if own > rank:
        for dim in range(own):
            summed = Call("sum", (claimed,), options=(("dim", str(dim)),))
            yield Repair("sum", f"the sum over dimension {dim} of the claim is missing", summed)
        if own == 2 and rank == 0:
            yield Repair("sum", "the sum over dimensions 0 and 1 of the claim is missing", Call("sum", (claimed,)))
    if own == 1 and rank == 2:
        words = "the claim is the diagonal of the Jacobian; for a loss, write sum(...) or mean(...)"
        if question.rank_of(question.tree):
            yield Repair("shape", words, Call("diag", (claimed,)))
        for size in sizes:
            ones = Call("ones", (size_tree(size),))
            yield Repair("shape", "the claim is what every row of the derivative is", Call("outer", (ones, claimed)))
            yield Repair("shape", "the claim is what every column of the derivative is", Call("outer", (claimed, ones)))
    if own == 0 < rank:
        words = "the claim is one number, which every entry of the derivative has"
        for size in sizes:
            yield Repair("shape", words, _times(claimed, Call("ones", (size_tree(size),))))
        for size in sizes:
            for other in sizes:
                yield Repair("shape", words, _times(claimed, Call("ones", (size_tree(size), size_tree(other)))))


def _of_parts(question: Question, node: Node) -> Iterator[Repair]:
    """Repairs of one place: a matrix for its transpose, factors in another order, `*` for `@`."""
    if isinstance(node, Name) and len(question.sizes.get(node.name, ())) == 2:
        yield Repair("transposed", f"{node.name}.T is needed where the claim has {node.name}", Call("transpose", (node,)))
    if not isinstance(node, Call):
        return
    if node.name == "transpose":
        (inner,) = node.args
        yield Repair("transposed", f"{unparse(inner)} is needed where the claim has {_typed(inner)}", inner)
    if node.name in ("@", "*"):
        a, b = node.args
        swapped, other = Call("@", (b, a)), Call("*" if node.name == "@" else "@", (a, b))
        if node.name == "@":
            words = f"{unparse(swapped)} is needed where the claim has {unparse(node)}: the factors are in the wrong order"
            yield Repair("order", words, swapped)
        words = f"{unparse(other)} is needed where the claim has {unparse(node)}: * multiplies entries, @ matrices"
        yield Repair("product", words, other)
    for place, arg in enumerate(node.args):
        if node.name == "transpose" and isinstance(arg, Name):
            continue
        for cause, mistake, tree in _of_parts(question, arg):
            args = (*node.args[:place], tree, *node.args[place + 1 :])
            yield Repair(cause, mistake, Call(node.name, args, node.span, node.options))


def _typed(matrix: Node) -> str:
    """The transpose of a matrix as it is typed."""
    return f"{unparse(matrix)}.T" if isinstance(matrix, Name) else f"({unparse(matrix)}).T"
