"""Partials at breakpoints: random expressions, an oracle of its own, and what gradcalc says of them.

    python benchmarks/breakpoints.py --count 300 --seed 1
    python benchmarks/breakpoints.py --count 100 --order 3
    python benchmarks/breakpoints.py --count 60 --verdicts        # the whole program, in four dtypes

An expression is built around an argument that vanishes at the point and a function that has a breakpoint there.  The oracle
shares no code with gradcalc: it evaluates the expression with mpmath at hundreds of digits and looks at difference quotients
with two unrelated sequences of steps.  It answers only where both agree on the kind and on twelve digits.  Difference
quotients are no proof: a disagreement is a question to be settled by hand, not a fault of either side.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath

Tree = tuple[Any, ...]
"""("w",), ("number", text) or (function, *arguments)."""


class NoValue(Exception):
    """The expression is not real here."""


@dataclass(frozen=True)
class Case:
    """An expression, the values of its variables, and what is differentiated by, first to last."""

    tree: Tree
    at: Mapping[str, str]
    by: tuple[str, ...]

    @property
    def expr(self) -> str:
        return text_of(self.tree)


@dataclass(frozen=True)
class Answer:
    """The kind, and the one-sided derivatives: numbers, infinities, or None where the kind has none or they are not known."""

    kind: str
    left: Any = None
    right: Any = None


# ---------------------------------------------------------------------------------------------------------- expressions

_INFIX = {
    "+": "+",
    "-": "-",
    "*": "*",
    "/": "/",
    "**": "**",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "==": "==",
    "!=": "!=",
}


def text_of(tree: Tree) -> str:
    """The expression in gradcalc's language."""
    head, *args = tree
    if head == "number":
        return str(args[0])
    if not args:
        return str(head)
    parts = [text_of(arg) for arg in args]
    if head in _INFIX:
        return f"({parts[0]} {_INFIX[head]} {parts[1]})"
    if head == "neg":
        return f"(-{parts[0]})"
    return f"{head}({', '.join(parts)})"


def _n(value: object) -> Tree:
    return ("number", str(value))


def _vanishing(point: Mapping[str, str], choose: random.Random) -> Tree:
    """An expression of w and x that is 0 at the point."""
    w, x = ("-", ("w",), _n(f"({point['w']})")), ("-", ("x",), _n(f"({point['x']})"))
    return choose.choice([
        x, x, ("*", _n(2), x), ("neg", x), ("+", x, w), ("-", ("*", _n(2), x), w), ("*", w, x), ("sin", x), ("tanh", x),
        ("-", ("exp", x), _n(1)), ("**", x, _n(2)), ("**", x, _n(3)), ("-", ("*", ("w",), ("x",)), ("*", _n(f"({point['w']})"), _n(f"({point['x']})"))),
        ("+", x, ("**", w, _n(2))), ("-", ("cos", x), _n(1)), ("log", ("+", _n(1), ("**", x, _n(2)))),
    ])  # fmt: skip


def _broken(z: Tree, choose: random.Random) -> Tree:
    """A function with a breakpoint where z is 0."""
    zero, one = _n(0), _n(1)
    return choose.choice([
        ("abs", z), ("relu", z), ("relu", ("neg", z)), ("**", ("abs", z), _n("1.5")), ("**", ("abs", z), _n("2.5")), ("*", z, ("abs", z)),
        ("**", ("relu", z), _n(2)), ("**", ("relu", z), _n(3)), ("max", z, ("*", _n(2), z)), ("max", z, z, z), ("min", z, zero), ("sign", z), ("heaviside", z),
        ("*", z, ("sign", z)), ("floor", ("+", one, z)), ("round", ("+", _n("0.5"), z)), ("sqrt", ("abs", z)), ("cbrt", z),
        ("sqrt", ("**", z, _n(2))), ("sqrt", ("**", z, _n(4))), ("sqrt", z), ("hypot", z, ("**", z, _n(2))), ("elu", z), ("softsign", z), ("leaky_relu", z),
        ("where", (">", z, zero), ("*", _n(2), z), ("sin", z)), ("where", (">=", z, zero), ("**", z, _n(2)), zero),
        ("where", ("==", z, zero), zero, ("*", z, ("+", z, one))), ("where", ("==", z, zero), one, ("/", ("sin", z), z)),
        ("where", (">", z, zero), ("tanh", z), z), ("where", ("!=", z, zero), ("**", z, _n(2)), one), ("max", ("sin", z), z),
        ("clamp", z, _n(-1), zero), ("/", z, ("+", one, ("abs", z))), ("-", ("abs", z), ("*", ("exp", _n(-60)), ("abs", z))),
        ("-", ("max", z, zero), ("max", ("neg", z), zero)), ("xlogy", ("abs", z), ("abs", z)), ("xlogy", ("**", z, _n(2)), ("abs", z)),
        ("asin", ("-", one, ("**", z, _n(2)))), ("atan2", z, _n(-1)), ("trunc", ("+", one, z)), ("fmod", ("+", _n(3), z), _n(3)),
    ])  # fmt: skip


