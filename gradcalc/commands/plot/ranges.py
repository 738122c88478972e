"""The range of a plot: which variable moves, from where to where; the others have one value each.

Comes in: a query with the texts of its values.  Goes out: a question without the moving variable, its name, and two texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcalc.errors import CalcError
from gradcalc.expression.tree import names_in
from gradcalc.inputs.points import assign
from gradcalc.inputs.query import Query, Question
from gradcalc.inputs.values import read_point

MAX_POINTS = 1_000
"""Points at which a plot evaluates autograd, at most."""


def read_range(query: Query, named: Mapping[str, str], nameless: Sequence[str]) -> tuple[Question, str, str, str]:
    """The question without the variable on the axis, that variable, and the ends of its interval."""
    values = assign(names_in(query.expression), named, nameless, query.text)
    ranges = [name for name, value in values.items() if ":" in value and "[" not in value]
    if len(ranges) != 1:
        several = f"only one variable may have a range, not {' and '.join(ranges)}"
        raise CalcError(several if ranges else "no variable has a range", hint="write --at x=-3:3")
    (name,) = ranges
    start, colon, stop = values.pop(name).partition(":")
    if not colon or ":" in stop:
        raise CalcError(f"a range of a plot is start:stop, such as {name}=-3:3", hint="--points says how many")
    return Question(query, read_point(values)), name, start.strip(), stop.strip()
