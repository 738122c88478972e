"""Shapes that follow from an expression: the least that fits, as general as it can be, and torch runs them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from support.generated_code import value_and_gradients
from support.matrix_expressions import Expressions, names_of

from gradcalc.expression.sizes import letters_in
from gradcalc.expression.tree import Number
from gradcalc.functions.resolve import understand
from gradcalc.inputs.shape_inference import infer_shapes
from gradcalc.inputs.shapes import read_shapes, sizes_of
from gradcalc.output.array_code import LIBRARIES, Gradient, function_code

SHAPES = [
    ("sum((A@x - b)**2)", "", "A=m,n x=n"),
    ("sum((A@x - b)**2)", "A=k,d", "x=d"),
    ("sum((A@x - b)**2)", "A=3,4 b=3", "x=4"),
    ("x@S@x", "", "x=n S=n,n"),
    ("x.T@A.T@A@x", "", "x=m A=n,m"),
    ("trace(A@X@B)", "", "A=m,n X=n,k B=k,m"),
    ("logdet(X) + trace(X@S)", "", "X=n,n S=n,n"),
    ("outer(x, y)", "", "x=m y=n"),
    ("cross_entropy(X@W, Y)", "", "X=m,n W=n,k Y=m,k"),
    ("cross_entropy(X@W, c)", "", "X=m,n W=n,k c=m"),
    ("sum(x[1:] - x[:-1])", "", "x=n"),
    ("sum((D@x)[1:]@y)", "D=n,n", "x=n y=n-1"),
    ("mean((X@U@V@W - Y)**2)", "Y=n,k", "X=n,m U=m,p V=p,q W=q,k"),
    ("sum(softplus(X@w))/n", "", "X=m,k w=k"),  # the letter n is taken
    ("sin(x)*y", "", ""),  # numbers fit
    ("sum(x**2)", "", "x=n"),  # nobody sums up a number
    ("mean(X)*c + softmax(z)[0]", "", "X=m,n z=k"),
    ("sum(A) + norm(x)", "A=m,n", "x=k"),
    ("A@x + B@x", "A=m,n B=k,p", ""),  # nothing fits
    ("x@1", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "given", "expected"), SHAPES, ids=[f"{row[0]} {row[1]}".strip() for row in SHAPES])
def test_the_shapes_that_follow(expr: str, given: str, expected: str) -> None:
    shapes = read_shapes(given.split())
    names = {*shapes, *letters_in(shapes.values()), "S", "n"}
    assert infer_shapes(understand(expr, names), shapes) == read_shapes(expected.split())


@pytest.mark.parametrize("seed", range(60))
def test_random_expressions_fit_their_shapes_and_torch_runs_them(seed: int) -> None:
    grown, chance = Expressions(seed + 31_000), random.Random(seed)
    expr = grown.number(2)
    given = {name: sizes for name, sizes in grown.sizes.items() if chance.random() < 0.4}
    tree = understand(expr, names_of(grown.sizes))
    shapes = {**given, **infer_shapes(tree, given)}
    assert sizes_of(tree, shapes) == ()
    letters = letters_in(shapes.values())
    numbers = dict(zip(letters, chance.sample(range(2, 20), len(letters)), strict=True))
    values = {name: np.full([numbers[size] for size in shapes.get(name, ())], 0.3) for name in grown.sizes}
    nothing = [Gradient(next(iter(grown.sizes)), [], Number("0"))]
    code = function_code(LIBRARIES["torch"], expr, tree, {name: shapes.get(name, ()) for name in grown.sizes}, nothing)
    value, _ = value_and_gradients("torch", code, values)
    assert value.shape == ()
