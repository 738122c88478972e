"""Generated code of numpy, torch and jax, run: functions of numpy arrays in double precision that return these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.util import find_spec
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
import torch

INSTALLED = ("python", "torch", *(["jax"] if find_spec("jax") else []))
LIBRARIES = ("python", "torch", pytest.param("jax", marks=pytest.mark.skipif("jax" not in INSTALLED, reason="needs jax")))
"""The libraries as parameters of tests: without jax its own are skipped."""
Arrays = Mapping[str, np.ndarray[Any, np.dtype[np.float64]]]


def value_and_gradients(library: str, code: str, values: Arrays) -> tuple[np.ndarray[Any, Any], list[np.ndarray[Any, Any]]]:
    """The value and the gradients that a module's function computes."""
    space: dict[str, Any] = {}
    value, gradients = _RUN[library](code, space, values)
    return np.asarray(value), [np.asarray(each) for each in gradients]


def _by_numpy(code: str, space: dict[str, Any], values: Arrays) -> Any:
    exec(code, space)
    return space["value_and_gradients"](**values)


def _by_torch(code: str, space: dict[str, Any], values: Arrays) -> Any:
    exec(code, space)
    return space["value_and_gradients"](**{name: torch.from_numpy(np.array(value)) for name, value in values.items()})


def _by_jax(code: str, space: dict[str, Any], values: Arrays) -> Any:
    return _jax_process().submit(run_by_jax, code, dict(values)).result()


@cache
def _jax_process() -> ProcessPoolExecutor:
    """A process of its own: jax has threads, and other tests fork theirs."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def end_jax() -> None:
    """End the process, if there is one: tests of other modules count the processes that they leave."""
    if _jax_process.cache_info().currsize:
        _jax_process().shutdown()
        _jax_process.cache_clear()


def run_by_jax(code: str, values: Arrays) -> Any:
    """What jax computes, as numpy arrays; the one function that runs where jax is imported."""
    import jax

    space: dict[str, Any] = {}
    with jax.enable_x64(True):
        exec(code, space)
        result = space["value_and_gradients"](**{name: jax.numpy.asarray(value) for name, value in values.items()})
        return jax.tree.map(np.asarray, result)


_RUN: Mapping[str, Callable[[str, dict[str, Any], Arrays], Any]] = {
    "python": _by_numpy, "torch": _by_torch, "jax": _by_jax,
}  # fmt: skip
