"""What gradcalc says about derivatives that people found by hand: right ones, wrong ones, and its own, step by step.

    python benchmarks/handwork.py FOLDER [--only claims|mistakes|steps] [--rows N] [--seed N] [--simplifying SECONDS]
                                  [--points] [--parts N] [--everywhere] [--corpus NAME]

FOLDER holds the corpora that `corpora.py` reads.  Three questions:

    claims    is a derivative that a source gives (`expected_expr`) right where `expected_status` is ok, wrong for mismatch?
    mistakes  is a derivation with one planted mistake always wrong, and is the mistake named?  And is it right without one?
    steps     is the last line of a derivation by hand the derivative?

The mistakes are planted by a differentiator of its own, at one place where a kind of mistake can be made, chosen by chance;
with --everywhere, at all parts that are equal to the one there.  What it says about the named cause:

    right       the cause is the kind that was planted
    equivalent  another one, and the numbers of the claim are just as well those of that mistake
    other       another one, and no mistake of that kind leads to these numbers here
    none        no cause is named

`--rows` is the number of rows (of expressions with at most `--parts` parts, for mistakes), chosen by `--seed`;
`--simplifying` the seconds that sympy may take to find two formulas equal (below a second its process is often started anew,
which takes longer); with `--points` sympy is not asked at all: a claim is wrong because of a point.  Exits with 1 if there is a row to look at.
"""

from __future__ import annotations

import argparse
import collections
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, reduce
from pathlib import Path

import _support  # noqa: F401  puts the next ones on the path
from corpora import equal, rows
from support.comparisons import comparison_points

from gradcalc.calculate.claims import claim_check
from gradcalc.calculate.claims.claim import check
from gradcalc.engines.symbolic.client import CLIENT, SymbolicFailure
from gradcalc.engines.symbolic.messages import SymbolicRequest, SymbolicResult
from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import OutOfPrecision, Real
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number, fold, linearize, names_in
from gradcalc.functions import TABLE
from gradcalc.functions.derivation import NoRule, derive, functions
from gradcalc.functions.resolve import understand
from gradcalc.inputs.values import read_point
from gradcalc.proof.claims.comparison import ComparisonPoint
from gradcalc.proof.smoothness.differentiability import value_of
from gradcalc.runtime import deadline

SECONDS = 10.0
EXAMPLES = 3
ELSEWHERE = 40
"""Points in each of two boxes where a claim that seems to be true is looked at again."""
SHOWN = 300
"""Characters of an expression that are printed."""
_ZERO, _ONE = Number("0"), Number("1")

# ------------------------------------------------------------------------------------------------ the kinds of mistakes

KINDS: dict[str, tuple[str, ...]] = {
    "sign of the whole": ("sign",),
    "sign of a part": ("sign",),
    "sign in product rule": ("sign", "product rule"),
    "sign in quotient rule": ("sign", "quotient rule"),
    "factor of the whole": ("factor",),
    "factor of a part": ("factor",),
    "constant factor lost": ("factor", "constant factor"),
    "inner derivative": ("inner derivative",),
    "inner derivative twice": ("inner derivative",),
    "term of a sum": ("dropped term",),
    "term of a product": ("dropped term",),
    "constant kept": ("constant", "constant kept"),
    "product of derivatives": ("product rule",),
    "quotient of derivatives": ("quotient rule",),
    "denominator not squared": ("quotient rule",),
    "exponent not lowered": ("power rule",),
    "exponent not a factor": ("power rule",),
    "exponent raised": ("power rule",),
    "exponential as a power": ("power rule", "exponential rule"),
    "logarithm of base lost": ("power rule", "exponential rule"),
    "power with two parts": ("power rule", "dropped term", "general power rule"),
    "another function": ("wrong function",),
    "wrong argument": ("wrong argument",),
    "degrees of the whole": ("degrees",),
    "degrees of a part": ("degrees",),
    "not differentiated": ("not differentiated",),
    "part not differentiated": ("not differentiated", "wrong function"),
    "wrong variable": ("wrong variable",),
    "one case for all": ("cases",),
}
"""The kinds that are planted, and what the check may call them."""
AT_ANOTHER_NAME = "argument another name"
"""A kind that is not planted: the outer derivative at a variable that is not the one it is by."""
EXPLAINING = {**KINDS, AT_ANOTHER_NAME: ("wrong argument",)}
NO_MISTAKE = "no mistake"

