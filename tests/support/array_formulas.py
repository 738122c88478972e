"""Formulas on arrays of the reference beside the meanings of their rows, which are evaluated in jets."""

from __future__ import annotations

import random
from collections.abc import Collection
from itertools import combinations_with_replacement

from flint import arb, fmpq

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.entrywise import FORMULAS, Expansion, Factors
from gradcalc.engines.taylor.jets import Jet
from gradcalc.engines.taylor.reals import Real, agree, exact
from gradcalc.expression.tree import Call
from gradcalc.functions import TABLE

_EXPONENTS = (1, 2, 3, 5)


def is_the_meaning(name: str) -> bool:
    """Whether the formula of a function gives the value, slopes and second derivatives of its meaning, at random points."""
    chance = random.Random(name)
    count = len(TABLE[name].parameters)
    points = [[exact(chance.randint(1, 4000)) * chance.choice((-1, 1)) / 1024 for _ in range(count)] for _ in _EXPONENTS]
    if name == "**":  # the formula is that of whole exponents, which do not move
        return all(_agrees(name, [[base, exact(exponent)]], [0]) for exponent in _EXPONENTS for base, _ in points)
    return all(_agrees(name, points, moving) for moving in (list(range(count)), *([spot] for spot in range(count))))


def _agrees(name: str, points: list[list[fmpq]], moving: list[int]) -> bool:
    with reals.precision(192):
        rationals = [list(column) for column in zip(*points, strict=True)]
        balls = [[arb(number) for number in column] if spot in moving else column for spot, column in enumerate(rationals)]
        expansions = [FORMULAS[name](columns, moving, 2) for columns in (rationals, balls)]
        return all(
            expansion is not None and _is_expansion(expansion, place, name, point, moving)
            for expansion in expansions
            for place, point in enumerate(points)
        )


def _is_expansion(expansion: Expansion, place: int, name: str, point: list[fmpq], moving: list[int]) -> bool:
    """Whether the expansion at a place of the arrays is that of the meaning at a point."""
    jets = {pair: _jet(name, point, pair) for pair in combinations_with_replacement(moving, 2)}
    for (i, j), jet in jets.items():
        if i == j:
            slope, second = expansion.slopes[i], 2 * jet[2]
            is_same = slope is not None and agree(_at(slope, place), jet[1]) and agree(expansion.values[place], jet.value)
        else:
            is_same, second = True, jet[2] - jets[i, i][2] - jets[j, j][2]
        if not is_same or not agree(_at(expansion.curvatures.get((i, j), 0), place), second):
            return False
    return [spot for spot, slope in enumerate(expansion.slopes) if slope is not None] == moving


def _at(factors: Factors, place: int) -> Real:
    return exact(factors) if isinstance(factors, int) else factors[place]


def _jet(name: str, point: list[fmpq], moving: Collection[int]) -> Jet:
    """The meaning along a ray, to the second order."""
    parts = [Jet.variable(number, 1, 2) if spot in moving else Jet.constant(number) for spot, number in enumerate(point)]
    jet = evaluate.readers({}, 2, evaluate.no_constants)[1](Call(name, ()), list(parts))
    assert isinstance(jet, Jet)
    return jet
