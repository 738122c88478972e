"""A tree as text, which reads back to the same tree."""

from __future__ import annotations

from gradcalc.expression.tree import COMPARISONS, Call, Name, Node, Number, fold

# How tightly an operator binds; a part is parenthesised when it binds more loosely than its place demands.
_BINDS = {
    "or": 1, "and": 2, "not": 3, **dict.fromkeys(COMPARISONS, 4), "+": 5, "-": 5, "*": 6, "/": 6, "@": 6, "neg": 7, "**": 8,
}  # fmt: skip


_ATOM = 9


def unparse(tree: Node) -> str:
    """The canonical text of a tree; `parse(unparse(tree)) == tree`."""
    pieces: list[str] = []
    waiting = [fold(tree, _unparse_leaf, _unparse_call)[0]]
    while waiting:
        text = waiting.pop()
        if isinstance(text, str):
            pieces.append(text)
        else:
            waiting += reversed(text)
    return "".join(pieces)


# Texts hold the texts of their parts, and are joined at the end, so that a sum of n terms costs n and not n**2.
_Text = str | tuple["_Text", ...]


_Piece = tuple[_Text, int]


def _unparse_leaf(node: Number | Name) -> _Piece:
    return node.text if isinstance(node, Number) else node.name, _ATOM


def _parenthesize(piece: _Piece, binds: int) -> _Text:
    text, own = piece
    return text if own >= binds else ("(", text, ")")


def _unparse_call(node: Call, args: list[_Piece]) -> _Piece:
    name = node.name
    if name == "=":
        return (args[0][0], "=", args[1][0]), 0
    if name == "neg":
        return ("-", _parenthesize(args[0], _BINDS["neg"])), _BINDS["neg"]
    if name == "not":
        return ("not ", _parenthesize(args[0], _BINDS["not"])), _BINDS["not"]
    if name == "**":
        # The exponent is read at the level of unary minus, so `x**-2` and `a**b**c` need no parentheses.
        return (_parenthesize(args[0], _ATOM), "**", _parenthesize(args[1], _BINDS["neg"])), _BINDS["**"]
    if name in _BINDS:
        binds = _BINDS[name]
        spaced = name if name in ("*", "/", "@") else f" {name} "
        # Comparisons do not associate: `(a < b) < c` keeps its parentheses on either side.
        return (_parenthesize(args[0], binds + (binds == _BINDS["<"])), spaced, _parenthesize(args[1], binds + 1)), binds
    if name == "[]":
        return (_parenthesize(args[0], _ATOM), "[", dict(node.options)["at"].replace(",", ", "), "]"), _ATOM
    if name == "transpose" and not isinstance(node.args[0], Number):
        return (_parenthesize(args[0], _ATOM), ".T"), _ATOM
    if not node.args:
        return name, _ATOM
    opened, closed = ("[", "]") if name == "[" else (f"{name}(", ")")
    inside: list[_Text] = []
    for position, (text, _) in enumerate(args):
        inside += (", ", text) if position else (text,)
    return (opened, *inside, *(f", {key}={word}" for key, word in node.options), closed), _ATOM
