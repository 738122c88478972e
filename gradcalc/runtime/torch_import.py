"""Import torch fast: without the garbage collector, and in the program without what only its compiler needs.

torch registers, in Python, what its operations do to tensors without data ("meta" tensors), for torch.compile and for
export.  That is almost a third of the time that `import torch` takes, and gradcalc never makes such a tensor.  The program
leaves the module out; the library never does, since its caller may want to compile.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType

from gradcalc.errors import CalcError

_ONLY_FOR_COMPILERS = "torch._meta_registrations"

_is_exclusive = ContextVar("is_exclusive", default=False)


def assume_exclusive_process() -> None:
    """Declare that nothing but gradcalc uses torch in this process."""
    _is_exclusive.set(True)


@contextmanager
def fast_import() -> Iterator[None]:
    """Import torch inside of this; a later import of the module that is left out works as usual."""
    collecting = gc.isenabled()
    gc.disable()  # an import allocates much and frees nothing: a third faster
    leave_out = _is_exclusive.get() and "torch" not in sys.modules
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
        raise CalcError(f"PyTorch cannot be loaded: {type(error).__name__}: {reason}", hint=hint) from None
    finally:
        if leave_out and sys.modules.get(_ONLY_FOR_COMPILERS) is stand_in:
            del sys.modules[_ONLY_FOR_COMPILERS]
        if _is_exclusive.get():
            gc.freeze()  # loaded modules stay: no collection needs to look at them
            gc.set_threshold(20_000, 20, 20)  # an answer leaves few cycles
        if collecting:
            gc.enable()
