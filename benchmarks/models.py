# ruff: noqa: N803 (matrices are capital letters)
"""What the verdict on gradients of models costs, beside torch's own passes and beside `torch.autograd.gradcheck`.

    python benchmarks/models.py [--rounds N] [--only NAME] [--dtype float64] [--growth] [--process]

Each case is answered warm, in alternation with a forward and backward pass of torch and with slow gradcheck (float64, where
its Jacobian is small enough).  Times are CPU seconds of this process and of sympy's, medians of the rounds, imports apart;
memory is the growth of the peak.  `--growth` fits the exponent of time and memory from 1,000 to 100,000 entries, `--process`
times whole commands on data from files.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch

import gradcalc
from gradcalc.engines.symbolic.client import CLIENT

F = torch.nn.functional


@dataclass(frozen=True)
class Case:
    """An expression with its data, and the same in torch; `by` are its variables, `goal` the seconds it may take."""

    name: str
    expr: str
    at: Mapping[str, Any]
    by: tuple[str, ...]
    torch: Callable[..., torch.Tensor]
    goal: float
    order: int = 1

    @property
    def entries(self) -> int:
        """How many partials there are."""
        inputs = sum(numpy.size(self.at[name]) for name in self.by)
        outputs = numpy.size(self.run(grad=False).detach().numpy())
        return int(outputs * inputs**self.order)

    def run(self, *, grad: bool) -> torch.Tensor:
        """The value by torch."""
        return self.torch(**{name: tensor(value, grad=grad and name in self.by) for name, value in self.at.items()})


def tensor(value: Any, *, grad: bool = False) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=grad)


def random(*shape: int, scale: float = 1.0, seed: int = 0) -> numpy.ndarray:
    return numpy.random.default_rng([seed, *shape]).normal(size=shape) * scale


def classes(rows: int, count: int) -> list[int]:
    return numpy.random.default_rng(rows).integers(0, count, rows).tolist()


def softmax_regression(inputs: int, outputs: int, batch: int, goal: float) -> Case:
    at = {"X": random(batch, inputs), "W": random(inputs, outputs, scale=inputs**-0.5), "b": random(outputs)}
    target = classes(batch, outputs)
    return Case(
        f"softmax regression {inputs} -> {outputs}, batch {batch}", f"cross_entropy(X@W + b, {target})", at, ("W", "b"),
        lambda X, W, b: F.cross_entropy(X @ W + b, torch.tensor(target)), goal,
    )  # fmt: skip


def mlp(inputs: int, hidden: int, outputs: int, batch: int, goal: float) -> Case:
    at = {
        "X": random(batch, inputs), "V": random(inputs, hidden, scale=inputs**-0.5), "c": random(hidden),
        "W": random(hidden, outputs, scale=hidden**-0.5), "b": random(outputs),
    }  # fmt: skip
    target = classes(batch, outputs)
    return Case(
        f"MLP {inputs}-{hidden}-{outputs}, cross entropy, batch {batch}",
        f"cross_entropy(tanh(X@V + c)@W + b, {target})", at, ("V", "c", "W", "b"),
        lambda X, V, c, W, b: F.cross_entropy(torch.tanh(X @ V + c) @ W + b, torch.tensor(target)), goal,
    )  # fmt: skip


def logistic(samples: int, inputs: int, goal: float) -> Case:
    y = (numpy.arange(samples) % 2).astype(float)
    at = {"X": random(samples, inputs), "w": random(inputs, scale=0.3), "b": 0.25, "y": y}
    return Case(
        f"logistic regression {samples} x {inputs}", "binary_cross_entropy_with_logits(X@w + b, y)", at, ("w", "b"),
        lambda X, w, b, y: F.binary_cross_entropy_with_logits(X @ w + b, y), goal,
    )  # fmt: skip


def of_vector(name: str, expr: str, size: int, function: Callable[..., torch.Tensor], goal: float, order: int = 1) -> Case:
    return Case(name, expr, {"x": random(size)}, ("x",), function, goal, order)


def matrix(size: int) -> numpy.ndarray:
    return random(size, size, scale=0.3 / size**0.5) + numpy.eye(size)


CASES = [
    softmax_regression(1_000, 10, 32, 2),
    mlp(64, 64, 10, 32, 2),
    mlp(300, 300, 10, 1, 10),
    logistic(1_000, 20, 0.5),
    of_vector("std of 1,000", "std(x)", 1_000, lambda x: x.std(), 0.5),
    of_vector("layer_norm of 1,000", "sum(layer_norm(x)**3)", 1_000, lambda x: (F.layer_norm(x, x.shape) ** 3).sum(), 0.5),
    of_vector("logsumexp of 1,000", "logsumexp(x)", 1_000, lambda x: x.logsumexp(0), 0.5),
    of_vector("softmax Jacobian of 60", "softmax(x)", 60, lambda x: x.softmax(0), 2),
    Case("A@x Jacobian of 60", "A@x", {"A": random(60, 60), "x": random(60)}, ("x",), lambda A, x: A @ x, 2),
    of_vector("Hessian of logsumexp of 60", "logsumexp(x)", 60, lambda x: x.logsumexp(0), 3, 2),
    Case(
        "Hessian of an MLP 5-5-1", "sum(tanh(W@x)*v)", {"W": random(5, 5), "x": random(5), "v": random(5)},
        ("W", "v", "x"), lambda W, x, v: (torch.tanh(W @ x) * v).sum(), 3, 2,
    ),
    Case("logdet of 64 x 64", "logdet(A)", {"A": matrix(64)}, ("A",), lambda A: torch.logdet(A), 5),
]  # fmt: skip


def cpu() -> float:
    """CPU seconds of this process and of sympy's."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    child = CLIENT.get()._child
    other = 0
    if child is not None and child.poll() is None:
        with open(f"/proc/{child.pid}/stat") as file:
            other = sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
    return usage.ru_utime + usage.ru_stime + other / os.sysconf("SC_CLK_TCK")


