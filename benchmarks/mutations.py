"""Would a wrong row of our own tables show?  Every row is made wrong, in memory, in every way a typist could.

    python benchmarks/mutations.py [--list]

Mutants of `proof/floats/aten_elementwise.py` (what an aten operation means), of the function table (what a function means,
and which torch function computes it) and of the formulas on arrays that stand for some meanings: sign, factor 2, factor
1 + 1e-6, first argument off by one, first two arguments exchanged, and the first argument returned as the result.  A mutant
is caught if some case that was `agree` no longer is, or if a formula on arrays no longer is what its row means: the reference
takes the formula.  What all witnesses share (definitions, defaults, constants) no verdict can catch: it is compared with
mpmath and with torch.

Exits with 1 if a mutant survives that is not equivalent to the row.
"""

from __future__ import annotations

import argparse
import collections
import functools
import itertools
import random
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import _support  # noqa: F401  puts the next ones on the path
import mpmath
import torch
from flint import arb, arb_series, fmpq
from support.array_formulas import is_the_meaning
from support.expressions import LITERALS, Case
from support.judging import Question

from gradcalc.engines.autograd.run import Run
from gradcalc.engines.taylor.array_steps import Flat
from gradcalc.engines.taylor.entrywise import FORMULAS, Expansion, Factors, Formula
from gradcalc.engines.taylor.jets import Jet
from gradcalc.functions import TABLE, Function
from gradcalc.functions.resolve import understand
from gradcalc.proof.evidence import ReplayedTrace
from gradcalc.proof.floats import aten_elementwise
from gradcalc.proof.floats.arithmetic import Value

KINDS = ("sign", "factor 2", "factor 1 + 1e-6", "off by one", "exchanged", "first argument")
NEEDED = {"off by one": 1, "exchanged": 2, "first argument": 1}
"""How many arguments that are numbers a kind of mutation needs."""
_SHADE = 1 + 2**-20

SYMMETRIC = {
    "+", "*", "hypot", "max", "min", "maximum", "minimum", "logaddexp", "logaddexp2", "beta", "and", "or", "==", "!=",
    "clamp", "hardtanh",
    "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "soft_margin_loss", "gaussian_nll_loss",
}  # fmt: skip
"""Functions whose first two arguments may be exchanged (clamp and hardtanh: between the bounds, x and the lower one)."""


# ------------------------------------------------------------------------------------------------------------- the battery


@dataclass(frozen=True)
class Asked:
    """A case that torch passes: its run, and the partials that agree."""

    question: Question
    run: Run
    names: frozenset[str]
    """The operations of its program."""


_ANYWHERE = (-4.0, 4.0)
_NEAR = (-1.2, 1.2)
_EDGED = ("edge", "pole", "undefined", "vertical")


def calls(row: Function, chance: random.Random) -> Iterator[Case]:
    """Calls of one function with a variable for each argument, on every side of its seams."""
    letters = iter("xyzuvw")
    args: list[str] = []
    spans: dict[str, tuple[float, float]] = {}
    for place, parameter in enumerate(row.parameters):
        low, high = row.sample[place] if place < len(row.sample) else (1.5, 4.0)
        if place in LITERALS.get(row.name, {}):
            args.append(LITERALS[row.name][place][2 if row.name == "polygamma" else 0])
        elif parameter.setting:
            args.append(parameter.default or f"{(low + high) / 2:.3g}")
        elif place in row.boolean_args:
            args.append("0.1 < x + y" if row.name == "where" else f"{(name := next(letters))} < 0.3")
            if row.name != "where":
                spans[name] = _ANYWHERE
        else:
            name = next(letters)
            args.append(name)
            spans[name] = (low, high)
    wide = not any(word in row.singular for word in _EDGED) and row.group not in ("losses", "special functions")
    call = _call(row, args)
    # A gradient that is not 1 arrives at the call; by another operator than its own.
    expr = f"{call}/0.7" if row.name == "*" else f"1.7*{call}"
    for place in range(14 if wide else 8):
        at = {}
        for name, (low, high) in spans.items():
            span = (low, high) if place < 3 or not wide else _NEAR if place < 8 else _ANYWHERE
            at[name] = f"{chance.uniform(*span):.4f}"
        yield Case(expr, at)


