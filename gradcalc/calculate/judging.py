"""The judgement on every partial of one entry of an expression at one point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gradcalc.engines.symbolic.messages import Derived, Formula
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, steps
from gradcalc.functions import TABLE
from gradcalc.functions.stable_forms import rewrites
from gradcalc.report import Judgement, Partial, Verdict
from gradcalc.runtime import deadline

if TYPE_CHECKING:
    from gradcalc.engines.autograd.backward import Run
    from gradcalc.engines.taylor.at_point import Site
    from gradcalc.engines.taylor.reals import Real
    from gradcalc.proof.evidence import Traced
    from gradcalc.proof.floats.formats import Distance, Format
    from gradcalc.proof.smoothness.differentiability import Regularity, Side
from gradcalc.calculate.partials import By


class _Judging:
    """The partials of one entry of an expression at one point; `like` is what is known of the program from another entry."""

    def __init__(
        self,
        typed: Site,
        binary: Site | None,
        run: Run,
        bys: Sequence[By],
        dtype: str,
        device: str,
        like: Traced | None,
        *,
        has_detour: bool,
    ):
        from gradcalc.proof.evidence import Traced
        from gradcalc.proof.floats.formats import FORMATS

        self.typed, self.binary, self.run, self.device = typed, binary, run, device
        self.form = FORMATS[dtype]
        self.documented = _documented(typed.tree)
        is_whole = run.program is not None and run.is_at_a_point
        self.traced = None if not is_whole else Traced(run, self.form, device) if like is None else like.entry(run)
        self.bounds = {} if is_whole or has_detour else _bounds(typed.tree, run, self.form)
        self.constants = _rounded_constants(typed, run)
        self.rewrites: Sequence[Node] | None = None
        self.examined = {by: (_examine(typed, by), _examine(binary, by)) for by in bys}

    def value(self) -> str | None:
        """The value of what was typed, if it has one."""
        from gradcalc.engines.taylor import reals
        from gradcalc.proof.smoothness.differentiability import value_of

        try:
            value = value_of(self.typed)
        except reals.OutOfPrecision:
            return None
        return reals.known_decimal(value)

    def partial(self, by: By, formula: Formula | None, derived: Derived | str, *, is_explained: bool) -> Partial:
        """A partial, judged with what sympy found; `is_explained` asks for what made its number a bad one."""
        from gradcalc.proof import verdict
        from gradcalc.proof.evidence import Evidence

        typed, binary = self.examined[by]
        enclosed, unusable = self.enclosed(formula, derived, self.binary or self.typed)
        number = self.run.partials.get(by)
        evidence = Evidence(
            by,
            typed,
            binary,
            enclosed,
            number,
            self.form,
            self.run.failure,
            self.run.unrepresentable,
            self.traced,
            self.documented,
            self.bounds.get(by),
            self.run.value,
            self.constants,
            self.run.lost_literals,
            is_explained,
        )
        finding = verdict.judge(evidence)
        judgement, far = finding.judgement, finding.far
        suggestion = None
        if is_explained:
            with suppress(deadline.OutOfTime):  # the verdict stands without it
                suggestion = self.suggestion(by, judgement, far, binary)
        if suggestion is not None:
            spelling, digits = suggestion
            judgement = replace(judgement, why=f"{judgement.why}; {spelling} keeps {digits:.1f} digits here")
        troubled = typed if typed is not None and typed.derivative is None else binary
        return Partial(
            by,
            None if formula is None else formula.text or None,
            None if formula is None else formula.latex or None,
            self.symbolic(typed, formula, derived),
            None if binary is None else _decimal(binary.derivative),
            number,
            _decimal(troubled.left) if troubled else None,
            _decimal(troubled.right) if troubled else None,
            judgement.verdict,
            judgement.cause,
            judgement.side,
            None if far is None else far.digits,
            None if far is None else far.ulps,
            judgement.why,
            {
                "symbolic": unusable or "ok",
                "regularity": None if troubled is None else str(troubled.kind),
                "evidence": self.evidence(troubled, typed),
                **finding.proof,
                **({} if suggestion is None else {"suggestion": suggestion[0]}),
            },
        )

    def symbolic(self, typed: Regularity | None, formula: Formula | None, derived: Derived | str) -> str | None:
        """The derivative at the typed point; where it looks round, sympy's formula may know it exactly."""
        from gradcalc.engines.taylor import reals

        if typed is None or typed.derivative is None:
            return None
        text = reals.known_decimal(typed.derivative)
        if text is not None and text.endswith("0000000000"):
            exact, _ = self.enclosed(formula, derived, self.typed)
            if exact is not None and reals.agree(typed.derivative, exact):
                text = min(text, reals.decimal(exact), key=len)
        return text

    def evidence(self, found: Regularity | None, typed: Regularity | None) -> str | None:
        """How strong the conclusion is: proven, numerical (high precision only), a rounding bound, or the number alone."""
        if found is None:
            return None
        if found.derivative is not None and self.traced is None and self.run.failure is None:
            return "bound" if self.bounds else "number only"
        return "proven" if found.proven and (typed is None or typed.proven) else "numerical"

    def suggestion(
        self, by: By, judgement: Judgement, far: Distance | None, binary: Regularity | None
    ) -> tuple[str, float] | None:
        """A spelling of the same function whose derivative autograd gets right to more digits here, and how many."""
        if judgement.verdict not in (Verdict.INACCURATE, Verdict.NOT_FINITE) or far is None:
            return None
        if binary is None or binary.derivative is None:
            return None
        from gradcalc.engines.autograd import backward
        from gradcalc.proof.floats.formats import distance

        floats = {name: float(value) for name, value in self.run.inputs.items()}
        if self.rewrites is None:
            self.rewrites = list(rewrites(self.typed.tree))
        best: tuple[str, float] | None = None
        for tree in self.rewrites:
            run = backward.run(tree, floats, [by], dtype=self.form.name, device=self.device)
            if by not in run.partials:
                continue
            digits = distance(run.partials[by], binary.derivative, self.form).digits
            # A spelling that loses half of the digits too is no advice.
            if digits >= self.form.digits / 2 and digits > (0.0 if best is None else best[1]):
                best = unparse(tree), digits
        return best

    def enclosed(self, formula: Formula | None, derived: Derived | str, site: Site | None) -> tuple[Real | None, str | None]:
        """sympy's derivative at a point as an enclosure, or None and why it cannot be used."""
        from gradcalc.engines.taylor import reals

        if formula is None or isinstance(derived, str):
            return None, str(derived)
        tree = formula.tree
        if tree is None or site is None:
            return None, formula.unusable
        try:
            return reals.refine(lambda: site.formula_value(tree, derived.constants)), None
        except reals.OutOfPrecision:
            return None, "sympy's formula has no value here"


