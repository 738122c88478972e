"""Commands whose `--help` is a page of ours, and `gradcalc help`; pages are made only when they are shown."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from gradcalc.commands.arguments import choice
from gradcalc.commands.presentation import Presentation
from gradcalc.errors import Exit
from gradcalc.output.options import options_for
from gradcalc.output.schema import schema_text


class PageCommand(TyperCommand):
    """A command whose help is a page of ours."""

    def get_help(self, ctx: typer.Context) -> str:  # type: ignore[override]
        """The page of the command."""
        from gradcalc.cli.command_tree import command_of
        from gradcalc.cli.help_page import command_page

        return command_page(command_of(ctx.info_name or "", self), options_for(sys.stdout))


class PageGroup(TyperGroup):
    """The program, whose help is a page of ours."""

    def get_help(self, ctx: typer.Context) -> str:  # type: ignore[override]
        """The page of the program."""
        from gradcalc.cli.help_page import program_page

        return program_page(self, options_for(sys.stdout))


def help_command(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Argument(metavar="[COMMAND]", help="A command, or schema. [default: the list of commands]")
    ] = None,
    *,
    presentation: Presentation,
) -> Exit:
    """Show the help of a command, or the JSON Schema of results.

    \b
      gradcalc help diff
      gradcalc help schema > gradcalc.schema.json
    """
    from gradcalc.cli.command_tree import commands
    from gradcalc.cli.help_page import command_page, program_page

    group = context.find_root().command
    assert isinstance(group, TyperGroup)
    pages = {command.name: command for command in commands(group)}
    if topic is None:
        text = program_page(group, presentation.options) + "\n"
    elif topic == "schema":
        text = schema_text()
    else:
        text = command_page(pages[choice(topic, (*pages, "schema"), "command")], presentation.options) + "\n"
    presentation.write(presentation.options.text(text), paged=True)
    return Exit.AGREE
