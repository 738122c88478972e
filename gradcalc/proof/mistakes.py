"""The mistakes people make when they derive by hand, made on purpose: what the derivative would be with each of them.

Comes in: a tree, a variable, and points.  Goes out: for every mistake that can be made in the tree, the number it leads to
at each point.  A claim that has these numbers was, in all likelihood, made with that mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flint import arb, ctx

from gradcalc import deadline
from gradcalc.functions import TABLE
from gradcalc.functions.resolve import understand
from gradcalc.syntax import Call, Name, Node, Number, Reach, Steps, names_in, steps, unparse
from gradcalc.witness import taylor
from gradcalc.witness.balls import Real, ball
from gradcalc.witness.jets import Jet

BITS = 384

# What people take for the derivative of a function of u, beside the function itself and its derivative's negative.
_CONFUSED = {
    "sin": ("-cos(u)",),
    "cos": ("sin(u)",),
    "tan": ("1/cos(u)", "1 - tan(u)**2", "-1/sin(u)**2"),
    "exp": ("u*exp(u)", "exp(u - 1)", "u*exp(u - 1)"),
    "log": ("log(u)/u", "1/u**2", "1/log(u)"),
    "sqrt": ("1/sqrt(u)", "sqrt(u)/2", "2/sqrt(u)", "-1/(2*sqrt(u))"),
    "tanh": ("1 - tanh(u)", "1 + tanh(u)**2", "1/cosh(u)"),
    "sinh": ("-cosh(u)",),
    "cosh": ("-sinh(u)",),
    "sigmoid": ("1 - sigmoid(u)", "sigmoid(u)*(1 + sigmoid(u))", "1 - sigmoid(u)**2"),
    "softplus": ("1 - sigmoid(u)", "exp(u)"),
    "asin": ("1/(1 + u**2)", "1/sqrt(1 + u**2)", "-1/sqrt(1 - u**2)"),
    "acos": ("1/sqrt(1 - u**2)",),
    "atan": ("1/sqrt(1 - u**2)", "1/(1 - u**2)"),
    "erf": ("exp(-u**2)", "2*exp(-u**2)"),
    "abs": ("1", "abs(u)/u**2"),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake: of which kind, in words, and the derivative that it leads to, at each point."""

    kind: str
    why: str
    numbers: tuple[Real | None, ...]


class _Work:
    """The derivation at a point: the value of each step, and its derivative by each of its arguments."""

    def __init__(self, way: Steps, moved: Sequence[int], point: Mapping[str, Real]):
        self.way, self.moved, self.point = way, set(moved), point
        found = taylor.evaluate_all(way, point, 0, taylor.no_constants)
        self.values: list[Real | None] = [it.value if isinstance(it, Jet) else None for it in found]
        self.local = {place: self._slopes(place) for place in moved if isinstance(way.nodes[place], Call)}

    def _slopes(self, place: int) -> list[Real | None]:
        node, args = self.way.nodes[place], self.way.places[place]
        assert isinstance(node, Call)
        known: dict[str, Real] = dict(self.point)
        parts: list[Node] = []
        for number, arg in enumerate(args):
            value = self.values[arg]
            if value is None or isinstance(node.args[number], Number):  # a condition, or a literal that must stay one
                parts.append(node.args[number])
            else:
                parts.append(Name(f"%{number}"))
                known[f"%{number}"] = value
        alone = steps(Call(node.name, tuple(parts), node.span, node.options))
        slopes: list[Real | None] = []
        for number, arg in enumerate(args):
            name = f"%{number}"
            if arg not in self.moved or name not in known:
                slopes.append(None)
                continue
            moving: dict[str, Real | Jet] = {**known, name: taylor.moving(known[name], 1, 1)}
            slopes.append(taylor.evaluate(alone, moving, order=1)[1])
        return slopes

    def derived(self, place: int = -1, change: Change | None = None) -> Real | None:
        """The derivative of the last step; at one place somebody else says what that of the step is."""
        tangents: dict[int, Real] = {}
        deadline.check()
        for here in sorted(self.moved):
            if isinstance(self.way.nodes[here], Name):
                tangents[here] = arb(1)
            elif here == place and change is not None:
                found = change(self, here, tangents)
                if found is None:
                    return None
                tangents[here] = found
            else:
                tangents[here] = self.sum_of(here, tangents)
        return tangents.get(len(self.way.nodes) - 1, arb(0))

    def sum_of(self, place: int, tangents: Mapping[int, Real], without: int = -1) -> Real:
        """The chain rule at a step; the share of one argument may be left out."""
        total: Real = arb(0)
        for number, arg in enumerate(self.way.places[place]):
            slope = self.local[place][number]
            if slope is not None and number != without:
                total = total + slope * tangents[arg]
        return total

    def by_another(self, place: int, text: str) -> Real | None:
        """What an expression in u is, for the argument of a function."""
        u = self.values[self.way.places[place][0]]
        return None if u is None else taylor.evaluate(_template(text), {"u": u}).value


