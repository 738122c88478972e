"""Formulas of vectors and matrices: textbook questions, and random expressions beside torch's autograd.

    python benchmarks/matrix_formulas.py [--count 1000] [--seed 0]

Prints how many textbook questions have a formula, how many are proven for all sizes, and how long they are beside the book's;
and of random expressions how many formulas are right, wrong, missing or slow.  Wrong ones are printed.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter

import _support  # noqa: F401  the questions are shared with the tests
from support.matrix_expressions import Expressions, error_of, names_of, values_of
from support.matrix_questions import QUESTIONS

from gradcalc.calculate.array_formulas import ArrayQuestion, array_formulas
from gradcalc.functions.resolve import understand

SECONDS = 3.0
TOLERANCE = 1e-6


def print_questions() -> None:
    """The textbook questions: evidence, length beside the book's, time."""
    counts: Counter[str] = Counter()
    ratios, times = [], []
    for question in QUESTIONS:
        tree = understand(question.expr, names_of(question.sizes))
        start = time.perf_counter()
        own = ArrayQuestion(tree, question.sizes, question.assumed)
        formula = next(array_formulas(own, [question.by], question.order, SECONDS))
        times.append(time.perf_counter() - start)
        counts[str(formula.evidence)] += 1
        text = (formula.formula or "") + "".join(f"{name}={part}" for name, part in formula.parts)
        ratios.append(len(text.replace(" ", "")) / len(question.textbook.replace(" ", "")))
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"{len(QUESTIONS)} textbook questions: {dict(counts)}")
    print(f"{sum(it <= 1.5 for it in ratios)} at most 1.5 times as long as the book's, geometric mean {mean:.2f}")
    print(f"median {1e3 * sorted(times)[len(times) // 2]:.0f} ms, longest {1e3 * max(times):.0f} ms")


def print_random(count: int, seed: int) -> None:
    """Random expressions, by one of their variables each."""
    counts: Counter[str] = Counter()
    for number in range(seed, seed + count):
        grown = Expressions(number)
        expr = grown.number(3)
        tree = understand(expr, names_of(grown.sizes))
        by = list(grown.sizes)[number % len(grown.sizes)]
        formula = next(array_formulas(ArrayQuestion(tree, grown.sizes), [by], 1, SECONDS))
        if formula.formula is None:
            why = (formula.why or "").rpartition(": ")[2]
            counts[f"none: {why}"] += 1
            if "confirmed" in why:
                print(f"seed {number}: {expr} by {by}: {why}")
            continue
        error = error_of(expr, grown.sizes, formula, values_of(grown.sizes, number))
        counts[f"right, {formula.evidence}" if error < TOLERANCE else "wrong"] += 1
        if not error < TOLERANCE:
            print(f"seed {number}: {expr} by {by}: {formula.formula}, off by {error:.2g}")
    print(f"{count} random expressions:")
    for word, number in counts.most_common():
        print(f"  {number:6} {word}")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print_questions()
    print_random(options.count, options.seed)


if __name__ == "__main__":
    main()
