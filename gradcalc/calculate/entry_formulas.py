"""Index formulas: one formula for all entries of a variable, where there is one, `∂f/∂x[i] = 2*x[i]/n`.

Comes in: the first partials of a number, and their formulas.  Goes out: for each variable the formula with letters for the
index, where the formulas of all entries are the same but for their own index.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcalc.calculate.partials import PartialSpec
from gradcalc.engines.symbolic.messages import Formula
from gradcalc.expression.arrays import INDEX_LETTERS, MIN_ENTRIES, Entry
from gradcalc.expression.tree import Name, Node, substitute_names
from gradcalc.report import EntryFormula

_Pairs = Sequence[tuple[PartialSpec, Formula]]


def entry_formulas(partials: Sequence[PartialSpec], formulas: Sequence[Formula]) -> tuple[EntryFormula, ...]:
    """The formulas that hold for all entries of a variable; first derivatives of a number only."""
    pairs = list(zip(partials, formulas, strict=True))
    groups: dict[str, list[tuple[PartialSpec, Formula]]] = {}
    for partial, formula in pairs:
        if len(partial.by) == 1 and partial.index and not partial.of:
            groups.setdefault(partial.by[0], []).append((partial, formula))
    general = (
        _common_formula(name, group)
        for name, group in groups.items()
        if len(group) >= MIN_ENTRIES and all(formula.text for _, formula in group)
    )
    return tuple(formula for formula in general if formula is not None)


def _common_formula(name: str, group: _Pairs) -> EntryFormula | None:
    (first, formula), *rest = group
    words = {name, *re.findall(r"\w+", " ".join(formula.text for _, formula in group[:2]))}
    letters = [
        letter for letter in INDEX_LETTERS if not any(word == letter or word.endswith(f"_{letter}") for word in words)
    ]
    letters = letters[: len(first.index)]
    if len(letters) < len(first.index) or formula.tree is None:
        return None
    general = Entry(name, letters)
    common = _with_letters(formula.tree, first, general)
    for partial, other in rest:
        if other.tree is None or _with_letters(other.tree, partial, general) != common:
            return None
    number, letter = ",".join(map(str, first.index)), ",".join(letters)
    text = formula.text.replace(f"[{number}]", f"[{letter}]")
    return EntryFormula(name, general, len(group), text, formula.latex.replace(f"_{{{number}}}", f"_{{{letter}}}"))


def _with_letters(tree: Node, partial: PartialSpec, general: Entry) -> Node:
    """A formula with letters for the index that the partial is with respect to, of whatever variable."""

    def leaf(name: str) -> Node | None:
        is_own = isinstance(name, Entry) and name.indices == partial.index
        return Name(Entry(name.variable, general.indices)) if isinstance(name, Entry) and is_own else None

    return substitute_names(tree, leaf)