def _around(core: Tree, choose: random.Random) -> Tree:
    """A function of w and x in which a core stands."""
    w, x = ("w",), ("x",)
    smooth = choose.choice(
        [
            ("sin", w),
            ("exp", ("*", _n("0.5"), w)),
            ("+", _n(2), ("*", w, x)),
            ("tanh", ("*", w, x)),
            ("+", _n(3), ("**", x, _n(2))),
            ("cos", x),
        ]
    )
    return choose.choice([
        core, core, ("*", smooth, core), ("+", smooth, core), ("*", smooth, ("+", _n(1), core)), ("exp", core), ("sigmoid", ("+", core, w)), ("sin", core),
        ("atan", ("*", w, core)), ("**", ("-", ("sigmoid", ("+", core, smooth)), _n("0.3")), _n(2)), ("/", core, ("+", _n(2), ("**", smooth, _n(2)))), ("tanh", ("+", core, smooth)),
        ("*", core, core),
    ])  # fmt: skip


_POINTS = ("0", "1", "-1", "0.5", "2")


def cases(seed: int, order: int | None = None) -> Iterator[Case]:
    """Partials without end: of order 1 and 2, or of one order."""
    choose = random.Random(seed)
    while True:
        at = {"w": choose.choice(_POINTS), "x": choose.choice(_POINTS)}
        tree = _around(_broken(_vanishing(at, choose), choose), choose)
        if choose.random() < 0.3:
            tree = ("+", tree, _around(_broken(_vanishing(at, choose), choose), choose))
        count = order or choose.choice([1, 2, 2])
        yield Case(tree, at, tuple(choose.choice("wx") for _ in range(count)))


# --------------------------------------------------------------------------------------------------------------- oracle


def _real(value: Any) -> Any:
    if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value):
        raise NoValue
    return value


def _power(a: Any, b: Any) -> Any:
    if b == int(b):
        if a == 0 and b < 0:
            raise NoValue
        return a ** int(b)
    if a < 0 or (a == 0 and b < 0):
        raise NoValue
    return mpmath.mpf(0) if a == 0 else mpmath.power(a, b)


def _divided(a: Any, b: Any) -> Any:
    if b == 0:
        raise NoValue
    return a / b


def _root(a: Any) -> Any:
    if a < 0:
        raise NoValue
    return mpmath.sqrt(a)


def _log(a: Any) -> Any:
    if a <= 0:
        raise NoValue
    return mpmath.log(a)


def _asin(a: Any) -> Any:
    if abs(a) > 1:
        raise NoValue
    return mpmath.asin(a)


def _rounded(a: Any) -> Any:
    low = mpmath.floor(a)
    part = a - low
    if part != 0.5:
        return low + (part > 0.5)
    return low if int(low) % 2 == 0 else low + 1


def _trunc(a: Any) -> Any:
    return mpmath.floor(a) if a >= 0 else mpmath.ceil(a)


def _sign(a: Any) -> Any:
    return mpmath.mpf((a > 0) - (a < 0))


def _angle(y: Any, x: Any) -> Any:
    if x == 0 and y == 0:
        raise NoValue
    return mpmath.atan2(y, x)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": _divided, "**": _power, "neg": lambda a: -a,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
    "sin": mpmath.sin, "cos": mpmath.cos, "exp": mpmath.exp, "tanh": mpmath.tanh, "atan": mpmath.atan, "log": _log, "sqrt": _root,
    "cbrt": lambda a: _sign(a) * mpmath.cbrt(abs(a)), "abs": abs, "relu": lambda a: max(a, mpmath.mpf(0)), "sign": _sign, "floor": mpmath.floor,
    "round": _rounded, "trunc": _trunc, "max": max, "min": min, "hypot": mpmath.hypot, "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "heaviside": lambda a: (1 + _sign(a)) / 2, "elu": lambda a: a if a > 0 else mpmath.expm1(a), "softsign": lambda a: a / (1 + abs(a)),
    "leaky_relu": lambda a: a if a > 0 else a / 100, "clamp": lambda a, low, high: min(max(a, low), high), "asin": _asin, "atan2": _angle,
    "xlogy": lambda a, b: mpmath.mpf(0) if a == 0 else a * _log(b), "fmod": lambda a, b: a - b * _trunc(a / b),
}  # fmt: skip


