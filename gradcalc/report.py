"""The plain data that travels, and the words of the contract; exact and proven numbers are decimal strings."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Any, overload

from gradcalc.errors import Exit

if TYPE_CHECKING:
    from gradcalc.expression.tree import Node

SCHEMA = "gradcalc/1"
DTYPES = ("float64", "float32", "float16", "bfloat16")
MAX_ORDER = 8


class Notation(StrEnum):
    """What an expression is written in; `AUTO` sees LaTeX by its backslashes, dollars and braces."""

    AUTO = "auto"
    PLAIN = "plain"
    LATEX = "latex"


class Verdict(StrEnum):
    """What is known about a number that autograd returned, best first."""

    AGREE = "agree"
    UNDEFINED = "undefined"
    NOT_DIFFERENTIABLE = "not-differentiable"
    DIFFERENT_FUNCTION = "different-function"
    INACCURATE = "inaccurate"
    ARTIFACT = "artifact"
    UNDECIDED = "undecided"
    NOT_FINITE = "not-finite"
    DISAGREE = "disagree"


_SEVERITY = {verdict: place for place, verdict in enumerate(Verdict)}
_EXITS = {
    Verdict.AGREE: Exit.AGREE,
    Verdict.UNDECIDED: Exit.UNDECIDED,
    Verdict.NOT_FINITE: Exit.DISAGREE,
    Verdict.DISAGREE: Exit.DISAGREE,
}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a whole from those of its parts; `agree` if there are none."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.AGREE)


def exit_code(verdict: Verdict) -> Exit:
    """The exit code that tells a script about a verdict."""
    return _EXITS.get(verdict, Exit.EXPLAINED)


class Outcome:
    """The exit code of several verdicts: that of the worst, or, with `fail_on`, 1 where one of these occurs and else 0."""

    def __init__(self, fail_on: Collection[Verdict] = ()):
        self._fail_on = frozenset(fail_on)
        self._verdict = Verdict.AGREE
        self._failed = False

    def add(self, verdicts: Iterable[Verdict | None]) -> None:
        """Take more verdicts into account; None is none."""
        for verdict in verdicts:
            if verdict is not None:
                self._verdict = worst((self._verdict, verdict))
                self._failed = self._failed or verdict in self._fail_on

    @property
    def exit(self) -> Exit:
        """The exit code so far."""
        if self._fail_on:
            return Exit.DISAGREE if self._failed else Exit.AGREE
        return exit_code(self._verdict)


@dataclass(frozen=True, slots=True)
class Problem:
    """One question.

    `at` maps variables to the text of their values; empty for a question about formulas only.  `by` are the variables to
    differentiate by (empty: all, in order of appearance); `variables` are further names that are variables whatever else
    they mean.  `direction` asks for the derivative along a line, by variable; `cotangent` for the gradient of the sum of the
    entries times its own.  `notation` is what `expr` is written in.
    `entries` asks for a formula for every entry of arrays, however many there are.
    """

    expr: str
    at: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    order: int = 1
    device: str = "cpu"
    dtype: str | None = None
    variables: tuple[str, ...] = ()
    direction: Mapping[str, str] = field(default_factory=dict)
    cotangent: str | None = None
    notation: Notation = Notation.AUTO
    entries: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """The value of the expression, by mathematics and by torch; None where there is none, nested lists of an array."""

    symbolic: Any
    autograd: Any


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was concluded about one number, and why, in a sentence for people."""

    verdict: Verdict
    why: str
    cause: str | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True)
class Partial:
    """One partial derivative: the formula, the numbers of all engines, the verdict.

    `by` has one name per order.  `symbolic` is the derivative at the point as typed, `reference` at the values as stored in
    the dtype; `left` and `right` are one-sided derivatives where the expression is not smooth.
    `digits` and `ulps` measure `autograd` against `reference`.
    """

    by: tuple[str, ...]
    formula: str | None
    latex: str | None
    symbolic: str | None = None
    reference: str | None = None
    autograd: float | None = None
    left: str | None = None
    right: str | None = None
    verdict: Verdict | None = None
    cause: str | None = None
    side: str | None = None
    digits: float | None = None
    ulps: float | None = None
    why: str | None = None
    proof: Mapping[str, object] = field(default_factory=dict)
    index: tuple[int, ...] = ()
    """Of an array: the entry of the expression, then for each order the entry of the variable."""
    of: tuple[int, ...] = ()
    """The part of `index` that says the entry of the expression."""
    entries: tuple[str, ...] = ()
    """`by` with the entries of variables that are arrays, `x[0]`."""


