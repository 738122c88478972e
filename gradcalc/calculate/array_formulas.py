"""Derivatives of expressions of arrays as formulas of vectors and matrices, each with what confirms it.

Comes in: a tree, the sizes of its variables and what is assumed of them.  Goes out: an `ArrayFormula` for each variable, as
they are found.  Nothing is written that neither its normal form nor exact numbers confirm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, count, pairwise
from types import MappingProxyType

from gradcalc.calculate.array_latex import ArrayLatex, array_latex
from gradcalc.calculate.formula_premises import premises_of
from gradcalc.engines.indexed.formulas import Formula
from gradcalc.engines.indexed.gradients import ArrayDerivative, Question, derivative
from gradcalc.engines.indexed.index_form import index_form
from gradcalc.engines.indexed.known_sizes import with_numbers
from gradcalc.engines.indexed.nodes import Unprintable, size_of
from gradcalc.engines.indexed.shared_parts import NamedFormula, with_names
from gradcalc.errors import CalcError
from gradcalc.expression.directional import contract_with_cotangent
from gradcalc.expression.sizes import letters_in
from gradcalc.expression.tree import Name, Node, names_in, substitute_names
from gradcalc.functions.resolve import understand
from gradcalc.inputs.shapes import MOST_DIMENSIONS
from gradcalc.proof.array_formulas import Evidence, evidence
from gradcalc.proof.index_forms import evidence_of_entries
from gradcalc.report import ArrayFormula
from gradcalc.runtime import deadline


@dataclass(frozen=True, slots=True)
class ArrayQuestion:
    """An expression with the sizes of its variables, letters or numbers, and the names that are assumed to be something.

    `inferred` are the variables whose sizes nobody gave; derivatives are taken where those of `zero` are 0.
    """

    tree: Node
    sizes: Mapping[str, Sequence[str]]
    assumptions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    inferred: tuple[str, ...] = ()
    zero: frozenset[str] = frozenset()

    def assumed(self, what: str) -> frozenset[str]:
        """The names of which something is assumed."""
        return self.assumptions.get(what, frozenset())

    @property
    def letters(self) -> tuple[str, ...]:
        """The sizes that are letters."""
        return letters_in(self.sizes.values())

    @property
    def names(self) -> set[str]:
        """The variables and the sizes."""
        return {*self.sizes, *self.letters, *names_in(self.tree)}

    @property
    def engine_question(self) -> Question:
        """The same for the engine of expressions with indices."""
        return Question(self.tree, self.sizes, self.assumed("symmetric"), self.assumed("stochastic"), self.zero)

    @property
    def variables(self) -> list[str]:
        """The variables of the expression, in order of appearance; sizes and classes are none."""
        return [name for name in names_in(self.tree) if name not in self.letters and name not in self.classes]

    @property
    def classes(self) -> Mapping[str, str]:
        """The names whose entries are classes, and how many there are."""
        return self.engine_question.classes()

    @property
    def premises(self) -> list[str]:
        """What is assumed of the names of the expression, as text: "S is symmetric", "c has classes, 0 to k - 1"."""
        used = {*names_in(self.tree)}
        assumed = [f"{name} is {what}" for what, names in self.assumptions.items() for name in sorted(names & used)]
        assumed += [f"{name} has classes, 0 to {count} - 1" for name, count in self.classes.items()]
        return [*assumed, *(f"{letter} is at least {least}" for letter, least in self.engine_question.least_sizes().items())]


def array_formulas(
    question: ArrayQuestion, by: Sequence[str], order: int, seconds: float, *, entries: bool = False
) -> Iterator[ArrayFormula]:
    """The derivative by each variable; each has so many seconds.

    That of an entry, with letters for its indices, is added where there is no other formula, and with `entries` to all.
    """
    for name in by:
        try:
            with deadline.limit(seconds):
                formula = _array_formula(question, name, order)
                if entries or formula.formula is None or formula.product is not None:
                    formula = _with_entry(question, formula, order)
                yield formula
        except deadline.OutOfTime:
            yield _without(question, name, order, f"no formula within {seconds:g} seconds")


def _array_formula(question: ArrayQuestion, by: str, order: int) -> ArrayFormula:
    try:
        return array_formula(question, by, order)
    except (Unprintable, CalcError) as error:
        return _without(question, by, order, f"there is no formula of vectors and matrices: {error}")


def _with_entry(question: ArrayQuestion, formula: ArrayFormula, order: int) -> ArrayFormula:
    """A formula with that of an entry, where it is confirmed."""
    own, by = question.engine_question, formula.by
    try:
        known = derivative(own, by, order)
        form = index_form(known, question.names)
        confirmed = evidence_of_entries(own, known, form, by, order, question.assumed("positive"))
    except (Unprintable, CalcError):
        return formula
    if confirmed is None:
        return formula
    ranks = [len(question.sizes.get(by, ()))] * order
    ends = [*accumulate([len(form.letters) - sum(ranks), *ranks])]
    indices = tuple(form.letters[start:end] for start, end in pairwise([0, *ends]))
    formula = replace(formula, entry=form.formula.text, indices=indices)
    if formula.formula is not None:
        return formula
    shape, assumptions = tuple(map(size_of, known.array.axes)), _assumptions(question, form.formula)
    return replace(formula, shape=shape, evidence=str(confirmed), assumptions=assumptions)


def _without(question: ArrayQuestion, by: str, order: int, why: str) -> ArrayFormula:
    return ArrayFormula(by, tuple(question.sizes.get(by, ())) * order, None, None, why=why)


Confirmation = Callable[[Question, ArrayDerivative, Node, Node], Evidence | None]
"""What confirms a formula that was read back, with letters for sizes and as it is shown; None for nothing."""


def array_formula(
    question: ArrayQuestion,
    by: str,
    order: int,
    confirm: Confirmation | None = None,
    numbers: Mapping[str, int] = MappingProxyType({}),
) -> ArrayFormula:
    """The derivative by a variable; without `confirm`, random points of random shapes are the second witness.

    The letters in `numbers` are sizes that are known, and written as numbers.  Raises `Unprintable`, `CalcError` and
    `OutOfTime`.
    """
    own, names = question.engine_question, question.names
    known = derivative(own, by, order)
    if len(known.array.axes) > MOST_DIMENSIONS:
        return _product(question, by, order, known)
    formula = known.formula()
    tree = understand(formula.text, names)
    if confirm is None:
        confirmed = evidence(own, known, tree, by, order, question.assumed("positive"))
    else:
        formula = with_numbers(formula, numbers)
        confirmed = confirm(own, known, tree, understand(formula.text, names))
    if confirmed is None:
        return _without(question, by, order, "the formula could not be confirmed")
    short = with_names(formula, names)
    typeset = _latex(short, question, numbers)
    return ArrayFormula(
        by,
        tuple(str(numbers.get(size, size)) for size in map(size_of, known.array.axes)),
        short.formula.text,
        typeset.formula,
        tuple((name, part.text) for name, part in short.parts),
        _assumptions(question, formula),
        str(confirmed),
        latex_parts=typeset.parts,
        arrays=typeset.arrays,
    )


def _product(question: ArrayQuestion, by: str, order: int, known: ArrayDerivative) -> ArrayFormula:
    """A derivative of more than two dimensions, times an array: as the derivative of a number.

    Raises `Unprintable` for a second derivative of an array, and for the derivative by an array of more dimensions.
    """
    sizes, tree = tuple(question.sizes.get(by, ())), question.tree
    if len(sizes) > MOST_DIMENSIONS:
        raise Unprintable("more than two dimensions")
    kind, letter, shape = "cotangent", "G", tuple(map(size_of, known.array.axes[: -len(sizes)]))
    if order > 1:
        if len(known.array.axes) > 2 * len(sizes):
            raise Unprintable("the second derivative of an array")
        kind, letter, shape = "direction", "V", sizes
        first = array_formula(question, by, 1)
        if first.formula is None:
            raise Unprintable(f"the first derivative: {first.why}")
        tree = opened(first, question)
    factor = next(name for number in count() if (name := f"{letter}{number or ''}") not in question.names)
    total = contract_with_cotangent(tree, Name(factor))
    weighted = replace(question, tree=total, sizes={**question.sizes, factor: shape})
    formula = replace(array_formula(weighted, by, 1), product=(kind, factor))
    return formula if order == 1 else resting_on(formula, first)


def opened(formula: ArrayFormula, question: ArrayQuestion) -> Node:
    """A formula with its parts in the place of their names."""
    names = {*question.names, *(name for name, _ in formula.parts)}
    tree = understand(formula.formula or "", names)
    parts = {name: understand(text, names) for name, text in formula.parts}
    while any(name in parts for name in names_in(tree)):
        tree = substitute_names(tree, parts.get)
    return tree


def resting_on(formula: ArrayFormula, first: ArrayFormula) -> ArrayFormula:
    """The derivative of a derivative: it is known no better, and assumes what that does."""
    evidence = first.evidence if first.evidence == Evidence.POINTS and formula.evidence else formula.evidence
    return replace(formula, evidence=evidence, assumptions=tuple(dict.fromkeys((*formula.assumptions, *first.assumptions))))


def _latex(short: NamedFormula, question: ArrayQuestion, numbers: Mapping[str, int]) -> ArrayLatex:
    sizes = {name: [str(numbers.get(size, size)) for size in each] for name, each in question.sizes.items()}
    names = {*question.names, *(name for name, _ in short.parts)}
    parts = [(name, understand(part.text, names)) for name, part in short.parts]
    return array_latex(understand(short.formula.text, names), parts, sizes)


def _assumptions(question: ArrayQuestion, formula: Formula) -> tuple[str, ...]:
    """What a formula assumes: the premises of its variables, and its own."""
    return (*question.premises, *premises_of(formula, question.assumed("invertible")))
