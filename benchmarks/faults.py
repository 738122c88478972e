"""Does the verdict catch every fault, and does it ever cry wolf?  And what do tolerances do on the same numbers?

    python benchmarks/faults.py [--arrays] [--pairs 5000] [--fault-pairs 1500] [--sympy 300] [--seed N] [--quick]

Three questions, in float32 and float64 on the CPU:

    alarms    unmodified torch on random expressions and on families that lose digits: nothing may be `disagree`
    faults    the same program with one fault in its backward pass, its value or one of its kernels: never `agree`
    formulas  a fault in sympy's derivative: `disagree`, and the symbolic side is named

With --arrays the expressions are of arrays, and a case asks for one entry of the value by all entries of its variables.

A fault counts where it reaches the result: the exact value of the program's derivative (or value) changes, or a float
leaves the bound of its kernel.  Exits with 1 if there is a false alarm or an escape.
"""

from __future__ import annotations

import argparse
import collections
import math
import random
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice

import _support  # noqa: F401  puts the next ones on the path
from support import faulty, rules
from support.array_expressions import of_arrays
from support.expressions import Case, beside_a_seam, ill_conditioned, ordinary, stream
from support.faulty import EPSILONS, Fault
from support.judging import Judged, Question, is_regular, reference

from gradcalc.calculate.answer import answer
from gradcalc.engines.autograd.operation import base_name
from gradcalc.engines.symbolic.client import CLIENT, SymbolicFailure
from gradcalc.engines.symbolic.messages import PartialsRequest
from gradcalc.engines.taylor.reals import OutOfPrecision, Real, ball, exact, refine
from gradcalc.errors import CalcError
from gradcalc.expression.tree import Call, Node, Number, postorder
from gradcalc.functions.resolve import understand
from gradcalc.proof.evidence import ReplayedTrace
from gradcalc.proof.floats.arithmetic import Rounded
from gradcalc.proof.floats.replay import execute
from gradcalc.report import Problem

DTYPES = ("float32", "float64")
EXPECTED = ("agree", "inaccurate", "not-finite", "undefined", "not-differentiable")
"""The verdicts that unmodified torch may get without an explanation here, and `artifact` on a seam."""

OURS = "gradcalc"
UNSEEN = ("gradient cast to a narrower type", "written beside the record")
"""Faults that leave the program's formula as it is."""

# ---------------------------------------------------------------------------------------------------- torch's own faults


@dataclass(frozen=True)
class Defect:
    """A fault that torch really has: the verdict is right to disagree."""

    name: str
    explains: Callable[[Case, str, Judged], bool]


def _is_float32(text: str) -> bool:
    return float(text) == struct.unpack("f", struct.pack("f", float(text)))[0]


def _odd_alpha(case: Case) -> bool:
    """Whether celu is called with an alpha that float32 does not hold."""
    calls = [node for node in postorder(understand(case.expr, case.at)) if isinstance(node, Call) and node.name == "celu"]
    return any(isinstance(node.args[1], Number) and not _is_float32(node.args[1].text) for node in calls)


def _singular(judged: Judged) -> bool:
    """Whether torch found a determinant that is 0."""
    operations = () if judged.traced is None else judged.traced.program.operations
    return any(base_name(it.name) == "_linalg_det" and it.results[0].value == 0 for it in operations)


DEFECTS = (
    Defect(
        "hardsigmoid in float64: its backward kernel multiplies by float32's 1/6 (Activation.cpp: `one_sixth(1.0f / 6.0f)`)",
        lambda case, dtype, judged: (
            dtype == "float64" and judged.side == "kernel" and "hardsigmoid_backward" in judged.finding.judgement.why
        ),
    ),
    Defect(
        "celu in float64: its backward rule rounds alpha to float32 (derivatives.yaml: `1.0/alpha.toFloat()`)",
        lambda case, dtype, judged: dtype == "float64" and judged.side == "autograd" and _odd_alpha(case),
    ),
    Defect(
        "det of a singular matrix: its backward rule multiplies by the determinant, 0 (FunctionsManual.cpp: `linalg_det_backward`)",
        lambda case, dtype, judged: judged.side == "autograd" and _singular(judged),
    ),
    Defect(
        "gelu of arrays in float32: oneDNN's erf has an absolute error of 1e-7, far more than an ulp where gelu is small",
        lambda case, dtype, judged: (
            dtype == "float32" and judged.side == "kernel" and "gelu" in judged.finding.judgement.why
        ),
    ),
)
"""Found by this benchmark in torch 2.13 and confirmed in its source."""


# --------------------------------------------------------------------------------------------------------------- alarms


