"""How fast is the program, beside what a person would write instead?  Ratios, in alternation, medians.

python benchmarks/speed.py [--pairs 9] [--only NAME ...] [--corpora FOLDER] [--jobs 2]

whole     gradcalc diff "sin(x**2)" --at 3, the whole process, by the time of the naive script
formula   the same without a point, by the time of sympy alone
help      gradcalc --help, by the time of a bare typer program of one command
error     a syntax error, likewise
batch     all rows of the corpora, verdict included: rows per second, by those of a naive loop in one process
arrays    mean(x**2) at 1,000 entries, the whole process, by the time of one entry
points    one expression at 100,000 points to a CSV, verdict included, by the time of a vectorised torch script; no imports
memory    peak memory of a batch of 1,000,000 lines after 10,000 of them, and at its end; of a fiftieth of them at points
peers     whole processes of other programs that answer half of the question, where they are installed
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import naive

HERE = Path(__file__).parent
GRADCALC = [sys.executable, "-m", "gradcalc"]
BARE = 'import typer\napp = typer.Typer()\n@app.command()\ndef hello(name: str) -> None:\n    """Say hello."""\n    print(name)\napp()\n'
SYMPY = 'import sympy; x = sympy.Symbol("x"); print(sympy.sin(x**2).diff(x))'


def process(command: Sequence[str]) -> float:
    """The wall time of a whole process."""
    started = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


def paired(name: str, ours: Callable[[], float], theirs: Callable[[], float], pairs: int, goal: str) -> None:
    """Time two things in alternation and print the medians and the ratio's spread."""
    ours(), theirs()
    times = [(ours(), theirs()) for _ in range(pairs)]
    ratios = sorted(left / right for left, right in times)
    left, right = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"| {name} | {left:.3f} s | {right:.3f} s | {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}) | {goal} |",
        flush=True,
    )


def questions(folder: Path, target: Path) -> int:
    """The rows of the corpora as lines of a batch."""
    count = 0
    with target.open("w", encoding="utf-8") as lines:
        for path in sorted(folder.glob("*.jsonl")):
            for text in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(text, parse_float=str, parse_int=str)
                if isinstance(row.get("expr"), str) and isinstance(row.get("point"), dict):
                    by = [row["wrt"]] if isinstance(row["wrt"], str) else row["wrt"]
                    line = {"id": row["id"], "expr": row["expr"], "at": row["point"], "by": by, "variables": row["vars"]}
                    lines.write(json.dumps(line) + "\n")
                    count += 1
    return count


