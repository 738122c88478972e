"""The verdict, end to end: expression, point and dtype to verdict and cause."""

from __future__ import annotations

import math

import pytest

from gradcalc import differentiate
from gradcalc.report import Verdict, exit_code, worst

# expression, point, dtype, verdict, cause
CASES = [
    ("sin(x**2)", "x=3", "float64", "agree", None),
    ("sin(x**2)", "x=3", "float16", "agree", None),
    ("sin(x**2)", "x=3", "bfloat16", "agree", None),
    ("x**0.1", "x=0.5", "float32", "agree", None),
    ("maximum(x, x)", "x=3", "float32", "agree", None),
    ("elu(x)", "x=0", "float64", "agree", None),
    ("x*abs(x)", "x=0", "float64", "agree", None),
    ("where(x<1, x**2, 2*x-1)", "x=1", "float64", "agree", None),
    ("huber_loss(x, 0, delta=1)", "x=1", "float32", "agree", None),
    ("remainder(7, x)", "x=2.5", "float64", "agree", None),
    ("floor(x)", "x=2.5", "float64", "agree", None),
    ("digamma(x)", "x=1.42693", "float64", "agree", None),
    ("(x + 1e8) - 1e8", "x=1.5", "float32", "agree", None),
    ("tan(x)", "x=1.5707963267948966", "float64", "agree", None),
    ("exp(lgamma(x))", "x=-0.5", "float64", "agree", None),
    ("sin(x)**2 + cos(x)**2", "x=0.7", "float64", "agree", None),
    ("x + abs(x)**1.5", "x=0", "float64", "agree", None),
    ("max(x, x)", "x=0", "float64", "agree", None),
    ("log2(x)*0.6931471805599453", "x=3", "float64", "agree", None),
    ("exp2(x*0.6931471805599453)", "x=3", "float64", "agree", None),
    ("erf(x)*1.1283791670955126", "x=1", "float64", "agree", None),
    ("log2(x) + leaky_relu(-x, 0.6931471805599453)", "x=3", "float64", "agree", None),
    ("softplus(x)", "x=20", "float64", "agree", None),
    ("fmod(x, y)", "x=1e20,y=0.3", "float64", "agree", None),
    ("remainder(x, y)", "x=1e20,y=0.3", "float64", "agree", None),
    ("remainder(x, y)", "x=1e9,y=0.3", "float32", "agree", None),
    ("remainder(1, x)", "x=0.10000000000000000555111512312578", "float64", "agree", None),
    ("x**1025", "x=0", "float64", "agree", None),
    ("(x - 1)**2000", "x=1", "float64", "agree", None),
    ("x**(log(8)/log(2))", "x=-2", "float64", "agree", None),
    ("exp(-x**2)", "x=12", "float32", "agree", None),
    ("softmax(x)[0]", "x=[1000]", "float32", "agree", None),
    ("x**2", "x=1e-5", "float16", "agree", None),
    ("x*1e-310", "x=1", "float64", "agree", None),
    ("log1p(x)", "x=1.821e38", "bfloat16", "agree", None),
    ("huber_loss(x, 0.1, delta=0.5)", "x=0.6", "float64", "agree", None),
    ("where(1e10 > 1, z, 2)", "z=1", "float16", "agree", None),
    ("clamp(z, -1e10, 1e10)", "z=1", "float16", "agree", None),
    ("x*(1 + cos(pi))", "x=1", "float64", "agree", None),
    ("x*sin(pi)", "x=1", "float64", "agree", None),
    ("x*1e-50", "x=1", "float32", "agree", None),
    ("trunc(exp(y))", "y=100", "float32", "not-finite", "overflow"),
    ("x + exp(1000)", "x=1", "float64", "not-finite", "overflow"),
    ("where(a <= 0, exp(a), 1 + a)", "a=100", "float32", "not-finite", "overflow"),
    ("where(x <= 10, exp(x), 1)", "x=1e10", "float64", "not-finite", "overflow"),
    ("digamma(x)", "x=-1.99999994", "float32", "inaccurate", "kernel"),
    ("where(x == 0, 0, x*sin(1/x))", "x=0", "float64", "undecided", "no-series"),
    ("where(1e39 >= 2e39, x + 1, x)", "x=1", "float32", "inaccurate", "overflow"),
    ("x + 1/1e39", "x=1", "float32", "agree", None),
    ("x + tanh(1e39)", "x=1", "float32", "agree", None),
    ("z + 1e10*0", "z=1", "float16", "not-finite", "overflow"),
    ("x/1e50", "x=1", "float32", "undecided", "overflow"),
    ("x*where(log(1 + exp(-3000)) > 0, 2, 3)", "x=1", "float64", "inaccurate", "underflow"),
    ("abs(x)", "x=0", "float64", "not-differentiable", "kink"),
    ("abs(x - 0.1 - 0.2)", "x=0.3", "float64", "not-differentiable", "kink"),
    ("sqrt(x**2 + y**2)", "x=0,y=0", "float32", "not-differentiable", "kink"),
    ("sign(x)", "x=0", "float64", "not-differentiable", "jump"),
    ("atan2(x, -1)", "x=0", "float64", "not-differentiable", "jump"),
    ("sqrt(abs(x))", "x=0", "float64", "not-differentiable", "vertical"),
    ("log(x)", "x=-1", "float64", "undefined", "domain"),
    ("x**(1/3)", "x=-8", "float64", "undefined", "domain"),
    ("x**1.5", "x=0", "float64", "undefined", "edge"),
    ("acos(x)", "x=1", "float32", "undefined", "edge"),
    ("1/x", "x=0", "float64", "undefined", "pole"),
    ("log(x/(1-x))", "x=0.99999999", "float32", "undefined", "pole"),
    ("trunc(sqrt(x))", "x=0", "float64", "undefined", "edge"),
    ("x**x", "x=0", "float64", "undefined", "edge"),
    ("x**y", "x=0,y=0", "float64", "undefined", "edge"),
    ("sin(x)/x", "x=0", "float64", "undefined", "removable"),
    ("relu(x) - relu(-x)", "x=0", "float64", "artifact", "seam"),
    ("where(x**20 > 0, x, 5*x)", "x=0", "float64", "artifact", "seam"),
    ("sqrt(x**4)", "x=0", "float32", "not-finite", "nan-trap"),
    ("where(x==0, 1, sin(x)/x)", "x=0", "float64", "not-finite", "nan-trap"),
    ("where(x==0, 0, x**2*sin(1/x))", "x=0", "float64", "not-finite", "nan-trap"),
    ("softplus(x)", "x=25", "float64", "different-function", "documented"),
    ("binary_cross_entropy(sigmoid(x), 0)", "x=40", "float32", "different-function", "documented"),
    ("softplus(x, beta=0.1, threshold=1)", "x=15", "float64", "different-function", "documented"),
    ("gaussian_nll_loss(x, 0.6, 1e-7)", "x=0.7", "float64", "different-function", "documented"),
    ("gaussian_nll_loss(1, 0.6, x)", "x=1e-8", "float32", "different-function", "documented"),
    ("binary_cross_entropy(x, 0)", "x=0", "float64", "different-function", "documented"),
    ("binary_cross_entropy(x, 1)", "x=1", "float32", "different-function", "documented"),
    ("binary_cross_entropy(x, 0)", "x=1e-13", "float64", "different-function", "documented"),
    ("besseli1(x)", "x=1e-20", "float64", "different-function", "documented"),
    ("besseli1(x)", "x=1e-9", "float32", "different-function", "documented"),
    ("(1-cos(x))/x**2", "x=1e-7", "float64", "inaccurate", "cancellation"),
    ("(x+1)**3 - x**3 - 3*x**2 - 3*x", "x=1000.1", "float32", "inaccurate", "cancellation"),
    ("tanh(x)", "x=20", "float64", "inaccurate", "cancellation"),
    ("log(cosh(x))", "x=100", "float32", "not-finite", "overflow"),
    ("1e300*x", "x=1", "float32", "not-finite", "overflow"),
    ("exp(-x**2)*1e20", "x=10", "float32", "inaccurate", "underflow"),
    ("x**(-1)", "x=1e20", "float32", "inaccurate", "underflow"),
    ("norm([x, y])", "x=1e-200,y=0", "float64", "inaccurate", "underflow"),
    ("atan2(y, 5.6843e-25)", "y=1e-25", "float32", "inaccurate", "underflow"),
    ("log(x)", "x=1e-50", "float32", "not-finite", "underflow"),
    ("x*1e-50*1e50", "x=1", "float32", "not-finite", "overflow"),
    ("x**2", "x=1e-399", "float64", "agree", None),
    ("x**2", "x=10**-400", "float64", "agree", None),
    ("tanh(x)", "x=6000", "float64", "agree", None),
    ("tanh(x)", "x=1e7", "float32", "agree", None),
    ("sigmoid(x)", "x=60000", "float16", "agree", None),
    ("gelu(x)", "x=-745", "float64", "agree", None),
    ("fmod(1, x)", "x=0.10000000000000000555111512312578", "float64", "inaccurate", "branch-flip"),
    ("atan2(0*x, -1)", "x=-1", "float64", "inaccurate", "branch-flip"),
    ("copysign(x, -0)", "x=1", "float64", "inaccurate", "branch-flip"),
    ("where(x + 1 > 1, x**2, x)", "x=1e-9", "float32", "inaccurate", "branch-flip"),
    ("trunc((1 - x/3.005) + x/3.005)", "x=-1.7", "float64", "inaccurate", "branch-flip"),
    ("where(x/3 + x/3 + x/3 >= x, x, 2*x)", "x=0.1", "float16", "agree", None),
    ("hardsigmoid(x)", "x=0.5", "float64", "disagree", "kernel"),
    ("erf(x)*2", "x=1e-20", "bfloat16", "disagree", "kernel"),
    ("besselk(1, x)", "x=2", "float64", "undecided", "no-autograd"),
    ("exp(exp(exp(exp(x))))", "x=3", "float64", "undecided", "precision"),
]


