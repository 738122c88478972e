"""The processes that run users' files: what hangs, crashes, ends, prints or leaves processes behind.  Fail-safe throughout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradcalc.cli.main import main
from gradcalc.commands.gradcheck import process
from gradcalc.commands.gradcheck.checks import Failure, Finding, Request, Target
from gradcalc.commands.gradcheck.process import results_of
from gradcalc.testing import Outcome

ENVIRONMENT = {**os.environ, "PYTHONSAFEPATH": "1"}
CODE = """
import ctypes, os, signal, subprocess, sys, threading, time

print("loading")


def prints(x):
    print("from the code")
    print('{"state": "ready"}', end="")
    threading.Thread(target=time.sleep, args=(600,)).start()
    return (x * 2).sum()


def crashes(x):
    ctypes.string_at(0)


def ends(x):
    if os.fork() == 0:  # it keeps the descriptor of the results
        time.sleep(600)
    os._exit(0)


def hangs(x):
    while True:
        time.sleep(0.01)


def reads(x):
    return x * float(input())


def fills(x):
    return x * len(bytearray(10**10))


def killed(x):
    os.kill(os.getpid(), signal.SIGKILL)


def closes(x):
    os.closerange(3, 200)
    return x.sum()


def starts(x):
    child = subprocess.Popen(["sleep", "600"])
    with open("child", "w") as file:
        file.write(str(child.pid))
    return x.sum()
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(process, "_GRACE", 0.5)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    path = tmp_path / "hostile.py"
    path.write_text(CODE)
    return path


def request(name: str, file: str = "hostile.py") -> Request:
    return Request(Target(file, name), shapes=((3,),))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_crash_costs_one_check_and_the_processes_that_code_starts_end(capfd: pytest.CaptureFixture[str]) -> None:
    results = list(results_of([request(name) for name in ("prints", "crashes", "starts")], 60.0))
    first, second, third = results
    assert isinstance(first, Finding)
    assert first.report.verdict is Outcome.PROVEN
    assert isinstance(second, Failure)
    assert second.message == "hostile.py:crashes crashed: Segmentation fault"
    assert [place.text for place in second.places] == ["ctypes.string_at(0)"]
    assert isinstance(third, Finding)
    assert third.report.verdict is Outcome.PROVEN
    pid = int(Path("child").read_text())
    end = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(pid)
    out, err = capfd.readouterr()
    assert out == ""
    twice = ["loading", "from the code", '{"state": "ready"}from the code', '{"state": "ready"}loading']
    assert err.splitlines() == twice


@pytest.mark.slow
def test_what_ends_or_breaks_the_process() -> None:
    names = ("ends", "reads", "fills", "killed", "closes")
    ends, reads, fills, killed, closes = results_of([request(name) for name in names], 60.0)
    assert isinstance(ends, Failure)
    assert ends.message == "hostile.py:ends ended the process with exit code 0"
    assert isinstance(reads, Failure)
    assert reads.message == "hostile.py:reads cannot be run: EOFError: EOF when reading a line"
    assert isinstance(closes, Failure)
    for result, why in ((fills, "the memory limit of 8 GB was reached"), (killed, "was killed")):
        assert isinstance(result, Finding)
        assert result.report.verdict is Outcome.UNDECIDED
        assert why in result.report.why


@pytest.mark.slow
def test_many_checks_are_made_by_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_MOST_CHECKS", 2)
    Path("loads.py").write_text("open('loads', 'a').write('x')\n\n\ndef f(x):\n    return x * 2\n")
    results = list(results_of([request("f", "loads.py")] * 3, 60.0))
    assert [isinstance(result, Finding) and result.report.verdict for result in results] == [Outcome.PROVEN] * 3
    assert Path("loads").read_text() == "xx"


def test_what_hangs_is_undecided_with_the_line_where_it_was() -> None:
    (result,) = results_of([request("hangs")], 0.5)
    assert isinstance(result, Finding)
    assert result.report.verdict is Outcome.UNDECIDED
    assert result.report.why == "hostile.py:hangs took more than 0.5 seconds"
    assert [place.role for place in result.places] == ["in hangs"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import time; time.sleep(600)", "undecided loading file.py took more than 0.5 seconds"),
        ("import os; os._exit(0)", "error loading file.py ended the process with exit code 0"),
        ("import sys; sys.exit('no')", "error file.py cannot be loaded: it called sys.exit('no')"),
        ("1/0", "error file.py cannot be loaded: ZeroDivisionError: division by zero"),
        ("def f(:", "error file.py cannot be loaded: SyntaxError: invalid syntax (file.py, line 2)"),
        ("import not_there", "error file.py cannot be loaded: ModuleNotFoundError: No module named 'not_there'"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_loaded_once(code: str, message: str) -> None:
    Path("file.py").write_text("open('loads', 'a').write('x')\n" + code + "\n")
    results = list(results_of([request("f", "file.py"), request("g", "file.py")], 0.5 if "sleep" in code else 60.0))
    assert len(results) == 2
    for result in results:
        word, text = ("undecided", result.report.why) if isinstance(result, Finding) else ("error", result.message)
        assert f"{word} {text}" == message
    assert Path("loads").exists() is (code != "def f(:")
    assert code == "def f(:" or Path("loads").read_text() == "x"


def test_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    """Only results are on stdout, whatever the code prints."""
    assert main(["gradcheck", "hostile.py:prints", "hostile.py:reads", "--shape", "3", "--json"]) == 2
    out, err = capfd.readouterr()
    first, second = map(json.loads, out.splitlines())
    assert (first["verdict"], first["exit_code"]) == ("proven", 0)
    assert (second["outcome"], second["exit_code"]) == ("error", 2)
    assert err.splitlines() == ["loading", "from the code", '{"state": "ready"}from the code', '{"state": "ready"}']


@pytest.mark.slow
def test_code_does_not_read_what_is_piped_to_the_program() -> None:
    program = [sys.executable, "-m", "gradcalc", "gradcheck", "hostile.py:reads", "--shape", "3"]
    done = subprocess.run(program, input="3.0\n", capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert (done.returncode, done.stdout) == (2, "")
    assert "EOFError" in done.stderr


@pytest.mark.slow
def test_an_interrupt_leaves_no_process(tmp_path: Path) -> None:
    code = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    Path("waits.py").write_text(code)
    program = [sys.executable, "-m", "gradcalc", "gradcheck", "waits.py:f", "--shape", "3"]
    pid = tmp_path / "pid"
    end = time.monotonic() + 60
    with subprocess.Popen(program, env=ENVIRONMENT) as running:
        while not (pid.exists() and pid.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        running.terminate()
        assert running.wait(30) == 143
    assert not is_alive(int(pid.read_text()))
