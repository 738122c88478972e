"""A tree as MathML Core, which browsers draw themselves, as it was typed: nothing is computed or rearranged."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from typing import TypeGuard

from gradcalc.expression.arrays import Adjoint, Entry
from gradcalc.expression.characters import SUBSCRIPTS, greek_letter, plain_subscripts
from gradcalc.expression.tree import Call, Name, Node, Number, fold

_Piece = tuple[str, int]

# How tightly a piece holds together; see `latex`.
_OR, _AND, _NOT, _RELATION, _CASES, _SUM, _PRODUCT, _POWER, _ATOM = range(1, 10)
_RELATIONS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "=", "!=": "≠"}
_BARS = {"abs": ("|", "|"), "floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉")}


def mathml(tree: Node, arrays: Collection[Node] = ()) -> str:
    """The MathML of an expression, to stand in a `math` element; `arrays` are as for `latex`."""
    return fold(tree, lambda leaf: _leaf(leaf, leaf in arrays), lambda call, args: _call(call, args, arrays))[0]


def element(name: str, inside: str, **attributes: str) -> str:
    """An element with text or elements inside, which are written already."""
    words = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{words}>{inside}</{name}>"


def operator(sign: str, **attributes: str) -> str:
    """An operator, a relation or a bracket."""
    return element("mo", escape(sign), **attributes)


def row(*parts: str) -> str:
    """Elements that are one."""
    return element("mrow", "".join(parts))


def fraction(above: str, below: str) -> str:
    """A fraction."""
    return element("mfrac", row(above) + row(below))


def number(text: str) -> str:
    """A decimal number, with a sign and an exponent if it has them."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    mantissa, _, exponent = digits.lower().partition("e")
    whole = element("mn", escape(mantissa))
    if exponent:
        power = element("msup", element("mn", "10") + row(number(str(int(exponent)))))
        whole = row(whole, operator("×"), power)
    return row(operator("−", form="prefix"), whole) if sign else whole


def prime() -> str:
    """The sign of a derivative, behind what is differentiated; its glyph is raised already."""
    return operator("′", form="postfix", lspace="0", rspace="0")


def partial_sign() -> str:
    """The sign of a partial derivative."""
    return element("mo", "∂", rspace="0", lspace="0")


def name(text: str, *, is_array: bool = False) -> str:
    """A variable's name: Greek letters by name, digits at the end and what follows an underscore as an index."""
    if isinstance(text, Adjoint):
        return fraction(partial_sign() + name(text.of), partial_sign() + name(text.by, is_array=is_array))
    if text.endswith("'"):  # a derivative
        return row(name(text[:-1], is_array=is_array), prime())
    if isinstance(text, Entry):
        return element("msub", row(name(text.variable)) + row(_index(",".join(map(str, text.indices)))))
    stem, _, index = text.partition("_")
    if not index:
        stem = text.rstrip("0123456789" + SUBSCRIPTS)
        index = plain_subscripts(text[len(stem) :])
    if not stem:  # it begins with an underscore
        stem, index = text, ""
    upright = {"mathvariant": "normal", "class": "array"} if is_array else {}
    body = element("mi", escape(greek_letter(stem)), **upright)
    return element("msub", body + _index(greek_letter(index))) if index else body


def _index(text: str) -> str:
    return element("mtext", escape(text))


def _leaf(node: Number | Name, is_array: bool) -> _Piece:
    if isinstance(node, Name):
        return name(node.name, is_array=is_array), _POWER if isinstance(node.name, Adjoint) else _ATOM
    return number(node.text), _PRODUCT if "e" in node.text.lower() else _ATOM


def _fenced(inside: str, opened: str = "(", closed: str = ")") -> str:
    return row(operator(opened, form="prefix"), inside, operator(closed, form="postfix"))


def _parenthesize(piece: _Piece, binds: int) -> str:
    return piece[0] if piece[1] >= binds else _fenced(piece[0])


def _call(node: Call, args: list[_Piece], arrays: Collection[Node]) -> _Piece:
    word = node.name
    if not args:
        return element("mi", escape(greek_letter(word))), _ATOM
    if word == "*":
        return _product(node, args, [bool(arrays) and arg in arrays for arg in node.args])
    if word in ("+", "-", "neg", "/", "**"):
        return _arithmetic(node, args)
    if word in _RELATIONS or word in ("and", "or", "not"):
        return _condition(word, args)
    if word in ("[", "[]", "@", "transpose"):
        return _array(node, args)
    return _function(node, args)


def _arithmetic(node: Call, args: list[_Piece]) -> _Piece:
    match node.name:
        case "+" | "-":
            sign = operator("+" if node.name == "+" else "−")
            return row(_parenthesize(args[0], _SUM), sign, _parenthesize(args[1], _SUM + 1)), _SUM
        case "neg":
            return row(operator("−", form="prefix"), _parenthesize(args[0], _PRODUCT)), _SUM
        case "**":
            return element("msup", row(_parenthesize(args[0], _ATOM)) + row(args[1][0])), _POWER
    return fraction(args[0][0], args[1][0]), _POWER


