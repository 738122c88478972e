"""Decisions of a forward program: truth values and integers that it computed from floats, and where they change.

Comes in: operations, as they are written into a `ForwardProgram`.  Goes out: the decisions that a later number depends on;
one at whose boundary the point lies leaves the program without a derivative there.

A comparison changes where its sides are equal, a truth value of a number at 0, an integer part at every integer but 0.  An
operation that orders (a maximum, a sort) has singular entries of its own.  Of others it is not known where they change.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from flint import arb

from gradcalc.engines.autograd.operation import NO_MEMORY, Numbers, TensorOperation, TensorView
from gradcalc.engines.taylor.array_program import Leaf, Reference
from gradcalc.engines.taylor.array_steps import Take
from gradcalc.engines.taylor.array_sweep import Sweep
from gradcalc.engines.taylor.entrywise import Entrywise
from gradcalc.engines.taylor.reals import ball
from gradcalc.proof.floats.aten_elementwise import COMPARISONS
from gradcalc.proof.gradients.forward_steps import UnknownStep
from gradcalc.proof.gradients.local_identities import CONSTANT, Labels, labels

if TYPE_CHECKING:
    from gradcalc.proof.gradients.forward_program import ForwardProgram

_TRUTHS = frozenset({"logical_and", "logical_or", "logical_xor", "logical_not", "any", "all", "nonzero", "count_nonzero",
                     "signbit", "is_nonzero", "_is_any_true", "_is_all_true"})  # fmt: skip
_CONSTANT = frozenset({"isnan", "isinf", "isfinite", "isposinf", "isneginf"})
"""What is asked of these does not change where numbers are."""
_DRAWS = frozenset({"multinomial"})
"""Random numbers are taken as they fell."""
_WITH_STEPS = frozenset({"floor", "ceil", "round", "trunc", "sign", "heaviside"})
"""Functions that are constant between their steps."""
_WITH_JUMPS = _WITH_STEPS | {"frac", "remainder", "fmod"}


class Boundary(Enum):
    """Where a decision changes."""

    ZERO = "where a number is 0"
    INTEGER = "where a number is an integer other than 0"
    ORDER = "where an operation of the program is singular"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """The operation that decides, the step whose entries at some positions it decides by, and where it changes."""

    operation: int
    step: int
    positions: Sequence[int]
    boundary: Boundary


class Decisions:
    """The decisions of a program, and which of them numbers depend on."""

    def __init__(self) -> None:
        self.used: dict[Decision, None] = {}
        self._made: dict[int, frozenset[Decision]] = {}
        """By the storages of truth values and integers."""

    def follow(self, program: ForwardProgram, op: TensorOperation) -> None:
        """Note what an operation decides, and which decisions it uses, before its steps are written."""
        inherited = frozenset[Decision]().union(
            *(self._made.get(view.storage, ()) for view in op.operands if not view.is_float)
        )
        integers = [view for view in op.results if not view.is_float]
        is_read = op.base in ("_local_scalar_dense", "equal")  # by the user's code
        if is_read or len(integers) < len(op.results):
            self.used.update(dict.fromkeys(inherited))
        if op.base == "equal":
            self.used.update(dict.fromkeys(_decisions(program, op)))
        if integers and not op.is_view:
            made = inherited.union(_decisions(program, op))
            for view in integers:
                self._made[view.storage] = self._made.get(view.storage, frozenset()) | made

    def at_boundary(self, program: ForwardProgram, sweep: Sweep) -> Iterator[Decision]:
        """The used decisions that change at the point, or may."""
        if not self.used:
            return
        is_constant, has_jump = _steps(program, sweep)
        own_labels: Sequence[Labels] | None = None
        for decision in self.used:
            local = sweep.local(decision.step)
            if not local.is_moving:
                continue
            if decision.boundary is Boundary.ORDER:
                own = [place for place, origin in enumerate(program.origins) if origin == decision.operation]
                if any(isinstance(program.steps[place], UnknownStep) for place in own):
                    decision = replace(decision, boundary=Boundary.UNKNOWN)
                changes = any(sweep.local(place).singular for place in own)
            elif decision.boundary is Boundary.UNKNOWN or is_constant[decision.step]:
                changes = decision.boundary is Boundary.UNKNOWN or has_jump[decision.step]
            else:
                values = {place: _enclosure(program, sweep, decision.step, place) for place in decision.positions}
                if not all(value.is_finite() for value in values.values()):
                    decision = replace(decision, boundary=Boundary.UNKNOWN)
                near = [place for place, value in values.items() if _is_at(value, decision.boundary)]
                if near and own_labels is None:
                    own_labels = labels(program.steps, sweep)
                is_fixed = own_labels is not None and all(own_labels[decision.step][place] == CONSTANT for place in near)
                changes = has_jump[decision.step] or (not is_fixed and bool(near))
            if changes:
                yield decision


def _enclosure(program: ForwardProgram, sweep: Sweep, place: int, entry: int) -> arb:
    """A number of a step, also where it is computed from the size of one that may be 0: this has a kink, and a value."""
    value, step = ball(sweep.local(place).values[entry]), program.steps[place]
    if value.is_finite() or isinstance(step, Leaf):
        return value
    if isinstance(step, Take):
        return _enclosure(program, sweep, step.operands[0], step.positions[entry])
    if not isinstance(step, Entrywise) or step.node.name not in _ENCLOSED:
        return value
    sizes = zip(step.operands, step.sizes, strict=True)
    return _ENCLOSED[step.node.name](*(_enclosure(program, sweep, it, entry if size > 1 else 0) for it, size in sizes))


_ENCLOSED: Mapping[str, Callable[..., arb]] = {"abs": abs, "+": operator.add, "-": operator.sub}


def _is_at(number: arb, boundary: Boundary) -> bool:
    if boundary is Boundary.UNKNOWN:
        return True
    if boundary is Boundary.ZERO:
        return bool(number.contains(0))
    return bool(number.contains_integer()) and not number.is_zero()


def _steps(program: ForwardProgram, sweep: Sweep) -> tuple[list[bool], list[bool]]:
    """For every step whether it is constant between jumps, and whether it is at a jump or computed from one that is."""
    is_constant: list[bool] = []
    has_jump: list[bool] = []
    for place, step in enumerate(program.steps):
        if isinstance(step, Leaf):
            is_constant.append(not sweep.local(place).is_moving)
            has_jump.append(False)
            continue
        name = step.node.name if isinstance(step, Entrywise) else ""
        is_constant.append(name in _WITH_STEPS or all(is_constant[operand] for operand in step.operands))
        is_at_jump = name in _WITH_JUMPS and bool(sweep.local(place).singular)
        has_jump.append(is_at_jump or any(has_jump[operand] for operand in step.operands))
    return is_constant, has_jump


def _decisions(program: ForwardProgram, op: TensorOperation) -> Iterator[Decision]:
    """What an operation decides by floats that the program computed."""
    operands = [view for view in op.operands if view.is_float and program.holds(view)]
    if not operands or op.base in _CONSTANT | _DRAWS:
        return
    if op.base in COMPARISONS:
        left, right = op.argument("self"), op.argument("other")
        if isinstance(left, TensorView) and isinstance(right, TensorView) and _is_one(left, right):
            return  # a number is equal to itself everywhere
        difference = program.call("-", _side(program, left), _side(program, right))
        finite = np.broadcast_to(np.isfinite(_floats(left)) & np.isfinite(_floats(right)), difference.shape)
        yield Decision(program.place, difference.place, np.flatnonzero(finite.reshape(-1)).tolist(), Boundary.ZERO)
    elif op.base in ("bucketize", "searchsorted"):
        yield _between(program, op)
    elif op.base in ("argmax", "argmin"):
        x, dim = program.read(operands[0]), op.argument("dim")
        dims = [dim % len(x.shape)] if isinstance(dim, int) and x.shape else list(range(len(x.shape)))
        best = program.combine(op.base.removeprefix("arg"), x, dims) if dims else x
        yield Decision(program.place, best.place, (), Boundary.ORDER)
    else:
        for view in operands:
            array = program.read(view)
            yield Decision(program.place, array.place, range(array.size), _boundary(op))


def _boundary(op: TensorOperation) -> Boundary:
    if op.is_cast_to_integers:
        return Boundary.ZERO if op.results[0].dtype == "bool" else Boundary.INTEGER
    if op.base in _TRUTHS:
        return Boundary.ZERO
    # an operation with numbers among its results orders them; the indices of one without are not followed
    return Boundary.ORDER if any(view.is_float for view in op.results) else Boundary.UNKNOWN


def _between(program: ForwardProgram, op: TensorOperation) -> Decision:
    """Between which of some numbers others lie."""
    values = op.argument("self")
    marks = op.argument("boundaries" if op.base == "bucketize" else "sorted_sequence")
    if not isinstance(marks, TensorView) or len(marks.shape) != 1:
        array = program.read(next(view for view in op.operands if view.is_float))
        return Decision(program.place, array.place, (), Boundary.UNKNOWN)
    left, right = _side(program, values), _side(program, marks)
    difference = program.call("-", Reference(left.place, (left.size, 1)), right)
    return Decision(program.place, difference.place, range(difference.size), Boundary.ZERO)


def _is_one(left: TensorView, right: TensorView) -> bool:
    same = (left.storage, left.offset, left.shape, left.strides) == (right.storage, right.offset, right.shape, right.strides)
    return same and left.storage != NO_MEMORY


def _side(program: ForwardProgram, value: TensorView | float) -> Reference:
    return program.read(value) if isinstance(value, TensorView) else program.scalar(value)


def _floats(value: TensorView | float) -> Numbers:
    return value.floats.reshape(value.shape) if isinstance(value, TensorView) else np.array(float(value))