ANOTHER: dict[str, tuple[str, ...]] = {
    "sin": ("-cos(u)", "sin(u)", "-sin(u)"),
    "cos": ("sin(u)", "cos(u)", "-cos(u)"),
    "tan": ("sec(u)", "sec(u)*tan(u)", "cot(u)", "1/(1 + u**2)", "1/sin(u)**2", "cos(u)/sin(u)", "-cot(u)"),
    "cot": ("1/sin(u)**2", "tan(u)", "-csc(u)*cot(u)", "-1/sin(u)"),
    "sec": ("tan(u)", "sec(u)**2", "-sec(u)*tan(u)", "tan(u)**2", "-sin(u)/cos(u)**2"),
    "csc": ("csc(u)*cot(u)", "-cot(u)", "-csc(u)**2", "-cot(u)**2"),
    "exp": ("u*exp(u)", "u*exp(u - 1)", "1/u"),
    "exp2": ("exp2(u)", "u*exp2(u - 1)"),
    "expm1": ("expm1(u)", "exp(u - 1)"),
    "log": ("log(u)/u", "1/log(u)", "exp(u)", "1/u**2", "1/(u*log(10))"),
    "log2": ("1/u", "1/(u*log(10))", "log(2)/u"),
    "log10": ("1/u", "log(10)/u", "1/(u*log(2))"),
    "log1p": ("1/u", "1/(1 + u)**2", "1/(1 - u)"),
    "sqrt": ("1/sqrt(u)", "1/(2*u)", "-1/(2*sqrt(u))", "2*sqrt(u)", "sqrt(u)/2", "1/(2*u**2)"),
    "cbrt": ("1/(3*cbrt(u))", "1/cbrt(u)**2", "cbrt(u)/3", "-1/(3*cbrt(u)**2)"),
    "abs": ("1", "u", "-sign(u)", "-1"),
    "asin": ("1/(1 - u**2)", "1/sqrt(1 + u**2)", "-1/sqrt(1 - u**2)", "acos(u)", "1/cos(u)", "u/sqrt(1 - u**2)"),
    "acos": ("1/sqrt(1 - u**2)", "-1/(1 - u**2)", "-1/sqrt(1 + u**2)", "-asin(u)"),
    "atan": ("1/(1 - u**2)", "1/sqrt(1 + u**2)", "1/cos(u)**2", "u/(1 + u**2)", "1/(1 + u)"),
    "acot": ("1/(1 + u**2)", "-1/(1 - u**2)"),
    "asec": ("1/sqrt(u**2 - 1)", "1/(u**2*sqrt(u**2 - 1))", "-1/(abs(u)*sqrt(u**2 - 1))"),
    "acsc": ("-1/sqrt(u**2 - 1)", "1/(abs(u)*sqrt(u**2 - 1))"),
    "sinh": ("-cosh(u)", "sinh(u)", "cos(u)"),
    "cosh": ("-sinh(u)", "cosh(u)", "-sin(u)"),
    "tanh": ("1 - tanh(u)", "1/cosh(u)", "1 + tanh(u)**2", "tanh(u)*(1 - tanh(u))", "tanh(u)**2 - 1", "-1/cosh(u)**2"),
    "coth": ("1/sinh(u)**2", "1 + coth(u)**2", "-csch(u)"),
    "sech": ("sech(u)*tanh(u)", "-sech(u)**2", "-tanh(u)"),
    "csch": ("csch(u)*coth(u)", "-csch(u)**2", "-coth(u)"),
    "asinh": ("1/sqrt(1 - u**2)", "1/sqrt(u**2 - 1)", "1/(1 + u**2)", "acosh(u)"),
    "acosh": ("1/sqrt(1 + u**2)", "-1/sqrt(u**2 - 1)", "1/(u**2 - 1)"),
    "atanh": ("1/(1 + u**2)", "1/sqrt(1 - u**2)", "-1/(1 - u**2)"),
    "acoth": ("1/(1 + u**2)", "-1/(1 - u**2)"),
    "sigmoid": ("1 - sigmoid(u)", "sigmoid(u)*(1 + sigmoid(u))", "sigmoid(u)**2", "sigmoid(u)*(sigmoid(u) - 1)", "u*(1 - u)"),
    "softplus": ("1 - sigmoid(u)", "sigmoid(u)*(1 - sigmoid(u))", "exp(u)", "1/(1 + exp(u))"),
    "relu": ("relu(u)", "1", "u"),
    "relu6": ("where(u > 0, 1, 0)", "1", "where(u < 6, 1, 0)"),
    "leaky_relu": ("1", "where(u > 0, 1, 0)"),
    "elu": ("where(u > 0, 1, exp(u) - 1)", "exp(u)"),
    "hardtanh": ("1", "where(u > 0, 1, 0)", "0"),
    "erf": ("exp(-u**2)", "2*exp(-u**2)", "2/sqrt(pi)*exp(u**2)", "exp(-u**2)/sqrt(pi)", "exp(-u**2/2)/sqrt(2*pi)"),
    "erfc": ("2*exp(-u**2)/sqrt(pi)", "-exp(-u**2)"),
    "erfi": ("exp(u**2)", "2*exp(-u**2)/sqrt(pi)"),
    "gamma": ("digamma(u)", "gamma(u - 1)", "(u - 1)*gamma(u - 1)"),
    "lgamma": ("1/gamma(u)", "gamma(u)*digamma(u)"),
}  # fmt: skip
"""What people may take for the derivative of a function of u."""

