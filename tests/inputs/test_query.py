"""Text is read once: at the door it becomes trees and exact values, and nothing behind it parses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from gradcalc.cli.main import main
from gradcalc.grammar import parser
from gradcalc.inputs.query import Query, Wrt, read_query
from gradcalc.report import Problem

# Values are sums: a plain decimal needs no parser.
PARSES = [
    (["diff", "sin(x**2)"], 1),
    (["diff", "sin(x**2)", "--at", "1+2"], 2),
    (["diff", "sin(x**2)", "--at", "x=1-1:2/2:11"], 3),
    (["diff", "x*exp(-y)", "--at", "x=1-1:2/2:11", "--at", "y=1+1"], 4),
    (["diff", "mean(x**2)", "--at", "x=[1,2,3]", "--direction", "x=[1,0,0]"], 3),
    (["diff", "x**2", "--at", "x=[1,2]", "--cotangent", "[1,2]", "--format", "latex"], 3),
    (["steps", "sin(x**2)", "--at", "1+2"], 2),
    (["trace", "sin(x**2)", "--at", "1+2"], 2),
    (["plot", "sin(x)", "--at", "x=-1-1:1+1"], 3),
]


@pytest.mark.parametrize(("arguments", "expected"), PARSES, ids=[" ".join(row[0]) for row in PARSES])
def test_parses_are_counted(arguments: list[str], expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    main([*arguments, "--quiet"])  # the program's own texts, of rules and of patterns, are read once
    texts: list[str] = []
    parse = parser._Parser

    def counted(text: str, *rest: object, **options: object) -> object:
        texts.append(text)
        return parse(text, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(parser, "_Parser", counted)
    assert main([*arguments, "--quiet"]) == 0
    assert len(texts) == expected, texts


READERS = {"parse", "read", "understand", "interpret"}
DOORS = ("calculate/claims/", "inputs/", "functions/", "grammar/", "commands/")
PATTERNS = {  # texts of the program, not of its users
    "calculate/array_products.py",
    "calculate/uniform_entries.py",
    "engines/indexed/index_form.py",
    "engines/indexed/number_functions.py",
    "calculate/array_formulas.py",
    "calculate/array_steps.py",
    "output/document.py",
}


def test_nothing_behind_the_door_parses() -> None:
    package = Path(parser.__file__).parents[1]
    for path in package.rglob("*.py"):
        name = path.relative_to(package).as_posix()
        imported = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            and str(node.module).startswith(("gradcalc.grammar", "gradcalc.functions.resolve"))
            for alias in node.names
        }
        if not name.startswith(DOORS) and name not in PATTERNS:
            assert not imported & READERS, name
        assert "render" not in path.name or not imported & READERS, name


def test_a_query_is_read_from_a_problem() -> None:
    query = read_query(Problem("x*y", by=("x", "A[0, -1]"), order=2, dtype="float32"))
    assert query.wrt == (Wrt("x"), Wrt("A", "A[0,-1]", (0, -1)))
    assert (query.text, query.order, query.dtype, query.device) == ("x*y", 2, "float32", "cpu")
    assert query.expression == Query("x*y", query.expression).expression


@pytest.mark.parametrize("text", ["x[a]", "x[]", "x[--1]", "x[0", "x[1.5]"])
def test_an_entry_that_is_none_has_no_index(text: str) -> None:
    (wrt,) = read_query(Problem("x", by=(text,))).wrt
    assert (wrt.variable, wrt.entry) == ("x", text)
    assert wrt.index is None or text == "x[0"