def _call(row: Function, args: Sequence[str]) -> str:
    if row.condition:
        condition = f"not {args[0]}" if row.name == "not" else f"{args[0]} {row.name} {args[1]}"
        return f"where({condition}, x**2, sin(x))"
    if row.name == "neg":
        return f"(-{args[0]})"
    return f"{row.name}({', '.join(args)})" if row.name.isidentifier() else f"({args[0]} {row.name} {args[1]})"


SPELLINGS = (
    "x**2", "x**3", "x**-1", "x**2.5", "2**x", "x**y", "x**0.5", "2 - x", "2/x", "x/2", "x - 2*y", "x*x - x", "log(x, 2)", "log(x, y)",
    "max(x, y, 1)", "clamp(x, -1, 1)", "clamp(x, y, 3)", "leaky_relu(x, 0.2)", "elu(x, 1.3)", "celu(x, 1.5)", "softplus(x, 2)",
    "softplus(x, 2, 1)", "huber_loss(x, y, 0.3)", "smooth_l1_loss(x, y, 0.3)", "hardtanh(x, -0.5, 2)", "where(x < 1, x**2, 2*x - y)",
    "where(x >= y and not x == 3, x*y, exp(x))", "softshrink(x, 0.2)", "hardshrink(x, 0.2)", "threshold(x, 0.2, 5)",
    "polygamma(2, x)", "besseli(1, x)", "soft_margin_loss(x, -1)", "margin_ranking_loss(x, y, -1, 0.2)", "prelu(x, y)",
)  # fmt: skip


def battery(
    seed: int = 1,
    names: Collection[str] | None = None,
    asked: Sequence[tuple[str, int]] = (("float64", 1), ("float64", 2), ("float32", 1)),
) -> dict[str, list[Asked]]:
    """Cases that agree, by the name of the function they are about; other spellings are under an empty name.

    `names` are the functions, all by default; `asked` are dtypes and orders.
    """
    chance = random.Random(seed)
    found: dict[str, list[Asked]] = collections.defaultdict(list)
    cases = [(row.name, case) for row in _rows() if names is None or row.name in names for case in calls(row, chance)]
    for expr in SPELLINGS if names is None else ():
        for _ in range(6):
            at = {name: f"{chance.uniform(0.2, 2.5) * chance.choice((1, 1, -1)):.4f}" for name in "xy" if name in expr}
            cases.append(("", Case(f"1.3*({expr})", at)))
    for name, case in cases:
        found[name] += filter(None, (_asked(case, dtype, order) for dtype, order in asked))
    return found


def _asked(case: Case, dtype: str, order: int) -> Asked | None:
    question = Question(case, dtype, order)
    run = question.run()
    if run.program is None or run.unrepresentable or run.lost_literals or not _all_agree(question, run):
        return None
    return Asked(
        question, run, frozenset(aten_elementwise.base_name(operation.name) for operation in run.program.operations)
    )


def _all_agree(question: Question, run: Run) -> bool:
    return all(judged.verdict == "agree" for judged in question.judged(run))


def _rows() -> list[Function]:
    return [row for row in TABLE.values() if row.elementwise and row.signature and (row.torch is not None or row.definition)]


# -------------------------------------------------------------------------------------------- mutants of the semantics


@dataclass(frozen=True)
class Mutant:
    """A wrong row."""

    table: str
    name: str
    kind: str


@dataclass
class Outcome:
    """What became of all mutants."""

    caught: list[Mutant]
    survived: list[Mutant]
    unreached: list[Mutant]
    """Rows that no case of the battery uses."""
    equivalent: list[Mutant]


