"""Limits hold: work is counted here, and the clock is one that moves when it is looked at.  No test asserts a time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flint import ctx
from support.questions import question

from gradcalc.calculate.answer import answer
from gradcalc.calculate.partial_list import MAX_EXPLAINED
from gradcalc.commands.plot.curve import plot
from gradcalc.engines.autograd import backward
from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.germs.elements import Elements, Undecided, expand_power
from gradcalc.expression.arrays import Array
from gradcalc.expression.tree import Call, Name, Node, fold, linearize, names_in, replace_leaves
from gradcalc.functions import stable_forms
from gradcalc.functions.resolve import understand
from gradcalc.inputs.values import value_tree
from gradcalc.library.functions import differentiate
from gradcalc.proof import float_report
from gradcalc.proof.smoothness.one_sided import Neighbourhood
from gradcalc.report import Problem, Verdict
from gradcalc.runtime import deadline

# ------------------------------------------------------------------------------------------------ trees that share parts


def doubled(start: str, times: int = 60) -> Node:
    """The sum of a tree and itself, of that and itself, and so on: 2**60 nodes, one by one."""
    tree = understand(start)
    for _ in range(times):
        tree = Call("+", (tree, tree))
    return tree


def test_a_fold_reads_a_part_once() -> None:
    calls: list[Call] = []

    def call(node: Call, args: list[int]) -> int:
        calls.append(node)
        return sum(args)

    assert fold(doubled("x"), lambda leaf: 1, call) == 2**60
    assert len(calls) == 60


def test_equality_and_hashes_use_what_is_shared() -> None:
    assert doubled("sin(x)") == doubled("sin(x)")
    assert doubled("sin(x)") != doubled("sin(y)")
    assert hash(doubled("sin(x)")) == hash(doubled("sin(x)"))
    moved = replace_leaves(doubled("x"), lambda leaf: Name("y"))
    assert moved == doubled("y")
    assert len(linearize(moved).nodes) == 61


def test_spellings_are_looked_for_once_in_a_shared_part(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[None] = []
    monkeypatch.setattr(deadline, "check", lambda: looks.append(None))
    tree = doubled("log(1 + exp(x))")
    found = list(stable_forms.rewrites(tree))
    assert doubled("logaddexp(x, 0)") in found
    assert all(names_in(other) == ["x"] for other in found)
    assert 0 < len(looks) <= len(stable_forms._REWRITES) * len(linearize(tree).nodes)


def test_a_tree_without_the_functions_of_a_pattern_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[None] = []
    monkeypatch.setattr(deadline, "check", lambda: looks.append(None))
    assert list(stable_forms.rewrites(doubled("sin(x)"))) == []
    assert not looks


def test_spellings_look_at_the_clock() -> None:
    with deadline.limit(-1), pytest.raises(deadline.OutOfTime):
        list(stable_forms.rewrites(understand("log(1 + exp(x))")))


def test_reasons_are_looked_for_in_a_bounded_number_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[object] = []
    dominant_error, rewrites = float_report.dominant_error, stable_forms.rewrites
    monkeypatch.setattr(
        float_report, "dominant_error", lambda *args: searches.append("dominant_error") or dominant_error(*args)
    )
    monkeypatch.setattr("gradcalc.calculate.judging.rewrites", lambda tree: searches.append("spellings") or rewrites(tree))
    count = MAX_EXPLAINED + 6
    entries = ", ".join(f"{600 + k}e-6" for k in range(count))
    report = differentiate("sum(x - sin(x))", at={"x": f"[{entries}]"}, dtype="float32")
    whys = [partial.why for partial in report.partials if partial.verdict is Verdict.INACCURATE]
    assert len(whys) == count
    assert all("digits" in (why or "") for why in whys)
    assert (searches.count("dominant_error"), searches.count("spellings")) == (MAX_EXPLAINED, 1)
    assert [partial.cause for partial in report.partials][MAX_EXPLAINED:] == [None] * 6
    assert any(f"of {count} inaccurate entries" in note for note in report.notes)


# ------------------------------------------------------------------------------------------------------- sympy's formulas


def test_constants_and_parts_of_formulas_are_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradcalc.engines.symbolic.cas import derive, from_sympy, to_sympy

    typeset: list[Node] = []
    printed: list[Any] = []
    latex, function = to_sympy.latex, from_sympy.Printer._print_Function
    monkeypatch.setattr(to_sympy, "latex", lambda node: typeset.append(node) or latex(node))
    monkeypatch.setattr(
        from_sympy.Printer, "_print_Function", lambda self, expr: printed.append(expr) or function(self, expr)
    )
    names = [f"w{k}" for k in range(12)]
    inner = " + ".join(f"0.{k + 1}17*{name}*{name}" for k, name in enumerate(names))
    derived = derive([understand(f"tanh({inner})")], [(0, [name]) for name in names])
    assert len(derived.formulas) == 12
    assert len(typeset) == len(derived.constants) == 12
    assert len(printed) == 1


# ------------------------------------------------------------------------------------------------- torch, and no sympy here

_COMMANDS: list[list[str]] = [
    ["diff", "x**2", "--at", "3"],
    ["diff", "x**2*y", "--at", "x=3", "--at", "y=1/3", "--order", "2"],
    ["diff", "sin(x)", "--at", "x=[1,2,3]"],
    ["diff", "A@x", "--at", "A=[[1,2],[3,4]]", "--at", "x=[1,2]", "--by", "x"],
    ["diff", "A*A", "--at", "A=[[1,2],[3,4]]"],
    ["diff", "x*x", "--at", "x=[1,2]", "--order", "2"],
    ["diff", "sum(x*x)", "--at", "x=[1,2]", "--order", "2"],
    ["diff", "x*x", "--at", "x=[1,2]", "--direction", "x=[1,0]"],
    ["diff", "x*x", "--at", "x=[1,2]", "--cotangent", "[1,0]"],
    ["diff", "abs(x)", "--at", "0"],
    ["diff", "x**2", "--at", "x=0:1:5"],
    ["diff", "log(1 + exp(x))", "--at", "-40", "--dtype", "float32"],
    ["bce", "--x", "6.7", "--y", "0"],
    ["check", "x**2", "2*x"],
    ["steps", "x**2*sin(x)", "--at", "2"],
    ["plot", "abs(x)", "--at", "x=-1:1"],
    ["trace", "x**2*y", "--at", "x=1", "--at", "y=2"],
    ["trace", "sum(x*x)", "--at", "x=[1,2]"],
    ["accumulate", "x**2", "--at", "x=1"],
    ["tracking", "x**2", "--at", "x=1"],
    ["batch"],
    ["devices"],
]


@pytest.mark.slow
def test_sympy_stays_out_of_the_process() -> None:
    program = """if True:
        import io, json, sys
        from gradcalc.cli.main import main
        lines = [{"expr": "x*x", "at": {"x": [1, 2]}}, {"expr": "sin(x)", "at": {"x": 1}, "order": 2}]
        text = "".join(json.dumps(line) + "\\n" for line in lines)
        for arguments in json.loads(sys.argv[1]):
            sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
            code = main(arguments)
            print(json.dumps([arguments, code, "sympy" in sys.modules]), file=sys.stderr)
    """
    ran = subprocess.run(
        [sys.executable, "-c", program, json.dumps(_COMMANDS)], capture_output=True, text=True, check=False, timeout=300
    )
    told = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("[")]
    assert [arguments for arguments, _, _ in told] == _COMMANDS
    assert not any(line.startswith("error") for line in ran.stderr.splitlines())
    for arguments, code, has_sympy in told:
        assert not has_sympy, arguments
        assert code in (0, 3, 4), arguments


@pytest.mark.parametrize("order", [1, 2])
def test_an_entry_has_the_gradient_that_its_own_backward_pass_has(order: int) -> None:
    import torch

    tree = understand("softmax(A @ tanh(x))")
    matrix, vector = [[0.3, -1.7, 2.2], [1.1, 0.4, -0.6]], [0.7, -0.2, 1.9]
    cells = {"A": Array((2, 3), [*matrix[0], *matrix[1]]), "x": Array((3,), vector)}
    by = [(f"x[{k}]",) * order for k in range(3)]
    runs = backward.runs(tree, cells, backward.gradients_of(by, cells), 2, dtype="float32", device="cpu", record=True)
    for place, run in enumerate(runs):
        a, x = torch.tensor(matrix), torch.tensor(vector, requires_grad=True)
        (slope,) = torch.autograd.grad(torch.softmax(a @ torch.tanh(x), 0)[place], x, create_graph=True)
        if order == 2:
            slope = torch.stack([torch.autograd.grad(slope[k], x, retain_graph=True)[0][k] for k in range(3)])
        assert [run.partials[name] for name in by] == slope.tolist()
        assert run.program is not None
        assert all(name in run.program.partials for name in by)


def test_torch_is_stopped_when_the_time_is_over() -> None:
    tree = understand("sin(x*y)*exp(x + y)/(1 + x**2)")
    with deadline.limit(-1):
        run = backward.run(tree, {"x": 0.5, "y": 0.3}, [("x",) * 8], dtype="float64", device="cpu", record=True)
    assert run.failure == "PyTorch exceeded its share of the time limit"
    assert not run.partials


# ------------------------------------------------------------------------------------------------------------------- plots


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock that moves by a millisecond whenever it is looked at."""
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += 0.001
        return now

    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=monotonic))
    return monotonic


