"""The normal form of products under sums: what makes equal products the same.

A product is opened into its factors, deltas rename the indices that they bind, equal factors become powers, and what stands
alone over an index that sums to 1 or to 0 is summed.  Each rule returns another product, or None where it does not apply.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from gradcalc.engines.indexed.canonical import named
from gradcalc.engines.indexed.constants import is_0_or_1, sums_to_1, unit_place
from gradcalc.engines.indexed.inverses import chain_of, inverse_of, opened_inverse
from gradcalc.engines.indexed.nodes import ONE, ZERO, Index, Indexed, Kind, size_of, split

if TYPE_CHECKING:
    from gradcalc.engines.indexed.algebra import Algebra

Factors = list[Indexed]
Rule = Callable[["Algebra", Fraction, Factors, "list[Index]"], "Indexed | None"]


def multiply(algebra: Algebra, factor: Fraction, factors: Factors, bound: list[Index]) -> Indexed:
    """A number times the sum over `bound` of a product, in normal form."""
    factor, flat, bound = _flat(algebra, factor, factors, bound)
    if not factor:
        return ZERO
    result = _first(_FIRST_RULES, algebra, factor, flat, bound)
    if result is not None:
        return result
    flat = _powers(algebra, flat)
    if any(each.kind is Kind.PRODUCT for each in flat):
        return multiply(algebra, factor, flat, bound)
    result = _first(_RULES, algebra, factor, flat, bound)
    if result is not None:
        return result
    if not bound and len(flat) == 1 and factor == 1:
        return flat[0]
    if len(flat) == 1 and flat[0].kind is Kind.SUM and (algebra.expands or (not bound and factor == -1)):
        return algebra.add([closed(algebra, factor, [part], bound) for part in flat[0].parts])
    return named(algebra, factor, flat, bound)


def _first(rules: Sequence[Rule], algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """The product by the first rule that applies."""
    return next((result for rule in rules if (result := rule(algebra, factor, flat, bound)) is not None), None)


def _flat(algebra: Algebra, factor: Fraction, factors: Factors, bound: list[Index]) -> tuple[Fraction, Factors, list[Index]]:
    """The factors of a product with those of the products among them; squares of sums stay."""
    flat: Factors = []
    waiting = factors[::-1]
    while waiting:
        each = waiting.pop()
        if each.kind is not Kind.PRODUCT:
            flat.append(each)
        elif each.bound and (others := waiting.count(each)):  # (x@y)*(x@y): a square
            waiting = [other for other in waiting if other != each]
            factor *= each.coefficient ** (others + 1)
            flat.append(algebra.power(split(each)[1], others + 1))
        else:
            parts, new = algebra.opened(each)
            factor, bound = factor * each.coefficient, bound + new
            waiting += parts[::-1]
    return factor, flat, bound


def closed(algebra: Algebra, factor: Fraction | int, factors: Iterable[Indexed], bound: Iterable[Index]) -> Indexed:
    """A product with bound indices of its own."""
    new = {each: algebra.fresh(size_of(each)) for each in bound}
    return algebra.multiply(factor, [algebra.rename(each, new) for each in factors], new.values())


def _without_delta(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """A delta with a bound index renames it."""
    for place, each in enumerate(flat):
        if each.kind is Kind.DELTA:
            i, j = each.indices
            gone = i if i in bound else j if j in bound else None
            if gone is not None:
                kept = j if gone == i else i
                rest = [algebra.rename(other, {gone: kept}) for other in flat[:place] + flat[place + 1 :]]
                return algebra.multiply(factor, rest, [at for at in bound if at != gone])
    return None


def _of_units(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """The entries of a vector at two places are no entry; a sum of such vectors is multiplied out beside another."""
    places: dict[Index, int] = {}
    for each in flat:
        place = unit_place(each)
        if place is not None and each.indices[0] in bound:
            other = places.setdefault(each.indices[0], place)
            if other != place and (other < 0) == (place < 0):
                return ZERO
    for each in flat if places else ():
        inside = [term for term in each.parts if _has_unit(term, places)] if each.kind is Kind.SUM else []
        if inside:
            rest = [other for other in flat if other is not each]
            groups = [*inside, algebra.add([term for term in each.parts if term not in inside])]
            return algebra.add([closed(algebra, factor, [*rest, group], bound) for group in groups])
    return None


def _has_unit(node: Indexed, places: Collection[Index]) -> bool:
    if unit_place(node) is not None:
        return node.indices[0] in places
    return node.kind in (Kind.PRODUCT, Kind.SUM) and any(_has_unit(part, places) for part in node.parts)


def _expanded(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """A sum with a delta inside is multiplied out, so that the delta can act; and one of more than two dimensions.

    An algebra that expands multiplies out every sum.
    """
    for place, each in enumerate(flat):
        if each.kind is not Kind.SUM:
            continue
        inside = [term for term in each.parts if _has_delta(term, bound)]
        if (len(each.free) > 2 and bound) or (algebra.expands and len(flat) > 1):
            inside = list(each.parts)
        if inside:
            rest = flat[:place] + flat[place + 1 :]
            outside = [term for term in each.parts if term not in inside]
            groups = [*inside, *([algebra.add(outside)] if outside else [])]
            return algebra.add([closed(algebra, factor, [*rest, group], bound) for group in groups])
    return None


def _has_delta(node: Indexed, bound: Sequence[Index]) -> bool:
    if node.kind is Kind.DELTA:
        return any(each in bound for each in node.indices)
    return node.kind in (Kind.PRODUCT, Kind.SUM) and any(_has_delta(part, bound) for part in node.parts)


def _powers(algebra: Algebra, flat: Factors) -> Factors:
    """Equal factors as powers; what is 0 or 1 is its own square."""
    exponents: dict[Indexed, Fraction] = {}
    for each in flat:
        base, exponent = (each.parts[0], each.coefficient) if each.kind is Kind.POWER else (each, Fraction(1))
        exponents[base] = exponents.get(base, Fraction(0)) + exponent
    exponents = {base: Fraction(1) if power > 0 and is_0_or_1(base) else power for base, power in exponents.items()}
    return [algebra.power(base, exponent) for base, exponent in exponents.items() if exponent]


# ----------------------------------------------------------------------------------------------------------------- rules


def _alone(each: Indexed, flat: Factors, bound: list[Index]) -> list[Index]:
    """The bound indices that a factor alone has."""
    others = [other for other in flat if other is not each]
    return [at for at in bound if at in each.free and not any(at in other.free for other in others)]


def _summed_away(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """Probabilities sum to 1, deviations from a mean to 0."""
    for each in flat:
        alone = _alone(each, flat, bound)
        line = None
        if each.kind is Kind.VARIABLE and (each.name in algebra.stochastic or sums_to_1(each.name)):
            line = each.indices[-1]
        elif each.is_block("softmax") and each.indices[0] not in each.parts[0].free:
            line = each.indices[0]
        if line in alone:
            rest = [other for other in flat if other is not each]
            return algebra.multiply(factor, rest, [at for at in bound if at != line])
        if each.kind is Kind.SUM and alone and algebra.add([closed(algebra, 1, [it], alone) for it in each.parts]) == ZERO:
            return ZERO
    return None


def _content(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """The number that all terms of a sum have in front comes out."""
    for each in flat:
        if each.kind is Kind.SUM and not algebra.expands:
            numbers = [split(term)[0] if term.parts else term.coefficient for term in each.parts]
            content = Fraction(math.gcd(*(it.numerator for it in numbers)), math.lcm(*(it.denominator for it in numbers)))
            if content != 1:
                inner = algebra.add([algebra.multiply(1 / content, [term]) for term in each.parts])
                return algebra.multiply(factor * content, [*(it for it in flat if it is not each), inner], bound)
    return None


def _common_factor(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """The factors that all terms of a sum have come out, where there is a sum over them."""
    for each in flat:
        if each.kind is Kind.SUM and bound and not algebra.expands and (shared := _shared(each)):
            inner = algebra.add([_without(algebra, term, shared) for term in each.parts])
            return algebra.multiply(factor, [*(it for it in flat if it is not each), *shared, inner], bound)
    return None


def _shared(total: Indexed) -> Factors:
    """The factors, without bound indices, that all terms of a sum have."""
    lists = [
        [part for part in term.parts if part.free.isdisjoint(term.bound)] if term.kind is Kind.PRODUCT else [term]
        for term in total.parts
    ]
    return [each for each in lists[0] if all(each in other for other in lists[1:]) and each != ONE]


def _without(algebra: Algebra, term: Indexed, shared: Factors) -> Indexed:
    """A term without some of its factors."""
    if term.kind is not Kind.PRODUCT:
        return ONE
    parts = list(term.parts)
    for each in shared:
        parts.remove(each)
    return closed(algebra, term.coefficient, parts, term.bound)


def _inverse(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """A matrix times its inverse is the identity."""
    for each in flat:
        for other in flat:
            if each is not other and each.is_block("inv") and (found := _cancels(algebra, each, other, bound)):
                i, k, j = found
                rest = [it for it in flat if it is not each and it is not other]
                if not any(j in it.free for it in rest):
                    return algebra.multiply(factor, [algebra.delta(i, k), *rest], [at for at in bound if at != j])
    return None


def _cancels(algebra: Algebra, inverse: Indexed, other: Indexed, bound: list[Index]) -> tuple[Index, Index, Index] | None:
    """inv(M)[i, j]*M[j, k] and M[k, j]*inv(M)[j, i], summed over j: i, k and j."""
    for place in (0, 1):
        i, j = inverse.indices[place], inverse.indices[1 - place]
        for k in other.free:
            if j in bound and j in other.free and k not in (i, j):
                names = (j, k) if place == 0 else (k, j)
                if algebra.rename(inverse.parts[0], dict(zip(inverse.bound, names, strict=True))) == other:
                    return i, k, j
    return None


def _opened(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """The inverse of a product of square matrices, where one of them stands beside it: B@inv(A@B) is inv(A)."""
    for each in flat:
        chain = chain_of(algebra, each) if each.is_block("inv") else None
        if chain is None:
            continue
        i, j = each.indices
        rest = [it for it in flat if it is not each]
        between = algebra.fresh(size_of(i))
        ends = [inverse_of(algebra, chain.links[-1], [i, between]), inverse_of(algebra, chain.links[0], [between, j])]
        if any(end.is_block("inv") and _cancels(algebra, end, other, bound) for end in ends for other in rest):
            return algebra.multiply(factor, [*rest, opened_inverse(algebra, chain, each.indices)], bound)
    return None


def _recognised(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """exp(u)/(1 + exp(u)) is sigmoid(u), exp(u)/sum(exp(u)) is softmax(u), relu(u)*heaviside(u) is relu(u)."""
    exponentials = [each for each in flat if each.is_function("exp")]
    for each in flat:
        new = _of_step(algebra, each, flat) or _of_sigmoid(algebra, each, flat)
        new = new or _of_quotient(algebra, each, flat, exponentials)
        if new is not None:
            return algebra.multiply(factor, new, bound)
    return None


def _of_step(algebra: Algebra, each: Indexed, flat: Factors) -> Factors | None:
    base = each.parts[0] if each.kind is Kind.POWER else each
    if base.is_function("relu") and (step := algebra.function("heaviside", base.parts)) in flat:
        return [other for other in flat if other != step]
    return None


def _of_sigmoid(algebra: Algebra, each: Indexed, flat: Factors) -> Factors | None:
    """exp(v)*sigmoid(-v) is sigmoid(v)."""
    if each.is_function("sigmoid"):
        opposite = algebra.multiply(-1, each.parts)
        if (other := algebra.function("exp", [opposite])) in flat:
            return [*(it for it in flat if it is not each and it != other), algebra.function("sigmoid", [opposite])]
    return None


def _of_quotient(algebra: Algebra, each: Indexed, flat: Factors, exponentials: Factors) -> Factors | None:
    if each.kind is not Kind.POWER or each.coefficient.denominator != 1 or each.coefficient > 0:
        return None
    base, rest = each.parts[0], [it for it in flat if it is not each]
    lower = algebra.power(base, each.coefficient + 1)
    if base.kind is Kind.SUM and len(base.parts) == 2 and ONE in base.parts:
        other = base.parts[1 - base.parts.index(ONE)]
        if not other.is_function("exp"):
            return None
        if other in exponentials:
            rest.remove(other)
            return [*rest, algebra.function("sigmoid", other.parts), lower]
        return [*rest, algebra.function("sigmoid", [algebra.multiply(-1, other.parts)]), lower]
    is_total = base.kind is Kind.PRODUCT and len(base.bound) == len(base.parts) == 1 and base.coefficient == 1
    if not is_total or not base.parts[0].is_function("exp"):
        return None
    (at,) = base.bound
    for exponential in exponentials:
        for i in exponential.free:
            if size_of(i) == size_of(at) and i not in base.free and algebra.rename(base.parts[0], {at: i}) == exponential:
                rest = [it for it in rest if it is not exponential]
                return [*rest, algebra.block("softmax", base.parts[0].parts[0], [at], [i]), lower]
    return None


def _sizes(algebra: Algebra, factor: Fraction, flat: Factors, bound: list[Index]) -> Indexed | None:
    """A sum over an index that no factor has is a size."""
    used = frozenset[Index]().union(*(each.free for each in flat))
    empty = [at for at in bound if at not in used]
    if not empty:
        return None
    sizes = [algebra.count(at) for at in empty]
    return algebra.multiply(factor, [*flat, *sizes], [at for at in bound if at in used])


_FIRST_RULES: Sequence[Rule] = (_without_delta, _of_units, _expanded)
_RULES: Sequence[Rule] = (_summed_away, _content, _common_factor, _inverse, _opened, _recognised, _sizes)