_FACTORS = ("2", "1/2", "1/3")
_OF_ANGLES = ("sin", "cos", "tan", "cot", "sec", "csc")
_FALSE_RULE = re.compile(r"likely: (.+?)(?: itself)? was used as the derivative of (\w+)\(u\), in ")

# ---------------------------------------------------------------------------------------------------------- trees, built


def number(node: Node) -> Fraction | None:
    """The number that a literal spells out, with its sign."""
    if isinstance(node, Call) and node.name == "neg":
        inner = number(node.args[0])
        return None if inner is None else -inner
    return node.value if isinstance(node, Number) else None


def literal(value: Fraction) -> Node:
    text = Number(str(abs(value)))
    return negative(text) if value < 0 else text


def negative(part: Node) -> Node:
    return part if part == _ZERO else Call("neg", (part,))


def plus(left: Node, right: Node) -> Node:
    return right if left == _ZERO else left if right == _ZERO else Call("+", (left, right))


def minus(left: Node, right: Node) -> Node:
    a, b = number(left), number(right)
    if a is not None and b is not None and (a - b).denominator == 1:
        return literal(a - b)
    return negative(right) if left == _ZERO else left if right == _ZERO else Call("-", (left, right))


def times(left: Node, right: Node) -> Node:
    if _ZERO in (left, right):
        return _ZERO
    return right if left == _ONE else left if right == _ONE else Call("*", (left, right))


def over(left: Node, right: Node) -> Node:
    return left if left == _ZERO or right == _ONE else Call("/", (left, right))


def power(base: Node, exponent: Node) -> Node:
    return _ONE if exponent == _ZERO else base if exponent == _ONE else Call("**", (base, exponent))


def where(condition: Node, one: Node, other: Node) -> Node:
    return one if one == other else Call("where", (condition, one, other))


_MAKERS: Mapping[str, Callable[..., Node]] = {
    "neg": negative, "+": plus, "-": minus, "*": times, "/": over, "**": power, "where": where,
}  # fmt: skip


def placed(tree: Node, values: Mapping[str, Node]) -> Node:
    """A tree with others in the place of its names, without the zeros and ones that come of it."""

    def made(call: Call, args: list[Node]) -> Node:
        return _MAKERS[call.name](*args) if call.name in _MAKERS else Call(call.name, tuple(args), options=call.options)

    return fold(tree, lambda leaf: values.get(leaf.name, leaf) if isinstance(leaf, Name) else leaf, made)


@cache
def of_u(text: str) -> Node:
    """A text in u as a tree."""
    return understand(text, ["u"])


# ------------------------------------------------------------------------------------------------ derivations by somebody


@dataclass(frozen=True)
class Slip:
    """A mistake that can be made: its kind, which of its kind at a part, the part, and which of the parts that are equal."""

    kind: str
    variant: int
    part: Node
    number: int

    def is_like(self, other: Slip) -> bool:
        return (self.kind, self.variant, self.part) == (other.kind, other.variant, other.part)


