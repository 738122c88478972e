"""Formulas, points and references that nobody here wrote: read, differentiated exactly, and judged.

The corpora are JSON Lines in the folder that `GRADCALC_CORPORA` names, or in `../shared/corpora` beside the repository.  A
row has an expression, a point, and 50-digit references for the value and the partial derivatives (null where there is
none).  `benchmarks/corpora.py` judges all of them end to end; here it is a sample.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flint import ctx

from gradcalc.calculate.answer import answer
from gradcalc.engines.taylor.at_point import ExpressionAt
from gradcalc.engines.taylor.reals import OutOfPrecision, Real, ball, exact
from gradcalc.errors import CalcError
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Node, names_in
from gradcalc.functions.derivation import derive
from gradcalc.functions.resolve import understand
from gradcalc.proof.smoothness.differentiability import Regularity, Side, examine, value_of
from gradcalc.proof.smoothness.kinds import Kind
from gradcalc.report import Partial, Problem, Verdict

FOLDER = Path(os.environ.get("GRADCALC_CORPORA") or Path(__file__).resolve().parents[3] / "shared" / "corpora")
pytestmark = [pytest.mark.corpora, pytest.mark.slow]
if not any(FOLDER.glob("*.jsonl")):
    pytest.skip(f"there are no corpora in {FOLDER}: GRADCALC_CORPORA may name their folder", allow_module_level=True)

Row = Mapping[str, Any]


def read(path: Path) -> list[Row]:
    """The rows of a corpus; numbers keep their decimal text."""
    return [json.loads(line, parse_float=str, parse_int=str) for line in path.read_text(encoding="utf-8").splitlines()]


ROWS = [{**row, "corpus": path.stem} for path in sorted(FOLDER.glob("*.jsonl")) for row in read(path) if "vars" in row]
GOTCHAS = [row for path in sorted(FOLDER.glob("*.jsonl")) for row in read(path) if "want" in row]
BY_ID = {row["id"]: row for row in ROWS}
every_row = pytest.mark.parametrize("name", BY_ID)


@cache
def site(name: str) -> ExpressionAt:
    row = BY_ID[name]
    return ExpressionAt(
        understand(row["expr"], row["vars"]), {variable: Fraction(row["point"][variable]) for variable in row["vars"]}
    )


def wanted(row: Row) -> list[str]:
    return [row["wrt"]] if isinstance(row["wrt"], str) else list(row["wrt"])


_NOTHING = Fraction(1, 10**450)
"""References of zeros were measured: what is below this is zero on either side."""


def equal(found: Real | None, reference: str, digits: int = 20) -> bool:
    """Whether an enclosure is a reference to so many digits."""
    if found is None:
        return False
    truth = exact(Fraction(reference))
    with ctx.workprec(256):
        gap = abs(ball(found) - truth)
        return bool(gap <= abs(ball(truth)) * exact(Fraction(1, 10**digits))) or bool(gap < exact(_NOTHING))


# ----------------------------------------------------------------------------------------------------------------- read


@every_row
def test_expressions_are_read_and_written(name: str) -> None:
    row = BY_ID[name]
    tree = site(name).tree
    assert set(names_in(tree)) <= set(row["vars"])
    assert understand(unparse(tree), row["vars"]) == tree


_OTHER_LANGUAGES = {"Mathematica", "derivatives.yaml entry", "sympy assert", "C#"}
RAW = [row["id"] for row in ROWS if row.get("raw_syntax") and row["raw_syntax"] not in _OTHER_LANGUAGES]


@pytest.mark.parametrize("name", RAW)
def test_what_people_type_means_what_it_should(name: str) -> None:
    """The text as its source writes it (`^`, implicit products, `ln`) is refused, or has the value of the row."""
    row = BY_ID[name]
    try:
        tree = understand(row["expr_raw"], row["vars"])
    except CalcError:
        return
    found = value_of(ExpressionAt(tree, {variable: Fraction(row["point"][variable]) for variable in row["vars"]}))
    expected = value_of(site(name))
    assert (found is None) == (expected is None)
    with ctx.workprec(256):
        assert found is None or ball(found).overlaps(ball(expected))


def test_most_of_what_people_type_is_understood() -> None:
    def is_understood(row: Row) -> bool:
        try:
            return bool(understand(row["expr_raw"], row["vars"]))
        except CalcError:
            return False

    understood = sum(is_understood(BY_ID[name]) for name in RAW)
    assert understood >= 0.9 * len(RAW)


# ------------------------------------------------------------------------------------------------ differentiated exactly

# Where the reference is doubtful or out of reach: the row, the variable, and what is wrong.
DEVIATIONS = {
    ("rubi-0742-edge", "x"): "the slope from the right, said to be infinite, oscillates: tan(log(x)) near 0",
    ("rubi-0197-edge", "x"): "the slope of x*exp(1 + 1/log(x)) at 0, said to be infinite, is approached like a logarithm",
    ("herbie-0516", "y"): "a sum of a zero and 10**-2.5e10: not told from zero within the limits of precision",
}  # fmt: skip


@every_row
def test_values_and_derivatives(name: str) -> None:
    row = BY_ID[name]
    if row.get("value") is not None:
        assert equal(value_of(site(name)), row["value"])
    for variable in wanted(row):
        try:
            found = examine(site(name), [variable] * int(row.get("order", 1)))
        except OutOfPrecision:
            assert (name, variable) in DEVIATIONS
            continue
        reference = row["ref"].get(variable)
        if reference is not None:
            assert equal(found.derivative, reference), (variable, found.kind, found.derivative)
        elif (name, variable) not in DEVIATIONS:
            assert_none(found, row.get("edge", {}).get(variable, {}))


def assert_none(found: Regularity, edge: Mapping[str, str]) -> None:
    """There is no derivative, and what there is on the two sides is what the reference has."""
    assert found.derivative is None
    assert is_side(found.left, edge.get("left")), found.left
    assert is_side(found.right, edge.get("right")), found.right


def is_side(found: Side, reference: str | None) -> bool:
    if reference in (None, "undefined", "nolimit"):
        return found is None
    if reference.lstrip("+-") == "inf":
        return found == float(reference)
    return not isinstance(found, float) and equal(found, reference, 15)


@pytest.mark.parametrize("name", [row["id"] for row in ROWS if row.get("hessian")])
def test_hessians(name: str) -> None:
    for pair, reference in BY_ID[name]["hessian"].items():
        assert equal(examine(site(name), pair.split(",")).derivative, reference), pair


# ---------------------------------------------------------------------------------------------------------------- judged

SAMPLE = sorted(BY_ID)[:: max(len(BY_ID) // 150, 1)]


def complaints(row: Row, partial: Partial, dtype: str) -> list[str]:
    """What a partial of a report says that its reference does not."""
    found = []
    reference = row["ref"].get(partial.by[0])
    if reference is None:
        if partial.verdict is Verdict.AGREE:
            found.append("agrees where there is no derivative")
        if partial.symbolic is not None:
            found.append("has a derivative where there is none")
    elif partial.symbolic is None or not equal(exact(Fraction(partial.symbolic)), reference, 19):
        found.append("is not the reference to 20 digits")
    if partial.verdict is Verdict.DISAGREE:
        found.append("disagrees")
    measured = str(row.get("ad64_relerr", "none"))
    well_conditioned = not measured[:1].isalpha() and float(measured) < 1e-9
    if dtype == "float64" and row["kind"] == "regular" and well_conditioned and partial.verdict is not Verdict.AGREE:
        found.append("does not agree though nothing is the matter")
    return found


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "float64") for name in SAMPLE), *((name, "float32") for name in SAMPLE[::3])]
)
def test_a_sample_is_judged(name: str, dtype: str) -> None:
    row = BY_ID[name]
    at = {variable: row["point"][variable] for variable in row["vars"]}
    report = answer(Problem(row["expr"], at, tuple(wanted(row)), int(row.get("order", 1)), "cpu", dtype, tuple(row["vars"])))
    for partial in report.partials:
        if len(set(partial.by)) == 1:
            assert complaints(row, partial, dtype) == [], (partial.by, partial.verdict, partial.cause, partial.why)


# What the catalogue asks for and the program does not give (yet).
_NOT_YET: dict[tuple[str, str], str] = {}


def expressible() -> list[Any]:
    """The gotchas that have an expression of scalars, a point and a wanted verdict, once for each dtype."""
    found = []
    for row in GOTCHAS:
        for dtype, verdict in row["verdict"].items():
            if dtype not in ("float32", "float64"):
                continue
            marks = (
                pytest.mark.xfail(strict=True, reason=_NOT_YET[row["id"], dtype]) if (row["id"], dtype) in _NOT_YET else ()
            )
            found.append(pytest.param(row, dtype, verdict, id=f"{row['id']}-{dtype}", marks=marks))
    return found


@pytest.mark.parametrize(("row", "dtype", "verdict"), expressible())
def test_gotchas(row: Row, dtype: str, verdict: str) -> None:
    expr, _, by = row["expr"].partition(" d/d")
    tree: Node = understand(expr)
    point = [text.strip() for text in row["point"].split(",")]
    at = dict(zip(names_in(tree), point, strict=True))
    report = answer(Problem(expr, at, (by.split()[0],) if by else (), 1, "cpu", dtype))
    assert report.partials[0].verdict == verdict, (report.partials[0].cause, report.partials[0].why)


# ------------------------------------------------------------------------------------------------------------ by hand


@pytest.mark.parametrize("name", [name for place, name in enumerate(BY_ID) if place % 8 == 1])
def test_derivations_lead_to_the_derivative(name: str) -> None:
    row = BY_ID[name]
    at = site(name)
    for variable in wanted(row):
        reference = row["ref"].get(variable)
        if reference is None:
            continue
        (whole, *_) = derive(at.tree, variable)
        values = {each: Fraction(row["point"][each]) for each in row["vars"]}
        found = value_of(ExpressionAt(whole.derivative, values))
        if row["kind"] != "regular" and (found is None or examine(at, [variable]).kind is Kind.DIFFERENTIABLE):
            continue  # 0/0 in the last line, or a seam, where the expression has a slope all the same
        assert equal(found, reference), unparse(whole.derivative)


# ---------------------------------------------------------------------------------------------------- public bug reports

_REPORTS = FOLDER.parent / "reports.jsonl"
REPORTS = [json.loads(line) for line in _REPORTS.read_text().splitlines()] if _REPORTS.exists() else []
_OTHER_KINDS = {"e7"}
"""Rows that are no single expression."""


def questions() -> list[Row]:
    """The reports about the derivative of an expression at a point."""
    return [row for row in REPORTS if row["at"] is not None and row["id"] not in _OTHER_KINDS]


@pytest.mark.parametrize("row", questions(), ids=lambda row: row["id"])
def test_reports(row: Row) -> None:
    """What the report calls right is said, or the question is refused, where it is of a function that there is not."""
    at = {name: json.dumps(value) if isinstance(value, list) else str(value) for name, value in row["at"].items()}
    options = row["options"]
    try:
        problem = Problem(row["expr"], at, tuple(options.get("by", ())), options.get("order", 1), "cpu", row["dtype"])
        report = answer(problem)
    except CalcError:
        assert "refused" in row["state"] or row["state"].startswith("falls short")
        return
    numbers = [partial.autograd for partial in report.partials]
    if row.get("verdict") is not None:
        lost = any(number is not None and not math.isfinite(number) for number in numbers)
        # By the present rule an artifact is a finite number.
        assert report.verdict == ("not-finite" if row["verdict"] == "artifact" and lost else row["verdict"])
    known = {partial.symbolic for partial in report.partials} | {partial.reference for partial in report.partials}
    right = re.fullmatch(r"-?[0-9.]+(e[-+]?[0-9]+)?", row["right"])
    if right and len(report.partials) == 1 and known != {None}:
        assert any(text is not None and math.isclose(float(text), float(row["right"]), rel_tol=1e-9) for text in known)