def value_at(tree: Tree, at: Mapping[str, Any]) -> Any:
    """The expression at a point, at mpmath's precision.  Raises `NoValue`."""
    head, *args = tree
    if head == "number":
        fraction = Fraction(args[0].strip("()"))
        return mpmath.mpf(fraction.numerator) / fraction.denominator
    if not args:
        return at[head]
    if head == "where":
        return value_at(args[1] if value_at(args[0], at) else args[2], at)
    return _real(_FUNCTIONS[head](*(value_at(arg, at) for arg in args)))


class Unclear(Exception):
    """The quotients do not tell."""


_DISTANCES = {1: (40,), 2: (120, 20), 3: (300, 60, 12)}
"""Decimal exponents of the larger step, from the innermost derivative outwards; the smaller step is its square."""
_DIGITS = {1: 400, 2: 900, 3: 1_500}


def oracle(case: Case) -> Answer | None:
    """The kind of a partial and its one-sided values, None where two sequences of steps do not agree on them."""
    order = len(case.by)
    with mpmath.workdps(_DIGITS[order]):
        answers = []
        for base, stretch in ((mpmath.mpf(10), mpmath.mpf(1)), (mpmath.mpf(2) ** mpmath.mpf("3.3219"), mpmath.mpf(3) / 7)):
            steps = [[stretch * base**-e, stretch * base ** (-2 * e)] for e in _DISTANCES[order]]
            at = {name: mpmath.mpf(text) for name, text in case.at.items()}
            try:
                answers.append(_partial(case.tree, at, case.by, steps))
            except Unclear:
                return None
        one, other = answers
        if one.kind != other.kind or not all(_near(a, b) for a, b in ((one.left, other.left), (one.right, other.right))):
            return None
        return one


def _near(a: Any, b: Any) -> bool:
    if a is None or b is None or mpmath.isinf(a) or mpmath.isinf(b):
        return bool(a is b or a == b)
    return bool(abs(a - b) <= mpmath.mpf(10) ** -5 * max(abs(a), abs(b)) or max(abs(a), abs(b)) < mpmath.mpf(10) ** -5)


def _partial(tree: Tree, at: Mapping[str, Any], by: Sequence[str], steps: Sequence[Sequence[Any]]) -> Answer:
    """The partial at a point; what is wrong with one below it is the answer too, without numbers."""
    *inner, name = by
    reach = steps[len(inner)]
    start = _below(tree, at, inner, steps)
    if isinstance(start, Answer):
        return start
    sides: list[Any] = []
    kinds: list[str] = []
    for way in (-1, 1):
        values = [_below(tree, {**at, name: at[name] + way * h}, inner, steps) for h in reach]
        lost = [value for value in values if isinstance(value, Answer)]
        if inner and lost:
            return Answer("edge" if lost[-1].kind == "undefined" else lost[-1].kind)
        kind, slope = ("edge", None) if lost else _side(start, values, [way * h for h in reach])
        kinds.append(kind)
        sides.append(slope)
    for kind in ("edge", "jump", "vertical"):
        if kind in kinds:
            return Answer(kind, *sides)
    left, right = sides
    gap, scale = abs(left - right), max(abs(left), abs(right), mpmath.mpf(1))
    threshold = scale * reach[1] ** mpmath.mpf("0.4")
    if gap <= threshold:
        return Answer("smooth", right, right)
    if gap < scale * reach[0] ** mpmath.mpf("0.4"):
        raise Unclear
    return Answer("kink", left, right)


def _below(tree: Tree, at: Mapping[str, Any], by: Sequence[str], steps: Sequence[Sequence[Any]]) -> Any:
    """The partial of lower order as a number, or the answer that says why there is none."""
    if not by:
        try:
            return value_at(tree, at)
        except NoValue:
            return Answer("undefined")
    answer = _partial(tree, at, by, steps)
    return answer.right if answer.kind == "smooth" else Answer(answer.kind)


def _side(start: Any, values: Sequence[Any], steps: Sequence[Any]) -> tuple[str, Any]:
    far, near = (abs(value - start) for value in values)
    quotients = [(value - start) / step for value, step in zip(values, steps, strict=True)]
    grows = abs(quotients[1]) > abs(quotients[0]) * abs(steps[0]) ** mpmath.mpf("-0.1")
    if near > mpmath.mpf(10) ** -6 and near > far / 2:
        return "jump", mpmath.inf * mpmath.sign(quotients[1])
    if grows and abs(quotients[1]) > 1:
        return "vertical", mpmath.inf * mpmath.sign(quotients[1])
    if abs(quotients[1] - quotients[0]) <= abs(steps[0]) ** mpmath.mpf("0.2") * max(abs(quotients[1]), 1):
        return "", quotients[1]
    raise Unclear


