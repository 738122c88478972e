"""Rows of gradient checks at random shapes and options: PyTorch's gradients are proven, and a fault in front is blamed.

The oracle is PyTorch's own backward pass, which is written apart from the rows.  The numbers are all different, in bfloat16 too.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from gradcalc.testing import Outcome, gradients

Make = Callable[[random.Random], tuple[Callable[..., Any], list[tuple[int, ...]]]]
"""What makes a function of tensors, with the shapes of these."""


class Faulty(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 1

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * 1.03125


def numbers(shapes: list[tuple[int, ...]], dtype: torch.dtype, seed: int) -> list[torch.Tensor]:
    """Multiples of 1/128 between -2 and 2, in any order, no two of them of the same size."""
    sizes = [math.prod(shape) for shape in shapes]
    order = torch.randperm(128, generator=torch.Generator().manual_seed(seed))[: sum(sizes)].to(dtype)
    assert len(order) == sum(sizes), "more numbers than bfloat16 has of that kind"
    return [part.reshape(shape) for part, shape in zip(((4 * order - 255) / 128).split(sizes), shapes, strict=True)]


def positions(r: random.Random, shape: tuple[int, ...], size: int) -> torch.Tensor:
    return torch.tensor([r.randrange(size) for _ in range(math.prod(shape))], dtype=torch.int64).reshape(shape)


def _pool(name: str, dims: int, *, adaptive: bool = False) -> Make:
    function = getattr(functional, name)

    def make(r: random.Random) -> tuple[Callable[..., Any], list[tuple[int, ...]]]:
        image = tuple(r.randint(3, 4) for _ in range(dims))
        shape = (r.randint(1, 2), *image) if r.random() < 0.5 else (1, 2, *image)
        if adaptive:
            size = tuple(r.randint(1, length) for length in image)
            return lambda x: function(x, size), [shape]
        options = {"kernel_size": r.randint(1, 3), "stride": r.randint(1, 3), "ceil_mode": r.random() < 0.5}
        options["padding"] = r.randint(0, options["kernel_size"] // 2)
        if name.startswith("avg"):
            options["count_include_pad"] = r.random() < 0.5
        return lambda x: function(x, **options), [shape]

    return make


def _upsample(mode: str, dims: int) -> Make:
    def make(r: random.Random) -> tuple[Callable[..., Any], list[tuple[int, ...]]]:
        shape = (1, r.randint(1, 2), *(r.randint(2, 4) for _ in range(dims)))
        options: dict[str, Any] = {"mode": mode}
        if "nearest" not in mode:
            options["align_corners"] = r.random() < 0.5
        if r.random() < 0.5:
            options["size"] = tuple(r.randint(1, 6) for _ in range(dims))
        else:
            options["scale_factor"] = r.choice([0.75, 1.5, 2.0])
        return lambda x: functional.interpolate(x, **options), [shape]

    return make


def _grid(mode: str, dims: int) -> Make:
    def make(r: random.Random) -> tuple[Callable[..., Any], list[tuple[int, ...]]]:
        options = {"padding_mode": r.choice(["zeros", "border", "reflection"]), "align_corners": r.random() < 0.5}
        image = [r.randint(2, 3) for _ in range(dims)]
        return lambda x, grid: functional.grid_sample(x, grid * 0.7, mode=mode, **options), [
            (1, 2, *image), (1, *[2] * dims, dims),
        ]  # fmt: skip

    return make


def _transposed(dims: int) -> Make:
    def make(r: random.Random) -> tuple[Callable[..., Any], list[tuple[int, ...]]]:
        groups, stride, kernel, dilation = r.randint(1, 2), r.randint(1, 2), r.randint(1, 2), r.randint(1, 2)
        options = {"stride": stride, "groups": groups, "dilation": dilation, "padding": r.randint(0, kernel // 2)}
        options["output_padding"] = r.randrange(max(stride, dilation))
        function = getattr(functional, f"conv_transpose{dims}d")
        shapes = [(1, 2 * groups, *[2] * dims), (2 * groups, 2, *[kernel] * dims), (2 * groups,)]
        return lambda x, weight, bias: function(x, weight, bias, **options), shapes

    return make


def _pad(mode: str, dims: int) -> Make:
    def make(r: random.Random) -> tuple[Callable[..., Any], list[tuple[int, ...]]]:
        pads = [r.randint(0, 1) for _ in range(2 * dims)]
        return lambda x: functional.pad(x, pads, mode=mode), [(1, 2, *[r.randint(2, 3) for _ in range(dims)])]

    return make


def _scatter(name: str, **fixed: Any) -> Make:
    def make(r: random.Random) -> tuple[Callable[..., Any], list[tuple[int, ...]]]:
        shape, dim = (r.randint(2, 4), r.randint(2, 4)), r.randrange(2)
        options = dict(fixed)
        if name in ("scatter_reduce", "index_reduce"):
            options["include_self"] = r.random() < 0.5
        if name.startswith("index"):
            count = r.randint(1, 4) if name != "index_copy" else shape[dim]
            index = positions(r, (count,), shape[dim]) if name != "index_copy" else torch.randperm(count)
            source = tuple(count if axis == dim else length for axis, length in enumerate(shape))
        else:
            source = (r.randint(1, shape[0]), r.randint(1, shape[1]))
            index = positions(r, source, shape[dim])
            if name == "scatter":  # which one stays is not documented
                index = torch.stack([torch.randperm(shape[dim]) for _ in range(shape[1 - dim])], 1 - dim)
                source = shape
        return lambda x, y: getattr(torch, name)(x, dim, index, y, **options), [shape, source]

    return make


def _of_matrix(function: Callable[..., Any], *, square: bool = True, tall: bool = False, right: bool = False) -> Make:
    def make(r: random.Random) -> tuple[Callable[..., Any], list[tuple[int, ...]]]:
        rows, lead = r.randint(1, 3), (2,) if r.random() < 0.5 else ()
        columns = rows if square else rows + r.randint(0, 1) if not tall else max(rows - r.randint(0, 1), 1)
        shapes: list[tuple[int, ...]] = [(*lead, rows, columns)]
        return function, [*shapes, (*lead, rows, r.randint(1, 2))] if right else shapes

    return make


def _positive(a: torch.Tensor) -> torch.Tensor:
    return a @ a.mT + torch.eye(a.shape[-1], dtype=a.dtype)


def _signless(u: torch.Tensor, s: torch.Tensor, vh: torch.Tensor) -> torch.Tensor:
    return (u * s[..., None, :]) @ vh + u**2 @ vh**2


def _plain(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Make:
    return lambda r: (function, list(shapes))


ANY: dict[str, Make] = {
    **{f"{kind} pool, {dims}": _pool(f"{kind}_pool{dims}d", dims) for kind in ("avg", "max") for dims in (1, 2)},
    "max pool, 3": _pool("max_pool3d", 3),
    **{f"adaptive {kind} pool, {dims}": _pool(f"adaptive_{kind}_pool{dims}d", dims, adaptive=True)
       for kind in ("avg", "max") for dims in (1, 2, 3)},
    "lp pool": _plain(lambda x: functional.lp_pool2d(x, 2, 2), (1, 1, 4, 4)),
    "fractional pool": _plain(
        lambda x: functional.fractional_max_pool2d(x, 2, (2, 2), _random_samples=torch.full((1, 2, 2), 0.3, dtype=x.dtype)),
        (1, 2, 5, 5),
    ),
    **{f"upsample, {mode}": _upsample(mode, dims) for mode, dims in (
        ("nearest", 1), ("nearest", 2), ("nearest-exact", 2), ("linear", 1), ("bilinear", 2), ("bicubic", 2), ("trilinear", 3),
    )},
    **{f"transposed convolution, {dims}": _transposed(dims) for dims in (1, 2, 3)},
    **{f"pad, {mode}, {dims}": _pad(mode, dims) for mode in ("reflect", "replicate", "circular") for dims in (1, 2)},
    "scatter": _scatter("scatter"),
    "scatter_add": _scatter("scatter_add"),
    "index_add": _scatter("index_add", alpha=2),
    "index_copy": _scatter("index_copy"),
    **{f"scatter_reduce, {name}": _scatter("scatter_reduce", reduce=name) for name in ("sum", "prod", "mean", "amax", "amin")},
    **{f"index_reduce, {name}": _scatter("index_reduce", reduce=name) for name in ("prod", "mean", "amax", "amin")},
    "index_fill": _plain(lambda x: x.index_fill(1, torch.tensor([0, 2]), 0.3), (2, 3)),
    "put": _plain(lambda x, y: x.put(torch.tensor([0, 3, 3]), y, accumulate=True), (2, 3), (3,)),
    "take_along_dim": _plain(lambda x: torch.take_along_dim(x, torch.tensor([[0, 1, 0]]), 0), (2, 3)),
    "masked_scatter": _plain(
        lambda x, y: x.masked_scatter(torch.tensor([[True, False, True], [False, True, True]]), y), (2, 3), (5,),
    ),
    "select_scatter": _plain(lambda x, y: x.select_scatter(y, 0, 1), (2, 3), (3,)),
    "fold": _plain(lambda x: functional.fold(x, (3, 3), 2), (1, 4, 4)),
    "unfold": _plain(lambda x: functional.unfold(x, 2, padding=1, stride=2), (1, 2, 3, 3)),
    "windows": _plain(lambda x: x.unfold(0, 3, 2), (7,)),
    "cummax": _plain(lambda x: x.cummax(1).values, (3, 4)),
    "cummin": _plain(lambda x: x.cummin(0).values, (3, 4)),
    "median": _plain(lambda x: x.median() * x.median(1).values, (3, 5)),
    "mode": _plain(lambda x: x.mode(1).values, (3, 5)),
    "kthvalue": _plain(lambda x: x.kthvalue(2, 0).values, (3, 5)),
    "aminmax": _plain(lambda x: x.aminmax(dim=1), (3, 5)),
    "trace": _plain(torch.trace, (3, 3)),
    "selu, celu, elu": _plain(lambda x: functional.selu(x) + functional.celu(x, 0.5) * functional.elu(x, 0.4), (3, 4)),
    "sinc": _plain(torch.sinc, (3, 4)),
    "degrees": _plain(lambda x: torch.deg2rad(x) * torch.rad2deg(x), (3, 4)),
    "frexp": _plain(lambda x: torch.frexp(x * 0.7).mantissa, (3, 4)),
    "bilinear": _plain(lambda x, y, w: functional.bilinear(x, y, w), (2, 3), (2, 2), (2, 3, 2)),
    "split": _plain(lambda x: torch.split_copy(x, 2, 1)[1] * torch.unbind_copy(x, 1)[0][:, None], (2, 4)),
    "embedding_bag, mean": _plain(
        lambda w: functional.embedding_bag(torch.tensor([0, 2, 2, 1]), w, torch.tensor([0, 1]), mode="mean"), (3, 2),
    ),
    "embedding_bag, weights": _plain(
        lambda w, s: functional.embedding_bag(
            torch.tensor([0, 2, 2, 1]), w, torch.tensor([0, 1]), mode="sum", per_sample_weights=s, padding_idx=1
        ), (3, 2), (4,),
    ),
    "nll_loss2d": _plain(
        lambda x: functional.nll_loss(
            x, torch.tensor([[[0, 1], [-100, 2]]]), torch.tensor([0.5, 1.0, 2.0], dtype=x.dtype)
        ), (1, 3, 2, 2),
    ),
    "triplet": _plain(functional.triplet_margin_loss, (2, 3), (2, 3), (2, 3)),
    "weight_norm": _plain(lambda v, g: torch._weight_norm(v, g, 0), (3, 2), (3, 1)),
    "rms_norm": _plain(lambda x, w: functional.rms_norm(x, (4,), w), (2, 4), (4,)),
}  # fmt: skip
PRECISE: dict[str, Make] = {
    "avg pool, 3": _pool("avg_pool3d", 3),
    **{f"grid, {mode}, {dims}": _grid(mode, dims) for mode, dims in (
        ("bilinear", 2), ("nearest", 2), ("bicubic", 2), ("bilinear", 3),
    )},
    "multi_margin": _plain(lambda x: functional.multi_margin_loss(x, torch.tensor([0, 2])), (2, 3)),
    "multilabel_margin": _plain(
        lambda x: functional.multilabel_margin_loss(x, torch.tensor([[2, 0, -1], [1, -1, 0]])), (2, 3),
    ),
    "norms": _plain(lambda x: sum(torch.linalg.vector_norm(x, order, 1) for order in (0.5, 1, 2, 3, math.inf, -math.inf)), (3, 4)),
    "cdist": _plain(lambda x, y: torch.cdist(x, y) + torch.cdist(x, y, p=3.0), (3, 2), (4, 2)),
    "pdist": _plain(lambda x: functional.pdist(x, 1.5), (4, 2)),
    "dist": _plain(lambda x, y: torch.dist(x, y, 3), (4,), (4,)),
    "renorm": _plain(lambda x: torch.renorm(x, 2, 0, 1.0), (3, 4)),
    "bessel": _plain(lambda x: torch.special.i0e(x) * torch.special.i1e(x), (3, 4)),
    "erfcx, ndtri": _plain(lambda x: torch.special.erfcx(x) + torch.special.ndtri(torch.sigmoid(x)), (3, 4)),
    "inverse": _of_matrix(torch.linalg.inv),
    "determinants": _of_matrix(lambda a: torch.linalg.det(a) + torch.linalg.slogdet(a).logabsdet),
    "solve": _of_matrix(torch.linalg.solve, right=True),
    "triangular": _of_matrix(lambda a, b: torch.linalg.solve_triangular(a, b, upper=False), right=True),
    "triangular, unit": _of_matrix(
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=True, unitriangular=True), right=True,
    ),
    "lu": _of_matrix(lambda a: torch.linalg.lu(a)[1:], square=False),
    "lu, tall": _of_matrix(lambda a: torch.linalg.lu(a)[1:], square=False, tall=True),
    "lu_solve": _of_matrix(lambda a, b: torch.linalg.lu_solve(*torch.linalg.lu_factor(a), b, adjoint=True), right=True),
    "cholesky": _of_matrix(lambda a: torch.linalg.cholesky(_positive(a))),
    "cholesky, upper": _of_matrix(lambda a: torch.linalg.cholesky(_positive(a), upper=True)),
    "cholesky_solve": _of_matrix(lambda a, b: torch.cholesky_solve(b, torch.linalg.cholesky(_positive(a))), right=True),
    "qr": _of_matrix(torch.linalg.qr, square=False),
    "qr, tall": _of_matrix(torch.linalg.qr, square=False, tall=True),
    "eigh": _of_matrix(lambda a: torch.linalg.eigh(a + a.mT)),
    "eigvalsh": _of_matrix(lambda a: torch.linalg.eigvalsh(a + a.mT)),
    "svd": _of_matrix(lambda a: _signless(*torch.linalg.svd(a, full_matrices=False)), square=False),
    "svdvals": _of_matrix(torch.linalg.svdvals, square=False, tall=True),
    "pinv": _of_matrix(torch.linalg.pinv, square=False),
    "lstsq": _of_matrix(lambda a, b: torch.linalg.lstsq(a, b).solution, square=False, tall=True, right=True),
    "matrix_exp": _of_matrix(torch.linalg.matrix_exp),
    "householder": _plain(torch.linalg.householder_product, (4, 3), (2,)),
    "ormqr": _plain(lambda a, t, b: torch.ormqr(a, t, b, transpose=True), (3, 2), (2,), (3, 2)),
}  # fmt: skip
"""Of these torch has no bfloat16, or its numbers are too few for them to be different."""


def checked(name: str, make: Make, dtype: torch.dtype, seed: int) -> None:
    torch.manual_seed(seed)
    fn, shapes = make(random.Random(f"{name} {seed}"))
    xs = numbers(shapes, dtype, seed)
    report = gradients(fn, xs)
    assert report.verdict == Outcome.PROVEN, f"{shapes}: {report}"
    faulty = gradients(lambda *xs: fn(*map(Faulty.apply, xs)), xs)
    if all(part.why == "" and part.outcome == Outcome.PROVEN for part in faulty.parts):
        assert is_constant(fn, xs)
    else:
        assert (faulty.verdict, faulty.at_fault) == (Outcome.WRONG, ("Faulty",)), f"{shapes}: {faulty}"


def is_constant(fn: Callable[..., Any], xs: list[torch.Tensor]) -> bool:
    """Whether all gradients are 0: those of pools of nothing, of orthogonal matrices of one row."""
    own = [x.double().requires_grad_() for x in xs]
    outputs = torch.utils._pytree.tree_leaves(fn(*own))
    found = torch.autograd.grad(sum((it * it).sum() for it in outputs if it.requires_grad), own, allow_unused=True)
    return all(it is None or it.abs().max() < 1e-12 for it in found)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ANY)
def test_gradients_are_proven_and_faults_are_blamed(name: str, dtype: torch.dtype, seed: int) -> None:
    checked(name, ANY[name], dtype, seed)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", PRECISE)
def test_gradients_in_double_precision(name: str, seed: int) -> None:
    checked(name, PRECISE[name], torch.float64, seed)
