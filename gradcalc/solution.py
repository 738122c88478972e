"""A derivation in several lines, each checked in turn: `p = sigmoid(z)`, `dL_dp = ...`, `dL_dw = dL_dp*dp_dz*x`.

Comes in: an expression and lines of text.  Goes out: a `Solution`: what each line is, and whether it is right.

A line `dA_dB = ...` claims that this is the derivative of A by B; every other line gives a part a name.  A is a part that
has a name, or under any other name the expression; B is a variable, or a part: then A is taken as a function of that part,
wherever it stands in it.  A line may use the names of those above it.  A claim that is wrong only because one above it is
follows from it: with the true derivative in its place it would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcalc.calculate import versions
from gradcalc.checking import Finding, Judging, claimed_tree, points_of
from gradcalc.deadline import DEFAULT_SECONDS
from gradcalc.derivation import derive
from gradcalc.errors import CalcError
from gradcalc.functions.resolve import understand
from gradcalc.syntax import Call, Name, Node, fold, names_in, renamed, unparse

MAX_LINES = 200

_LINE = re.compile(r"\s*(?:d(\w+)\s*/\s*d(\w+)|([A-Za-z_]\w*))\s*=(?!=)(.*)", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its number, its name, what it says, and what is known of it.

    `outcome` is "given" for a name that is given to a part; "right", "wrong" or "undecided" for a claim; and "follows" for a
    claim that is wrong only because one above it is.  `by` is what the claimed derivative is by, empty for a name.
    """

    number: int
    name: str
    says: str
    by: str
    outcome: str
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Solution:
    """All lines; `outcome` is "right", "wrong" or "undecided", `first` the number of the first line that is to blame."""

    expr: str
    read_as: str
    lines: tuple[Line, ...]
    outcome: str
    first: int | None
    versions: Mapping[str, str]


def solution(
    expr: str,
    lines: Sequence[str],
    *,
    by: str | None = None,
    at: Sequence[Mapping[str, str]] = (),
    seconds: float = DEFAULT_SECONDS,
) -> Solution:
    """Check a derivation line by line; one of them must be about the expression (by `by`, if that is given).

    Raises `CalcError` for what cannot be read, for a claim about what does not occur, and if none is about the expression.
    """
    split = _split(lines)
    listed = [*([by] if by else []), *(name for point in at for name in point), *(name for _, name, _ in split)]
    whole = understand(expr, listed)
    texts = list(_read(split, listed))
    work = _Work(whole, texts)
    work.needs_the_expression(by)
    points = [points_of(point) for point in at]
    judged = tuple(work.judged(text, points, seconds) for text in texts)
    outcomes = [line.outcome for line in judged]
    outcome = next((it for it in ("wrong", "undecided") if it in outcomes), "right")
    first = None if outcome == "right" else judged[outcomes.index(outcome)].number
    return Solution(expr, unparse(whole), judged, outcome, first, versions())


@dataclass(frozen=True, slots=True)
class _Text:
    """A line that was read: its number, its name, and what it says."""

    number: int
    name: str
    tree: Node


def _split(lines: Sequence[str]) -> list[tuple[int, str, str]]:
    """The number, the name and the text of every line that is not empty.  Raises `CalcError` for one without a name."""
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise CalcError(f"line {number} gives nothing a name: {line.strip()[:60]}", hint='write "dL_dp = p - y"')
        above, below, name, says = match.groups()
        found.append((number, name or f"d{above}_d{below}", says.strip()))
    if not 0 < len(found) <= MAX_LINES:
        raise CalcError(f"a derivation has 1 to {MAX_LINES} lines, not {len(found)}")
    return found


def _read(split: Sequence[tuple[int, str, str]], listed: Sequence[str]) -> Iterator[_Text]:
    """The trees of the lines.  Raises `CalcError` for a name that has another meaning already."""
    used: dict[str, int] = {}
    for number, name, says in split:
        if name in used:
            raise CalcError(f"line {number} gives {name} a meaning, and in line {used[name]} it has another")
        try:
            tree = claimed_tree(says, listed)
        except CalcError as error:
            error.message = f"line {number}: {error.message}"
            raise
        if name in names_in(tree):
            raise CalcError(f"line {number} says what {name} is in terms of {name}")
        for each in (name, *names_in(tree)):
            used.setdefault(each, number)
        yield _Text(number, name, tree)


