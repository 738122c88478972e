"""The words of a reverse pass on arrays: its lines, their numbers, what was checked, and what autograd says at a point.

Comes in: an `ArrayDerivation`.  Goes out: lines and words without markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from gradcalc.calculate.array_steps import ArrayStep, ArraySteps
from gradcalc.commands.steps.array_steps import ArrayDerivation
from gradcalc.engines.taylor.reals import Real, decimal
from gradcalc.expression.arrays import Adjoint, Array, shape_text
from gradcalc.output.numbers import entries_text, exact, significant
from gradcalc.output.options import RenderOptions
from gradcalc.proof.array_formulas import Evidence
from gradcalc.report import Partial, Report, Verdict, singular_partials, verdict_counts

DIGITS = 6
_MOST_COUNTED = 1_000
"""Entries of a gradient whose verdicts are counted."""
_MOST_REASONS = 3


def directions(steps: ArraySteps) -> Iterator[tuple[str, list[tuple[str, ArrayStep]]]]:
    """The lines forward and backward, each with its left side: the name of a result, or of an adjoint."""
    yield "forward", [(line.name, line) for line in steps.forward]
    yield "backward", [(Adjoint(steps.value, line.name), line) for line in steps.backward]


def shape_words(sizes: Sequence[str]) -> str:
    """A shape, or that there is a number."""
    return shape_text(sizes) if sizes else "number"


def value_words(numbers: Array[Real], options: RenderOptions) -> tuple[str, str]:
    """The entries of an array to a few digits, behind `=`, or `≈` if they are rounded; a large one is cut."""

    def text(digits: int | None) -> str:
        return entries_text(numbers.shape, lambda place: exact(decimal(numbers.entries[place]), digits), full=options.full)

    short = text(options.digits or DIGITS)
    return "=" if short == text(None) else "≈", short


def conclusion(derivation: ArrayDerivation) -> str:
    """Whether the lines lead to the derivatives."""
    steps = derivation.steps
    kinds = set(steps.confirmed.values())
    if None in kinds:
        names = ", ".join(name for name, evidence in steps.confirmed.items() if evidence is None)
        return f"not confirmed: that the lines lead to the derivative by {names}"
    where = "at random points of random shapes" if Evidence.POINTS in kinds else f"for {', '.join(map(str, kinds))}"
    elsewhere = "; not at the point itself, where no derivative is known" if steps.holds is False else ""
    return f"checked: the lines lead to the derivative, {where}{elsewhere}"


@dataclass(frozen=True, slots=True)
class AutogradGradient:
    """Autograd's gradient by a variable at a point: its entries are partials of the report from `start` on."""

    by: str
    shape: tuple[int, ...]
    report: Report
    start: int

    def number(self, place: int) -> float | None:
        """An entry."""
        return self.report.partials[self.start + place].autograd

    def text(self, options: RenderOptions) -> str:
        """The entries to a few digits; a large gradient is cut."""
        digits = options.digits or DIGITS
        return entries_text(self.shape, lambda place: significant(self.number(place), digits), full=options.full)

    @property
    def partials(self) -> Sequence[Partial]:
        """All entries."""
        return self.report.partials[self.start : self.start + prod(self.shape)]

    @property
    def verdicts(self) -> list[tuple[Verdict, str | None, str]]:
        """The verdicts of the entries, each with its cause and, where there are several, of how many; none where unknown."""
        size = prod(self.shape)
        if size > _MOST_COUNTED:
            kinds = [verdict for verdict in verdict_counts(self.report.partials) if verdict is not None]
            return [(kinds[0], None, "")] if len(kinds) == 1 else []
        counts = Counter((it.verdict, it.cause) for it in self.partials if it.verdict is not None)
        return [
            (verdict, cause, f" at {count} of {size} entries" if count < size else "")
            for (verdict, cause), count in counts.items()
        ]


def autograd_gradients(derivation: ArrayDerivation) -> dict[str, AutogradGradient]:
    """Autograd's gradients by variable; none without a point."""
    gradients, start = {}, 0
    for name in derivation.by if derivation.report is not None else ():
        assert derivation.report is not None
        shape = derivation.point.shapes[name]
        gradients[name] = AutogradGradient(name, shape, derivation.report, start)
        start += prod(shape)
    return gradients


def reasons(report: Report) -> list[str]:
    """Why verdicts are not `agree`, the first ones."""
    partials = (it for it in singular_partials(report.partials) if it.verdict is not Verdict.AGREE)
    return list(dict.fromkeys(f"{it.verdict} ({it.cause}): {it.why}" for it in partials if it.why))[:_MOST_REASONS]
