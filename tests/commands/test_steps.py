"""Derivations rule by rule: every rule is right, the results are made of the steps, and every format tells them."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from support.comparisons import comparison_points
from support.latex_lint import faults_of
from support.questions import question
from support.sampling import sample

from gradcalc.cli.main import main
from gradcalc.commands.steps.steps import AtPoint, stepwise
from gradcalc.errors import CalcError, picture
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Number, names_in
from gradcalc.functions import TABLE
from gradcalc.functions.derivation import MAX_DEPTH, MAX_PARTS, NoRule, derive, functions
from gradcalc.functions.resolve import understand
from gradcalc.output import tex

_OPERATORS = ("+", "-", "*", "/", "neg", "**")
ROWS = [row for row in TABLE.values() if row.elementwise and row.definition is None and not row.condition and row.signature]


def test_every_function_of_numbers_has_a_rule() -> None:
    known = {name for name, _ in functions()}
    assert {row.name for row in ROWS} - known - set(_OPERATORS) == {"zeta"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [row.name for row in ROWS if row.name != "zeta"])
def test_every_rule_gives_the_derivative(name: str) -> None:
    looked_at = 0
    (tree, low), (of_high, high) = sample(TABLE[name], 0.1), sample(TABLE[name], 0.8)
    assert tree == of_high
    points = [{variable: Number(str(value)) for variable, value in values.items()} for values in (low, high)]
    for variable in names_in(tree):
        try:
            (first, *_) = derive(tree, variable)
        except NoRule:
            assert variable == "n"  # the order of a Bessel function
            continue
        found = comparison_points(tree, first.derivative, variable, points)
        # At a tie the derivative may exist although the rule of no side holds.
        assert all(it.same for it in found if it.claim is not None and not it.on_seam), [
            unparse(first.derivative),
            variable,
        ]
        looked_at += sum(it.same for it in found)
    assert looked_at > 2


# expression, variable, derivative
RESULTS = [
    ("sin(x**2)", "x", "cos(x**2)*2*x"),
    ("x*sin(x)", "x", "sin(x) + x*cos(x)"),
    ("2*x*y*sin(x)", "x", "2*y*sin(x) + 2*x*y*cos(x)"),
    ("x*y*z*sin(x)*exp(x)", "x", "y*z*sin(x)*exp(x) + x*y*z*cos(x)*exp(x) + x*y*z*sin(x)*exp(x)"),
    ("sin(x)/x", "x", "(cos(x)*x - sin(x))/x**2"),
    ("x/3", "x", "1/3"),
    ("3/x", "x", "-3/x**2"),
    ("x**2.5", "x", "2.5*x**1.5"),
    ("x**(1/3)", "x", "1/3*x**(-2/3)"),
    ("3*x**(1/3)", "x", "x**(-2/3)"),
    ("-6*x**(1/3)", "x", "-2*x**(-2/3)"),
    ("x**(1/2)*(2/3)", "x", "1/2*x**(-1/2)*2/3"),
    ("0.5*x**(1/3)", "x", "0.5/3*x**(-2/3)"),
    ("x**(0.5/3)", "x", "0.5/3*x**(-5/6)"),
    ("x**1e-1", "x", "1e-1*x**-0.9"),
    ("2*x/2", "x", "2/2"),
    ("x**-2", "x", "-2*x**-3"),
    ("x**n", "x", "n*x**(n - 1)"),
    ("2**x", "x", "2**x*log(2)"),
    ("0**x", "x", "0"),
    ("x**x", "x", "x**x*(log(x) + x/x)"),
    ("a - x - b", "x", "-1"),
    ("-x**2/2", "x", "-2*x/2"),
    ("1 - cos(2*x)", "x", "sin(2*x)*2"),
    ("-(-x)", "x", "1"),
    ("cos(x)*sin(-x)", "x", "-sin(x)*sin(-x) - cos(x)*cos(-x)"),
    ("hypot(x, 3)", "x", "x/hypot(x, 3)"),
    ("max(x, x**2, 3)", "x", "where(max(x, x**2) > 3, where(x > x**2, 1, 2*x), 0)"),
    ("max(x, y)", "x", "where(x > y, 1, 0)"),
    ("where(x > 0, x**2, -x)", "x", "where(x > 0, 2*x, -1)"),
    ("where(x > 0, 3*x, 3*x)", "x", "3"),
    ("floor(x)*x", "x", "floor(x)"),
    ("leaky_relu(3*x)", "x", "where(3*x > 0, 3, 0.01*3)"),
    ("polygamma(1, x)", "x", "polygamma(2, x)"),
    ("mish(x)", "x", "tanh(softplus(x, 1, 20)) + x*(1 - tanh(softplus(x, 1, 20))**2)*sigmoid(x)"),
    ("x", "x", "1"),
    ("7*y", "x", "0"),
]


@pytest.mark.parametrize(("expr", "by", "expected"), RESULTS)
def test_results(expr: str, by: str, expected: str) -> None:
    tree = understand(expr)
    (first, *rest) = derive(tree, by)
    assert unparse(first.derivative) == expected
    assert (first.depth, first.part) == (0, tree)
    assert all(step.depth for step in rest)
    assert all(it.same for it in comparison_points(tree, first.derivative, by, []))


# Depth, part, rule, whether by the chain rule, and the letters.
STEPS = [
    (
        "x*sin(x**2)",
        [
            (0, "x*sin(x**2)", "product rule", False, {"u": "x", "v": "sin(x**2)"}),
            (1, "sin(x**2)", "sin", True, {"u": "x**2"}),
            (2, "x**2", "power rule", False, {"u": "x"}),
        ],
    ),
    (
        # A letter that is a name of the expression is another one.
        "exp(u*x)/v",
        [
            (0, "exp(u*x)/v", "constant divisor", False, {"p": "exp(u*x)"}),
            (1, "exp(u*x)", "exp", True, {"p": "u*x"}),
            (2, "u*x", "constant factor", False, {}),
        ],
    ),
    (
        # Of more than two: of the first ones, and the last.
        "max(x, x**2, 1)",
        [
            (0, "max(x, x**2, 1)", "by cases", False, {"u": "max(x, x**2)", "v": "1"}),
            (1, "max(x, x**2)", "by cases", False, {"u": "x", "v": "x**2"}),
            (2, "x**2", "power rule", False, {"u": "x"}),
        ],
    ),
    (
        "(2*x)**cos(x)",
        [
            (0, "(2*x)**cos(x)", "general power rule", False, {"u": "2*x", "v": "cos(x)"}),
            (1, "2*x", "constant factor", False, {}),
            (1, "cos(x)", "cos", False, {"u": "x"}),
        ],
    ),
    # A part that does not depend on the variable has a letter, too.
    ("log(x, 2)", [(0, "log(x, 2)", "log", False, {"u": "x", "v": "2"})]),
    ("x", [(0, "x", "variable", False, {})]),
    ("y", [(0, "y", "constant rule", False, {})]),
]


@pytest.mark.parametrize(("expr", "expected"), STEPS, ids=[expr for expr, _ in STEPS])
def test_the_steps(expr: str, expected: list[object]) -> None:
    found = derive(understand(expr), "x")
    told = [
        (
            it.depth,
            unparse(it.part),
            it.rule.name,
            it.is_chain,
            {letter: unparse(arg) for letter, arg in it.bindings.items()},
        )
        for it in found
    ]
    assert told == expected


def test_a_part_is_derived_once() -> None:
    found = derive(understand("sin(x**2)*sin(x**2)"), "x")
    assert [(unparse(step.part), step.is_known) for step in found] == [
        ("sin(x**2)*sin(x**2)", False), ("sin(x**2)", False), ("x**2", False), ("sin(x**2)", True),
    ]  # fmt: skip


def test_letters_of_laws_are_no_names_of_the_expression() -> None:
    (step,) = derive(understand("n*x**3"), "x")[1:]
    assert unparse(step.rule.derivative) == "p*u**(p - 1)*u'"


WRONG = [
    ("zeta(x)", "error: no differentiation rule for zeta(x)\nhint: gradcalc diff gives its value"),
    ("besselj(x, 2)", "error: no differentiation rule for besselj(x, 2)\nhint: gradcalc diff gives its value"),
    (
        " + ".join(f"sin({k}*x)" for k in range(MAX_PARTS // 4 + 1)),
        f"error: the expression has more than {MAX_PARTS} parts: too large to display",
    ),
    (
        "x" + "/x/2" * (MAX_DEPTH // 2 + 1),
        f"error: the expression is more than {MAX_DEPTH} levels deep: too large to display",
    ),
]


@pytest.mark.parametrize(("expr", "expected"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_derived(expr: str, expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        derive(understand(expr), "x")
    assert picture(caught.value) == expected


def test_what_has_no_variables_has_no_derivation() -> None:
    with pytest.raises(CalcError) as caught:
        stepwise(question("3"))
    assert picture(caught.value) == (
        "error: 3 has no variables: it is constant, and its derivative is 0\n"
        'hint: use the variable in the expression, such as "3*x"'
    )


def test_numbers_and_the_proof() -> None:
    found = stepwise(question("x*sin(x**2)", {"x": "3"}))
    (derivation,) = found.derivations
    (partial,) = found.report.partials
    assert derivation.numbers[0] == partial.symbolic
    assert derivation.numbers[2] == "6"
    assert (derivation.wrong, derivation.beside) == (0, 0)
    assert derivation.equal > 1


# At a point, whether the steps hold there, and the numbers.
AT_A_POINT = [
    ("x**2*sin(x)", "0", AtPoint.HOLDS, ["0", "0", "1"]),
    # No derivative.
    ("abs(x)", "0", AtPoint.NO_DERIVATIVE, [None]),
    ("2*abs(x)", "0", AtPoint.NO_DERIVATIVE, [None, None]),
    ("log(x)", "-1", AtPoint.NO_DERIVATIVE, [None]),
    ("sqrt(x)", "0", AtPoint.NO_DERIVATIVE, [None]),
    ("1/x**2", "0", AtPoint.NO_DERIVATIVE, [None, None]),
    # A derivative, and rules that do not give it: a seam, 0/0, and by chance the right number.
    ("relu(x) - relu(-x)", "0", AtPoint.NO_RULE, [None, None, None, None]),
    ("sinc(x)", "0", AtPoint.NO_RULE, [None]),
    ("x*relu(x)", "0", AtPoint.NO_RULE, [None, None]),
    ("copysign(log(abs(x) + sqrt(x*x + 1)), x)", "0", AtPoint.NO_RULE, None),
    # A case that is not taken may have no derivative.
    ("where(x > 1, log(x - 1), x**2)", "0", AtPoint.HOLDS, ["0", None, "1", "0"]),
]


@pytest.mark.parametrize(
    ("expr", "at", "expected", "numbers"), AT_A_POINT, ids=[f"{row[0]} at {row[1]}" for row in AT_A_POINT]
)
def test_whether_the_steps_hold_at_the_point(
    expr: str, at: str, expected: AtPoint, numbers: list[str | None] | None
) -> None:
    (derivation,) = stepwise(question(expr, {"x": at})).derivations
    assert derivation.at_point is expected
    assert list(derivation.numbers) == (numbers or [None] * len(derivation.steps))
    assert (derivation.wrong, derivation.beside) == (0, int(expected is AtPoint.NO_RULE))
    assert derivation.equal


@pytest.mark.parametrize("format", ["table", "plain", "json", "latex", "markdown"])
@pytest.mark.parametrize(
    ("expr", "at", "why"),
    [
        ("abs(3*x)", "0", "not at the point itself, where there is no derivative"),
        ("log(3*x)", "-1", "not at the point itself, where there is no derivative"),
        ("relu(x) - relu(-x)", "0", "not at the point itself, where a rule does not hold"),
    ],
)
def test_no_numbers_where_the_steps_do_not_hold(
    expr: str, at: str, why: str, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["steps", expr, "--format", format])
    without = capsys.readouterr().out
    main(["steps", expr, "--at", at, "--format", format])
    told = capsys.readouterr().out
    if format == "json":
        (one,), (other,) = json.loads(without)["derivations"], json.loads(told)["derivations"]
        assert (one["at_point"], other["at_point"] in ("no-derivative", "no-rule")) == (None, True)
        assert one["steps"] == other["steps"]
    elif format == "plain":
        assert told == without
    else:
        assert why in told
        # The lines of the derivation are those that there are without a point.
        lines = [line for line in without.splitlines() if "f = " not in line and "checked" not in line]
        assert len(lines) > 3
        assert set(lines) <= set(told.splitlines())


@pytest.mark.parametrize(
    ("expr", "at"),
    [
        ("x_a_b*5*2**y", []),
        ("leaky_relu(x_1)", ["--at", "0"]),
        ("abs(x)*y", ["--at", "x=0,y=1"]),
        ("log(x)", ["--at", "-1"]),
    ],
)
def test_handouts_compile(expr: str, at: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["steps", expr, *at, "--format", "latex"])
    told = capsys.readouterr().out
    assert told.isascii()
    assert not faults_of(told, is_text=True)


@pytest.mark.slow
def test_without_time_nothing_is_said_of_the_point() -> None:
    derivation = stepwise(question("sin(x)", {"x": "2"}), seconds=0).derivations[0]
    assert (derivation.at_point, list(derivation.numbers), derivation.equal) == (AtPoint.UNKNOWN, [None], 0)


def test_words_of_handouts_have_no_markup() -> None:
    text = "x_1 < 5*2 & 50% of {a}^b"
    assert tex.escape(text) == r"x\_1 \textless{} 5*2 \& 50\% of \{a\}\textasciicircum{}b"
    assert not faults_of(tex.escape(text), is_text=True)


def test_a_rule_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    law = functions()["sin", 1]
    monkeypatch.setitem(functions(), ("sin", 1), replace(law, derivative=functions()["cos", 1].derivative))  # type: ignore[arg-type]
    assert stepwise(question("sin(2*x)")).derivations[0].wrong
    assert main(["steps", "sin(2*x)"]) == 1
    assert "wrong: the steps do not lead to the derivative" in capsys.readouterr().out


def test_entries_of_arrays_are_variables() -> None:
    found = stepwise(question("sum(w*x)", {"w": "[1, 2]", "x": "[3, 4]"}, ("w[1]",)))
    (derivation,) = found.derivations
    assert (derivation.by, derivation.numbers[0]) == ("w[1]", "4")
    with pytest.raises(CalcError, match="a derivation is of one number"):
        stepwise(question("2*x", {"x": "[1, 2]"}))
    with pytest.raises(CalcError, match="too many variables: 21; the limit is 20"):
        stepwise(question("sum(x)", {"x": str([1] * 21)}))


PLAIN = [
    "x\t0\tx*cos(2*x)\tproduct rule\t(u*v)' = u'*v + u*v'\tu = x, v = cos(2*x)\tcos(2*x) - x*sin(2*x)*2\t1",
    "x\t1\tcos(2*x)\tchain rule, cos\tcos(u)' = -sin(u)*u'\tu = 2*x\t-sin(2*x)*2\t0",
    "x\t2\t2*x\tconstant factor\t(c*u)' = c*u'\t\t2\t2",
]
MARKDOWN = r"""$f = x \cos\left(2 x\right)$

