"""Words of a request, on a command line or in a line of a batch: text in, values out, `CalcError` for other words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcalc.errors import CalcError, suggest
from gradcalc.expression.characters import is_name, plain
from gradcalc.report import MAX_ORDER, Verdict

SHELLS = ("bash", "zsh", "fish")
DEVICES = ("cpu", "cuda", "xpu", "mps", "auto")
MAX_SECONDS = 86_400.0


def choice(word: str, choices: Sequence[str], noun: str) -> str:
    """The word, if it is one of the choices.  Raises `CalcError` if it is not."""
    if word in choices:
        return word
    close = suggest(word.lower(), choices)
    guess = f"did you mean {close}? " if close else ""
    raise CalcError(f"unknown {noun} {word}", hint=f"{guess}choose from {', '.join(choices)}")


def verdicts_of(texts: Sequence[str]) -> tuple[Verdict, ...]:
    """The verdicts that `--fail-on` names: `["disagree,not-finite"]` are two.  Raises `CalcError` for another word."""
    words = [word.strip() for text in texts for word in text.split(",")]
    return tuple(Verdict(choice(word, tuple(Verdict), "verdict")) for word in words)


def names_of(texts: Sequence[str]) -> tuple[str, ...]:
    """The variables, or entries of them, that `--by` names, each once: `["x", "y,z", "A[0,1]"]` are four.

    Raises `CalcError` for a text that is not a name.
    """
    names = [plain(name.strip()) for text in texts for name in re.split(r",(?![^\[]*\])", text)]
    for name in names:
        variable, bracket, index = name.partition("[")
        if not is_name(variable.rstrip()) or (bracket and not re.fullmatch(r"[-0-9, ]+\]", index)):
            hint = "an entry is x[0], or A[0,1]" if "[" in name else "write --by x"
            raise CalcError(f"'{name}' is not a valid variable name", hint=hint)
    return tuple(dict.fromkeys(names))


def order_of(text: str) -> int:
    """The order of a derivative, at most `MAX_ORDER`.  Raises `CalcError` for another text."""
    if re.fullmatch(r"[0-9]{1,9}", text) and 1 <= int(text) <= MAX_ORDER:
        return int(text)
    raise CalcError(f"the order must be an integer from 1 to {MAX_ORDER}, not {text[:40]}")


def device_of(name: str) -> str:
    """The name of a device, whether this machine has it or not.  Raises `CalcError` for an unknown kind."""
    kind, colon, place = name.partition(":")
    if kind not in DEVICES or (colon and not (place.isascii() and place.isdigit())):
        choices = ", ".join(DEVICES)
        raise CalcError(
            f"unknown device {name}", hint=f"choose from {choices}; gradcalc devices lists those of this machine"
        )
    return name


def seconds_of(text: str) -> float:
    """A time limit in seconds, up to a day, of `10`, `2s`, `500ms` or `1m`.  Raises `CalcError` for another text."""
    match = re.fullmatch(r"([0-9]{0,8}\.?[0-9]{0,6}) ?(ms|s|m|h)?", text)
    if match and match[1].strip("."):
        seconds = float(match[1]) * _UNITS[match[2] or "s"]
        if 0 < seconds <= MAX_SECONDS:
            return seconds
    message = f"a time limit must be above 0 and at most {MAX_SECONDS:g} seconds, not {text[:40]}"
    raise CalcError(message, hint="write --timeout 10, 500ms, 2s or 1m")


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}


def count_of(text: str, noun: str, limit: int, least: int = 1) -> int:
    """A whole number from `least` to `limit`.  Raises `CalcError` for another text."""
    if re.fullmatch(r"[0-9]{1,9}", text) and least <= int(text) <= limit:
        return int(text)
    raise CalcError(f"{noun} must be an integer from {least} to {limit}, not {text[:40]}")
