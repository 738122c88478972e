"""The symbolic witness's own process: questions in, formulas out, one JSON object a line.

Comes in (standard input): {"number", "trees", "wanted", "seconds", "indexed", "by",
"is_claim"}.
Goes out (a descriptor of its own, named on the command line): {"number": 0} when sympy is there, and then {"number",
"formulas", "constants", "general", "sums", "same"}, or {"number", "failure"}.

The process holds the limits on memory and processor time, so that nothing sympy does can hurt the caller;
it ends when its input does.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import IO, Any

from gradcalc.engines.symbolic.messages import Derived, pack_derived, unpack, unpack_indexed
from gradcalc.runtime.parent_watch import exit_with_parent

MEMORY_BYTES = 1_400_000_000
MAX_CHARACTERS = 50_000_000


def main(descriptor: str) -> None:
    """Answer questions until the input ends, on a descriptor that nothing else writes to."""
    os.set_inheritable(int(descriptor), False)
    answers = open(int(descriptor), "w", encoding="utf-8")  # noqa: SIM115  closed with the process
    sys.setrecursionlimit(20_000)
    gc.disable()
    from gradcalc.engines.symbolic import cas

    # What is there now stays; what comes is mostly freed by reference counts.  A sixth less time a question.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
    _limit_memory()
    exit_with_parent(os.getppid())
    _say(answers, {"number": 0})
    for line in sys.stdin:
        question = json.loads(line)
        _limit_time(question["seconds"])
        try:
            answer = pack_derived(_derived(question, cas))
        except MemoryError:
            answer = {"failure": "sympy needed too much memory"}
        except RecursionError:
            answer = {"failure": "the expression is too deep for sympy"}
        except Exception as error:  # sympy raises anything; whatever it is, the other witnesses go on
            answer = {"failure": f"sympy failed: {type(error).__name__}: {error}"[:300]}
        _say(answers, {"number": question["number"], **answer})


def _derived(question: dict[str, Any], cas: Any) -> Derived:
    """The formulas with an index, if there are any; else one by one."""
    if question["is_claim"]:
        ((_, (by,)),) = question["wanted"]
        return Derived((), {}, is_same=cas.is_derivative(*unpack(json.loads(question["trees"])), by))
    if question["indexed"]:
        found = cas.derive_with_index(*unpack_indexed(question["indexed"]), question["by"])
        if found is not None:
            return found  # type: ignore[no-any-return]
    return cas.derive(unpack(json.loads(question["trees"])), question["wanted"])  # type: ignore[no-any-return]


def _say(answers: IO[str], answer: dict[str, Any]) -> None:
    text = json.dumps(answer)
    if len(text) > MAX_CHARACTERS:
        text = json.dumps({"number": answer["number"], "failure": "sympy's answer is too long"})
    answers.write(text + "\n")
    answers.flush()


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
