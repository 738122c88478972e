"""Arguments of the functions, read: text, numbers, mappings, arrays and SymPy expressions become a question.

Comes in: what a caller passes.  Goes out: `Problem`s and `Question`s.  A wrong type is a `CalcError`, as a wrong text is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from gradcalc.commands.arguments import MAX_SECONDS, choice, seconds_of
from gradcalc.errors import CalcError
from gradcalc.expression.tree import MAX_NUMBER_CHARACTERS, names_in
from gradcalc.inputs.array_text import MAX_ENTRIES, MAX_WRITTEN, array_text, binary_or_decimal
from gradcalc.inputs.points import assign, read_at, sweep
from gradcalc.inputs.query import Query, Question, read_query
from gradcalc.inputs.values import Point, read_point
from gradcalc.library.sympy_expressions import is_sympy, text_of
from gradcalc.report import DTYPES, MAX_ORDER, Notation, Problem

At = str | float | Mapping[str, Any] | Sequence[Any] | None
"""A point: `"x=3, y=2"`, `3`, `{"x": 3, "y": [1, 2]}`; several as text, `"x=0:1:11"`, or as a list of points."""
By = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments that the functions share, as they were passed."""

    expr: Any
    by: By = ()
    order: int = 1
    device: str = "cpu"
    dtype: str | None = None
    variables: Sequence[str] = ()
    notation: str = "auto"
    direction: Mapping[str, Any] | None = None
    cotangent: Any = None
    entries: bool = False

    def problem(self) -> Problem:
        """The problem without its point.  Raises `CalcError` for a wrong type or word."""
        text, symbols = _expression(self.expr)
        whole(self.order, "the order", MAX_ORDER)
        if self.dtype is not None:
            choice(str(self.dtype), DTYPES, "dtype")
        choice(str(self.notation), tuple(Notation), "notation")
        if not isinstance(self.device, str):
            raise CalcError(f"a device is text, such as 'cpu', not {_kind(self.device)}")
        direction = _mapping({} if self.direction is None else self.direction, "a direction")
        cotangent = None if self.cotangent is None else value_text(self.cotangent)
        names = (*_names(self.variables, "variables"), *symbols)
        return Problem(
            text, {}, _names(self.by, "by"), self.order, self.device, self.dtype, names, direction, cotangent,
            Notation(self.notation), bool(self.entries),
        )  # fmt: skip

    def problem_at(self, at: At) -> Problem:
        """The problem at one point, or at none.  Raises `CalcError` for several."""
        problem = self.problem()
        if at is None:
            return problem
        if isinstance(at, Mapping):
            return replace(problem, at=_mapping(at, "a point"))
        _, points = _read(problem, at)
        if len(points) > 1:
            raise CalcError(f"{len(points)} points are given, and this takes one", hint="gradcalc.sweep takes several")
        return replace(problem, at=points[0].texts)

    def question(self, at: At) -> Question:
        """The question at one point.  Raises `CalcError` for several."""
        problem = self.problem_at(at)
        return Question(read_query(problem, tuple(problem.at)), read_point(problem.at))

    def query(self, at: At) -> tuple[Query, dict[str, str], list[str]]:
        """The query, and the texts of its values: by name, and those without a name."""
        return _query(self.problem(), at)

    def sweep(self, at: At) -> tuple[Query, Sequence[Point]]:
        """The query and its points: those of a text with ranges, or a list of points."""
        problem = self.problem()
        if isinstance(at, (list, tuple)):
            points = [self.question(one).point for one in at]
            if not points:
                raise CalcError("no points are given")
            return read_query(problem, tuple(points[0].texts)), points
        if isinstance(at, Mapping):
            values = _mapping(at, "a point")
            return read_query(problem, tuple(values)), sweep(values)
        if at is None:
            raise CalcError("no points are given", hint='write at="x=0:1:11"')
        return _read(problem, at)


def _read(problem: Problem, at: Any) -> tuple[Query, Sequence[Point]]:
    """The query and the points of a text, or of a number for the only variable."""
    query, named, nameless = _query(problem, at)
    return query, sweep(assign(names_in(query.expression), named, nameless, query.text))


def _query(problem: Problem, at: Any) -> tuple[Query, dict[str, str], list[str]]:
    """The query, and the texts of a point: by name, and those without a name."""
    if isinstance(at, bool) or not (isinstance(at, str) or hasattr(at, "__float__") or hasattr(at, "tolist")):
        raise CalcError(f"a point is text, a number or a mapping, not {_kind(at)}", hint='write at={"x": 3} or at="x=3"')
    named, nameless = read_at([value_text(at)])
    return read_query(problem, tuple(named)), named, nameless


