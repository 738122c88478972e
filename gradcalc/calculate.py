"""From a question to an answer: the only module that knows all witnesses.

Comes in: a `Problem`.  Goes out: a `Report`.  Heavy modules are imported when the question needs them: a question about
formulas loads no torch, and sympy is loaded by a process of its own while torch loads here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

from gradcalc.engines.symbolic.client import SymbolicFailure, shared
from gradcalc.engines.symbolic.indexed import at_entries, indexed
from gradcalc.engines.symbolic.messages import Derived, Formula, Indexed, Question
from gradcalc.errors import CalcError, MissingValues
from gradcalc.expression.arrays import Cells, entry_names, indices, named_entries
from gradcalc.expression.directional import moved, parameter_beside, weighted
from gradcalc.expression.latex import latex
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Node, Number, names_in, steps
from gradcalc.functions import TABLE
from gradcalc.functions.names import absent
from gradcalc.functions.resolve import understand, understood
from gradcalc.functions.scalarize import spread
from gradcalc.functions.stable_forms import spellings
from gradcalc.inputs.values import value_cells, value_tree
from gradcalc.proof.claims.breakpoints import equalities
from gradcalc.report import MAX_ORDER, Judgement, Partial, Problem, Report, Value, Verdict, worst
from gradcalc.runtime import deadline
from gradcalc.runtime.deadline import DEFAULT_SECONDS

if TYPE_CHECKING:
    from gradcalc.engines.autograd.backward import Run
    from gradcalc.engines.taylor.at_point import Site
    from gradcalc.engines.taylor.reals import Real
    from gradcalc.proof.evidence import Traced
    from gradcalc.proof.floats.formats import Distance, Format
    from gradcalc.proof.smoothness.differentiability import Regularity, Side

MAX_PARTIALS = 4_096
_AT_LEAST = 1.0
"""Seconds for the comparison with sympy's formula, however long the rest took."""

_EXPLAINED = 24
"""Lost numbers of arrays of which the guilty operation and a better spelling are looked for: as many as are shown."""
_LOST = frozenset({Verdict.INACCURATE, Verdict.NOT_FINITE})

By = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A partial: which entry of the expression by which entries of variables, and how people call it."""

    place: int
    entries: By
    by: By
    index: tuple[int, ...]
    of: tuple[int, ...]

    @property
    def place_in_report(self) -> dict[str, Any]:
        """Where it stands among the partials of arrays; nothing for those of numbers."""
        return {"index": self.index, "of": self.of, "entries": self.entries}


def differentiate(
    expr: str,
    *,
    at: Mapping[str, Any] | None = None,
    by: Sequence[str] | str = (),
    order: int = 1,
    device: str = "cpu",
    dtype: str | None = None,
    variables: Sequence[str] = (),
) -> Report:
    """The derivatives of an expression: formulas, and at a point the numbers of all witnesses with a verdict for each.

    `at` gives each variable a value: text is exact (`"0.1"` is 1/10, `"pi/2"`), and so are integers and fractions; a float
    is taken as its shortest decimal text.  Arrays are nested lists of these, or numpy's or torch's.  `by` names the
    variables to differentiate by, or entries such as `x[0]` (default: all, in order of appearance), `order` how often.
    Raises `CalcError` for a question that cannot be answered.

    >>> report = differentiate("x**2", at={"x": 3})
    >>> report.partials[0].formula, report.partials[0].symbolic, report.partials[0].autograd
    ('2*x', '6', 6.0)
    """
    texts = {name: _text_of(value) for name, value in (at or {}).items()}
    names = (by,) if isinstance(by, str) else tuple(by)
    return answer(Problem(expr, texts, names, order, device, dtype, tuple(variables)))


def _text_of(value: Any) -> str:
    """A value as it is typed."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text_of, value))}]"
    return value if isinstance(value, str) else str(value)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that was read and found in order: its tree, its values, its partials, and what sympy is asked.

    `entries` are those of the expression, trees of numbers in which an entry of a variable has a name of its own.
    """

    problem: Problem
    tree: Node
    values: Mapping[str, Cells[Node]]
    entries: Cells[Node]
    wanted: Sequence[Wanted]
    question: Question
    indexed: Indexed | None = None
    """The same with an index, where one formula can hold for all entries."""
    notes: tuple[str, ...] = ()
    """What could be meant otherwise by the text."""

    @property
    def has_point(self) -> bool:
        """Whether numbers are asked for, too."""
        return bool(self.values) or not names_in(self.tree)

    def needs_a_number(self, why: str) -> None:
        """Raise `CalcError` with a reason if the expression has more than one entry."""
        shape = self.entries.shape
        if shape:
            hint = f'take one, such as "sum({self.problem.expr})" or an entry'
            raise CalcError(f"{why}, and this has the shape {shape}", hint=hint)


def prepare(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Prepared:
    """Read a question; nothing heavy is loaded.  Raises `CalcError` for one that cannot be answered."""
    listed = (*problem.at, *(_entry(name)[0] for name in problem.by), *problem.variables)
    tree, notes = understood(problem.expr, listed)
    for name in problem.at:
        if name not in names_in(tree) and name not in listed[len(problem.at) :]:
            raise absent(name, names_in(tree), problem.at, problem.expr)
    if problem.direction or problem.cotangent is not None:
        problem, tree = _along(problem, tree)
    chosen = [_entry(name) for name in problem.by]
    names = names_in(tree)
    _check(problem, [name for name, _ in chosen], names)
    values = {name: value_cells(name, text) for name, text in problem.at.items()}
    missing = [name for name in names if name not in values]
    if values and missing:
        raise MissingValues(missing)
    if missing and _is_of_arrays(tree):
        raise CalcError(
            f"the shape of {missing[0]} is not known", hint=f'give it a value, such as --at "{missing[0]}=[1,2,3]"'
        )
    try:
        entries = spread(tree, values)
    except CalcError as error:
        raise error.within(problem.expr) from None
    wanted = _wanted(problem, chosen or [(name, None) for name in names], values, entries)
    places = [(partial.place, partial.entries) for partial in wanted]
    found = indexed(tree, values) if problem.order == 1 and not entries.shape else None
    variables = (
        {} if found is None else {partial.by[0]: found.entry(partial.by[0], len(partial.index)) for partial in wanted}
    )
    question = Question.about(entries.entries, places, seconds, found, tuple(variables.values()))
    return Prepared(problem, tree, values, entries, wanted, question, found, notes)


def foresee(prepared: Prepared) -> None:
    """Let sympy begin with a question that will be answered soon; and what is slow to find out, find out meanwhile."""
    shared.ask(prepared.question)
    versions()


def answer(problem: Problem | Prepared, *, seconds: float = DEFAULT_SECONDS) -> Report:
    """The answer to a question; sympy may take `seconds` for its part, and exact arithmetic for its own.

    Raises `CalcError` for a question that cannot be answered.
    """
    prepared = problem if isinstance(problem, Prepared) else prepare(problem, seconds=seconds)
    foresee(prepared)  # its process works while torch is loaded here
    return _at_point(prepared) if prepared.has_point else _formulas(prepared)


def _derived(prepared: Prepared) -> Derived | str:
    """The answer of the symbolic process, or why there is none."""
    try:
        derived = shared.collect(prepared.question)
    except SymbolicFailure as failure:
        return str(failure)
    if not derived.general or prepared.indexed is None:
        return derived
    wanted = [(partial.by[0], partial.index) for partial in prepared.wanted]
    return at_entries(derived, prepared.indexed, wanted, prepared.values)


def _along(problem: Problem, tree: Node) -> tuple[Problem, Node]:
    """The question whose answer is the product with the Jacobian that was asked for."""
    values = {name: value_cells(name, text) for name, text in problem.at.items()}
    if problem.cotangent is not None:
        shape, own = spread(tree, values).shape, value_cells("the cotangent", problem.cotangent).shape
        if shape != own:
            raise CalcError(f"the cotangent has the shape {own}, and the expression {shape}")
        tree = weighted(tree, understand(problem.cotangent))
    if not problem.direction:
        return problem, tree
    if problem.by:
        raise CalcError("a derivative along a direction is by nothing else", hint="leave --by out")
    for name, text in problem.direction.items():
        if name not in values:
            raise CalcError(f"there is no value for {name}, which has a direction", hint=f"give --at {name}=...")
        shape, own = values[name].shape, value_cells(f"the direction of {name}", text).shape
        if shape != own:
            raise CalcError(f"the direction of {name} has the shape {own}, and {name} {shape}")
    parameter = parameter_beside({*problem.at, *names_in(tree)})
    directions = {name: understand(text) for name, text in problem.direction.items()}
    along = replace(problem, at={**problem.at, parameter: "0"}, by=(parameter,))
    return along, moved(tree, directions, parameter)


def _is_of_arrays(tree: Node) -> bool:
    """Whether an expression has functions whose meaning depends on a shape."""
    return any(call.name != "[" for call in _calls_of_arrays(tree))


def _calls_of_arrays(tree: Node) -> Iterator[Call]:
    return (node for node in steps(tree).nodes if isinstance(node, Call) and not TABLE[node.name].by_entry)


def needs_numbers(tree: Node, why: str) -> None:
    """Raise `CalcError` for an expression of arrays where only numbers can be dealt with."""
    call = next(_calls_of_arrays(tree), None)
    if call is not None:
        raise CalcError(f"{why}, and {unparse(call)} is of arrays", hint="write it entry by entry, x1*y1 + x2*y2")


def _entry(name: str) -> tuple[str, str | None]:
    """The variable that `--by` names, and the entry if it names one: `x`, or `x[0]`."""
    variable, bracket, _ = name.partition("[")
    return variable.strip(), "".join(name.split()) if bracket else None


def _from_the_front(entry: str, shape: tuple[int, ...]) -> str:
    """An entry by places that are counted from the front: `x[2]` for `x[-1]` of three."""
    name, _, inside = entry.rstrip("]").partition("[")
    places = inside.split(",")
    if len(places) != len(shape) or not all(place.lstrip("-").isdigit() for place in places):
        return entry
    counted = (int(place) + (length if place.startswith("-") else 0) for place, length in zip(places, shape, strict=True))
    return f"{name}[{','.join(map(str, counted))}]"


def _check(problem: Problem, chosen: Sequence[str], names: Sequence[str]) -> None:
    if not 1 <= problem.order <= MAX_ORDER:
        raise CalcError(f"the order is a whole number from 1 to {MAX_ORDER}, not {problem.order}")
    for name in chosen:
        if name not in names and name not in problem.at and name not in problem.variables:
            listed = ", ".join(names) or "no variables"
            raise CalcError(f"{name} does not occur in the expression", hint=f"it has {listed}")


def _wanted(
    problem: Problem, chosen: Sequence[tuple[str, str | None]], values: Mapping[str, Cells[Node]], entries: Cells[Node]
) -> list[Wanted]:
    """The partials that are asked for: every combination of the variables, `order` times, of every entry by every entry.

    Their shape is that of the expression, and for each order that of the variable.
    """
    variables: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for name, entry in chosen:
        shape = values[name].shape if name in values else ()
        found = list(zip(entry_names(name, shape).entries, indices(shape), strict=True))
        if entry is not None:
            found = [pair for pair in found if pair[0] == _from_the_front(entry, shape)]
            if not found:
                raise CalcError(f"{name} has no entry {entry}", hint=f"its entries are {_first_and_last(name, shape)}")
        variables.setdefault(name, []).extend(pair for pair in found if pair not in variables.get(name, ()))
    total = sum(map(len, variables.values()))
    count = len(entries.entries) * total**problem.order
    if count > MAX_PARTIALS:
        has_entries = total != len(variables)
        what = f"{len(entries.entries)} x {total} entries" if has_entries or entries.shape else f"{total} variables"
        raise CalcError(
            f"{what} to the order {problem.order} are {count} partials; the limit is {MAX_PARTIALS}",
            hint="choose variables with --by" + (', or a sample of entries: --by "x[0]" --by "x[17]"' * has_entries),
        )
    places = list(enumerate(indices(entries.shape)))
    return [
        Wanted(place, tuple(entry for entry, _ in picked), by, sum((at for _, at in picked), index), index)
        for by in product(variables, repeat=problem.order)
        for place, index in places
        for picked in product(*(variables[name] for name in by))
    ]


def _first_and_last(name: str, shape: tuple[int, ...]) -> str:
    names = entry_names(name, shape).entries
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


@cache
def versions() -> dict[str, str]:
    """The versions an answer depends on."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and of no use for a wrong request

    found = {}
    for package in ("gradcalc", "torch", "sympy", "python-flint"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def _formulas(prepared: Prepared) -> Report:
    derived = _derived(prepared)
    if isinstance(derived, str):
        return undecided(prepared, derived)
    partials = [
        Partial(
            wanted.by,
            formula.text or None,
            formula.latex or None,
            proof={"symbolic": formula.unusable or "ok"},
            **wanted.place_in_report,
        )
        for wanted, formula in zip(prepared.wanted, derived.formulas, strict=True)
    ]
    return _report(prepared, partials)


def undecided(prepared: Prepared, why: str) -> Report:
    """The answer to a question for which there was not enough time or memory."""
    partials = [
        Partial(wanted.by, None, None, verdict=Verdict.UNDECIDED, cause="time", why=why, **wanted.place_in_report)
        for wanted in prepared.wanted
    ]
    return _report(prepared, partials)


def _of_formulas(tree: Node) -> Iterator[str]:
    """What must be said of the formulas of an expression, whoever finds them."""
    asked = equalities(tree)
    if asked:
        places = " or ".join(" = ".join(map(unparse, node.args)) for node in asked[:_MENTIONED])
        more = " and the like" if len(asked) > _MENTIONED else ""
        yield f"where {places}{more} a formula may be false: it has the derivative of each case, and one point has no slope"


_MENTIONED = 3


def _report(prepared: Prepared, partials: Sequence[Partial], notes: Sequence[str] = (), **rest: Any) -> Report:
    verdicts = [partial.verdict for partial in partials if partial.verdict is not None]
    known: dict[str, Any] = {"point": {}, "dtype": None, "device": None, "value": None}
    return Report(
        expr=prepared.problem.expr,
        read_as=unparse(prepared.tree),
        order=prepared.problem.order,
        at=dict(prepared.problem.at),
        partials=tuple(partials),
        verdict=worst(verdicts) if verdicts or prepared.has_point else None,
        versions=versions(),
        latex=latex(prepared.tree),
        notes=(*prepared.notes, *notes, *_of_formulas(prepared.tree)),
        **{**known, **rest},
    )


# ------------------------------------------------------------------------------------------------------ at a point


def _at_point(prepared: Prepared) -> Report:
    from gradcalc.engines.autograd import backward, devices
    from gradcalc.engines.taylor.at_point import Site

    started = time.monotonic()
    problem, entries = prepared.problem, prepared.entries
    device, dtype, notes = devices.choose(problem.device, problem.dtype)
    values = {entry: value for name, cells in prepared.values.items() for entry, value in named_entries(name, cells)}
    try:
        with deadline.limit(prepared.question.seconds):
            floats = {name: _float(name, problem.at.get(name, ""), value) for name, value in values.items()}
            vanished = {name: "underflow" for name, value in values.items() if floats[name] == 0 and not _is_zero(value)}
    except deadline.OutOfTime:
        return undecided(prepared, f"the point took more than {prepared.question.seconds:g} seconds")
    given = {name: entry_names(name, cells.shape).map(floats.__getitem__) for name, cells in prepared.values.items()}
    bys = list(dict.fromkeys(wanted.entries for wanted in prepared.wanted))
    count = len(entries.entries)
    seconds = prepared.question.seconds
    with deadline.limit(seconds / 2):
        runs = backward.runs(prepared.tree, given, bys, count, dtype=dtype, device=device.name, record=True)
    runs = [replace(run, unrepresentable={**vanished, **run.unrepresentable}) for run in runs]
    exact = {name: value if not isinstance(value, Number) else value.value for name, value in values.items()}
    received = {name: float(value) for name, value in runs[0].inputs.items()}
    received = {name: received.get(name, math.copysign(math.inf, floats[name])) for name in values}
    has_detour = any(TABLE[node.name].has_detour for node in steps(prepared.tree).nodes if isinstance(node, Call))
    judged: list[_Judging] = []
    exact_values: list[str | None] = [None] * count
    found: dict[int, Partial] = {}
    # To load torch takes of the time, but not more than half.  sympy's counts by itself; what needs no formula is done
    # meanwhile.
    left = max(seconds - (time.monotonic() - started), seconds / 2)
    ends = time.monotonic() + left
    try:
        with deadline.limit(left):
            for place, (tree, run) in enumerate(zip(entries.entries, runs, strict=True)):
                binary = Site(tree, run.inputs, run.constants) if run.is_at_a_point else None
                like = judged[0].traced if judged else None
                judging = _Judging(Site(tree, exact), binary, run, bys, dtype, device.name, like, has_detour=has_detour)
                judged.append(judging)
                exact_values[place] = judged[place].value()
        derived = _derived(prepared)
        with deadline.limit(max(ends - time.monotonic(), _AT_LEAST)):
            found.update(_judged(prepared, judged, derived))  # as many as there is time for
    except deadline.OutOfTime:
        derived = _derived(prepared)
    why = f"no proof within {seconds:g} seconds"
    partials = [
        found[number] if number in found else _out_of_time(wanted, number, derived, runs[wanted.place], why)
        for number, wanted in enumerate(prepared.wanted)
    ]
    point = {name: entry_names(name, cells.shape).map(received.__getitem__).nested() for name, cells in given.items()}
    return _report(
        prepared,
        partials,
        point=point,
        dtype=dtype,
        device=device.name,
        value=Value(Cells(entries.shape, exact_values).nested(), Cells(entries.shape, [run.value for run in runs]).nested()),
        notes=(*notes, *_unexplained(partials)),
        normwise_digits=_normwise_digits(partials, dtype),
    )


def _judged(prepared: Prepared, judged: Sequence[_Judging], derived: Derived | str) -> Iterator[tuple[int, Partial]]:
    """The partials with their verdicts, each with its number; of the first lost ones it is found out why they are."""
    lost = 0
    for number, wanted in enumerate(prepared.wanted):
        deadline.check()
        formula = None if isinstance(derived, str) else derived.formulas[number]
        partial = judged[wanted.place].partial(wanted.entries, formula, derived, is_explained=lost < _EXPLAINED)
        lost += partial.verdict in _LOST
        yield number, replace(partial, by=wanted.by, **wanted.place_in_report)


def _unexplained(partials: Sequence[Partial]) -> list[str]:
    """The note that not every lost number was looked into."""
    lost = sum(partial.verdict in _LOST for partial in partials)
    if lost <= _EXPLAINED:
        return []
    return [f"of {lost} entries that lost their digits, the operation and a better spelling were looked for in {_EXPLAINED}"]


def _normwise_digits(partials: Sequence[Partial], dtype: str) -> float | None:
    """The digits of all partials of arrays as one vector; None for numbers, and where a partial is not known."""
    from gradcalc.proof.floats.formats import FORMATS

    if len(partials) < 2 or not any(partial.index for partial in partials):
        return None
    if any(partial.reference is None or partial.autograd is None for partial in partials):
        return None
    if not all(math.isfinite(partial.autograd or 0) for partial in partials):
        return 0.0
    pairs = [(Decimal(partial.reference or 0), Decimal(partial.autograd or 0)) for partial in partials]
    error = sum(((reference - number) ** 2 for reference, number in pairs), Decimal(0))
    return FORMATS[dtype].digits_of(error, sum((reference**2 for reference, _ in pairs), Decimal(0)))


def _out_of_time(wanted: Wanted, number: int, derived: Derived | str, run: Run, why: str) -> Partial:
    formula = None if isinstance(derived, str) else derived.formulas[number]
    return Partial(
        wanted.by,
        None if formula is None else formula.text or None,
        None if formula is None else formula.latex or None,
        autograd=run.partials.get(wanted.entries),
        verdict=Verdict.UNDECIDED,
        cause="time",
        why=why,
        **wanted.place_in_report,
    )


def _float(name: str, text: str, value: Node) -> float:
    """The double that torch is given for a value.  Raises `CalcError` where the value is not real."""
    from gradcalc.engines.taylor import reals
    from gradcalc.engines.taylor.at_point import Site

    if isinstance(value, Number):
        try:
            return float(value.value)
        except OverflowError:
            return math.inf
    try:
        number = reals.adaptively(lambda: Site(value, {}).value().value)
    except reals.OutOfPrecision:
        raise CalcError(f"the value of {name} is not a real number: {text}") from None
    return reals.nearest_float(number)


def _is_zero(value: Node) -> bool:
    """Whether a value that became 0 as a float is 0."""
    from gradcalc.engines.taylor import reals
    from gradcalc.engines.taylor.at_point import Site

    return reals.is_negligible(reals.adaptively(lambda: Site(value, {}).value().value))


def nearest(name: str, text: str) -> float:
    """The double nearest to a value of a variable.  Raises `CalcError` where it is no real number."""
    return _float(name, text, value_tree(name, text))


class _Judging:
    """The partials of one entry of an expression at one point; `like` is what is known of the program from another entry."""

    def __init__(
        self,
        typed: Site,
        binary: Site | None,
        run: Run,
        bys: Sequence[By],
        dtype: str,
        device: str,
        like: Traced | None,
        *,
        has_detour: bool,
    ):
        from gradcalc.proof.evidence import Traced
        from gradcalc.proof.floats.formats import FORMATS

        self.typed, self.binary, self.run, self.device = typed, binary, run, device
        self.form = FORMATS[dtype]
        self.documented = _documented(typed.tree)
        is_whole = run.program is not None and run.is_at_a_point
        self.traced = None if not is_whole else Traced(run, self.form, device) if like is None else like.entry(run)
        self.bounds = {} if is_whole or has_detour else _bounds(typed.tree, run, self.form)
        self.constants = _rounded_constants(typed, run)
        self.spellings: Sequence[Node] | None = None
        self.examined = {by: (_examine(typed, by), _examine(binary, by)) for by in bys}

    def value(self) -> str | None:
        """The value of what was typed, if it has one."""
        from gradcalc.engines.taylor import reals
        from gradcalc.proof.smoothness.differentiability import value_of

        try:
            value = value_of(self.typed)
        except reals.OutOfPrecision:
            return None
        return reals.known_decimal(value)

    def partial(self, by: By, formula: Formula | None, derived: Derived | str, *, is_explained: bool) -> Partial:
        """A partial, judged with what sympy found; `is_explained` asks for what made its number a bad one."""
        from gradcalc.proof import verdict
        from gradcalc.proof.evidence import Evidence

        typed, binary = self.examined[by]
        enclosed, unusable = self.enclosed(formula, derived, self.binary or self.typed)
        number = self.run.partials.get(by)
        evidence = Evidence(
            by,
            typed,
            binary,
            enclosed,
            number,
            self.form,
            self.run.failure,
            self.run.unrepresentable,
            self.traced,
            self.documented,
            self.bounds.get(by),
            self.run.value,
            self.constants,
            self.run.lost_literals,
            is_explained,
        )
        finding = verdict.judge(evidence)
        judgement, far = finding.judgement, finding.far
        suggestion = None
        if is_explained:
            with suppress(deadline.OutOfTime):  # the verdict stands without it
                suggestion = self.suggestion(by, judgement, far, binary)
        if suggestion is not None:
            spelling, digits = suggestion
            judgement = replace(judgement, why=f"{judgement.why}; {spelling} keeps {digits:.1f} digits here")
        troubled = typed if typed is not None and typed.derivative is None else binary
        return Partial(
            by,
            None if formula is None else formula.text or None,
            None if formula is None else formula.latex or None,
            self.symbolic(typed, formula, derived),
            None if binary is None else _decimal(binary.derivative),
            number,
            _decimal(troubled.left) if troubled else None,
            _decimal(troubled.right) if troubled else None,
            judgement.verdict,
            judgement.cause,
            judgement.side,
            None if far is None else far.digits,
            None if far is None else far.ulps,
            judgement.why,
            {
                "symbolic": unusable or "ok",
                "regularity": None if troubled is None else str(troubled.kind),
                "evidence": self.evidence(troubled, typed),
                **finding.proof,
                **({} if suggestion is None else {"suggestion": suggestion[0]}),
            },
        )

    def symbolic(self, typed: Regularity | None, formula: Formula | None, derived: Derived | str) -> str | None:
        """The derivative at the typed point; where it looks round, sympy's formula may know it exactly."""
        from gradcalc.engines.taylor import reals

        if typed is None or typed.derivative is None:
            return None
        text = reals.known_decimal(typed.derivative)
        if text is not None and text.endswith("0000000000"):
            exact, _ = self.enclosed(formula, derived, self.typed)
            if exact is not None and reals.agree(typed.derivative, exact):
                text = min(text, reals.decimal(exact), key=len)
        return text

    def evidence(self, found: Regularity | None, typed: Regularity | None) -> str | None:
        """How strong the conclusion is: proven, numerical (high precision only), a rounding bound, or the number alone."""
        if found is None:
            return None
        if found.derivative is not None and self.traced is None and self.run.failure is None:
            return "bound" if self.bounds else "number only"
        return "proven" if found.proven and (typed is None or typed.proven) else "numerical"

    def suggestion(
        self, by: By, judgement: Judgement, far: Distance | None, binary: Regularity | None
    ) -> tuple[str, float] | None:
        """A spelling of the same function whose derivative autograd gets right to more digits here, and how many."""
        if judgement.verdict not in (Verdict.INACCURATE, Verdict.NOT_FINITE) or far is None:
            return None
        if binary is None or binary.derivative is None:
            return None
        from gradcalc.engines.autograd import backward
        from gradcalc.proof.floats.formats import distance

        floats = {name: float(value) for name, value in self.run.inputs.items()}
        if self.spellings is None:
            self.spellings = list(spellings(self.typed.tree))
        best: tuple[str, float] | None = None
        for tree in self.spellings:
            run = backward.run(tree, floats, [by], dtype=self.form.name, device=self.device)
            if by not in run.partials:
                continue
            digits = distance(run.partials[by], binary.derivative, self.form).digits
            # A spelling that loses half of the digits too is no advice.
            if digits >= self.form.digits / 2 and digits > (0.0 if best is None else best[1]):
                best = unparse(tree), digits
        return best

    def enclosed(self, formula: Formula | None, derived: Derived | str, site: Site | None) -> tuple[Real | None, str | None]:
        """sympy's derivative at a point as an enclosure, or None and why it cannot be used."""
        from gradcalc.engines.taylor import reals

        if formula is None or isinstance(derived, str):
            return None, str(derived)
        tree = formula.tree
        if tree is None or site is None:
            return None, formula.unusable
        try:
            return reals.adaptively(lambda: site.formula_value(tree, derived.constants)), None
        except reals.OutOfPrecision:
            return None, "sympy's formula has no value here"


def _bounds(tree: Node, run: Run, form: Format) -> dict[By, tuple[float, float]]:
    """What rounding can make of each first partial, where the program was not recorded."""
    from gradcalc.engines.rounding.enclosure import enclose

    if run.failure is not None or run.unrepresentable or run.lost_literals:
        return {}
    values = {name: float(value) for name, value in run.inputs.items()}
    constants = {text: float(value) for text, value in run.constants.items()}
    names = [by[0] for by in run.partials if len(by) == 1]
    _, slopes = enclose(tree, values, constants, names, precision=form.precision, lowest=form.lowest)
    ends = {(name,): (slope.low.item(), slope.high.item()) for name, slope in slopes.items()}
    return {by: (low, high) for by, (low, high) in ends.items() if math.isfinite(low) and math.isfinite(high)}


def _rounded_constants(site: Site, run: Run) -> dict[str, Fraction]:
    """The constants of an expression that torch has rounded, as it has them."""
    named = {node.name for node in site.steps.nodes if isinstance(node, Call) and not node.args}
    return {name: value for name, value in run.constants.items() if name in named}


def _documented(tree: Node) -> tuple[str, ...]:
    """What torch documents about functions of the expression that it defines in its own way."""
    rows = [TABLE[node.name] for node in steps(tree).nodes if isinstance(node, Call)]
    return tuple(dict.fromkeys(row.documented for row in rows if row.documented))


def _examine(site: Site | None, by: By) -> Regularity | None:
    from gradcalc.engines.taylor.reals import OutOfPrecision
    from gradcalc.proof.smoothness.differentiability import examine

    try:
        return None if site is None else examine(site, by)
    except OutOfPrecision:
        return None


def _decimal(value: Side | Any) -> str | None:
    from gradcalc.engines.taylor import reals

    if value is None:
        return None
    if isinstance(value, float):
        return "inf" if value > 0 else "-inf"
    return reals.known_decimal(value)