# ------------------------------------------------------------------------------------------------------------- gradcalc


def examined(case: Case) -> tuple[str, Any, Any, bool]:
    """What gradcalc says: the kind in the oracle's words, both sides as mpmath numbers, and whether it is proven."""
    from gradcalc.engines.taylor.at_point import ExpressionAt
    from gradcalc.functions.resolve import understand
    from gradcalc.inputs.values import value_tree
    from gradcalc.proof.smoothness.differentiability import examine
    from gradcalc.proof.smoothness.kinds import UNDEFINED, Kind

    site = ExpressionAt(
        understand(case.expr, list(case.at)), {name: value_tree(name, text) for name, text in case.at.items()}
    )
    regularity = examine(site, case.by)
    kind = str(regularity.kind)
    if regularity.kind is Kind.SMOOTH:
        return "smooth", _float(regularity.derivative), _float(regularity.derivative), regularity.proven
    if regularity.kind in UNDEFINED - {Kind.EDGE}:
        kind = "undefined"
    return kind, _float(regularity.left), _float(regularity.right), regularity.proven


def _float(side: Any) -> Any:
    from gradcalc.engines.taylor.reals import decimal

    if side is None or isinstance(side, float):
        return None if side is None else mpmath.mpf(side)
    return mpmath.mpf(decimal(side))


def agrees(answer: Answer, said: tuple[str, Any, Any, bool]) -> bool:
    """Whether kinds are the same, and numbers where both give them, to the oracle's accuracy."""
    kind, left, right, _ = said
    if kind != answer.kind:
        return False
    pairs = ((answer.left, left), (answer.right, right)) if kind in ("smooth", "kink", "vertical", "jump", "edge") else ()
    return all(_near(a, b) for a, b in pairs if a is not None and b is not None)


def verdicts(case: Case, answer: Answer) -> list[str]:
    """What the whole program says in four dtypes that the oracle's answer contradicts."""
    from gradcalc.calculate.answer import answer as answered
    from gradcalc.report import Problem

    wrong = []
    for dtype in ("float64", "float32", "float16", "bfloat16"):
        report = answered(
            Problem(
                case.expr,
                dict(case.at),
                by=tuple(dict.fromkeys(case.by)),
                order=len(case.by),
                dtype=dtype,
                variables=tuple(case.at),
            )
        )
        partial = next(it for it in report.partials if it.by == case.by)
        verdict = str(partial.verdict)
        exists = answer.kind == "smooth"
        if (verdict == "agree" and not exists) or (verdict in ("not-differentiable", "undefined") and exists):
            wrong.append(f"{dtype}: {verdict}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--order", type=int, choices=(1, 2, 3))
    parser.add_argument("--verdicts", action="store_true")
    options = parser.parse_args()
    tally: Counter[str] = Counter()
    spent = []
    for case, _ in zip(cases(options.seed, options.order), range(options.count), strict=False):
        answer = oracle(case)
        start = time.perf_counter()
        said = examined(case)
        spent.append(time.perf_counter() - start)
        tally["partials"] += 1
        tally["undecided" if said[0] == "unknown" else "proven" if said[3] else "numerical"] += 1
        if said[0] == "unknown":
            print(f"undecided  {case.expr}  at {dict(case.at)}  by {','.join(case.by)}")
        if answer is None:
            continue
        tally["answered by the oracle"] += 1
        if said[0] != "unknown" and not agrees(answer, said):
            tally["apart from the oracle"] += 1
            print(f"apart      {case.expr}  at {dict(case.at)}  by {','.join(case.by)}: {said}; oracle {answer}")
        if options.verdicts:
            for wrong in verdicts(case, answer):
                tally["verdicts apart"] += 1
                print(f"verdict    {case.expr}  at {dict(case.at)}  by {','.join(case.by)}: {wrong}; oracle {answer}")
    spent.sort()
    for name, count in tally.items():
        print(f"{count:6}  {name}")
    print(
        f"median {1_000 * spent[len(spent) // 2]:.2f} ms, 90 % {1_000 * spent[len(spent) * 9 // 10]:.2f}, worst {1_000 * spent[-1]:.0f}"
    )


if __name__ == "__main__":
    main()
