"""An operation on tensors as operations on their entries.

Comes in: an aten operation as torch ran it, with the cells of its tensors.  Goes out: an `Operation` for every number that
it computed, so that the replay knows numbers only.

This module says which entries a reduction or an operation of linear algebra combines, and not what it computes from them.
Data movement is run a second time, on the positions of the entries instead of their numbers.  An operation that is unknown
here, and not elementwise either, gets a name without a meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gradcalc.engines.autograd.program import NO_MEMORY, Argument, Cell, Operation, base_name
from gradcalc.expression.arrays import Array, broadcast_shape

DATA_MOVEMENT = frozenset({
    "cat", "stack", "select_backward", "slice_backward", "diagonal_backward", "index", "index_select", "gather", "scatter",
    "flip", "roll", "repeat", "diag_embed", "tril", "triu", "constant_pad_nd", "select_scatter", "slice_scatter",
    "index_put", "index_fill", "linalg_diagonal",
})  # fmt: skip
"""Operations whose results are entries of their arguments, or zeros beside them."""

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
_VIEWS = frozenset({"squeeze", "unsqueeze", "t", "transpose", "detach"})
"""Views of the same memory, in place too."""
OPAQUE = frozenset({"nll_loss_forward", "nll_loss_backward", "native_layer_norm", "native_layer_norm_backward"})
NOT_ELEMENTWISE = DATA_MOVEMENT | REDUCTIONS | ALONG_AXIS | PRODUCTS | MATRICES | LOSSES | OPAQUE
_REDUCTION_AT = {"binary_cross_entropy": 3, "binary_cross_entropy_backward": 4, "binary_cross_entropy_with_logits": 4}


Grid = Array[Cell]
"""The cells of a tensor: the memory key of each entry, with the number that was there."""
Plain = Grid | int | float | bool | str | None | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TensorOperation:
    """An aten operation that ran: its call as torch had it, and the same as plain data.

    `inputs` and `options` have the cells of the tensors before it ran, `results` those after.
    """

    name: str
    function: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    inputs: Sequence[Plain]
    options: Mapping[str, Plain]
    results: Sequence[Grid]

    @property
    def base(self) -> str:
        """The name without its overload: `mul` of `mul_.Tensor`."""
        return base_name(self.name)

    @property
    def grids(self) -> list[Grid]:
        """Its tensors, without those in options."""
        return [arg for arg in self.inputs if isinstance(arg, Array)]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of all its tensors, one after the other."""
        return tuple(cell for grid in self.grids for cell in grid.entries)

    @property
    def outputs(self) -> tuple[Cell, ...]:
        """The cells of all its results, one after the other."""
        return tuple(cell for grid in self.results for cell in grid.entries)


def cells_of(tensor: torch.Tensor) -> Grid:
    """The cells of a tensor, in the order of its entries."""
    shape = tuple(tensor.shape)
    if tensor.is_meta or tensor._is_zerotensor():  # a ZeroTensor has no memory
        return Array(shape, [Cell(NO_MEMORY, None if tensor.is_meta else 0.0)] * tensor.numel())
    numbers = tensor.detach().reshape(-1).tolist()
    start, size = tensor.data_ptr(), tensor.element_size()
    places = [0]
    for length, stride in zip(shape, tensor.stride(), strict=True):
        places = [place + step * stride for place in places for step in range(length)]
    return Array(shape, [Cell(start + size * place, number) for place, number in zip(places, numbers, strict=True)])


def scalarize_op(
    op: TensorOperation, results: Sequence[torch.Tensor], keep: Callable[[torch.Tensor], None]
) -> Iterator[Operation]:
    """The operations on entries that an operation on tensors stands for; `keep` is called with every tensor made here."""
    base = op.base
    in_place = base != op.name.split(".")[0]
    if base in _VIEWS or (not in_place and _is_view(op.args, results)):
        return
    if base == "index_put" and any(arg is True for arg in op.inputs):  # it adds, and does not only move
        yield Operation(f"{base} with accumulation", (), {}, tuple(op.results[0].entries))
    elif base in DATA_MOVEMENT:
        yield from _data_movement(op)
    elif base in REDUCTIONS or (base in ("max", "min") and len(op.grids) == 1):
        yield from _reduction(op)
    elif base in ALONG_AXIS:
        axes = _axes(_axis(op), len(op.results[0].shape))
        fibers = [grid.fibers(axes).entries for grid in (*op.grids, *op.results)]
        for fiber in zip(*fibers, strict=True):
            yield Operation(op.name, tuple(cell for part in fiber[:-1] for cell in part), {}, tuple(fiber[-1]))
    elif base in PRODUCTS:
        yield from _product(op)
    elif base in MATRICES:
        yield from _matrix_operation(op)
    elif base in OPAQUE:
        yield _opaque(op)
    elif base in LOSSES and _reduction_code(base, op.inputs):
        yield from _loss(op, keep)
    else:
        yield from _elementwise(op.name, op.inputs, op.options, op.results)


