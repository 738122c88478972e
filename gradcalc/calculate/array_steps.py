"""The reverse pass of an expression of arrays, line by line: intermediate results forward, adjoints backward.

Comes in: an `ArrayQuestion` whose expression is a number.  Goes out: an `ArraySteps`.  An intermediate result is what a
function that is not linear is applied to; the adjoint of one is a formula in the adjoints of those that it stands in.  What
the lines lead to is compared with the derivative.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from gradcalc.calculate.array_formulas import ArrayQuestion
from gradcalc.engines.indexed.gradients import derivative
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.reals import Real
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array
from gradcalc.expression.directional import fresh_name
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, fold, names_in, postorder, substitute_names
from gradcalc.functions.resolve import is_condition, understand
from gradcalc.inputs.shapes import sizes_of
from gradcalc.proof.array_formulas import ArrayPoint, Evidence, entries_at, evidence, is_different
from gradcalc.runtime import deadline

_NUMBERS, _MATRICES = "uvwpqrsthkz", "UVWPQRSTHKZ"
"""Names of intermediate results: of numbers and vectors, and of matrices."""
_VALUES = "fLJFE"
"""Names of the value."""
_LINEAR = frozenset({"+", "-", "neg", "sum", "mean", "transpose", "trace", "diag"})
_BILINEAR = frozenset({"@", "*", "dot", "outer"})


@dataclass(frozen=True, slots=True)
class ArrayStep:
    """A line: a name with its formula and its sizes, and its numbers at a point.

    Backward, `name` is that whose adjoint the line is, and adjoints stand in the formula as `∂f/∂u`.
    """

    name: str
    formula: str
    sizes: tuple[str, ...]
    numbers: Array[Real] | None = None


@dataclass(frozen=True, slots=True)
class ArraySteps:
    """The lines forward and backward, and for each variable what confirms the derivative that they lead to.

    `holds` says whether they lead to the derivative at the point, too; None without one.  Where they do not, or there is no
    derivative, adjoints have no numbers.
    """

    forward: Sequence[ArrayStep]
    backward: Sequence[ArrayStep]
    confirmed: Mapping[str, Evidence | None]
    holds: bool | None = None


def array_steps(
    question: ArrayQuestion, by: Sequence[str], seconds: float, values: Mapping[str, Array[Node]] | None = None
) -> ArraySteps:
    """The reverse pass to some variables, with numbers where `values` are given.

    Raises `CalcError` unless the expression is a number, and `Unprintable` where an adjoint has no formula.
    """
    if sizes_of(question.tree, question.sizes):
        raise CalcError("a reverse pass begins at a number, and the expression is an array", hint="write sum(...) of it")
    with deadline.limit(seconds):
        return _Pass(question, by, values).steps()


@dataclass(frozen=True, slots=True)
class _Result:
    """An intermediate result: its name, its tree in terms of others, in terms of variables, and its sizes."""

    name: str
    tree: Node
    whole: Node
    sizes: tuple[str, ...]


class _Pass:
    """One reverse pass."""

    def __init__(self, question: ArrayQuestion, by: Sequence[str], values: Mapping[str, Array[Node]] | None):
        self.question, self.by, self.values = question, by, values
        self.results = list(_results(question, by))
        self.sizes = {**question.sizes, **{it.name: it.sizes for it in self.results}}
        taken = {*question.names, *(it.name for it in self.results)}
        self.adjoints: dict[str, str] = {}
        for it in self.results:
            letter = f"d_{it.name}"
            self.adjoints[it.name] = letter if letter not in taken else fresh_name({*taken, *self.adjoints.values()})

    def steps(self) -> ArraySteps:
        """All lines.  Raises `OutOfTime`, `Unprintable`."""
        names = [*(it.name for it in self.results[-2::-1]), *self.by]
        texts = {name: self._adjoint(name) for name in names}
        known = {*self.sizes, *self.question.names, *self.adjoints.values()}
        trees = {name: understand(text, known) for name, text in texts.items()}
        adjoints = self._opened_adjoints(trees)
        whole = {it.name: it.whole for it in self.results}
        opened = {name: substitute_names(substitute_names(tree, adjoints.get), whole.get) for name, tree in trees.items()}
        confirmed = {name: self._evidence(name, opened[name]) for name in self.by}
        lines = [
            ArrayStep(name, self._shown(texts[name]), tuple(self.sizes.get(name, ())), self._numbers(tree))
            for name, tree in opened.items()
        ]
        forward = [ArrayStep(it.name, unparse(it.tree), it.sizes, self._numbers(it.whole)) for it in self.results]
        if self.values is None:
            return ArraySteps(forward, lines, confirmed)
        holds = all(self._holds(name, tree) for name, tree in opened.items() if name in self.by)
        return ArraySteps(forward, lines if holds else [replace(it, numbers=None) for it in lines], confirmed, holds)

    def _adjoint(self, name: str) -> str:
        """The adjoint of a result, or of a variable, in those of the results that it stands in."""
        deadline.check()
        terms: list[Node] = []
        for it in self.results:
            if name in names_in(it.tree):
                weight = Name(self.adjoints[it.name])
                is_last = it is self.results[-1]
                terms.append(it.tree if is_last else Call("sum", (Call("*", (weight, it.tree)),)))
        tree = terms[0]
        for term in terms[1:]:
            tree = Call("+", (tree, term))
        sizes = {**self.sizes, **{self.adjoints[it.name]: it.sizes for it in self.results}}
        own = replace(self.question, tree=tree, sizes=sizes)
        return derivative(own.engine_question, name).formula().text

    def _opened_adjoints(self, trees: Mapping[str, Node]) -> Mapping[str, Node]:
        """What the adjoints are in terms of results, by their names in formulas; each opens those before it."""
        opened: dict[str, Node] = {}
        for it in self.results[-2::-1]:
            opened[self.adjoints[it.name]] = substitute_names(trees[it.name], opened.get)
        return opened

    def _shown(self, text: str) -> str:
        """A formula with adjoints as they are shown."""
        names = {letter: name for name, letter in self.adjoints.items()}
        return re.sub(r"\w+", lambda word: f"∂f/∂{names[word[0]]}" if word[0] in names else word[0], text)

    def _evidence(self, name: str, opened: Node) -> Evidence | None:
        question = self.question.engine_question
        known = derivative(question, name)
        return evidence(question, known, opened, name, 1, self.question.assumed("positive"))

    def _holds(self, name: str, opened: Node) -> bool:
        """Whether the lines are known to lead to the derivative at the point."""
        entries = entries_at(self.question.engine_question, opened, name, 1, ArrayPoint(self.values or {}))
        pairs = [] if entries is None else list(zip(entries.derivative, entries.formula, strict=True))
        return bool(pairs) and not any(a is None or b is None or is_different(a, b) for a, b in pairs)

    def _numbers(self, tree: Node) -> Array[Real] | None:
        """The entries at the point; None without one, and where they have no value."""
        if self.values is None:
            return None
        try:
            at = ArrayAt(tree, {name: self.values[name] for name in names_in(tree)})
            numbers = [number for number in at.value() if number is not None]
        except CalcError:
            return None
        return Array(at.shape, numbers) if len(numbers) == prod(at.shape) else None


# ----------------------------------------------------------------------------------------------------- intermediate results


def _results(question: ArrayQuestion, by: Collection[str]) -> Iterator[_Result]:
    """The intermediate results in order; the last one is the value, f."""
    moving = _moving(question.tree, by)
    named = _named(question.tree, moving)
    value = _free(_VALUES, question.names)
    taken = {*question.names, value}
    names: dict[Node, Name] = {}
    for node in postorder(question.tree):
        if node in names or (node not in named and node != question.tree):
            continue
        sizes = sizes_of(node, question.sizes)
        letters = _MATRICES if len(sizes) > 1 else _NUMBERS
        name = value if node == question.tree else _free(letters, taken)
        taken.add(name)
        tree = _in_terms_of(node, names)
        names[node] = Name(name)
        yield _Result(name, tree, node, sizes)


def _free(letters: str, taken: Collection[str]) -> str:
    """A name that stands for nothing yet."""
    return next((letter for letter in letters if letter not in taken), None) or fresh_name(taken)


def _in_terms_of(node: Node, names: Mapping[Node, Name]) -> Node:
    """A tree with names for the results in it."""

    def call(inner: Call, args: list[Node]) -> Node:
        return names.get(inner) or Call(inner.name, tuple(args), inner.span, inner.options)

    return fold(node, lambda leaf: leaf, call)


def _moving(tree: Node, by: Collection[str]) -> set[Node]:
    """The parts of a tree that depend on the variables."""
    moving: set[Node] = set()
    for node in postorder(tree):
        parts = node.args if isinstance(node, Call) else ()
        if (isinstance(node, Name) and node.name in by) or any(part in moving for part in parts):
            moving.add(node)
    return moving


def _named(tree: Node, moving: Collection[Node]) -> set[Node]:
    """The parts that get a name: arguments of what is not linear in them."""
    named: set[Node] = set()
    for node in postorder(tree):
        if not isinstance(node, Call) or node not in moving:
            continue
        parts = [part for part in node.args if part in moving]
        is_linear = node.name in _LINEAR or (node.name in _BILINEAR and len(parts) == 1)
        is_linear = is_linear or (node.name == "/" and node.args[1] not in moving)
        if not is_linear and not is_condition(node):
            named.update(part for part in parts if isinstance(part, Call) and not is_condition(part))
    return named
