"""Claims about arrays: their shapes come first, then every entry is proven."""

from __future__ import annotations

import pytest

from gradcalc.calculate.claims.claim import Check, check
from gradcalc.calculate.claims.results import ClaimEvidence
from gradcalc.cli.main import main
from gradcalc.errors import CalcError, picture
from gradcalc.inputs.values import read_point

DATA = {
    "X": "[[1,2],[3,4],[5,6]]",
    "w": "[1,2]",
    "y": "[1,0.5,1]",
    "b": "0.5",
    "n": "3",
    "W": "[[1,2,0],[0,1,1]]",
    "t": "[0,1,0]",
}
DATA |= {"z": "[1,2,0.5]", "u": "[3,1,-2]", "A": "[[2,1],[1,3]]", "B": "[[1,0],[2,1]]", "Y": "[[1,1,2],[2,2,0],[0,1,1]]"}


def ask(expr: str, claim: str, by: str | None, names: str) -> Check:
    """The answer to a claim, with the values of some of the names."""
    return check(expr, claim, by=by, at=[read_point({name: DATA[name] for name in names.split()})])


RIGHT = [
    ("sum((X@w - y)**2)", "2*X.T@(X@w - y)", "w", "X w y"),
    ("sum((X@w - y)**2)", "dL/dw = 2 X.T@(X@w - y)", None, "X w y"),
    ("mean((X@w - y)**2)", "2*X.T@(X@w - y)/n", "w", "X w y n"),
    ("sum((X@w + b - y)**2)", "2*sum(X@w + b - y)", "b", "X w y b"),
    ("cross_entropy(z, 1)", "softmax(z) - t", "z", "z t"),
    ("mse_loss(z, u)", "2*(z - u)/n", "z", "z u n"),
    ("sum((X@W - Y)**2)", "2*X.T@(X@W - Y)", "W", "X W Y"),
    ("norm(z)", "z/norm(z)", "z", "z"),
    ("z@u", "u", "z", "z u"),
    ("sum(abs(z))", "sign(z)", "z", "z"),
    ("sum(A@B)", "sum(B, dim=1) + 0*A", "A", "A B"),
    ("logsumexp(z)", "softmax(z)", "z", "z"),
    ("X@w", "X", "w", "X w"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "claim", "by", "names"), RIGHT, ids=[row[1] for row in RIGHT])
def test_what_is_right_is_proven_entry_by_entry(expr: str, claim: str, by: str | None, names: str) -> None:
    answer = ask(expr, claim, by, names)
    assert (answer.result.outcome, answer.shape) == ("right", answer.claim_shape)
    assert answer.result.evidence is ClaimEvidence.FORMULA
    assert all(entry.result.outcome == "right" for entry in answer.entries)
    assert answer.shape is not None
    count = 1
    for length in answer.shape:
        count *= length
    assert len(answer.entries) == count


WRONG = [
    ("sum((X@w - y)**2)", "X.T@(X@w - y)", "w", "X w y", "factor", "the claim is 1/2 times the derivative, in ∂f/∂w[0]"),
    ("mean((X@w - y)**2)", "2*X.T@(X@w - y)", "w", "X w y", "factor", "the claim is 3 times the derivative, in ∂f/∂w[0]"),
    ("sum((X@w - y)**2)", "2*X.T@(y - X@w)", "w", "X w y", "sign", "the sign of the whole derivative is wrong, in ∂f/∂w[0]"),
    ("sum((X@w + b - y)**2)", "2*(X@w + b - y)", "b", "X w y b", "sum", "the sum over dimension 0 of the claim is missing"),
    ("sum((X@W - Y)**2)", "2*(X@W - Y).T@X", "W", "X W Y", "transposed", "the claim is the transpose of the derivative"),
    ("log(det(A))", "inv(A)", "A", "A", None, None),
    ("sum(A@B@A)", "(A@B).T", "A", "A B", None, None),
    ("det(A)", "det(A)*inv(A)", "A", "A", "transposed", "the claim is the transpose of the derivative"),
    ("z**2", "2*z", "z", "z", "shape", "the claim is the diagonal of the Jacobian; for a loss, write sum(...) or mean(...)"),
    ("sum(3*z)", "3", "z", "z", "shape", "the claim is one number, which every entry of the derivative has"),
    ("sum(z**2)", "[2*z]", "z", "z", "shape", "the entries are right, in an array of another shape"),
    ("sum((X@w - y)**2)", "2*(X@w - y)", "w", "X w y", "shape", None),
    ("sum(relu(z))", "where(z > 0.1, 1, 0)", "z", "z", None, None),
    ("cross_entropy(z, 1)", "softmax(z)", "z", "z", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "claim", "by", "names", "cause", "mistake"), WRONG, ids=[row[1] for row in WRONG])
