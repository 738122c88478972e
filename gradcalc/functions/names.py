"""Names that are hardly variables: functions without arguments, `sinx`, `Pi`; and values for names that do not occur.

Comes in: a name without a value.  Goes out: the error, whose hint spells out what may be meant; or None.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from gradcalc.errors import CalcError
from gradcalc.expression.characters import SUBSCRIPTS
from gradcalc.expression.tree import Name
from gradcalc.functions import find, similar
from gradcalc.grammar import elsewhere, foreign, textbook

LETTERS = frozenset(["beta", "gamma", "zeta", "psi", "Beta", "t", "i0", "i1", "k0", "k1", "l1", "mm", "mv", "tr", "neg"])
"""Functions that are variables wherever they are not called: their names are letters, or short as such."""
_SHORT = ("sh", "ch", "th", "rect")
"""Functions elsewhere whose names are as likely those of variables."""
CAPITALS = {"Pi": "pi", "PI": "pi", "M_PI": "pi", "π": "pi"}
"""Constants by their names elsewhere."""

_NOT_NUMBERS = {"True": "1", "False": "0", "true": "1", "false": "0", "None": None, "null": None}
"""Constants of programming languages that are not numbers, and what may be meant."""
_WITH_BASE = re.compile("log_([0-9]+|[A-Za-z])")

_GREEK = "alpha|beta|gamma|delta|epsilon|theta|lambda|sigma|omega|phi|psi|rho|tau|mu|nu|pi"
_INNER = sorted(textbook.NAMES - {"lg"}, key=len, reverse=True)
_EMBEDDED = re.compile(
    rf"([A-Za-z]?)({'|'.join(_INNER)})([0-9]*)({_GREEK}|[A-Za-z][A-Za-z0-9]?|)((?:{'|'.join(_INNER)})\w*|)", re.ASCII
)
_SHORT_WORDS = ("exp", "log", "sqrt", "cbrt", "log2", "log10")
"""Functions with which longer names begin: `logit`, `expert`."""
_LONGEST = 20
"""The longest word that is seen as a product of names."""


def refusal(node: Name) -> CalcError | None:
    """Why a name without a value is not a variable; None if it is one."""
    name = node.name
    row = find(name)
    if name in LETTERS:
        return None
    if row is not None and row.signature:
        argument = row.signature.partition(",")[0].rstrip("?;=") or "x"
        hint = f"write {name}({argument}); a value, --at {name}=..., makes it a variable"
        return CalcError(f"{name} is a function and needs an argument", span=node.span, hint=hint)
    if name in elsewhere.NAMES and name not in _SHORT:
        hint = f"write {elsewhere.NAMES[name]}(x); a value, --at {name}=..., makes it a variable"
        return CalcError(f"{name} is a function and needs an argument", span=node.span, hint=hint)
    if name in ("Inf", "NaN") or (name != name.lower() and len(name) > 1 and name.lower() in textbook.NAMES):
        hint = f"write {name.lower()}; a value, --at {name}=..., makes it a variable"
        return CalcError(f"{name} is not known", span=node.span, hint=hint)
    if name in _NOT_NUMBERS:
        number = _NOT_NUMBERS[name]
        hint = f"{'' if number is None else f'write {number}; '}a value, --at {name}=..., makes it a variable"
        return CalcError(f"{name} is not a number", span=node.span, hint=hint)
    if product := _greek_product(name):
        hint = f"write {product} for a product; a value, --at {name}=..., makes it a variable"
        return CalcError(f"{name} is one name", span=node.span, hint=hint)
    based = _WITH_BASE.fullmatch(name)
    meaning = f"log(x, {based[1]})" if based else spelled_out(name)
    if meaning is None:
        return None
    hint = f"write {meaning}; a value, --at {name}=..., makes it a variable"
    return CalcError(f"{name} looks like a function without parentheses", span=node.span, hint=hint)


def _greek_product(name: str) -> str | None:
    """What `ωt` and `αβ` mean, letters that are not one name; None for `Δx`, `σ_x`, `θ₁` and names without Greek letters."""
    letters = name.rstrip(SUBSCRIPTS)
    if letters.isascii() or "_" in letters or len(letters) < 2 or (letters[0] in "Δδ" and len(letters) == 2):
        return None
    return "*".join(letters) + name[len(letters) :]


@lru_cache(4_096)
def spelled_out(name: str) -> str | None:
    """What a name means that has the name of a function in it: sin(x) of `sinx`; None of any other name."""
    match = _EMBEDDED.fullmatch(name)
    if match is None:
        return None
    before, function, count, argument, more = match.groups()
    if function in _SHORT_WORDS and len(argument) == 2:
        return None
    if not (before or count or argument or more):
        return None
    front = f"{before}*" if before else ""
    inner = f"{count}*{argument}" if count and argument else count or argument
    text = f"{front}{function}({inner or '...'})"
    if count and not argument:
        text += f", or {front}{function}(x)**{count}"
    rest = (spelled_out(more) or more) if more else ""
    if function.startswith("a") and not before and function[1:] in textbook.NAMES and inner:
        text += f", or a*{function[1:]}({inner})"
    return f"{text}*{rest}" if rest else text


def call_hint(name: str, *, is_variable: bool = False) -> str:
    """What to write in place of the call of something that is not a function."""
    if is_variable:
        return f"write {name}*(...) to multiply"
    hint = foreign.call_hint(name)
    if hint is not None:
        return hint
    meaning = spelled_out(name)
    guess = similar(name)
    if meaning is not None and not (guess and name.startswith(guess) and not re.search("[0-9]", name)):
        return f"write {meaning}"
    if find(name.lower()) is not None:
        return f"did you mean {name.lower()}?"
    for length in range(1, min(4, len(name) - 1)):
        row = find(name[length:])
        if row is not None and row.signature and len(name) - length > 2:
            return f"write {'*'.join(name[:length])}*{name[length:]}(...) to multiply"
    if len(name) <= 2:
        return f"write {'*'.join(name)}*(...) to multiply"
    return f"did you mean {guess}?" if guess else "gradcalc functions lists what there is"


def absent(name: str, used: Collection[str], values: Collection[str], text: str) -> CalcError:
    """The refusal of a value for a name that does not occur in an expression with the variables `used`."""
    for word in dict.fromkeys(re.findall(r"[^\W\d]\w*", text)):
        split = _split(word, tuple(values)) if word not in values else None
        if split is not None and name in split:
            hint = f"{word} is one name: write {'*'.join(split)} for a product"
            return CalcError(f"{name} does not occur in the expression", hint=hint)
    variables_text = f"its variables are {', '.join(used)}" if used else "it has no variables"
    return CalcError(f"{name} does not occur in the expression", hint=variables_text)


def _split(word: str, names: tuple[str, ...]) -> list[str] | None:
    """A word as names one after the other, the last of which may be a function; None if it is none."""
    if len(word) > _LONGEST:
        return None
    ends: dict[int, list[str]] = {len(word): []}
    for start in reversed(range(len(word))):
        if start and word[start:] in textbook.NAMES:
            ends[start] = [word[start:]]
            continue
        for name in names:
            rest = ends.get(start + len(name)) if word.startswith(name, start) else None
            if rest is not None:
                ends[start] = [name, *rest]
    return ends.get(0)
