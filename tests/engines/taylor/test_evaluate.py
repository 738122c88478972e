"""Taylor arithmetic: against mpmath, in exact rationals, and to any precision; balls, their signs and their decimals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction

import mpmath
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.jets import Jet, is_nan
from gradcalc.engines.taylor.reals import OutOfPrecision, Real, Unresolved, ball, decimal, exact, refine
from gradcalc.functions.resolve import understand
from gradcalc.proof.smoothness.differentiability import examine, value_of

ORDER = 4


def coefficients(expr: str, at: Fraction, order: int = ORDER, bits: int = 320) -> list[Real]:
    """The Taylor coefficients of an expression in x, at x + t."""
    with ctx.workprec(bits):
        jet = evaluate.evaluate(understand(expr, "x"), {"x": Jet.variable(exact(at), 1, order)}, order=order)
    assert not jet.notes
    return [jet[power] for power in range(order + 1)]


m = mpmath
Known = Callable[[mpmath.mpf], mpmath.mpf]

SERIES: list[tuple[str, str, Known]] = [
    ("x", "0.7", lambda x: x),
    ("3", "0.7", lambda x: x * 0 + 3),
    ("(x + 1)*(2 - x)/(x*x + 3)", "0.7", lambda x: (x + 1) * (2 - x) / (x * x + 3)),
    ("x**7", "-1.3", lambda x: x**7),
    ("x**-3", "-1.3", lambda x: 1 / x**3),
    ("x**2.5", "1.3", lambda x: m.sqrt(x) ** 5),
    ("x**200", "-1.1", lambda x: x**200),
    ("x**201", "-1.1", lambda x: x**201),
    ("x**x", "1.3", lambda x: m.exp(x * m.log(x))),
    ("2**x", "1.3", lambda x: m.exp(x * m.log(2))),
    ("sqrt(x)", "1.3", m.sqrt),
    ("cbrt(x)", "-1.3", lambda x: -m.cbrt(-x)),
    ("hypot(x, 2)", "1.3", lambda x: m.sqrt(x * x + 4)),
    ("exp(x)", "-1.3", m.exp),
    ("expm1(x)", "-1.3", m.expm1),
    ("log(x)", "1.3", m.log),
    ("log1p(x)", "1.3", m.log1p),
    ("logaddexp(x, 3*x)", "1.3", lambda x: m.log(m.exp(x) + m.exp(3 * x))),
    ("xlogy(x, x)", "1.3", lambda x: x * m.log(x)),
    ("sigmoid(x)", "-1.3", lambda x: 1 / (1 + m.exp(-x))),
    ("sin(x)", "1.3", m.sin),
    ("cos(x)", "1.3", m.cos),
    ("tan(x)", "1.3", m.tan),
    ("cot(x)", "1.3", m.cot),
    ("sec(x)", "1.3", m.sec),
    ("csc(x)", "1.3", m.csc),
    ("asin(x)", "0.3", m.asin),
    ("acos(x)", "0.3", m.acos),
    ("atan(x)", "1.3", m.atan),
    ("atan2(x, x - 3)", "1.3", lambda x: m.atan2(x, x - 3)),
    ("atan2(x, x + 3)", "1.3", lambda x: m.atan2(x, x + 3)),
    ("atan2(-x, -3)", "1.3", lambda x: m.atan2(-x, -3)),
    ("sinc(x)", "1.3", lambda x: m.sin(x) / x),
    ("sinh(x)", "1.3", m.sinh),
    ("cosh(x)", "1.3", m.cosh),
    ("tanh(x)", "1.3", m.tanh),
    ("coth(x)", "1.3", m.coth),
    ("sech(x)", "1.3", m.sech),
    ("csch(x)", "1.3", m.csch),
    ("asinh(x)", "1.3", m.asinh),
    ("acosh(x)", "1.3", m.acosh),
    ("atanh(x)", "0.3", m.atanh),
    ("abs(x)", "-1.3", m.fabs),
    ("sign(x)*x", "-1.3", m.fabs),
    ("max(x, x**2, 1)", "1.3", lambda x: x * x),
    ("where(x < 1, x, x**3)", "1.3", lambda x: x**3),
    ("x*floor(x)", "2.3", lambda x: 2 * x),
    ("x*ceil(x)", "2.3", lambda x: 3 * x),
    ("x*trunc(x)", "-2.3", lambda x: -2 * x),
    ("x*round(x)", "2.7", lambda x: 3 * x),
    ("erf(x)", "1.3", m.erf),
    ("erfc(x)", "1.3", m.erfc),
    ("erfi(x)", "1.3", m.erfi),
    ("erfinv(x)", "0.3", m.erfinv),
    ("gamma(x)", "-1.3", m.gamma),
    ("lgamma(x)", "1.3", m.loggamma),
    ("lgamma(x)", "-1.3", lambda x: m.log(m.fabs(m.gamma(x)))),
    ("digamma(x)", "1.3", m.digamma),
    ("polygamma(2, x)", "1.3", lambda x: m.polygamma(2, x)),
    ("zeta(x)", "1.3", m.zeta),
    ("besselj(1, x)", "1.3", lambda x: m.besselj(1, x)),
    ("bessely(0, x)", "1.3", lambda x: m.bessely(0, x)),
    ("besseli(1, x)", "1.3", lambda x: m.besseli(1, x)),
    ("besselk(0, x)", "1.3", lambda x: m.besselk(0, x)),
    ("sin(exp(cos(x)))/(1 + x**2)", "1.3", lambda x: m.sin(m.exp(m.cos(x))) / (1 + x * x)),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("expr", "at", "known"), SERIES, ids=[f"{expr} at {at}" for expr, at, _ in SERIES])
def test_series_to_the_fourth_order(expr: str, at: str, known: Known) -> None:
    point = Fraction(at)
    found = coefficients(expr, point)
    with mpmath.workdps(40):
        expected = mpmath.taylor(known, mpmath.mpf(point.numerator) / point.denominator, ORDER)
        truths = [rational(coefficient) for coefficient in expected]
    with ctx.workprec(320):
        for power, (left, right) in enumerate(zip(found, truths, strict=True)):
            error = abs(ball(left) - right)
            assert error <= exact(Fraction(1, 10**18)) * (1 + abs(ball(left))), (power, left, right)


# Series about 0, where functions start with zeros: coefficients of t**0 to t**4.
MACLAURIN = [
    ("sinc(x)", "1 0 -1/6 0 1/120"),
    ("sin(x)/x", "1 0 -1/6 0 1/120"),
    ("(exp(x) - 1)/x", "1 1/2 1/6 1/24 1/120"),
    ("(1 - cos(x))/x**2", "1/2 0 -1/24 0 1/720"),
    ("(x - sin(x))/x**3", "1/6 0 -1/120 0 1/5040"),
    ("x/x", "1 0 0 0 0"),
    ("sqrt(x**2 + 2*x**3 + x**4)", "0 1 1 0 0"),
    ("cbrt(x**3)", "0 1 0 0 0"),
    ("tan(x)", "0 1 0 1/3 0"),
    ("atan(x)", "0 1 0 -1/3 0"),
    ("log1p(x)", "0 1 -1/2 1/3 -1/4"),
    ("expm1(x)", "0 1 1/2 1/6 1/24"),
    ("abs(x)", "0 1 0 0 0"),
    ("abs(x**3 - x)", "0 1 0 -1 0"),
    ("max(x, 2*x)", "0 2 0 0 0"),
    ("floor(1 - x)", "0 0 0 0 0"),
    ("x**0", "1 0 0 0 0"),
    ("besselj(0, x)", "1 0 -1/4 0 1/64"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "expected"), MACLAURIN, ids=[expr for expr, _ in MACLAURIN])
def test_series_at_zero_on_the_right(expr: str, expected: str) -> None:
    """Along a ray that starts where something vanishes; more orders than are asked for are carried, as `examine` does."""
    with ctx.workprec(reals.ZERO_BITS):
        jet = evaluate.evaluate(understand(expr, "x"), {"x": Jet.variable(fmpq(0), 1, 9)}, order=9)
        for power, text in enumerate(expected.split()):
            assert not is_nan(jet[power])
            assert ball(jet[power]).overlaps(ball(exact(Fraction(text)))), power


# ------------------------------------------------------------------------------------------------- exact where rational

EXACT = [
    ("abs(x - 0.1 - 0.2)", "0.3", 0),
    ("x - 0.1 - 0.2", "0.3", 0),
    ("0.1 + 0.2 - 0.3", "1", 0),
    ("x/3*3 - x", "0.1", 0),
    ("x**2.0", "0.1", Fraction(1, 100)),
    ("x**(4/2)", "0.1", Fraction(1, 100)),
    ("x**-2", "3", Fraction(1, 9)),
    ("0**0", "1", 1),
    ("x**0", "0", 1),
    ("(x - 1e-30)*1e30", "1e-29", 9),
    ("max(x, 1/3)*3", "0.1", 1),
    ("where(x == 0.3, 7, 8)", "0.3", 7),
    ("where(0.1 + 0.2 == x, 7, 8)", "0.3", 7),
    ("floor(x*10)", "0.3", 3),
    ("ceil(x*10)", "0.3", 3),
    ("round(x)", "2.5", 2),
    ("round(x)", "3.5", 4),
    ("round(x)", "-0.5", 0),
    ("remainder(x, 0.1)", "0.3", 0),
    ("remainder(-x, 3)", "7", 2),
    ("fmod(-x, 3)", "7", -1),
    ("sign(x - 0.3)", "0.3", 0),
    ("heaviside(x - 0.3, 0.25)", "0.3", Fraction(1, 4)),
    ("relu(x) - relu(-x)", "-0.3", Fraction(-3, 10)),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "expected"), EXACT, ids=[f"{expr} at {at}" for expr, at, _ in EXACT])
def test_rationals_stay_exact(expr: str, at: str, expected: Fraction | int) -> None:
    value = evaluate.evaluate(understand(expr, "x"), {"x": exact(Fraction(at))}).value
    assert isinstance(value, fmpq)
    assert value == exact(expected)


# ----------------------------------------------------------------------------------------------------------- laws

FRACTIONS = st.fractions(min_value=-50, max_value=50, max_denominator=40)


def jets() -> st.SearchStrategy[Jet]:
    moving = st.lists(FRACTIONS, min_size=ORDER + 1, max_size=ORDER + 1).map(
        lambda parts: Jet([exact(part) for part in parts])
    )
    constant = FRACTIONS.map(lambda part: Jet.constant(exact(part)))
    return st.one_of(moving, moving, constant)


def full(jet: Jet) -> list[Real]:
    return [jet[power] for power in range(ORDER + 1)]


def derivative(jet: Jet) -> Jet:
    return Jet([jet[power] * power for power in range(1, ORDER + 1)])


@pytest.mark.slow
@given(jets(), jets(), jets())
def test_ring_laws(a: Jet, b: Jet, c: Jet) -> None:
    assert full(a + b) == full(b + a)
    assert full(a * b) == full(b * a)
    assert full((a + b) + c) == full(a + (b + c))
    assert full((a * b) * c) == full(a * (b * c))
    assert full(a * (b + c)) == full(a * b + a * c)
    assert full(a - a) == [0] * (ORDER + 1)
    assert full(a - b) == full(-(b - a))
    assert full(a * 1) == full(a + 0) == full(a)
    assert full(2 * a) == full(a + a)
    assert full(1 - a) == full(-(a - 1))


@given(jets(), jets())
def test_product_rule(a: Jet, b: Jet) -> None:
    left = derivative(a * b)
    right = derivative(a) * b + a * derivative(b)
    assert [left[power] for power in range(ORDER)] == [right[power] for power in range(ORDER)]


@given(jets(), jets().filter(lambda jet: jet.value != 0))
def test_a_quotient_undoes_a_product(a: Jet, b: Jet) -> None:
    assert full(a * b / b) == full(a)
    assert full(a / b * b) == full(a)


@given(st.integers(0, 9), st.integers(0, 9), FRACTIONS)
def test_powers_add(n: int, k: int, at: Fraction) -> None:
    assert coefficients(f"x**{n}*x**{k}", at) == coefficients(f"x**{n + k}", at)


@given(st.integers(1, 9), FRACTIONS)
def test_powers_have_binomial_coefficients(n: int, at: Fraction) -> None:
    expected = [exact(math.comb(n, power) * at ** (n - power)) if power <= n else fmpq(0) for power in range(ORDER + 1)]
    assert coefficients(f"x**{n}", at) == expected


@settings(max_examples=60)
@given(st.sampled_from(["exp", "sin", "atan", "tanh", "sigmoid", "erf", "asinh"]), FRACTIONS.map(lambda part: part / 10))
def test_chain_rule(name: str, at: Fraction) -> None:
    """The first coefficient of f(x**2 + x) is f'(x**2 + x)*(2*x + 1)."""
    inner = at * at + at
    with ctx.workprec(320):
        outer = coefficients(name + "(x)", inner)[1] * exact(2 * at + 1)
        assert ball(coefficients(f"{name}(x**2 + x)", at)[1]).overlaps(ball(outer))