@dataclass
class Alarms:
    """What was said of unmodified torch."""

    verdicts: collections.Counter = field(default_factory=collections.Counter)
    defects: collections.Counter = field(default_factory=collections.Counter)
    odd: list[str] = field(default_factory=list)
    refused: collections.Counter = field(default_factory=collections.Counter)
    """By dtype and rule: how many right gradients it refused."""
    compared: collections.Counter = field(default_factory=collections.Counter)
    crashes: list[str] = field(default_factory=list)

    @property
    def false(self) -> int:
        """Crashes, and disagreements that no defect of torch's explains."""
        return (
            len(self.crashes)
            + sum(count for (_, verdict, _, _), count in self.verdicts.items() if verdict == "disagree")
            - sum(count for (_, verdict, _), count in self.defects.items() if verdict == "disagree")
        )


def alarms(cases: Iterator[Case], *, others: bool = True, orders: Sequence[int] = (1,)) -> Alarms:
    """Unmodified torch on every case, in both dtypes."""
    found = Alarms()
    for case in cases:
        for dtype in DTYPES:
            for order in orders:
                question = Question(case, dtype, order)
                try:
                    partials = question.judged(question.run())
                except Exception as error:  # a crash is worse than any verdict: it is listed, and the run goes on
                    found.crashes.append(f"[{dtype}] order {order} {case}: {type(error).__name__}: {error}")
                    continue
                for judged in partials:
                    _note(found, case, dtype, judged)
                    if others and order == 1 and is_regular(judged) and not _defect(case, dtype, judged):
                        _compare(found, question, judged)
    return found


def _defect(case: Case, dtype: str, judged: Judged) -> Defect | None:
    if judged.verdict != "disagree":
        return None
    return next((defect for defect in DEFECTS if defect.explains(case, dtype, judged)), None)


def _note(found: Alarms, case: Case, dtype: str, judged: Judged) -> None:
    found.verdicts[dtype, judged.verdict, judged.cause, judged.side] += 1
    defect = _defect(case, dtype, judged)
    if defect is not None:
        found.defects[dtype, judged.verdict, defect.name] += 1
    elif judged.verdict not in EXPECTED and judged.cause != "seam":
        why = judged.finding.judgement.why
        by = ",".join(judged.by)
        found.odd.append(f"{judged.verdict} {judged.cause} {judged.side} [{dtype}] d/d{by} {case}: {why}")


def _compare(found: Alarms, question: Question, judged: Judged) -> None:
    if judged.number is None:
        return
    truth = reference(judged, question.form)
    if not math.isfinite(truth):
        return
    found.compared[question.dtype] += 1
    said = rules.accepts(question, judged.by, judged.number, truth)
    for rule, accepted in said.items():
        found.refused[question.dtype, rule] += not accepted
    found.refused[question.dtype, OURS] += judged.verdict == "disagree"


# --------------------------------------------------------------------------------------------------------------- faults


@dataclass
class Caught:
    """By kind of fault and dtype: how many reached the result, and how many each rule caught."""

    reached: collections.Counter = field(default_factory=collections.Counter)
    silent: collections.Counter = field(default_factory=collections.Counter)
    by: collections.Counter = field(default_factory=collections.Counter)
    verdicts: collections.Counter = field(default_factory=collections.Counter)
    allowed: collections.Counter = field(default_factory=collections.Counter)
    """Kernels off by an error that stays within their bound, or that have none: by size and name."""
    escapes: list[str] = field(default_factory=list)
    rounding: list[str] = field(default_factory=list)
    """Floats that changed while the exact derivative did not."""


def faults(cases: Iterator[Case], chance: random.Random, *, others: bool = True) -> Caught:
    """Every kind of fault in every case, in both dtypes."""
    caught = Caught()
    for case in cases:
        for dtype in DTYPES:
            question = Question(case, dtype)
            clean = question.run()
            try:
                before = {judged.by: judged for judged in question.judged(clean)}
            except ArithmeticError:  # counted among the alarms
                continue
            sound = [by for by, judged in before.items() if is_regular(judged) and judged.verdict in ("agree", "inaccurate")]
            if not sound or clean.failure or any(judged.verdict == "disagree" for judged in before.values()):
                continue
            for fault in chain(
                faulty.gradient_faults(question, chance),
                faulty.value_faults(question, chance),
                faulty.rule_faults(question, chance),
                faulty.kernel_faults(question, clean, chance),
            ):
                _tried(caught, question, fault, before, sound, others)
    return caught


