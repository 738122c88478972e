"""Documents: headings, paragraphs, formulas, derivations and tables, which are written as HTML, Markdown or LaTeX.

Commands say what a document holds; `html`, `markdown` and `tex` write it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcalc.errors import CalcError
from gradcalc.expression.tree import Name, Node
from gradcalc.grammar import parse


@dataclass(frozen=True, slots=True)
class Derivative:
    """The derivative of a function, `f`, or of an expression in brackets, with respect to variables: one for each order."""

    of: str | Node
    by: Sequence[str]
    entry: Sequence[int] = ()
    """Of a function whose value is an array: which entry."""


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number, as it is shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Function:
    """The name of a function: `f`."""

    name: str


@dataclass(frozen=True, slots=True)
class Prime:
    """The derivative of an expression in letters: `(u*v)'`."""

    of: Node


Term = Node | Derivative | Number | Function | Prime | str
"""A part of a formula; a text is a relation, a dot or a comma: `=`, `≈`, `·`, `,`."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in a line of text: its parts, side by side; `arrays` are vectors and matrices in them, which are bold."""

    terms: Sequence[Term]
    arrays: Collection[Node] = ()


@dataclass(frozen=True, slots=True)
class Styled:
    """A text that stands out: `good`, `bad`, `warning`, `dim`, `strong`, or `code`."""

    text: str
    style: str


Words = Sequence[str | Styled | Formula]
"""A line of text."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a section."""

    words: Words


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `style` as for `Styled`."""

    words: Words
    style: str = ""


@dataclass(frozen=True, slots=True)
class Display:
    """A formula in a line of its own."""

    formula: Formula


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a derivation: how deep it stands, its formula, and the words behind it."""

    depth: int
    formula: Formula
    words: Words = ()


@dataclass(frozen=True, slots=True)
class Derivation:
    """The lines of a derivation."""

    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; a column whose head begins with `#` has numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[Words]]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing as SVG, with what it shows in words."""

    svg: str
    caption: str


Block = Heading | Paragraph | Display | Derivation | Table | Drawing


@dataclass(frozen=True, slots=True)
class Document:
    """A document: its title, if it has one, and its blocks; a standalone one is a whole file in every format."""

    title: str | None
    blocks: Sequence[Block]
    standalone: bool = False


def formula_of(text: str) -> Term:
    """The tree of a formula that the program wrote, or a number for text that is none."""
    try:
        return parse(text)
    except CalcError:
        return Number(text)


def names_formula(names: Sequence[str], arrays: Collection[Node] = ()) -> Formula:
    """Names in a row: `w, b`."""
    return Formula([term for place, name in enumerate(names) for term in [","] * (place > 0) + [Name(name)]], arrays)


def assignments(values: Mapping[str, Term]) -> Iterator[Term]:
    """The parts of `x = 3, y = 2`."""
    for place, (name, value) in enumerate(values.items()):
        yield from ([","] if place else [])
        yield Name(name)
        yield "="
        yield value
