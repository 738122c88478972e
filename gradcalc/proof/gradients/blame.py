"""Which custom Functions are at fault: each backward pass against the derivative of what its own forward pass computed.

Comes in: the backward passes of custom Functions, with the gradients that went in and came out.  Goes out: the applications
whose own gradient is wrong.  The gradient that arrived is taken as it is, so that a fault elsewhere is not blamed on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flint import arb

from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.autograd.recorded_function import Application, NodeRun
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.array_steps import Flat
from gradcalc.engines.taylor.reals import ball, is_accurate
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.proof.gradients.comparison import compared, largest_of, negligible
from gradcalc.proof.gradients.derivative import Meant, own_derivative
from gradcalc.proof.gradients.function_runs import FunctionRuns, sums_of_shared
from gradcalc.proof.gradients.words import Outcome


@dataclass(frozen=True, slots=True)
class Fault:
    """A custom Function, the first of its inputs whose gradient is wrong, and how it is wrong.

    `input` is None where what is wrong is no gradient of its own.
    """

    application: Application
    input: int | None
    signature: str


def faults(functions: FunctionRuns) -> Iterator[Fault]:
    """The custom Functions whose own backward pass is wrong."""
    own = list(measured_faults(functions))
    for run in functions.runs:
        fault = next(_faults(functions, run, functions.application(run)), None)
        if fault is not None:
            own.append(fault)
    yield from own or [Fault(it, None, _WRITES) for it in functions.writing]


_WRITES = "it writes to the gradient that it gets, which others get, too"


def measured_faults(functions: FunctionRuns) -> Iterator[Fault]:
    """Those whose floats are far from the derivative, where no more is known of it."""
    for each in functions.measurements:
        if each.distance.signature:
            yield Fault(each.application, each.input, each.distance.signature)


def _faults(functions: FunctionRuns, run: NodeRun, application: Application) -> Iterator[Fault]:
    terms: list[tuple[TensorView, Flat]] = []
    for output, arrived in zip(application.outputs, run.grad_outputs, strict=False):
        cotangent = [] if arrived is None else functions.known(arrived)
        if len(cotangent) == output.size:
            terms.append((output, cotangent))
    adjoints = own_derivative(functions.recorded, application, terms) if terms else []
    for number, (view, adjoint, given) in enumerate(zip(application.inputs, adjoints, run.grad_inputs, strict=False)):
        if view is None:
            continue
        truths = adjoint or [reals.exact(0)] * view.size
        programs = [arb(0)] * view.size if given is None else functions.known(given)
        if len(programs) < view.size:
            continue
        truths, sums = sums_of_shared(view, truths), sums_of_shared(view, programs)
        largest = largest_of(truths)
        floor = negligible(largest, FORMATS[view.dtype].precision)
        if all(is_accurate(truth) or abs(ball(truth)) <= floor for truth in truths):
            part = compared("", truths, sums, view, largest, is_none=given is None)
            if part.outcome is Outcome.WRONG and part.signature:
                yield Fault(application, number, part.signature)


def meant_gradients(functions: FunctionRuns) -> list[Meant] | None:
    """What the Functions that are meant to have another gradient returned, exactly; None where that is not known."""
    meant = []
    for run in functions.runs:
        application = functions.application(run)
        if not functions.is_meant(application):
            continue
        gradients: list[Flat | None] = []
        for view, given in zip(application.inputs, run.grad_inputs, strict=False):
            known = None if given is None else functions.known(given)
            if view is not None and known is not None and len(known) < view.size:
                return None
            gradients.append(known)
        meant.append(Meant(application, gradients))
    return meant
