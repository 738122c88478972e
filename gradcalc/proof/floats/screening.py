"""The floats of an operation on arrays, screened in double precision: which of them need a closer look.

Comes in: an operation on tensors with its floats.  Goes out: the error of every entry in ulps, to a few digits, and the
places of those of which there may be something to say.  An entry is left out only where its float is certainly a normal
number within its bound.

Bounds: half an ulp or that of the function, (n - 1)*u*sum(abs(x)) for sums and n*u*sum(abs(x*y)) for products, as the rows
of single numbers have them, or less.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from gradcalc.engines.autograd import moves, scalarize_trace
from gradcalc.engines.autograd.operation import Numbers, TensorOperation, TensorView
from gradcalc.proof.floats.arithmetic import Exact, Rounded
from gradcalc.proof.floats.array_operations import exact_results, matrices
from gradcalc.proof.floats.aten_elementwise import FUNCTIONS, VIEWS, is_structural
from gradcalc.proof.floats.entrywise import Entries, has_entries
from gradcalc.proof.floats.formats import Format
from gradcalc.proof.floats.memory import Balls, arguments_with, array_of, balls_of, recorded
from gradcalc.proof.floats.vendor_bounds import CORRECTLY_ROUNDED, MAX_ULPS

_SLACK = 1e-6
"""What the double arithmetic here may be off by, relatively, many times over."""
_LEAST = 2.0**-900
"""Below it, doubles have too few bits to measure an error of doubles by."""


@dataclass(frozen=True, slots=True)
class Screening:
    """The errors of the entries in ulps, and the places of those that need a closer look."""

    ulps: Numbers
    suspects: Sequence[int]


_NOTHING = Screening(np.zeros(0), ())


def screen(op: TensorOperation, form: Format, device: str, literals: Collection[float]) -> Screening | None:
    """Screen the results of an operation on arrays; None where only its row can tell."""
    if not op.results or not op.results[0].size:
        return _NOTHING
    if op.results[0].floats.dtype.kind == "b" or _only_moves(op):
        return _moved_wrongly(op)
    view = op.results[0]
    if view.floats.dtype.kind != "f":
        return None
    operands = [recorded(each) for each in op.operands]
    args = arguments_with(op.inputs, operands)
    field = Exact(literals)
    exact = exact_results(op, field, args)
    if exact is not None:
        rooms = None if field.roundings else _rooms(op, form, device)
        return None if rooms is None else _compared(exact[0], view.floats, rooms, form)
    if len(op.results) == 1 and has_entries(op):
        return _by_entries(op, args, form, device, literals)
    return None


# --------------------------------------------------------------------------------------------------------------- moves


def _only_moves(op: TensorOperation) -> bool:
    return op.base in scalarize_trace.DATA_MOVEMENT or is_structural(op.base)


def _moved_wrongly(op: TensorOperation) -> Screening | None:
    """The entries that are not those that they were moved from."""
    if op.base in scalarize_trace.DATA_MOVEMENT and not scalarize_trace.accumulates(op):
        sources = [view.floats for view in moves.moved(op)]
        if not sources:
            return _NOTHING
        places = moves.sources(op)
        own = places == moves.PUT_THERE
        before = np.where(own, op.results[0].floats, np.concatenate([*sources, np.zeros(1)])[places])
    elif op.base in VIEWS and op.results and op.results[0].floats.dtype.kind == "f":
        source = op.inputs[1 if op.base == "copy" else 0]
        if not isinstance(source, TensorView):
            return None
        before = source.floats[scalarize_trace.broadcast_places(source, op.results[0].shape)]
    else:
        return _NOTHING
    after = op.results[0].floats
    wrong = ~((before == after) | ((before != before) & (after != after)))
    return Screening(np.zeros(0), wrong.nonzero()[0].tolist())


# --------------------------------------------------------------------------------------------------------------- bounds


@dataclass(frozen=True, slots=True)
class _Rooms:
    """What a float may be off by: `ulps` of the exact result, and `unit` roundings of numbers as large as `size`."""

    ulps: Any = 0.5
    size: Any = 0.0


def _rooms(op: TensorOperation, form: Format, device: str) -> _Rooms | None:
    """The bound of every entry, or a little less; None where it is not known here."""
    u = 2.0**-form.precision
    base = op.base
    with np.errstate(all="ignore"):
        if base == "neg" or (base == "pow" and op.argument("exponent") in (0, 1)):
            return _Rooms(0.0)
        if base in ("add", "sub", "mul", "square", "pow"):
            return _Rooms(_ulps_of(None, device))
        if base == "div" or base in FUNCTIONS:
            return _Rooms(_ulps_of("divide" if base == "div" else base, device))
        if base in ("sum", "trace", "mean"):
            terms = np.abs(op.views[0].floats)[scalarize_trace.reduced(op)]
            count = terms.shape[1]
            size = terms.sum(axis=1) * max(count - 1, 0) * u
            return _Rooms(0.5, size / count) if base == "mean" else _Rooms(0.5 if count > 1 else 0.0, size)
        if base in scalarize_trace.PRODUCTS:
            return _Rooms(0.5, _product_sizes(op) * u)
    return None


def _product_sizes(op: TensorOperation) -> Numbers:
    pair = zip(op.views[-2:], (True, False), strict=True)
    left, right = (matrices(view, np.abs(view.floats), is_left=is_left) for view, is_left in pair)
    sizes, count = (left @ right).reshape(-1), left.shape[-1]
    if op.base.startswith("add"):
        summand = op.views[0]
        beside = np.abs(summand.floats)[scalarize_trace.broadcast_places(summand, op.results[0].shape)]
        alpha, beta = (abs(float(op.argument(name))) for name in ("alpha", "beta"))
        sizes, count = sizes * alpha + beside * beta, count + 1
    total: Numbers = sizes * count
    return total


def _compared(exact: Balls, floats: Numbers, rooms: _Rooms, form: Format) -> Screening:
    """Floats against the exact results, in double precision."""
    with np.errstate(all="ignore"):
        errors = np.abs(_doubles(exact - balls_of(floats)))
        sizes = np.abs(_doubles(exact))
        exponents = np.clip(np.frexp(sizes)[1] - 1, form.lowest, form.highest)
        ulps = errors / np.ldexp(1.0, exponents - form.precision + 1)
        fine = errors * (1 + _SLACK) <= sizes * rooms.ulps * 2.0 ** (1 - form.precision) + rooms.size
        fine &= np.isfinite(sizes) & np.isfinite(errors) & (sizes >= max(2.0 ** (form.lowest + 1), _LEAST))
    for place in ((sizes == 0) & (floats == 0)).nonzero()[0].tolist():
        fine[place] = exact[place].is_zero()
    return Screening(np.where(fine, ulps, 0.0), (~fine).nonzero()[0].tolist())


def _doubles(balls: Balls) -> Numbers:
    return np.array([float(ball) for ball in balls.tolist()], dtype=np.float64)


# ---------------------------------------------------------------------------------------------------- entry by entry


def _by_entries(
    op: TensorOperation, args: Sequence[Any], form: Format, device: str, literals: Collection[float]
) -> Screening:
    """An elementwise operation: its formula exactly, and where that rounds more than once as a machine computes it."""
    floats = op.results[0].floats
    truth, machine = Exact(literals), Rounded(form, device, literals)
    entries, rounded = Entries(op, truth, args), Entries(op, machine, args)
    has_constants, truth.roundings = bool(truth.roundings), []
    exact, ulps = [], []
    for place, (value,) in enumerate(entries):
        exact.append(value.ball)
        roundings, truth.roundings = truth.roundings, []
        if len(roundings) == 1 and not has_constants:
            ulps.append(_ulps_of(roundings[0], device))
            continue
        machine.has_no_bound = False
        enclosure = rounded.at(place)[0].ball
        is_open = machine.has_no_bound or not enclosure.is_finite()
        ulps.append(math.inf if is_open or enclosure.contains(arb(floats[place])) else 0.0)
    return _compared(array_of(exact), floats, _Rooms(np.array(ulps)), form)


def _ulps_of(function: str | None, device: str) -> float:
    """The bound of a function, or of an operation; infinite where none is documented."""
    bound = CORRECTLY_ROUNDED if function is None else MAX_ULPS.get(function, CORRECTLY_ROUNDED)
    ulps = bound.on(device)
    return math.inf if ulps is None else ulps
