"""Random claims about derivatives: no wrong one is called right, and right ones are accepted.  A smaller run of
benchmarks/claims.py, which makes them with rules of its own."""

from __future__ import annotations

import random
from itertools import islice

import claims
import pytest

COUNT = 30
WRONG = list(islice(claims.wrong_claims(random.Random("wrong")), COUNT))
RIGHT = list(islice(claims.right_claims(random.Random("right")), COUNT))


@pytest.mark.parametrize("claim", WRONG, ids=range(COUNT))
def test_wrong_claims_are_refuted(claim: claims.Claim) -> None:
    assert claims.judged(claim) == claim.due, claim


@pytest.mark.slow
@pytest.mark.parametrize("claim", RIGHT, ids=range(COUNT))
def test_right_claims_are_accepted(claim: claims.Claim) -> None:
    assert claims.judged(claim) == claim.due, claim
