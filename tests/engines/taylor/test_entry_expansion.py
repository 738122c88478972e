"""Expansions of single entries: by power series of Arb and by jets they are the same, and breakpoints are singular."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

import pytest
from flint import arb
from support.array_formulas import is_the_meaning

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.entry_expansion import EntryExpansion, FunctionExpansion
from gradcalc.engines.taylor.entrywise import FORMULAS
from gradcalc.engines.taylor.jets import Jet, is_nan
from gradcalc.engines.taylor.reals import Real, agree, exact
from gradcalc.expression.tree import Call
from gradcalc.functions import TABLE, Function

ROWS = [row for row in TABLE.values() if row.elementwise and row.sample and row.definition is None and not row.boolean_args]


def expand(name: str, moving: list[int], point: Sequence[Real], order: int = 2) -> EntryExpansion:
    call = evaluate.readers({}, order, evaluate.no_constants)[1]
    return FunctionExpansion(Call(name, ()), moving, [False] * len(point), order, call).expand(point)


def random_point(chance: random.Random, row: Function) -> list[Real]:
    """A point from where the row may be sampled; settings have their defaults."""
    sampled = [Fraction(round(chance.uniform(low, high) * 1000), 1024 if high > low else 1000) for low, high in row.sample]
    defaults = [parameter.default for parameter in row.parameters[len(sampled) :] if not parameter.optional]
    return [exact(Fraction(number)) for number in (*sampled, *(default or 0 for default in defaults))]


def jet_along(name: str, spot: int, point: Sequence[Real]) -> Jet:
    parts = [Jet.variable(number, 1, 2) if place == spot else Jet.constant(number) for place, number in enumerate(point)]
    jet = evaluate.readers({}, 2, evaluate.no_constants)[1](Call(name, ()), list(parts))
    assert isinstance(jet, Jet)
    return jet


@pytest.mark.parametrize("row", [row for row in ROWS if not row.condition], ids=lambda row: row.name)
def test_expansions_are_those_of_jets(row: Function) -> None:
    """Balls take the way of power series wherever there is one; so do rationals, where the function makes balls of them."""
    chance = random.Random(row.name)
    with reals.precision(256):
        for _ in range(5):
            point = random_point(chance, row)
            for spot in range(len(row.sample)):
                jet = jet_along(row.name, spot, point)
                for numbers in (point, [arb(number) for number in point]):
                    entry = expand(row.name, [spot], numbers)
                    assert entry.is_singular == (bool(jet.notes) or is_nan(jet.value))
                    if not entry.is_singular:
                        assert agree(entry.value, jet.value)
                        assert agree(entry.derivatives[0], jet[1])
                        assert agree(entry.derivatives[1], 2 * jet[2])


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_on_arrays_are_the_meanings_of_their_rows(name: str) -> None:
    assert is_the_meaning(name)


@pytest.mark.parametrize("row", [row for row in ROWS if len(row.sample) > 1 and not row.condition], ids=lambda row: row.name)
def test_second_derivatives_by_two_arguments_are_symmetric_limits(row: Function) -> None:
    """The mixed derivative is the slope, by one argument, of the slope by the other: a jet in a rotated direction tells."""
    chance = random.Random(row.name)
    with reals.precision(256):
        point = random_point(chance, row)
        entry = expand(row.name, [0, 1], point)
        if entry.is_singular:
            return
        _, _, first, mixed, second = entry.derivatives
        parts = [Jet([point[0], exact(2), exact(0)]), Jet([point[1], exact(-3), exact(0)]), *map(Jet.constant, point[2:])]
        along = evaluate.readers({}, 2, evaluate.no_constants)[1](Call(row.name, ()), list(parts))
        assert isinstance(along, Jet)
        total: Real = 4 * first - 12 * mixed + 9 * second
        assert agree(2 * along[2], total)


SINGULAR = [
    ("abs", [0]), ("relu", [0]), ("sign", [0]), ("sqrt", [0]), ("sqrt", [-1]), ("log", [0]), ("floor", [2]), ("cbrt", [0]),
    ("max", [1, 1]), ("/", [1, 0]), ("hypot", [0, 0]), ("huber_loss", [2, 1, 1]), ("leaky_relu", [0, 0]), ("<", [1, 1]),
    ("xlogy", [0, 0]), ("atan2", [0, 0]), ("**", [0, Fraction(1, 2)]), ("softshrink", [Fraction(1, 2), Fraction(1, 2)]),
    ("elu", [0, 2]), ("heaviside", [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["balls", "rationals"])
@pytest.mark.parametrize(("name", "point"), SINGULAR, ids=lambda case: str(case))
def test_breakpoints_are_singular(name: str, point: list[Fraction | int], kind: str) -> None:
    with reals.precision(192):
        numbers = [exact(number) if kind == "rationals" else arb(exact(number)) for number in point]
        assert expand(name, [0], numbers, 1).is_singular


def test_a_number_that_is_none_stays_none() -> None:
    """Zero times no number is no number."""
    entry = expand("*", [0, 1], [exact(0), arb.nan()], 1)
    assert entry.is_singular
    assert entry.value.is_nan()


def test_a_function_whose_arguments_move_together_is_differentiable_jointly_or_singular() -> None:
    with reals.precision(192):
        assert not expand("logaddexp", [0, 1], [exact(1), exact(2)], 1).is_singular
        assert not expand("atan2", [0, 1], [exact(1), exact(2)], 1).is_singular
        assert not expand("**", [0, 1], [exact(3), exact(2)], 1).is_singular
        assert expand("**", [0, 1], [exact(-3), exact(2)], 1).is_singular
        # Along either axis fmod(x, y) is smooth here; x/y is an integer at the point.
        assert expand("fmod", [0, 1], [exact(4), exact(2)], 1).is_singular


def test_what_is_rational_stays_exact() -> None:
    with reals.precision(192):
        entry = expand("mse_loss", [0], [exact(Fraction(1, 3)), exact(1)], 2)
        assert entry.value == exact(Fraction(4, 9))
        assert list(entry.derivatives) == [exact(Fraction(-4, 3)), exact(2)]
        assert expand("relu", [0], [exact(Fraction(1, 3))], 1).value == exact(Fraction(1, 3))
