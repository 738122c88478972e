"""Renderers read nothing but reports: these are made by hand."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.latex_lint import faults_of

from gradcalc.expression.arrays import Entry
from gradcalc.expression.latex import latex, name_latex
from gradcalc.functions.resolve import understand
from gradcalc.output.formats import FORMATS
from gradcalc.output.options import RenderOptions, function_letter, options_for
from gradcalc.report import Partial, Report, Value, Verdict, worst

VERSIONS = {"gradcalc": "0.1.0", "torch": "2.13.0"}
GRADIENT = Partial(
    ("x",), "2*x*cos(x**2)", r"2 x \cos{\left(x^{2} \right)}",
    symbolic="-5.4667815713080613019", reference="-5.4667815713080613019", autograd=-5.466781571308061,
    verdict=Verdict.AGREE, digits=15.9, ulps=0.3, why="15.9 of 16.0 digits are right",
)  # fmt: skip
KINK = Partial(
    ("x",), "sign(x)", r"\operatorname{sign}{\left(x \right)}", autograd=0.0, left="-1", right="1",
    verdict=Verdict.NOT_DIFFERENTIABLE, cause="kink", why="the one-sided derivatives differ",
)  # fmt: skip


NUMBERS = {"3", "pi/2", "1e-8", "0.1", "1/3"}


def report(*partials: Partial, expr: str = "sin(x**2)", **fields: object) -> Report:
    usual: dict[str, object] = {
        "order": 1, "at": {"x": "3"}, "point": {"x": 3.0}, "dtype": "float64", "device": "cpu",
        "value": Value("0.41211848524175656976", 0.4121184852417566),
        "verdict": worst(partial.verdict for partial in partials if partial.verdict),
        "versions": VERSIONS, "latex": r"\sin\left(x^{2}\right)",
    }  # fmt: skip
    known = {**usual, **fields}
    fields["values"] = {name: understand(value) for name, value in known["at"].items() if value in NUMBERS}  # type: ignore[attr-defined]
    return Report(expr=expr, read_as=expr, partials=partials, **{**usual, **fields})  # type: ignore[arg-type]


def formulas(*partials: Partial, expr: str) -> Report:
    return report(*partials, expr=expr, at={}, point={}, dtype=None, device=None, value=None, verdict=None, latex="f")


def by(name: str, **fields: object) -> Partial:
    return replace(GRADIENT, by=tuple(name.split(",")), **fields)  # type: ignore[arg-type]


ONE = report(GRADIENT)
LONG = "sin(" + " + ".join(f"x{i}**2*exp(-x{i})" for i in range(12)) + ")"
PRODUCT = "*".join(f"sin(x{i})" for i in range(40))
NINE = report(
    *(
        by(
            f"x{i}",
            formula=LONG,
            verdict=list(Verdict)[i % 8],
            ulps=10.0 ** (2 * i),
            symbolic=f"-{i}.12345678901234567890e-200",
        )
        for i in range(9)
    ),
    expr=LONG,
    at={f"x{i}": "0.1" for i in range(9)},
    point={f"x{i}": 0.1 for i in range(9)},
)
FLOAT32 = report(
    by("x", reference="-5.4667815713080613099", autograd=float("nan"), ulps=float("inf"), digits=0.0, verdict=Verdict.DISAGREE, side="autograd"),
    at={"x": "0.1"}, point={"x": 0.10000000149011612}, dtype="float32", notes=("mps has no float64",),
)  # fmt: skip
SWEEP = [
    report(
        replace(KINK, formula=GRADIENT.formula) if i == 2 else GRADIENT,
        at={"x": f"0.{i}", "y": "1/3"},
        point={"x": i / 10, "y": 1 / 3},
    )
    for i in range(4)
]
SAMPLES: dict[str, list[Report]] = {
    "one partial": [ONE],
    "kink": [report(KINK, expr="abs(x)", value=Value("0", 0.0))],
    "two partials": [report(GRADIENT, by("y"), expr="x*y")],
    "nine partials, every verdict": [NINE],
    "nan, inf, a reference, a note": [FLOAT32],
    "second order": [report(by("x,x"), by("x,y"), by("y,y,y"), expr="x*y", order=2)],
    "long product": [report(by("x", formula=PRODUCT), expr=PRODUCT)],
    "formulas only": [formulas(Partial(("x",), "y", "y"), Partial(("y",), None, None), expr="x*y")],
    "an entry of a vector": [report(by("x", index=(1, 2)), expr="x")],
    "nothing known": [report(Partial(("x",), None, None, verdict=Verdict.UNDECIDED), value=Value(None, None))],
    "no variables": [report(expr="2", at={}, point={})],
    "sweep": SWEEP,
    "sweep of two partials": [replace(one, partials=(GRADIENT, by("y"))) for one in SWEEP],
}


def text(format: str, reports: Sequence[Report], **options: object) -> str:
    return "".join(FORMATS[format](reports, RenderOptions(**options)))  # type: ignore[arg-type]


every_sample = pytest.mark.parametrize("reports", SAMPLES.values(), ids=SAMPLES.keys())


# ------------------------------------------------------------------------------------------------------ every format


@pytest.mark.parametrize("format", FORMATS)
@every_sample
def test_nothing_but_ascii_where_nothing_else_can_be_shown(format: str, reports: list[Report]) -> None:
    assert text(format, reports, ascii=True).isascii()
    assert text(format, reports, ascii=True, width=80).isascii()


@pytest.mark.parametrize("format", FORMATS)
@every_sample
def test_ends_with_one_line_break_and_has_no_space_before_one(format: str, reports: list[Report]) -> None:
    shown = text(format, reports)
    assert shown == shown.strip("\n") + "\n" or not shown
    assert all(line == line.rstrip(" ") for line in shown.splitlines())
    assert "\n\n\n" not in shown


@pytest.mark.parametrize("format", ["plain", "json", "latex"])
def test_answers_are_written_as_they_come(format: str) -> None:
    taken = []

    def reports() -> Iterator[Report]:
        for one in SWEEP:
            taken.append(one)
            yield one

    pieces = FORMATS[format](reports(), RenderOptions())
    next(pieces)
    assert len(taken) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_no_reports_are_no_text(format: str) -> None:
    assert text(format, []) == ""


# ------------------------------------------------------------------------------------------------------------- table

ONE_SHOWN = """\
f = sin(x**2)
at x = 3
∂f/∂x = 2*x*cos(x**2) ≈ -5.466781571
✓ agree: 15.9 of 16.0 digits are right

          value of f              ∂f/∂x
