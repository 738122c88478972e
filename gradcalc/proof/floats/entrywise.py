"""Elementwise operations on arrays: the formula of their row, at every entry.

Comes in: an operation on tensors, an arithmetic, and the arguments as arrays of balls.  Goes out: the results by entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gradcalc.engines.autograd.operation import TensorOperation, TensorView
from gradcalc.engines.autograd.scalarize_trace import broadcast_places, is_elementwise, mean_of_gradients
from gradcalc.expression.arrays import broadcast_shape
from gradcalc.proof.floats.arithmetic import Exact, Value
from gradcalc.proof.floats.aten_elementwise import COMPARISONS, MEANINGS, constant_argument, settings
from gradcalc.proof.floats.memory import Operand
from gradcalc.runtime import deadline


def has_entries(op: TensorOperation) -> bool:
    """Whether a row says what an operation computes at every entry."""
    if not op.results or not is_elementwise(op) or not (op.base in MEANINGS or op.base in COMPARISONS):
        return False
    shape = op.results[0].shape
    return (
        all(view.shape == shape for view in op.results)
        and not any(isinstance(arg, tuple) for arg in op.inputs)
        and broadcast_shape([shape, *(view.shape for view in op.views)]) == shape
    )


class Entries:
    """The results of an operation that `has_entries`, entry by entry; `args` are its arguments with their operands."""

    def __init__(self, op: TensorOperation, field: Exact, args: Sequence[Any]):
        self.op, self.field = op, field
        self.columns = [self._column(place, *pair) for place, pair in enumerate(zip(op.inputs, args, strict=True))]
        self._settings = settings(op.options)
        self._answers = op.results[0].floats.tolist() if op.base in COMPARISONS else ()
        self._divisor = op.results[0].size if mean_of_gradients(op) else 0

    def _column(self, place: int, given: Any, arg: Any) -> Sequence[Any]:
        """An argument at every entry; of one that is no tensor the same everywhere."""
        op, field = self.op, self.field
        if not isinstance(given, TensorView):
            constant = field.limit(arg) if op.base in COMPARISONS else constant_argument(field, op.base, place, arg)
            return [constant] * op.results[0].size
        assert isinstance(arg, Operand)
        balls, floats = arg.balls, arg.floats
        if given.shape != op.results[0].shape:
            places = broadcast_places(given, op.results[0].shape)
            balls, floats = balls[places], floats[places]
        return [Value(ball, field, number) for ball, number in zip(balls.tolist(), floats.tolist(), strict=True)]

    def at(self, place: int) -> Sequence[Value]:
        """The results at an entry."""
        op, field = self.op, self.field
        first, *others = [column[place] for column in self.columns]
        if op.base in COMPARISONS:
            computed = field.compare(first, others[0], op.base)
            return (field.value(computed if field.mathematical else self._answers[place]),)
        if self._divisor:
            first = field.rounded_again(first / self._divisor)
        result = MEANINGS[op.base](field, first, *others, **self._settings)
        return result if isinstance(result, tuple) else (result,)

    def __iter__(self) -> Iterator[Sequence[Value]]:
        for place in range(self.op.results[0].size):
            if not place % _CHECKED:
                deadline.check()
            yield self.at(place)


_CHECKED = 1000
"""After so many entries the time is checked."""