def point(text: str) -> dict[str, str]:
    return dict(part.split("=") for part in text.split(","))


@pytest.mark.parametrize(("expr", "at", "dtype", "verdict", "cause"), CASES, ids=[f"{c[0]} at {c[1]} {c[2]}" for c in CASES])
def test_verdict(expr: str, at: str, dtype: str, verdict: str, cause: str | None) -> None:
    partial = differentiate(expr, at=point(at), dtype=dtype).partials[0]
    assert (partial.verdict, partial.cause) == (verdict, cause), partial.why


def test_a_kink_shows_both_slopes_and_what_torch_returned() -> None:
    partial = differentiate("relu(x)", at={"x": "0"}).partials[0]
    assert (partial.left, partial.right, partial.autograd, partial.symbolic) == ("0", "1", 0.0, None)
    assert partial.why == (
        "the one-sided derivatives differ: relu at its kink; PyTorch returns 0.0, the left slope, by convention"
    )


def test_a_pole_has_infinite_slopes() -> None:
    partial = differentiate("1/x**2", at={"x": "0"}).partials[0]
    assert (partial.left, partial.right, partial.verdict) == ("inf", "-inf", "undefined")


def test_the_proof_is_plain_data_with_all_three_enclosures() -> None:
    proof = differentiate("sin(x**2)", at={"x": "3"}).partials[0].proof
    assert {"taylor", "formula", "replay", "bits", "operations", "worst_kernel", "evidence"} <= set(proof)
    assert proof["evidence"] == "proven"


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_hessians_are_proven_in_every_dtype(dtype: str) -> None:
    report = differentiate("x**2*y + exp(x*y)", at={"x": "0.5", "y": "0.25"}, order=2, dtype=dtype)
    assert [partial.by for partial in report.partials] == [("x", "x"), ("x", "y"), ("y", "x"), ("y", "y")]
    assert report.verdict == "agree"
    assert all("replay" in partial.proof for partial in report.partials)