# ---------------------------------------------------------------------------------------------------- as exact as needed

# Where double precision has no digit left: the expression, where, its value and its derivative.
HARD: list[tuple[str, str, Known, Known]] = [
    ("(1 - cos(x))/x**2", "1e-30", lambda x: (1 - m.cos(x)) / x**2, lambda x: m.sin(x) / x**2 - 2 * (1 - m.cos(x)) / x**3),
    ("(exp(x) - 1)/x", "1e-40", lambda x: (m.exp(x) - 1) / x, lambda x: m.exp(x) / x - (m.exp(x) - 1) / x**2),
    ("sqrt(x + 1) - sqrt(x)", "1e40", lambda x: m.sqrt(x + 1) - m.sqrt(x), lambda x: 1 / m.sqrt(x + 1) / 2 - 1 / m.sqrt(x) / 2),
    ("tanh(x)", "200", m.tanh, lambda x: 1 / m.cosh(x) ** 2),
    ("1 - tanh(x)", "2000", lambda x: 1 - m.tanh(x), lambda x: -1 / m.cosh(x) ** 2),
    ("sin(x)", "1e300", m.sin, m.cos),
    ("tan(x)", "1e22", m.tan, lambda x: 1 / m.cos(x) ** 2),
    ("exp(-x**2)", "100", lambda x: m.exp(-x * x), lambda x: -2 * x * m.exp(-x * x)),
    ("exp(exp(x))", "8", lambda x: m.exp(m.exp(x)), lambda x: m.exp(m.exp(x) + x)),
    ("log(log(log(x)))", "1e300", lambda x: m.log(m.log(m.log(x))), lambda x: 1 / (m.log(m.log(x)) * m.log(x) * x)),
    ("(x + 1e-60) - x", "1", lambda x: m.mpf(10) ** -60, lambda x: m.mpf(0)),
    ("log(1 + exp(-x))", "800", lambda x: m.log(1 + m.exp(-x)), lambda x: -1 / (1 + m.exp(x))),
    ("lgamma(x + 1) - lgamma(x) - log(x) + 1", "1e30", lambda x: m.mpf(1), lambda x: m.mpf(0)),
    ("erfc(x)", "40", m.erfc, lambda x: -2 * m.exp(-x * x) / m.sqrt(m.pi)),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "at", "value", "slope"), HARD, ids=[f"{expr} at {at}" for expr, at, *_ in HARD])
