"""How torch is imported: without the garbage collector, and in the program without what only its compiler needs.

torch registers, in Python, what its operations do to tensors without data ("meta" tensors), for torch.compile and for
export.  That is almost a third of the time that `import torch` takes, and nothing here ever makes such a tensor.  A program
that has its process to itself leaves the module out; the library never does, since its caller may want to compile.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from gradcalc.errors import CalcError

_ONLY_FOR_COMPILERS = "torch._meta_registrations"

_own_process = False


def own_the_process() -> None:
    """Say that nobody else uses torch in this process."""
    global _own_process
    _own_process = True


@contextmanager
def quickly() -> Iterator[None]:
    """Import torch inside of this; what was left out is imported as usual by whoever asks for it later."""
    collecting = gc.isenabled()
    gc.disable()  # an import allocates much and frees nothing: a third faster
    leave_out = _own_process and "torch" not in sys.modules
    stand_in = ModuleType(_ONLY_FOR_COMPILERS)
    if leave_out:
        sys.modules[_ONLY_FOR_COMPILERS] = stand_in
    try:
        yield
    except CalcError:
        raise
    except Exception as error:  # torch reads dozens of environment variables while it is imported
        reason = " ".join(str(error).split())[:200]
        named = ", ".join(name for name in os.environ if name.startswith(("TORCH", "PYTORCH")))
        hint = f"these environment variables change how it loads: {named}" if named else "is torch installed as a whole?"
        raise CalcError(f"torch cannot be loaded: {type(error).__name__}: {reason}", hint=hint) from None
    finally:
        if leave_out and sys.modules.get(_ONLY_FOR_COMPILERS) is stand_in:
            del sys.modules[_ONLY_FOR_COMPILERS]
        if _own_process:
            gc.freeze()  # what is loaded stays: no collection needs to look at it
        if collecting:
            gc.enable()
