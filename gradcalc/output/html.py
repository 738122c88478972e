"""HTML: one page that needs nothing else: no script, no network; formulas are MathML; light and dark, narrow and printed.

Comes in: a document, or reports.  Goes out: text.  Whatever users typed is escaped here and in `mathml`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from html import escape
from itertools import groupby

from gradcalc.errors import one_line
from gradcalc.expression import mathml
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
from gradcalc.output.report_document import report_document
from gradcalc.report import Report

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --line: #d1d9e0; --paper: #ffffff;
  --good: #116329; --bad: #b3131f; --warning: #7d4e00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9198a1; --line: #3d444d; --paper: #0d1117;
  --good: #4ac26b; --bad: #ff7b72; --warning: #d9a32a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem; max-width: 50rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h1 + h2, h2:first-child { border-top: 0; padding-top: 0; margin-top: 0; }
p { margin: .5rem 0; }
code { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .9em; }
math { font-size: 1.1em; } mi.array { font-weight: bold; }
mtable.cases mtd { text-align: left; }
.display, .scroll { overflow-x: auto; overflow-y: hidden; margin: .5rem 0; padding: .2rem 0; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
.warning { color: var(--warning); font-weight: 600; } .dim { color: var(--dim); } .strong { font-weight: 600; }
ol.steps { list-style: none; margin: .5rem 0; padding: 0; }
ol.steps li { margin: .35rem 0; padding-left: calc(var(--depth) * 1.1rem); overflow-x: auto; overflow-y: hidden; }
ol.steps .words { color: var(--dim); font-size: .9rem; display: block; }
table { border-collapse: collapse; font-size: .95rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 400; white-space: nowrap; }
td { min-width: 4rem; } td .good, td .bad, td .warning { white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1rem 0; overflow-x: auto; } figcaption { color: var(--dim); font-size: .9rem; }
@media (max-width: 30rem) { body { padding: .8rem; } ol.steps li { padding-left: calc(var(--depth) * .6rem); } }
@media print { :root { color-scheme: light; --ink: #000; --dim: #444; --line: #bbb; --paper: #fff;
  --good: #000; --bad: #000; --warning: #000; } body { max-width: none; padding: 0; font-size: 10pt; }
  h2 { break-after: avoid; } li, tr, .display { break-inside: avoid; overflow: visible; } }
"""


def render(reports: Iterable[Report], options: RenderOptions) -> Iterator[str]:
    """One page for all reports, when they are complete."""
    document = report_document(reports, options)
    if document is not None:
        yield html(document, options)


def html(document: Document, options: RenderOptions) -> str:
    """The page of a document."""
    title = _escape(document.title) if document.title else ""
    heading = f"<h1>{title}</h1>\n" if title else ""
    body = "\n".join(map(_block, document.blocks))
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title or 'gradcalc'}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{heading}{body}\n</body>\n</html>\n"
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii") if options.ascii else page


def _block(block: Block) -> str:
    match block:
        case Heading(words):
            return f"<h2>{_words(words)}</h2>"
        case Paragraph(words, style):
            return f"<p{_class(style)}>{_words(words)}</p>"
        case Display(formula):
            return f'<div class="display">{_formula(formula, block=True)}</div>'
        case Derivation(lines):
            items = (
                f'<li style="--depth: {line.depth}">{_formula(line.formula, block=False)}'
                + (f'<span class="words">{_words(line.words)}</span>' if line.words else "")
                + "</li>"
                for line in lines
            )
            return '<ol class="steps">\n' + "\n".join(items) + "\n</ol>"
        case Table():
            return _table(block)
        case Drawing(svg, caption):
            return f"<figure>{svg.strip()}<figcaption>{_escape(caption)}</figcaption></figure>"


def _table(table: Table) -> str:
    classes = [' class="number"' if title.startswith("#") else "" for title in table.head]
    pairs = zip(table.head, classes, strict=True)
    head = "".join(f"<th{kind}>{_escape(title.removeprefix('#'))}</th>" for title, kind in pairs)
    rows = (
        "<tr>" + "".join(f"<td{kind}>{_words(cell)}</td>" for cell, kind in zip(row, classes, strict=True)) + "</tr>"
        for row in table.rows
    )
    titles = f"<thead><tr>{head}</tr></thead>\n" if any(table.head) else ""
    return f'<div class="scroll"><table>\n{titles}<tbody>\n' + "\n".join(rows) + "\n</tbody></table></div>"


def _words(words: Words) -> str:
    return "".join(map(_word, words))


def _word(word: str | Styled | Formula) -> str:
    match word:
        case Formula():
            return _formula(word, block=False)
        case Styled(text, "code"):
            return f"<code>{_escape(text)}</code>"
        case Styled(text, style):
            return f"<span{_class(style)}>{_escape(text)}</span>"
    return _escape(word)


def _escape(text: str) -> str:
    return escape(one_line(text))


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""


def _formula(formula: Formula, *, block: bool) -> str:
    display = ' display="block"' if block else ""
    inside = "".join(_term(term, formula.arrays) for term in formula.terms)
    return f'<math{display} displaystyle="true"><mrow>{inside}</mrow></math>'


def _term(term: Term, arrays: Collection[Node]) -> str:
    match term:
        case Derivative():
            return _derivative(term, arrays)
        case Number(text):
            return mathml.number(text) if text.strip("+-.0123456789eE") == "" else mathml.element("mtext", _escape(text))
        case Function(name):
            return mathml.element("mi", _escape(name))
        case Prime(of):
            inside = mathml.operator("(", form="prefix") + mathml.mathml(of) + mathml.operator(")", form="postfix")
            return mathml.row(inside, mathml.prime())
        case ",":
            return mathml.operator(",") + mathml.element("mspace", "", width="0.5em")
        case str():
            return mathml.operator(term)
        case Literal() | Name() | Call():
            return mathml.mathml(term, arrays)


def _derivative(derivative: Derivative, arrays: Collection[Node]) -> str:
    """∂²f/∂y∂x, with what is differentiated above the line, or in brackets behind it."""
    runs = ((Name(name), sum(1 for _ in run)) for name, run in groupby(reversed(derivative.by)))
    below = "".join(mathml.partial_sign() + _power(mathml.mathml(name, arrays), times) for name, times in runs)
    sign = _power(mathml.partial_sign(), len(derivative.by))
    if isinstance(derivative.of, str):
        function = mathml.element("mi", _escape(derivative.of))
        if derivative.entry:
            index = mathml.element("mtext", ",".join(map(str, derivative.entry)))
            function = mathml.element("msub", function + index)
        return mathml.fraction(sign + function, below)
    brackets = mathml.operator("[", form="prefix"), mathml.operator("]", form="postfix")
    return mathml.fraction(sign, below) + mathml.row(brackets[0], mathml.mathml(derivative.of, arrays), brackets[1])


def _power(base: str, times: int) -> str:
    return base if times == 1 else mathml.element("msup", mathml.row(base) + mathml.element("mn", str(times)))
