r"""A derivation rule by rule: a page for people, Markdown and LaTeX for handouts, and formats for programs.

`plain` has a line for each step: the variable, the depth, the part, its rule, the law in letters, what the letters are, the
derivative, and at a point its number.  Markdown has formulas between dollar signs; LaTeX has an `align*` block for each
derivation, for documents that use amsmath.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum

from gradcalc.commands.steps.steps import AtPoint, Derivation, Stepwise
from gradcalc.expression.latex import latex, name_latex
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node
from gradcalc.functions.derivation import Rule, Step
from gradcalc.output import json as machine
from gradcalc.output.latex import relation
from gradcalc.output.numbers import cut, exact
from gradcalc.output.options import RenderOptions, function_letter
from gradcalc.output.page import Page
from gradcalc.output.records import Format, machine_formats
from gradcalc.report import Partial

_DIGITS = 12
_LONGEST = 2_000
"""Characters of a formula that are shown to people."""


class _Place(Enum):
    """Where a line stands in a step: it opens it, closes it after the steps inside, or there are none."""

    OPENS = "opens"
    CLOSES = "closes"
    WHOLE = "whole"


def _lines(derivation: Derivation) -> Iterator[tuple[_Place, Step, str | None]]:
    """The steps as lines, each with its number if any."""
    open_steps: list[tuple[Step, str | None]] = []
    for place, (step, number) in enumerate(derivation.numbered):
        while open_steps and open_steps[-1][0].depth >= step.depth:
            yield _Place.CLOSES, *open_steps.pop()
        after = derivation.steps[place + 1].depth if place + 1 < len(derivation.steps) else 0
        if after > step.depth:
            open_steps.append((step, number))
            yield _Place.OPENS, step, number
        else:
            yield _Place.WHOLE, step, number
    for step, number in reversed(open_steps):
        yield _Place.CLOSES, step, number


def _rule(step: Step) -> str:
    """The name of the rule in words."""
    return f"chain rule, {step.rule.name}" if step.is_chain else step.rule.name


def _law_text(rule: Rule) -> str:
    if rule.name == "definition":
        return f"{unparse(rule.pattern)} = {unparse(rule.derivative)}"
    is_function = isinstance(rule.pattern, Call) and rule.pattern.name.isidentifier() and rule.pattern.name != "neg"
    whole = unparse(rule.pattern) if is_function else f"({unparse(rule.pattern)})"
    return f"{whole}' = {unparse(rule.derivative)}"


def _explanation(step: Step) -> str:
    if step.is_known:
        return "as above"
    letters = "".join(f", {letter} = {_cut(unparse(arg))}" for letter, arg in _letters(step).items())
    return f"{_rule(step)}: {_law_text(step.rule)}{letters}"


def _letters(step: Step) -> Mapping[str, Node]:
    """What the letters are, where that is not plain to see."""
    is_plain = len(step.bindings) == 1 and all(isinstance(arg, Name) for arg in step.bindings.values())
    return {} if is_plain else step.bindings


def _cut(text: str) -> str:
    return cut(text, _LONGEST, tail=f"... ({len(text)} characters)")


# ------------------------------------------------------------------------------------------------------------- table


def table(stepwise: Stepwise, options: RenderOptions) -> str:
    """The page for people: the parts below what they are parts of, and behind them what comes of them."""
    page = Page(options)
    report = stepwise.report
    f = function_letter(report)
    page.formula(f, report.read_as)
    if report.at:
        page.sentence("at " + page.assignments(report.at))
    page.notes(report.notes)
    for derivation, partial in zip(stepwise.derivations, report.partials, strict=True):
        page.line()
        left = f"∂{f}/∂{derivation.by}"
        for place, step, value in _lines(derivation):
            # However deep, half of the page is left for the formula.
            indent = min(2 * step.depth, page.width // 2)
            part = f"∂/∂{derivation.by} [{_cut(unparse(step.part))}]" if step.depth else left
            derivative = unparse(step.derivative)
            result = f"= {_cut(derivative)}"
            if value is not None and value != derivative:
                short = exact(value, _DIGITS)
                result += f" {'=' if short == value else '≈'} {short}"
            if place is not _Place.CLOSES:
                page.sentence(part if place is _Place.OPENS else f"{part} {result}", indent=indent, hanging=4)
                page.sentence(_explanation(step), "dim", indent=indent + 2, hanging=2)
            else:
                page.sentence(result if step.depth else f"{left} {result}", indent=indent, hanging=4)
        page.line()
        equation = None if partial.formula is None else f"{left} = {_cut(partial.formula)}"
        for sentence in _conclusion(derivation, partial, equation):
            page.sentence(sentence, hanging=4)
    page.verdict(report.verdict)
    return page.text()


def _conclusion(derivation: Derivation, partial: Partial, equation: str | None) -> Iterator[str]:
    """What stands behind the steps, from sympy's formula (as an equation) to the proof, in words without markup."""
    if equation is not None:
        yield f"by sympy: {equation}"
    if partial.symbolic is not None:
        yield f"exact: {partial.symbolic}"
    if partial.autograd is not None:
        yield f"autograd: {partial.autograd!r}"
    if partial.why is not None and partial.cause is not None:
        yield f"{partial.verdict} ({partial.cause}): {partial.why}"
    yield _proof(derivation)


