"""Formulas of vectors and matrices, in gradcalc's own language: an operator or a function, its parts, its dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

_BINDS = {"+": 5, "*": 6, "/": 6, "@": 6, "neg": 7, "**": 8}
_COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!=", "and", "or"})
_TIGHTEST = 9


class Formula:
    """A formula; `op` is "name", "number", "+", "*", "/", "@", "transpose", "neg", "**" or a function.

    `rank` is the number of its dimensions, `text` how it is typed.  Equal texts are equal formulas.
    """

    __slots__ = ("op", "options", "parts", "rank", "text")

    def __init__(self, op: str, parts: Sequence[Formula], rank: int, *, options: Sequence[str] = (), text: str = ""):
        self.op, self.parts, self.rank, self.options = op, tuple(parts), rank, tuple(options)
        self.text = text or _text(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return self.text

    @property
    def is_one(self) -> bool:
        """Whether it is the number 1."""
        return self.text == "1"

    @property
    def is_number(self) -> bool:
        """Whether it is a number, or a quotient of two."""
        return self.op == "number" or (self.op == "/" and all(part.op == "number" for part in self.parts))

    @property
    def is_leaf(self) -> bool:
        """Whether it is a name or a number."""
        return not self.parts and self.op in ("name", "number")


def name(text: str, rank: int = 0) -> Formula:
    """A variable, or a size."""
    return Formula("name", (), rank, text=text)


def number(value: Fraction | int) -> Formula:
    """A number: an integer, or a quotient of two."""
    value = Fraction(value)
    if value < 0:
        return negative(number(-value))
    top, bottom = (Formula("number", (), 0, text=str(it)) for it in (value.numerator, value.denominator))
    return top if value.denominator == 1 else Formula("/", (top, bottom), 0)


def negative(formula: Formula) -> Formula:
    """The opposite."""
    return formula.parts[0] if formula.op == "neg" else Formula("neg", (formula,), formula.rank)


def call(function: str, *parts: Formula, rank: int, options: Sequence[str] = ()) -> Formula:
    """A function."""
    return Formula(function, parts, rank, options=options)


def shortest(*formulas: Formula) -> Formula:
    """The one with the shortest text: where several are right, that is the one."""
    return min(formulas, key=lambda formula: len(formula.text))


def _put(formula: Formula, least: int) -> str:
    return formula.text if _BINDS.get(formula.op, _TIGHTEST) >= least else f"({formula.text})"


def _text(formula: Formula) -> str:
    op, parts = formula.op, formula.parts
    if op == "+":
        return _put(parts[0], 5) + "".join(
            f" - {_put(part.parts[0], 6)}" if part.op == "neg" else f" + {_put(part, 6)}" for part in parts[1:]
        )
    if op == "neg":
        return "-" + _put(parts[0], 6)  # -A@x and -(A@x) are the same
    if op == "*":
        return "*".join(_factor(parts, place) for place in range(len(parts)))
    if op == "/":
        return _put(parts[0], 6) + "/" + _put(parts[1], 7)
    if op == "@":
        return "@".join(_operand(part, place) for place, part in enumerate(parts))
    if op == "**":
        exponent = parts[1].text
        return _put(parts[0], _TIGHTEST) + "**" + (exponent if parts[1].is_leaf else f"({exponent})")
    if op == "transpose":
        return _put(parts[0], _TIGHTEST) + ".T"
    if op in _COMPARISONS:
        return f" {op} ".join(part.text for part in parts)
    return f"{op}({', '.join([*(part.text for part in parts), *formula.options])})"


def _factor(parts: Sequence[Formula], place: int) -> str:
    """A factor of a product: behind an array, and before `@`, an operand of its own."""
    part = parts[place]
    is_chained = part.op == "@" and (part.rank == 0 or sum(other.rank > 0 for other in parts) > 1)
    is_apart = (is_chained and len(parts) > 1) or (place > 0 and part.op in ("*", "/"))
    return f"({part.text})" if is_apart else _put(part, 6)


def _operand(part: Formula, place: int) -> str:
    """An operand of a product of matrices."""
    is_apart = part.op == "neg" or (part.op in ("*", "/") and (place > 0 or part.parts[0].rank > 0))
    return f"({part.text})" if is_apart else _put(part, _TIGHTEST if part.op == "@" else 7)