def _tried(
    caught: Caught,
    question: Question,
    fault: Fault,
    before: dict[tuple[str, ...], Judged],
    sound: Sequence[tuple[str, ...]],
    others: bool,
) -> None:
    run = fault.run()
    if run.failure is not None:
        caught.silent[fault.kind, question.dtype, "torch refused"] += 1
        return
    after = {judged.by: judged for judged in question.judged(run)}
    for by in sound:
        judged = after[by]
        reach = _reach(fault, question, before[by], judged)
        key = (fault.kind, question.dtype, fault.eps)
        if reach == "rounding":
            caught.rounding.append(_line(fault, question, judged))
        if reach in ("nowhere", "rounding"):
            caught.silent[(*key, reach)] += 1
            continue
        if reach == "allowed":
            caught.allowed[question.dtype, fault.eps, fault.what] += 1
            continue
        caught.reached[key] += 1
        caught.verdicts[fault.kind, judged.verdict, judged.cause, judged.side] += 1
        if judged.verdict == "agree":
            caught.escapes.append(_line(fault, question, judged))
        else:
            caught.by[(*key, OURS)] += 1
        if not others or judged.number is None:
            continue
        truth = reference(judged, question.form)
        said = rules.accepts(question, by, judged.number, truth, fault.hook)
        for rule, accepted in said.items():
            caught.by[(*key, rule)] += not accepted


def _line(fault: Fault, question: Question, judged: Judged) -> str:
    size = "" if fault.eps is None else f" eps={fault.eps:g}"
    by = ",".join(judged.by)
    return f"{fault.kind}{size} {fault.what} [{question.dtype}] d/d{by} {question.case}: {judged.verdict}, {judged.number!r}"


def _reach(fault: Fault, question: Question, before: Judged, after: Judged) -> str:
    """Where a fault is felt: "result", "rounding" (the float alone), "allowed" (within a kernel's bound) or "nowhere"."""
    assert before.truth is not None
    assert before.truth.derivative is not None
    if after.traced is None:
        return "nowhere"
    truth = before.truth.derivative
    assert before.traced is not None
    if fault.kind.startswith("kernel"):
        if before.number == after.number and _returned(before.traced) == _returned(after.traced):
            return "nowhere"
        return "result" if _beyond(after.traced, fault.what) else "allowed"
    if after.traced.unknown_at(after.traced.program.partials.get(after.by)) is not None:
        return "nowhere" if before.number == after.number else "result"
    was, now = before.traced.program, after.traced.program
    if _moved(before.traced, was.partials.get(after.by), after.traced, now.partials.get(after.by), truth):
        return "result"
    value = before.truth.value
    if value is not None and _moved(before.traced, was.value, after.traced, now.value, value):
        return "result"
    # The exact program of the record cannot know of these: the float tells.
    if fault.kind in UNSEEN and after.number != before.number:
        return "result"
    return "nowhere" if before.number == after.number else "rounding"


def _returned(traced: ReplayedTrace) -> float | bool | None:
    """The value that torch returned."""
    key = traced.program.value
    return None if key is None else traced.replay_at(256).float(key)


def _moved(before: ReplayedTrace, was: int | None, after: ReplayedTrace, now: int | None, truth: Real) -> bool:
    """Whether the exact result of a program, at its place in memory, is another one than before."""
    old, _ = before.enclosure(was, truth)
    new, _ = after.enclosure(now, truth)
    return new is None or old is None or not ball(new).overlaps(ball(old))


def _beyond(traced: ReplayedTrace, name: str) -> bool:
    """Whether some float of an operation lies outside of what its bound allows: computed here once more."""
    for operation in traced.program.operations:
        if faulty.base_name(operation.name) != name:
            continue
        field_ = Rounded(traced.form, traced.device, traced.program.literals)
        try:
            results = execute(operation, field_, lambda seen, m=field_: m.value(seen.value))
        except (ArithmeticError, AssertionError, ValueError):
            continue
        if field_.has_no_bound:
            continue
        for cell, room in zip(operation.results, results, strict=False):
            known = isinstance(cell.value, float) and math.isfinite(cell.value) and room.ball.is_finite()
            if known and not room.ball.overlaps(ball(exact(Fraction(cell.value)))):
                return True
    return False


# ------------------------------------------------------------------------------------------------------------- formulas


@dataclass
class Formulas:
    """What was said of faulty symbolic derivatives."""

    reached: collections.Counter = field(default_factory=collections.Counter)
    caught: collections.Counter = field(default_factory=collections.Counter)
    verdicts: collections.Counter = field(default_factory=collections.Counter)
    escapes: list[str] = field(default_factory=list)
    unusable: int = 0


