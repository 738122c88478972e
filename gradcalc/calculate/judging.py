"""The judgement on every partial of an expression at one point.

Almost all partials of a large array agree, and that is seen from the enclosures alone.  Only what is not so plain, and what
is shown, is judged one by one, with reasons and numbers as text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, cast

from gradcalc.calculate.formulas import Formulas
from gradcalc.calculate.partials import By, Line, PartialSpec
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.calculate.reference import Reference
from gradcalc.engines.autograd import backward
from gradcalc.engines.autograd.run import Run
from gradcalc.engines.rounding.enclosure import enclose
from gradcalc.engines.symbolic.messages import Formula
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import OutOfPrecision, Real
from gradcalc.expression.arrays import Array, indices
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node, Number, calls_in
from gradcalc.functions import TABLE
from gradcalc.functions.entry_builder import TooLong
from gradcalc.functions.stable_forms import rewrites
from gradcalc.proof import verdict
from gradcalc.proof.agreement import ZERO, Enclosures, Norms, agreeing
from gradcalc.proof.evidence import Evidence, ReplayedTrace
from gradcalc.proof.floats.formats import FloatError, Format, float_error
from gradcalc.proof.smoothness.differentiability import Regularity, Side
from gradcalc.proof.smoothness.kinds import Kind
from gradcalc.report import Judgement, Partial, Verdict
from gradcalc.runtime import deadline

LOST = frozenset({Verdict.INACCURATE, Verdict.NOT_FINITE})
"""Verdicts for which a numerically stable formulation may help."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The dtype and the device of a run, and the values as they were typed, by variable."""

    form: Format
    device: str
    exact: Mapping[str, Array[Any]]


