"""The words of a derivation: its lines in order, the names and laws of its rules, and what was checked.

Comes in: a derivation.  Goes out: lines and words without markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradcalc.commands.steps.steps import AtPoint, Derivation
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node
from gradcalc.functions.derivation import Rule, Step


def step_lines(derivation: Derivation) -> Iterator[tuple[bool, Step, str | None]]:
    """The steps as lines: each step once where it begins (False), and once behind its parts, with its result (True).

    A step that is known already has one line.
    """
    begun: list[tuple[Step, str | None]] = []
    for step, number in derivation.numbered:
        while begun and begun[-1][0].depth >= step.depth:
            yield True, *begun.pop()
        yield False, step, number
        if not step.is_known:
            begun.append((step, number))
    for step, number in reversed(begun):
        yield True, step, number


def rule_name(step: Step) -> str:
    """The name of the rule in words."""
    name = step.rule.name.replace("_", " ")
    return f"chain rule, {name}" if step.is_chain else name


def law_text(rule: Rule) -> str:
    """The law of a rule in letters."""
    if rule.name == "definition":
        return f"{unparse(rule.pattern)} = {unparse(rule.derivative)}"
    is_function = isinstance(rule.pattern, Call) and rule.pattern.name.isidentifier() and rule.pattern.name != "neg"
    whole = unparse(rule.pattern) if is_function else f"({unparse(rule.pattern)})"
    return f"{whole}' = {unparse(rule.derivative)}"


def letters_of(step: Step) -> Mapping[str, Node]:
    """What the letters of a law stand for, where that is not plain to see."""
    is_plain = len(step.bindings) == 1 and all(isinstance(arg, Name) for arg in step.bindings.values())
    return {} if is_plain else step.bindings


_NOT_HERE = {
    AtPoint.NO_DERIVATIVE: "; not at the point itself, where there is no derivative",
    AtPoint.NO_RULE: "; not at the point itself, where a rule does not hold",
    AtPoint.UNKNOWN: "; whether they do so at the point itself is not known",
}


def proof(derivation: Derivation) -> str:
    """Whether the steps lead to the derivative, and at how many points that was checked."""
    equal, wrong = derivation.equal, derivation.wrong
    if wrong:
        return f"wrong: the steps do not lead to the derivative, at {wrong} of {equal + wrong} points"
    if not equal:
        return "not proven: no point was found where the derivative exists and could be compared"
    not_here = _NOT_HERE.get(derivation.at_point, "") if derivation.at_point else ""
    points = f"{equal} point{'s' if equal != 1 else ''}"
    return f"checked: the steps give the derivative at {points}, in exact arithmetic{not_here}"
