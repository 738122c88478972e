"""Texts that the rules of precedence read in one way and people may mean in another: `1/2x`, `e^2x`, `x^1/2`, `3e-x`.

Comes in: what was read, and how it stood in the text.  Goes out: an error with both readings, or a note that names the
other, or nothing.  Blanks say that somebody divided the text on purpose: `1/2 m v^2` is read in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial
from math import gcd
from typing import NamedTuple

from gradcalc.errors import CalcError, Span
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number, integer_literal
from gradcalc.grammar.tokens import Token

_CONSTANTS = ("e", "E", "pi", "tau")
_LONGEST = 80

Note = Callable[[], str]
"""A note that is written only if it is wanted: texts of trees are long."""


class Power(NamedTuple):
    """A power whose exponent has no parentheses: its node, where its text ends, and whether it was written `^`."""

    node: Call
    end: int
    is_caret: bool


def shown(node: Node) -> str:
    """A tree as text for a hint, not too long."""
    text = unparse(node)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def product(left: Node, right: Node) -> Call:
    """A product that is shown only."""
    return Call("*", (left, right))


def _two_ways(text: str, span: Span, first: Node, second: Node) -> CalcError:
    span = _balanced(text, span)
    typed = " ".join(text[span.start : span.end].split())
    typed = typed if len(typed) <= _LONGEST else f"{typed[:_LONGEST]}..."
    return CalcError(f"{typed} can be read in two ways", span=span, hint=f"write {shown(first)}, or {shown(second)}")


def _other_way(text: str, span: Span, read: Node, other: Node) -> str:
    span = _balanced(text, span)
    typed = " ".join(text[span.start : span.end].split())
    return f"{typed[:_LONGEST]} was read as {shown(read)}; for the other reading write {shown(other)}"


def _balanced(text: str, span: Span) -> Span:
    """A span with the parentheses around its ends, which are not part of the nodes inside."""
    start, end = span.start, span.end
    part = text[start:end]
    for _ in range(part.count(")") - part.count("(")):
        if text[start - 1 : start] == "(":
            start -= 1
    for _ in range(text[start:end].count("(") - text[start:end].count(")")):
        if text[end : end + 1] == ")":
            end += 1
    return Span(start, end)


def after_division(text: str, left: Node, right: Node, touches: bool) -> Note | None:
    """A factor without an operator after a quotient: `1/2x`, `a/bc`.  Raises `CalcError`, or returns a note."""
    if not (isinstance(left, Call) and left.name == "/"):
        return None
    above, below = left.args
    span = left.span.to(right.span)
    inside: Node = Call("/", (above, product(below, right)))
    is_fraction = _is_number(above) and _is_number(below)
    if touches and not is_fraction:
        raise _two_ways(text, span, inside, product(left, right))
    if is_fraction and not touches:
        return None
    return partial(_other_way, text, span, product(left, right), inside)


def after_power(text: str, power: Power, right: Node, touches: bool, variables: Collection[str]) -> Note | None:
    """A factor without an operator after a power: `e^2x`.  Raises `CalcError`, or returns a note."""
    base, exponent = power.node.args
    inside: Node = Call("**", (base, product(exponent, right)))
    outside = product(power.node, right)
    span = power.node.span.to(right.span)
    is_constant = _is_constant(base, variables)
    if integer_literal(exponent) is None and not isinstance(exponent, Number):
        if touches:
            raise _two_ways(text, span, inside, outside)
        return None
    if is_constant and touches:
        raise _two_ways(text, span, inside, outside)
    innermost = right.args[0] if isinstance(right, Call) and right.name == "**" else right
    if is_constant or (touches and isinstance(innermost, Name)):
        return partial(_other_way, text, span, outside, inside)
    return None


def divided_power(text: str, power: Power, operator: str, right: Node, variables: Collection[str]) -> Note | None:
    """A quotient or product that touches a power: `x^1/2`, `e^-x^2/2`.  Raises `CalcError`, or returns a note."""
    base, exponent = power.node.args
    inside: Node = Call("**", (base, Call(operator, (exponent, right))))
    outside: Node = Call(operator, (power.node, right))
    span = power.node.span.to(right.span)
    whole, below = integer_literal(exponent), integer_literal(right)
    if whole is not None and below is not None and operator == "/" and isinstance(right, Number):
        if abs(whole) == 1 and below > 1:
            if power.is_caret:
                raise _two_ways(text, span, inside, outside)
            return partial(_other_way, text, span, outside, inside)
        if power.is_caret and below > 1 and gcd(whole, below) == 1:
            return partial(_other_way, text, span, outside, inside)
        return None
    is_constant = _is_constant(base, variables)
    is_open = isinstance(exponent, Call) and exponent.name in ("neg", "**") and whole is None
    if is_constant and power.is_caret and is_open and (operator == "/" or isinstance(right, Name | Number)):
        return partial(_other_way, text, span, outside, inside)
    return None


def lost_power(text: str, operator: Token, following: Token, variables: Collection[str]) -> None:
    """Raise `CalcError` for `3e-x`, which is not a number in scientific notation."""
    found = re.search(
        r"(?<![\w.])([0-9]+\.?[0-9]*|\.[0-9]+)([eE])$", text[max(0, operator.span.start - 70) : operator.span.start]
    )
    if (
        found is None
        or found[2] in variables
        or following.kind not in ("name", "(")
        or following.span.start != operator.span.end
    ):
        return
    number, rest = found[1], following.text if following.kind == "name" else "(...)"
    raise CalcError(
        f"{found[0]}{operator.text}{rest} can be read in two ways",
        span=Span(operator.span.start - len(found[0]), following.span.end),
        hint=f"write {number}*e {operator.text} {rest}, or {number}*e**({operator.text.replace('+', '')}{rest})",
    )


def suffix(number: Token, name: Token) -> None:
    """Raise `CalcError` for numbers of other languages: `1j`, `1.0f`, `1.5d0`, `0x10`, `1_0`; and for `1e5e`."""
    text = number.text + name.text
    span = number.span.to(name.span)
    if name.text in ("i", "j", "I", "J"):
        hint = f"write {number.text}*{name.text} for a variable {name.text}; arithmetic is real, without an imaginary unit"
        raise CalcError(f"{text} is an imaginary number", span=span, hint=hint)
    if "." in number.text and name.text in ("f", "F", "d", "L"):
        hint = f"write {number.text} for the number, {number.text}*{name.text} for a product"
        raise CalcError(f"{text} is a number of C", span=span, hint=hint)
    if re.fullmatch("[dD][0-9]+", name.text) and ("." in number.text or name.text[1:] == "0"):
        hint = f"write {number.text.rstrip('.')}e{name.text[1:]} for the number, {number.text}*{name.text} for a product"
        raise CalcError(f"{text} is a number of Fortran", span=span, hint=hint)
    if name.text in ("e", "E") and "e" in number.text.lower():
        raise CalcError(f"{text} is not a number", span=span, hint=f"write {number.text}*e for a product")
    if name.text.startswith("_") or (number.text == "0" and name.text[:1] in "xXbBoO" and name.text[1:2].isalnum()):
        plain = text.replace("_", "")
        hint = f"write {plain}" if plain.isdigit() else "write * to multiply; numbers are decimal"
        raise CalcError(f"{text} is not a number here", span=span, hint=hint)


def percent(before: Token | None, sign: Token, following: Token, *, is_spreadsheet: bool) -> None:
    """Raise `CalcError` for a percent sign: `5%`, `5% x`; between two operands it is a remainder."""
    number = before.text if before is not None and before.kind == "number" else ""
    is_apart = before is not None and before.span.end == sign.span.start and following.span.start > sign.span.end
    if following.kind in ("number", "name", "(", "-", "+") and not (number and is_apart) and not is_spreadsheet:
        return
    hint = f"write {number or 5}/100 for {number or 'five'} percent, remainder(x, y) for a remainder"
    raise CalcError("% can be read in two ways", span=sign.span, hint=hint)


def spreadsheet_minus(minus: Token, power: Call) -> None:
    """Raise `CalcError` for `=-A1^2`: there a minus binds before a power."""
    base, exponent = power.args
    other = Call("**", (Call("neg", (base,)), exponent))
    hint = f"there a minus binds first: write {shown(other)}, or {shown(Call('neg', (power,)))}"
    span = minus.span.to(power.span)
    raise CalcError("a minus before a power means something else in a spreadsheet", span=span, hint=hint)


def bars(text: str, closed: int, opened: Token) -> None:
    """Raise `CalcError` for `|x|y|z|`: a bar that opens behind an operand which stands behind one that closed."""
    between = text[closed : opened.span.start] if 0 <= closed <= opened.span.start else ""
    if between.strip() and re.fullmatch(r"[\w\s.]{1,200}", between):
        hint = "write abs(...) for absolute values"
        raise CalcError("bars that can be read in two ways", span=Span(closed - 1, opened.span.end), hint=hint)


def differential(left: Node, right: Node, variables: Collection[str]) -> None:
    """Raise `CalcError` for the dx of an integral: `x^2 dx`."""
    name = right.name if isinstance(right, Name) else ""
    if name not in variables and re.fullmatch("d[a-z]", name) and not isinstance(left, Number):
        raise CalcError(
            f"{name} looks like a differential",
            span=right.span,
            hint=f"leave out {name}; write *{name} if it is a variable",
        )


def derivative(above: Node, below: Node, variables: Collection[str]) -> None:
    """Raise `CalcError` for `d/dx`, `dy/dx` and `d^2/dx^2`."""
    first, second = _base(above), _base(below)
    if isinstance(above, Call) and above.name == "*":  # d^2 y/dx^2
        leading = _base(above.args[0])
        first = leading if leading == "d" else first
    if first is None or second is None or first in variables or second in variables:
        return
    if re.fullmatch("d|d[A-Za-z]", first) and re.fullmatch("d[A-Za-z]", second):
        name = f"{first}/{second}"
        raise CalcError(
            f"{name} is a derivative, which gradcalc computes itself",
            span=above.span.to(below.span),
            hint=f"leave out {name}: write the function alone, and --by {second[1:]}",
        )


def _base(node: Node) -> str | None:
    while isinstance(node, Call) and node.name in ("**", "*", "neg"):
        node = node.args[-1 if node.name == "*" else 0]
    return node.name if isinstance(node, (Name, Call)) else None


def _is_constant(node: Node, variables: Collection[str]) -> bool:
    return _is_number(node) or (isinstance(node, Name) and node.name in _CONSTANTS and node.name not in variables)


def _is_number(node: Node) -> bool:
    return isinstance(node, Number) or (isinstance(node, Call) and node.name == "neg" and _is_number(node.args[0]))


_WORDS = """mu nu xi pi eta tau phi chi psi rho lr dx dy dt dz dw db th re im lo hi mse bce acc max min std var cov sig eps
tmp num den abs log the out inp obs hat bar pos neg idx dim len net act fan avg ref tgt src"""
_SHORT_WORDS = frozenset(_WORDS.split())
"""Short names that are words, not products of letters."""
_SYLLABLE = re.compile("[^aeiou][aeiou][^aeiou]", re.IGNORECASE)


def names(used: Collection[str], variables: Collection[str]) -> list[str]:
    """Notes on names of which nothing says that they are variables: `at`, `x2` beside `x`, the imaginary unit."""
    found = []
    for name in used:
        if name in variables:
            continue
        if re.fullmatch("[A-Za-z]{2,3}", name) and not (name.lower() in _SHORT_WORDS or _SYLLABLE.fullmatch(name)):
            found.append(f"{name} is one variable; for a product write {'*'.join(name)}")
        elif re.fullmatch("[A-Za-z][2-9]", name) and name[0] in used:
            found.append(f"{name} is a variable of its own; for a power write {name[0]}**{name[1]}")
        elif re.fullmatch("(?:[A-Za-z][0-9]){2,4}", name):
            found.append(f"{name} is one variable; for a product write {'*'.join(re.findall('[A-Za-z][0-9]', name))}")
        elif name == "x10":
            found.append("x10 is a variable; for a number in scientific notation write 2e3, or 2*10**3")
        elif re.fullmatch("pi[a-z]", name):
            found.append(f"{name} is one variable; for a product write pi*{name[2:]}")
        elif name in ("i", "I", "j"):
            found.append(f"{name} is a variable, not the imaginary unit: arithmetic is real")
    return found
