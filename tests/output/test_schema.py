"""Every object that the program writes is described by its JSON Schema, with all of its keys."""

from __future__ import annotations

import copy
import io
import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gradcalc.cli.main import main
from gradcalc.output.schema import schema_text
from gradcalc.testing import Outcome

SCHEMA: dict[str, Any] = json.loads(schema_text())


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that allows no key which it does not describe."""
    schema = copy.deepcopy(schema)

    def close(node: object) -> None:
        if isinstance(node, dict):
            if "required" in node:
                node["additionalProperties"] = False
            for child in node.values():
                close(child)
        elif isinstance(node, list):
            for child in node:
                close(child)

    close(schema)
    return schema


CLOSED = jsonschema.Draft202012Validator(closed(SCHEMA))

COMMANDS = [
    ["diff", "sin(x**2)"],
    ["diff", "sin(x**2)", "--at", "3"],
    ["diff", "abs(x)", "--at", "x=-1:1:3"],
    ["diff", "x**2", "--at", "x=0:1:3", "--proofs", "1"],
    ["diff", "mean(x**2)", "--at", "x=[1,2,3]"],
    ["diff", "x*[1,2]", "--at", "x=[[1,2],[3,4]]"],
    ["diff", "x*y", "--at", "x=1,y=2", "--order", "2"],
    ["diff", "log(1 - sigmoid(x))", "--at", "40", "--dtype", "float32"],
    ["diff", "log(x)", "--at", "-1"],
    ["diff", "sum((A@x - b)**2)", "--shape", "A=m,n", "--shape", "x=n", "--shape", "b=m"],
    ["diff", "norm(A@x)**2", "--shape", "A=m,n", "--shape", "x=n", "--order", "2"],
    ["check", "sin(x**2)", "2*x*cos(x**2)"],
    ["check", "sin(x**2)", "cos(x**2)"],
    ["check", "sqrt(x)", "x**-0.5/2", "--where", "x > 0"],
    ["check", "(w*x - y)**2", "--line", "r = w*x - y", "--line", "dL_dr = 2*r", "--line", "dL_dw = dL_dr*x"],
    ["steps", "x**x", "--at", "2"],
    ["steps", "x*y"],
    ["steps", "sum((A@x - b)**2)", "--shape", "A=m,n", "--shape", "x=n", "--shape", "b=m"],
    ["steps", "sum(relu(x)**2)", "--at", "x=[0,1]"],
    ["trace", "x*sin(x*y)", "--at", "x=2,y=3"],
    ["trace", "sum((A@x - 1)**2)", "--at", "A=[[1,2],[3,4]]", "--at", "x=[1,2]"],
    ["trace", "where(x == 0, 1, sin(x)/x)", "--at", "0"],
    ["steps", "x**2", "sin(x)"],
    ["check", "sum(x**2)", "x", "--at", "x=[1,2]"],
    ["plot", "log(1 - sigmoid(x))", "--at", "x=-100:100", "--dtype", "float32", "--points", "5"],
    ["bce", "--x", "20", "--y", "0", "--dtype", "float32"],
    ["accumulate", "mean(w*3)", "--at", "w=[1,2]"],
    ["tracking", "x*2", "--at", "x=[1,2,3]"],
    ["bce", "--x", "6.7", "--y", "0"],
    ["bce", "--x", "[[1,2],[3,4]]", "--y", "[0,1]", "--w", "[0.5,-0.25]"],
    ["plot", "abs(x)", "--at", "x=-1:1", "--points", "3"],
    ["plot", "1/x", "--at", "x=-1:1", "--points", "3"],
    ["functions", "relu"],
    ["devices"],
    ["explain"],
    ["explain", "nan"],
    ["--version"],
]


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and the objects that are written."""
    code = main([*arguments, "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_results_are_as_the_schema_says(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, objects = told(arguments, capsys)
    assert objects
    for found in objects:
        CLOSED.validate(found)
        assert found["command"] == arguments[0].removeprefix("--")
        assert {"verdict", "outcome"} & set(found)
    codes = {found["exit_code"] for found in objects}
    assert code in codes


def test_results_of_a_batch(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = b'{"expr": "x**2", "at": 3, "id": "a"}\n{"expr": "x +"}\n{"expr": "x"}\n[]\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    code, objects = told(["batch"], capsys)
    for found in objects:
        CLOSED.validate(found)
    assert ([found["exit_code"] for found in objects], code) == ([0, 2, 0, 2], 2)


def test_claims_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "claims.jsonl"
    claims = [
        {"id": 1, "expr": "x**2", "claim": "2*x"}, {"expr": "x +", "claim": "1"},
        {"expr": "x**2", "lines": ["u = x", "df/dx = 2*u"]},
        {"expr": "sum(x**2)", "claim": "2*x", "at": {"x": [1, 2]}},
    ]  # fmt: skip
    file.write_text("\n".join(map(json.dumps, claims)))
    _, from_file = told(["check", "--file", str(file)], capsys)
    _, from_batch = told(["batch", str(file)], capsys)
    assert [found["outcome"] for found in from_file] == ["right", "error", "right", "right"]
    for found in (*from_file, *from_batch):
        CLOSED.validate(found)


def test_gradient_checks(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(__file__).parents[2] / "examples" / "backward_passes.py"
    names = ("Swish", "AlmostSquare", "detached", "Sine", "nothing")
    code, objects = told(
        ["gradcheck", *(f"{file}:{name}" for name in names), "--shape", "3", "--reference", f"Sine={file}:sine"], capsys
    )
    assert [found.get("verdict", "error") for found in objects] == [
        "wrong",
        "below-resolution",
        "stopped",
        "measured",
        "error",
    ]
    assert ([found["exit_code"] for found in objects], code) == ([1, 0, 1, 0, 2], 2)
    for found in objects:
        CLOSED.validate(found)


def test_the_schema_has_all_outcomes_of_a_gradient_check() -> None:
    assert SCHEMA["$defs"]["gradient_outcome"]["enum"] == [str(outcome) for outcome in Outcome]


def test_a_key_that_is_not_described_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    _, (found,) = told(["diff", "x"], capsys)
    with pytest.raises(jsonschema.ValidationError):
        CLOSED.validate({**found, "surprise": 1})
    jsonschema.validate({**found, "surprise": 1}, SCHEMA)  # keys may be added
    del found["exit_code"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, SCHEMA)


def test_the_program_shows_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
