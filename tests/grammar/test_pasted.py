"""What people paste is read as they mean it: print, calculators, spreadsheets, notebooks, other programs and languages.

The oracle is Python: the second text, evaluated by the standard library, is what the first one means.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.meaning import POINT, meaning, value

from gradcalc.errors import CalcError, picture
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call
from gradcalc.functions import TABLE, find, similar
from gradcalc.functions.resolve import interpret, understand
from gradcalc.grammar import elsewhere

READ = [
    # print
    ("x² + 3×x", "x**2 + 3*x"), ("√x", "sqrt(x)"), ("√(1−x²)", "sqrt(1 - x**2)"), ("e⁻ˣ", "exp(-x)"), ("x – 1/x", "x - 1/x"), ("2x²y", "2*x**2*y"),
    ("x¹⁰ + 1", "x**10 + 1"), ("xⁿ⁺¹", "x**(n + 1)"), ("2e²x", "2*e**2*x"), ("-x²", "-(x**2)"), ("x⁻¹", "1/x"), ("(x + 1)²/2", "(x + 1)**2/2"), ("sin²x", "sin(x)**2"),
    ("sin² 2x + cos²2x", "1"), ("𝑥² + 1/𝑥", "x**2 + 1/x"), ("（x＋1）²", "(x + 1)**2"), ("x·y ÷ 2", "x*y/2"), ("2πr", "2*pi*r"), ("πr²", "pi*r**2"), ("sin πx", "sin(pi*x)"),
    ("cos 2πx", "cos(2*pi*x)"), ("∛x + 2√y", "cbrt(x) + 2*sqrt(y)"), ("√√x", "x**0.25"), ("√x/2", "sqrt(x)/2"), ("√x y", "sqrt(x)*y"), ("√(x)²", "x"), ("√|z|", "sqrt(0.4)"),
    ("⌊x + 1⌋", "1"), ("⌈x⌉", "1"), ("x\u00a0+\u2009y", "x + y"), ("x ⁄ y", "x/y"), ("where(x ≤ 1, x, y)", "x"), ("where(x ≥ 1 ∨ y ≠ 2, x, y)", "x"), ("where(¬(x > 1) ∧ y > 0, x, y)", "x"),
    ("α*x² + β", "α*x**2 + β"), ("x₁² + x₂²", "x_1**2 + x_2**2"), ("x₁x₂", "x_1*x_2"), ("3x₁y", "3*x_1*y"), ("θ/ω", "θ/ω"), ("µ + x", "μ + x"), ("ϕ*x", "φ*x"), ("ln σ", "log(σ)"),
    ("½x + x^½", "x/2 + sqrt(x)"), ("log₂(x) + log₁₀ x", "log2(x) + log10(x)"), ("log₃(x)", "log(x)/log(3)"), ("sin\u2061x", "sin(x)"), ("2\u2062x", "2*x"),
    # bars, factorials
    ("x|z + 1|", "x*abs(z + 1)"), ("|z|", "0.4"), ("||z|-2|", "abs(abs(z) - 2)"), ("ln|sin x|", "log(abs(sin(x)))"), ("x*ln|z|", "x*log(abs(z))"), ("|z|²", "0.16"), ("|x-|z||", "abs(x - abs(z))"),
    ("|z| + |x|", "0.4 + x"), ("2|z||x|", "0.8*x"), ("|x|-|z|", "x - 0.4"), ("-|z|", "-0.4"), ("|z|^3/2", "0.032"), ("|(z)|", "0.4"), ("n!", "6"), ("2n!", "12"), ("n!/2", "3"), ("-n!", "-6"), ("(n-1)! + x!", "2 + factorial(x)"),
    ("n!^2", "36"), ("n!x", "6*x"),
    # operators of programs
    ("x % 3", "x"), ("z % 3", "2.6"), ("7%3", "1"), ("7 // 3", "2"), ("-7//2", "-4"), ("x if x > 0 else y", "x"), ("x if x > 1 else y if y > 2 else z", "z"), ("(x if z > 0 else y)*2", "2*y"),
    ("x > 1 ? x : y", "y"), ("x > 1 ? x : y > 2 ? y : z", "z"), ("1_000*x", "1000*x"), ("1_000.5", "1000.5"), ("x ** 3;", "x**3"), ("x**2 + 1/x  # the cost", "x**2 + 1/x"),
    ("# the cost\nx**2 # of it", "x**2"), ("x^2.", "x**2"), ("x + y.", "x + y"), ("x**2,", "x**2"), ("torch.tensor(2.0)*x", "2*x"), ("x{y+1}", "x*(y + 1)"), ("{x+1}^2", "(x + 1)**2"), ("max{x, y}^2", "y**2"), ("sin{x}", "sin(x)"),
    # definitions
    ("y = x^2", "x**2"), ("f(x) = x^3 - 2x", "x**3 - 2*x"), ("f(x, y) := x*y", "x*y"), ("loss = (p - y)^2", "(p - y)**2"), ("lambda x: x**2", "x**2"), ("lambda x, y: x*y", "x*y"),
    ("f = lambda x: x + 1", "x + 1"), ("def f(x): return x**2 + 1/x", "x**2 + 1/x"), ("def f(x):\n    return x*y", "x*y"), ("x => 2*x", "2*x"), ("(x, y) => x*y", "x*y"), ("x ↦ x²", "x**2"), ("return x + 1", "x + 1"),
    ("y_hat = w*x", "w*x"), ("θ(x) = 2x", "2*x"), ("x(x+1)", "x*(x + 1)"), ("y + 2y(x-1)^2", "y + 2*y*(x - 1)**2"),
    # names elsewhere
    ("tg(x) + ctg(x)", "tan(x) + cot(x)"), ("cosec(x)", "1/sin(x)"), ("arctg(x)", "atan(x)"), ("arsinh(x)", "asinh(x)"), ("sh(x)/ch(x)", "tanh(x)"), ("sen(x)", "sin(x)"), ("sgn(z)", "-1"),
    ("log_2(x)", "log2(x)"), ("log_b(x)", "log(x)/log(b)"), ("log_10(x)", "log10(x)"), ("root(x, 3)", "x**(1/3)"), ("nthroot(x, 4)", "x**0.25"), ("root(x, 2)", "sqrt(x)"), ("expf(x)", "exp(x)"),
    ("SIN(x)^2", "sin(x)**2"), ("Exp(-x)", "exp(-x)"), ("LN(x)", "log(x)"), ("POWER(x, 2)", "x**2"), ("SQRT(x)", "sqrt(x)"), ("ReLU(z) + x", "x"), ("Sigmoid(x)", "sigmoid(x)"), ("SiLU(x)", "silu(x)"), ("Pi*x", "pi*x"), ("Γ(x)", "gamma(x)"),
    ("if(x>0, x^2, 0)", "x**2"), ("iif(x > 1, x, y)", "y"), ("Piecewise((x**2, x > 1), (y, x > 0), (z, True))", "y"), ("sympy.Rational(1, 3)*x", "x/3"), ("hypot(x, y)", "sqrt(x*x + y*y)"),
    # modules
    ("np.exp(-x**2/2)", "exp(-x**2/2)"), ("math.log(x, 2)", "log2(x)"), ("torch.sigmoid(x)", "sigmoid(x)"), ("F.relu(x)", "x"), ("torch.nn.functional.silu(x)", "silu(x)"), ("tf.nn.relu(z) + tf.math.log(x)", "log(x)"),
    ("jnp.logaddexp(x, 0.)", "log(exp(x) + 1)"), ("np.sinc(x)", "sin(pi*x)/(pi*x)"), ("torch.sinc(x)", "sin(pi*x)/(pi*x)"), ("sinc(x)", "sin(x)/x"), ("scipy.special.expit(x)", "sigmoid(x)"), ("np.pi*x", "pi*x"), ("Math.E**x", "e**x"), ("math.tau*x", "2*pi*x"),
    ("F.gelu(x, approximate='tanh')", "gelu_tanh(x)"), ("F.gelu(x)", "gelu(x)"), ("jax.nn.gelu(x)", "gelu_tanh(x)"), ("jax.nn.gelu(x, approximate=False)", "gelu(x)"), ("np.maximum(x, 0)*np.sign(z)", "-x"), ("x => 1 / (1 + Math.exp(-x))", "sigmoid(x)"),
    ("np.power(x, 2)", "x**2"), ("np.where(x > 1, x, y)", "y"), ("np.add(x, y)", "x + y"), ("np.true_divide(x, y)", "x/y"), ("np.arctan2(x, y)", "atan2(x, y)"),
    # Mathematica, spreadsheets
    ("Sin[x]^2 + Cos[x]^2", "1"), ("ArcTan[x]/Sqrt[1 + x^2]", "atan(x)/sqrt(1 + x**2)"), ("Exp[-x]", "exp(-x)"), ("Log[2, x]", "log2(x)"), ("Log[x]", "log(x)"), ("ArcTan[x, y]", "atan2(y, x)"), ("Power[x, 2]", "x**2"), ("Max[x, y]", "y"),
    ("If[x > 0, x^2, -x]", "x**2"), ("Pi x^2", "pi*x**2"), ("Sqrt[x] Sin[Pi x]", "sqrt(x)*sin(pi*x)"), ("LogisticSigmoid[x]", "sigmoid(x)"), ("sin[2x+1]", "sin(2*x + 1)"), ("exp[-x]", "exp(-x)"), ("Abs[z]", "0.4"), ("Erf[x]", "erf(x)"), ("ArcSinh[x]", "asinh(x)"),
    ("=1/(1+EXP(-A1))", "sigmoid(A1)"), ("=LOG(A1,2)", "log2(A1)"), ("=LOG(A1)", "log10(A1)"), ("=LN(A1)*B1^2", "log(A1)*B1**2"), ("=PI()*A1^2", "pi*A1**2"), ("=IF(A1>1, A1, B1)", "B1"), ("=SQRT(A1)+LOG10(B1)", "sqrt(A1) + log10(B1)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "python"), READ, ids=[repr(text) for text, _ in READ])
def test_is_read_as_it_is_meant(text: str, python: str) -> None:
    tree = understand(text, [name for name in POINT if name in ("A1", "B1", "beta", "lambda", "n")])
    assert value(tree) == pytest.approx(meaning(python), rel=1e-12)
    assert understand(unparse(tree), ["n"]) == tree or "x₁" in text or "beta" in text


REFUSED = [
    ("|x|y|z|", "abs("), ("||x||", "norm(x)", "abs(x)"), ("x || y", "or"), ("|x", "never closed"), ("x!!", "factorial(factorial(x))"), ("sin x!", "sin(factorial(x))", "factorial(sin(x))"),
    ("√2x", "sqrt(2)*x", "sqrt(2*x)"), ("√x²", "sqrt(x)**2", "sqrt(x**2)"), ("√2(x+1)", "sqrt(2)*(x + 1)"), ("sin⁻¹(x)", "asin(x)", "1/sin(x)"), ("sin x²", "sin(x**2)", "sin(x)**2"), ("ln|x|²", "ln(abs(x)**2)", "ln(abs(x))**2"),
    ("5% x", "5/100", "remainder"), ("x*5%", "5/100"), ("=A1*5%", "5/100"), ("ωt", "ω*t"), ("αβ", "α*β"), ("σ(x)", "sigmoid", "σ*"), ("Φ(x)", "ndtr"),
    ("LOG(x)", "log(x)", "log10(x)"), ("ATAN2(x, y)", "atan2(x, y)", "atan2(y, x)"), ("=ATAN2(A1,B1)", "atan2(B1,A1)"), ("=-A1^2", "(-A1)**2", "-A1**2"), ("=SUM(A1:A3)", "list"), ("root(x, 5)", "cbrt"), ("INT(x)", "floor", "trunc"),
    ("Piecewise((x, x > 0))", "True"), ("x if x > 0", "else"), ("if(x > 0, x)", "where("), ("{x^2, x<0; x, x>=0}", "where("), ("x = cos(x)", "difference"), ("x = 3", "--at x=3"), ("y = 2pi", "--at y=2pi"), ("x^2 + y^2 = 1", "one side"),
    ("tf.keras.losses.mean_squared_error(y, p)", "mse_loss(p, y)"), ("tf.keras.losses.binary_crossentropy(y, p)", "binary_cross_entropy(p, y)"), ("math.remainder(x, y)", "round"), ("tf.nn.leaky_relu(x)", "0.2"), ("np.median(x)", "median"),
    ("sind(x)", "deg2rad"), ("expm(x)", "matrices"), ("np.foo", "foo"), ("x.clamp(0)!!", "factorial"), ("f(x)", "f*"), ("y' = x", "derivative"), ("x ± 1", "x + 1", "x - 1"), ("binom(n, k)", "factorial(n)/"), ("Ei(x)", "not in the table"), ("cov(x)", "functions"),
    ("x^2_1", "index"), ("3_0x", "3_0x"), ("|x|_2", "norm"), ("=-(A1)^2", "(-A1)**2"), ("=EXP(-(A1-B1)^2/2)", "(-(A1 - B1))**2"), ("=-SIN(A1)^2", "(-SIN(A1))**2"), ("=-2.5^2*A1", "2.5"), ("=A1^B1^2", "(a^b)^c"), ("=Sheet1!A1^2", "sheet"),
    ("lim x->0 sin(x)/x", "limit"), ("x->0", "arrow"), ("sum_{i} x_i", "LaTeX"), ("sqrt[3](x)", "root(x, 3)"), ("root(3)(x)", "cbrt"), ("e⁻ˣ²", "parentheses"), ("log_b x", "log(x, b)"), ("x^T A x", ".T"), ("scipy.special.kl_div(x, y)", "log(x/y)"), ("d^2y/dx^2", "leave out"), ("t(x+1)", "t*(x + 1)", "transpose"), ("x // comment", "comment"),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: repr(row[0]))
def test_is_refused_with_what_to_write(row: tuple[str, ...]) -> None:
    with pytest.raises(CalcError) as caught:
        understand(row[0])
    for hint in row[1:]:
        assert hint in picture(caught.value)


def test_what_a_module_divides_by() -> None:
    for text, correction in [
        ("np.var(x)", "0"),
        ("np.std(x, ddof=1)", "1"),
        ("jnp.var(x)", "0"),
        ("tf.math.reduce_variance(x)", "0"),
    ]:
        tree = understand(text)
        assert isinstance(tree, Call)
        assert dict(tree.options)["correction"] == correction
    assert understand("torch.var(x)") == understand("var(x)")


def test_sinc_says_which_one_it_is() -> None:
    assert any("sin(pi*x)/(pi*x)" in note for note in interpret("sinc(x)").notes)
    assert not interpret("np.sinc(x)").notes


def test_functions_elsewhere_are_other_names_of_rows() -> None:
    for name, own in elsewhere.NAMES.items():
        assert find(name) is None, name
        assert find(own) is not None, own


@pytest.mark.parametrize("name", sorted(name for name in TABLE if name.isidentifier() and len(name) > 3))
def test_a_guess_is_a_typing_error_away(name: str) -> None:
    assert similar(f"{name[:2]}{name[1:]}") in (name, None) or find(name[:2] + name[1:]) is not None
    for other in (f"{name}q", f"v{name}", f"{name}q2", f"my{name}"):
        assert find(other) is not None or similar(other) is None or find(str(similar(other))) is not find(name)


@pytest.mark.parametrize(
    "word", ["delta", "phi", "Ei", "binom", "lse2", "cov", "expm", "erfcx", "cosd", "betaln", "foo", "arg", "sum2"]
)
def test_no_guess_names_another_function(word: str) -> None:
    assert similar(word) is None


_PIECES = st.lists(
    st.sampled_from(list("xyzn2+-*/^()[]{}|!%?:,;.=# \n²⁻ˣ√∛π×−≤⌊⌋αθ₁'\"") + ["np.", "sin", "Sin[", "if ", " else ", "lambda x: ", "y = ", "//", "max{", "Piecewise((", "torch.nn.", "=LOG(", "1_0", "<sup>", "f(x) = "]),
    max_size=14,
).map("".join)  # fmt: skip


@settings(max_examples=1_500, deadline=None)
@given(_PIECES)
def test_any_text_gives_a_tree_or_the_one_error(text: str) -> None:
    with suppress(CalcError):
        tree = understand(text, ["n"])
        assert unparse(tree)


@pytest.mark.parametrize(
    "text",
    [
        "√x" * 400,
        "√" * 400,
        "|" * 400,
        "x!" * 400,
        "(" * 400,
        "x²" * 3_000,
        "x if " * 400,
        "{" * 400,
        "np." * 400,
        "sin " * 400,
        "x ? " * 400,
        "-√" * 400,
    ],
)
def test_long_texts_are_read_or_refused(text: str) -> None:
    with suppress(CalcError):
        understand(text)