def formulas(cases: Iterator[Case], chance: random.Random) -> Formulas:
    """Sympy's derivatives with a fault, in float64."""
    found = Formulas()
    for case in cases:
        question = Question(case, "float64")
        run = question.run()
        if run.unrepresentable or run.lost_literals or run.program is None:
            continue
        traced = ReplayedTrace(run, question.form, "cpu")
        asked = PartialsRequest.of([question.entry], [(0, by) for by in question.bys])
        CLIENT.get().submit(asked)
        try:
            derived = CLIENT.get().result(asked)
        except SymbolicFailure:
            found.unusable += 1
            continue
        site = question.site(run)
        for by, formula in zip(question.bys, derived.formulas, strict=True):
            clean = question.partial(run, by, traced)
            if formula.tree is None or not is_regular(clean) or clean.verdict not in ("agree", "inaccurate"):
                continue
            right = _value(site, formula.tree, derived.constants)
            if right is None:
                found.unusable += 1
                continue
            for kind, wrong in faulty.wrong_formulas(formula.tree, chance):
                value = _value(site, wrong, derived.constants)
                if value is None or not _is_another(value, right):
                    continue
                judged = question.partial(run, by, traced, value)
                found.reached[kind] += 1
                found.verdicts[judged.verdict, judged.cause, judged.side] += 1
                if (judged.verdict, judged.side) == ("disagree", "symbolic"):
                    found.caught[kind] += 1
                else:
                    found.escapes.append(f"{kind} d/d{','.join(by)} {case}: {judged.verdict} {judged.side}")
    return found


def _is_another(value: Real, right: Real) -> bool:
    """Whether a number differs from another one by more than a relative 2**-100: enclosures are that tight."""
    return bool(abs(ball(value) - ball(right)) > abs(ball(right)) * exact(Fraction(1, 2**100)))


def _value(site: object, tree: Node, constants: dict[str, Node]) -> Real | None:
    try:
        return refine(lambda: site.formula_value(tree, constants))  # type: ignore[attr-defined]
    except (OutOfPrecision, CalcError, ZeroDivisionError):
        return None


def whole_answers(cases: Iterator[Case]) -> tuple[collections.Counter, list[str]]:
    """The verdicts of `calculate.answer`, with sympy, in both dtypes."""
    verdicts: collections.Counter = collections.Counter()
    odd = []
    for case in cases:
        for dtype in DTYPES:
            report = answer(Problem(case.expr, case.at, tuple(case.at), 1, "cpu", dtype, tuple(case.at)))
            question = Question(case, dtype)
            known = {judged.by: judged for judged in question.judged(question.run())}
            for partial in report.partials:
                verdicts[dtype, str(partial.verdict), partial.cause, partial.side] += 1
                by = partial.entries or partial.by
                defect = _defect(case, dtype, known[by]) if by in known else None
                if str(partial.verdict) not in EXPECTED and defect is None:
                    odd.append(f"{partial.verdict} {partial.cause} {partial.side} [{dtype}] {case}: {partial.why}")
    return verdicts, odd


# --------------------------------------------------------------------------------------------------------------- tables


