"""The application: the commands, and the texts of its own help page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcalc.cli.version import version_text
from gradcalc.commands.console import write

if TYPE_CHECKING:
    import typer

SUMMARY = "Compare symbolic (SymPy) and autograd (PyTorch) derivatives, with a proof of the verdict."


_HELP = f"""
{SUMMARY}

\b
  gradcalc diff "sin(x**2)"                     formula
  gradcalc diff "sin(x**2)" --at 3              formula and values, verified
  gradcalc diff "x*exp(-y)" --at x=1/3 --at y=2 --by y
  gradcalc diff "abs(x)" --at x=-1:1:5          one row per point
  gradcalc trace "sin(x**2)" --at 3             every factor of the chain rule
  gradcalc batch < queries.jsonl > results.jsonl
"""


EXIT_CODES = (
    ("0", "agree: formulas proven equal, value accurate; for gradcheck proven, by-design, below-resolution or measured"),
    (
        "1",
        "disagree or not-finite: proven unequal, or NaN or infinity for a finite derivative; for gradcheck wrong or stopped",
    ),
    ("2", "usage error"),
    ("3", "inaccurate, artifact, different-function, not-differentiable or undefined: a difference with a known cause"),
    ("4", "undecided: no proof within the limits"),
    ("70", "internal error"),
    ("130", "interrupted"),
    ("141", "the output pipe was closed"),
    ("143", "terminated"),
)


_EPILOG = """
\b
Exit codes and verdicts:
  0   agree               formulas proven equal, value accurate
  1   disagree            proven unequal
      not-finite          autograd is NaN or infinite, the derivative is finite
  3   inaccurate          formulas equal, value lost most of its digits
      artifact            autograd computes another finite value
      different-function  PyTorch defines the function differently
      not-differentiable  a kink, a jump or a vertical tangent
      undefined           no real value here
  4   undecided           no proof within the limits
  2   usage error         70 internal error   130 interrupted
  141 closed pipe         143 terminated

\b
Environment:
  GRADCALC_DEVICE, GRADCALC_DTYPE, GRADCALC_FORMAT, GRADCALC_TIMEOUT and
  GRADCALC_JOBS set defaults for the corresponding options. NO_COLOR turns
  colours off, FORCE_COLOR on. PAGER is the pager. GRADCALC_DEBUG=1 shows the
  traceback of an internal error.
"""


COMMANDS = (
    "diff", "steps", "check", "gradcheck", "bce", "trace", "accumulate", "tracking", "plot", "batch", "functions", "devices",
    "explain",
)  # fmt: skip
"""Commands that have a folder in `commands/`, in the order of the help page."""
_OF_EXPRESSIONS = ("diff", "steps", "check", "trace", "accumulate", "tracking", "plot")
_OF_NUMBERS = (*_OF_EXPRESSIONS, "bce")


def application(only: str | None = None) -> typer.Typer:
    """The program with all its commands; `only` one of `COMMANDS` where that is known: the others need not be imported."""
    from importlib import import_module

    import typer

    from gradcalc.cli.completion import completion
    from gradcalc.cli.expression_command import ExpressionCommand
    from gradcalc.cli.page_command import PageCommand, PageGroup, help_command
    from gradcalc.commands.presentation import COLOR_HELP, NO_COLOR_HELP, presented, set_color

    app = typer.Typer(
        cls=PageGroup,
        help=_HELP,
        epilog=_EPILOG,
        add_completion=False,
        rich_markup_mode=None,  # rich would be imported for every help page, and takes [x] for markup
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def options(
        version: bool = typer.Option(
            False,
            "--version",
            "-V",
            help="Show the version; with --verbose or --json also Python and packages.",
            is_eager=True,
        ),
        color: str | None = typer.Option(None, metavar="WHEN", help=COLOR_HELP),
        no_color: bool = typer.Option(False, "--no-color", help=NO_COLOR_HELP),
    ) -> None:
        set_color(color, off=no_color)
        if version:
            write(version_text())
            raise typer.Exit

    for name in COMMANDS if only is None else (only,):
        command = getattr(import_module(f"gradcalc.commands.{name}.command"), name)
        kind = ExpressionCommand if name in _OF_EXPRESSIONS else PageCommand
        app.command(name, cls=kind)(presented(command, numbers=name in _OF_NUMBERS))
    app.command("completion", cls=PageCommand)(completion)
    app.command("help", cls=PageCommand)(presented(help_command))
    return app