def test_precision_rises_until_it_is_enough(expr: str, at: str, value: Known, slope: Known) -> None:
    point = Fraction(at)
    site = ExpressionAt(understand(expr), {"x": point})
    before = ctx.prec
    found = value_of(site), examine(site, ["x"]).derivative
    assert ctx.prec == before
    with mpmath.workdps(5_000):
        expected = [rational(known(mpmath.mpf(point.numerator) / point.denominator)) for known in (value, slope)]
    for number, truth in zip(found, expected, strict=True):
        assert number is not None
        assert reals.is_accurate(number) or reals.is_negligible(number)
        with ctx.workprec(256):
            gap = ball(number) - truth
            assert abs(gap) <= abs(ball(truth)) * exact(Fraction(1, 10**30)) or reals.is_negligible(gap), decimal(number)


def rational(number: mpmath.mpf) -> fmpq:
    """mpmath's number as it is."""
    mantissa, exponent = abs(number).man_exp
    return exact(int(mpmath.sign(number)) * int(mantissa) * Fraction(2) ** int(exponent))


def test_adaptively_gives_up() -> None:
    def never() -> Real:
        raise Unresolved

    before = ctx.prec
    with pytest.raises(OutOfPrecision):
        refine(never)
    with pytest.raises(OutOfPrecision):
        refine(lambda: arb(0, 1))
    assert ctx.prec == before


