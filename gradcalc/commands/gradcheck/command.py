"""`gradcalc gradcheck`: people's own backward passes against the exact derivative of their forward passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gradcalc.commands.arguments import count_of
from gradcalc.commands.console import tell, tell_error
from gradcalc.commands.options import Device
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, Exit, worst_exit

if TYPE_CHECKING:
    from gradcalc.commands.gradcheck.checks import Request

FORMATS = (*LISTS, "github", "junit")
_MOST_SEEDS = 2**31 - 1

Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE:NAME...",
        help="A function, a torch.autograd.Function, a module, or a module class or function without parameters that makes "
        "one. FILE.py is run.",
    ),
]
Shapes = Annotated[
    list[str] | None,
    typer.Option("--shape", metavar="SHAPE", help="Shape of a random input: 4,8 or 3 or scalar. Once per input, in order."),
]
Inputs = Annotated[
    str | None,
    typer.Option(metavar="FILE.py:NAME", help="The inputs: a tensor, a list of arguments, or a function that returns it."),
]
Dtypes = Annotated[
    list[str] | None,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="Floating-point type of inputs and parameters: float64, float32, float16, bfloat16, or all. May be repeated. "
        "[default: as they are, float32 for --shape]",
        envvar="GRADCALC_DTYPE",
    ),
]
Seed = Annotated[str, typer.Option(metavar="N", help="Seed of the random inputs, parameters and cotangent.")]
References = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        metavar="NAME=FILE.py:NAME",
        help="For a Function that computes outside of PyTorch: a plain PyTorch function that returns the same. May be "
        "repeated.",
    ),
]
ByDesign = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A Function whose backward pass is not meant to be the derivative. May be repeated."),
]
Order = Annotated[str, typer.Option(metavar="N", help="2 checks the gradient of the gradient.")]
Timeout = Annotated[
    str,
    typer.Option(
        metavar="TIME", help="Time limit per check, and for loading a file: 60, 2s, 1m.", envvar="GRADCALC_TIMEOUT"
    ),
]
Format = Annotated[str, typer.Option(metavar="NAME", help="table, plain, json, github or junit.")]


def gradcheck(
    targets: Targets,
    shapes: Shapes = None,
    inputs: Inputs = None,
    dtypes: Dtypes = None,
    device: Device = "cpu",
    seed: Seed = "0",
    order: Order = "1",
    references: References = None,
    by_design: ByDesign = None,
    timeout: Timeout = "60",
    format: Format = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """Check the gradients of your own PyTorch code.

    \b
      gradcalc gradcheck ops.py:Swish --shape 4,8
      gradcalc gradcheck model.py:Net --inputs model.py:make_batch
      gradcalc gradcheck ops.py:Swish ops.py:attention --shape 4,8 --dtype all
      gradcalc gradcheck ops.py:quantize --shape 16 --by-design Round
      gradcalc gradcheck ops.py:Sine --shape 8 --reference Sine=ops.py:sine

    The backward pass that ran is compared with the derivative of the operations that ran, in exact arithmetic: every entry
    of every gradient, in any floating-point type, without a step size or a tolerance. A wrong gradient is reported with the
    custom Function at fault, the line, and how it is wrong.

    FILE.py is imported, with its folder on the import path, and NAME is called, twice, with the same random numbers: in a
    process of its own, with limits of time and memory. Use it for code that you would run. What the code prints goes to
    stderr; stdin is empty.

    Random inputs are standard normal numbers. A module class, or a function without parameters that returns a module, is
    called first. --dtype converts inputs and modules. Several targets share the options; each gets a report.

    \b
    Exit codes:
      0   proven, by-design, below-resolution, measured
      1   wrong, stopped, not-finite
      3   not-differentiable
      4   undecided
      2   the code cannot be run: it raised an exception, or ended its process

    Of several checks it is that of the worst: 2, 1, 4, 3, 0. gradcalc explain OUTCOME shows a page on each.

    \b
    --format plain prints one line per check, separated by tabs:
      FILE.py:NAME, dtype, outcome or error, Function, line, reason

    --format github prints annotations for GitHub Actions, --format junit a test report.
    """
    settings = Settings.read(FORMATS, format, timeout, presentation, device=device)
    number = count_of(seed, "the seed", _MOST_SEEDS, least=0)
    degree = count_of(order, "the order", 2)

    from gradcalc.commands.gradcheck.checks import Request
    from gradcalc.commands.gradcheck.requests import dtypes_of, reference_of, shape_of, target_of

    named = [target_of(text) for text in targets]
    sizes = tuple(map(shape_of, shapes or []))
    source = None if inputs is None else target_of(inputs)
    if bool(sizes) == (source is not None):
        message = "--shape and --inputs exclude each other" if sizes else f"{named[0]} has no inputs"
        raise CalcError(message, hint="give --shape 4,8 once per input, or --inputs FILE.py:NAME")
    meant, pairs = tuple(by_design or ()), tuple(map(reference_of, references or []))
    requests = [
        Request(target, source, sizes, dtype, settings.device, number, degree, meant, pairs)
        for target in named
        for dtype in dtypes_of(dtypes or [])
    ]
    return _run(requests, settings)


def _run(requests: Sequence[Request], settings: Settings) -> Exit:
    """Make the checks one after the other, and write each result as soon as it is there."""
    from gradcalc.calculate.reporting import versions
    from gradcalc.commands.gradcheck import render
    from gradcalc.commands.gradcheck.checks import Failure, GradientCheck
    from gradcalc.commands.gradcheck.process import results_of

    checks: list[GradientCheck] = []
    is_page = settings.format == "table" and not settings.quiet
    for request, result in zip(requests, results_of(requests, settings.seconds), strict=True):
        is_known = bool(checks) and checks[-1].result is result  # a file that cannot be loaded
        if checks and is_page and not is_known:
            settings.presentation.write("\n")
        if settings.format in ("table", "plain") and isinstance(result, Failure) and not is_known:
            for line in render.trace(result):
                tell(line)
            tell_error(result.error)
        checks.append(GradientCheck(request, result, versions()))
        settings.write(render.CHECK_FORMATS, checks[-1])
    if len(checks) > 1 and is_page:
        settings.presentation.write("\n")
    settings.write(render.FORMATS, checks)
    return worst_exit(check.exit for check in checks)