@dataclass
class Derivation:
    """The derivation of a tree by a variable, with the mistakes that can be made on the way, one of which is made.

    `false` is a rule that somebody believes: the name of a function, and what is taken for its derivative.
    """

    tree: Node
    by: str
    planted: Slip | None = None
    everywhere: bool = False
    false: tuple[str, str] | None = None
    slips: list[Slip] = field(default_factory=list)

    def whole(self) -> Node:
        return self.derived(self.tree)

    def moves(self, part: Node) -> bool:
        return self.by in names_in(part)

    def derived(self, part: Node) -> Node:
        """The derivative of a part; with the planted mistake if it is made here."""
        if not self.moves(part):
            return _ZERO
        if not isinstance(part, Call):
            return _ONE
        if part.name in ("max", "min") and len(part.args) != 2:
            return self.derived(reduce(lambda one, other: Call(part.name, (one, other)), part.args))
        slopes = [None if is_condition(arg) or not self.moves(arg) else self.derived(arg) for arg in part.args]
        right = self.by_rule(part, slopes)
        made = None
        counts: collections.Counter[str] = collections.Counter()
        for kind, wrong in self.wrong(part, slopes, right):
            slip = Slip(kind, counts[kind], part, len(self.slips))
            counts[kind] += 1
            self.slips.append(slip)
            if self.planted is not None and (slip.is_like(self.planted) if self.everywhere else slip == self.planted):
                made = wrong
        return right if made is None else made

    def by_rule(self, part: Call, slopes: Sequence[Node | None]) -> Node:
        """The derivative of a call by its rule; the slope of an argument that stands still is None."""
        of = [_ZERO if slope is None else slope for slope in slopes]
        args = part.args
        match part.name:
            case "neg":
                return negative(of[0])
            case "+":
                return plus(*of)
            case "-":
                return minus(*of)
            case "*":
                return plus(times(of[0], args[1]), times(args[0], of[1]))
            case "/" if slopes[1] is None:
                return over(of[0], args[1])
            case "/":
                above = minus(times(of[0], args[1]), times(args[0], of[1]))
                return over(above, power(args[1], Number("2")))
            case "**" if slopes[1] is None:
                return times(times(args[1], power(args[0], minus(args[1], _ONE))), of[0])
            case "**" if slopes[0] is None:
                return times(times(part, Call("log", (args[0],))), of[1])
            case "**":
                grown = plus(times(of[1], Call("log", (args[0],))), over(times(args[1], of[0]), args[0]))
                return times(part, grown)
        law = functions().get((part.name, len(args)))
        if law is None:
            raise NoRule(part)
        assert isinstance(law.pattern, Call)
        letters = {letter.name: place for place, letter in enumerate(law.pattern.args) if isinstance(letter, Name)}
        values = {letter: args[place] for letter, place in letters.items()}
        if law.name == "definition":
            return Derivation(placed(law.derivative, values), self.by).whole()
        tangents = {f"{letter}'": of[place] for letter, place in letters.items()}
        for letter, place in letters.items():
            if slopes[place] is not None and f"{letter}'" not in names_in(law.derivative):
                raise NoRule(part)
        return placed(law.derivative, {**values, **tangents})

    def wrong(self, part: Call, slopes: Sequence[Node | None], right: Node) -> Iterator[tuple[str, Node]]:
        """The mistakes that can be made at a part: the kind, and what the derivative of the part becomes."""
        if part != self.tree:
            yield "sign of a part", negative(right)
            for factor in _FACTORS:
                yield "factor of a part", times(of_u(factor), right)
            if part.name in _OF_ANGLES:
                yield "degrees of a part", times(of_u("pi/180"), right)
            yield "part not differentiated", part
        yield from self.wrong_rule(part, slopes)
        yield from self.wrong_chain(part, slopes, right)
        if part.name in ("max", "min", "maximum", "minimum", "where", "clamp"):
            for slope in dict.fromkeys(slopes[part.name == "where" : 1 if part.name == "clamp" else None]):
                yield "one case for all", slope or _ZERO
        if slopes[0] is not None and not any(slopes[1:]):
            believed = ANOTHER.get(part.name, ())
            if self.false is not None:
                believed = (self.false[1],) if self.false[0] == part.name else ()
            for text in believed:
                yield "another function", times(placed(of_u(text), {"u": part.args[0]}), slopes[0])

    def wrong_rule(self, part: Call, slopes: Sequence[Node | None]) -> Iterator[tuple[str, Node]]:
        """Mistakes with the rules of sums, products, quotients and powers."""
        if part.name not in ("+", "-", "*", "/", "**"):
            return
        u, v = part.args
        du, dv = slopes
        if du is not None and dv is not None:
            for left in ([du, None], [None, dv]):
                kind = {"+": "term of a sum", "-": "term of a sum", "**": "power with two parts"}
                yield kind.get(part.name, "term of a product"), self._share(part, slopes, left)
        match part.name:
            case "+" | "-" if du is None or dv is None:
                for constant in (v if dv is None else u, _ONE):
                    if constant != _ZERO:
                        yield "constant kept", self.by_rule(part, [du or constant, dv or constant])
            case "*" if du is None or dv is None:
                yield "constant factor lost", du or dv or _ZERO
            case "*":
                yield "product of derivatives", times(du, dv)
                yield "sign in product rule", minus(times(du, v), times(u, dv))
            case "/" if dv is None:
                yield "constant factor lost", du or _ZERO
            case "/":
                yield "denominator not squared", over(minus(times(du or _ZERO, v), times(u, dv)), v)
                if du is not None:
                    yield "quotient of derivatives", over(du, dv)
                    yield "sign in quotient rule", over(plus(times(du, v), times(u, dv)), power(v, Number("2")))
            case "**" if dv is None and du is not None:
                yield "exponent not lowered", times(times(v, part), du)
                yield "exponent not a factor", times(power(u, minus(v, _ONE)), du)
                yield "exponent raised", times(times(v, power(u, minus(v, literal(Fraction(-1))))), du)
            case "**" if du is None and dv is not None:
                yield "exponential as a power", times(times(v, power(u, minus(v, _ONE))), dv)
                yield "logarithm of base lost", times(part, dv)

    def _share(self, part: Call, slopes: Sequence[Node | None], left: Sequence[Node | None]) -> Node:
        """A rule for two moving arguments, with the term of one alone."""
        of = [_ZERO if slope is None else slope for slope in left]
        if part.name == "/":
            above = minus(times(of[0], part.args[1]), times(part.args[0], of[1]))
            return over(above, power(part.args[1], Number("2")))
        if part.name == "**":
            base, exponent = part.args
            return (
                self.by_rule(part, left)
                if left[0] is None
                else times(times(exponent, power(base, minus(exponent, _ONE))), of[0])
            )
        return self.by_rule(part, left)

    def wrong_chain(self, part: Call, slopes: Sequence[Node | None], right: Node) -> Iterator[tuple[str, Node]]:
        """Mistakes with the chain rule, in the one argument that moves."""
        moving = [place for place, slope in enumerate(slopes) if slope is not None]
        linear = part.name in ("neg", "+", "-", "*", "where") or (part.name == "/" and slopes[1] is None)
        if linear or len(moving) != 1 or not isinstance(part.args[moving[0]], Call):
            return
        (place,) = moving
        inner, slope = part.args[place], slopes[place]
        assert slope is not None
        yield "inner derivative", self.by_rule(part, [None if it is None else _ONE for it in slopes])
        yield "inner derivative twice", times(right, slope)
        for name in dict.fromkeys([self.by, *names_in(inner)]):
            args = (*part.args[:place], Name(name), *part.args[place + 1 :])
            at_a_name = self.by_rule(Call(part.name, args, options=part.options), slopes)
            yield "wrong argument" if name == self.by else AT_ANOTHER_NAME, at_a_name