def test_adaptively_doubles_the_precision() -> None:
    seen: list[int] = []

    def compute() -> Real:
        seen.append(ctx.prec)
        if ctx.prec < 700:
            raise Unresolved
        return arb.pi()

    assert reals.is_accurate(refine(compute))
    assert seen == [192, 384, 768]


# ------------------------------------------------------------------------------------------------------------- balls

SIGNS = [
    (fmpq(1, 3), 1), (fmpq(-1, 3), -1), (fmpq(0), 0), (arb(2), 1), (arb(-2), -1), (arb(0), 0), (arb(1, 0.5), 1), (arb(-1, 0.5), -1),
    (arb("inf"), 1), (arb("-inf"), -1),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), SIGNS, ids=[str(value) for value, _ in SIGNS])
def test_signs(value: Real, expected: int) -> None:
    with reals.unproven_zeros() as zeros:
        assert reals.sign(value) == expected
    assert not zeros.count


def test_what_is_zero_to_three_thousand_bits_counts_as_zero_and_is_counted() -> None:
    with reals.unproven_zeros() as outer:
        with reals.unproven_zeros() as zeros, ctx.workprec(reals.ZERO_BITS // 2), pytest.raises(Unresolved):
            reals.sign(arb(2).sqrt() ** 2 - 2)
        assert not zeros.count
        with reals.unproven_zeros() as zeros, ctx.workprec(reals.ZERO_BITS):
            assert reals.sign(arb(2).sqrt() ** 2 - 2) == 0
            with pytest.raises(Unresolved):
                reals.sign(arb(0, "inf"))
        assert zeros.count == 1
    assert outer.count == 1


def test_what_is_no_number_has_no_sign() -> None:
    with pytest.raises(reals.NotReal):
        reals.sign(arb.nan())


INTEGERS = [(fmpq(3), 3), (fmpq(-6, 2), -3), (fmpq(1, 2), None), (arb(4), 4), (arb(4, 0.1), None), (arb(4.5), None), (arb("inf"), None)]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), INTEGERS, ids=[str(value) for value, _ in INTEGERS])
def test_integers(value: Real, expected: int | None) -> None:
    assert reals.integer(value) == expected


