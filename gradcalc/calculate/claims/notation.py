"""Lines of a derivation as people write them: `dL/dw`, `∂L/∂w`, `f'(x)`, `u'`, `d/dx sin(x**2)`, and chains of `=`.

Comes in: the text of a line.  Goes out: its sides.  In the text of a side every derivative is a name, `dL_dw`; what these
names stand for goes with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gradcalc.errors import CalcError
from gradcalc.expression.characters import GREEK, SUBSCRIPTS, plain
from gradcalc.expression.tree import MAX_CHARACTERS
from gradcalc.functions import TABLE
from gradcalc.functions.names import LETTERS

NAME = rf"[A-Za-z_{GREEK}][A-Za-z0-9_{GREEK}]*[{SUBSCRIPTS}]*"

# No two parts of a pattern may both take a run of blanks: on a long one that takes forever.
_FRACTION = re.compile(r"\\d?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_NUMERATOR = re.compile(r"\s*(?:d|\\partial(?![A-Za-z])|∂)\s*(.*)", re.DOTALL)
_ARROW = re.compile(r"\s*(?:=>|⇒|⟹|∴|→|->)\s*")
_LEIBNIZ = re.compile(rf"(?<![\w.'])(?:d|∂\s*)({NAME})\s*/\s*(?:d|∂\s*)({NAME})(?![\w(])")
_OPERATOR = re.compile(rf"(?<![\w.'])[d∂]\s*/\s*(?:d|∂\s*)({NAME})(?!\w)")
_PRIME = re.compile(rf"(?<![\w.'])({NAME})'(?:\(\s*({NAME})\s*\))?")
_HIGHER = re.compile(rf"(?<![\w.'])(?:[d∂]\s*(?:(?:\^|\*\*)\s*)?[2-9²³⁴]\s*(?:{NAME}\s*)?/\s*[d∂][^\s=]*|{NAME}\s*'')")
_POWER = re.compile(r"\s*(?:\*\*|\^)\s*(?:-\s*)?(?:[\w.]+|(?=\())|[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_FUNCTION = re.compile(rf"\s*({NAME})\s*\(\s*{NAME}(?:\s*,\s*{NAME})*\s*\)\s*")
_OPENED, _CLOSED = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Derivative:
    """A derivative that a line names: `of` a name or, for `d/dx (...)`, a text, with respect to the variable `by`."""

    of: str
    by: str
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an equation: its text in terms of names, as it was written, and the derivatives that some names are."""

    text: str
    written: str
    derivatives: Mapping[str, Derivative] = field(default_factory=dict)

    @property
    def derivative(self) -> Derivative | None:
        """The derivative that the whole side is, if it is one."""
        return self.derivatives.get(self.text.strip())

    @property
    def name(self) -> str | None:
        """The name that the side is, of a function without its arguments: `f` of `f(x)`."""
        function = _FUNCTION.fullmatch(self.text)
        if function and function[1] in TABLE:  # sin(x) is an expression
            return None
        name = function[1] if function else self.text.strip()
        return name if re.fullmatch(NAME, name) else None


class Names(NamedTuple):
    """The names of a derivation: those that are in use, and what a prime differentiates with respect to."""

    known: Collection[str]
    prime: Callable[[str], str]


def sides_of(text: str, names: Names, *, is_head: bool = False) -> list[Side]:
    """The sides of `a = b = c`; the first is empty in `= c`; a head has one, and its chain follows in other lines.

    Raises `CalcError` for what can be read in two ways.
    """
    if len(text) > MAX_CHARACTERS:
        raise CalcError(f"a line has at most {MAX_CHARACTERS} characters")
    text = re.sub("[′’ʹ]", "'", _FRACTION.sub(_without_latex, plain(text)))  # noqa: RUF001
    text = _ARROW.sub("", text, count=1) if _ARROW.match(text) else text
    higher = _HIGHER.search(text)
    if higher:
        raise CalcError(f"{higher[0].strip()} is a higher derivative", hint="check it as the derivative of the first one")
    parts = _equations(text)
    # `d/dx a*b = ...` is about the whole side; elsewhere it must be clear where the operand ends.
    return [_side(part, names, is_left=not place and (is_head or len(parts) > 1)) for place, part in enumerate(parts)]


