r"""LaTeX of papers, notebooks and sympy is read as it is meant, and what the program writes, it reads.

The oracle is Python: the second text, evaluated by the standard library, is what the first one means.
"""

from __future__ import annotations

import random
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.expressions import ordinary
from support.meaning import meaning, value

from gradcalc.errors import CalcError, picture
from gradcalc.expression.latex import latex
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node, Number, calls_in, fold, names_in
from gradcalc.functions.resolve import interpret, understand
from gradcalc.report import Notation

READ = [
    # fences
    ("$x^2 + 3x$", "x**2 + 3*x"), ("$$x^2$$", "x**2"), (r"\[ y = x^3 \sin(x) \]", "x**3*sin(x)"), (r"\(x\)", "x"), (r"$x^2$.", "x**2"), (r"\frac{x}{y}.", "x/y"), (r"f(x) = \sqrt{x},", "sqrt(x)"),
    # fractions, roots, powers
    (r"\frac{x^2}{1+x}", "x**2/(1 + x)"), (r"\dfrac12 m v^2", "m*v**2/2"), (r"\tfrac{x}{2} y", "x*y/2"), (r"2 \cdot \frac{1}{3}", "2/3"), (r"x\frac{1}{3}", "x/3"), (r"\sqrt{x^2+1}", "sqrt(x**2 + 1)"), (r"\sqrt[3]{x} + \sqrt x", "cbrt(x) + sqrt(x)"),
    (r"\sqrt[4]{x}", "x**0.25"), (r"\sqrt{2}x^{10}", "sqrt(2)*x**10"), (r"\sqrt2x", "sqrt(2)*x"), ("x^{2}", "x**2"), ("x^2y", "x**2*y"), ("ax^{2}+bx", "a*x**2 + b*x"), ("2x^{-1}", "2/x"), (r"x^{\frac{1}{2}}", "sqrt(x)"), ("x^{y^{2}}", "x**(y**2)"),
    (r"\left(x+1\right)^2", "(x + 1)**2"), (r"\frac{xy}{x+y}", "x*y/(x + y)"), (r"\frac{1}{\frac{1}{x}+\frac{1}{y}}", "1/(1/x + 1/y)"), (r"x \cdot 10^{-3}", "x/1000"), (r"1.5 \times 10^{-3}x", "0.0015*x"), (r"{x}^{2}{y}^{2}", "x**2*y**2"),
    # the exponential
    (r"\mathrm{e}^{-x^2}", "exp(-x**2)"), (r"e^x(x+1)", "exp(x)*(x + 1)"), (r"2e^{x}", "2*exp(x)"), (r"\exp(-x)", "exp(-x)"), (r"\exp\left(-\frac{x^2}{2}\right)", "exp(-x**2/2)"), (r"\frac{1}{1+e^{-x}}", "sigmoid(x)"), (r"e^{e^{x}}", "exp(exp(x))"),
    # functions
    (r"\sin x", "sin(x)"), (r"\sin^2 x + \cos x", "sin(x)**2 + cos(x)"), (r"\sin^{2}{\left(x \right)}", "sin(x)**2"), (r"\sin(x)\cos(x)", "sin(x)*cos(x)"), (r"\sin 2x", "sin(2*x)"), (r"\sin\frac{x}{2}", "sin(x/2)"), (r"\cos\theta", "cos(theta)"), (r"\ln(1+e^x)", "log(1 + exp(x))"),
    (r"\log_2 x", "log2(x)"), (r"\log_{10}(x)", "log10(x)"), (r"\log_{b}(x)", "log(x)/log(b)"), (r"\arctan x", "atan(x)"), (r"\tanh(\alpha x)", "tanh(alpha*x)"), (r"\max(x, y)", "y"), (r"\max\{0, x\}", "x"), (r"\min\left(x, y\right)", "x"), (r"\Gamma(x)", "gamma(x)"),
    (r"\log{\left(e^{x} + \cot{\left(x \right)} \right)} \tan{\left(x \right)}", "log(exp(x) + cot(x))*tan(x)"), (r"\operatorname{softplus}(x) = \ln(1+e^x)", "log(1 + exp(x))"), (r"\text{ReLU}(x) \cdot x", "x*x"), (r"\mathrm{sigmoid}(x)", "sigmoid(x)"), (r"\operatorname{erf}{\left(x \right)}", "erf(x)"),
    (r"\operatorname{atan}_{2}{\left(x,y \right)}", "atan2(x, y)"), (r"\sin^{\frac{5}{2}}{\left(x \right)}", "sin(x)**2.5"), (r"\operatorname{sech}^{3}{\left(x \right)}", "1/cosh(x)**3"), (r"\log{\left(x \right)}^{2}", "log(x)**2"),
    (r"\operatorname{atan2}\left(x, y\right)", "atan2(x, y)"), (r"x\ln x", "x*log(x)"), (r"-[y \log p + (1-y) \log(1-p)]", "-(y*log(p) + (1 - y)*log(1 - p))"), (r"\sin\!\left(x\right)", "sin(x)"), (r"\ln|z|", "log(0.4)"), (r"n!", "6"),
    # names
    (r"\theta_0 + \theta_1 x", "theta_0 + theta_1*x"), (r"(\hat{y} - y)^2", "(y_hat - y)**2"), (r"x_1 + x_{2}", "x_1 + x_2"), (r"\mathbf{w} x", "w*x"), (r"\mathit{loss} + x", "loss + x"), (r"\omega t", "omega*t"), (r"\varphi", "phi"), (r"\pi r^2", "pi*r**2"),
    (r"w_{\mathrm{max}} x", "w_max*x"), (r"\pi\left(x+1\right)", "pi*(x + 1)"), (r"x(x+1)", "x*(x + 1)"), (r"t(x+1)\cdot 1", "t*(x + 1)"), (r"x_{1} \left(y\right)", "x_1*y"), (r"\beta x", "beta*x"),
    # brackets, bars, cases
    (r"\left|z\right| + |x|", "0.4 + x"), (r"\lvert z \rvert", "0.4"), (r"\left\lfloor x + 1 \right\rfloor + \lceil x \rceil", "2"), (r"\left[x+1\right]^{2}", "(x + 1)**2"), (r"\left\{x+1\right\}^2", "(x + 1)**2"), (r"\bigl(x + 1\bigr)^2", "(x + 1)**2"),
    (r"\begin{cases} x & x > 1 \\ y & \text{otherwise} \end{cases}", "y"), (r"\begin{cases} x^2, & \text{if } x \geq 0 \\ -x, & \text{if } x < 0 \end{cases}", "x**2"), (r"\begin{cases} x & \text{for}\: x > 1 \\ z & \text{for}\: x > 2 \\ y & \text{otherwise} \end{cases}", "y"),
    (r"\begin{cases} x & x > 1 \wedge y > 2 \\ \begin{cases} y & z = 1 \\ z & \text{else} \end{cases} & \text{otherwise} \end{cases}", "z"), (r"\begin{cases} 1 & x \le y < 2 \\ 0 & \text{otherwise}\end{cases}", "1"),
    (r"x \times y \div 2", "x*y/2"), (r"-x y", "-x*y"), (r"x \cdot -y", "-x*y"), (r"1/2 \cdot x", "x/2"), (r"a\,x + b\;y", "a*x + b*y"), (r"x^{2}\ + \quad y", "x**2 + y"), ("x_{1}^{2}", "x_1**2"),
    (r"\frac{1}{2x}", "1/(2*x)"), (r"\frac1{2\pi}", "1/(2*pi)"), (r"\frac{x}{2\pi}", "x/(2*pi)"), (r"\frac{2x}{3y}", "2*x/(3*y)"), (r"\sqrt{\frac{1}{2x}}", "sqrt(1/(2*x))"), (r"\alpha x_1x_2", "alpha*x_1*x_2"), (r"\frac{x_1x_2}{r^2}", "x_1*x_2/r**2"),
    (r"\lambda e^{-\lambda x}", "POINT['lambda']*exp(-POINT['lambda']*x)"), (r"x + \lambda y", "x + POINT['lambda']*y"), (r"\alpha(e^x-1) + \alpha", "alpha*(exp(x) - 1) + alpha"), (r"2\mathbf{x} + 1", "2*x + 1"), (r"\mathbf{x} \odot \mathbf{y}", "x*y"), (r"\frac{\mathbf{x}}{\mathbf{y}}", "x/y"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "python"), READ, ids=lambda text: repr(text))