def test_long_rationals_become_balls() -> None:
    long = fmpq(3) ** 5_000
    assert isinstance(reals.bounded(long), arb)
    assert reals.bounded(fmpq(1, 3)) == fmpq(1, 3)
    assert reals.bounded(arb.pi()) is not None


# ---------------------------------------------------------------------------------------------------------- decimals

DECIMALS = [
    ("0", "0"), ("1", "1"), ("-1", "-1"), ("1/2", "0.5"), ("-3/4", "-0.75"), ("67/10", "6.7"), ("120", "120"), ("1e5", "100000"),
    ("1/3", "0.33333333333333333333"), ("2/3", "0.66666666666666666667"), ("-200/3", "-66.666666666666666667"),
    ("1e-4", "0.0001"), ("12e-5", "0.00012"), ("1e-5", "0.00001"), ("1e-6", "1e-06"), ("12e-7", "1.2e-06"), ("1/300000", "3.3333333333333333333e-06"),
    ("1/3000000", "3.3333333333333333333e-07"), ("1e20", "100000000000000000000"), ("1e21", "1e+21"),
    ("1e21/3", "333333333333333333330"), ("1e22/3", "3.3333333333333333333e+21"), ("123456789012345678901", "123456789012345678900"),
    ("0.30000000000000000000000001", "0.30000000000000000000"), ("99999999999999999999.9", "100000000000000000000"),
]  # fmt: skip


DECIMALS += [("1e300", "1e+300"), ("-25e-300", "-2.5e-299")]


@pytest.mark.parametrize(("text", "expected"), DECIMALS)
def test_decimals(text: str, expected: str) -> None:
    numerator, _, denominator = text.partition("/")
    assert decimal(exact(Fraction(numerator) / Fraction(denominator or "1"))) == expected


WIDE = st.builds(
    lambda numerator, denominator, exponent: Fraction(numerator, denominator) * Fraction(10) ** exponent,
    st.integers(-(10**25), 10**25), st.integers(1, 10**12), st.integers(-330, 330) | st.integers(-8, 8),
)  # fmt: skip
_SHAPE = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]\d\d+)?")


