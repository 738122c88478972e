"""From a question to a report: known answers, the library's front door, limits, and a symbolic process that fails."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from flint import ctx

import gradcalc
from gradcalc import CalcError, Problem, Report, Verdict, differentiate
from gradcalc.calculate.answer import answer
from gradcalc.calculate.partials import MAX_SINGLE_PARTIALS
from gradcalc.calculate.reporting import versions
from gradcalc.engines.symbolic import client
from gradcalc.engines.symbolic.client import SymbolicClient, SymbolicFailure
from gradcalc.engines.symbolic.messages import Derivatives, Formula, PartialsRequest, SymbolicRequest, pack, unpack
from gradcalc.engines.taylor import evaluate, reals
from gradcalc.errors import picture
from gradcalc.expression.tree import Call, Name, Number, names_in
from gradcalc.functions import TABLE
from gradcalc.functions.resolve import understand
from gradcalc.report import MAX_ORDER

# -------------------------------------------------------------------------------------------------------- known answers

# expression, point, value, then by variable: formula, exact derivative, what PyTorch returns
KNOWN = [
    ("x**2", {"x": "3"}, "9", {"x": ("2*x", "6", 6.0)}),
    ("sin(x**2)", {"x": "3"}, "0.41211848524175656976", {"x": ("2*x*cos(x**2)", "-5.4667815713080619302", -5.466781571308061)}),
    ("sin(x**2)", {"x": "2"}, "-0.75680249530792825137", {"x": ("2*x*cos(x**2)", "-2.6145744834544476586", -2.6145744834544478)}),
    ("x*y + y**2", {"x": "2", "y": "-1/2"}, "-0.75", {"x": ("y", "-0.5", -0.5), "y": ("x + 2*y", "1", 1.0)}),
    ("exp(-x)", {"x": "log(2)"}, "0.50000000000000000000", {"x": ("-exp(-x)", "-0.50000000000000000000", -0.5)}),
    ("0.1*x", {"x": "0.1"}, "0.01", {"x": ("1/10", "0.1", 0.1)}),
    ("cos(pi*x)", {"x": "1"}, "-1.0000000000000000000", {"x": ("-pi*sin(pi*x)", "0", None)}),
    ("2*pi", {}, "6.2831853071795864769", {}),
    ("E*e", {"E": "2", "e": "5"}, "10", {"E": ("e", "5", 5.0), "e": ("E", "2", 2.0)}),
    ("beta*gamma**lambda", {"beta": "2", "gamma": "3", "lambda": "2"}, "18",
     {"beta": ("gamma**lambda", "9", 9.0), "gamma": ("beta*gamma**lambda*lambda/gamma", "12", 12.0), "lambda": ("beta*gamma**lambda*log(gamma)", "19.775021196025974445", 19.775021196025974)}),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "value", "partials"), KNOWN, ids=[f"{expr} at {at}" for expr, at, *_ in KNOWN])
def test_known_answers(
    expr: str, at: dict[str, str], value: str, partials: dict[str, tuple[str, str, float | None]]
) -> None:
    report = differentiate(expr, at=at)
    assert report.verdict is Verdict.AGREE or None in [number for *_, number in partials.values()]
    assert report.value is not None
    assert report.value.symbolic == value
    assert report.value.autograd == pytest.approx(float(value), rel=1e-15)
    found = {partial.by: partial for partial in report.partials}
    assert list(found) == [(name,) for name in partials]
    for name, (formula, symbolic, number) in partials.items():
        partial = found[name,]
        assert (partial.formula, partial.symbolic) == (formula, symbolic)
        if number is not None:
            assert partial.autograd == number


def test_a_whole_report() -> None:
    report = differentiate("2x^2 - ln(x)", at={"x": "1/2"}, dtype="float32")
    assert (report.expr, report.read_as, report.order) == ("2x^2 - ln(x)", "2*x**2 - log(x)", 1)
    assert (report.at, report.point) == ({"x": "1/2"}, {"x": 0.5})
    assert (report.dtype, report.device, report.notes) == ("float32", "cpu", ())
    assert report.latex == r"2 {x}^{2} - \log\left(x\right)"
    assert (report.verdict, report.exit) == (Verdict.AGREE, 0)
    assert report.versions == versions()
    (partial,) = report.partials
    assert (partial.by, partial.index, partial.formula, partial.symbolic, partial.reference) == (
        ("x",),
        (),
        "4*x - 1/x",
        "0",
        "0",
    )
    assert (partial.autograd, partial.left, partial.right, partial.cause, partial.side) == (0.0, None, None, None, None)
    assert (partial.digits, partial.ulps) == (7.2, 0.0)
    assert partial.why == "formulas proven equal; the number is exact"
    assert (partial.proof["symbolic"], partial.proof["regularity"], partial.proof["evidence"]) == ("ok", "regular", "proven")


# What was typed is exact; the reference is at the binary numbers.
TYPED = [
    ("x**2", "0.1", "float64", "0.2", "0.20000000000000001110"),
    ("x**2", "0.1", "float32", "0.2", "0.20000000298023223877"),
    ("x**2", "0.1", "float16", "0.2", "0.199951171875"),
    ("x**2", "6.7", "bfloat16", "13.4", "13.375"),
    ("0.1*x", "1", "float32", "0.1", "0.10000000149011611938"),
    ("sin(pi*x)", "1", "float64", "-3.1415926535897932385", "-3.1415926535897931160"),
    ("1/(x - 6.7)", "6.70001", "float32", "-10000000000", "-9972894583.0022675737"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expr", "x", "dtype", "symbolic", "reference"), TYPED, ids=[f"{expr} at {x} in {dtype}" for expr, x, dtype, *_ in TYPED]
)
def test_typed_and_binary(expr: str, x: str, dtype: str, symbolic: str, reference: str) -> None:
    (partial,) = differentiate(expr, at={"x": x}, dtype=dtype).partials
    assert (partial.symbolic, partial.reference) == (symbolic, reference)


def test_second_order() -> None:
    report = differentiate("x**2*y**3", at={"x": "2", "y": "3"}, order=2)
    found = {"".join(partial.by): (partial.formula, partial.symbolic, partial.autograd) for partial in report.partials}
    assert found == {
        "xx": ("2*y**3", "54", 54.0), "xy": ("6*x*y**2", "108", 108.0), "yx": ("6*x*y**2", "108", 108.0), "yy": ("6*x**2*y", "72", 72.0),
    }  # fmt: skip


def test_by_chooses_and_orders_the_variables() -> None:
    def bys(**options: object) -> list[str]:
        return ["".join(partial.by) for partial in differentiate("x*y*z", **options).partials]  # type: ignore[arg-type]

    assert bys() == ["x", "y", "z"]
    assert bys(by="z") == ["z"]
    assert bys(by=["z", "x"]) == ["z", "x"]
    assert bys(by=["z", "x", "z"]) == ["z", "x"]
    assert bys(by=["y", "x"], order=2) == ["yy", "yx", "xy", "xx"]


def test_without_a_point_there_are_formulas_only() -> None:
    report = differentiate("x*sin(y)")
    assert [(partial.formula, partial.latex) for partial in report.partials] == [("sin(y)", r"\sin{\left(y \right)}"), ("x*cos(y)", r"x \cos{\left(y \right)}")]  # fmt: skip
    assert all((partial.symbolic, partial.autograd, partial.verdict) == (None, None, None) for partial in report.partials)
    assert (report.verdict, report.value, report.point, report.dtype, report.device, report.exit) == (
        None,
        None,
        {},
        None,
        None,
        0,
    )


# ---------------------------------------------------------------------------------------------------- the front door

GIVEN = [
    (3, "3", 3.0), (0.1, "0.1", 0.1), (1e-7, "1e-07", 1e-7), (Fraction(1, 3), "1/3", 1 / 3), ("pi/2", "pi/2", math.pi / 2), ("-1e2", "-1e2", -100.0), (-0.0, "-0.0", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text", "number"), GIVEN, ids=[repr(value) for value, *_ in GIVEN])
def test_values_of_many_types(value: str | float | Fraction, text: str, number: float) -> None:
    report = differentiate("x", at={"x": value})
    assert report.at == {"x": text}
    assert report.point == {"x": number}


def test_the_front_door() -> None:
    assert gradcalc.differentiate is differentiate
    assert set(gradcalc.__all__) <= set(dir(gradcalc))
    assert not hasattr(gradcalc, "nothing")
    assert isinstance(differentiate("x"), Report)


@pytest.mark.parametrize("by", [(), ("x",)])
def test_a_constant_has_no_partials_and_the_derivative_zero(by: tuple[str, ...]) -> None:
    report = differentiate("3*4", at=dict.fromkeys(by, "1"), by=by)
    assert report.value is not None
    assert (report.value.symbolic, report.value.autograd) == ("12", 12.0)
    assert [(partial.symbolic, partial.autograd) for partial in report.partials] == [("0", 0.0)] * len(by)
    assert report.verdict is Verdict.AGREE


def test_a_variable_that_does_not_occur() -> None:
    report = differentiate("x**2", at={"x": "3", "z": "5"}, by="z")
    (partial,) = report.partials
    assert (partial.formula, partial.symbolic, partial.autograd, partial.verdict) == ("0", "0", 0.0, Verdict.AGREE)
    assert [partial.by for partial in differentiate("x", variables=("z",), by="z").partials] == [("z",)]


def test_listed_variables_win_over_constants() -> None:
    assert [partial.by for partial in differentiate("e*x", variables=("e",)).partials] == [("e",), ("x",)]
    assert [partial.by for partial in differentiate("e*x").partials] == [("x",)]


ERRORS: list[tuple[dict[str, object], str]] = [
    ({"expr": "sinn(x)"}, "error: unknown function sinn\n  sinn(x)\n  ^^^^\nhint: did you mean sin?"),
    ({"expr": "x*y*z", "at": {"y": "1"}}, "error: missing value for x, z\nhint: add --at x=... --at z=..."),
    ({"expr": "x", "by": "y"}, "error: y does not occur in the expression\nhint: it has x"),
    ({"expr": "1", "by": "y"}, "error: y does not occur in the expression\nhint: it has no variables"),
    ({"expr": "x", "order": 0}, "error: the order must be an integer from 1 to 8, not 0"),
    ({"expr": "x", "order": 9}, "error: the order must be an integer from 1 to 8, not 9"),
    ({"expr": "x", "order": -1}, "error: the order must be an integer from 1 to 8, not -1"),
    ({"expr": "a*b*c*d*f", "order": 6}, "error: 5 variables to the order 6 are 15625 partials; the limit is 4096\nhint: choose variables with --by"),
    ({"expr": "x", "at": {"x": "y"}}, "error: the value of x must be a number, but y is a variable\n  y\n  ^\nhint: use numbers, pi, e and functions of them"),
    ({"expr": "x", "at": {"x": "sqrt(-1)"}}, "error: the value of x is not a real number: sqrt(-1)"),
    ({"expr": "x", "at": {"x": "1/0"}}, "error: the value of x is not a real number: 1/0"),
    ({"expr": "x", "at": {"x": "log(0)"}}, "error: the value of x is not a real number: log(0)"),
    ({"expr": "x", "at": {"x": float("nan")}}, "error: nan is not supported: values must be finite\n  nan\n  ^^^\nhint: give a finite number"),
    ({"expr": "x", "at": {"x": float("inf")}}, "error: inf is not supported: values must be finite\n  inf\n  ^^^\nhint: give a finite number"),
    ({"expr": "x", "at": {"x": True}}, "error: True is not a number\n  True\n  ^^^^\nhint: write 1; a value, --at True=..., makes it a variable"),
    ({"expr": "x", "at": {"x": "1"}, "dtype": "float63"}, "error: unknown dtype float63\nhint: did you mean float64? choose from float64, float32, float16, bfloat16"),
    ({"expr": "x", "at": {"x": "1"}, "device": "cdua"}, "error: unknown device cdua\nhint: this machine has {devices}; did you mean cuda?"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "expected"), ERRORS, ids=[str(question) for question, _ in ERRORS])
def test_pictures_of_questions_that_cannot_be_answered(question: dict[str, object], expected: str) -> None:
    from gradcalc.engines.autograd.devices import available_devices

    with pytest.raises(CalcError) as caught:
        differentiate(**question)  # type: ignore[arg-type]
    assert picture(caught.value) == expected.replace("{devices}", ", ".join(device.name for device in available_devices()))
    # and the answer that sympy had already begun is not taken for the next one
    assert differentiate("x**7").partials[0].formula == "7*x**6"


def test_limits() -> None:
    assert (MAX_ORDER, MAX_SINGLE_PARTIALS) == (8, 4_096)
    assert len(differentiate("+".join(f"x{place}*x{place}" for place in range(64)), order=2).partials) == 4_096
    with pytest.raises(CalcError, match=r"^65 variables to the order 2 are 4225 partials; the limit is 4096$"):
        differentiate("+".join(f"x{place}" for place in range(65)), order=2)


def test_the_eighth_derivative() -> None:
    (partial,) = differentiate("exp(2*x)", at={"x": "0"}, order=8).partials
    assert (partial.by, partial.formula, partial.symbolic, partial.autograd) == (("x",) * 8, "256*exp(2*x)", "256", 256.0)


def test_a_long_sum() -> None:
    def total(count: int) -> str:
        return " + ".join(f"{place}*x" for place in range(count))

    assert differentiate(total(2_000)).partials[0].formula == "1999000"
    (partial,) = differentiate(total(1_000), at={"x": "2"}).partials
    assert (partial.formula, partial.symbolic, partial.autograd, partial.verdict) == (
        "499500",
        "499500",
        499500.0,
        Verdict.AGREE,
    )


# Numbers that nobody can write down, and towers: answered, and fast.
HOSTILE = [
    ("9**9**9*x", "2", "not-finite", "4.2812477317574704804e+369693099"),
    ("factorial(10**9)*x", "2", "not-finite", "9.9046265792229937373e+8565705522"),
    ("x*4**(1111111111111111111111/2222222222222)", "1", "not-finite", "4.6132957593815169170e+301029995"),
    ("exp(exp(exp(exp(x))))", "3", "undecided", None),
    ("x**x**x**x**x", "9", "undecided", None),
    ("x*exp(exp(exp(exp(3))))", "2", "undecided", None),
    ("(x + 1)**100000", "1e-5", "agree", "271824.10547639420286"),
    ("sin(1e300*x)", "1", None, None),
    ("x*9" + "**9" * 40, "1", "undecided", None),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "x", "verdict", "symbolic"), HOSTILE, ids=[expr[:30] for expr, *_ in HOSTILE])
def test_towers_of_numbers_are_answered(
    expr: str, x: str, verdict: str | None, symbolic: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluations = []
    readers = evaluate.readers
    monkeypatch.setattr(evaluate, "readers", lambda *args: evaluations.append(ctx.prec) or readers(*args))
    report = differentiate(expr, at={"x": x})
    assert 0 < len(evaluations) < 100
    assert max(evaluations) <= reals.MAX_BITS
    assert report.verdict == verdict or verdict is None
    found = report.partials[0].symbolic
    assert (found is None) == (symbolic is None) or verdict is None
    if symbolic is not None:
        assert found is not None
        assert found.startswith(symbolic[:15])


@pytest.mark.parametrize("x", ["1e400", "10**400", "9**9**9", "1e400/1", "-1e400"])
def test_a_point_beyond_the_range(x: str) -> None:
    report = differentiate("x**2", at={"x": x})
    (partial,) = report.partials
    assert (partial.verdict, partial.cause) == (Verdict.NOT_FINITE, "overflow")
    assert report.point == {"x": -math.inf if x.startswith("-") else math.inf}


# ---------------------------------------------------------------------------------------------------- the symbolic process

HARD = Problem("*".join(f"(x + {k})" for k in range(1, 51)), {"x": "0.5"}, (), 3)
"""SymPy's third derivative is a sum of 117,600 products."""


