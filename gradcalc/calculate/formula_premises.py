"""What a formula of vectors and matrices takes for granted: inverses, entries that are not 0, extremes without ties.

Comes in: a formula.  Goes out: its premises as text, where the expression itself does not need them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gradcalc.engines.indexed.formulas import Formula


def premises_of(formula: Formula, invertible: Collection[str] = ()) -> Iterator[str]:
    """The premises of a formula, as text; matrices that are known to be `invertible` need none."""
    parts = list(_parts(formula))
    inverted = dict.fromkeys(part.parts[0].text for part in parts if part.op == "inv")
    yield from (f"{text} is invertible" for text in inverted if text not in invertible)
    divisors = {below for part in parts if part.op == "/" for below in (part.parts[1], *part.parts[1].parts)}
    products = dict.fromkeys(part.parts[0] for part in parts if part.op in ("prod", "cumprod"))
    yield from (f"no entry of {factors.text} is 0" for factors in products if factors in divisors)
    compared = [side for part in parts if part.op == "==" for side in part.parts]
    extremes = dict.fromkeys(side for side in compared if side.op in ("amax", "amin"))
    yield from (f"{extreme.text} has no ties" for extreme in extremes)


def _parts(formula: Formula) -> Iterator[Formula]:
    waiting = [formula]
    while waiting:
        node = waiting.pop()
        waiting += node.parts[::-1]
        yield node