_NOT_HERE = {
    AtPoint.NO_DERIVATIVE: "; not at the point itself, where there is no derivative",
    AtPoint.NO_RULE: "; not at the point itself, where a rule does not hold",
    AtPoint.UNKNOWN: "; whether they do so at the point itself is not known",
}


def _proof(derivation: Derivation) -> str:
    equal, wrong = derivation.equal, derivation.wrong
    if wrong:
        return f"wrong: the steps do not lead to the derivative, at {wrong} of {equal + wrong} points"
    if not equal:
        return "not proven: no point was found where the derivative exists and could be compared"
    not_here = _NOT_HERE.get(derivation.at_point, "") if derivation.at_point else ""
    points = f"{equal} point{'s' if equal != 1 else ''}"
    return f"checked: the steps give the derivative at {points}, in exact arithmetic{not_here}"


# ---------------------------------------------------------------------------------------------------------- handouts


_MARKDOWN = re.compile(r"[\\`*_<>\[\]$|#~]")
_TEX = re.compile(r"[\\{}$&#%_^~<>|]")
_TEX_WORDS = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip


def markdown(stepwise: Stepwise, options: RenderOptions) -> str:
    """Lists within lists, with formulas between dollar signs."""
    f = function_letter(stepwise.report)
    lines = [f"${f} = {stepwise.report.latex}$" + _values(stepwise, ", at ${}$")]
    for derivation, partial in zip(stepwise.derivations, stepwise.report.partials, strict=True):
        lines.append("")
        for indent, formula, rule in _handout_lines(derivation):
            lines.append(f"{'  ' * indent}- ${formula}$" + (f", {rule}" if rule else ""))
        for sentence in _sentences(f, derivation, partial, lambda text: _MARKDOWN.sub(r"\\\g<0>", text)):
            lines += ["", sentence]
    lines += _verdict(stepwise, "\n{}", lambda text: _MARKDOWN.sub(r"\\\g<0>", text))
    return options.text("\n".join(lines) + "\n")


def latex_blocks(stepwise: Stepwise, options: RenderOptions) -> str:
    """An `align*` block a derivation, and behind it a paragraph a sentence."""
    f = function_letter(stepwise.report)
    blocks = []
    for derivation, partial in zip(stepwise.derivations, stepwise.report.partials, strict=True):
        lines = [f"  & {f} = {stepwise.report.latex}" + _values(stepwise, r"\quad \text{{at }} {}")]
        for indent, formula, rule in _handout_lines(derivation):
            lines.append("  & " + r"\quad " * indent + formula + (rf" && \text{{{rule}}}" if rule else ""))
        blocks.append("\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}\n")
        blocks += (rf"\noindent {sentence}\par" + "\n" for sentence in _sentences(f, derivation, partial, _tex))
    blocks += _verdict(stepwise, "\\noindent {}\\par\n", _tex)
    return options.text("".join(blocks))