def batch(folder: Path, jobs: int, pairs: int) -> None:
    """Rows per second: the ratio is ours by theirs."""
    with tempfile.TemporaryDirectory() as scratch:
        lines = Path(scratch) / "questions.jsonl"
        count = questions(folder, lines)
        rates = []
        for _ in range(pairs):
            ours = count / process([*GRADCALC, "batch", str(lines), "--jobs", str(jobs)])
            theirs = count / process([sys.executable, str(HERE / "naive.py"), "batch", str(lines)])
            rates.append((ours / theirs, ours, theirs))
            print(f"    {count} rows: {ours:.1f} and {theirs:.1f} rows a second", flush=True)
        ratio, ours, theirs = sorted(rates)[len(rates) // 2]
        print(f"| batch --jobs {jobs} | {ours:.1f} rows/s | {theirs:.1f} rows/s | {ratio:.2f} | at least 2 |", flush=True)


def arrays(pairs: int) -> None:
    """A thousand partials, each proven, by one."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "x.csv"
        file.write_text("\n".join(f"{place * 37 % 101 / 50 - 1}" for place in range(1_000)), encoding="utf-8")
        many = [*GRADCALC, "diff", "mean(x**2)", "--at", f"x=@{file}"]
        one = [*GRADCALC, "diff", "mean(x**2)", "--at", "x=[0.3]"]
        paired("1,000 entries", lambda: process(many), lambda: process(one), pairs, "at most 3 times and 2 s")


def points(pairs: int) -> None:
    """Warm, in this process: points in, CSV out."""
    from gradcalc.calculate.answer import answer
    from gradcalc.calculate.prepared import prepare_problem
    from gradcalc.commands.diff.many_points import csv_rows
    from gradcalc.commands.diff.sweep import Counts, chunks, sweep
    from gradcalc.inputs import points as inputs
    from gradcalc.inputs.limits import PROOFS
    from gradcalc.report import Problem

    answer(Problem("x**2", {"x": "1"}))

    def ours() -> float:
        started = time.perf_counter()
        out = io.StringIO()
        prepared = prepare_problem(Problem("sin(x**2)", {"x": "0"}))
        for part in sweep(prepared, chunks(inputs.sweep({"x": "0:10:100000"})), PROOFS, Counts()):
            out.write(csv_rows(part))
        return time.perf_counter() - started

    def theirs() -> float:
        started = time.perf_counter()
        naive.points(100_000, io.StringIO().write)
        return time.perf_counter() - started

    paired("points, 100,000", ours, theirs, pairs, "at most 1.5")


def memory(lines: int, *, at_points: bool) -> None:
    """Resident memory of the program itself while it answers many lines, formulas only or at points too."""
    batch = subprocess.Popen([*GRADCALC, "batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert batch.stdin is not None
    assert batch.stdout is not None
    if not os.fork():  # feed it while this process reads
        batch.stdout.close()
        shown = ["x**2", "sin(x)", "exp(-x**2)", "x +", "log(x)"]
        for place in range(lines):
            expr = shown[place % 5] if place % 50 else f"x**2 + {place}*x"
            at = {"x": place % 997 / 100} if at_points else {}
            batch.stdin.write(json.dumps({"id": place, "expr": expr, "at": at}).encode() + b"\n")
        batch.stdin.close()
        os._exit(0)
    batch.stdin.close()
    sizes = {}
    started = time.perf_counter()
    for place, _ in enumerate(batch.stdout, 1):
        if place in (1_000, 10_000, lines // 4, lines // 2, lines - 1):
            status = Path(f"/proc/{batch.pid}/status").read_text(encoding="utf-8")
            sizes[place] = int(status.partition("VmRSS:")[2].split()[0]) // 1024
    batch.wait()
    what = "at points" if at_points else "formulas"
    print(
        f"| memory of batch, {what} | {sizes} MiB after so many lines, {time.perf_counter() - started:.0f} s |", flush=True
    )


PEERS = {
    "qalc": ["qalc", "-t", "diff(sin(x^2), x)"],
    "maxima": ["maxima", "--very-quiet", "--batch-string=diff(sin(x^2),x);"],
    "ginsh": ["sh", "-c", "echo 'diff(sin(x^2),x);' | ginsh"],
    "giac": ["giac", "diff(sin(x^2),x)"],
    "gradcheck": [
        sys.executable,
        "-c",
        "import torch; x = torch.tensor(3., dtype=torch.float64, requires_grad=True); "
        "print(torch.autograd.gradcheck(lambda x: torch.sin(x**2), x))",
    ],
    "naive script": [sys.executable, str(HERE / "naive.py"), "one"],
    "gradcalc, formula": [*GRADCALC, "diff", "sin(x**2)"],
    "gradcalc, at a point": [*GRADCALC, "diff", "sin(x**2)", "--at", "3"],
}


def peers(rounds: int) -> None:
    """Start-up and answer of programs that do a part of the work."""
    for name, command in PEERS.items():
        program = command[2].split()[-1] if command[0] == "sh" else command[0]
        if shutil.which(program) is None:
            print(f"| {name} | not installed |")
            continue
        times = sorted(process(command) for _ in range(rounds))
        said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
        print(f"| {name} | {statistics.median(times):.2f} s | {' '.join(said.split())[-80:]} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--corpora", type=Path, help="a folder of corpora, for batch")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--lines", type=int, default=1_000_000)
    options = parser.parse_args()

    def wanted(name: str) -> bool:
        return not options.only or name in options.only

    print("| what | gradcalc | the other | ratio: median (range) | goal |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        bare = Path(scratch) / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        typer = [sys.executable, str(bare)]
        for name, ours, theirs, goal in (
            ("whole", ["diff", "sin(x**2)", "--at", "3"], [sys.executable, str(HERE / "naive.py"), "one"], "at most 0.6"),
            ("formula", ["diff", "sin(x**2)"], [sys.executable, "-c", SYMPY], "at most 1.3"),
            ("help", ["--help"], [*typer, "--help"], "at most 1.5"),
            ("error", ["diff", "sin("], [*typer], "at most 1.5"),
        ):
            if wanted(name):
                command, other = [*GRADCALC, *ours], theirs
                paired(name, lambda c=command: process(c), lambda c=other: process(c), options.pairs, goal)
    if wanted("arrays"):
        arrays(options.pairs)
    if wanted("points"):
        points(options.pairs)
    if wanted("batch") and options.corpora:
        batch(options.corpora, options.jobs, max(1, options.pairs // 3))
    if wanted("memory"):
        memory(options.lines, at_points=False)
        memory(options.lines // 50, at_points=True)
    if wanted("peers"):
        peers(5)


if __name__ == "__main__":
    main()
