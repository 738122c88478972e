# ruff: noqa: N803 (matrices are capital letters)
"""Arrays: how they are written, what their entries are, and that torch's gradients of them are judged as those of numbers."""

from __future__ import annotations

import json
import math
import random
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import pytest
import torch

from gradcalc.calculate.answer import answer
from gradcalc.calculate.partials import MAX_PARTIALS
from gradcalc.calculate.prepared import prepare_problem
from gradcalc.commands.batch import json_lines
from gradcalc.commands.diff import vectorized
from gradcalc.engines.autograd import backward, forward
from gradcalc.engines.autograd.operation import base_name
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import Real, refine
from gradcalc.errors import CalcError, picture
from gradcalc.expression.arrays import Array, Shape, broadcast_shape, entry_names, from_fibers
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.functions import TABLE
from gradcalc.functions.minors import MAX_MATRIX
from gradcalc.functions.resolve import understand
from gradcalc.functions.scalarize import MAX_NODES, scalarize
from gradcalc.grammar import parse
from gradcalc.inputs.values import json_value, read_value
from gradcalc.output import table
from gradcalc.output.options import RenderOptions
from gradcalc.proof.floats import aten_elementwise
from gradcalc.report import Problem, Report, Verdict

# ------------------------------------------------------------------------------------------------------------- grammar

X, Y, A = Name("x"), Name("y"), Name("A")


def at(of: Node, place: str) -> Call:
    return Call("[]", (of,), options=(("at", place),))


TREES: list[tuple[str, Node]] = [
    ("[1, 2]", Call("[", (Number("1"), Number("2")))),
    ("[x]", Call("[", (X,))),
    ("[[1], [x]]", Call("[", (Call("[", (Number("1"),)), Call("[", (X,))))),
    ("x[0]", at(X, "0")),
    ("x[-1]", at(X, "-1")),
    ("x[1:]", at(X, "1:")),
    ("x[:]", at(X, ":")),
    ("x[::2]", at(X, "::2")),
    ("x[1:3:2]", at(X, "1:3:2")),
    ("A[0, :]", at(A, "0,:")),
    ("A[0][1]", at(at(A, "0"), "1")),
    ("[x, y][0]", at(Call("[", (X, Y)), "0")),
    ("(x + y)[0]", at(Call("+", (X, Y)), "0")),
    ("x[0]**2", Call("**", (at(X, "0"), Number("2")))),
    ("-x[0]", Call("neg", (at(X, "0"),))),
    ("A@x", Call("@", (A, X))),
    ("A@x@y", Call("@", (Call("@", (A, X)), Y))),
    ("A@(x@y)", Call("@", (A, Call("@", (X, Y))))),
    ("2*A@x", Call("@", (Call("*", (Number("2"), A)), X))),
]


@pytest.mark.parametrize(("text", "tree"), TREES, ids=[text for text, _ in TREES])
def test_reads_arrays_and_writes_them(text: str, tree: Node) -> None:
    assert parse(text) == tree
    assert parse(unparse(tree)) == tree


SPELLINGS = [
    ("A.T", "A.T"),
    ("A.mT", "A.T"),
    ("A.T.T", "A.T.T"),
    ("x.sum()", "sum(x)"),
    ("x.clamp(0, 1)", "clamp(x, 0, 1)"),
    ("x.sin().sum()", "sum(sin(x))"),
    ("(A@x).norm()", "norm(A@x)"),
    ("A.T@x", "A.T@x"),
    ("max(x, dim=0).values", "max(x, dim=0)"),
    ("x.max(dim=0).values[0]", "max(x, dim=0)[0]"),
    ("[1, x].sum()", "sum([1, x])"),
    ("x[0].exp()", "exp(x[0])"),
    ("sum(A, 0)", "sum(A, dim=0)"),
    ("sum(A, dim=-1)", "sum(A, dim=-1)"),
    ("norm(x, inf)", "norm(x, p=inf)"),
    ("norm(x, 1, 0)", "norm(x, p=1, dim=0)"),
    ("var(x, correction=0)", "var(x, correction=0)"),
    ("mse(x, y, reduction=sum)", "mse_loss(x, y, reduction=sum)"),
    ("mse_loss(x, y, reduction='sum')", "mse_loss(x, y, reduction=sum)"),
    ('norm(x, p="inf")', "norm(x, p=inf)"),
    ("layer_norm(x)", "layer_norm(x, 0.00001)"),
    ("average(x) + mm(A, A) - tr(A)", "mean(x) + A@A - trace(A)"),
    ("A[0,:]", "A[0, :]"),
]


@pytest.mark.parametrize(("text", "expected"), SPELLINGS, ids=[text for text, _ in SPELLINGS])
def test_spellings_of_arrays(text: str, expected: str) -> None:
    tree = understand(text)
    assert unparse(tree) == expected
    assert understand(expected) == tree


_AB = {"x": "[1, 2, 3]", "y": "[1, 2]", "A": "[[1, 2], [3, 4]]", "B": "[[1, 2, 3], [4, 5, 6]]", "c": "3"}

