"""Mistakes of hand differentiation, and what the derivative would be with each of them.

Comes in: a tree, a variable, and points.  Goes out: for every mistake that can be made in the tree, the number it leads to
at each point.  A claim that has these numbers was, in all likelihood, made with that mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gradcalc.calculate.claims.linearization import Linearization, Tangent
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
    """A mistake: of which kind, what was done wrong, and the derivative that it leads to, at each point."""

    kind: str
    why: str
    numbers: tuple[Real | None, ...]


def mistakes(tree: Node, by: str, points: Sequence[Mapping[str, Real]]) -> Iterator[Mistake]:
    """Every mistake that can be made in differentiating a tree with respect to a variable, with its numbers at the points.

    Specific mistakes come first, the outermost before those inside; factors and the like come last.
    """
    with reals.precision(BITS):
        program = linearize(tree)
        dependents = [place for place in Dependencies(program).dependents([by]) if not _is_condition(program.nodes[place])]
        linearizations = [Linearization(program, dependents, point) for point in points]
    for catalogue in (_specific_mistakes, _general_mistakes):
        for place in reversed(dependents):
            node = program.nodes[place]
            if isinstance(node, Call):
                for kind, why, tangent in catalogue(_Step(program, place, node, frozenset(dependents), by)):
                    with reals.precision(BITS):
                        numbers = tuple(it.with_tangent(place, tangent) for it in linearizations)
                    yield Mistake(kind, why, numbers)


def _is_condition(node: Node) -> bool:
    return isinstance(node, Call) and TABLE[node.name].condition


@dataclass(frozen=True, slots=True)
class _Step:
    """A step at which mistakes are made."""

    program: Program
    place: int
    node: Call
    dependents: frozenset[int]
    by: str

    @property
    def args(self) -> Sequence[int]:
        return self.program.operands[self.place]

    @property
    def varying(self) -> list[int]:
        """The numbers of the arguments that depend on the variable."""
        return [number for number, arg in enumerate(self.args) if arg in self.dependents]

    @property
    def inner(self) -> list[int]:
        """Those of them that are more than the variable."""
        return [number for number in self.varying if isinstance(self.program.nodes[self.args[number]], Call)]

    def text(self, number: int | None = None) -> str:
        """The step, or one of its arguments, as people write it."""
        return unparse(self.node if number is None else self.node.args[number])


Candidates = Iterator[tuple[str, str, Tangent]]
"""Kinds of mistakes, sentences about them, and what the derivative of the step is with them."""


def _specific_mistakes(step: _Step) -> Candidates:
    """The mistakes that have a name of their own, the likeliest first."""
    name, varying = step.node.name, step.varying
    is_outer = name not in _ARITHMETIC or (name == "/" and varying == [1])
    if is_outer and len(varying) == 1 and step.inner:
        yield from _inner_derivative_mistakes(step, varying[0])
    if name in ("+", "-", "*", "/"):
        yield from _term_mistakes(step)
    if name == "**":
        yield from _power_mistakes(step)
    if len(step.args) == 1 and name != "neg":
        yield from _function_mistakes(step)
    if name in ("where", "max", "min", "maximum", "minimum"):
        for number in varying:
            why = f"the derivative of {step.text(number)} was used for all cases of {step.text()}"
            yield "cases", why, lambda at, number=number: at.tangent(number)  # type: ignore[misc]
    yield "sign", f"wrong sign in the derivative of {step.text()}", lambda at: -at.derivative()


_ARITHMETIC = ("+", "-", "*", "/", "neg", "where")


def _inner_derivative_mistakes(step: _Step, number: int) -> Candidates:
    """The chain rule forgotten, used twice, or evaluated at another argument."""
    inner, text = step.text(number), step.text()
    why = f"the derivative of {text} was not multiplied by the inner derivative, that of {inner}"
    yield "inner derivative", why, lambda at: at.partial(number)
    why = f"the derivative of {text} was multiplied by the inner derivative, that of {inner}, twice"
    yield "inner derivative", why, lambda at: at.derivative() * at.tangent(number)
    for name in dict.fromkeys([step.by, *names_in(step.node.args[number])]):
        why = f"the derivative of {text} was evaluated at {name} instead of {inner}"
        yield "wrong argument", why, lambda at, name=name: at.partial_at(number, name) * at.tangent(number)  # type: ignore[misc]


def _term_mistakes(step: _Step) -> Candidates:
    """Terms of the rules for sums, products and quotients lost, mixed up, or too many."""
    name, varying, text = step.node.name, step.varying, step.text()
    rule = {"*": "product rule", "/": "quotient rule"}.get(name, "sum rule")
    if len(varying) > 1:
        for number in varying:
            why = f"{step.text(number)} was treated as a constant in {text}"
            if rule != "sum rule":
                why = f"the {rule} was not applied to {text}: {step.text(number)} was treated as a constant"
            yield "dropped term", why, lambda at, number=number: at.derivative(without=number)  # type: ignore[misc]
    if name == "*" and len(varying) == 2:
        why = f"the derivatives of the factors of {text} were multiplied instead of using the product rule"
        yield "product rule", why, lambda at: at.tangent(0) * at.tangent(1)
    if name == "/" and 1 in varying:
        used = "quotient rule for" if len(varying) == 2 else "derivative of"
        why = f"the denominator was not squared in the {used} {text}"
        yield "quotient rule", why, lambda at: at.derivative() * at.value(1)
        if len(varying) == 2:
            why = f"the derivatives of numerator and denominator of {text} were divided instead of using the quotient rule"
            yield "quotient rule", why, lambda at: _quotient(at.tangent(0), at.tangent(1))
    if name in ("*", "/") and len(varying) == 2:
        why = f"wrong sign between the two terms of the {rule} for {text}"
        yield "sign", why, lambda at: at.derivative(without=1) * 2 - at.derivative()
    if name in ("+", "-") and len(varying) == 1:
        (constant,) = {0, 1} - set(varying)
        sign = -1 if (name, constant) == ("-", 1) else 1
        why = f"the constant {step.text(constant)} of {text} was kept; its derivative is 0"
        yield "constant", why, lambda at: at.derivative() + at.value(constant) * reals.exact(sign)
        why = f"the derivative of the constant {step.text(constant)} of {text} was taken to be 1; it is 0"
        yield "constant", why, lambda at: at.derivative() + sign
    if name in ("*", "/") and varying in ([0], [1]) and not (name == "/" and varying == [1]):
        (constant,) = {0, 1} - set(varying)
        why = f"the constant {'factor' if name == '*' else 'divisor'} {step.text(constant)} of {text} was dropped"
        yield "factor", why, lambda at: at.tangent(varying[0])


def _power_mistakes(step: _Step) -> Candidates:
    text = step.text()
    if step.varying == [0]:
        why = f"the exponent was not lowered by one in the derivative of {text}"
        yield "power rule", why, lambda at: at.derivative() * at.value(0)
        why = f"the exponent was not brought down as a factor in the derivative of {text}"
        yield "power rule", why, lambda at: _quotient(at.derivative(), at.value(1))
        why = f"the exponent was raised by one instead of lowered in the derivative of {text}"
        yield "power rule", why, lambda at: at.derivative() * at.value(0) * at.value(0)
    if step.varying == [1]:
        why = f"the power rule was used on {text}, whose exponent is not constant"
        yield "exponential rule", why, lambda at: _quotient(at.value() * at.value(1) * at.tangent(1), at.value(0))
        why = f"the factor log({step.text(0)}) is missing in the derivative of {text}"
        yield "exponential rule", why, lambda at: at.value() * at.tangent(1)
    if step.varying == [0, 1]:
        why = f"the power rule was used on {text}, whose exponent {step.text(1)} is not constant"
        yield "power rule", why, lambda at: at.derivative(without=1)
        why = f"the base {step.text(0)} of {text} was treated as a constant"
        yield "exponential rule", why, lambda at: at.derivative(without=0)


def _function_mistakes(step: _Step) -> Candidates:
    name, text = step.node.name, step.text()
    for other in (*_CONFUSED.get(name, ()), f"{name}(u)"):
        itself = " itself" if other == f"{name}(u)" else ""
        why = f"{other}{itself} was used as the derivative of {name}(u), in {text}"
        if (name, other) in _OF_THE_OUTPUT:
            why += f"; {other} holds where u is the output, {text}, and the input {step.text(0)} was put in its place"
        yield "wrong function", why, lambda at, other=other: at.formula(other) * at.tangent(0)  # type: ignore[misc]


_FACTORS = (("an extra factor 2", 2), ("a missing factor 2", "1/2"), ("an extra factor 3", 3), ("a missing factor 3", "1/3"))


def _general_mistakes(step: _Step) -> Candidates:
    """Mistakes that are possible at every step."""
    text = step.text()
    yield "not differentiated", f"{text} was not differentiated", lambda at: at.value()
    for what, factor in _FACTORS:
        number = reals.exact(Fraction(factor))
        why = f"{what} in the derivative of {text}"
        yield "factor", why, lambda at, number=number: at.derivative() * number  # type: ignore[misc]
    if step.node.name in _ANGLES:
        why = f"degrees were used instead of radians in the derivative of {text}: it is off by a factor pi/180"
        yield "degrees", why, lambda at: at.derivative() * reals.pi() / 180
        yield "degrees", why, lambda at: at.derivative() * 180 / reals.pi()


def _quotient(a: Real, b: Real) -> Real:
    return ball(a) / ball(b)
