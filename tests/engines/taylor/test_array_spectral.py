"""Eigenvalues, eigenvectors and exponentials of matrices: values against flint, derivatives against difference quotients."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from flint import arb, arb_mat, ctx, fmpq

from gradcalc.engines.taylor.array_spectral import Eigen, Exponential
from gradcalc.engines.taylor.array_steps import Local, Step
from gradcalc.engines.taylor.reals import Real, ball

BITS = 400
STEP = fmpq(1, 10**40)


def matrix(rows: int, seed: int, *, symmetric: bool) -> list[Real]:
    r = random.Random(seed)
    entries = [[fmpq(r.randint(-40, 40), 16) for _ in range(rows)] for _ in range(rows)]
    return [entries[i][j] + entries[j][i] if symmetric else entries[i][j] for i in range(rows) for j in range(rows)]


def steps(rows: int, seed: int) -> dict[str, tuple[Step, list[Real]]]:
    own = matrix(rows, seed, symmetric=True)
    signs = [0.3 + 0.1 * place for place in range(rows * rows)]
    return {
        "eigen": (Eigen(0, rows, signs), own),
        "exponential": (Exponential(0, rows), matrix(rows, seed, symmetric=False)),
    }


def values(step: Step, entries: Sequence[Real]) -> list[arb]:
    local = step.evaluate([Local(entries, is_moving=True)], 1, None)  # type: ignore[arg-type]
    return list(map(ball, local.values))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("kind", ["eigen", "exponential"])
def test_both_passes_are_the_derivative(kind: str, rows: int, seed: int) -> None:
    with ctx.workprec(BITS):
        step, entries = steps(rows, seed)[kind]
        tangent = matrix(rows, seed + 7, symmetric=kind == "eigen")
        args = [Local(entries, is_moving=True)]
        local = step.evaluate(args, 1, None)  # type: ignore[arg-type]
        assert not local.singular
        moved = [[x + sign * STEP * t for x, t in zip(entries, tangent, strict=True)] for sign in (1, -1)]
        above, below = (values(step, each) for each in moved)
        quotients = [(a - b) / (2 * STEP) for a, b in zip(above, below, strict=True)]
        pushed = list(map(ball, step.push(local, args, [tangent])))
        assert all(abs(q - p) < arb(10) ** -60 * (1 + abs(p)) for q, p in zip(quotients, pushed, strict=True))
        weights = [fmpq(random.Random(seed + place).randint(1, 99), 32) for place in range(step.size)]
        ((_, pulled),) = step.pull(local, args, weights)
        along = sum((w * p for w, p in zip(weights, pushed, strict=True)), arb(0))
        assert along.overlaps(sum((ball(p) * t for p, t in zip(pulled, tangent, strict=True)), arb(0)))


def test_eigenvectors_are_those_of_the_matrix() -> None:
    with ctx.workprec(BITS):
        entries = matrix(3, 5, symmetric=True)
        found = values(Eigen(0, 3, [1.0] * 9), entries)
        own, vectors = arb_mat([list(map(ball, entries[row : row + 3])) for row in (0, 3, 6)]), arb_mat(3, 3, found[3:])
        scaled = arb_mat([[found[column] * vectors[row, column] for column in range(3)] for row in range(3)])
        assert (own * vectors).overlaps(scaled)
        assert found[0] < found[1] < found[2]


def test_eigenvalues_that_meet_are_singular() -> None:
    step = Eigen(0, 2, [1.0, 0.0, 0.0, 1.0])
    local = step.evaluate([Local([fmpq(1), fmpq(0), fmpq(0), fmpq(1)], is_moving=True)], 1, None)  # type: ignore[arg-type]
    assert list(local.singular) == list(range(6))