def test_is_read_as_it_is_meant(text: str, python: str) -> None:
    tree = interpret(text, ["beta"] if "beta" in text else [], notation=Notation.LATEX).tree
    assert value(tree) == pytest.approx(meaning(python), rel=1e-12)


REFUSED = [
    (r"\sin x^2", "sin(x**2)", "sin(x)**2"), (r"\sin x y", "sin(x*y)", "sin(x)*y"), (r"\tan^{-1} x", "atan(x)", "1/tan(x)"), (r"\sin x / 2", "sin(x/2)"), (r"\sigma(x)", "sigmoid", r"\sigma \cdot"), (r"\gamma(x+1)", "gamma", r"\cdot"), (r"f(x)", "f*"),
    (r"\sin{x}^2", "parentheses"), (r"x^10", "{10}"), (r"e^-x", "braces"), (r"2\frac{1}{3}x", "2 +"), (r"\frac{d}{dx} x^2", "derivative"), (r"\frac{dy}{dx}", "derivative"), (r"\int x dx", "integral"), (r"\sum_i x_i", "sum(x)"), (r"\lim_{x \to 0} x", "limit"), (r"x^2 dx\cdot1", "dx"),
    (r"\partial f", "derivative"), (r"x \pm 1", "two expressions"), (r"\begin{cases} x & x > 0 \\ y & x < -1 \end{cases}", "otherwise"), (r"\begin{align} x \end{align}", "align"), (r"\frac{x}", "argument"), (r"\left(x", "closed"), (r"\foo x", r"\foo"),
    (r"f'(x)\cdot 1", "derivative"), (r"A^T \cdot x", r"\top"), (r"1/x(x+1)\cdot 1", "1/"), (r"5\% x", "5/100"), (r"x \approx 1", "one side"), (r"\infty x", "finite"), (r"x^{2} = y^{2}", "one side"), (r"\log_a x", "parentheses"), (r"\mathbb{E} x", "out"),
    (r"\sqrt{}", "empty"), (r"x_{n+1}\cdot 1", "index"), (r"{x", "closed"), (r"x}\cdot 1", "unexpected"), (r"\max_x x", "subscript"), (r"\alpha = 3", "value"),
    (r"\tanh^{-1}(x)", "atanh(x)", "1/tanh(x)"), (r"\sinh^{-1}(x)", "asinh(x)"), (r"\sigma^{-1}(x)", "sigmoid"), (r"\sigma^2(x)", "sigmoid"), (r"\frac{ln x}{x}", r"\ln"), (r"\frac{sin x}{x}", r"\sin"), (r"\alpha(e^x-1)", r"\alpha \cdot"), (r"\phi(x)", r"\phi \cdot"),
    (r"\mathbf{W}\mathbf{x}", "@"), (r"\mathbf{a}\cdot\mathbf{b}", "@"), (r"\mathbf{x}^\top A \mathbf{x}", "@"), (r"\frac{\mathrm{d}}{\mathrm{d}x} x^2", "derivative"), (r"x\,\mathrm{d}x", "dx"), (r"\frac{d^2y}{dx^2}", "derivative"), (r"\frac{x^2_1}{2}", "index"),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: repr(row[0]))
