"""The gradients of a recorded function: the exact derivative of its forward program against its backward program.

Comes in: a `RecordedFunction`.  Goes out: a `GradientReport`.  The derivative is by reverse mode in balls, for the one
random cotangent with which autograd ran; the backward program is replayed in exact arithmetic; every entry is compared.

No tolerance decides.  A gradient that differs by less than its dtype can show is told apart, and so is one that is right if
what was taken out of the graph counts as constant.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from gradcalc.engines.autograd.recorded_function import HookRun, RecordedFunction
from gradcalc.proof.gradients.blame import Fault, faults, meant_gradients, measured_faults
from gradcalc.proof.gradients.derivative import Derivative, derivative_of, reference_values
from gradcalc.proof.gradients.evidence import Evidence, is_finite
from gradcalc.proof.gradients.function_runs import Distance, distance
from gradcalc.proof.gradients.local_faults import local_faults
from gradcalc.proof.gradients.words import GradientReport, Outcome, Part, undecided, worst


def check_gradients(recorded: RecordedFunction, names: Sequence[str], by_design: Collection[Any] = ()) -> GradientReport:
    """Compare the gradients of a function with the derivative of what it computed.  Raises `OutOfTime`."""
    operations = len(recorded.record.tensor_operations)
    if not recorded.is_readable or not names:
        why = recorded.failure or (
            "complex, sparse, quantized and nested tensors are not looked at"
            if not recorded.is_real
            else "no output has entries that are floats"
            if not recorded.outputs
            else "there is no tensor of floats to differentiate by"
        )
        return undecided(names, why, operations)
    try:
        report = _Check(recorded, names, by_design).report()
        return report if report.verdict is not Outcome.WRONG else _without_hooks(recorded, names, by_design, report)
    except (ValueError, IndexError, ZeroDivisionError, TypeError, AttributeError) as error:  # a form that no row foresaw
        return undecided(names, f"not understood: {error}", operations)


def _without_hooks(
    recorded: RecordedFunction, names: Sequence[str], by_design: Collection[Any], report: GradientReport
) -> GradientReport:
    """What is to be said of a wrong gradient where hooks change gradients: that is what torch documents them for."""
    runs = [moment.of for moment in recorded.moments if isinstance(moment.of, HookRun) and moment.is_end]
    changing = list(dict.fromkeys(run.name for run in runs if run.changes))
    if not changing:
        return report
    other = _Check(recorded, names, by_design, has_hooks=False).report()
    if other.verdict is Outcome.WRONG:
        return replace(other, notes=(*other.notes, f"without the hook {', '.join(changing)}"))
    parts = tuple(
        replace(own, outcome=Outcome.BY_DESIGN) if own.outcome is Outcome.WRONG and part.outcome is Outcome.PROVEN else part
        for own, part in zip(report.parts, other.parts, strict=True)
    )
    why = f"the hook {', '.join(changing)} changes a gradient; without it: {other.verdict}"
    return replace(other, verdict=worst([other.verdict, Outcome.BY_DESIGN]), parts=parts, why=why)


class _Check:
    """One record, looked at."""

    def __init__(
        self, recorded: RecordedFunction, names: Sequence[str], by_design: Collection[Any], *, has_hooks: bool = True
    ):
        self.recorded = recorded
        self.evidence = Evidence(recorded, names, by_design, has_hooks=has_hooks)
        self.functions = self.evidence.functions
        self.notes: list[str] = []

    def report(self) -> GradientReport:
        """The outcome, with what is to be said about it."""
        derivative = derivative_of(self.recorded)
        parts = self.evidence.parts(derivative)
        outcome = worst([part.outcome for part in parts])
        if outcome in (Outcome.PROVEN, Outcome.WRONG) and (other := self._not_its_reference(parts)) is not None:
            return other
        if outcome is Outcome.WRONG and (other := self._documented(parts, derivative) or self._stopped(parts)) is not None:
            return other
        why = None
        if (doubt := self._doubt(outcome, derivative)) is not None:
            why, outcome = doubt
        if outcome is Outcome.WRONG:
            return self._wrong(parts)
        if outcome is Outcome.PROVEN and self.functions.measurements:
            return self._measured(parts)
        if why is not None:
            parts = [replace(part, outcome=outcome, why=why) for part in parts]
        telling = next((part for part in parts if part.outcome is outcome and part.why), None)
        return self._reported(outcome, parts, why=why or ("" if telling is None else f"{telling.name}: {telling.why}"))

    def _reported(self, outcome: Outcome, parts: Sequence[Part], **fields: Any) -> GradientReport:
        notes = (*self.notes, *self.evidence.meanings.notes)
        operations = len(self.recorded.record.tensor_operations)
        return GradientReport(outcome, tuple(parts), notes=notes, operations=operations, **fields)

    # ------------------------------------------------------------------------------------------------- what is not right

    def _wrong(self, parts: Sequence[Part]) -> GradientReport:
        """The report on a wrong gradient: the custom Functions that are at fault, unless they are meant to be."""
        own_faults = list(faults(self.functions))
        names = tuple(dict.fromkeys(fault.application.name for fault in own_faults))
        meant = [it for it in own_faults if self.functions.is_meant(it.application)]
        telling = next(part for part in parts if part.outcome is Outcome.WRONG)
        if own_faults and len(meant) == len(own_faults) and self._is_meant():
            own = _excused(parts, Outcome.BY_DESIGN)
            outcome = worst([part.outcome for part in own])
            return self._reported(outcome, own, why=f"{', '.join(names)} by design: {telling.signature}", at_fault=names)
        if own_faults and len(meant) == len(own_faults) and (other := self._stopped(parts, is_meant=True)) is not None:
            return other
        others = [it for it in own_faults if it not in meant]
        if not others:
            why = f"{telling.name}: {telling.signature}"
            return self._reported(Outcome.WRONG, parts, signature=telling.signature, why=why)
        return self._blamed(parts, others[0], names)

    def _blamed(self, parts: Sequence[Part], fault: Fault, names: tuple[str, ...]) -> GradientReport:
        why = fault.signature if fault.input is None else f"the gradient of its input {fault.input}: {fault.signature}"
        where = {"function": fault.application.name, "line": fault.application.line, "signature": fault.signature}
        return self._reported(Outcome.WRONG, parts, why=why, at_fault=names, **where)

    def _is_meant(self, *, cut: bool = False) -> bool:
        """Whether the gradients are right but for the Functions that are meant to have others, or what was cut, too."""
        meant = meant_gradients(self.functions)
        return meant is not None and self.evidence.is_right(derivative_of(self.recorded, cut=cut, meant=meant))

    def _documented(self, parts: Sequence[Part], derivative: Derivative) -> GradientReport | None:
        """The report where the gradient is what torch documents instead of the derivative."""
        name = derivative.program.documented
        if not name:
            return None
        documented = derivative_of(self.recorded, documented=True)
        if not self.evidence.is_right(documented) or self._doubt(Outcome.PROVEN, documented):
            return None
        own = _excused(parts, Outcome.BY_DESIGN)
        return self._reported(Outcome.BY_DESIGN, own, why=f"{name} gets no gradient for that row, as torch documents")

    def _stopped(self, parts: Sequence[Part], *, is_meant: bool = False) -> GradientReport | None:
        """The report where the gradient is right if what was taken out of the graph counts as constant.

        With `is_meant`, the gradients of Functions are taken as they are that are meant to have others.
        """
        cuts, inner = self.recorded.cuts, self.recorded.intermediates
        if not (cuts or inner):
            return None
        if not (self._is_meant(cut=True) if is_meant else self.evidence.is_right(derivative_of(self.recorded, cut=True))):
            return None
        if not cuts:
            place, application = next(iter(inner.items()))
            how = "an intermediate result of the forward pass is used backward, and no gradient passes through it"
            where = {"function": application.name, "line": self.recorded.lines[place], "signature": how}
            return self._reported(Outcome.WRONG, parts, why=how, at_fault=(application.name,), **where)
        place, how = next(iter(cuts.items()))
        lines = list(dict.fromkeys(f"{how} at {self.recorded.lines[at]}" for at, how in cuts.items()))
        why = f"the graph is cut by {', '.join(lines)}; the gradient is right if what was cut counts as constant"
        return self._reported(
            Outcome.STOPPED, _excused(parts, Outcome.STOPPED), line=self.recorded.lines[place], signature=how, why=why
        )

    # ------------------------------------------------------------------------------------- what is right, but not proven

    def _doubt(self, outcome: Outcome, derivative: Derivative) -> tuple[str, Outcome] | None:
        """Why an outcome that the record suggests is not to be said, and what is to be said instead."""
        if outcome is Outcome.NOT_FINITE:
            return None
        if outcome in (Outcome.PROVEN, Outcome.WRONG) and (places := derivative.program.computed_outside):
            where = self.recorded.lines[places[0]]
            return f"a number at {where} may have been computed from the inputs outside of torch", Outcome.UNDECIDED
        if outcome is Outcome.WRONG and (line := self.evidence.item_of_backward()) is not None:
            return f"the backward pass takes a rounded number out of torch by .item() at {line}", Outcome.UNDECIDED
        if outcome in (Outcome.PROVEN, Outcome.WRONG) and (fault := self._kernel()) is not None:
            return fault, Outcome.UNDECIDED
        if not is_finite(self.recorded.outputs):
            return f"the value is not finite: {self.evidence.not_finite()}", Outcome.NOT_FINITE
        if outcome in (Outcome.PROVEN, Outcome.WRONG) and (why := self.evidence.doubt_about_value(derivative)) is not None:
            return why, Outcome.UNDECIDED
        if outcome is not Outcome.PROVEN:
            return None
        unseen = self.evidence.unseen(derivative.program)
        return None if unseen is None else (unseen, Outcome.UNDECIDED)

    def _kernel(self) -> str | None:
        """Which operation returned numbers that are not those of its formula; smaller errors are noted."""
        for fault in local_faults(self.recorded):
            how = f"{fault.name} at {fault.line} returned numbers with an error of {fault.ulps:.3g} ulps"
            if fault.is_far:
                return f"{how}: its kernel is wrong, or what is known of it"
            self.notes.append(f"{how}, beyond the bound of its kernel")
        return None

    def _measured(self, parts: Sequence[Part]) -> GradientReport:
        """The report where gradients fit together but for the floats of opaque backward passes."""
        far_off = list(measured_faults(self.functions))
        if far_off:
            names = tuple(dict.fromkeys(fault.application.name for fault in far_off))
            why = f"{', '.join(names)} returns numbers that are far off"
            return self._blamed([replace(part, outcome=Outcome.WRONG, why=why) for part in parts], far_off[0], names)
        ulps = max(it.distance.ulps for it in self.functions.measurements)
        opaque = ", ".join(dict.fromkeys(it.application.name for it in self.functions.measurements))
        why = f"the backward pass of {opaque} is not in torch: its floats are {ulps:.2g} ulps from the derivative"
        own = [replace(part, outcome=Outcome.MEASURED) for part in parts]
        return self._reported(Outcome.MEASURED, own, why=why, ulps=ulps)

    def _not_its_reference(self, parts: Sequence[Part]) -> GradientReport | None:
        """The report where a Function does not compute what its reference does, or where that is not known."""
        for application in self.recorded.applications:
            if application.reference is None:
                continue
            name, values = application.name, reference_values(self.recorded, application)
            distances = [distance(truths, view, "it") for truths, view in zip(values, application.outputs, strict=True)]
            far = next((it for it in distances if it is None or it.signature), Distance(0.0))
            if far is not None and not far.signature:
                ulps = max((it.ulps for it in distances if it is not None), default=0.0)
                self.notes.append(f"{name} is taken for its reference, from which its value is {ulps:.2g} ulps away")
                continue
            outcome = Outcome.UNDECIDED if far is None else Outcome.WRONG
            how = "its reference has no known value" if far is None else f"not the value of its reference: {far.signature}"
            own = [replace(part, outcome=outcome, why=f"{name}: {how}") for part in parts]
            return self._reported(outcome, own, function=name, line=application.line, signature=how, why=how)
        return None


def _excused(parts: Sequence[Part], outcome: Outcome) -> list[Part]:
    """The same parts, with another outcome for those that are not the derivative."""
    return [replace(part, outcome=outcome) if part.outcome is Outcome.WRONG else part for part in parts]
