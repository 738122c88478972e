"""Characters of print and of other alphabets: which letters names have, and what stands for what.

Comes in: a text as it was pasted.  Goes out: a text of the same length, so that places in it stay places in the other.
"""

from __future__ import annotations

import re
import unicodedata

GREEK = "Α-ΡΣ-Ωα-οσ-ωρς"
"""Greek letters, as a class of a regular expression; π is a constant and no part of a longer name."""
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"
_RAISED = {
    **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᐟ", "0123456789+-()/", strict=True)),
    **dict(zip("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", "abcdefghijklmnoprstuvwxyz", strict=True)),
    **dict(zip("ᵅᵝᵞᵟᶿ", "αβγδθ", strict=True)),
}
SUPERSCRIPTS = "".join(_RAISED)
OPERATORS = {"≤": "<=", "≥": ">=", "⩽": "<=", "⩾": ">=", "≠": "!=", "∧": "and", "∨": "or", "¬": "not"}
BRACKETS = {"⌊": ("⌋", "floor"), "⌈": ("⌉", "ceil")}
FRACTIONS = {"½": "0.5", "¼": "0.25", "¾": "0.75"}
ROOTS = {"√": "sqrt", "∛": "cbrt"}

_BLANKS = "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u202f\u205f\u2061\u3000\ufeff"
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("·×∙⋅∗⊙•⨯✕✖\u2062", "*"), **dict.fromkeys("÷∕⁄", "/"), **dict.fromkeys("−–‐‑‒﹣", "-"),
        **dict.fromkeys(_BLANKS, " "), **dict.fromkeys("∣❘⏐", "|"), "∥": "‖", "ı": "i", "ȷ": "j",
    }
)  # fmt: skip
_KEPT = ("<super>", "<sub>", "<fraction>")


_NAME = re.compile(rf"[A-Za-z_{GREEK}][A-Za-z0-9_{GREEK}]*[{SUBSCRIPTS}]*|π")


def is_name(text: str) -> bool:
    """Whether a text is the name of a variable."""
    return _NAME.fullmatch(text) is not None


def plain(text: str) -> str:
    """A text with operators, blanks and letters of other fonts in place of their plain ones, as long as it was."""
    if text.isascii():
        return text
    return "".join(map(_plain, text.translate(_PLAIN)))


def _plain(character: str) -> str:
    if character.isascii() or unicodedata.decomposition(character).partition(" ")[0] in _KEPT:
        return character
    same = unicodedata.normalize("NFKC", character)
    return same if len(same) == 1 else character


def lowered(raised: str) -> str:
    """What superscripts say, as text of the same length: `-x` of `⁻ˣ`."""
    return "".join(_RAISED[character] for character in raised)


def plain_subscripts(text: str) -> str:
    """A text with plain digits and letters in place of subscripts."""
    return unicodedata.normalize("NFKC", text)


def greek_letter(word: str) -> str:
    """The letter that a word is the name of, `θ` of `theta`; any other word itself."""
    name = "LAMDA" if word == "lambda" else word.upper()
    try:
        return unicodedata.lookup(f"GREEK SMALL LETTER {name}")
    except KeyError:
        return word


def greek_name(letter: str) -> str:
    """The name of a Greek letter, `theta` of `θ` and `Theta` of `Θ`; any other character itself."""
    match = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)", unicodedata.name(letter, ""))
    if match is None:
        return letter
    word = match[2].lower().replace("lamda", "lambda")
    return word if match[1] == "SMALL" else word.capitalize()