def is_condition(part: Node) -> bool:
    return isinstance(part, Call) and part.name in TABLE and TABLE[part.name].condition


def of_the_whole(tree: Node, by: str, truth: Node) -> dict[str, list[Node]]:
    """The mistakes with the derivative as a whole."""
    return {
        "sign of the whole": [negative(truth)],
        "factor of the whole": [times(of_u(factor), truth) for factor in _FACTORS],
        "degrees of the whole": [times(of_u(factor), truth) for factor in ("pi/180", "180/pi")],
        "not differentiated": [tree],
        "wrong variable": [Derivation(tree, name).whole() for name in names_in(tree) if name != by],
    }


# --------------------------------------------------------------------------------------------------------------- numbers


def numbers(tree: Node, found: Sequence[ComparisonPoint]) -> list[Real | None]:
    """The values of a tree at the points where a claim was compared."""
    values: list[Real | None] = []
    for it in found:
        at = {name: value.value if isinstance(value, Number) else value for name, value in it.at.items()}
        try:
            values.append(value_of(ExpressionAt(tree, at)) if set(names_in(tree)) <= set(at) else None)
        except OutOfPrecision:
            values.append(None)
    return values


def same(left: Sequence[Real | None], right: Sequence[Real | None]) -> bool:
    return all(a is not None and b is not None and reals.agree(a, b) for a, b in zip(left, right, strict=True))


def is_multiple(claimed: Sequence[Real | None], truths: Sequence[Real | None]) -> bool:
    """Whether one is the same number times the other everywhere."""
    with reals.precision(2 * reals.START_BITS):
        known = [(a, b) for a, b in zip(claimed, truths, strict=True) if a is not None and b is not None]
        first = next(((a, b) for a, b in known if not reals.is_negligible(b)), None)
        if first is None or len(known) < len(claimed):
            return False
        return all(reals.agree(a * first[1], b * first[0]) for a, b in known)


def is_by_a_name(claimed: Sequence[Real | None], found: Sequence[ComparisonPoint]) -> bool:
    """Whether the claim is the derivative times a variable, or divided by one, everywhere."""
    with reals.precision(2 * reals.START_BITS):
        for name in found[0].at:
            known = [it.numbers()[name] for it in found]
            truths = [it.derivative for it in found]
            if same(claimed, [one * other for one, other in zip(truths, known, strict=True)]):
                return True
            made = [None if one is None else one * other for one, other in zip(claimed, known, strict=True)]
            if same(made, truths):
                return True
    return False


def explains(cause: str, why: str, tree: Node, by: str, found: Sequence[ComparisonPoint]) -> bool:
    """Whether a mistake of a kind leads to the numbers of a claim, as this script makes such mistakes."""
    claimed = [it.claim for it in found]
    truths = [it.derivative for it in found]
    if cause == "factor" and (is_multiple(claimed, truths) or is_by_a_name(claimed, found)):
        return True
    false = _FALSE_RULE.search(why)
    with_rule = (false.group(2), false.group(1)) if false else None
    kinds = [kind for kind, names in EXPLAINING.items() if cause in names]
    plain = Derivation(tree, by, false=with_rule)
    truth = plain.whole()
    for kind, trees in of_the_whole(tree, by, truth).items():
        if kind in kinds and any(same(claimed, numbers(it, found)) for it in trees):
            return True
    for slip in plain.slips:
        if slip.kind in kinds:
            other = Derivation(tree, by, slip, false=with_rule).whole()
            if same(claimed, numbers(other, found)):
                return True
    return False


