"""Formulas of entries as Python runs them, with torch: an oracle that shares no code with the program."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import product
from typing import Any

import torch

_NAMES: dict[str, Any] = {
    "eye": lambda n: torch.eye(n, dtype=torch.float64),
    "ones": lambda *sizes: torch.ones(sizes, dtype=torch.float64),
    "softmax": lambda x, dim=-1: torch.softmax(x, dim),
    "heaviside": lambda x: torch.heaviside(x, x.new_tensor(0.5)),
    "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp, "sin": torch.sin, "cos": torch.cos,
    "inv": torch.linalg.inv, "sum": torch.sum, "sqrt": torch.sqrt, "norm": torch.linalg.vector_norm, "outer": torch.outer,
}  # fmt: skip


def entries_of(text: str, letters: Sequence[str], shape: Sequence[int], values: Mapping[str, Any]) -> torch.Tensor:
    """All entries of a formula with letters for indices, `sum_k(A[i,k]*B[k,j])`; sums run over as many as fit."""

    def total(term: Callable[[int], Any]) -> Any:
        result = torch.zeros((), dtype=torch.float64)
        for place in range(max(size for value in values.values() for size in getattr(value, "shape", ()))):
            with suppress(IndexError):  # beyond the size of this index
                result = result + term(place)
        return result

    code = compile(re.sub(r"sum_(\w)\(", r"total(lambda \1: ", text), text, "eval")
    names = {**_NAMES, **values, "total": total}
    entries = [eval(code, names, dict(zip(letters, index, strict=True))) for index in product(*map(range, shape))]
    return torch.stack([torch.as_tensor(entry, dtype=torch.float64) for entry in entries]).reshape(tuple(shape))
