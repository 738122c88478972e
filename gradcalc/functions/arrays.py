"""Functions of arrays: sums and means, products of matrices, softmax.

The meaning of a row is `entries`: the entries of the result as trees of the entries of the arguments, in a vocabulary `m`
that builds them.  `torch` is told the options by keyword, as `entries` is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from gradcalc.expression.arrays import Cells, indices, of_lines
from gradcalc.functions.row import Function, row

MAX_MATRIX = 8
"""The largest matrix whose determinant is written out: a formula of n*2**n products."""

_DIM: dict[str, tuple[str, ...]] = {"dim": ()}


def _reduction(combine: Callable[[Any, Sequence[Any]], Any]) -> Callable[..., Cells[Any]]:
    """A function that makes one number of a line of them: of all entries, or along a dimension."""

    def entries(m: Any, x: Cells[Any], dim: int | None = None, **rest: Any) -> Cells[Any]:
        lines = x.lines(range(len(x.shape)) if dim is None else [m.dim(x, dim)])
        if not prod(x.shape):
            raise m.wrong("there is nothing to combine")
        return lines.map(lambda line: combine(m, line, **rest))

    return entries


def _along(change: Callable[[Any, Sequence[Any]], Sequence[Any]]) -> Callable[..., Cells[Any]]:
    """A function of a line of numbers that gives as many."""

    def entries(m: Any, x: Cells[Any], dim: int = -1) -> Cells[Any]:
        if not x.shape:
            return Cells((), change(m, x.entries))
        place = m.dim(x, dim)
        return of_lines(x.lines([place]).map(lambda line: change(m, line)), x.shape, place)

    return entries


def _mean(m: Any, line: Sequence[Any]) -> Any:
    return m.call("/", m.add(line), m.number(len(line)))


def _var(m: Any, line: Sequence[Any], correction: int = 1) -> Any:
    middle = _mean(m, line)
    if len(line) <= correction:
        raise m.wrong(f"of {len(line)} entries there is no variance with the correction {correction}")
    squares = [m.call("**", m.call("-", entry, middle), m.number(2)) for entry in line]
    return m.call("/", m.add(squares), m.number(len(line) - correction))


def _norm(m: Any, line: Sequence[Any], p: int | str = 2) -> Any:
    sizes = [m.call("abs", entry) for entry in line]
    if p == "inf":
        return m.chain("max", sizes)
    if p == 1:
        return m.add(sizes)
    if p in (2, "fro"):
        if len(line) == 1:
            return sizes[0]
        if len(line) == 2:  # the origin is its kink
            return m.call("hypot", *line)
        return m.call("sqrt", m.add([m.call("**", entry, m.number(2)) for entry in line]))
    raise m.wrong("norms are of order 1, 2 or inf", hint="norm(x, 1), norm(x), norm(x, inf)")


def _logsumexp(m: Any, line: Sequence[Any]) -> Any:
    return m.chain("logaddexp", line) if len(line) == 2 else m.call("log", m.add([m.call("exp", entry) for entry in line]))


def _softmax(m: Any, line: Sequence[Any]) -> Sequence[Any]:
    powers = [m.call("exp", entry) for entry in line]
    total = m.add(powers)
    return [m.call("/", power, total) for power in powers]


def _log_softmax(m: Any, line: Sequence[Any]) -> Sequence[Any]:
    total = m.call("log", m.add([m.call("exp", entry) for entry in line]))
    return [m.call("-", entry, total) for entry in line]


def _scan(name: str) -> Callable[[Any, Sequence[Any]], Sequence[Any]]:
    def change(m: Any, line: Sequence[Any]) -> Sequence[Any]:
        found = [line[0]]
        for entry in line[1:]:
            found.append(m.call(name, found[-1], entry))
        return found

    return change


def _layer_norm(m: Any, x: Cells[Any], eps: Cells[Any]) -> Cells[Any]:
    if not x.shape:
        raise m.wrong("layer_norm is of a line of numbers")

    def change(m: Any, line: Sequence[Any]) -> Sequence[Any]:
        middle = _mean(m, line)
        width = m.call("sqrt", m.call("+", _var(m, line, 0), eps.entries[0]))
        return [m.call("/", m.call("-", entry, middle), width) for entry in line]

    return _along(change)(m, x)


def _matmul(m: Any, a: Cells[Any], b: Cells[Any]) -> Cells[Any]:
    if not a.shape or not b.shape or len(a.shape) > 2 or len(b.shape) > 2:
        raise m.wrong(
            f"@ multiplies vectors and matrices, not {m.shape(a)} and {m.shape(b)}", hint="write * to multiply numbers"
        )
    if a.shape[-1] != b.shape[0]:
        raise m.wrong(f"{m.shape(a)} @ {m.shape(b)} does not fit: {a.shape[-1]} columns, {b.shape[0]} rows")
    rows, columns = a.lines([len(a.shape) - 1]), b.lines([0])
    found = [_dot(m, row, column) for row in rows.entries for column in columns.entries]
    return Cells((*rows.shape, *columns.shape), found)


def _dot(m: Any, left: Sequence[Any], right: Sequence[Any]) -> Any:
    return m.add([m.call("*", *pair) for pair in zip(left, right, strict=True)])


def _of_vectors(m: Any, a: Cells[Any], b: Cells[Any]) -> Cells[Any]:
    if len(a.shape) != 1 or a.shape != b.shape:
        raise m.wrong(f"dot is of two vectors of the same length, not of {m.shape(a)} and {m.shape(b)}")
    return Cells.single(_dot(m, a.entries, b.entries))


def _outer(m: Any, a: Cells[Any], b: Cells[Any]) -> Cells[Any]:
    if len(a.shape) != 1 or len(b.shape) != 1:
        raise m.wrong(f"outer is of two vectors, not of {m.shape(a)} and {m.shape(b)}")
    return Cells((*a.shape, *b.shape), [m.call("*", left, right) for left in a.entries for right in b.entries])


def _transpose(m: Any, a: Cells[Any]) -> Cells[Any]:
    if len(a.shape) > 2:
        raise m.wrong(f"transpose is of a matrix, not of {m.shape(a)}")
    return a.permuted(range(len(a.shape))[::-1])


def _square(m: Any, a: Cells[Any]) -> Sequence[Sequence[Any]]:
    """The rows of a square matrix."""
    if len(a.shape) != 2 or a.shape[0] != a.shape[1]:
        raise m.wrong(f"this needs a square matrix, not {m.shape(a)}")
    return a.lines([1]).entries


def _written_out(m: Any, a: Cells[Any]) -> _Minors:
    """The minors of a matrix that is small enough to have a formula."""
    rows = _square(m, a)
    if len(rows) > MAX_MATRIX:
        raise m.wrong(f"matrices up to {MAX_MATRIX} by {MAX_MATRIX} are written out; this one is {m.shape(a)}")
    return _Minors(m, rows)


def _trace(m: Any, a: Cells[Any]) -> Cells[Any]:
    return Cells.single(m.add([row[place] for place, row in enumerate(_square(m, a))]))


class _Minors:
    """The determinants of all submatrices of the last rows, each written once: n*2**(n - 1) products in all."""

    def __init__(self, m: Any, rows: Sequence[Sequence[Any]]):
        self.m, self.rows = m, rows
        self.every = tuple(range(len(rows)))
        self.known: dict[tuple[tuple[int, ...], tuple[int, ...]], Any] = {}

    def whole(self) -> Any:
        """The determinant itself."""
        return self.of(self.every, self.every)

    def of(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Any:
        if not rows:
            return self.m.number(1)
        if (rows, columns) not in self.known:
            self.known[rows, columns] = self.along_first(rows, columns)
        return self.known[rows, columns]

    def along_first(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Any:
        m, first = self.m, self.rows[rows[0]]
        if len(rows) == 1:
            return first[columns[0]]
        total = None
        for place, column in enumerate(columns):
            part = m.call("*", first[column], self.of(rows[1:], columns[:place] + columns[place + 1 :]))
            total = part if total is None else m.call("-" if place % 2 else "+", total, part)
        return total


def _det(m: Any, a: Cells[Any]) -> Any:
    return _written_out(m, a).whole()


def _inv(m: Any, a: Cells[Any]) -> Cells[Any]:
    minors = _written_out(m, a)
    every, whole = minors.every, minors.whole()
    found = []
    for i, j in indices(a.shape):
        minor = minors.of(every[:j] + every[j + 1 :], every[:i] + every[i + 1 :])
        found.append(m.call("/", m.call("neg", minor) if (i + j) % 2 else minor, whole))
    return Cells(a.shape, found)


def _solve(m: Any, a: Cells[Any], b: Cells[Any]) -> Cells[Any]:
    return _matmul(m, _inv(m, a), b)


def _chosen(m: Any, x: Cells[Any], at: str) -> Cells[Any]:
    places = x.places()
    words = at.split(",")
    if len(words) > len(x.shape):
        what = "a number has no entries" if not x.shape else f"an array of shape {m.shape(x)} has {len(x.shape)} places"
        raise m.wrong(what)
    done = 0
    for word in words:
        length = places.shape[done]
        lines = places.permuted([done, *(dim for dim in range(len(places.shape)) if dim != done)])
        rest = lines.shape[1:]
        size = prod(rest)
        if ":" in word:
            start, stop, step = ([int(part) if part else None for part in word.split(":")] + [None])[:3]
            if step is not None and step < 1:
                raise m.wrong("a slice goes forwards, by one at least")
            chosen = range(length)[start:stop:step]
            if not chosen:
                raise m.wrong("nothing is left: the slice has no entries")
            picked = Cells(
                (len(chosen), *rest), [entry for row in chosen for entry in lines.entries[row * size : (row + 1) * size]]
            )
            order = [*range(1, done + 1), 0, *range(done + 1, len(places.shape))]
            places = picked.permuted(order)
            done += 1
        else:
            row = int(word)
            if not -length <= row < length:
                raise m.wrong(f"there is no entry {row} along a length of {length}")
            row %= length
            places = Cells(rest, lines.entries[row * size : (row + 1) * size])
    return x.chosen(places)


def _listed(m: Any, *parts: Cells[Any]) -> Cells[Any]:
    if len({part.shape for part in parts}) > 1:
        shapes = " and ".join(dict.fromkeys(m.shape(part) for part in parts))
        raise m.wrong(f"the entries of a list have one shape, here are {shapes}")
    return Cells((len(parts), *parts[0].shape), [entry for part in parts for entry in part.entries])


def _torch_index(t: Any, x: Any, at: str) -> Any:
    def place(word: str) -> Any:
        return slice(*(int(part) if part else None for part in word.split(":"))) if ":" in word else int(word)

    return x[tuple(place(word) for word in at.split(","))]


def _picked(name: str) -> Callable[..., Cells[Any]]:
    """max and min: of one array, or of several entry by entry."""
    largest = _reduction(lambda m, line: m.chain(name, line))

    def entries(m: Any, *args: Cells[Any], dim: int | None = None) -> Cells[Any]:
        if len(args) == 1:
            return largest(m, args[0], dim)
        if dim is not None:
            raise m.wrong(f"{name} along a dimension is of one array")
        return m.each(name, *args)  # type: ignore[no-any-return]

    return entries


def _torch_picked(name: str) -> Callable[..., Any]:
    def call(t: Any, *args: Any, dim: int | None = None) -> Any:
        function = getattr(t, name)
        if len(args) == 1:
            return function(args[0]) if dim is None else function(args[0], dim).values
        result = args[0]
        for arg in args[1:]:
            result = function(result, arg)
        return result

    return call


def _torch_norm(t: Any, x: Any, p: int | str = 2, dim: int | None = None) -> Any:
    return t.linalg.vector_norm(x, float("inf") if p == "inf" else 2 if p == "fro" else p, dim)


def _torch_along(name: str) -> Callable[..., Any]:
    return lambda t, x, dim=-1: getattr(t, name)(x, dim) if x.dim() else getattr(t, name)(x, 0)


def _cross_entropy(m: Any, x: Cells[Any], target: Cells[Any], reduction: str = "mean") -> Cells[Any]:
    """Rows of scores, and for each its class or the probabilities of all."""
    if not x.shape or len(x.shape) > 2:
        raise m.wrong(f"cross_entropy is of scores (classes) or (rows, classes), not of {m.shape(x)}")
    rows = x.lines([len(x.shape) - 1]).map(lambda line: _log_softmax(m, line))
    return _chosen_classes(m, rows, target, x.shape, reduction)


def _nll(m: Any, x: Cells[Any], target: Cells[Any], reduction: str = "mean") -> Cells[Any]:
    if not x.shape or len(x.shape) > 2 or target.shape != x.shape[:-1]:
        raise m.wrong(
            f"nll_loss is of (classes) or (rows, classes) and a class a row, not of {m.shape(x)} and {m.shape(target)}"
        )
    return _chosen_classes(m, x.lines([len(x.shape) - 1]), target, x.shape, reduction)


def _chosen_classes(
    m: Any, rows: Cells[Sequence[Any]], target: Cells[Any], shape: tuple[int, ...], reduction: str
) -> Cells[Any]:
    if target.shape == shape:
        pairs = zip(rows.entries, target.lines([len(shape) - 1]).entries, strict=True)
        losses = [m.call("neg", _dot(m, line, weights)) for line, weights in pairs]
    elif target.shape == rows.shape:
        losses = [
            m.call("neg", line[m.integer(entry, len(line))])
            for line, entry in zip(rows.entries, target.entries, strict=True)
        ]
    else:
        raise m.wrong(f"the targets of scores {m.shape(rows)} do not have the shape {m.shape(target)}")
    return reduced(m, Cells(rows.shape, losses), reduction)


def reduced(m: Any, losses: Cells[Any], reduction: str, rows: int = 1) -> Cells[Any]:
    """Losses as torch reduces them: their mean, their sum, that divided by the rows (`batchmean`), or none."""
    if reduction == "none" or not losses.shape:
        return losses
    if reduction == "batchmean":
        return Cells.single(m.call("/", m.add(losses.entries), m.number(rows)))
    return Cells.single(_mean(m, losses.entries) if reduction == "mean" else m.add(losses.entries))


def _torch_classes(name: str) -> Callable[..., Any]:
    def call(t: Any, x: Any, target: Any, reduction: str = "mean") -> Any:
        classes = target if target.shape == x.shape else target.detach().long()
        return getattr(t.nn.functional, name)(x, classes, reduction=reduction)

    return call


REDUCTION = {"reduction": ("mean", "sum", "none")}


def _row(name: str, signature: str, summary: str, entries: Any, torch: Any = "", **rest: Any) -> Function:
    return row(name, signature, summary, scalarized=entries, torch=torch, elementwise=False, **{"sample": (), **rest})


OF_ONE: tuple[Function, ...] = (
    _row("[", "x, ...", "a list: [1, 2], [[1, 2], [3, 4]]", _listed, lambda t, *parts: t.stack(parts)),
    _row("[]", "x", "entries: x[0], x[-1], x[1:3], A[0, :]", _chosen, _torch_index, options={"at": ()}),
    _row("sum", "x", "sum of the entries, of all or along dim", _reduction(lambda m, line: m.add(line)), options=_DIM),
    _row("mean", "x", "mean of the entries", _reduction(_mean), options=_DIM, aliases=("average",)),
    _row("prod", "x", "product of the entries", _reduction(lambda m, line: m.multiply(line)), options=_DIM, different_backward_algorithm=True),
    _row("amax", "x", "largest entry; torch shares the gradient among ties", _reduction(lambda m, line: m.chain("max", line)), options=_DIM, singular="kink at ties"),
    _row("amin", "x", "smallest entry; torch shares the gradient among ties", _reduction(lambda m, line: m.chain("min", line)), options=_DIM, singular="kink at ties"),
    _row("var", "x", "variance, divided by n - correction", _reduction(_var), options={**_DIM, "correction": ()}, torch=lambda t, x, dim=None, correction=1: t.var(x, dim, correction=correction)),
    _row("std", "x", "standard deviation", _reduction(lambda m, line, **rest: m.call("sqrt", _var(m, line, **rest))), options={**_DIM, "correction": ()}, torch=lambda t, x, dim=None, correction=1: t.std(x, dim, correction=correction), singular="where all entries are equal"),
    _row("norm", "x", "norm of order p: 1, 2 or inf; of matrices that of Frobenius", _reduction(_norm), options={"p": ("2", "inf", "fro"), **_DIM}, torch=_torch_norm, singular="at 0"),
    _row("logsumexp", "x", "log(sum(exp(x)))", _reduction(_logsumexp), options=_DIM, torch=lambda t, x, dim=None: t.logsumexp(x, tuple(range(x.dim())) if dim is None else dim)),
    _row("cumsum", "x", "sums of the first entries, along dim", _along(_scan("+")), options=_DIM, torch=_torch_along("cumsum")),
    _row("cumprod", "x", "products of the first entries, along dim", _along(_scan("*")), options=_DIM, torch=_torch_along("cumprod"), different_backward_algorithm=True),
    _row("softmax", "x", "exp(x)/sum(exp(x)), along dim", _along(_softmax), options=_DIM, torch=_torch_along("softmax")),
    _row("log_softmax", "x", "log(softmax(x))", _along(_log_softmax), options=_DIM, torch=_torch_along("log_softmax")),
    _row("layer_norm", "x; eps=0.00001", "(x - mean)/sqrt(variance + eps) along the last dimension", _layer_norm, torch=lambda t, x, eps: t.nn.functional.layer_norm(x, x.shape[-1:], eps=float(eps))),
)  # fmt: skip

MATRICES: tuple[Function, ...] = (
    _row("@", "x, y", "product of matrices and vectors", _matmul, "matmul", aliases=("matmul", "mm", "mv")),
    _row("dot", "x, y", "sum of the products of the entries of two vectors", _of_vectors, aliases=("inner",)),
    _row("outer", "x, y", "the matrix of all products of two vectors", _outer),
    _row("transpose", "x", "rows and columns exchanged; also A.T", _transpose, lambda t, x: x.mT if x.dim() > 1 else x, aliases=("t",)),
    _row("trace", "x", "sum of the diagonal", _trace, aliases=("tr",)),
    _row("det", "x", "determinant", lambda m, a: Cells.single(_det(m, a)), "linalg.det", different_backward_algorithm=True),
    _row("logdet", "x", "log(det(x))", lambda m, a: Cells.single(m.call("log", _det(m, a))), singular="edge where the determinant is 0", different_backward_algorithm=True),
    _row("inv", "x", "inverse matrix", _inv, "linalg.inv", aliases=("inverse",), singular="pole at singular matrices", different_backward_algorithm=True),
    _row("solve", "x, y", "inv(x) @ y", _solve, "linalg.solve", singular="pole at singular matrices", different_backward_algorithm=True),
)  # fmt: skip

CLASSES: tuple[Function, ...] = (
    _row("cross_entropy", "x, target", "-log_softmax(x) at the target's class, or weighted by its probabilities", _cross_entropy, _torch_classes("cross_entropy"), options=REDUCTION),
    _row("nll_loss", "x, target", "-x at the target's class", _nll, _torch_classes("nll_loss"), options=REDUCTION),
)  # fmt: skip

MAX, MIN = ((_picked(name), _torch_picked(name)) for name in ("max", "min"))