def test_the_second_derivative_of_a_seam() -> None:
    assert differentiate("x*abs(x)", at={"x": "0"}, order=2).partials[0].verdict == "not-differentiable"


# expression, point, order, by, verdict
HIGHER = [
    ("sinc(x)", "x=0", 2, "xx", "agree"),
    ("sinc(x*y)", "x=0,y=2", 2, "xx", "agree"),
    ("sinc(x)", "x=0", 4, "xxxx", "agree"),
    ("softplus(x)", "x=25", 2, "xx", "different-function"),
    ("softplus(x)", "x=20", 2, "xx", "different-function"),
    ("besseli0(x)", "x=1e-20", 2, "xx", "different-function"),
    ("abs(x*y)", "x=0,y=0", 2, "xx", "agree"),
    ("abs(x*y)", "x=0,y=0", 2, "xy", "not-differentiable"),
    ("log(cosh(x))", "x=0", 3, "xxx", "agree"),
    ("hardsigmoid(x)*y", "x=1,y=2", 1, "x", "disagree"),
    ("hardsigmoid(x)*y", "x=1,y=2", 1, "y", "agree"),
    ("atan2(-y, x)", "x=-1,y=0", 1, "x", "inaccurate"),
    ("binary_cross_entropy(x, y)", "x=1e-13,y=0", 1, "y", "agree"),
    ("fmod(x, y)", "x=1,y=0.10000000000000000555111512312578", 1, "x", "agree"),
]


