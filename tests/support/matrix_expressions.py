"""Random expressions of vectors and matrices whose sizes are letters, and torch's own gradients of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gradcalc.functions.resolve import understand
from gradcalc.output.array_code import LIBRARIES, Gradient, function_code
from gradcalc.report import ArrayFormula
from support.generated_code import value_and_gradients

SIZES = ("n", "m", "k")
NUMBERS = {"n": 3, "m": 4, "k": 2}
_FUNCTIONS = ("exp({}/4)", "tanh({})", "sigmoid({})", "sin({})", "({})**2", "softplus({})", "log(1 + ({})**2)", "cos({})")


class Expressions:
    """Grows expressions; `sizes` are those of the variables that they use."""

    def __init__(self, seed: int):
        self.chance = random.Random(seed)
        self.sizes: dict[str, tuple[str, ...]] = {}

    def number(self, depth: int) -> str:
        """A number of arrays."""
        chance = self.chance
        size, other = chance.choice(SIZES), chance.choice(SIZES)
        kind = chance.randrange(8)
        if kind == 0:
            return f"({self.vector(size, depth)})@({self.vector(size, depth)})"
        if kind == 1:
            return f"logsumexp({self.vector(size, depth)})"
        if kind == 2:
            return f"trace(({self.matrix(size, other, depth)})@({self.matrix(other, size, depth)}))"
        if kind == 3:
            return f"norm({self.matrix(size, other, depth)})**2"
        if kind == 4:
            return f"mean({self.matrix(size, other, depth)})"
        if kind == 5:
            return f"sum({self.vector(size, depth)})"
        if kind == 6:
            return f"({self.vector(size, depth)})@({self.matrix(size, other, depth)})@({self.vector(other, depth)})"
        return f"sum({self.matrix(size, other, depth)})"

    def vector(self, size: str, depth: int) -> str:
        """A vector of a size."""
        chance = self.chance
        if depth <= 0 or chance.random() < 0.15:
            return self.variable(chance.choice("xyz"), (size,))
        kind = chance.randrange(13)
        other = chance.choice(SIZES)
        if kind < 3:
            return f"({self.matrix(size, other, depth - 1)})@({self.vector(other, depth - 1)})"
        if kind == 3:
            return chance.choice(_FUNCTIONS).format(self.vector(size, depth - 1))
        if kind == 4:
            return f"({self.vector(size, depth - 1)})*({self.vector(size, depth - 1)})"
        if kind == 5:
            return f"{self.vector(size, depth - 1)} - ({self.vector(size, depth - 1)})"
        if kind == 6:
            return f"softmax({self.vector(size, depth - 1)})"
        if kind == 7:
            return f"sum({self.matrix(size, other, depth - 1)}, dim=1)"
        if kind == 8:
            return f"mean({self.matrix(other, size, depth - 1)}, dim=0)"
        if kind == 9:
            return f"{chance.choice(('cumsum', 'cumprod'))}({self.vector(size, depth - 1)})"
        if kind == 10:
            name, dim = chance.choice(("amax", "amin", "prod", "norm", "logsumexp")), chance.choice((0, 1))
            rows, columns = (size, other) if dim == 1 else (other, size)
            return f"{name}({self.matrix(rows, columns, depth - 1)}, dim={dim})"
        if kind == 11:
            return f"({self.matrix(other, size, depth - 1)})[{chance.choice((0, 1, -1))}]"
        return f"({self.matrix(size, other, depth - 1)})[:, {chance.choice((0, -1))}]"

    def matrix(self, rows: str, columns: str, depth: int) -> str:
        """A matrix of some sizes."""
        chance = self.chance
        if depth <= 0 or chance.random() < 0.2:
            return self.variable(chance.choice("ABC"), (rows, columns))
        kind = chance.randrange(10)
        if kind < 2:
            other = chance.choice(SIZES)
            return f"({self.matrix(rows, other, depth - 1)})@({self.matrix(other, columns, depth - 1)})"
        if kind == 2:
            return f"({self.matrix(columns, rows, depth - 1)}).T"
        if kind == 3:
            return chance.choice(_FUNCTIONS).format(self.matrix(rows, columns, depth - 1))
        if kind == 4:
            return f"({self.matrix(rows, columns, depth - 1)})*({self.vector(columns, depth - 1)})"
        if kind == 5:
            return f"{self.matrix(rows, columns, depth - 1)} + {self.matrix(rows, columns, depth - 1)}"
        if kind == 6:
            return f"outer({self.vector(rows, depth - 1)}, {self.vector(columns, depth - 1)})"
        if kind == 7:
            return f"softmax({self.matrix(rows, columns, depth - 1)}, dim={chance.choice((0, 1))})"
        if kind == 8:
            name = chance.choice(("sum", "mean", "amax", "norm"))
            whole = self.matrix(rows, columns, depth - 1)
            return f"({whole})*{name}({self.matrix(rows, columns, depth - 1)}, dim=1, keepdim=True)"
        return f"cumsum({self.matrix(rows, columns, depth - 1)}, dim={chance.choice((0, 1))})"

    def variable(self, letter: str, sizes: tuple[str, ...]) -> str:
        """A variable, whose name says its sizes."""
        name = f"{letter}_{''.join(sizes)}"
        self.sizes[name] = sizes
        return name


def names_of(sizes: Mapping[str, Sequence[str]]) -> set[str]:
    """The variables and the letters."""
    return {*sizes, *(size for each in sizes.values() for size in each)}


def values_of(sizes: Mapping[str, Sequence[str]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Random tensors of the sizes, which are all different; those that are numbers are positive."""
    generator = torch.Generator().manual_seed(seed)
    letters = dict.fromkeys(size for each in sizes.values() for size in each if not size.isdecimal())
    numbers = {letter: NUMBERS.get(letter, 5 + place) for place, letter in enumerate(letters)}
    shapes = {name: [numbers.get(size) or int(size) for size in each] for name, each in sizes.items()}
    return {name: torch.rand(shape, generator=generator, dtype=torch.float64) + 0.1 for name, shape in shapes.items()}


