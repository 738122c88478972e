"""Claims that were checked, as plain data: of one derivative, of an array entry by entry, of a derivation line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gradcalc.expression.arrays import Shape
from gradcalc.report import Verdict


class ClaimOutcome(StrEnum):
    """What is known about a claim, and, of the lines of a derivation, which are none or wrong only by another."""

    RIGHT = "right"
    PARTLY = "partly"
    WRONG = "wrong"
    UNDECIDED = "undecided"
    GIVEN = "given"
    FOLLOWS = "follows"

    @property
    def verdict(self) -> Verdict:
        """The verdict with the same exit code: a claim that is right in part has no value somewhere."""
        verdicts = {"right": Verdict.AGREE, "wrong": Verdict.DISAGREE, "partly": Verdict.UNDEFINED}
        return verdicts.get(self.value, Verdict.UNDECIDED)


class ClaimEvidence(StrEnum):
    """What an outcome rests on: sympy or exact algebra in every piece; equality at points; a point where they differ; or,
    of arrays, shapes that differ.
    """

    FORMULA = "formula"
    SAMPLING = "sampling"
    COUNTEREXAMPLE = "counterexample"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class ReportedPoint:
    """A point, and there the derivative, the claim's value (None: it has none), and whether they are the same."""

    at: Mapping[str, str]
    derivative: str
    claimed: str | None
    same: bool


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of a claim; `cause` is the kind of the likely mistake, `mistake` says what was done wrong, `why` all.

    `formula` is sympy's derivative, `by_sympy` whether sympy found the claim equal to it.  `digits` are the decimal digits
    to which derivative and claim are equal at three points.  `condition` says where a claim that is right in part has a
    value, if that can be said.
    """

    formula: str | None
    points: tuple[ReportedPoint, ...]
    by_sympy: bool
    outcome: ClaimOutcome
    cause: str | None
    why: str
    evidence: ClaimEvidence | None = None
    digits: int | None = None
    condition: str | None = None
    mistake: str | None = None
    counterexample: ReportedPoint | None = None
    remarks: tuple[str, ...] = ()
    """On points that the user gave and that do not count."""
    is_equality: bool = False
    """Compared was a line with the one above it, and not a derivative."""


@dataclass(frozen=True, slots=True)
class EntryCheck:
    """The comparison of one entry of the derivative: `index` has that of the expression and then that of the variable."""

    entry: str
    index: tuple[int, ...]
    result: CheckResult


@dataclass(frozen=True, slots=True)
class Check:
    """An expression, a claim about its derivative, where it is meant, how all were read, and the result.

    Of arrays, `shape` is that of the derivative, `claim_shape` that of the claim, whose sizes are letters or numbers; and
    `entries` are the results of the entries that were compared.  `array_formula` is the derivative as a formula of vectors
    and matrices, of a claim that is not right.
    """

    expr: str
    claim: str
    by: str
    read_as: str
    claim_read_as: str
    result: CheckResult
    versions: Mapping[str, str]
    where: str | None = None
    shape: Shape | tuple[str, ...] | None = None
    claim_shape: Shape | tuple[str, ...] | None = None
    entries: tuple[EntryCheck, ...] = ()
    array_formula: str | None = None

    @property
    def outcome(self) -> ClaimOutcome:
        """Whether the claim is right."""
        return self.result.outcome


@dataclass(frozen=True, slots=True)
class LineCheck:
    """A line, or a link of a chain, and its outcome: `GIVEN` for a definition, `FOLLOWS` if it is wrong only by one above.

    `text` is the line as it was typed, `says` its right side as it was read.  `by` is what the claimed derivative is with
    respect to, empty for a definition; `result` is None for a definition.
    """

    number: int
    name: str
    says: str
    by: str
    outcome: ClaimOutcome
    result: CheckResult | None
    text: str


@dataclass(frozen=True, slots=True)
class Solution:
    """All lines; `outcome` is that of the whole, `first` the number of the first line to blame.

    `unclaimed` are the derivatives that lines use and no line claims: the true ones are in their place.
    """

    expr: str
    read_as: str
    lines: tuple[LineCheck, ...]
    outcome: ClaimOutcome
    first: int | None
    versions: Mapping[str, str]
    where: str | None = None
    unclaimed: tuple[str, ...] = ()
