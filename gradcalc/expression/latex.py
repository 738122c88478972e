"""A tree as LaTeX, as it was typed: nothing is computed or rearranged."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeGuard

from gradcalc.expression.arrays import Adjoint, Entry
from gradcalc.expression.characters import greek_name
from gradcalc.expression.tree import Call, Name, Node, Number, fold

_Piece = tuple[str, int]
_OPEN, _CLOSE = r"\begin{pmatrix} ", r" \end{pmatrix}"

# How tightly a piece holds together.  Cases have a brace on their left only: they need parentheses in every place but alone.
_OR, _AND, _NOT, _RELATION, _CASES, _SUM, _PRODUCT, _POWER, _ATOM = range(1, 10)
_DIGITS = tuple("0123456789.")
_RELATIONS = {"<": "<", "<=": r"\leq", ">": ">", ">=": r"\geq", "==": "=", "!=": r"\neq"}
_OPERATORNAMES = frozenset(
    {"sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "exp", "log", "max", "min"}
)
_GREEK = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"}
    | {"nu", "xi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega", "pi"}
)


def latex(tree: Node, arrays: Collection[Node] = ()) -> str:
    r"""The LaTeX of an expression: ASCII, for mathematics mode, in documents that use amsmath.

    `arrays` are the parts that are vectors and matrices: their names are bold, and their product entry by entry is `\odot`.
    """
    return fold(tree, lambda leaf: _leaf(leaf, leaf in arrays), lambda call, args: _call(call, args, arrays))[0]


def name_latex(name: str, *, is_array: bool = False) -> str:
    """A variable's name: Greek letters by name, digits at the end and what follows an underscore as an index."""
    if isinstance(name, Adjoint):
        return rf"\frac{{\partial {name_latex(name.of)}}}{{\partial {name_latex(name.by, is_array=is_array)}}}"
    if name.endswith("'"):  # a derivative
        return f"{name_latex(name[:-1], is_array=is_array)}'"
    if isinstance(name, Entry):
        inner, index = name_latex(name.variable), ",".join(map(str, name.indices))
        return f"{{{inner}}}_{{{index}}}" if "_" in inner else f"{inner}_{{{index}}}"
    stem, _, index = name.partition("_")
    if not index:
        stem = name.rstrip("0123456789")
        index = name[len(stem) :]
    if not stem:  # it begins with an underscore
        stem, index = name, ""
    body = rf"\{stem}" if stem in _GREEK else stem if len(stem) == 1 and stem != "_" else _escaped(stem)
    if is_array:
        is_greek = stem in _GREEK or greek_name(stem[0]) != stem[0]
        body = rf"\{'boldsymbol' if is_greek else 'mathbf'}{{{body}}}"
    elif len(body) > 1 and stem not in _GREEK:
        body = rf"\mathit{{{body}}}"
    below = rf"\{index}" if index in _GREEK else _escaped(index)
    return f"{body}_{{{below}}}" if index else body


def _escaped(word: str) -> str:
    """A word of our own grammar, in which only the underscore means something to TeX."""
    return word.replace("_", r"\_")


def _leaf(node: Number | Name, is_array: bool) -> _Piece:
    if isinstance(node, Name):
        return name_latex(node.name, is_array=is_array), _POWER if isinstance(node.name, Adjoint) else _ATOM
    digits, _, exponent = node.text.lower().partition("e")
    return (rf"{digits} \cdot 10^{{{int(exponent)}}}", _PRODUCT) if exponent else (digits, _ATOM)


def _parenthesize(piece: _Piece, binds: int) -> str:
    return piece[0] if piece[1] >= binds else rf"\left({piece[0]}\right)"


def _call(node: Call, args: list[_Piece], arrays: Collection[Node]) -> _Piece:
    name = node.name
    if not args:
        return rf"\{name}" if name in _GREEK else name, _ATOM
    if name == "*":
        return _product(node, args, [bool(arrays) and arg in arrays for arg in node.args])
    if name in ("+", "-", "neg", "/", "**"):
        return _arithmetic(node, args)
    if name in _RELATIONS or name in ("and", "or", "not"):
        return _condition(name, args)
    if name in ("[", "[]", "@", "transpose"):
        return _array(node, args)
    return _function(node, args)


def _arithmetic(node: Call, args: list[_Piece]) -> _Piece:
    match node.name:
        case "+" | "-":
            return f"{_parenthesize(args[0], _SUM)} {node.name} {_parenthesize(args[1], _SUM + 1)}", _SUM
        case "neg":
            # Braces, which print nothing, keep -(x*y) from being read as (-x)*y.
            text = _parenthesize(args[0], _PRODUCT)
            return f"-{{{text}}}" if args[0][1] == _PRODUCT else f"-{text}", _SUM
        case "**":
            return f"{{{_parenthesize(args[0], _ATOM)}}}^{{{args[1][0]}}}", _POWER
    return rf"\frac{{{args[0][0]}}}{{{args[1][0]}}}", _POWER


