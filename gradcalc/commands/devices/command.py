"""`gradcalc devices`: where torch can compute on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcalc.commands.arguments import choice
from gradcalc.commands.presentation import Presentation
from gradcalc.commands.results import LISTS, show_list
from gradcalc.errors import Exit


def devices(
    format: Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(LISTS)}.")] = "table",
    *,
    presentation: Presentation,
) -> Exit:
    """List the devices of this machine and their dtypes.

    \b
    --format plain prints one line per device, separated by tabs:
      name, description, dtypes
    """
    choice(format, LISTS, "format")
    from gradcalc.engines.autograd.devices import available_devices

    show_list(
        [
            {"name": device.name, "description": device.description, "dtypes": device.dtypes}
            for device in available_devices()
        ],
        "devices",
        format,
        presentation,
    )
    return Exit.AGREE
