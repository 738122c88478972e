"""A claim about arrays as a formula of vectors and matrices: for all sizes, or for the sizes of a point.

Comes in: an expression with the sizes of its variables, and a claim.  Goes out: a `CheckResult`.  A claim is right if its
normal form is that of the derivative, and numbers nowhere contradict it; it is wrong where exact numbers do, at random
points of random shapes.  What numbers alone confirm is undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formulas
from gradcalc.calculate.claims.matrix_mistakes import matrix_mistake
from gradcalc.calculate.claims.results import CheckResult, ClaimEvidence, ClaimOutcome, EntryCheck, ReportedPoint
from gradcalc.engines.indexed.gradients import ArrayDerivative, derivative, is_equal
from gradcalc.engines.indexed.nodes import Unprintable
from gradcalc.engines.taylor.reals import OutOfPrecision, Real, decimal
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import index_at, shape_text
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node, calls_in, names_in, substitute_names
from gradcalc.inputs.shapes import sizes_of
from gradcalc.inputs.values import Point
from gradcalc.proof.array_formulas import ArrayPoint, entries_at, has_cases_in, is_different, random_points, whole_points
from gradcalc.runtime import deadline

_INVERSES = ("inv", "solve")
_SHARE = 0.25
"""Of the time, what the formula of a claim at a point may take: entries are compared in the rest."""
_FEW_ENTRIES = 200
"""Entries of the variables up to which other points of their shapes are looked at."""
_MOST_ENTRIES = 400
"""Entries of a derivative that are reported."""


@dataclass(slots=True)
class _Agreement:
    """What numbers say of a claim: points where all known entries are equal, and one where the claim has no value."""

    points: int = 0
    without_value: tuple[ArrayPoint, int, Real] | None = None


@dataclass(frozen=True, slots=True)
class _Difference:
    """An entry, by its place, that is not the derivative's."""

    point: ArrayPoint
    place: int
    derivative: Real
    claim: Real


