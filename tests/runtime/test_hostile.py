"""Hostile input: refused with a reason, answered, or undecided; nothing hangs, falls over or stays behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hostile
import pytest

from gradcalc.cli.main import main

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
LINUX = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")


@contextmanager
def started(*arguments: str, **options: object) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The program in a process of its own, and a variable by which its children can be found."""
    marker = f"GRADCALC_MARK_{uuid.uuid4().hex}"
    process = subprocess.Popen(
        [sys.executable, "-m", "gradcalc", *arguments],
        stderr=subprocess.PIPE,
        env={**os.environ, marker: "1", "PYTHONPATH": str(ROOT)},
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options},  # type: ignore[call-overload]
    )
    try:
        yield process, marker
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass
        process.wait()


def test_every_hostile_expression_is_answered() -> None:
    """One run for all: whatever a line does, those after it are answered as if it had not been."""
    questions = [
        {"id": place, "expr": expr, "at": {name: "0.7" for name in "xy" if re.search(rf"\b{name}\b", expr)}}
        for place, expr in enumerate(hostile.EXPRESSIONS)
    ]
    with started("batch", "--timeout", "10", stdin=subprocess.PIPE) as (process, marker):
        told, complaints = process.communicate("".join(json.dumps(question) + "\n" for question in questions).encode(), 600)
        answers = [json.loads(line) for line in told.splitlines()]
        assert complaints == b""
        assert process.returncode == 2  # some lines are wrong, none is a bug
        assert [answer["id"] for answer in answers] == list(range(len(questions)))
        assert not [answer for answer in answers if "internal" in answer.get("error", {}).get("message", "")]
        sound = {answer["expr"]: answer["verdict"] for answer in answers if "verdict" in answer}
        assert sound["x" + "+x" * 4999] == "agree"
        assert not hostile.running_with(marker)


_DIFF, _BATCH, _PAIR = ("diff", "sin(x**2)", "--at", "3"), ("batch",), ("batch", "--jobs", "2")
# While modules are imported, while torch is, and while the question is answered: each command and each moment with both.
SIGNALS = [
    (_DIFF, 0.1, "SIGINT"), (_DIFF, 0.7, "SIGTERM"), (_DIFF, 2.5, "SIGINT"),
    (_BATCH, 0.1, "SIGTERM"), (_BATCH, 0.7, "SIGINT"), (_BATCH, 2.5, "SIGTERM"),
    (_PAIR, 0.1, "SIGINT"), (_PAIR, 0.7, "SIGTERM"), (_PAIR, 2.5, "SIGINT"),
]  # fmt: skip


@LINUX
@pytest.mark.parametrize(
    ("arguments", "delay", "name"), SIGNALS, ids=[f"{' '.join(row[0])} {row[1]} {row[2]}" for row in SIGNALS]
)
def test_a_signal_ends_everything(arguments: tuple[str, ...], delay: float, name: str) -> None:
    number = signal.Signals[name]
    with started(*arguments, stdin=subprocess.PIPE) as (process, marker):
        assert process.stdin is not None
        if arguments[0] == "batch":
            process.stdin.write(b'{"expr": "tan(tan(x)**60)**60", "order": 2, "at": {"x": 1}}\n' * 3)
            process.stdin.flush()
        time.sleep(delay)
        process.send_signal(number)
        told, complaints = process.communicate(timeout=60)
        # It may have ended before, or not have begun: Python itself may swallow an interrupt while it starts.
        assert process.returncode in {128 + number, 0, 3, -number}
        # Before our first line runs, an interrupt is Python's own to tell.
        assert b"Traceback" not in complaints or b"/gradcalc/" not in complaints
        assert told == b"" or told.endswith(b"\n")  # whole lines
        assert not hostile.running_with(marker)


@LINUX
def test_nothing_outlives_a_program_that_was_killed() -> None:
    with started("batch", "--jobs", "2", stdin=subprocess.PIPE) as (process, marker):
        assert process.stdin is not None
        process.stdin.write(b'{"expr": "x**2", "at": {"x": 1}}\n' * 4)
        process.stdin.flush()
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        process.wait()
        assert not hostile.running_with(marker, patience=20)


def test_a_closed_pipe_ends_a_batch_quietly() -> None:
    with started("batch", stdin=subprocess.PIPE) as (process, marker):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"expr": "x**2"}\n' * 500)
        process.stdin.close()
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert not hostile.running_with(marker)


@pytest.mark.parametrize("attack", [attack for attack in hostile.OTHERS if attack.stdin], ids=str)
def test_hostile_bytes(attack: hostile.Attack) -> None:
    outcome = hostile.attempt(attack, "2")
    assert outcome.trouble is None, outcome.told


@pytest.mark.parametrize("attack", [attack for attack in hostile.OTHERS if not attack.stdin], ids=str)
def test_hostile_arguments(
    attack: hostile.Attack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADCALC_TIMEOUT", "2")
    assert main(attack.arguments) in hostile.CODES
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert "has a bug" not in told


def test_a_line_is_answered_before_the_next_one_comes() -> None:
    with started("batch", stdin=subprocess.PIPE) as (process, _):
        assert process.stdin is not None
        assert process.stdout is not None
        for expr in ("x**2", "x**3"):
            process.stdin.write(json.dumps({"expr": expr}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["expr"] == expr
        process.stdin.close()
        assert process.wait(60) == 0


def test_pairs_answer_in_order_what_one_answers(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(
        "".join(
            json.dumps({"id": place, "expr": expr, "at": {"x": "0.7"}}) + "\n"
            for place, expr in enumerate(["sin(x)", "abs(x - 0.7)", "sin(", "x**x", "log(x)", "gamma(x)"] * 3)
        )
    )
    with started("batch", "--jobs", "2", str(questions)) as (process, marker):
        told, complaints = process.communicate(timeout=300)
        assert (process.returncode, complaints) == (2, b"")
        assert not hostile.running_with(marker)
    assert main(["batch", str(questions)]) == 2
    assert tuple(capsysbinary.readouterr()) == (told, b"")
