"""The grammar: what is read, what is written back, and the picture of every error."""

from __future__ import annotations

import random
import sys
from fractions import Fraction
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcalc.errors import CalcError, Span, one_line, picture
from gradcalc.expression import tree
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number, fold, integer_literal, names_in, postorder
from gradcalc.grammar import parse


def shape(tree: Node) -> str:
    """A tree with every bracket: (+ a (* b c))."""
    return fold(
        tree,
        lambda leaf: leaf.text if isinstance(leaf, Number) else leaf.name,
        lambda call, args: f"({' '.join([call.name, *args])})",
    )


# ------------------------------------------------------------------------------------------------------ text to tree

READ = [
    # precedence and association
    ("a+b*c", "(+ a (* b c))"),
    ("a*b+c", "(+ (* a b) c)"),
    ("a-b-c", "(- (- a b) c)"),
    ("a-(b-c)", "(- a (- b c))"),
    ("a-b+c", "(+ (- a b) c)"),
    ("a/b/c", "(/ (/ a b) c)"),
    ("a/b*c", "(* (/ a b) c)"),
    ("a@b*c", "(* (@ a b) c)"),
    ("a**b**c", "(** a (** b c))"),
    ("a^b^c", "(** a (** b c))"),
    ("(a**b)**c", "(** (** a b) c)"),
    ("a*b**c", "(* a (** b c))"),
    # unary minus: looser than a power, tighter than a product
    ("-x**2", "(neg (** x 2))"),
    ("(-x)**2", "(** (neg x) 2)"),
    ("-x*y", "(* (neg x) y)"),
    ("-x + y", "(+ (neg x) y)"),
    ("x**-2", "(** x (neg 2))"),
    ("x**-y**2", "(** x (neg (** y 2)))"),
    ("2**-1**2", "(** 2 (neg (** 1 2)))"),
    ("x*-y", "(* x (neg y))"),
    ("x--y", "(- x (neg y))"),
    ("--x", "(neg (neg x))"),
    ("+x", "x"),
    ("+-+x", "(neg x)"),
    ("x**+2", "(** x 2)"),
    # juxtaposition multiplies, at the level of *
    ("2x", "(* 2 x)"),
    ("2 x", "(* 2 x)"),
    ("-2x", "(* (neg 2) x)"),
    ("2x**2", "(* 2 (** x 2))"),
    ("2^x y", "(* (** 2 x) y)"),
    ("1/2 x", "(* (/ 1 2) x)"),
    ("1/2 m v^2", "(* (* (/ 1 2) m) (** v 2))"),
    ("2 sin(x)", "(* 2 (sin x))"),
    ("2sin(x)cos(x)", "(* (* 2 (sin x)) (cos x))"),
    ("sin(x)**2 cos(x)", "(* (** (sin x) 2) (cos x))"),
    ("3(x+1)", "(* 3 (+ x 1))"),
    ("(x+1)(x-1)", "(* (+ x 1) (- x 1))"),
    ("(x+1)y", "(* (+ x 1) y)"),
    ("x y", "(* x y)"),
    ("x -2", "(- x 2)"),
    ("2(3)", "(* 2 3)"),
    ("x\ty", "(* x y)"),
    ("x +\r\ny", "(+ x y)"),
    ("(x\n+ y)", "(+ x y)"),
    ("\nx\n", "x"),
    # calls
    ("f(x)", "(f x)"),
    ("f (x)", "(f x)"),
    ("f()", "(f)"),
    ("f(x, y)", "(f x y)"),
    ("f(x, k=2)", "(f x (= k 2))"),
    ("f(k=x<1)", "(f (= k (< x 1)))"),
    ("f(f(f(x)))", "(f (f (f x)))"),
    # numbers keep their text
    ("1.50", "1.50"),
    (".5", ".5"),
    ("5.", "5."),
    ("1e5", "1e5"),
    ("1E-5", "1E-5"),
    ("1.5e+3x", "(* 1.5e+3 x)"),
    ("2e", "(* 2 e)"),
    ("2e + x", "(+ (* 2 e) x)"),
    ("2e^x", "(* 2 (** e x))"),
    ("e5", "e5"),
    ("1e400", "1e400"),
    # names
    ("_", "_"),
    ("x_1", "x_1"),
    ("lambda", "lambda"),
    ("theta0*re", "(* theta0 re)"),
    ("android", "android"),
    ("nota", "nota"),
    # comparisons and conditions
    ("a < b", "(< a b)"),
    ("a<=b", "(<= a b)"),
    ("a==b", "(== a b)"),
    ("a!=b", "(!= a b)"),
    ("a < b < c", "(and (< a b) (< b c))"),
    ("a < b <= c != d", "(and (and (< a b) (<= b c)) (!= c d))"),
    ("(a < b) < c", "(< (< a b) c)"),
    ("a + 1 > b*2", "(> (+ a 1) (* b 2))"),
    ("not a", "(not a)"),
    ("not not a", "(not (not a))"),
    ("not a < b", "(not (< a b))"),
    ("a and b or c", "(or (and a b) c)"),
    ("a or b and c", "(or a (and b c))"),
    ("not a and b", "(and (not a) b)"),
    ("a and b and c", "(and (and a b) c)"),
    ("(a or b) and c", "(and (or a b) c)"),
    ("where(x > 0, x, -x)", "(where (> x 0) x (neg x))"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ, ids=[text for text, _ in READ])
def test_reads(text: str, expected: str) -> None:
    assert shape(parse(text)) == expected


WRITTEN = [
    ("a + (b + c)", "a + (b + c)"),
    ("(a + b) + c", "a + b + c"),
    ("a-(b-c)", "a - (b - c)"),
    ("a*(b*c)", "a*(b*c)"),
    ("a/(b/c)", "a/(b/c)"),
    ("a/(b*c)", "a/(b*c)"),
    ("(a*b)/c", "a*b/c"),
    ("(a+b)*c", "(a + b)*c"),
    ("(a*b)**c", "(a*b)**c"),
    ("(a**b)**c", "(a**b)**c"),
    ("a**(b**c)", "a**b**c"),
    ("a^2", "a**2"),
    ("a**(-b)", "a**-b"),
    ("a**(b*c)", "a**(b*c)"),
    ("a**(b+c)", "a**(b + c)"),
    ("(-a)**2", "(-a)**2"),
    ("-(a**2)", "-a**2"),
    ("-(a*b)", "-(a*b)"),
    ("-(a+b)", "-(a + b)"),
    ("(-a)*b", "-a*b"),
    ("a*(-b)", "a*-b"),
    ("a - (-b)", "a - -b"),
    ("-(-a)", "--a"),
    ("2x(y+1)", "2*x(y + 1)"),
    ("3(x+1)", "3*(x + 1)"),
    ("a@b", "a@b"),
    ("f( x,y )", "f(x, y)"),
    ("f(x,k = 2)", "f(x, k=2)"),
    ("a<b<c", "a < b and b < c"),
    ("(a<b)<c", "(a < b) < c"),
    ("a<(b<c)", "a < (b < c)"),
    ("not (a and b)", "not (a and b)"),
    ("(not a) and b", "not a and b"),
    ("(a or b) and c", "(a or b) and c"),
    ("a or (b or c)", "a or (b or c)"),
    ("not (a<b)", "not a < b"),
    ("1.50", "1.50"),
    ("  x  ", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WRITTEN, ids=[text for text, _ in WRITTEN])
def test_writes(text: str, expected: str) -> None:
    assert unparse(parse(text)) == expected


@pytest.mark.parametrize("text", [text for text, _ in READ if "()" not in text])
def test_what_is_written_reads_the_same(text: str) -> None:
    assert parse(unparse(parse(text))) == parse(text)


SPANS = [
    ("x + 10*y", "+", "x + 10*y"),
    ("x + 10*y", "*", "10*y"),
    ("-(x)", "neg", "-(x"),
    ("1 + sin( x )", "sin", "sin( x )"),
    ("a < b < c", "and", "a < b < c"),
    ("2 x", "*", "2 x"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "expected"), SPANS, ids=[f"{text}: {name}" for text, name, _ in SPANS])
def test_spans_point_into_the_source(text: str, name: str, expected: str) -> None:
    node = next(node for node in postorder(parse(text)) if isinstance(node, Call) and node.name == name)
    assert text[node.span.start : node.span.end] == expected


def test_equality_ignores_spans() -> None:
    assert parse("x+1") == parse("  x  +  1")
    assert hash(parse("x+1")) == hash(parse("  x  +  1"))
    assert parse("x+1") != parse("x+1.0")


# ------------------------------------------------------------------------------------------------------------ errors

ERRORS = [
    # what is missing
    ("", 'error: the expression is empty\n  \n  ^\nhint: type one, such as "sin(x**2)"'),
    ("  ", 'error: the expression is empty\n    \n  ^\nhint: type one, such as "sin(x**2)"'),
    ("sin(x", "error: missing )\n  sin(x\n     ^\nhint: this ( is never closed"),
    ("((x", "error: missing )\n  ((x\n   ^\nhint: this ( is never closed"),
    ("f(x, k=3", "error: missing )\n  f(x, k=3\n   ^\nhint: this ( is never closed"),
    ("2**", "error: unexpected end of expression after '**'\n  2**\n     ^\nhint: an operand is missing here"),
    ("x +", "error: unexpected end of expression after '+'\n  x +\n     ^\nhint: an operand is missing here"),
    ("-", "error: unexpected end of expression after '-'\n  -\n   ^\nhint: an operand is missing here"),
    ("xy(", "error: unexpected end of expression after '('\n  xy(\n     ^\nhint: an operand is missing here"),
    ("a and", "error: unexpected end of expression after 'and'\n  a and\n       ^\nhint: an operand is missing here"),
    ("()", "error: something is missing between ( and )\n  ()\n  ^^"),
    ("(x+)", "error: something is missing between + and )\n  (x+)\n    ^^"),
    ("sin(x,)", "error: something is missing between , and )\n  sin(x,)\n       ^^"),
    ("f(k=)", "error: something is missing between = and )\n  f(k=)\n     ^^"),
    # missing operators
    ("x 2", "error: missing operator between x and 2\n  x 2\n  ^^^\nhint: write *2 to multiply, **2 for a power"),
    ("2 3", "error: missing operator between 2 and 3\n  2 3\n  ^^^\nhint: write * to multiply"),
    ("(x+1)2", "error: missing operator between ) and 2\n  (x+1)2\n      ^^\nhint: write *2 to multiply, **2 for a power"),
    ("1.2.3", "error: missing operator between 1.2 and .3\n  1.2.3\n  ^^^^^\nhint: write * to multiply"),
    ("1..2", "error: missing operator between 1. and .2\n  1..2\n  ^^^^\nhint: write * to multiply"),
    ("sin(x 2)", "error: missing operator between x and 2\n  sin(x 2)\n      ^^^\nhint: write *2 to multiply, **2 for a power"),
    # numbers of other languages are no products
    ("0x10", "error: 0x10 is not a number here\n  0x10\n  ^^^^\nhint: write * to multiply; numbers are decimal"),
    # what is too much
    ("x)", "error: unexpected )\n  x)\n   ^\nhint: no ( is open here"),
    (")", "error: unexpected )\n  )\n  ^\nhint: no ( is open here"),
    ("sin(x))", "error: unexpected )\n  sin(x))\n        ^\nhint: no ( is open here"),
    ("foo(,)", "error: unexpected ,\n  foo(,)\n      ^"),
    ("x, y", "error: unexpected ,\n  x, y\n   ^"),
    ("*x", "error: unexpected *\n  *x\n  ^"),
    ("x <> y", "error: unexpected >\n  x <> y\n     ^\nhint: write != for what is not equal"),
    ("x or or y", "error: unexpected or\n  x or or y\n       ^^"),
    ("and(x, y)", "error: unexpected and\n  and(x, y)\n  ^^^"),
    # = is no comparison
    ("x === 3", "error: unexpected =\n  x === 3\n      ^\nhint: write == to compare; of an equation, one side minus the other"),
    ("f(1=x)", "error: unexpected =\n  f(1=x)\n     ^\nhint: write == to compare; of an equation, one side minus the other"),
    ("f(k=x=3)", "error: unexpected =\n  f(k=x=3)\n       ^\nhint: write == to compare; of an equation, one side minus the other"),
    # characters
    ("٣", "error: unexpected character ٣\n  ٣\n  ^"),
    ("xé", "error: unexpected character é\n  xé\n   ^"),
    ("x.real", "error: unexpected .real\n  x.real\n    ^^^^\nhint: write real(...) for a function"),
    ("__import__('os')", "error: unexpected 'os'\n  __import__('os')\n             ^^^^"),
    ("\x1b[31m", "error: unexpected character U+001B\n  ?[31m\n  ^"),
    # limits
    ("1e500", "error: the exponent of a number is at most 400\n  1e500\n  ^^^^^"),
    ("x*1e-401", "error: the exponent of a number is at most 400\n  x*1e-401\n    ^^^^^^"),
    ("1e9999999999999999", "error: the exponent of a number is at most 400\n  1e9999999999999999\n  ^^^^^^^^^^^^^^^^^^"),
    ("9" * 61, f"error: a number has at most 60 characters\n  {'9' * 61}\n  {'^' * 61}"),
    ("n" * 61, f"error: a name has at most 60 characters\n  {'n' * 61}\n  {'^' * 61}"),
    ("x" + "+1" * 32_768, "error: the expression has 65537 characters; the limit is 65536"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ERRORS, ids=[text[:20] or "nothing" for text, _ in ERRORS])
def test_pictures_of_errors(text: str, expected: str) -> None:
    with pytest.raises(CalcError) as caught:
        parse(text)
    assert picture(caught.value) == expected


def deep(opening: str, inside: str = "x", closing: str = "") -> str:
    return opening * 61 + inside + closing * 61


DEEP = [deep("(", closing=")"), deep("-"), deep("x**"), deep("sin(", closing=")"), deep("where(not "), deep("not "), deep("(-")]  # fmt: skip


@pytest.mark.parametrize("text", DEEP, ids=[text[:6] for text in DEEP])
def test_nesting_is_bounded(text: str) -> None:
    with pytest.raises(CalcError, match=r"^the expression is nested more than 60 levels deep$"):
        parse(text)


def test_sixty_levels_are_allowed() -> None:
    assert parse("(" * 60 + "x" + ")" * 60) == Name("x")


def test_parts_are_bounded() -> None:
    within = "+".join("x" * 20_000)
    assert sum(1 for _ in postorder(parse(within))) == 39_999
    with pytest.raises(CalcError, match=r"^the expression has more than 40000 parts$"):
        parse(within + "+x")


def test_a_long_line_shows_the_neighbourhood_of_the_error() -> None:
    text = "+".join(["x"] * 100) + "~" + "+x" * 100
    with pytest.raises(CalcError) as caught:
        parse(text)
    message, line, carets, _ = picture(caught.value).splitlines()
    assert message == "error: unexpected character ~"
    assert line.startswith("  ...")
    assert line.endswith("...")
    assert len(line) <= 80
    assert line[carets.index("^")] == "~"


def test_an_error_at_the_end_of_a_long_line() -> None:
    text = "+".join(["x"] * 100) + "+"
    with pytest.raises(CalcError) as caught:
        parse(text)
    _, line, carets, _ = picture(caught.value).splitlines()
    assert line.endswith("x+")
    assert carets.index("^") == len(line)


def test_a_picture_without_a_source_is_a_message() -> None:
    assert picture(CalcError("no", hint="do this")) == "error: no\nhint: do this"
    assert picture(CalcError("no", span=Span(1, 2))) == "error: no"


# -------------------------------------------------------------------------------------------------------- readers

LITERALS = [("3", 3), ("2.0", 2), ("-1", -1), ("--4", 4), ("1e2", 100), ("2.5", None), ("x", None), ("1+1", None), ("sin(1)", None)]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), LITERALS, ids=[text for text, _ in LITERALS])
def test_integer_literals(text: str, expected: int | None) -> None:
    assert integer_literal(parse(text)) == expected


def test_names_in_order_of_appearance_each_once() -> None:
    assert names_in(parse("b*a + b*sin(c) - a")) == ["b", "a", "c"]


def test_literals_are_exact() -> None:
    values = [node.value for node in postorder(parse("6.7 + .1 + 1e-3 + 5.")) if isinstance(node, Number)]
    assert values == [Fraction(67, 10), Fraction(1, 10), Fraction(1, 1000), 5]


def test_a_sum_of_five_thousand_terms() -> None:
    text = " + ".join(f"x{place}*{place}" for place in range(5_000))
    tree = parse(text)
    assert unparse(tree) == text
    assert len(names_in(tree)) == 5_000
    again = parse(unparse(tree))
    assert again == tree
    assert hash(again) == hash(tree)
    assert again != parse(text.replace("x0*0", "x0*1"))


def test_a_product_of_five_thousand_factors() -> None:
    text = "*".join(["x"] * 5_000)
    assert unparse(parse(text)) == text
    assert unparse(parse(text.replace("*", " "))) == text


# ----------------------------------------------------------------------------------------------------------- laws

NAMES = st.sampled_from(["x", "y", "e", "pi", "E", "lambda", "x1", "ff", "_", "notx", "e5"])
NUMBERS = st.sampled_from(["0", "1", "2.50", ".5", "5.", "1e3", "1E-3", "12345678901234567890", "0.1"])
BINARY = st.sampled_from(["+", "-", "*", "/", "@", "**"])
COMPARISONS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])