def share(part: int, whole: int) -> str:
    """A percentage that is 0 % or 100 % only if it is."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    text = f"{percent:.1f}"
    if (text == "0.0" and part) or (text == "100.0" and part < whole):
        text = f"{percent:.3g}" if part else "0"
        text = "> 99.9" if part < whole and percent > 99.9 else "< 0.1" if percent < 0.1 else text
    return f"{text.removesuffix('.0')} %"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" for _ in head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


ALL = (OURS, *rules.RULES)


def alarm_table(usual: Alarms, hard: Alarms, caught: Caught) -> str:
    """False alarms and finds, one rule a line: ready for the README."""

    def alarmed(found: Alarms, rule: str) -> str:
        return " / ".join(share(found.refused[dtype, rule], found.compared[dtype]) for dtype in DTYPES)

    def finds(rule: str, eps: float) -> str:
        kind = "gradient times 1 + eps"
        return " / ".join(
            share(caught.by[kind, dtype, eps, rule], caught.reached[kind, dtype, eps]) if eps in EPSILONS[dtype] else "-"
            for dtype in DTYPES
        )

    sizes = (1e-1, 1e-3, 1e-6, 1e-9, 1e-12)
    head = ["rule", "false alarms, ordinary", "false alarms, ill-conditioned", *(f"finds 1 + {eps:.0e}" for eps in sizes)]
    rows = [[rule, alarmed(usual, rule), alarmed(hard, rule), *(finds(rule, eps) for eps in sizes)] for rule in ALL]
    return table(head, rows)


def kind_table(caught: Caught) -> str:
    """Finds by kind of fault, both dtypes together."""
    kinds = list(dict.fromkeys(kind for kind, _, _ in caught.reached))
    rows = []
    for kind in kinds:
        keys = [key for key in caught.reached if key[0] == kind]
        reached = sum(caught.reached[key] for key in keys)
        rows.append([kind, str(reached), *(share(sum(caught.by[(*key, rule)] for key in keys), reached) for rule in ALL)])
    return table(["fault", "reached the result", *ALL], rows)


def size_table(caught: Caught, kind: str) -> str:
    """Finds by size of a fault."""
    rows = []
    for dtype in DTYPES:
        for eps in EPSILONS[dtype]:
            reached = caught.reached[kind, dtype, eps]
            rows.append(
                [dtype, f"{eps:.0e}", str(reached), *(share(caught.by[kind, dtype, eps, rule], reached) for rule in ALL)]
            )
    return table([kind, "eps", "reached", *ALL], rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5000, help="expressions at a point for false alarms")
    parser.add_argument("--fault-pairs", type=int, default=1500, help="expressions at a point that get faults")
    parser.add_argument("--sympy", type=int, default=300, help="expressions at a point asked with sympy")
    parser.add_argument("--seed", type=int, default=None, help="a fresh one by default")
    parser.add_argument("--arrays", action="store_true", help="expressions of arrays")
    parser.add_argument("--quick", action="store_true", help="a twentieth of everything")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    scale = 20 if options.quick else 1
    print(f"seed {seed}, {options.pairs // scale} pairs")
    started = time.perf_counter()
    make = of_arrays if options.arrays else ordinary
    families = 0 if options.arrays else options.pairs // 4 // scale
    usual = alarms(islice(stream(make, seed), options.pairs // scale))
    beside = alarms(islice(stream(beside_a_seam, seed), families), others=False)
    hard = alarms(islice(stream(ill_conditioned, seed), families))
    second = alarms(islice(stream(make, seed + 1), options.pairs // 10 // scale), others=False, orders=(2,))
    caught = faults(islice(stream(make, seed + 2), options.fault_pairs // scale), random.Random(seed))
    wrong = formulas(islice(stream(make, seed + 3), options.sympy // scale), random.Random(seed))
    answers, odd_answers = whole_answers(islice(stream(make, seed + 4), options.sympy // scale))

    print("\n## False alarms and finds (float32 / float64)\n")
    print(alarm_table(usual, hard, caught))
    print("\n## Finds by kind of fault\n")
    print(kind_table(caught))
    for kind in ("gradient times 1 + eps", "kernel off by 1 + eps"):
        print(f"\n## By size: {kind}\n")
        print(size_table(caught, kind))
    print("\n## Faulty symbolic derivatives\n")
    print(table(["fault", "reached", "caught"], [[k, str(n), share(wrong.caught[k], n)] for k, n in wrong.reached.items()]))
    for title, found in (
        ("ordinary", usual),
        ("beside a seam", beside),
        ("ill-conditioned", hard),
        ("second derivatives", second),
    ):
        print(f"\n## Verdicts, unmodified torch, {title}\n")
        for key, count in sorted(found.verdicts.items(), key=str):
            print(f"    {count:6}  {' '.join(map(str, key))}")
        for defect, count in found.defects.items():
            print(f"    {count:6}  a fault of torch's own: {' '.join(defect)}")
    print(f"\n## Verdicts of whole answers: {dict(answers)}")
    print(f"\n## Verdicts under faults: {dict(caught.verdicts)}")
    print(f"\n## Silent faults: {len(caught.rounding)} in rounding alone, {sum(caught.silent.values())} altogether")
    allowed = collections.Counter()
    for (_, eps, name), count in caught.allowed.items():
        allowed[name, f"{eps:.0e}"] += count
    print(f"\n## Kernel faults within the kernel's bound, or without one: {dict(allowed)}")
    for title, lines in (
        ("to explain, ordinary", usual.odd), ("to explain, beside a seam", beside.odd), ("to explain, ill-conditioned", hard.odd),
        ("to explain, second derivatives", second.odd), ("to explain, whole answers", odd_answers),
        ("crashes", [*usual.crashes, *beside.crashes, *hard.crashes, *second.crashes]),
        ("escapes", caught.escapes), ("escapes of formulas", wrong.escapes), ("rounding alone", caught.rounding),
    ):  # fmt: skip
        print(f"\n## {title}: {len(lines)}\n")
        print("\n".join(lines[:60]))
    print(f"\n{time.perf_counter() - started:.0f} s")
    failed = usual.false + beside.false + hard.false + second.false + len(caught.escapes) + len(wrong.escapes)
    print(f"false alarms and escapes: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