def _is_view(args: Sequence[Any], results: Sequence[torch.Tensor]) -> bool:
    tensors = [arg for arg in args if isinstance(arg, torch.Tensor) and arg.numel() and not arg._is_zerotensor()]
    sources = {arg.untyped_storage().data_ptr() for arg in tensors}
    return bool(results) and all(
        not result._is_zerotensor() and result.untyped_storage().data_ptr() in sources for result in results
    )


def _elementwise(
    name: str, inputs: Sequence[Plain], options: Mapping[str, Plain], results: Sequence[Grid]
) -> Iterator[Operation]:
    if not results:
        yield Operation(name, (), {}, ())
        return
    base, shape, outputs = base_name(name), results[0].shape, results[0].entries
    if broadcast_shape([shape, *(arg.shape for arg in inputs if isinstance(arg, Array))]) != shape:
        # Booleans and integers are taken from the record; any other number needs a meaning.
        plain = all(isinstance(cell.value, (bool, int)) for cell in outputs)
        for cell in outputs:
            yield Operation(f"full.{name}" if plain else f"{base} of arrays", (), {}, (cell,))
        return
    columns = [arg.broadcast(shape).entries if isinstance(arg, Array) else None for arg in inputs]
    keywords: dict[str, Argument] = {key: _scalar(value) for key, value in options.items()}
    is_backward = base.endswith("_loss_backward") or base == "binary_cross_entropy_backward"
    if is_backward and _reduction_code(base, inputs, 3) == 1:
        keywords["count"] = len(outputs)
    for place in range(len(outputs)):
        args = tuple(_scalar(arg) if column is None else column[place] for arg, column in zip(inputs, columns, strict=True))
        yield Operation(name, args, keywords, tuple(grid.entries[place] for grid in results if len(grid.entries) > place))


def _scalar(value: Plain) -> Argument:
    """An argument that is the same for all entries."""
    if isinstance(value, Array):
        return value.entries[0] if len(value.entries) == 1 else None
    return tuple(_scalar(part) for part in value) if isinstance(value, tuple) else value


def _data_movement(op: TensorOperation) -> Iterator[Operation]:
    """Run an operation on the numbers of cells: 0 for what it puts there itself."""
    cells: list[Cell] = []

    def number(arg: Any, plain: Any) -> Any:
        if isinstance(arg, torch.Tensor) and isinstance(plain, Array) and arg.is_floating_point():
            start = len(cells) + 1
            cells.extend(plain.entries)
            return torch.arange(start, start + arg.numel(), device=arg.device).reshape(arg.shape)
        if isinstance(arg, (list, tuple)):
            return [number(*pair) for pair in zip(arg, plain, strict=True)]
        return arg

    outputs = op.results[0].entries
    if not any(isinstance(arg, torch.Tensor) and arg.is_floating_point() for arg in _flat(op.args)):
        for output in outputs:  # integers and booleans are taken from the record
            yield Operation(f"full.{op.name}", (), {}, (output,))
        return
    positions = op.function(*[number(*pair) for pair in zip(op.args, op.inputs, strict=True)], **op.kwargs)
    for position, output in zip(positions.reshape(-1).tolist(), outputs, strict=True):
        if position:
            yield Operation(f"clone.{op.name}", (cells[position - 1],), {}, (output,))
        else:
            yield Operation(f"zeros.{op.name}", (), {}, (output,))


def _flat(args: Sequence[Any]) -> Iterator[Any]:
    for arg in args:
        if isinstance(arg, (list, tuple)):
            yield from arg
        else:
            yield arg


def _reduction(op: TensorOperation) -> Iterator[Operation]:
    base, source, inputs = op.base, op.inputs[0], op.inputs
    assert isinstance(source, Array)
    place = _DIM_AT.get(base, 1)
    # The overloads without a dimension may have other things there, such as a flag.
    has_dim = not op.name.endswith(".default") or base in _DIM_BY_DEFAULT
    axes = _axes(inputs[place] if has_dim and len(inputs) > place else None, len(source.shape))
    if base == "trace":
        source, axes = Array((min(source.shape),), source.entries[:: source.shape[1] + 1][: min(source.shape)]), [0]
    options: dict[str, Argument] = {key: _scalar(value) for key, value in op.options.items() if key == "correction"}
    if base == "linalg_vector_norm":
        options["order"] = _scalar(inputs[1]) if len(inputs) > 1 else 2
    for fiber, output in zip(source.fibers(axes).entries, op.results[0].entries, strict=True):
        yield Operation(op.name, tuple(fiber), options, (output,))


