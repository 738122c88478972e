"""The user's code that is running: its lines, and where numbers leave torch in it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from gradcalc.engines.autograd.function_call import tensors_in
from gradcalc.engines.autograd.recorder import before_operations

OWN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_TORCH = os.path.dirname(os.path.abspath(torch.__file__))
_MAKERS = ("tensor", "as_tensor", "asarray")
"""Functions that make a tensor of a list, which may hold tensors: their numbers are read unseen."""


_LEAVING = ("numpy", "tolist", "__dlpack__", "new_tensor", "data_ptr", "untyped_storage", "storage")
"""Methods by which numbers leave torch as arrays, lists or memory: what is done with them then is not recorded."""
_BY_ADDRESS = frozenset({"data_ptr", "untyped_storage", "storage"})
"""Those that torch calls itself, too, to look at an address only."""


NO_LINE = "the call"


def user_line() -> str:
    """The file and the line of the user's code that is running; `NO_LINE` where a function of PyTorch is checked itself."""
    frame = sys._getframe(2)
    while frame is not None:
        if _is_users(frame.f_code.co_filename):
            return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return NO_LINE


def is_engine_running() -> bool:
    """Whether autograd's engine runs a node of torch's: no code of the user's is between it and here."""
    frame = sys._getframe(2)
    while frame is not None and not _is_users(frame.f_code.co_filename):
        if frame.f_code.co_name == "_engine_run_backward":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _is_users(name: str) -> bool:
    return not name.startswith((_TORCH, OWN, "<")) and f"{os.sep}torch{os.sep}" not in name


@contextmanager
def escapes(note: Callable[[str, str], None]) -> Iterator[None]:
    """Note where numbers leave torch inside: how, and the line."""

    def noted(name: str, method: Any) -> Any:
        def leave(tensor: torch.Tensor, *args: Any, **options: Any) -> Any:
            caller = sys._getframe(1).f_code.co_filename
            is_users = _is_users(caller) if name in _BY_ADDRESS else not caller.startswith(OWN)
            if is_users and tensor.is_floating_point():
                note(f".{name.strip('_')}()", user_line())
            return method(tensor, *args, **options)

        return leave

    def rebuilt(name: str, maker: Any) -> Any:
        def make(*args: Any, **options: Any) -> Any:
            data = args[0] if args else None  # a tensor itself is copied by operations that are recorded
            if isinstance(data, list | tuple) and tensors_in(data):
                note(f"torch.{name}()", user_line())
            return maker(*args, **options)

        return make

    def started(self: threading.Thread) -> None:
        line, run = user_line(), self.run

        def watched() -> None:
            with before_operations(lambda: note("another thread", line)):
                run()

        self.run = watched  # type: ignore[method-assign]
        start(self)

    start = threading.Thread.start
    threading.Thread.start = started  # type: ignore[method-assign]
    makers = {name: getattr(torch, name) for name in _MAKERS}
    own = {name: torch.Tensor.__dict__.get(name) for name in _LEAVING}
    for name, maker in makers.items():
        setattr(torch, name, rebuilt(name, maker))
    for name in _LEAVING:
        setattr(torch.Tensor, name, noted(name, getattr(torch.Tensor, name)))
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
        for name, maker in makers.items():
            setattr(torch, name, maker)
        for name, method in own.items():
            if method is None:
                delattr(torch.Tensor, name)
            else:
                setattr(torch.Tensor, name, method)