def of_a_meaning(meaning: Callable[..., Any], kind: str, applied: list[str]) -> Callable[..., Any]:
    """A row of the semantics, made wrong; `applied` grows each time it is."""

    @functools.wraps(meaning)
    def wrong(m: Any, *args: Any, **options: Any) -> Any:
        given = list(args)
        places = [place for place, arg in enumerate(given) if isinstance(arg, Value)]
        if len(places) < NEEDED.get(kind, 0):
            return meaning(m, *args, **options)
        applied.append(kind)
        if kind == "off by one":
            first = given[places[0]]
            moved = first.float + 1 if isinstance(first.float, float) else first.float
            given[places[0]] = Value(first.ball + 1, m, moved)
        if kind == "exchanged":
            given[places[0]], given[places[1]] = given[places[1]], given[places[0]]
        if kind == "first argument":
            return _mapped(meaning(m, *args, **options), lambda _: args[places[0]])
        result = meaning(m, *given, **options)
        if kind == "sign":
            return _mapped(result, lambda value: Value(-value.ball, m))
        if kind in ("factor 2", "factor 1 + 1e-6"):
            factor = 2 if kind == "factor 2" else m.value(_SHADE).ball
            return _mapped(result, lambda value: Value(value.ball * factor, m))
        return result

    return wrong


def _mapped(result: Any, change: Callable[[Value], Value]) -> Any:
    return tuple(map(change, result)) if isinstance(result, tuple) else change(result)


@contextmanager
def replaced(table: dict[str, Any], name: str, entry: Any) -> Iterator[None]:
    """A table with one entry changed."""
    before = table[name]
    table[name] = entry
    try:
        yield
    finally:
        table[name] = before


def semantic_mutants(cases: dict[str, list[Asked]], names: Sequence[str] | None = None) -> Outcome:
    """Every row of the semantics, wrong in every way."""
    outcome = Outcome([], [], [], [])
    everything = [asked for some in cases.values() for asked in some]
    for name in names or tuple(aten_elementwise.MEANINGS):
        using = [asked for asked in everything if name in asked.names]
        for kind in KINDS:
            mutant = Mutant("semantics", name, kind)
            if not using:
                outcome.unreached.append(mutant)
                continue
            applied: list[str] = []
            with replaced(aten_elementwise.MEANINGS, name, of_a_meaning(aten_elementwise.MEANINGS[name], kind, applied)):
                shown = any(_shows(asked) for asked in using)
            if shown:
                outcome.caught.append(mutant)
            elif not applied:
                continue
            elif _no_change(name, kind, using):
                outcome.equivalent.append(mutant)
            else:
                outcome.survived.append(mutant)
    return outcome


def _shows(asked: Asked) -> bool:
    """Whether a case that agreed no longer does, its run being the same."""
    return not _all_agree(asked.question, asked.run)


def _no_change(name: str, kind: str, using: Sequence[Asked]) -> bool:
    """Whether a mutant gives the very results of the row on all operations of the battery."""
    wrong = of_a_meaning(aten_elementwise.MEANINGS[name], kind, [])
    with replaced(aten_elementwise.MEANINGS, name, wrong):
        mutated = [_results(asked) for asked in using]
    return mutated == [_results(asked) for asked in using]


def _results(asked: Asked) -> list[str]:
    traced = ReplayedTrace(asked.run, asked.question.form, "cpu")
    replayed = traced.replay_at(256)
    keys = dict.fromkeys(cell.key for operation in traced.program.operations for cell in operation.results)
    return [str(ball if isinstance(ball, arb) else ball.operation) for ball in map(replayed.ball, keys)]


# ---------------------------------------------------------------------------------------- mutants of the function table


