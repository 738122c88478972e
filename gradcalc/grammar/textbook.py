"""Functions as textbooks write them, without parentheses or with a power: `sin x`, `sin 2x`, `sin^2 x`, `cos^3(2x)`.

    bare        := name [("^" | "**") digits] ("(" arguments ")" | factors | bare)
    factors     := [number] constant* [name]

What can be meant in two ways, `sin x^2`, `sin x/2`, `sin x y`, `sqrt x + 1`, `sin^-1(x)`, is refused with both.
"""

from __future__ import annotations

import re
from typing import Protocol

from gradcalc.errors import CalcError, Span
from gradcalc.expression import characters
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number
from gradcalc.grammar.foreign import WORDS, word_hint
from gradcalc.grammar.tokens import RAISED, Token

_INVERSES = {
    **{name: f"a{name}" for word in ("sin", "cos", "tan", "cot", "sec", "csc") for name in (word, word + "h")},
    "ln": "exp", "log": "exp", "exp": "log", "log10": "exp10", "lg": "exp10", "log2": "exp2", "sqrt": "square",
}  # fmt: skip
_WIDE = ("sqrt", "cbrt", "exp")
"""Functions whose sign reaches over all that follows in print."""
NAMES = frozenset(
    {*_INVERSES, "cbrt"}
    | {
        f"{prefix}{name}"
        for name in _INVERSES
        for prefix in ("a", "arc")
        if name[:3] in ("sin", "cos", "tan", "cot", "sec", "csc")
    }
)
"""Functions that textbooks apply without parentheses; each is a row, or an alias, of the function table."""
_CONSTANTS = ("pi", "π", "tau", "e", "E")


class Parser(Protocol):
    """What is asked of the parser here."""

    text: str
    variables: frozenset[str]
    now: Token
    nesting: int

    def deeper(self, token: Token) -> None: ...
    def take(self) -> Token: ...
    def node(self, node: Node) -> Node: ...
    def application(self, function: Token) -> Node: ...
    def atom(self) -> Node: ...
    def entry(self) -> Node: ...
    def power(self) -> Node: ...
    def unary(self) -> Node: ...
    def product(self) -> Node: ...


def apply_bare(parser: Parser, function: Token) -> Node:
    """The application of a function whose name was just taken and is not followed by a parenthesis."""
    if parser.now.kind in ("**", "^"):
        power = _power(parser, function)
        inner = parser.application(function) if parser.now.kind in ("(", "{") else _bare(parser, function)
        return parser.node(Call("**", (inner, power), function.span.to(inner.span)))
    return _bare(parser, function)


def no_argument(function: Token, shown: str = "x", span: Span | None = None) -> CalcError:
    """A function that is given nothing."""
    name = function.text
    return CalcError(
        f"{name} is a function and needs an argument", span=span or function.span, hint=f"write {name}({shown})"
    )


def _power(parser: Parser, function: Token) -> Node:
    """The power of `sin^2`, a whole number.  Raises `CalcError` for any other."""
    name = function.text
    raised = parser.take()
    token = parser.now
    if token.kind == "number" and token.text.isdigit() and name not in _WIDE:
        parser.take()
        touches = parser.now.kind == "name" and parser.now.span.start == token.span.end and raised.text != RAISED
        if touches and len(token.text) > 1:
            digits, last = token.text[:-1], token.text[-1]
            raise CalcError(
                f"{name}^{token.text}{parser.now.text} can be read in two ways",
                span=function.span.to(parser.now.span),
                hint=f"write {name}({parser.now.text})**{token.text}, or {name}({last}*{parser.now.text})**{digits}",
            )
        return parser.node(Number(token.text, token.span))
    exponent = parser.unary()
    shown = unparse(exponent)
    if shown == "-1" and name in _INVERSES:
        raise CalcError(
            f"{name}^-1 can be read in two ways",
            span=function.span.to(exponent.span),
            hint=f"write {_INVERSES[name]}(x) for the inverse, 1/{name}(x) for the reciprocal",
        )
    if name in _WIDE:
        raise no_argument(function, shown, function.span.to(exponent.span))
    raise CalcError(
        f"{name} is a function and needs an argument",
        span=function.span.to(exponent.span),
        hint=f"write {name}(x)**({shown}) for a power, {name}({shown}) for an argument",
    )


