r"""LaTeX of expressions of arrays: names of vectors and matrices are bold, `\mathbf{X}^\top \mathbf{w}`.

Comes in: trees, and the sizes of the names in them.  Goes out: LaTeX, and which parts of a tree are arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gradcalc.expression.latex import latex, name_latex
from gradcalc.expression.tree import Name, Node, postorder
from gradcalc.inputs.shapes import sizes_of


class ArrayLatex(NamedTuple):
    """The LaTeX of a formula, that of the names of its parts with what they are, and the names of vectors and matrices."""

    formula: str
    parts: tuple[tuple[str, str], ...]
    arrays: tuple[str, ...]


def array_latex(tree: Node, parts: Sequence[tuple[str, Node]], sizes: Mapping[str, Sequence[str]]) -> ArrayLatex:
    """The LaTeX of a formula with names for its parts, each of which stands behind those that it has in it."""
    arrays = arrays_with_parts(tree, parts, sizes)
    written = ((name_latex(name, is_array=Name(name) in arrays), latex(part, arrays)) for name, part in parts)
    names = [name for name, its_sizes in sizes.items() if its_sizes]
    names += [name for name, _ in parts if Name(name) in arrays]
    return ArrayLatex(latex(tree, arrays), tuple(written), tuple(names))


def arrays_with_parts(tree: Node, parts: Iterable[tuple[str, Node]], sizes: Mapping[str, Sequence[str]]) -> set[Node]:
    """The vectors and matrices in a formula with names for its parts."""
    known, arrays = dict(sizes), set[Node]()
    for name, part in parts:
        known[name] = sizes_of(part, known)
        arrays |= arrays_in(part, known)
    return arrays | arrays_in(tree, known)


def arrays_in(tree: Node, sizes: Mapping[str, Sequence[str]]) -> set[Node]:
    """The parts of an expression that are vectors and matrices."""
    return {node for node in postorder(tree) if sizes_of(node, sizes)}
