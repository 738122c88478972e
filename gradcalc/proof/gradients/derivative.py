"""The exact derivative of what a recorded function computed, by reverse mode in balls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise

from flint import arb

from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.autograd.recorded_function import Application, RecordedFunction
from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.array_program import ArrayProgram, Reference
from gradcalc.engines.taylor.array_steps import Flat
from gradcalc.engines.taylor.array_sweep import Sweep
from gradcalc.engines.taylor.reals import Real, ball, is_accurate
from gradcalc.proof.floats.arithmetic import Exact
from gradcalc.proof.floats.formats import FORMATS
from gradcalc.proof.gradients import (  # noqa: F401  their rows belong to the table
    embedding_rows,
    factorization_rows,
    interpolation_rows,
    layer_rows,
    loss_rows,
    matrix_rows,
    move_rows,
    order_rows,
    pool_rows,
    reduction_rows,
    scatter_rows,
)
from gradcalc.proof.gradients.comparison import largest_of, negligible
from gradcalc.proof.gradients.decisions import Decision
from gradcalc.proof.gradients.decomposition_rows import write_steps
from gradcalc.proof.gradients.forward_program import ForwardProgram

DERIVATIVE_BITS = (reals.START_BITS, 2 * reals.START_BITS)


@dataclass(frozen=True, slots=True)
class Derivative:
    """The exact derivatives by each input, None where they are not known, and marks of the entries that are singular."""

    slopes: Sequence[Sequence[Real | None]]
    singular: Sequence[bytes]
    largest: arb
    """The size of the largest of them, at least."""
    program: ForwardProgram
    sweep: Sweep
    boundaries: Sequence[Decision]
    """The decisions at whose boundary the point lies."""


@dataclass(frozen=True, slots=True)
class Meant:
    """An application of a custom Function whose gradients are meant as they are: exactly, by each input that has one."""

    application: Application
    gradients: Sequence[Flat | None]


def derivative_of(
    recorded: RecordedFunction, *, cut: bool = False, documented: bool = False, meant: Sequence[Meant] = ()
) -> Derivative:
    """The derivative of the outputs, contracted with the cotangents, by the inputs.

    With `cut`, what was taken out of the graph counts as constant; with `documented`, what torch documents to have none.
    Of the Functions in `meant` the gradients stand for the derivative.
    """
    program = started(recorded, cut=cut)
    program.is_documented = documented
    linear: list[tuple[Reference, Flat]] = []
    run_forward(program, recorded, 0, recorded.record.forward, meant, linear)
    arrays = program.contracted(recorded.outputs, recorded.cotangents, linear)
    slopes: list[list[Real | None]] = [[None] * view.size for view in recorded.inputs]
    sweep, largest = None, arb(0)
    for bits in DERIVATIVE_BITS:
        with reals.precision(bits):
            sweep = swept(arrays, program)
            adjoints = sweep.adjoints(0)
        values = [adjoints.get(_name(place)) or [reals.exact(0)] * len(each) for place, each in enumerate(slopes)]
        for known, computed in zip(slopes, values, strict=True):
            known[:] = [new if is_accurate(new) else old for old, new in zip(known, computed, strict=True)]
        largest = largest_of(chain.from_iterable(slopes))
        for known, computed, view in zip(slopes, values, recorded.inputs, strict=True):
            floor = negligible(largest, FORMATS[view.dtype].precision)
            pairs = zip(known, computed, strict=True)
            known[:] = [new if old is None and abs(ball(new)) <= floor else old for old, new in pairs]
        if all(slope is not None for each in slopes for slope in each):
            break
    assert sweep is not None
    marks = sweep.singular_entries(0)
    singular = [marks.get(_name(number)) or bytes(view.size) for number, view in enumerate(recorded.inputs)]
    return Derivative(slopes, singular, largest, program, sweep, list(program.decisions.at_boundary(program, sweep)))


def run_forward(
    program: ForwardProgram,
    recorded: RecordedFunction,
    start: int,
    end: int,
    meant: Sequence[Meant] = (),
    linear: list[tuple[Reference, Flat]] | None = None,
) -> None:
    """Write the steps of operations; a reference stands for its Function, known gradients for those in `meant`.

    The inputs of those in `meant` are added to `linear`, with the gradients that they are given.
    """
    whole = [it for it in recorded.applications if start <= it.start and it.end <= end]
    replaced = {place for it in whole if it.reference is not None for place in range(it.own_start, it.end)}
    known = {id(each.application): each for each in meant}
    for place in range(start, end + 1):
        for each in whole:
            if each.end == place:
                _return(program, each, is_meant=id(each) in known)
            if each.start == place and linear is not None and id(each) in known:
                linear += _contributions(program, known[id(each)])
        if place < end and place not in replaced:
            program.run(place, recorded.record.tensor_operations[place], write_steps)


def _return(program: ForwardProgram, application: Application, *, is_meant: bool) -> None:
    """Put the results of a Function where they lie, if they are not those of its own operations."""
    for view, reference in zip(application.outputs, application.reference or application.outputs, strict=True):
        if application.reference is not None or is_meant:
            array = program.read(reference)
            program.write(view, program.stop(array) if is_meant else array)


def _contributions(program: ForwardProgram, meant: Meant) -> list[tuple[Reference, Flat]]:
    """The inputs of an application with the gradients that it returned for them."""
    pairs = zip(meant.application.inputs, meant.gradients, strict=False)
    return [(program.read(view), known) for view, known in pairs if view is not None and known is not None]


def own_derivative(
    recorded: RecordedFunction,
    application: Application,
    terms: Sequence[tuple[TensorView, Flat]],
    *,
    at_floats: bool = False,
) -> Sequence[Flat | None]:
    """The vector-Jacobian products of what an application computed, by its inputs: for outputs with their cotangents.

    They are taken at the exact values of its inputs, or at the floats that it received.
    """
    program = ForwardProgram() if at_floats else started(recorded)
    if not at_floats:
        run_forward(program, recorded, 0, application.start)
    boundary = []
    for number, view in enumerate(application.inputs):
        boundary.append(0)
        if view is not None:
            here = program.variable(_name(number), view.floats, view.shape) if at_floats else program.read(view)
            own = program.identity(here)
            program.write(view, own)
            boundary[-1] = own.place
    run_forward(program, recorded, application.start, application.end)
    program.place = -1
    arrays = program.weighted([(program.read(output), cotangent) for output, cotangent in terms])
    with reals.precision(DERIVATIVE_BITS[-1]):
        return swept(arrays, program).adjoints_at(boundary)


def reference_values(recorded: RecordedFunction, application: Application) -> list[Flat]:
    """What the reference of an application returns for the floats that it received, exactly."""
    program = ForwardProgram()
    run_forward(program, recorded, application.start, application.end)
    arrays = [program.read(view) for view in application.outputs]
    program.place = -1
    total = program.join(arrays)
    with reals.precision(DERIVATIVE_BITS[-1]):
        values = swept(ArrayProgram(program.steps, dict(program.variables), total.shape), program).values
    starts = [0, *accumulate(array.size for array in arrays)]
    return [values[start:end] for start, end in pairwise(starts)]


def started(recorded: RecordedFunction, *, cut: bool = False) -> ForwardProgram:
    """A program whose memory holds the inputs."""
    escape = None if recorded.escape is None else recorded.escape[0]
    constants, hidden = (frozenset(recorded.constants), frozenset(recorded.hidden)) if cut else (frozenset(), frozenset())
    program = ForwardProgram(constants, hidden, cut=cut, escape=escape)
    program.field = Exact(recorded.literals, is_typed_exactly=True)
    for number, view in enumerate(recorded.inputs):
        program.write(view, program.variable(_name(number), view.floats, view.shape))
    return program


def swept(arrays: ArrayProgram, program: ForwardProgram) -> Sweep:
    """The program at its point, ready for derivatives by the inputs, at the present precision."""
    names = frozenset(name for name in program.variables if name.startswith(_INPUT))
    return Sweep(arrays, program.point, evaluate.literals({}), names, 1)


def _name(number: int) -> str:
    return f"{_INPUT}{number}"


_INPUT = "input "
