# ruff: noqa: N803 (matrices are capital letters)
"""Does the verdict on whole gradients catch every fault of torch, and is it the same as before elsewhere?

    python benchmarks/model_faults.py [--rounds N] [--seed N] [--only NAME] [--large]

The cases are those of `models.py`, smaller: each has more than 100 partials, so that they are judged as arrays.  Every kind of
fault is built into torch at random places, in float32 and float64, and the whole answer is asked for.  `--large` asks for
softmax regression with 10,010 weights, with one of the entries of its gradient off.

A fault counts where it reaches a partial: its program or that of the value is another one, or a float leaves the bound of its
kernel.  Then none of these may agree; one for which nothing has changed must have the verdict that it had.  Exits with 1 if
there is an escape or a false alarm.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import faults as single_faults
import models
import torch
from models import Case, F
from support.whole_faults import Answer, Ask, Fault, answered, at_input, entry_of, faults, reached, scale, untouched

CASES = [
    models.softmax_regression(40, 10, 8, 0),
    models.mlp(16, 16, 4, 8, 0),
    models.logistic(30, 120, 0),
    models.of_vector("std of 150", "std(x)", 150, lambda x: x.std(), 0),
    models.of_vector("layer_norm of 150", "sum(layer_norm(x)**3)", 150, lambda x: (F.layer_norm(x, x.shape) ** 3).sum(), 0),
    models.of_vector("logsumexp of 150", "logsumexp(x)", 150, lambda x: x.logsumexp(0), 0),
    models.of_vector("softmax Jacobian of 11", "softmax(x)", 11, lambda x: x.softmax(0), 0),
    Case(
        "A@x Jacobian of 11", "A@x", {"A": models.random(11, 11), "x": models.random(11)}, ("x",), lambda A, x: A @ x, 0
    ),
    models.of_vector("Hessian of logsumexp of 11", "logsumexp(x)", 11, lambda x: x.logsumexp(0), 0, 2),
    Case(
        "Hessian of an MLP 3-3-1", "sum(tanh(W@x)*v)", {"W": models.random(3, 3), "x": models.random(3), "v": models.random(3)},
        ("W", "v", "x"), lambda W, x, v: (torch.tanh(W @ x) * v).sum(), 0, 2,
    ),
    Case("logdet of 11 x 11", "logdet(A)", {"A": models.matrix(11)}, ("A",), lambda A: torch.logdet(A), 0),
]  # fmt: skip


@dataclass
class Tally:
    """By kind of fault and dtype: how many were built in, and what became of them."""

    tried: collections.Counter = field(default_factory=collections.Counter)
    reached: collections.Counter = field(default_factory=collections.Counter)
    found: collections.Counter = field(default_factory=collections.Counter)
    partials: collections.Counter = field(default_factory=collections.Counter)
    verdicts: collections.Counter = field(default_factory=collections.Counter)
    allowed: collections.Counter = field(default_factory=collections.Counter)
    """Kernels off by an error within their bound."""
    late: collections.Counter = field(default_factory=collections.Counter)
    """Faults for which there was not enough time."""
    excused: collections.Counter = field(default_factory=collections.Counter)
    """Partials that are off by less than an ulp beside a comparison that floats decided otherwise: the number is right."""
    escapes: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    refused: collections.Counter = field(default_factory=collections.Counter)
    """Faults for which torch gives no number."""

    def rows(self) -> list[str]:
        """The table."""
        kinds = sorted(self.tried, key=lambda key: (key[0], key[1]))
        return [
            f"| {kind} | {dtype} | {self.tried[kind, dtype]} | {self.reached[kind, dtype]} | {self.found[kind, dtype]} "
            f"| {self.partials[kind, dtype]:,} | {self.allowed[kind, dtype]} |"
            for kind, dtype in kinds
        ]


def ask(case: Case, dtype: str) -> Answer:
    return answered(partial(models.answer, case, dtype))


def clean_alarms(case: Case, dtype: str, answer: Answer) -> list[str]:
    """What is not agreed to of torch as it is."""
    counts = collections.Counter(answer.verdicts)
    return [f"{case.name} [{dtype}] without a fault: {dict(counts)}"] if counts.keys() - {"agree", "inaccurate"} else []


def try_fault(tally: Tally, name: str, dtype: str, fault: Fault, before: Answer, ask: Ask) -> None:
    """Ask once more while torch has a fault."""
    after = answered(ask, fault.torch())
    key, where = (fault.kind, dtype), f"{fault.kind}, {fault.what}: {name} [{dtype}]"
    tally.tried[key] += 1
    if after.judge.runs[0].failure is not None:
        tally.refused[key] += 1
        return
    if not after.is_complete:
        tally.late[key] += 1
        return
    touched = reached(fault, before, after)
    if fault.operation and not is_beyond(after, fault.operation):
        tally.allowed[key] += 1
        touched = [False] * len(touched)
    places = [at for at, is_reached in enumerate(touched) if is_reached]
    escaped = [at for at in places if after.verdicts[at] == "agree"]
    excused = [at for at in escaped if "flipped" in after.report.partials[at].proof]
    tally.excused[key] += len(excused)
    escaped = [at for at in escaped if at not in excused]
    tally.reached[key] += len(places) > len(excused)
    tally.found[key] += len(places) > len(excused) and not escaped
    tally.partials[key] += len(places)
    tally.verdicts.update((fault.kind, after.verdicts[at]) for at in places)
    if escaped:
        tally.escapes.append(f"{where}: {len(escaped)} of {len(places)}, the first {after.report.partials[escaped[0]]}")
    if fault.operation:  # a kernel out of its bound is named wherever it may have had a part
        return
    same = [at for at, is_same in enumerate(untouched(before, after)) if is_same and not touched[at]]
    changed = [at for at in same if after.verdicts[at] != before.verdicts[at]]
    if changed:
        at = changed[0]
        tally.alarms.append(f"{where}: {len(changed)} changed, {before.verdicts[at]} before, {after.report.partials[at]}")


def is_beyond(answer: Answer, operation: str) -> bool:
    trace = answer.judge.trace(0)
    return trace is not None and single_faults._beyond(trace, operation)


def run(cases: Sequence[Case], rounds: int, seed: int, dtypes: Sequence[str] = ("float32", "float64")) -> Tally:
    """Every kind of fault in every case."""
    tally, chance = Tally(), random.Random(seed)
    for case in cases:
        for dtype in dtypes:
            before = ask(case, dtype)
            tally.alarms += clean_alarms(case, dtype, before)
            for _ in range(rounds):
                for fault in faults(before, chance, dtype):
                    try_fault(tally, case.name, dtype, fault, before, partial(models.answer, case, dtype))
    return tally


def large(tally: Tally, chance: random.Random) -> None:
    """One entry of the gradient of 10,010 weights, off by a little."""
    case = models.softmax_regression(1_000, 10, 32, 2)
    for dtype, eps in (("float32", 1e-6), ("float64", 1e-12)):
        before = ask(case, dtype)
        tally.alarms += clean_alarms(case, dtype, before)
        for _ in range(3):
            entry = chance.randrange(10_000)
            change = entry_of(scale(1 + eps), entry)
            fault = Fault(
                f"one entry of 10,010 times 1 + {eps:g}", f"W[{entry}]", lambda change=change: at_input("W", change)
            )
            try_fault(tally, case.name, dtype, fault, before, partial(models.answer, case, dtype))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--large", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = time.process_time()
    tally = run([case for case in CASES if arguments.only in case.name], arguments.rounds, arguments.seed)
    if arguments.large:
        large(tally, random.Random(arguments.seed))
    print("| kind | dtype | planted | reach a partial | found | partials | kernels within their bound |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(tally.rows()))
    print(f"no number from torch {sum(tally.refused.values())}, out of time {sum(tally.late.values())}")
    totals = [sum(counts.values()) for counts in (tally.tried, tally.reached, tally.found, tally.partials)]
    print(f"built in {totals[0]}, reach {totals[1]}, found {totals[2]}; partials reached {totals[3]:,}")
    print("verdicts on partials that are reached:")
    for (kind, verdict), count in sorted(tally.verdicts.items()):
        print(f"  {kind}: {verdict} {count:,}")
    for name, lines in (("escapes", tally.escapes), ("false alarms", tally.alarms)):
        print(f"{name}: {len(lines)}", *(f"  {line}" for line in lines), sep="\n")
    print(f"{time.process_time() - start:.0f} s")
    return 1 if tally.escapes or tally.alarms else 0


if __name__ == "__main__":
    sys.exit(main())
