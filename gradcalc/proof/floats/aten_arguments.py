"""Which arguments of an aten operation its row understands, besides the tensors that it must have.

An argument that is not named here, and has another value than the schema's default, makes the operation unknown: its row
would compute something else.  Operations that only move numbers are run again with all of their arguments; of those whose
results are read off the record none matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from gradcalc.engines.autograd.operation import TensorOperation, TensorView
from gradcalc.engines.autograd.scalarize_trace import DATA_MOVEMENT, MATRICES
from gradcalc.proof.floats.aten_elementwise import is_structural

_ROWS = {
    "add sub rsub": "self other alpha",
    "mul fmod remainder copysign xlogy special_xlog1py where": "self other",
    "div": "self other rounding_mode",
    "pow": "self exponent",
    "masked_fill": "value",
    "polygamma": "n",
    "clamp": "min max",
    "clamp_min": "min",
    "clamp_max": "max",
    "hardtanh hardtanh_backward": "min_val max_val",
    "threshold": "threshold value",
    "threshold_backward": "threshold",
    "hardshrink softshrink hardshrink_backward softshrink_backward": "lambd",
    "leaky_relu leaky_relu_backward": "negative_slope",
    "softplus softplus_backward": "beta threshold",
    "celu": "alpha",
    "elu elu_backward": "alpha scale input_scale is_result",
    "gelu gelu_backward": "approximate",
    "mse_loss mse_loss_backward soft_margin_loss soft_margin_loss_backward": "reduction",
    "huber_loss huber_loss_backward": "reduction delta",
    "smooth_l1_loss smooth_l1_loss_backward": "reduction beta",
    "binary_cross_entropy binary_cross_entropy_backward binary_cross_entropy_with_logits": "reduction",
    "nll_loss_forward nll_loss_backward": "reduction ignore_index",
    "sum mean prod amax amin max min logsumexp": "dim keepdim",
    "var std": "dim keepdim correction",
    "linalg_vector_norm": "ord dim keepdim",
    "cumsum cumprod": "dim",
    "_softmax _log_softmax": "dim",
    "_softmax_backward_data _log_softmax_backward_data": "dim input_dtype",
    "addmm addmv": "alpha beta",
    "native_layer_norm": "normalized_shape eps",
    "native_layer_norm_backward": "normalized_shape output_mask",
    "linalg_inv_ex _linalg_solve_ex": "check_errors",
    "linalg_lu_solve": "left adjoint",
}
UNDERSTOOD: Mapping[str, frozenset[str]] = {
    base: frozenset(names.split()) for bases, names in _ROWS.items() for base in bases.split()
}
"""By the name of an operation without its overload: the arguments that its row understands, whatever they are."""

ONLY: Mapping[tuple[str, str], Any] = {
    ("leaky_relu_backward", "self_is_result"): False,
    ("_softmax", "half_to_float"): False,
    ("_log_softmax", "half_to_float"): False,
}
"""Arguments without a default that a row understands with one value."""


def not_understood(op: TensorOperation) -> str | None:
    """The name of an argument that the row of an operation does not understand; None if it understands all."""
    if op.is_scalar and op.base in ("max", "min") and op.argument("dim") is not None:
        return "dim"  # of a number, whose row takes the other argument for another number
    if op.base == "aminmax" and not op.is_scalar and op.operands[0].is_float:
        return "floats"  # only of integers the record has the results
    if op.base in MATRICES and any(len(view.shape) > _ROWS_AND_COLUMNS for view in op.views):
        return "a batch"
    if _understands_all(op.base, op.signature.plain):
        return None
    understood = UNDERSTOOD.get(op.base, frozenset())
    for name, value in op.arguments:
        if name not in op.signature.plain or name in understood or value is None:
            continue
        expected = ONLY.get((op.base, name), op.signature.defaults.get(name, _MISSING))
        if isinstance(value, TensorView) or value != expected:
            return name
    return None


@cache
def _understands_all(base: str, names: frozenset[str]) -> bool:
    """Whether arguments of these names are understood whatever they are."""
    return base in DATA_MOVEMENT or is_structural(base) or names <= UNDERSTOOD.get(base, frozenset())


_ROWS_AND_COLUMNS = 2
_MISSING: Final = object()