Change = Callable[[_Work, int, Mapping[int, Real]], Real | None]


def _template(text: str) -> Node:
    return understand(text, ["u"])


def mistakes(tree: Node, by: str, points: Sequence[Mapping[str, Real]]) -> list[Mistake]:
    """Every mistake that can be made in deriving a tree by a variable, with its numbers at the points."""
    with ctx.workprec(BITS):
        way = steps(tree)
        moved = [place for place in Reach(way).of([by]) if not _is_condition(way.nodes[place])]
        works = [_Work(way, moved, point) for point in points]
        found = []
        for place in reversed(moved):
            node = way.nodes[place]
            if isinstance(node, Call):
                for kind, why, change in _at(way, place, node, set(moved), by):
                    numbers = tuple(work.derived(place, change) for work in works)
                    found.append(Mistake(kind, why, numbers))
        return found


def _is_condition(node: Node) -> bool:
    return isinstance(node, Call) and TABLE[node.name].condition


def _at(way: Steps, place: int, node: Call, moved: set[int], by: str) -> Iterator[tuple[str, str, Change]]:
    """The mistakes that can be made at one step, the likeliest first."""
    args = way.places[place]
    moving = [number for number, arg in enumerate(args) if arg in moved]
    text = unparse(node)
    inner = [number for number in moving if isinstance(way.nodes[args[number]], Call)]
    if node.name not in ("+", "-", "*", "/", "neg", "where") and len(moving) == 1 and inner:
        (number,) = inner
        lost = unparse(node.args[number])
        yield (
            "inner derivative",
            f"the inner derivative, that of {lost}, is missing in the derivative of {text}",
            lambda work, here, _: work.local[here][number],
        )
    if node.name in ("+", "-", "*", "/") and len(moving) > 1:
        for number in moving:
            term = unparse(node.args[number])
            why = f"the term of {term} is missing in the derivative of {text}"
            yield "dropped term", why, lambda work, here, t, number=number: work.sum_of(here, t, number)  # type: ignore[misc]
    if node.name == "*" and len(moving) == 2:
        why = f"the derivative of the product {text} is not the product of the derivatives"
        yield "product rule", why, lambda work, here, t: t[args[0]] * t[args[1]]
    if node.name == "/" and 1 in moving:
        why = f"the denominator of the quotient rule is squared, in the derivative of {text}"
        yield "quotient rule", why, lambda work, here, t: _times(work.sum_of(here, t), work.values[args[1]])
        if len(moving) == 2:
            why = f"the derivative of the quotient {text} is not the quotient of the derivatives"
            yield "quotient rule", why, lambda work, here, t: t[args[0]] / t[args[1]]
    if node.name in ("*", "/") and len(moving) == 2:
        why = f"a sign between the terms of the derivative of {text}"
        yield "sign", why, lambda work, here, t: work.sum_of(here, t, 1) * 2 - work.sum_of(here, t)
    if node.name == "**" and moving == [0]:
        why = f"the exponent is not lowered by one in the derivative of {text}"
        yield "power rule", why, lambda work, here, t: _times(work.sum_of(here, t), work.values[args[0]])
        why = f"the exponent does not come down as a factor in the derivative of {text}"
        yield "power rule", why, lambda work, here, t: _divided(work.sum_of(here, t), work.values[args[1]])
    if node.name in _CONFUSED or (len(args) == 1 and node.name != "neg"):
        for other in (*_CONFUSED.get(node.name, ()), f"{node.name}(u)"):
            why = f"the derivative of {node.name}(u) is not {other}, in {text}"
            yield "wrong function", why, lambda work, here, t, other=other: _times(work.by_another(here, other), t[args[0]])  # type: ignore[misc]
    if len(args) == 1 and inner and node.name != "neg":
        for arg in dict.fromkeys([by, *names_in(node.args[0])]):
            why = f"the derivative of {node.name} is taken of {arg} instead of {unparse(node.args[0])}"
            yield "wrong argument", why, lambda work, here, t, arg=arg: _elsewhere(work, here, t, arg)  # type: ignore[misc]
    if node.name != "neg":
        yield "sign", f"the sign of the derivative of {text}", lambda work, here, t: -work.sum_of(here, t)


def _times(a: Real | None, b: Real | None) -> Real | None:
    return None if a is None or b is None else a * b


def _divided(a: Real | None, b: Real | None) -> Real | None:
    return None if a is None or b is None else ball(a) / ball(b)


def _elsewhere(work: _Work, place: int, tangents: Mapping[int, Real], name: str) -> Real | None:
    """The outer derivative at a variable instead of at the argument."""
    node = work.way.nodes[place]
    assert isinstance(node, Call)
    value = work.point.get(name)
    if value is None:
        return None
    alone = Call(node.name, (Name("u"),), node.span, node.options)
    slope = taylor.evaluate(alone, {"u": taylor.moving(value, 1, 1)}, order=1)[1]
    return slope * tangents[work.way.places[place][0]]
