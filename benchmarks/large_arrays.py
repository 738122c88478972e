"""Are gradients of arrays judged in bulk as they are one by one, without false alarms, and is every fault found?

    python benchmarks/large_arrays.py [--count N] [--seed N] [--from N] [--faults N] [--seconds S]
    python benchmarks/large_arrays.py --rows N [--only NAME ...]

Random expressions of vectors and matrices with 101 to 2,000 partials: gradients, Jacobians and Hessians, in four dtypes.

    bulk      every partial that is seen to agree in bulk is judged by itself: it must agree there, too
    alarms    nothing of unmodified torch may be `disagree`, but for defects that torch has; nothing may crash
    oracle    values and derivatives of some partials, by difference quotients of mpmath at hundreds of digits
    faults    some faults for each case: what they reach may not agree, and nothing else may change

With --rows every function of the table is called at random shapes, N times in each dtype.

Exits with 1 if there is any of these.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import _support  # noqa: F401  puts the next ones on the path
import torch
from model_faults import Tally, try_fault
from support import mpmath_oracle
from support.array_expressions import rows_of_arrays
from support.expressions import callable_rows
from support.large_expressions import DTYPES, LargeCase, large_cases, row_case
from support.whole_faults import Answer, answered, faults

import gradcalc
from gradcalc.errors import CalcError
from gradcalc.expression.tree import calls_in

SINGLE = 2_000
"""Partials of a case that are judged by themselves."""


@dataclass
class Found:
    """What was found in all cases."""

    cases: int = 0
    partials: int = 0
    bulk: int = 0
    """Partials that were seen to agree in bulk."""
    verdicts: collections.Counter = field(default_factory=collections.Counter)
    rows: set[str] = field(default_factory=set)
    """Functions that were called."""
    apart: list[str] = field(default_factory=list)
    """Partials that agree in bulk, and not by themselves."""
    alarms: list[str] = field(default_factory=list)
    undecided: collections.Counter = field(default_factory=collections.Counter)
    defects: collections.Counter = field(default_factory=collections.Counter)
    crashes: list[str] = field(default_factory=list)
    refused: collections.Counter = field(default_factory=collections.Counter)
    oracle: int = 0
    """Derivatives and values that mpmath confirms."""
    wrong: list[str] = field(default_factory=list)
    """Those of which it says something else."""
    faults: Tally = field(default_factory=Tally)


def ask(case: LargeCase) -> Any:
    return gradcalc.differentiate(case.expr, at=case.at, order=case.order, dtype=case.dtype, timeout=15)


def look_at(found: Found, case: LargeCase, chance: random.Random, fault_count: int) -> None:
    """All questions about one case."""
    try:
        answer = answered(lambda: ask(case))
    except CalcError as error:
        found.refused[str(error).partition(":")[0]] += 1
        return
    found.cases += 1
    found.partials += len(answer.numbers)
    found.rows |= {call.name for call in calls_in(answer.judge.prepared.tree)}
    _compare_single(found, case, answer)
    defect = _note(found, case, answer)
    _ask_oracle(found, case, answer, chance)
    if defect or not answer.is_complete or answer.judge.runs[0].failure is not None or answer.judge.trace(0) is None:
        return
    some = list(faults(answer, chance, case.dtype))
    for fault in chance.sample(some, min(fault_count, len(some))):
        try_fault(found.faults, str(case), case.dtype, fault, answer, lambda: ask(case))


def _compare_single(found: Found, case: LargeCase, answer: Answer) -> None:
    """Every partial that agrees in bulk, judged by itself."""
    partials = answer.report.partials
    bulk = [number for number, verdict in enumerate(answer.verdicts) if verdict == "agree"]
    found.bulk += len(bulk)
    for number in bulk[:SINGLE]:
        partial = partials[number]
        if str(partial.verdict) != "agree":
            found.apart.append(f"{case}: {partial}")
            return


def _note(found: Found, case: LargeCase, answer: Answer) -> bool:
    """Count the verdicts; True where torch has a defect."""
    counts = collections.Counter(answer.verdicts)
    for verdict, count in counts.items():
        found.verdicts[case.dtype, verdict] += count
    partials = answer.report.partials
    for wanted in ("disagree", "undecided"):
        if not counts[wanted]:
            continue
        partial = partials[answer.verdicts.index(wanted)]
        if wanted == "undecided":
            found.undecided[f"{partial.cause}: {partial.why[:120]}"] += 1
        else:
            name = defect(case, answer)
            if name is None:
                found.alarms.append(f"{case}: {counts['disagree']} times {partial}")
            else:
                found.defects[name] += 1
    return bool(counts["disagree"])


def defect(case: LargeCase, answer: Answer) -> str | None:
    """The defect of torch that explains a disagreement."""
    whys = {str(it.why) for it in answer.report.partials if str(it.verdict) == "disagree"}
    names = {call.name for call in calls_in(answer.judge.prepared.tree)}
    if case.dtype == "float64" and "hardsigmoid" in names and any("hardsigmoid_backward" in why for why in whys):
        return "hardsigmoid in float64"
    if case.dtype == "float64" and "celu" in names:
        return "celu in float64"
    if case.dtype == "float32" and "gelu" in names and all("gelu" in why for why in whys):
        return "gelu in float32"
    if names & {"det", "logdet"} and any(
        op.base == "_linalg_det" and (op.results[0].floats == 0).any() for op in answer.operations
    ):
        return "det of a singular matrix"
    return None


def _ask_oracle(found: Found, case: LargeCase, answer: Answer, chance: random.Random) -> None:
    if answer.judge.binary is None or case.order > 2:
        return
    grid = answer.judge.prepared.partials
    for number in chance.sample(range(len(grid)), 2):
        said = mpmath_oracle.compare(answer.judge, grid[number])
        if said is None:
            continue
        found.oracle += 1
        if said:
            found.wrong.append(f"{case}: d/d{grid[number].entries} {said}")


@dataclass
class Rows:
    """What was found at the rows of the table, by row."""

    cases: int = 0
    partials: int = 0
    verdicts: collections.Counter = field(default_factory=collections.Counter)
    unknown: collections.Counter = field(default_factory=collections.Counter)
    """By row, dtype and reason: cases in which torch's number could not be judged."""
    alarms: list[str] = field(default_factory=list)
    defects: collections.Counter = field(default_factory=collections.Counter)
    crashes: list[str] = field(default_factory=list)


