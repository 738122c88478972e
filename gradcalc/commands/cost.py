"""What a large question costs, told before it is answered."""

from __future__ import annotations

from gradcalc.calculate.cost import LARGE, Cost
from gradcalc.calculate.prepared import PreparedQuery
from gradcalc.commands.console import tell


def tell_cost(prepared: PreparedQuery, *, quiet: bool) -> None:
    """Say how long the answer to a large question takes, and what memory; and the time limit, where that is near."""
    cost = Cost.of(prepared)
    if cost.partials < LARGE or quiet:
        return
    hint = f"; --timeout is {prepared.seconds:g}" if cost.seconds > prepared.seconds / 2 else ""
    tell(cost.sentence() + hint)
