"""Points: the text of `--at` and of batch lines, one point or a grid.

"x=3"  "x=1/2"  "x=pi/2"  "x=1,y=2"     a value for each variable: any constant expression
"3"  "0, -1"                             values in order of appearance
"x=0:1:11"                               11 values from 0 to 1, one point each
"x=2;3"  "x=2" "x=3"                     two points
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from gradcalc.errors import CalcError, MissingValues, Span
from gradcalc.expression import characters
from gradcalc.expression.decimals import plain, rational
from gradcalc.expression.tree import MAX_NUMBER_CHARACTERS, Call, Number
from gradcalc.functions.names import absent
from gradcalc.inputs.array_text import ArrayText
from gradcalc.inputs.limits import MAX_POINTS
from gradcalc.inputs.values import Point, Value, nearest_double, read_value, value_tree


def read_at(texts: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """`--at` options as named values and values without a name, as text.

    A variable that several options give has the values of several points, `"2;3"`.  Raises `CalcError` for a name that is
    given twice otherwise, and for a text that is not an assignment.
    """
    named: dict[str, str] = {}
    nameless: list[str] = []
    for text in texts:
        own: set[str] = set()
        pieces = list(_pieces(text))
        for piece, place in pieces:
            if not piece.strip() and piece != text:
                raise CalcError("missing value beside a comma", source=text, span=Span(max(place - 1, 0), place + 1))
            name, equals, value = piece.partition("=")
            if not equals and piece.strip().startswith("@"):
                raise CalcError(f"the file {piece.strip()} has no variable", source=text, hint=f"write x={piece.strip()}")
            if not equals:
                nameless.append(piece.strip())
                continue
            name = characters.plain(name.strip())
            span = Span(place, place + len(piece))
            if not characters.is_name(name):
                raise CalcError(f"'{name}' is not a valid variable name", source=text, span=span, hint="write x=3")
            if name in own or (name in named and len(pieces) > 1):
                hint = f"write --at {name}=2 --at {name}=3 for two points, and several variables in a file: --points FILE"
                raise CalcError(f"{name} is given twice", source=text, span=span, hint=hint)
            own.add(name)
            named[name] = f"{named[name]};{value.strip()}" if name in named else value.strip()
    return named, nameless


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    """The parts of a text between commas that stand outside of parentheses."""
    depth = start = 0
    for place, character in enumerate(text + ","):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth <= 0:
            yield text[start:place], start
            start = place + 1
    if start <= len(text):
        yield text[start:], start


def assign(names: Sequence[str], named: Mapping[str, str], nameless: Sequence[str], expr: str = "") -> dict[str, str]:
    """Values for the variables `names` of an expression, whose text may be given for hints, in their order.

    Raises `CalcError` for a missing value, for a name that does not occur, and for values without a name that do not fit
    the variables one by one.
    """
    for name in named:
        if name not in names:
            raise absent(name, names, named, expr)
    values = dict(named)
    open_names = [name for name in names if name not in values]
    if nameless:
        if len(nameless) != len(open_names):
            choices = ", ".join(open_names) or "none"
            if not open_names and len(named) == 1:
                (name, value), *_ = named.items()
                texts = [value, *nameless]
                points = " ".join(f"--at {name}={text}" for text in texts[:3])
                hint = f'write {points} for points, --at "{name}=[{", ".join(texts[:3])}]" for a list'
                raise CalcError(_count(len(nameless), "unnamed value"), hint=hint)
            if len(open_names) == 1:
                (name,) = open_names
                points = " ".join(f"--at {name}={value}" for value in nameless[:3])
                hint = f'write {points} for points, --at "{name}=[{", ".join(nameless[:3])}]" for a list'
                raise CalcError(f"{_count(len(nameless), 'unnamed value')}, but only one variable ({choices})", hint=hint)
            raise CalcError(
                f"{_count(len(nameless), 'unnamed value')}, but {_count(len(open_names), 'variable')} ({choices})",
                hint="write " + " ".join(f"--at {name}=..." for name in open_names) if open_names else "leave the value out",
            )
        values.update(zip(open_names, nameless, strict=True))
    missing = [name for name in names if name not in values]
    if missing:
        raise MissingValues(missing)
    return {name: values[name] for name in names}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


class Grid(Sequence[Point]):
    """The points of a grid, made when they are asked for: the last variable goes fastest."""

    def __init__(self, axes: Mapping[str, Sequence[Value]]):
        self.axes = axes
        self._size = math.prod(map(len, axes.values()))

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: int) -> Point:  # type: ignore[override]
        if not 0 <= place < self._size:
            raise IndexError(place)
        values = {}
        for name, axis in reversed(tuple(self.axes.items())):
            place, digit = divmod(place, len(axis))
            values[name] = axis[digit]
        return Point({name: values[name] for name in self.axes})

    def floats(self, start: int, stop: int) -> dict[str, list[float]] | None:
        """The nearest doubles of the points in a range, by variable; None where some are not written as decimals."""
        every = 1
        columns: dict[str, list[float]] = {}
        for name, axis in reversed(tuple(self.axes.items())):
            size = len(axis)
            numbers = axis.floats(start, stop) if isinstance(axis, _Range) and size == self._size else None
            if numbers is None:
                ticks = [nearest_double(value.text) for value in axis] if size <= _TABULATED else None
                if ticks is None or None in ticks:
                    return None
                numbers = [ticks[place // every % size] for place in range(start, stop)]  # type: ignore[misc]
            columns[name] = numbers
            every *= size
        return {name: columns[name] for name in self.axes}


_TABULATED = 100_000


def sweep(values: Mapping[str, str]) -> Grid:
    """Every point of a grid: values `start:stop:count` take `count` values, the last variable fastest.

    Raises `CalcError` for a range that is none, and beyond `MAX_POINTS` points.
    """
    grid = Grid({name: _axis(name, text) for name, text in values.items()})
    if len(grid) > MAX_POINTS:
        raise CalcError(f"too many points: {len(grid)}; the limit is {MAX_POINTS}")
    return grid


def _axis(name: str, text: str) -> Sequence[Value]:
    if isinstance(text, ArrayText):
        return [read_value(name, text)]
    if ";" in text:
        return [value for part in text.split(";") for value in _axis(name, part)]
    if ":" not in text or text.lstrip().startswith("["):
        return [read_value(name, text)]
    parts = [part.strip() for part in text.split(":")]
    span = Span(0, len(text))
    hint = f"write {name}=start:stop:count, such as {name}=0:1:11"
    if len(parts) != 3:
        raise CalcError(f"invalid range '{text}'", source=text, span=span, hint=hint)
    if not parts[2].isascii() or not parts[2].isdigit() or not 1 <= int(parts[2][:9]) <= MAX_POINTS or len(parts[2]) > 9:
        raise CalcError(f"the count of a range must be an integer from 1 to {MAX_POINTS}", source=text, span=span, hint=hint)
    start, stop = (Value.number(part, value_tree(name, part)) for part in parts[:2])
    return _Range(start, stop, int(parts[2]))


class _Range(Sequence[Value]):
    """`count` values from `start` to `stop`, made when they are asked for."""

    def __init__(self, start: Value, stop: Value, count: int):
        self.start, self.stop, self.length = start, stop, count
        self.ends: tuple[Fraction, Fraction] | None
        try:
            self.ends = Fraction(start.text), Fraction(stop.text)
        except (ValueError, ZeroDivisionError):
            self.ends = None

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place: int) -> Value:  # type: ignore[override]
        if place >= self.length:
            raise IndexError(place)
        if self.length == 1 or place == 0:
            return self.start
        if place == self.length - 1:
            return self.stop
        if self.ends is not None:
            start, stop = self.ends
            value = start + (stop - start) * place / (self.length - 1)
            text = plain(value)
            if max(map(len, text.lstrip("-").split("/"))) <= MAX_NUMBER_CHARACTERS:
                return Value.number(text, rational(value))
        width = Call("-", (self.stop.tree, self.start.tree))
        share = Call("/", (Call("*", (width, Number(str(place)))), Number(str(self.length - 1))))
        text = f"({self.start.text}) + (({self.stop.text}) - ({self.start.text}))*{place}/{self.length - 1}"
        return Value.number(text, Call("+", (self.start.tree, share)))

    def floats(self, start: int, stop: int) -> list[float] | None:
        """The doubles nearest to some of the values; None where the ends are not decimals."""
        if self.ends is None or self.length == 1:
            return None
        first, last = self.ends
        step = (last - first) / (self.length - 1)
        below = math.lcm(first.denominator, step.denominator)
        origin, stride = int(first * below), int(step * below)
        try:
            # A quotient of Python's whole numbers is rounded correctly.
            return [(origin + stride * place) / below for place in range(start, stop)]
        except OverflowError:
            return None