class PointJudge:
    """The partials of a query at its point; `runs` are torch's, one for each entry of the expression."""

    def __init__(self, prepared: PreparedQuery, setting: Setting, runs: Sequence[Run]):
        self.prepared, self.setting, self.runs = prepared, setting, runs
        run = runs[0]
        variables = list(dict.fromkeys(axis.variable for axis in prepared.partials.axes))
        self.typed = Reference(prepared.written, setting.exact, variables)
        self.binary: Reference | None = None
        if run.is_at_a_point:
            stored: dict[str, Array[Any]] = {
                name: Array(cells.shape, cast("Any", run.input_arrays[name])) for name, cells in setting.exact.items()
            }
            is_same = _is_as_typed(setting.exact, run)
            self.binary = self.typed if is_same else Reference(prepared.written, stored, variables, run.constants)
        self.deviations = torch_deviations(prepared.tree)
        names = {node.name for node in calls_in(prepared.tree) if not node.args}
        self.constants = {name: value for name, value in run.constants.items() if name in names}
        """The constants of the expression that torch has rounded, as it has them."""
        self._trace: ReplayedTrace | None = None
        self._traces: dict[int, ReplayedTrace | None] = {}
        self._bounds: dict[int, Mapping[By, tuple[float, float]]] = {}
        self._rewrites: dict[int, Sequence[Node]] = {}
        self._plain: dict[int, bool] = {}
        self._by_formula: dict[tuple[str, bool], Mapping[tuple[int, ...], Real | None] | None] = {}

    def trace(self, place: int) -> ReplayedTrace | None:
        """The recorded run of an entry, replayed once for all; None where there is none."""
        if place not in self._traces:
            run = self.runs[place]
            trace = None
            if run.program is not None and run.is_at_a_point:
                self._trace = self._trace or ReplayedTrace(run, self.setting.form, self.setting.device)
                trace = self._trace.for_entry(run)
            self._traces[place] = trace
        return self._traces[place]

    def value(self, place: int) -> str | None:
        """The value of an entry of what was typed, if it has one."""
        value = self.typed.value(place)
        text = None if value is None else reals.known_decimal(value)
        if text is not None and text.endswith(_ZEROS):  # written out, it may be a rational number
            text = min(text, reals.known_decimal(self.typed.written_value(place)) or text, key=len)
        return text

    def agreeing(self, line: Line) -> list[bool]:
        """Which partials of a line agree beyond doubt; the others are to be judged one by one."""
        positions = line.axis.positions
        run, trace, variable = self.runs[line.place], self.trace(line.place), line.axis.variable
        floats = run.gradient(line.prefix, variable)
        none = [False] * len(positions)
        if trace is None or self.binary is None or floats is None or not self._is_plain(line.place, trace):
            return none
        typed, truths = (reference.slopes(line.place, line.prefix).get(variable) for reference in (self.typed, self.binary))
        view = run.gradient_view(line.prefix, variable)
        if typed is None or truths is None or (view is not None and not trace.is_current(view)):
            return none
        known = [None if typed[at] is None else truths[at] for at in positions]

        def programs(bits: int) -> Enclosures:
            enclosures = [ZERO] * len(floats) if view is None else trace.enclosures(view, bits)
            return [enclosures[at] for at in positions]

        return agreeing(floats[positions].tolist(), known, programs, self.setting.form)

    def add_norms(self, line: Line, norms: Norms) -> bool:
        """Take the errors of a line into account; False where a number or a derivative is missing."""
        floats = self.runs[line.place].gradient(line.prefix, line.axis.variable)
        if floats is None or self.binary is None:
            return False
        truths = [self._derivative(line, at) for at in line.axis.positions]
        if any(truth is None for truth in truths):
            return False
        norms.add(zip(floats[line.axis.positions].tolist(), cast("list[Real]", truths), strict=True))
        return True

    def _derivative(self, line: Line, at: int) -> Real | None:
        """The derivative of a line by the entry at a position, if any."""
        assert self.binary is not None
        slopes = self.binary.slopes(line.place, line.prefix).get(line.axis.variable)
        if slopes is not None and slopes[at] is not None:
            return slopes[at]
        regularity = self.binary.regularity(line.place, (*line.prefix, line.axis.entry(at)))
        return None if regularity is None else regularity.derivative

    def _is_plain(self, place: int, trace: ReplayedTrace) -> bool:
        """Whether there is nothing to be said about an entry of the value, and about the kernels that ran."""
        if place not in self._plain:
            run, binary = self.runs[place], None if self.binary is None else self.binary.smooth_value(place)
            is_whole = run.failure is None and not run.unrepresentable and not run.lost_literals
            self._plain[place] = (
                is_whole
                and binary is not None
                and self.typed.smooth_value(place) is not None
                and not trace.has_kernel_fault
                and verdict.judge_value(self._evidence_of_value(place), Regularity(Kind.SMOOTH, value=binary)) is None
            )
        return self._plain[place]

    def _evidence_of_value(self, place: int) -> Evidence:
        run, trace = self.runs[place], self.trace(place)
        return Evidence(
            (), None, None, None, None, self.setting.form, trace=trace, torch_deviations=self.deviations, value=run.value
        )

    def confirms(self, number: int, symbolic: Formulas) -> bool:
        """Whether sympy's formula of a partial, if it has a value, is the derivative at the point."""
        reference, spec = self.binary or self.typed, self.prepared.partials[number]
        enclosure, _ = self._enclosure(spec, symbolic.of(number), symbolic, reference)
        slope = reference.slope(spec.place, spec.entries)
        return enclosure is None or (slope is not None and reals.agree(enclosure, slope))

    def partial(self, spec: PartialSpec, formula: Formula | None, symbolic: Formulas, *, is_explained: bool) -> Partial:
        """A partial, judged with sympy's formula; `is_explained` asks for what made its number a bad one."""
        place, wrt = spec.place, spec.entries
        typed = self.typed.regularity(place, wrt)
        binary = None if self.binary is None else self.binary.regularity(place, wrt)
        enclosure, unusable = self._enclosure(spec, formula, symbolic, self.binary or self.typed)
        finding = verdict.judge(self._evidence(spec, typed, binary, enclosure, is_explained=is_explained))
        judgement, error = finding.judgement, finding.error
        suggestion = None
        if is_explained:
            with suppress(deadline.OutOfTime, TooLong):  # the verdict stands without it
                suggestion = self._suggestion(spec, judgement, error, binary)
        if suggestion is not None:
            formulation, digits = suggestion
            judgement = replace(
                judgement, why=f"{judgement.why}; {formulation} is numerically stable and keeps {digits:.1f} digits here"
            )
        singular = typed if typed is not None and typed.derivative is None else binary
        return Partial(
            spec.by,
            *((None, None) if formula is None else formula.texts),
            self._symbolic(spec, typed, formula, symbolic),
            None if binary is None else _decimal(binary.derivative),
            self.runs[place].partials.get(wrt),
            _decimal(singular.left) if singular else None,
            _decimal(singular.right) if singular else None,
            judgement.verdict,
            judgement.cause,
            judgement.side,
            None if error is None else error.digits,
            None if error is None else error.ulps,
            judgement.why,
            {
                "symbolic": unusable or "ok",
                "regularity": None if singular is None else str(singular.kind),
                "evidence": self._strength(place, singular, typed),
                **finding.proof,
                **({} if suggestion is None else {"suggestion": suggestion[0]}),
            },
            spec.index,
            spec.of,
            spec.entries,
        )

    def _evidence(
        self,
        spec: PartialSpec,
        typed: Regularity | None,
        binary: Regularity | None,
        enclosure: Real | None,
        *,
        is_explained: bool,
    ) -> Evidence:
        run = self.runs[spec.place]
        return Evidence(
            spec.entries,
            typed,
            binary,
            enclosure,
            run.partials.get(spec.entries),
            self.setting.form,
            run.failure,
            run.unrepresentable,
            self.trace(spec.place),
            self.deviations,
            self._rounding_bounds(spec.place).get(spec.entries),
            run.value,
            self.constants,
            run.lost_literals,
            is_explained,
        )

    def _rounding_bounds(self, place: int) -> Mapping[By, tuple[float, float]]:
        """What rounding can make of each first partial, where the program was not recorded.

        Where torch's backward pass takes another algorithm than the trees of the entries, no bound on these holds for it.
        """
        if place not in self._bounds:
            another = any(TABLE[node.name].different_backward_algorithm for node in calls_in(self.prepared.tree))
            bounds: Mapping[By, tuple[float, float]] = {}
            if self.trace(place) is None and not another:
                with suppress(TooLong):
                    bounds = _bounds(self.prepared.entries.entries[place], self.runs[place], self.setting.form)
            self._bounds[place] = bounds
        return self._bounds[place]

    def _symbolic(
        self, spec: PartialSpec, typed: Regularity | None, formula: Formula | None, symbolic: Formulas
    ) -> str | None:
        """The derivative at the typed point; where it looks round, sympy's formula may know it exactly."""
        if typed is None or typed.derivative is None:
            return None
        text = reals.known_decimal(typed.derivative)
        if text is not None and text.endswith(_ZEROS):
            exact, _ = self._enclosure(spec, formula, symbolic, self.typed)
            if exact is not None and reals.agree(typed.derivative, exact):
                text = min(text, reals.decimal(exact), key=len)
        return text

    def _strength(self, place: int, regularity: Regularity | None, typed: Regularity | None) -> str | None:
        """How strong the conclusion is: proven, numerical (high precision only), a rounding bound, or the number alone."""
        if regularity is None:
            return None
        if regularity.derivative is not None and self.trace(place) is None and self.runs[place].failure is None:
            return "bound" if self._rounding_bounds(place) else "number only"
        return "proven" if regularity.proven and (typed is None or typed.proven) else "numerical"

    def _suggestion(
        self, spec: PartialSpec, judgement: Judgement, error: FloatError | None, binary: Regularity | None
    ) -> tuple[str, float] | None:
        """A formulation of the same function whose derivative autograd gets right to more digits here, and how many."""
        if judgement.verdict not in LOST or error is None or binary is None or binary.derivative is None:
            return None
        form, wrt = self.setting.form, spec.entries
        if spec.place not in self._rewrites:
            self._rewrites[spec.place] = list(rewrites(self.typed.entry(spec.place).tree))
        trees = self._rewrites[spec.place]
        floats = {name: float(value) for name, value in self.runs[spec.place].inputs.items()} if trees else {}
        best: tuple[str, float] | None = None
        for tree in trees:
            run = backward.run(tree, floats, [wrt], dtype=form.name, device=self.setting.device)
            if wrt not in run.partials:
                continue
            digits = float_error(run.partials[wrt], binary.derivative, form).digits
            # A formulation that loses half of the digits too is not suggested.
            if digits >= form.digits / 2 and digits > (0.0 if best is None else best[1]):
                best = unparse(tree), digits
        return best

    def _enclosure(
        self, spec: PartialSpec, formula: Formula | None, symbolic: Formulas, reference: Reference
    ) -> tuple[Real | None, str | None]:
        """SymPy's derivative at a point as an enclosure, or None and why it cannot be used."""
        if formula is None:
            return None, symbolic.failure
        tree = formula.tree
        if tree is None:
            return None, formula.unusable
        whole = symbolic.whole(spec.by[0])
        if whole is not None:
            values = self._formula_values(spec.by[0], whole, symbolic, reference)
            value = None if values is None else values[spec.index]
            return value, None if value is not None else _WITHOUT_VALUE if values is not None else _TOO_LONG
        try:
            site = reference.entry(spec.place)
            return reals.refine(lambda: site.formula_value(tree, symbolic.parts)), None
        except OutOfPrecision:
            return None, _NO_VALUE
        except TooLong:
            return None, "SymPy's formula is too long to be compared"

    def _formula_values(
        self, variable: str, whole: Node, symbolic: Formulas, reference: Reference
    ) -> Mapping[tuple[int, ...], Real | None] | None:
        """The values of one formula by all entries of a variable, at a point; None where they take too long."""
        key = variable, reference is self.typed
        if key not in self._by_formula:
            self._by_formula[key] = None
            with suppress(deadline.OutOfTime), deadline.limit(_SECONDS_OF_FORMULA):
                values = reference.values_of_formula(whole, symbolic.parts)
                shape = self.setting.exact[variable].shape
                self._by_formula[key] = dict(zip(indices(shape), values.broadcast(shape).entries, strict=True))
            deadline.check()
        return self._by_formula[key]


