r"""LaTeX: the body of a document, for amsmath, or a whole document that compiles by itself.  ASCII only.

Comes in: a document.  Goes out: text.  Formulas stand in `\( \)`, so that paper breaks them where they are too long.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import groupby

from gradcalc.errors import one_line
from gradcalc.expression.characters import SUBSCRIPTS, greek_name, plain_subscripts
from gradcalc.expression.latex import latex, name_latex
from gradcalc.expression.tree import Call, Name, Node
from gradcalc.expression.tree import Number as Literal
from gradcalc.output.document import (
    Block,
    Derivation,
    Derivative,
    Display,
    Document,
    Drawing,
    Formula,
    Function,
    Heading,
    Number,
    Paragraph,
    Prime,
    Styled,
    Table,
    Term,
    Words,
)
from gradcalc.output.options import RenderOptions

_SPECIAL = re.compile(r"[\\{}$&#%_^~<>|]")
_WORDS = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip
_LATIN = {
    "Alpha": "A", "Beta": "B", "Epsilon": "E", "Zeta": "Z", "Eta": "H", "Iota": "I", "Kappa": "K", "Mu": "M", "Nu": "N",
    "Omicron": "O", "Rho": "P", "Tau": "T", "Chi": "X", "omicron": "o",
}  # fmt: skip
"""Greek letters that LaTeX writes as Latin ones."""
_RELATIONS = {"=": "=", "+": "+", "≈": r"\approx", ",": r",\quad", "·": r"\cdot"}
_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage{amsmath}
\usepackage[margin=2.2cm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt plus 2pt}
\emergencystretch=3em
\allowdisplaybreaks
\begin{document}
"""


def tex(document: Document, options: RenderOptions) -> str:
    """The body of a document, or all of one that is standalone."""
    blocks = [rf"\section*{{{escape(document.title)}}}"] if document.title else []
    body = "\n".join([*blocks, *map(_block, document.blocks)]) + "\n"
    return f"{_PREAMBLE}{body}\\end{{document}}\n" if document.standalone else body


def escape(text: str) -> str:
    """Words for text mode."""
    text = RenderOptions(ascii=True).text(
        re.sub("^[✓✗] ", "", one_line(text))
    )  # signs that usual fonts of LaTeX do not have
    return _SPECIAL.sub(lambda match: _WORDS.get(match[0], f"\\{match[0]}"), text).replace("--", "-{}-")


def formula_latex(formula: Formula) -> str:
    """The LaTeX of a formula, for mathematics mode."""
    return " ".join(_term(term, formula.arrays) for term in formula.terms)


def _block(block: Block) -> str:
    match block:
        case Heading(words):
            return rf"\subsection*{{{_words(words)}}}"
        case Paragraph(words):
            return rf"\noindent {_words(words)}\par"
        case Display(formula):
            return rf"\[ {formula_latex(formula)} \]"
        case Derivation(lines):
            return "\n".join(
                rf"\noindent\hangafter=1\hangindent={line.depth + 2}em\hspace*{{{line.depth}em}}"
                rf"\(\displaystyle {formula_latex(line.formula)}\)"
                + (rf"\quad{{\small {_words(line.words)}}}" if line.words else "")
                + r"\par"
                for line in lines
            )
        case Table():
            return _table(block)
        case Drawing(_, caption):
            return rf"\noindent {escape(caption)}\par"


def _table(table: Table) -> str:
    columns = "".join("r" if title.startswith("#") else "l" for title in table.head[:-1])
    share = max(0.3, 0.9 - 0.14 * len(table.head))
    lines = [" & ".join(map(_words, row)) + r" \\" for row in table.rows]
    head = " & ".join(escape(title.removeprefix("#")) for title in table.head) + r" \\ \hline"
    rows = "\n".join([head, *lines] if any(table.head) else lines)
    begin = rf"\begin{{tabular}}{{{columns}p{{{share:.2f}\linewidth}}}}"
    return "\\noindent\\begingroup\\raggedright\n" + begin + f"\n{rows}\n\\end{{tabular}}\\par\\endgroup"


def _words(words: Words) -> str:
    return "".join(map(_word, words))


def _word(word: str | Styled | Formula) -> str:
    match word:
        case Formula():
            return rf"\({formula_latex(word)}\)"
        case Styled(text, "code"):
            return rf"\texttt{{{escape(text)}}}"
        case Styled(text, style):
            return rf"\textbf{{{escape(text)}}}" if style in ("good", "bad", "warning", "strong") else escape(text)
    return escape(word)


def _term(term: Term, arrays: Collection[Node]) -> str:
    match term:
        case Derivative():
            return _derivative(term, arrays)
        case Number(text):
            return _number(text)
        case Function(name):
            return ascii_latex(name_latex(name))
        case Prime(of):
            return rf"\left({ascii_latex(latex(of))}\right)'"
        case str():
            return _RELATIONS.get(term, rf"\text{{{escape(term)}}}")
        case Literal() | Name() | Call():
            return ascii_latex(latex(term, arrays))


def ascii_latex(formula: str) -> str:
    """A formula with commands in place of Greek letters and subscripts."""
    if formula.isascii():
        return formula
    text = re.sub(rf"\\mathit\{{(\w)([{SUBSCRIPTS}]+)\}}", r"\1\2", formula)
    text = re.sub(rf"\\mathbf\{{(\w)([{SUBSCRIPTS}]+)\}}", r"\\mathbf{\1}\2", text)
    text = re.sub(f"[{SUBSCRIPTS}]+", lambda match: f"_{{{plain_subscripts(match[0])}}}", text)
    text = "".join(character if character.isascii() else _letter(character) for character in text)
    return RenderOptions(ascii=True).text(text)


def _letter(character: str) -> str:
    name = greek_name(character)
    return character if name == character else _LATIN.get(name, f"\\{name} ")


def _number(text: str) -> str:
    mantissa, _, exponent = text.lower().partition("e")
    if not mantissa.strip("+-.0123456789") and exponent:
        return rf"{mantissa} \times 10^{{{int(exponent)}}}"
    return text if not text.strip("+-.0123456789") else rf"\text{{{escape(text)}}}"


def _derivative(derivative: Derivative, arrays: Collection[Node]) -> str:
    order = len(derivative.by)
    runs = [(Name(name), sum(1 for _ in run)) for name, run in groupby(reversed(derivative.by))]
    below = " ".join(rf"\partial {ascii_latex(latex(name, arrays))}{_power(times)}" for name, times in runs)
    if isinstance(derivative.of, str):
        index = "_{" + ",".join(map(str, derivative.entry)) + "}" if derivative.entry else ""
        return rf"\frac{{\partial{_power(order)} {ascii_latex(name_latex(derivative.of))}{index}}}{{{below}}}"
    return rf"\frac{{\partial{_power(order)}}}{{{below}}} \left[{ascii_latex(latex(derivative.of, arrays))}\right]"


def _power(order: int) -> str:
    return f"^{{{order}}}" if order > 1 else ""
