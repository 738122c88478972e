"""Which entries of a program are constant near its point, and which are one and the same.

Comes in: a program at its point.  Goes out: a label for every entry of every step.  Entries with the same label are equal in
a neighbourhood of the point; those labelled `CONSTANT` do not change there.  So what a comparison of them decides does not
change, either, where both sides are equal: `x == x.max()`, or `relu(x) > 0` for an x below 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from gradcalc.engines.taylor.array_program import Leaf
from gradcalc.engines.taylor.array_steps import Linear, Local, Stack, Step, Sum, Take
from gradcalc.engines.taylor.array_sweep import Sweep
from gradcalc.engines.taylor.entrywise import Entrywise
from gradcalc.proof.gradients.forward_steps import Join, Scatter, Slope

CONSTANT = 0
Labels = Sequence[int]
_PIECEWISE_LINEAR = frozenset({
    "abs", "ceil", "floor", "hardshrink", "hardsigmoid", "hardtanh", "leaky_relu", "max", "maximum", "min", "minimum",
    "relu", "relu6", "round", "sign", "softshrink", "threshold", "trunc",
})  # fmt: skip
"""Functions that are one linear function of their arguments, or another: without a slope by one they do not depend on it."""
_CHOICES = frozenset({"max", "maximum", "min", "minimum", "relu"})
"""Functions that are one of their arguments, or a constant."""


def labels(steps: Sequence[Step | Leaf], sweep: Sweep) -> list[Labels]:
    """The labels of the entries of all steps."""
    fresh = count(1)
    result: list[Labels] = []
    for place, step in enumerate(steps):
        local = sweep.local(place)
        if not local.is_moving:
            result.append([CONSTANT] * len(local.values))
        elif isinstance(step, Leaf):
            result.append([next(fresh) for _ in local.values])
        else:
            own = _labels(step, local, [result[operand] for operand in step.operands], sweep)
            result.append([next(fresh) if label is None else label for label in own])
    return result


def _labels(step: Step, local: Local, operands: Sequence[Labels], sweep: Sweep) -> Sequence[int | None]:
    """The labels of the entries of a step, None for an entry that is like no other."""
    if isinstance(step, Take):
        singular = set(local.singular)
        return [None if number in singular else operands[0][place] for number, place in enumerate(step.positions)]
    if isinstance(step, Stack | Join):
        return [label for part in operands for label in part]
    if isinstance(step, Sum):
        rows = [operands[0][start : start + step.terms] for start in range(0, len(operands[0]), step.terms)]
        return [row[0] if len(row) == 1 else _of_all(row) for row in rows]
    if isinstance(step, Scatter):
        return _scattered(step, operands[0])
    if isinstance(step, Entrywise) and not isinstance(step, Slope):
        columns = [part if len(part) == step.size else [*part] * step.size for part in operands]
        singular = set(local.singular)
        return [
            _of_all(parts) if place in singular else _of_function(step, local, sweep, place, parts)
            for place, parts in enumerate(zip(*columns, strict=True))
        ]
    everything = [label for part in operands for label in part]
    if isinstance(step, Linear) or not everything:
        return [None] * step.size
    return [_of_all(everything)] * step.size if not any(everything) else [None] * step.size


def _of_all(parts: Sequence[int]) -> int | None:
    return None if any(parts) else CONSTANT


def _scattered(step: Scatter, operand: Labels) -> list[int | None]:
    terms: list[list[int]] = [[] for _ in range(step.size)]
    for place, label in zip(step.positions, operand, strict=True):
        terms[place].append(label)
    return [row[0] if len(row) == 1 else _of_all(row) for row in terms]


def _of_function(step: Entrywise, local: Local, sweep: Sweep, place: int, parts: Sequence[int]) -> int | None:
    """The label of a regular entry of a function of numbers."""
    name = step.node.name
    if not any(parts) or (name == "-" and parts[0] == parts[1]):
        return CONSTANT
    if name == "*":
        for spot, operand in enumerate(step.operands):
            values = sweep.local(operand).values
            if parts[spot] == CONSTANT and values[place if len(values) > 1 else 0] == 0:
                return CONSTANT
    if name not in _PIECEWISE_LINEAR:
        return None
    slopes = [0 if slope is None else slope if isinstance(slope, int) else slope[place] for slope in local.slopes]
    sources = [part for part, slope in zip(parts, slopes, strict=True) if part and not slope == 0]  # noqa: SIM201  a ball around 0 is neither
    if not sources:
        return CONSTANT
    return sources[0] if name in _CHOICES and len(sources) == 1 and 1 in slopes else None
