"""The graph that autograd builds: every operation with its value, local derivatives and adjoint.

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
    """An argument of an operation: its vertex, and the local derivative with respect to it.

    `local` has the shape of the argument if the operation is elementwise or its value a scalar.  Otherwise it would be a
    Jacobian, and is None.
    """

    vertex: int
    local: Any


@dataclass(frozen=True, slots=True)
class Vertex:
    """A variable, a constant or an operation.

    `name` is the operation, `text` its whole expression.  `grad_fn` is torch's name of its backward step, None for leaves.
    `adjoint` is the derivative of the result with respect to it, if any.  Arrays are nested lists.
    """

    name: str
    text: str
    grad_fn: str | None
    value: Any
    adjoint: Any = None
    edges: tuple[Edge, ...] = ()


def graph(tree: Node, values: Mapping[str, Any], *, dtype: str, device: str) -> tuple[Vertex, ...]:
    """The graph of a scalar expression: its vertices in the order of evaluation, the result last.

    Raises one of `REFUSALS`.
    """
    kind = getattr(torch, dtype)
    builder = _GraphBuilder(inputs_of(values, kind, device, variables=values), constants_of(tree, kind, device))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fold(tree, builder.leaf, builder.call)
        return builder.with_adjoints()


class _GraphBuilder:
    """Runs an expression node by node, and keeps its tensors."""

    def __init__(self, inputs: Mapping[str, torch.Tensor], constants: Constants):
        self.inputs, self.constants = inputs, constants
        self.vertices: list[Vertex] = []
        self.tensors: list[torch.Tensor] = []
        self.variables: dict[str, int] = {}
        self.calls: dict[str, int] = {}

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
        """The vertex of an operation; a part that occurs several times is computed once, as in code that gives it a name."""
        text = unparse(node)
        if text not in self.calls:
            self.calls[text] = self._operation(node, places)
        return self.calls[text]

    def _operation(self, node: Call, places: list[int]) -> int:
        args = [self.tensors[place] for place in places]
        result = apply(node, args, self.constants)
        return self.add(node, node.name, result, self.edges(node, places, args))

    def edges(self, node: Call, places: Sequence[int], args: Sequence[torch.Tensor]) -> list[Edge]:
        """The arguments of an operation, with local derivatives from a second run of this operation alone."""
        leaves = [arg.detach().requires_grad_(arg.is_floating_point()) for arg in args]
        result = apply(node, leaves, self.constants)
        by_entry = TABLE[node.name].elementwise and result.dim()
        numbers = [arg for arg in leaves if arg.requires_grad]
        slopes = iter(torch.autograd.grad(result.sum(), numbers, allow_unused=True) if result.requires_grad else ())
        edges = []
        for place, arg in zip(places, leaves, strict=True):
            slope = next(slopes, None) if arg.requires_grad else None
            is_jacobian = slope is not None and result.dim() and not (by_entry and slope.shape == result.shape)
            edges.append(Edge(place, None if slope is None or is_jacobian else slope.tolist()))
        return edges

    def with_adjoints(self) -> tuple[Vertex, ...]:
        result = self.tensors[-1]
        if not result.requires_grad:
            return tuple(self.vertices)
        moving = [place for place, tensor in enumerate(self.tensors) if tensor.requires_grad]
        slopes = torch.autograd.grad(result, [self.tensors[place] for place in moving], allow_unused=True)
        adjoints = {place: slope.tolist() for place, slope in zip(moving, slopes, strict=True) if slope is not None}
        return tuple(replace(vertex, adjoint=adjoints.get(place)) for place, vertex in enumerate(self.vertices))
