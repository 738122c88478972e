"""`gradcalc bce`: one neuron with binary cross-entropy, by hand, in symbols and by autograd."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gradcalc.cli import Exit, write
from gradcalc.cli.options import Device, Dtype, Quiet, Timeout
from gradcalc.cli.words import choice, device_of, seconds_of
from gradcalc.report import DTYPES, exit_code


def bce(
    x: Annotated[str, typer.Option(metavar="NUMBER", help="The input.")],
    y: Annotated[str, typer.Option(metavar="NUMBER", help="The label, 0 or 1 (or between).")],
    w: Annotated[str, typer.Option(metavar="NUMBER", help="The weight.")] = "1",
    b: Annotated[str, typer.Option(metavar="NUMBER", help="The bias.")] = "0",
    eps: Annotated[str, typer.Option(metavar="NUMBER", help="p is held between eps and 1 - eps.")] = "1e-7",
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    format: Annotated[str, typer.Option(metavar="NAME", help="table, plain, json or latex.")] = "table",
    quiet: Quiet = False,
) -> Exit:
    """Work one neuron through, by hand and by autograd.

    p = sigmoid(w*x + b), binary cross-entropy, and the gradients by w and b.

    \b
      gradcalc bce --x 6.7 --y 0
      gradcalc bce --x 20 --y 0 --dtype float32
      gradcalc bce --x 20 --y 0 --dtype float32 --eps 1e-8

    It shows the forward values, the chain rule factor by factor as the dtype computes it, the exact values, autograd's
    gradients with a verdict each, what happened where the formula breaks, and the stable loss beside it
    (binary_cross_entropy_with_logits). The exit code is that of the worst verdict, as for gradcalc diff.

    \b
    --format plain is a line a number, with tabs between
      section, name, formula, computed, exact, verdict
    """
    choice(format, ("table", "plain", "json", "latex"), "format")
    if dtype is not None:
        choice(dtype, DTYPES, "dtype")
    device_of(device)
    seconds = seconds_of(timeout)

    from gradcalc.neuron import neuron
    from gradcalc.render import options_for

    report = neuron(x=x, y=y, w=w, b=b, eps=eps, device=device, dtype=dtype, seconds=seconds)

    from gradcalc.render.neuron import FORMATS

    if not quiet:
        write(FORMATS[format](report, options_for(sys.stdout)))
    return exit_code(report.verdict)
