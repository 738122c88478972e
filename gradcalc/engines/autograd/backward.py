"""The backward pass: torch runs an expression and differentiates it.

Comes in: a tree, values for its variables, what to differentiate with respect to, a dtype and a device.  Goes out: the
numbers torch returned, the binary numbers in its tensors, and the program of its operations if it is recorded.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from typing import Any

from gradcalc.expression.arrays import Array, Shape, entry_names
from gradcalc.expression.tree import Node
from gradcalc.runtime import deadline, torch_import

with torch_import.fast_import():
    import numpy as np
    import torch

    from gradcalc.engines.autograd.forward import (
        REFUSALS,
        Constants,
        Hook,
        build,
        constants_of,
        first_line,
        inputs_of,
        is_nonzero,
        python_literals,
    )
    from gradcalc.engines.autograd.operation import Numbers
    from gradcalc.engines.autograd.program import By, RecordedProgram
    from gradcalc.engines.autograd.recorder import AVAILABLE, Recorder, numbers_of
    from gradcalc.engines.autograd.run import (
        Answers,
        ExactInputs,
        Gradients,
        PartialKeys,
        Partials,
        Run,
        locate,
    )


Values = Mapping[str, float | Array[float]]
"""Numbers for the variables; the entries of an array may be a numpy array."""


def run(
    tree: Node,
    values: Values,
    wrts: Sequence[By],
    *,
    dtype: str,
    device: str,
    record: bool = False,
    hook: Hook | None = None,
) -> Run:
    """Evaluate a tree of numbers at a point and differentiate it by each sequence of variables.

    `record` asks for the program.  Never raises for what torch cannot do: that is a `failure`.
    """
    (only,) = runs(tree, values, gradients_of(wrts, values), 1, dtype=dtype, device=device, record=record, hook=hook)
    return replace(only, partials={wrt: only.partials[wrt] for wrt in wrts if not only.failure})


def gradients_of(wrts: Sequence[By], values: Mapping[str, object]) -> Gradients:
    """The gradients in which some partials are, of a function of variables that have these values."""
    gradients: dict[By, dict[str, None]] = {}
    for wrt in wrts:
        entry = wrt[-1]
        gradients.setdefault(wrt[:-1], {})[entry if entry in values else entry.partition("[")[0]] = None
    return {prefix: tuple(variables) for prefix, variables in gradients.items()}


def runs(
    tree: Node,
    values: Values,
    gradients: Gradients,
    count: int,
    *,
    dtype: str,
    device: str,
    record: bool = False,
    hook: Hook | None = None,
) -> list[Run]:
    """The same for a tree of arrays: one answer for each of the `count` entries of its value, from one run.

    Gradients are by whole variables.  That of an entry of the value is from a backward pass of that entry.
    """
    arrays = {name: value if isinstance(value, Array) else Array.scalar(value) for name, value in values.items()}
    torch_type = getattr(torch, dtype)
    shapes = {name: value.shape for name, value in arrays.items()}
    variables = {locate(entry, shapes)[0] for prefix in gradients for entry in prefix}.union(*gradients.values())
    inputs = inputs_of({name: _nested(value) for name, value in arrays.items()}, torch_type, device, variables)
    constants = constants_of(tree, torch_type, device)
    point = _point(arrays, inputs, constants)

    def answers(recorder: Recorder | None = None) -> Answers:
        with recorder.on() if recorder else nullcontext(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice is for those who train
            result = build(tree, inputs, constants, hook)
            if recorder:
                recorder.recording.forward = len(recorder.recording.tensor_operations)
            tensors = [_gradients((result, place), inputs, gradients, shapes) for place in range(count)]
        return Answers(result, tensors, gradients, shapes, recorder)

    recorder = Recorder() if record and AVAILABLE else None
    recording = plain = None
    try:
        # Under a dispatch mode torch may choose other backward formulas (prod does), so the numbers come from a run that is
        # not recorded.  A hook sees one run.  The recorded run comes first: it takes longer, and can be stopped.
        try:
            recording = answers(recorder) if recorder else None
        except REFUSALS:
            if hook is not None:
                raise
        plain = answers() if hook is None or recorder is None else None
    except REFUSALS as error:
        return [replace(point, failure=first_line(error))] * count
    except deadline.OutOfTime:
        return [replace(point, failure="PyTorch exceeded its share of the time limit")] * count
    returned = plain or recording
    assert returned is not None
    plain_runs = [replace(point, **_numbers(returned, place)) for place in range(count)]
    if recording is None:
        return plain_runs
    program = _program(recording, inputs, constants, tree)
    return [
        replace(run, recording=recording, program=_program_of(program, recording, place))
        if plain is None or recording.is_same(place, plain)
        else run
        for place, run in enumerate(plain_runs)
    ]


def _numbers(answers: Answers, place: int) -> dict[str, Any]:
    """What a run has of the numbers that torch returned for an entry of the value."""
    value = float(answers.value[place])
    return {"value": value, "partials": Partials(answers, place), "answers": answers, "place": place}


def _program(recording: Answers, inputs: Mapping[str, torch.Tensor], constants: Constants, tree: Node) -> RecordedProgram:
    """The program that was recorded, with what went in."""
    assert recording.recorder is not None
    view = recording.recorder.view
    return RecordedProgram(
        recording.recorder.recording,
        {name: view(tensor) for name, tensor in inputs.items()},
        {text: view(tensor) for text, tensor in constants.tensors.items()},
        literals=python_literals(tree, constants.numbers),
    )


def _program_of(program: RecordedProgram, recording: Answers, place: int) -> RecordedProgram:
    """The program of an entry of the value."""
    return replace(program, value=recording.value_view.address(place), partials=PartialKeys(recording, place))


def _nested(value: Array[float]) -> Any:
    """A number, or an array for torch."""
    return np.asarray(value.entries, dtype=np.float64).reshape(value.shape) if value.shape else value.entries[0]


def _point(arrays: Mapping[str, Array[float]], inputs: Mapping[str, torch.Tensor], constants: Constants) -> Run:
    """What torch received: the binary numbers in its tensors, and those that the dtype loses."""
    received = {name: numbers_of(tensor).copy() for name, tensor in inputs.items()}
    losses: dict[str, str] = {}
    for cause, find in (("overflow", _overflows), ("underflow", _underflows)):
        for name, array in arrays.items():
            places = find(received[name], np.asarray(array.entries, dtype=np.float64))
            if places.any():
                names = entry_names(name, array.shape).entries
                losses.update({names[place]: cause for place in places.nonzero()[0].tolist()})
    numbers = constants.numbers
    lost_literals = {text: "overflow" for text, value in numbers.items() if not math.isfinite(value)}
    lost_literals.update({text: "underflow" for text, value in numbers.items() if value == 0 and is_nonzero(text)})
    exact = {text: Fraction(value) for text, value in numbers.items() if math.isfinite(value)}
    numbers_in: Mapping[str, Fraction] = ExactInputs(received, {name: array.shape for name, array in arrays.items()})
    if not any(array.shape for array in arrays.values()):  # a few numbers, which are all read
        numbers_in = dict(numbers_in)
    return Run(numbers_in, exact, unrepresentable=losses, lost_literals=lost_literals, input_arrays=received)


def _overflows(received: Numbers, _: Numbers) -> Numbers:
    infinite: Numbers = ~np.isfinite(received)
    return infinite


def _underflows(received: Numbers, typed: Numbers) -> Numbers:
    lost: Numbers = (received == 0) & (typed != 0)
    return lost


Place = tuple[torch.Tensor, int]
"""A number in a tensor: the tensor, and its place in it."""


def _gradients(
    result: Place, inputs: Mapping[str, torch.Tensor], gradients: Gradients, shapes: Mapping[str, Shape]
) -> dict[tuple[By, str], torch.Tensor | None]:
    """The gradients of a number; after a prefix it is an entry of the gradient before that is differentiated again.

    None stands for a result that does not depend on a variable: its derivative is 0.
    """
    needs: dict[By, dict[str, None]] = {}
    for prefix, names in gradients.items():
        for length, entry in enumerate(prefix):
            needs.setdefault(prefix[:length], {})[locate(entry, shapes)[0]] = None
        needs.setdefault(prefix, {}).update(dict.fromkeys(names))
    order = max((len(prefix) + 1 for prefix in gradients), default=0)
    slopes: dict[tuple[By, str], torch.Tensor | None] = {}
    for prefix, variables in sorted(needs.items(), key=lambda item: len(item[0])):
        above: Place | None = result
        if prefix:
            variable, place = locate(prefix[-1], shapes)
            before = slopes[prefix[:-1], variable]
            above = None if before is None else (before, place)
        tensors = {name: inputs[name] for name in variables}
        by_name = dict.fromkeys(tensors) if above is None else gradient(above, tensors, len(prefix) + 1 < order)
        slopes.update({(prefix, name): slope for name, slope in by_name.items()})
    return {(prefix, name): slopes[prefix, name] for prefix, names in gradients.items() for name in names}


def gradient(of: Place, inputs: Mapping[str, torch.Tensor], create_graph: bool = False) -> dict[str, torch.Tensor | None]:
    """The gradient of a number in a tensor by each input; with `create_graph` it can be differentiated itself."""
    tensor, place = of
    if not tensor.requires_grad:
        return dict.fromkeys(inputs)
    deadline.check()
    # A slice and not a unit vector as grad_outputs, for which torch would import sympy.
    number = tensor.reshape(-1)[place] if tensor.dim() else tensor
    tensors = list(inputs.values())
    gradients = torch.autograd.grad(number, tensors, allow_unused=True, create_graph=create_graph, retain_graph=True)
    return dict(zip(inputs, gradients, strict=True))