def _product(node: Call, args: list[_Piece], are_arrays: list[bool]) -> _Piece:
    # A minus in front of the first factor is one in front of the product.
    has_sign = isinstance(node.args[0], Call) and node.args[0].name in ("neg", "*") and args[0][1] == _SUM
    binds = _SUM if has_sign else _PRODUCT
    # A product of matrices is one factor of a product with another array, or with a number behind it.
    is_matrix_product = any(are_arrays) and isinstance(node.args[0], Call) and node.args[0].name == "@"
    left = args[0][0] if has_sign else _parenthesize(args[0], _POWER if is_matrix_product else _PRODUCT)
    right = _parenthesize(args[1], _PRODUCT + 1)
    if all(are_arrays):
        return rf"{left} \odot {right}", binds
    if are_arrays[1]:  # braces print nothing, and keep the bold name from being one factor of two
        right = f"{{{right}}}"
    return rf"{left} \cdot {right}" if _run_together(left, right) else f"{left} {right}", binds


def _condition(name: str, args: list[_Piece]) -> _Piece:
    if name == "not":
        return rf"\neg \left({args[0][0]}\right)", _NOT
    if name in _RELATIONS:
        return f"{_parenthesize(args[0], _SUM)} {_RELATIONS[name]} {_parenthesize(args[1], _SUM)}", _RELATION
    sign, binds = (r"\wedge", _AND) if name == "and" else (r"\vee", _OR)
    return f"{_parenthesize(args[0], binds)} {sign} {_parenthesize(args[1], binds)}", binds


def _array(node: Call, args: list[_Piece]) -> _Piece:
    match node.name:
        case "[":
            rows = [text for text, _ in args]
            if not _is_list(node.args[0]) or _is_list(node.args[0].args[0]):
                return _OPEN + " & ".join(rows) + _CLOSE, _ATOM
            inner = [row.removeprefix(_OPEN).removesuffix(_CLOSE) for row in rows]
            end = r" \\" if len(rows) == 1 else ""  # a matrix of one row is not a vector
            return _OPEN + r" \\ ".join(inner) + end + _CLOSE, _ATOM
        case "[]":
            return f"{{{_parenthesize(args[0], _ATOM)}}}_{{{dict(node.options)['at'].replace(':', '{:}')}}}", _POWER
        case "@":
            # Braces without scripts side by side: a product of matrices, which in print looks like any other.
            return f"{{{_parenthesize(args[0], _PRODUCT)}}} {{{_parenthesize(args[1], _PRODUCT + 1)}}}", _PRODUCT
    base = args[0][0] if isinstance(node.args[0], Name) and args[0][1] == _ATOM else f"{{{_parenthesize(args[0], _ATOM)}}}"
    return rf"{base}^\top", _POWER


def _is_list(node: Node) -> TypeGuard[Call]:
    return isinstance(node, Call) and node.name == "["


def _function(node: Call, args: list[_Piece]) -> _Piece:
    name = node.name
    inside = ", ".join(
        [text for text, _ in args] + [rf"\text{{{_escaped(key)}={_escaped(word)}}}" for key, word in node.options]
    )
    match name:
        case "where":
            condition, a, b = (text for text, _ in args)
            return rf"\begin{{cases}} {a} & \text{{for }} {condition} \\ {b} & \text{{otherwise}} \end{{cases}}", _CASES
        case "sqrt" | "cbrt":
            return rf"\sqrt{'[3]' if name == 'cbrt' else ''}{{{inside}}}", _ATOM
        case "abs":
            return rf"\left|{inside}\right|", _ATOM
        case "floor" | "ceil":
            return rf"\left\l{name} {inside} \right\r{name}", _ATOM
        case "exp":
            return f"e^{{{inside}}}", _POWER
    if name.startswith("sum_"):  # over an index, in formulas of entries
        return rf"\sum_{{{name.removeprefix('sum_')}}} {_parenthesize(args[0], _PRODUCT)}", _SUM
    head = rf"\{name}" if name in _OPERATORNAMES else rf"\operatorname{{{_escaped(name)}}}"
    return rf"{head}\left({inside}\right)", _ATOM


def _run_together(left: str, right: str) -> bool:
    """Whether two factors side by side would be read as something else: 5 and 2^x as 52^x, 2 and 1/3 as two and a third."""
    begins = right.lstrip("{")
    return begins[:1] in _DIGITS or (left[-1:] in _DIGITS and begins.startswith(r"\frac"))
