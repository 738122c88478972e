"""`gradcalc completion`: what bash, zsh and fish need to complete commands, options and their values.

The scripts are complete in themselves: completing a word does not start gradcalc.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gradcalc.commands.arguments import SHELLS, choice
from gradcalc.commands.console import write
from gradcalc.errors import Exit

if TYPE_CHECKING:
    from gradcalc.cli.command_tree import Command


def completion(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> Exit:
    """Print the completion script of a shell.

    \b
      eval "$(gradcalc completion bash)"       in ~/.bashrc
      eval "$(gradcalc completion zsh)"        in ~/.zshrc
      gradcalc completion fish | source        in ~/.config/fish/config.fish
    """
    from gradcalc.cli.command_tree import commands

    choice(shell, tuple(_SCRIPTS), "shell")
    tree = commands(cast(typer.core.TyperGroup, context.find_root().command))
    write(_SCRIPTS[shell](tree))
    return Exit.AGREE


def _bash(tree: Sequence[Command]) -> str:
    cases, values = [], []
    for command in tree:
        words = " ".join([*(name for option in command.options for name in option.names if name[:2] == "--"), "--help"])
        offered = " ".join([value for argument in command.arguments for value in argument.values])
        cases.append(f'        {command.name}) words="{words}" offered="{offered}" ;;')
        for option in command.options:
            names = "|".join(f'"{command.name} {name}"' for name in option.names)
            if option.values:
                reply = f'COMPREPLY=($(compgen -W "{" ".join(option.values)}" -- "$word"))'
                values.append(f"        {names}) {reply}; return ;;")
            elif option.takes and option.takes.startswith("FILE"):
                values.append(f'        {names}) COMPREPLY=($(compgen -f -- "$word")); return ;;')
            elif option.takes:
                values.append(f"        {names}) COMPREPLY=(); return ;;")
    files = "|".join(command.name for command in tree if any("FILE" in argument.word for argument in command.arguments))
    names = " ".join([*(command.name for command in tree), "--help", "--version"])
    return "\n".join(
        [
            "_gradcalc() {",
            '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words offered equals=',
            f'    if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "{names}" -- "$word")); return; fi',
            '    if [ "$word" = "=" ]; then word=; elif [ "$before" = "=" ]; then before="${COMP_WORDS[COMP_CWORD-2]}"; fi',
            '    case "$word" in --*=*) before="${word%%=*}"; equals="$before="; word="${word#*=}" ;; esac',
            "    _gradcalc_names || _gradcalc_words",
            '    if [ -n "$equals" ]; then COMPREPLY=("${COMPREPLY[@]/#/$equals}"); fi',
            "}",
            *_NAMES_IN_FILES,
            "_gradcalc_words() {",
            '    case "${COMP_WORDS[1]} $before" in',
            *values,
            "    esac",
            '    case "${COMP_WORDS[1]}" in',
            *cases,
            "    esac",
            '    case "$word" in',
            '        -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;',
            f'        *) case "${{COMP_WORDS[1]}}" in {files}) COMPREPLY=($(compgen -f -- "$word")); return ;; esac',
            '           COMPREPLY=($(compgen -W "${offered:-$words}" -- "$word")) ;;',
            "    esac",
            "}",
            "complete -o default -F _gradcalc gradcalc",
            "",
        ]
    )


_NAMES_IN_FILES = (
    "_gradcalc_names() {",  # of FILE.py:NAME, which bash takes for three words
    "    local file= names",
    '    if [ "$word" = ":" ]; then file="$before"; word=; fi',
    '    if [ "$before" = ":" ]; then file="${COMP_WORDS[COMP_CWORD-2]}"; fi',
    """    case "$word" in *.py:*) file="${word%:*}"; equals="$equals$file:"; word="${word##*:}" ;; esac""",
    """    case "$file" in *.py) ;; *) return 1 ;; esac""",
    r"""    local definition='s/^(def|class) +([A-Za-z][A-Za-z0-9_]*).*/\2/p'""",
    r"""    local variable='s/^([A-Za-z][A-Za-z0-9_]*) *=[^=].*/\1/p'""",
    """    names="$(sed -nE -e "$definition" -e "$variable" "$file" 2>/dev/null)\"""",
    '    COMPREPLY=($(compgen -W "$names" -- "$word"))',
    "}",
)


def _zsh(tree: Sequence[Command]) -> str:
    return "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n" + _bash(tree)


def _fish(tree: Sequence[Command]) -> str:
    lines = ["complete -c gradcalc -f -n __fish_use_subcommand -l version -s V -d 'Show the version'"]
    for command in tree:
        lines.append(f"complete -c gradcalc -f -n __fish_use_subcommand -a {command.name} -d {_quote(command.summary)}")
        condition = f"'__fish_seen_subcommand_from {command.name}'"
        words = [value for argument in command.arguments for value in argument.values]
        lines += [f"complete -c gradcalc -f -n {condition} -a {_quote(' '.join(words))}"] if words else []
        for option in command.options:
            names = "".join(f" -l {name[2:]}" if name[:2] == "--" else f" -s {name[1:]}" for name in option.names)
            values = f" -x -a {_quote(' '.join(option.values))}" if option.values else " -r" if option.takes else ""
            description = _quote(option.help.partition(";")[0].rstrip("."))
            lines.append(f"complete -c gradcalc -n {condition}{names}{values} -d {description}")
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SCRIPTS = dict(zip(SHELLS, (_bash, _zsh, _fish), strict=True))
