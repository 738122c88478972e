"""Code for numpy, torch and jax: it runs, and computes what the exact reference computes of the expression itself."""

from __future__ import annotations

import random
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import pytest
from support.generated_code import LIBRARIES, value_and_gradients

from gradcalc.engines.taylor.array_at import ArrayAt
from gradcalc.errors import CalcError
from gradcalc.expression.arrays import Array, Shape
from gradcalc.functions.resolve import understand
from gradcalc.output import array_code
from gradcalc.output.array_code import Gradient, function_code

SIZES = {"n": 3, "m": 2}


def values_of(expr: str, shapes: dict[str, Shape]) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Random numbers that are written with few bits, some of them negative, no two the same; classes of y."""
    chance = random.Random(f"{expr} {shapes}")
    numbers = chance.sample(range(12, 200), sum(map(prod, shapes.values())))
    values = {}
    for name, shape in shapes.items():
        own = [chance.choice((-1, 1, 1)) * numbers.pop() / 64 for _ in range(prod(shape))]
        values[name] = np.array([chance.randrange(3) for _ in own] if name == "y" else own, dtype=float).reshape(shape)
    return values


def code_of(library: str, expr: str, shapes: dict[str, Shape]) -> str:
    """The code of an expression, which is its own formula, too."""
    tree, letters = understand(expr), {3: "n", 2: "m"}
    sizes = {name: tuple(letters.get(size, str(size)) for size in shape) for name, shape in shapes.items()}
    return function_code(array_code.LIBRARIES[library], expr, tree, sizes, [Gradient("x", [("p", tree)], tree)])


def check(library: str, expr: str, shapes: dict[str, Shape]) -> None:
    """Compare the value and a formula, the same expression, with the reference."""
    code, values = code_of(library, expr, shapes), values_of(expr, shapes)
    value, (formula,) = value_and_gradients(library, code, values)

    exact: dict[str, Array[Any]] = {
        name: Array(each.shape, [Fraction(number) for number in each.reshape(-1).tolist()]) for name, each in values.items()
    }
    exact |= {letter: Array.scalar(Fraction(size)) for letter, size in SIZES.items()}
    at = ArrayAt(understand(expr), exact)
    truth = np.array([float("nan") if number is None else float(number) for number in at.value()]).reshape(at.shape)
    assert value.shape == formula.shape == at.shape, code
    np.testing.assert_allclose(value, truth, rtol=1e-12, atol=1e-12, err_msg=code)
    np.testing.assert_array_equal(value, formula)


X, V, S = {"x": (2, 3)}, {"x": (3,)}, {"x": (3, 3)}
EXPRESSIONS: list[tuple[str, dict[str, Shape]]] = [
    # operators
    ("(x - 1)**2/(x*x + 1) - -x", X), ("x@x", V), ("x@x.T", X), ("(x + 1)@[1, 2, 3]", X), ("2*x@x/3", V), ("x - (x - x/2)", V),
    # reductions of other orders
    ("norm(x)", X), ("norm(x, 1)", X), ("norm(x, inf)", X), ("norm(x, fro)", V), ("norm(x, 1, 0)", X), ("norm(x, inf, 1)", X),
    ("norm(x, 2, 1)", X), ("norm(x, p=1, keepdim=True)", X), ("norm(x, inf, 0, True)", X),
    ("var(x, dim=1, correction=0)", X), ("std(x, dim=0)", X), ("std(x, correction=2)", X),
    # along a dimension
    ("cumsum(x)", V), ("cumsum(x, dim=0)", X), ("cumprod(x)", X), ("cumprod(x, dim=0)", X), ("softmax(x)", X), ("softmax(x, dim=0)", X),
    ("log_softmax(x, dim=1)", X),
    # entries and lists
    ("x[0]", V), ("x[1:]", V), ("x[-1]*x[::2]", V), ("x[0, :]", X), ("x[:, 1]", X), ("x[:, 1:]", X), ("x[0][1]", X), ("x.T[0]", X),
    ("(x*x)[0] + (-x)[1]", X), ("(x@x.T)[0, 1]", X), ("eye(3)[0]*x", V), ("eye(3)@x", V), ("x@eye(3)", X), ("ones(3)[1:]@x", X),
    ("[x, x*2]", V), ("[x[0], 1]", V), ("[1, 2, 3]*x", V), ("[[1, 2, 3], x]", V), ("[[1, 2], [3, 4]]@x", X), ("[1, 2, 4][1]*x", V),
    ("1/[1, 2, 4]*x", V), ("[1, 2, 4]**(-1)*x", V),
    # sizes
    ("ones(2, 3)*x", X), ("ones(3 - 1)@x", X), ("eye(1 + 1)@x", X), ("outer(ones(2), x)", V), ("diag(ones(3))@x", V),
    # classes
    ("one_hot(y, 3)*x", {"x": (2, 3), "y": (2,)}), ("one_hot(y, 4 - 1)*x", {"x": (3,), "y": (2, 2)}), ("one_hot([2, 0], 3) + x", X),
    ("one_hot(y, 3) - x", {"x": (3,), "y": ()}), ("one_hot(y[0], 3)*x", {"x": (3,), "y": (2,)}), ("one_hot(2, 3) - x", V),
    # conditions, and the larger and the smaller
    ("where(x > 0, x, -x)", X), ("where(x == max(x), 1, 0)*x", X), ("where(x != x[0], x, 0.1)", V), ("where(x < 1, 0.1, 0.3)*x", X),
    ("where(3 > 2, x, 1)", V), ("where(x > 0 and x < 1, x, 0.5)", X), ("where(not x > 0 or x > 1, x, 0.5)", X),
    ("where(x == amax(x, dim=1, keepdim=True), 0.1, 0.3)*x", X),
    ("max(x, 1)", X), ("min(x, 0.3)", X), ("max(x, 1, x/2)", X), ("min(1, x, x*x)", X), ("maximum(x, 0.1)", V), ("minimum(0.1, x)", V),
    ("max(x[0], x[1])", V), ("max(x)", X), ("min(x, dim=0)", X), ("max(1, 2)*x", V), ("relu(x)", X), ("heaviside(x)", X),
    # numbers are of the dtype of the variables
    ("exp(0.1)*x", V), ("x*sqrt(2)", V), ("x/sqrt(0.1 + 3)", V), ("logaddexp(x, 0.1)", V), ("x*sum(0.1)", V), ("pi*x + e", V),
    # quotients in their places
    ("2/rsqrt(x*x)", V), ("2/reciprocal(x)", V), ("rsqrt(x*x)@x", V), ("reciprocal(x)**2", V),
    # functions
    ("sigmoid(x) + softplus(x)*logsigmoid(x)", X), ("logsumexp(x)", V), ("logsumexp(x)", X), ("logsumexp(x, dim=0)", X),
    ("exp(x) + expm1(x) - sin(x)*cos(x) + tanh(x)", V), ("det(x)", S), ("inv(x)@x[0]", S), ("solve(x, x[0])", S), ("trace(x) + sum(diag(x))", S),
    ("logdet(x@x.T)", S), ("dot(x, x)", V), ("log(x*x, 3)*log(2, 1 + x*x)", X), ("abs(x) + sign(x) + floor(x) + square(x)", X),
]  # fmt: skip


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("expr", "shapes"), EXPRESSIONS, ids=[f"{expr} {shapes['x']}" for expr, shapes in EXPRESSIONS])
def test_code_computes_the_expression(library: str, expr: str, shapes: dict[str, Shape]) -> None:
    check(library, expr, shapes)


REDUCTIONS = ("sum", "mean", "prod", "amax", "amin", "max", "min", "var", "std", "norm", "logsumexp")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("keepdim", [True, False])
@pytest.mark.parametrize("dim", [None, 0, 1, -1])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_reductions_keep_their_dimensions(library: str, reduction: str, dim: int | None, keepdim: bool) -> None:
    along = "" if dim is None else f", dim={dim}"
    check(library, f"x - {reduction}(x{along}, keepdim={keepdim})", S)
    check(library, f"{reduction}(x{along}, keepdim={keepdim})", X)


SPELLED = [
    ("sum(x, dim=1, keepdim=True)", "torch", "torch.sum(x, dim=1, keepdim=True)"),
    ("sum(x, dim=1, keepdim=True)", "python", "np.sum(x, axis=1, keepdims=True)"),
    ("sum(x, dim=1, keepdim=True)", "jax", "jnp.sum(x, axis=1, keepdims=True)"),
    ("sum(x, keepdim=True)", "torch", "torch.sum(x, dim=None, keepdim=True)"),
    ("sum(x)", "torch", "torch.sum(x)"),
    ("logsumexp(x)", "torch", "torch.logsumexp(torch.flatten(x), 0)"),
    ("logsumexp(x, dim=0)", "python", "logsumexp(x, axis=0)"),
    ("max(x, 0)", "torch", "torch.maximum(x, x.new_tensor(0))"),
    ("max(x, 0)", "python", "np.maximum(x, 0)"),
    ("where(x > 0, x, 0)", "torch", "torch.where(x > 0, x, 0)"),
    ("eye(2)@x", "torch", "torch.eye(2, dtype=x.dtype, device=x.device)@x"),
    ("[1, 2]@x", "jax", "jnp.array([1, 2], dtype=float)@x"),
    ("x[0, 1:]", "jax", "x[0, 1:]"),
]


@pytest.mark.parametrize(("expr", "library", "code"), SPELLED, ids=[f"{expr} {library}" for expr, library, _ in SPELLED])
def test_how_code_is_spelled(expr: str, library: str, code: str) -> None:
    assert f"    value = {code}\n" in code_of(library, expr, X)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("expr", "name"), [("sum(x + erf(x))", "erf"), ("sum(softplus(x, 2))", "softplus"), ("sum(heaviside(x, 0.25))", "heaviside")])  # fmt: skip
def test_what_has_no_code_is_refused(library: str, expr: str, name: str) -> None:
    tree = understand(expr)
    with pytest.raises(CalcError) as caught:
        function_code(array_code.LIBRARIES[library], "", tree, {"x": ("n",)}, [Gradient("x", [], tree)])
    assert caught.value.message == f"there is no code for {name} here"
