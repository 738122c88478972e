"""The process that runs sympy: requests in, results out, one JSON object a line.

Comes in (standard input): a request as `messages.pack_request` writes it, with a number.  Goes out (a descriptor of its own,
named on the command line): {"number": 0} when sympy is there, and then the result of each with its number, or {"number",
"failure"}.

The process holds the limits on memory and processor time, so that nothing sympy does can hurt the caller; it ends when its
input does.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import IO, Any

from gradcalc.engines.symbolic.messages import (
    ClaimRequest,
    ClaimResult,
    Derivatives,
    SymbolicRequest,
    SymbolicResult,
    pack_result,
    unpack,
    unpack_request,
)
from gradcalc.runtime.memory_limit import limit_memory
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
    limit_memory(MEMORY_BYTES)
    exit_with_parent(os.getppid())
    _say(answers, {"number": 0})
    for line in sys.stdin:
        data = json.loads(line)
        request = unpack_request(data)
        _limit_time(request.seconds)
        try:
            result = _result(request, cas)
            answer = {"failure": result} if isinstance(result, str) else pack_result(result)
        except MemoryError:
            answer = {"failure": "SymPy needed too much memory"}
        except RecursionError:
            answer = {"failure": "the expression is too deep for SymPy"}
        except Exception as error:  # sympy raises anything; whatever it is, the other engines go on
            answer = {"failure": f"SymPy failed: {type(error).__name__}: {error}"[:300]}
        _say(answers, {"number": data["number"], **answer})


def _result(request: SymbolicRequest, cas: Any) -> SymbolicResult | str:
    """The formulas that are asked for, or whether a claim holds; a text says why there is no result."""
    if isinstance(request, ClaimRequest):
        return ClaimResult(cas.is_derivative(*unpack(json.loads(request.trees)), request.wrt))
    result: Derivatives = cas.derive(unpack(json.loads(request.trees)), request.partials)
    return result


def _say(answers: IO[str], answer: dict[str, Any]) -> None:
    text = json.dumps(answer)
    if len(text) > MAX_CHARACTERS:
        text = json.dumps({"number": answer["number"], "failure": "SymPy's answer is too long"})
    answers.write(text + "\n")
    answers.flush()


def _limit_time(seconds: float) -> None:
    """Processor time beyond what the question may take ends the process, even if the caller is gone."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
