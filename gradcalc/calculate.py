"""From a question to an answer: the only module that knows all witnesses.

Comes in: a `Problem`.  Goes out: a `Report`.  Heavy modules are imported when the question needs them: a question about
formulas loads no torch, and sympy is loaded by a process of its own while torch loads here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

from gradcalc import deadline
from gradcalc.deadline import DEFAULT_SECONDS
from gradcalc.errors import CalcError
from gradcalc.functions import TABLE
from gradcalc.functions.resolve import understand
from gradcalc.points import MissingValues, value_tree
from gradcalc.report import MAX_ORDER, Judgement, Partial, Problem, Report, Value, Verdict, worst
from gradcalc.rewrite import spellings
from gradcalc.syntax import Call, Node, Number, names_in, postorder, unparse
from gradcalc.typeset import latex
from gradcalc.witness.formula import Derived, Formula, Question
from gradcalc.witness.process import SymbolicFailure, shared

if TYPE_CHECKING:
    from gradcalc.proof.floats import Distance, Format
    from gradcalc.proof.regularity import Regularity, Side
    from gradcalc.proof.site import Site
    from gradcalc.witness.autograd import Run
    from gradcalc.witness.balls import Real

MAX_PARTIALS = 4_096
_AT_LEAST = 1.0
"""Seconds for the comparison with sympy's formula, however long the rest took."""

By = tuple[str, ...]


