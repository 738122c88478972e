"""An operation on tensors as operations on their entries.

Comes in: an aten operation as torch ran it.  Goes out: an `Operation` for every number that it computed, where
single numbers are needed.

This module says which entries a reduction or an operation of linear algebra combines, and not what it computes from them.
An operation that is unknown here, and not elementwise either, gets a name without a meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from gradcalc.engines.autograd import moves
from gradcalc.engines.autograd.operation import Argument, Cell, Numbers, Operation, Plain, TensorOperation, TensorView
from gradcalc.expression.arrays import broadcast_shape
from gradcalc.runtime import deadline

DATA_MOVEMENT = frozenset({
    "cat", "stack", "select_backward", "slice_backward", "diagonal_backward", "index", "index_select", "gather", "scatter",
    "flip", "roll", "repeat", "diag_embed", "tril", "triu", "constant_pad_nd", "select_scatter", "slice_scatter",
    "index_put", "index_fill", "linalg_diagonal",
})  # fmt: skip
"""Operations whose results are entries of their arguments, or numbers of their own beside them."""

REDUCTIONS = frozenset(
    {"sum", "mean", "prod", "amax", "amin", "var", "std", "logsumexp", "linalg_vector_norm", "norm", "trace"}
)
_DIM_AT = {"linalg_vector_norm": 2}
"""The position of the argument `dim`, where it is not 1."""
_DIM_BY_DEFAULT = frozenset({"logsumexp", "amax", "amin", "linalg_vector_norm"})

ALONG_AXIS = frozenset({
    "cumsum", "cumprod", "_softmax", "_log_softmax", "_softmax_backward_data", "_log_softmax_backward_data",
})  # fmt: skip
"""Operations on every fiber along an axis: a fiber of each argument to a fiber of the result."""

PRODUCTS = frozenset({"mm", "mv", "dot", "bmm", "addmm", "addmv", "vdot"})
MATRICES = frozenset(
    {"_linalg_det", "_linalg_slogdet", "linalg_inv_ex", "_linalg_solve_ex", "linalg_lu_solve", "linalg_lu_factor_ex"}
)
LOSSES = frozenset({
    "mse_loss", "huber_loss", "smooth_l1_loss",
    "soft_margin_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
})  # fmt: skip
"""Elementwise; the recorder has their mean or sum as an operation of its own."""
_VIEWS = frozenset({"squeeze", "unsqueeze", "t", "transpose", "detach"})
"""Views of the same memory, in place too."""
OPAQUE = frozenset({"nll_loss_forward", "nll_loss_backward", "native_layer_norm", "native_layer_norm_backward"})
_NOT_ELEMENTWISE = DATA_MOVEMENT | REDUCTIONS | ALONG_AXIS | PRODUCTS | MATRICES | OPAQUE


def is_elementwise(op: TensorOperation) -> bool:
    """Whether an operation computes every entry of its result from the entries at the same place."""
    return op.base not in _NOT_ELEMENTWISE and not is_reduction(op)


def is_reduction(op: TensorOperation) -> bool:
    """Whether an operation combines the entries of one tensor along axes."""
    return op.base in REDUCTIONS or (op.base in ("max", "min") and len(op.views) == 1)


def can_spread(view: TensorView, shape: tuple[int, ...]) -> bool:
    """Whether a tensor can be broadcast to a shape."""
    return broadcast_shape([shape, view.shape]) == shape


def is_another_view(op: TensorOperation) -> bool:
    """Whether an operation on arrays moves nothing and computes nothing."""
    return not op.is_scalar and (op.base in _VIEWS or op.is_view)


def count(op: TensorOperation) -> int:
    """How many operations on numbers an operation on tensors stands for."""
    if op.is_scalar:
        return 1
    if is_another_view(op):
        return 0
    if not op.results or op.base in MATRICES or op.base in OPAQUE or accumulates(op):
        return 1
    size = op.results[0].size
    return size // max(op.results[0].shape[axis(op)], 1) if op.base in ALONG_AXIS and op.results[0].shape else size


def scalar_operations(op: TensorOperation) -> Sequence[Operation]:
    """The operations on numbers that an operation on tensors stands for."""
    if op.operations is None:
        if op.is_scalar and op.base not in _NOT_ELEMENTWISE:
            op.operations = (_on_numbers(op),)
        else:
            deadline.check()
            op.operations = () if is_another_view(op) else tuple(_scalar_operations(op))
    return op.operations


def scalar_operation(op: TensorOperation, number: int) -> Operation:
    """One of the operations on numbers, without the others where there are many."""
    if op.operations is not None or count(op) == 1:
        return scalar_operations(op)[number]
    return next(_scalar_operations(op, [number]))


def _scalar_operations(op: TensorOperation, numbers: Sequence[int] | None = None) -> Iterator[Operation]:
    """The operations on numbers, or those with some `numbers`."""
    base = op.base
    numbers = range(count(op)) if numbers is None else numbers
    if accumulates(op):
        yield Operation(f"{base} with accumulation", (), {}, tuple(op.results[0].cells))
    elif base in DATA_MOVEMENT:
        yield from _data_movement(op, numbers)
    elif is_reduction(op):
        yield from _reduction(op, numbers)
    elif base in ALONG_AXIS:
        parts = [_fibers(view, [axis(op)]) for view in (*op.views, *op.results)]
        for fiber in (tuple(part[number] for part in parts) for number in numbers):
            yield Operation(op.name, tuple(cell for part in fiber[:-1] for cell in part), {}, tuple(fiber[-1]))
    elif base in PRODUCTS:
        yield from _product(op, numbers)
    elif base in MATRICES:
        yield _matrix_operation(op)
    elif base in OPAQUE:
        yield _opaque(op)
    else:
        yield from _elementwise(op, numbers)


def accumulates(op: TensorOperation) -> bool:
    """Whether it adds, and does not only move."""
    return op.base == "index_put" and bool(op.argument("accumulate"))


def _on_numbers(op: TensorOperation) -> Operation:
    """An operation on tensors without dimensions."""
    keywords = {key: _scalar(value) for key, value in op.options.items()} if op.options else {}
    return Operation(op.name, tuple(map(_scalar, op.inputs)), keywords, tuple([view.only_cell for view in op.results]))


def _elementwise(op: TensorOperation, numbers: Sequence[int]) -> Iterator[Operation]:
    name, base = op.name, op.base
    if not op.results:
        yield Operation(name, (), {}, ())
        return
    shape, outputs = op.results[0].shape, _cells(op.results[0], len(numbers))
    if broadcast_shape([shape, *(view.shape for view in op.views)]) != shape:
        # Booleans and integers are taken from the record; any other number needs a meaning.
        plain = op.results[0].floats.dtype.kind in "bi"
        for cell in (outputs[number] for number in numbers):
            yield Operation(f"full.{name}" if plain else f"{base} of arrays", (), {}, (cell,))
        return
    columns = [_spread(arg, shape, numbers) if isinstance(arg, TensorView) else None for arg in op.inputs]
    keywords = {key: _scalar(value) for key, value in op.options.items()}
    if mean_of_gradients(op):
        keywords["count"] = op.results[0].size
    results = [outputs, *(_cells(view, len(numbers)) for view in op.results[1:])]
    for place in numbers:
        args = tuple(
            _scalar(arg) if column is None else column[place] for arg, column in zip(op.inputs, columns, strict=True)
        )
        yield Operation(name, args, keywords, tuple(cells[place] for cells in results if len(cells) > place))


def mean_of_gradients(op: TensorOperation) -> bool:
    """Whether it is the backward pass of a loss whose mean was taken: gradients are divided by the number of entries."""
    is_backward = op.base.endswith("_loss_backward") or op.base == "binary_cross_entropy_backward"
    return is_backward and op.argument("reduction") == 1


def _spread(view: TensorView, shape: tuple[int, ...], numbers: Sequence[int]) -> Sequence[Cell]:
    """The entries of a tensor, repeated to a shape, of which those at some places are read."""
    if view.shape == shape:
        return _cells(view, len(numbers))
    places = broadcast_places(view, shape)
    if 4 * len(numbers) < view.size:
        return _FewCells(view, places)
    cells = view.cells
    return [cells[place] for place in places.tolist()]


def _cells(view: TensorView, reads: int) -> Sequence[Cell]:
    """The entries of a tensor, of which so many are read."""
    return view.cells if 4 * reads >= view.size else _FewCells(view, None)


class _FewCells(Sequence[Cell]):
    """The entries of a tensor, at their places or at others, each made when it is read."""

    def __init__(self, view: TensorView, places: Numbers | None):
        self.view, self.places = view, places

    def __len__(self) -> int:
        return self.view.size if self.places is None else len(self.places)

    def __getitem__(self, place: Any) -> Any:
        return self.view.cell(place if self.places is None else int(self.places[place]))


def broadcast_places(view: TensorView, shape: tuple[int, ...]) -> Numbers:
    """Which entry of a tensor stands at every place of a shape to which it is broadcast."""
    return np.broadcast_to(np.arange(view.size).reshape(view.shape), shape).reshape(-1)


def _scalar(value: Plain) -> Argument:
    """An argument that is the same for all entries."""
    if isinstance(value, TensorView):
        return value.only_cell if not value.shape else value.cells[0] if value.size == 1 else None
    return tuple(_scalar(part) for part in value) if isinstance(value, tuple) else value


def _data_movement(op: TensorOperation, numbers: Sequence[int]) -> Iterator[Operation]:
    outputs = _cells(op.results[0], len(numbers))
    cells = [cell for view in moves.moved(op) for cell in view.cells]
    if not cells:
        for number in numbers:  # integers and booleans are taken from the record
            yield Operation(f"full.{op.name}", (), {}, (outputs[number],))
        return
    places = moves.sources(op).tolist()
    for place, output in ((places[number], outputs[number]) for number in numbers):
        if place == moves.PUT_THERE:
            yield Operation(f"full.{op.name}", (), {}, (output,))
        elif place == moves.COMPUTED:
            yield Operation(f"{op.base} with arithmetic", (), {}, (output,))
        else:
            yield Operation(f"clone.{op.name}", (cells[place],), {}, (output,))


def _fibers(view: TensorView, axes: Sequence[int]) -> list[list[Cell]]:
    cells = view.cells
    return [[cells[place] for place in fiber] for fiber in fibers(view.shape, axes).tolist()]


def fibers(shape: tuple[int, ...], axes: Sequence[int]) -> Numbers:
    """The places of the entries along axes: a row for every index of the other dimensions."""
    axes = axes if shape else ()
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    places = np.arange(prod(shape)).reshape(shape).transpose([*kept, *axes])
    return places.reshape(prod(shape[axis] for axis in kept), prod(shape[axis] for axis in axes))


def reduced(op: TensorOperation) -> Numbers:
    """The places in the argument of a reduction that each entry of its result combines: a row for each."""
    shape = op.views[0].shape
    if op.base == "trace":
        return (np.arange(min(shape)) * (shape[1] + 1))[None]
    return fibers(shape, reduced_axes(op))


def reduced_axes(op: TensorOperation) -> list[int]:
    """The axes along which a reduction goes."""
    place = _DIM_AT.get(op.base, 1)
    # The overloads without a dimension may have other things there, such as a flag.
    has_dim = not op.name.endswith(".default") or op.base in _DIM_BY_DEFAULT
    return _axes(op.inputs[place] if has_dim and len(op.inputs) > place else None, len(op.views[0].shape))


def _reduction(op: TensorOperation, numbers: Sequence[int]) -> Iterator[Operation]:
    options: dict[str, Argument] = {key: _scalar(value) for key, value in op.options.items() if key == "correction"}
    if op.base == "linalg_vector_norm":
        options["order"] = _scalar(op.argument("ord"))
    outputs, fibers_ = _cells(op.results[0], len(numbers)), reduced(op)
    cells = _cells(op.views[0], len(numbers) * fibers_.shape[1])
    for number in numbers:
        yield Operation(op.name, tuple(cells[place] for place in fibers_[number].tolist()), options, (outputs[number],))


def _axes(dim: Plain, dimensions: int) -> list[int]:
    """The axes that an argument `dim` names; all of them if it names none."""
    named = [dim] if isinstance(dim, int) else list(dim) if isinstance(dim, tuple) and dim else range(dimensions)
    return [axis % dimensions for axis in named if isinstance(axis, int)] if dimensions else []


def axis(op: TensorOperation) -> int:
    """The axis of an operation along one, counted from the front."""
    named = op.argument("dim")
    assert isinstance(named, int)
    return named % max(len(op.results[0].shape), 1)


def _product(op: TensorOperation, numbers: Sequence[int]) -> Iterator[Operation]:
    """Every entry of a product of matrices: a row and a column, and the entry of the summand beside them."""
    summand = op.views[0] if op.base.startswith("add") else None
    left, right = op.views[-2:]
    options: dict[str, Argument] = {key: _scalar(op.options[key]) for key in ("alpha", "beta") if key in op.options}
    result = op.results[0]
    outer = None if summand is None else _spread(summand, result.shape, numbers)
    inner = left.shape[-1]
    rows, columns = (_cells(view, len(numbers) * inner) for view in (left, right))
    outputs = _cells(result, len(numbers))
    lefts, rights = factors(left, right)
    for number in numbers:
        pair = (*(rows[at] for at in lefts[number].tolist()), *(columns[at] for at in rights[number].tolist()))
        yield Operation(op.name, pair if outer is None else (outer[number], *pair), options, (outputs[number],))


def factors(left: TensorView, right: TensorView) -> tuple[Numbers, Numbers]:
    """The places of the row and of the column that each entry of a product combines: a row for each."""
    inner, batch = left.shape[-1], left.shape[:-2]
    height = left.shape[-2] if len(left.shape) > 1 else 1
    width = right.shape[-1] if len(right.shape) > 1 else 1
    rows = np.arange(left.size).reshape(*batch, height, 1, inner)
    columns = np.swapaxes(np.arange(right.size).reshape(*batch, inner, width), -1, -2)[..., None, :, :]
    count, shape = prod(batch) * height * width, (*batch, height, width, inner)
    places = (np.broadcast_to(each, shape).reshape(count, inner) for each in (rows, columns))
    return next(places), next(places)


def _matrix_operation(op: TensorOperation) -> Operation:
    """An operation on a whole matrix; a batch of them has no meaning here."""
    cells, outputs = _all_cells(op.views), _all_cells(op.results)
    if any(len(view.shape) > 2 for view in op.views):
        return Operation(f"{op.name} of stacks", (), {}, outputs)
    options: dict[str, Argument] = {
        "size": op.views[0].shape[-1],
        "recorded": tuple(cell.value for cell in outputs),
        "flags": (bool(op.argument("left")), bool(op.argument("adjoint"))),
    }
    return Operation(op.name, cells, options, outputs)


def _opaque(op: TensorOperation) -> Operation:
    """An operation as a whole: the cells of all its tensors one after the other, and their shapes."""
    outputs = _all_cells(op.results)
    options: dict[str, Argument] = {
        "shapes": tuple(arg.shape if isinstance(arg, TensorView) else None for arg in op.inputs),
        "settings": tuple(None if isinstance(arg, TensorView) else arg for arg in op.inputs),
        "recorded": tuple(cell.value for cell in outputs),
    }
    return Operation(op.name, _all_cells(op.views), options, outputs)


def _all_cells(views: Sequence[TensorView]) -> tuple[Cell, ...]:
    return tuple(cell for view in views for cell in view.cells)
