r"""LaTeX of expressions of arrays: names of vectors and matrices are bold, `\mathbf{X}^\top \mathbf{w}`.

Comes in: trees, and the sizes of the names in them.  Goes out: LaTeX, and which parts of a tree are arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gradcalc.expression.latex import latex, name_latex
from gradcalc.expression.tree import Node, postorder
from gradcalc.inputs.shapes import sizes_of


class ArrayLatex(NamedTuple):
    """The LaTeX of a formula, that of the names of its parts with what they are, and the names of vectors and matrices."""

    formula: str
    parts: tuple[tuple[str, str], ...]
    arrays: tuple[str, ...]


def array_latex(tree: Node, parts: Iterable[tuple[str, Node]], sizes: Mapping[str, Sequence[str]]) -> ArrayLatex:
    """The LaTeX of a formula with names for its parts, each of which stands behind those that it has in it."""
    known, written = dict(sizes), []
    for name, part in parts:
        known[name] = sizes_of(part, known)
        written.append((name_latex(name, is_array=bool(known[name])), latex(part, arrays_in(part, known))))
    arrays = tuple(name for name, its_sizes in known.items() if its_sizes)
    return ArrayLatex(latex(tree, arrays_in(tree, known)), tuple(written), arrays)


def arrays_in(tree: Node, sizes: Mapping[str, Sequence[str]]) -> frozenset[Node]:
    """The parts of an expression that are vectors and matrices."""
    return frozenset(node for node in postorder(tree) if sizes_of(node, sizes))