def timed(work: Callable[[], object]) -> tuple[float, Any]:
    start = cpu()
    result = work()
    return cpu() - start, result


def answer(case: Case, dtype: str) -> Any:
    return gradcalc.differentiate(case.expr, at=case.at, by=case.by, order=case.order, dtype=dtype, timeout=120)


def torch_passes(case: Case) -> None:
    inputs = {name: tensor(value, grad=name in case.by) for name, value in case.at.items()}
    value = case.torch(**inputs)
    torch.autograd.grad(value.sum(), [inputs[name] for name in case.by])


def gradcheck(case: Case) -> bool:
    inputs = {name: tensor(value, grad=name in case.by) for name, value in case.at.items()}

    def function(*variables: torch.Tensor) -> torch.Tensor:
        return case.torch(**{**inputs, **dict(zip(case.by, variables, strict=True))})

    check = torch.autograd.gradcheck if case.order == 1 else torch.autograd.gradgradcheck
    return check(function, [inputs[name] for name in case.by])


def peak() -> float:
    """Megabytes that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


def measure(case: Case, rounds: int, dtype: str) -> str:
    ours, passes, checks = [], [], []
    before = peak()
    for _ in range(rounds):
        seconds, report = timed(lambda: answer(case, dtype))
        ours.append(seconds)
        passes.append(timed(lambda: torch_passes(case))[0])
        if case.entries <= 20_000:
            checks.append(timed(lambda: gradcheck(case))[0])
    mine = statistics.median(ours)
    check = statistics.median(checks) if checks else math.nan
    return (
        f"| {case.name} | {case.entries:,} | {mine:.2f} | {case.goal:g} | {'yes' if mine <= case.goal else 'NO'} "
        f"| {mine / check if check else math.nan:.2f} | {mine / max(statistics.median(passes), 1e-4):,.0f} "
        f"| {peak() - before:.0f} | {report.verdict} |"
    )


def growth() -> None:
    """Seconds and megabytes of gradients of 1,000 to 100,000 entries, each in a process of its own."""
    print("| entries | s | MB |\n|---|---|---|")
    figures = []
    for size in (1_000, 10_000, 100_000):
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import models; "
            f"case = models.mlp({size // 100}, 100, 2, 4, 0); models.answer(models.mlp(4, 4, 2, 4, 0), 'float64'); "
            "before = models.peak(); seconds, _ = models.timed(lambda: models.answer(case, 'float64')); "
            "print(case.entries, seconds, models.peak() - before)"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        entries, seconds, memory = map(float, run.stdout.split())
        figures.append((entries, seconds, memory))
        print(f"| {entries:,.0f} | {seconds:.2f} | {memory:.0f} |", flush=True)
    (n, s, m), (many, more, large) = figures[0], figures[-1]
    exponents = [math.log(high / low) / math.log(many / n) for low, high in ((s, more), (max(m, 1), large))]
    print(f"exponent of time {exponents[0]:.2f}, of memory {exponents[1]:.2f}")


def processes() -> None:
    """Whole commands on data from files."""
    with tempfile.TemporaryDirectory() as folder:
        numpy.save(f"{folder}/x.npy", random(1_000, 20))
        numpy.save(f"{folder}/y.npy", (numpy.arange(1_000) % 2).astype(float))
        numpy.save(f"{folder}/w.npy", random(20, scale=0.3))
        commands = {
            "bce over 1,000 x 20": ["bce", "--x", "@x.npy", "--y", "@y.npy", "--w", "@w.npy"],
            "diff over 1,000 x 20": [
                "diff", "binary_cross_entropy_with_logits(X@w, y)", "--at", "X=@x.npy", "--at", "y=@y.npy", "--at", "w=@w.npy",
                "--by", "w",
            ],
        }  # fmt: skip
        for name, words in commands.items():
            start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            run = subprocess.run([sys.executable, "-m", "gradcalc", *words], cwd=folder, capture_output=True, text=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{name}: {time.perf_counter() - start:.2f} s, {used:.2f} s CPU, exit {run.returncode}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--process", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.growth:
        growth()
    if arguments.process:
        processes()
    if arguments.growth or arguments.process:
        return
    gradcalc.differentiate("sin(x**2)", at=1)
    print("| case | entries | CPU s | goal | met | beside slow gradcheck | beside torch's passes | MB | verdict |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        if arguments.only in case.name:
            print(measure(case, arguments.rounds, arguments.dtype), flush=True)


if __name__ == "__main__":
    main()
