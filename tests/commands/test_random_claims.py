"""Random claims of each kind, right ones and ones with a planted mistake.

The oracle shares no code with the program: derivatives are built beside their expressions by the rules that stand here, and
those of arrays are difference quotients of quadratic functions, which are exact in Python's fractions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import mpmath
import pytest

from gradcalc.calculate.claims.claim import check
from gradcalc.calculate.claims.solution import solution
from gradcalc.inputs.values import read_point

SEEDS = range(4)


@dataclass(frozen=True)
class Pair:
    """An expression in x, and its derivative."""

    expr: str
    slope: str


def leaf(chance: random.Random) -> Pair:
    a, n = chance.randint(2, 9), chance.randint(2, 5)
    pairs = (f"({a}*x + 1)", str(a)), (f"(x**{n} + {a})", f"{n}*x**{n - 1}"), (f"(x**2 + {a}*x)", f"(2*x + {a})")
    return Pair(*chance.choice(pairs))


OUTER = {"sin": "cos(@)", "cos": "-sin(@)", "exp": "exp(@)", "tanh": "(1 - tanh(@)**2)", "atan": "1/(1 + (@)**2)"}


def value(text: str, at: str) -> mpmath.mpf:
    """The value of a text of this file at a point, in 60 digits."""
    with mpmath.workdps(60):
        space = {name: getattr(mpmath, name) for name in OUTER}
        return eval(text, {"__builtins__": {}}, {**space, "x": mpmath.mpf(at)})


Planted = tuple[str, str, str, set[str]]
"""An expression, the right derivative, the one with a mistake, and the words that its statement may begin or go on with."""


def chain(chance: random.Random) -> Planted:
    name, u = chance.choice(list(OUTER)), leaf(chance)
    outer = OUTER[name].replace("@", u.expr)
    return (
        f"{name}({u.expr})",
        f"({outer})*({u.slope})",
        outer,
        {"was not multiplied by the inner derivative", "times the derivative"},
    )


def products(chance: random.Random) -> Planted:
    u, v = leaf(chance), leaf(chance)
    kept = f"({u.slope})*{v.expr} + {u.expr}*({v.slope})"
    slips = {
        f"({u.slope})*({v.slope})": {"instead of using the product rule"},
        f"({u.slope})*{v.expr} - {u.expr}*({v.slope})": {"wrong sign between the two terms of the product rule"},
        f"({u.slope})*{v.expr}": {"the product rule was not applied"},
    }
    slip = chance.choice(list(slips))
    return f"{u.expr}*{v.expr}", kept, slip, slips[slip]


def quotients(chance: random.Random) -> Planted:
    u, v = leaf(chance), Pair(f"(x**2 + {chance.randint(1, 9)})", "2*x")
    above = f"({u.slope})*{v.expr} - {u.expr}*({v.slope})"
    slips = {
        f"({above})/{v.expr}": {"the denominator was not squared in the quotient rule"},
        f"({above.replace(' - ', ' + ', 1) if ' - ' not in u.slope else above})/{v.expr}**2": {
            "wrong sign between the two terms"
        },
        f"({u.slope})/({v.slope})": {"instead of using the quotient rule"},
        f"({u.slope})/{v.expr}": {"the quotient rule was not applied"},
    }
    slip = chance.choice(list(slips))
    return f"{u.expr}/{v.expr}", f"({above})/{v.expr}**2", slip, slips[slip]


def powers(chance: random.Random) -> Planted:
    u, n = leaf(chance), chance.randint(3, 7)
    slips = {
        f"{n}*{u.expr}**{n}*({u.slope})": {"the exponent was not lowered by one"},
        f"{u.expr}**{n - 1}*({u.slope})": {"the exponent was not brought down", f"the claim is 1/{n} times"},
        f"{n}*{u.expr}**{n - 1}": {"was not multiplied by the inner derivative", "times the derivative"},
    }
    slip = chance.choice(list(slips))
    return f"{u.expr}**{n}", f"{n}*{u.expr}**{n - 1}*({u.slope})", slip, slips[slip]


def signs(chance: random.Random) -> Planted:
    name, u = chance.choice(list(OUTER)), leaf(chance)
    slope = f"({OUTER[name].replace('@', u.expr)})*({u.slope})"
    return f"{name}({u.expr})", slope, f"-({slope})", {"the sign of the whole derivative is wrong"}


KINDS: list[Callable[[random.Random], Planted]] = [chain, products, quotients, powers, signs]


def is_different(one: str, other: str) -> bool:
    points = ("0.37", "-1.21", "2.53")
    return any(abs(value(one, at) - value(other, at)) > mpmath.mpf(10) ** -40 for at in points)


def claims() -> Iterator[tuple[str, Planted]]:
    for kind, seed in product(KINDS, SEEDS):
        yield f"{kind.__name__} {seed}", kind(random.Random(f"{kind.__name__} {seed}"))


CLAIMS = dict(claims())


@pytest.mark.parametrize("name", CLAIMS)
def test_a_planted_mistake_is_refused_and_stated(name: str) -> None:
    expr, right, wrong, statements = CLAIMS[name]
    assert check(expr, right).result.outcome == "right"
    if not is_different(right, wrong):
        pytest.skip("the mistake changes nothing")
    result = check(expr, f"f'(x) = {wrong}").result
    assert result.outcome == "wrong"
    assert result.mistake is not None
    assert any(statement in result.mistake for statement in statements), result.mistake
    assert result.counterexample is not None
    at = {text: str(Fraction(text)) for text in result.counterexample.at.values()}
    (point,) = at.values()
    assert abs(value(right, point) - mpmath.mpf(result.counterexample.derivative)) < 1e-12 * abs(value(right, point)) + 1e-12
    assert (
        abs(value(wrong, point) - mpmath.mpf(str(result.counterexample.claimed))) < 1e-12 * abs(value(wrong, point)) + 1e-12
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_line_with_the_planted_mistake_is_found(seed: int) -> None:
    """A chain of three links: the mistake in one of them is blamed, and what only repeats it follows."""
    chance = random.Random(f"lines {seed}")
    expr, right, wrong, _ = products(chance)
    if not is_different(right, wrong):
        pytest.skip("the mistake changes nothing")
    place = chance.randrange(3)
    links = [f"2*({right})/2", f"({right}) + 0*x", f"({right})*(1 + x - x)"]
    links = [link if number < place else link.replace(right, wrong) for number, link in enumerate(links)]
    answer = solution(expr, ["f'(x)", *(f"= {link}" for link in links)])
    assert [line.outcome for line in answer.lines] == ["given"] + ["right"] * place + ["wrong"] + ["follows"] * (2 - place)
    assert answer.first == place + 2


# -- arrays


def numbers(chance: random.Random, *shape: int) -> list:
    if not shape:
        return chance.randint(-4, 4)  # type: ignore[return-value]
    return [numbers(chance, *shape[1:]) for _ in range(shape[0])]


def residuals(X: list, w: list, y: list) -> list[Fraction]:  # noqa: N803
    return [sum(Fraction(a) * b for a, b in zip(row, w, strict=True)) - c for row, c in zip(X, y, strict=True)]


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_of_least_squares(seed: int) -> None:
    chance = random.Random(f"arrays {seed}")
    n, k = chance.randint(2, 3), chance.randint(2, 3)
    X, w, y = numbers(chance, n, k), numbers(chance, k), numbers(chance, n)  # noqa: N806
    at = [read_point({"X": str(X), "w": str(w), "y": str(y), "n": str(n)})]

    def loss(v: list) -> Fraction:
        return sum((it**2 for it in residuals(X, v, y)), Fraction(0)) / n

    slopes = []
    for place in range(k):  # exact for a quadratic function
        up, down = ([Fraction(it) + (step if i == place else 0) for i, it in enumerate(w)] for step in (1, -1))
        slopes.append((loss(up) - loss(down)) / 2)
    right = check("mean((X@w - y)**2)", "2*X.T@(X@w - y)/n", by="w", at=at)
    assert (right.result.outcome, right.result.evidence) == ("right", "formula")
    assert [Fraction(entry.result.points[0].derivative) for entry in right.entries] == pytest.approx(slopes)
    for claim in ("X.T@(X@w - y)/n", "2*X.T@(X@w + y)/n", "2*X.T@(X@w - y)", "2*(X@w - y)@X", "-2*X.T@(X@w - y)/n"):
        assert check("mean((X@w - y)**2)", claim, by="w", at=at).result.outcome == "wrong"
    transposed = check("sum((X@w - y)**2)", "2*(X@w - y)@X", by="w", at=at).result
    assert transposed.outcome == "right"  # of vectors
