"""Nothing is read as something else: what people type is read as they mean it, or refused with what to write instead."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.meaning import meaning, value

from gradcalc.errors import CalcError, Exit, picture
from gradcalc.expression.printer import unparse
from gradcalc.functions import find
from gradcalc.functions.names import LETTERS
from gradcalc.functions.resolve import interpret, understand
from gradcalc.grammar import textbook
from gradcalc.inputs.points import assign
from gradcalc.library.functions import differentiate

READ = [
    # textbook functions
    ("sin^2 x", "sin(x)**2"), ("sin^2(x)", "sin(x)**2"), ("sin**2(x)", "sin(x)**2"), ("sin^2x", "sin(x)**2"),
    ("sin x", "sin(x)"), ("sin 2x", "sin(2*x)"), ("sin 2 x", "sin(2*x)"), ("sin pi x", "sin(pi*x)"), ("cos 2 pi x", "cos(2*pi*x)"),
    ("sin x cos x", "sin(x)*cos(x)"), ("x sin x", "x*sin(x)"), ("2 sin x cos x", "2*sin(x)*cos(x)"), ("-sin x", "-sin(x)"),
    ("sin x + cos x", "sin(x) + cos(x)"), ("sin x*cos x", "sin(x)*cos(x)"), ("1 - 2sin^2 x", "1 - 2*sin(x)**2"),
    ("cos^3(2x)", "cos(2*x)**3"), ("sin^2 2x", "sin(2*x)**2"), ("tan^2(x)y", "tan(x)**2*y"), ("sin^2 x + cos^2 x", "1"),
    ("ln x", "log(x)"), ("ln^2(x)", "log(x)**2"), ("log^2 x", "log(x)**2"), ("ln sin x", "log(sin(x))"), ("x ln x", "x*log(x)"),
    ("arctan x", "atan(x)"), ("arcsin^2 x", "asin(x)**2"), ("sinh x", "sinh(x)"), ("log2 x", "log2(x)"), ("sqrt x", "sqrt(x)"),
    ("sqrt 2", "sqrt(2)"), ("ln sqrt(x)", "log(sqrt(x))"), ("(sin x)^2", "sin(x)**2"), ("e^sin x", "e**sin(x)"), ("sin e", "sin(e)"),
    ("ln abs(x)", "log(abs(x))"), ("2^sin x", "2**sin(x)"), ("sin(x)cos(x)", "sin(x)*cos(x)"), ("max(0,5x)", "max(0, 5*x)"),
    ("sin x - 1", "sin(x) - 1"), ("max(sin x, y)", "max(sin(x), y)"), ("sin t", "sin(t)"),
    # powers, quotients and juxtaposition that nobody misreads
    ("2e^x", "2*e**x"), ("e^-x", "e**(-x)"), ("-x^2", "-(x**2)"), ("x^2sin(x)", "x**2*sin(x)"), ("1/2 m v^2", "1/2*m*v**2"),
    ("2x/3", "2*x/3"), ("x^2/2", "x**2/2"), ("x**3/6", "x**3/6"), ("e^(2x)", "e**(2*x)"), ("1/(2x)", "1/(2*x)"),
    ("e^x sin x", "e**x*sin(x)"), ("2^x y", "2**x*y"), ("e^x/2", "e**x/2"), ("x^2(x+1)", "x**2*(x + 1)"), ("3e - x", "3*e - x"),
    ("2x 3y", None), ("a*-b", "a*-b"), ("m v^2/r", "m*v**2/r"), ("e^2*x", "e**2*x"), ("x^-1", "1/x"), ("1e-3x", "1e-3*x"),
    # names that are letters
    ("beta*x", "beta*x"), ("2 beta x", "2*beta*x"), ("t^2", "t**2"),
    # lines
    ("x**2 +\n3*x", "x**2 + 3*x"), ("(x\n+ y)", "x + y"), ("\n x \n", "x"), ("max(x,\n\n y)", "max(x, y)"), ("x*\r\ny", "x*y"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "python"), [row for row in READ if row[1]], ids=lambda text: repr(text))
def test_is_read_as_it_is_meant(text: str, python: str) -> None:
    assert value(understand(text)) == pytest.approx(meaning(python), rel=1e-12)
    assert not interpret(text).notes


@pytest.mark.parametrize(("text", "python"), [row for row in READ if row[1]], ids=lambda text: repr(text))
def test_what_was_read_is_read_again(text: str, python: str) -> None:
    tree = understand(text)
    assert understand(unparse(tree)) == tree


REFUSED = [
    # an inverse or a reciprocal, an argument that ends somewhere
    ("sin^-1(x)", "asin(x)", "1/sin(x)"), ("tan^-1 x", "atan(x)", "1/tan(x)"), ("sin^(-1)(x)", "asin(x)", "1/sin(x)"),
    ("ln^-1 x", "exp(x)", "1/ln(x)"), ("asin^-1(x)", "asin(x)"), ("sin-1(x)", "asin(x)", "1/sin(x)"), ("sin^n(x)", "sin(x)**(n(x))"),
    ("sin x^2", "sin(x**2)", "sin(x)**2"), ("ln x^2", "ln(x**2)", "ln(x)**2"), ("sin x/2", "sin(x/2)", "sin(x)/2"),
    ("sin 2x^2", "sin(2*x**2)", "sin(2*x)**2"), ("sin x*y", "sin(x*y)", "sin(x)*y"), ("sin x y", "sin(x*y)", "sin(x)*y"),
    ("sin x(y+1)", "sin(x*(y + 1))", "sin(x)*(y + 1)"), ("sqrt x + 1", "sqrt(x) + 1", "sqrt(x + 1)"), ("exp x - 1", "exp(x) - 1"),
    ("sqrt 2x", "sqrt(2)*x", "sqrt(2*x)"), ("log 2 x y", "log(x, 2)"), ("sin -x", "sin(-x)"), ("cos^22x", "cos(x)**22", "cos(2*x)**2"),
    # functions without arguments
    ("exp^x", "exp(x)"), ("softmax", "softmax("), ("sin", "sin(x)"), ("x + relu", "relu(x)"), ("relu^2(x)", "relu(x)"), ("sin*x", "sin(x)"),
    ("relu x", "relu(...)"), ("mean - x", "mean(x)"), ("2/sin", "sin(x)"), ("sigmoid'(x)", "function alone"), ("exp^2(x)", "exp(2"),
    # names that are not variables
    ("sinx", "sin(x)"), ("xlnx", "x*ln(x)"), ("cos3x", "cos(3*x)"), ("sinx/x", "sin(x)"), ("xsin(x)", "x*sin("), ("sinxcosx", "sin(x)*cos(x)"),
    ("sin2(x)", "sin(x)**2"), ("expx", "exp(x)"), ("lnx2", "ln(x2)"), ("logx", "log(x)"), ("sqrtx", "sqrt(x)"), ("sintheta", "sin(theta)"),
    ("Sin x", "sin"), ("arctanx", "arctan(x)"), ("axsin(x)", "a*x*sin("), ("xrelu(x)", "x*relu("), ("acosx", "a*cos(x)"),
    ("log_2 x", "log(x, 2)"), ("log_10 x", "log(x, 10)"), ("True*x", "True"), ("x + None", "None"), ("true*x", "true"),
    # precedence
    ("x/2y", "x/(2*y)", "x/2*y"), ("sin(x)/2x", "sin(x)/(2*x)", "sin(x)/2*x"),
    ("1/(x+1)(x-1)", "1/((x + 1)*(x - 1))", "1/(x + 1)*(x - 1)"), ("x/2pi", "x/(2*pi)"),
    ("e^2x", "e**(2*x)", "e**2*x"), ("2^3x", "2**(3*x)", "2**3*x"), ("e^-2x", "e**(-2*x)", "e**-2*x"), ("e^2(x+1)", "e**(2*(x + 1))"),
    ("x^1/2", "x**(1/2)", "x**1/2"), ("x^-1/2", "x**(-1/2)"), ("(x+1)^1/3", "(x + 1)**(1/3)"), ("3e-x", "3*e - x", "3*e**(-x)"),
    ("2e+x", "2*e + x"), ("3e-(x+1)", "3*e - (...)"), ("e^sin(x)y", "e**(sin(x)*y)"), ("-e^2x", "e**(2*x)"),
    # numbers of other languages
    ("1j*x", "1*j"), ("3 + 2j", "2*j"), ("3i", "3*i"), ("1.0f*x", "1.0"), ("0x10", "decimal"), ("1,5", "."), ("1,000*x", "."),
    ("2 1/2 x", "2 + 1/2"), ("(x+1)2", "*2", "**2"), ("5% x", "5/100", "remainder"), ("x*5%", "5/100"), ("2 3", "*"),
    # derivatives, integrals, equations
    ("d/dx x^2", "leave out d/dx"), ("d/dx (x^2)", "leave out d/dx"), ("dy/dx", "--by x"), ("d^2/dx^2 sin(x)", "leave out"),
    ("x^2 dx", "leave out dx"), ("sin(x) dx", "leave out dx"), ("∫ x dx", "integral"), ("∂f/∂x", "function alone"), ("f'(x)", "function alone"),
    ("y'", "function alone"), ("x = 3", "--at x=3"), ("y=x^2sinx", "sin(x)"),
    ("x^2 + y^2 = 1", "one side minus the other"), ("=-A1^2", "(-A1)**2", "-A1**2"),
    # words
    ("x squared", "x**2"), ("log base 2 of x", "log(x, 2)"), ("sin of x", "alone"), ("derivative of x^2", "leave out derivative"),
    ("x^2 at x=3", "--at x=3"), ("sin(x deg)", "deg2rad"), ("2 times x", "write *"), ("x over 2", "write /"),
    # brackets, code, modules, characters
    ("[x+1]^2", "(...)"), ("2*[x]", "(...)"), ("x[x+1]", "x*(...)"),

    ("tf.keras.losses.mean_squared_error(y, p)", "mse_loss(p, y)"),
    ("x ± 1", "x + 1", "x - 1"), ("√2x", "sqrt(2)*x", "sqrt(2*x)"), ("|x|y|z|", "abs"),
    ("\\sin x^2", "sin(x**2)", "sin(x)**2"), ("\\tan^{-1} x", "atan", "1/tan"), ("\\sigma(x)", "sigmoid"), ("ωt", "ω*t"), ("ctg x", "cot(x)"), ("sin⁻¹(x)", "asin(x)", "1/sin(x)"), ("log 2 x", "log(2*x)", "log(x, 2)"),
    ("1'000", "digits"), ("half x", "x/2"), ("x where x=3", "--at"),

    ("x<sup>2</sup>", "x**2"), ("# x", "leave out"),
    # lines
    ("sin(x)\ncos(x)", "newline"), ("x\n+ 1", "newline"), ("x\ny", "newline"), ("x\r(y)", "newline"),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: repr(row[0]))
def test_is_refused_with_what_to_write(row: tuple[str, ...]) -> None:
    text, *hints = row
    with pytest.raises(CalcError) as caught:
        understand(text)
    assert caught.value.hint, picture(caught.value)
    for hint in hints:
        assert hint in caught.value.hint


@pytest.mark.parametrize("name", sorted(textbook.NAMES))
def test_every_textbook_function_is_applied_without_parentheses(name: str) -> None:
    row = find(name)
    assert row is not None
    assert row.signature
    assert understand(f"{name} x") == understand(f"{name}(x)")
    assert understand(f"{name} x", [name]) != understand(f"{name} x")
    for text in (name, f"x*{name}", f"{name}^x", f"{name}^-1(x)", f"{name} x^2", f"{name} x/2", f"{name} x y", f"{name}*x"):
        with pytest.raises(CalcError) as caught:
            understand(text)
        assert caught.value.hint


NOTED = [
    ("1/2x", "1/2*x", "1/(2*x)"), ("-1/3x^3", "-1/3*x**3", "1/(3*x**3)"), ("1/2(x+1)", "1/2*(x + 1)", "1/(2*(x + 1))"), ("1/2sin(x)", "1/2*sin(x)", "1/(2*sin(x))"),
    ("x^2y", "x**2*y", "x**(2*y)"), ("x^2/3", "x**2/3", "x**(2/3)"), ("x**1/2", "x**1/2", "x**(1/2)"), ("a/b x", "a/b*x", "a/(b*x)"),
    ("e^-x^2/2", "e**-x**2/2", "e**(-x**2/2)"), ("e^-k*t", "e**-k*t", "e**(-k*t)"), ("e^2 x", "e**2*x", "e**(2*x)"),
    ("v0 + at", "v0 + at", "a*t"), ("ax^2 + bx", "ax**2 + bx", "b*x"), ("3x2 + 2x", "3*x2 + 2*x", "x**2"), ("e^(i*x)", "e**(i*x)", "imaginary"), ("x1x2", "x1x2", "x1*x2"), ("2x10^3", "2*x10**3", "2e3"), ("2pir", "2*pir", "pi*r"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "read_as", "other"), NOTED, ids=lambda text: repr(text))
def test_the_other_reading_is_named(text: str, read_as: str, other: str) -> None:
    found = interpret(text)
    assert unparse(found.tree) == read_as
    assert any(other in note for note in found.notes)


def test_notes_are_part_of_the_report() -> None:
    report = differentiate("x^2y")
    assert report.read_as == "x**2*y"
    assert report.notes == ("x^2y was read as x**2*y; for the other reading write x**(2*y)",)


def test_what_has_a_value_is_a_variable_whatever_else_it_means() -> None:
    for text, names in [
        ("sin*x", "sin x"),
        ("e^2*x", "e x"),
        ("sinx + cost", "sinx cost"),
        ("Pi*x", "Pi x"),
        ("dx*x", "dx x"),
    ]:
        assert set(names.split()) == {*map(str, names.split())}
        tree = understand(text, names.split())
        assert unparse(tree) == unparse(
            understand(text.replace("sinx", "p").replace("cost", "q"), ["p", "q", *names.split()])
        ).replace("p + q", "sinx + cost")
    assert not interpret("at + v0", ["at", "v0"]).notes
    assert not interpret("3e-x", ["e", "x"]).notes


def test_a_matrix_may_have_the_name_of_a_module() -> None:
    assert unparse(understand("Q@K.T")) == "Q@K.T"
    assert unparse(understand("K.exp()", ["K"])) == "exp(K)"


@pytest.mark.parametrize("name", sorted(LETTERS))
def test_letters_are_variables_where_they_are_not_called(name: str) -> None:
    assert unparse(understand(f"{name}*x + 1")) == f"{name}*x + 1"


def test_options_may_have_the_names_of_functions() -> None:
    assert unparse(understand("clamp(x, min=0, max=1)")) == "clamp(x, 0, 1)"
    assert "sum" in unparse(understand("cross_entropy(x, [1, 0], reduction=sum)"))
    with pytest.raises(CalcError, match="sum is a function and needs an argument"):
        understand("cross_entropy(x, [1, 0], reduction=sum) + sum")


ABSENT = [
    ("v0 + at", ("v0", "a", "t"), "a*t"),
    ("ax^2 + bx + c", ("a", "b", "c", "x"), "a*x"),
    ("asin(x)", ("a", "x"), "a*sin"),
    ("x**2", ("x", "y"), "its variables are x"),
    ("2", ("x",), "no variables"),
]


@pytest.mark.parametrize(("text", "names", "hint"), ABSENT, ids=[row[0] for row in ABSENT])
def test_a_value_for_a_name_that_does_not_occur(text: str, names: Sequence[str], hint: str) -> None:
    with pytest.raises(CalcError, match="does not occur in the expression") as caught:
        differentiate(text, at=dict.fromkeys(names, "2"))
    assert hint in str(caught.value.hint)
    used = [name for name in names if name in ("v0", "x", "c")]
    with pytest.raises(CalcError, match="does not occur"):
        assign([name for name in used if name in text], dict.fromkeys(names, "2"), [], text)


def test_a_batch_refuses_it_too() -> None:
    from gradcalc.commands.batch import json_lines

    answer = json_lines.answer_request(json_lines.parse(b'{"expr": "x**2", "at": {"x": 1, "y": 2}}', 10))
    assert answer.failed is Exit.WRONG_REQUEST
    assert "y does not occur in the expression" in answer.text


# ---------------------------------------------------------------------------------------------------------- any text

PIECES = [
    "sin", "cos^2", "ln", "exp", "sqrt", "x", "y", "2", "3e", "1.0f", "d/dx", "dx", "at", "of", "softmax", "e", "^", "**", "^-1", "/", "*", "-",
    " ", " ", "\n", "(", ")", "[", "]", "=", ",", ".", "np.", "sinx", "Pi", "i", "\\", "{", "}", "|", "'", "%", "±", "√", "²", "∫", "lambda", ":", "beta",
]  # fmt: skip


def test_random_texts_give_a_tree_or_the_one_error() -> None:
    chance = random.Random(20_261_127)
    read = 0
    refused: list[CalcError] = []
    for _ in range(8_000):
        text = "".join(chance.choices(PIECES, k=chance.randint(1, 9)))
        try:
            tree = understand(text, ["sin"] if chance.random() < 0.1 else [])
        except CalcError as error:
            refused.append(error)
        else:
            read += 1
            assert unparse(tree)
    assert read > 200  # else nothing is tested
    assert not [error for error in refused if "\n" in f"{error.message}{error.hint}"]
    assert all(map(picture, refused))


@settings(max_examples=500)
@given(st.text(max_size=40), st.lists(st.sampled_from(["x", "sin", "e"])))
def test_any_text_gives_a_tree_or_the_one_error(text: str, variables: list[str]) -> None:
    with suppress(CalcError):
        understand(text, variables)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("x => 2", "unexpected =>", "write >= to compare"),
        ("1.5d0*x", "1.5d0 is a number of Fortran", "write 1.5e0 for the number, 1.5*d0 for a product"),
        ("x**2.d0", "2.d0 is a number of Fortran", "write 2e0 for the number, 2.*d0 for a product"),
        ("1e5e*x", "1e5e is not a number", "write 1e5*e for a product"),
        ("x .^ 2", "unexpected .^", "write ^ without the dot: arrays are combined entry by entry"),
        ("x.*y", "unexpected .*", "write * without the dot: arrays are combined entry by entry"),
        ("exercises.txt", "unexpected .txt", "a file is named by an option, --file or --points, or is a value, x=@FILE"),
    ],
)
def test_numbers_and_operators_of_other_languages_and_names_of_files(text: str, message: str, hint: str) -> None:
    with pytest.raises(CalcError) as caught:
        understand(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_semicolons_separate_arguments_where_the_decimal_point_is_a_comma() -> None:
    assert understand("=IF(A1>0;A1;0)") == understand("=IF(A1>0,A1,0)")


@pytest.mark.parametrize("text", ["(1,2,3)", "[1 2 3]", "[ 1 2  3 ]"])
def test_lists_of_other_languages_are_refused(text: str) -> None:
    with pytest.raises(CalcError) as caught:
        differentiate("sum(x)", at={"x": text})
    assert (caught.value.message, caught.value.hint) == (f"{text} is not a list", 'write "x=[1,2,3]"')


def test_a_difference_in_a_list_is_read() -> None:
    assert differentiate("sum(x**2)", at={"x": "[3 - 2]"}).partials[0].symbolic == "2"