# ----------------------------------------------------------------------------------------------------------------- claims


def texts_of(row: dict) -> dict[str, str]:
    return {name: str(value) for name, value in row["point"].items()}


def of_sources(options: argparse.Namespace) -> int:
    """The derivatives that sources give."""
    table: dict[tuple[str, str], collections.Counter] = collections.defaultdict(collections.Counter)
    look: list[str] = []
    apart: list[str] = []
    start = time.monotonic()
    for row in chosen(options, lambda row: isinstance(row.get("expected_expr"), str)):
        by = row.get("expected_wrt") or row["wrt"]
        status = row["expected_status"]
        wanted = {"ok": "right", "mismatch": "wrong"}.get(status)
        try:
            found = check(row["expr"], row["expected_expr"], by=by, at=[read_point(texts_of(row))]).result
            outcome, why = found.outcome, f"{found.cause}: {found.why}"
            proof = ("by SymPy" if found.by_sympy else "by points") if outcome == "right" else ""
        except CalcError as error:
            outcome, why, proof = "error", str(error), ""
        except Exception as error:  # anything else is a bug
            outcome, why, proof = "crash", f"{type(error).__name__}: {error}", ""
        table[row["corpus"], status][f"{outcome} {proof}".strip()] += 1
        said = (
            f"{outcome:9} {row['id']} d/d{by}: {row['expr']} at {row['point']}\n    claim: {row['expected_expr']}\n    {why}"
        )
        if wanted is None:
            apart.append(said)
        elif outcome != wanted:
            look.append(said)
            noted(said)
    listed(f"claims to look at: {len(look)}", look)
    print("== claims")
    for (corpus, status), counts in sorted(table.items()):
        print(f"{corpus:9} {status:9} " + "  ".join(f"{outcome} {count}" for outcome, count in counts.most_common()))
    print(f"{time.monotonic() - start:.0f} seconds")
    listed(f"approximate claims: {len(apart)}", apart)
    return len(look)


def chosen(options: argparse.Namespace, wanted: Callable[[dict], bool]) -> list[dict]:
    """The rows that are wanted, as many as were asked for."""
    found = [row for row in rows(options.folder, options.corpus) if "wrt" in row and wanted(row)]
    if options.rows is not None and options.rows < len(found):
        found = random.Random(options.seed).sample(found, options.rows)
    return found


def noted(said: str) -> None:
    """Say at once what must be looked at, beside the tables."""
    print(said, file=sys.stderr, flush=True)


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def listed(title: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"-- {title}")
        print("\n".join(lines))


# --------------------------------------------------------------------------------------------------------------- mistakes


@dataclass
class Tally:
    """What was said about the planted mistakes, by kind."""

    table: dict[str, collections.Counter] = field(default_factory=lambda: collections.defaultdict(collections.Counter))
    named: dict[tuple[str, str, str], list[str]] = field(default_factory=lambda: collections.defaultdict(list))
    look: list[str] = field(default_factory=list)
    skipped: collections.Counter = field(default_factory=collections.Counter)
    slow: list[tuple[float, str]] = field(default_factory=list)


def with_mistakes(options: argparse.Namespace) -> int:
    """Derivations with a planted mistake, and without one."""
    tally = Tally()
    start = time.monotonic()
    for place, row in enumerate(chosen(options, lambda row: is_plantable(row, options.parts))):
        if place % 25 == 0:
            noted(f"row {place}, {time.monotonic() - start:.0f} seconds")
        chance = random.Random(f"{options.seed} {row['id']}")
        by = chance.choice(asked(row))
        tree = understand(row["expr"], row["vars"])
        for kind, mistake in planted(tree, by, chance, options.everywhere):
            judge(row, tree, by, kind, mistake, tally)
    listed(f"mistakes to look at: {len(tally.look)}", tally.look)
    print("== mistakes")
    print(f"{'kind':24} planted  refused    right  equivalent  other  none")
    for kind in (NO_MISTAKE, *KINDS):
        counts = tally.table[kind]
        cells = (
            counts["planted"],
            counts["refused"],
            counts["right"],
            counts["equivalent"],
            counts["other"],
            counts["none"],
        )
        print("{:24} {:7}  {:7}  {:7}  {:10}  {:5}  {:4}".format(kind, *cells))
    print(f"{time.monotonic() - start:.0f} seconds; not planted: {dict(tally.skipped)}")
    for how in ("other", "none", "equivalent"):
        for (kind, cause, said), examples in sorted(tally.named.items(), key=lambda item: -len(item[1])):
            if said == how:
                listed(f"{how}: {kind}, named {cause}: {len(examples)}", sorted(examples, key=len)[:EXAMPLES])
    listed("slowest", [f"{seconds:.1f} s  {said}" for seconds, said in sorted(tally.slow, reverse=True)[:10]])
    return len(tally.look)


