"""One formula for all entries of an array, where they are one: `∂f/∂x[i] = 2*x[i]/n`.

Comes in: the partials of a report.  Goes out: for each variable whose formulas differ only in the entry they are by, that
formula with letters for the entry.  It holds for every entry because each entry's own formula is it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gradcalc.expression.arrays import INDEX_LETTERS, MIN_ENTRIES
from gradcalc.report import Partial


@dataclass(frozen=True, slots=True)
class General:
    """The formula of the derivative by `entry`, such as `x[i]`, of which there are `count`."""

    by: str
    entry: str
    count: int
    formula: str
    latex: str


def general(partials: Sequence[Partial]) -> tuple[General, ...]:
    """The formulas that hold for all entries of a variable; first derivatives of a number only."""
    found = []
    for name in dict.fromkeys(partial.by[0] for partial in partials if len(partial.by) == 1):
        mine = [partial for partial in partials if partial.by == (name,)]
        one = _of_one(name, mine)
        if one is not None:
            found.append(one)
    return tuple(found)


def _of_one(name: str, partials: Sequence[Partial]) -> General | None:
    if len(partials) < MIN_ENTRIES or any(
        partial.of or not partial.index or partial.formula is None for partial in partials
    ):
        return None
    used = {name, *re.findall(r"\w+", " ".join(str(partial.formula) for partial in partials[:2]))}
    letters = [letter for letter in INDEX_LETTERS if not any(word.endswith(f"_{letter}") or word == letter for word in used)]
    letters = letters[: len(partials[0].index)]
    if len(letters) < len(partials[0].index):
        return None
    place = ",".join(letters)
    texts, latexes = set(), set()
    for partial in partials:
        own = ",".join(map(str, partial.index))
        texts.add(str(partial.formula).replace(f"[{own}]", f"[{place}]"))
        latexes.add(str(partial.latex).replace(f"_{{{own}}}", f"_{{{place}}}"))
        if len(texts) > 1:
            return None
    latex = latexes.pop() if len(latexes) == 1 else ""
    return General(name, f"{name}[{place}]", len(partials), texts.pop(), latex)