class LazyPartials(Sequence[Partial]):
    """Partials of which each is made when it is read; `counts` are those of their verdicts.

    `singular` has, by number, those of which there is more to say than that they agree.
    """

    def __init__(
        self,
        size: int,
        counts: Mapping[Verdict | None, int],
        make: Callable[[int], Partial],
        singular: Mapping[int, Partial] | None = None,
    ):
        self._size, self._make = size, make
        self.counts = Counter(counts)
        self.singular = singular or {}

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, number: int) -> Partial: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Partial]: ...
    def __getitem__(self, number: int | slice) -> Partial | Sequence[Partial]:
        if isinstance(number, slice):
            return [self._make(place) for place in range(self._size)[number]]
        return self._make(range(self._size)[number])

    def __iter__(self) -> Iterator[Partial]:
        return map(self._make, range(self._size))

    def __reduce__(self) -> tuple[object, ...]:
        return tuple, (list(self),)


def verdict_counts(partials: Sequence[Partial]) -> Counter[Verdict | None]:
    """How many partials have which verdict."""
    if isinstance(partials, LazyPartials):
        return +partials.counts
    return Counter(partial.verdict for partial in partials)


def singular_partials(partials: Sequence[Partial]) -> Sequence[Partial]:
    """The partials of which there may be more to say than that they agree."""
    return list(partials.singular.values()) if isinstance(partials, LazyPartials) else partials


@dataclass(frozen=True, slots=True)
class EntryFormula:
    """The formula of the derivative by `entry`, such as `x[i]`, of which the variable `by` has `count`."""

    by: str
    entry: str
    count: int
    formula: str
    latex: str


@dataclass(frozen=True, slots=True)
class ArrayFormula:
    """The derivative by `by` as a formula of vectors and matrices, whose sizes are letters or numbers.

    `parts` are names in it with what they are, `arrays` those of vectors and matrices; `evidence` a proof for "all sizes" or
    "all values", or "points"; `product` the kind and factors of one, by the variables `along` if not `by`; `entry` the
    formula of an entry, with letters for the `indices` of the expression and the variables; `why` why there is none.
    """

    by: str
    shape: tuple[str, ...]
    formula: str | None
    latex: str | None
    parts: tuple[tuple[str, str], ...] = ()
    assumptions: tuple[str, ...] = ()
    evidence: str | None = None
    why: str | None = None
    product: tuple[str, ...] | None = None
    along: tuple[str, ...] = ()
    entry: str | None = None
    indices: tuple[tuple[str, ...], ...] = ()
    latex_parts: tuple[tuple[str, str], ...] = ()
    arrays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """The derivatives of an expression: formulas, and at a point the numbers of all engines with their verdicts.

    `partials` has one entry per partial derivative (of an array, per entry); `verdict` is the worst of theirs, None without
    a point.  `value` is that of the expression, `at` the point as typed, `point` the values as stored in the dtype.
    """

    expr: str
    read_as: str
    order: int
    at: Mapping[str, str]
    point: Mapping[str, Any]
    dtype: str | None
    device: str | None
    value: Value | None
    partials: Sequence[Partial]
    verdict: Verdict | None
    versions: Mapping[str, str]
    latex: str | None = None
    notes: tuple[str, ...] = ()
    normwise_digits: float | None = None
    """Of arrays: how many digits of the gradient are right as a whole, by the norms of the error and of the gradient."""
    values: Mapping[str, Node] = field(default_factory=dict, repr=False)
    """The values of `at` as constant expressions."""
    entry_formulas: tuple[EntryFormula, ...] = field(default=(), repr=False)
    """Formulas that hold for every entry of a variable."""
    gradients: tuple[ArrayFormula, ...] = field(default=(), repr=False)
    """Derivatives by whole arrays as formulas of vectors and matrices, where there are short ones."""

    @property
    def verdicts(self) -> tuple[Verdict | None, ...]:
        """The verdicts that occur among the partials, and that of the whole."""
        return (*verdict_counts(self.partials), self.verdict)

    @property
    def exit(self) -> Exit:
        """The exit code of this answer."""
        return Exit.AGREE if self.verdict is None else exit_code(self.verdict)

    def __repr__(self) -> str:
        """One line: the expression, the point, and the first derivatives with their values."""
        at = " at " + ", ".join(f"{name} = {value}" for name, value in self.at.items()) if self.at else ""
        parts = [_answer_text(partial) for partial in self.partials[:_SHOWN]]
        more = len(self.partials) - _SHOWN
        answers = ", ".join(parts + ([f"{more} more"] if more > 0 else []))
        verdict = "" if self.verdict is None else f", {self.verdict}"
        return f"<Report f = {_cut(self.read_as)}{_cut(at)}: {answers}{verdict}>"

    def to_dict(self) -> dict[str, Any]:
        """The object that `gradcalc diff --json` prints; nan and infinities are text."""
        conclusion = {"verdict": self.verdict, "exit_code": int(self.exit), "versions": self.versions}
        return json_value(envelope("diff", conclusion, self.fields()))  # type: ignore[no-any-return]

    def to_json(self) -> str:
        """The same as one line of JSON."""
        return json.dumps(self.to_dict(), allow_nan=False)

    def fields(self) -> dict[str, object]:
        """What the report says, by the keys of the JSON format."""
        own = {name: getattr(self, name) for name in _REPORT_KEYS}
        general = {"general": self.entry_formulas, "gradients": self.gradients}
        return {"schema": SCHEMA, **own, **general, "normwise_digits": self.normwise_digits}

    def _repr_latex_(self) -> str:
        """The derivatives as LaTeX, for a notebook."""
        rows = map(_latex_row, self.partials[:_ROWS])
        return "$$\\begin{aligned}" + r" \\ ".join(rows) + "\\end{aligned}$$"

    def _repr_html_(self) -> str:
        """The report as a table, for a notebook."""
        head = ("", "formula", "symbolic", "autograd", "verdict")
        rows = [
            (_name(it), it.formula, it.symbolic, it.autograd, " ".join(filter(None, [it.verdict, it.cause])))
            for it in self.partials[:_ROWS]
        ]
        at = ", ".join(f"{name} = {value}" for name, value in self.at.items())
        title = f"f = {_cut(self.read_as, 300)}" + (f" at {_cut(at, 300)}" if at else "")
        more = f"<p>and {len(self.partials) - _ROWS} more</p>" if len(self.partials) > _ROWS else ""
        return (
            f"<p><code>{escape(title)}</code></p><table>{_html_row(head, 'th')}{''.join(map(_html_row, rows))}</table>{more}"
        )