- $\frac{\partial}{\partial x} \left[x \cos\left(2 x\right)\right]$, product rule: $\left(u v\right)' = u' v + u v'$, $u = x$, $v = \cos\left(2 x\right)$
  - $\frac{\partial}{\partial x} \left[\cos\left(2 x\right)\right]$, chain rule, cos: $\left(\cos\left(u\right)\right)' = -\sin\left(u\right) u'$, $u = 2 x$
    - $\frac{\partial}{\partial x} \left[2 x\right]$, constant factor: $\left(c u\right)' = c u'$
      - $= 2$
    - $= -\sin\left(2 x\right) \cdot 2$

$\frac{\partial f}{\partial x} = \cos\left(2 x\right) - x \sin\left(2 x\right) \cdot 2$

SymPy: $\frac{\partial f}{\partial x} = -2 x \sin\left(2 x\right) + \cos\left(2 x\right)$

checked: the steps give the derivative at N points, in exact arithmetic
"""
LATEX_ENDING = r"""\noindent SymPy: \(\frac{\partial f}{\partial x} = -2 x \sin\left(2 x\right) + \cos\left(2 x\right)\)\par
\noindent exact value: \(1\); autograd: \(1.0\)\par
\noindent checked: the steps give the derivative at N points, in exact arithmetic\par
\noindent verdict: \textbf{agree}\par
"""
TABLE_AT_ZERO = """f = x*cos(2*x)
at x = 0