@pytest.mark.parametrize(
    ("expr", "at", "order", "by", "verdict"), HIGHER, ids=[f"{c[0]} by {c[3]} at {c[1]}" for c in HIGHER]
)
def test_one_partial_of_several(expr: str, at: str, order: int, by: str, verdict: str) -> None:
    partials = {partial.by: partial for partial in differentiate(expr, at=point(at), order=order).partials}
    partial = partials[tuple(by)]
    assert partial.verdict == verdict, partial.why


# expression, point, dtype, part of what is said
WORDS = [
    ("erf(x)*2", "x=1e-20", "bfloat16", "the value is wrong, the derivative does not depend on it"),
    ("sqrt(x**4)", "x=0", "float64", "the derivative is 0: div (backward pass) is not finite"),
    ("cbrt(x)**3", "x=0", "float64", "(backward pass) is not finite"),
    ("where(x==0, 1, sin(x)/x)", "x=0", "float64", "div is not finite on the branch that is not taken"),
    ("where(a <= 0, exp(a), 1 + a)", "a=100", "float32", "exp overflows float32 on the branch that is not taken"),
    ("x + exp(1000)", "x=1", "float64", "PyTorch returns inf; the value is 1.9700711140170469939e+434"),
    ("digamma(x)", "x=-1.99999994", "float32", "polygamma (backward pass) has an error of"),
    ("clamp(x, 0, 1)*0.1", "x=1", "float32", "the left slope, by convention"),
    ("where(x <= 0, sin(x/10), 0)", "x=0", "float64", "the left slope, by convention"),
    ("x*(1 + cos(pi))", "x=1", "float64", "stored as pi = 3.141592653589793"),
    ("clamp(z, -1e10, 1e10)", "z=1", "float16", "1e10 is stored as inf, without effect here"),
    ("norm([x, y])", "x=1e-200,y=0", "float64", "underflowed float64"),
    ("abs(x)*(sin(2) - 2*sin(1)*cos(1))", "x=0", "float64", "to thousands of bits, which is not a proof"),
    ("relu(x) - relu(-x)", "x=0", "float64", "subgradients chosen independently per operation (relu at its kink)"),
    (
        "where(x==0, 0, 3*x + x**2*sin(1/where(x==0, 1, x)))",
        "x=0",
        "float64",
        "differentiates the branch that is taken at the point",
    ),
    ("softplus(x, beta=0.1, threshold=1)", "x=15", "float64", "above its threshold (20 unless given)"),
    ("besseli1(x)", "x=1e-20", "float64", "that of the expression 0.50000000000000000000, which is 1.87e-41 away"),
]


@pytest.mark.parametrize(("expr", "at", "dtype", "words"), WORDS, ids=[case[0] for case in WORDS])
def test_the_words_fit_the_case(expr: str, at: str, dtype: str, words: str) -> None:
    why = differentiate(expr, at=point(at), dtype=dtype).partials[0].why
    assert why is not None
    assert words in why


