"""Run gradcalc over a folder of corpora and print what it said, by corpus and kind, with the rows to look at.

    python benchmarks/corpora.py FOLDER [--dtype float64] [--dtype float32] [--only NAME] [--list VERDICT]

FOLDER holds JSON Lines files with `expr`, `vars`, `point`, `wrt` and 50-digit references `ref` (null: no derivative), and
optionally `gotchas.jsonl` with the wanted verdict by dtype.  A row is looked at if it contradicts its reference:

    digits      `symbolic` is not the reference to 20 digits
    agree-null  `agree` where there is no derivative
    disagree    `disagree` anywhere
    regular     a regular row with at most 1e-9 relative error in plain double arithmetic is not `agree`
    want        a wanted verdict was not given
"""

from __future__ import annotations

import argparse
import collections
import json
import statistics
import sys
import time
from fractions import Fraction
from pathlib import Path

from gradcalc.calculate.answer import answer
from gradcalc.errors import CalcError
from gradcalc.report import Partial, Problem, Verdict

DIGITS = 20


def rows(folder: Path, only: str | None) -> list[dict]:
    """The rows of every corpus in a folder; numbers keep their decimal text."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        if only is None or path.stem == only:
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [{"corpus": path.stem, **json.loads(line, parse_float=str, parse_int=str)} for line in lines]
    return found


def equal(text: str | None, reference: str) -> bool:
    """Whether two decimals are the same to 20 digits."""
    if text is None:
        return False
    left, right = Fraction(text), Fraction(reference)
    return abs(left - right) <= abs(right) * Fraction(1, 10**DIGITS) * 10


def problem(row: dict, dtype: str) -> Problem:
    by = [row["wrt"]] if isinstance(row["wrt"], str) else row["wrt"]
    order = int(row.get("order", 1))
    return Problem(row["expr"], row["point"], tuple(by), order, "cpu", dtype, tuple(row["vars"]))


def complaints(row: dict, partial: Partial) -> list[str]:
    """Why a partial must be looked at."""
    if len(set(partial.by)) > 1:
        return []
    reference = row["ref"].get(partial.by[0])
    found = []
    if reference is None:
        if partial.verdict is Verdict.AGREE:
            found.append("agree-null")
    elif not equal(partial.symbolic, reference):
        found.append("digits")
    if partial.verdict is Verdict.DISAGREE:
        found.append("disagree")
    measured = str(row.get("ad64_relerr", "none"))
    relative = 1.0 if measured[:1].isalpha() else float(measured)
    if row["kind"] == "regular" and relative < 1e-9 and partial.verdict is not Verdict.AGREE:
        found.append("regular")
    return found


def gotcha(row: dict, dtype: str) -> tuple[str | None, str]:
    """The verdict on a row of the catalogue of gotchas, or why it was not asked."""
    expr, _, by = row["expr"].partition(" d/d")
    point = [part.strip() for part in row["point"].split(",")]
    from gradcalc.expression.tree import names_in
    from gradcalc.functions.resolve import understand

    by = by.split()[0] if by else ""
    try:
        names = names_in(understand(expr))
        report = answer(Problem(expr, dict(zip(names, point, strict=True)), (by,) if by else (), 1, "cpu", dtype))
    except (CalcError, ValueError) as error:
        return None, str(error)
    first = report.partials[0]
    return str(first.verdict), f"{first.cause} {first.why}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", action="append")
    parser.add_argument("--only")
    parser.add_argument("--list", action="append", default=[], metavar="VERDICT")
    options = parser.parse_args()
    complained = 0
    for dtype in options.dtype or ["float64", "float32"]:
        complained += run(options, dtype)
    return 1 if complained else 0


def run(options: argparse.Namespace, dtype: str) -> int:
    table: dict[tuple[str, str], collections.Counter] = collections.defaultdict(collections.Counter)
    seconds: dict[str, list[float]] = collections.defaultdict(list)
    look: list[str] = []
    unusable: collections.Counter = collections.Counter()
    for row in rows(options.folder, options.only):
        if "want" in row:
            verdict, why = gotcha(row, dtype)
            wanted = row["verdict"].get(dtype)
            table["gotchas", "asked" if verdict else "not asked"][verdict or "-"] += 1
            if wanted is not None and verdict != wanted:
                look.append(f"want        {row['id']}: {row['expr']} at {row['point']}: {verdict}, wanted {wanted} ({why})")
            continue
        start = time.perf_counter()
        try:
            report = answer(problem(row, dtype))
        except CalcError as error:
            table[row["corpus"], row["kind"]]["error"] += 1
            look.append(f"error       {row['id']}: {error}")
            continue
        seconds[row["corpus"]].append((time.perf_counter() - start) / max(len(report.partials), 1))
        for partial in report.partials:
            table[row["corpus"], row["kind"]][str(partial.verdict)] += 1
            unusable[str(partial.proof.get("symbolic"))[:60]] += 1
            reasons = [*_complaints(row, partial, dtype), *["listed"] * (str(partial.verdict) in options.list)]
            said = f"{row['id']} d/d{','.join(partial.by)}: {row['expr'][:90]} at {row['point']}"
            look += [f"{reason:11} {said}: {partial.verdict} {partial.cause} {partial.why}" for reason in reasons]
    print(f"== {dtype}")
    for (corpus, kind), counts in sorted(table.items()):
        print(f"{corpus:9} {kind:10} " + "  ".join(f"{verdict} {count}" for verdict, count in counts.most_common()))
    for corpus, times in sorted(seconds.items()):
        times.sort()
        print(
            f"{corpus:9} ms a partial: median {1e3 * statistics.median(times):.1f}, p95 {1e3 * times[int(0.95 * len(times))]:.1f}"
        )
    print("symbolic side:", dict(unusable.most_common()))
    print(f"to look at: {len(look)}")
    print("\n".join(look))
    return sum(not line.startswith("listed") for line in look)


def _complaints(row: dict, partial: Partial, dtype: str) -> list[str]:
    found = complaints(row, partial)
    return found if dtype == "float64" else [complaint for complaint in found if complaint != "regular"]


if __name__ == "__main__":
    sys.exit(main())
