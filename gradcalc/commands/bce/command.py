"""`gradcalc bce`: one neuron with binary cross-entropy, by hand, in symbols and by autograd."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcalc.commands.arguments import choice
from gradcalc.commands.options import Device, Dtype, FailOn, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.settings import Settings
from gradcalc.errors import Exit
from gradcalc.report import Outcome

FORMATS = ("table", "plain", "json", "latex")


def bce(
    x: Annotated[str, typer.Option(metavar="VALUE", help="Input; a list or rows for several samples; @FILE reads a file.")],
    y: Annotated[str, typer.Option(metavar="VALUE", help="Label from 0 to 1, or one per sample.")],
    w: Annotated[str | None, typer.Option(metavar="VALUE", help="Weight, or one per input. [default: 1]")] = None,
    b: Annotated[str, typer.Option(metavar="NUMBER", help="Bias.")] = "0",
    eps: Annotated[str, typer.Option(metavar="NUMBER", help="Clamp p to [eps, 1 - eps].")] = "1e-7",
    reduction: Annotated[str, typer.Option(metavar="NAME", help="Reduction over samples: mean or sum.")] = "mean",
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    format: Annotated[str, typer.Option(metavar="NAME", help="table, plain, json or latex.")] = "table",
    fail_on: FailOn = None,
    *,
    presentation: Presentation,
) -> Exit:
    """Walk through one neuron's gradients, by hand and with autograd.

    p = sigmoid(w*x + b), binary cross-entropy, and its gradients with respect to w and b; for data in matrix form,
    p = sigmoid(x@w + b).

    \b
      gradcalc bce --x 6.7 --y 0
      gradcalc bce --x 20 --y 0 --dtype float32
      gradcalc bce --x 20 --y 0 --dtype float32 --eps 1e-8
      gradcalc bce --x "[[1,2],[3,4],[0.5,-1]]" --y "[0,1,1]" --w "[0.5,-0.25]"
      gradcalc bce --x @features.csv --y @labels.csv --reduction sum

    It shows the forward values, the chain rule factor by factor as the dtype computes it, the exact values, autograd's
    gradients with a verdict each, what happened where the formula breaks, and the stable loss beside it
    (binary_cross_entropy_with_logits). The exit code is that of the worst verdict, as for gradcalc diff.

    \b
    --format plain prints one line per value, separated by tabs:
      section, name, formula, computed, exact, verdict
    """
    settings = Settings.read(FORMATS, format, timeout, presentation, device=device, dtype=dtype, fail_on=fail_on)
    choice(reduction, ("mean", "sum"), "reduction")
    from gradcalc.commands.bce import render
    from gradcalc.commands.bce.neuron import neuron
    from gradcalc.inputs.array_files import value_or_file

    report = neuron(
        x=value_or_file(x, "--x "),
        y=value_or_file(y, "--y "),
        w=None if w is None else value_or_file(w, "--w "),
        b=value_or_file(b, "--b "),
        eps=eps,
        reduction=reduction,
        device=settings.device,
        dtype=settings.dtype,
        seconds=settings.seconds,
    )
    settings.write(render.FORMATS, report)
    outcome = Outcome(settings.fail_on)
    outcome.add(report.verdicts)
    return outcome.exit
