"""Rows of the table of functions, as people and programs read them."""

from __future__ import annotations

from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, postorder
from gradcalc.functions import TABLE, Function
from gradcalc.functions.resolve import understand


def rows_with(word: str) -> list[Function]:
    """The rows of the table that have a word in their texts."""
    return [row for row in TABLE.values() if any(word.lower() in text.lower() for text in _texts(row))]


def names() -> list[str]:
    """The names and other names of all rows."""
    return [name for row in TABLE.values() for name in (row.name, *row.aliases)]


def _texts(row: Function) -> tuple[str, ...]:
    return row.name, *row.aliases, row.summary, row.group, row.singular


def sentence(row: Function) -> str:
    """What a row says, in one cell: five columns are more than a terminal is wide."""
    parts = [row.summary, f"also {', '.join(row.aliases)}" if row.aliases else "", row.singular]
    if not row.condition and not _torch_differentiates(row):
        parts.append("no derivative in torch")
    return "; ".join(filter(None, parts))


def record(row: Function) -> dict[str, object]:
    """A row for programs."""
    return {
        "group": row.group,
        "name": row.name,
        "usage": usage(row),
        "aliases": row.aliases,
        "summary": row.summary,
        "singular": row.singular,
        "torch": None if row.condition else _torch_differentiates(row),
    }


def usage(row: Function) -> str:
    """`sin(x)`; operators as they are typed, `x + y`."""
    if row.name.isidentifier() and row.name not in ("neg", "and", "or", "not"):
        return row.usage
    if row.name == "[]":
        return "x[...]"
    return unparse(Call(row.name, tuple(Name(parameter.name) for parameter in row.parameters)))


def _torch_differentiates(row: Function) -> bool:
    """Whether torch has a derivative for a function, or for everything in the expression that defines it."""
    if row.definition is None:
        return row.torch is not None
    calls = postorder(understand(row.definition, {parameter.name for parameter in row.parameters}))
    return all(TABLE[call.name].torch is not None for call in calls if isinstance(call, Call))
