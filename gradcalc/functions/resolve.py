"""From what was typed to what it means: names, aliases, keyword and default arguments, kinds.

Comes in: a tree of the grammar.  Goes out: a tree in which every call is a row of the table with all its arguments, every
name is a variable, and constants are calls without arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from gradcalc.errors import CalcError, Span
from gradcalc.expression.tree import (
    Call,
    Name,
    Node,
    Number,
    calls_in,
    fold,
    integer_literal,
    is_keyword,
    names_in,
    postorder,
)
from gradcalc.functions import CONSTANTS, Function, Parameter, find
from gradcalc.functions.names import CAPITALS, LETTERS, call_hint, refusal
from gradcalc.grammar import read
from gradcalc.grammar.ambiguity import names as notes_on_names
from gradcalc.report import Notation

_REFUSED = {"inf", "infinity", "oo", "nan"}
_SINC = "sinc(x) is sin(x)/x here; torch.sinc(x) and np.sinc(x) are sin(pi*x)/(pi*x)"
_OPTIONS_ELSEWHERE = {"keepdims": "keepdim"}
_OPERATORS = {"*", "/", "**", "neg"}


class Interpretation(NamedTuple):
    """A tree in terms of the table, and notes on what could be meant otherwise."""

    tree: Node
    notes: tuple[str, ...]


def understand(text: str, variables: Collection[str] = ()) -> Node:
    """The tree of an expression in terms of the table.

    `variables` are names that stand for variables whatever else they mean.  Raises `CalcError` for unknown functions,
    wrong arguments, conditions where numbers belong, and what can be meant in two ways.
    """
    return interpret(text, variables).tree


def interpret(
    text: str,
    variables: Collection[str] = (),
    *,
    condition: bool = False,
    names_are_clear: bool = False,
    notation: Notation = Notation.AUTO,
) -> Interpretation:
    """As `understand`, with notes on what could be meant otherwise; `condition` takes one in the place of a number, too.

    With `names_are_clear` nothing is noted of names: what has a value is a variable, and the values come later.
    """
    names = frozenset(variables)
    try:
        reading = read(text, names, notation)
        resolver = _Resolver(text, names)
        tree = resolver.read(reading.tree)
        for word in resolver.words:
            raise refusal(word) or _refusal(word)
        _refuse_equation(text, reading.defined, tree)
        if is_condition(tree) and not condition:
            raise CalcError("a condition cannot be used as a number", span=tree.span, hint="use where(condition, a, b)")
        if "sinc" in text and ".sinc" not in text and any(call.name == "sinc" for call in calls_in(tree)):
            reading = reading._replace(notes=(*reading.notes, _SINC))
        return Interpretation(tree, (*reading.notes, *(() if names_are_clear else notes_on_names(names_in(tree), names))))
    except CalcError as error:
        raise error.within(text) from None


def _refuse_equation(text: str, left: str | None, tree: Node) -> None:
    """Raise `CalcError` for `x = 3`, which is a point, and for an equation, `x = cos(x)`."""
    if left is None:
        return
    names = names_in(tree)
    place = text.index("=")
    span = Span(place, place + 1)
    if not names:
        value = " ".join(text[place + 1 :].split())
        raise CalcError("this is a value, not an expression", span=span, hint=f"give it separately: --at {left}={value}")
    if left in names:
        hint = f"write {left} - (...) for the difference of both sides, or the right side alone"
        raise CalcError("an equation is not an expression", span=span, hint=hint)


def apply_function(name: str, args: Sequence[Node]) -> Node:
    """A function of trees that are understood already.  Raises `CalcError` as `understand` does."""
    return _Resolver("", frozenset()).call(Call(name, tuple(args)), list(args))


def _refusal(node: Name) -> CalcError:
    if node.name.startswith("'"):
        return CalcError(f"{node.name} is not a number", span=node.span)
    return CalcError(f"{node.name} is not supported: values must be finite", span=node.span)


def is_condition(node: Node) -> bool:
    row = find(node.name) if isinstance(node, Call) else None
    return row is not None and row.condition


class _Resolver:
    def __init__(self, text: str, variables: frozenset[str]):
        self.text = text
        self.variables = variables
        self.words: list[Name] = []
        """Names that mean something as the name or the value of an option only: `inf`, `mean`, and what stands in quotes."""

    def read(self, tree: Node) -> Node:
        return fold(tree, self.leaf, self.call)

    def leaf(self, node: Number | Name) -> Node:
        if isinstance(node, Number) or node.name in self.variables:
            return node
        if node.name in CONSTANTS or node.name in CAPITALS:
            return Call(CONSTANTS[CAPITALS.get(node.name, node.name)], (), node.span)
        if node.name == "inf" or node.name[:1] in "\"'" or refusal(node) is not None:
            self.words.append(node)
        elif node.name in _REFUSED:
            raise _refusal(node)
        return node

    def call(self, node: Call, args: list[Node]) -> Node:
        if node.name == "=":
            self.forget([node.args[0]])
            return Call("=", (node.args[0], args[1]), node.span)
        self.refuse_bare_function(node)
        _refuse_round_list(node, args)
        row = find(node.name) or self.in_capitals(node.name)
        if row is None or not row.signature:
            raise self.unknown(node)
        if node.name in self.variables:
            raise CalcError(
                f"{node.name} is a variable here and also a function",
                span=_head_span(node),
                hint=f"write {node.name}*(...) to multiply, or give the variable another name",
            )
        options = node.options
        if row.options:
            args, options, words = _split_options(row, args, node)
            self.forget(words)
        args = _bind_arguments(row, args, node)
        _check_kinds(row, args)
        if row.definition is not None:
            return self.expand(row, args, node.span)
        return Call(row.name, tuple(args), node.span, options)

    def in_capitals(self, name: str) -> Function | None:
        """The row of `SIN`, `ReLU` or `Sum`, unless the name is that of a variable."""
        return find(name.lower()) if len(name) > 1 and name.lower() != name and name not in self.variables else None

    def forget(self, words: Sequence[Node]) -> None:
        """The name and the value of an option are not variables to refuse."""
        self.words = [word for word in self.words if not any(word is node for node in words)]

    def refuse_bare_function(self, node: Call) -> None:
        """`sin x` must not be read as a product of two variables."""
        if node.name != "*":
            return
        left, right = node.args
        while isinstance(left, Call) and left.name in _OPERATORS:  # the `sin` of `-sin x` and of `2/sin x`
            left = left.args[-1]
        if not isinstance(left, Name) or left.name in self.variables or "*" in self.text[left.span.end : right.span.start]:
            return
        row = find(left.name)
        if row is not None and row.signature and left.name not in LETTERS:
            raise CalcError(
                f"{left.name} is a function and needs parentheses", span=left.span, hint=f"write {left.name}(...)"
            )

    def unknown(self, node: Call) -> CalcError:
        span = _head_span(node)
        if node.name == "@":
            return CalcError("@ multiplies matrices, not numbers", span=node.span, hint="write * to multiply")
        if node.name in self.variables or node.name in CONSTANTS:
            return CalcError(f"{node.name} is not a function", span=span, hint=call_hint(node.name, is_variable=True))
        return CalcError(f"unknown function {node.name}", span=span, hint=call_hint(node.name))

    def expand(self, row: Function, args: list[Node], span: Span) -> Node:
        """A row given by a definition stands for that expression, with the arguments in place."""
        values = dict(zip((parameter.name for parameter in row.parameters), args, strict=True))
        body = understand(row.definition or "", values)
        for part in postorder(body):
            if isinstance(part, Call) and not part.args and part.name in self.variables:
                raise CalcError(
                    f"{row.name} is {row.definition}, and {part.name} is a variable here",
                    span=span,
                    hint="give the variable another name",
                )
        return fold(
            body,
            lambda leaf: values[leaf.name] if isinstance(leaf, Name) else Number(leaf.text, span),
            lambda call, parts: Call(call.name, tuple(parts), span, call.options),
        )


def _refuse_round_list(node: Call, args: Sequence[Node]) -> None:
    """Raise `CalcError` for `[x + 1]**2`: brackets in the place of parentheses would be a list of one entry."""
    if node.name not in ("+", "-", "*", "/", "**", "neg"):
        return
    for arg in args:
        if isinstance(arg, Call) and arg.name == "[" and len(arg.args) == 1:
            (entry,) = arg.args
            if not (isinstance(entry, Call) and entry.name == "["):
                hint = "write (...) for brackets; sum([...]) or an entry for a list of one entry"
                raise CalcError("[...] is a list of one entry", span=arg.span, hint=hint)


def _head_span(node: Call) -> Span:
    return Span(node.span.start, node.span.start + len(node.name)) if node.name.isidentifier() else node.span


def _split_options(
    row: Function, args: list[Node], node: Call
) -> tuple[list[Node], tuple[tuple[str, str], ...], list[Node]]:
    """The positional arguments, the options (by keyword, or behind the last argument), and their nodes."""
    options = dict(node.options)
    rest: list[Node] = []
    words: list[Node] = []
    free = [key for key in row.options if key != "at"]
    for place, arg in enumerate(args):
        key, value = "", arg
        named = _named_option(row, arg)
        if named is not None:
            key, value = named
        elif (
            place >= len(row.parameters)
            and not row.variadic
            and not is_keyword(arg)
            and place - len(row.parameters) < len(free)
        ):
            key = free[place - len(row.parameters)]
        if not key:
            rest.append(arg)
            continue
        if key in options:
            raise CalcError(f"{key} is given twice", span=arg.span, hint=f"usage: {row.usage}")
        options[key] = _option_value(row, key, value)
        words.append(value)
    # What is off is what is not given: nothing else reads it.
    return rest, tuple((key, word) for key, word in options.items() if word != "False"), words


def _named_option(row: Function, arg: Node) -> tuple[str, Node] | None:
    """An option that is given by its name, or by that which numpy has for it, and its value."""
    if not (isinstance(arg, Call) and arg.name == "=" and isinstance(arg.args[0], Name)):
        return None
    key = _OPTIONS_ELSEWHERE.get(arg.args[0].name, arg.args[0].name)
    return (key, arg.args[1]) if key in row.options else None


def _option_value(row: Function, key: str, value: Node) -> str:
    words = row.options[key]
    whole = integer_literal(value)
    if isinstance(value, Name) and (word := value.name.strip("\"'")) in words:
        return word
    if whole is not None and (not words or key == "p"):
        return str(whole)
    requirement = " or ".join(words) if words and key != "p" else "a whole number"
    raise CalcError(f"{key} of {row.name} is {requirement}", span=value.span, hint=f"usage: {row.usage}")


def _bind_arguments(row: Function, args: list[Node], node: Call) -> list[Node]:
    """The arguments in the order of the parameters: keywords placed, defaults filled in."""
    places = {parameter.name: place for place, parameter in enumerate(row.parameters)}
    values: dict[int, Node] = {}
    named = False
    for place, arg in enumerate(args):
        if isinstance(arg, Call) and arg.name == "=":
            keyword, value = arg.args
            assert isinstance(keyword, Name)
            named = True
            if keyword.name not in places:
                usage = "gelu_tanh(x)" if (row.name, keyword.name) == ("gelu", "approximate") else row.usage
                raise CalcError(f"{row.name} has no argument {keyword.name}", span=keyword.span, hint=f"usage: {usage}")
            if places[keyword.name] in values:
                raise CalcError(f"{keyword.name} is given twice", span=arg.span, hint=f"usage: {row.usage}")
            values[places[keyword.name]] = value
        elif named:
            raise CalcError("a positional argument follows a named one", span=arg.span)
        else:
            values[place] = arg
    if len(args) > len(places) and not row.variadic:
        raise _wrong_count(row, len(args), node)
    bound = []
    for place, parameter in enumerate(row.parameters):
        if place in values:
            bound.append(_literal_setting(row, parameter, values[place]) if parameter.setting else values[place])
        elif parameter.default is not None:
            bound.append(Number(parameter.default, node.span))
        elif not parameter.optional:
            raise _wrong_count(row, len(args), node)
    return bound + [values[place] for place in range(len(places), len(args))]


def _wrong_count(row: Function, count: int, node: Call) -> CalcError:
    least = sum(parameter.default is None and not parameter.optional for parameter in row.parameters)
    most = len(row.parameters)
    requirement = f"at least {least}" if row.variadic else str(least) if least == most else f"{least} to {most}"
    plural = "" if requirement.endswith("1") else "s"
    return CalcError(
        f"{row.name} takes {requirement} argument{plural}, not {count}", span=node.span, hint=f"usage: {row.usage}"
    )


def _literal_setting(row: Function, parameter: Parameter, value: Node) -> Node:
    inner = value.args[0] if isinstance(value, Call) and value.name == "neg" else value
    if not isinstance(inner, Number):
        raise CalcError(f"{parameter.name} of {row.name} must be a plain number", span=value.span)
    return value


def _check_kinds(row: Function, args: list[Node]) -> None:
    for place, arg in enumerate(args):
        expects_boolean = place in row.boolean_args
        if is_condition(arg) == expects_boolean:
            continue
        if expects_boolean:
            raise CalcError(f"{row.name} needs a condition here, such as x > 0", span=arg.span, hint=f"usage: {row.usage}")
        raise CalcError(
            "a condition cannot be used as a number",
            span=arg.span,
            hint="use where(condition, a, b)",
        )
    if row.name == "polygamma":
        order = integer_literal(args[0])
        if order is None or not 0 <= order <= 20:
            raise CalcError("the first argument of polygamma must be an integer from 0 to 20", span=args[0].span)
