"""The verdict catches every fault and never cries wolf: a smaller run of benchmarks/faults.py."""

from __future__ import annotations

import random
from contextvars import copy_context
from dataclasses import replace
from itertools import islice

import faults
import pytest
from support import faulty, rules
from support.array_expressions import of_arrays, rows_of_arrays
from support.expressions import Case, beside_a_seam, ill_conditioned, ordinary, stream
from support.judging import Question, reference

from gradcalc import differentiate
from gradcalc.engines.symbolic.client import CLIENT
from gradcalc.engines.symbolic.messages import Derivatives, Formula, SymbolicRequest
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, postorder
from gradcalc.functions.resolve import understand

# ------------------------------------------------------------------------------------------------------- false alarms

pytestmark = pytest.mark.slow


def test_unmodified_torch_is_never_accused() -> None:
    found = faults.alarms(islice(stream(ordinary, 7), 150), others=False)
    assert found.crashes == []
    assert found.odd == []
    assert found.false == 0
    assert sum(found.verdicts.values()) > 400


def test_families_that_lose_digits_are_never_accused() -> None:
    found = faults.alarms(islice(stream(ill_conditioned, 7), 60))
    assert found.crashes == []
    assert found.odd == []
    assert {verdict for _, verdict, _, _ in found.verdicts} == {"agree", "inaccurate", "not-finite"}
    # What tolerances do there: the point of the whole construction.
    assert found.refused["float32", "torch.allclose"] > 0
    assert found.refused["float32", faults.OURS] == 0


def test_rounding_beside_a_seam_is_never_taken_for_a_fault() -> None:
    found = faults.alarms(islice(stream(beside_a_seam, 7), 150), others=False)
    assert found.crashes == []
    assert found.false == 0
    assert {"inaccurate", "not-differentiable", "undefined", "agree"} <= {verdict for _, verdict, _, _ in found.verdicts}


# Decided by the floats one way, and exactly the other.
FLIPS = [
    ("x*floor(x - 1e-20)", "1"), ("x*ceil(x + 1e-20)", "1"), ("x*trunc(x - 1e-20)", "1"), ("x*round(x + 1e-20)", "0.5"),
    ("x*frac(x - 1e-20)", "1"), ("x*remainder(x - 1e-20, 1)", "1"), ("x*fmod(x - 1e-20, 1)", "1"),
    ("relu(x + 1e-20 - 1)*x", "1"), ("where(x + 1e-20 > 1, x, 2*x)", "1"), ("where(x + 1e-300 > 1, x, 2*x)", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "point"), FLIPS, ids=[expr for expr, _ in FLIPS])
def test_a_decision_that_rounding_turned_around_is_called_that(expr: str, point: str) -> None:
    question = Question(Case(expr, {"x": point}), "float64")
    (judged,) = question.judged(question.run())
    assert (judged.verdict, judged.cause) == ("inaccurate", "branch-flip")


def test_an_exponent_that_rounds_to_a_half_is_no_square_root() -> None:
    question = Question(Case("x**(y + 0.4)", {"x": "2", "y": "0.1"}), "float64")
    assert [judged.verdict for judged in question.judged(question.run())] == ["agree", "agree"]


def test_second_derivatives_are_never_accused() -> None:
    found = faults.alarms(islice(stream(ordinary, 9), 28), others=False, orders=(2,))
    assert found.crashes == []
    assert found.false == 0


def test_arrays_of_unmodified_torch_are_never_accused() -> None:
    found = faults.alarms(islice(stream(of_arrays, 7), 50), others=False)
    assert found.crashes == []
    assert found.false == 0
    assert sum(count for (_, verdict, *_), count in found.verdicts.items() if verdict == "agree") > 200


def test_every_function_of_arrays_is_tried() -> None:
    missing = {row.name for row in rows_of_arrays()}
    for case in islice(stream(of_arrays, 87), 200):  # a seed that has them all early
        tree = understand(case.expr, case.at)
        missing -= {node.name for node in postorder(tree) if isinstance(node, Call)}
        if not missing:
            break
    assert not missing


DEFECTS = [
    ("hardsigmoid(x)", "0.7", "kernel"),
    ("celu(x, 0.524)", "-1", "autograd"),
]


@pytest.mark.parametrize(("expr", "point", "side"), DEFECTS, ids=[expr for expr, _, _ in DEFECTS])
def test_faults_that_torch_really_has_are_found(expr: str, point: str, side: str) -> None:
    case = Case(expr, {"x": point})
    (judged,) = Question(case, "float64").judged(Question(case, "float64").run())
    if judged.verdict == "agree":
        pytest.skip("this torch has it right")
    assert (judged.verdict, judged.side) == ("disagree", side)
    assert faults._defect(case, "float64", judged) is not None
    (judged,) = Question(case, "float32").judged(Question(case, "float32").run())
    assert judged.verdict == "agree"


# ------------------------------------------------------------------------------------------------------------- faults


