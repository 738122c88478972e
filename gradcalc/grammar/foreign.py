"""What is written elsewhere and not here: other notations, other languages, plain words; and what to write instead.

Comes in: a text and the place where reading stopped.  Goes out: the error, whose hint says what to write instead.
"""

from __future__ import annotations

import re
import unicodedata

from gradcalc.errors import CalcError, Span
from gradcalc.grammar import elsewhere

_WRITE = {
    "∘": "*", "‖": "norm(...)", "∑": "sum(...)", "∏": "prod(...)", "∞": "a finite number", "&": "and",
    "°": "deg2rad(...) for degrees", "~": "not", "—": "-", "“": "no quotes", "\"": "no quotes",
}  # fmt: skip
_SAY = {
    ";": "leave out the ; at the end: write one expression",
    "∫": "an integral is not supported: gradcalc differentiates; write the integrand alone",
    "∂": "gradcalc differentiates: write the function alone, without its derivative",
    "∇": "gradcalc differentiates: write the function alone, without its derivative",
    "'": "gradcalc differentiates: write the function alone, without its derivative",
    "′": "gradcalc differentiates: write the function alone, without its derivative",
    "$": "leave out the $",
    "≈": "write one side alone",
    "→": "write the formula alone",
}  # fmt: skip
MINUS = str.maketrans("−–⁻", "---")


def stray(text: str, position: int) -> CalcError:
    """A character that no word of the language begins with."""
    character = text[position]
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    end = position + 1
    kind = unicodedata.decomposition(character).partition(" ")[0]
    if kind in ("<super>", "<sub>"):
        while end < len(text) and unicodedata.decomposition(text[end]).startswith(kind):
            end += 1
    return CalcError(f"unexpected character {shown}", span=Span(position, end), hint=_instead(text, position, end, kind))


def _instead(text: str, position: int, end: int, kind: str) -> str | None:
    character = text[position]
    plain = unicodedata.normalize("NFKC", text[position:end]).translate(MINUS)
    if kind in ("<super>", "<sub>"):
        base = re.search(r"\w*$", text[max(0, position - 60) : position], re.ASCII)
        assert base is not None
        if kind == "<sub>":
            return f"write {base[0]}_{plain}"
        return f"write **{plain} for a power" if plain.isdigit() else f"write {base[0]}**({plain}) for a power"
    if character == "\\":
        return "LaTeX is read with --from latex; or write sin(x), x**2, sqrt(x), a/b"
    if character in ("±", "∓") and len(text) < 60:
        shown = " ".join(text.split())
        return f"two values are two expressions: {shown.replace(character, '+')} and {shown.replace(character, '-')}"
    if character == "'" and re.match(r"[0-9]'[0-9]", text[max(0, position - 1) :][:3]):
        return "write digits without marks between them"
    if character in _SAY:
        return _SAY[character]
    if character in _WRITE:
        return f"write {_WRITE[character]}"
    return f"write {plain}" if kind and plain.isascii() and plain.isprintable() and plain.strip() else None


# ------------------------------------------------------------------------------------------------------ words

_ALONE = "write the function alone: gradcalc finds its derivative"
_CASES = "write where(condition, a, b)"
WORDS = {
    "squared": "write x**2", "cubed": "write x**3", "square": "write x**2", "root": "write sqrt(x)", "power": "write x**n",
    "plus": "write +", "minus": "write -", "times": "write *", "over": "write /", "divided": "write /", "by": "write * or /",
    "to": "write x**n", "base": "write log(x, 2) for a base", "percent": "write 5/100", "xor": "write !=",
    "at": "give the point separately: --at x=3", "of": _ALONE, "find": _ALONE, "the": _ALONE, "let": "leave out let",
    "derivative": f"leave out derivative; {_ALONE}", "differentiate": _ALONE, "diff": _ALONE, "gradient": _ALONE,
    "simplify": _ALONE, "solve": _ALONE, "lim": "a limit is not supported", "limit": "a limit is not supported",
    **dict.fromkeys(("integral", "integrate"), "an integral is not supported; write the integrand"),
    "with": "choose the variable with --by", "respect": "choose the variable with --by",
    **dict.fromkeys(("deg", "degs", "degree"), "write deg2rad(x) for degrees"), "rad": "leave out rad",
    **dict.fromkeys(("if", "else", "otherwise", "then", "when", "elif"), _CASES),
    **dict.fromkeys(("where", "for"), "give a point with --at x=3, and cases as where(condition, a, b)"),
    "is": "write one expression", "equals": "write one expression", "in": "write one expression",
    "return": "leave out return", "import": "write one expression", "two": "write 2*x", "half": "write x/2",
    "twice": "write 2*x", "double": "write 2*x", "three": "write 3*x",
    "lambda": "leave out lambda x:", "def": "leave out def f(x): return",
}  # fmt: skip
"""Words of English and of programs that stand between blanks, where a product of variables is hardly meant."""


