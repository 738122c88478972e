"""An operation on tensors as operations on their entries.

Comes in: an aten operation as torch ran it, with the cells of its tensors.  Goes out: one `Operation` for every number
that it computed, so that what follows knows numbers only.

Which entries an operation of linear algebra or a reduction combines is said here; what it computes from them is not.  An
operation that only moves entries is run a second time, on their places instead of their numbers.  One that is not known
here, and not entry by entry either, is noted by a name that has no meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from gradcalc.engines.autograd.program import NO_MEMORY, Argument, Cell, Operation, base_name
from gradcalc.expression.arrays import Array, broadcast_shape

MOVES = frozenset({
    "cat", "stack", "select_backward", "slice_backward", "diagonal_backward", "index", "index_select", "gather", "scatter",
    "flip", "roll", "repeat", "diag_embed", "tril", "triu", "constant_pad_nd", "select_scatter", "slice_scatter",
    "index_put", "index_fill", "linalg_diagonal",
})  # fmt: skip
"""Operations whose results are entries of their arguments, or zeros that they put beside them."""

REDUCTIONS = frozenset(
    {"sum", "mean", "prod", "amax", "amin", "var", "std", "logsumexp", "linalg_vector_norm", "norm", "trace"}
)
_DIM_AT = {"linalg_vector_norm": 2}
"""Where the argument that says along what to reduce stands, if it is not the second."""
_DIM_BY_DEFAULT = frozenset({"logsumexp", "amax", "amin", "linalg_vector_norm"})

ALONG = frozenset({
    "cumsum", "cumprod", "_softmax", "_log_softmax", "_softmax_backward_data", "_log_softmax_backward_data",
})  # fmt: skip
"""Operations on every line along a dimension by itself: a line of each argument to a line of the result."""

PRODUCTS = frozenset({"mm", "mv", "dot", "bmm", "addmm", "addmv", "vdot"})
MATRICES = frozenset(
    {"_linalg_det", "_linalg_slogdet", "linalg_inv_ex", "_linalg_solve_ex", "linalg_lu_solve", "linalg_lu_factor_ex"}
)
LOSSES = frozenset(
    {
        "mse_loss",
        "huber_loss",
        "smooth_l1_loss",
        "soft_margin_loss",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
    }
)
_TURNS = frozenset({"squeeze", "unsqueeze", "t", "transpose", "detach"})
"""They only look at the same memory in another way, in place too."""
WHOLE = frozenset({"nll_loss_forward", "nll_loss_backward", "native_layer_norm", "native_layer_norm_backward"})
NOT_BY_ENTRY = MOVES | REDUCTIONS | ALONG | PRODUCTS | MATRICES | LOSSES | WHOLE
_REDUCTION_AT = {"binary_cross_entropy": 3, "binary_cross_entropy_backward": 4, "binary_cross_entropy_with_logits": 4}


Grid = Array[Cell]
"""The cells of a tensor: where each entry lies, with the number that was there."""


def cells_of(tensor: torch.Tensor) -> Grid:
    """The cells of a tensor, in the order of its entries."""
    shape = tuple(tensor.shape)
    if tensor.is_meta or tensor._is_zerotensor():  # the latter are zeros that torch never writes down
        return Array(shape, [Cell(NO_MEMORY, None if tensor.is_meta else 0.0)] * tensor.numel())
    numbers = tensor.detach().reshape(-1).tolist()
    start, size = tensor.data_ptr(), tensor.element_size()
    places = [0]
    for length, stride in zip(shape, tensor.stride(), strict=True):
        places = [place + step * stride for place in places for step in range(length)]
    return Array(shape, [Cell(start + size * place, number) for place, number in zip(places, numbers, strict=True)])


Seen = Grid | int | float | bool | str | None | tuple[Any, ...]


def expanded(
    name: str, function: Callable[..., Any], given: tuple[Sequence[Any], Mapping[str, Any]], args: Sequence[Seen],
    options: Mapping[str, Seen], results: Sequence[torch.Tensor], keep: Callable[[torch.Tensor], None],
) -> Iterator[Operation]:  # fmt: skip
    """The operations on entries that an operation on tensors stands for.

    `given` are the arguments as torch had them, `args` and `options` with the cells of the tensors before it ran; `keep`
    is told of every tensor that is made here.
    """
    base = base_name(name)
    in_place = base != name.split(".")[0]
    grids = [arg for arg in args if isinstance(arg, Array)]
    found = [cells_of(result) for result in results]
    if base in _TURNS or (not in_place and _is_view(given[0], results)):
        return
    if base == "index_put" and any(arg is True for arg in args):  # it adds: more than a move
        yield Operation(f"{base} with accumulation", (), {}, tuple(found[0].entries))
    elif base in MOVES:
        yield from _moved(name, function, given, args, found)
    elif base in REDUCTIONS or (base in ("max", "min") and len(grids) == 1):
        yield from _reduced(name, base, args, options, found[:1])
    elif base in ALONG:
        dims = _dims(_dim(base, args), len(found[0].shape))
        lines = [grid.fibers(dims).entries for grid in (*grids, *found)]
        for line in zip(*lines, strict=True):
            yield Operation(name, tuple(cell for part in line[:-1] for cell in part), {}, tuple(line[-1]))
    elif base in PRODUCTS:
        yield from _products(name, base, args, options, found[0])
    elif base in MATRICES:
        yield from _by_matrix(name, grids, options, found)
    elif base in WHOLE:
        yield _whole(name, args, found)
    elif base in LOSSES and _reduction(base, args):
        yield from _loss(name, function, given, args, options, found[0], keep)
    else:
        yield from _entrywise(name, base, args, options, found)


def _is_view(given: Sequence[Any], results: Sequence[torch.Tensor]) -> bool:
    tensors = [arg for arg in given if isinstance(arg, torch.Tensor) and arg.numel() and not arg._is_zerotensor()]
    sources = {arg.untyped_storage().data_ptr() for arg in tensors}
    return bool(results) and all(
        not result._is_zerotensor() and result.untyped_storage().data_ptr() in sources for result in results
    )


def _entrywise(
    name: str, base: str, args: Sequence[Seen], options: Mapping[str, Seen], found: Sequence[Grid]
) -> Iterator[Operation]:
    if not found:
        yield Operation(name, (), {}, ())
        return
    shape = found[0].shape
    if broadcast_shape([shape, *(arg.shape for arg in args if isinstance(arg, Array))]) != shape:
        # Truths and places are read off the record; any other number has to mean something.
        plain = all(isinstance(cell.value, (bool, int)) for cell in found[0].entries)
        for cell in found[0].entries:
            yield Operation(f"full.{name}" if plain else f"{base} of arrays", (), {}, (cell,))
        return
    columns = [arg.broadcast(shape).entries if isinstance(arg, Array) else None for arg in args]
    said: dict[str, Argument] = {key: _first(value) for key, value in options.items()}
    is_backward = base.endswith("_loss_backward") or base == "binary_cross_entropy_backward"
    if is_backward and _reduction(base, args, 3) == 1:
        said["count"] = len(found[0].entries)
    for place in range(len(found[0].entries)):
        entry = tuple(_first(arg) if column is None else column[place] for arg, column in zip(args, columns, strict=True))
        yield Operation(name, entry, said, tuple(grid.entries[place] for grid in found if len(grid.entries) > place))


def _first(value: Seen) -> Argument:
    """An argument that is the same for all entries."""
    if isinstance(value, Array):
        return value.entries[0] if len(value.entries) == 1 else None
    return tuple(_first(part) for part in value) if isinstance(value, tuple) else value


def _moved(
    name: str, function: Callable[..., Any], given: tuple[Sequence[Any], Mapping[str, Any]], args: Sequence[Seen],
    found: Sequence[Grid],
) -> Iterator[Operation]:  # fmt: skip
    """Run an operation on the numbers of cells: 0 for what it puts there itself."""
    cells: list[Cell] = []

    def numbered(arg: Any, seen: Any) -> Any:
        if isinstance(arg, torch.Tensor) and isinstance(seen, Array) and arg.is_floating_point():
            start = len(cells) + 1
            cells.extend(seen.entries)
            return torch.arange(start, start + arg.numel(), device=arg.device).reshape(arg.shape)
        if isinstance(arg, (list, tuple)):
            return [numbered(*pair) for pair in zip(arg, seen, strict=True)]
        return arg

    if not any(isinstance(arg, torch.Tensor) and arg.is_floating_point() for arg in _flat(given[0])):
        for result in found[0].entries:  # places and truths: they are read off the record
            yield Operation(f"full.{name}", (), {}, (result,))
        return
    places = function(*[numbered(*pair) for pair in zip(given[0], args, strict=True)], **given[1])
    for place, result in zip(places.reshape(-1).tolist(), found[0].entries, strict=True):
        if place:
            yield Operation(f"clone.{name}", (cells[place - 1],), {}, (result,))
        else:
            yield Operation(f"zeros.{name}", (), {}, (result,))


def _flat(args: Sequence[Any]) -> Iterator[Any]:
    for arg in args:
        if isinstance(arg, (list, tuple)):
            yield from arg
        else:
            yield arg


def _reduced(
    name: str, base: str, args: Sequence[Seen], options: Mapping[str, Seen], found: Sequence[Grid]
) -> Iterator[Operation]:
    source = args[0]
    assert isinstance(source, Array)
    place = _DIM_AT.get(base, 1)
    # The overloads without a dimension may have other things there, such as a flag.
    said = None if name.endswith(".default") and base not in _DIM_BY_DEFAULT else args[place] if len(args) > place else None
    dims = _dims(said, len(source.shape))
    if base == "trace":
        source, dims = Array((min(source.shape),), source.entries[:: source.shape[1] + 1][: min(source.shape)]), [0]
    kept: dict[str, Argument] = {key: _first(value) for key, value in options.items() if key == "correction"}
    if base == "linalg_vector_norm":
        kept["order"] = _first(args[1]) if len(args) > 1 else 2
    for line, result in zip(source.fibers(dims).entries, found[0].entries, strict=True):
        yield Operation(name, tuple(line), kept, (result,))


def _dims(said: Seen, count: int) -> list[int]:
    """The dimensions that an argument names; all of them if it names none."""
    named = [said] if isinstance(said, int) else list(said) if isinstance(said, tuple) and said else range(count)
    return [dim % count for dim in named] if count else []


def _dim(base: str, args: Sequence[Seen]) -> int:
    dim = args[2] if base.endswith("_backward_data") else args[1]
    assert isinstance(dim, int)
    return dim


def _products(name: str, base: str, args: Sequence[Seen], options: Mapping[str, Seen], found: Grid) -> Iterator[Operation]:
    """Every entry of a product of matrices: a row and a column, and what is added to them."""
    added = args[0] if base.startswith("add") else None
    left, right = (arg for arg in args[len(args) - 2 :] if isinstance(arg, Array))
    kept: dict[str, Argument] = {key: _first(options[key]) for key in ("alpha", "beta") if key in options}
    inner = left.shape[-1]
    rows = [list(left.entries[start : start + inner]) for start in range(0, len(left.entries), inner)]
    if len(right.shape) == 1:
        columns, per = [list(right.entries)], 1
    else:
        per = right.shape[-1]
        columns = [list(matrix[step::per]) for matrix in _matrices(right) for step in range(per)]
    outer = added.broadcast(found.shape).entries if isinstance(added, Array) else None
    height = left.shape[-2] if len(left.shape) > 1 else 1
    for place, result in enumerate(found.entries):
        row = place // per
        batch = row // height if len(left.shape) == 3 else 0
        entry = (*rows[row], *columns[batch * per + place % per])
        yield Operation(name, entry if outer is None else (outer[place], *entry), kept, (result,))


def _matrices(grid: Grid) -> list[Sequence[Cell]]:
    size = grid.shape[-2] * grid.shape[-1]
    return [grid.entries[start : start + size] for start in range(0, len(grid.entries), size)]


def _by_matrix(name: str, grids: Sequence[Grid], options: Mapping[str, Seen], found: Sequence[Grid]) -> Iterator[Operation]:
    """Operations on whole matrices; a stack of them is not taken apart."""
    size = grids[0].shape[-1]
    if any(len(grid.shape) > 2 for grid in grids):
        yield Operation(f"{name} of stacks", (), {}, tuple(found[0].entries))
        return
    kept: dict[str, Argument] = {"size": size}
    kept["recorded"] = tuple(cell.value for grid in found for cell in grid.entries)
    cells = tuple(cell for grid in grids for cell in grid.entries)
    kept["flags"] = (options.get("left", True), options.get("adjoint", False))
    yield Operation(name, cells, kept, tuple(cell for grid in found for cell in grid.entries))


def _whole(name: str, args: Sequence[Seen], found: Sequence[Grid]) -> Operation:
    """An operation as a whole: the cells of all its tensors one after the other, and their shapes."""
    grids = [arg for arg in args if isinstance(arg, Array)]
    kept: dict[str, Argument] = {
        "shapes": tuple(arg.shape if isinstance(arg, Array) else None for arg in args),
        "settings": tuple(None if isinstance(arg, Array) else arg for arg in args),
        "recorded": tuple(cell.value for grid in found for cell in grid.entries),
    }
    cells = tuple(cell for grid in grids for cell in grid.entries)
    return Operation(name, cells, kept, tuple(cell for grid in found for cell in grid.entries))


def _reduction(base: str, args: Sequence[Seen], usual: int = 2) -> int:
    place = _REDUCTION_AT.get(base, usual)
    said = args[place] if len(args) > place else 1
    return said if isinstance(said, int) else 1


def _loss(
    name: str, function: Callable[..., Any], given: tuple[Sequence[Any], Mapping[str, Any]], args: Sequence[Seen],
    options: Mapping[str, Seen], found: Grid, keep: Callable[[torch.Tensor], None],
) -> Iterator[Operation]:  # fmt: skip
    """A loss and its mean or sum, which is how its kernel goes: the losses of the entries are computed once more."""
    base = base_name(name)
    place = _REDUCTION_AT.get(base, 2)
    padded = [*given[0], *([None] * (place - len(given[0])))]
    inner = function(*padded[:place], 0, *padded[place + 1 :], **given[1])
    keep(inner)
    entries = cells_of(inner)
    yield from _entrywise(name, base, [*args[:place], 0, *args[place + 1 :]], options, [entries])
    how = "mean.default" if _reduction(base, args) == 1 else "sum.default"
    yield Operation(how, tuple(entries.entries), {}, tuple(found.entries))
