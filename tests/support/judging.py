"""The proven verdict without sympy, quickly: what `calculate.answer` does at a point, but for the formula.

Comes in: a `Case`, a dtype, and faults to run it under.  Goes out: a `Judged` for each partial derivative.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from gradcalc.calculate.at_point import nearest_float as nearest_input
from gradcalc.calculate.judging import torch_deviations
from gradcalc.engines.autograd import backward
from gradcalc.engines.autograd.forward import Hook
from gradcalc.engines.autograd.program import By
from gradcalc.engines.autograd.run import Run
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import Real, ball, exact, nearest_float, to_fraction
from gradcalc.expression.arrays import entry_names, named_entries
from gradcalc.expression.tree import Number, names_in
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import scalarize
from gradcalc.inputs.values import read_value
from gradcalc.proof.evidence import Evidence, ReplayedTrace
from gradcalc.proof.floats.formats import FORMATS, Format
from gradcalc.proof.smoothness.differentiability import Regularity, examine_all
from gradcalc.proof.smoothness.kinds import Kind
from gradcalc.proof.verdict import Finding, judge
from support.expressions import Case


@dataclass(frozen=True)
class Judged:
    """One partial under one run."""

    by: By
    number: float | None
    truth: Regularity | None
    finding: Finding
    traced: ReplayedTrace | None

    @property
    def verdict(self) -> str:
        return str(self.finding.judgement.verdict)

    @property
    def cause(self) -> str | None:
        return self.finding.judgement.cause

    @property
    def side(self) -> str | None:
        return self.finding.judgement.side


class Question:
    """A case in a dtype: its regularity is found once, its runs may be many.

    `tree` is the expression as torch runs it, `entry` the tree of numbers that the case asks for: the same without arrays.
    `floats` are by the names of entries.
    """

    def __init__(self, case: Case, dtype: str, order: int = 1, device: str = "cpu"):
        self.case, self.dtype, self.device = case, dtype, device
        self.form: Format = FORMATS[dtype]
        self.tree = understand(case.expr, case.at)
        arrays = {name: read_value(name, text).entries for name, text in case.at.items()}
        values = {entry: value for name, cells in arrays.items() for entry, value in named_entries(name, cells)}
        self.floats = {entry: nearest_input(entry, "", value) for entry, value in values.items()}
        self.names = {name: entry_names(name, cells.shape) for name, cells in arrays.items()}
        self.is_of_arrays = any(names.shape for names in self.names.values())
        self.entry = scalarize(self.tree, arrays).entries[case.place]
        self.bys: Sequence[By] = list(product((e for n in names_in(self.tree) for e in self.names[n].entries), repeat=order))
        self.typed = ExpressionAt(self.entry, {n: v.value if isinstance(v, Number) else v for n, v in values.items()})
        self.deviations = torch_deviations(self.entry)
        self._regularity: dict[tuple[By, tuple[tuple[str, Fraction], ...] | None], Regularity | None] = {}

    def run(self, hook: Hook | None = None) -> Run:
        """One traced run of torch."""
        return self._ran(self.floats, self.bys, hook, record=True)

    def value_at(self, floats: Mapping[str, float], hook: Hook | None = None) -> float | None:
        """The value elsewhere, as torch computes it."""
        return self._ran(floats, (), hook, record=False).value

    def _ran(self, floats: Mapping[str, float], bys: Sequence[By], hook: Hook | None, *, record: bool) -> Run:
        given = {name: names.map(floats.__getitem__) for name, names in self.names.items()}
        place = self.case.place
        return backward.runs(
            self.tree,
            given,
            backward.gradients_of(bys, given),
            place + 1,
            dtype=self.dtype,
            device=self.device,
            record=record,
            hook=hook,
        )[place]

    def judged(self, run: Run) -> list[Judged]:
        """The verdict on every partial of a run."""
        traced = ReplayedTrace(run, self.form, self.device) if run.program is not None and run.is_at_a_point else None
        return [self.partial(run, by, traced) for by in self.bys]

    def site(self, run: Run) -> ExpressionAt:
        """The expression at the point that torch received."""
        return ExpressionAt(self.entry, run.inputs, run.constants)

    def partial(self, run: Run, by: By, traced: ReplayedTrace | None, formula: Real | None = None) -> Judged:
        """The verdict on one partial; `formula` is the symbolic derivative, if there is one."""
        typed, binary = self.regularity_at(by, None), self.regularity_at(by, run) if run.is_at_a_point else None
        number = run.partials.get(by)
        evidence = Evidence(
            by,
            typed,
            binary,
            formula,
            number,
            self.form,
            run.failure,
            run.unrepresentable,
            traced,
            self.deviations,
            value=run.value,
            lost_literals=run.lost_literals,
        )
        return Judged(by, number, binary, judge(evidence), traced)

    def regularity_at(self, by: By, run: Run | None) -> Regularity | None:
        """The regularity at the point a run received, or at the typed point; found once."""
        received = None if run is None else tuple(sorted(run.inputs.items()))
        if (by, received) not in self._regularity:
            site = self.typed if run is None else self.site(run)
            (self._regularity[by, received],) = examine_all(site, [by])
        return self._regularity[by, received]


def is_regular(judged: Judged) -> bool:
    """Whether there is a derivative to compare with, at a point where the expression is a power series."""
    return judged.truth is not None and judged.truth.kind is Kind.SMOOTH and judged.finding.error is not None


def reference(judged: Judged, form: Format) -> float:
    """The true derivative, rounded correctly to the format: the best that a tolerance could be given."""
    assert judged.truth is not None
    assert judged.truth.derivative is not None
    truth = judged.truth.derivative
    ulp = to_fraction(form.ulp(truth))
    scaled = (ball(truth) / exact(ulp)).mid()
    whole = float((scaled + 0.5).floor()) if abs(scaled) < 2**53 else nearest_float(scaled)
    rounded = Fraction(int(whole)) * ulp
    try:
        number = float(rounded)
    except OverflowError:
        return math.copysign(math.inf, rounded)
    return number if abs(rounded) < Fraction(2) ** (form.highest + 1) else math.copysign(math.inf, number)
