"""The application: the commands, and the texts of its own help page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcalc.cli.version import version_text
from gradcalc.commands.console import write

if TYPE_CHECKING:
    import typer

SUMMARY = "Derivatives by sympy and by torch autograd, side by side, with a proven verdict."


_HELP = f"""
{SUMMARY}

\b
  gradcalc diff "sin(x**2)"                     the formula
  gradcalc diff "sin(x**2)" --at 3              formula and numbers, checked
  gradcalc diff "x*exp(-y)" --at x=1/3 --at y=2 --by y
  gradcalc diff "abs(x)" --at x=-1:1:5          a row a point
  gradcalc trace "sin(x**2)" --at 3             every factor of the chain rule
  gradcalc batch < questions.jsonl > answers.jsonl
"""


EXIT_CODES = (
    ("0", "agree: the formulas are proven equal, and so is the number"),
    ("1", "disagree or not-finite: proven unequal, or nan or inf for a finite derivative"),
    ("2", "the request is wrong"),
    ("3", "inaccurate, artifact, different-function, not-differentiable or undefined: a difference that is explained"),
    ("4", "undecided: no proof within the limits"),
    ("70", "a bug in gradcalc"),
    ("130", "interrupted"),
    ("141", "the pipe that was written to was closed"),
    ("143", "terminated"),
)


_EPILOG = """
\b
Verdicts, and the exit codes that tell scripts about them:
  0   agree               the formulas are proven equal, and so is the number
  1   disagree            proven unequal
      not-finite          nan or inf, and the derivative is finite
  3   inaccurate          the formulas are equal, the number lost its digits
      artifact            there is a derivative, and autograd computes another
      different-function  torch defines the function differently
      not-differentiable  a kink, a jump or a vertical tangent
      undefined           no real value here
  4   undecided           no proof within the limits
\b
  2 a wrong request   70 a bug in gradcalc   130 interrupted   141 closed pipe
  143 terminated
\b
GRADCALC_DEVICE, _DTYPE, _FORMAT, _TIMEOUT and _JOBS are defaults of options;
NO_COLOR=1 turns colours off; GRADCALC_DEBUG=1 shows the traceback of a bug.
"""


def application() -> typer.Typer:
    """The program with all its commands."""
    import typer

    from gradcalc.cli.completion import completion
    from gradcalc.cli.expression_command import ExpressionCommand
    from gradcalc.cli.help_page import PageCommand, PageGroup, help_command
    from gradcalc.commands.accumulate.command import accumulate
    from gradcalc.commands.batch.command import batch
    from gradcalc.commands.bce.command import bce
    from gradcalc.commands.check.command import check
    from gradcalc.commands.devices.command import devices
    from gradcalc.commands.diff.command import diff
    from gradcalc.commands.explain.command import explain
    from gradcalc.commands.functions.command import functions
    from gradcalc.commands.plot.command import plot
    from gradcalc.commands.presentation import COLOR_HELP, NO_COLOR_HELP, presented, set_color
    from gradcalc.commands.steps.command import steps
    from gradcalc.commands.trace.command import trace
    from gradcalc.commands.tracking.command import tracking

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

    of_expressions = (diff, steps, check, trace, accumulate, tracking, plot)
    for command in (diff, steps, check, bce, trace, accumulate, tracking, plot, batch, functions, devices, explain):
        kind = ExpressionCommand if command in of_expressions else PageCommand
        app.command(command.__name__, cls=kind)(presented(command, numbers=command in (*of_expressions, bce)))
    app.command("completion", cls=PageCommand)(completion)
    app.command("help", cls=PageCommand)(presented(help_command))
    return app
