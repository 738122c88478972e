"""Pieces of the output: numbers, records, pages; and the shared options."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from gradcalc.commands.presentation import Presentation
from gradcalc.commands.settings import Settings
from gradcalc.errors import CalcError, suggest
from gradcalc.output import numbers
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page
from gradcalc.output.records import machine_formats, tabbed
from gradcalc.report import Verdict


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (1 / 3, 4, "0.3333"),
        (2, 4, "2"),
        (None, 4, "none"),
        ("0.12345678", 4, "0.1235"),
        ("1e-400", 4, "0"),
        ("1.23456e+400", 4, "1.235e+400"),
        ([1 / 3, [0.5, 2.0]], 3, "[0.333, [0.5, 2]]"),
        ([1.0] * 6, 3, "[1, 1, 1, 1, ... 2 more]"),
    ],
)
def test_significant_digits(value: object, digits: int, expected: str) -> None:
    assert numbers.significant(value, digits) == expected


def test_exact_numbers_are_rounded_only_where_they_are_longer() -> None:
    assert numbers.exact("1.50000") == "1.50000"
    assert numbers.exact("1.50000", 12) == "1.50000"
    assert numbers.exact("3.14159265358979", 6) == "3.14159"
    assert numbers.exact(None, 6) == "none"
    assert numbers.exact("unknown text", 6) == "unknown text"


def test_text_is_cut_to_what_is_kept() -> None:
    assert numbers.cut("abcdef", 6) == "abcdef"
    assert numbers.cut("abcdefg", 6) == "abcdef..."
    assert numbers.cut("abcdefg", 6, 3) == "abc..."
    assert numbers.input_text("[" + ", ".join("1" * 60) + "]").endswith("1, ... 60 entries]")
    assert numbers.input_text("[" + ", ".join("1" * 60) + "]", full=True).count("1") == 60


@dataclass(frozen=True, slots=True)
class Point:
    at: str
    value: float


def test_records_become_lines_and_objects() -> None:
    formats = machine_formats(
        "demo",
        lambda it: [(it.at, it.value, None)],
        lambda it: {"point": it},
        lambda it, options: {"verdict": Verdict.AGREE, "exit_code": 0, "versions": {}},
    )
    point = Point("ß", float("inf"))
    assert formats["plain"](point, RenderOptions(ascii=True)) == "\\xdf\tinf\t\n"
    assert json.loads(formats["json"](point, RenderOptions())) == {
        "schema": "gradcalc/1", "command": "demo", "verdict": "agree", "exit_code": 0, "point": {"at": "ß", "value": "inf"}, "versions": {},
    }  # fmt: skip
    assert tabbed([], RenderOptions()) == ""


def test_a_page_takes_the_first_count_of_digits_that_fits() -> None:
    page = Page(RenderOptions(width=14))
    assert (
        page.columns_that_fit(
            ("x", ""), lambda digits: [[numbers.exact("3.14159265", digits), ("ok", "green")]], (None, 4, 2)
        )
        == 4
    )
    assert page.text().splitlines()[-1] == "3.142  ok"
    assert page.columns_that_fit(("x",), lambda digits: [["3" * 20]], (None, 2)) == 2


def test_settings_refuse_the_first_option_that_is_wrong() -> None:
    settings = Settings.read(
        ("table", "json"), "json", "1.5", Presentation(), dtype="float32", fail_on=["disagree,not-finite"]
    )
    assert (settings.seconds, settings.fail_on) == (1.5, (Verdict.DISAGREE, Verdict.NOT_FINITE))
    for wrong in ({"format": "tabel"}, {"timeout": "0"}, {"device": "gpu"}, {"dtype": "f32"}, {"fail_on": ["bad"]}):
        with pytest.raises(CalcError):
            Settings.read(("table",), presentation=Presentation(), **{"format": "table", "timeout": "10", **wrong})  # type: ignore[arg-type]


def test_a_quiet_command_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    formats = {"table": lambda result, options: f"{result}\n"}
    Settings.read(formats, "table", "10", Presentation(quiet=True)).write(formats, 1)
    assert capsys.readouterr().out == ""
    Settings.read(formats, "table", "10", Presentation()).write(formats, 1)
    assert capsys.readouterr().out == "1\n"


@pytest.mark.parametrize(("word", "guess"), [("tabel", "table"), ("jsn", "json"), ("quite different", None)])
def test_a_misspelt_word_is_guessed(word: str, guess: str | None) -> None:
    assert suggest(word, ("table", "json")) == guess
