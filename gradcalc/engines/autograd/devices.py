"""Where torch can run, and in which dtypes.

Comes in: names of a device and a dtype.  Goes out: those that exist, or an error that lists the existing ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradcalc.errors import CalcError, suggest
from gradcalc.report import DTYPES
from gradcalc.runtime import torch_import

with torch_import.fast_import():
    import torch

_ACCELERATORS = ("cuda", "xpu", "mps")


@dataclass(frozen=True, slots=True)
class Device:
    """A device of this machine, as `--device` names it."""

    name: str
    description: str
    dtypes: tuple[str, ...]


def available_devices() -> tuple[Device, ...]:
    """The devices of this machine, the processor first."""
    devices = [Device("cpu", "the processor", DTYPES)]
    for kind in _ACCELERATORS:
        module = getattr(torch.backends if kind == "mps" else torch, kind, None)
        if module is None or not module.is_available():
            continue
        if kind == "mps":
            devices.append(Device("mps", "Apple GPU", _dtypes_of("mps")))
        else:
            devices += [
                Device(f"{kind}:{place}", str(module.get_device_name(place)), _dtypes_of(f"{kind}:{place}"))
                for place in range(module.device_count())
            ]
    return tuple(devices)


def _dtypes_of(device: str) -> tuple[str, ...]:
    """The dtypes in which an addition succeeds on a device."""
    dtypes = []
    for name in DTYPES:
        try:
            (torch.ones((), dtype=getattr(torch, name), device=device) + 1).item()
        except (RuntimeError, TypeError):
            continue
        dtypes.append(name)
    return tuple(dtypes)


def choose(device: str, dtype: str | None) -> tuple[Device, str, tuple[str, ...]]:
    """The device and dtype for a request, and notes on the choice.

    `auto` is the first accelerator, or the processor.  Without a dtype it is float64, or float32 where the device has no
    float64.  Raises `CalcError` for a missing device, and for a dtype that it does not have.
    """
    if dtype is not None and dtype not in DTYPES:
        close = suggest(dtype, DTYPES)
        hint = f"did you mean {close}?" if close else f"choose from {', '.join(DTYPES)}"
        raise CalcError(f"unknown dtype {dtype}", hint=hint)
    if device == "cpu":  # no need to look for anything else
        return Device("cpu", "the processor", DTYPES), dtype or "float64", ()
    devices = available_devices()
    match = _find(device, devices)
    if dtype is None:
        if "float64" in match.dtypes:
            return match, "float64", ()
        return match, "float32", (f"{match.name} has no float64: float32 was used",)
    if dtype not in match.dtypes:
        raise CalcError(f"{match.name} has no {dtype}", hint=f"it has {', '.join(match.dtypes)}")
    return match, dtype, ()


def _find(name: str, devices: tuple[Device, ...]) -> Device:
    if name == "auto":
        return devices[1] if len(devices) > 1 else devices[0]
    for device in devices:
        if name == device.name or f"{name}:0" == device.name:
            return device
    names = ", ".join(device.name for device in devices)
    kinds = ("cpu", *_ACCELERATORS, "auto")
    kind = name.partition(":")[0]
    if kind not in kinds:
        close = suggest(kind, kinds)
        guess = f"; did you mean {close}?" if close else ""
        raise CalcError(f"unknown device {name}", hint=f"this machine has {names}{guess}")
    raise CalcError(f"no device {name} on this machine", hint=f"this machine has {names}")