def differentiate(
    expr: str,
    *,
    at: Mapping[str, str | float | int | Fraction] | None = None,
    by: Sequence[str] | str = (),
    order: int = 1,
    device: str = "cpu",
    dtype: str | None = None,
    variables: Sequence[str] = (),
) -> Report:
    """The derivatives of an expression: formulas, and at a point the numbers of all witnesses with a verdict for each.

    `at` gives each variable a value: text is exact (`"0.1"` is 1/10, `"pi/2"`), and so are integers and fractions; a float
    is taken as its shortest decimal text.  `by` names the variables to differentiate by (default: all, in order of
    appearance), `order` how often.  Raises `CalcError` for a question that cannot be answered.

    >>> report = differentiate("x**2", at={"x": 3})
    >>> report.partials[0].formula, report.partials[0].symbolic, report.partials[0].autograd
    ('2*x', '6', 6.0)
    """
    texts = {name: value if isinstance(value, str) else str(value) for name, value in (at or {}).items()}
    names = (by,) if isinstance(by, str) else tuple(by)
    return answer(Problem(expr, texts, names, order, device, dtype, tuple(variables)))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that was read and found in order: its tree, its partials, and what sympy is asked."""

    problem: Problem
    tree: Node
    values: Mapping[str, Node]
    bys: Sequence[By]
    question: Question

    @property
    def has_point(self) -> bool:
        """Whether numbers are asked for, too."""
        return bool(self.values) or not names_in(self.tree)


def prepare(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Prepared:
    """Read a question; nothing heavy is loaded.  Raises `CalcError` for one that cannot be answered."""
    listed = (*problem.at, *problem.by, *problem.variables)
    tree = understand(problem.expr, listed)
    names = names_in(tree)
    bys = _bys(problem, names)
    values = {name: value_tree(name, text) for name, text in problem.at.items()}
    missing = [name for name in names if name not in values]
    if values and missing:
        raise MissingValues(missing)
    return Prepared(problem, tree, values, bys, Question.about(tree, bys, seconds))


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


def _derived(question: Question) -> Derived | str:
    """The answer of the symbolic process, or why there is none."""
    try:
        return shared.collect(question)
    except SymbolicFailure as failure:
        return str(failure)


def _bys(problem: Problem, names: Sequence[str]) -> list[By]:
    """The partials that are asked for: every combination of the variables, `order` times."""
    if not 1 <= problem.order <= MAX_ORDER:
        raise CalcError(f"the order is a whole number from 1 to {MAX_ORDER}, not {problem.order}")
    for name in problem.by:
        if name not in names and name not in problem.at and name not in problem.variables:
            listed = ", ".join(names) or "no variables"
            raise CalcError(f"{name} does not occur in the expression", hint=f"it has {listed}")
    chosen = tuple(dict.fromkeys(problem.by)) or tuple(names)
    if len(chosen) ** problem.order > MAX_PARTIALS:
        raise CalcError(
            f"{len(chosen)} variables to the order {problem.order} are {len(chosen) ** problem.order} partials; "
            f"the limit is {MAX_PARTIALS}",
            hint="choose variables with --by",
        )
    return list(product(chosen, repeat=problem.order))


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
    derived = _derived(prepared.question)
    if isinstance(derived, str):
        return undecided(prepared, derived)
    partials = [
        Partial(by, formula.text, formula.latex, proof={"symbolic": formula.unusable or "ok"})
        for by, formula in zip(prepared.bys, derived.formulas, strict=True)
    ]
    return _report(prepared, partials)


def undecided(prepared: Prepared, why: str) -> Report:
    """The answer to a question for which there was not enough time or memory."""
    partials = [Partial(by, None, None, verdict=Verdict.UNDECIDED, cause="time", why=why) for by in prepared.bys]
    return _report(prepared, partials)


def _report(prepared: Prepared, partials: Sequence[Partial], **rest: Any) -> Report:
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
        **{**known, **rest},
    )


# ------------------------------------------------------------------------------------------------------ at a point


def _at_point(prepared: Prepared) -> Report:
    from gradcalc.proof.site import Site
    from gradcalc.witness import autograd, devices

    problem, tree, values, bys = prepared.problem, prepared.tree, prepared.values, prepared.bys
    device, dtype, notes = devices.choose(problem.device, problem.dtype)
    try:
        with deadline.limit(prepared.question.seconds):
            floats = {name: _float(name, problem.at[name], value) for name, value in values.items()}
            vanished = {name: "underflow" for name, value in values.items() if floats[name] == 0 and not _is_zero(value)}
    except deadline.OutOfTime:
        return undecided(prepared, f"the point took more than {prepared.question.seconds:g} seconds")
    run = autograd.run(tree, floats, bys, dtype=dtype, device=device.name, record=True)
    run = replace(run, unrepresentable={**vanished, **run.unrepresentable})
    typed = Site(tree, {name: value if not isinstance(value, Number) else value.value for name, value in values.items()})
    binary = None if run.unrepresentable else Site(tree, run.inputs, run.constants)
    point = {name: float(value) for name, value in run.inputs.items()}
    point = {name: point.get(name, math.copysign(math.inf, floats[name])) for name in values}
    partials: list[Partial] = []
    value = None
    # The time counts from here, when torch is there; sympy's counts by itself, and what needs no formula is done meanwhile.
    ends = time.monotonic() + prepared.question.seconds
    try:
        with deadline.limit(prepared.question.seconds):
            judged = _Judging(typed, binary, run, bys, dtype, device.name)
            value = judged.value()
        derived = _derived(prepared.question)
        with deadline.limit(max(ends - time.monotonic(), _AT_LEAST)):
            partials.extend(judged.partials(derived))
    except deadline.OutOfTime:
        derived = _derived(prepared.question)
        why = f"no proof within {prepared.question.seconds:g} seconds"
        partials += [_out_of_time(by, place, derived, run, why) for place, by in enumerate(bys)][len(partials) :]
    return _report(
        prepared,
        partials,
        point=point,
        dtype=dtype,
        device=device.name,
        value=Value(value, run.value),
        notes=notes,
    )


def _out_of_time(by: By, place: int, derived: Derived | str, run: Run, why: str) -> Partial:
    formula = None if isinstance(derived, str) else derived.formulas[place]
    return Partial(
        by,
        None if formula is None else formula.text,
        None if formula is None else formula.latex,
        autograd=run.partials.get(by),
        verdict=Verdict.UNDECIDED,
        cause="time",
        why=why,
    )


def _float(name: str, text: str, value: Node) -> float:
    """The double that torch is given for a value.  Raises `CalcError` where the value is not real."""
    from gradcalc.proof.site import Site
    from gradcalc.witness import balls

    if isinstance(value, Number):
        try:
            return float(value.value)
        except OverflowError:
            return math.inf
    try:
        number = balls.adaptively(lambda: Site(value, {}).value().value)
    except balls.OutOfPrecision:
        raise CalcError(f"the value of {name} is not a real number: {text}") from None
    return balls.nearest_float(number)


def _is_zero(value: Node) -> bool:
    """Whether a value that became 0 as a float is 0."""
    from gradcalc.proof.site import Site
    from gradcalc.witness import balls

    return balls.is_negligible(balls.adaptively(lambda: Site(value, {}).value().value))


def nearest(name: str, text: str) -> float:
    """The double nearest to a value of a variable.  Raises `CalcError` where it is no real number."""
    return _float(name, text, value_tree(name, text))


class _Judging:
    """The partials of one question at one point."""

    def __init__(self, typed: Site, binary: Site | None, run: Run, bys: Sequence[By], dtype: str, device: str):
        from gradcalc.proof.floats import FORMATS
        from gradcalc.proof.verdict import Traced

        self.typed, self.binary, self.run, self.bys, self.device = typed, binary, run, bys, device
        self.form = FORMATS[dtype]
        self.documented = _documented(typed.tree)
        is_whole = run.program is not None and not run.unrepresentable
        self.traced = Traced(run, self.form, device) if is_whole else None
        self.bounds = {} if is_whole else _bounds(typed.tree, run, self.form)
        self.examined = {by: (_examine(typed, by), _examine(binary, by)) for by in bys}
        self.derived: Derived | str = ""

    def value(self) -> str | None:
        """The exact value of what was typed, if it has one."""
        from gradcalc.proof.regularity import value_of
        from gradcalc.witness import balls

        try:
            value = value_of(self.typed)
        except balls.OutOfPrecision:
            return None
        return None if value is None else balls.decimal(value)

    def partials(self, derived: Derived | str) -> Iterator[Partial]:
        """The partials, judged with what sympy found."""
        self.derived = derived
        for place, by in enumerate(self.bys):
            yield self._partial(by, place)

    def _partial(self, by: By, place: int) -> Partial:
        from gradcalc.proof import verdict

        typed, binary = self.examined[by]
        formula = None if isinstance(self.derived, str) else self.derived.formulas[place]
        enclosed, unusable = self.enclosed(formula, self.binary or self.typed)
        number = self.run.partials.get(by)
        evidence = verdict.Evidence(
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
        )
        finding = verdict.judge(evidence)
        judgement, far = finding.judgement, finding.far
        suggestion = self.suggestion(by, judgement, far, binary)
        if suggestion is not None:
            spelling, digits = suggestion
            judgement = replace(judgement, why=f"{judgement.why}; {spelling} keeps {digits:.1f} digits here")
        troubled = typed if typed is not None and typed.derivative is None else binary
        return Partial(
            by,
            None if formula is None else formula.text,
            None if formula is None else formula.latex,
            self.symbolic(typed, formula),
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

    def symbolic(self, typed: Regularity | None, formula: Formula | None) -> str | None:
        """The derivative at the typed point; where it looks round, sympy's formula may know it exactly."""
        from gradcalc.witness import balls

        if typed is None or typed.derivative is None:
            return None
        text = balls.decimal(typed.derivative)
        if text.endswith("0000000000"):
            exact, _ = self.enclosed(formula, self.typed)
            if exact is not None and balls.agree(typed.derivative, exact):
                text = min(text, balls.decimal(exact), key=len)
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
        if judgement.verdict is not Verdict.INACCURATE or far is None or binary is None or binary.derivative is None:
            return None
        from gradcalc.proof.floats import distance
        from gradcalc.witness import autograd

        floats = {name: float(value) for name, value in self.run.inputs.items()}
        best: tuple[str, float] | None = None
        for tree in spellings(self.typed.tree):
            run = autograd.run(tree, floats, [by], dtype=self.form.name, device=self.device)
            if by not in run.partials:
                continue
            digits = distance(run.partials[by], binary.derivative, self.form).digits
            # A spelling that loses half of the digits too is no advice.
            if digits >= self.form.digits / 2 and digits > (0.0 if best is None else best[1]):
                best = unparse(tree), digits
        return best

    def enclosed(self, formula: Formula | None, site: Site | None) -> tuple[Real | None, str | None]:
        """sympy's derivative at a point as an enclosure, or None and why it cannot be used."""
        from gradcalc.witness import balls

        derived = self.derived
        if formula is None or isinstance(derived, str):
            return None, str(derived)
        tree = formula.tree
        if tree is None or site is None:
            return None, formula.unusable
        try:
            return balls.adaptively(lambda: site.formula_value(tree, derived.constants)), None
        except balls.OutOfPrecision:
            return None, "sympy's formula has no value here"