────────────────────────────────────────────────────────
symbolic  0.41211848524175656976  -5.4667815713080613019
autograd  0.4121184852417566      -5.466781571308061
error                              0.3 ulps
float64 on cpu
"""

KINK_SHOWN_IN_ASCII = """\
f = abs(x)
at x = 3
df/dx = sign(x), has no value here (left slope -1, right slope 1)
! not-differentiable (kink): the one-sided derivatives differ

             value of f  df/dx
------------------------------
symbolic     0           none
autograd     0.0          0.0
left slope               -1
right slope               1
float64 on cpu
"""

SWEEP_SHOWN = """\
f = sin(x**2)
at y = 1/3
∂f/∂x = 2*x*cos(x**2)
! not-differentiable (4 points: 3 agree, 1 not-differentiable)

x    f              symbolic       autograd       ulps  verdict
────────────────────────────────────────────────────────────────────────────
0.0  0.41211848524  -5.4667815713  -5.4667815713  0.3   ✓ agree
0.1  0.41211848524  -5.4667815713  -5.4667815713  0.3   ✓ agree
0.2  0.41211848524  none            0.0                 ! not-differentiable
0.3  0.41211848524  -5.4667815713  -5.4667815713  0.3   ✓ agree
rounded to 11 digits to fit; --format plain and --json have all of them
float64 on cpu

x = 0.2
  ! not-differentiable (kink): left slope -1, right slope 1: the one-sided
  derivatives differ
"""

TWO_SHOWN = """\
f = x*y
at x = 3
∂f/∂x = 2*x*cos(x**2) ≈ -5.466781571
∂f/∂y = 2*x*cos(x**2) ≈ -5.466781571
✓ agree (2 partial derivatives)

       symbolic                 autograd             ulps  digits  verdict
