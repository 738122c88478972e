"""The reverse pass of an expression of arrays, line by line: intermediate results forward, adjoints backward.

Comes in: an `ArrayQuestion` whose expression is a number.  Goes out: an `ArraySteps`.  An intermediate result is what a
function that is not linear is applied to; the adjoint of one is a formula in the adjoints of those that it stands in.  What
the lines lead to is compared with the derivative, which has a formula of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formula, array_formulas
from gradcalc.engines.indexed.gradients import ArrayDerivative, Question, derivative
from gradcalc.engines.indexed.nodes import Unprintable
from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.engines.taylor.reals import Real
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Adjoint, Array
from gradcalc.expression.directional import fresh_name
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, fold, names_in, postorder, substitute_names
from gradcalc.functions.resolve import is_condition, understand
from gradcalc.inputs.shapes import sizes_of
from gradcalc.proof.array_formulas import ArrayPoint, Evidence, entries_at, evidence, is_different
from gradcalc.report import ArrayFormula
from gradcalc.runtime import deadline

_NUMBERS, _MATRICES = "uvwpqrsthkz", "UVWPQRSTHKZ"
"""Names of intermediate results: of numbers and vectors, and of matrices."""
_VALUES = "fLJFE"
"""Names of the value."""
_LINEAR = frozenset({"+", "-", "neg", "sum", "mean", "transpose", "trace", "diag"})
_BILINEAR = frozenset({"@", "*", "dot", "outer"})


@dataclass(frozen=True, slots=True)
class ArrayStep:
    """A line: a name with its formula, as text and as a tree, and its sizes, and its numbers at a point.

    Backward, `name` is that whose adjoint the line is, and adjoints stand in the formula as `∂f/∂u`.
    """

    name: str
    formula: str
    tree: Node
    sizes: tuple[str, ...]
    numbers: Array[Real] | None = None


@dataclass(frozen=True, slots=True)
class ArraySteps:
    """The lines forward and backward, and for each variable its derivative, and what confirms that the lines lead to it.

    `sizes` are those of all names in the lines, adjoints included.  `holds` says whether they lead to the derivative at the
    point, too; None without one.  Where they do not, or there is no derivative, adjoints have no numbers.
    """

    forward: Sequence[ArrayStep]
    backward: Sequence[ArrayStep]
    formulas: Sequence[ArrayFormula]
    confirmed: Mapping[str, Evidence | None]
    sizes: Mapping[str, Sequence[str]]
    holds: bool | None = None

    @property
    def value(self) -> str:
        """The name of the value, which no variable has."""
        return self.forward[-1].name

    @property
    def is_confirmed(self) -> bool:
        """Whether the lines are known to lead to all derivatives, at the point, too, if there is one."""
        return all(self.confirmed.values()) and self.holds is not False


def array_steps(
    question: ArrayQuestion, by: Sequence[str], seconds: float, values: Mapping[str, Array[Node]] | None = None
) -> ArraySteps:
    """The reverse pass to some variables, with numbers where `values` are given; each derivative has so many seconds.

    Raises `CalcError` unless the expression is a number, `Unprintable` where an adjoint has no formula, and `OutOfTime`.
    """
    if sizes_of(question.tree, question.sizes):
        raise CalcError("a reverse pass begins at a number, and the expression is an array", hint="write sum(...) of it")
    return _Pass(question, by, values).steps(seconds)


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
        self.shown = {letter: Adjoint(self.results[-1].name, name) for name, letter in self.adjoints.items()}

    def steps(self, seconds: float) -> ArraySteps:
        """All lines.  Raises `OutOfTime`, `Unprintable`."""
        names = [*(it.name for it in self.results[-2::-1]), *self.by]
        with deadline.limit(seconds):
            texts = {name: self._adjoint(name) for name in names}
            known = {*self.sizes, *self.question.names, *self.adjoints.values()}
            trees = {name: understand(text, known) for name, text in texts.items()}
            opened = self._opened(trees)
            backward = [self._line(name, texts[name], trees[name], opened[name]) for name in names]
            forward = [
                ArrayStep(it.name, unparse(it.tree), it.tree, it.sizes, self._numbers(it.whole)) for it in self.results
            ]
        formulas: list[ArrayFormula] = []
        confirmed: dict[str, Evidence | None] = {}
        for name in self.by:
            with deadline.limit(seconds):
                formula, confirmed[name] = self._derivative(name, opened[name], seconds)
                formulas.append(formula)
        sizes: dict[str, Sequence[str]] = dict(self.sizes)
        sizes.update((self.shown[self.adjoints[it.name]], it.sizes) for it in self.results)
        if self.values is None:
            return ArraySteps(forward, backward, formulas, confirmed, sizes)
        with deadline.limit(seconds):
            holds = all(self._holds(name, opened[name]) for name in self.by)
        backward = backward if holds else [replace(it, numbers=None) for it in backward]
        return ArraySteps(forward, backward, formulas, confirmed, sizes, holds)

    def _line(self, name: str, text: str, tree: Node, opened: Node) -> ArrayStep:
        """The line of an adjoint, in terms of those of results."""
        adjoints = {letter: Name(adjoint) for letter, adjoint in self.shown.items()}
        shown = re.sub(r"\w+", lambda word: self.shown.get(word[0], word[0]), text)
        sizes = tuple(self.sizes.get(name, ()))
        return ArrayStep(name, shown, substitute_names(tree, adjoints.get), sizes, self._numbers(opened))

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

    def _opened(self, trees: Mapping[str, Node]) -> Mapping[str, Node]:
        """What the lines are in terms of variables: each opens the adjoints before it, then the results."""
        adjoints: dict[str, Node] = {}
        for it in self.results[-2::-1]:
            adjoints[self.adjoints[it.name]] = substitute_names(trees[it.name], adjoints.get)
        whole = {it.name: it.whole for it in self.results}
        return {name: substitute_names(substitute_names(tree, adjoints.get), whole.get) for name, tree in trees.items()}

    def _derivative(self, name: str, opened: Node, seconds: float) -> tuple[ArrayFormula, Evidence | None]:
        """The derivative by a variable as a formula, and what confirms that the lines lead to it; it is derived once."""
        positive, question = self.question.assumed("positive"), self.question.engine_question
        found: list[ArrayDerivative] = []

        def confirm(own: Question, known: ArrayDerivative, tree: Node, shown: Node) -> Evidence | None:
            found.append(known)
            return evidence(own, known, tree, name, 1, positive)

        try:
            formula = array_formula(self.question, name, 1, confirm)
        except (Unprintable, CalcError):
            (formula,) = array_formulas(self.question, [name], 1, seconds)  # it says why there is none
        known = found[0] if found else derivative(question, name)
        return formula, evidence(question, known, opened, name, 1, positive)

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
