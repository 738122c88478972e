"""The judged partials of a query: verdicts of all, and each as a record when it is read.

A gradient of a model has a hundred thousand entries, and of these a table shows twelve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from gradcalc.calculate.formulas import Formulas
from gradcalc.calculate.judging import LOST, PointJudge
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.calculate.reporting import undecided_partial
from gradcalc.engines.autograd.run import Run
from gradcalc.proof.agreement import Norms
from gradcalc.report import LazyPartials, Partial, Verdict
from gradcalc.runtime import deadline

MAX_EXPLAINED = 24
"""Inaccurate entries of an array that are searched for the operation and a stable formulation: as many as are shown."""
_EXPLANATION_SECONDS = 1.0
"""For this search, which takes a large program apart number by number: the verdicts stand without it."""
MAX_KEPT = 1_000
"""Records that are kept of partials that do not plainly agree; of more, only the verdicts."""


class JudgedPartials:
    """The partials of a query as they are judged: first all that agree beyond doubt, then the others one by one."""

    def __init__(self, prepared: PreparedQuery, runs: Sequence[Run]):
        self._prepared, self._runs = prepared, runs
        self._count = len(prepared.partials)
        self._is_listed = prepared.is_short
        self._agreeing = bytearray(self._count)
        self._verdicts: dict[int, Verdict | None] = {}
        """Of the partials that were judged one by one."""
        self._kept: dict[int, Partial] = {}
        """The first of these."""
        self._next = 0
        """The partial that is judged next."""
        self._judge: PointJudge | None = None
        self._symbolic = Formulas()
        self._lost: list[int] = []
        self._explained = 0
        self._reason = ""

    def compare(self, judge: PointJudge) -> None:
        """Find the partials that agree beyond doubt.  Raises `OutOfTime`."""
        self._judge = judge
        if self._is_listed:  # each of them is shown
            return
        for line in self._prepared.partials.lines():
            for number, agrees in enumerate(judge.agreeing(line), line.start):
                self._agreeing[number] = agrees

    def judge(self, judge: PointJudge, symbolic: Formulas) -> None:
        """Judge all other partials, with sympy's formulas.  Raises `OutOfTime`."""
        self._symbolic = symbolic
        for number in range(self._count):
            self._next = number
            if self._agreeing[number]:
                if number >= symbolic.count or judge.confirms(number, symbolic):
                    continue
                self._agreeing[number] = False
            deadline.check()
            partial = self._judged(number, is_explained=self._is_listed and len(self._lost) < MAX_EXPLAINED)
            if partial.verdict in LOST:
                self._lost.append(number)
            self._verdicts[number] = partial.verdict
            if self._is_listed or len(self._kept) < MAX_KEPT:
                self._kept[number] = partial
        if self._is_listed:
            self._explained = min(len(self._lost), MAX_EXPLAINED)
        else:
            self._explain()

    def _explain(self) -> None:
        """Search the first inaccurate entries for what made them so, as long as that may take."""
        with suppress(deadline.OutOfTime), deadline.limit(_EXPLANATION_SECONDS):
            for number in self._lost[:MAX_EXPLAINED]:
                if number in self._kept:
                    deadline.check()
                    self._kept[number] = self._judged(number, is_explained=True)
                    self._explained += 1

    def end(self, symbolic: Formulas, why: str) -> None:
        """Give up what is not judged yet: also agreement beside a formula that was not looked at."""
        self._symbolic, self._reason = symbolic, why
        for number in range(self._next, min(symbolic.count, self._count)):
            self._agreeing[number] = False

    def _judged(self, number: int, *, is_explained: bool = False) -> Partial:
        assert self._judge is not None
        spec, symbolic = self._prepared.partials[number], self._symbolic
        return self._judge.partial(spec, symbolic.of(number), symbolic, is_explained=is_explained)

    def _undecided(self, number: int) -> Partial:
        """A partial for which there was no time."""
        spec = self._prepared.partials[number]
        formula = self._symbolic.of(number)
        return undecided_partial(
            spec, self._reason, formula.texts if formula else (None, None), self._runs[spec.place].partials.get(spec.entries)
        )

    def _partial(self, number: int) -> Partial:
        if number in self._kept:
            return self._kept[number]
        is_judged = self._agreeing[number] or number in self._verdicts
        return self._judged(number) if is_judged else self._undecided(number)

    @property
    def sequence(self) -> Sequence[Partial]:
        """The partials in order."""
        if self._is_listed:
            return tuple(map(self._partial, range(self._count)))
        counts = Counter(self._verdicts.values())
        agreeing = sum(self._agreeing)
        counts[Verdict.AGREE] += agreeing
        counts[Verdict.UNDECIDED] += self._count - agreeing - len(self._verdicts)
        return LazyPartials(self._count, counts, self._partial, self._kept)

    @property
    def notes(self) -> Sequence[str]:
        """The note that not every lost number was looked into."""
        if len(self._lost) <= self._explained:
            return ()
        explained = f"{self._explained} were searched for the operation and a stable formulation"
        return (f"of {len(self._lost)} inaccurate entries, {explained}",)

    @property
    def normwise_digits(self) -> float | None:
        """The digits of all partials of arrays as one vector; None for numbers, and where a partial is not known."""
        if self._count < 2 or not self._prepared.partials.has_arrays or self._reason or self._judge is None:
            return None
        norms = Norms()
        for line in self._prepared.partials.lines():
            if not self._judge.add_norms(line, norms):
                return None
        return norms.digits(self._judge.setting.form)