def _expression(expr: Any) -> tuple[str, tuple[str, ...]]:
    """The text of an expression, and the names that are certainly variables."""
    if isinstance(expr, str):
        return expr, ()
    if is_sympy(expr):
        return text_of(expr)
    raise CalcError(f"an expression is text or a SymPy expression, not {_kind(expr)}", hint='write "x**2"')


def value_text(value: Any) -> str:
    """A value as it is typed: text is exact, a float its shortest decimal text, an array a list in brackets.

    Raises `CalcError` for what is none, and for numbers and lists that are too long or too deep.
    """
    try:
        return _value_text(value)
    except RecursionError:
        raise CalcError("a value is nested too deeply") from None


def _value_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if is_sympy(value) and not hasattr(value, "tolist"):
        return text_of(value)[0]
    if hasattr(value, "tolist"):
        array = _large_array(value)
        if array is not None:
            return array
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        array = _large_list(value)
        if array is not None:
            return array
        return f"[{', '.join(map(_value_text, value))}]"
    if not hasattr(value, "__float__"):
        raise CalcError(f"a value is a number, text or an array, not {_kind(value)}")
    try:
        return str(value)
    except ValueError:  # an integer of thousands of digits
        raise CalcError(f"a number has at most {MAX_NUMBER_CHARACTERS} characters") from None


def _large_array(value: Any) -> str | None:
    """The text of a NumPy array or a tensor that is too large to be written out; None for a smaller one."""
    shape = tuple(getattr(value, "shape", ()))
    if prod(shape) <= MAX_WRITTEN:
        return None
    if prod(shape) > MAX_ENTRIES:
        raise CalcError(f"an array has at most {MAX_ENTRIES} entries, not {prod(shape)}")
    import numpy

    if hasattr(value, "detach"):  # a tensor, of a dtype that NumPy may not have
        value = value.detach().cpu()
        value = value.double().numpy() if value.is_floating_point() else value.numpy()
    array = numpy.asarray(value).reshape(-1)
    if array.dtype.kind not in "iuf":
        raise CalcError(f"an array consists of real numbers, not of {array.dtype}")
    if not numpy.isfinite(array).all():
        raise CalcError("an array has entries that are not finite", hint="values must be finite")
    return array_text(array.astype(numpy.float64) if array.dtype.kind == "f" else binary_or_decimal(array), shape)


_DEEPEST = 16
"""Dimensions of a list that may be large."""


def _large_list(value: Any) -> str | None:
    """The text of nested lists of Python numbers that are too many to be written out; None for other lists."""
    shape: list[int] = []
    first = value
    while isinstance(first, (list, tuple)) and first and len(shape) <= _DEEPEST:
        shape.append(len(first))
        first = first[0]
    if prod(shape) <= MAX_WRITTEN or not isinstance(first, (int, float)):
        return None
    import numpy

    try:
        array = numpy.array(value)
    except ValueError:  # rows of several lengths
        return None
    return _large_array(array) if array.dtype.kind in "iuf" else None


def _mapping(values: Any, what: str) -> dict[str, str]:
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise CalcError(f"{what} maps names to values, not {_kind(values)}", hint='write {"x": 3}')
    return {name: value_text(value) for name, value in values.items()}


def _names(names: Any, what: str) -> tuple[str, ...]:
    """Names of variables or entries, from text with commas or several texts, each once."""
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple, set, frozenset)) or not all(isinstance(text, str) for text in names):
        raise CalcError(f"{what} is text or several texts, not {_kind(names)}")
    return tuple(dict.fromkeys(text.strip() for text in names))


def seconds(timeout: Any) -> float:
    """A time limit in seconds.  Raises `CalcError` for another value."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float, str)):
        raise CalcError(f"a time limit is a number of seconds, not {_kind(timeout)}")
    if isinstance(timeout, str):
        return seconds_of(timeout)
    return seconds_of(f"{min(max(timeout, -1), 2 * MAX_SECONDS):f}" if timeout == timeout else "nan")


def lines_of(lines: Any) -> list[str]:
    """The lines of a derivation, from one text or several.  Raises `CalcError` for another type."""
    if isinstance(lines, str):
        return lines.splitlines()
    if not isinstance(lines, (list, tuple)):
        raise CalcError(f"lines are text or several texts, not {_kind(lines)}")
    return [value_text(line) for line in lines]


def optional_text(value: Any, what: str) -> str | None:
    """Text, or None.  Raises `CalcError` for another type."""
    if value is None or isinstance(value, str):
        return value
    raise CalcError(f"{what} is text, not {_kind(value)}")


def whole(value: Any, noun: str, limit: int, least: int = 1) -> int:
    """A whole number from `least` to `limit`.  Raises `CalcError` for another value."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= limit:
        raise CalcError(f"{noun} must be an integer from {least} to {limit}, not {value!r}")
    return value


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
