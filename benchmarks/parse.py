"""Parse random texts: what else than `CalcError` comes out, and how long the slowest takes.

    python benchmarks/parse.py [--texts 200000] [--seed 1]

Half of the texts are tokens of the grammar in random order, an eighth of them long; the other half are random characters of
the whole of Unicode.  What parses must be written and read again to the same tree.  The exit code is 1 if anything but
`CalcError` was raised, a tree changed, or a text took more than 100 ms; a hundred of the slowest are timed again, and the
better time counts, so that a pause of the machine is no finding.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
import time
from collections import Counter

from gradcalc.errors import CalcError, picture
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import MAX_CHARACTERS
from gradcalc.grammar import parse

LIMIT_MS = 100.0
SLOWEST = 100
TOKENS = [
    "x", "y", "alpha", "e", "pi", "sin", "where", "f", "2", "3.5", ".5", "5.", "1e9", "1e999", "0x1", "_", "and", "or", "not",
    "+", "-", "*", "/", "**", "^", "@", "<", "<=", "==", "!=", "=", "(", ")", "(", ")", ",", " ", "\t", "\n", "²", "π", "٣", "[", "|",
]  # fmt: skip


def soup(chance: random.Random) -> str:
    """Tokens in random order; now and then thousands of them, or one token again and again."""
    kind = chance.random()
    if kind < 0.002:
        return (chance.choice(TOKENS) * MAX_CHARACTERS)[: MAX_CHARACTERS - chance.randint(0, 9)]
    count = chance.randint(100, 3_000) if kind < 0.01 else chance.randint(20, 100) if kind < 0.125 else chance.randint(1, 16)
    return "".join(chance.choices(TOKENS, k=count))


def expression(chance: random.Random, height: int = 6) -> str:
    """A text that mostly parses."""
    if height == 0 or chance.random() < 0.2:
        return chance.choice(["x", "y", "2", "0.1", "1e-3", "pi"])
    inner = [expression(chance, height - 1) for _ in range(3)]
    return chance.choice(
        [
            "({0} + {1})",
            "{0}*{1}",
            "{0}/{1}",
            "-{0}",
            "({0})**{1}",
            "sin({0})",
            "2({0})",
            "where({0} < {1}, {1}, {2})",
            "{0} {1}",
        ]
    ).format(*inner)


def characters(chance: random.Random) -> str:
    """Random characters: of ASCII, of the whole of Unicode (lone surrogates too)."""
    highest = chance.choice([0x7F, 0x2FF, 0xFFFF, 0x10FFFF])
    return "".join(chr(chance.randint(0, highest)) for _ in range(chance.randint(0, 40)))


def once(text: str) -> str:
    """Parse a text: "parsed", "refused", or what went wrong."""
    try:
        tree = parse(text)
    except CalcError as error:
        picture(error)
        return "refused"
    try:
        canonical = unparse(tree)
        same = len(canonical) > MAX_CHARACTERS or parse(canonical) == tree
    except CalcError as error:
        return f"the canonical text does not parse: {error}"
    # `f()` is written as the name of a constant.
    return "parsed" if same or "()" in "".join(text.split()) else "the canonical text has another tree"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    makers = [soup, expression, characters, characters]
    outcomes: Counter[str] = Counter()
    examples: dict[str, str] = {}
    slowest: list[tuple[float, str]] = []
    for place in range(options.texts):
        text = makers[place % len(makers)](chance)
        start = time.perf_counter()
        try:
            outcome = once(text)
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"[:100]
        heapq.heappush(slowest, (time.perf_counter() - start, text))
        if len(slowest) > SLOWEST:
            heapq.heappop(slowest)
        outcomes[outcome] += 1
        examples.setdefault(outcome, text)
    again = []
    for seconds, text in slowest:
        start = time.perf_counter()
        try:
            parse(text)
        except Exception:  # counted above
            pass
        again.append((1e3 * min(seconds, time.perf_counter() - start), text))
    milliseconds, text = max(again)
    bad = {outcome: count for outcome, count in outcomes.items() if outcome not in ("parsed", "refused")}
    print(
        f"texts {options.texts}, seed {options.seed}: parsed {outcomes['parsed']}, refused {outcomes['refused']}, other {sum(bad.values())}"
    )
    print(f"slowest {milliseconds:.1f} ms: {len(text)} characters, {text[:40]!r}")
    for outcome, count in bad.items():
        print(f"{count} times {outcome}, such as {examples[outcome][:200]!r}")
    return 1 if bad or milliseconds > LIMIT_MS else 0


if __name__ == "__main__":
    sys.exit(main())
