"""Exact gradient checks for tests: is a backward pass the derivative of its forward pass?  Nothing has a tolerance.

>>> import torch
>>> report = gradients(lambda x: torch.tanh(3*x).sum(), torch.tensor([0.5, -1.0]))
>>> str(report.verdict)
'proven'
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradcalc.proof.gradients.words import FAILING, GradientReport, Outcome, Part, undecided
from gradcalc.runtime import deadline

__all__ = ["GradientReport", "Outcome", "Part", "assert_gradients", "gradients"]

DEFAULT_SECONDS = 60.0


def gradients(
    fn: Any,
    inputs: Any,
    *,
    order: int = 1,
    references: Mapping[Any, Callable[..., Any]] | None = None,
    by_design: Collection[Any] = (),
    seed: int = 0,
    timeout: float = DEFAULT_SECONDS,
) -> GradientReport:
    """What is known about the gradients of a function, a `torch.autograd.Function` or a module at some inputs.

    `inputs` is a tensor or a sequence of arguments, which may hold tensors in lists and mappings.  Gradients are taken by
    the tensors that require one, by all tensors of real floats if none does, and by the parameters of a module.  Autograd
    runs for one random cotangent that `seed` determines; every entry is compared with the exact derivative of the operations
    that ran, in any dtype, without a tolerance.  `order` 2 checks the gradient of the gradient.  `references` has plain
    torch functions that compute what Functions do, by name or class: for those that do so outside of torch.  `by_design`
    names Functions, or gives their classes, whose backward pass is meant to be something else.  The user's code runs twice,
    with the same random numbers: a note says whether the second run returned something else.

    Raises what the user's code raises, and `ValueError` where a reference returns other shapes than its Function.
    """
    from gradcalc.engines.autograd.function_call import prepare
    from gradcalc.engines.autograd.function_recorder import record_function
    from gradcalc.engines.autograd.repetition import Repetition, can_run, difference
    from gradcalc.proof.gradients.check import check_gradients

    if order not in (1, 2):
        raise ValueError(f"order is 1 or 2, not {order!r}")
    by_design = [by_design] if isinstance(by_design, str | type) else by_design
    call, repetition = prepare(fn, inputs), Repetition(fn)
    try:
        with deadline.limit(timeout):
            recorded = record_function(call.of_order(order, seed), call.inputs, call.wanted, seed, references or {})
            report = check_gradients(recorded, call.names, by_design)
    except deadline.OutOfTime:
        return undecided(call.names, f"no proof within {timeout:g} seconds")
    except (RuntimeError, TypeError, AttributeError) as error:
        with repetition.again():
            if not can_run(prepare(fn, inputs), order, seed):
                raise
        return undecided(call.names, f"the call cannot be recorded: {type(error).__name__}: {error}")
    if not recorded.is_readable:
        return report
    with repetition.again():
        note = difference(recorded, prepare(fn, inputs), order, seed)
    return replace(report, notes=(*report.notes, note)) if note else report


def assert_gradients(
    fn: Callable[..., Any] | Any,
    inputs: Sequence[Any] | Any,
    *,
    order: int = 1,
    references: Mapping[Any, Callable[..., Any]] | None = None,
    by_design: Collection[Any] = (),
    seed: int = 0,
    timeout: float = DEFAULT_SECONDS,
) -> None:
    """Raise `AssertionError`, with the report, unless the gradients are proven, or meant to be something else.

    The arguments are those of `gradients`.
    """
    report = gradients(fn, inputs, order=order, references=references, by_design=by_design, seed=seed, timeout=timeout)
    if report.verdict in FAILING:
        raise AssertionError(str(report))
