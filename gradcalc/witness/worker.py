"""The symbolic witness's own process: questions in, formulas out, one JSON object a line.

Comes in (standard input): {"number", "expr", "variables", "bys", "seconds"}.
Goes out (standard output): {"number", "formulas", "constants"}, or {"number", "failure"}.

The process holds the limits on memory and processor time, so that nothing sympy does can hurt the caller;
it ends when its input does.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from dataclasses import asdict

from gradcalc.orphan import end_with_parent

MEMORY_BYTES = 1_400_000_000


def main() -> None:
    """Answer questions until the input ends."""
    sys.setrecursionlimit(20_000)
    gc.disable()
    from gradcalc.functions.resolve import understand
    from gradcalc.witness import symbolic

    gc.enable()
    _limit_memory()
    end_with_parent(os.getppid())
    for line in sys.stdin:
        question = json.loads(line)
        _limit_time(question["seconds"])
        try:
            tree = understand(question["expr"], question["variables"])
            answer = asdict(symbolic.derive(tree, question["bys"]))
        except MemoryError:
            answer = {"failure": "sympy needed too much memory"}
        except RecursionError:
            answer = {"failure": "the expression is too deep for sympy"}
        except Exception as error:  # sympy raises anything; whatever it is, the other witnesses go on
            answer = {"failure": f"sympy failed: {type(error).__name__}: {error}"[:300]}
        sys.stdout.write(json.dumps({"number": question["number"], **answer}) + "\n")
        sys.stdout.flush()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows: there the wall clock alone protects the caller
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _limit_time(seconds: float) -> None:
    """Processor time beyond what the question may take ends the process, even if the caller is gone."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main()
