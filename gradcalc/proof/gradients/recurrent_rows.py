"""The fused layer that PyTorch runs on a CPU for `torch.nn.LSTM` in float32 and bfloat16, and its backward kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.adjoint_steps import write_adjoint
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown
from gradcalc.proof.gradients.rows import Arguments, row

_LSTM = 2
"""The number of the mode."""
ADJOINTS = frozenset({"mkldnn_rnn_layer_backward"})
"""Kernels whose meaning is the adjoint of their forward operation."""
_UNDERSTOOD = (
    "reverse batch_sizes mode hidden_size num_layers has_biases bidirectional batch_first train grad_output grad_hy grad_cy"
)


def _layer(p: ForwardProgram, inputs: Sequence[Reference], *, reverse: bool) -> list[Reference]:
    """All hidden states, the last one and the last cell state, of inputs, weights, biases and the first states."""
    x, weight, recurrent, bias, other_bias, hidden, cell = inputs
    length, batch, width = x.shape
    size = hidden.shape[-1]
    hidden, cell = (Reference(it.place, (batch, size)) for it in (hidden, cell))
    bias = p.call("+", bias, other_bias)
    turned, again = (p.gather(it, np.arange(it.size).reshape(it.shape).T) for it in (weight, recurrent))
    states: list[Reference] = []
    for time in reversed(range(length)) if reverse else range(length):
        own = p.gather(x, (time * batch * width + np.arange(batch * width)).reshape(batch, width))
        gates = p.call("+", p.call("+", p.product(own, turned), p.product(hidden, again)), bias)
        parts = np.split(np.arange(gates.size).reshape(gates.shape), 4, axis=1)
        names = ("sigmoid", "sigmoid", "tanh", "sigmoid")
        enter, forget, new, leave = (p.call(name, p.gather(gates, part)) for name, part in zip(names, parts, strict=True))
        cell = p.call("+", p.call("*", forget, cell), p.call("*", enter, new))
        hidden = p.call("*", leave, p.call("tanh", cell))
        states.append(hidden)
    everything = p.join(states[::-1] if reverse else states)
    return [Reference(everything.place, (length, batch, size)), hidden, cell]


def _inputs(p: ForwardProgram, a: Arguments, names: Sequence[str]) -> list[Reference]:
    if a.plain("mode") != _LSTM or a.plain("batch_sizes"):
        raise NotKnown(f"{a.op.name} in this form")
    inputs = [a.array(name) for name in names]
    if not a.plain("has_biases"):  # the weights stand there twice
        zeros = p.numbers(np.zeros(4 * a.plain("hidden_size")), (4 * a.plain("hidden_size"),))
        inputs[3:5] = [zeros, zeros]
    return inputs


@row("mkldnn_rnn_layer", _UNDERSTOOD)
def _forward(p: ForwardProgram, a: Arguments) -> list[Reference | None]:
    inputs = _inputs(p, a, ("input", "weight0", "weight1", "weight2", "weight3", "hx_", "cx_"))
    results = _layer(p, inputs, reverse=a.plain("reverse"))
    return [*(Reference(it.place, view.shape) for it, view in zip(results, a.op.results, strict=False)), None]


@row("mkldnn_rnn_layer_backward", _UNDERSTOOD)
def _backward(p: ForwardProgram, a: Arguments) -> list[Reference | None]:
    """The adjoint of the layer, for the gradients of all three results."""
    inputs = _inputs(p, a, ("input", "weight1", "weight2", "weight3", "weight4", "hx_", "cx_tmp"))
    first = len(p.steps)
    held = [p.identity(it) for it in inputs]
    results = zip(("grad_output", "grad_hy", "grad_cy"), _layer(p, held, reverse=a.plain("reverse")), strict=True)
    given = [(name, it) for name, it in results if a.plain(name) is not None]
    output = p.join([it for _, it in given])
    weights = p.join([a.array(name) for name, _ in given])
    return list(write_adjoint(p, output, weights, held, first))
