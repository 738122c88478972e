r"""A derivation rule by rule: for people who read, as Markdown and LaTeX for handouts, and for machines.

`plain` is a line a step, with tabs between: the variable, the depth, the part, its rule, the law in letters, what the
letters are, the derivative, and at a point its number.  Markdown has formulas between dollar signs; LaTeX is an `align*`
block a derivation, for documents that use amsmath.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum

from gradcalc.derivation import Law, Step
from gradcalc.render import RenderOptions, function_letter
from gradcalc.render import json as machine
from gradcalc.render.latex import relation
from gradcalc.report import SCHEMA, Partial
from gradcalc.stepwise import Derivation, Stepwise
from gradcalc.syntax import Call, Name, Node, unparse
from gradcalc.typeset import latex, name_latex

_DIGITS = 12
_LONGEST = 2_000
"""Characters of a formula that are shown to people."""


class _Place(Enum):
    """Where a line stands in a step: it opens it, closes it after the steps inside, or there are none."""

    OPENS = "opens"
    CLOSES = "closes"
    WHOLE = "whole"


def _lines(found: Derivation) -> Iterator[tuple[_Place, Step, str | None]]:
    """The steps as lines, each with its number if there is one."""
    numbers = list(found.numbers) or [None] * len(found.steps)
    open_steps: list[tuple[Step, str | None]] = []
    for place, (step, number) in enumerate(zip(found.steps, numbers, strict=True)):
        while open_steps and open_steps[-1][0].depth >= step.depth:
            yield _Place.CLOSES, *open_steps.pop()
        after = found.steps[place + 1].depth if place + 1 < len(found.steps) else 0
        if after > step.depth:
            open_steps.append((step, number))
            yield _Place.OPENS, step, number
        else:
            yield _Place.WHOLE, step, number
    for step, number in reversed(open_steps):
        yield _Place.CLOSES, step, number


def _rule(step: Step) -> str:
    """The name of the rule, as people say it."""
    return f"chain rule, {step.law.rule}" if step.is_chain else step.law.rule


def _law(law: Law) -> str:
    if law.rule == "definition":
        return f"{unparse(law.whole)} = {unparse(law.derivative)}"
    is_function = isinstance(law.whole, Call) and law.whole.name.isidentifier() and law.whole.name != "neg"
    whole = unparse(law.whole) if is_function else f"({unparse(law.whole)})"
    return f"{whole}' = {unparse(law.derivative)}"


def _explained(step: Step) -> str:
    if step.is_known:
        return "as above"
    letters = "".join(f", {letter} = {_cut(unparse(arg))}" for letter, arg in _letters(step).items())
    return f"{_rule(step)}: {_law(step.law)}{letters}"


def _letters(step: Step) -> Mapping[str, Node]:
    """What the letters are, where that is not plain to see."""
    is_plain = len(step.letters) == 1 and all(isinstance(arg, Name) for arg in step.letters.values())
    return {} if is_plain else step.letters


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


# ------------------------------------------------------------------------------------------------------------- table


def table(found: Stepwise, options: RenderOptions) -> str:
    """For people who read: the parts below what they are parts of, and behind them what comes of them."""
    from gradcalc.render.page import Page, last_line, number, typed

    page = Page(options)
    report = found.report
    f = function_letter(report)
    page.formula(f, report.read_as)
    if report.at:
        page.sentence("at " + ", ".join(f"{name} = {typed(value, page)}" for name, value in report.at.items()))
    for derivation, partial in zip(found.derivations, report.partials, strict=True):
        page.line()
        left = f"∂{f}/∂{derivation.by}"
        for place, step, exact in _lines(derivation):
            # However deep, half of the page is left for the formula.
            indent = min(2 * step.depth, page.width // 2)
            part = f"∂/∂{derivation.by} [{_cut(unparse(step.part))}]" if step.depth else left
            result = f"= {_cut(unparse(step.derivative))}"
            if exact is not None and exact != unparse(step.derivative):
                short = number(exact, _DIGITS)
                result += f" {'=' if short == exact else '≈'} {short}"
            if place is not _Place.CLOSES:
                page.sentence(part if place is _Place.OPENS else f"{part} {result}", indent=indent, hanging=4)
                page.sentence(_explained(step), "dim", indent=indent + 2, hanging=2)
            else:
                page.sentence(result if step.depth else f"{left} {result}", indent=indent, hanging=4)
        page.line()
        for sentence in _ending(derivation, partial, left):
            page.sentence(sentence, hanging=4)
    if report.verdict is not None:
        page.line()
        last_line(report.verdict, "", page)
    return page.written()


def _ending(found: Derivation, partial: Partial, left: str) -> Iterator[str]:
    if partial.formula is not None:
        yield f"by sympy: {left} = {_cut(partial.formula)}"
    if partial.symbolic is not None:
        yield f"exact: {partial.symbolic}"
    if partial.autograd is not None:
        yield f"autograd: {partial.autograd!r}"
    if partial.why is not None and partial.cause is not None:
        yield f"{partial.verdict} ({partial.cause}): {partial.why}"
    yield _proof(found)


def _proof(found: Derivation) -> str:
    if found.wrong:
        return f"wrong: the steps do not lead to the derivative, at {found.wrong} of {found.equal + found.wrong} points"
    if not found.equal:
        return "not proven: no point was found where the derivative exists and could be compared"
    points = f"{found.equal} point{'s' if found.equal != 1 else ''}"
    beside = "; not at the point itself, where a rule does not hold" if found.beside else ""
    return f"proven: the steps give the derivative at {points}, in exact arithmetic{beside}"


# ---------------------------------------------------------------------------------------------------------- handouts


def markdown(found: Stepwise, options: RenderOptions) -> str:
    """Lists within lists, with formulas between dollar signs."""
    report = found.report
    f = function_letter(report)
    lines = [f"${f} = {report.latex}$" + _at(found, ", at ${}$")]
    for derivation in found.derivations:
        lines.append("")
        for place, step, exact in _lines(derivation):
            indent = "  " * (step.depth + (place is _Place.CLOSES))
            left = "" if place is _Place.CLOSES else _derivative(derivation.by, step)
            right = "" if place is _Place.OPENS else f" {_result(step, exact)}"
            lines.append(
                f"{indent}- ${(left + right).strip()}$" + ("" if place is _Place.CLOSES else f", {_told(step, '${}$')}")
            )
    return options.text("\n".join(lines) + "\n")


def latex_blocks(found: Stepwise, options: RenderOptions) -> str:
    """An `align*` block a derivation."""
    report = found.report
    f = function_letter(report)
    blocks = []
    for derivation in found.derivations:
        lines = [f"  & {f} = {report.latex}" + _at(found, r"\quad \text{{at }} {}")]
        for place, step, exact in _lines(derivation):
            indent = r"\quad " * (step.depth + (place is _Place.CLOSES))
            left = "" if place is _Place.CLOSES else _derivative(derivation.by, step)
            right = "" if place is _Place.OPENS else f" {_result(step, exact)}"
            told = "" if place is _Place.CLOSES else rf" && \text{{{_told(step, '${}$')}}}"
            lines.append(f"  & {indent}{(left + right).strip()}{told}")
        blocks.append("\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}\n")
    return options.text("".join(blocks))


def _derivative(by: str, step: Step) -> str:
    return rf"\frac{{\partial}}{{\partial {name_latex(by)}}} \left[{latex(step.part)}\right]"


def _result(step: Step, exact: str | None) -> str:
    is_plain = exact is None or exact == unparse(step.derivative)
    return f"= {latex(step.derivative)}" + ("" if is_plain else f" {relation(str(exact))}")


def _at(found: Stepwise, place: str) -> str:
    from gradcalc.functions.resolve import understand

    values = ", ".join(f"{name_latex(name)} = {latex(understand(text))}" for name, text in found.report.at.items())
    return place.format(values) if values else ""


def _told(step: Step, formula: str) -> str:
    """The rule in words, with formulas for mathematics mode."""
    if step.is_known:
        return "as above"
    law = f"{latex(step.law.whole)} = {latex(step.law.derivative)}"
    if step.law.rule != "definition":
        law = rf"\left({latex(step.law.whole)}\right)' = {latex(step.law.derivative)}"
    letters = "".join(f", {formula.format(f'{letter} = {latex(arg)}')}" for letter, arg in _letters(step).items())
    return f"{_rule(step).replace('_', ' ')}: {formula.format(law)}{letters}"


# ---------------------------------------------------------------------------------------------------------- machines


def plain(found: Stepwise, options: RenderOptions) -> str:
    """Tab-separated lines, one a step, the whole before its parts."""
    lines = []
    for derivation in found.derivations:
        numbers = derivation.numbers or [None] * len(derivation.steps)
        for step, exact in zip(derivation.steps, numbers, strict=True):
            letters = ", ".join(f"{letter} = {unparse(arg)}" for letter, arg in step.letters.items())
            cells = (derivation.by, str(step.depth), unparse(step.part), _rule(step), _law(step.law), letters)
            lines.append("\t".join([*cells, unparse(step.derivative), exact or ""]))
    return "".join(options.text(line) + "\n" for line in lines)


def json(found: Stepwise, options: RenderOptions) -> str:
    """One object: the steps of each derivation, and the proven answer."""
    derivations = []
    for derivation in found.derivations:
        numbers = derivation.numbers or [None] * len(derivation.steps)
        steps = [
            {
                "depth": step.depth,
                "part": unparse(step.part),
                "rule": step.law.rule,
                "chain": step.is_chain,
                "law": _law(step.law),
                "letters": {letter: unparse(arg) for letter, arg in step.letters.items()},
                "derivative": unparse(step.derivative),
                "value": exact,
                "known": step.is_known,
            }
            for step, exact in zip(derivation.steps, numbers, strict=True)
        ]
        derivations.append(
            {
                "by": derivation.by,
                "steps": steps,
                "equal": derivation.equal,
                "beside": derivation.beside,
                "wrong": derivation.wrong,
            }
        )
    told = {"schema": SCHEMA, "command": "steps", "derivations": derivations, "report": machine.as_object(found.report)}
    return machine.line(told)


FORMATS: dict[str, Callable[[Stepwise, RenderOptions], str]] = {
    "table": table, "plain": plain, "json": json, "latex": latex_blocks, "markdown": markdown,
}  # fmt: skip