def asked(row: dict) -> list[str]:
    """The variables that a row is to be differentiated by, where there is a derivative."""
    by = [row["wrt"]] if isinstance(row["wrt"], str) else row["wrt"]
    return [name for name in by if row["ref"].get(name) is not None]


def is_plantable(row: dict, parts: int) -> bool:
    """Whether a row is regular, not too long, and can be differentiated here."""
    if row["kind"] != "regular" or int(row.get("order") or 1) != 1 or not asked(row):
        return False
    try:
        tree = understand(row["expr"], row["vars"])
        if len(linearize(tree).nodes) > parts:
            return False
        for name in row["vars"]:
            Derivation(tree, name).whole()
    except CalcError:
        return False
    return True


def planted(tree: Node, by: str, chance: random.Random, everywhere: bool) -> Iterator[tuple[str, Node]]:
    """A claim without a mistake, and one for each kind of mistake that can be made."""
    plain = Derivation(tree, by)
    truth = plain.whole()
    yield NO_MISTAKE, truth
    for kind, trees in of_the_whole(tree, by, truth).items():
        if trees:
            yield kind, chance.choice(trees)
    for kind in KINDS:
        slips = [slip for slip in plain.slips if slip.kind == kind]
        if slips:
            yield kind, Derivation(tree, by, chance.choice(slips), everywhere).whole()


def judge(row: dict, tree: Node, by: str, kind: str, claim: Node, tally: Tally) -> None:
    """Ask about a claim, and note what was said."""
    text = unparse(claim)
    said = f"{row['id']} d/d{by}: {shortened(row['expr'])} at {row['point']}\n    claim: {shortened(text)}"
    point = read_point(texts_of(row)).numbers()
    try:
        with deadline.limit(SECONDS):
            found = list(comparison_points(tree, claim, by, [point]))
    except deadline.OutOfTime:
        tally.skipped["out of time"] += 1
        return
    is_true = bool(found) and all(it.same for it in found)
    if kind != NO_MISTAKE and (is_true or not found):
        place = elsewhere(tree, Derivation(tree, by).whole(), claim, row, by) if is_true else None
        tally.skipped[f"{kind}: blind" if place else f"{kind}: the same" if is_true else "no point"] += 1
        if place:
            tally.look.append(f"blind     {kind}: {said}\n    equal at {len(found)} points, not at {place}")
            noted(tally.look[-1])
        return
    start = time.monotonic()
    try:
        finding = check(row["expr"], text, by=by, at=[read_point(texts_of(row))]).result
        outcome, cause, why = finding.outcome, finding.cause, finding.why
    except CalcError as error:
        outcome, cause, why = "error", None, str(error)
    except Exception as error:  # anything else is a bug
        outcome, cause, why = "crash", None, f"{type(error).__name__}: {error}"
    tally.slow.append((time.monotonic() - start, f"{kind}: {said}"))
    counts = tally.table[kind]
    counts["planted"] += 1
    said += f"\n    {outcome}, {cause}: {why}"
    if outcome != ("right" if kind == NO_MISTAKE else "wrong"):
        tally.look.append(f"{outcome:9} {kind}: {said}")
        noted(tally.look[-1])
    if outcome != "wrong":
        return
    counts["refused"] += 1
    how = said_of(cause, why, kind, tree, by, found)
    counts[how] += 1
    if how != "right":
        tally.named[kind, str(cause), how].append(said)


def elsewhere(tree: Node, truth: Node, claim: Node, row: dict, by: str) -> str | None:
    """A point where a claim that seems to be true is not: by the row's reference, or at other places by the rules here."""
    chance = random.Random(row["id"])
    names = sorted({*names_in(tree), *names_in(claim)})
    given = {name: Fraction(text) for name, text in texts_of(row).items()}
    ends = [end for end in (3, 30) for _ in range(ELSEWHERE)]
    points = [{name: Fraction(f"{chance.uniform(-end, end):.6f}") for name in names} for end in ends]
    points += [{**given, by: point[by]} for point in points]
    for point in [given, *points]:
        try:
            value, right, claimed = (value_of(ExpressionAt(it, point)) for it in (tree, truth, claim))
        except OutOfPrecision:
            continue
        if claimed is None or value is None:
            continue
        is_reference = point is given and not equal(reals.decimal(claimed, 40), row["ref"][by])
        if is_reference or (right is not None and not reals.agree(right, claimed)):
            return ", ".join(f"{name} = {float(number):.7g}" for name, number in point.items())
    return None


