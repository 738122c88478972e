"""The vector-Jacobian product of steps, as steps again: what the backward kernel of an operation computes.

Comes in: the steps of a forward operation, from some arrays to a result.  Goes out: the derivatives of the sum of the result
times weights by these arrays, in reverse mode, as more steps; they have values and derivatives of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradcalc.engines.taylor.array_program import Reference
from gradcalc.engines.taylor.array_steps import Product, Stack, Step, Sum, Take
from gradcalc.engines.taylor.entrywise import Entrywise
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.forward_steps import Join, Scatter, Stop


def write_adjoint(
    program: ForwardProgram, output: Reference, weights: Reference, inputs: Sequence[Reference], first: int
) -> list[Reference]:
    """The derivatives of the sum of an output times weights by arrays that steps of their own hold, from `first` on.

    Raises `NotKnown` for a step that has no adjoint here.
    """
    held = {each.place for each in inputs}
    moving = set(held)
    for place in range(first, output.place + 1):
        step = program.steps[place]
        if isinstance(step, Step) and not moving.isdisjoint(step.operands):
            moving.add(place)
    pending: dict[int, Reference] = {output.place: Reference(weights.place, (output.size,))}
    for place in range(output.place, first - 1, -1):
        if place in held or place not in pending:
            continue
        step, adjoint = program.steps[place], pending.pop(place)
        assert isinstance(step, Step)
        for spot, share in _shares(program, step, adjoint, moving):
            operand = step.operands[spot]
            pending[operand] = program.call("+", pending[operand], share) if operand in pending else share
    zeros = {each.place: program.numbers(np.zeros(each.size), each.shape) for each in inputs if each.place not in pending}
    return [Reference(pending.get(each.place, zeros.get(each.place, each)).place, each.shape) for each in inputs]


def _shares(program: ForwardProgram, step: Step, adjoint: Reference, moving: set[int]) -> Iterator[tuple[int, Reference]]:
    """What the operands that move get of the adjoint of a step, flat."""
    if isinstance(step, Stop):
        return
    if isinstance(step, Take):
        yield 0, program.scatter(adjoint, step.positions, (step.source,))
    elif isinstance(step, Sum):
        yield 0, program.gather(adjoint, np.repeat(np.arange(step.size), step.terms))
    elif isinstance(step, Scatter):
        yield 0, program.gather(adjoint, step.positions)
    elif isinstance(step, Join | Stack):
        sizes = step.sizes if isinstance(step, Join) else [step.each] * len(step.operands)
        for spot, (start, size) in enumerate(zip(np.cumsum([0, *sizes]), sizes, strict=False)):
            if step.operands[spot] in moving:
                yield spot, program.gather(adjoint, start + np.arange(size))
    elif isinstance(step, Product):
        yield from _of_product(program, step, adjoint, moving)
    elif isinstance(step, Entrywise):
        yield from _of_function(program, step, adjoint, moving)
    else:
        raise NotKnown(f"the adjoint of a step ({type(step).__name__})")


def _of_product(
    program: ForwardProgram, step: Product, adjoint: Reference, moving: set[int]
) -> Iterator[tuple[int, Reference]]:
    """G B^T and A^T G."""
    rows, terms, columns = step.rows, step.terms, step.columns
    left, right = (
        Reference(place, shape) for place, shape in zip(step.operands, ((rows, terms), (terms, columns)), strict=True)
    )
    gradient = Reference(adjoint.place, (rows, columns))
    for spot, (a, b) in enumerate(((gradient, _transposed(program, right)), (_transposed(program, left), gradient))):
        if step.operands[spot] in moving:
            product = program.product(a, b)
            yield spot, Reference(product.place, (product.size,))


def _transposed(program: ForwardProgram, matrix: Reference) -> Reference:
    return program.gather(matrix, np.arange(matrix.size).reshape(matrix.shape).T)


def _of_function(
    program: ForwardProgram, step: Entrywise, adjoint: Reference, moving: set[int]
) -> Iterator[tuple[int, Reference]]:
    """The adjoint times the slope by each argument; an argument that is one number gets the sum."""
    for spot, (operand, size) in enumerate(zip(step.operands, step.sizes, strict=True)):
        if operand in moving:
            share = _scaled(program, step, spot, adjoint)
            if size == 1 < step.size:
                share = Reference(program.sum(share, [0]).place, (1,))
            yield spot, share


def _scaled(program: ForwardProgram, step: Entrywise, spot: int, adjoint: Reference) -> Reference:
    """The adjoint of a function times its slope by an argument."""
    name = step.node.name
    args = [Reference(place, (size,)) for place, size in zip(step.operands, step.sizes, strict=True)]
    if name == "+" or (name == "-" and spot == 0):
        return adjoint
    if name in ("-", "neg"):
        return program.call("neg", adjoint)
    if name == "*":
        return program.call("*", adjoint, args[1 - spot])
    if name == "/" and spot == 0:
        return program.call("/", adjoint, args[1])
    return program.call("*", adjoint, program.slope(step, spot))