def test_a_plot_has_one_limit_and_draws_what_was_found(ticking: Callable[[], float]) -> None:
    expr = f"max({', '.join(f'x - {k}/7' for k in range(100))})"
    found = plot(question(expr), "x", "-3", "3", seconds=8)
    assert ticking() < 8 + 8 / 4 + 1
    known = sum(value is not None for value in found.values)
    assert 0 < known < len(found.xs)
    assert all(value is not None for value in found.values[:known])
    assert len(found.points) < 21
    assert found.verdict is Verdict.UNDECIDED
    assert found.unseen
    assert [sentence.partition(" beyond")[0] for sentence in found.missing[:1]] == ["no time for the line"]
    assert found.missing[1] == f"no time for autograd at {21 - len(found.points)} of 21 points"


def test_a_plot_with_time_misses_nothing() -> None:
    found = plot(question("abs(x)"), "x", "-3", "3")
    assert (found.missing, found.is_whole, found.unseen, len(found.points)) == ([], True, [], 21)


# -------------------------------------------------------------------------------------------- the domain decides, and early

_OUTSIDE = [
    ("(x - polygamma(3, y))**0.5", {"x": "1", "y": "-0.25"}, 1),
    ("(x - polygamma(3, y))**0.5", {"x": "1", "y": "-0.25"}, 2),
    ("log(x - gamma(y))", {"x": "1", "y": "5.5"}, 1),
    ("acos(x*polygamma(8, y))", {"x": "9", "y": "2.5"}, 1),
    ("(sin(x)**2 + cos(x)**2 - 1 - exp(y))**0.3", {"x": "1", "y": "2"}, 2),
    ("besselj(2, x)*log(-zeta(y))", {"x": "2.5", "y": "3"}, 3),
    ("solve(A, b)", {"A": "[[1, 2], [2, 4]]", "b": "[1, 2]"}, 1),
    ("solve(A, b)", {"A": "[[0.1, 0.2], [0.3, 0.6]]", "b": "[1, 2]"}, 1),
    ("solve(A, b)", {"A": "[[1, 2, 3], [4, 5, 6], [7, 8, 9]]", "b": "[1, 2, 3]"}, 1),
    ("inv(A)", {"A": "[[1, 2], [2, 4]]"}, 1),
    ("logdet(A)", {"A": "[[1, 2], [2, 4]]"}, 1),
]


