"""Operands: numbers, names, brackets of all kinds, applications, and what stands behind an operand.

    entry       := atom ("[" places "]" | "." name ["(" arguments ")"] | "!")*
    atom        := number | name | name "(" arguments ")" | "(" expression ")" | "{" expression "}"
                 | "|" expression "|" | "[" expression ("," expression)* "]" | ("√" | "∛") atom | bare
    arguments   := [argument ("," argument)*]                      argument := expression | name "=" expression
    places      := place ("," place)*                              place := integer | [integer] ":" [integer] [":" integer]

`bare`, functions without parentheses, is in `textbook`.  `x.f(y)` is `f(x, y)`, `np.f(y)` is `f(y)`, `Sin[x]` is `sin(x)`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcalc.errors import CalcError, Span
from gradcalc.expression import characters
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import (
    MAX_EXPONENT,
    MAX_NAME_CHARACTERS,
    MAX_NUMBER_CHARACTERS,
    Call,
    Name,
    Node,
    Number,
    is_keyword,
)
from gradcalc.grammar import elsewhere, foreign, textbook
from gradcalc.grammar.cursor import Cursor
from gradcalc.grammar.tokens import OPENING, Token

_BEHIND = {"T": "transpose", "mT": "transpose"}
"""What stands behind a dot without parentheses, besides `values`."""
_CONSTANTS = ("pi", "e", "tau", "inf", "nan")


class Atoms(Cursor):
    """Reads operands; what stands between them is read by the parser, which inherits from this."""

    closed_bar = -1
    """Where the last `|x|` ended."""

    def expression(self) -> Node:
        raise NotImplementedError

    def product(self) -> Node:
        raise NotImplementedError

    def power(self) -> Node:
        raise NotImplementedError

    def unary(self) -> Node:
        raise NotImplementedError

    # -- what stands behind an operand

    def entry(self) -> Node:
        base = self.atom()
        while True:
            if self.now.kind == "[":
                name = self.before
                is_call = isinstance(base, Name) and elsewhere.is_bracketed(base.name) and base.name not in self.variables
                base = self.application(name) if is_call and name is not None else self.indexed(base)
                if is_call and self.now.kind == "(" and self.before and self.now.span.start == self.before.span.end:
                    hint = "write root(x, 3) for a root, log(x, 2) for a base"
                    raise CalcError("brackets behind brackets can be read in two ways", span=self.now.span, hint=hint)
            elif self.now.kind == ".":
                base = self.member(base)
            elif self.now.kind == "!":
                base = self.factorial(base)
            else:
                return base

    def factorial(self, base: Node) -> Node:
        sign = self.take()
        if self.now.kind == "!":
            hint = f"write factorial(factorial({unparse(base)[:60]})) for a factorial twice; double factorials are not read"
            raise CalcError("!! can be read in two ways", span=sign.span.to(self.now.span), hint=hint)
        return self.call("factorial", (base,), base.span.to(sign.span))

    def indexed(self, base: Node) -> Node:
        opened = self.take()
        places = [self.place(base)]
        while self.now.kind == ",":
            self.take()
            places.append(self.place(base))
        closed = self.expect("]", opened)
        return self.node(Call("[]", (base,), base.span.to(closed.span), (("at", ",".join(places)),)))

    def place(self, base: Node) -> str:
        parts = [self.integer()]
        while self.now.kind == ":" and len(parts) < 3:
            self.take()
            parts.append(self.integer())
        if parts == [""]:
            hint = "an entry is x[0], x[-1], x[1:3] or A[0, :]"
            hint += f"; {foreign.bracket_hint(base.name if isinstance(base, Name) else 'x')}"
            raise CalcError("an index must be an integer or a slice", span=self.now.span, hint=hint)
        return ":".join(parts)

    def integer(self) -> str:
        sign = self.take().text if self.now.kind == "-" else ""
        if self.now.kind == "number" and self.now.text.isdigit() and len(self.now.text) < 9:
            return sign + self.take().text
        if sign:
            raise self.unexpected()
        return ""

    def member(self, base: Node) -> Node:
        """`A.T`, `max(A, dim=0).values`, functions behind their first argument, and functions of a module."""
        self.take()
        name = self.expect("name", self.before or self.now)
        if isinstance(base, Name) and self.is_module(base, name):
            return self.of_module(base, name)
        if self.now.kind == "(":
            call = self.application(name)
            assert isinstance(call, Call)
            if name.text in ("max", "min") and call.args and not any(is_keyword(arg) for arg in call.args):
                hint = f"write dim=... for a dimension, and {name.text}(x, y) for one of two"
                raise CalcError(f".{name.text} takes a dimension by its name", span=call.span, hint=hint)
            return Call(call.name, (base, *call.args), base.span.to(call.span))
        if name.text in _BEHIND:
            return self.call(_BEHIND[name.text], (base,), base.span.to(name.span))
        if name.text == "values" and isinstance(base, Call) and base.name in ("max", "min"):
            if any(is_keyword(arg) for arg in base.args):
                return base
            hint = f"write {base.name}(x, dim=0).values"
            raise CalcError(f"{base.name} along no dimension has no .values", span=name.span, hint=hint)
        raise CalcError(f"unexpected .{name.text}", span=name.span, hint=_method_hint(name.text))

    def is_module(self, base: Name, name: Token) -> bool:
        if base.name not in elsewhere.MODULES or base.name in self.variables or name.text in _BEHIND:
            return False
        is_method = len(base.name) == 1 and re.match(
            r"\(\s{0,9}\)", self.text[self.now.span.start : self.now.span.start + 12]
        )
        return not is_method  # `K.mean()` is a method of K, and `K.mean(x)` a function of keras

    def of_module(self, module: Name, name: Token) -> Node:
        path = [module.name, name.text]
        while self.now.kind == ".":  # torch.nn.functional.softmax
            self.take()
            name = self.expect("name", self.before or self.now)
            path.append(name.text)
        span = module.span.to(name.span)
        if self.now.kind == "(":
            elsewhere.refuse_of_module(path, span)
            return self.application(name, path)
        if name.text.lower() in _CONSTANTS:
            return self.node(Name(name.text.lower(), span))
        raise CalcError(
            f"{'.'.join(path)} is not supported", span=span, hint=f"write {name.text}(...) for a function, or its value"
        )

    # -- operands

    def atom(self) -> Node:
        token = self.now
        if token.kind == "number":
            return self.number(self.take())
        if token.kind == "name":
            return self.name(self.take())
        if token.kind == "[":
            return self.array()
        if token.kind == "|":
            return self.absolute_value()
        if token.kind in characters.ROOTS:
            return self.root()
        if token.kind in OPENING:
            return self.group()
        raise self.unexpected()

    def name(self, token: Token) -> Node:
        if token.text[-1:] == "_" and self.now.kind == "{":
            hint = "LaTeX is read by --from latex; write x_1 for a name"
            raise CalcError("an index in braces is LaTeX", span=token.span, hint=hint)
        if len(token.text) > MAX_NAME_CHARACTERS:
            raise CalcError(f"a name has at most {MAX_NAME_CHARACTERS} characters", span=token.span)
        if self.now.kind == "(" and not self.is_factor(token):
            return self.application(token)
        if self.now.kind == "{" and elsewhere.is_bracketed(token.text) and token.text not in self.variables:
            return self.application(token)
        if self.now.kind != "=" and token.text in textbook.NAMES and token.text not in self.variables:
            return textbook.apply_bare(self, token) if self.now.kind != "[" else Name(token.text, token.span)
        return self.node(Name(token.text, token.span))

    def group(self) -> Node:
        opened = self.open_bracket()
        inner = self.expression()
        if self.now.kind == "," and opened.kind == "{":
            raise CalcError("cases in braces are not supported", span=opened.span, hint="write where(condition, a, b)")
        closed = self.close_bracket(OPENING[opened.kind], opened)
        self.open_power = None
        if opened.kind in characters.BRACKETS:
            return self.call(characters.BRACKETS[opened.kind][1], (inner,), opened.span.to(closed.span))
        return inner

    def absolute_value(self) -> Node:
        opened = self.open_bracket(is_bar=True)
        inner = self.expression()
        if self.now.kind != "|":
            is_or = self.text[opened.span.start : opened.span.start + 2] == "||" and opened.span.start > 0
            hint = "write or between conditions" if is_or else "this | is never closed; write abs(x) for an absolute value"
            raise CalcError("missing |", span=opened.span, hint=hint)
        closed = self.close_bracket("|", opened)
        is_double = inner.span == Span(opened.span.end, closed.span.start) and self.text[inner.span.start] == "|"
        if is_double and isinstance(inner, Call) and inner.name == "abs":
            shown = unparse(inner.args[0])[:60]
            hint = f"write norm({shown}) for the norm of a vector, abs({shown}) for a number"
            raise CalcError("|| can be read in two ways", span=opened.span.to(closed.span), hint=hint)
        self.closed_bar = closed.span.end
        return self.call("abs", (inner,), opened.span.to(closed.span))

    def root(self) -> Node:
        """`√x`, `√(x + 1)`: the sign reaches over one operand; what touches that is refused with both readings."""
        sign = self.take()
        function = characters.ROOTS[sign.kind]
        self.deeper(sign)
        is_open = self.now.kind not in OPENING
        inner = self.entry()
        whole = self.call(function, (inner,), sign.span.to(self.before.span if self.before else inner.span))
        touches = self.before is not None and self.now.span.start == self.before.span.end
        if not is_open or not touches:
            self.nesting -= 1
            return whole
        if self.now.kind in ("**", "^"):
            self.take()
            exponent = self.unary()
            longer, shorter = Call("**", (inner, exponent)), Call("**", (whole, exponent))
        elif self.starts_factor():
            factor = self.power()
            longer, shorter = Call("*", (inner, factor)), Call("*", (whole, factor))
        else:
            self.nesting -= 1
            return whole
        raise CalcError(
            f"the end of the argument of {sign.text} is ambiguous",
            span=sign.span.to(self.before.span if self.before else sign.span),
            hint=f"write {unparse(shorter)[:80]}, or {unparse(Call(function, (longer,)))[:80]}",
        )

    def array(self) -> Node:
        opened = self.open_bracket()
        if self.now.kind == "]":
            raise CalcError("an array must have at least one entry", span=opened.span.to(self.now.span))
        entries = [self.expression()]
        while self.now.kind == ",":
            self.take()
            entries.append(self.expression())
        closed = self.close_bracket("]", opened)
        return self.node(Call("[", tuple(entries), opened.span.to(closed.span)))

    def number(self, token: Token) -> Node:
        if len(token.text) > MAX_NUMBER_CHARACTERS:
            raise CalcError(f"a number has at most {MAX_NUMBER_CHARACTERS} characters", span=token.span)
        _, _, exponent = token.text.lower().partition("e")
        if exponent and abs(int(exponent)) > MAX_EXPONENT:
            raise CalcError(f"the exponent of a number is at most {MAX_EXPONENT}", span=token.span)
        return self.node(Number(token.text, token.span))

    # -- applications

    def application(self, function: Token, module: Sequence[str] = ()) -> Node:
        """A function with its arguments; one that has another name or another order of them elsewhere is made ours."""
        opened = self.open_bracket()
        closing = OPENING[opened.kind]
        read = self.case if function.text in elsewhere.CASES else self.argument
        args = [] if self.now.kind == closing else [read()]
        while self.now.kind == ",":
            self.take()
            args.append(read())
        closed = self.close_bracket(closing, opened)
        span = function.span.to(closed.span)
        if function.text not in self.variables or module:
            source = elsewhere.Source(module, is_bracketed=opened.kind == "[", is_spreadsheet=self.is_spreadsheet)
            own = elsewhere.own_call(function.text, tuple(args), span, source)
            if own is not None:
                return self.node(own)
        return self.call(function.text, tuple(args), span)

    def argument(self) -> Node:
        value = self.expression()
        if self.now.kind == "=" and isinstance(value, Name):
            self.take()
            if self.now.kind == "word":  # reduction="sum", as Python has it
                word = self.take()
                return self.call("=", (value, self.node(Name(word.text, word.span))))
            return self.call("=", (value, self.expression()))
        return value

    def case(self) -> Node:
        """A pair of a value and its condition, as an argument of `Piecewise`."""
        opened = self.expect("(", self.now)
        value = self.expression()
        self.expect(",", opened)
        condition = self.expression()
        self.expect(")", opened)
        return self.call("(", (value, condition))


def _method_hint(name: str) -> str:
    """What to write for a name behind a dot that is not a method."""
    if name in ("txt", "csv", "tsv", "json", "jsonl", "npy"):
        return "a file is named by an option, --file or --points, or is a value, x=@FILE"
    return f"write {name}(...) for a function"