_ZEROS = "0" * 10
_NO_VALUE = "SymPy's formula has no value here"
_WITHOUT_VALUE = "the formula has no value here"
_TOO_LONG = "the values of the formula take too long"
_SECONDS_OF_FORMULA = 2.0
"""What the values of a formula by all entries may take: the verdict does not need them."""


def _is_as_typed(exact: Mapping[str, Array[Any]], run: Run) -> bool:
    """Whether the dtype stores the values and the literals of an expression exactly: then both points are one."""
    return all(_is_stored_exactly(cells.entries, run.input_arrays[name]) for name, cells in exact.items()) and all(
        text[:1].isdigit() and Number(text).value == value for text, value in run.constants.items()
    )


def _is_stored_exactly(values: Any, floats: Any) -> bool:
    if hasattr(values, "dtype"):
        return bool((values == floats).all())
    return all(value == Fraction(number) for value, number in zip(values, floats.tolist(), strict=True))


def _bounds(tree: Node, run: Run, form: Format) -> dict[By, tuple[float, float]]:
    """What rounding can make of each first partial, where the program was not recorded."""
    if run.failure is not None or run.unrepresentable or run.lost_literals:
        return {}
    values = {name: float(value) for name, value in run.inputs.items()}
    constants = {text: float(value) for text, value in run.constants.items()}
    names = [wrt[0] for wrt in run.partials if len(wrt) == 1]
    _, slopes = enclose(tree, values, constants, names, precision=form.precision, lowest=form.lowest)
    ends = {(name,): (slope.low.item(), slope.high.item()) for name, slope in slopes.items()}
    return {wrt: (low, high) for wrt, (low, high) in ends.items() if math.isfinite(low) and math.isfinite(high)}


def torch_deviations(tree: Node) -> tuple[str, ...]:
    """What torch documents about functions of the expression that it defines in its own way."""
    rows = [TABLE[node.name] for node in calls_in(tree)]
    return tuple(dict.fromkeys(row.torch_deviation for row in rows if row.torch_deviation))


def _decimal(value: Side | Real | float | None) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        return "inf" if value > 0 else "-inf"
    return reals.known_decimal(value)