def _bounds(tree: Node, run: Run, form: Format) -> dict[By, tuple[float, float]]:
    """What rounding can make of each first partial, where the program was not recorded."""
    from gradcalc.witness.bound import enclose

    if run.failure is not None or run.unrepresentable:
        return {}
    values = {name: float(value) for name, value in run.inputs.items()}
    constants = {text: float(value) for text, value in run.constants.items()}
    names = [by[0] for by in run.partials if len(by) == 1]
    _, slopes = enclose(tree, values, constants, names, precision=form.precision, lowest=form.lowest)
    ends = {(name,): (slope.low.item(), slope.high.item()) for name, slope in slopes.items()}
    return {by: (low, high) for by, (low, high) in ends.items() if math.isfinite(low) and math.isfinite(high)}


def _documented(tree: Node) -> tuple[str, ...]:
    """What torch documents about functions of the expression that it defines in its own way."""
    rows = [TABLE[node.name] for node in postorder(tree) if isinstance(node, Call)]
    return tuple(dict.fromkeys(row.documented for row in rows if row.documented))


def _examine(site: Site | None, by: By) -> Regularity | None:
    from gradcalc.proof.regularity import examine
    from gradcalc.witness.balls import OutOfPrecision

    try:
        return None if site is None else examine(site, by)
    except OutOfPrecision:
        return None


def _decimal(value: Side | Any) -> str | None:
    from gradcalc.witness import balls

    if value is None:
        return None
    if isinstance(value, float):
        return "inf" if value > 0 else "-inf"
    return balls.decimal(value)
