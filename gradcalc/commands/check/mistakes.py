"""The mistakes people make when they derive by hand, made on purpose: what the derivative would be with each of them.

Comes in: a tree, a variable, and points.  Goes out: for every mistake that can be made in the tree, the number it leads to
at each point.  A claim that has these numbers was, in all likelihood, made with that mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gradcalc.commands.check.linearization import Change, Work
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.reals import Real, ball
from gradcalc.expression.dependencies import Dependencies
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, Program, linearize, names_in
from gradcalc.functions import TABLE

BITS = 384

# What people take for the derivative of a function of u, beside the function itself and its derivative's negative.
_CONFUSED = {
    "sin": ("-cos(u)",),
    "cos": ("sin(u)",),
    "tan": ("1/cos(u)", "1 - tan(u)**2", "-1/sin(u)**2", "tan(u)/cos(u)"),
    "cot": ("1/sin(u)**2", "tan(u)"),
    "sec": ("1/cos(u)**2", "tan(u)", "-tan(u)/cos(u)"),
    "csc": ("1/sin(u)**2", "1/(sin(u)*tan(u))"),
    "exp": ("u*exp(u)", "exp(u - 1)", "u*exp(u - 1)", "1/u"),
    "log": ("log(u)/u", "1/u**2", "1/log(u)"),
    "log2": ("1/u", "log(2)/u"),
    "log10": ("1/u", "log(10)/u"),
    "log1p": ("1/u",),
    "sqrt": ("1/sqrt(u)", "sqrt(u)/2", "2/sqrt(u)", "-1/(2*sqrt(u))"),
    "cbrt": ("1/cbrt(u)**2", "1/(3*cbrt(u))", "cbrt(u)/3"),
    "tanh": ("1 - u**2", "1 - tanh(u)", "1 + tanh(u)**2", "1/cosh(u)"),
    "sinh": ("-cosh(u)",),
    "cosh": ("-sinh(u)",),
    "sech": ("sech(u)*tanh(u)", "1 - tanh(u)**2"),
    "sigmoid": ("u*(1 - u)", "1 - sigmoid(u)", "sigmoid(u)*(1 + sigmoid(u))", "1 - sigmoid(u)**2"),
    "softplus": ("1 - sigmoid(u)", "exp(u)"),
    "asin": ("1/(1 + u**2)", "1/sqrt(1 + u**2)", "-1/sqrt(1 - u**2)", "cos(u)"),
    "acos": ("1/sqrt(1 - u**2)", "-1/(1 + u**2)"),
    "atan": ("1/sqrt(1 - u**2)", "1/(1 - u**2)"),
    "asinh": ("1/sqrt(1 - u**2)", "1/sqrt(u**2 - 1)"),
    "acosh": ("1/sqrt(1 - u**2)", "1/sqrt(u**2 + 1)"),
    "atanh": ("1/(1 + u**2)",),
    "erf": ("exp(-u**2)", "2*exp(-u**2)"),
    "erfc": ("2*exp(-u**2)/sqrt(pi)",),
    "abs": ("1", "abs(u)/u**2", "u"),
    "relu": ("1", "u"),
}
# Derivatives that people know in terms of the output, and write in terms of the input.
_OF_THE_OUTPUT = {("tanh", "1 - u**2"), ("sigmoid", "u*(1 - u)")}
_ANGLES = ("sin", "cos", "tan", "cot", "sec", "csc")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake: of which kind, in words, and the derivative that it leads to, at each point."""

    kind: str
    why: str
    numbers: tuple[Real | None, ...]


def mistakes(tree: Node, by: str, points: Sequence[Mapping[str, Real]]) -> Iterator[Mistake]:
    """Every mistake that can be made in deriving a tree by a variable, with its numbers at the points.

    Those with a name of their own come first, the outermost before those inside; factors and the like come last.
    """
    with reals.precision(BITS):
        program = linearize(tree)
        moved = [place for place in Dependencies(program).dependents([by]) if not _is_condition(program.nodes[place])]
        works = [Work(program, moved, point) for point in points]
    for catalogue in (_named, _general):
        for place in reversed(moved):
            node = program.nodes[place]
            if isinstance(node, Call):
                for kind, why, change in catalogue(_Step(program, place, node, frozenset(moved), by)):
                    with reals.precision(BITS):
                        numbers = tuple(work.derived(place, change) for work in works)
                    yield Mistake(kind, why, numbers)