@pytest.fixture
def warm() -> Iterator[SymbolicClient]:
    """The program's symbolic process, ready, and with nothing learnt; afterwards it answers again."""
    client.CLIENT.get()._results.clear()
    assert differentiate("x**2").partials[0].formula == "2*x"
    yield client.CLIENT.get()
    client.CLIENT.get()._results.clear()
    assert differentiate("x**3").partials[0].formula == "3*x**2"
    assert differentiate("x**4").partials[0].formula == "4*x**3"


@pytest.mark.slow
def test_sympy_takes_too_long(warm: SymbolicClient, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = []
    replace = warm._replace
    monkeypatch.setattr(warm, "_replace", lambda *args: replaced.append(args) or replace(*args))
    report = answer(HARD, seconds=3)
    assert len(replaced) == 1
    (partial,) = report.partials
    assert (partial.formula, partial.latex, partial.proof["formula"]) == (None, None, None)
    assert partial.proof["symbolic"] == "SymPy took more than 3 seconds"
    # the Taylor value stands in
    assert partial.symbolic == "1.2038528989130644671e+67"
    assert (partial.verdict, partial.cause) == (Verdict.AGREE, None)


@pytest.mark.usefixtures("warm")
def test_without_a_point_there_is_nothing_to_stand_in() -> None:
    report = answer(Problem(HARD.expr, {}, (), 2), seconds=0.3)
    (partial,) = report.partials
    assert (partial.formula, partial.verdict, partial.cause) == (None, Verdict.UNDECIDED, "time")
    assert partial.why == "SymPy took more than 0.3 seconds"
    assert report.exit == 4


def asked(expr: str, bys: tuple[tuple[str, ...], ...], seconds: float = 10) -> PartialsRequest:
    return PartialsRequest.of([understand(expr)], [(0, by) for by in bys], seconds)


def test_the_process_is_killed_while_it_works(warm: SymbolicClient) -> None:
    question = asked(HARD.expr, (("x", "x", "x"),))
    warm.submit(question)
    assert warm._child is not None
    warm._child.kill()
    with pytest.raises(SymbolicFailure, match=r"^SymPy's process ended: it ran out of time or memory$"):
        warm.result(question)


def test_the_questions_that_wait_outlive_the_process(warm: SymbolicClient) -> None:
    hard, easy = asked(HARD.expr, (("x", "x", "x"),), 0.3), asked("x**7", (("x",),))
    warm.submit(hard)
    warm.submit(easy)
    assert [formula.text for formula in warm.result(easy).formulas] == ["7*x**6"]
    with pytest.raises(SymbolicFailure, match=r"^SymPy took more than 0\.3 seconds$"):
        warm.result(hard)


def test_a_question_is_derived_once(warm: SymbolicClient) -> None:
    question = asked("x**7", (("x",),))
    first = warm.result(question)
    warm.submit(question)
    assert not warm._waiting
    assert warm.result(question) is first


def test_the_process_is_killed_between_questions(warm: SymbolicClient) -> None:
    child = warm._child
    assert child is not None
    child.kill()
    child.wait()
    for pipe in (child.stdin, warm._answers):
        assert pipe is not None
        pipe.close()
    assert differentiate("x**5").partials[0].formula == "5*x**4"
    assert warm._child is not child


def test_the_process_ends_with_its_input(warm: SymbolicClient) -> None:
    child = warm._child
    assert child is not None
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(10) == 0
    warm.stop()


def test_the_process_can_be_stopped_twice_and_asked_again() -> None:
    own = SymbolicClient()
    own.stop()
    assert [formula.text for formula in own.result(asked("x**2", (("x",),))).formulas] == ["2*x"]
    own.stop()
    own.stop()
    assert [formula.text for formula in own.result(asked("x**3", (("x",),))).formulas] == ["3*x**2"]
    own.stop()


def test_threads_share_a_client() -> None:
    own = SymbolicClient()
    questions = [asked(f"x**{n}", (("x",),)) for n in range(3, 11)]
    try:
        with ThreadPoolExecutor(len(questions)) as threads:
            results = list(threads.map(own.result, questions))
    finally:
        own.stop()
    assert [result.formulas[0].text for result in results] == [f"{n}*x**{n - 1}" for n in range(3, 11)]


def test_what_sympy_raises_is_a_failure_and_the_process_goes_on() -> None:
    own = SymbolicClient()
    try:
        with pytest.raises(SymbolicFailure, match=r"^SymPy failed: JSONDecodeError: "):
            own.result(PartialsRequest("[", (("x",),)))
        assert [formula.text for formula in own.result(asked("x**3", (("x",),))).formulas] == ["3*x**2"]
    finally:
        own.stop()


def test_a_wrong_formula_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """SymPy's formula is checked, not believed."""

    def result(self: SymbolicClient, request: SymbolicRequest) -> Derivatives:
        honest(self, request)
        return Derivatives((Formula(wrong, "", understand(wrong)),), {})

    wrong = "2*x + 1/1000000000000000000000000000000"
    honest = SymbolicClient.result
    monkeypatch.setattr(SymbolicClient, "result", result)
    (partial,) = differentiate("x**2", at={"x": "3"}).partials
    assert (partial.verdict, partial.side) == (Verdict.DISAGREE, "symbolic")
    assert (partial.symbolic, partial.autograd) == ("6", 6.0)


UNUSABLE = [
    ("zeta(x)", "2.5", "SymPy left a derivative unevaluated (no closed form)", "undecided"),
    ("sin(x)/x + x", "0", "SymPy's formula has no value here", "undefined"),
    ("where(x > 0, sqrt(x), x)", "-1", "ok", "not-finite"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "x", "symbolic", "verdict"), UNUSABLE, ids=[expr for expr, *_ in UNUSABLE])
def test_the_report_says_what_sympy_could_not_do(expr: str, x: str, symbolic: str, verdict: str) -> None:
    (partial,) = differentiate(expr, at={"x": x}).partials
    assert (partial.proof["symbolic"], partial.verdict) == (symbolic, verdict)


def test_the_child_gets_no_text_of_the_shell(tmp_path: object) -> None:
    """Expressions travel as JSON: nothing of them is run."""
    with pytest.raises(CalcError):
        differentiate("__import__('os').system('touch /tmp/gradcalc-was-here')")
    listed = subprocess.run(["ls", "/tmp"], capture_output=True, text=True, check=True).stdout
    assert "gradcalc-was-here" not in listed


@pytest.mark.parametrize("name", [row.name for row in TABLE.values() if row.elementwise])
def test_trees_travel_as_plain_data(name: str) -> None:
    """Every function with all its defaults comes out as it went in, and what is shared is written once."""
    row = TABLE[name]
    given = [
        Name(parameter.name) if parameter.default is None else Number(parameter.default) for parameter in row.parameters
    ]
    tree = Call(name, tuple(given))
    parts = pack([Call("+", (tree, tree)), tree])
    assert unpack(json.loads(json.dumps(parts))) == [Call("+", (tree, tree)), tree]
    assert len(parts) == len(given) + 3


def with_constants() -> list[str]:
    """Every function of numbers with a constant in the place of one argument: what sympy would evaluate beyond the reals."""
    calls = []
    for row in TABLE.values():
        names = [f"a{place}" for place, parameter in enumerate(row.parameters) if not parameter.optional]
        if row.composition is None and not row.condition and row.name.isidentifier() and len(names) > 1:
            for place in range(len(names)):
                calls += [
                    f"{row.name}({', '.join([*names[:place], text, *names[place + 1 :]])})" for text in ("0", "-1", "2")
                ]
    return calls


BEYOND = [
    "0**x",
    "exp(0**x)",
    "x/0",
    "x*log(0)",
    "x*sqrt(-1)",
    "x**(1/0)",
    "0**(x - 1)/x",
    "log(x - x)*x",
    *with_constants(),
]


@pytest.mark.parametrize("expr", BEYOND)
def test_no_formula_has_what_is_not_of_our_language(expr: str) -> None:
    try:
        report = differentiate(expr)
    except CalcError:
        return
    for partial in report.partials:
        words = re.findall("[A-Za-z_]+", partial.formula or "")
        assert not {"zoo", "nan", "oo", "I", "re", "im", "power_of_zero"} & set(words), partial.formula
        assert partial.formula is None or "Derivative" in words or understand(partial.formula, names_in(understand(expr)))
