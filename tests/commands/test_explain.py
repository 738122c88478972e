"""`gradcalc explain`: every verdict and cause has a page, and every example gives what its page is about."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from gradcalc.cli.main import main
from gradcalc.commands.explain.pages import CONCEPTS, OUTCOMES, PAGES, VERDICTS
from gradcalc.commands.explain.search import search
from gradcalc.report import Verdict
from gradcalc.testing import Outcome as GradientOutcome


def test_every_verdict_has_a_page() -> None:
    assert set(VERDICTS) == {str(verdict) for verdict in Verdict}


def test_every_cause_that_the_program_names_has_a_page() -> None:
    package = Path(__file__).parents[2] / "gradcalc"
    source = "".join(
        path.read_text() for path in [*(package / "proof").glob("*.py"), package / "commands" / "bce" / "neuron.py"]
    )
    named = set(re.findall(r'(?:Judgement\(Verdict\.\w+, [^\n]*?, |cause=)"([a-z-]+)"', source))
    assert len(named) >= 12
    assert named <= set(PAGES)


def test_every_outcome_of_a_gradient_check_has_a_page() -> None:
    assert {str(outcome) for outcome in GradientOutcome} <= set(PAGES)
    assert set(OUTCOMES) == {str(outcome) for outcome in GradientOutcome} - set(VERDICTS)


def test_the_examples_of_outcomes_have_these_outcomes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in one run: a process is slow to start."""
    monkeypatch.chdir(Path(__file__).parents[2])
    examples = [shlex.split(PAGES[name].example) for name in OUTCOMES]
    assert {" ".join([*words[:2], *words[3:5]]) for words in examples} == {"gradcalc gradcheck --shape 3"}
    options = [word for words in examples for word in words[5:]]
    main(["gradcheck", *(words[2] for words in examples), "--shape", "3", *options, "--json"])
    found = [json.loads(line)["verdict"] for line in capsys.readouterr().out.splitlines()]
    assert found == list(OUTCOMES)


@pytest.mark.parametrize(
    "page",
    [p for p in PAGES.values() if "explain" not in p.example and p.name not in (*OUTCOMES, *CONCEPTS)],
    ids=lambda page: page.name,
)
def test_the_example_of_a_page_is_of_its_kind(page, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    main([*shlex.split(page.example)[1:], "--format", "json"])
    partial = json.loads(capsys.readouterr().out)["partials"][0]
    assert page.name in (partial["verdict"], partial["cause"])


@pytest.mark.parametrize("name", CONCEPTS)
def test_the_example_of_a_concept_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(PAGES[name].example)[1:]) in (0, 1, 3)
    assert capsys.readouterr().out


def test_a_list_a_page_and_a_misspelt_topic(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    assert "agree: formulas proven equal, value accurate" in capsys.readouterr().out
    assert main(["explain", "NaN_trap"]) == 0
    assert capsys.readouterr().out.startswith("nan-trap: 0 times infinity in the chain rule\n")
    assert main(["explain", "kinks"]) == 0
    assert capsys.readouterr().out.startswith("kink: ")
    assert main(["explain", "nan-trapp"]) == 2
    assert capsys.readouterr().err == (
        "error: no page called 'nan-trapp', and none contains it\nhint: did you mean nan-trap?\n"
    )


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("nan", "nan-trap"), ("gradient", "gradient"), ("gradients of a step", "accumulation"), ("relu", "subgradient"), ("sigmoid", "saturation"),
        ("inf", "not-finite"), ("infinity", "overflow"), ("digits", "digits"), ("ulps", "digits"), ("rounding", "cancellation"), ("Jacobian", "adjoint"),
        ("zero_grad", "accumulation"), ("chain rule", "chain-rule"), ("float32 overflow", "overflow"),
    ],
)  # fmt: skip
def test_any_word_finds_pages(word: str, name: str) -> None:
    names = [page.name for page in search(word)]
    assert name in names[:4], names


def test_a_function_has_no_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "besselj"]) == 2
    assert capsys.readouterr().err.endswith("hint: gradcalc functions besselj shows the function\n")


def test_several_pages_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "relu"]) == 0
    first, blank, *rows = capsys.readouterr().out.splitlines()
    assert (first.partition(",")[0], blank) == ("pages on relu", "")
    assert len(rows) > 1
    assert all(row.split()[0] in PAGES for row in rows)


def test_a_page_as_markdown_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "kink", "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("## kink\n\n*")
    assert main(["explain", "kink", "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert (page["name"], page["kind"]) == ("kink", "cause")
