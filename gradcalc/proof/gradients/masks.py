"""Entries that are minus infinity by construction, as masks before a softmax make them.

Comes in: the steps of a program, and an array whose floats are minus infinity somewhere.  Goes out: its exponential, which
is 0 where the infinity is a constant that was written there, moved, or added to a number: it is so near the point, too.  An
infinity that was computed, as the logarithm of 0 is, has no such neighbourhood, and is unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcalc.engines.autograd.operation import Numbers
from gradcalc.engines.taylor.array_program import Leaf, Reference
from gradcalc.engines.taylor.array_steps import Stack, Take
from gradcalc.engines.taylor.entrywise import Entrywise
from gradcalc.expression.tree import Name
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.forward_steps import Join

_KEEPING = {"+": (0, 1), "-": (0, 1), "neg": (0,), "*": (0, 1), "/": (0,)}
"""Functions of numbers that are minus infinity where they are so for floats, if one of these arguments is an infinity."""


def exponentials(p: ForwardProgram, x: Reference, floats: Numbers) -> Reference:
    """The exponentials of an array, which are 0 where a mask is.  Raises `NotKnown` for other infinities."""
    masked = np.isneginf(floats).reshape(-1)
    if not masked.any():
        return p.call("exp", x)
    if not all(_is_infinite(p, x.place, int(place)) for place in masked.nonzero()[0]):
        raise NotKnown("the exponential of a computed infinity")
    mask, zero = masked.reshape(x.shape), p.scalar(0.0)
    return p.choose(mask, zero, p.call("exp", p.choose(mask, zero, x)))


def _is_infinite(p: ForwardProgram, place: int, position: int) -> bool:
    """Whether an entry is an infinite constant, moved or added to a number."""
    step: Any = p.steps[place]
    if isinstance(step, Take):
        return _is_infinite(p, step.operands[0], step.positions[position])
    if isinstance(step, Join | Stack):
        for operand, size in zip(
            step.operands, step.sizes if isinstance(step, Join) else [step.each] * step.size, strict=False
        ):
            if position < size:
                return _is_infinite(p, operand, position)
            position -= size
    if isinstance(step, Leaf):
        return isinstance(step.content, Name) and position in p.infinities.get(step.content.name, ())
    if isinstance(step, Entrywise):
        spots = _KEEPING.get(step.node.name, ())
        return any(_is_infinite(p, step.operands[spot], position if step.sizes[spot] > 1 else 0) for spot in spots)
    return False
