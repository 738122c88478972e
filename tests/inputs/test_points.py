"""Points: what may be typed for the value of a variable, and the picture of what may not."""

from __future__ import annotations

import itertools
import operator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import decimal
from gradcalc.errors import CalcError, picture
from gradcalc.expression.decimals import plain
from gradcalc.expression.printer import unparse
from gradcalc.functions.resolve import understand
from gradcalc.inputs.limits import MAX_POINTS
from gradcalc.inputs.points import assign, read_at, sweep
from gradcalc.inputs.values import json_value, value_tree
from gradcalc.proof.smoothness.differentiability import value_of

VALUES = [
    ("3", "3"), ("-3", "-3"), (" 3 ", "3"), ("+3", "3"), ("--3", "3"), ("0.1", "0.1"), ("1e-3", "0.001"), ("1/8", "0.125"), ("2**10", "1024"), ("2^10", "1024"),
    ("pi", "3.1415926535897932385"), ("pi/2", "1.5707963267948966192"), ("2pi", "6.2831853071795864769"), ("e", "2.7182818284590452354"),
    ("E", "2.7182818284590452354"), ("sqrt(2)", "1.4142135623730950488"), ("-sin(1)", "-0.84147098480789650665"), ("max(1, 2)", "2"),
    ("where(1 < 2, 3, 4)", "3"), ("1/3", "0.33333333333333333333"), ("1e400", "1e400"),
]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["3", "0", "-3", "0.5", "-0.50", "-0", "123456789012345.25", "007", "-1e-7", "+2", "1.", ".5", "- 3"]
)
def test_a_decimal_is_read_as_the_grammar_reads_it(text: str) -> None:
    value = value_tree("x", text)
    assert repr(value) == repr(understand(text))


@pytest.mark.parametrize(("text", "expected"), VALUES, ids=[text for text, _ in VALUES])
def test_a_value_is_any_constant_expression(text: str, expected: str) -> None:
    value = value_of(ExpressionAt(value_tree("x", text), {}))
    assert value is not None
    assert Fraction(decimal(value)) == Fraction(expected)