def _product(node: Call, args: list[_Piece], are_arrays: list[bool]) -> _Piece:
    # A minus in front of the first factor is one in front of the product.
    first = node.args[0]
    has_sign = isinstance(first, Call) and first.name in ("neg", "*") and args[0][1] == _SUM
    # A product of matrices is one factor of a product with another array, or with a number behind it.
    is_matrix_product = any(are_arrays) and isinstance(first, Call) and first.name == "@"
    left = args[0][0] if has_sign else _parenthesize(args[0], _POWER if is_matrix_product else _PRODUCT)
    sign = operator("⋅") if _needs_dot(node) else operator("\u2062") + element("mspace", "", width="0.17em")
    if all(are_arrays):
        sign = operator("⊙")
    return row(left, sign, _parenthesize(args[1], _PRODUCT + 1)), _SUM if has_sign else _PRODUCT


def _needs_dot(product: Call) -> bool:
    """Whether two factors side by side would be read as one: 5 and 2**x as 52**x, two words as a longer one."""
    left, right = product.args
    while isinstance(left, Call) and left.name == "*":
        left = left.args[1]
    while isinstance(right, Call) and right.name in ("**", "/"):
        right = right.args[0]
    is_long = any(isinstance(it, Name) and len(_body(it.name)) > 1 for it in (left, right))
    return isinstance(right, Number) or is_long


def _body(variable: str) -> str:
    """A variable's name without index and primes, as it is shown."""
    return greek_letter(variable.partition("_")[0].rstrip("0123456789'" + SUBSCRIPTS))


def _condition(word: str, args: list[_Piece]) -> _Piece:
    if word == "not":
        return row(operator("¬", form="prefix"), _fenced(args[0][0])), _NOT
    if word in _RELATIONS:
        return row(_parenthesize(args[0], _SUM), operator(_RELATIONS[word]), _parenthesize(args[1], _SUM)), _RELATION
    sign, binds = ("∧", _AND) if word == "and" else ("∨", _OR)
    return row(_parenthesize(args[0], binds), operator(sign), _parenthesize(args[1], binds)), binds


def _array(node: Call, args: list[_Piece]) -> _Piece:
    match node.name:
        case "[":
            return _matrix(node, [text for text, _ in args]), _ATOM
        case "[]":
            return element("msub", row(_parenthesize(args[0], _ATOM)) + _index(dict(node.options)["at"])), _POWER
        case "@":
            parts = _parenthesize(args[0], _PRODUCT), _parenthesize(args[1], _PRODUCT + 1)
            return row(parts[0], element("mspace", "", width="0.17em"), parts[1]), _PRODUCT
    return element("msup", row(_parenthesize(args[0], _ATOM)) + element("mi", "⊤")), _POWER


def _matrix(node: Call, cells: list[str]) -> str:
    """A list as a row, a list of lists as a matrix; lists inside of these as matrices of their own."""
    if not _is_list(node.args[0]) or _is_list(node.args[0].args[0]):
        return _OPENED + element("mtr", "".join(element("mtd", cell) for cell in cells)) + _CLOSED
    return _OPENED + "".join(cell.removeprefix(_OPENED).removesuffix(_CLOSED) for cell in cells) + _CLOSED


_OPENED, _CLOSED = _fenced("<mtable>\0</mtable>").split("\0")


def _is_list(node: Node) -> TypeGuard[Call]:
    return isinstance(node, Call) and node.name == "["


def _function(node: Call, args: list[_Piece]) -> _Piece:
    word = node.name
    inside = [text for text, _ in args] + [element("mtext", escape(f"{key}={value}")) for key, value in node.options]
    listed = operator(",").join(inside)
    match word:
        case "where":
            condition, yes, no = (text for text, _ in args)
            cases = (yes, element("mtext", "if\u00a0") + condition), (no, element("mtext", "otherwise"))
            lines = (element("mtr", "".join(element("mtd", row(cell)) for cell in cells)) for cells in cases)
            return row(operator("{", form="prefix"), element("mtable", "".join(lines), **{"class": "cases"})), _CASES
        case "sqrt":
            return element("msqrt", listed), _ATOM
        case "cbrt":
            return element("mroot", row(listed) + element("mn", "3")), _ATOM
        case "abs" | "floor" | "ceil":
            return _fenced(listed, *_BARS[word]), _ATOM
        case "exp":
            return element("msup", element("mi", "e") + row(listed)), _POWER
    return row(element("mi", escape(word), mathvariant="normal"), operator("\u2061"), _fenced(listed)), _ATOM
