"""Expressions with indices as formulas of vectors and matrices: indices are contracted away, `@`, `.T`, `diag` appear."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from gradcalc.engines.indexed.algebra import LINES, Algebra
from gradcalc.engines.indexed.array_functions import mean
from gradcalc.engines.indexed.constants import unit_place
from gradcalc.engines.indexed.contraction import Contraction, Item, merged
from gradcalc.engines.indexed.formulas import (
    COMPARISONS,
    Formula,
    as_column,
    call,
    decimal_text,
    length,
    name,
    negative,
    number,
    shortest,
)
from gradcalc.engines.indexed.nodes import ONE, Index, Indexed, Kind, Unprintable, index, size_of, split
from gradcalc.engines.indexed.nodes import number as lowered_number
from gradcalc.engines.indexed.spelling import Spelling, ones, raised, scaled, times
from gradcalc.functions import TABLE

Axes = tuple[Index, ...]
_LONGEST_LIST = 12
"""Entries of an array that is written as a list."""


class Emission:
    """Writes formulas.  Raises `Unprintable` where there is none of at most two dimensions.

    Factors and terms stand in the order of the names in them, which `order` is.
    """

    def __init__(self, algebra: Algebra, order: Sequence[str] = ()):
        self.algebra = algebra
        self._places = {name: place for place, name in enumerate(order)}
        self.spelling = Spelling(tuple(algebra.symmetric))
        self._known: dict[tuple[Indexed, Axes], Formula] = {}

    def array(self, entry: Indexed, axes: Axes) -> Formula:
        """The formula of an array of all these axes."""
        return self._filled(self.formula(entry, axes), axes)

    def formula(self, entry: Indexed, axes: Sequence[Index]) -> Formula:
        """The formula of an expression with these axes, which are the dimensions of the result in order."""
        axes = tuple(axes)
        if len(axes) > 2:
            raise Unprintable("more than two dimensions")
        if (entry, axes) not in self._known:
            self._known[entry, axes] = self._formula(entry, axes)
        return self._known[entry, axes]

    def _formula(self, entry: Indexed, axes: Axes) -> Formula:
        is_single = entry.kind in (Kind.VARIABLE, Kind.BLOCK, Kind.POWER) or (
            entry.kind is Kind.FUNCTION and not entry.parts
        )
        if is_single and set(axes) - entry.free:  # the same for all entries
            return self._repeated(entry, axes)
        straight = self._of_kind(entry, axes)
        if len(axes) < 2 or entry.name in COMPARISONS:  # a condition is no array
            return straight
        return shortest(straight, self.spelling.turned(self._of_kind(entry, axes[::-1])))

    def _of_kind(self, entry: Indexed, axes: Axes) -> Formula:
        if entry.kind is Kind.VARIABLE:
            return self._variable(entry, axes)
        if entry.kind is Kind.DELTA:
            return call("eye", name(size_of(axes[0])), rank=2)
        if entry.kind is Kind.SUM:
            total = self.spelling.total(self._parts(entry, axes))
            listed = self._list(entry, axes)
            return total if listed is None else shortest(listed, total)
        if entry.kind is Kind.POWER:
            return self._power(entry, axes)
        if entry.kind is Kind.FUNCTION:
            return self._function(entry, axes)
        return self._block(entry, axes) if entry.kind is Kind.BLOCK else self._product(entry, axes)

    # ------------------------------------------------------------------------------------------------- missing indices

    def _spread(self, entry: Indexed, axes: Axes) -> Formula:
        """The same where indices may be missing, to be broadcast: as a vector along the last axis, or with `ones`."""
        have = tuple(each for each in axes if each in entry.free)
        if len(axes) == 2 and have == axes[:1]:
            column = self.formula(entry, have)
            return as_column(column) or call("outer", column, ones(size_of(axes[1])), rank=2)
        return self.formula(entry, have)

    def _repeated(self, entry: Indexed, axes: Axes) -> Formula:
        """The same with all axes, some of which it does not have."""
        have = tuple(each for each in axes if each in entry.free)
        if len(axes) == 2 and have == axes[:1]:
            return call("outer", self.formula(entry, have), ones(size_of(axes[1])), rank=2)
        return self._filled(self.formula(entry, have), axes)

    def _filled(self, formula: Formula, axes: Axes) -> Formula:
        """An array of all axes of what may have fewer."""
        if formula.rank == len(axes):
            return formula
        rest = ones(*(size_of(each) for each in axes[: len(axes) - formula.rank]))
        if formula.rank == 0:
            return rest if formula.is_one else times([formula, rest])
        return call("outer", rest, formula, rank=2)

    def _parts(self, entry: Indexed, axes: Axes) -> list[Formula]:
        """The parts of an expression, which have all axes between them."""
        ordered = entry.parts if entry.kind is Kind.FUNCTION else self.in_order(entry.parts)
        parts = [self._spread(part, axes) for part in ordered]
        if parts and not frozenset(axes) <= frozenset[Index]().union(*(part.free for part in ordered)):
            parts[0] = self._repeated(ordered[0], axes)
        return parts

    def in_order(self, parts: Sequence[Indexed]) -> list[Indexed]:
        """Parts by the names in them, sizes first; those of the same names as they are."""
        return sorted(parts, key=lambda part: sorted(self._places.get(name, -1) for name in part.names))

    # ------------------------------------------------------------------------------------------------------------ kinds

    def _variable(self, entry: Indexed, axes: Axes) -> Formula:
        if len(entry.indices) == 2 and entry.indices[0] == entry.indices[1]:
            return call("diag", name(entry.name, 2), rank=1)
        formula = name(entry.name, len(axes))
        return formula if entry.indices == axes else self.spelling.turned(formula)

    def _function(self, entry: Indexed, axes: Axes) -> Formula:
        return self.called(entry, self._parts(entry, axes), len(axes))

    def called(self, entry: Indexed, parts: list[Formula], rank: int) -> Formula:
        """A function of numbers; settings that have their default values are left out."""
        row = TABLE.get(entry.name)
        settings = [each.default if each.setting else None for each in row.parameters] if row else []
        while len(parts) <= len(settings) and parts and settings[len(parts) - 1] is not None:
            if entry.parts[len(parts) - 1] != lowered_number(Fraction(settings[len(parts) - 1] or 0)):
                break
            parts = parts[:-1]
        for place, default in enumerate(settings[: len(parts)]):
            if default is not None:
                parts[place] = _setting(entry.parts[place])
        is_loss = row is not None and "reduction" in row.options and rank > 0
        return Formula(entry.name, parts, rank, options=["reduction=none"] if is_loss else [])

    def _list(self, entry: Indexed, axes: Axes) -> Formula | None:
        """`[a, b]` for a sum of entries at their places; None for another sum."""
        size = size_of(axes[0]) if len(axes) == 1 else ""
        if not size.isdecimal() or int(size) > _LONGEST_LIST:
            return None
        terms: list[list[Indexed]] = [[] for _ in range(int(size))]
        for term in entry.parts:
            coefficient, rest = split(term)
            factors = rest.parts if rest.kind is Kind.PRODUCT and not rest.bound else (rest,)
            units = [each for each in factors if unit_place(each) is not None]
            others = [each for each in factors if each not in units]
            if len(units) != 1 or any(axes[0] in each.free for each in others):
                return None
            terms[unit_place(units[0]) or 0].append(self.algebra.multiply(coefficient, others))
        return call("[", *(self.formula(self.algebra.add(each), ()) for each in terms), rank=1)

    def _power(self, entry: Indexed, axes: Axes) -> Formula:
        base, exponent = entry.parts[0], entry.coefficient
        if exponent.denominator == 2:
            root = self._norm(base, axes) or self._deviation(base, axes, "std")
            if root is not None:
                return raised(root, exponent * 2)
            formula = self._spread(base, axes)
            return raised(call("sqrt", formula, rank=formula.rank), exponent * 2)
        return raised(self._spread(base, axes), exponent)

    def _block(self, entry: Indexed, axes: Axes) -> Formula:
        body = entry.parts[0]
        if entry.name in ("det", "logdet"):
            options = [self.formula(body, each) for each in (entry.bound, entry.bound[::-1])]
            return call(entry.name, shortest(*options), rank=0)
        if entry.name == "inv":
            return self._inverse(entry, axes)
        if entry.name not in LINES:
            return self._reduced(entry.name, body, entry.bound, axes)
        if entry.indices[0] in body.free:  # a diagonal
            other = self.algebra.fresh(size_of(entry.indices[0]))
            whole = self.algebra.block(entry.name, body, entry.bound, [other])
            return call("diag", self.formula(whole, (*axes, other)), rank=1)
        inner = self.formula(body, [entry.bound[0] if each in entry.indices else each for each in axes])
        is_last = len(axes) == 1 or axes[1] in entry.indices
        return call(entry.name, inner, rank=len(axes), options=() if is_last else ["dim=0"])

    def _inverse(self, entry: Indexed, axes: Axes) -> Formula:
        body = entry.parts[0]
        straight = call("inv", self.formula(body, entry.bound), rank=2)
        if len(axes) == 1:
            return call("diag", straight, rank=1)
        turned = call("inv", self.formula(body, entry.bound[::-1]), rank=2)
        if body == self.algebra.rename(body, dict(zip(entry.bound, entry.bound[::-1], strict=True))):
            best = shortest(straight, turned)
            self.spelling.symmetric.add(best.text)
            return best
        if axes == entry.indices:
            return shortest(straight, Formula("transpose", (turned,), 2))
        return shortest(Formula("transpose", (straight,), 2), turned)

    # ------------------------------------------------------------------------------------------------ norms and variances

    def _norm(self, entry: Indexed, axes: Axes) -> Formula | None:
        """norm(f) for the root of the sum of f**2 over all, or over one, of its indices."""
        square = entry.parts[0] if len(entry.parts) == 1 else entry
        if entry.kind is not Kind.PRODUCT or not entry.bound or entry.coefficient != 1 or len(entry.parts) != 1:
            return None
        if square.kind is not Kind.POWER or square.coefficient != 2:
            return None
        return self._reduced("norm", square.parts[0], entry.bound, axes)

    def _deviation(self, entry: Indexed, axes: Axes, function: str) -> Formula | None:
        """var(u) or std(u) for the sum of (u - mean(u))**2 over n - 1, or over n."""
        if entry.kind is not Kind.PRODUCT or len(entry.bound) != 1 or entry.coefficient != 1:
            return None
        algebra, (at,) = self.algebra, entry.bound
        squares = [
            part
            for part in entry.parts
            if part.kind is Kind.POWER and part.coefficient == 2 and part.parts[0].kind is Kind.SUM and at in part.free
        ]
        rest = [part for part in entry.parts if part not in squares]
        size = algebra.count(at)
        over = [[algebra.power(algebra.subtract(size, ONE), -1)], [algebra.power(size, -1)]]
        if len(squares) != 1 or rest not in over:
            return None
        inner = squares[0].parts[0]
        u = algebra.add([term for term in inner.parts if at in term.free])
        new = algebra.fresh(size_of(at))
        if algebra.subtract(u, mean(algebra, algebra.rename(u, {at: new}), [new])) != inner:
            return None
        formula = self._reduced(function, u, (at,), axes)
        if rest == over[0]:
            return formula
        return call(formula.op, *formula.parts, rank=formula.rank, options=[*formula.options, "correction=0"])

    def _reduced(self, function: str, entry: Indexed, bound: Sequence[Index], axes: Axes) -> Formula:
        """A reduction of an array over some of its indices."""
        whole = tuple(each for each in (*axes, *bound) if each in entry.free)
        if len(whole) == len(bound):
            return shortest(*(call(function, self.formula(entry, order), rank=0) for order in (whole, whole[::-1])))
        if len(whole) != 2:
            raise Unprintable(f"{function} of more than two dimensions")
        rows = call(function, self.formula(entry, whole), rank=1, options=["dim=1"])
        return shortest(rows, call(function, self.formula(entry, whole[::-1]), rank=1, options=["dim=0"]))

    # --------------------------------------------------------------------------------------------------------- products

    def _product(self, entry: Indexed, axes: Axes) -> Formula:
        special = self._deviation(entry, axes, "var") or self._diagonal(entry, axes) or self._square(entry, axes)
        if special is not None:
            return special
        factors = self.in_order(sorted(entry.parts, key=lambda part: part.depth))
        scalars = [part for part in factors if not part.free]
        items = [self._item(part, axes) for part in factors if part.free]
        contraction = Contraction(items, entry.bound, self._divisors(scalars, entry.bound), self.spelling)
        items, coefficient = contraction.run(), entry.coefficient
        if contraction.averaged:
            sizes = [self.algebra.count(index("", size)) for size in contraction.averaged.elements()]
            coefficient, rest = split(self.algebra.multiply(coefficient, [*scalars, *sizes]))
            scalars = list(rest.parts) if rest.kind is Kind.PRODUCT else [rest]
        numbers = [item for item in items if not item.axes]
        main = self._main(merged([item for item in items if item.axes], self.spelling), axes)
        above = [part for item in numbers for part in item.above]
        below = [part for item in numbers for part in item.below]
        return self._scaled(coefficient, scalars, main, above, below)

    def _divisors(self, scalars: Sequence[Indexed], bound: Sequence[Index]) -> dict[str, int]:
        """The sizes of bound indices that a product is divided by, and how often."""
        powers = {each.parts[0]: each.coefficient for each in scalars if each.kind is Kind.POWER}
        letters = {size_of(each): powers.get(self.algebra.count(each), Fraction(0)) for each in bound}
        return {size: -int(power) for size, power in letters.items() if power < 0 and power.denominator == 1}

    def _diagonal(self, entry: Indexed, axes: Axes) -> Formula | None:
        """A diagonal matrix."""
        for part in entry.parts:
            if part.kind is Kind.DELTA and set(part.indices) == set(axes):
                i, j = axes
                rest = [self.algebra.rename(other, {j: i}) for other in entry.parts if other is not part]
                inner = self.algebra.multiply(1, rest, entry.bound)
                if i in inner.free:
                    return self._scaled(entry.coefficient, [], call("diag", self.formula(inner, (i,)), rank=2))
                scalars = [inner] if inner != ONE else []
                return self._scaled(entry.coefficient, scalars, call("eye", name(size_of(i)), rank=2))
        return None

    def _square(self, entry: Indexed, axes: Axes) -> Formula | None:
        """The sum of squares of everything."""
        if axes or not entry.bound or len(entry.parts) != 1:
            return None
        (part,) = entry.parts
        if part.kind is not Kind.POWER or part.coefficient != 2 or part.parts[0].kind is Kind.PRODUCT:
            return None
        inner = part.parts[0]
        if inner.kind is Kind.VARIABLE and len(inner.indices) == 1:
            vector = name(inner.name, 1)
            return self._scaled(entry.coefficient, [], Formula("@", (vector, vector), 0))
        norm = self._reduced("norm", inner, entry.bound, axes)
        return self._scaled(entry.coefficient, [], Formula("**", (norm, number(2)), 0))

    def _item(self, part: Indexed, whole: Axes) -> Item:
        """A factor with its axes, in the order of the whole or in that which makes its formula shortest."""
        axes = whole if part.free == set(whole) else _shown(part)
        if len(axes) > 2:
            raise Unprintable("more than two dimensions")
        if axes != whole and len(axes) == 2 and length(self.formula(part, axes[::-1])) < length(self.formula(part, axes)):
            axes = axes[::-1]
        if part.kind is Kind.POWER and part.coefficient < 0:
            return Item(axes, [], [self.formula(self.algebra.power(part.parts[0], -part.coefficient), axes)])
        return Item(axes, [self.formula(part, axes)])

    def _main(self, items: Sequence[Item], axes: Axes) -> Formula:
        """What has axes: a vector; or a matrix, whose rows and columns may be scaled."""
        if not items:
            return self._filled(number(1), axes)
        if len(axes) < 2:
            return items[0].formula
        rows, columns = (next((item for item in items if item.axes == (at,)), None) for at in axes)
        matrix = next((item for item in items if len(item.axes) == 2), None)
        if matrix is None:
            sides = [(rows, axes[0]), (columns, axes[1])]
            return call("outer", *(ones(size_of(at)) if it is None else it.formula for it, at in sides), rank=2)
        main = matrix.toward(axes, self.spelling)
        if columns is not None:
            is_straight = matrix.axes == axes
            above, below = (matrix.above, matrix.below) if is_straight else ([main], [])
            main = times([*above, *columns.above], [*below, *columns.below])
        if rows is None:
            return main
        scaled = self.spelling.chain(call("diag", rows.formula, rank=2), main)
        column = as_column(rows.formula)
        if column is None:
            return scaled
        over = column.parts if column.op == "/" else (column, number(1))
        return shortest(scaled, times([main, over[0]], [over[1]]))

    def _scaled(
        self,
        factor: Fraction,
        scalars: Sequence[Indexed],
        main: Formula,
        above: Sequence[Formula] = (),
        below: Sequence[Formula] = (),
    ) -> Formula:
        """A formula times numbers, over others."""
        tops, bottoms = list[Formula](), list(below)
        for each in scalars:
            if each.kind is Kind.POWER and each.coefficient < 0:
                bottoms.append(self.formula(self.algebra.power(each.parts[0], -each.coefficient), ()))
            else:
                tops.append(self.formula(each, ()))
        is_negative, factor = factor < 0, abs(factor)
        if main.op == "neg":
            is_negative, main = not is_negative, main.parts[0]
        if main.op == "/":
            bottoms += main.parts[1].parts if main.parts[1].op == "*" else [main.parts[1]]
            main = main.parts[0]
        return scaled(-factor if is_negative else factor, [*tops, *above, main], bottoms)


def _setting(node: Indexed) -> Formula:
    """A setting of a function: a decimal, as a quotient is none.  Raises `Unprintable` for what has none."""
    decimal = decimal_text(abs(node.coefficient)) if node.is_number else None
    if decimal is None:
        raise Unprintable("a setting that is no decimal")
    setting = Formula("number", (), 0, text=decimal)
    return negative(setting) if node.coefficient < 0 else setting


def _shown(entry: Indexed) -> Axes:
    """Free indices in the order in which an expression shows them."""
    order: dict[Index, None] = {}
    waiting = [entry]
    while waiting:
        node = waiting.pop()
        order.update(dict.fromkeys(node.indices))
        waiting += node.parts[::-1]
    return tuple(each for each in order if each in entry.free)
