"""A claim about the derivative of an expression of arrays: first its shape, then every entry, like claims about numbers.

Comes in: an expression, a claim, and points that give the variables their shapes.  Goes out: a `CheckResult` of the whole,
and one for each entry.  An entry is compared for all values of the variables, not at the points alone; names that only the
claim has, such as n, are constants if they have the same value at all points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from time import monotonic

from gradcalc.calculate.claims.claim_check import ClaimCheck
from gradcalc.calculate.claims.results import CheckResult, ClaimEvidence, ClaimOutcome, EntryCheck, ReportedPoint
from gradcalc.errors import CalcError, MissingValues
from gradcalc.expression.arrays import Array, Shape, entry_names, indices, named_entries
from gradcalc.expression.tree import Call, Node, names_in, substitute_names
from gradcalc.functions.scalarize import scalarize
from gradcalc.inputs.values import Point
from gradcalc.proof.claims.comparison import Comparison
from gradcalc.runtime import deadline

MAX_ENTRIES = 400
"""Entries of a derivative that are compared."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the expression, the variable's entry, and the claim about the derivative."""

    index: tuple[int, ...]
    tree: Node
    by: str
    claim: Node | None


class ArrayClaim:
    """A claim about arrays: `shape` is that of the derivative, `claims` are the entries of the claim.

    Raises `CalcError` without a point, for points of several shapes, and for what cannot be written entry by entry.
    """

    def __init__(self, tree: Node, claimed: Node, by: str, at: Sequence[Point], where: Node | None):
        names = [*dict.fromkeys([*names_in(tree), *names_in(claimed), by])]
        if not at:
            raise CalcError("arrays need a point, which gives them their shapes", hint=f'give --at "{names[0]}=[1,2,3]"')
        missing = [name for name in names if any(name not in point.values for point in at)]
        if missing:
            raise MissingValues(missing)
        shapes = [{name: value.entries.shape for name, value in point.values.items()} for point in at]
        if any(it != shapes[0] for it in shapes):
            raise CalcError("the points have arrays of several shapes", hint="check one shape at a time")
        values = at[0].entries
        self.by, self.by_shape, self.where, self.shapes = by, values[by].shape, where, shapes[0]
        constants = {
            name: value
            for array in set(names_in(claimed)) - {*names_in(tree), by}
            if all(point.entries[array] == values[array] for point in at)  # another one is a variable
            for name, value in named_entries(array, values[array])
        }
        self.expression = scalarize(tree, values)
        self.claims = scalarize(claimed, values).map(lambda entry: substitute_names(entry, constants.get))
        self.shape: Shape = (*self.expression.shape, *self.by_shape)
        self.at = [_entries_of(point) for point in at]
        if where is not None and set(names_in(where)) & {name for name, array in values.items() if array.shape}:
            raise CalcError("a condition on an array is not supported", hint="leave --where out")
        if len(self._pairs()) > MAX_ENTRIES:
            raise CalcError(f"the derivative has {len(self._pairs())} entries, and at most {MAX_ENTRIES} are checked")

    def result(self, seconds: float) -> tuple[CheckResult, tuple[EntryCheck, ...]]:
        """Compare the shapes, and then the entries until one is wrong."""
        if self.claims.shape != self.shape:
            return self._wrong_shape(seconds), ()
        checks: list[EntryCheck] = []
        for entry, result in self._compare(self._pairs(self.claims), seconds):
            checks.append(EntryCheck(self._name(entry), entry.index, result))
            if result.outcome is ClaimOutcome.WRONG:
                break
        worst = next((it for outcome in _WORST_FIRST for it in checks if it.result.outcome is outcome), checks[0])
        return self._summary(worst, checks, seconds), tuple(checks)

    def _pairs(self, claims: Array[Node] | None = None) -> list[_Entry]:
        """The entries of the derivative, with those of an array of the same shape."""
        of = list(zip(indices(self.expression.shape), self.expression.entries, strict=True))
        by = list(zip(indices(self.by_shape), entry_names(self.by, self.by_shape).entries, strict=True))
        entries = [_Entry((*row, *column), tree, name, None) for row, tree in of for column, name in by]
        if claims is None:
            return entries
        return [_Entry(it.index, it.tree, it.by, claim) for it, claim in zip(entries, claims.entries, strict=True)]

    def _name(self, entry: _Entry) -> str:
        row = entry.index[: len(self.expression.shape)]
        return f"∂f{list(row) if row else ''}/∂{entry.by}"

    def _compare(self, entries: Sequence[_Entry], seconds: float) -> Iterator[tuple[_Entry, CheckResult]]:
        """The results of entries, in order; they share the time, and sympy works on the next one meanwhile."""
        end = monotonic() + seconds
        checks: list[ClaimCheck] = []
        for place, entry in enumerate(entries):
            share = max((end - monotonic()) / (len(entries) - place), seconds / len(entries) / 2)
            for other in entries[len(checks) : place + 2]:
                assert other.claim is not None
                checks.append(ClaimCheck(other.tree, other.claim, other.by, share, where=self.where))
            yield entry, checks[place].result(self.at)

    def _summary(self, worst: EntryCheck, checks: Sequence[EntryCheck], seconds: float) -> CheckResult:
        """The result of the whole: that of the worst entry, in words about all of them."""
        result, count = worst.result, len(self._pairs())
        sampled = [it.entry for it in checks if it.result.evidence is ClaimEvidence.SAMPLING]
        evidence, cause, mistake, why = result.evidence, result.cause, result.mistake, f"{worst.entry}: {result.why}"
        if result.outcome is ClaimOutcome.RIGHT:
            evidence = ClaimEvidence.SAMPLING if sampled else ClaimEvidence.FORMULA
            number = f"{count} entries" if count > 1 else "the only entry"
            why = f"{number} of the derivative, proven as formulas"
            if sampled:
                names = ", ".join(sampled[:3]) + (", ..." if len(sampled) > 3 else "")
                why = f"{number} of the derivative; sampled, not proven: {names}"
        elif result.outcome is ClaimOutcome.WRONG:
            if self._is_transposed():
                cause, mistake = "transposed", "the claim is the transpose of the derivative"
            elif mistake is not None:
                mistake = f"{mistake}, in {worst.entry}"
        return CheckResult(
            result.formula,
            tuple(map(self._with_arrays, result.points)),
            all(it.result.by_sympy for it in checks),
            result.outcome,
            cause,
            why,
            evidence,
            result.digits,
            result.condition,
            mistake,
            None if result.counterexample is None else self._with_arrays(result.counterexample),
            result.remarks,
        )

    def _with_arrays(self, point: ReportedPoint) -> ReportedPoint:
        """A point with arrays in place of their entries."""
        at: dict[str, str] = {}
        for name, array in self.shapes.items():
            texts = [point.at.get(entry) for entry in entry_names(name, array).entries]
            if None not in texts:
                at[name] = str(Array(array, texts).tolist()).replace("'", "")
        return replace(point, at=at)

    # -- mistakes

    def _is_transposed(self) -> bool:
        """Whether the transpose of the claim, a square matrix, is right at sampled points."""
        square = len(self.shape) == 2 and self.shape[0] == self.shape[1] and self.shape[0] > 1
        return square and self._agrees(self.claims.permute((1, 0)))

    def _wrong_shape(self, seconds: float) -> CheckResult:
        cause, mistake = self._shape_mistake(seconds)
        says = f"the derivative {_shown(self.shape)}, the claim {_shown(self.claims.shape)}"
        return CheckResult(
            None, (), False, ClaimOutcome.WRONG, cause, f"{says}; likely: {mistake}" if mistake else says,
            ClaimEvidence.SHAPE, mistake=mistake,
        )  # fmt: skip

    def _shape_mistake(self, seconds: float) -> tuple[str, str | None]:
        """What leads to a claim of this shape; a mistake is named only where its repair agrees with the derivative."""
        claims, shape = self.claims, self.shape
        with deadline.limit(seconds):
            try:
                if claims.shape == shape[::-1] and self._agrees(claims.permute(range(len(shape))[::-1])):
                    return "transposed", "the claim is the transpose of the derivative"
                if len(claims.entries) == len(self._pairs()) and self._agrees(claims.reshape(shape)):
                    return "shape", "the entries are right, in an array of another shape"
                for dims in _dims_to_sum(claims.shape, shape):
                    sums = claims.fibers(dims).map(_sum)
                    if self._agrees(sums.reshape(shape)):
                        kind = "dimension" if len(dims) == 1 else "dimensions"
                        which = " and ".join(map(str, dims))
                        return "sum", f"the sum over {kind} {which} of the claim is missing"
                if not claims.shape and self._agrees(Array(shape, list(claims.entries) * len(self._pairs()))):
                    return "shape", "the claim is one number, which every entry of the derivative has"
                if self._is_diagonal():
                    return "shape", "the claim is the diagonal of the Jacobian; for a loss, write sum(...) or mean(...)"
            except deadline.OutOfTime:
                pass
        return "shape", None

    def _is_diagonal(self) -> bool:
        """Whether the claim has the derivative of each entry with respect to the same entry of the variable."""
        if not self.by_shape or self.claims.shape != self.by_shape or self.expression.shape != self.by_shape:
            return False
        claims = iter(self.claims.entries)
        pairs = [it for it in self._pairs() if it.index[: len(self.by_shape)] == it.index[len(self.by_shape) :]]
        return all(self._entry_agrees(it, next(claims)) for it in pairs)

    def _agrees(self, claims: Array[Node]) -> bool:
        """Whether other claims are the derivative at all points that are given, and at a few more."""
        return all(it.claim is not None and self._entry_agrees(it, it.claim) for it in self._pairs(claims))

    def _entry_agrees(self, entry: _Entry, claim: Node) -> bool:
        comparison = Comparison(entry.tree, claim, entry.by)
        points = [*self.at, *comparison.sampling.samples(_SAMPLES)]
        comparisons = [it for point in points if (it := comparison.at(point)) is not None]
        return bool(comparisons) and all(it.same for it in comparisons)


_SAMPLES = 2
"""Random points at which the repair of a mistake is tried."""
_WORST_FIRST = (ClaimOutcome.WRONG, ClaimOutcome.UNDECIDED, ClaimOutcome.PARTLY)


def _entries_of(point: Point) -> Mapping[str, Node]:
    """The values of all entries of a point, by their names."""
    return {name: value for array, cells in point.entries.items() for name, value in named_entries(array, cells)}


def _sum(terms: Sequence[Node]) -> Node:
    return reduce(lambda left, right: Call("+", (left, right)), terms)


def _dims_to_sum(claimed: Shape, shape: Shape) -> Iterator[tuple[int, ...]]:
    """Dimensions of a claim without which it has the shape of the derivative: one, or all."""
    for dim in range(len(claimed)):
        if claimed[:dim] + claimed[dim + 1 :] == shape:
            yield (dim,)
    if not shape and len(claimed) > 1:
        yield tuple(range(len(claimed)))


def _shown(shape: Shape) -> str:
    return f"has the shape ({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})" if shape else "is one number"
