"""An expression of arrays at a point, in exact arithmetic: its values, its gradients, the rows of its Hessian.

Comes in: a tree, the exact values of its variables, and what a machine made of its constants.  Goes out: real numbers that
are known to `reals.PROVEN_BITS` bits, or None.

A gradient is one pass back (reverse mode) over slopes that one evaluation finds: the cost grows with the entries, not with
entries times variables.  A row of the Hessian is a pass of tangents forward, and one back (forward over reverse).  Entries
that reach a place where a function is not smooth have no derivative here: their own rays tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from math import isfinite, prod
from typing import Any

from flint import arb, fmpq

from gradcalc.engines.taylor import evaluate, reals
from gradcalc.engines.taylor.array_program import build_program
from gradcalc.engines.taylor.array_steps import Flat
from gradcalc.engines.taylor.array_sweep import Sweep
from gradcalc.engines.taylor.jets import NAN, is_nan
from gradcalc.engines.taylor.reals import PROVEN_BITS, NotReal, Real, Unresolved, exact
from gradcalc.expression.arrays import Array, Shape
from gradcalc.expression.tree import Node, Number, Program

_BITS = (reals.START_BITS, 2 * reals.START_BITS)
"""Precisions that are tried: no number counts as zero without proof at them.  What is not known then may be zero."""
_EXACT_ENTRIES = 1_024
"""Binary numbers of an array up to which they are rationals; more of them are balls without a radius."""

Numbers = Sequence[Real | None]


class ArrayAt:
    """An expression of arrays at a point, in exact arithmetic.

    The entries of `values` are constant trees (what was typed), fractions, enclosures, or a numpy array of binary numbers;
    `constants` replaces literals and constants, by their text, by the numbers a machine holds for them.  Where gradients by
    `variables` will be asked for, the value comes from the same evaluation.

    Raises `CalcError` for shapes that do not fit, and for targets that name no class.
    """

    def __init__(
        self,
        tree: Node | Program,
        values: Mapping[str, Array[Any]],
        constants: Mapping[str, Fraction] | None = None,
        variables: Collection[str] = (),
    ):
        self._program = build_program(tree, values)
        self._arrays, self._variables = values, frozenset(variables)
        self._literal = evaluate.literals(constants or {})
        self._exact: dict[str, Flat] = {}
        self._sweeps: dict[tuple[int, int, frozenset[str]], Sweep] = {}

    @property
    def shape(self) -> Shape:
        """The shape of the value."""
        return self._program.shape

    def value(self) -> Numbers:
        """The entries of the value; None where there is no number, or it is not known well enough."""
        values: list[Real | None] = [None] * prod(self.shape)
        for bits in _BITS:
            with reals.precision(bits):
                key = next((key for key in self._sweeps if key[0] == bits), (bits, 1, self._variables))
                sweep = self._sweep(*key)
            values = _merged(values, _known(sweep.values))
            missing = [ball for value, ball in zip(values, sweep.values, strict=True) if value is None]
            if sweep.is_resolved and all(map(is_nan, missing)):
                break
        return values

    def undefined(self) -> Sequence[bool]:
        """Which entries of the value are known to be no number."""
        with reals.precision(_BITS[-1]):
            sweep = self._sweep(_BITS[-1], 1, self._variables)
        return [sweep.is_resolved and is_nan(ball) for ball in sweep.values]

    def gradient(self, place: int, names: Collection[str]) -> Mapping[str, Numbers]:
        """The derivatives of an entry of the value by the entries of variables, flat."""
        return self._derivatives(place, names, None)

    def hessian_rows(self, place: int, name: str, position: int, names: Collection[str]) -> Mapping[str, Numbers]:
        """The derivatives, by the entries of variables, of the partial by an entry of `name`."""
        return self._derivatives(place, names, (name, position))

    def _derivatives(self, place: int, names: Collection[str], along: tuple[str, int] | None) -> Mapping[str, Numbers]:
        """Derivatives of an entry of the value, or of its partial along an entry of a variable, at growing precision."""
        numbers: dict[str, list[Real | None]] = {name: [None] * len(self._arrays[name].entries) for name in names}
        order, moving = (1, frozenset(names)) if along is None else (2, frozenset([along[0], *names]))
        for bits in _BITS:
            with reals.precision(bits):
                if _add(numbers, self._sweep(bits, order, moving), place, along):
                    break
        return numbers

    def _sweep(self, bits: int, order: int, moving: frozenset[str]) -> Sweep:
        """The sweep at the present precision, which is that of so many bits."""
        key = bits, order, moving
        if key not in self._sweeps:
            self._sweeps[key] = Sweep(self._program, self._point(), self._literal, moving, order)
        return self._sweeps[key]

    def _point(self) -> dict[str, Flat]:
        """The values of the variables at the present precision."""
        point = dict(self._exact)
        for name in self._program.variables:
            if name not in point:
                entries: Any = self._arrays[name].entries
                is_binary = hasattr(entries, "tolist")
                is_exact = len(entries) <= _EXACT_ENTRIES
                values = [_number(entry, is_exact=is_exact) for entry in (entries.tolist() if is_binary else entries)]
                if is_binary or all(isinstance(value, fmpq) for value in values):
                    self._exact[name] = values
                point[name] = values
        return point


def _add(numbers: dict[str, list[Real | None]], sweep: Sweep, place: int, along: tuple[str, int] | None) -> bool:
    """Add what a sweep tells to derivatives by variables; whether more precision would tell no more."""
    if not reals.is_accurate(sweep.values[place]):
        return sweep.is_resolved and is_nan(sweep.values[place])
    singular = sweep.singular_entries(place)
    if along is not None and along[0] in singular and singular[along[0]][along[1]]:
        return sweep.is_resolved
    slopes = sweep.adjoints(place) if along is None else sweep.adjoints_along(place, *along)
    missing = 0
    for name, before in numbers.items():
        after = _known(slopes.get(name) or [fmpq(0)] * len(before))
        excluded = singular.get(name, b"")
        numbers[name] = _merged(before, after, excluded)
        missing += numbers[name].count(None) - excluded.count(1)
    return sweep.is_resolved and not missing


def _number(entry: Node | Fraction | float | Real, *, is_exact: bool) -> Real:
    """The value of an entry of a variable; binary numbers are rationals if `is_exact`."""
    if isinstance(entry, arb | fmpq):
        return entry
    if isinstance(entry, float):
        return fmpq(*entry.as_integer_ratio()) if is_exact and isfinite(entry) else arb(entry)
    if isinstance(entry, Fraction | int):
        return exact(entry)
    if isinstance(entry, Number):
        return exact(entry.value)
    try:
        return evaluate.evaluate(entry, {}).value
    except (Unresolved, NotReal):
        return NAN


def _known(values: Sequence[Real]) -> list[Real | None]:
    """The numbers that are known well enough, None for the others: `reals.is_accurate` of many."""
    return [
        value if isinstance(value, fmpq) or (value.rel_accuracy_bits() >= PROVEN_BITS and value.is_finite()) else None
        for value in values
    ]


def _merged(before: Sequence[Real | None], after: list[Real | None], excluded: bytes = b"") -> list[Real | None]:
    """Numbers, with others for those that are missing and not excluded."""
    if excluded:
        after = [None if mark else number for number, mark in zip(after, excluded, strict=True)]
    return [other if number is None else number for number, other in zip(before, after, strict=True)]