class _Work:
    """What the names mean, in variables: as it was written, and with the true derivatives in the place of claims."""

    def __init__(self, whole: Node, texts: Sequence[_Text]):
        self.known = set(names_in(whole))
        self.claims: dict[str, tuple[str, str]] = {}
        self.written: dict[str, Node] = {}
        self.true: dict[str, Node] = {}
        for text in texts:
            pair = self.pair(text.name)
            if pair is not None:
                self.claims[text.name] = pair
            else:
                self.known |= {text.name, *names_in(text.tree)}
            self.written[text.name] = renamed(text.tree, self.written.get)
        self.whole = renamed(whole, self.written.get)

    def needs_the_expression(self, by: str | None) -> None:
        """Raise `CalcError` if no line claims the derivative of the expression."""
        if not any(self.is_whole(of) for of, name in self.claims.values() if by in (None, name)):
            name = by or next(iter(names_in(self.whole)), "x")
            what = f"the derivative of the expression{f' by {by}' if by else ''}"
            raise CalcError(f"no line is about {what}", hint=f"such as dL_d{name} = ...")

    def pair(self, name: str) -> tuple[str, str] | None:
        """Whose derivative by what a name says it is: L by p for `dL_dp`; None for the name of a part."""
        splits = [(name[1:at], name[at + 2 :]) for at in range(2, len(name) - 2) if name[at : at + 2] == "_d"]
        return next((pair for pair in splits if name[0] == "d" and pair[1] in self.known), None)

    def of(self, name: str) -> Node:
        """What a claim is about, in variables: a part, or the expression."""
        return self.written[name] if self.is_part(name) else self.whole

    def is_part(self, name: str) -> bool:
        return name in self.written and name not in self.claims

    def is_whole(self, name: str) -> bool:
        from gradcalc.proof.claims import is_same

        return self.of(name) == self.whole or is_same(self.of(name), self.whole)

    def judged(self, text: _Text, at: Sequence[Mapping[str, Node]], seconds: float) -> Line:
        """A line; those above it were judged before."""
        self.true[text.name] = renamed(text.tree, self.true.get)
        if text.name not in self.claims:
            return Line(text.number, text.name, unparse(text.tree), "", "given", None)
        of, by = self.claims[text.name]
        tree, inner = self.of(of), self.written.get(by)
        self._check(text, tree, by)

        def by_part(other: Node) -> Node:
            return other if inner is None else _with(other, inner, Name(by))

        def judge(claimed: Node) -> Finding:
            return Judging(by_part(tree), by_part(claimed), by, seconds, inner).finding(at)

        finding = judge(self.written[text.name])
        outcome = finding.outcome
        if outcome == "wrong":
            if self.true[text.name] != self.written[text.name]:  # whatever is wrong above it, what is wrong here?
                finding = judge(self.true[text.name])
                outcome = "follows" if finding.outcome == "right" else "wrong"
            self.true[text.name] = _true(by_part(tree), by, inner) or self.written[text.name]
        return Line(text.number, text.name, unparse(text.tree), by, outcome, finding)

    def _check(self, text: _Text, tree: Node, by: str) -> None:
        """Raise `CalcError` for a claim with variables that do not occur, and for one by a part that does not."""
        of, _ = self.claims[text.name]
        inner = self.written.get(by)
        if inner is not None and by not in names_in(_with(tree, inner, Name(by))):
            hint = f"write {by} as it stands in the expression, or give the expression in {by} a name"
            raise CalcError(f"line {text.number}: {unparse(inner)} does not occur in {of}", hint=hint)
        strange = [name for name in names_in(self.written[text.name]) if name not in self.known]
        if strange:
            raise CalcError(f"line {text.number} has {strange[0]}, which does not occur in the expression")


def _with(tree: Node, part: Node, name: Name) -> Node:
    """A tree with a name in the place of a part, wherever that stands."""
    if tree == part:
        return name

    def call(node: Call, args: list[Node]) -> Node:
        made = Call(node.name, tuple(args), node.span, node.options)
        return name if made == part else made

    return fold(tree, lambda leaf: name if leaf == part else leaf, call)


def _true(tree: Node, by: str, inner: Node | None) -> Node | None:
    """The derivative by hand, in variables; None where there is no rule for it."""
    try:
        (whole, *_) = derive(tree, by)
    except CalcError:
        return None
    return renamed(whole.derivative, {by: inner}.get)
