"""The graph that autograd builds: every operation with its value, its local derivatives and its adjoint.

Comes in: a tree, numbers for its variables, a dtype and a device.  Goes out: plain data, in the order of evaluation.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradcalc.engines.autograd.forward import Constants, apply, constants_of, inputs_of
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number, fold
from gradcalc.functions import TABLE
from gradcalc.runtime import torch_import

with torch_import.fast_import():
    import torch


@dataclass(frozen=True, slots=True)
class Edge:
    """An argument of an operation: its vertex, and the derivative by it.

    `local` has the shape of the argument where the operation gives one number or works entry by entry; of every other
    operation it would be a Jacobian, and is None.
    """

    vertex: int
    local: Any


@dataclass(frozen=True, slots=True)
class Vertex:
    """A variable, a constant or an operation.

    `name` is the operation alone, `text` all that it computes.  `grad_fn` is torch's name of its backward step, None for
    leaves; `adjoint` the derivative of the result by it, None where there is none.  Arrays are nested lists.
    """

    name: str
    text: str
    grad_fn: str | None
    value: Any
    adjoint: Any = None
    edges: tuple[Edge, ...] = ()


def graph(tree: Node, values: Mapping[str, Any], *, dtype: str, device: str) -> tuple[Vertex, ...]:
    """The graph of an expression whose value is one number: its vertices in the order of evaluation, the result last.

    Raises one of `REFUSALS` with torch's words where it cannot.
    """
    kind = getattr(torch, dtype)
    drawing = _Drawing(inputs_of(values, kind, device, tracked=values), constants_of(tree, kind, device))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fold(tree, drawing.leaf, drawing.call)
        return drawing.with_adjoints()


class _Drawing:
    def __init__(self, inputs: Mapping[str, torch.Tensor], constants: Constants):
        self.inputs, self.constants = inputs, constants
        self.vertices: list[Vertex] = []
        self.tensors: list[torch.Tensor] = []
        self.variables: dict[str, int] = {}

    def add(self, node: Node, name: str, tensor: torch.Tensor, edges: Sequence[Edge] = ()) -> int:
        backward = None if tensor.grad_fn is None else tensor.grad_fn.name().rpartition("::")[2]
        self.vertices.append(Vertex(name, unparse(node), backward, tensor.tolist(), edges=tuple(edges)))
        self.tensors.append(tensor)
        return len(self.vertices) - 1

    def leaf(self, node: Number | Name) -> int:
        if isinstance(node, Number):
            return self.add(node, node.text, self.constants.tensors[node.text])
        if node.name not in self.variables:
            self.variables[node.name] = self.add(node, node.name, self.inputs[node.name])
        return self.variables[node.name]

    def call(self, node: Call, places: list[int]) -> int:
        args = [self.tensors[place] for place in places]
        result = apply(node, args, self.constants)
        return self.add(node, node.name, result, self.edges(node, places, args))

    def edges(self, node: Call, places: Sequence[int], args: Sequence[torch.Tensor]) -> list[Edge]:
        """The operation once more, of its arguments alone: what its result owes to each."""
        alone = [arg.detach().requires_grad_(arg.is_floating_point()) for arg in args]
        result = apply(node, alone, self.constants)
        by_entry = TABLE[node.name].elementwise and result.dim()
        numbers = [arg for arg in alone if arg.requires_grad]
        slopes = iter(torch.autograd.grad(result.sum(), numbers, allow_unused=True) if result.requires_grad else ())
        found = []
        for place, arg in zip(places, alone, strict=True):
            slope = next(slopes, None) if arg.requires_grad else None
            is_jacobian = slope is not None and result.dim() and not (by_entry and slope.shape == result.shape)
            found.append(Edge(place, None if slope is None or is_jacobian else slope.tolist()))
        return found

    def with_adjoints(self) -> tuple[Vertex, ...]:
        result = self.tensors[-1]
        if not result.requires_grad:
            return tuple(self.vertices)
        moving = [place for place, tensor in enumerate(self.tensors) if tensor.requires_grad]
        found = torch.autograd.grad(result, [self.tensors[place] for place in moving], allow_unused=True)
        adjoints = {place: slope.tolist() for place, slope in zip(moving, found, strict=True) if slope is not None}
        return tuple(replace(vertex, adjoint=adjoints.get(place)) for place, vertex in enumerate(self.vertices))