def _is_condition(node: Node) -> bool:
    return isinstance(node, Call) and TABLE[node.name].condition


@dataclass(frozen=True, slots=True)
class _Step:
    """A step at which mistakes are made."""

    program: Program
    place: int
    node: Call
    moved: frozenset[int]
    by: str

    @property
    def args(self) -> Sequence[int]:
        return self.program.operands[self.place]

    @property
    def moving(self) -> list[int]:
        """The numbers of the arguments that depend on the variable."""
        return [number for number, arg in enumerate(self.args) if arg in self.moved]

    @property
    def inner(self) -> list[int]:
        """Those of them that are more than the variable."""
        return [number for number in self.moving if isinstance(self.program.nodes[self.args[number]], Call)]

    def text(self, number: int | None = None) -> str:
        """The step, or one of its arguments, as people write it."""
        return unparse(self.node if number is None else self.node.args[number])


Slips = Iterator[tuple[str, str, Change]]


def _named(step: _Step) -> Slips:
    """The mistakes that have a name of their own, the likeliest first."""
    name, moving = step.node.name, step.moving
    is_outer = name not in _ARITHMETIC or (name == "/" and moving == [1])
    if is_outer and len(moving) == 1 and step.inner:
        yield from _of_the_inside(step, moving[0])
    if name in ("+", "-", "*", "/"):
        yield from _of_terms(step)
    if name == "**":
        yield from _of_powers(step)
    if len(step.args) == 1 and name != "neg":
        yield from _of_a_function(step)
    if name in ("where", "max", "min", "maximum", "minimum"):
        for number in moving:
            why = f"the derivative of {step.text(number)} is taken for that of all of {step.text()}"
            yield "cases", why, lambda work, here, t, number=number: t[step.args[number]]  # type: ignore[misc]
    yield "sign", f"the sign of the derivative of {step.text()}", lambda work, here, t: -work.sum_of(here, t)


_ARITHMETIC = ("+", "-", "*", "/", "neg", "where")


def _of_the_inside(step: _Step, number: int) -> Slips:
    """The chain rule forgotten, used twice, or taken at another place."""
    lost, text, arg = step.text(number), step.text(), step.args[number]
    why = f"the inner derivative, that of {lost}, is missing in the derivative of {text}"
    yield "inner derivative", why, lambda work, here, _: work.local[here][number]
    why = f"the inner derivative, that of {lost}, is there twice in the derivative of {text}"
    yield "inner derivative", why, lambda work, here, t: _times(work.sum_of(here, t), t[arg])
    for name in dict.fromkeys([step.by, *names_in(step.node.args[number])]):
        why = f"the derivative of {text} is taken at {name} instead of {lost}"
        yield (
            "wrong argument",
            why,
            lambda work, here, t, name=name: _times(work.at_another(here, number, name), t[arg]),  # type: ignore[misc]
        )