def _bare(parser: Parser, function: Token) -> Node:
    """The application to what follows without parentheses.  Raises `CalcError` where its end is in doubt."""
    token = parser.now
    _refuse_word(parser, token)
    if token.kind == "|" or token.kind in characters.ROOTS or token.kind in characters.BRACKETS:
        delimited = parser.atom()  # ln|x|, sin √x
        whole = Call(function.text, (delimited,), function.span.to(delimited.span))
        if parser.now.kind in ("**", "^"):
            _refuse_doubt(parser, whole, delimited)
        return parser.node(whole)
    if token.kind not in ("number", "name"):
        rest = parser.text[function.span.end : function.span.end + 20]
        if token.kind == "-" and re.match(r"-\s*1\s*\(", rest) and function.text in _INVERSES:
            name = function.text
            hint = f"write {_INVERSES[name]}(x) for the inverse, 1/{name}(x) for the reciprocal"
            raise CalcError(f"{name} is a function and needs an argument", span=function.span, hint=hint)
        raise no_argument(function, "-x" if token.kind == "-" else "x")
    if _begins_another(parser, token):
        parser.deeper(token)
        argument = parser.atom()
        parser.nesting -= 1
    elif parser.text[token.span.end : token.span.end + 1] == "(" and len(token.text) > 1 and token.kind == "name":
        argument = parser.atom()  # sqrt abs(x)
    else:
        argument = _factors(parser, function)
    whole = Call(function.text, (argument,), function.span.to(argument.span))
    parser.node(whole)
    if isinstance(argument, Call) and argument.name == "factorial":
        raise _doubt(function.text, whole, Call("factorial", (Call(function.text, argument.args),)), whole.span)
    _refuse_doubt(parser, whole, argument)
    return whole


def _factors(parser: Parser, function: Token) -> Node:
    """`2x`, `pi x`, `2 pi x`: numbers and constants, and a variable at the end."""
    argument: Node | None = None
    while parser.now.kind == "name" or (parser.now.kind == "number" and argument is None):
        token = parser.now
        if _begins_another(parser, token):
            break  # sin 2 cos x
        _refuse_word(parser, token)
        before = argument
        if before is not None and function.text == "log" and token.span.start > before.span.end:
            other = parser.entry()
            base = Call("log", (other, before))
            raise _doubt("log", Call("log", (Call("*", (before, other)),)), base, function.span.to(other.span))
        factor = parser.entry() if not _is_called(parser, token) else _name(parser)
        if before is not None and function.text in _WIDE:
            raise _two(Call("*", (Call(function.text, (before,)), factor)), function, before, factor)
        argument = factor if before is None else parser.node(Call("*", (before, factor), before.span.to(factor.span)))
        if token.kind == "name" and (token.text not in _CONSTANTS or token.text in parser.variables):
            break
    assert argument is not None
    return argument


def _is_called(parser: Parser, token: Token) -> bool:
    return parser.text[token.span.end : token.span.end + 20].lstrip().startswith("(")


def _name(parser: Parser) -> Node:
    token = parser.take()
    return parser.node(Number(token.text, token.span) if token.kind == "number" else Name(token.text, token.span))


def _two(outer: Node, function: Token, argument: Node, factor: Node) -> CalcError:
    inner = Call(function.text, (Call("*", (argument, factor)),))
    return _doubt(function.text, inner, outer, function.span.to(factor.span))


def _doubt(name: str, first: Node, second: Node, span: Span) -> CalcError:
    return CalcError(
        f"the end of the argument of {name} is ambiguous", span=span, hint=f"write {unparse(first)}, or {unparse(second)}"
    )


def _refuse_doubt(parser: Parser, whole: Call, argument: Node) -> None:
    """Raise `CalcError` where what follows an application may belong to its argument."""
    token = parser.now
    name = whole.name
    if token.kind in ("**", "^"):
        parser.take()
        exponent = parser.unary()
        raised: Node = Call("**", (argument, exponent))
        if isinstance(argument, Call) and argument.name == "*":
            raised = Call("*", (argument.args[0], Call("**", (argument.args[1], exponent))))
        raise _doubt(name, Call(name, (raised,)), Call("**", (whole, exponent)), whole.span.to(exponent.span))
    if token.kind in ("/", "*", "@"):
        following = re.match(r"\s*([A-Za-z]\w*)", parser.text[token.span.end : token.span.end + 80])
        if token.kind == "*" and following and following[1] in NAMES:
            return  # sin x*cos x
        parser.take()
        other = parser.unary()
        inner = Call(name, (Call(token.kind, (argument, other)),))
        raise _doubt(name, inner, Call(token.kind, (whole, other)), whole.span.to(other.span))
    if token.kind in ("number", "(") or (token.kind == "name" and not _begins_another(parser, token)):
        _refuse_word(parser, token)
        other = _name(parser) if token.kind == "number" else parser.power()
        inner = Call(name, (Call("*", (argument, other)),))
        raise _doubt(name, inner, Call("*", (whole, other)), whole.span.to(other.span))
    if token.kind in ("+", "-") and name in _WIDE:
        parser.take()
        other = parser.product()
        inner = Call(name, (Call(token.kind, (argument, other)),))
        raise _doubt(name, Call(token.kind, (whole, other)), inner, whole.span.to(other.span))


def _begins_another(parser: Parser, token: Token) -> bool:
    return token.text in NAMES and token.text not in parser.variables


def _refuse_word(parser: Parser, token: Token) -> None:
    if token.kind == "name" and token.text in WORDS and token.text not in parser.variables:
        raise CalcError(f"unexpected word {token.text}", span=token.span, hint=word_hint(token.text, parser.text))
