"""A call of any row of the function table, at a point where the row says that it may be sampled."""

from __future__ import annotations

from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.functions import Function


def sample(row: Function, place: float) -> tuple[Node, dict[str, float]]:
    """A call of a row at a point of its sample."""
    args: list[Node] = []
    values: dict[str, float] = {}
    for position, parameter in enumerate(row.parameters):
        low, high = row.sample[position] if position < len(row.sample) else (0.1, 2.0)
        if position in row.boolean_args:
            args.append(Call(">", (Name("x"), Number("0"))))
        elif parameter.default is not None:
            args.append(Number(parameter.default))
        elif parameter.setting or low == high:
            args.append(Number(f"{low:g}"))
        else:
            args.append(Name(parameter.name))
            values[parameter.name] = low * (1 - place) + high * place
    if row.boolean_args:
        values["x"] = values.get("x", 1.0)
    return Call(row.name, tuple(args)), values
