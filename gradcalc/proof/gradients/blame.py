"""Which custom Functions are at fault: each backward pass against the derivative of what its own forward pass computed.

Comes in: a recorded function and the replay of its program, which kept the gradients that went into and came out of custom
Functions.  Goes out: the applications whose own gradient is wrong.  The gradient that arrived is taken as it is, so that a
fault elsewhere is not blamed on them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb

from gradcalc.engines.autograd.function_recorder import Application, NodeRun, RecordedFunction
from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.array_steps import Flat
from gradcalc.engines.taylor.reals import is_accurate
from gradcalc.proof.floats.memory import Unknown
from gradcalc.proof.floats.replay import Replay
from gradcalc.proof.gradients.comparison import compared, largest_of
from gradcalc.proof.gradients.decomposition_rows import write_steps
from gradcalc.proof.gradients.derivative import DERIVATIVE_BITS, Meant, started, swept
from gradcalc.proof.gradients.words import Outcome


@dataclass(frozen=True, slots=True)
class Fault:
    """A custom Function, the first of its inputs whose gradient is wrong, and how it is wrong."""

    application: Application
    input: int
    signature: str


def own_runs(recorded: RecordedFunction) -> list[NodeRun]:
    """The backward passes of custom Functions, as they ran."""
    return [run for run in recorded.runs if run.application is not None and run.end >= 0]


def faults(recorded: RecordedFunction, replay: Replay) -> Iterator[Fault]:
    """The custom Functions whose own backward pass is wrong."""
    for run in own_runs(recorded):
        assert run.application is not None
        application = recorded.applications[run.application]
        fault = next(_faults(recorded, replay, run, application), None)
        if fault is not None:
            yield fault


def _faults(recorded: RecordedFunction, replay: Replay, run: NodeRun, application: Application) -> Iterator[Fault]:
    terms: list[tuple[TensorView, Flat]] = []
    for output, arrived in zip(application.outputs, run.grad_outputs, strict=False):
        cotangent = [] if arrived is None else _known(replay, arrived)
        if len(cotangent) == output.size:
            terms.append((output, cotangent))
    adjoints = _adjoints(recorded, application, terms) if terms else []
    for number, (view, adjoint, given) in enumerate(zip(application.inputs, adjoints, run.grad_inputs, strict=False)):
        if view is None:
            continue
        truths = adjoint or [reals.exact(0)] * view.size
        programs = [arb(0)] * view.size if given is None else _known(replay, given)
        if len(programs) == view.size and all(map(is_accurate, truths)):
            part = compared("", truths, programs, view, largest_of(truths), is_none=given is None)
            if part.outcome is Outcome.WRONG and part.signature:
                yield Fault(application, number, part.signature)


def meant_gradients(recorded: RecordedFunction, replay: Replay, by_design: Collection[Any]) -> list[Meant] | None:
    """What the Functions that are meant to have another gradient returned, exactly; None where that is not known."""
    meant = []
    for run in own_runs(recorded):
        assert run.application is not None
        application = recorded.applications[run.application]
        if not {application.name, application.cls} & set(by_design):
            continue
        gradients: list[Flat | None] = []
        for view, given in zip(application.inputs, run.grad_inputs, strict=False):
            known = None if given is None else _known(replay, given)
            if view is not None and known is not None and len(known) < view.size:
                return None
            gradients.append(known)
        meant.append(Meant(application, gradients))
    return meant


def _adjoints(
    recorded: RecordedFunction, application: Application, terms: Sequence[tuple[TensorView, Flat]]
) -> Sequence[Flat | None]:
    """The vector-Jacobian products of what an application computed, by its inputs."""
    program = started(recorded)
    operations = recorded.record.tensor_operations
    for place in range(application.start):
        program.run(place, operations[place], write_steps)
    boundary = []
    for view in application.inputs:
        own = None if view is None else program.identity(program.read(view))
        boundary.append(0 if own is None else own.place)
        if view is not None and own is not None:
            program.write(view, own)
    for place in range(application.start, application.end):
        program.run(place, operations[place], write_steps)
    program.place = -1
    arrays = program.weighted([(program.read(output), cotangent) for output, cotangent in terms])
    with reals.precision(DERIVATIVE_BITS[-1]):
        return swept(recorded, arrays, program).adjoints_at(boundary)


def _known(replay: Replay, view: TensorView) -> list[arb]:
    """What a watched tensor held; fewer numbers than it has entries if some are not known."""
    contents = replay.watched.get(id(view), ())
    return [it for it in contents if not isinstance(it, Unknown) and it.is_finite()]
