"""What was recorded of a user's function: operations on tensors, and where its inputs, outputs and gradients lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from gradcalc.engines.autograd.operation import TensorView, same_floats
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
class HookRun:
    """A hook of the user's as it ran: its name and line, the gradients that it got, and those that it left."""

    name: str
    arrived: Sequence[TensorView]
    left: Sequence[TensorView] = ()

    @property
    def changes(self) -> bool:
        """Whether it left other gradients than it got."""
        pairs = zip_longest(self.arrived, self.left)
        return any(old is None or new is None or not same_floats(old.floats, new.floats).all() for old, new in pairs)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a custom Function, a node or a hook started or ended: before the operation at `place`."""

    place: int
    of: Application | NodeRun | HookRun
    is_end: bool = False


@dataclass(slots=True)
class RecordedFunction:
    """What was recorded of a function: operations, and where its tensors lie.

    `lines` are the places in the user's files, by operation.  `cuts` are the operations that took a tensor out of the graph,
    with the word for how; the views in `constants` are of such tensors, and of those that `intermediates` are about.
    """

    record: Record
    lines: Sequence[str]
    inputs: Sequence[TensorView]
    outputs: Sequence[TensorView]
    cotangents: Sequence[TensorView]
    gradients: Sequence[TensorView | None]
    applications: Sequence[Application] = ()
    runs: Sequence[NodeRun] = ()
    moments: Sequence[Moment] = ()
    """Starts and ends of what ran, in order."""
    cuts: dict[int, str] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    """Those that wrote in place: the graph goes on as if they had not."""
    intermediates: dict[int, Application] = field(default_factory=dict)
    """Operations that read what a custom Function computed forward and did not return."""
    constants: set[int] = field(default_factory=set)
    literals: frozenset[float] = frozenset()
    """The Python numbers in the user's code, as operations were given them."""
    escape: tuple[int, str] | None = None
    """The operation before which numbers first left torch as an array of another library, and how."""
    is_real: bool = True
    """Whether all tensors are dense and of real numbers."""
    failure: str = ""
    device: str = "cpu"
    """The type of the device of the outputs."""

    @property
    def is_readable(self) -> bool:
        """Whether there are outputs of real numbers, and everything was recorded."""
        return self.is_real and bool(self.outputs) and not self.failure