def of_a_builder(builder: Callable[..., Any], kind: str, condition: bool, applied: list[str]) -> Callable[..., Any]:
    """A column of a row of the function table, made wrong; `applied` grows each time it is."""

    def wrong(engine: Any, *args: Any) -> Any:
        given = list(args)
        places = [place for place, arg in enumerate(given) if _is_number(arg)]
        if len(places) < NEEDED.get(kind, 0):
            return builder(engine, *args)
        applied.append(kind)
        if kind == "off by one":
            given[places[0]] = given[places[0]] + 1
        if kind == "exchanged":
            given[places[0]], given[places[1]] = given[places[1]], given[places[0]]
        if kind == "first argument":
            return args[places[0]]
        result = builder(engine, *given)
        if condition:
            return _opposite(engine, result) if kind == "sign" else result
        return {"sign": lambda: -result, "factor 2": lambda: result * 2, "factor 1 + 1e-6": lambda: _shaded(result)}.get(
            kind, lambda: result
        )()

    return wrong


def _is_number(arg: Any) -> bool:
    return arg.is_floating_point() if isinstance(arg, torch.Tensor) else isinstance(arg, (Jet, arb_series))


def _opposite(engine: Any, result: Any) -> Any:
    return torch.logical_not(result) if isinstance(result, torch.Tensor) else engine.opposite(result)


def _shaded(result: Any) -> Any:
    if isinstance(result, (Jet, arb_series)):
        factor = fmpq(2**20 + 1, 2**20)
        return result * (Jet.literal(factor) if isinstance(result, Jet) else arb(factor))
    return result * _SHADE


def of_a_formula(formula: Formula, kind: str, applied: list[str]) -> Formula:
    """A formula on arrays, made wrong, with its derivatives; `applied` grows each time it is."""
    factor = {"sign": fmpq(-1), "factor 2": fmpq(2), "factor 1 + 1e-6": fmpq(2**20 + 1, 2**20)}.get(kind, fmpq(1))

    def wrong(columns: Sequence[Flat], moving: Sequence[int], order: int) -> Expansion | None:
        given = list(columns)
        if len(given) < NEEDED.get(kind, 0):
            return formula(columns, moving, order)
        applied.append(kind)
        if kind == "first argument":
            return Expansion(given[0], [1 if spot == 0 and moving else None for spot in range(len(given))], {})
        if kind == "off by one":
            given[0] = [number + 1 for number in given[0]]
        if kind == "exchanged":
            return _exchanged(formula(given[1::-1], [1 - spot for spot in moving], order))
        result = formula(given, moving, order)
        return result and _times(result, factor)

    return wrong


def _exchanged(expansion: Expansion | None) -> Expansion | None:
    if expansion is None:
        return None
    curvatures = {(1 - j, 1 - i): factors for (i, j), factors in expansion.curvatures.items()}
    return Expansion(expansion.values, expansion.slopes[::-1], curvatures)


def _times(expansion: Expansion, factor: fmpq) -> Expansion:
    size = len(expansion.values)

    def times(factors: Factors) -> Flat:
        return [number * factor for number in ([fmpq(factors)] * size if isinstance(factors, int) else factors)]

    slopes = [factors if factors is None else times(factors) for factors in expansion.slopes]
    return Expansion(times(expansion.values), slopes, {pair: times(by) for pair, by in expansion.curvatures.items()})


def table_mutants(cases: dict[str, list[Asked]], names: Sequence[str] | None = None) -> Outcome:
    """All columns of every row of the function table, wrong in every way."""
    outcome = Outcome([], [], [], [])
    rows = [row for row in _rows() if row.definition is None and (names is None or row.name in names)]
    for row in rows:
        for column, kind in itertools.product(("meaning", "torch", "formula"), KINDS):
            if (row.condition and kind not in ("sign", "exchanged")) or (column == "formula" and row.name not in FORMULAS):
                continue
            mutant = Mutant(column, row.name, kind)
            applied: list[str] = []
            if not cases.get(row.name):
                outcome.unreached.append(mutant)
                continue
            with _planted(row, mutant, applied):
                shown = any(_differs(asked) for asked in cases[row.name]) or _is_other_formula(row.name)
            if shown:
                outcome.caught.append(mutant)
            elif not applied:
                continue
            elif kind == "exchanged" and row.name in SYMMETRIC:
                outcome.equivalent.append(mutant)
            else:
                outcome.survived.append(mutant)
    return outcome


