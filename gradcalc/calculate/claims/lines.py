"""The lines of a derivation, and what their names mean.

Comes in: an expression and lines of text.  Goes out: statements.  `dA/dB = ...` claims that this is the derivative of A with
respect to B, in any notation of `notation.py`; `name = ...` defines an intermediate variable, or the value of a variable;
`= ...` claims to be equal to the line above.  A is an intermediate variable, or under any other name the expression.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcalc.calculate.claims.notation import (
    Derivative,
    Names,
    Side,
    require_name_of_expression,
    sides_of,
    variable_of_prime,
)
from gradcalc.calculate.claims.texts import OF_NUMBERS, claimed_tree, condition_tree
from gradcalc.calculate.prepared import require_no_arrays
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Name, Node, names_in, postorder, substitute_names
from gradcalc.functions import TABLE
from gradcalc.functions.resolve import understand
from gradcalc.proof.claims.equality import is_same

MAX_LINES = 200
MAX_PARTS = 4_000
"""Nodes that a line may have with all its names written out."""

_CLAIM = re.compile(r"d[A-Za-z_]\w*_d[A-Za-z]\w*", re.ASCII)
_HIGHER = re.compile(r"d[0-9]\w*_d\w+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Subject:
    """A derivative: of what, by its name or as an `operand`, and with respect to which variable or intermediate variable."""

    of: str
    by: str
    operand: Node | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A line, or a link of a chain, as it was parsed: its number, its text, its name, and the tree of what it says."""

    number: int
    text: str
    name: str
    tree: Node


@dataclass(frozen=True, slots=True)
class Definition(Statement):
    """A name for a sub-expression or for a number; or the expression that a chain begins with, which may have no name."""


@dataclass(frozen=True, slots=True)
class Claim(Statement):
    """The claim that `tree` is a derivative; in a chain also that it is equal to the claim `above`."""

    derivative: Subject
    above: Claim | None = None


@dataclass(frozen=True, slots=True)
class Equality(Statement):
    """The claim that `tree` is equal to the statement `above`, which is no derivative."""

    above: Statement


@dataclass(frozen=True, slots=True)
class Opening(Statement):
    """A derivative alone, with which a chain begins: it claims nothing."""

    derivative: Subject


