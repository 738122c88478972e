"""Pages in HTML: well-formed, self-contained, with everything escaped; and their MathML says what the tree says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gradcalc.cli.main import main
from gradcalc.expression.mathml import mathml
from gradcalc.functions.resolve import understand

# -- MathML read back by rules of its own, as a Python number


Values = dict[str, Fraction]
MINUS, DOT, CROSS, TIMES = "\u2212", "\u22c5", "\u00d7", "\u2062"


def value_of(element: ElementTree.Element, values: Values) -> Fraction:
    """The value of an element that is one to the eye: a number, a name, a fraction, a power with a whole exponent."""
    children = list(element)
    match element.tag:
        case "mn":
            return Fraction(element.text or "")
        case "mi":
            return values[element.text or ""]
        case "mfrac":
            return row_value([children[0]], values) / row_value([children[1]], values)
        case "msup":
            return row_value([children[0]], values) ** int(row_value([children[1]], values))
        case "msub":
            return values[f"{children[0].text}_{children[1].text}"]
    raise AssertionError(element.tag)


def row_value(children: list[ElementTree.Element], values: Values) -> Fraction:
    """The value of elements side by side, as they are read: rows within rows cannot be seen, brackets can."""
    row = Row(list(flat(children)), values)
    total = row.sum()
    assert not row.parts
    return total


def flat(children: list[ElementTree.Element]) -> Iterator[ElementTree.Element]:
    for child in children:
        if child.tag == "mrow":
            yield from flat(list(child))
        elif child.tag != "mspace":
            yield child


class Row:
    """The parts of a row that are still to be read."""

    def __init__(self, parts: list[ElementTree.Element], values: Values):
        self.parts, self.values = parts, values

    @property
    def sign(self) -> str | None:
        return self.parts[0].text if self.parts and self.parts[0].tag == "mo" else None

    def sum(self) -> Fraction:
        total = self.product()
        while self.sign in ("+", MINUS):
            sign = 1 if self.parts.pop(0).text == "+" else -1
            total += sign * self.product()
        return total

    def product(self) -> Fraction:
        if self.sign == MINUS:
            self.parts.pop(0)
            return -self.product()
        product = self.factor()
        while self.sign in (DOT, CROSS, TIMES):
            self.parts.pop(0)
            product *= self.factor()
        return product

    def factor(self) -> Fraction:
        part = self.parts.pop(0)
        if part.tag != "mo":
            return value_of(part, self.values)
        assert part.text in ("(", "|")
        inside = self.sum()
        assert self.parts.pop(0).text in (")", "|")
        return abs(inside) if part.text == "|" else inside


VALUES = {"x": Fraction(3, 2), "y": Fraction(-5, 7), "x_1": Fraction(11, 3), "θ": Fraction(2), "loss": Fraction(13, 5)}
FORMULAS = [
    ("x + y*2", lambda x, y, a, t, q: x + y * 2),
    ("x - (y - 2)", lambda x, y, a, t, q: x - (y - 2)),
    ("x - y - 2", lambda x, y, a, t, q: x - y - 2),
    ("-(x + y)", lambda x, y, a, t, q: -(x + y)),
    ("-x**2", lambda x, y, a, t, q: -(x**2)),
    ("(-x)**2", lambda x, y, a, t, q: (-x) ** 2),
    ("(x + y)**3*x1", lambda x, y, a, t, q: (x + y) ** 3 * a),
    ("2*3*x*5", lambda x, y, a, t, q: 30 * x),
    ("x/(y/theta)", lambda x, y, a, t, q: x / (y / t)),
    ("x/y*theta", lambda x, y, a, t, q: x / y * t),
    ("(x/y)**2", lambda x, y, a, t, q: (x / y) ** 2),
    ("(x**2)**3", lambda x, y, a, t, q: x**6),
    ("x**-2", lambda x, y, a, t, q: x**-2),
    ("abs(x*y - 1)*loss*2", lambda x, y, a, t, q: abs(x * y - 1) * q * 2),
    ("x*(-y)", lambda x, y, a, t, q: x * -y),
    ("-x*y + x", lambda x, y, a, t, q: -x * y + x),
    ("2 - -x", lambda x, y, a, t, q: 2 + x),
    ("θ*x₁", lambda x, y, a, t, q: t * a),
    ("1e2*x", lambda x, y, a, t, q: 100 * x),
]


@pytest.mark.parametrize(("text", "meaning"), FORMULAS, ids=[text for text, _ in FORMULAS])
def test_mathml_means_what_the_formula_means(text: str, meaning: object) -> None:
    root = ElementTree.fromstring(f"<mrow>{mathml(understand(text))}</mrow>")
    assert callable(meaning)
    assert row_value([root], VALUES) == meaning(*VALUES.values())


# -- pages


class Reader(HTMLParser):
    """The elements, attributes and text of a page; every element that is begun must end."""

    VOID = ("meta",)

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


PAGES = [
    ["diff", "x**2*y", "--at", "x=3,y=2"],
    ["diff", "where(x > 0, sin(x)/x, abs(x))", "--at", "x=-1:1:3"],
    ["diff", "relu(x)", "--at", "0"],
    ["diff", "sum((A@x - 1)**2)", "--at", "A=[[1,2],[3,4]]", "--at", "x=[1,2]"],
    ["diff", "[x, y]*x", "--order", "2", "--at", "x=1,y=2"],
    ["diff", "zeta(x)"],
    ["steps", "x*sin(x**2)", "--at", "3"],
    ["steps", "x*sin(x**2)", "x**x", "--title", "T", "--no-proof"],
    ["steps", "exp(-x)", "--no-solutions"],
    ["check", "sin(x**2)", "cos(x**2)"],
    ["check", "sin(x**2)", "f' = cos(x^2)*d/dx x^2"],
    ["check", "sum((x - y)**2)", "2*(x - y)", "--by", "x", "--at", "x=[1,2]", "--at", "y=[0,1]"],
    ["trace", "x*sin(x*y)", "--at", "x=2,y=3"],
]


@pytest.mark.parametrize("arguments", PAGES, ids=[" ".join(arguments) for arguments in PAGES])
def test_pages_are_well_formed_and_need_nothing_else(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main([*arguments, "--format", "html"])
    page = capsys.readouterr().out
    reader = Reader(page)
    names = {tag for tag, _ in reader.elements}
    assert page.startswith("<!DOCTYPE html>")
    assert "math" in names
    assert not names & {"script", "link", "img", "iframe", "object", "form", "input", "base"}
    for _, attributes in reader.elements:
        assert not {key for key in attributes if key.startswith("on") or key in ("src", "href")}
    assert not re.search(r"url\((?!#)|@import|https?://(?!www\.w3\.org/2000/svg)", page)


def page_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Reader:
    main([*arguments, "--format", "html"])
    return Reader(capsys.readouterr().out)


def test_of_many_points_a_page_shows_those_that_need_a_look(capsys: pytest.CaptureFixture[str]) -> None:
    page = page_of(["diff", "relu(x)", "--at", "x=-1:1:2001"], capsys)
    assert "21 of 2001 points: the first, and those that need a look" in page.text
    assert page.text.count("not-differentiable") == 1
    assert page_of(["diff", "relu(x)", "--at", "x=-1:1:2001", "--full"], capsys).text.count("agree") == 2000


def test_of_many_formulas_a_page_shows_some(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["diff", "sum((A@A)**2)", "--at", "A=" + str([[1] * 6] * 6), "--entries"]
    page = page_of(arguments, capsys)
    assert "and 12 more; --full shows all of them" in page.text
    assert sum(attributes.get("display") == "block" for _, attributes in page.elements) == 26  # one of the whole matrix


HOSTILE = '<script>alert("1")</script>&amp;<img src=x onerror=alert(1)>'


def test_what_users_type_is_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", "x**2", "--title", HOSTILE, "--format", "html"]) == 0
    reader = Reader(capsys.readouterr().out)
    assert HOSTILE in reader.text
    assert not {tag for tag, _ in reader.elements} & {"script", "img"}
    rows = [{"id": HOSTILE, "expr": "x**2", "claim": HOSTILE}, {"id": "</style>", "expr": HOSTILE, "claim": "2*x"}]
    rows += [{"id": "</table>", "expr": "x**2", "lines": ["u = x  # </td><script>", "f' = x"]}]
    path = tmp_path / "claims.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert main(["check", "--file", str(path), "--title", "</title><script>", "--format", "html"]) == 2
    reader = Reader(capsys.readouterr().out)
    assert reader.text.count(HOSTILE) >= 3
    assert not {tag for tag, _ in reader.elements} & {"script", "img"}


def test_where_only_ascii_can_be_written_a_page_says_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["check", "sin(θ**2)", "cos(θ**2)", "--format", "html"]
    main(arguments)
    page = capsys.readouterr().out
    monkeypatch.setenv("LC_ALL", "C")
    main(arguments)
    ascii_page = capsys.readouterr().out
    assert ascii_page.isascii()
    assert Reader(ascii_page).text == Reader(page).text
    assert "✗ wrong" in Reader(page).text


def test_deep_lists_are_no_work() -> None:
    """A list within lists is written once."""
    text = "x"
    for _ in range(40):
        text = f"[{text}]"
    assert mathml(understand(text)).count("<mi>x</mi>") == 1