@pytest.mark.parametrize(
    ("expr", "at", "order"), _OUTSIDE, ids=[f"{expr} to the order {order}" for expr, _, order in _OUTSIDE]
)
def test_a_look_at_the_domain_decides(expr: str, at: dict[str, str], order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bits: list[int] = []
    readers = evaluate.readers
    monkeypatch.setattr(evaluate, "readers", lambda *args: bits.append(ctx.prec) or readers(*args))
    report = answer(Problem(expr, at, order=order))
    assert report.verdict is Verdict.UNDEFINED
    assert max(bits) <= 2 * reals.START_BITS


# ------------------------------------------------------------------------------------------------------- long polynomials


def test_long_powers_are_not_multiplied_out() -> None:
    elements = Elements()
    sines = [elements.atom("sin", elements.constant(k)) for k in range(1, 13)]
    long = sum(sines, elements.one)
    with pytest.raises(Undecided, match="a long power"):
        expand_power(long, 16)
    power = elements.raise_to(long, reals.exact(16))
    assert len(power) == 1
    assert len(elements.raise_to(sum(sines[:3], elements.one), reals.exact(4))) > 1
    assert not elements.vanishes(power - elements.raise_to(long, reals.exact(15)) * long)  # it would have millions of terms


def test_what_cancels_is_zero_where_it_cancels() -> None:
    expr = "((sqrt(y*y + 1) - y - 1/(y + sqrt(y*y + 1)))**2 + exp(-1e9*y))*abs(x)"
    values = {"x": value_tree("x", "0"), "y": value_tree("y", "8384")}
    place = Neighbourhood(ExpressionAt(understand(expr), values), ["y", "x"], 96)
    assert place._cancelling
    found = place.partial(["x"])
    assert (found.kind, found.proven) == ("kink", True)
