"""Hostile input: does anything hang, fall over, or stay behind?

    python benchmarks/hostile.py [--generated 900] [--seed N] [--timeout 5]

Every input is a process of its own: `gradcalc diff INPUT ...`, some with bytes on stdin.  Counted are hangs (beyond the
limit and what a start takes), tracebacks, exit codes that are not documented, and processes that are left; the slowest and
the peak of memory are told.  Exits with 1 if there is anything of that kind.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CODES = {0, 1, 2, 3, 4}
START = 30.0
"""Seconds that a start may take on a machine under load, beyond the limits of the question."""


@dataclass(frozen=True)
class Attack:
    """A command line, and what it is given on stdin."""

    arguments: tuple[str, ...]
    stdin: bytes = b""

    def __str__(self) -> str:
        words = " ".join(self.arguments)
        return words[:100] + (f" < {len(self.stdin)} bytes" if self.stdin else "")


EXPRESSIONS = [
    "9**9**9", "9**9**9*x", "x**9**9**9", "factorial(10**9)", "factorial(10**9)*x", "gamma(1e9*x)", "exp(exp(exp(exp(3))))*x",
    "exp(exp(exp(exp(x))))", "4**(1111111111111111111111/2222222222222)*x", "1e1000000000", "1e400*x", "1e-400*x", "x*1e999",
    "9" * 60 + "*x", "9" * 61 + "*x", "0." + "0" * 57 + "1*x", "(x+1)**100000", "(x+1)**1000000000", "x**1e300", "x**-1e300",
    "tan(" * 20 + "x" + ")**60" * 20, "sin(" * 59 + "x" + ")" * 59, "sin(" * 200 + "x" + ")" * 200, "(" * 5000, ")" * 5000,
    "(" * 59 + "x" + ")" * 59, "-" * 5000 + "x", "x" + "+x" * 4999, "x" + "*x" * 2000, "x" + "**x" * 30, "x" + "-x" * 5000,
    " + ".join(f"{k}*x" for k in range(5000)), "+".join(f"sin({k}*x)" for k in range(300)), "x" + "/x" * 3000, "2" + "**2" * 50 + "*x",
    "where(x > 0, " * 30 + "x" + ", 1)" * 30, "max(" * 40 + "x" + ", 1)" * 40, "max(" + ",".join(f"x-{k}" for k in range(500)) + ")",
    "where(" + " and ".join(["x > 0"] * 300) + ", x, 1)", "x < " * 300 + "x", "abs(" * 50 + "x" + ")" * 50, "floor(x*1e300)",
    "sin(1e300*x)", "cos(10**300*x)", "tan(1e22*x)", "zeta(1e9*x)", "zeta(-1e15*x)", "besselj(1e9, x)", "besselj(0, 1e15*x)",
    "polygamma(20, -1e15*x)", "digamma(-1e18*x)", "lgamma(-1e15*x)", "gamma(-1.5e15*x)", "beta(1e10*x, 1e10)", "erfinv(1 - 1e-300*x)",
    "x**x**x**x**x", "(-1)**(1e15*x)", "log(log(log(log(x))))", "acosh(1e-300*x)", "1/(x-0.7)", "remainder(1e300*x, 1e-300)", "fmod(1e300, x*1e-300)",
    "sqrt(" * 50 + "x" + ")" * 50, "exp(" * 10 + "x" + ")" * 10, "cbrt(" * 40 + "x" + ")" * 40, "x" * 61, "x1234567890" * 10, "", " ", "\n", "\t",
    "__import__('os').system('true')", "exec('1')", "lambda x: x", "x; import os", "x if x else x", "[x for x in y]", "{x}", "x.__class__",
    "'x'", '"x"', "`x`", "$x", "x$(true)", "x&&x", "x|x", "x\\n", "x#", "x//2", "x%2", "x=3", "x==3", "x<3", "not x", "and", "x and x",
    "x²", "√x", "π*x", "x−1", "ｘ", "٣*x", "x\u200b+1", "\ufeffx", "x\u0000y", "é", "🙂", "x\u202e", "\ud800",  # noqa: RUF001
    "sin", "sin x", "sin(", "sin()", "sin(x,x)", "sinn(x)", "x(x)", "2x3", "2 3", "1.2.3", "1e", "1e+", ".", "..", "x..y", "+", "*x", "x*", "x**", "^x",
    "inf*x", "nan*x", "oo", "I*x", "e**x", "E", "zoo", "x!", "d/dx x", "x'", "D(x)", "lambda", "for", "None", "True*x",
    "a" + "+a".join(f"{k}" for k in range(2000)), "+".join(f"v{k}" for k in range(1000)), "sum(x)", "x@x", "[1,2]", "x[0]", "x,y",
]  # fmt: skip

OTHERS = [
    Attack(("diff", "-", "--at", "0.7"), b"\x00" * 1000),
    Attack(("diff", "-", "--at", "0.7"), os.urandom(10_000_000)),
    Attack(("diff", "-", "--at", "0.7"), b"x" * 10_000_000),
    Attack(("diff", "-", "--at", "0.7"), b"\xff\xfe"),
    Attack(("batch",), os.urandom(10_000_000)),
    Attack(("batch",), b"x" * 10_000_000),
    Attack(("batch",), b"\x00" * 10_000_000),
    Attack(("batch",), b"[" * 1_000_000),
    Attack(("batch",), b'{"expr": ' + b'{"a":' * 100_000),
    Attack(("batch",), b'{"expr": "x", "at": {"x": ' + b"9" * 900_000 + b"}}\n"),
    Attack(("batch",), b'{"expr": "9**9**9*x", "at": {"x": 1}}\n' * 20),
    Attack(("batch", "--jobs", "2"), b'{"expr": "tan(tan(x)**60)**60", "order": 3, "at": {"x": 1}}\n' * 4),
    Attack(("batch", "--jobs", "2"), os.urandom(1_000_000)),
    Attack(("diff", "x", "--points", "-"), os.urandom(10_000_000)),
    Attack(("diff", "x", "--points", "-"), b"x\n" + b"1" * 10_000_000),
    Attack(("diff", "x", "--points", "-"), b"x\n" + b"9**9**9\n" * 10),
    Attack(("diff", "x", "--at", "x=0:1:999999999999")),
    Attack(("diff", "x", "--at", "x=9**9**9:1:3")),
    Attack(("diff", "x", "--at", "factorial(10**9)")),
    Attack(("diff", "x", "--at", "sin(" * 100)),
    Attack(("diff", "x", "--order", "9" * 100)),
    Attack(("diff", "+".join(f"v{k}" for k in range(200)), "--order", "8")),
    Attack(("diff", "x", "--timeout", "1e999")),
    Attack(
        (
            "diff",
            "abs((sin((gelu(erfinv(((softplus((erfinv(((gamma(tan(tanh(cbrt(gamma(lgamma(x)))))))**(1/3))**-3))-x))**x)-x**9)))-x))**2)",
            "--order",
            "3",
            "--at",
            "x=-1",
        )
    ),
    Attack(("bce", "--x", "9**9**9", "--y", "0")),
    Attack(("bce", "--x", "1e308", "--y", "nan")),
]


def attacks(generated: int, chance: random.Random) -> Iterator[Attack]:
    """Hand-picked ones at a point and without one, then generated ones."""
    for expr in EXPRESSIONS:
        if "\x00" in expr or "\ud800" in expr:  # no system passes these to a program
            continue
        names = [name for name in ("x", "y") if name in expr]
        yield Attack(("diff", expr, *(word for name in names for word in ("--at", f"{name}=0.7"))))
    yield from OTHERS
    for _ in range(generated):
        expr = _generated(chance)
        at = chance.choice(["0.7", "0", "-1", "1e300", "1e-300", "pi", "1/3", "1e15"])
        order = chance.choice(["1"] * 6 + ["2", "3"])
        point = () if chance.random() < 0.15 else ("--at", f"x={at}")
        yield Attack(("diff", expr, "--order", order, *point))


_PIECES = [
    "x", "x", "x", "1", "2", "0", "1e300", "1e-300", "9**9", "factorial(50)", "pi", "0.1", "(", ")", "+", "-", "*", "/", "**", "^", ",",
    "sin(", "exp(", "log(", "tan(", "gamma(", "zeta(", "besselj(2,", "polygamma(3,", "where(x>0,", "max(", "abs(", "floor(", "sqrt(", "erf(",
    "acosh(", "atan2(", "<", "==", "and", "not", " ", "e", "E",
]  # fmt: skip


def _generated(chance: random.Random) -> str:
    """A tower of functions, a soup of tokens, or a soup of characters."""
    kind = chance.random()
    if kind < 0.5:
        expr = chance.choice(["x", "x+1", "x*1e10", "x/3"])
        for _ in range(chance.randrange(1, 25)):
            pick = chance.random()
            if pick < 0.6:
                expr = f"{chance.choice(['sin', 'exp', 'log', 'tan', 'gamma', 'lgamma', 'digamma', 'zeta', 'tanh', 'sqrt', 'erf', 'erfinv', 'asin', 'abs', 'floor', 'cbrt', 'softplus', 'gelu', 'sinc'])}({expr})"
            elif pick < 0.8:
                expr = f"({expr})**{chance.choice(['2', '60', 'x', '0.5', '-3', '1e5', '9**9', '(1/3)'])}"
            else:
                expr = f"({expr}){chance.choice('+-*/')}{chance.choice(['x', '1e308', '1e-308', 'pi', '0', 'x**9'])}"
        return expr
    if kind < 0.85:
        return "".join(chance.choice(_PIECES) for _ in range(chance.randrange(1, 60)))
    return "".join(
        chr(chance.choice([*range(32, 127), 0xB2, 0x3C0, 0x221A, 0x2212])) for _ in range(chance.randrange(1, 80))
    )


@dataclass
class Outcome:
    """What became of an attack."""

    attack: Attack
    code: int | None
    seconds: float
    told: str
    left: Sequence[int]

    @property
    def trouble(self) -> str | None:
        if self.code is None:
            return "hang"
        if "Traceback" in self.told or "has a bug" in self.told:
            return "traceback"
        if self.code not in CODES:
            return f"exit {self.code}"
        return "orphan" if self.left else None


def attempt(attack: Attack, timeout: str) -> Outcome:
    """Run one attack."""
    marker = f"GRADCALC_MARK_{uuid.uuid4().hex}"
    limit = 4 * float(timeout) + START
    started = time.perf_counter()
    code: int | None
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
        given.write(attack.stdin)
        given.seek(0)
        command = [sys.executable, "-m", "gradcalc", *attack.arguments]
        process = subprocess.Popen(
            command,
            stdin=given,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, marker: "1", "GRADCALC_TIMEOUT": timeout},
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        spent = time.perf_counter() - started
        errors.seek(0)
        told = errors.read().decode(errors="replace")
    return Outcome(attack, code, spent, told, running_with(marker))


def running_with(marker: str, patience: float = 3.0) -> list[int]:
    """The processes that still run with a variable in their environment, after they had time to see the end."""
    until = time.monotonic() + patience
    while found := _marked(marker):
        if time.monotonic() > until:
            return found
        time.sleep(0.1)
    return []


def _marked(marker: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", type=int, default=900)
    parser.add_argument("--seed", type=int, default=None, help="a fresh one by default")
    parser.add_argument("--timeout", default="5")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}")
    outcomes = []
    for attack in attacks(options.generated, random.Random(seed)):
        outcome = attempt(attack, options.timeout)
        outcomes.append(outcome)
        if outcome.trouble:
            print(f"{outcome.trouble}: {outcome.attack!s} {outcome.told[-300:]}", flush=True)
    troubles = Counter(outcome.trouble for outcome in outcomes if outcome.trouble)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{len(outcomes)} inputs; exit codes {dict(Counter(outcome.code for outcome in outcomes))}")
    print(f"trouble: {dict(troubles) or 'none'}; largest process {peak:.0f} MiB")
    for outcome in sorted(outcomes, key=lambda outcome: -outcome.seconds)[:8]:
        print(f"{outcome.seconds:8.1f} s  exit {outcome.code}  {outcome.attack!s}")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
