"""Faults of torch in whole answers: `gradcalc.differentiate` is asked while torch is wrong.

Comes in: a question as a function that answers it.  Goes out: an `Answer`, with the verdicts of all partials, what torch
returned for them, and what its program computes.  Faults are in torch, so that the answer takes the path that it always
takes: gradients are changed by hooks, kernels by wrong results, memory behind the record's back.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count
from typing import Any

import torch
from flint import arb
from torch.utils._python_dispatch import _disable_current_modes

from gradcalc.calculate import at_point
from gradcalc.calculate.judging import PointJudge
from gradcalc.calculate.partial_list import JudgedPartials
from gradcalc.engines.autograd import backward
from gradcalc.engines.autograd.forward import Hook
from gradcalc.engines.autograd.operation import TensorOperation
from gradcalc.engines.taylor.reals import agree
from gradcalc.expression.tree import Call, Node
from gradcalc.proof.agreement import ZERO
from gradcalc.proof.floats.aten_elementwise import MEANINGS
from gradcalc.proof.floats.memory import same_float
from gradcalc.report import LazyPartials, Report, Verdict
from support import faulty
from support.faulty import Gradient

Ask = Callable[[], Report]


@dataclass(frozen=True)
class Answer:
    """A report and the judge behind it."""

    report: Report
    judge: PointJudge

    @cached_property
    def verdicts(self) -> list[str]:
        """The verdict of every partial, as the report counts them."""
        partials = self.report.partials
        if not isinstance(partials, LazyPartials):
            return [str(partial.verdict) for partial in partials]
        judged: JudgedPartials = partials._make.__self__  # type: ignore[attr-defined]
        agree_or_not = (Verdict.AGREE if agrees else Verdict.UNDECIDED for agrees in judged._agreeing)
        return [str(judged._verdicts.get(number, verdict)) for number, verdict in enumerate(agree_or_not)]

    @property
    def is_complete(self) -> bool:
        """Whether there was time to judge all partials."""
        partials = self.report.partials
        return not isinstance(partials, LazyPartials) or not partials._make.__self__._reason  # type: ignore[attr-defined]

    @cached_property
    def places(self) -> list[int]:
        """Of which entry of the value every partial is."""
        lines = self.judge.prepared.partials.lines()
        return [line.place for line in lines for _ in line.axis.positions]

    @cached_property
    def numbers(self) -> list[float]:
        """What torch returned for every partial."""
        numbers: list[float] = []
        for line in self.judge.prepared.partials.lines():
            floats = self.judge.runs[line.place].gradient(line.prefix, line.axis.variable)
            numbers += [math.nan] * len(line.axis.positions) if floats is None else floats[line.axis.positions].tolist()
        return numbers

    @property
    def values(self) -> list[float | None]:
        """What torch returned for every entry of the value."""
        return [run.value for run in self.judge.runs]

    @cached_property
    def programs(self) -> list[Any]:
        """What its program computes for every partial, exactly; None where that is not known."""
        enclosures: list[Any] = []
        for line in self.judge.prepared.partials.lines():
            run, trace = self.judge.runs[line.place], self.judge.trace(line.place)
            view = None if trace is None else run.gradient_view(line.prefix, line.axis.variable)
            if trace is None or view is None:
                enclosures += [None if trace is None else ZERO] * len(line.axis.positions)
            else:
                own = trace.enclosures(view, 1024) if trace.is_current(view) else [None] * view.size
                enclosures += [own[at] for at in line.axis.positions]
        return enclosures

    @cached_property
    def program_values(self) -> list[Any]:
        """What its program computes for every entry of the value."""
        values: list[Any] = []
        for place in range(len(self.judge.runs)):
            trace = self.judge.trace(place)
            key = None if trace is None else trace.program.value
            values.append(None if trace is None or key is None else trace.replay_at(1024).ball(key))
        return values

    @property
    def operations(self) -> Sequence[TensorOperation]:
        """The operations of the record."""
        trace = self.judge.trace(0)
        assert trace is not None
        return trace.program.tensor_operations

    @property
    def forward_size(self) -> int:
        """How many of them make the value."""
        run = self.judge.runs[0]
        assert run.recording is not None
        assert run.recording.recorder is not None
        return run.recording.recorder.recording.forward


def answered(ask: Ask, within: AbstractContextManager[object] | None = None) -> Answer:
    """The answer to a question, while torch is as it is within a context."""
    judges: list[PointJudge] = []

    class Kept(PointJudge):
        def __init__(self, *args: Any) -> None:
            judges.append(self)
            super().__init__(*args)

    own = at_point.PointJudge
    at_point.PointJudge = Kept  # type: ignore[misc]
    try:
        with within or nullcontext():
            report = ask()
    finally:
        at_point.PointJudge = own  # type: ignore[misc]
    return Answer(report, judges.pop())  # not kept alive by its class


# ---------------------------------------------------------------------------------------------------------------- where


@contextmanager
def at_calls(make: Callable[[], Hook]) -> Iterator[None]:
    """Every forward pass has a hook at its calls, each time a new one."""
    build = backward.build
    backward.build = lambda tree, inputs, constants, _=None: build(tree, inputs, constants, make())
    try:
        yield
    finally:
        backward.build = build


@contextmanager
def at_input(name: str, change: Gradient) -> Iterator[None]:
    """The gradient by a variable is changed as it arrives; by its second derivatives, too."""
    build = backward.build
    handles: list[Any] = []

    def changed(tree: Node, inputs: Any, constants: Any, hook: Hook | None = None) -> torch.Tensor:
        while handles:
            handles.pop().remove()
        handles.append(inputs[name].register_hook(change))
        return build(tree, inputs, constants, hook)

    backward.build = changed
    try:
        yield
    finally:
        backward.build = build


@contextmanager
def in_kernel(place: int, entry: int, factor: float) -> Iterator[None]:
    """An operation of the record has an entry of its result off by a factor; torch runs once."""
    calls, runs = count(), backward.runs

    def change(_: int, function: Any) -> Any:
        return faulty._Off(function, factor, entry) if next(calls) == place else function

    backward.runs = lambda *args, **options: runs(*args, **options, hook=lambda _, tensor: tensor)
    try:
        with faulty.each_call(change):
            yield
    finally:
        backward.runs = runs


def beside_the_record(change: Callable[[torch.Tensor], object]) -> Gradient:
    """A tensor is changed where it lies, and the record does not see it."""

    def changed(tensor: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), _disable_current_modes():
            change(tensor.detach())
        return tensor

    return changed


def saved_tensor_written(place: int, change: Callable[[torch.Tensor], object]) -> Hook:
    """The tensor of a call is written to after the forward pass, where the backward pass reads it."""
    tensors: list[torch.Tensor] = []
    number = count()

    def hook(_: Node, tensor: torch.Tensor) -> torch.Tensor:
        if next(number) == place:
            tensors.append(tensor.detach())
        elif tensors and tensor.requires_grad:

            def write(g: torch.Tensor) -> torch.Tensor:
                with _disable_current_modes():
                    while tensors:
                        change(tensors.pop().data)
                return g

            tensor.register_hook(write)
        return tensor

    return hook


# --------------------------------------------------------------------------------------------------------------- what


@dataclass(frozen=True)
class Fault:
    """A fault, and torch while it has it."""

    kind: str
    what: str
    torch: Callable[[], AbstractContextManager[object]]
    is_recorded: bool = True
    """Whether the record shows what the fault does."""
    operation: str = ""
    """Of a kernel, its name."""


def entry_of(change: Callable[[torch.Tensor, int], None], place: int) -> Gradient:
    """Changes a copy of a tensor as one dimension."""

    def changed(tensor: torch.Tensor) -> torch.Tensor:
        copy = tensor.reshape(-1).clone() if tensor.dim() else tensor.reshape(1).clone()
        change(copy, place % copy.numel())
        return copy.reshape(tensor.shape)

    return changed


def _in_place(change: Callable[[torch.Tensor, int], None], place: int) -> Callable[[torch.Tensor], None]:
    def changed(tensor: torch.Tensor) -> None:
        flat = tensor.as_strided((1,), (1,), tensor.storage_offset()) if not tensor.dim() else tensor
        index = tuple(at.item() for at in torch.unravel_index(torch.tensor(place % flat.numel()), flat.shape))
        change(flat[index].reshape(1), 0)

    return changed


def scale(factor: float) -> Callable[[torch.Tensor, int], None]:
    def change(flat: torch.Tensor, at: int) -> None:
        flat[at] *= factor

    return change


def _swap(flat: torch.Tensor, at: int) -> None:
    other = (at + 1) % flat.numel()
    pair = flat[at].clone(), flat[other].clone()
    flat[other], flat[at] = pair


def _row_lost(place: int) -> Gradient:
    def changed(g: torch.Tensor) -> torch.Tensor:
        copy = g.clone()
        (copy[place % len(copy)] if g.dim() else copy).zero_()
        return copy

    return changed


SIZES = {"float64": 1e-12, "float32": 1e-6, "float16": 1e-2, "bfloat16": 3e-2}
"""How far entries are off, relatively: some ulps."""


def faults(answer: Answer, chance: random.Random, dtype: str) -> Iterator[Fault]:
    """One fault of each kind, at random places: `answer` is that of the question without a fault."""
    grid = answer.judge.prepared.partials
    axis = chance.choice([axis for axis in grid.axes if axis.shape])
    name, entry = axis.variable, chance.choice(axis.positions)
    eps = SIZES[dtype]

    def gradient(kind: str, what: str, change: Gradient, *, is_recorded: bool = True) -> Fault:
        return Fault(kind, what, lambda: at_input(name, change), is_recorded)

    where = f"gradient by {name}"
    yield gradient("one entry times 1 + eps", where, entry_of(scale(1 + eps), entry))
    yield gradient("a pair of entries swapped", where, entry_of(_swap, entry))
    yield gradient("a row lost", where, _row_lost(entry))
    yield gradient("1/n missing", where, lambda g: g * g.numel())
    yield gradient(
        "one entry written beside the record",
        where,
        beside_the_record(_in_place(scale(1 + 10 * eps), entry)),
        is_recorded=False,
    )
    yield gradient("a stale buffer", where, beside_the_record(lambda g: g.copy_(g.roll(1).clone())), is_recorded=False)
    yield gradient("a result of a kernel that is not recorded", where, _recomputed(1.0), is_recorded=False)
    yield gradient("a result of a kernel that is not recorded, off", where, _recomputed(1 + 10 * eps), is_recorded=False)
    calls = _calls(answer)
    squares = [(None, axis.variable) for axis in grid.axes if len(axis.shape) == 2 and axis.shape[0] == axis.shape[1]]
    squares += [(place, node) for place, node, shape in calls if len(shape) == 2 and shape[0] == shape[1]]
    if squares:
        place, what = chance.choice(squares)
        transposed = faulty.transposed
        yield Fault("transposed", f"gradient at {what}", partial(_at, place, str(what), transposed))
    inner = [(place, node) for place, node, _ in calls]
    if inner:
        place, node = chance.choice(inner)
        number = chance.randrange(10_000)
        yield Fault(
            "one entry times 1 + eps, inside",
            f"gradient at {node}",
            partial(_at, place, node, entry_of(scale(1 + eps), number)),
        )
        change = _in_place(scale(1 + 10 * eps), number)
        hook = faulty.with_gradient(beside_the_record(change))
        yield Fault(
            "written beside the record, inside",
            f"gradient at {node}",
            partial(at_calls, lambda: faulty.at_call(place, hook)),
            False,
        )
        yield Fault(
            "forward, written beside the record",
            f"value of {node}",
            partial(at_calls, lambda: faulty.at_call(place, beside_the_record(change))),
            False,
        )
        yield Fault(
            "a saved tensor written to",
            f"value of {node}",
            partial(at_calls, lambda: saved_tensor_written(place, change)),
            False,
        )
        yield Fault(
            "another function inside",
            f"value of {node}",
            partial(at_calls, lambda: faulty.at_call(place, lambda t: t + 1e-3)),
        )
        last, node = inner[-1]
        yield Fault(
            "the value off, the derivative right",
            f"value of {node}",
            partial(at_calls, lambda: faulty.at_call(last, lambda t: t + 1e-3)),
        )
    yield from _wrong_rules(answer, chance)
    yield from _kernels(answer, chance, eps)


def _recomputed(factor: float) -> Gradient:
    """The same numbers, or some that are off, in new memory that the record knows nothing of."""

    def changed(g: torch.Tensor) -> torch.Tensor:
        with _disable_current_modes():
            return g * factor

    return changed


def _at(place: int | None, name: str, change: Gradient) -> AbstractContextManager[None]:
    if place is None:
        return at_input(name, change)
    return at_calls(lambda: faulty.at_call(place, faulty.with_gradient(change)))


def _calls(answer: Answer) -> list[tuple[int, str, tuple[int, ...]]]:
    """The calls that have a gradient: their places in the order of building, names and shapes."""
    calls: list[tuple[int, str, tuple[int, ...]]] = []
    number = count()

    def hook(node: Node, tensor: torch.Tensor) -> torch.Tensor:
        place = next(number)
        if tensor.requires_grad:
            calls.append((place, node.name if isinstance(node, Call) else "", tuple(tensor.shape)))
        return tensor

    judge = answer.judge
    tree, run = judge.prepared.tree, judge.runs[0]
    dtype = getattr(torch, judge.setting.form.name)
    shapes = {name: it.shape for name, it in judge.setting.exact.items()}
    names = {axis.variable for axis in judge.prepared.partials.axes}
    inputs = {
        name: torch.tensor(numbers, dtype=dtype).reshape(shapes[name]).requires_grad_(name in names)
        for name, numbers in run.input_arrays.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice is for those who train
        backward.build(tree, inputs, backward.constants_of(tree, dtype, judge.setting.device), hook)
    return calls


def _wrong_rules(answer: Answer, chance: random.Random) -> Iterator[Fault]:
    names = {name for _, name, _ in _calls(answer)}
    rules = [(name, what) for name in sorted(names) for what in sorted(faulty.WRONG_OF_ARRAYS.get(name, {}))]
    if rules:
        name, what = chance.choice(rules)
        rule = faulty.of_another(faulty.WRONG_OF_ARRAYS[name][what])
        yield Fault("a wrong rule of an array function", f"{name}: {what}", lambda: faulty.own_backward(name, rule))


def _kernels(answer: Answer, chance: random.Random, eps: float) -> Iterator[Fault]:
    """An operation of the forward pass, and one of the backward pass, that return another number in one entry."""
    starts = {"forward": (0, answer.forward_size), "backward": (answer.forward_size, len(answer.operations))}
    for phase, (start, end) in starts.items():
        places = [place for place in range(start, end) if _is_float_kernel(answer.operations[place])]
        for size in (eps, 1e-2):
            if places:
                place = chance.choice(places)
                op = answer.operations[place]
                entry = chance.randrange(op.results[0].size)
                kind = f"a kernel of the {phase} pass off by {'1 + eps' if size == eps else size}"
                yield Fault(kind, f"{op.base}[{entry}]", partial(in_kernel, place, entry, 1 + size), True, op.base)


def _is_float_kernel(op: TensorOperation) -> bool:
    if op.base not in MEANINGS or not op.results or op.results[0].floats.dtype.kind != "f":
        return False
    return bool(abs(op.results[0].floats).min(initial=1.0) > 0)


# ------------------------------------------------------------------------------------------------------------- how far


def reached(fault: Fault, before: Answer, after: Answer) -> list[bool]:
    """The partials for which there may be no agreement: their program, or that of their value, is another one.

    Where the record does not show the fault, and for kernels, the floats tell.
    """
    by_floats = not fault.is_recorded or bool(fault.operation)
    values = [
        _is_apart(old, new) or (by_floats and not same_float(x, y))
        for old, new, x, y in zip(before.program_values, after.program_values, before.values, after.values, strict=True)
    ]
    pairs = zip(before.places, before.programs, after.programs, before.numbers, after.numbers, strict=True)
    return [
        values[place] or _is_apart(old, new) or ((by_floats or new is None) and not same_float(x, y))
        for place, old, new, x, y in pairs
    ]


def untouched(before: Answer, after: Answer) -> list[bool]:
    """The partials that torch returned as before, of a value that it returned as before, from a program that is known."""
    values = [same_float(x, y) for x, y in zip(before.values, after.values, strict=True)]
    pairs = zip(before.places, before.programs, after.programs, before.numbers, after.numbers, strict=True)
    return [values[place] and same_float(x, y) and _is_like(old, new) for place, old, new, x, y in pairs]


def _is_like(old: Any, new: Any) -> bool:
    """Whether a program is known as well as another one, and may compute the same number."""
    if not _is_number(old) or not _is_number(new):
        return old is None
    return agree(old, new) and bool(arb(new).rad() <= 2 * arb(old).rad())


def _is_apart(old: Any, new: Any) -> bool:
    """Whether two programs certainly compute different numbers."""
    return _is_number(old) and _is_number(new) and not agree(old, new)


def _is_number(value: Any) -> bool:
    return value is not None and (isinstance(value, int) or hasattr(value, "is_finite"))
