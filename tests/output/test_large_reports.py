"""Reports of large arrays: formats for programs write every partial, those for people make only what they show."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Sequence

import pytest

from gradcalc.output.formats import FORMATS
from gradcalc.output.options import RenderOptions
from gradcalc.report import LazyPartials, Partial, Report, Value, Verdict, singular_partials, verdict_counts

SIZE = 5_000
ODD = {7: Verdict.INACCURATE, 4_000: Verdict.INACCURATE}


def partial(number: int) -> Partial:
    verdict = ODD.get(number, Verdict.AGREE)
    return Partial(
        ("x",), None, None, symbolic=f"{number}.5", reference=f"{number}.5", autograd=number + 0.5, verdict=verdict,
        digits=15.9, ulps=0.0, why=f"reason {number}", proof={"evidence": "proven"}, index=(number,), entries=(f"x[{number}]",),
    )  # fmt: skip


class Maker:
    """Counts the partials that are made."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def __call__(self, number: int) -> Partial:
        self.numbers.append(number)
        return partial(number)


def report(make: Maker) -> Report:
    counts = {Verdict.AGREE: SIZE - 2, Verdict.INACCURATE: 2}
    partials = LazyPartials(SIZE, counts, make, {number: partial(number) for number in ODD})
    return Report(
        "sum(x**2)", "sum(x**2)", 1, {"x": "array of shape (5000,)"}, {"x": [0.0] * SIZE}, "float64", "cpu",
        Value("1", 1.0), partials, Verdict.INACCURATE, {"gradcalc": "1"}, "f",
    )  # fmt: skip


def text(format: str, reports: Sequence[Report], **options: object) -> str:
    return "".join(FORMATS[format](reports, RenderOptions(**options)))  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["table", "latex", "html"])
def test_people_see_the_first_partials_and_the_odd_ones(format: str) -> None:
    make = Maker()
    page = text(format, [report(make)])
    assert set(make.numbers) <= set(range(500))
    if format == "table":
        assert f"({SIZE} partial derivatives: {SIZE - 2} agree, 2 inaccurate)" in page
        assert f"12 of {SIZE} partial derivatives are shown" in page
        assert "reason 4000" in page
    if format == "latex":
        assert rf"\vdots & \text{{{SIZE - 12} more}}" in page


def test_programs_get_every_partial() -> None:
    lines = text("plain", [report(Maker())]).splitlines()
    assert len(lines) == SIZE
    header, row = csv.reader(text("csv", [report(Maker())]).splitlines())
    cells = dict(zip(header, row, strict=True))
    assert cells["d/dx[4999]"] == "4999.5"
    assert cells["exact d/dx[0]"] == "0.5"
    assert (cells["verdict"], len(header)) == ("inaccurate", 5 + 2 * SIZE)


def test_json_is_written_in_parts_and_is_one_object_a_line() -> None:
    trap = 'a "partials": [] in a text'
    one = report(Maker())
    parts = list(FORMATS["json"]([one, one], RenderOptions()))
    assert max(map(len, parts)) < 100_000
    first, second = "".join(parts).splitlines()
    assert first == second == one.to_json()
    strange = Report(**{**{name: getattr(one, name) for name in one.__dataclass_fields__}, "expr": trap})
    assert json.loads(text("json", [strange]))["expr"] == trap
    assert len(json.loads(text("json", [strange]))["partials"]) == SIZE


def test_partials_are_a_sequence() -> None:
    make = Maker()
    partials = report(make).partials
    assert (len(partials), partials[-1], partials[2:4]) == (SIZE, partial(SIZE - 1), [partial(2), partial(3)])
    assert make.numbers == [SIZE - 1, 2, 3]
    with pytest.raises(IndexError):
        partials[SIZE]
    assert pickle.loads(pickle.dumps(partials))[5] == partial(5)
    assert verdict_counts(partials) == {Verdict.AGREE: SIZE - 2, Verdict.INACCURATE: 2}
    assert [it.index for it in singular_partials(partials)] == [(7,), (4_000,)]
    assert report(make).verdicts == (Verdict.AGREE, Verdict.INACCURATE, Verdict.INACCURATE)
