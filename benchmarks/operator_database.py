"""Which operators of PyTorch's own database have gradients that are proven?

    python benchmarks/operator_database.py [--dtype float64] [--samples 3] [--slice 0:200] [--only NAME] [--fault 1e-3]

The operators are those of `op_db` in torch.testing that autograd supports for the dtype, with PyTorch's own sample inputs.
A sample counts if it has a real output and a real input to differentiate by, and no more than `MOST_ENTRIES` entries of these.
The first samples of every operator are checked; the outcomes are counted by samples and by operators, and what is undecided is
listed with its reasons.  With `--fault`, a custom Function whose gradient is off by that part stands before every operator.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
import types
import unittest
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from gradcalc.testing import GradientReport, Outcome, gradients

MOST_ENTRIES = 2000
"""The entries of the inputs of a sample: a check of more takes long."""
SECONDS = 20.0
EMPTY = ("no output has entries that are floats", "there is no tensor of floats to differentiate by")
"""Why nothing can be said about a sample: there is nothing to differentiate."""
KNOWN_FAULTS = frozenset(
    {"as_strided_scatter", *(f"nn_functional_max_unpool{dims}d{form}" for dims in (1, 2, 3) for form in ("", "_grad"))}
)
"""Operators whose gradients are wrong in PyTorch 2.13 where indices repeat; `torch.autograd.gradcheck` says so, too."""


@dataclass(frozen=True)
class Sample:
    """A call of an operator: a function of the tensors to differentiate by, and these."""

    function: Any
    inputs: Sequence[torch.Tensor]

    def with_fault(self, part: float) -> Sample:
        """The same behind a custom Function whose gradient is too large by a part of it."""

        class Planted(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x.clone()

            @staticmethod
            def backward(ctx: Any, grad: Any) -> Any:
                return grad * (1 + part)

        return Sample(lambda *xs: self.function(Planted.apply(xs[0]), *xs[1:]), self.inputs)

    def is_flat(self) -> bool:
        """Whether the gradient by the first input is 0, or nothing but rounding: a fault in it cannot be seen."""
        own = [it.clone().requires_grad_() for it in self.inputs]
        outputs = [it for it in torch.utils._pytree.tree_leaves(self.function(*own)) if isinstance(it, torch.Tensor)]
        outputs = [it for it in outputs if it.requires_grad and it.is_floating_point()]
        total = sum((it * torch.randn_like(it)).sum() for it in outputs)
        (found,) = torch.autograd.grad(total, own[:1], allow_unused=True) if outputs else (None,)
        return found is None or not found.abs().max() > 4 * torch.finfo(found.dtype).eps

    def check(self) -> GradientReport:
        return gradients(self.function, self.inputs, timeout=SECONDS)


def operators(dtype: torch.dtype) -> list[Any]:
    """The operators of the database that autograd supports for a dtype."""
    if "expecttest" not in sys.modules:  # torch.testing imports it for tests of its own
        stub: Any = types.ModuleType("expecttest")
        stub.TestCase, stub.assert_expected_inline = unittest.TestCase, None
        sys.modules["expecttest"] = stub
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db

        return [op for op in op_db if op.supports_autograd and dtype in op.supported_dtypes("cpu")]


def samples(op: Any, dtype: torch.dtype) -> Iterator[Sample]:
    """The calls of an operator that can be checked: with real inputs to differentiate by, not too large."""
    torch.manual_seed(0)
    for sample in op.sample_inputs("cpu", dtype, requires_grad=True):
        call = (sample.input, sample.args, sample.kwargs)
        leaves, form = torch.utils._pytree.tree_flatten(call)
        chosen = [place for place, leaf in enumerate(leaves) if _is_wanted(leaf)]
        if not chosen or sum(leaves[place].numel() for place in chosen) > MOST_ENTRIES:
            continue

        def function(
            *tensors: Any, leaves: Any = leaves, form: Any = form, chosen: Any = chosen, sample: Any = sample
        ) -> Any:
            own = list(leaves)
            for place, tensor in zip(chosen, tensors, strict=True):
                own[place] = tensor
            first, args, options = torch.utils._pytree.tree_unflatten(own, form)
            return sample.output_process_fn_grad(op.gradcheck_wrapper(op.op, first, *args, **options))

        yield Sample(function, [leaves[place].detach().clone() for place in chosen])


def _is_wanted(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.requires_grad and leaf.is_floating_point() and leaf.numel() > 0


def checked(op: Any, dtype: torch.dtype, count: int, fault: float | None = None) -> list[GradientReport]:
    """The reports on the first samples of an operator that have something to differentiate, or a fault to find."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calls = samples(op, dtype)
        if fault is not None:
            calls = (it.with_fault(fault) for it in calls if not it.is_flat())
        return list(islice((it for call in calls if (it := call.check()).why not in EMPTY), count))


def reason(report: GradientReport) -> str:
    """Why a report is undecided."""
    return next((part.why for part in report.parts if part.outcome is Outcome.UNDECIDED), report.why)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--slice", default=":")
    parser.add_argument("--only", default="", metavar="NAME")
    parser.add_argument("--fault", type=float, metavar="EPS")
    options = parser.parse_args()
    torch.set_num_threads(1)
    dtype, start = getattr(torch, options.dtype), time.perf_counter()
    first, _, last = options.slice.partition(":")
    reports: dict[str, list[GradientReport]] = {}
    failures: dict[str, str] = {}
    for op in operators(dtype)[int(first or 0) : int(last) if last else None]:
        if options.only and options.only not in op.formatted_name:
            continue
        try:
            reports[op.formatted_name] = checked(op, dtype, options.samples, options.fault)
        except Exception as error:  # an operator that refuses its own samples
            failures[op.formatted_name] = f"{type(error).__name__}: {error}".split("\n")[0]
    _show(reports, failures)
    print(f"{time.perf_counter() - start:.0f} s, torch {torch.__version__}")
    return 0


def _show(reports: dict[str, list[GradientReport]], failures: dict[str, str]) -> None:
    outcomes = collections.Counter(str(it.verdict) for each in reports.values() for it in each)
    own = [each for each in reports.values() if each]
    all_proven = sum(all(it.verdict is Outcome.PROVEN for it in each) for each in own)
    some = sum(any(it.verdict is Outcome.PROVEN for it in each) for each in own)
    print(f"{len(own)} operators with samples to check, {len(reports) - len(own)} without, {len(failures)} that raise")
    print(f"operators proven: {all_proven} on all samples, {some} on some")
    print("samples:", ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    blamed = collections.Counter(name for each in reports.values() for it in each for name in it.at_fault)
    if blamed:
        print("blamed:", ", ".join(f"{name} {count}" for name, count in blamed.most_common()))
    for outcome in sorted(set(outcomes) - {"proven", "undecided"}):
        names = [name for name, each in reports.items() if any(it.verdict == outcome for it in each)]
        print(f"{outcome}: {', '.join(names)}")
    lacking = collections.defaultdict(list)
    for name, each in reports.items():
        for why in dict.fromkeys(reason(it) for it in each if it.verdict is Outcome.UNDECIDED):
            lacking[why].append(name)
    print("undecided, by the number of operators:")
    for why, names in sorted(lacking.items(), key=lambda item: -len(item[1])):
        print(f"{len(names):4} {why}: {', '.join(names)}")
    for name, why in failures.items():
        print(f"raises: {name}: {why}")


if __name__ == "__main__":
    sys.exit(main())
