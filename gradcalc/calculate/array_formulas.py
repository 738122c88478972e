"""Derivatives of expressions of arrays as formulas of vectors and matrices, each with what confirms it.

Comes in: a tree, the sizes of its variables and what is assumed of them.  Goes out: an `ArrayFormula` for each variable, as
they are found.  Nothing is written that neither its normal form nor exact numbers confirm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from gradcalc.calculate.array_latex import ArrayLatex, array_latex
from gradcalc.engines.indexed.formulas import Formula
from gradcalc.engines.indexed.gradients import ArrayDerivative, Question, derivative
from gradcalc.engines.indexed.nodes import Unprintable, size_of
from gradcalc.engines.indexed.shared_parts import NamedFormula, with_names
from gradcalc.errors import CalcError
from gradcalc.expression.tree import Call, Name, Node, names_in
from gradcalc.functions.resolve import understand
from gradcalc.inputs.shapes import MOST_DIMENSIONS
from gradcalc.proof.array_formulas import Evidence, evidence
from gradcalc.report import ArrayFormula
from gradcalc.runtime import deadline


@dataclass(frozen=True, slots=True)
class ArrayQuestion:
    """An expression with the sizes of its variables, letters or numbers, and the names that are assumed to be something."""

    tree: Node
    sizes: Mapping[str, Sequence[str]]
    assumptions: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def assumed(self, what: str) -> frozenset[str]:
        """The names of which something is assumed."""
        return self.assumptions.get(what, frozenset())

    @property
    def letters(self) -> tuple[str, ...]:
        """The sizes that are letters."""
        sizes = (size for each in self.sizes.values() for size in each)
        return tuple(dict.fromkeys(size for size in sizes if not size.isdecimal()))

    @property
    def names(self) -> set[str]:
        """The variables and the sizes."""
        return {*self.sizes, *self.letters, *names_in(self.tree)}

    @property
    def engine_question(self) -> Question:
        """The same for the engine of expressions with indices."""
        return Question(self.tree, self.sizes, self.assumed("symmetric"), self.assumed("stochastic"))

    @property
    def variables(self) -> list[str]:
        """The variables of the expression, in order of appearance; sizes are none."""
        return [name for name in names_in(self.tree) if name not in self.letters]

    @property
    def premises(self) -> list[str]:
        """What is assumed of the names of the expression, as text: "S is symmetric"."""
        used = {*names_in(self.tree)}
        return [f"{name} is {what}" for what, names in self.assumptions.items() for name in sorted(names & used)]


def array_formulas(question: ArrayQuestion, by: Sequence[str], order: int, seconds: float) -> Iterator[ArrayFormula]:
    """The derivative by each variable; each has so many seconds."""
    for name in by:
        try:
            with deadline.limit(seconds):
                yield array_formula(question, name, order)
        except (Unprintable, CalcError) as error:
            yield _without(question, name, order, f"there is no formula of vectors and matrices: {error}")
        except deadline.OutOfTime:
            yield _without(question, name, order, f"no formula within {seconds:g} seconds")


def _without(question: ArrayQuestion, by: str, order: int, why: str) -> ArrayFormula:
    return ArrayFormula(by, tuple(question.sizes.get(by, ())) * order, None, None, why=why)


Confirmation = Callable[[Question, ArrayDerivative, Node], Evidence | None]
"""What confirms a formula that was read back; None for nothing."""


def array_formula(question: ArrayQuestion, by: str, order: int, confirm: Confirmation | None = None) -> ArrayFormula:
    """The derivative by a variable; without `confirm`, random points of random shapes are the second witness.

    Raises `Unprintable`, `CalcError` and `OutOfTime`.
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
        confirmed = confirm(own, known, tree)
    if confirmed is None:
        return _without(question, by, order, "the formula could not be confirmed")
    short = with_names(formula, names)
    typeset = _latex(short, question)
    return ArrayFormula(
        by,
        tuple(map(size_of, known.array.axes)),
        short.formula.text,
        typeset.formula,
        tuple((name, part.text) for name, part in short.parts),
        tuple(_assumptions(question, formula)),
        str(confirmed),
        latex_parts=typeset.parts,
        arrays=typeset.arrays,
    )


def _product(question: ArrayQuestion, by: str, order: int, known: ArrayDerivative) -> ArrayFormula:
    """A derivative of more than two dimensions, times an array: as the derivative of a number.

    Raises `Unprintable` for a second derivative of an array.
    """
    sizes, tree = tuple(question.sizes.get(by, ())), question.tree
    kind, letter, shape = "cotangent", "G", tuple(map(size_of, known.array.axes[: -len(sizes)]))
    if order > 1:
        if len(known.array.axes) > 2 * len(sizes):
            raise Unprintable("the second derivative of an array")
        kind, letter, shape = "direction", "V", sizes
        tree = understand(derivative(question.engine_question, by).formula().text, question.names)
    factor = next(name for number in count() if (name := f"{letter}{number or ''}") not in question.names)
    total = Call("sum", (Call("*", (Name(factor), tree)),))
    weighted = replace(question, tree=total, sizes={**question.sizes, factor: shape})
    return replace(array_formula(weighted, by, 1), product=(kind, factor))


def _latex(short: NamedFormula, question: ArrayQuestion) -> ArrayLatex:
    names = {*question.names, *(name for name, _ in short.parts)}
    parts = [(name, understand(part.text, names)) for name, part in short.parts]
    return array_latex(understand(short.formula.text, names), parts, question.sizes)


def _assumptions(question: ArrayQuestion, formula: Formula) -> Iterator[str]:
    """What a formula assumes: the premises of its variables, and that what it inverts can be inverted."""
    yield from question.premises
    inverted = _inverted(formula)
    yield from (f"{text} is invertible" for text in inverted if text not in question.assumed("invertible"))


def _inverted(formula: Formula) -> list[str]:
    """The texts of the matrices that a formula inverts."""
    waiting, texts = [formula], dict[str, None]()
    while waiting:
        node = waiting.pop()
        waiting += node.parts
        if node.op == "inv":
            texts[node.parts[0].text] = None
    return list(texts)
