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
    ("0", "agree: formulas proven equal, value accurate"),
    ("1", "disagree or not-finite: proven unequal, or NaN or infinity for a finite derivative"),
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