@pytest.fixture(scope="module")
def caught() -> faults.Caught:
    return faults.faults(islice(stream(ordinary, 8), 11), random.Random(8))


@pytest.fixture(scope="module")
def caught_in_arrays() -> faults.Caught:
    return faults.faults(islice(stream(of_arrays, 1), 8), random.Random(1), others=False)


def test_every_fault_that_reaches_the_result_of_arrays_is_caught(caught_in_arrays: faults.Caught) -> None:
    assert caught_in_arrays.escapes == []
    for eps in faulty.EPSILONS["float64"]:
        assert caught_in_arrays.reached["one entry of the gradient times 1 + eps", "float64", eps] > 0


KINDS_OF_ARRAYS = (
    "gradient times 1 + eps", "one entry of the gradient times 1 + eps", "one entry of the gradient lost",
    "gradient in the wrong places (moved by one)", "gradient divided by n",
    "broadcast argument, gradient not summed", "wrong rule of an array function", "kernel off by 1 + eps",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS_OF_ARRAYS)
def test_every_kind_of_fault_was_tried_in_arrays(caught_in_arrays: faults.Caught, kind: str) -> None:
    assert sum(count for key, count in caught_in_arrays.reached.items() if key[0] == kind) > 0


_X, _Y, _A, _B = "[0.3, -1.2, 0.7]", "[1.1, 0.4, -0.6]", "[[1.5, 0.2], [-0.3, 0.9]]", "[[0.4, -1.1], [0.8, 0.6]]"
WRONG_RULES: list[tuple[str, str, str, dict[str, str]]] = [
    # the function, its wrong rule, an expression of it, where
    ("sum", "divided by n", "sum(x)**2", {"x": _X}),
    ("mean", "not divided by n", "mean(A, dim=0)[1]", {"A": _A}),
    ("prod", "as a sum", "prod(x)", {"x": _X}),
    ("max", "to the smallest", "max(x)", {"x": _X}),
    ("amin", "to the largest", "amin(x)", {"x": _X}),
    ("var", "correction forgotten", "var(x)", {"x": _X}),
    ("std", "of the variance", "std(x)", {"x": _X}),
    ("norm", "not divided by the norm", "norm(x)", {"x": _X}),
    ("logsumexp", "not divided by the sum", "logsumexp(x)", {"x": _X}),
    ("cumsum", "not reversed", "cumsum(x)@y", {"x": _X, "y": _Y}),
    ("cumprod", "not reversed", "cumprod(x)@y", {"x": _X, "y": _Y}),
    ("softmax", "without the subtraction", "softmax(x)@y", {"x": _X, "y": _Y}),
    ("softmax", "along another dimension", "sum(softmax(A)*B)", {"A": _A, "B": _B}),
    ("log_softmax", "without the sum", "log_softmax(x)@y", {"x": _X, "y": _Y}),
    ("layer_norm", "mean held", "layer_norm(x)@y", {"x": _X, "y": _Y}),
    ("layer_norm", "variance held", "layer_norm(x)@y", {"x": _X, "y": _Y}),
    ("@", "not transposed", "sum(exp(A@B))", {"A": _A, "B": _B}),
    ("dot", "factors exchanged", "dot(x, y)", {"x": _X, "y": _Y}),
    ("outer", "transposed", "outer(x, y)[0, 1]", {"x": _X, "y": _Y}),
    ("transpose", "forgotten", "sum(A.T*B)", {"A": _A, "B": _B}),
    ("trace", "to all entries", "trace(A)", {"A": _A}),
    ("det", "not transposed", "det(A)", {"A": _A}),
    ("logdet", "of the determinant", "logdet(A)", {"A": _A}),
    ("inv", "sign", "sum(inv(A)*B)", {"A": _A, "B": _B}),
    ("inv", "not transposed", "sum(inv(A)*B)", {"A": _A, "B": _B}),
    ("solve", "sign", "sum(solve(A, B))", {"A": _A, "B": _B}),
    ("solve", "not transposed", "sum(solve(A, B))", {"A": _A, "B": _B}),
    ("[", "parts in another order", "[exp(x), sin(x)]@y", {"x": "0.3", "y": "[2, 3]"}),
    ("[]", "the entry beside it", "x[1:]@x[:2]", {"x": _X}),
    ("mse_loss", "mean and sum exchanged", "mse_loss(x, y)", {"x": _X, "y": _Y}),
    ("cross_entropy", "the class beside it", "cross_entropy(x, 2)", {"x": _X}),
    ("nll_loss", "the class beside it", "nll_loss(A, [0, 1])", {"A": _A}),
]