def error_of(
    expr: str,
    sizes: Mapping[str, Sequence[str]],
    formula: ArrayFormula,
    values: Mapping[str, torch.Tensor],
    order: int = 1,
    libraries: Sequence[str] = ("torch",),
) -> float:
    """The largest error of a formula beside torch's autograd, relative to the largest entry; all runs as generated code."""
    names = names_of(sizes)
    parts = [(name, understand(part, names | {name for name, _ in formula.parts})) for name, part in formula.parts]
    known = names | {name for name, _ in formula.parts}
    gradient = Gradient(formula.by, parts, understand(formula.formula or "", known))

    def code(library: str) -> str:
        return function_code(LIBRARIES[library], expr, understand(expr, names), sizes, [gradient])

    space: dict[str, Any] = {}
    exec(code("torch"), space)
    own = {name: value.clone() for name, value in values.items()}
    own[formula.by].requires_grad_()
    value, _ = space["value_and_gradients"](**own)
    truth = _derivative(value, own[formula.by], order).detach().numpy()
    errors = []
    for library in libraries:
        arrays = {name: each.numpy() for name, each in values.items()}
        again, (written,) = value_and_gradients(library, code(library), arrays)
        assert np.allclose(again, value.detach().numpy(), rtol=1e-9, atol=1e-12)
        errors.append(float(np.abs(written - truth).max() / (np.abs(truth).max() + 1e-6)))
    return max(errors)


def _derivative(value: torch.Tensor, by: torch.Tensor, order: int) -> torch.Tensor:
    """The derivative of every entry by autograd, once or twice."""
    rows = [torch.autograd.grad(entry, by, create_graph=True)[0] for entry in value.reshape(-1)]
    result = torch.stack(rows).reshape((*value.shape, *by.shape))
    return result if order == 1 else _derivative(result, by, order - 1)
