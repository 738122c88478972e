"""How formulas are put together: products, chains of matrices, transposes and sums, each in its shortest spelling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from gradcalc.engines.indexed.constants import is_cumulative, picks
from gradcalc.engines.indexed.formulas import Formula, call, indexed, name, negative, number, shortest


class Spelling:
    """Puts formulas together.  `symmetric` are the texts of those that are their own transposes."""

    def __init__(self, symmetric: Sequence[str] = ()):
        self.symmetric = set(symmetric)
        self._turned: dict[Formula, Formula] = {}

    def turned(self, formula: Formula) -> Formula:
        """The transpose."""
        if formula.rank < 2 or formula.text in self.symmetric or formula.op in ("diag", "eye"):
            return formula
        if formula not in self._turned:
            self._turned[formula] = self._transpose(formula)
        return self._turned[formula]

    def _transpose(self, formula: Formula) -> Formula:
        op, parts = formula.op, formula.parts
        if op == "transpose":
            return parts[0]
        if op in ("outer", "ones"):
            return Formula(op, parts[::-1], 2)
        options = [Formula("transpose", (formula,), 2)]
        if op in ("cumsum", "cumprod"):
            other = [] if formula.options else ["dim=0"]
            options.insert(0, call(op, self.turned(parts[0]), rank=2, options=other))
        if op == "@" and all(part.rank == 2 for part in parts):
            options.insert(0, self.chain(*(self.turned(part) for part in parts[::-1])))
        if op in ("+", "*", "/", "neg") and all(part.rank in (0, 2) for part in parts):
            turned = [self.turned(part) for part in parts]
            options.insert(int(op == "+"), times(turned) if op == "*" else Formula(op, turned, 2))  # (A + B).T
        return shortest(*options)

    def chain(self, *parts: Formula) -> Formula:
        """A product of matrices and vectors, flat; numbers come out in front."""
        flat: list[Formula] = []
        scalars: list[Formula] = []
        below: list[Formula] = []
        is_negative = False
        for part in parts:
            if part.op == "neg":
                is_negative, part = not is_negative, part.parts[0]
            if part.op == "/" and part.parts[1].rank == 0:
                below.append(part.parts[1])
                part = part.parts[0]
            if part.op == "*" and part.parts[0].rank == 0:
                scalars += [each for each in part.parts if not each.rank]
                part = times([each for each in part.parts if each.rank])
            flat += part.parts if part.op == "@" else (part,)
        flat = _with_entries(flat)
        rank = sum(part.rank for part in flat) - 2 * (len(flat) - 1)
        best = Formula("@", flat, rank) if len(flat) > 1 else flat[0]
        if rank == 2 and len(flat) > 1:  # A.T@B.T is (B@A).T
            back = Formula("@", [self.turned(part) for part in flat[::-1]], 2)
            best = shortest(best, Formula("transpose", (back,), 2))
        product = times([*scalars, best], below)
        return negative(product) if is_negative else product

    # ------------------------------------------------------------------------------------------------------------ sums

    def total(self, terms: Sequence[Formula]) -> Formula:
        """A sum: positive terms first, and what is common comes out where that is shorter."""
        terms = _counted(list(_summands(terms)))
        if len(terms) == 1:
            return terms[0]
        terms = sorted(terms, key=_place_in_sum)
        rank = max(term.rank for term in terms)
        options = [Formula("+", terms, rank)]
        if all(term.op == "neg" for term in terms):
            options.append(negative(Formula("+", [negative(term) for term in terms], rank)))
        if rank == 2 and all(term.rank == 2 and len(self.turned(term).text) < len(term.text) for term in terms):
            return self.turned(self.total([self.turned(term) for term in terms]))
        read = [_read(term) for term in terms]
        common = [each for each in dict.fromkeys(read[0].scalars) if all(each in term.scalars for term in read)]
        under = [each for each in dict.fromkeys(read[0].below) if all(each in term.below for term in read)]
        if common or under:
            options.append(times([*common, self.total([term.without(common, under) for term in read])], under))
        mergers = [
            [merged, *(term for number_, term in enumerate(terms) if number_ not in (place, other))]
            for place in range(len(terms))
            for other in range(place + 1, len(terms))
            if (merged := self._merger(read[place], read[other])) is not None
        ]
        if mergers:  # one merger after the other: trying all in all orders costs n!
            options.insert(0, self.total(min(mergers, key=lambda each: sum(len(term.text) for term in each))))
        return shortest(*options)

    def _merger(self, first: _Term, second: _Term) -> Formula | None:
        """Two terms as one, if they share factors on one side."""
        if (first.scalars, first.below) != (second.scalars, second.below):
            return None
        is_same = first.is_negative == second.is_negative
        merged = self._merged(first.array, second.array, is_same=is_same)
        if merged is None:
            return None
        merged = times([*first.scalars, merged], first.below)
        return negative(merged) if first.is_negative else merged

    def _merged(self, left: Formula, right: Formula, *, is_same: bool) -> Formula | None:
        """L@R + M@R is (L + M)@R, L@R + L@S is L@(R + S); also entry by entry."""
        if "@" in (left.op, right.op):
            a, b = (each.parts if each.op == "@" else (each,) for each in (left, right))
            for turn in (1, -1):
                x, y = a[::turn], b[::turn]
                shared = 0
                while shared < min(len(x), len(y)) and x[shared] == y[shared]:
                    shared += 1
                if 0 < shared < min(len(x), len(y)):
                    u, v = self.chain(*x[shared:][::turn]), self.chain(*y[shared:][::turn])
                    inner = self.total([u, v if is_same else negative(v)])
                    side = x[:shared][::turn]
                    return self.chain(*side, inner) if turn == 1 else self.chain(inner, *side)
        if "*" in (left.op, right.op):
            a, b = (each.parts if each.op == "*" else (each,) for each in (left, right))
            rest = list(b)
            same, own = [], []
            for part in a:
                if part in rest:
                    rest.remove(part)
                    same.append(part)
                else:
                    own.append(part)
            if same and own and rest:
                other = times(rest)
                return times([*same, self.total([times(own), other if is_same else negative(other)])])
        return None


def _with_entries(flat: Sequence[Formula]) -> list[Formula]:
    """A chain in which `eye(n)[1:]@A` is `A[1:]` and `x@cumsum(eye(n))` is `cumsum(x)`."""
    for place, part in enumerate(flat):
        behind = flat[place + 1] if place + 1 < len(flat) else None
        bare, is_turned = (part.parts[0], True) if part.op == "transpose" else (part, False)
        is_right = is_turned or bare.rank == 1
        new = _of_left(bare, _left_operand(flat[:place]), is_right=is_right) if place else None
        if new is not None:
            rest = flat[: place - 1] if flat[place - 1].rank == 2 else []
            return _with_entries([*rest, new, *flat[place + 1 :]])
        new = _of_right(bare, behind, is_turned=is_turned) if behind is not None else None
        if new is not None:
            return _with_entries([*flat[:place], new, *flat[place + 2 :]])
    return list(flat)


def _left_operand(before: Sequence[Formula]) -> Formula:
    """What stands left of a part of a chain: a matrix alone, or the vector that all parts make."""
    if len(before) == 1 or before[-1].rank == 2:
        return before[-1]
    return Formula("@", before, 1)


def _of_left(bare: Formula, left: Formula, *, is_right: bool) -> Formula | None:
    """A product with what picks entries, or adds them up, on the right."""
    at = picks(bare.text)
    if at is not None and is_right and picks(left.text) is None:
        return indexed(left, at, left.rank - 1)
    return call("cumsum", left, rank=left.rank) if is_cumulative(bare.text) and not is_right else None


def _of_right(bare: Formula, right: Formula, *, is_turned: bool) -> Formula | None:
    """The same on the left."""
    at = picks(bare.text)
    if at is not None and not is_turned and picks(right.text) is None:
        return indexed(right, at)
    if is_cumulative(bare.text) and is_turned:
        return call("cumsum", right, rank=right.rank, options=["dim=0"] if right.rank == 2 else [])
    return None


def _place_in_sum(term: Formula) -> tuple[bool, bool, bool, bool]:
    """Where a term stands: positive ones first, arrays before numbers, `A` before `A.T`; else as they came."""
    bare = term.parts[0] if term.op == "neg" else term
    return term.op == "neg", term.rank == 0, bare.is_number, bare.op == "transpose"


def _summands(terms: Iterable[Formula]) -> Iterator[Formula]:
    """The terms of terms."""
    for term in terms:
        bare = term.parts[0] if term.op == "neg" else term
        if bare.op == "+":
            yield from (part if bare is term else negative(part) for part in bare.parts)
        else:
            yield term


def _counted(terms: Sequence[Formula]) -> list[Formula]:
    """The terms of a sum, equal ones as multiples."""
    result = []
    for term in dict.fromkeys(terms):
        count = list(terms).count(term)
        if count > 1:
            bare = term.parts[0] if term.op == "neg" else term
            multiple = times([number(count), bare])
            term = negative(multiple) if term.op == "neg" else multiple
        result.append(term)
    return result


def times(parts: Sequence[Formula], below: Sequence[Formula] = ()) -> Formula:
    """A product entry by entry over another."""
    above = _ordered(_flattened(parts)) or [number(1)]
    under = _ordered(_flattened(below))
    top = above[0] if len(above) == 1 else Formula("*", above, max(part.rank for part in above))
    if not under:
        return top
    bottom = under[0] if len(under) == 1 else Formula("*", under, max(part.rank for part in under))
    return Formula("/", (top, bottom), max(top.rank, bottom.rank))


def scaled(factor: Fraction, above: Sequence[Formula], below: Sequence[Formula] = ()) -> Formula:
    """A product over another, times a number: a decimal where that is shorter than a quotient."""
    size = abs(factor)
    decimal = number(size)
    if decimal.op == "number" and size.numerator > 1:
        product = times([decimal, *above], below)
    else:
        product = times([number(size.numerator), *above], [number(size.denominator), *below])
    return negative(product) if factor < 0 else product


def _flattened(parts: Sequence[Formula]) -> list[Formula]:
    """The factors of factors, equal ones as powers; without ones."""
    flat = [each for part in parts if not part.is_one for each in (part.parts if part.op == "*" else (part,))]
    return [part if flat.count(part) == 1 else raised(part, Fraction(flat.count(part))) for part in dict.fromkeys(flat)]


def _ordered(parts: Sequence[Formula]) -> list[Formula]:
    return sorted(parts, key=lambda part: (part.rank, part.op != "number"))


def raised(formula: Formula, exponent: Fraction) -> Formula:
    """A power."""
    if exponent < 0:
        return times([], [raised(formula, -exponent)])
    if formula.op == "**" and formula.parts[1].op == "number":
        formula, exponent = formula.parts[0], exponent * Fraction(formula.parts[1].text)
    return formula if exponent == 1 else Formula("**", (formula, number(exponent)), formula.rank)


class _Term(NamedTuple):
    """A term of a sum: its sign, its numbers, the array, and the numbers below the line."""

    is_negative: bool
    scalars: tuple[Formula, ...]
    array: Formula
    below: tuple[Formula, ...]

    def without(self, common: Sequence[Formula], under: Sequence[Formula]) -> Formula:
        """The term without some of its numbers."""
        scalars, below = list(self.scalars), list(self.below)
        for each in common:
            scalars.remove(each)
        for each in under:
            below.remove(each)
        rest = times([*scalars, self.array], below)
        return negative(rest) if self.is_negative else rest


def _read(term: Formula) -> _Term:
    is_negative = term.op == "neg"
    below: tuple[Formula, ...] = ()
    scalars: tuple[Formula, ...] = ()
    if is_negative:
        term = term.parts[0]
    if term.op == "/" and term.parts[1].rank == 0:
        term, bottom = term.parts
        below = bottom.parts if bottom.op == "*" else (bottom,)
    if term.op == "*" and term.rank:
        scalars = tuple(part for part in term.parts if part.rank == 0)
        term = times([part for part in term.parts if part.rank])
    return _Term(is_negative, scalars, term, below)


def ones(*sizes: str) -> Formula:
    """An array of ones."""
    return call("ones", *map(name, sizes), rank=len(sizes))