def calls(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    two = st.tuples(parts, parts)
    keyword = st.builds(lambda name, value: Call("=", (Name(name), value)), NAMES, parts)
    return st.one_of(
        st.builds(Call, BINARY, two),
        st.builds(Call, COMPARISONS, two),
        st.builds(Call, st.sampled_from(["and", "or"]), two),
        st.builds(lambda part: Call("neg", (part,)), parts),
        st.builds(lambda part: Call("not", (part,)), parts),
        st.builds(Call, st.sampled_from(["f", "sin", "where", "pi"]), st.lists(parts, min_size=1, max_size=3).map(tuple)),
        st.builds(lambda part, last: Call("f", (part, last)), parts, keyword),
    )


TREES = st.recursive(st.one_of(st.builds(Number, NUMBERS), st.builds(Name, NAMES)), calls, max_leaves=25)


@settings(max_examples=800)
@given(TREES)
def test_parse_undoes_unparse(tree: Node) -> None:
    assert parse(unparse(tree)) == tree


@settings(max_examples=300)
@given(TREES)
def test_fold_and_postorder_see_every_node_once(tree: Node) -> None:
    counted = fold(tree, lambda _: 1, lambda _, parts: 1 + sum(parts))
    assert counted == sum(1 for _ in postorder(tree))


def answers(text: str) -> str | None:
    """The canonical text of what parses, the message of what does not; anything else is a bug."""
    try:
        return unparse(parse(text))
    except CalcError as error:
        caught = error
    assert caught.message
    assert "\n" not in caught.message
    assert picture(caught).startswith(f"error: {one_line(caught.message)}")
    return None


@settings(max_examples=1_000)
@given(st.text(max_size=60))
def test_any_text_parses_or_raises_calc_error(text: str) -> None:
    answers(text)


TOKENS = [
    "x", "y", "2", "3.5", "1e9", ".", "e", "sin", "where", "f", "k", "not", "and", "or", "=", "==", "<", ">", "<=", "!=",
    "(", ")", "(", ")", ",", "+", "-", "*", "/", "**", "^", "@", " ", "\t", "²", "π", "[", "0x1", "_",
]  # fmt: skip


def test_a_few_thousand_random_texts() -> None:
    chance = random.Random(20_240_601)
    parsed = 0
    for _ in range(6_000):
        text = "".join(chance.choices(TOKENS, k=chance.randint(1, 14)))
        canonical = answers(text)
        if canonical is not None:
            parsed += 1
            if "()" not in text.replace(" ", "").replace("\t", ""):
                assert parse(canonical) == parse(text), text
    assert parsed > 200  # else nothing is tested


LONG = [
    "(" * 60_000, "-" * 60_000, "not " * 15_000, "x<" * 30_000, "f(" * 30_000, "x**" * 20_000, "9" * 65_000, "1e" + "9" * 60_000, "²" * 65_000,
    "x" * 65_000, "x " * 20_000, "x," * 30_000, ")" * 65_000, " " * 65_000, "." * 65_000, "1." * 30_000, "x=" * 30_000, "f(x," * 15_000, "2**-" * 15_000,
]  # fmt: skip


@pytest.mark.parametrize("text", LONG, ids=[text[:6] for text in LONG])
def test_hostile_lengths_take_work_in_proportion(text: str) -> None:
    calls = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        answers(text)
    finally:
        sys.setprofile(None)
    assert calls < 1_000 + 100 * len(text)


def test_limits_are_what_the_tests_assume() -> None:
    assert (tree.MAX_CHARACTERS, tree.MAX_NODES, tree.MAX_NESTING) == (65_536, 40_000, 60)
    assert (tree.MAX_NUMBER_CHARACTERS, tree.MAX_EXPONENT, tree.MAX_NAME_CHARACTERS) == (60, 400, 60)