def word_hint(word: str, text: str) -> str:
    """What to write for a word."""
    if word == "base" and (found := re.search(r"base\s+(\w+)\s+of\s+(\w+)", text)):
        return f"write log({found[2]}, {found[1]})"
    if word == "at" and (found := re.search(r"\bat\s+(\w+\s*=\s*\S+)", text)):
        return f"give the point separately: --at {''.join(found[1].split())}"
    return WORDS[word]


# ----------------------------------------------------------------------------------------------- other languages

_CALLS = {
    "cases": "write where(condition, a, b)", "rect": "write where(abs(x) < 1/2, 1, 0), or relu(x)",
    "σ": "write sigmoid(x) for the function, σ*(x) for a product", "φ": "write φ*(x) for a product",
    "Φ": "write ndtr(x) for the normal distribution, Φ*(x) for a product", "ψ": "write digamma(x), or ψ*(x) for a product",
    "ζ": "write zeta(x), or ζ*(x) for a product", "β": "write beta(x, y), or β*(x) for a product",
    "diff": "leave out diff: gradcalc finds the derivative", "D": "leave out D: gradcalc finds the derivative",
    "grad": "leave out grad: gradcalc finds the derivative", "Derivative": "leave out Derivative",
    **dict.fromkeys(("integrate", "int"), "an integral is not supported; write the integrand"),
    **{name: f"write {name[:-1]}(deg2rad(x)) for degrees" for name in ("sind", "cosd", "tand")},
    **dict.fromkeys(("expm", "logm", "sqrtm"), "functions of matrices are not in the table"),
    **dict.fromkeys(("Ei", "Si", "Ci", "li", "erfcx"), "this special function is not in the table"),
    **dict.fromkeys(("binom", "binomial", "nCr", "comb"), "write factorial(n)/(factorial(k)*factorial(n - k))"),
    "Symbol": "write the name alone", "INT": "write floor(x), or trunc(x)",
}  # fmt: skip


def bracket_hint(name: str) -> str:
    """What to write for a function with brackets, `Sin[x]`, or for a product with them, `x[y + 1]`."""
    known = call_hint(name)
    if known is not None:
        return known
    if len(name) == 1:
        return f"write {name}*(...) for a product"
    return f"write {name.lower()}(...) for a function, {name}*(...) for a product"


def call_hint(name: str) -> str | None:
    """What to write for a function that is not there; None where nothing is known of it."""
    if name in _CALLS:
        return _CALLS[name]
    if based := re.fullmatch(r"(?:log|Log|LOG)_?(\w{1,3})", name):
        return f"write log(x, {based[1]})"
    return elsewhere.call_hint(name)


def refuse_spreadsheet(text: str) -> None:
    """Raise `CalcError` for a formula of a spreadsheet that means something else there."""
    if hint := _spreadsheet_hint(text):
        start = text.index("=")
        raise CalcError("a formula of a spreadsheet", span=Span(start, start + 1), hint=hint)


def _spreadsheet_hint(text: str) -> str | None:
    if found := re.search(r"ATAN2\(([^,;()]{1,60})[,;]([^,;()]{1,60})\)", text, re.IGNORECASE):
        return f"there ATAN2 takes x first: write atan2({found[2].strip()},{found[1].strip()})"
    if re.search(r"!\s{0,9}[A-Za-z]", text):
        return "cells of another sheet are not supported: write the name of the cell alone"
    if re.search(r"[A-Za-z]\w{0,3}:[A-Za-z]", text):
        return "a range of cells is not supported: write the list, such as [x, y]"
    return None
