"""Formulas of entries with letters for indices: beside torch, and never shown when numbers contradict them."""

from __future__ import annotations

import pytest
import torch
from support.index_text import entries_of
from support.matrix_expressions import NUMBERS, Expressions, names_of, values_of

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formulas
from gradcalc.engines.indexed.formulas import Formula, number
from gradcalc.engines.indexed.index_form import _Writer
from gradcalc.engines.indexed.nodes import Indexed
from gradcalc.engines.indexed.spelling import times
from gradcalc.functions.resolve import understand

# expression, shapes, variable, order, the formula of an entry
FORMULAS = [
    ("A@B", "A=m,n B=n,k", "A", 1, "eye(m)[i,l]*B[p,j]"),
    ("A.T@A", "A=m,n", "A", 1, "eye(n)[i,l]*A[k,j] + eye(n)[j,l]*A[k,i]"),
    ("tanh(A@x)", "A=m,n x=n", "x", 2, "-2*A[i,j]*A[i,k]*tanh((A@x)[i])*(1 - tanh((A@x)[i])**2)"),
    ("x**2", "x=n", "x", 2, "2*eye(n)[i,j]*eye(n)[i,k]"),
    ("sum(T**2)", "T=a,b,d", "T", 1, "2*T[i,j,k]"),
    ("sum(T**2*c)", "T=a,b,d c=", "c", 1, "sum_i(sum_j(sum_k(T[k,i,j]**2)))"),
    ("sum(exp(T), dim=0)", "T=a,b,d", "T", 1, "eye(b)[i,l]*eye(d)[j,m]*exp(T[k,i,j])"),
    ("norm(X@W - Y)**2", "X=n,d W=d,k Y=n,k", "W", 2, "2*eye(k)[j,m]*(X.T@X)[i,l]"),
    ("inv(A)", "A=n,n", "A", 1, "-inv(A)[i,k]*inv(A)[l,j]"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "shapes", "by", "order", "expected"), FORMULAS, ids=[row[0] for row in FORMULAS])
def test_the_formula_of_an_entry_is_torch_s(expr: str, shapes: str, by: str, order: int, expected: str | None) -> None:
    sizes = {name: tuple(filter(None, text.split(","))) for name, text in (word.split("=") for word in shapes.split())}
    tree = understand(expr, names_of(sizes))
    formula = next(array_formulas(ArrayQuestion(tree, sizes), [by], order, 20, entries=True))
    assert formula.evidence == "all sizes"
    assert expected is None or formula.entry == expected
    values = values_of(sizes)
    letters = dict.fromkeys(size for each in sizes.values() for size in each)
    numbers = {size: NUMBERS.get(size, 5 + place) for place, size in enumerate(letters)}
    truth = derivative_of(expr, by, order, {**values, **numbers})
    written = entries_of(
        formula.entry or "", [it for row in formula.indices for it in row], truth.shape, {**values, **numbers}
    )
    assert torch.allclose(written, truth, rtol=1e-9, atol=1e-12)


def derivative_of(expr: str, by: str, order: int, values: dict[str, object]) -> torch.Tensor:
    """The derivative by torch's own functions."""
    own = {"norm": torch.linalg.vector_norm, "inv": torch.linalg.inv, "softmax": lambda x: torch.softmax(x, -1)}
    names = {name: getattr(torch, name) for name in ("sum", "exp", "tanh")} | own

    def value(x: torch.Tensor) -> torch.Tensor:
        return eval(expr, {**names, **values, by: x})

    function = value
    for _ in range(order):
        inner = function
        function = lambda x, inner=inner: torch.autograd.functional.jacobian(inner, x, create_graph=True)  # noqa: E731
    x = values[by]
    assert isinstance(x, torch.Tensor)
    return function(x).detach()


@pytest.mark.parametrize("seed", range(40))
def test_entries_of_random_gradients_are_those_of_their_formulas(seed: int) -> None:
    grown = Expressions(seed + 7_000)
    expr = grown.number(2)
    by = next(iter(grown.sizes))
    tree = understand(expr, names_of(grown.sizes))
    formula = next(array_formulas(ArrayQuestion(tree, grown.sizes), [by], 1, 20, entries=True))
    if formula.formula is not None and formula.evidence == "all sizes":
        assert formula.entry is not None, formula


def test_a_wrong_entry_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = _Writer.entry

    def wrong(self: _Writer, node: Indexed) -> Formula:
        return times([number(2), entry(self, node)])

    tree = understand("exp(A@x)", {"A", "x"})
    question = ArrayQuestion(tree, {"A": ("m", "n"), "x": ("n",)})
    monkeypatch.setattr(_Writer, "entry", wrong)
    formula = next(array_formulas(question, ["x"], 2, 20))
    assert (formula.formula, formula.entry, formula.evidence) == (None, None, None)
    assert "second derivative of an array" in (formula.why or "")