──────────────────────────────────────────────────────────────────────────
f       0.41211848524175656976   0.4121184852417566
∂f/∂x  -5.4667815713080613019   -5.466781571308061   0.3   15.9    ✓ agree
∂f/∂y  -5.4667815713080613019   -5.466781571308061   0.3   15.9    ✓ agree
float64 on cpu
"""


@pytest.mark.parametrize(
    ("sample", "options", "shown"),
    [
        ("one partial", {"width": 80}, ONE_SHOWN),
        ("kink", {"width": 80, "ascii": True}, KINK_SHOWN_IN_ASCII),
        ("sweep", {"width": 80}, SWEEP_SHOWN),
        ("two partials", {}, TWO_SHOWN),
        ("formulas only", {}, "f = x*y\n∂f/∂x = y\n∂f/∂y: no formula\n"),
    ],
    ids=["one", "ascii", "sweep", "two", "formulas"],
)
def test_the_page(sample: str, options: dict[str, object], shown: str) -> None:
    assert text("table", SAMPLES[sample], **options) == shown


@pytest.mark.parametrize("width", [30, 50, 80, 120])
@every_sample
def test_a_terminal_is_never_too_narrow(reports: list[Report], width: int) -> None:
    assert max(map(len, text("table", reports, width=width).splitlines())) <= width


@pytest.mark.parametrize("width", [8, 20, 40, 60, 80, 120, None])
@pytest.mark.parametrize("formula", [LONG, PRODUCT, "x" * 300, "f(x,y)" * 50], ids=["sum", "product", "word", "commas"])
def test_wrapped_formulas_lose_nothing(formula: str, width: int | None) -> None:
    shown = text("table", [formulas(Partial(("x",), formula, None), expr="x")], width=width, full=True)
    assert f"∂f/∂x={formula}".replace(" ", "") in shown.replace("\n", "").replace(" ", "")


@every_sample
def test_numbers_are_whole_where_there_is_no_terminal(reports: list[Report]) -> None:
    shown = text("table", reports)
    for one in reports:
        for partial in one.partials:
            assert one.verdict is None or str(partial.autograd if partial.autograd is not None else "none") in shown
            assert partial.symbolic is None or partial.symbolic in shown
            assert one.verdict is None or partial.formula is None or f"= {partial.formula}" in shown


@pytest.mark.parametrize("typed", ["f[x]", "[bold]x[/bold]", ":smile:", "[link=x]y", "\\[x]"])
def test_what_was_typed_is_no_markup(typed: str) -> None:
    strange = report(by("x", formula=typed, why=typed), expr=typed, at={"x": typed}, notes=(typed,))
    for options in ({}, {"width": 80, "color": True}):
        assert text("table", [strange], **options).count(typed) == 5
        assert text("table", [strange, replace(strange, at={"x": "[red]"})], **options).count("[red]") >= 1


@pytest.mark.parametrize(
    ("verdict", "color"),
    [(Verdict.AGREE, 32), (Verdict.UNDEFINED, 33), (Verdict.ARTIFACT, 33), (Verdict.UNDECIDED, 35), (Verdict.DISAGREE, 31)],
)
def test_the_verdict_stands_below_the_answer_in_its_colour(verdict: Verdict, color: int) -> None:
    lines = text("table", [report(by("x", verdict=verdict))], width=80, color=True).splitlines()
    assert lines[2].startswith("\x1b[1m∂f/∂x = ")
    assert re.match(rf"\x1b\[1;{color}m. {verdict}: ", lines[3])


@every_sample
def test_no_colour_is_no_escape_sequence(reports: list[Report]) -> None:
    assert "\x1b" not in text("table", reports, width=80)


def test_the_environment_does_not_reach_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TERM": "dumb", "COLUMNS": "20", "FORCE_COLOR": "1", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert text("table", [ONE], width=120) == ONE_SHOWN
    assert "\x1b[1;32m" in text("table", [ONE], width=80, color=True)


@pytest.mark.parametrize(
    ("at", "point", "received"),
    [
        ({"x": "3"}, {"x": 3.0}, None),
        ({"x": "0.1"}, {"x": 0.1}, None),
        ({"x": "1e-1"}, {"x": 0.1}, None),
        ({"x": "0.1"}, {"x": 0.10000000149011612}, "x = 0.10000000149011612"),
        ({"x": "pi/2", "y": "1"}, {"x": 1.5707963267948966, "y": 1.0}, "x = 1.5707963267948966"),
    ],
    ids=["integer", "double", "exponent", "float32", "expression"],
)
def test_values_as_stored(at: dict[str, str], point: dict[str, float], received: str | None) -> None:
    shown = text("table", [report(GRADIENT, at=at, point=point)])
    assert [line for line in shown.splitlines() if "stored" in line] == (
        [f"stored in float64 as {received}"] if received else []
    )


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ("x", "∂f/∂x"),
        ("x,x", "∂²f/∂x²"),
        ("x,y", "∂²f/∂y∂x"),
        ("x,x,y,x", "∂⁴f/∂x∂y∂x²"),
        ("x,x,x,x,x,x,x,x", "∂⁸f/∂x⁸"),
    ],
)
def test_names_of_derivatives(names: str, shown: str) -> None:
    assert f"\n{shown} = " in text("table", [report(by(names))])


@pytest.mark.parametrize(("expr", "letter"), [("x", "f"), ("f*x", "g"), ("f*g", "h"), ("ff", "f"), ("f*g*h*F*G*H", "f")])
def test_a_function_is_not_named_like_its_variables(expr: str, letter: str) -> None:
    assert function_letter(report(expr=expr)) == letter


# ------------------------------------------------------------------------------------------------- plain, json, latex


@pytest.mark.parametrize(
    ("sample", "lines"),
    [
        (
            "one partial",
            ["x=3|x|2*x*cos(x**2)|0.4121184852417566|-5.4667815713080613019|-5.466781571308061|0.3|15.9|agree|"],
        ),
        ("kink", ["x=3|x|sign(x)|0.0||0.0|||not-differentiable|kink"]),
        ("formulas only", ["|x|y|||||||", "|y||||||||"]),
        (
            "nan, inf, a reference, a note",
            ["x=0.1|x|2*x*cos(x**2)|0.4121184852417566|-5.4667815713080613019|nan|inf|0.0|disagree|"],
        ),
        (
            "an entry of a vector",
            ["x=3|x[1,2]|2*x*cos(x**2)|0.4121184852417566|-5.4667815713080613019|-5.466781571308061|0.3|15.9|agree|"],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_plain_lines(sample: str, lines: list[str]) -> None:
    assert text("plain", SAMPLES[sample]) == "".join(line.replace("|", "\t") + "\n" for line in lines)


@every_sample
def test_plain_has_ten_columns(reports: list[Report]) -> None:
    assert {line.count("\t") for line in text("plain", reports).splitlines()} <= {9}


def test_plain_fields_hold_no_tab_and_no_line_break() -> None:
    assert text("plain", [report(GRADIENT, at={"x": "1\t+\n2"})]).startswith("x=1 + 2\tx\t")


KEYS = [
    "schema", "command", "verdict", "exit_code", "expr", "read_as", "order", "at", "point", "dtype", "device", "value",
    "partials", "latex", "notes", "general", "gradients", "normwise_digits", "versions",
]  # fmt: skip
PARTIAL_KEYS = [
    "by", "index", "formula", "latex", "symbolic", "reference", "autograd", "left", "right", "verdict", "cause", "side",
    "digits", "ulps", "why", "proof",
]  # fmt: skip


def strict(line: str) -> dict[str, Any]:
    def refuse(word: str) -> object:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(line, parse_constant=refuse)  # type: ignore[no-any-return]


@every_sample
def test_json_is_valid_and_keeps_its_keys(reports: list[Report]) -> None:
    lines = text("json", reports).splitlines()
    assert len(lines) == len(reports)
    for line, one in zip(lines, reports, strict=True):
        read = strict(line)
        assert list(read) == KEYS
        assert [list(partial) for partial in read["partials"]] == [PARTIAL_KEYS] * len(one.partials)


def test_json_of_one_report() -> None:
    proof = {"enclosure": (1.5, float("-inf")), "verdict": Verdict.AGREE, "steps": {1: None}, "ok": True}
    read = strict(text("json", [report(replace(KINK, proof=proof), value=Value(None, float("nan")))]))
    assert read["schema"] == "gradcalc/1"
    assert (read["at"], read["point"]) == ({"x": "3"}, {"x": 3.0})
    assert read["value"] == {"symbolic": None, "autograd": "nan"}
    assert read["verdict"] == "not-differentiable"
    (partial,) = read["partials"]
    assert (partial["by"], partial["left"], partial["symbolic"], partial["autograd"]) == (["x"], "-1", None, 0.0)
    assert partial["proof"] == {"enclosure": [1.5, "-inf"], "verdict": "agree", "steps": {"1": None}, "ok": True}


def test_json_of_formulas() -> None:
    read = strict(text("json", SAMPLES["formulas only"]))
    assert (read["value"], read["verdict"], read["at"], read["notes"]) == (None, None, {}, [])


LATEX = r"""\begin{align*}
  f &= \sin\left(x^{2}\right) \\
  \left. f \right|_{x = 3} &\approx 0.41211848524175657 \\
  \frac{\partial f}{\partial x} &= 2 x \cos{\left(x^{2} \right)} \\
  \left. \frac{\partial f}{\partial x} \right|_{x = 3} &\approx -5.4667815713080613