def _without_latex(match: re.Match[str]) -> str:
    """A derivative that is written as a fraction of LaTeX, `dL/dw`; another fraction as it is."""
    above, below = (_NUMERATOR.fullmatch(part) for part in match.groups())
    return f"d{above[1].strip()}/d{below[1].strip()} " if above and below else match[0]


def is_derivation(text: str) -> bool:
    """Whether a claim is a chain of equations, or has derivatives on its right side."""
    parts = _equations(plain(text))
    patterns = (_LEIBNIZ, _OPERATOR, _PRIME)
    return len(parts) > 2 or (len(parts) == 2 and any(pattern.search(parts[1]) for pattern in patterns))


def _equations(text: str) -> list[str]:
    """The text between equals signs outside of brackets; `==`, `<=`, `>=` and `!=` are comparisons."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in _OPENED) - (character in _CLOSED)
        is_comparison = text[place - 1 : place] in tuple("=<>!") or text[place + 1 : place + 2] == "="
        if character == "=" and not depth and not is_comparison:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _side(text: str, names: Names, *, is_left: bool) -> Side:
    derivatives: dict[str, Derivative] = {}
    written = text.strip()

    def leibniz(match: re.Match[str]) -> str:
        of, by = match.groups()
        _refuse_quotient(match[0], (f"d{of}", f"d{by}"), names)
        if re.match(r"\s*(\*\*|\^|[²³⁴⁵⁶⁷⁸⁹])", match.string[match.end() :]):
            raise _two_readings(match[0] + " with a power", f"({match[0].strip()})**2", "a higher derivative")
        name = f"d{of}_d{by}"
        derivatives[name] = Derivative(of, by)
        return name + _joint(match.string[match.end() :])

    def prime(match: re.Match[str]) -> str:
        of, argument = match.groups()
        if not argument and match.string[match.end() : match.end() + 1] == "(":
            raise _two_readings(f"{of}'(...)", f"{of}'*(...)", "the derivative at another place")
        if of not in names.known and len(of) > 1 and set(of) <= {*names.known}:
            raise _two_readings(f"{of}'", f"{'*'.join(of)}'", f"({'*'.join(of)})'")
        by = argument or names.prime(of)
        name = f"d{of}_d{by}"
        derivatives[name] = Derivative(of, by)
        return name + _joint(match.string[match.end() :])

    text = _operators(text, names, derivatives, is_left=is_left)
    text = _PRIME.sub(prime, _LEIBNIZ.sub(leibniz, text))
    return Side(text, written, derivatives)


def _joint(behind: str) -> str:
    """What separates the name of a derivative from what is behind it: a factor, which would be read as part of the name."""
    after = behind.lstrip()[:1]
    return "*" if after == "(" or (behind[:1].isalnum() and not behind[:1].isspace()) else ""


def _operators(text: str, names: Names, derivatives: dict[str, Derivative], *, is_left: bool) -> str:
    """The text with a name in place of every `d/dx (...)`."""
    done, rest = "", text
    while match := _OPERATOR.search(rest):
        _refuse_quotient(match[0], ("d", f"d{match[1]}"), names)
        behind = rest[match.end() :]
        whole = is_left and not (done + rest[: match.start()]).strip()
        operand, end = (_whole(behind, match[0]), len(behind)) if whole else _factor(behind, match[0])
        name = f"d_d{match[1]}_{len(derivatives) + 1}"
        derivatives[name] = Derivative(operand, match[1], is_text=True)
        done, rest = done + rest[: match.start()] + name + _joint(behind[end:]), behind[end:]
    return done + rest


def _whole(text: str, operator: str) -> str:
    """The operand of an operator at the beginning of a side: all of it, unless it is a sum without brackets."""
    operand = text.strip()
    if not operand:
        raise CalcError(f"{operator} has no operand", hint=f"write {operator} (...)")
    if _has_sum(operand):
        raise _two_readings(f"{operator} {operand}", f"{operator} ({operand})", "the derivative of the first term alone")
    return _unbracketed(operand)


def _factor(text: str, operator: str) -> tuple[str, int]:
    """The operand of an operator inside of an expression, one factor, and where it ends."""
    start = len(text) - len(text.lstrip())
    end = _end_of_factor(text, start)
    if end <= start:
        raise CalcError(f"{operator} has no operand", hint=f"write {operator} (...)")
    operand, after = text[start:end], text[end:].lstrip()[:1]
    is_clear = text[start] == "[" or (text[start] == "(" and start == 0)
    if after and after not in "+-)]},;<>=" and not is_clear:
        written = f"{operator} {operand}"
        raise _two_readings(f"{written} {after}...", f"({written}) {after}...", f"{operator} ({operand} {after}...)")
    return _unbracketed(operand), end


def _end_of_factor(text: str, start: int) -> int:
    """Where the factor that begins at a place ends: a group, a name, a number or a call, each with its power."""
    base = re.compile(rf"\s*(?:{NAME}|[0-9.]+)?\s*").match(text, start)
    end = _end_of_group(text, base.end() if base else start)
    if end == start or (base and end == base.end()):
        end = len(text[:end].rstrip())
    power = _POWER.match(text, end)
    return _end_of_group(text, power.end()) if power and end > start else end


def _end_of_group(text: str, start: int) -> int:
    if text[start : start + 1] not in ("(", "["):
        return start
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in _OPENED) - (text[place] in _CLOSED)
        if not depth:
            return place + 1
    return len(text)


def _unbracketed(operand: str) -> str:
    """An operand without the brackets around it; square ones are no list here."""
    is_group = operand[:1] in ("(", "[") and _end_of_group(operand, 0) == len(operand)
    return operand[1:-1] if is_group else operand


def _has_sum(operand: str) -> bool:
    depth = 0
    for place, character in enumerate(operand):
        depth += (character in _OPENED) - (character in _CLOSED)
        before = operand[:place].rstrip()[-1:]
        if character in "+-" and not depth and before and before not in "*/^(+-eE":
            return True
    return False


def variable_of_prime(name: str, variables: Sequence[str]) -> str:
    """What `name'` is differentiated with respect to: the only variable.  Raises `CalcError` if there are several."""
    if len(variables) == 1:
        return variables[0]
    readings = " or ".join(f"d{name}/d{it}" for it in variables[:3]) or f"d{name}/dx"
    raise CalcError(f"{name}' can be read in two ways: {readings}", hint="write one of these, or give --by")


def require_name_of_expression(derivative: Derivative, variables: Collection[str]) -> None:
    """Raise `CalcError` for a derivative of a variable or of a function where that of the expression is meant."""
    of = derivative.of
    hint = f"call the expression by another name, as in df/d{derivative.by}"
    if of in variables:
        message = f"{of} is a variable of the expression: its derivative may be meant, or that of the expression"
        raise CalcError(message, hint=hint)
    if of in TABLE and len(of) > 1 and of not in LETTERS:
        raise CalcError(f"{of} is a function", hint=hint)


def _refuse_quotient(written: str, words: tuple[str, str], names: Names) -> None:
    """Raise `CalcError` where what looks like a derivative may be a quotient of names that are in use."""
    name = next((word for word in words if word in names.known), None)
    if name is not None:
        written = written.strip()
        raise CalcError(
            f"{written} may be a derivative or a quotient: {name} is a variable",
            hint=f"write {words[0]}*(1/{words[1]}) for the quotient, or rename the variable",
        )


def _two_readings(written: str, one: str, other: str) -> CalcError:
    return CalcError(f"{written.strip()} can be read in two ways: {one} or {other}", hint="add brackets")
