"""The texts of a command line as requests: targets, shapes, dtypes.  Nothing of the user's code runs here."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence

from gradcalc.commands.arguments import choice
from gradcalc.commands.gradcheck.checks import Shape, Target
from gradcalc.commands.gradcheck.user_file import listing, names_in
from gradcalc.errors import CalcError
from gradcalc.report import DTYPES

_MOST_ENTRIES = 10_000_000
_SHAPE = re.compile(r"\d{1,9}( *[,x] *\d{1,9})* *,?")
_NUMBER = ("", "scalar")


def target_of(text: str) -> Target:
    """The target that `FILE.py:NAME` names.  Raises `CalcError` for another text and for a missing file."""
    file, colon, name = text.rpartition(":")
    if not colon and _is_shape(text):
        raise CalcError(
            f"{text} is not FILE.py:NAME", hint=f"a shape is one word, such as 4,8; for another input write --shape {text}"
        )
    if not colon or (os.path.exists(text) and not os.path.exists(file)):
        file, name = text, ""
    names = names_in(file) if name or os.path.exists(file) or file.endswith(".py") else []
    if not name:
        hint = listing(names) or "write FILE.py:NAME, such as model.py:Net"
        raise CalcError(f"{text} lacks the name of what to check: FILE.py:NAME", hint=hint)
    if not all(part.isidentifier() for part in name.split(".")):
        raise CalcError(f"{name[:60]} is not a name in Python", hint=listing(names) or "write FILE.py:NAME")
    return Target(file, name)


def reference_of(text: str) -> tuple[str, Target]:
    """The name of a Function and its reference, of `NAME=FILE.py:NAME`.  Raises `CalcError` for another text."""
    name, equals, target = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise CalcError(f"'{text[:60]}' is not a reference", hint="write --reference Sine=ops.py:sine")
    return name.strip(), target_of(target)


def shape_of(text: str) -> Shape:
    """The shape that `4,8`, `4x8`, `(4, 8)`, `3` or `scalar` is.  Raises `CalcError` for another text."""
    if not _is_shape(text):
        hint = "write --shape 4,8 for a matrix, --shape 3 for a vector, --shape scalar for a number; once per input"
        raise CalcError(f"'{text[:60]}' is not a shape", hint=hint)
    shape = tuple(map(int, re.findall(r"\d+", text)))
    if math.prod(shape) > _MOST_ENTRIES:
        raise CalcError(f"the shape {text} has more than {_MOST_ENTRIES} entries", hint="check a small case of the code")
    return shape


def _is_shape(text: str) -> bool:
    inner = re.sub(r"^\((.*)\)$|^\[(.*)\]$", r"\1\2", text.strip()).strip()
    return (inner in _NUMBER and text.strip() != "") or _SHAPE.fullmatch(inner) is not None


def dtypes_of(texts: Sequence[str]) -> tuple[str | None, ...]:
    """The dtypes that `--dtype` names, `all` are all; without any, None: that of the inputs.  Raises `CalcError`."""
    words = [word.strip() for text in texts for word in text.split(",")]
    dtypes = [choice(word, (*DTYPES, "all"), "dtype") for word in words]
    return DTYPES if "all" in dtypes else tuple(dict.fromkeys(dtypes)) or (None,)