WRONG = [
    # grammar
    ("[1, 2", "error: missing ]\n  [1, 2\n  ^\nhint: this [ is never closed"),
    ("x[0", "error: missing ]\n  x[0\n   ^\nhint: this [ is never closed"),
    ("x[]", "error: an index must be an integer or a slice\n  x[]\n    ^\nhint: an entry is x[0], x[-1], x[1:3] or A[0, :]; write x*(...) for a product"),
    ("x[i]", "error: an index must be an integer or a slice\n  x[i]\n    ^\nhint: an entry is x[0], x[-1], x[1:3] or A[0, :]; write x*(...) for a product"),
    ("x[1.5]", "error: an index must be an integer or a slice\n  x[1.5]\n    ^^^\nhint: an entry is x[0], x[-1], x[1:3] or A[0, :]; write x*(...) for a product"),
    ("x[1:2:3:4]", "error: unexpected :\n  x[1:2:3:4]\n         ^"),
    ("x.shape", "error: unexpected .shape\n  x.shape\n    ^^^^^\nhint: write shape(...) for a function"),
    ("sum(x).values", "error: unexpected .values\n  sum(x).values\n         ^^^^^^\nhint: write values(...) for a function"),
    # places
    ("x[3]", "error: index 3 is out of range for length 3\n  x[3]\n  ^^^^"),
    ("x[-4]", "error: index -4 is out of range for length 3\n  x[-4]\n  ^^^^^"),
    ("c[0]", "error: a number has no entries\n  c[0]\n  ^^^^"),
    ("A[0, 2]", "error: index 2 is out of range for length 2\n  A[0, 2]\n  ^^^^^^^"),
    ("x[::-1]", "error: the step of a slice must be 1 or more\n  x[::-1]\n  ^^^^^^^"),
    # shapes
    ("1 + x*y", "error: shape mismatch: (3,) and (2,)\n  1 + x*y\n      ^^^"),
    ("B + A", "error: shape mismatch: (2, 3) and (2, 2)\n  B + A\n  ^^^^^"),
    ("B@A", "error: shape mismatch: (2, 3) @ (2, 2): 3 columns, 2 rows\n  B@A\n  ^^^"),
    ("c@x", "error: @ needs vectors or matrices, not () and (3,)\n  c@x\n  ^^^\nhint: write * to multiply numbers"),
    ("2 + dot(x, y)", "error: dot takes two vectors of the same length, not (3,) and (2,)\n  2 + dot(x, y)\n      ^^^^^^^^^"),
    ("outer(A, x)", "error: outer takes two vectors, not (2, 2) and (3,)\n  outer(A, x)\n  ^^^^^^^^^^^"),
    ("det(B)", "error: a square matrix is needed, not (2, 3)\n  det(B)\n  ^^^^^^"),
    ("trace(x)", "error: a square matrix is needed, not (3,)\n  trace(x)\n  ^^^^^^^^"),
    ("[c, x]", "error: the entries of a list must have one shape, not () and (3,)\n  [c, x]\n  ^^^^^^"),
    ("layer_norm(c)", "error: layer_norm needs a vector\n  layer_norm(c)\n  ^^^^^^^^^^^^^"),
    ("std(c)", "error: 1 entries have no variance with the correction 1\n  std(c)\n  ^^^^^^"),
    ("sum(x[3:])", "error: the slice has no entries\n  sum(x[3:])\n      ^^^^^"),
    # options
    ("sum(x, dim=1)", "error: an array of shape (3,) has no dimension 1\n  sum(x, dim=1)\n  ^^^^^^^^^^^^^"),
    ("softmax(A, dim=-3)", "error: an array of shape (2, 2) has no dimension -3\n  softmax(A, dim=-3)\n  ^^^^^^^^^^^^^^^^^^"),
    ("sum(x, dim=0.5)", "error: dim of sum is a whole number\n  sum(x, dim=0.5)\n             ^^^\nhint: usage: sum(x, dim, keepdim=False)"),
    ("sum(x, dim=c)", "error: dim of sum is a whole number\n  sum(x, dim=c)\n             ^\nhint: usage: sum(x, dim, keepdim=False)"),
    ("sum(x, 0, dim=0)", "error: dim is given twice\n  sum(x, 0, dim=0)\n            ^^^^^\nhint: usage: sum(x, dim, keepdim=False)"),
    ("sum(x, axis=0)", "error: sum has no argument axis\n  sum(x, axis=0)\n         ^^^^\nhint: usage: sum(x, dim, keepdim=False)"),
    ("norm(x, 3)", "error: the order of a norm must be 1, 2 or inf\n  norm(x, 3)\n  ^^^^^^^^^^\nhint: norm(x, 1), norm(x), norm(x, inf)"),
    ("mse_loss(x, target='sum')", "error: 'sum' is not a number\n  mse_loss(x, target='sum')\n                     ^^^^^"),
    ("x + 'sum'", "error: unexpected 'sum'\n  x + 'sum'\n      ^^^^^"),
    ("binary_cross_entropy(x, 1)", "error: binary_cross_entropy takes arrays of one shape, not (3,) and ()\n  binary_cross_entropy(x, 1)\n  ^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("mse_loss(x, x, reduction=max)", "error: reduction of mse_loss is mean or sum or none\n  mse_loss(x, x, reduction=max)\n                           ^^^\nhint: usage: mse_loss(x, target, reduction=mean)"),
    ("max(x, x, dim=0)", "error: max along a dimension takes one array\n  max(x, x, dim=0)\n  ^^^^^^^^^^^^^^^^"),
    # classes
    ("cross_entropy(x, 3)", "error: a class must be an integer from 0 to 2\n  cross_entropy(x, 3)\n  ^^^^^^^^^^^^^^^^^^^\nhint: write the classes as a list in the expression"),
    ("cross_entropy(x, -1)", "error: a class must be an integer from 0 to 2\n  cross_entropy(x, -1)\n  ^^^^^^^^^^^^^^^^^^^^\nhint: write the classes as a list in the expression"),
    ("cross_entropy(B, 0.5*y)", "error: a class must be an integer from 0 to 2\n  cross_entropy(B, 0.5*y)\n  ^^^^^^^^^^^^^^^^^^^^^^^\nhint: write the classes as a list in the expression"),
    ("cross_entropy(B, x)", "error: targets of shape (3,) do not match scores of shape (2,)\n  cross_entropy(B, x)\n  ^^^^^^^^^^^^^^^^^^^"),
    ("nll_loss(B, x)", "error: nll_loss takes shapes (classes) or (rows, classes) and one class per row, not (2, 3) and (3,)\n  nll_loss(B, x)\n  ^^^^^^^^^^^^^^"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[text for text, _ in WRONG])
def test_pictures_of_what_does_not_fit(text: str, expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        answer(Problem(text, {name: value for name, value in _AB.items() if name in re.findall(r"\w+", text)}))
    assert picture(caught.value) == expected


EMPTY = [
    "x[3:]", "[x[3:], x[3:]]", "A[0:0, :]@x[:2]", "A[0:0, 0:0]", "softmax(x[3:])", "log_softmax(x[3:])", "cumsum(x[3:])", "cumprod(x[3:])",
    "dot(x[3:], x[3:])", "x[3:]@x[3:]", "A[:, 0:0]@A[0:0, :]", "trace(A[0:0, 0:0])", "det(A[0:0, 0:0])", "inv(A[0:0, 0:0])",
    "logdet(A[0:0, 0:0])", "mse_loss(x[3:], x[3:])", "layer_norm(x[3:])", "cross_entropy(x[3:], 0)", "cross_entropy(A[0:0, :], x[3:])",
    "sum(x[3:])", "max(x[3:])", "norm(x[3:])", "std(x[3:])", "sum(sin(x[3:])) + x[0]", "x[0] + 0*sum(cumsum(x[3:]))",
]  # fmt: skip


@pytest.mark.parametrize("expr", EMPTY)
def test_what_has_no_entries_is_refused(expr: str) -> None:
    with pytest.raises(CalcError):
        answer(Problem(expr, {name: _AB[name] for name in "xA" if name in re.findall(r"\w+", expr)}))


VALUES: list[tuple[str, Shape]] = [
    ("[1, 2]", (2,)),
    ("[[1, 2, 3]]", (1, 3)),
    ("[[[pi]]]", (1, 1, 1)),
    ("[1, 2]/3", (2,)),
    ("[1, 2][0]", ()),
    ("[[1, 2], [3, 4]].T", (2, 2)),
    ("  [1/3, -sqrt(2)]", (2,)),
    ("3", ()),
]


@pytest.mark.parametrize(("text", "shape"), VALUES, ids=[text.strip() for text, _ in VALUES])
def test_the_value_of_a_variable_may_be_an_array(text: str, shape: Shape) -> None:
    assert read_value("x", text).entries.shape == shape


@pytest.mark.parametrize("text", ["sum([1, 2])", "([1, 2])", "2*[1, 2]", "-[1, 2]", "max([1, 2])", "(1 + [1, 2])[0]"])
def test_the_value_of_a_variable_may_be_calculated_with_arrays(text: str) -> None:
    """However it begins."""
    report = answer(Problem("sum(x*x)", {"x": text}))
    assert report.verdict is Verdict.AGREE


NO_VALUES = [
    ("[1, y]", "error: the value of x must be a number, but y is a variable\n  [1, y]\n  ^^^^^^\nhint: use numbers, pi, e and functions of them"),
    ("[1, [2]]", "error: the entries of a list must have one shape, not () and (1,)\n  [1, [2]]\n  ^^^^^^^^"),
    ("[1, 2][1:1]", "error: the slice has no entries\n  [1, 2][1:1]\n  ^^^^^^^^^^^"),
    ("[1, inf]", "error: inf is not supported: values must be finite\n  [1, inf]\n      ^^^"),
    ("[1, 2] > 0", "error: a condition cannot be used as a number\n  [1, 2] > 0\n  ^^^^^^^^^^\nhint: use where(condition, a, b)"),
    ("[]", "error: an array must have at least one entry\n  []\n  ^^"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NO_VALUES, ids=[text for text, _ in NO_VALUES])
def test_pictures_of_what_is_no_array(text: str, expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        read_value("x", text)
    assert picture(caught.value) == expected


def test_a_list_of_a_batch_line_is_the_text_of_an_array() -> None:
    assert json_value("x", ["1", ["0.5", "pi"]]) == "[1, [0.5, pi]]"


# --------------------------------------------------------------------------------------------------------- plain cells

CELLS = Array((2, 3), "abcdef")
MOVED: list[tuple[str, Array[str], Shape, str]] = [
    ("transposed", CELLS.permute([1, 0]), (3, 2), "adbecf"),
    ("repeated along a new dimension", CELLS.broadcast((2, 2, 3)), (2, 2, 3), "abcdefabcdef"),
    ("repeated along a single dimension", Array((2, 1), "ab").broadcast((2, 3)), (2, 3), "aaabbb"),
    ("chosen", CELLS.take(Array((2,), [5, 0])), (2,), "fa"),
    ("lines undone", from_fibers(CELLS.fibers([0]), (2, 3), 0), (2, 3), "abcdef"),
    ("a single dimension moved", Array((1, 3), "abc").permute([1, 0]), (3, 1), "abc"),
]


@pytest.mark.parametrize(("found", "shape", "entries"), [case[1:] for case in MOVED], ids=[case[0] for case in MOVED])
def test_cells_are_moved(found: Array[str], shape: Shape, entries: str) -> None:
    assert (found.shape, "".join(found.entries)) == (shape, entries)


LINES: list[tuple[list[int], Shape, list[str]]] = [([0], (3,), ["ad", "be", "cf"]), ([1], (2,), ["abc", "def"]), ([0, 1], (), ["abcdef"]), ([], (2, 3), list("abcdef"))]  # fmt: skip


@pytest.mark.parametrize(("dims", "shape", "lines"), LINES, ids=[str(dims) for dims, *_ in LINES])
def test_cells_in_lines(dims: list[int], shape: Shape, lines: list[str]) -> None:
    found = CELLS.fibers(dims)
    assert (found.shape, ["".join(line) for line in found.entries]) == (shape, lines)


_SIZES = (1, 2, 3)
SHAPES: list[Shape] = [shape for length in range(3) for shape in product(_SIZES, repeat=length)]


@pytest.mark.parametrize("left", SHAPES, ids=str)
def test_shapes_are_broadcast_as_torch_does(left: Shape) -> None:
    for right in SHAPES:
        try:
            expected = tuple(torch.broadcast_shapes(left, right))
        except RuntimeError:
            expected = None
        assert broadcast_shape([left, right]) == expected, right


def test_entries_have_names() -> None:
    assert entry_names("x", ()).entries == ("x",)
    assert list(entry_names("x", (2,)).entries) == ["x[0]", "x[1]"]
    assert list(entry_names("A", (1, 2)).entries) == ["A[0,0]", "A[0,1]"]
    assert Array((2, 1), "ab").tolist() == [["a"], ["b"]]


# -------------------------------------------------------------------------------------------------------------- scalarize


def names(**shapes: Shape) -> dict[str, Array[Node]]:
    """Variables of some shapes; what their values are does not matter."""
    return {name: Array(shape, [Number("1")] * math.prod(shape)) for name, shape in shapes.items()}


ENTRIES: list[tuple[str, dict[str, Shape], Shape, str]] = [
    ("x", {"x": ()}, (), "x"),
    ("x", {"x": (2,)}, (2,), "x[0] ; x[1]"),
    ("x*y", {"x": (2,), "y": ()}, (2,), "x[0]*y ; x[1]*y"),
    ("x + y", {"x": (2, 1), "y": (2,)}, (2, 2), "x[0,0] + y[0] ; x[0,0] + y[1] ; x[1,0] + y[0] ; x[1,0] + y[1]"),
    ("sum(x)", {"x": (3,)}, (), "x[0] + x[1] + x[2]"),
    ("sum(A, dim=0)", {"A": (2, 2)}, (2,), "A[0,0] + A[1,0] ; A[0,1] + A[1,1]"),
    ("sum(A, dim=-1)", {"A": (2, 2)}, (2,), "A[0,0] + A[0,1] ; A[1,0] + A[1,1]"),
    ("mean(x**2)", {"x": (2,)}, (), "(x[0]**2 + x[1]**2)/2"),
    ("x@y", {"x": (2,), "y": (2,)}, (), "x[0]*y[0] + x[1]*y[1]"),
    ("A@x", {"A": (2, 2), "x": (2,)}, (2,), "A[0,0]*x[0] + A[0,1]*x[1] ; A[1,0]*x[0] + A[1,1]*x[1]"),
    ("x@A", {"A": (2, 1), "x": (2,)}, (1,), "x[0]*A[0,0] + x[1]*A[1,0]"),
    ("A.T[0]", {"A": (2, 2)}, (2,), "A[0,0] ; A[1,0]"),
    ("A[:, 1]", {"A": (2, 2)}, (2,), "A[0,1] ; A[1,1]"),
    ("A[1:, :1]", {"A": (2, 2)}, (1, 1), "A[1,0]"),
    ("A[-1, ::2]", {"A": (2, 3)}, (2,), "A[1,0] ; A[1,2]"),
    ("x[1:9]", {"x": (3,)}, (2,), "x[1] ; x[2]"),
    ("[x, y*x]", {"x": (), "y": ()}, (2,), "x ; y*x"),
    ("[x, [1, 2]]", {"x": (2,)}, (2, 2), "x[0] ; x[1] ; 1 ; 2"),
    ("det(A)", {"A": (2, 2)}, (), "A[0,0]*A[1,1] - A[0,1]*A[1,0]"),
    ("trace(A)", {"A": (2, 2)}, (), "A[0,0] + A[1,1]"),
    ("outer(x, y)", {"x": (2,), "y": (1,)}, (2, 1), "x[0]*y[0] ; x[1]*y[0]"),
    ("cumsum(x)", {"x": (3,)}, (3,), "x[0] ; x[0] + x[1] ; x[0] + x[1] + x[2]"),
    ("max(x)", {"x": (3,)}, (), "max(max(x[0], x[1]), x[2])"),
    ("norm(x)", {"x": (3,)}, (), "sqrt(x[0]**2 + x[1]**2 + x[2]**2)"),
    ("norm(x, 1)", {"x": (2,)}, (), "abs(x[0]) + abs(x[1])"),
    ("var(x)", {"x": (2,)}, (), "((x[0] - (x[0] + x[1])/2)**2 + (x[1] - (x[0] + x[1])/2)**2)/1"),
    ("where(x > 0, x, y)", {"x": (2,), "y": ()}, (2,), "where(x[0] > 0, x[0], y) ; where(x[1] > 0, x[1], y)"),
    ("mse_loss(x, y)", {"x": (2,), "y": (2,)}, (), "(mse_loss(x[0], y[0], reduction=none) + mse_loss(x[1], y[1], reduction=none))/2"),
    ("mse_loss(x, y)", {"x": (), "y": ()}, (), "mse_loss(x, y, reduction=none)"),
    ("nll_loss(x, [1, 0], reduction=sum)", {"x": (2, 2)}, (), "-x[0,1] + -x[1,0]"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "shapes", "shape", "entries"), ENTRIES, ids=[f"{expr} {list(shapes.values())}" for expr, shapes, *_ in ENTRIES])  # fmt: skip
def test_the_entries_of_an_expression(expr: str, shapes: dict[str, Shape], shape: Shape, entries: str) -> None:
    found = scalarize(understand(expr, shapes), names(**shapes))
    assert found.shape == shape
    texts = [unparse(entry) for entry in found.entries]
    expected = entries.split(" ; ")
    assert texts == expected


def test_entries_share_their_parts() -> None:
    found = scalarize(understand("softmax(x)"), names(x=(3,)))
    totals = {id(entry.args[1]) for entry in found.entries if isinstance(entry, Call)}
    assert len(totals) == 1


LARGE = [
    ("A@A@A@A", {"A": (60, 60)}, f"the entries have more than {MAX_NODES} parts together"),
    ("x + y.T", {"x": (1, 700), "y": (1, 700)}, ""),
    ("det(A)", {"A": (9, 9)}, f"a matrix may be {MAX_MATRIX} by {MAX_MATRIX} at most, not (9, 9)"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("expr", "shapes", "message"), LARGE, ids=[expr for expr, *_ in LARGE])
def test_what_becomes_too_large_is_refused(expr: str, shapes: dict[str, Shape], message: str) -> None:
    with pytest.raises(CalcError) as caught:
        scalarize(understand(expr), names(**shapes))
    assert caught.value.message == (message or f"the entries have more than {MAX_NODES} parts together")


def test_too_many_partials_are_refused() -> None:
    entries = ", ".join(["1"] * 1_001)
    with pytest.raises(CalcError) as caught:
        answer(Problem("x*2", {"x": f"[{entries}]"}))
    assert picture(caught.value) == (
        f"error: 1001 x 1001 entries to the order 1 are 1002001 partials; the limit is {MAX_PARTIALS}\n"
        'hint: choose variables with --by, or a sample of entries: --by "x[0]" --by "x[17]"'
    )


# ------------------------------------------------------------------------------- laws: every row of arrays, beside torch


@dataclass(frozen=True)
class Form:
    """A call of a row, and the shapes of its variables; `p` and `q` are probabilities, `A` is far from singular."""

    expr: str
    shapes: dict[str, Shape]

    @property
    def row(self) -> str:
        tree = understand(self.expr)
        assert isinstance(tree, Call)
        return tree.name

    def point(self, seed: int = 0) -> dict[str, Array[float]]:
        """Numbers that float32 holds, none of them 0 and no two the same; the same in every run."""
        chance = random.Random(f"{self.expr} {self.shapes} {seed}")
        parts = chance.sample(range(12, 116), sum(map(math.prod, self.shapes.values())))
        point = {}
        for name, shape in self.shapes.items():
            mine = [parts.pop() for _ in range(math.prod(shape))]
            if name in ("p", "q"):
                entries = [part / 128 for part in mine]
            elif name == "A":  # diagonally dominant, with a positive determinant
                entries = [part / 256 + 3 * (place % (shape[1] + 1) == 0) for place, part in enumerate(mine)]
            else:
                entries = [chance.choice((-1, 1)) * part / 64 for part in mine]
            point[name] = Array(shape, entries)
        return point

    def texts(self, seed: int = 0) -> dict[str, str]:
        return {name: str(cells.tolist()) for name, cells in self.point(seed).items()}


def _forms() -> Iterator[Form]:
    for name in ("sum", "mean", "prod", "amax", "amin", "var", "std", "norm", "logsumexp", "max", "min"):
        yield Form(f"{name}(x)", {"x": (4,)})
        yield Form(f"{name}(x)", {"x": (2, 3)})
        yield Form(f"{name}(x, dim=0)", {"x": (2, 3)})
        yield Form(f"{name}(x, dim=-1)", {"x": (2, 1, 2)})
        yield Form(f"{name}(x, dim=1, keepdim=True)", {"x": (2, 3)})
        yield Form(f"{name}(x, keepdim=True)", {"x": (2, 2)})
        if name not in ("var", "std"):
            yield Form(f"{name}(x)", {"x": ()})
            yield Form(f"{name}(x)", {"x": (1,)})
            yield Form(f"{name}(x, dim=1)", {"x": (2, 1)})
    for name in ("var", "std"):
        yield Form(f"{name}(x, correction=0)", {"x": (3,)})
        yield Form(f"{name}(x, dim=0, correction=2)", {"x": (3, 2)})
    for order in ("1", "2", "inf", "fro"):
        yield Form(f"norm(x, {order})", {"x": (2,)})
        yield Form(f"norm(x, {order}, dim=0)", {"x": (3, 2)})
    for name in ("cumsum", "cumprod", "softmax", "log_softmax"):
        yield Form(f"{name}(x)", {"x": ()})
        yield Form(f"{name}(x)", {"x": (1,)})
        yield Form(f"{name}(x)", {"x": (4,)})
        yield Form(f"{name}(x)", {"x": (2, 3)})
        yield Form(f"{name}(x, dim=0)", {"x": (3, 2)})
    for shape in ((1,), (4,), (2, 3), (2, 1, 2)):
        yield Form("layer_norm(x)", {"x": shape})
    yield Form("layer_norm(x, 0.125)", {"x": (3,)})
    yield Form("[x, y]", {"x": (), "y": ()})
    yield Form("[x]", {"x": ()})
    yield Form("[x, y]", {"x": (2,), "y": (2,)})
    yield Form("[x]", {"x": (1,)})
    for place in ("0", "-1", "1:", "::2", ":"):
        yield Form(f"x[{place}]", {"x": (3,)})
        yield Form(f"x[{place}]", {"x": (2, 2)})
    for place in ("0, 1", ":, 1", "1, :2", "1:, ::2", "0:1, 0:1"):
        yield Form(f"x[{place}]", {"x": (2, 3)})
    yield Form("x[0]", {"x": (1,)})
    yield Form("x[:, 0, :]", {"x": (2, 2, 2)})
    for left, right in [((3,), (3,)), ((2, 3), (3,)), ((2,), (2, 3)), ((2, 3), (3, 2)), ((1, 2), (2, 1)), ((2, 1), (1, 2)), ((1,), (1,)), ((1, 1), (1, 1))]:  # fmt: skip
        yield Form("x@y", {"x": left, "y": right})
    for name in ("dot", "outer"):
        yield Form(f"{name}(x, y)", {"x": (3,), "y": (3,)})
        yield Form(f"{name}(x, y)", {"x": (1,), "y": (1,)})
    yield Form("outer(x, y)", {"x": (2,), "y": (3,)})
    yield Form("diag(x)", {"x": (3,)})
    yield Form("diag(X)", {"X": (3, 3)})
    for shape in ((), (3,), (2, 3), (1, 1)):
        yield Form("x.T", {"x": shape})
    for size in (1, 2, 3):
        for name in ("trace", "det", "logdet", "inv"):
            yield Form(f"{name}(A)", {"A": (size, size)})
        yield Form("solve(A, y)", {"A": (size, size), "y": (size,)})
        yield Form("solve(A, y)", {"A": (size, size), "y": (size, 2)})
    yield Form("det(A)", {"A": (4, 4)})
    for name in ("max", "min"):
        yield Form(f"{name}(x, y)", {"x": (3,), "y": (3,)})
        yield Form(f"{name}(x, y, z)", {"x": (2,), "y": (2, 2), "z": ()})
    for how in ("mean", "sum", "none"):
        yield Form(f"cross_entropy(x, 1, reduction={how})", {"x": (3,)})
        yield Form(f"cross_entropy(x, [1, 0], reduction={how})", {"x": (2, 3)})
        yield Form(f"cross_entropy(x, [0], reduction={how})", {"x": (1, 2)})
        yield Form(f"cross_entropy(x, 0, reduction={how})", {"x": (1,)})
        yield Form(f"cross_entropy(x, p, reduction={how})", {"x": (3,), "p": (3,)})
        yield Form(f"cross_entropy(x, p, reduction={how})", {"x": (2, 3), "p": (2, 3)})
        yield Form(f"nll_loss(x, 1, reduction={how})", {"x": (3,)})
        yield Form(f"nll_loss(x, [1, 0], reduction={how})", {"x": (2, 3)})
    for how, shape in product(("mean", "sum", "none"), ((), (1,), (3,), (2, 2))):
        told = f", reduction={how})"
        pair = {"x": shape, "y": shape}
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss"):
            yield Form(f"{name}(x, y{told}", pair)
        yield Form(f"smooth_l1_loss(x, y, 0.5{told}", pair)
        yield Form(f"huber_loss(x, y, delta=0.5{told}", pair)
        yield Form(f"binary_cross_entropy(p, q{told}", {"p": shape, "q": shape})
        yield Form(f"binary_cross_entropy_with_logits(x, p{told}", {"x": shape, "p": shape})
        yield Form(f"kl_div(x, p{told}", {"x": shape, "p": shape})
        yield Form(f"gaussian_nll_loss(x, y, p{told}", {**pair, "p": shape})
        one = "1" if not shape else str(Array(shape, [1] * math.prod(shape)).tolist())
        yield Form(f"soft_margin_loss(x, {one}{told}", {"x": shape})
        yield Form(f"margin_ranking_loss(x, y, {one}{told}", pair)
        yield Form(f"hinge_embedding_loss(x, {one}{told}", {"x": shape})
        yield Form(f"hinge_loss(x, {one}{told}", {"x": shape})
        yield Form(f"sigmoid_focal_loss(x, p, 0.25, 2{told}", {"x": shape, "p": shape})
    yield Form("kl_div(x, p, reduction=batchmean)", {"x": (2, 3), "p": (2, 3)})
    yield Form("kl_div(x, p, reduction=batchmean)", {"x": (3,), "p": (2, 3)})
    yield Form("kl_div(x, p, reduction=batchmean)", {"x": (), "p": (2, 3)})


FORMS = list(_forms())
IDS = [f"{form.expr} {' '.join(str(shape).replace(' ', '') for shape in form.shapes.values())}" for form in FORMS]


def test_every_row_of_arrays_is_looked_at() -> None:
    without_variables = {"eye", "ones", "one_hot"}
    rows = {row.name for row in TABLE.values() if row.composition is not None}
    assert rows - without_variables == {form.row for form in FORMS}


def torchs(form: Form, point: dict[str, Array[float]], dtype: torch.dtype) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """torch's value of a form, and its inputs."""
    inputs = {
        name: torch.tensor(list(cells.entries), dtype=dtype).reshape(cells.shape).requires_grad_()
        for name, cells in point.items()
    }
    tree = understand(form.expr)
    constants = forward.constants_of(tree, dtype, "cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice about kl_div
        return forward.build(tree, inputs, constants), inputs


def value_at(tree: Node, point: dict[str, Fraction]) -> Real:
    return refine(lambda: ExpressionAt(tree, point).value().value)


def flat(nested: object) -> list[object]:
    return [leaf for part in nested for leaf in flat(part)] if isinstance(nested, list) else [nested]


def size(nested: object) -> Shape:
    return (len(nested), *size(nested[0])) if isinstance(nested, list) else ()


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_the_entries_are_those_of_torch(form: Form) -> None:
    """The trees of the entries, evaluated exactly, beside torch's value of the expression as a whole."""
    for seed in range(2):
        point = form.point(seed)
        found = scalarize(understand(form.expr), names(**form.shapes))
        value, _ = torchs(form, point, torch.float64)
        assert found.shape == tuple(value.shape)
        exact = {
            entry: Fraction(number)
            for name, cells in point.items()
            for entry, number in zip(entry_names(name, cells.shape).entries, cells.entries, strict=True)
        }
        for tree, number in zip(found.entries, value.reshape(-1).tolist(), strict=True):
            assert float(value_at(tree, exact)) == pytest.approx(number, rel=1e-12, abs=1e-12)


@cache
def answered(number: int, dtype: str, seed: int) -> Report:
    return answer(Problem(FORMS[number].expr, FORMS[number].texts(seed), dtype=dtype))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("number", range(len(FORMS)), ids=IDS)
def test_every_partial_of_every_row_is_proven(number: int, dtype: str) -> None:
    report = answered(number, dtype, 0)
    assert report.partials
    for partial in report.partials:
        said = (partial.by, partial.index, partial.verdict, partial.cause, partial.why)
        lost = partial.verdict is Verdict.INACCURATE and partial.cause in ("cancellation", "kernel")
        assert lost or partial.verdict is Verdict.AGREE, said
        assert partial.proof["regularity"] == "regular", said
        # That the derivative of a quotient is 0, as of the softmax of one number, no enclosure can prove.
        assert partial.proof["evidence"] in ("proven", "numerical" if partial.reference == "0" else "proven"), said


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("number", range(len(FORMS)), ids=IDS)
def test_the_numbers_of_every_row_are_those_of_torch(number: int, dtype: str) -> None:
    form, report = FORMS[number], answered(number, dtype, 0)
    value, inputs = torchs(form, form.point(), getattr(torch, dtype))
    relative = 1e-5 if dtype == "float32" else 1e-12
    assert report.value is not None
    assert size(report.value.autograd) == tuple(value.shape)
    assert flat(report.value.autograd) == value.reshape(-1).tolist()
    assert list(map(float, flat(report.value.symbolic))) == pytest.approx(
        value.reshape(-1).tolist(), rel=relative, abs=relative
    )  # type: ignore[arg-type]
    expected = {}
    for index in product(*map(range, value.shape)):
        gradients = torch.autograd.grad(value[index], list(inputs.values()), retain_graph=True, allow_unused=True)
        for (name, tensor), gradient in zip(inputs.items(), gradients, strict=True):
            for place in product(*map(range, tensor.shape)):
                expected[name, index + place] = 0.0 if gradient is None else gradient[place].item()
    found = {(partial.by[0], partial.index): partial for partial in report.partials}
    assert list(found) == sorted(found, key=lambda key: (list(inputs).index(key[0]), key[1]))
    assert found.keys() == expected.keys()
    for key, partial in found.items():
        assert partial.autograd == pytest.approx(expected[key], rel=relative, abs=relative), key
        assert float(partial.symbolic or "nan") == pytest.approx(expected[key], rel=relative, abs=relative), key


@pytest.mark.slow
def test_every_operation_of_the_rows_has_a_meaning() -> None:
    unknown: set[str] = set()
    for form in FORMS:
        point = form.point()
        entries = [entry for name, cells in point.items() for entry in entry_names(name, cells.shape).entries]
        count = math.prod(scalarize(understand(form.expr), names(**form.shapes)).shape)
        bys = [(entry,) for entry in entries]
        run = backward.runs(
            understand(form.expr),
            point,
            backward.gradients_of(bys, point),
            count,
            dtype="float64",
            device="cpu",
            record=True,
        )[0]
        assert run.program is not None, run.failure
        unknown |= {
            f"{form.expr}: {op.name}" for op in run.program.operations if not aten_elementwise.is_known(base_name(op.name))
        }
    assert not unknown


LOW = ["sum(x**2)", "mean(x)", "x@x", "A@x", "softmax(x)", "layer_norm(x)", "norm(x)", "logsumexp(x)", "cross_entropy(x, 1)", "mse_loss(x, A)", "max(x)", "cumprod(x)"]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("expr", LOW)
def test_low_precision_agrees(expr: str, dtype: str) -> None:
    at = {"x": "[0.5, -1.25, 2]", "A": "[[2, 0.5, 0.25], [0.3, 1.5, -0.2], [0.1, -0.4, 1.75]]"}
    report = answer(
        Problem(expr, {name: text for name, text in at.items() if name in re.findall(r"\w+", expr)}, dtype=dtype)
    )
    assert report.verdict is Verdict.AGREE


# ----------------------------------------------------------------------------------------------------- known gradients

Known = Callable[..., torch.Tensor]
SQUARE = "[[2, 0.5, -1], [0.25, 3, 0.5], [1, -0.5, 4]]"

GRADIENTS: list[tuple[str, dict[str, str], dict[str, Known]]] = [
    ("mean(x**2)", {"x": "[1, 2, 3]"}, {"x": lambda x: 2 * x / 3}),
    ("sum(x)", {"x": "[[1, 2], [3, 4]]"}, {"x": torch.ones_like}),
    ("prod(x)", {"x": "[2, 3, 5]"}, {"x": lambda x: 30 / x}),
    ("norm(x)", {"x": "[3, 4]"}, {"x": lambda x: x / 5}),
    ("logsumexp(x)", {"x": "[1, 2, 3]"}, {"x": lambda x: x.exp() / x.exp().sum()}),
    ("x@y", {"x": "[1, 2]", "y": "[3, 5]"}, {"x": lambda x, y: y, "y": lambda x, y: x}),
    ("x@A@x", {"x": "[1, -2, 3]", "A": SQUARE}, {"x": lambda x, A: (A + A.T) @ x, "A": lambda x, A: torch.outer(x, x)}),
    ("det(A)", {"A": SQUARE}, {"A": lambda A: torch.linalg.det(A) * torch.linalg.inv(A).T}),
    ("logdet(A)", {"A": SQUARE}, {"A": lambda A: torch.linalg.inv(A).T}),
    ("trace(A@A)", {"A": SQUARE}, {"A": lambda A: 2 * A.T}),
    ("trace(inv(A))", {"A": SQUARE}, {"A": lambda A: -(torch.linalg.inv(A) @ torch.linalg.inv(A)).T}),
    ("sum(solve(A, b))", {"A": SQUARE, "b": "[1, 2, 3]"}, {"b": lambda A, b: torch.linalg.inv(A).T @ torch.ones_like(b)}),
    ("norm(A)**2", {"A": SQUARE}, {"A": lambda A: 2 * A}),
    ("var(x)", {"x": "[1, 2, 4, 8]"}, {"x": lambda x: 2 * (x - x.mean()) / 3}),
    (
        "-mean(y*log(sigmoid(X@w + b)) + (1 - y)*log(1 - sigmoid(X@w + b)))",
        {"X": "[[0.5, 1], [-1.5, 2], [1, -0.25]]", "w": "[0.3, -0.7]", "b": "0.1", "y": "[1, 0, 1]"},
        {
            "w": lambda X, w, b, y: X.T @ (torch.sigmoid(X @ w + b) - y) / 3,
            "b": lambda X, w, b, y: (torch.sigmoid(X @ w + b) - y).mean(),
        },
    ),
    (
        "binary_cross_entropy_with_logits(X@w, y)",
        {"X": "[[0.5, 1], [-1.5, 2], [1, -0.25]]", "w": "[0.3, -0.7]", "y": "[1, 0, 1]"},
        {"w": lambda X, w, y: X.T @ (torch.sigmoid(X @ w) - y) / 3},
    ),
    ("mse_loss(X@w, y)", {"X": "[[0.5, 1], [-1.5, 2]]", "w": "[0.3, -0.7]", "y": "[1, 0]"}, {"w": lambda X, w, y: X.T @ (X @ w - y)}),
    (
        "cross_entropy(x, [2, 0])",
        {"x": "[[0.5, 1, -1], [0.25, 2, 0]]"},
        {"x": lambda x: (x.softmax(1) - torch.eye(3, dtype=x.dtype)[[2, 0]]) / 2},
    ),
    ("-log(softmax(x)[1])", {"x": "[0.5, 1, -1]"}, {"x": lambda x: x.softmax(0) - torch.eye(3, dtype=x.dtype)[1]}),
    ("relu(x).sum()", {"x": "[-1, 2, 3]"}, {"x": lambda x: (x > 0).to(x.dtype)}),
    ("sum(x[1:]*x[:-1])", {"x": "[2, 3, 5]"}, {"x": lambda x: torch.tensor([3.0, 7.0, 3.0], dtype=x.dtype)}),
    ("max(A, dim=1).values.sum()", {"A": SQUARE}, {"A": lambda A: torch.eye(3, dtype=A.dtype)}),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "known"), GRADIENTS, ids=[expr for expr, *_ in GRADIENTS])
def test_known_gradients(expr: str, at: dict[str, str], known: dict[str, Known]) -> None:
    report = answer(Problem(expr, at))
    assert {partial.verdict for partial in report.partials} == {Verdict.AGREE}
    inputs = [torch.tensor(report.point[name], dtype=torch.float64) for name in at]
    for name, gradient in known.items():
        mine = [partial for partial in report.partials if partial.by == (name,)]
        expected = gradient(*inputs).reshape(-1).tolist()
        assert [float(partial.reference or "nan") for partial in mine] == pytest.approx(expected, rel=1e-13, abs=1e-15)
        assert [partial.autograd for partial in mine] == pytest.approx(expected, rel=1e-13, abs=1e-15)


NETWORKS: list[tuple[str, dict[str, str]]] = [
    (
        "sum((w2 @ tanh(W1 @ x + b1) - y)**2)",
        {"w2": "[[0.5, -1, 0.25]]", "W1": "[[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]]", "x": "[1, -2]", "b1": "[0.1, 0, -0.1]", "y": "[0.7]"},
    ),
    (
        "cross_entropy(relu(X @ W1 + b1) @ W2, [0, 1])",
        {"X": "[[0.5, 1.5], [-1, 2]]", "W1": "[[0.3, -0.2], [0.1, 0.7]]", "b1": "[0.05, -0.1]", "W2": "[[1, -1], [0.5, 0.25]]"},
    ),
    ("sum(softmax(Q@K.T/sqrt(2), dim=1)@V)", {"Q": "[[1, 0.5], [0.2, -1]]", "K": "[[0.3, 1], [-0.4, 0.6]]", "V": "[[1, 2], [3, 5]]"}),
    ("sum(g*layer_norm(x) + b)", {"g": "[1, 0.5, 2]", "x": "[0.3, -1, 2]", "b": "[0, 1, 2]"}),
    ("sum(g*(x - mean(x))/sqrt(var(x, correction=0) + 0.00001))", {"g": "[1, 0.5, 2]", "x": "[0.3, -1, 2]"}),
    ("norm(A@x - b)**2 + 0.1*norm(x, 1)", {"A": SQUARE, "x": "[1, -1, 2]", "b": "[1, 2, 3]"}),
    ("-(x - m)@inv(A)@(x - m)/2 - logdet(A)/2", {"x": "[1, 2, 3]", "m": "[0, 1, 0.5]", "A": SQUARE}),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("expr", "at"), NETWORKS, ids=[expr for expr, _ in NETWORKS])
def test_networks_agree(expr: str, at: dict[str, str], dtype: str) -> None:
    report = answer(Problem(expr, at, dtype=dtype))
    found = {(partial.verdict, partial.cause) for partial in report.partials}
    assert found <= {(Verdict.AGREE, None), (Verdict.INACCURATE, "cancellation")}
    assert (Verdict.AGREE, None) in found


# ---------------------------------------------------------------------------------------------------- where it is not smooth

KINK, POLE, DOMAIN = ("not-differentiable", "kink"), ("undefined", "pole"), ("undefined", "domain")
FINE = ("agree", None)

SINGULAR: list[tuple[str, dict[str, str], list[tuple[str, str | None]]]] = [
    ("max(x)", {"x": "[2, 1, 2]"}, [KINK, FINE, KINK]),
    ("amax(x)", {"x": "[2, 1, 2]"}, [KINK, FINE, KINK]),
    ("min(x, dim=0).values", {"x": "[1, 1, 2]"}, [KINK, KINK, FINE]),
    ("sum(max(x, y))", {"x": "[2, 1]", "y": "[2, 0]"}, [KINK, FINE, KINK, FINE]),
    ("norm(x)", {"x": "[0]"}, [KINK]),
    ("norm(x)", {"x": "[0, 0]"}, [KINK, KINK]),
    ("norm(x)", {"x": "[0, 0, 0]"}, [KINK, KINK, KINK]),
    ("norm(x, 1)", {"x": "[0, 2]"}, [KINK, FINE]),
    ("norm(x, inf)", {"x": "[3, 1, -3]"}, [KINK, FINE, KINK]),
    ("norm(A@x - b)", {"A": "[[1, 0], [0, 1]]", "x": "[1, 2]", "b": "[1, 2]"}, [KINK] * 8),
    ("std(x)", {"x": "[2, 2, 2]"}, [KINK, KINK, KINK]),
    ("std(x)", {"x": "[0.1, 0.1, 0.1]"}, [KINK, KINK, KINK]),
    ("sum(relu(x))", {"x": "[-1, 0, 1]"}, [FINE, KINK, FINE]),
    ("sum(sqrt(x))", {"x": "[1, -1]"}, [DOMAIN, DOMAIN]),
    ("mean(log(x))", {"x": "[1, 0]"}, [POLE, POLE]),
    ("inv(A)[0, 0]", {"A": "[[1, 2], [2, 4]]"}, [POLE] * 4),
    ("sum(solve(A, b))", {"A": "[[1, 2], [2, 4]]", "b": "[1, 1]"}, [POLE] * 6),
    ("logdet(A)", {"A": "[[1, 2], [2, 4]]"}, [POLE] * 4),
    ("logdet(A)", {"A": "[[1, 2], [3, 4]]"}, [DOMAIN] * 4),
    ("inv(A)[0, 0]", {"A": "[[1, 2, 3], [4, 5, 6], [7, 8, 9]]"}, [POLE] * 9),
    ("l1_loss(x, y)", {"x": "[1, 2]", "y": "[1, 3]"}, [KINK, FINE, KINK, FINE]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "at", "expected"), SINGULAR, ids=[f"{expr} at {' '.join(at.values())}" for expr, at, _ in SINGULAR]
)
def test_where_there_is_no_derivative(expr: str, at: dict[str, str], expected: list[tuple[str, str | None]]) -> None:
    report = answer(Problem(expr, at))
    assert [(str(partial.verdict), partial.cause) for partial in report.partials] == expected


def test_torchs_gradient_of_a_singular_determinant_is_not_believed() -> None:
    """The determinant is smooth there: its gradient is the cofactors, of which PyTorch returns none."""
    report = answer(Problem("det(A)", {"A": "[[1, 2], [2, 4]]"}))
    assert [partial.symbolic for partial in report.partials] == ["4", "-2", "-2", "1"]
    matrix = torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(torch.linalg.det(matrix), matrix)
    assert [partial.autograd for partial in report.partials] == gradient.reshape(-1).tolist()
    for partial in report.partials:
        assert partial.verdict is not Verdict.AGREE or partial.autograd == float(partial.symbolic or "nan")


@pytest.mark.parametrize(
    ("expr", "order", "point"),
    [
        ("prod(x)", 1, [1e200, 1e200, 1e-200]),
        ("prod(x)", 1, [1e-200, 1e-200, 1e200]),
        ("prod(x)", 1, [0.1, 0.2, 0.3]),
        ("cumprod(x)[2]", 2, [0.1, 0.2, 0.3]),
        ("det([x, x*x + 1, 1/x])", 2, [1.0, 2.0, 4.0]),
    ],
)
def test_the_numbers_are_those_that_torch_returns_to_everybody(expr: str, order: int, point: list[float]) -> None:
    """Being watched, torch takes another way through the backward pass of some functions, and returns other numbers."""
    report = answer(Problem(expr, {"x": str(point)}, order=order))
    tree = understand(expr, ["x"])
    values = {"x": Array((3,), point)}
    gradients = backward.gradients_of([partial.entries for partial in report.partials], values)
    (run,) = backward.runs(tree, values, gradients, 1, dtype="float64", device="cpu")
    for partial in report.partials:
        assert partial.autograd == run.partials[partial.entries]
        if not math.isfinite(partial.autograd or 0.0) or partial.autograd == 0.0 != float(partial.symbolic or 0):
            assert partial.verdict in (Verdict.INACCURATE, Verdict.UNDECIDED, Verdict.NOT_FINITE)


@pytest.mark.parametrize(
    ("expr", "at", "dtype"),
    [
        ("var(exp(x))", {"x": "[1.1, 1.1, 1.1]"}, "float32"),  # the mean is off, and the squares with it
        ("var(exp(x), dim=1, correction=0)", {"x": "[[2.1], [-2]]"}, "float64"),  # of one entry: around 0
        ("0.7*l1_loss(x, y)**2", {"x": "[0.3, -1.7, 2.2]", "y": "[1.1, 0.4, -0.9]"}, "float32"),
        ("smooth_l1_loss(x, y)*0.7", {"x": "[0.3, -1.7, 2.2]", "y": "[0.1, 0.4, -0.9]"}, "float32"),
        (
            "gaussian_nll_loss(x, y, z)",
            {"x": "[[0.3, 1], [2, -1]]", "y": "[[1, 2], [0.5, 0.1]]", "z": "[0.5, 2]"},
            "float64",
        ),
    ],
)
def test_honest_rounding_is_not_accused(expr: str, at: dict[str, str], dtype: str) -> None:
    report = answer(Problem(expr, at, dtype=dtype))
    assert not {partial.verdict for partial in report.partials} & {Verdict.DISAGREE, Verdict.ARTIFACT}


@pytest.mark.parametrize("size", [2, 3])
def test_the_gradient_of_the_determinant_of_zeros_is_zero(size: int) -> None:
    """torch puts something small in the place of zero pivots, and multiplies by the determinant."""
    report = answer(Problem("det(A)", {"A": str([[0] * size] * size)}))
    assert {partial.verdict for partial in report.partials} == {Verdict.AGREE}


# ----------------------------------------------------------------------------------------------- Jacobians and Hessians


def test_a_jacobian_has_the_index_of_the_result_and_of_the_variable() -> None:
    report = answer(Problem("A@x", {"A": "[[1, 2], [3, 4]]", "x": "[5, 7]"}))
    found = {(partial.by, partial.index): partial.symbolic for partial in report.partials}
    by_x = {(("x",), (row, column)): str(2 * row + column + 1) for row in (0, 1) for column in (0, 1)}
    by_a = {
        (("A",), (row, other, column)): ("5", "7")[column] if row == other else "0"
        for row in (0, 1)
        for other in (0, 1)
        for column in (0, 1)
    }
    assert found == by_a | by_x
    assert list(found) == [*by_a, *by_x]
    assert report.verdict is Verdict.AGREE


def test_a_hessian_is_symmetric() -> None:
    report = answer(Problem("x@A@x + prod(x)", {"A": SQUARE, "x": "[1, 2, 3]"}, by=("x",), order=2))
    found = {partial.index: partial for partial in report.partials}
    assert list(found) == list(product(range(3), range(3)))
    matrix = torch.tensor(report.point["A"], dtype=torch.float64)
    other = torch.tensor([[0, 3, 2], [3, 0, 1], [2, 1, 0]], dtype=torch.float64)
    expected = (matrix + matrix.T + other).tolist()
    for (row, column), partial in found.items():
        assert partial.by == ("x", "x")
        assert partial.verdict is Verdict.AGREE
        assert float(partial.symbolic or "nan") == partial.autograd == expected[row][column]
        assert found[column, row].autograd == partial.autograd


def test_mixed_second_partials_have_the_indices_of_both() -> None:
    report = answer(Problem("c*sum(x**2)", {"c": "2", "x": "[3, 5]"}, order=2))
    found = {("".join(partial.by), partial.index): partial.autograd for partial in report.partials}
    assert found == {
        ("cc", ()): 0.0,
        ("cx", (0,)): 6.0,
        ("cx", (1,)): 10.0,
        ("xc", (0,)): 6.0,
        ("xc", (1,)): 10.0,
        ("xx", (0, 0)): 4.0,
        ("xx", (0, 1)): 0.0,
        ("xx", (1, 0)): 0.0,
        ("xx", (1, 1)): 4.0,
    }
    assert report.verdict is Verdict.AGREE


HESSIANS = ["softmax(x)@y", "logsumexp(x*y)", "norm(x)*y[0]", "cross_entropy(x, 1)", "logdet([x, y])", "var(x*y)", "layer_norm(x)[0]", "mse_loss(tanh(x), y)"]  # fmt: skip


@pytest.mark.parametrize("expr", HESSIANS)
def test_second_derivatives_are_symmetric_and_agree(expr: str) -> None:
    at = {"x": "[0.5, -1.25]", "y": "[0.75, 2]"}
    report = answer(Problem(expr, {name: text for name, text in at.items() if name in re.findall(r"\w+", expr)}, order=2))
    found = {tuple(zip(partial.by, partial.index, strict=True)): partial for partial in report.partials}
    for entries, partial in found.items():
        assert partial.verdict in (Verdict.AGREE, Verdict.INACCURATE), (entries, partial.why)
        assert found[entries[::-1]].autograd == pytest.approx(partial.autograd, rel=1e-12, abs=1e-14)
        assert found[entries[::-1]].symbolic == partial.symbolic


BY: list[tuple[str, dict[str, str], Sequence[str], int, list[tuple[str, tuple[int, ...]]]]] = [
    ("sum(x**2)", {"x": "[1, 2, 3]"}, ["x[0]"], 1, [("x", (0,))]),
    ("sum(x**2)", {"x": "[1, 2, 3]"}, ["x[2]", "x[0]"], 1, [("x", (2,)), ("x", (0,))]),
    ("sum(x**2)", {"x": "[1, 2, 3]"}, ["x[ 1 ]"], 2, [("xx", (1, 1))]),
    ("sum(A)*y", {"A": "[[1, 2], [3, 4]]", "y": "2"}, ["A[1,0]", "y"], 1, [("A", (1, 0)), ("y", ())]),
    ("x*2", {"x": "[1, 2]"}, ["x[1]"], 1, [("x", (0, 1)), ("x", (1, 1))]),
    ("sum(x**2)", {"x": "[1, 2]"}, ["x", "x[0]"], 1, [("x", (0,)), ("x", (1,))]),
]


@pytest.mark.parametrize(("expr", "at", "by", "order", "expected"), BY, ids=[f"{expr} by {' '.join(by)} {order}" for expr, _, by, order, _ in BY])  # fmt: skip
def test_by_one_entry(
    expr: str, at: dict[str, str], by: Sequence[str], order: int, expected: list[tuple[str, tuple[int, ...]]]
) -> None:
    report = answer(Problem(expr, at, tuple(by), order))
    assert [("".join(partial.by), partial.index) for partial in report.partials] == expected
    assert report.verdict is Verdict.AGREE


NO_ENTRY = [
    ("x[3]", "error: x has no entry x[3]\nhint: its entries are x[0] to x[2]"),
    ("x[0,0]", "error: x has no entry x[0,0]\nhint: its entries are x[0] to x[2]"),
    ("c[0]", "error: c has no entry c[0]\nhint: its entries are c"),
    ("z[0]", "error: z does not occur in the expression\nhint: it has c, x"),
]


@pytest.mark.parametrize(("by", "expected"), NO_ENTRY, ids=[by for by, _ in NO_ENTRY])
def test_pictures_of_entries_that_are_not_there(by: str, expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        answer(Problem("c*sum(x)", {"x": "[1, 2, 3]", "c": "2"}, (by,)))
    assert picture(caught.value) == expected


def test_what_torch_received_is_told_in_the_shape_of_the_variable() -> None:
    report = answer(Problem("A@x", {"A": "[[0.1, 2]]", "x": "[3, 4]"}, dtype="float32"))
    assert report.point == {"A": [[0.10000000149011612, 2.0]], "x": [3.0, 4.0]}
    assert report.value is not None
    assert report.value.symbolic == ["8.3"]


# ------------------------------------------------------------------------------------------------------- other roads

SWEPT = [
    ("mean(x)", lambda x: (x, 1.0)),
    ("max(x)", lambda x: (x, 1.0)),
    ("sum([x, x**2])", lambda x: (x + x * x, 1 + 2 * x)),
    ("mse_loss(x, 0)", lambda x: (x * x, 2 * x)),
    ("[x, 1]@[x, 2]", lambda x: (x * x + 2, 2 * x)),
    ("[x, x**2][1]", lambda x: (x * x, 2 * x)),
]


@pytest.mark.parametrize(("expr", "known"), SWEPT, ids=[expr for expr, _ in SWEPT])
def test_points_of_a_crowd_are_not_entries_of_an_array(expr: str, known: Callable[[float], tuple[float, float]]) -> None:
    """Where torch computes many points at once, each has a value of its own."""
    points = [0.25, 0.5, 0.75, 1.25]
    found = vectorized.run(
        scalarize(understand(expr), {}).entries[0],
        {"x": points},
        4,
        [("x",)],
        dtype="float64",
        device="cpu",
    )
    if found.failure is None:
        assert list(found.values) == pytest.approx([known(x)[0] for x in points], rel=1e-12)
        assert list(found.partials["x",]) == pytest.approx([known(x)[1] for x in points], rel=1e-12)


UNRECORDED = ["sum(x**2)", "norm(x)", "layer_norm(x)", "softmax(x)", "mse_loss(x, y)", "kl_div(x, y, reduction=batchmean)", "var(x)", "x@y"]  # fmt: skip


@pytest.mark.parametrize("expr", UNRECORDED)
def test_without_the_dispatch_mode_a_rounding_bound_judges_entries(expr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backward, "AVAILABLE", False)
    at = {"x": "[0.5, -1.25, 2]", "y": "[0.75, 2, 0.25]"}
    report = answer(Problem(expr, {name: text for name, text in at.items() if name in re.findall(r"\w+", expr)}))
    assert {partial.verdict for partial in report.partials} == {Verdict.AGREE}
    assert {partial.proof["evidence"] for partial in report.partials} <= {"bound", "number only"}


# -------------------------------------------------------------------------------------- products with the Jacobian

ALONG = [
    ("mean(x**2)", {"x": "[1,2,3]"}, {"x": "[1,0,-1]"}, ["-1.3333333333333333333"]),
    ("A@x", {"A": "[[1,2],[3,4]]", "x": "[1,2]"}, {"x": "[1,1]"}, ["3", "7"]),
    ("A@x", {"A": "[[1,2],[3,4]]", "x": "[1,2]"}, {"x": "[1,1]", "A": "[[0,1],[0,0]]"}, ["5", "7"]),
    ("x*y + t", {"x": "2", "y": "3", "t": "1"}, {"x": "1", "y": "10"}, ["23"]),
]


@pytest.mark.parametrize(("expr", "at", "direction", "known"), ALONG, ids=[f"{expr} {list(d)}" for expr, _, d, _ in ALONG])
def test_derivatives_along_a_line(expr: str, at: dict[str, str], direction: dict[str, str], known: list[str]) -> None:
    report = answer(Problem(expr, at, direction=direction))
    assert [partial.symbolic for partial in report.partials] == known
    assert report.verdict is Verdict.AGREE


WEIGHTED = [
    ("x**2", {"x": "[1,2,3]"}, "[1,1,0]", ["2", "4", "0"]),
    ("A@x", {"A": "[[1,2],[3,4]]", "x": "[1,2]"}, "[1,-1]", ["1", "2", "-1", "-2", "-2", "-2"]),
    ("sin(x)", {"x": "0"}, "3", ["3"]),
]


@pytest.mark.parametrize(("expr", "at", "cotangent", "known"), WEIGHTED, ids=[expr for expr, *_ in WEIGHTED])
def test_gradients_weighted_by_a_cotangent(expr: str, at: dict[str, str], cotangent: str, known: list[str]) -> None:
    report = answer(Problem(expr, at, cotangent=cotangent))
    assert [partial.symbolic for partial in report.partials] == known
    assert report.verdict is Verdict.AGREE


WRONG_PRODUCTS = [
    ({"direction": {"x": "[1,2]"}}, "the direction of x has the shape (2,), and x (3,)"),
    ({"direction": {"y": "1"}}, "there is no value for y, which has a direction"),
    ({"direction": {"x": "[1,2,3]"}, "by": ("x",)}, "a derivative along a direction is by nothing else"),
    ({"cotangent": "[1,2]"}, "the cotangent has the shape (2,), and the expression (3,)"),
]


@pytest.mark.parametrize(("asked", "message"), WRONG_PRODUCTS, ids=[message for _, message in WRONG_PRODUCTS])
def test_products_that_do_not_fit(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(CalcError) as caught:
        prepare_problem(Problem("x**2", {"x": "[1,2,3]"}, **asked))
    assert caught.value.message == message


def test_a_line_of_a_batch_may_ask_for_products() -> None:
    question = b'{"expr": "x*y", "at": {"x": [1, 2], "y": [3, 4]}, "direction": {"x": [1, 0.5]}}'
    told = json.loads(json_lines.answer_request(json_lines.parse(question, 10.0)).text)
    assert [(partial["index"], partial["symbolic"]) for partial in told["partials"]] == [([0], "3"), ([1], "2")]
    refused = json.loads(json_lines.answer_request(json_lines.parse(b'{"expr": "x", "cotangent": 1}', 10.0)).text)
    assert refused["error"]["message"] == "a product with the Jacobian needs a point"


def test_partials_with_two_indices_are_shown_as_a_matrix() -> None:
    def shown(expr: str, at: str, order: int = 1, *, full: bool = False) -> list[str]:
        name, _, value = at.partition("=")
        report = answer(Problem(expr, {name: value}, order=order))
        return "".join(table.render([report], RenderOptions(full=full))).splitlines()

    lines = shown("x*x", "x=[1,2,3]")
    place = lines.index("∂f/∂x")
    assert lines[place + 1 : place + 4] == ["  2  0  0", "  0  4  0", "  0  0  6"]
    lines = shown("logdet(A)", "A=[[2,1],[0,3]]")
    place = lines.index("∂f/∂A")
    assert lines[place + 1 : place + 3] == ["        0.5         0", "  -0.166667  0.333333"]
    assert "∂²f/∂x∂x" in shown("x[0]**2*x[1]", "x=[1,2]", 2)
    long = "x=[1,2,3,4,5,6,7,8]"
    lines = shown("x*2", long)
    place = lines.index("∂f/∂x, 8 by 8, cut")
    assert lines[place + 6] == "  0  0  0  0  0  2"
    assert "∂f/∂x" in shown("x*2", long, full=True)
    assert "∂f/∂x" not in shown("sum(x)", "x=[1,2,3]")


def test_the_gradient_as_a_whole_may_be_right_where_an_entry_is_not() -> None:
    """The second entry cancels; beside the first it is nothing."""
    report = answer(Problem("1e12*x[0] + (1 - cos(x[1]))/x[1]**2", {"x": "[1, 1e-7]"}))
    assert report.verdict is Verdict.INACCURATE
    assert report.normwise_digits is not None
    assert report.normwise_digits > 4
    assert answer(Problem("sin(x)", {"x": "1"})).normwise_digits is None
    assert answer(Problem("sum(x**2)", {"x": "[1, 2]"})).normwise_digits == 15.9
