"""Claims about arrays without values: right for all sizes, wrong with a counterexample, the usual mistakes by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.matrix_questions import QUESTIONS, MatrixQuestion

from gradcalc.calculate.claims.claim import Check, Shapes, check
from gradcalc.cli.main import main
from gradcalc.inputs.values import read_point

LEAST_SQUARES = "sum((A@x - b)**2)"
SHAPES = "A=m,n x=n b=m"


def ask(expr: str, claim: str, by: str, shapes: str, **assumptions: str) -> Check:
    """The answer to a claim for shapes such as `"A=m,n x=n"`."""
    pairs = (word.split("=") for word in shapes.split())
    sizes = {name: tuple(filter(None, text.split(","))) for name, text in pairs}
    return check(expr, claim, by=by, shapes=Shapes(sizes, {kind: frozenset([name]) for kind, name in assumptions.items()}))


ASKED = [it for it in QUESTIONS if it.order == 1]


@pytest.mark.parametrize("question", ASKED, ids=lambda it: it.name)
def test_the_book_s_formulas_are_right_and_planted_errors_wrong(question: MatrixQuestion) -> None:
    shapes, book = Shapes(question.sizes, question.assumed), question.textbook

    def outcome(claim: str) -> tuple[str, str | None]:
        result = check(question.expr, claim, by=question.by, shapes=shapes).result
        return result.outcome, result.evidence

    assert outcome(book) == ("right", "formula")
    for wrong in (f"1.000001*({book})", f"-({book})", f"({book})*2", f"({book}) + 1e-9"):
        assert outcome(wrong) == ("wrong", "counterexample"), wrong


MISTAKES = [
    ("A.T@(A@x - b)", "factor", "the claim is 1/2 times the derivative: a factor 2 is missing"),
    ("2*A.T@(b - A@x)", "sign", "the sign of the whole derivative is wrong"),
    ("2*n*A.T@(A@x - b)", "factor", "the claim is n times the derivative: a factor 1/n is missing"),
    ("2*A.T@(A@x - b)/m", "factor", "the derivative is m times the claim: a factor 1/m is too many"),
    ("2*A.T*(A@x - b)", "sum", "the sum over dimension 1 of the claim is missing"),
    ("2*(A@x - b)", "shape", None),
    ("2*A.T@(A@x + b)", None, None),
    ("2*A.T@A@x", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "cause", "mistake"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_usual_mistakes_have_names(claim: str, cause: str | None, mistake: str | None) -> None:
    result = ask(LEAST_SQUARES, claim, "x", SHAPES).result
    assert (result.outcome, result.cause, result.mistake) == ("wrong", cause, mistake)


SQUARE = [
    ("sum((A@x - b)**2)", "2*A@(A@x - b)", "x", "A=n,n x=n b=n", "transposed", "A.T is needed where the claim has A"),
    ("sum((X@W - Y)**2)", "2*(X@W - Y).T@X", "W", "X=n,d W=d,k Y=n,k", "transposed", "the claim is the transpose of the derivative"),
    ("trace(A@X@B)", "B.T@A.T", "X", "A=n,n X=n,n B=n,n", "order", "A.T@B.T is needed where the claim has B.T@A.T: the factors are in the wrong order"),
    ("sum(A@x)", "1", "x", "A=m,n x=n", "shape", None),
    ("sum(x)", "1", "x", "x=n", "shape", "the claim is one number, which every entry of the derivative has"),
    ("sum(X@w)", "w", "X", "X=m,n w=n", "shape", "the claim is what every row of the derivative is"),
    ("trace(A@X)", "A*1", "X", "A=n,n X=n,n", "transposed", "the claim is the transpose of the derivative"),
    ("sum(G*(X@W))", "X.T*G", "W", "X=n,n W=n,n G=n,n", "product", "X.T@G is needed where the claim has X.T*G: * multiplies entries, @ matrices"),
    ("mean((X@w - y)**2)", "2*X.T@(X@w - y)", "w", "X=n,d w=d y=n", "factor", "the claim is n times the derivative: a factor 1/n is missing"),
    ("x@A@x", "2*A@x", "x", "x=n A=n,n", "symmetric", "the claim is right if A is symmetric, and A may be any matrix"),
    ("exp(x)", "exp(x)", "x", "x=n", "shape", "the claim is the diagonal of the Jacobian; for a loss, write sum(...) or mean(...)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "claim", "by", "shapes", "cause", "mistake"), [row for row in SQUARE if "@1" not in row[1]]
)
def test_mistakes_of_products_have_names(
    expr: str, claim: str, by: str, shapes: str, cause: str | None, mistake: str | None
) -> None:
    result = ask(expr, claim, by, shapes).result
    assert (result.outcome, result.cause, result.mistake) == ("wrong", cause, mistake)


NOT_RIGHT = [
    ("sum(x**2)", "2*x*x/x", "x", "x=n", "partly"),  # no value at 0
    ("sum(x**3)", "3*x*sqrt(x)*sqrt(x)", "x", "x=n", "partly"),  # no value below 0
    ("det(X)", "det(X)*inv(X).T", "X", "X=n,n", "right"),  # and says where
    ("sum(y*heaviside(x, 0))", "heaviside(x, 1)", "y", "x=n y=n", "wrong"),  # at 0 alone
    ("sum(y*heaviside(x))", "where(x > 0, 1, 0)", "y", "x=n y=n", "wrong"),
    ("sum(where(x > 0, y, 0))", "heaviside(x)", "y", "x=n y=n", "wrong"),
    ("sum(relu(x))", "where(x > 0, 1, 0)", "x", "x=n", "right"),  # there is no derivative at 0
    ("sum(x**2)", "x*(1 + tanh(1000))", "x", "x=n", "undecided"),
    ("sum(cumsum(x))", "cumsum(x)", "x", "x=n", "wrong"),
    ("sum(where(x == 0, 0, x))", "where(x == 0, 0, 1)", "x", "x=n", "undecided"),
    ("sum(log(-x**2 - 1))", "2*x/(x**2 + 1)", "x", "x=n", "undecided"),  # which has no value anywhere
    ("sum(X*c)", "sum(X, dim=1)", "c", "X=m,n c=m,1", "wrong"),
    ("sum(X*c)", "outer(sum(X, dim=1), ones(1))", "c", "X=m,n c=m,1", "right"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "claim", "by", "shapes", "outcome"), NOT_RIGHT)
def test_what_is_not_everywhere_right_is_not_called_so(expr: str, claim: str, by: str, shapes: str, outcome: str) -> None:
    assert ask(expr, claim, by, shapes).result.outcome == outcome


def test_inverses_in_another_form_are_equal() -> None:
    claims = ("-inv(A).T@inv(B).T@inv(A).T", "-inv(B@A).T@inv(A).T", "-(inv(A)@inv(A@B)).T", "-inv(A.T)@inv((A@B).T)")
    outcomes = [ask("trace(inv(A@B))", claim, "A", "A=n,n B=n,n").result.outcome for claim in claims]
    assert outcomes == ["right", "wrong", "right", "wrong"]
    result = ask("logdet(X.T@X)", "2*inv(X)", "X", "X=n,n").result
    assert (result.outcome, result.cause) == ("wrong", "transposed")


def test_what_a_claim_assumes_is_said() -> None:
    assert ask("x@S@x", "2*S@x", "x", "x=n S=n,n").result.outcome == "wrong"
    result = ask("x@S@x", "2*S@x", "x", "x=n S=n,n", symmetric="S").result
    assert result.why == "equal to the derivative for all sizes, as formulas; S is symmetric"
    result = ask("det(X)", "det(X)*inv(X).T", "X", "X=n,n").result
    assert result.why == "equal to the derivative for all sizes, as formulas; where X is invertible"
    assert ask("mean(x)", "ones(3)/3", "x", "x=3").result.why == "equal to the derivative for all values, as formulas"


def test_a_claim_at_a_point_is_proven_as_a_formula() -> None:
    """Where entry by entry takes the whole time, and where there are more than are compared one by one."""
    at = [read_point({"X": "[[2,1,0],[0,3,1],[1,0,2]]"})]
    answer = check("logdet(X.T@X)", "2*X@inv(X.T@X)", by="X", at=at)
    assert (answer.outcome, len(answer.entries)) == ("right", 9)
    assert answer.entries[0].result.points[0].same
    many = [read_point({"x": str(list(range(1, 502)))})]
    assert check("sum(x**2)", "2*x", by="x", at=many).outcome == "right"


def test_a_mistake_at_a_point_has_a_name() -> None:
    at = [read_point({"A": "[[1,2],[3,5]]", "x": "[1,2]", "b": "[1,0]"})]
    answer = check(LEAST_SQUARES, "2*A@(A@x - b)", by="x", at=at)
    assert (answer.outcome, answer.result.mistake) == ("wrong", "A.T is needed where the claim has A")


COMMAND = ["check", LEAST_SQUARES, "2*A.T@(A@x - b)", "--by", "x", "--shape", "A=m,n", "--shape", "x=n", "--shape", "b=m"]


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(COMMAND) == 0
    assert capsys.readouterr().out == "✓ right: equal to the derivative for all sizes, as formulas\n"
    assert main([*COMMAND[:2], "A.T@(A@x - b)", *COMMAND[3:]]) == 1
    assert capsys.readouterr().out == (
        "✗ wrong; likely mistake: the claim is 1/2 times the derivative: a factor 2 is missing\n"
        "  at m = 3, n = 2, A = [[3, 1], [4, 4], [4, 4]], x = [2, 1], b = [4, 1, 4]: ∂f/∂x[0] = 170, claim 85\n\n"
        "f = sum((A@x - b)**2)\n∂f/∂x, claimed = A.T@(A@x - b)\n∂f/∂x = 2*A.T@(A@x - b)\n"
    )


def test_json_has_the_shapes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND[:2], "2*A.T@A@x", *COMMAND[3:], "--format", "json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert (value["outcome"], value["evidence"]) == ("wrong", "counterexample")
    assert (value["shape"], value["claim_shape"], value["array_formula"]) == (["n"], ["n"], "2*A.T@(A@x - b)")
    assert len(value["entries"]) == 1


def test_rows_of_a_file_have_shapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "claims.csv"
    path.write_text(
        'id,expr,claim,by,shape\nq,x@A@x,(A + A.T)@x,x,"x=n; A=n,n"\nr,x@A@x,2*A@x,x,"x=n A=n,n"\n', encoding="utf-8"
    )
    assert main(["check", "--file", str(path), "--format", "plain"]) == 1
    assert [line.split("\t")[1:3] for line in capsys.readouterr().out.splitlines()] == [["q", "right"], ["r", "wrong"]]


REFUSED = {
    "a product with a number": (
        [*COMMAND[:2], "A.T@2", *COMMAND[3:]], "error: @ needs vectors or matrices, not (n, m) and ()\n  A.T@2\n  ^^^^^\n"
        "hint: write * to multiply numbers\n",
    ),
    "a wrong side": (
        ["check", LEAST_SQUARES, "2*A@(A@x - b)", *COMMAND[3:]],
        "error: shape mismatch: (m, n) @ (m,): n columns, m rows\n  2*A@(A@x - b)\n  ^^^^^^^^^^^^\n"
        "hint: A.T is needed where the claim has A\n",
    ),
    "a point": ([*COMMAND, "--at", "x=[1,2]"], "error: --shape is for claims without values\nhint: give either --shape or a point\n"),
    "a derivation": (
        [*COMMAND[:2], "--line", "df/dx = x", *COMMAND[3:]],
        "error: a derivation in lines needs a point, which gives arrays their shapes\nhint: give --at\n",
    ),
    "a variable that is none": (
        [*COMMAND[:3], "--by", "z", *COMMAND[5:]], "error: z is not a variable of the expression\nhint: choose from A, x, b\n",
    ),
    "an unknown name": (
        [*COMMAND[:2], "A.T@k", *COMMAND[3:]], "error: the claim has k, which does not occur in the expression\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_requests_are_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = REFUSED[name]
    assert main(arguments) == 2
    assert capsys.readouterr().err == message
