"""A question at many points: autograd on all of them at once, a rounding bound for each number, the proof on a sample.

Comes in: a question, and points in chunks.  Goes out: the results of each chunk, in order.  Where the bound decides nothing
(at a kink, where digits are lost, where a function has no bound) the point is proven too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from gradcalc.calculate.answer import answer
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.calculate.reporting import versions
from gradcalc.expression.tree import Node
from gradcalc.inputs.limits import PART
from gradcalc.inputs.points import Grid
from gradcalc.inputs.values import Point, nearest_double, read_point, value_tree
from gradcalc.report import Partial, Report, Value, Verdict

if TYPE_CHECKING:
    from gradcalc.commands.diff.vectorized import VectorizedRun

MAX_OPEN = 1_000
"""Points left open by the bound that are proven, in a run."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some of the points, `size` of them from `start` on: as they came, by variable as they are shown, and as doubles."""

    points: Sequence[Point | Mapping[str, str]]
    start: int
    size: int
    shown: Mapping[str, Sequence[object]]
    floats: Mapping[str, Sequence[float]]

    def point(self, place: int) -> Point:
        """A point; what came as text is read."""
        point = self.points[self.start + place]
        return point if isinstance(point, Point) else read_point(point)

    def texts(self, place: int) -> Mapping[str, str]:
        """The values of a point as they were typed; nothing is read."""
        return _texts(self.points[self.start + place])


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """The results at the points of a chunk: torch's numbers, the reports of proven points and the places without proof."""

    prepared: PreparedQuery
    chunk: Chunk
    dtype: str
    device: str
    run: VectorizedRun
    proven: Mapping[int, Report]
    undecided: frozenset[int]

    def verdict(self, place: int) -> Verdict:
        """The verdict on a point: the worst of its partials."""
        if place in self.proven:
            return self.proven[place].verdict or Verdict.AGREE
        return Verdict.UNDECIDED if place in self.undecided else Verdict.AGREE

    def verdicts(self) -> Iterator[Verdict | None]:
        """All verdicts that occur."""
        for report in self.proven.values():
            yield from report.verdicts
        if self.undecided:
            yield Verdict.UNDECIDED

    def cause(self, place: int) -> str | None:
        """Why a point without proof is undecided."""
        return None if place not in self.undecided else "no-autograd" if self.run.failure else "bound"

    def evidence(self, place: int) -> str | None:
        """What the verdict rests on: `proven`, `bound`, or None."""
        return "proven" if place in self.proven else None if place in self.undecided else "bound"

    def reports(self, *, with_values: bool) -> Iterator[Report]:
        """The answers at all points, in order; `with_values` asks for the values as trees, too."""
        for place in range(self.chunk.size):
            if place in self.proven:
                yield self.proven[place]
            else:
                values = self.chunk.point(place).trees if with_values else {}
                yield self._report(place, values)

    def _report(self, place: int, values: Mapping[str, Node]) -> Report:
        """The answer at a point without proof."""
        verdict, evidence = self.verdict(place), self.evidence(place)
        why = _BOUNDED if evidence else _NOT_PROVEN
        partials = [
            Partial(
                by,
                None,
                None,
                autograd=None if self.run.failure else numbers[place],
                verdict=verdict,
                cause=self.cause(place),
                why=f"autograd gives no number: {self.run.failure}" if self.run.failure else why,
                proof={"evidence": evidence},
            )
            for by, numbers in self.run.partials.items()
        ]
        return Report(
            self.prepared.query.text,
            self.prepared.read_as,
            self.prepared.query.order,
            self.chunk.texts(place),
            {name: numbers[place] for name, numbers in self.run.received.items()},
            self.dtype,
            self.device,
            Value(None, None if self.run.failure else self.run.values[place]),
            tuple(partials),
            verdict,
            versions(),
            self.prepared.latex,
            self.prepared.notes,
            values=values,
        )


_BOUNDED = "the number is within its rounding bound, which leaves it half of its digits; a sample of the points was proven"
_NOT_PROVEN = "the rounding bound decides nothing here, and too many points are like that to prove each; ask for fewer"


@dataclass(slots=True)
class Counts:
    """How many points were proven, how many bounded, and how many are undecided because there were too many."""

    proven: int = 0
    bounded: int = 0
    undecided: int = 0

    @property
    def total(self) -> int:
        return self.proven + self.bounded + self.undecided

    def sentence(self) -> str:
        """In words."""
        points = "1 point" if self.total == 1 else f"{self.total} points"
        words = f"{points}: {self.proven} proven, {self.bounded} within their rounding bound"
        return words + (f", {self.undecided} undecided" if self.undecided else "")


def chunks(points: Grid | Iterable[Point | Mapping[str, str]], size: int = PART) -> Iterator[Chunk]:
    """The points of a grid, or of an iterable, in chunks.  Raises `CalcError` for a value that is not a real number."""
    if isinstance(points, Grid):
        for start in range(0, len(points), size):
            stop = min(start + size, len(points))
            floats = points.floats(start, stop)
            if floats is None:
                yield _chunk_of_rows([points[place] for place in range(start, stop)])
            else:
                yield Chunk(points, start, stop - start, floats, floats)
        return
    rows = iter(points)
    while chunk := list(islice(rows, size)):
        yield _chunk_of_rows(chunk)


def _texts(point: Point | Mapping[str, str]) -> Mapping[str, str]:
    return point.texts if isinstance(point, Point) else point


def _chunk_of_rows(points: Sequence[Point | Mapping[str, str]]) -> Chunk:
    rows = list(map(_texts, points))
    names = rows[0]
    return Chunk(
        points,
        0,
        len(rows),
        {name: [row[name] for row in rows] for name in names},
        {name: [_float(name, row[name]) for row in rows] for name in names},
    )


def _float(name: str, text: str) -> float:
    number = nearest_double(text)
    if number is not None:
        return number
    from gradcalc.calculate.at_point import nearest_float

    # A nonzero value that rounds to 0.0 becomes NaN, so that the bound leaves it undecided and the proof says what happened.
    return nearest_float(name, text, value_tree(name, text)) or math.nan


def sweep(prepared: PreparedQuery, points: Iterable[Chunk], proofs: int, counts: Counts) -> Iterator[ChunkResult]:
    """The results of each chunk: `proofs` of its points are proven, spread evenly, and those that the bound leaves open."""
    from gradcalc.commands.diff import vectorized
    from gradcalc.engines.autograd import devices

    device, dtype, _ = devices.choose(prepared.query.device, prepared.query.dtype)
    left = MAX_OPEN
    (tree,), bys = prepared.entries.entries, [partial.by for partial in prepared.partials]
    for chunk in points:
        size, count = chunk.size, min(proofs, chunk.size)
        run = vectorized.run(tree, chunk.floats, size, bys, dtype=dtype, device=device.name)
        sample = {place * (size - 1) // max(count - 1, 1) for place in range(count)}
        still_open = [place for place in run.open if place not in sample]
        undecided = frozenset(still_open[left:])
        proven = {place: answer(prepared.at(chunk.point(place))) for place in sorted(sample.union(still_open[:left]))}
        left -= min(left, len(still_open))
        counts.proven += len(proven)
        counts.undecided += len(undecided)
        counts.bounded += size - len(proven) - len(undecided)
        yield ChunkResult(prepared, chunk, dtype, device.name, run, proven, undecided)
