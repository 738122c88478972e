"""Gradient checks beside `torch.autograd.gradcheck`: what each says of backward passes by hand, and what it costs.

    python benchmarks/gradient_checks.py [cases] [modules] [times] [--dtype float32]

`cases` are right and wrong backward passes of the kinds that people report; gradcheck runs with its defaults in float64, with
its defaults and with tuned tolerances in float32, and in its fast mode; inputs and loss are scaled, too.  `modules` are those
of torch.nn.  `times` are CPU seconds, medians, warm, beside slow and fast gradcheck.  Everything is printed as Markdown.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import _support  # noqa: F401  the cases are shared with the tests
import torch
from support.backward_passes import Case, cases
from support.torch_modules import idioms, inputs_of, made
from torch.nn import functional

from gradcalc.testing import gradients

DTYPES = (torch.float64, torch.float32, torch.bfloat16)
TUNED = {"eps": 1e-3, "atol": 1e-2, "rtol": 1e-2}
GRADCHECKS: dict[str, tuple[torch.dtype, dict[str, Any]]] = {
    "default, float64": (torch.float64, {}),
    "default, float32": (torch.float32, {}),
    "tuned, float32": (torch.float32, TUNED),
    "fast, float64": (torch.float64, {"fast_mode": True}),
}
SCALES = (("1", 1.0, 1.0), ("inputs times 1e-5", 1e-5, 1.0), ("inputs times 1e4", 1e4, 1.0), ("loss times 1e-8", 1.0, 1e-8))
PASSING = {"proven", "by-design", "below-resolution", "measured"}


def gradcheck(function: Any, inputs: Sequence[torch.Tensor], options: dict[str, Any]) -> bool:
    """Whether torch's own check passes."""
    own = [it.detach().clone().requires_grad_() for it in inputs]
    apply = function.apply if isinstance(function, type) else function
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return bool(torch.autograd.gradcheck(apply, own, raise_exception=False, **options))
        except Exception:
            return False


# ------------------------------------------------------------------------------------------------------------------ cases


def print_cases() -> None:
    """A row for each case: our outcomes by dtype, and what each gradcheck says."""
    print("| case | " + " | ".join(str(it).removeprefix("torch.") for it in DTYPES), "| " + " | ".join(GRADCHECKS), "|")
    print("|---" * (1 + len(DTYPES) + len(GRADCHECKS)) + "|")
    for case in cases():
        if "order" in case.options:
            continue
        own = [outcome(case, dtype) for dtype in DTYPES]
        others = ["passes" if gradcheck(case.function, case.inputs(dt), opt) else "fails" for dt, opt in GRADCHECKS.values()]
        print(f"| {case.name} | " + " | ".join([*own, *others]) + " |")


def outcome(case: Case, dtype: torch.dtype) -> str:
    """What the check says of a case."""
    if case.is_outside and dtype == torch.bfloat16:
        return ""
    return str(gradients(case.function, case.inputs(dtype), **case.options).verdict)


def print_counts() -> None:
    """False alarms and misses, with inputs and losses of other sizes."""
    right = [case for case in cases() if case.outcome == "proven" and not case.options]
    faulty = [
        case
        for case in cases()
        if case.outcome in ("wrong", "stopped", "not-finite")
        and "references" not in case.options
        and "order" not in case.options
    ]
    print("\n| scale | | gradcalc, float64 | gradcalc, float32 | " + " | ".join(GRADCHECKS) + " |")
    print("|---" * (4 + len(GRADCHECKS)) + "|")
    for name, by_inputs, by_loss in (
        ("1", 1.0, 1.0),
        ("inputs 1e-5", 1e-5, 1.0),
        ("inputs 1e4", 1e4, 1.0),
        ("loss 1e-8", 1.0, 1e-8),
    ):
        for kind, group in ((f"{len(right)} right ones: alarms", right), (f"{len(faulty)} others: passed", faulty)):
            is_right = group is right
            counts = [_own_count(group, dtype, by_inputs, by_loss, is_right=is_right) for dtype in DTYPES[:2]]
            counts += [
                str(sum(gradcheck(*_scaled(case, dtype, by_inputs, by_loss), options) != is_right for case in group))
                for dtype, options in GRADCHECKS.values()
            ]
            print(f"| {name} | {kind} | " + " | ".join(counts) + " |")