def assert_right(text: str, value: Fraction, digits: int) -> None:
    """Every digit is right: at most half a unit of the last place off (as printed from a ball: one), and there are enough of them."""
    assert _SHAPE.fullmatch(text)
    printed = Fraction(text)
    if printed == value:
        return
    figures = text.lstrip("-").partition("e")[0].replace(".", "").lstrip("0")
    plain_integer = "." not in text and "e" not in text
    assert len(figures) == digits or (plain_integer and len(figures) > digits)
    unit = Fraction(10) ** (math.floor(math.log10(abs(value.numerator)) - math.log10(value.denominator)) - digits + 1)
    assert abs(printed - value) <= unit * Fraction(11, 20)


@settings(max_examples=400)
@given(WIDE)
def test_decimals_of_rationals_are_right(value: Fraction) -> None:
    assert_right(decimal(exact(value)), value, 20)


@settings(max_examples=400)
@given(WIDE)
def test_decimals_of_balls_are_right(value: Fraction) -> None:
    with ctx.workprec(reals.PROVEN_BITS + 2):
        enclosure = arb(exact(value))
    assert_right(decimal(enclosure), value, 20)


@given(WIDE, st.sampled_from([5, 12, 30]))
def test_any_number_of_digits(value: Fraction, digits: int) -> None:
    assert_right(decimal(exact(value), digits), value, digits)


def test_uncertain_digits_are_not_printed() -> None:
    with ctx.workprec(64):
        text = decimal(arb(1) / 3 + arb(0, 1e-10))
    assert text.startswith("0.333333333")
    assert len(text) < 13


@settings(max_examples=400)
@given(WIDE, st.sampled_from([53, 192, 384]))
def test_nearest_floats(value: Fraction, bits: int) -> None:
    with ctx.workprec(bits):
        assert reals.nearest_float(exact(value)) == float(value) if abs(value) < 2**1023 else True


FAR = [
    ("1e400", math.inf), ("-1e400", -math.inf), ("1e-400", 0.0), ("0", 0.0), ("1e308", 1e308), ("3e-324", 5e-324), ("2e-324", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FAR)
def test_floats_at_the_ends_of_the_range(text: str, expected: float) -> None:
    value = Fraction(text)
    assert reals.nearest_float(exact(value)) == expected
    with ctx.workprec(192):
        assert reals.nearest_float(arb(exact(value))) == expected


def test_what_is_not_finite_has_no_nearest_float() -> None:
    assert math.isnan(reals.nearest_float(arb.nan()))
    assert math.isnan(reals.nearest_float(arb("inf")))


FRACTIONS_BACK = [arb(0), arb(3), arb(-1) / 1024, arb(1) / 3]


@pytest.mark.parametrize("value", FRACTIONS_BACK, ids=[str(value) for value in FRACTIONS_BACK])
def test_midpoints_are_exact(value: arb) -> None:
    with ctx.workprec(192):
        assert arb(exact(reals.to_fraction(value))) == value.mid()


AGREE = [
    (fmpq(1, 3), fmpq(1, 3), True), (fmpq(1, 3), fmpq(1, 4), False), (arb(1, 0.1), fmpq(21, 20), True), (arb(1, 0.1), arb(2, 0.1), False),
    (arb(1, 0.6), arb(2, 0.6), True),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right", "expected"), AGREE, ids=[f"{left} {right}" for left, right, _ in AGREE])
def test_enclosures_agree_where_they_overlap(left: Real, right: Real, expected: bool) -> None:
    assert reals.agree(left, right) is expected
    assert reals.agree(right, left) is expected


def test_of_a_number_known_to_a_few_bits_no_more_are_computed() -> None:
    """Arb takes minutes for the polygamma functions of a wide ball at full precision."""
    with ctx.workprec(6_144):
        wide = reals.digamma_series(arb(6, 1e-3), 2)
        assert all(int(c.mid().man_exp()[0]).bit_length() <= 128 for c in wide)
        for x in (fmpq(5_999, 1_000), fmpq(6), fmpq(6_001, 1_000)):
            assert all(c.contains(d) for c, d in zip(wide, reals.digamma_series(arb(x), 2), strict=True))
        assert all(c.is_nan() for c in reals.digamma_series(arb(1, 1.5), 2))
        exact = reals.digamma_series(arb(6), 2)
        assert all(c.rel_accuracy_bits() > 6_000 for c in exact)


def test_numbers_that_differ_beyond_the_present_precision_do_not_agree() -> None:
    with ctx.workprec(2_000):
        near = arb(1) / 3 + arb(2) ** -200
    assert not reals.agree(fmpq(1, 3), near)
    assert reals.agree(fmpq(1, 3), arb(1) / 3)
