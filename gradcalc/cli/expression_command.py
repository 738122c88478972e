"""The arguments of commands that take expressions: which words are options, and which are expressions."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

import typer

from gradcalc.cli.page_command import PageCommand
from gradcalc.errors import CalcError, suggest

_LONG = re.compile(r"--[A-Za-z][A-Za-z-]*(=|$)")
_SHORT = re.compile(r"-[A-Za-z]+")


class ExpressionCommand(PageCommand):
    """A command whose arguments are expressions, which may start with a minus.

    An argument that is the name of an option is that option.  Other words that look like an option, `--name` or `-n`, are a
    mistake, never an expression; whatever else starts with a minus is an expression, and is moved behind the `--` that ends
    the options.  Without an expression, one that is piped to stdin is read.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Read the arguments.  Raises `CalcError` for an expression too many, and options unknown or without value."""
        declared_options = [parameter for parameter in self.params if parameter.param_type_name == "option"]
        names = [*(name for option in declared_options for name in option.opts), *ctx.help_option_names]
        with_value = [name for option in declared_options if not getattr(option, "is_flag", False) for name in option.opts]
        options: list[str] = []
        expressions: list[str] = []
        rest = iter(args)
        for arg in rest:
            if arg == "--":
                expressions += rest
            elif arg in with_value:
                value = next(rest, None)
                if value is None:
                    raise CalcError(f"{arg} needs a value", hint=f"{ctx.command_path} --help shows the usage")
                options += [arg, value]
            elif arg in names or (arg.startswith("--") and arg.partition("=")[0] in with_value):
                options.append(arg)
            elif _LONG.match(arg) or _SHORT.fullmatch(arg):
                raise _unknown_option(arg.partition("=")[0], names)
            else:
                expressions.append(arg)
        arguments = [parameter for parameter in self.params if parameter.param_type_name != "option"]
        is_limited = all(argument.nargs == 1 for argument in arguments)
        if is_limited and len(expressions) > len(arguments):
            raise _one_too_many(expressions, len(arguments), names)
        wants_help = not set(options).isdisjoint(ctx.help_option_names)
        is_piped = sys.stdin is not None and not sys.stdin.isatty()
        if not expressions and arguments[0].required and is_piped and not wants_help:
            expressions.append("-")
        return super().parse_args(ctx, [*options, "--", *expressions])


def _unknown_option(name: str, options: Sequence[str]) -> CalcError:
    if name in options:
        return CalcError(f"{name} takes no value")
    if not name.startswith("--"):
        long = suggest(f"-{name}", options) if len(name) > 2 else None
        hint = f"did you mean {long}?" if long else f'write -- {name} or " {name}" for an expression'
        return CalcError(f"no such option {name}", hint=hint)
    close = suggest(name, options)
    hint = f"did you mean {close}?" if close else f"choose from {', '.join(name for name in options if name[:2] == '--')}"
    return CalcError(f"no such option {name}", hint=hint)


def _one_too_many(expressions: Sequence[str], limit: int, options: Sequence[str]) -> CalcError:
    for text in expressions:
        close = suggest(f"-{text.partition('=')[0]}", options) if text.startswith("-") else None
        if close:
            return CalcError(f"unexpected argument {text}", hint=f"did you mean {close}?")
    return CalcError(f"unexpected argument {expressions[limit]}", hint='an expression is one argument: quote it, "x ** 2"')