def said_of(cause: str | None, why: str, kind: str, tree: Node, by: str, found: Sequence[ComparisonPoint]) -> str:
    """What there is to say about a named cause."""
    if cause is None:
        return "none"
    if cause in KINDS.get(kind, ()):
        return "right"
    return "equivalent" if explains(cause, why, tree, by, found) else "other"


# ------------------------------------------------------------------------------------------------------------------ steps


def step_by_step(options: argparse.Namespace) -> int:
    """Our own derivations by hand."""
    table: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    without: collections.Counter = collections.Counter()
    look: list[str] = []
    start = time.monotonic()
    for place, row in enumerate(chosen(options, lambda row: row["wrt"] is not None)):
        if place % 100 == 0:
            noted(f"row {place}, {time.monotonic() - start:.0f} seconds")
        for by in [row["wrt"]] if isinstance(row["wrt"], str) else row["wrt"]:
            outcome, why = derived(row, by)
            table[row["corpus"]][outcome] += 1
            if outcome == "no rule":
                without[why] += 1
            elif outcome not in ("equal", "no point"):
                point = {name: value for name, value in row["point"].items() if len(row["point"]) < 12}
                look.append(f"{outcome:12} {row['id']} d/d{by}: {shortened(row['expr'])} at {point}\n    {why}")
                noted(look[-1])
    listed(f"derivations to look at: {len(look)}", sorted(look, key=lambda line: not line.startswith("WRONG")))
    print("== steps")
    for corpus, counts in sorted(table.items()):
        print(f"{corpus:9} " + "  ".join(f"{outcome} {count}" for outcome, count in counts.most_common()))
    print(
        "all       "
        + "  ".join(f"{outcome} {count}" for outcome, count in sum(table.values(), collections.Counter()).most_common())
    )
    print(f"{time.monotonic() - start:.0f} seconds; no rule: {dict(without.most_common())}")
    return sum(line.startswith(("WRONG", "no value")) for line in look)


def derived(row: dict, by: str) -> tuple[str, str]:
    """What the last line of a derivation is, and why."""
    try:
        with deadline.limit(SECONDS):
            tree = understand(row["expr"], row["vars"])
            (first, *_) = derive(tree, by)
    except NoRule as error:
        return "no rule", error.function
    except CalcError as error:
        return "refused", str(error)
    except deadline.OutOfTime:
        return "out of time", "in the derivation"
    found: list[ComparisonPoint] = []
    is_over = False
    try:
        with deadline.limit(SECONDS):
            found.extend(comparison_points(tree, first.derivative, by, [read_point(texts_of(row)).numbers()]))
    except deadline.OutOfTime:
        is_over = True
    wrong = [it for it in found if not it.same]
    why = "; ".join(map(_difference, wrong[:2])) + f"\n    {shortened(unparse(first.derivative))}"
    if any(it.claim is not None and not it.on_seam for it in wrong):
        return "WRONG", why
    if any(not it.on_seam for it in wrong):
        return "no value", why
    if wrong:
        return "on a seam", why
    if is_over and not found:
        return "out of time", f"at the points\n    {shortened(unparse(first.derivative))}"
    return ("equal", "") if found else ("no point", "")


def _difference(found: ComparisonPoint) -> str:
    at = ", ".join(f"{name} = {unparse(value)}" for name, value in found.point.items())
    claimed = "without a value" if found.claim is None else reals.decimal(found.claim)
    return f"at {at}: {reals.decimal(found.derivative)}, and the last line is {claimed}"


# ---------------------------------------------------------------------------------------------------------------- the run


class NotAsked:
    """Stands for sympy's process where the points are enough."""

    def submit(self, request: SymbolicRequest) -> None:
        pass

    def result(self, request: SymbolicRequest) -> SymbolicResult:
        raise SymbolicFailure("sympy was not asked")


PARTS = {"claims": of_sources, "mistakes": with_mistakes, "steps": step_by_step}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--simplifying", type=float, metavar="SECONDS")
    parser.add_argument("--points", action="store_true")
    parser.add_argument("--parts", type=int, default=40)
    parser.add_argument("--everywhere", action="store_true")
    parser.add_argument("--corpus", metavar="NAME")
    options = parser.parse_args()
    if options.simplifying is not None:
        claim_check._SIMPLIFYING = options.simplifying
    if options.points:
        CLIENT.set(NotAsked())  # type: ignore[arg-type]
    return 1 if sum(PARTS[name](options) for name in PARTS if options.only in (None, name)) else 0


if __name__ == "__main__":
    sys.exit(main())