def test_is_refused_with_what_to_write(row: tuple[str, ...]) -> None:
    with pytest.raises(CalcError) as caught:
        interpret(row[0], notation=Notation.LATEX)
    for hint in row[1:]:
        assert hint in picture(caught.value)


def _canonical(tree: Node) -> object:
    """A tree whose numbers are what they are worth: `1e-3` is written as a product of print."""
    return fold(
        tree,
        lambda leaf: leaf.value if isinstance(leaf, Number) else leaf.name,
        lambda call, parts: (
            -parts[0] if call.name == "neg" and isinstance(parts[0], Fraction) else (call.name, call.options, *parts)
        ),
    )


def _is_read_again(tree: Node) -> None:
    text = latex(tree)
    again = interpret(text, names_in(tree), condition=True, notation=Notation.LATEX).tree
    assert _canonical(again) == _canonical(tree), text


WRITTEN = [
    "exp(exp(x))", "e**x", "(-x)*y", "-(x*y)", "-(x + y)", "-(-x)", "x - (y - z)", "x*(y*z)", "(x/y)/z", "x/(y/z)", "(x**y)**z", "x**y**z", "1e-3*x", "2*10**3", "1.5e10", "tau*x", "pi**2", "A@x", "A@B@x", "A@(B@x)", "2*(A@x)", "x*y@z",
    "transpose(A)@x", "[1, x]", "[[1, 2]]", "[[1, 2], [3, x]]", "[[1], [2]]", "[[[1, 2], [3, 4]], [[5, 6], [7, x]]]", "x[0]", "A[0, :]", "A[1:3, -1]", "loss_rate", "learning_rate*w", "theta_1", "where(x > 0, where(y == 1, x, y), z)",
    "where(x < y and y <= 2 or not (x != 1), x, y)", "max(x, dim=0)", "sum(x)", "norm(x)", "floor(x) + ceil(y)", "abs(abs(x))", "cbrt(x)", "log(x, 2)", "log10(x)", "sin(x)**2", "where(x > 0, x, y)*2", "2*where(x > 0, x, y) + 1", "factorial(n)", "5*2**x", "2*(1/3)",
    "reciprocal(x)", "square(x)", "maximum(x, y)", "clamp(x, 0, 1)", "cross_entropy(z, [1, 0], reduction=sum)", "beta(x, y)", "gamma(x)", "lambda*x", "x*-y", "1/2*x", "x.sum()/n",
]  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_what_the_program_writes_is_read_again(text: str) -> None:
    variables = ["lambda"] if "lambda" in text else []
    _is_read_again(understand(text, variables))


