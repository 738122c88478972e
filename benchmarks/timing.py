"""What the verdict costs: median and 95th percentile by corpus, and by part of the proof, sympy's time apart.

    python benchmarks/timing.py FOLDER [--dtype float64] [--only NAME] [--rows N] [--profile]

FOLDER holds the corpora (JSON Lines).  Times are milliseconds a partial, on the warm program; what happens once a question
(trace, exact replay, local check) is divided among its partials.  The parts:

    trace      torch runs the expression and its backward pass, recorded
    local      every operation against its bound
    replay     the program in exact arithmetic, with what more precision the enclosures ask for
    reference  the Taylor derivative and the regularity at the binary point
    typed      the same at the typed point
    sympy      the symbolic process: differentiate, print, send
    formula    sympy's formula in balls, at both points
    judge      the comparison itself, and the number
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import _support  # noqa: F401  puts the next ones on the path
from support.expressions import Case
from support.judging import Question

from gradcalc.engines.symbolic.client import CLIENT, SymbolicFailure
from gradcalc.engines.symbolic.messages import PartialsRequest
from gradcalc.engines.taylor.reals import OutOfPrecision, Real, refine
from gradcalc.errors import CalcError
from gradcalc.proof.evidence import ReplayedTrace

PARTS = ("trace", "local", "replay", "reference", "typed", "sympy", "formula", "judge")
OURS = ("trace", "local", "replay", "reference")
"""The parts that the goal is about: at most 5 ms in the median, on ordinary rows."""

T = TypeVar("T")


class Clock:
    """Times by part, in seconds."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PARTS, 0.0)

    def __call__(self, part: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.spent[part] += time.perf_counter() - start


def cases(folder: Path, only: str | None) -> dict[str, list[Case]]:
    """The regular rows of every corpus, as questions about all their variables."""
    found: dict[str, list[Case]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        if path.stem == "gotchas" or only not in (None, path.stem):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line, parse_float=str, parse_int=str) for line in lines]
        found[path.stem] = [
            Case(row["expr"], {name: str(value) for name, value in row["point"].items()})
            for row in rows
            if row.get("kind") == "regular" and str(row.get("order", 1)) == "1"
        ]
    return found


def timed(case: Case, dtype: str) -> dict[str, float] | None:
    """Milliseconds a partial, by part; None where the question cannot be asked."""
    clock = Clock()
    try:
        question = Question(case, dtype)
        run = clock("trace", question.run)
    except (CalcError, OverflowError):
        return None
    if run.program is None or run.unrepresentable or run.lost_literals or run.failure or not question.bys:
        return None
    traced = clock("local", lambda: ReplayedTrace(run, question.form, "cpu"))
    # The constructor replays once too: that time belongs to the replay.
    again = Clock()
    again("replay", lambda: _replayed(traced))
    clock.spent["local"] -= again.spent["replay"]
    clock.spent["replay"] += again.spent["replay"]
    asked = PartialsRequest.of([question.tree], [(0, by) for by in question.bys])
    CLIENT.get().submit(asked)
    try:
        derived = clock("sympy", lambda: CLIENT.get().result(asked))
    except SymbolicFailure:
        derived = None
    site = question.site(run)
    for place, by in enumerate(question.bys):
        clock("typed", lambda by=by: question.examined(by, None))
        found = clock("reference", lambda by=by: question.examined(by, run))
        key = run.program.partials.get(by)
        if found is not None and found.derivative is not None and traced.unknown_at(key) is None:
            truth = found.derivative
            clock("replay", lambda key=key, truth=truth: traced.enclosure(key, truth))
        formula = None
        if derived is not None and derived.formulas[place].tree is not None:
            tree, constants = derived.formulas[place].tree, derived.constants

            def value(site=site, tree=tree, constants=constants) -> Real | None:
                try:
                    return refine(lambda: site.formula_value(tree, constants))
                except OutOfPrecision:
                    return None

            formula = clock("formula", value)
            clock("formula", lambda: value(question.typed))
        clock("judge", lambda by=by, formula=formula: question.partial(run, by, traced, formula))
    return {part: 1e3 * spent / len(question.bys) for part, spent in clock.spent.items()}


def _replayed(traced: ReplayedTrace) -> None:
    from flint import ctx

    from gradcalc.proof.floats.replay import replay

    with ctx.workprec(256):
        replay(traced.program)


def percentile(values: list[float], share: float) -> float:
    """A value that is not exceeded by a share of them."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--only", help="one corpus")
    parser.add_argument("--rows", type=int, default=10**9, help="at most so many rows of each corpus")
    parser.add_argument("--profile", action="store_true", help="where the time goes, by function")
    options = parser.parse_args()
    timed(Case("sin(x)*exp(x)", {"x": "0.3"}), options.dtype)  # imports, the symbolic process
    heads = ("corpus", "rows", "whole but sympy", *(f"{part}" for part in PARTS), "+".join(OURS))
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    profile = cProfile.Profile()
    slowest: list[tuple[float, str]] = []
    for corpus, rows in cases(options.folder, options.only).items():
        times: list[dict[str, float]] = []
        for case in rows[: options.rows]:
            if options.profile:
                profile.enable()
            spent = timed(case, options.dtype)
            profile.disable()
            if spent is not None:
                times.append(spent)
                slowest.append((sum(spent[part] for part in OURS), str(case)))
        if not times:
            continue
        columns = [[sum(spent[part] for part in PARTS if part != "sympy") for spent in times]]
        columns += [[spent[part] for spent in times] for part in PARTS]
        columns += [[sum(spent[part] for part in OURS) for spent in times]]
        shown = [f"{statistics.median(column):.2f} / {percentile(column, 0.95):.2f}" for column in columns]
        print(f"| {corpus} | {len(times)} | " + " | ".join(shown) + " |")
    print("\nmilliseconds a partial, median / 95th percentile.  The slowest without sympy:")
    for spent, case in sorted(slowest, reverse=True)[:8]:
        print(f"    {spent:8.1f}  {case[:120]}")
    if options.profile:
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(35)
    return 0


if __name__ == "__main__":
    sys.exit(main())
