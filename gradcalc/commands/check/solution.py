"""A derivation in several lines, each checked in turn: `p = sigmoid(z)`, `dL_dp = ...`, `dL_dw = dL_dp*dp_dz*x`.

Comes in: an expression and lines of text.  Goes out: a `Solution`: what each line is, and whether it is right.

A line `dA_dB = ...` claims that this is the derivative of A by B; every other line gives a part a name.  A is a part that
has a name, or under any other name the expression; B is a variable, or a part: then A is taken as a function of that part,
wherever it stands in it.  A name for a number, `w = 3`, is the point at which claims are compared.  A line may use the names
of those above it.  A claim that is wrong only because one above it is follows from it: with the true derivative in its place
it would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcalc.calculate.prepared import require_no_arrays
from gradcalc.calculate.reporting import versions
from gradcalc.commands.check.claim import OF_NUMBERS, claimed_tree, condition_tree
from gradcalc.commands.check.claim_check import CheckResult, ClaimCheck, ClaimOutcome
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.subexpression import substitute
from gradcalc.expression.tree import Name, Node, names_in, postorder, substitute_names
from gradcalc.functions.derivation import derive
from gradcalc.functions.resolve import understand
from gradcalc.inputs.values import Point
from gradcalc.proof.claims.equality import is_same
from gradcalc.runtime.deadline import DEFAULT_SECONDS

MAX_LINES = 200
MAX_PARTS = 4_000
"""Parts that a line may have with all its names written out."""

_LINE = re.compile(r"\s*(?:d(\w+)\s*/\s*d(\w+)|([A-Za-z_]\w*))\s*=(?!=)(.*)", re.DOTALL | re.ASCII)
_CLAIM = re.compile(r"d[A-Za-z_]\w*_d[A-Za-z]\w*", re.ASCII)
_HIGHER = re.compile(r"d[0-9]\w*_d\w+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Statement:
    """A line that was checked: `outcome` is `GIVEN` for a name of a part, `FOLLOWS` for a claim wrong only by one above it.

    `by` is what the claimed derivative is by, empty for a name; `result` is None for a name.
    """

    number: int
    name: str
    says: str
    by: str
    outcome: ClaimOutcome
    result: CheckResult | None


@dataclass(frozen=True, slots=True)
class Solution:
    """All lines; `outcome` is that of the whole, `first` the number of the first line to blame."""

    expr: str
    read_as: str
    lines: tuple[Statement, ...]
    outcome: ClaimOutcome
    first: int | None
    versions: Mapping[str, str]
    where: str | None = None


def solution(
    expr: str,
    lines: Sequence[str],
    *,
    by: str | None = None,
    at: Sequence[Point] = (),
    where: str | None = None,
    seconds: float = DEFAULT_SECONDS,
) -> Solution:
    """Check a derivation line by line; one of them must be about the expression (by `by`, if that is given).

    `where` is the condition under which the claims are meant, in the variables of the expression.

    Raises `CalcError` for what cannot be read, for a claim about what does not occur, and if none is about the expression.
    """
    derivation = ParsedDerivation(expr, lines, [*([by] if by else []), *(name for point in at for name in point.values)])
    derivation.needs_the_expression(by)
    claims = sum(isinstance(statement, ParsedClaim) for statement in derivation.statements)
    condition = None if where is None else derivation.condition(where)
    checks = DerivationCheck(derivation, [point.numbers() for point in at], seconds / max(claims, 1), condition)
    results = tuple(map(checks.statement, derivation.statements))
    outcomes = [line.outcome for line in results]
    outcome = next((it for it in _WORST_FIRST if it in outcomes), ClaimOutcome.RIGHT)
    first = results[outcomes.index(outcome)].number if outcome in _WORST_FIRST else None
    return Solution(expr, unparse(derivation.tree), results, outcome, first, versions(), where)


_WORST_FIRST = (ClaimOutcome.WRONG, ClaimOutcome.UNDECIDED, ClaimOutcome.PARTLY)


@dataclass(frozen=True, slots=True)
class ParsedStatement:
    """A line as it was parsed: its number, its name, and the tree of what it says."""

    number: int
    name: str
    tree: Node


@dataclass(frozen=True, slots=True)
class ParsedClaim(ParsedStatement):
    """A line that claims the derivative of a part, or of the expression, by a variable or a part."""

    of: str
    by: str


class ParsedDerivation:
    """The lines of a derivation, and what their names mean.

    `parts` are expressions in variables; `values` are numbers that variables have, wherever claims are compared.
    """

    def __init__(self, expr: str, lines: Sequence[str], variables: Sequence[str]):
        split = list(_split(lines))
        if not 0 < len(split) <= MAX_LINES:
            raise CalcError(f"a derivation has 1 to {MAX_LINES} lines, not {len(split)}")
        names = [*variables, *(name for _, name, _ in split)]
        self.tree = understand(expr, names)
        require_no_arrays(self.tree, OF_NUMBERS)
        self.known = set(names_in(self.tree))
        self.parts: dict[str, Node] = {}
        self.values: dict[str, Node] = {}
        self.statements: list[ParsedStatement] = []
        self._used: dict[str, int] = {}
        for number, name, says in split:
            try:
                tree = claimed_tree(says, names)
            except CalcError as error:
                error.message = f"line {number}: {error.message}"
                raise
            self.statements.append(self._read(number, name, tree))
        self.whole = _expand(self.tree, self.parts, "the expression")

    def _read(self, number: int, name: str, tree: Node) -> ParsedStatement:
        if _HIGHER.fullmatch(name):
            raise CalcError(f"line {number}: {name} is no first derivative", hint="check it as the derivative of the first")
        if _CLAIM.fullmatch(name):
            return ParsedClaim(number, name, tree, *self._pair(number, name))
        if name in names_in(tree):
            raise CalcError(f"line {number} says what {name} is in terms of {name}")
        statement = ParsedStatement(number, name, tree)
        before = next((it for it in self.statements if it.name == name), None)
        if name in self._used and (before is None or before.tree != tree):
            raise CalcError(f"line {number} gives {name} a meaning, and in line {self._used[name]} it has another")
        if names_in(tree):
            self.parts[name] = _expand(tree, self.parts, f"line {number}")
        else:
            self.values[name] = tree
        self.known |= {name, *names_in(tree)}
        for each in (name, *names_in(tree)):
            self._used.setdefault(each, number)
        return statement

    def _pair(self, number: int, name: str) -> tuple[str, str]:
        """Whose derivative by what a name says it is: L by p for `dL_dp`."""
        splits = [(name[1:at], name[at + 2 :]) for at in range(2, len(name) - 2) if name[at : at + 2] == "_d"]
        pair = next((pair for pair in splits if pair[1] in self.known), None)
        if pair is None:
            raise CalcError(f"line {number} claims a derivative by {splits[0][1]}, which nothing above it has")
        return pair

    def subject(self, name: str) -> Node:
        """What a claim is about, in variables: a part, or the expression."""
        return self.parts.get(name, self.whole)

    def condition(self, text: str) -> Node:
        """The condition under which the claims are meant, in variables.  Raises `CalcError` for what is none."""
        tree = condition_tree(text, [*self.known])
        strange = [name for name in names_in(tree) if name not in self.known]
        if strange:
            raise CalcError(f"the condition has {strange[0]}, which does not occur in the expression")
        return _expand(tree, self.parts, "the condition")

    def needs_the_expression(self, by: str | None) -> None:
        """Raise `CalcError` if no line claims the derivative of the expression."""
        claims = [it for it in self.statements if isinstance(it, ParsedClaim) and by in (None, it.by)]
        if not any(self.subject(it.of) == self.whole or is_same(self.subject(it.of), self.whole) for it in claims):
            name = by or next(iter(names_in(self.whole)), "x")
            what = f"the derivative of the expression{f' by {by}' if by else ''}"
            raise CalcError(f"no line is about {what}", hint=f"such as dL_d{name} = ...")


def _split(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """The number, the name and the text of every line that is not empty.  Raises `CalcError` for one without a name."""
    for number, line in enumerate(lines, start=1):
        content = line.partition("#")[0]
        if not content.strip():
            continue
        match = _LINE.fullmatch(content)
        if match is None:
            raise CalcError(f"line {number} gives nothing a name: {content.strip()[:60]}", hint='write "dL_dp = p - y"')
        above, below, name, says = match.groups()
        yield number, name or f"d{above}_d{below}", says.strip()


def _expand(tree: Node, meanings: Mapping[str, Node], where: str) -> Node:
    """A tree in variables only.  Raises `CalcError` for what becomes too long: each name may double it."""
    sizes = {name: len(list(postorder(meaning))) for name, meaning in meanings.items() if name in names_in(tree)}
    if sum(sizes.get(leaf.name, 1) if isinstance(leaf, Name) else 1 for leaf in postorder(tree)) > MAX_PARTS:
        raise CalcError(f"{where} becomes too long: more than {MAX_PARTS} parts with all its names written out")
    return substitute_names(tree, meanings.get)


class DerivationCheck:
    """The claims, checked in order: as they are written, and with true derivatives in place of the wrong ones above."""

    def __init__(self, derivation: ParsedDerivation, at: Sequence[Mapping[str, Node]], seconds: float, where: Node | None):
        self.derivation, self.at, self.seconds, self.where = derivation, at, seconds, where
        self.written = dict(derivation.parts)
        self.true = dict(derivation.parts)

    def statement(self, statement: ParsedStatement) -> Statement:
        """Check a line, after those above it."""
        says, where = unparse(statement.tree), f"line {statement.number}"
        if not isinstance(statement, ParsedClaim):
            # A part may be made of claims.
            for meanings in (self.written, self.true) if statement.name in self.derivation.parts else ():
                meanings[statement.name] = _expand(statement.tree, meanings, where)
            return Statement(statement.number, statement.name, says, "", ClaimOutcome.GIVEN, None)
        inner = self.derivation.parts.get(statement.by)
        written = _expand(statement.tree, self.written, where)
        true = _expand(statement.tree, self.true, where)

        def by_part(other: Node) -> Node:
            return other if inner is None else substitute(other, inner, statement.by)

        tree = by_part(self.derivation.subject(statement.of))
        if inner is not None and statement.by not in names_in(tree):
            hint = f"write {statement.by} as it stands in the expression, or give the expression in {statement.by} a name"
            raise CalcError(f"line {statement.number}: {unparse(inner)} does not occur in {statement.of}", hint=hint)
        strange = [name for name in names_in(written) if name not in self.derivation.known]
        if strange:
            raise CalcError(f"line {statement.number} has {strange[0]}, which does not occur in the expression")

        def compare(claimed: Node) -> CheckResult:
            values = self.derivation.values
            check = ClaimCheck(tree, by_part(claimed), statement.by, self.seconds, inner, values, self.where)
            return check.result(self.at)

        result = compare(written)
        outcome = result.outcome
        if outcome is ClaimOutcome.WRONG:
            if true != written:  # whatever is wrong above it, what is wrong here?
                result = compare(true)
                outcome = ClaimOutcome.FOLLOWS if result.outcome is ClaimOutcome.RIGHT else ClaimOutcome.WRONG
            true = _derivative(tree, statement.by, inner) or written
        self.written[statement.name], self.true[statement.name] = written, true
        return Statement(statement.number, statement.name, says, statement.by, outcome, result)


def _derivative(tree: Node, by: str, inner: Node | None) -> Node | None:
    """The derivative by hand, in variables; None without a rule for it."""
    try:
        (whole, *_) = derive(tree, by)
    except CalcError:
        return None
    return substitute_names(whole.derivative, {by: inner}.get)