NO_VALUES = [
    ("", "error: missing value for x\nhint: write x=3"),
    ("  ", "error: missing value for x\nhint: write x=3"),
    ("nan", "error: nan is not supported: values must be finite\n  nan\n  ^^^\nhint: give a finite number"),
    ("NaN", "error: NaN is not supported: values must be finite\n  NaN\n  ^^^\nhint: give a finite number"),
    ("-inf", "error: -inf is not supported: values must be finite\n  -inf\n  ^^^^\nhint: give a finite number"),
    ("+Infinity", "error: +Infinity is not supported: values must be finite\n  +Infinity\n  ^^^^^^^^^\nhint: give a finite number"),
    ("2*inf", "error: inf is not supported: values must be finite\n  2*inf\n    ^^^"),
    ("[1, 2]", "error: x must be a number, not an array\n  [1, 2]\n  ^^^^^^"),
    ("@data.csv", "error: unexpected @\n  @data.csv\n  ^"),
    ("y", "error: the value of x must be a number, but y is a variable\n  y\n  ^\nhint: use numbers, pi, e and functions of them"),
    ("x + 1", "error: the value of x must be a number, but x is a variable\n  x + 1\n  ^^^^^\nhint: use numbers, pi, e and functions of them"),
    ("1 < 2", "error: a condition cannot be used as a number\n  1 < 2\n  ^^^^^\nhint: use where(condition, a, b)"),
    ("2**", "error: unexpected end of expression after '**'\n  2**\n     ^\nhint: an operand is missing here"),
    ("3 4", "error: missing operator between 3 and 4\n  3 4\n  ^^^\nhint: write * to multiply"),
    ("1,5", "error: unexpected ,\n  1,5\n   ^\nhint: write . for a decimal point, and digits without commas"),
    ("٣", "error: unexpected character ٣\n  ٣\n  ^"),
    ("1e500", "error: the exponent of a number is at most 400\n  1e500\n  ^^^^^"),
    ("sinn(1)", "error: unknown function sinn\n  sinn(1)\n  ^^^^\nhint: did you mean sin?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NO_VALUES, ids=[text or "nothing" for text, _ in NO_VALUES])
def test_pictures_of_what_is_no_value(text: str, expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        value_tree("x", text)
    assert picture(caught.value) == expected


# ---------------------------------------------------------------------------------------------------- options to values

READ: list[tuple[list[str], dict[str, str], list[str]]] = [
    ([], {}, []),
    (["3"], {}, ["3"]),
    (["-3"], {}, ["-3"]),
    (["0, -1"], {}, ["0", "-1"]),
    (["0", "-1"], {}, ["0", "-1"]),
    (["x=3"], {"x": "3"}, []),
    (["x = 3"], {"x": "3"}, []),
    (["x=3,y=1/2"], {"x": "3", "y": "1/2"}, []),
    (["x=3", "y=1/2"], {"x": "3", "y": "1/2"}, []),
    (["x=3", "4"], {"x": "3"}, ["4"]),
    (["x=max(1, 2), y=3"], {"x": "max(1, 2)", "y": "3"}, []),
    (["max(1, 2)"], {}, ["max(1, 2)"]),
    (["x=[1, 2], y=3"], {"x": "[1, 2]", "y": "3"}, []),
    (["x=0:1:11"], {"x": "0:1:11"}, []),
    (["lambda=3, E=1, I=2, re=0"], {"lambda": "3", "E": "1", "I": "2", "re": "0"}, []),
    (["x="], {"x": ""}, []),
    (["x=2", "x=3"], {"x": "2;3"}, []),
    (["θ₁=2", "𝑥=3"], {"θ₁": "2", "x": "3"}, []),  # noqa: RUF001
    ([""], {}, [""]),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "named", "nameless"), READ, ids=[" --at ".join(texts) or "nothing" for texts, *_ in READ])
def test_reads_options(texts: list[str], named: dict[str, str], nameless: list[str]) -> None:
    assert read_at(texts) == (named, nameless)


UNREADABLE = [
    (["x=3,y=1", "x=4,y=2"], "error: x is given twice\n  x=4,y=2\n  ^^^\nhint: write --at x=2 --at x=3 for two points, and several variables in a file: --points FILE"),
    (["x=3,x=4"], "error: x is given twice\n  x=3,x=4\n      ^^^\nhint: write --at x=2 --at x=3 for two points, and several variables in a file: --points FILE"),
    (["=3"], "error: '' is not a valid variable name\n  =3\n  ^^\nhint: write x=3"),
    (["1x=3"], "error: '1x' is not a valid variable name\n  1x=3\n  ^^^^\nhint: write x=3"),
    (["x y=3"], "error: 'x y' is not a valid variable name\n  x y=3\n  ^^^^^\nhint: write x=3"),
    (["√=3"], "error: '√' is not a valid variable name\n  √=3\n  ^^^\nhint: write x=3"),
    (["x<=3"], "error: 'x<' is not a valid variable name\n  x<=3\n  ^^^^\nhint: write x=3"),
    (["x=3,"], "error: missing value beside a comma\n  x=3,\n     ^"),
    (["x=3,,y=4"], "error: missing value beside a comma\n  x=3,,y=4\n     ^^"),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "expected"), UNREADABLE, ids=[" --at ".join(texts) for texts, _ in UNREADABLE])
def test_pictures_of_what_is_no_assignment(texts: list[str], expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        read_at(texts)
    assert picture(caught.value) == expected


ASSIGNED: list[tuple[str, dict[str, str], list[str], dict[str, str]]] = [
    ("", {}, [], {}),
    ("x", {}, ["3"], {"x": "3"}),
    ("x y", {}, ["3", "4"], {"x": "3", "y": "4"}),
    ("y x", {}, ["3", "4"], {"y": "3", "x": "4"}),
    ("x y", {"x": "1"}, ["3"], {"x": "1", "y": "3"}),
    ("y x", {"x": "1", "y": "2"}, [], {"y": "2", "x": "1"}),
]  # fmt: skip


@pytest.mark.parametrize(("names", "named", "nameless", "expected"), ASSIGNED)
def test_assigns_in_order_of_appearance(
    names: str, named: dict[str, str], nameless: list[str], expected: dict[str, str]
) -> None:
    found = assign(names.split(), named, nameless)
    assert found == expected
    assert list(found) == names.split()


UNASSIGNED: list[tuple[str, dict[str, str], list[str], str]] = [
    ("x y", {}, ["3"], "error: 1 unnamed value, but 2 variables (x, y)\nhint: write --at x=... --at y=..."),
    ("x", {}, ["1", "2"], "error: 2 unnamed values, but only one variable (x)\nhint: write --at x=1 --at x=2 for points, --at \"x=[1, 2]\" for a list"),
    ("x", {"x": "1"}, ["3"], 'error: 1 unnamed value\nhint: write --at x=1 --at x=3 for points, --at "x=[1, 3]" for a list'),
    ("", {}, ["3"], "error: 1 unnamed value, but 0 variables (none)\nhint: leave the value out"),
    ("x y z", {"y": "1"}, [], "error: missing value for x, z\nhint: add --at x=... --at z=..."),
    ("x", {"z": "1"}, [], "error: z does not occur in the expression\nhint: its variables are x"),
    ("", {"z": "1"}, [], "error: z does not occur in the expression\nhint: it has no variables"),
]  # fmt: skip


@pytest.mark.parametrize(("names", "named", "nameless", "expected"), UNASSIGNED)
def test_messages_about_missing_and_superfluous_values(
    names: str, named: dict[str, str], nameless: list[str], expected: str
) -> None:
    with pytest.raises(CalcError) as caught:
        assign(names.split(), named, nameless)
    assert picture(caught.value) == expected


# -------------------------------------------------------------------------------------------------------------- ranges

RANGES = [
    ("0:1:3", "0 0.5 1"), ("1:0:3", "1 0.5 0"), ("-1:1:3", "-1 0 1"), ("0:1:1", "0"), ("0:1:2", "0 1"), ("0.1:0.3:3", "0.1 0.2 0.3"), ("0:1:4", "0 1/3 2/3 1"),
    ("1e3:2e3:3", "1e3 1500 2e3"), ("1/3:2/3:3", "1/3 0.5 2/3"), (" 0 : 1 : 3 ", "0 0.5 1"), ("3:3:2", "3 3"), ("7", "7"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RANGES, ids=[text for text, _ in RANGES])
def test_ranges(text: str, expected: str) -> None:
    assert [point.texts["x"] for point in sweep({"x": text})] == expected.split()


@pytest.mark.parametrize("text", [text for text, _ in RANGES] + ["0:pi:3", "-pi:sqrt(2):5", "-1/3:1/7:6", "1/0:1:3"])
def test_values_of_ranges_are_what_their_text_says(text: str) -> None:
    for point in sweep({"x": text}):
        assert point.values["x"].tree == value_tree("x", point.texts["x"])
        assert point.values["x"].entries.entries == (point.values["x"].tree,)


@pytest.mark.parametrize("text", ["0:pi:3", "-pi:pi:5", "sqrt(2):e:4", "1/0:1:3"])
def test_ranges_of_constant_expressions_can_be_read(text: str) -> None:
    points = [point.texts["x"] for point in sweep({"x": text})]
    start, stop, count = text.split(":")
    assert (points[0], points[-1], len(points)) == (start, stop, int(count))
    for point in points[1:-1]:
        assert unparse(value_tree("x", point))
    if text == "0:pi:3":
        middle = value_of(ExpressionAt(value_tree("x", points[1]), {}))
        assert middle is not None
        assert decimal(middle) == "1.5707963267948966192"


texts = operator.attrgetter("texts")


def test_a_grid_turns_its_last_variable_fastest() -> None:
    points = list(map(texts, sweep({"x": "0:1:2", "y": "5", "z": "0:2:3"})))
    assert [(point["x"], point["z"]) for point in points] == [
        ("0", "0"),
        ("0", "1"),
        ("0", "2"),
        ("1", "0"),
        ("1", "1"),
        ("1", "2"),
    ]
    assert all(list(point) == ["x", "y", "z"] and point["y"] == "5" for point in points)


def test_a_million_points_are_made_one_by_one() -> None:
    first = list(map(texts, itertools.islice(sweep({"x": f"0:1:{MAX_POINTS}"}), 3)))
    assert [point["x"] for point in first] == ["0", "0.000001", "0.000002"]


_HINT = "\nhint: write x=start:stop:count, such as x=0:1:11"
_COUNT = "error: the count of a range must be an integer from 1 to 1000001\n"

NO_RANGES = [
    ("0:1", "error: invalid range '0:1'\n  0:1\n  ^^^" + _HINT),
    ("0:1:2:3", "error: invalid range '0:1:2:3'\n  0:1:2:3\n  ^^^^^^^" + _HINT),
    ("0:1:0", _COUNT + "  0:1:0\n  ^^^^^" + _HINT),
    ("0:1:-1", _COUNT + "  0:1:-1\n  ^^^^^^" + _HINT),
    ("0:1:2.5", _COUNT + "  0:1:2.5\n  ^^^^^^^" + _HINT),
    ("0:1:n", _COUNT + "  0:1:n\n  ^^^^^" + _HINT),
    ("0:1:", _COUNT + "  0:1:\n  ^^^^" + _HINT),
    ("0:1:٣", _COUNT + "  0:1:٣\n  ^^^^^" + _HINT),
    ("0:1:1000002", _COUNT + "  0:1:1000002\n  ^^^^^^^^^^^" + _HINT),
    ("0:1:10000000001", _COUNT + "  0:1:10000000001\n  ^^^^^^^^^^^^^^^" + _HINT),
    (":1:3", "error: missing value for x\nhint: write x=3"),
    ("0::3", "error: missing value for x\nhint: write x=3"),
    ("0:inf:3", "error: inf is not supported: values must be finite\n  inf\n  ^^^\nhint: give a finite number"),
    ("a:1:3", "error: the value of x must be a number, but a is a variable\n  a\n  ^\nhint: use numbers, pi, e and functions of them"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NO_RANGES, ids=[text for text, _ in NO_RANGES])
def test_pictures_of_what_is_no_range(text: str, expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        list(sweep({"x": text}))
    assert picture(caught.value) == expected


def test_too_many_points() -> None:
    with pytest.raises(CalcError, match=r"^too many points: 4000000; the limit is 1000001$"):
        next(sweep({"x": "0:1:2000", "y": "0:1:2000"}))


RATIONALS = st.fractions(max_denominator=10**6) | st.builds(
    lambda n, k: Fraction(n, 10**k), st.integers(-(10**40), 10**40), st.integers(0, 40)
)


@given(RATIONALS)
def test_the_text_of_a_rational_is_exact(value: Fraction) -> None:
    assert Fraction(plain(value)) == value


PLAIN = [("1/2", "0.5"), ("1/3", "1/3"), ("-7/20", "-0.35"), ("100", "100"), ("0", "0"), ("1/1024", "0.0009765625"), ("1/1" + "0" * 30, "0." + "0" * 29 + "1"), ("1/1" + "0" * 31, "1/1" + "0" * 31)]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), PLAIN, ids=[value for value, _ in PLAIN])
def test_the_text_of_a_rational_is_short(value: str, expected: str) -> None:
    assert plain(Fraction(value)) == expected


@given(st.fractions(-9, 9, max_denominator=50), st.fractions(-9, 9, max_denominator=50), st.integers(2, 30))
def test_ranges_are_exact(start: Fraction, stop: Fraction, count: int) -> None:
    points = [Fraction(point.texts["x"]) for point in sweep({"x": f"{plain(start)}:{plain(stop)}:{count}"})]
    assert points == [start + (stop - start) * place / (count - 1) for place in range(count)]


# ----------------------------------------------------------------------------------------------------------- batch lines


@pytest.mark.parametrize(("value", "expected"), [(3, "3"), ("1/2", "1/2"), (1.5, "1.5"), ("0.1000", "0.1000")])
def test_values_of_batch_lines(value: object, expected: str) -> None:
    assert json_value("x", value) == expected


@pytest.mark.parametrize(
    ("value", "shown"), [(True, "true"), (None, "null"), ([1, [{}]], "an object"), ({"a": 1}, "an object")]
)
def test_what_is_no_value_in_a_batch_line(value: object, shown: str) -> None:
    with pytest.raises(CalcError) as caught:
        json_value("x", value)
    assert caught.value.message == f"the value of x must be a number, a string or a list, not {shown}"
