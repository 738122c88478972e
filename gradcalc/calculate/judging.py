"""The judgement on every partial of one entry of an expression at one point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction

from gradcalc.calculate.partials import By
from gradcalc.engines.autograd import backward
from gradcalc.engines.autograd.run import Run
from gradcalc.engines.rounding.enclosure import enclose
from gradcalc.engines.symbolic.messages import Derivatives, Formula
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import OutOfPrecision, Real
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, Number, calls_in
from gradcalc.functions import TABLE
from gradcalc.functions.stable_forms import rewrites
from gradcalc.proof import verdict
from gradcalc.proof.evidence import Evidence, ReplayedTrace
from gradcalc.proof.floats.formats import FloatError, Format, float_error
from gradcalc.proof.smoothness.differentiability import Regularity, Side, examine_all, value_of
from gradcalc.report import Judgement, Partial, Verdict
from gradcalc.runtime import deadline

LOST = frozenset({Verdict.INACCURATE, Verdict.NOT_FINITE})
"""Verdicts for which a numerically stable formulation may help."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the entries of an expression have in common at a point.

    `exact` are the values as they were typed, by the names of entries; `wrt` what the partials are with respect to.  Where
    torch's backward pass takes `another_algorithm` than the trees of the entries, no rounding bound on these holds for it.
    """

    exact: Mapping[str, Fraction | Node]
    wrt: Sequence[By]
    form: Format
    device: str
    another_algorithm: bool


class PointJudge:
    """The partials of one entry; `template` is the trace of another entry, whose replay is shared."""

    def __init__(self, setting: Setting, tree: Node, run: Run, template: ReplayedTrace | None):
        self.setting, self.run = setting, run
        self.typed = ExpressionAt(tree, setting.exact)
        self.binary = ExpressionAt(tree, run.inputs, run.constants) if run.is_at_a_point else None
        self.deviations = torch_deviations(tree)
        is_whole = run.program is not None and run.is_at_a_point
        self.trace = (
            None
            if not is_whole
            else ReplayedTrace(run, setting.form, setting.device)
            if template is None
            else template.for_entry(run)
        )
        self.bounds = {} if is_whole or setting.another_algorithm else _bounds(tree, run, setting.form)
        names = {node.name for node in self.typed.program.nodes if isinstance(node, Call) and not node.args}
        self.constants = {name: value for name, value in run.constants.items() if name in names}
        """The constants of the expression that torch has rounded, as it has them."""
        self.rewrites: Sequence[Node] | None = None
        typed = examine_all(self.typed, setting.wrt)
        if self.binary is None:
            binary: list[Regularity | None] = [None] * len(typed)
        else:
            binary = typed if _is_as_typed(self.typed, run) else examine_all(self.binary, setting.wrt)
        self.regularity = dict(zip(setting.wrt, zip(typed, binary, strict=True), strict=True))

    def value(self) -> str | None:
        """The value of what was typed, if it has one."""
        try:
            value = value_of(self.typed)
        except OutOfPrecision:
            return None
        return reals.known_decimal(value)

    def partial(self, wrt: By, formula: Formula | None, symbolic: Derivatives | str, *, is_explained: bool) -> Partial:
        """A partial, judged with sympy's formula; `is_explained` asks for what made its number a bad one."""
        typed, binary = self.regularity[wrt]
        enclosure, unusable = self._enclosure(formula, symbolic, self.binary or self.typed)
        finding = verdict.judge(self._evidence(wrt, enclosure, is_explained=is_explained))
        judgement, error = finding.judgement, finding.error
        suggestion = None
        if is_explained:
            with suppress(deadline.OutOfTime):  # the verdict stands without it
                suggestion = self._suggestion(wrt, judgement, error, binary)
        if suggestion is not None:
            formulation, digits = suggestion
            judgement = replace(
                judgement, why=f"{judgement.why}; {formulation} is numerically stable and keeps {digits:.1f} digits here"
            )
        singular = typed if typed is not None and typed.derivative is None else binary
        return Partial(
            wrt,
            *((None, None) if formula is None else formula.texts),
            self._symbolic(typed, formula, symbolic),
            None if binary is None else _decimal(binary.derivative),
            self.run.partials.get(wrt),
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
                "evidence": self._strength(singular, typed),
                **finding.proof,
                **({} if suggestion is None else {"suggestion": suggestion[0]}),
            },
        )

    def _evidence(self, wrt: By, enclosure: Real | None, *, is_explained: bool) -> Evidence:
        typed, binary = self.regularity[wrt]
        run = self.run
        return Evidence(
            wrt,
            typed,
            binary,
            enclosure,
            run.partials.get(wrt),
            self.setting.form,
            run.failure,
            run.unrepresentable,
            self.trace,
            self.deviations,
            self.bounds.get(wrt),
            run.value,
            self.constants,
            run.lost_literals,
            is_explained,
        )

    def _symbolic(self, typed: Regularity | None, formula: Formula | None, symbolic: Derivatives | str) -> str | None:
        """The derivative at the typed point; where it looks round, sympy's formula may know it exactly."""
        if typed is None or typed.derivative is None:
            return None
        text = reals.known_decimal(typed.derivative)
        if text is not None and text.endswith("0000000000"):
            exact, _ = self._enclosure(formula, symbolic, self.typed)
            if exact is not None and reals.agree(typed.derivative, exact):
                text = min(text, reals.decimal(exact), key=len)
        return text

    def _strength(self, regularity: Regularity | None, typed: Regularity | None) -> str | None:
        """How strong the conclusion is: proven, numerical (high precision only), a rounding bound, or the number alone."""
        if regularity is None:
            return None
        if regularity.derivative is not None and self.trace is None and self.run.failure is None:
            return "bound" if self.bounds else "number only"
        return "proven" if regularity.proven and (typed is None or typed.proven) else "numerical"

    def _suggestion(
        self, wrt: By, judgement: Judgement, error: FloatError | None, binary: Regularity | None
    ) -> tuple[str, float] | None:
        """A formulation of the same function whose derivative autograd gets right to more digits here, and how many."""
        if judgement.verdict not in LOST or error is None or binary is None or binary.derivative is None:
            return None
        form = self.setting.form
        floats = {name: float(value) for name, value in self.run.inputs.items()}
        if self.rewrites is None:
            self.rewrites = list(rewrites(self.typed.tree))
        best: tuple[str, float] | None = None
        for tree in self.rewrites:
            run = backward.run(tree, floats, [wrt], dtype=form.name, device=self.setting.device)
            if wrt not in run.partials:
                continue
            digits = float_error(run.partials[wrt], binary.derivative, form).digits
            # A formulation that loses half of the digits too is not suggested.
            if digits >= form.digits / 2 and digits > (0.0 if best is None else best[1]):
                best = unparse(tree), digits
        return best

    def _enclosure(
        self, formula: Formula | None, symbolic: Derivatives | str, site: ExpressionAt | None
    ) -> tuple[Real | None, str | None]:
        """SymPy's derivative at a point as an enclosure, or None and why it cannot be used."""
        if formula is None or isinstance(symbolic, str):
            return None, str(symbolic)
        tree = formula.tree
        if tree is None or site is None:
            return None, formula.unusable
        try:
            return reals.refine(lambda: site.formula_value(tree, symbolic.constants)), None
        except OutOfPrecision:
            return None, "SymPy's formula has no value here"


def _is_as_typed(typed: ExpressionAt, run: Run) -> bool:
    """Whether the dtype stores the values and the literals of an expression exactly: then both points are one."""
    return all(typed.given_value(name) == run.inputs.get(name) for name in typed.names) and all(
        text[:1].isdigit() and Number(text).value == value for text, value in run.constants.items()
    )


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
