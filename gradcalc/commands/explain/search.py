"""Find pages by any word: a name first, then words of names, titles and texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gradcalc.commands.explain.pages import PAGES, Page
from gradcalc.errors import suggest
from gradcalc.functions import find

_NAME, _TITLE, _CAUSE, _PART = 100, 20, 5, 0.2
"""What a word counts in a name, a title, the name of a cause, and as a part of another word; in a text it counts 1."""
_MOST, _ALSO = 8, 3
"""Pages that are listed, and that a page refers to."""


def search(topic: str) -> list[Page]:
    """The pages that have all words of a topic, the best first; only the page of this name, if any."""
    words = [_stem(word) for word in _words(topic)]
    named = [page for page in PAGES.values() if [_stem(word) for word in _words(page.name)] == words]
    return named or _best(words)[:_MOST]


def see_also(page: Page) -> list[str]:
    """The names of pages that have the words of this one's name."""
    pages = _best([_stem(word) for word in _words(page.name)])
    return [other.name for other in pages if other is not page and other.name not in page.causes][:_ALSO]


def _best(words: Sequence[str]) -> list[Page]:
    scores = {page.name: _score(page, words) for page in PAGES.values()}
    best = sorted((name for name, score in scores.items() if score), key=lambda name: -scores[name])
    return [PAGES[name] for name in best]


def advice(topic: str) -> str:
    """What to do instead, where no page has the words of a topic."""
    words = _words(topic)
    close = suggest("-".join(words), PAGES)
    if close:
        return f"did you mean {close}?"
    if len(words) == 1 and find(words[0]):
        return f"gradcalc functions {words[0]} shows the function"
    return "gradcalc explain lists the topics"


def _score(page: Page, words: Iterable[str]) -> float:
    """How well a page fits the words; 0 if one of them is missing."""
    scores = [
        _NAME * _count(word, page.name)
        + _TITLE * _count(word, page.title)
        + sum(_CAUSE * _count(word, cause) for cause in page.causes)
        + _count(word, page.text)
        + _count(word, page.example)
        for word in words
    ]
    return sum(scores) if scores and all(scores) else 0


def _count(stem: str, text: str) -> float:
    """How often a text has a word; one that it is the beginning or, if it is long, a part of counts less."""
    words = [_stem(word) for word in _words(text)]
    parts = sum(word != stem and (word.startswith(stem) or (len(stem) > 5 and stem in word)) for word in words)
    return words.count(stem) + _PART * parts


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _stem(word: str) -> str:
    """A word without the ending of its plural."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