@contextmanager
def _planted(row: Function, mutant: Mutant, applied: list[str]) -> Iterator[None]:
    """A column of a row, made wrong."""
    if mutant.table == "formula":
        with replaced(cast("dict[str, Any]", FORMULAS), row.name, of_a_formula(FORMULAS[row.name], mutant.kind, applied)):
            yield
        return
    wrong = of_a_builder(getattr(row, mutant.table), mutant.kind, row.condition, applied)
    with replaced(TABLE, row.name, replace(row, **{mutant.table: wrong})):
        yield


def _is_other_formula(name: str) -> bool:
    """Whether a formula on arrays is not what the row means."""
    return name in FORMULAS and not is_the_meaning(name)


def _differs(asked: Asked) -> bool:
    """Whether a case that agreed no longer does, asked anew."""
    question = Question(asked.question.case, asked.question.dtype, len(asked.question.bys[0]))
    try:
        return not _all_agree(question, question.run())
    except Exception:  # whatever a wrong row breaks: it shows
        return True


# ------------------------------------------------------------------------------------------ what all witnesses share

_mp = mpmath.mp

MEANT: dict[str, Callable[..., Any]] = {
    "exp10": lambda x: _mp.mpf(10) ** x,
    "fma": lambda x, y, z: x * y + z,
    "deg2rad": mpmath.radians,
    "rad2deg": mpmath.degrees,
    "trigamma": lambda x: mpmath.polygamma(1, x),
    "besselj0": lambda x: mpmath.besselj(0, x),
    "besselj1": lambda x: mpmath.besselj(1, x),
    "bessely0": lambda x: mpmath.bessely(0, x),
    "bessely1": lambda x: mpmath.bessely(1, x),
    "besseli0": lambda x: mpmath.besseli(0, x),
    "besseli1": lambda x: mpmath.besseli(1, x),
    "besselk0": lambda x: mpmath.besselk(0, x),
    "besselk1": lambda x: mpmath.besselk(1, x),
}
"""What the rows with a definition mean."""

CONSTANTS: dict[str, Callable[[], Any]] = {"pi": lambda: +_mp.pi, "e": lambda: +_mp.e, "tau": lambda: 2 * _mp.pi}

SETTINGS_OF = {
    "leaky_relu",
    "elu",
    "celu",
    "softplus",
    "softshrink",
    "hardshrink",
    "hardtanh",
    "smooth_l1_loss",
    "huber_loss",
    "margin_ranking_loss",
}


def definitions_hold() -> list[str]:
    """Rows whose definition, constant or default is not what mpmath or torch has: their names."""
    from gradcalc.engines.taylor.at_point import ExpressionAt
    from gradcalc.engines.taylor.reals import decimal
    from gradcalc.proof.smoothness.differentiability import value_of

    wrong = []
    with _mp.workdps(30):
        for row in TABLE.values():
            if row.definition is not None:
                point = [1.3, 0.7, -0.4][: len(row.parameters)]
                expr = f"{row.name}({', '.join(map(str, point))})"
                value = value_of(ExpressionAt(understand(expr), {}))
                meant = MEANT[row.name](*map(mpmath.mpf, map(str, point)))
                if value is None or abs(mpmath.mpf(decimal(value)) - meant) > abs(meant) * mpmath.mpf("1e-18"):
                    wrong.append(row.name)
        for name, constant in CONSTANTS.items():
            value = value_of(ExpressionAt(understand(name), {}))
            held = TABLE[name].torch(torch)  # type: ignore[misc]
            if (
                value is None
                or abs(mpmath.mpf(decimal(value)) - constant()) > mpmath.mpf("1e-18")
                or held != float(constant())
            ):
                wrong.append(name)
    return wrong + [name for name in sorted(SETTINGS_OF) if not _default_holds(name)]


