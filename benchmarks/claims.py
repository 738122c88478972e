"""Random claims about derivatives, right and wrong ones: which of them does gradcalc accept?

    python benchmarks/claims.py [--count N] [--seed N] [--only wrong|right]

Derivatives are known by construction: every expression is built beside its derivative, by rules that stand here and share
nothing with the program.  A wrong claim is a right one that is changed in a way that few points show: a breakpoint that is
shifted, a single point, something periodic, something tiny, a narrow bump, something far away, half of the domain.  Where the
change may be beyond all digits (tanh far from 0), it counts only if it is seen in floating-point numbers of 6,000 digits
(mpmath).  Right ones are rewritten, have more cases than they need, or hold in part.

Exits with 1 if a wrong claim is called right, or a right one is not accepted.
"""

from __future__ import annotations

import argparse
import collections
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mpmath

from gradcalc.calculate.claims.claim import check

DIGITS = 6_000


@dataclass(frozen=True)
class Claim:
    """An expression in x and y, what is said of its derivative by x, how that was made, and what is to be said of it."""

    kind: str
    expr: str
    claim: str
    due: str = "wrong"


@dataclass(frozen=True)
class Pair:
    """An expression and its derivative by x."""

    expr: str
    slope: str


def _smooth(chance: random.Random, depth: int = 2) -> Pair:
    """A random smooth expression of all x, beside its derivative."""
    a, b = chance.choice(("2", "3", "0.5", "1.25", "7")), chance.choice(("1", "2", "0.3"))
    leaves = [Pair(f"{a}*x", a), Pair("x**2", "2*x"), Pair("x**3", "3*x**2"), Pair(f"(x + {b})**2", f"2*(x + {b})")]
    if depth == 0:
        return chance.choice(leaves)
    u, v = _smooth(chance, depth - 1), _smooth(chance, depth - 1)
    return chance.choice([
        Pair(f"sin({u.expr})", f"cos({u.expr})*({u.slope})"),
        Pair(f"cos({u.expr})", f"-sin({u.expr})*({u.slope})"),
        Pair(f"exp(-({u.expr})**2)", f"-2*({u.expr})*({u.slope})*exp(-({u.expr})**2)"),
        Pair(f"tanh({u.expr})", f"({u.slope})*(1 - tanh({u.expr})**2)"),
        Pair(f"log(1 + ({u.expr})**2)", f"2*({u.expr})*({u.slope})/(1 + ({u.expr})**2)"),
        Pair(f"atan({u.expr})", f"({u.slope})/(1 + ({u.expr})**2)"),
        Pair(f"({u.expr})*({v.expr})", f"({u.slope})*({v.expr}) + ({u.expr})*({v.slope})"),
        Pair(f"({u.expr}) + ({v.expr})", f"({u.slope}) + ({v.slope})"),
        Pair(f"({u.expr})*y", f"({u.slope})*y"),
    ])  # fmt: skip


def _number(chance: random.Random, low: int = -3, high: int = 6) -> str:
    """A number of any size and sign, as people write it."""
    value = chance.choice((1, -1)) * chance.uniform(1, 10) * 10.0 ** chance.randint(low, high)
    return f"({value:.{chance.randint(1, 4)}g})"


def wrong_claims(chance: random.Random) -> Iterator[Claim]:
    """Wrong claims, of one kind after the other, without end."""
    while True:
        for make in WRONG:
            yield make(chance)


def _shifted(chance: random.Random) -> Claim:
    while True:
        at, shift = _number(chance), chance.choice(("0.1", "1e-3", "1e-6", "2"))
        u, v = _smooth(chance, 1), _smooth(chance, 1)
        if _differ(u.slope, v.slope, f"{at} + {shift}/3"):
            break
    expr = f"where(x < {at}, {u.expr}, {v.expr} + 1)"
    return Claim("shifted breakpoint", expr, f"where(x < {at} + {shift}, {u.slope}, {v.slope})")


def _differ(one: str, other: str, at: str) -> bool:
    """Whether two texts have different values, in as many digits as anybody calculates with."""
    names = ("sin", "cos", "exp", "tanh", "log", "atan")
    with mpmath.workdps(DIGITS + 50):
        space: dict[str, object] = {name: getattr(mpmath, name) for name in names}
        space |= {"mpf": mpmath.mpf, "y": mpmath.mpf("1.37")}
        space["x"] = _value(at, space)
        return bool(abs(_value(one, space) - _value(other, space)) > mpmath.mpf(10) ** -DIGITS)


def _value(text: str, space: dict[str, object]) -> mpmath.mpf:
    """The value of a text of this script, with exact decimals."""
    return eval(re.sub(r"(?<![\w.])(\d+\.?\d*(?:e[+-]?\d+)?)", r"mpf('\1')", text), {"__builtins__": {}}, space)


def _clipped(chance: random.Random) -> Claim:
    low, high = sorted(chance.sample(range(-50, 50), 2))
    other = high + chance.choice((1, 2, 30))
    expr = f"clamp(x, {low}, {high})"
    return Claim("shifted breakpoint", expr, f"where(x > {low} and x < {other}, 1, 0)")


def _at_one_point(chance: random.Random) -> Claim:
    at, u = _number(chance), _smooth(chance)
    ask = chance.choice((f"x == {at}", f"not (x != {at})", f"x >= {at} and x <= {at}", f"2*x - {at} == {at}"))
    return Claim("single point", u.expr, f"where({ask}, ({u.slope}) + 1, {u.slope})")