def _own_count(group: Sequence[Case], dtype: torch.dtype, by_inputs: float, by_loss: float, *, is_right: bool) -> str:
    found = Counter(str(gradients(*_scaled(case, dtype, by_inputs, by_loss), **case.options).verdict) for case in group)
    passed = sum(number for word, number in found.items() if word in PASSING)
    rest = ", ".join(f"{number} {word}" for word, number in sorted(found.items()) if (word in PASSING) != is_right)
    return f"{len(group) - passed if is_right else passed}" + (f" ({rest})" if rest else "")


def _scaled(case: Case, dtype: torch.dtype, by_inputs: float, by_loss: float) -> tuple[Any, list[torch.Tensor]]:
    function = case.function.apply if isinstance(case.function, type) else case.function

    def scaled(*inputs: torch.Tensor) -> Any:
        outputs = function(*inputs)
        return tuple(it * by_loss for it in outputs) if isinstance(outputs, tuple) else outputs * by_loss

    return (case.function if by_loss == 1 else scaled), [it * by_inputs for it in case.inputs(dtype)]


# ---------------------------------------------------------------------------------------------------------------- modules


def print_modules(dtype: torch.dtype) -> None:
    """A row for each module that is not proven, and the counts."""
    counts: Counter[str] = Counter()
    print(f"\n| module, {str(dtype).removeprefix('torch.')} | outcome | reason |\n|---|---|---|")
    for name, make, shapes in idioms():
        try:
            report = gradients(made(make, dtype), inputs_of(shapes, dtype))
        except (RuntimeError, NotImplementedError) as error:
            counts["not implemented by torch"] += 1
            print(f"| {name} | | {str(error).splitlines()[0]} |")
            continue
        counts[str(report.verdict)] += 1
        if report.verdict != "proven":
            print(f"| {name} | {report.verdict} | {report.why} |")
    print("\n" + ", ".join(f"{number} {word}" for word, number in counts.most_common()))


# ------------------------------------------------------------------------------------------------------------------ times


def network(width: int, batch: int) -> tuple[Callable[..., torch.Tensor], list[torch.Tensor]]:
    """An MLP with its loss as a function of all its weights."""
    torch.manual_seed(0)
    x, classes = torch.randn(batch, 20, dtype=torch.float64), torch.randint(0, 10, (batch,))
    weights = [torch.randn(shape, dtype=torch.float64) for shape in ((width, 20), (width,), (10, width), (10,))]

    def loss(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(functional.linear(torch.tanh(functional.linear(x, a, b)), c, d), classes)

    return loss, weights


def seconds(run: Callable[..., Any], *arguments: Any) -> float:
    """The CPU seconds of a run."""
    start = time.process_time()
    run(*arguments)
    return time.process_time() - start


def print_times() -> None:
    """CPU seconds of one check of an MLP by its weights, and the ratio to slow gradcheck: medians of three in alternation."""
    print("\n| inputs | gradcalc | gradcheck, slow | ratio | gradcheck, fast |\n|---|---|---|---|---|")
    for width in (3, 10, 31, 97, 323):
        call = network(width, 4)
        rounds = [
            (seconds(gradients, *call), seconds(gradcheck, *call, {}), seconds(gradcheck, *call, {"fast_mode": True}))
            for _ in range(3)
        ]
        own, slow, fast = map(statistics.median, zip(*rounds, strict=True))
        count = sum(it.numel() for it in call[1])
        print(f"| {count:,} | {own:.3f} | {slow:.3f} | {own / slow:.2f} | {fast:.4f} |")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["cases", "modules", "times"])
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if "cases" in options.what:
        print_cases()
        print_counts()
    if "modules" in options.what:
        print_modules(getattr(torch, options.dtype))
    if "times" in options.what:
        print_times()


if __name__ == "__main__":
    main()
