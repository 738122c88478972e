"""Entries of derivatives with letters for their indices: `sum_k(A[i, k]*B[k, j]*C[j, k])`, where there is no matrix form.

Comes in: a derivative with indices.  Goes out: the formula of its entry.  Parts that have a formula of vectors and matrices
are written so, with their indices behind: `softmax(X@W)[i, j]`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations

from gradcalc.engines.indexed.algebra import Algebra
from gradcalc.engines.indexed.array_functions import at
from gradcalc.engines.indexed.formulas import COMPARISONS, Formula, call, name, shortest
from gradcalc.engines.indexed.gradients import ArrayDerivative, Question
from gradcalc.engines.indexed.lowering import lower
from gradcalc.engines.indexed.nodes import ZERO, Index, Indexed, Kind, Unprintable, size_of, split
from gradcalc.engines.indexed.nodes import number as lowered_number
from gradcalc.engines.indexed.number_functions import of_numbers
from gradcalc.engines.indexed.spelling import Spelling, raised, scaled
from gradcalc.expression.arrays import INDEX_LETTERS, Entry
from gradcalc.expression.sizes import Size
from gradcalc.expression.tree import Call, Name, Node
from gradcalc.functions import TABLE
from gradcalc.functions.resolve import apply_function, understand

SUM = "sum_"
"""What the name of a sum over an index begins with."""


@dataclass(frozen=True, slots=True)
class IndexForm:
    """The formula of an entry: the letters of its indices, and the sizes that all letters in it run over.

    `names` are those that stand for variables and sizes in it.
    """

    formula: Formula
    letters: tuple[str, ...]
    sizes: Mapping[str, Size]
    names: Collection[str]


def index_form(known: ArrayDerivative, taken: Collection[str]) -> IndexForm:
    """The formula of the entry of a derivative, with letters that are not taken by variables and sizes.

    Raises `Unprintable` where a function of an array has an argument of more than two dimensions.
    """
    writer = _Writer(known, taken)
    letters = tuple(map(writer.letter, known.array.axes))
    entry = writer.entry(known.array.entry)
    return IndexForm(entry, letters, {letter: size_of(index) for index, letter in writer.letters.items()}, taken)


class _Writer:
    """Writes entries; `letters` are those of the indices."""

    def __init__(self, known: ArrayDerivative, taken: Collection[str]):
        self.algebra, self.matrices = known.algebra, known.emission()
        self.letters: dict[Index, str] = {}
        self._free = iter([letter for letter in (*INDEX_LETTERS, *"abcdefgh") if _is_free(letter, taken)])

    def letter(self, index: Index) -> str:
        """The letter of an index.  Raises `Unprintable` where all are used."""
        if index not in self.letters:
            letter = next(self._free, None)
            if letter is None:
                raise Unprintable("more indices than letters")
            self.letters[index] = letter
        return self.letters[index]

    def entry(self, node: Indexed) -> Formula:
        """The formula of an entry."""
        if node.kind is Kind.SUM:
            return Spelling().total([self.entry(part) for part in self.matrices.in_order(node.parts)])
        if node.kind is Kind.PRODUCT and not node.bound:
            return self._product(node.coefficient, node.parts)
        if node.kind is Kind.PRODUCT and node.free and node.coefficient != 1:
            return self._product(node.coefficient, [split(node)[1]])
        if node.kind is Kind.POWER and node.free:
            return raised(self.entry(node.parts[0]), node.coefficient)
        if node.kind is Kind.DELTA:
            return self._at(call("eye", name(size_of(node.indices[0])), rank=2), node.indices)
        if node.kind is Kind.FUNCTION and node.free:
            return self.matrices.called(node, [self.entry(part) for part in node.parts], 0)
        whole = self._whole(node)
        if whole is not None:
            return whole
        if node.kind is Kind.VARIABLE:
            return self._at(name(node.name, len(node.indices)), node.indices)
        if node.kind is Kind.FUNCTION:  # of sums over more than two dimensions
            return self.matrices.called(node, [self.entry(part) for part in node.parts], 0)
        if node.kind is Kind.PRODUCT:
            return self._sum(node)
        raise Unprintable(f"{node.name} of more than two dimensions")

    def _whole(self, node: Indexed) -> Formula | None:
        """A part as a formula of vectors and matrices with its indices behind; None where there is none."""
        try:
            options = [self._at(self.matrices.formula(node, axes), axes) for axes in permutations(sorted(node.free))]
        except Unprintable:
            return None
        return shortest(*options)

    def _at(self, formula: Formula, axes: Sequence[Index]) -> Formula:
        if formula.op == "transpose":
            formula, axes = formula.parts[0], axes[::-1]
        return Formula("entry", (formula,), 0, options=[self.letter(each) for each in axes]) if axes else formula

    def _sum(self, node: Indexed) -> Formula:
        """A sum over indices, with the factors that have none of them before it."""
        parts, bound = self.algebra.opened(node)
        inside = [part for part in parts if not part.free.isdisjoint(bound)]
        outside = [part for part in parts if part not in inside]
        if outside:
            total = self.entry(self.algebra.multiply(1, inside, bound))
            return self._product(node.coefficient, outside, total)
        letters = [self.letter(each) for each in bound]
        total = self._product(Fraction(1), self.matrices.in_order(inside))
        for letter in letters[::-1]:
            total = call(f"{SUM}{letter}", total, rank=0)
        return self._product(node.coefficient, [], total)

    def _product(self, factor: Fraction, parts: Sequence[Indexed], *more: Formula) -> Formula:
        above, below = list[Formula](), list[Formula]()
        for part in self.matrices.in_order(parts):
            if part.kind is Kind.POWER and part.coefficient < 0:
                below.append(self.entry(self.algebra.power(part.parts[0], -part.coefficient)))
            else:
                above.append(self.entry(part))
        return scaled(factor, [*above, *more], below)


def _is_free(letter: str, taken: Collection[str]) -> bool:
    """Whether a letter is no name, and is not behind one as its index: `a_i`."""
    return not any(name == letter or name.endswith(f"_{letter}") for name in taken)


def is_index_form(question: Question, known: ArrayDerivative, form: IndexForm) -> bool:
    """Whether the entry of a derivative is what an index form says, for all sizes."""
    indices = dict(zip(form.letters, known.array.axes, strict=True))
    entry = _read(form.formula, known.algebra, question, form, indices)
    return known.algebra.subtract(known.array.entry, entry) == ZERO


def _read(
    formula: Formula,
    algebra: Algebra,
    question: Question,
    form: IndexForm,
    indices: Mapping[str, Index],
) -> Indexed:
    """An entry that was written, with indices again."""
    if formula.op == "entry":
        array = lower(algebra, understand(formula.parts[0].text, form.names), question.sizes)
        return at(algebra, array, [indices[letter] for letter in formula.options])
    if formula.op.startswith(SUM):
        letter = formula.op.removeprefix(SUM)
        new = algebra.fresh(form.sizes[letter])
        inner = _read(formula.parts[0], algebra, question, form, {**indices, letter: new})
        return algebra.multiply(1, [inner], [new])
    if not _has_entries(formula):
        return lower(algebra, understand(formula.text, form.names), question.sizes).entry
    parts = [_read(part, algebra, question, form, indices) for part in formula.parts]
    if formula.op == "*":
        return algebra.multiply(1, parts)
    row = TABLE.get(formula.op)
    settings = row.parameters[len(parts) :] if row else ()
    defaults = [lowered_number(Fraction(setting.default)) for setting in settings if setting.default is not None]
    return of_numbers(algebra, formula.op, [*parts, *defaults])


def _has_entries(formula: Formula) -> bool:
    """Whether entries at letters stand in a formula."""
    return formula.op == "entry" or any(map(_has_entries, formula.parts))


def at_index(form: IndexForm, index: Mapping[str, str]) -> Formula:
    """The formula with other letters, or numbers, for some letters."""

    def replaced(formula: Formula) -> Formula:
        if not formula.parts or not _has_entries(formula):
            return formula
        options = [index.get(word, word) for word in formula.options] if formula.op == "entry" else formula.options
        return Formula(formula.op, list(map(replaced, formula.parts)), formula.rank, options=options)

    return replaced(form.formula)


def tree_of(formula: Formula, form: IndexForm, counts: Mapping[str, int] | None = None) -> Node:
    """The formula of an entry, with letters or numbers for its indices, as an expression.

    With `counts`, sums over letters are written out, so many terms each; without they are calls, `sum_k(...)`.
    """
    if formula.op == "entry":
        base = understand(formula.parts[0].text, form.names)
        if isinstance(base, Name) and counts is None:
            return Name(Entry(base.name, formula.options))
        return Call("[]", (base,), options=(("at", ",".join(formula.options)),))
    if not _has_entries(formula):
        return understand(formula.text, form.names)
    if formula.op.startswith(SUM) and counts is not None:
        letter, (inner,) = formula.op.removeprefix(SUM), formula.parts
        summands = [
            at_index(replace(form, formula=inner), {letter: str(place)}) for place in range(counts[form.sizes[letter]])
        ]
        return _chained("+", [tree_of(each, form, counts) for each in summands])
    parts = [tree_of(part, form, counts) for part in formula.parts]
    if formula.op in ("+", "*"):
        return _chained(formula.op, parts)
    return Call(formula.op, tuple(parts)) if formula.op in COMPARISONS else apply_function(formula.op, parts)


def _chained(operator: str, parts: Sequence[Node]) -> Node:
    tree = parts[0]
    for part in parts[1:]:
        is_less = operator == "+" and isinstance(part, Call) and part.name == "neg"
        tree = Call("-", (tree, *part.args)) if is_less and isinstance(part, Call) else Call(operator, (tree, part))
    return tree


def is_uniform(known: ArrayDerivative) -> bool:
    """Whether all entries of a derivative are made in one way, and have values wherever the expression is smooth."""
    waiting = [known.array.entry]
    while waiting:
        node = waiting.pop()
        waiting += node.parts
        is_constant = node.kind is Kind.VARIABLE and not node.name.isidentifier()
        is_partial = node.kind is Kind.BLOCK and node.name not in ("softmax", "log_softmax", "logsumexp", "inv", "logdet")
        if node.kind is Kind.DELTA or is_constant or is_partial or node.is_function("=="):
            return False
    return True
