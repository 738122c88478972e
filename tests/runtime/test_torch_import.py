"""What is left out when the program imports torch changes no number, and comes back when somebody asks for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.sampling import sample

from gradcalc.engines.autograd import backward
from gradcalc.functions import TABLE

HERE = Path(__file__).parent
TESTS = HERE.parent

_PROGRAM = """
import sys
sys.path[:0] = {here!r}, {tests!r}
from gradcalc.runtime import torch_import
torch_import.assume_exclusive_process()
from test_torch_import import numbers
print("torch._prims" in sys.modules, "torch._meta_registrations" in sys.modules)
import torch, warnings
warnings.simplefilter("ignore")
for line in numbers():
    print(line)
import torch._meta_registrations
print(torch._meta_registrations.meta_bernoulli.__name__ if hasattr(torch._meta_registrations, "meta_bernoulli") else "back")
"""


def numbers() -> list[str]:
    """Value, gradient and second derivative of every function of the table, at a point, as text."""
    lines = []
    for row in TABLE.values():
        if row.torch is None or row.condition or not row.elementwise or row.definition is not None or not row.signature:
            continue
        tree, at = sample(row, 0.37)
        for dtype in ("float64", "bfloat16"):
            for order in (1, 2):
                bys = [(name,) * order for name in at]
                run = backward.run(tree, at, bys, dtype=dtype, device="cpu", record=True)
                # Tensors without data come from Python where the meta registrations are there, from C++ where they are not.
                done = run.program.operations if run.program else ()
                operations = [one.name for one in done if any(result.value is not None for result in one.results)]
                lines.append(f"{row.name} {dtype} {order} {run.value!r} {run.partials!r} {run.failure!r} {operations}")
    return lines


@pytest.mark.slow
def test_no_number_changes_in_the_program() -> None:
    program = _PROGRAM.format(here=str(HERE), tests=str(TESTS))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    first, *lines, last = ran.stdout.splitlines()
    assert first == "False False"
    assert lines == numbers()
    assert len(lines) > 300
    assert last


@pytest.mark.slow
def test_the_library_imports_all_of_torch() -> None:
    code = "from gradcalc.engines.autograd import backward; import sys; print('torch._prims' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "True\n"