class MatrixClaim:
    """A claim about the derivative by a variable: `shape` is that of the derivative, `claim_shape` that of the claim.

    Raises `CalcError` for shapes that do not fit in the claim.
    """

    def __init__(self, question: ArrayQuestion, claimed: Node, by: str):
        self.question, self.claimed, self.by = question, claimed, by
        self.own = question.engine_question
        self.shape = (*sizes_of(question.tree, question.sizes), *question.sizes.get(by, ()))
        self.value_rank = len(self.shape) - len(question.sizes.get(by, ()))
        try:
            self.claim_shape = sizes_of(claimed, question.sizes)
        except CalcError as error:
            mistake = self._repair()
            raise CalcError(error.message, span=error.span, hint=mistake[1] if mistake else error.hint) from None

    def result(self, seconds: float) -> tuple[CheckResult, tuple[EntryCheck, ...]]:
        """Compare the shapes, then the numbers at random points, then the formulas."""
        if self.claim_shape != self.shape:
            return self._wrong_shape(seconds), ()
        agreement = _Agreement()
        try:
            with deadline.limit(seconds):
                points = [*whole_points(self.own, self._positive), *random_points(self.own, self._positive)]
                difference = self.compare(points, agreement)
                is_proven = difference is None and self.is_proven()
        except deadline.OutOfTime:
            return self._undecided("the time is over", agreement), ()
        if difference is not None:
            return self._wrong(difference, seconds)
        if not is_proven or not agreement.points:
            return self._undecided("", agreement), ()
        return self._right(agreement), ()

    # ---------------------------------------------------------------------------------------------------- comparisons

    @property
    def _positive(self) -> frozenset[str]:
        return self.question.assumed("positive")

    def derivative(self) -> ArrayDerivative | None:
        """The derivative with indices; None where there is none."""
        try:
            return derivative(self.own, self.by)
        except Unprintable:
            return None

    def is_proven(self) -> bool:
        """Whether the claim has the normal form of the derivative."""
        known = None if has_cases_in(self.own.tree, self.by) else self.derivative()
        try:
            return known is not None and is_equal(self.own, known, self.claimed)
        except Unprintable:
            return False

    def formula(self, seconds: float) -> str | None:
        """The derivative as a formula of vectors and matrices, where there is one."""
        (it,) = array_formulas(self.question, [self.by], 1, seconds)
        parts = "".join(f", {name} = {part}" for name, part in it.parts)
        return None if it.formula is None or it.product else f"{it.formula}{parts}"

    def compare(self, points: Iterable[ArrayPoint], agreement: _Agreement) -> _Difference | None:
        """The first entry that is not the derivative's at some points; else what the numbers say is added."""
        inverts = any(call.name in _INVERSES for call in calls_in(self.claimed))
        for point in points:
            deadline.check()
            entries = entries_at(self.own, self.claimed, self.by, 1, point)
            if entries is None:
                continue
            pairs = list(zip(entries.derivative, entries.formula, strict=True))
            for place, (truth, claim) in enumerate(pairs):
                if truth is not None and claim is not None and is_different(truth, claim):
                    return _Difference(point, place, truth, claim)
            agreement.points += any(truth is not None and claim is not None for truth, claim in pairs)
            missing = [(place, truth) for place, (truth, claim) in enumerate(pairs) if truth is not None and claim is None]
            if missing and not inverts and agreement.without_value is None:
                undefined = entries.undefined()
                known = ((point, place, truth) for place, truth in missing if undefined[place])
                agreement.without_value = next(known, None)
        return None

    def result_at(self, at: Sequence[Point], seconds: float) -> tuple[CheckResult, tuple[EntryCheck, ...]] | None:
        """The result for the shapes of some points, where the claim is proven as a formula; else None."""
        agreement, new = _Agreement(), list(self._new_inverses())
        count = sum(len(value.entries.entries) for value in at[0].values.values())
        try:
            with deadline.limit(seconds * _SHARE):
                if self.claim_shape != self.shape or new or not self.is_proven():
                    return None
                given = [ArrayPoint(point.entries) for point in at]
                others = [*whole_points(self.own, ()), *random_points(self.own, ())] if count <= _FEW_ENTRIES else []
                difference = self.compare([*given, *others], agreement)
        except deadline.OutOfTime:
            return None
        if difference or agreement.without_value or not agreement.points:
            return None
        checks = tuple(self._entries(given[0])) if prod(map(int, self.shape)) <= _MOST_ENTRIES else ()
        number = f"{prod(map(int, self.shape))} entries" if prod(map(int, self.shape)) > 1 else "the only entry"
        why = f"{number} of the derivative, proven as formulas"
        return CheckResult(None, (), False, ClaimOutcome.RIGHT, None, why, ClaimEvidence.FORMULA), checks

    def _entries(self, point: ArrayPoint) -> Iterator[EntryCheck]:
        """The results of the entries at a point."""
        entries = entries_at(self.own, self.claimed, self.by, 1, point)
        for place, (truth, claim) in enumerate(zip(*entries[:2], strict=True) if entries else ()):
            known = truth is not None and claim is not None
            reported = (self._reported(point, truth, claim, same=True),) if truth is not None and known else ()
            result = CheckResult(
                None, reported, False, ClaimOutcome.RIGHT, None, "equal as formulas of arrays", ClaimEvidence.FORMULA
            )
            yield EntryCheck(self._name(point, place), self._index(point, place), result)

    # -------------------------------------------------------------------------------------------------------- results

    def _right(self, agreement: _Agreement) -> CheckResult:
        scope = "all sizes" if self.question.letters else "all values"
        why = "; ".join([f"equal to the derivative for {scope}, as formulas", *self._assumptions()])
        if agreement.without_value is None:
            return CheckResult(None, (), False, ClaimOutcome.RIGHT, None, why, ClaimEvidence.FORMULA)
        point, place, truth = agreement.without_value
        reported = self._reported(point, truth, None, same=False)
        where = f"at {_assignments(reported)} {self._name(point, place)} is {reported.derivative}, the claim has no value"
        return CheckResult(
            None, (reported,), False, ClaimOutcome.PARTLY, None, f"right where the claim has a value: {why}; {where}",
            ClaimEvidence.FORMULA, counterexample=reported,
        )  # fmt: skip

    def _assumptions(self) -> Iterator[str]:
        """What a claim that is right assumes."""
        yield from self.question.premises
        for text in self._new_inverses():
            if text not in self.question.assumed("invertible"):
                yield f"where {text} is invertible"

    def _new_inverses(self) -> Iterator[str]:
        """The matrices that the claim inverts, and the expression does not."""
        own = {call.args[0] for call in calls_in(self.question.tree) if call.name in (*_INVERSES, "logdet")}
        claimed = (call.args[0] for call in calls_in(self.claimed) if call.name in _INVERSES)
        yield from dict.fromkeys(unparse(matrix) for matrix in claimed if matrix not in own)

    def _undecided(self, why: str, agreement: _Agreement) -> CheckResult:
        count = agreement.points
        if count:
            why = f"{why}; " if why else ""
            why += f"equal at {count} random points of random shapes; sampled, not proven for all sizes"
        why = why or "no point was found where the derivative exists and could be compared"
        evidence = ClaimEvidence.SAMPLING if count else None
        return CheckResult(None, (), False, ClaimOutcome.UNDECIDED, None, why, evidence)

    def _wrong(self, difference: _Difference, seconds: float) -> tuple[CheckResult, tuple[EntryCheck, ...]]:
        point = self._reported(difference.point, difference.derivative, difference.claim, same=False)
        cause, mistake = self.mistake(seconds) or (None, None)
        name = self._name(difference.point, difference.place)
        why = f"at {_assignments(point)} {name} is {point.derivative}, the claim is {point.claimed}"
        result = CheckResult(
            None, (point,), False, ClaimOutcome.WRONG, cause,
            f"{why}; likely: {mistake}" if mistake else why, ClaimEvidence.COUNTEREXAMPLE, mistake=mistake,
            counterexample=point,
        )  # fmt: skip
        return result, (EntryCheck(name, self._index(difference.point, difference.place), result),)

    def _wrong_shape(self, seconds: float) -> CheckResult:
        cause, mistake = self.mistake(seconds) or ("shape", None)
        says = f"the derivative {_shown(self.shape)}, the claim {_shown(self.claim_shape)}"
        return CheckResult(
            None, (), False, ClaimOutcome.WRONG, cause, f"{says}; likely: {mistake}" if mistake else says,
            ClaimEvidence.SHAPE, mistake=mistake,
        )  # fmt: skip

    def mistake(self, seconds: float) -> tuple[str, str] | None:
        """The kind of the likely mistake and what it is, if one is known."""
        try:
            with deadline.limit(seconds):
                return self._mistake()
        except deadline.OutOfTime:
            return None

    def _mistake(self) -> tuple[str, str] | None:
        return self._repair() or self._symmetric()

    def _repair(self) -> tuple[str, str] | None:
        """The mistake without which the claim is right."""
        known = self.derivative()
        repair = None if known is None else matrix_mistake(self.own, known, self.shape, self.claimed)
        return None if repair is None else (repair.cause, repair.mistake)

    def _symmetric(self) -> tuple[str, str] | None:
        """The matrix that the claim takes to be symmetric."""
        for name, sizes in self.question.sizes.items():
            if len(sizes) == 2 and sizes[0] == sizes[1] and name not in self.own.symmetric:
                question = replace(self.own, symmetric=self.own.symmetric | {name})
                try:
                    if is_equal(question, derivative(question, self.by), self.claimed):
                        return "symmetric", f"the claim is right if {name} is symmetric, and {name} may be any matrix"
                except Unprintable:
                    continue
        return None

    # --------------------------------------------------------------------------------------------------------- words

    def _index(self, point: ArrayPoint, place: int) -> tuple[int, ...]:
        """The indices of an entry of the derivative."""
        return index_at(place, tuple(point.sizes.get(size) or int(size) for size in self.shape))

    def _name(self, point: ArrayPoint, place: int) -> str:
        index = self._index(point, place)
        row, column = index[: self.value_rank], index[self.value_rank :]
        of = f"[{','.join(map(str, row))}]" if row else ""
        return f"∂f{of}/∂{self.by}" + (f"[{','.join(map(str, column))}]" if column else "")

    def _reported(self, point: ArrayPoint, truth: Real, claim: Real | None, *, same: bool) -> ReportedPoint:
        at = {letter: str(size) for letter, size in point.sizes.items()}
        at |= {name: str(array.map(str).tolist()).replace("'", "") for name, array in point.values.items()}
        return ReportedPoint(at, _decimal(truth), None if claim is None else _decimal(claim), same)