@pytest.mark.parametrize("seed", range(60))
def test_random_expressions_are_read_again(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(5):
        _is_read_again(understand(ordinary(chance).expr))


def test_names_with_values_decide_which_is_meant() -> None:
    assert names_in(understand(r"\theta x", ["θ"])) == ["θ", "x"]
    assert names_in(understand(r"x_{1}\cdot 2", ["x1"])) == ["x1"]
    assert names_in(understand(r"\hat{y}", ["yhat"])) == ["yhat"]
    assert unparse(understand(r"f(x+1)", ["f"])) == "f*(x + 1)"
    assert unparse(understand(r"\sigma(x+1)", ["sigma"])) == "sigma*(x + 1)"


def test_places_are_those_of_the_latex() -> None:
    text = r"\frac{x^2}{1 + \sin(x)}"
    (sine,) = [call for call in calls_in(understand(text)) if call.name == "sin"]
    assert text[sine.span.start : sine.span.end].startswith(r"\sin")


def test_a_notation_may_be_asked_for() -> None:
    assert unparse(interpret("xy^2", notation=Notation.LATEX).tree) == "x*y**2"
    assert unparse(interpret("xy^2", notation=Notation.PLAIN).tree) == "xy**2"
    with pytest.raises(CalcError):
        interpret(r"\frac{x}{2}", notation=Notation.PLAIN)


_PIECES = st.lists(
    st.sampled_from(list("xyzfe12+-*/^_{}()[]|=&<>!.,;' $") + [r"\frac", r"\sin", r"\sqrt", r"\left(", r"\right)", r"\theta", r"\cdot", r"\\", r"\begin{cases}", r"\end{cases}", r"\text{if }", r"\mathrm{", r"\log_", r"\hat", r"\|", r"\{", r"\int", r"\begin{pmatrix}", r"\left|", r"\right|", "{x}", "^{", "_{1}"]),
    min_size=1, max_size=14,
).map("".join)  # fmt: skip


@settings(max_examples=2_000, deadline=None)
@given(_PIECES)
def test_any_text_gives_a_tree_or_the_one_error(text: str) -> None:
    with suppress(CalcError):
        tree = interpret(text, notation=Notation.LATEX).tree
        assert unparse(tree)


@pytest.mark.parametrize(
    "text",
    [
        "{" * 400,
        r"\frac{" * 400,
        r"\left(" * 400,
        "x" * 3_000,
        r"\sqrt" * 3_000,
        "x^" * 400,
        r"\begin{cases}" * 100,
        "1 " * 3_000,
        "$" * 999,
    ],
)
def test_hostile_texts_are_refused(text: str) -> None:
    with suppress(CalcError):
        interpret(text, notation=Notation.LATEX)