def test_what_is_wrong_is_refused(
    expr: str, claim: str, by: str, names: str, cause: str | None, mistake: str | None
) -> None:
    answer = ask(expr, claim, by, names)
    assert answer.result.outcome == "wrong"
    if mistake is not None:
        assert (answer.result.cause, answer.result.mistake) == (cause, mistake)
    assert (answer.shape == answer.claim_shape) == bool(answer.entries)


def test_right_needs_a_proof_of_every_entry() -> None:
    """An entry that is only sampled is named, and one that is undecided decides nothing."""
    answer = ask("sum(where(z == 0, 0, sin(z)))", "cos(z)", "z", "z")
    assert (answer.result.outcome, answer.result.evidence) == ("right", "sampling")
    assert answer.result.why == "3 entries of the derivative; sampled, not proven: ∂f/∂z[0], ∂f/∂z[1], ∂f/∂z[2]"
    answer = check("sum(log(-z**2 - 1))", "1/z", by="z", at=[read_point({"z": "[1,2]"})])
    assert answer.result.outcome == "undecided"
    assert ask("sum(z**2)", "where(z == 3, 0, 2*z)", "z", "z").result.outcome == "wrong"


def test_a_constant_of_the_claim_has_its_value() -> None:
    assert check("x**2/3", "2*x/n", at=[read_point({"x": "1", "n": "3"})]).result.evidence == "formula"
    assert check("x**2/3", "2*x/n", at=[read_point({"x": "1", "n": "4"})]).result.outcome == "wrong"


def test_a_constant_with_several_values_is_a_variable() -> None:
    """A claim that is right for the n of one point is not right for all."""
    points = [read_point({"x": "[1,2,3]", "n": n}) for n in ("3", "4")]
    assert check("mean(x**2)", "2*x/n", by="x", at=points[:1]).result.outcome == "right"
    assert check("mean(x**2)", "2*x/n", by="x", at=points).result.outcome == "wrong"


WORDS = [
    (["x@1", "2*x"], 'error: arrays need a point, which gives them their shapes\nhint: give --at "x=[1,2,3]"\n'),
    (["x**2", "[2*x]"], 'error: arrays need a point, which gives them their shapes\nhint: give --at "x=[1,2,3]"\n'),
    (["x**2", "where(x > 0, [x], x)"], 'error: arrays need a point, which gives them their shapes\nhint: give --at "x=[1,2,3]"\n'),
    (["sum(x**2)", "d/dx (sum(x**3)) = 2*x", "--at", "x=[1,2]"], "error: the claim is the derivative of sum(x**3), and the expression is sum(x**2)\nhint: check one expression at a time\n"),
    (["sum(x)", "units", "--at", "x=[1,2]"], "error: the claim has units, which does not occur in the expression\n"),
    (["sum(x)", "0*x + 1", "--at", "x=[1,2]", "--where", "x > 0"], "error: a condition on an array is not supported\nhint: leave --where out\n"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), WORDS, ids=range(len(WORDS)))
def test_wrong_requests(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == 2
    assert capsys.readouterr().err == expected


def test_many_entries_are_refused_before_the_work() -> None:
    at = [read_point({"x": f"[{','.join(['1'] * 401)}]"})]
    with pytest.raises(CalcError) as caught:
        check("sum(x**2)", "2*x + 1", at=at)
    assert picture(caught.value) == "error: the derivative has 401 entries, and at most 400 are checked"


def test_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--at", "x=[1,2]", "--at", "y=[0,1]"]
    assert main(["check", "sum((x - y)**2)", "x - y", "--by", "x", *at]) == 1
    assert capsys.readouterr().out == (
        "✗ wrong; likely mistake: "
        "the exponent was not brought down as a factor in the derivative of (x[0] - y[0])**2, in ∂f/∂x[0]\n"
        "  at x = [1, 2], y = [0, 1]: ∂f/∂x[0] = 2, claim 1\n\n"
        "f = sum((x - y)**2)\n∂f/∂x, claimed = x - y\n"
    )