def _of_terms(step: _Step) -> Slips:
    """Terms of the rules for sums, products and quotients lost, mixed up, or too many."""
    name, args, moving, text = step.node.name, step.args, step.moving, step.text()
    if len(moving) > 1:
        for number in moving:
            why = f"the term of {step.text(number)} is missing in the derivative of {text}"
            yield "dropped term", why, lambda work, here, t, number=number: work.sum_of(here, t, number)  # type: ignore[misc]
    if name == "*" and len(moving) == 2:
        why = f"the derivative of the product {text} is not the product of the derivatives"
        yield "product rule", why, lambda work, here, t: t[args[0]] * t[args[1]]
    if name == "/" and 1 in moving:
        why = f"the denominator of the quotient rule is squared, in the derivative of {text}"
        yield "quotient rule", why, lambda work, here, t: _times(work.sum_of(here, t), work.values[args[1]])
        if len(moving) == 2:
            why = f"the derivative of the quotient {text} is not the quotient of the derivatives"
            yield "quotient rule", why, lambda work, here, t: _divided(t[args[0]], t[args[1]])
    if name in ("*", "/") and len(moving) == 2:
        why = f"a sign between the terms of the derivative of {text}"
        yield "sign", why, lambda work, here, t: work.sum_of(here, t, 1) * 2 - work.sum_of(here, t)
    if name in ("+", "-") and len(moving) == 1:
        (still,) = {0, 1} - set(moving)
        kept = step.text(still)
        sign = -1 if (name, still) == ("-", 1) else 1
        why = f"the derivative of the constant {kept} is 0, in {text}"
        yield (
            "constant",
            why,
            lambda work, here, t: _plus(work.sum_of(here, t), _times(work.values[args[still]], reals.exact(sign))),
        )
        yield "constant", why, lambda work, here, t: work.sum_of(here, t) + sign
    if name in ("*", "/") and moving in ([0], [1]) and not (name == "/" and moving == [1]):
        (still,) = {0, 1} - set(moving)
        why = f"the constant factor {step.text(still)} is missing in the derivative of {text}"
        yield "factor", why, lambda work, here, t: t[args[moving[0]]]


def _of_powers(step: _Step) -> Slips:
    args, text = step.args, step.text()
    if step.moving == [0]:
        why = f"the exponent is not lowered by one in the derivative of {text}"
        yield "power rule", why, lambda work, here, t: _times(work.sum_of(here, t), work.values[args[0]])
        why = f"the exponent does not come down as a factor in the derivative of {text}"
        yield "power rule", why, lambda work, here, t: _divided(work.sum_of(here, t), work.values[args[1]])
        why = f"the exponent is raised by one, not lowered, in the derivative of {text}"
        yield (
            "power rule",
            why,
            lambda work, here, t: _times(_times(work.sum_of(here, t), work.values[args[0]]), work.values[args[0]]),
        )
    if step.moving == [1]:
        why = f"the power rule is for constant exponents: the derivative of {text} has a logarithm"
        yield (
            "exponential rule",
            why,
            lambda work, here, t: _divided(
                _times(_times(work.values[here], work.values[args[1]]), t[args[1]]), work.values[args[0]]
            ),
        )
        why = f"the logarithm of {step.text(0)} is missing in the derivative of {text}"
        yield "exponential rule", why, lambda work, here, t: _times(work.values[here], t[args[1]])


def _of_a_function(step: _Step) -> Slips:
    name, arg, text = step.node.name, step.args[0], step.text()
    for other in (*_CONFUSED.get(name, ()), f"{name}(u)"):
        why = f"the derivative of {name}(u) is not {other}, in {text}"
        if (name, other) in _OF_THE_OUTPUT:
            why += f": {other} holds for the output, u = {text}, and the input {step.text(0)} stands in its place"
        yield "wrong function", why, lambda work, here, t, other=other: _times(work.by_another(here, other), t[arg])  # type: ignore[misc]


_FACTORS = (("2", 2), ("1/2", "1/2"), ("3", 3), ("1/3", "1/3"))


def _general(step: _Step) -> Slips:
    """What can go wrong with any part."""
    text = step.text()
    why = f"{text} is not differentiated"
    yield "not differentiated", why, lambda work, here, t: work.values[here]
    for told, factor in _FACTORS:
        number = reals.exact(Fraction(factor))
        why = f"a factor {told} in the derivative of {text}"
        yield "factor", why, lambda work, here, t, number=number: work.sum_of(here, t) * number  # type: ignore[misc]
    if step.node.name in _ANGLES:
        why = f"degrees for radians in the derivative of {text}: a factor pi/180"
        yield "degrees", why, lambda work, here, t: work.sum_of(here, t) * reals.pi() / 180
        yield "degrees", why, lambda work, here, t: work.sum_of(here, t) * 180 / reals.pi()


def _plus(a: Real | None, b: Real | None) -> Real | None:
    return None if a is None or b is None else a + b


def _times(a: Real | None, b: Real | None) -> Real | None:
    return None if a is None or b is None else a * b


def _divided(a: Real | None, b: Real | None) -> Real | None:
    return None if a is None or b is None else ball(a) / ball(b)