def _handout_lines(derivation: Derivation) -> Iterator[tuple[int, str, str]]:
    """The lines of a handout: how far each is indented, its formula, and its rule in words (empty behind the parts)."""
    for place, step, value in _lines(derivation):
        if place is _Place.CLOSES:
            yield step.depth + 1, _result(step, value), ""
        else:
            left = _derivative(derivation.by, latex(step.part))
            yield step.depth, left if place is _Place.OPENS else f"{left} {_result(step, value)}", _rule_latex(step)


def _derivative(by: str, of: str) -> str:
    return rf"\frac{{\partial}}{{\partial {name_latex(by)}}} \left[{of}\right]"


def _sentences(f: str, derivation: Derivation, partial: Partial, escape: Callable[[str], str]) -> Iterator[str]:
    """What stands behind the steps, with sympy's formula as a formula."""
    if partial.latex:
        yield rf"by sympy: $\frac{{\partial {f}}}{{\partial {name_latex(derivation.by)}}} = {partial.latex}$"
    yield from map(escape, _conclusion(derivation, partial, None))


def _tex(text: str) -> str:
    """Words for text mode: ASCII."""
    text = RenderOptions(ascii=True).text(text)
    return _TEX.sub(lambda match: _TEX_WORDS.get(match[0], f"\\{match[0]}"), text)


def _verdict(stepwise: Stepwise, line: str, escape: Callable[[str], str]) -> Iterator[str]:
    yield from (line.format(escape(f"note: {note}")) for note in stepwise.report.notes)
    if stepwise.report.verdict is not None:
        yield line.format(f"verdict: {stepwise.report.verdict}")


def _result(step: Step, value: str | None) -> str:
    is_plain = value is None or value == unparse(step.derivative)
    return f"= {latex(step.derivative)}" + ("" if is_plain else f" {relation(str(value))}")


def _values(stepwise: Stepwise, place: str) -> str:
    values = ", ".join(f"{name_latex(name)} = {latex(value)}" for name, value in stepwise.point.items())
    return place.format(values) if values else ""


def _rule_latex(step: Step) -> str:
    """The rule in words, with formulas between dollar signs."""
    if step.is_known:
        return "as above"
    whole, derivative = latex(step.rule.pattern), latex(step.rule.derivative)
    law = f"{whole} = {derivative}" if step.rule.name == "definition" else rf"\left({whole}\right)' = {derivative}"
    letters = "".join(f", ${letter} = {latex(arg)}$" for letter, arg in _letters(step).items())
    return f"{_rule(step).replace('_', ' ')}: ${law}${letters}"


# ---------------------------------------------------------------------------------------------------------- machines


def _rows(stepwise: Stepwise) -> Iterator[Sequence[object]]:
    for derivation in stepwise.derivations:
        for step, value in derivation.numbered:
            letters = ", ".join(f"{letter} = {unparse(arg)}" for letter, arg in step.bindings.items())
            cells = derivation.by, step.depth, unparse(step.part), _rule(step), _law_text(step.rule), letters
            yield *cells, unparse(step.derivative), value


def _fields(stepwise: Stepwise) -> Mapping[str, object]:
    return {"derivations": list(map(_derivation, stepwise.derivations)), "report": stepwise.report}


def _machine_conclusion(stepwise: Stepwise, options: RenderOptions) -> Mapping[str, object]:
    return {**machine.conclusion(stepwise.report, options), "exit_code": int(stepwise.exit)}


def _derivation(derivation: Derivation) -> Mapping[str, object]:
    steps = [
        {
            "depth": step.depth,
            "part": unparse(step.part),
            "rule": step.rule.name,
            "chain": step.is_chain,
            "law": _law_text(step.rule),
            "letters": {letter: unparse(arg) for letter, arg in step.bindings.items()},
            "derivative": unparse(step.derivative),
            "value": value,
            "known": step.is_known,
        }
        for step, value in derivation.numbered
    ]
    counts = {"equal": derivation.equal, "beside": derivation.beside, "wrong": derivation.wrong}
    return {"by": derivation.by, "steps": steps, "at_point": derivation.at_point, **counts}


FORMATS: dict[str, Format[Stepwise]] = {
    "table": table,
    **machine_formats("steps", _rows, _fields, _machine_conclusion),
    "latex": latex_blocks,
    "markdown": markdown,
}