def _default_holds(name: str) -> bool:
    """Whether a function called without settings is torch's own without settings."""
    row = TABLE[name]
    own = getattr(torch.nn.functional, name)
    tensors = sum(not part.setting for part in row.parameters)
    chance = random.Random(name)
    for _ in range(20):
        args = [torch.tensor(chance.uniform(-3, 3), dtype=torch.float64) for _ in range(tensors)]
        if name == "softplus":
            args = [torch.tensor(chance.uniform(15, 30), dtype=torch.float64)]
        settings = [float(part.default or "nan") for part in row.parameters if part.setting]
        options = {"reduction": "none"} if row.group == "losses" else {}
        ours = row.torch(torch, *args, *settings)  # type: ignore[misc]
        if not torch.equal(ours, own(*args, **options)):
            return False
    return True


def shared_mutants() -> Outcome:
    """Definitions, constants and defaults, wrong by one."""
    outcome = Outcome([], [], [], [])

    def tried(name: str, kind: str, entry: Function) -> None:
        mutant = Mutant("shared", name, kind)
        with replaced(TABLE, name, entry):
            (outcome.caught if name in definitions_hold() else outcome.survived).append(mutant)

    for name, row in list(TABLE.items()):
        if row.definition is not None:
            tried(name, "sign", replace(row, definition=f"-({row.definition})"))
            tried(name, "factor 1 + 1e-6", replace(row, definition=f"1.000001*({row.definition})"))
    for name in CONSTANTS:
        held = TABLE[name].torch(torch)  # type: ignore[misc]
        tried(name, "rounded to 3.14", replace(TABLE[name], torch=lambda t, held=held: round(held, 2)))
        tried(name, "meaning twice", replace(TABLE[name], meaning=lambda m, f=TABLE[name].meaning: f(m) * 2))
    for name in sorted(SETTINGS_OF):
        row = TABLE[name]
        for part in row.parameters:
            if part.setting:
                other = f"{float(part.default or 0) + 0.5:g}"
                tried(
                    name,
                    f"{part.name}={other}",
                    replace(row, signature=row.signature.replace(f"{part.name}={part.default}", f"{part.name}={other}")),
                )
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print caught mutants too")
    options = parser.parse_args()
    cases = battery()
    print(f"{sum(map(len, cases.values()))} cases agree, {len(cases)} functions")
    missing = [row.name for row in _rows() if not cases.get(row.name)]
    print(f"functions without a case: {missing or 'none'}")
    print(f"definitions that do not hold: {definitions_hold() or 'none'}")
    print("\n| table | mutants | caught | equivalent | no case uses the row | survived |\n|---|---|---|---|---|---|")
    survived = []
    for title, outcome in (
        ("meaning of aten operations", semantic_mutants(cases)),
        ("function table", table_mutants(cases)),
        ("definitions, constants, defaults", shared_mutants()),
    ):
        parts = [outcome.caught, outcome.equivalent, outcome.unreached, outcome.survived]
        print(f"| {title} | {sum(map(len, parts))} | " + " | ".join(str(len(part)) for part in parts) + " |")
        survived += outcome.survived
        for label, mutants in (
            ("no case", outcome.unreached),
            ("equivalent", outcome.equivalent),
            ("SURVIVED", outcome.survived),
        ):
            by_name: dict[str, list[str]] = collections.defaultdict(list)
            for mutant in mutants:
                by_name[f"{mutant.table} {mutant.name}"].append(mutant.kind)
            for name, kinds in by_name.items():
                print(f"<!-- {label}: {name}: {', '.join(kinds)} -->")
        if options.list:
            print("\n".join(f"caught: {mutant}" for mutant in outcome.caught))
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
