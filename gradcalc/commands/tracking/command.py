"""`gradcalc tracking`: what `backward()` does with gradient tracking on and off."""

from __future__ import annotations

from gradcalc.commands.options import At, Device, Dtype, Expression, Format, From, Timeout
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.request import one_point, request
from gradcalc.commands.results import LISTS
from gradcalc.commands.settings import Settings
from gradcalc.errors import Exit


def tracking(
    expr: Expression,
    at: At = None,
    device: Device = "cpu",
    dtype: Dtype = None,
    timeout: Timeout = "10",
    notation: From = "auto",
    format: Format = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """Show what backward() does with gradient tracking on and off.

    \b
      gradcalc tracking "x*2" --at "x=[1,2,3]"
      gradcalc tracking "x**2" --at 3

    Tracking is switched off by requires_grad_(False), detach(), no_grad() and inference_mode(). Each variant is run: the
    table has requires_grad, grad_fn and is_leaf of the result, and the gradients or PyTorch's error. The exit code is 0.

    \b
    --format plain prints one line per variant, separated by tabs:
      way, requires_grad, grad_fn, is_leaf, is_inference, gradients, error
    """
    settings = Settings.read(LISTS, format, timeout, presentation, device=device, dtype=dtype, notation=notation)
    question = one_point(*request(expr, at or [], settings))
    from gradcalc.commands.tracking.render import FORMATS
    from gradcalc.commands.tracking.tracking import tracking

    settings.write(FORMATS, tracking(question, seconds=settings.seconds))
    return Exit.AGREE