@pytest.mark.parametrize("dtype", faults.DTYPES)
@pytest.mark.parametrize(
    ("name", "what", "expr", "at"), WRONG_RULES, ids=[f"{name}: {what}" for name, what, _, _ in WRONG_RULES]
)
def test_a_wrong_rule_of_an_array_function_is_named(name: str, what: str, expr: str, at: dict[str, str], dtype: str) -> None:
    question = Question(Case(expr, at), dtype)
    assert {judged.verdict for judged in question.judged(question.run())} == {"agree"}
    with faulty.own_backward(name, faulty.of_another(faulty.WRONG_OF_ARRAYS[name][what])):
        found = question.judged(question.run())
    assert ("disagree", "formula", "autograd") in {(judged.verdict, judged.cause, judged.side) for judged in found}


NARROWER = "gradient cast to a narrower type"
BESIDE = "written beside the record"


def test_every_fault_that_reaches_the_result_is_caught(caught: faults.Caught) -> None:
    assert caught.escapes == []
    assert sum(caught.reached.values()) > 300


KINDS = (
    "gradient times 1 + eps", "sign flipped", "factor 2", "factor 1/2 dropped", "term missing (zeroed)", "term missing (detached)",
    "constant added", NARROWER, BESIDE, "value off, derivative right (f + 1)", "another function inside (u + 1e-3)",
    "gradient lost and value frozen (.item())", "wrong derivative formula", "one use forgotten", "wrong branch", "kernel off by 1 + eps", "comparison turned around",
    "value not a number, derivative right",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_was_tried(caught: faults.Caught, kind: str) -> None:
    for dtype in faults.DTYPES:
        assert sum(count for key, count in caught.reached.items() if key[:2] == (kind, dtype)) > 0


@pytest.mark.parametrize("dtype", faults.DTYPES)
def test_every_size_of_fault_was_tried(caught: faults.Caught, dtype: str) -> None:
    for eps in faulty.EPSILONS[dtype]:
        assert caught.reached["gradient times 1 + eps", dtype, eps] > 5
        assert caught.reached["kernel off by 1 + eps", dtype, eps] > 5


def test_the_step_that_catches_is_named(caught: faults.Caught) -> None:
    sides = {(kind, side) for kind, verdict, _, side in caught.verdicts if verdict == "disagree"}
    assert ("gradient times 1 + eps", "autograd") in sides
    assert ("kernel off by 1 + eps", "kernel") in sides
    causes = {(kind, cause) for kind, verdict, cause, _ in caught.verdicts if verdict == "disagree"}
    assert ("value off, derivative right (f + 1)", "value") in causes


SEEN_BY_OURS_ALONE = [
    # expression, point, relative size of the fault in the gradient at its first call
    ("sin(x)*x", "1.3", 1e-7),
    ("exp(x)*x", "0.5", 1e-9),
    ("tanh(x)/x", "0.25", 1e-12),
]


@pytest.mark.parametrize(("expr", "point", "eps"), SEEN_BY_OURS_ALONE)
def test_tolerances_pass_what_the_proof_does_not(expr: str, point: str, eps: float) -> None:
    question = Question(Case(expr, {"x": point}), "float64")
    (judged,) = question.judged(question.run(faulty.at_call(0, faulty.with_gradient(faulty.scaled(1 + eps)))))
    assert (judged.verdict, judged.cause, judged.side) == ("disagree", "formula", "autograd")
    assert judged.number is not None
    assert all(rules.accepts(question, ("x",), judged.number, reference(judged, question.form)).values())


# ----------------------------------------------------------------------------------------------------------- formulas


def test_faulty_symbolic_derivatives_are_caught() -> None:
    found = faults.formulas(islice(stream(ordinary, 10), 12), random.Random(10))
    assert found.escapes == []
    assert sum(found.reached.values()) > 50
    assert sum(found.caught.values()) == sum(found.reached.values())


def _spoilt(formula: Formula, wrong: str) -> Formula:
    assert formula.tree is not None
    return replace(formula, tree=understand(wrong.format(unparse(formula.tree))))


@pytest.mark.parametrize("wrong", ["-({})", "2*({})", "({}) + 1e-15", "1.000000000001*({})"])
def test_a_faulty_symbolic_derivative_is_named_in_the_report(wrong: str) -> None:
    honest = CLIENT.get()

    class Faulty:
        """The symbolic process, with a fault in what it says."""

        def __getattr__(self, name: str) -> object:
            return getattr(honest, name)

        def result(self, request: SymbolicRequest) -> Derivatives:
            derived = honest.result(request)
            assert isinstance(derived, Derivatives)
            return replace(derived, formulas=tuple(_spoilt(f, wrong) for f in derived.formulas))

    context = copy_context()
    context.run(CLIENT.set, Faulty())  # type: ignore[arg-type]
    partial = context.run(differentiate, "sin(x**2) + x", at={"x": "3"}).partials[0]
    assert (partial.verdict, partial.cause, partial.side) == ("disagree", "formula", "symbolic")


@pytest.mark.slow
def test_faults_of_other_expressions_are_caught() -> None:
    report = faults.faults(islice(stream(ordinary, 14), 12), random.Random(14))
    assert report.escapes == []
    assert sum(report.reached.values()) > 300
