"""Rationals as decimal text, and decimals as trees."""

from __future__ import annotations

from fractions import Fraction

from gradcalc.expression.tree import Call, Node, Number


def decimal_places(value: Fraction) -> int | None:
    """How many decimal places a rational has; None if they never end."""
    places, rest = 0, value.denominator
    for prime in (2, 5):
        times = 0
        while rest % prime == 0:
            rest //= prime
            times += 1
        places = max(places, times)
    return places if rest == 1 else None


def plain(value: Fraction) -> str:
    """A rational as a decimal where it has a short one, else as a quotient."""
    places = decimal_places(value)
    if places is None or places > 30:
        return str(value)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return ("-" if value < 0 else "") + text


def rational(value: Fraction) -> Node:
    """The tree of a rational, as `plain` writes it."""
    numerator, slash, denominator = plain(abs(value)).partition("/")
    tree: Node = Number(numerator)
    if value < 0:
        tree = Call("neg", (tree,))
    return Call("/", (tree, Number(denominator))) if slash else tree


def decimal(text: str) -> Node:
    """The tree of a decimal with or without a sign."""
    number = Number(text.lstrip("-"))
    return Call("neg", (number,)) if text.startswith("-") else number