class ParsedDerivation:
    """The statements of a derivation.

    `parts` are the intermediate variables, as expressions in variables; `values` are numbers that variables have wherever
    claims are compared; `derivatives` are those that statements use, by their names.
    """

    def __init__(self, expr: str, lines: Sequence[str], variables: Sequence[str], by: str | None = None):
        contents = [(number, text) for number, line in enumerate(lines, 1) if (text := line.partition("#")[0].strip())]
        if not 0 < len(contents) <= MAX_LINES:
            raise CalcError(f"a derivation has 1 to {MAX_LINES} lines, not {len(contents)}")
        self._defined = frozenset(_defined(contents))
        self._names = [*variables, *self._defined]
        self.tree = understand(expr, self._names)
        require_no_arrays(self.tree, OF_NUMBERS)
        self.by = by
        self.known = set(names_in(self.tree))
        self.parts: dict[str, Node] = {}
        self.values: dict[str, Node] = {}
        self.derivatives: dict[str, Subject] = {}
        self.statements: list[Statement] = []
        self._used: dict[str, int] = {}
        self._given = frozenset(variables)
        for place, (number, text) in enumerate(contents):
            is_head = place + 1 < len(contents) and contents[place + 1][1].startswith("=")
            try:
                self._read_line(number, text, is_head=is_head)
            except CalcError as error:
                if not error.message.startswith(("line ", "the expression becomes")):
                    error.message = f"line {number}: {error.message}"
                raise
        self.whole = self._expand(self.tree, "the expression")

    # -- lines

    def _read_line(self, number: int, text: str, *, is_head: bool) -> None:
        first, *others = sides = sides_of(text, Names(self.known | self._given, self._of_prime), is_head=is_head)
        if len(sides) == 2 and first.derivative is None and first.name is None and others[0].derivative is not None:
            first, others = others[0], [first]
        if not others and not is_head:
            hint = 'write "dL_dp = p - y"'
            raise CalcError(f'expected "name = expression", found {text[:60]}', hint=hint)
        if not first.text.strip():
            if not self.statements:
                raise CalcError("there is no line above that this one is equal to", hint=f"write f' {text[:60]}")
            others, above = others, self.statements[-1]
        else:
            right = others.pop(0) if others else None
            above = self._first(number, first.written + (f" = {right.written}" if right else ""), first, right)
            self.statements.append(above)
        for side in others:
            above = self._link(number, f"= {side.written}", side, above)
            self.statements.append(above)

    def _first(self, number: int, text: str, left: Side, right: Side | None) -> Statement:
        """The statement that a line makes with its first two sides, or with one where a chain begins."""
        name = left.text.strip()
        derivative = left.derivative or self._underscored(name, must_be=right is not None)
        if derivative is None:
            if right is None or left.name is None:  # an expression: the rest of the chain is equal to it
                tree = self._tree(left)
                self._use(number, names_in(tree))
                definition = Definition(number, text, "", tree)
                return definition if right is None else self._link_first(definition, text, right)
            return self._definition(number, text, left.name, right)
        name, subject = self._subject(name, derivative)
        if right is None:
            return Opening(number, text, name, Name(name), subject)
        return Claim(number, text, name, self._tree(right), subject)

    def _link_first(self, definition: Definition, text: str, right: Side) -> Statement:
        self.statements.append(definition)
        return self._link(definition.number, text, right, definition)

    def _link(self, number: int, text: str, side: Side, above: Statement) -> Statement:
        """The next link of a chain."""
        tree = self._tree(side)
        if isinstance(above, Claim | Opening):
            before = above if isinstance(above, Claim) else None
            return Claim(number, text, above.name, tree, above.derivative, before)
        return Equality(number, text, above.name, tree, above)

    def _definition(self, number: int, text: str, name: str, right: Side) -> Definition:
        if _HIGHER.fullmatch(name):
            raise CalcError(f"{name} is not a first derivative", hint="check it as the derivative of the first")
        tree = self._tree(right)
        if name in names_in(tree):
            raise CalcError(f"{name} is defined in terms of {name}")
        definition = Definition(number, text, name, tree)
        before = next((it for it in self.statements if it.name == name and isinstance(it, Definition)), None)
        if name in self._used and (before is None or before.tree != tree):
            raise CalcError(f"{name} is defined here, and has another meaning in line {self._used[name]}")
        variables = [it for it in names_in(tree) if it not in self.derivatives]
        if names_in(tree):
            self.parts[name] = self._expand(tree, f"line {number}")
        else:
            self.values[name] = tree
        self.known |= {name, *variables}
        self._use(number, [name, *variables])
        return definition

    def _use(self, number: int, names: Sequence[str]) -> None:
        for name in names:
            self._used.setdefault(name, number)

    # -- derivatives

    def _of_prime(self, name: str) -> str:
        """What a prime differentiates with respect to."""
        variables = [self.by] if self.by else names_in(self._expand(self.tree, "the expression"))
        variables = [it for it in variables if it not in self.values]
        return variable_of_prime(name, variables)

    def _underscored(self, name: str, *, must_be: bool) -> Derivative | None:
        """What a name such as `dL_dp` is the derivative of; None for another name."""
        if not _CLAIM.fullmatch(name) or name in self.known or name in self._given:
            return None
        splits = [(name[1:at], name[at + 2 :]) for at in range(2, len(name) - 2) if name[at : at + 2] == "_d"]
        pair = next((pair for pair in splits if pair[1] in {*self.known, *self._given}), None)
        if pair is None and must_be:
            raise CalcError(f"unknown variable {splits[0][1]}: neither the expression nor a line above has it")
        return None if pair is None else Derivative(*pair)

    def _subject(self, name: str, derivative: Derivative) -> tuple[str, Subject]:
        """The name of a derivative, and what it is."""
        of, by = derivative.of, derivative.by
        if by not in self.known and by not in self._given:
            raise CalcError(f"unknown variable {by}: neither the expression nor a line above has it")
        if derivative.is_text:
            tree = claimed_tree(of, self._names)
            return f"d/d{by}({unparse(tree)})", Subject(unparse(tree), by, tree)
        if of not in self._defined:
            require_name_of_expression(derivative, names_in(self.tree))
        return name, Subject(of, by)

    def _tree(self, side: Side) -> Node:
        """The tree of a side; derivatives in it are names."""
        tree = claimed_tree(side.text.strip(), [*self._names, *side.derivatives])
        renamed: dict[str, str] = {}
        for name in names_in(tree):
            derivative = side.derivatives.get(name) or self._underscored(name, must_be=False)
            if derivative is not None:
                renamed[name], self.derivatives[renamed[name]] = self._subject(name, derivative)
        return substitute_names(tree, lambda name: Name(renamed[name]) if name in renamed else None)

    # -- the whole

    def expression_of(self, derivative: Subject) -> Node:
        """What a derivative is of, in variables: an operand, an intermediate variable, or else the expression."""
        if derivative.operand is not None:
            return self._expand(derivative.operand, derivative.of)
        return self.parts.get(derivative.of, self.whole)

    def is_restatement(self, claim: Claim) -> bool:
        """Whether a claim says the same derivative in another notation: `f' = d/dx sin(x)`."""
        other = self.derivatives.get(claim.tree.name) if isinstance(claim.tree, Name) else None
        return other is not None and self._is_same_derivative(claim.derivative, other)

    def unclaimed(self) -> tuple[str, ...]:
        """The derivatives that statements use and no statement claims."""
        others = [it for it in self.statements if not (isinstance(it, Claim) and self.is_restatement(it))]
        claims = [(self.expression_of(it.derivative), it.derivative.by) for it in others if isinstance(it, Claim)]
        names = dict.fromkeys(name for it in others if not isinstance(it, Opening) for name in names_in(it.tree))
        uses = [(name, self.derivatives[name]) for name in names if name in self.derivatives]
        return tuple(
            name if use.operand is not None else f"d{use.of}/d{use.by}"
            for name, use in uses
            if (self.expression_of(use), use.by) not in claims
        )

    def refuse_circle(self, claim: Claim, claimed: Collection[str]) -> None:
        """Raise `CalcError` for a claim in terms of the same derivative, unless a line above says what that is."""
        for name in names_in(claim.tree) if not self.is_restatement(claim) else ():
            other = self.derivatives.get(name)
            is_open = other is not None and (name == claim.name or name not in claimed)
            if other is not None and is_open and self._is_same_derivative(claim.derivative, other):
                raise CalcError(f"line {claim.number} says what {claim.name} is in terms of {name}")

    def _is_same_derivative(self, one: Subject, other: Subject) -> bool:
        trees = [self.expression_of(it) for it in (one, other)]
        return one.by == other.by and (trees[0] == trees[1] or is_same(*trees))

    def _expand(self, tree: Node, where: str) -> Node:
        return expand(tree, self.parts, where)

    def condition(self, text: str) -> Node:
        """The condition under which the claims are meant, in variables.  Raises `CalcError` for what is none."""
        tree = condition_tree(text, [*self.known])
        unknown = [name for name in names_in(tree) if name not in self.known]
        if unknown:
            raise CalcError(f"the condition has {unknown[0]}, which does not occur in the expression")
        return self._expand(tree, "the condition")

    def require_claim_about_expression(self, by: str | None) -> None:
        """Raise `CalcError` if no line claims the derivative of the expression."""
        claims = [it for it in self.statements if isinstance(it, Claim) and by in (None, it.derivative.by)]
        subjects = [self.expression_of(it.derivative) for it in claims if not self.is_restatement(it)]
        if not any(it == self.whole or is_same(it, self.whole) for it in subjects):
            name = by or next(iter(names_in(self.whole)), "x")
            what = f"the derivative of the expression{f' with respect to {by}' if by else ''}"
            raise CalcError(f"no line is about {what}", hint=f"such as dL_d{name} = ...")


def _defined(contents: Sequence[tuple[int, str]]) -> Iterator[str]:
    """The names that stand alone before an equals sign."""
    for _, text in contents:
        match = re.match(r"\s*(\w+)\s*(\([\w, ]*\)\s*)?=(?!=)", text)
        if match and not (match[2] and match[1] in TABLE):  # sin(x) is an expression
            yield match[1]


def expand(tree: Node, meanings: Mapping[str, Node], where: str) -> Node:
    """A tree in variables only.  Raises `CalcError` for what becomes too long: each name may double it."""
    sizes = {name: len(list(postorder(meaning))) for name, meaning in meanings.items() if name in names_in(tree)}
    if sum(sizes.get(leaf.name, 1) if isinstance(leaf, Name) else 1 for leaf in postorder(tree)) > MAX_PARTS:
        raise CalcError(f"{where} becomes too long: more than {MAX_PARTS} nodes with all its names written out")
    return substitute_names(tree, meanings.get)