def _bounds(tree: Node, run: Run, form: Format) -> dict[By, tuple[float, float]]:
    """What rounding can make of each first partial, where the program was not recorded."""
    from gradcalc.engines.rounding.enclosure import enclose

    if run.failure is not None or run.unrepresentable or run.lost_literals:
        return {}
    values = {name: float(value) for name, value in run.inputs.items()}
    constants = {text: float(value) for text, value in run.constants.items()}
    names = [by[0] for by in run.partials if len(by) == 1]
    _, slopes = enclose(tree, values, constants, names, precision=form.precision, lowest=form.lowest)
    ends = {(name,): (slope.low.item(), slope.high.item()) for name, slope in slopes.items()}
    return {by: (low, high) for by, (low, high) in ends.items() if math.isfinite(low) and math.isfinite(high)}


def _rounded_constants(site: Site, run: Run) -> dict[str, Fraction]:
    """The constants of an expression that torch has rounded, as it has them."""
    named = {node.name for node in site.steps.nodes if isinstance(node, Call) and not node.args}
    return {name: value for name, value in run.constants.items() if name in named}


def _documented(tree: Node) -> tuple[str, ...]:
    """What torch documents about functions of the expression that it defines in its own way."""
    rows = [TABLE[node.name] for node in steps(tree).nodes if isinstance(node, Call)]
    return tuple(dict.fromkeys(row.torch_deviation for row in rows if row.torch_deviation))


def _examine(site: Site | None, by: By) -> Regularity | None:
    from gradcalc.engines.taylor.reals import OutOfPrecision
    from gradcalc.proof.smoothness.differentiability import examine

    try:
        return None if site is None else examine(site, by)
    except OutOfPrecision:
        return None


def _decimal(value: Side | Any) -> str | None:
    from gradcalc.engines.taylor import reals

    if value is None:
        return None
    if isinstance(value, float):
        return "inf" if value > 0 else "-inf"
    return reals.known_decimal(value)