def _of_two_variables(chance: random.Random) -> Claim:
    a, b, u = _number(chance, -1, 2), _number(chance, -1, 2), _smooth(chance, 1)
    if chance.random() < 0.5:
        return Claim("single line", f"({u.expr}) + y*x", f"where(x == {a}*y, 0, ({u.slope}) + y)")
    ask = chance.choice((f"x > {a} and y > {b}", f"x < {a} and y < {b}", f"x*y > {a}"))
    claim = f"where({ask}, ({u.slope}) + y + 1, ({u.slope}) + y)"
    return Claim("half domain", f"({u.expr}) + y*x", claim)


def _periodic(chance: random.Random) -> Claim:
    u, pace = _smooth(chance), chance.choice(("10", "1000", "10000", "1e6", "1e9"))
    term = chance.choice((f"sin({pace}*pi*x)", f"(1 - cos(2*pi*{pace}*x))", f"0.001*sin({pace}*pi*x)**4"))
    return Claim("periodic term", u.expr, f"{u.slope} + {term}")


def _tiny(chance: random.Random) -> Claim:
    u = _smooth(chance)
    term = chance.choice(("1e-300", "x*1e-80", "exp(-3000)", "1e-200*1e-300*1e-300", "exp(-5000 - x**2)", "1e-90*sin(x)"))
    return Claim("tiny term", u.expr, f"{u.slope} + {term}")


def _bump(chance: random.Random) -> Claim:
    u, at = _smooth(chance, 1), _number(chance, -2, 4)
    width = chance.choice(("1e3", "1e5", "1e8", "1e14"))
    term = chance.choice((f"exp(-{width}*(x - {at})**2)", f"relu(1 - {width}*abs(x - {at}))"))
    return Claim("narrow bump", u.expr, f"{u.slope} + {term}")


def _far(chance: random.Random) -> Claim:
    u, size = _smooth(chance, 1), f"{chance.uniform(1, 9):.2f}e{chance.choice((5, 8, 15, 40, 120))}"
    ask = chance.choice((f"x < -{size}", f"x > {size}", f"abs(x) > {size}", f"x**2 > {size}", f"abs(x) < 1/{size}"))
    return Claim("far case", u.expr, f"where({ask}, 1 + ({u.slope}), {u.slope})")


def _half(chance: random.Random) -> Claim:
    at, sign = _number(chance, -1, 5), chance.choice(("1", "-1"))
    return Claim("half domain", f"abs(x - {at})", sign)


WRONG: list[Callable[[random.Random], Claim]] = [
    _shifted, _clipped, _at_one_point, _of_two_variables, _periodic, _tiny, _bump, _far, _half,
]  # fmt: skip


def right_claims(chance: random.Random) -> Iterator[Claim]:
    """Right claims, of one kind after the other, without end."""
    while True:
        u, v, at = _smooth(chance), _smooth(chance, 1), _number(chance, -1, 3)
        p, q = _smooth(chance, 0), _number(chance, -1, 3)
        yield Claim("as derived", u.expr, u.slope, "right")
        yield Claim("rewritten", u.expr, f"(2*({u.slope}) + ({u.slope}))/3", "right")
        yield Claim("expanded square", u.expr, f"(({u.slope}) + 1)**2 - ({u.slope})**2 - 1 - ({u.slope})", "right")
        cases = f"where(x >= {at}, {v.slope}, {u.slope})"
        yield Claim("with cases", f"where(x < {at}, {u.expr}, {v.expr})", cases, "right")
        here = f"where(x == {q}, {p.slope.replace('x', q)}, {p.slope})"
        yield Claim("a point that is right", p.expr, here, "right")
        yield Claim("a bound", f"max({u.expr}, {at})", f"where(({u.expr}) > {at}, {u.slope}, 0)", "right")
        yield Claim("absolute value", f"abs({u.expr})", f"sign({u.expr})*({u.slope})", "right")
        yield Claim("a factor more and less", u.expr, f"({u.slope})*sqrt(x)/sqrt(x)", "partly")
        yield Claim("a power of positive numbers", f"cbrt(x)*y + {p.expr}", f"y*x**(-2/3)/3 + {p.slope}", "partly")
        joined = f"({u.slope})*relu(x - {at})**2 + 2*({u.expr})*relu(x - {at})"
        yield Claim("a smooth breakpoint", f"({u.expr})*relu(x - {at})**2", joined, "right")


def judged(claim: Claim, seconds: float = 10.0) -> str:
    """What the program says of a claim."""
    return check(claim.expr, claim.claim, by="x", seconds=seconds).result.outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("wrong", "right"))
    options = parser.parse_args()
    bad = 0
    for which, claims in (("wrong", wrong_claims), ("right", right_claims)):
        if options.only not in (None, which):
            continue
        table: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
        start = time.monotonic()
        for claim, _ in zip(claims(random.Random(options.seed)), range(options.count), strict=False):
            outcome = judged(claim)
            table[claim.kind][outcome] += 1
            if outcome != claim.due:
                bad += which == "right" or outcome in ("right", "partly")
                print(f"{which} claim called {outcome} ({claim.kind}): {claim.expr}  |  {claim.claim}", flush=True)
        print(f"== {which} claims, {time.monotonic() - start:.0f} seconds")
        for kind, counts in sorted(table.items()):
            print(f"{kind:28} " + "  ".join(f"{outcome} {count}" for outcome, count in counts.most_common()))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
