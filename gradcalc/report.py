"""The plain data that travels: what was asked, what was found, and the words of the contract.

Numbers are decimal strings where they are exact or proven, floats where a machine made them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gradcalc.errors import Exit

if TYPE_CHECKING:
    from gradcalc.expression.tree import Node

SCHEMA = "gradcalc/1"
DTYPES = ("float64", "float32", "float16", "bfloat16")
MAX_ORDER = 8


class Notation(StrEnum):
    """What an expression is written in; `AUTO` sees LaTeX by its backslashes, dollars and braces."""

    AUTO = "auto"
    PLAIN = "plain"
    LATEX = "latex"


class Verdict(StrEnum):
    """What is known about a number that autograd returned, best first."""

    AGREE = "agree"
    UNDEFINED = "undefined"
    NOT_DIFFERENTIABLE = "not-differentiable"
    DIFFERENT_FUNCTION = "different-function"
    INACCURATE = "inaccurate"
    ARTIFACT = "artifact"
    UNDECIDED = "undecided"
    NOT_FINITE = "not-finite"
    DISAGREE = "disagree"


_SEVERITY = {verdict: place for place, verdict in enumerate(Verdict)}
_EXITS = {
    Verdict.AGREE: Exit.AGREE,
    Verdict.UNDECIDED: Exit.UNDECIDED,
    Verdict.NOT_FINITE: Exit.DISAGREE,
    Verdict.DISAGREE: Exit.DISAGREE,
}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a whole from those of its parts; `agree` if there are none."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.AGREE)


def exit_code(verdict: Verdict) -> Exit:
    """The exit code that tells a script about a verdict."""
    return _EXITS.get(verdict, Exit.EXPLAINED)


class Outcome:
    """The exit code of several verdicts: that of the worst, or, with `fail_on`, 1 where one of these occurs and else 0."""

    def __init__(self, fail_on: Collection[Verdict] = ()):
        self._fail_on = frozenset(fail_on)
        self._verdict = Verdict.AGREE
        self._failed = False

    def add(self, verdicts: Iterable[Verdict | None]) -> None:
        """Take more verdicts into account; None is none."""
        for verdict in verdicts:
            if verdict is not None:
                self._verdict = worst((self._verdict, verdict))
                self._failed = self._failed or verdict in self._fail_on

    @property
    def exit(self) -> Exit:
        """The exit code so far."""
        if self._fail_on:
            return Exit.DISAGREE if self._failed else Exit.AGREE
        return exit_code(self._verdict)


@dataclass(frozen=True, slots=True)
class Problem:
    """One question.

    `at` maps variables to the text of their values; empty for a question about formulas only.  `by` are the variables to
    differentiate by (empty: all, in order of appearance); `variables` are further names that are variables whatever else
    they mean.  `direction` asks for the derivative along a line, by variable; `cotangent` for the gradient of the sum of the
    entries times its own.  `notation` is what `expr` is written in.
    """

    expr: str
    at: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    order: int = 1
    device: str = "cpu"
    dtype: str | None = None
    variables: tuple[str, ...] = ()
    direction: Mapping[str, str] = field(default_factory=dict)
    cotangent: str | None = None
    notation: Notation = Notation.AUTO


@dataclass(frozen=True, slots=True)
class Value:
    """The value of the expression, by mathematics and by torch; None where there is none, nested lists of an array."""

    symbolic: Any
    autograd: Any


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was concluded about one number, and why, in a sentence for people."""

    verdict: Verdict
    why: str
    cause: str | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True)
class Partial:
    """One partial derivative: the formula, the numbers of all engines, the verdict.

    `by` has one name an order.  `symbolic` is the mathematics of what was typed, `reference` the derivative at the binary
    inputs that torch received; `left` and `right` are one-sided derivatives where the expression is not smooth.
    `digits` and `ulps` measure `autograd` against `reference`.
    """

    by: tuple[str, ...]
    formula: str | None
    latex: str | None
    symbolic: str | None = None
    reference: str | None = None
    autograd: float | None = None
    left: str | None = None
    right: str | None = None
    verdict: Verdict | None = None
    cause: str | None = None
    side: str | None = None
    digits: float | None = None
    ulps: float | None = None
    why: str | None = None
    proof: Mapping[str, object] = field(default_factory=dict)
    index: tuple[int, ...] = ()
    """Of an array: the entry of the expression, then for each order the entry of the variable."""
    of: tuple[int, ...] = ()
    """The part of `index` that says the entry of the expression."""
    entries: tuple[str, ...] = ()
    """`by` with the entries of variables that are arrays, `x[0]`."""


@dataclass(frozen=True, slots=True)
class EntryFormula:
    """The formula of the derivative by `entry`, such as `x[i]`, of which the variable `by` has `count`."""

    by: str
    entry: str
    count: int
    formula: str
    latex: str


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to a question; `verdict` is None where no number was asked for."""

    expr: str
    read_as: str
    order: int
    at: Mapping[str, str]
    point: Mapping[str, Any]
    dtype: str | None
    device: str | None
    value: Value | None
    partials: tuple[Partial, ...]
    verdict: Verdict | None
    versions: Mapping[str, str]
    latex: str | None = None
    notes: tuple[str, ...] = ()
    normwise_digits: float | None = None
    """Of arrays: how many digits of the gradient are right as a whole, by the norms of the error and of the gradient."""
    values: Mapping[str, Node] = field(default_factory=dict, repr=False)
    """The values of `at` as constant expressions."""
    entry_formulas: tuple[EntryFormula, ...] = field(default=(), repr=False)
    """Formulas that hold for every entry of a variable."""

    @property
    def verdicts(self) -> tuple[Verdict | None, ...]:
        """The verdicts of all partials, and of the whole."""
        return (*(partial.verdict for partial in self.partials), self.verdict)

    @property
    def exit(self) -> Exit:
        """The exit code of this answer."""
        return Exit.AGREE if self.verdict is None else exit_code(self.verdict)