\end{align*}
"""


def test_latex_block() -> None:
    assert text("latex", [ONE]) == LATEX


@pytest.mark.parametrize(
    ("fields", "piece"),
    [
        ({"symbolic": "6"}, "= 6\n"),
        ({"symbolic": "1.2345678901234567890e-217"}, r"\approx 1.2345678901234568 \times 10^{-217}"),
        ({"symbolic": "-inf"}, r"= -\infty"),
        ({"symbolic": None}, r"&= \text{undefined}"),
        ({"latex": None}, r"&= \text{no formula}"),
        ({"by": ("x", "x", "alpha_1")}, r"\frac{\partial^{3} f}{\partial \alpha_{1} \partial x^{2}}"),
        ({"at": {"x": "pi/2", "y": "1e-8"}}, r"_{x = \frac{\pi}{2}, y = 1 \cdot 10^{-8}}"),
    ],
    ids=["exact", "exponent", "infinite", "undefined", "no formula", "names", "point"],
)
def test_latex_pieces(fields: dict[str, object], piece: str) -> None:
    at = fields.pop("at", {"x": "3"})
    assert piece in text("latex", [report(by("x", **fields) if "by" not in fields else replace(GRADIENT, **fields), at=at)])  # type: ignore[arg-type]


# Expression, LaTeX: factors that would be read as one number, and pieces that would swallow what is beside them.
TYPESET = [
    ("2*x", r"2 x"),
    ("x*2", r"x \cdot 2"),
    ("x*.5", r"x \cdot .5"),
    ("5*2**x", r"5 \cdot {2}^{x}"),
    ("-5*2**x", r"-5 \cdot {2}^{x}"),
    ("x*2**3**x", r"x \cdot {2}^{{3}^{x}}"),
    ("2*3**x*7**2", r"2 \cdot {3}^{x} \cdot {7}^{2}"),
    ("2*x**(2/3)*4**3", r"2 {x}^{\frac{2}{3}} \cdot {4}^{3}"),
    ("2*(1/3)*x", r"2 \cdot \frac{1}{3} x"),
    ("2*reciprocal(x)", r"2 \operatorname{reciprocal}\left(x\right)"),
    ("2*(1/x)**2", r"2 {\left(\frac{1}{x}\right)}^{2}"),
    ("x1*(1/3)", r"x_{1} \frac{1}{3}"),
    ("tau**2", r"{\tau}^{2}"),
    ("x*tau", r"x \tau"),
    ("2*sqrt(x)*exp(x)", r"2 \sqrt{x} e^{x}"),
    ("3*1e-8", r"3 \left(1 \cdot 10^{-8}\right)"),
    ("2*where(x > 0, 1, x)", r"2 \left(\begin{cases} 1 & \text{for } x > 0 \\ x & \text{otherwise} \end{cases}\right)"),
    (
        "where(x > 0 and (y > 0 or x < y), 1, 0)",
        r"\begin{cases} 1 & \text{for } x > 0 \wedge \left(y > 0 \vee x < y\right) \\ 0 & \text{otherwise} \end{cases}",
    ),
    ("leaky_relu(x, 0.1)", r"\operatorname{leaky\_relu}\left(x, 0.1\right)"),
    ("mean(x, dim=0)", r"\operatorname{mean}\left(x, \text{dim=0}\right)"),
    ("x_a_b_c**2", r"{x_{a\_b\_c}}^{2}"),
]


@pytest.mark.parametrize(("expr", "expected"), TYPESET, ids=[expr for expr, _ in TYPESET])
def test_a_tree_as_latex(expr: str, expected: str) -> None:
    assert latex(understand(expr)) == expected


NAMES = [
    ("x", "x"), ("x1", "x_{1}"), ("x_1", "x_{1}"), ("alpha_1", r"\alpha_{1}"), ("x_alpha", r"x_{\alpha}"),
    ("speed", r"\mathit{speed}"), ("x_a_b_c", r"x_{a\_b\_c}"), ("x__y", r"x_{\_y}"), ("x_", r"\mathit{x\_}"),
    ("_x", r"\mathit{\_x}"), ("_", r"\mathit{\_}"), ("__", r"\mathit{\_\_}"), ("x[0,1]", "x_{0,1}"),
    ("x_a_b[0]", r"{x_{a\_b}}_{0}"), ("u'", "u'"), ("x_1'", "x_{1}'"), ("x_a_b'", r"x_{a\_b}'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), NAMES, ids=[name for name, _ in NAMES])
def test_a_name_as_latex(name: str, expected: str) -> None:
    assert name_latex(Entry.from_text(name)) == expected


@pytest.mark.parametrize("text", [text for _, text in TYPESET + NAMES])
def test_latex_has_one_index_at_a_place(text: str) -> None:
    """TeX refuses braces that do not close, and an index or a power of what has one."""
    assert not faults_of(text)


@pytest.mark.parametrize("text", ["x_a_b", "x_{a_b_c}", "{x", "x}", "x^2^3", "_x", "x^2'", r"\left(x", r"\text{a_b}"])
def test_faults_of_latex_are_seen(text: str) -> None:
    assert faults_of(text)


# ------------------------------------------------------------------------------------------------------------ options


class Stream(io.StringIO):
    """A stream that says what it is."""

    def __init__(self, encoding: str | None, terminal: bool):
        super().__init__()
        self.names, self.terminal = encoding, terminal

    @property
    def encoding(self) -> str | None:  # type: ignore[override]
        return self.names

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("encoding", "terminal", "environment", "options"),
    [
        ("utf-8", True, {}, RenderOptions(70, True, False, height=20)),
        ("utf-8", False, {}, RenderOptions(None, False, False)),
        ("utf-8", True, {"NO_COLOR": "1"}, RenderOptions(70, False, False, height=20)),
        ("utf-8", True, {"NO_COLOR": ""}, RenderOptions(70, True, False, height=20)),
        ("utf-8", True, {"TERM": "dumb"}, RenderOptions(70, False, True, height=20)),
        ("utf-8", True, {"LC_ALL": "C"}, RenderOptions(70, True, True, height=20)),
        ("ascii", False, {}, RenderOptions(None, False, True)),
        ("cp1252", True, {}, RenderOptions(70, True, True, height=20)),
        ("no-such-encoding", True, {}, RenderOptions(70, True, True, height=20)),
        (None, False, {}, RenderOptions(None, False, True)),
        ("utf-8", False, {"FORCE_COLOR": "1"}, RenderOptions(None, True, False)),
        ("utf-8", False, {"CLICOLOR_FORCE": "1"}, RenderOptions(None, True, False)),
        ("utf-8", False, {"FORCE_COLOR": "0"}, RenderOptions(None, False, False)),
        ("utf-8", True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, RenderOptions(70, False, False, height=20)),
    ],
    ids=[
        "terminal",
        "pipe",
        "NO_COLOR",
        "NO_COLOR empty",
        "dumb",
        "C locale",
        "ascii",
        "windows",
        "unknown",
        "none",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "FORCE_COLOR 0",
        "NO_COLOR wins",
    ],
)
def test_options(
    encoding: str | None,
    terminal: bool,
    environment: dict[str, str],
    options: RenderOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setenv("LINES", "20")
    assert options_for(Stream(encoding, terminal), environment) == options