_SHOWN, _ROWS = 3, 50
"""Partials in a `repr`, and in a notebook."""
_REPORT_KEYS = (
    "expr", "read_as", "order", "at", "point", "dtype", "device", "value", "partials", "verdict", "versions", "latex",
    "notes",
)  # fmt: skip
_PARTIAL_KEYS = (
    "by", "index", "formula", "latex", "symbolic", "reference", "autograd", "left", "right", "verdict", "cause", "side",
    "digits", "ulps", "why", "proof",
)  # fmt: skip


def _name(partial: Partial) -> str:
    names = list(reversed(partial.entries or partial.by))
    of = f"[{','.join(map(str, partial.of))}]" if partial.of else ""
    return f"∂{'' if len(names) == 1 else f'^{len(names)} '}f{of}/{''.join(f'∂{name}' for name in names)}"


def _answer_text(partial: Partial) -> str:
    number = "" if partial.symbolic is None else f" = {float(partial.symbolic):.10g}"
    same = partial.formula is not None and number == f" = {partial.formula}"
    return f"{_name(partial)} = {_cut(partial.formula or 'no formula')}{'' if same else number}"


def _latex_row(partial: Partial) -> str:
    order = len(partial.by)
    above = r"\partial f" if order == 1 else rf"\partial^{{{order}}} f"
    below = " ".join(rf"\partial {name}" for name in reversed(partial.entries or partial.by))
    number = rf" \approx {partial.symbolic}" if partial.symbolic else ""
    return rf"\frac{{{above}}}{{{below}}} &= " + (partial.latex or r"\text{no formula}") + number


def _cut(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _html_row(cells: Sequence[object], kind: str = "td") -> str:
    inside = "".join(f"<{kind}>{escape('' if cell is None else str(cell))}</{kind}>" for cell in cells)
    return f"<tr>{inside}</tr>"


# -------------------------------------------------------------------------------------------------------------- JSON


def envelope(command: str, conclusion: Mapping[str, object], fields: Mapping[str, object]) -> dict[str, object]:
    """The object of a result: what all have in common first, its own fields, and the versions last; see `schema.json`."""
    first = {name: value for name, value in conclusion.items() if name != "versions"}
    own = {name: value for name, value in fields.items() if name != "versions"}
    return {"schema": SCHEMA, "command": command, **first, **own, "versions": conclusion["versions"]}


def json_value(value: object) -> Any:
    """The same value in what JSON has: of a record its fields, of what JSON does not know the text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Report():
            return json_value(value.fields())
        case Partial():
            return {name: json_value(getattr(value, name)) for name in _PARTIAL_KEYS}
        case Mapping():
            return {str(key): json_value(entry) for key, entry in value.items()}
        case list() | tuple() | LazyPartials():
            return [json_value(entry) for entry in value]
        case _ if is_dataclass(value):
            return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}
    return str(value)
