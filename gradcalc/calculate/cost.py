"""What a large question costs, before it is answered: seconds and memory.

The figures per number were measured on one core of a machine of 2024, see `benchmarks/models.py`; they say whether an answer
takes seconds or minutes, and whether it fits into the memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.errors import CalcError

LARGE = 10_000
"""Numbers from which on the cost is reported before."""
_SECONDS, _BYTES = 2e-5, 1_000
"""Per partial derivative, and per number of the data."""


@dataclass(frozen=True, slots=True)
class Cost:
    """How many numbers the answer to a question has, and what they cost."""

    partials: int
    numbers: int
    """Of the answer and of the data."""

    @property
    def seconds(self) -> float:
        """About how long it takes, on one core."""
        return self.numbers * _SECONDS

    @property
    def bytes(self) -> float:
        """About how much memory it takes."""
        return self.numbers * _BYTES

    @classmethod
    def of(cls, prepared: PreparedQuery) -> Cost:
        """The cost of a prepared query."""
        data = sum(prod(shape) for shape in prepared.point.shapes.values())
        passes = prod(prepared.shape) if prepared.partials.order == 1 else 1
        numbers = len(prepared.partials) + data * min(passes, 2)
        return cls(len(prepared.partials), numbers)

    def sentence(self) -> str:
        """The cost in words."""
        return f"{self.partials:,} partial derivatives: about {_rounded(self.seconds)} s and {_rounded(self.bytes / 1e6)} MB"

    def require_memory(self) -> None:
        """Raise `CalcError` if there is less memory than it takes."""
        if self.numbers < LARGE:
            return
        free = free_memory()
        if free is not None and self.bytes > free:
            need, have = (f"{size / 1e9:.1f} GB" for size in (self.bytes, free))
            raise CalcError(
                f"{self.partials:,} partial derivatives take about {need} of memory; {have} are free",
                hint='choose variables with --by, or a sample of entries: --by "x[0]" --by "x[17]"',
            )


def _rounded(number: float) -> str:
    return f"{float(f'{number:.1g}'):,.0f}"


def free_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not tell."""
    limits = []
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        limits += [int(line.split()[1]) * 1_024 for line in text.splitlines() if line.startswith("MemAvailable:")]
    except (OSError, ValueError):
        pass
    try:
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            limits.append(max(soft - pages * resource.getpagesize(), 0))
    except (ImportError, OSError, ValueError):
        pass
    return min(limits, default=None)