# expression, point, how strong the conclusion is
STRENGTH = [
    ("sin(x**2)", "x=3", "proven"),
    ("max(x, x)", "x=0", "proven"),
    ("where(1+exp(-exp(9))-1 == 0, x, 2*x)", "x=1", "proven"),
    ("sign(sin(pi))*x", "x=1", "proven"),
    ("x**(log(8)/log(2))", "x=-2", "proven"),
    ("sin(x)**2 + cos(x)**2", "x=0.7", "proven"),
    ("abs(x)*(sin(2) - 2*sin(1)*cos(1))", "x=0", "numerical"),
    ("x*(sin(2) - 2*sin(1)*cos(1))", "x=1", "numerical"),
]


@pytest.mark.parametrize(("expr", "at", "strength"), STRENGTH, ids=[case[0] for case in STRENGTH])
def test_what_rests_on_an_assumed_zero_says_so(expr: str, at: str, strength: str) -> None:
    assert differentiate(expr, at=point(at)).partials[0].proof["evidence"] == strength


def test_a_number_that_is_no_number_never_agrees() -> None:
    partial = differentiate("where(x==0, 1, sin(x)/x)", at={"x": "0"}).partials[0]
    assert partial.autograd is not None
    assert math.isnan(partial.autograd)
    assert partial.verdict is not Verdict.AGREE


def test_a_variable_may_be_called_like_a_part_of_the_program() -> None:
    report = differentiate("value**2 + constant", at={"value": "3", "constant": "1"})
    assert [partial.symbolic for partial in report.partials] == ["6", "1"]
    assert report.verdict == "agree"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "agree"),
        (["agree", "undefined"], "undefined"),
        (["undefined", "not-differentiable"], "not-differentiable"),
        (["inaccurate", "different-function"], "inaccurate"),
        (["artifact", "undecided"], "undecided"),
        (["undecided", "disagree"], "disagree"),
    ],
)
def test_the_worst_verdict(verdicts: list[str], expected: str) -> None:
    assert worst(map(Verdict, verdicts)) == expected


@pytest.mark.parametrize(
    ("verdict", "code"),
    [("agree", 0), ("disagree", 1), ("undecided", 4), *((v, 3) for v in ("undefined", "artifact", "inaccurate"))],
)
def test_exit_codes(verdict: str, code: int) -> None:
    assert exit_code(Verdict(verdict)) == code


SUGGESTIONS = [
    ("log(1 + x)", "x=1e-9", None),  # the gradient is right as it is
    ("sqrt(x**2 + y**2)", "x=1e30,y=1e30", "hypot(x, y)"),
    ("log(1 - sigmoid(x))", "x=40", "logsigmoid(-x)"),
    ("log(sigmoid(x))", "x=-110", "logsigmoid(x)"),
    ("log(exp(x) + exp(y))", "x=100,y=99", "logaddexp(x, y)"),
    ("log(1 + exp(x))", "x=100", "logaddexp(x, 0)"),
    ("log(cosh(x))", "x=100", "logaddexp(x, -x) - log(2)"),
    ("-(y*log(sigmoid(x)) + (1 - y)*log(1 - sigmoid(x)))", "x=20,y=0", "binary_cross_entropy_with_logits(x, y)"),
    ("log(gamma(x))", "x=60", "lgamma(x)"),
    ("sqrt(x + 1) - sqrt(x)", "x=1e8", "1/(sqrt(x + 1) + sqrt(x))"),
]


@pytest.mark.parametrize(("expr", "at", "spelling"), SUGGESTIONS, ids=[case[0] for case in SUGGESTIONS])
def test_a_suggested_spelling_keeps_more_digits_at_the_point(expr: str, at: str, spelling: str | None) -> None:
    lost = differentiate(expr, at=point(at), dtype="float32", by="x").partials[0]
    assert lost.proof.get("suggestion") == spelling, lost.why
    if spelling is not None:
        kept = differentiate(spelling, at=point(at), dtype="float32", by="x", variables=["y"]).partials[0]
        assert lost.digits is not None
        assert kept.digits is not None
        assert kept.digits > lost.digits + 1
        assert kept.verdict == "agree"