def _axes(dim: Plain, count: int) -> list[int]:
    """The axes that an argument `dim` names; all of them if it names none."""
    named = [dim] if isinstance(dim, int) else list(dim) if isinstance(dim, tuple) and dim else range(count)
    return [axis % count for axis in named] if count else []


def _axis(op: TensorOperation) -> int:
    axis = op.inputs[2] if op.base.endswith("_backward_data") else op.inputs[1]
    assert isinstance(axis, int)
    return axis


def _product(op: TensorOperation) -> Iterator[Operation]:
    """Every entry of a product of matrices: a row and a column, and the entry of the summand beside them."""
    summand = op.inputs[0] if op.base.startswith("add") else None
    left, right = (arg for arg in op.inputs[len(op.inputs) - 2 :] if isinstance(arg, Array))
    options: dict[str, Argument] = {key: _scalar(op.options[key]) for key in ("alpha", "beta") if key in op.options}
    inner = left.shape[-1]
    rows = [list(left.entries[start : start + inner]) for start in range(0, len(left.entries), inner)]
    if len(right.shape) == 1:
        columns, per = [list(right.entries)], 1
    else:
        per = right.shape[-1]
        columns = [list(matrix[step::per]) for matrix in _matrices(right) for step in range(per)]
    result = op.results[0]
    outer = summand.broadcast(result.shape).entries if isinstance(summand, Array) else None
    height = left.shape[-2] if len(left.shape) > 1 else 1
    for place, output in enumerate(result.entries):
        row = place // per
        batch = row // height if len(left.shape) == 3 else 0
        factors = (*rows[row], *columns[batch * per + place % per])
        yield Operation(op.name, factors if outer is None else (outer[place], *factors), options, (output,))


def _matrices(grid: Grid) -> list[Sequence[Cell]]:
    size = grid.shape[-2] * grid.shape[-1]
    return [grid.entries[start : start + size] for start in range(0, len(grid.entries), size)]


def _matrix_operation(op: TensorOperation) -> Iterator[Operation]:
    """An operation on whole matrices; a batch of them has no meaning here."""
    if any(len(grid.shape) > 2 for grid in op.grids):
        yield Operation(f"{op.name} of stacks", (), {}, tuple(op.results[0].entries))
        return
    options: dict[str, Argument] = {
        "size": op.grids[0].shape[-1],
        "recorded": tuple(cell.value for cell in op.outputs),
        "flags": (op.options.get("left", True), op.options.get("adjoint", False)),
    }
    yield Operation(op.name, op.cells, options, op.outputs)


def _opaque(op: TensorOperation) -> Operation:
    """An operation as a whole: the cells of all its tensors one after the other, and their shapes."""
    options: dict[str, Argument] = {
        "shapes": tuple(arg.shape if isinstance(arg, Array) else None for arg in op.inputs),
        "settings": tuple(None if isinstance(arg, Array) else arg for arg in op.inputs),
        "recorded": tuple(cell.value for cell in op.outputs),
    }
    return Operation(op.name, op.cells, options, op.outputs)


def _reduction_code(base: str, inputs: Sequence[Plain], usual: int = 2) -> int:
    """torch's code of a loss's reduction: 0 none, 1 mean, 2 sum."""
    place = _REDUCTION_AT.get(base, usual)
    code = inputs[place] if len(inputs) > place else 1
    return code if isinstance(code, int) else 1


def _loss(op: TensorOperation, keep: Callable[[torch.Tensor], None]) -> Iterator[Operation]:
    """A loss and its mean or sum, in the order of its kernel: the losses of the entries are computed once more."""
    place = _REDUCTION_AT.get(op.base, 2)
    args = [*op.args, *([None] * (place - len(op.args)))]
    losses = op.function(*args[:place], 0, *args[place + 1 :], **op.kwargs)
    keep(losses)
    entries = cells_of(losses)
    yield from _elementwise(op.name, [*op.inputs[:place], 0, *op.inputs[place + 1 :]], op.options, [entries])
    name = "mean.default" if _reduction_code(op.base, op.inputs) == 1 else "sum.default"
    yield Operation(name, tuple(entries.entries), {}, tuple(op.results[0].entries))