∂f/∂x
  product rule: (u*v)' = u'*v + u*v', u = x, v = cos(2*x)
  ∂/∂x [cos(2*x)]
    chain rule, cos: cos(u)' = -sin(u)*u', u = 2*x
    ∂/∂x [2*x]
      constant factor: (c*u)' = c*u'
    = 2
  = -sin(2*x)*2 = 0
∂f/∂x = cos(2*x) - x*sin(2*x)*2 = 1

by SymPy: ∂f/∂x = -2*x*sin(2*x) + cos(2*x)
exact: 1
autograd: 1.0
checked: the steps give the derivative at N points, in exact arithmetic
✓ agree
"""


def test_the_command_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    expr = "x*cos(2*x)"
    assert main(["steps", expr, "--at", "0"]) == 0
    assert re.sub(r"at \d+ points", "at N points", capsys.readouterr().out) == TABLE_AT_ZERO
    assert main(["steps", expr, "--at", "0", "--format", "plain"]) == 0
    assert capsys.readouterr().out.splitlines() == PLAIN
    assert main(["steps", expr, "--format", "markdown"]) == 0
    assert re.sub(r"at \d+ points", "at N points", capsys.readouterr().out) == MARKDOWN
    assert main(["steps", expr, "--at", "0", "--format", "latex"]) == 0
    block = re.sub(r"at \d+ points", "at N points", capsys.readouterr().out)
    assert block.startswith("\\noindent \\(f = x \\cos\\left(2 x\\right)\\), at \\(x = 0\\)\\par\n")
    assert block.endswith("\\cdot 2 = 1 \\]\n" + LATEX_ENDING)
    assert block.isascii()
    assert main(["steps", expr, "--at", "0", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (derivation,) = answer["derivations"]
    assert (answer["schema"], answer["command"], answer["report"]["verdict"]) == ("gradcalc/1", "steps", "agree")
    assert derivation["steps"][1] == {
        "depth": 1,
        "part": "cos(2*x)",
        "rule": "cos",
        "chain": True,
        "law": "cos(u)' = -sin(u)*u'",
        "letters": {"u": "2*x"},
        "derivative": "-sin(2*x)*2",
        "value": "0",
        "known": False,
    }
    assert (derivation["by"], derivation["at_point"], derivation["beside"], derivation["wrong"]) == ("x", "holds", 0, 0)
    assert main(["steps", "abs(x)", "--at", "0", "--quiet"]) == 3
    assert capsys.readouterr().out == ""
    assert main(["steps", "x", "--at", "0:1:3"]) == 2
    assert "this command takes one point; 3 given" in capsys.readouterr().err
