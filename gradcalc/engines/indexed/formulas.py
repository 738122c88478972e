"""Formulas of vectors and matrices, in gradcalc's own language: an operator or a function, its parts, its dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!=", "and", "or"})
_BINDS = {**dict.fromkeys(COMPARISONS, 1), "+": 5, "*": 6, "/": 6, "@": 6, "neg": 7, "**": 8}
_OF_ARRAYS = frozenset({"@", "diag", "ones", "softmax", "log_softmax", "cumsum", "cumprod", "[", "[]"})
"""What is not computed entry by entry."""
KEEPDIM = "keepdim=True"
_EASE = len(f", {KEEPDIM}") - 3
"""So much longer is `sum(X, dim=1, keepdim=True)` than it reads: it stands for two transposes."""
_TIGHTEST = 9
_MOST_PLACES = 40
"""Decimal places of a number that is written as a decimal."""


class Formula:
    """A formula; `op` is "name", "number", "+", "*", "/", "@", "transpose", "neg", "**", "[]", "entry" or a function.

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
    """A number: an integer, a quotient of two, or a decimal that is shorter than that."""
    value = Fraction(value)
    if value < 0:
        return negative(number(-value))
    decimal = decimal_text(value)
    if decimal is not None and len(decimal) < len(str(value)):
        return Formula("number", (), 0, text=decimal)
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
    return min(formulas, key=length)


def length(formula: Formula) -> int:
    """How long a formula reads."""
    return len(formula.text) - _EASE * formula.text.count(KEEPDIM)


def as_column(formula: Formula) -> Formula | None:
    """What is computed of reductions of the rows of matrices, as a matrix of one column; None for another vector."""
    if formula.options == ("dim=1",) and formula.parts[0].rank == 2:
        return Formula(formula.op, formula.parts, 2, options=[*formula.options, KEEPDIM])
    if formula.is_leaf or formula.options or formula.op in _OF_ARRAYS:
        return None
    parts = [part if part.rank == 0 else as_column(part) for part in formula.parts]
    whole = [part for part in parts if part is not None]
    return Formula(formula.op, whole, 2) if len(whole) == len(parts) else None


def _put(formula: Formula, least: int) -> str:
    return formula.text if _BINDS.get(formula.op, _TIGHTEST) >= least else f"({formula.text})"


def indexed(formula: Formula, at: str, axis: int = 0) -> Formula:
    """The entries of a vector or a matrix at an integer or a slice of one of its dimensions."""
    if formula.op == "transpose":
        inner = indexed(formula.parts[0], at, 1 - axis)
        return Formula("transpose", (inner,), 2) if inner.rank == 2 else inner
    rank = formula.rank if ":" in at else formula.rank - 1
    if formula.op == "[]":  # A[0][1] is A[0, 1]
        base = formula.parts[0]
        places = [*formula.options, *[":"] * (base.rank - len(formula.options))]
        place = [each for each, other in enumerate(places) if ":" in other][axis]
        if places[place] == ":":
            places[place] = at
            return Formula("[]", (base,), rank, options=places[:-1] if places[-1] == ":" else places)
    return Formula("[]", (formula,), rank, options=(":", at) if axis else (at,))


def decimal_text(value: Fraction) -> str | None:
    """A positive number as a decimal; None for one that has no end."""
    places = next((places for places in range(_MOST_PLACES) if (value * 10**places).denominator == 1), None)
    if places is None:
        return None
    digits = str(int(value * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


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
    if op == "[]":
        return f"{_put(parts[0], _TIGHTEST)}[{', '.join(formula.options)}]"
    if op == "entry":
        return f"{_put(parts[0], _TIGHTEST)}[{','.join(formula.options)}]"
    if op == "[":
        return f"[{', '.join(part.text for part in parts)}]"
    if not parts:
        return op  # pi
    if op == "transpose":
        return _put(parts[0], _TIGHTEST) + ".T"
    if op in COMPARISONS:
        return f" {op} ".join(_put(part, 2) for part in parts)
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
