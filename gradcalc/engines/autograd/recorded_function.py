"""What was recorded of a user's function: operations on tensors, and where its inputs, outputs and gradients lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gradcalc.engines.autograd.operation import TensorView
from gradcalc.engines.autograd.program import Record


@dataclass(slots=True)
class Application:
    """A custom Function as it was applied: its operations are those from `start` to `end`.

    If it has a reference, that ran first, up to `own_start`, on copies of the inputs.
    """

    name: str
    cls: type
    line: str
    start: int
    inputs: Sequence[TensorView | None]
    """Its tensor arguments that need a gradient; None for the others."""
    end: int = -1
    outputs: Sequence[TensorView] = ()
    own_start: int = -1
    reference: Sequence[TensorView] | None = None
    """What its reference returned, for each output; None without a reference."""
    escape: str = ""
    """How numbers left torch in it, if they did: forward, where it has a reference, or backward."""


@dataclass(slots=True)
class NodeRun:
    """A node of autograd's graph as it ran: what came in, what went out, and of which application it is."""

    start: int
    application: int | None
    grad_outputs: Sequence[TensorView | None] = ()
    grad_inputs: Sequence[TensorView | None] = ()
    end: int = -1


@dataclass(slots=True)
class RecordedFunction:
    """What was recorded of a function: operations, and where its tensors lie.

    `lines` are the places in the user's files, by operation.  `cuts` are the operations that took a tensor out of the graph,
    with the word for how; the views in `constants` are of such tensors.
    """

    record: Record
    lines: Sequence[str]
    inputs: Sequence[TensorView]
    outputs: Sequence[TensorView]
    cotangents: Sequence[TensorView]
    gradients: Sequence[TensorView | None]
    applications: Sequence[Application] = ()
    runs: Sequence[NodeRun] = ()
    cuts: dict[int, str] = field(default_factory=dict)
    constants: set[int] = field(default_factory=set)
    literals: frozenset[float] = frozenset()
    """The Python numbers in the user's code, as operations were given them."""
    escape: tuple[int, str] | None = None
    """The operation before which numbers first left torch as an array of another library, and how."""
    is_real: bool = True
    """Whether all tensors are dense and of real numbers."""
    failure: str = ""