def rows(count: int, seed: int, names: Sequence[str] = ()) -> Rows:
    """Every row of the table at random shapes, `count` times in each dtype."""
    found = Rows()
    table = {row.name: row for row in (*callable_rows(), *rows_of_arrays())}
    for row in table.values():
        for dtype in DTYPES if not names or row.name in names else ():
            for number in range(count):
                chance = random.Random(f"{seed} {row.name} {dtype} {number}")
                case = row_case(row, chance, dtype)
                try:
                    _note_row(found, row.name, case, answered(lambda case=case: ask(case)))
                except Exception as error:
                    found.crashes.append(f"{case}: {type(error).__name__}: {error}")
    return found


def _note_row(found: Rows, name: str, case: LargeCase, answer: Answer) -> None:
    found.cases += 1
    found.partials += len(answer.verdicts)
    found.verdicts.update((case.dtype, verdict) for verdict in answer.verdicts)
    for verdict in ("undecided", "disagree"):
        if verdict not in answer.verdicts:
            continue
        partial = answer.report.partials[answer.verdicts.index(verdict)]
        if verdict == "undecided":
            found.unknown[name, case.dtype, f"{partial.cause}: {partial.why}"] += 1
        elif (known := defect(case, answer)) is not None:
            found.defects[known] += 1
        else:
            found.alarms.append(f"{case}: {partial}")


def print_rows(found: Rows) -> int:
    """The figures of all rows; 1 if there is a false alarm or a crash."""
    print(f"{found.cases} cases of rows, {found.partials:,} partials")
    print("verdicts:", {" ".join(key): count for key, count in sorted(found.verdicts.items())})
    print("defects of torch (cases):", dict(found.defects))
    for name, lines in (("false alarms", found.alarms), ("crashes", found.crashes)):
        print(f"{name}: {len(lines)}", *(f"  {line}" for line in lines), sep="\n")
    print("undecided:", *(f"  {count} {' '.join(key)}" for key, count in sorted(found.unknown.items())), sep="\n")
    return 1 if found.alarms or found.crashes else 0


def run(cases: Iterator[LargeCase], seed: int, fault_count: int, seconds: float) -> Found:
    found, end = Found(), time.monotonic() + seconds
    for number, case in enumerate(cases):
        if time.monotonic() > end:
            break
        chance = random.Random(f"{seed} {number}")
        try:
            look_at(found, case, chance, fault_count)
        except Exception as error:  # a crash is worse than any verdict: it is listed, and the run goes on
            found.crashes.append(f"{case}: {type(error).__name__}: {error}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", type=int, default=0, dest="start")
    parser.add_argument("--faults", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=())
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.rows:
        return print_rows(rows(arguments.rows, arguments.seed, arguments.only))
    cases = islice(large_cases(arguments.seed, arguments.start), arguments.count)
    found = run(cases, arguments.seed, arguments.faults, arguments.seconds)
    print(f"{found.cases} cases, {found.partials:,} partials, {found.bulk:,} agree in bulk; {len(found.rows)} functions")
    print("verdicts:", {" ".join(key): count for key, count in sorted(found.verdicts.items())})
    print("undecided (cases):", dict(found.undecided))
    print("defects of torch (cases):", dict(found.defects), "refused:", dict(found.refused))
    print(f"mpmath: {found.oracle} compared, {len(found.wrong)} apart")
    tally = found.faults
    print(
        "| kind | dtype | built in | reach a partial | found | partials | kernels within their bound |\n|---|---|---|---|---|---|---|"
    )
    print("\n".join(tally.rows()))
    print(
        f"faults: {sum(tally.tried.values())} built in, {sum(tally.reached.values())} reach, {sum(tally.found.values())} found"
    )
    lists = {
        "apart": found.apart, "false alarms": found.alarms, "crashes": found.crashes, "oracle": found.wrong,
        "escapes": tally.escapes, "changed elsewhere": tally.alarms,
    }  # fmt: skip
    for name, lines in lists.items():
        print(f"{name}: {len(lines)}", *(f"  {line}" for line in lines), sep="\n")
    return 1 if any(lists.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