def matrix_claim(
    tree: Node, claimed: Node, by: str, sizes: Mapping[str, Sequence[str]], assumptions: Mapping[str, frozenset[str]]
) -> MatrixClaim:
    """A claim for sizes that are letters or numbers.  Raises `CalcError` for shapes that do not fit in the claim."""
    return MatrixClaim(ArrayQuestion(tree, sizes, assumptions), claimed, by)


def matrix_claim_at(tree: Node, claimed: Node, by: str, at: Sequence[Point]) -> MatrixClaim | None:
    """A claim for the shapes of points; None where it has no shapes, or not those of vectors and matrices.

    Names that only the claim has are constants.  Raises `CalcError` for shapes that do not fit in the claim.
    """
    values = at[0].entries if at else {}
    shapes = {name: array.shape for name, array in values.items()}
    constants = set(names_in(claimed)) - {*names_in(tree), by}
    is_known = all(name in point.values for name in (*names_in(tree), *names_in(claimed), by) for point in at)
    are_same = all(
        point.entries[name] == values[name] for point in at for name in values.keys() & point.values.keys() & constants
    )
    if not at or not is_known or not are_same or any(shapes[name] for name in constants):
        return None
    if any({name: array.shape for name, array in point.entries.items()} != shapes for point in at):
        return None
    if by not in names_in(tree) or any(len(shape) > 2 or 0 in shape for shape in shapes.values()):
        return None
    own = {name: shapes[name] for name in names_in(tree)}
    known = substitute_names(claimed, lambda name: values[name].entries[0] if name in constants else None)
    sizes = {name: tuple(map(str, shape)) for name, shape in own.items()}
    return MatrixClaim(ArrayQuestion(tree, sizes), known, by)


def _decimal(value: Real) -> str:
    try:
        return decimal(value)
    except OutOfPrecision:
        return str(value)


def _assignments(point: ReportedPoint) -> str:
    return ", ".join(f"{name} = {value}" for name, value in point.at.items())


def _shown(shape: Sequence[str]) -> str:
    return f"has the shape {shape_text(shape)}" if shape else "is one number"
