"""No file runs, hangs or fills the memory: what users name is read within limits or refused, and nothing of it is imported."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest

from gradcalc.commands.batch import command, json_lines
from gradcalc.engines.symbolic.client import SymbolicClient, SymbolicFailure
from gradcalc.engines.symbolic.messages import (
    ClaimRequest,
    ClaimResult,
    Derivatives,
    PartialsRequest,
    SymbolicRequest,
    pack_result,
    unpack_result,
)
from gradcalc.errors import CalcError, Exit
from gradcalc.inputs import point_files
from gradcalc.inputs.array_files import read_array
from gradcalc.runtime import files, import_path
from gradcalc.runtime.files import lines_of, read_whole

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs pipes, signals and limits")

# ------------------------------------------------------------------------------------------------ the current directory

MARK = "import os\nopen(os.path.join(os.path.dirname(os.path.abspath(__file__)), __name__ + '.ran'), 'w').close()\nprint('forged')\n"
NAMES = (
    "sympy",
    "random",
    "typing",
    "gradcalc",
    "json",
    "multiprocessing",
    "struct",
    "pebble",
    "flint",
    "numpy",
    "torch",
    "rich",
    "csv",
    "_x",
)


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """A folder with modules that leave a trace when they are imported."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(MARK)
    return tmp_path


def program(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The installed program, in a process of its own."""
    code = f"import sys; sys.path.append({import_path.ROOT!r}); from gradcalc.__main__ import program; program()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=300, **options
    )


PATHS = [None, "", ".", ":", "{cwd}", "{cwd}/../{name}", ".:/nowhere"]


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_nothing_beside_the_user_is_imported(trapped: Path, path: str | None) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    if path is not None:
        environ["PYTHONPATH"] = path.format(cwd=trapped, name=trapped.name)
    own = SymbolicClient()
    old = os.getcwd()
    os.chdir(trapped)
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environ)
        result = own.result(PartialsRequest.of([_tree("x**2")], [(0, ("x",))]))
    finally:
        own.stop()
        os.environ.clear()
        os.environ.update(before)
        os.chdir(old)
    assert isinstance(result, Derivatives)
    assert [formula.text for formula in result.formulas] == ["2*x"]
    assert not list(trapped.glob("*.ran"))


@pytest.mark.slow
def test_a_batch_in_pairs_imports_nothing_either(trapped: Path) -> None:
    (trapped / "q.jsonl").write_text('{"expr": "x**2", "at": {"x": 1}}\n')
    found = program("batch", "--jobs", "2", "q.jsonl", cwd=trapped)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["verdict"] == "agree"
    assert not list(trapped.glob("*.ran"))


def test_a_claim_cannot_be_forged_from_there(trapped: Path) -> None:
    found = program("check", "x**2", "3*x", "--format", "json", cwd=trapped)
    assert json.loads(found.stdout)["outcome"] == "wrong"
    assert not list(trapped.glob("*.ran"))


@pytest.mark.slow
def test_the_module_takes_its_folder_off_the_path(trapped: Path) -> None:
    (trapped / "gradcalc.py").unlink()  # `python -m gradcalc` would mean this one
    (trapped / "signal.py").write_text(MARK)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    found = subprocess.run(
        [sys.executable, "-m", "gradcalc", "diff", "x**2", "--at", "3"],
        cwd=trapped, env={**environ, "PYTHONPATH": import_path.ROOT}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert "2*x" in found.stdout
    assert not list(trapped.glob("*.ran"))


def test_entries_of_the_path_that_are_not_safe_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "/elsewhere", *sys.path])
    environ = {"PYTHONPATH": f".{os.pathsep}/elsewhere"}
    import_path.protect(environ)
    assert sys.path[0] == "/elsewhere"
    assert environ == {"PYTHONPATH": "/elsewhere", "PYTHONSAFEPATH": "1"}


def test_the_environment_of_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib").mkdir()
    path = os.pathsep.join(["", ".", "lib", str(tmp_path), str(tmp_path / "lib"), str(tmp_path / "lib" / "..")])
    found = import_path.environment({"PYTHONPATH": path, "HOME": "/x"})
    assert found == {"HOME": "/x", "PYTHONSAFEPATH": "1", "PYTHONPATH": str(tmp_path / "lib")}
    assert "PYTHONPATH" not in import_path.environment({"PYTHONPATH": "."})


# ------------------------------------------------------------------------------------------------------- the protocol


def _tree(text: str) -> Any:
    from gradcalc.functions.resolve import understand

    return understand(text)


QUESTION = PartialsRequest.of([_tree("x**2")], [(0, ("x",))])
CLAIM = ClaimRequest.of(_tree("x**2"), _tree("2*x"), "x")
EMPTY: dict[str, Any] = {"formulas": [], "constants": [[], [[]]]}
GOOD = {**EMPTY, "formulas": [["2*x", "2 x", ["2", "x", ["*", 0, 1], [2]], None]]}

FORGED: list[tuple[dict[str, Any], SymbolicRequest]] = [
    ({}, QUESTION),
    (EMPTY, QUESTION),
    ({**GOOD, "same": True}, QUESTION),
    ({**GOOD, "same": 1}, QUESTION),
    ({"same": "yes"}, CLAIM),
    ({"same": 1}, CLAIM),
    ({**GOOD, "same": True}, CLAIM),
    ({**GOOD, "formulas": GOOD["formulas"] * 2}, QUESTION),
    ({**GOOD, "formulas": [["2*x", "2 x", ["2", ["*", 0, 1], [0]], None]]}, QUESTION),
    ({**GOOD, "formulas": [["2*x", "2 x", ["2", ["*", 0, -1], [1]], None]]}, QUESTION),
    ({**GOOD, "formulas": [["2*x", "2 x", [5, [0]], None]]}, QUESTION),
    ({**GOOD, "formulas": [["2*x", "2 x", ["", [0]], None]]}, QUESTION),
    ({**GOOD, "formulas": [["2*x", "2 x", [[7, 0], [0]], None]]}, QUESTION),
    ({**GOOD, "formulas": [["2*x", "2 x", ["x", [True]], None]]}, QUESTION),
    ({**GOOD, "formulas": [[2, "2 x", None, None]]}, QUESTION),
    ({**GOOD, "formulas": [["2*x"]]}, QUESTION),
    ({**GOOD, "formulas": "2*x"}, QUESTION),
    ({"indexed": GOOD["formulas"], "constants": EMPTY["constants"]}, QUESTION),
    ({**GOOD, "constants": [["c"], [[]]]}, QUESTION),
]


@pytest.mark.parametrize(("data", "question"), FORGED, ids=range(len(FORGED)))
def test_what_is_no_answer_is_refused(data: dict[str, Any], question: SymbolicRequest) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever is wrong with it
        unpack_result(data, question)


def test_an_answer_is_read_back() -> None:
    derived = unpack_result(GOOD, QUESTION)
    assert isinstance(derived, Derivatives)
    assert derived.formulas[0].tree == _tree("2*x")
    assert unpack_result(json.loads(json.dumps(pack_result(derived))), QUESTION) == derived
    assert unpack_result({"same": True}, CLAIM) == ClaimResult(True)


@pytest.mark.parametrize(
    "line",
    ["forged\n", "[]\n", "{}\n", '{"number": true}\n', '{"number": 1}\n', '{"number": 1, "failure": 3}\n', "[" * 99_999],
)
def test_a_line_that_is_none_is_a_failure(line: str) -> None:
    own = SymbolicClient()
    own.submit(QUESTION)
    own._lines = type(own._lines)()  # what the child says goes elsewhere
    own._lines.put((time.monotonic(), line))
    try:
        with pytest.raises(SymbolicFailure, match="cannot be read"):
            own.result(QUESTION)
    finally:
        own.stop()


# -------------------------------------------------------------------------------------------------------------- files


def npy(shape: str, dtype: str = "<f8", data: bytes = b"") -> bytes:
    """A file in numpy's format with any header."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def archive() -> bytes:
    stream = io.BytesIO()
    numpy.savez(stream, x=numpy.ones(3))
    return stream.getvalue()


def objects() -> bytes:
    stream = io.BytesIO()
    numpy.save(stream, numpy.array([{}], dtype=object), allow_pickle=True)
    return stream.getvalue()


ARRAYS: list[tuple[str, bytes, str]] = [
    ("x.npy", npy("(1000000, 1000000, 0)"), "has the shape"),
    ("x.npy", npy("(1000000000000,)"), "has the shape"),
    ("x.npy", npy("(0,)"), "has the shape"),
    ("x.npy", npy("(-1,)", data=b"0" * 800), "has the shape"),
    ("x.npy", npy(f"({'1, ' * 40})", data=b"0" * 8), "has the shape"),
    ("x.npy", npy("(100,)", data=b"0" * 80), "is truncated: 100 numbers expected"),
    ("x.npy", npy("(1,)", "<c16", b"0" * 16), "only real numbers"),
    ("x.npy", npy("(1,)", "|O", b"0" * 16), "only real numbers"),
    ("x.npy", npy("(" * 3_000), "is not a NumPy array file"),
    ("x.npy", archive(), "is not a NumPy array file"),
    ("x.npy", objects(), "only real numbers"),
    ("x.npy", b"", "is not a NumPy array file"),
    ("x.json", b"[" * 600 + b"1" + b"]" * 600, "nested more than 16 levels"),
    ("x.json", b"[" * 100_000, "is not valid JSON"),
    ("x.json", b'["1,2", "3"]', "expected a number, found '1,2'"),
    ("x.json", b'["1] + [2", "3"]', "expected a number"),
    ("x.json", b'["", 3]', "expected a number, found ''"),
    ("x.json", b'["x", 3]', "expected a number, found 'x'"),
    ("x.json", b"[NaN]", "expected a number"),
    ("x.csv", b'"' + b"1" * 140_000 + b'"\n', "is not valid CSV: field larger than field limit"),
    ("x.csv", b"1\n" * 32_000_001, "more than 64000000 bytes"),
    ("x.csv", b"\xff\xfe1", "not UTF-8"),
]


@pytest.mark.parametrize(("name", "content", "message"), ARRAYS, ids=[f"{i} {row[2]}" for i, row in enumerate(ARRAYS)])
def test_arrays_that_are_none(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CalcError) as caught:
        read_array(str(tmp_path / name))
    assert message in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("value", [["1,2", "3"], ["1] + [2", "3"], ["x"], [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]], ids=str)
def test_arrays_in_a_batch_that_are_none(value: Any) -> None:
    answer = json_lines.answer_request(json_lines.parse(json.dumps({"expr": "sum(x)", "at": {"x": value}}).encode(), 5))
    assert answer.failed is Exit.WRONG_REQUEST


class Endless(io.RawIOBase):
    """Bytes without a newline, as many as are asked for; counts them."""

    def __init__(self, first: bytes = b"") -> None:
        self.first, self.given = first, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        head = self.first[:size]
        self.first = self.first[size:]
        buffer[: len(head)] = head
        buffer[len(head) : size] = b"1" * (size - len(head))
        self.given += size
        return size


def test_an_endless_line_of_points_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Endless(b"x\n")
    monkeypatch.setattr(files, "open_data", lambda path: io.BufferedReader(endless))
    with pytest.raises(CalcError, match="line 2 of points has more than 100000 bytes"):
        point_files.points_of("points", ["x"], {})
    assert endless.given < 1_000_000


def test_an_endless_line_of_a_batch_is_refused() -> None:
    endless = Endless()
    found = command._lines(io.BufferedReader(endless, 1_000_000))  # type: ignore[arg-type]
    assert len(next(found)[1]) == json_lines.MAX_LINE + 1
    with pytest.raises(CalcError, match="a line has more than"):
        next(found)


def test_a_field_that_is_too_long_is_told(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('x\n"' + "1,\n" * 60_000 + '"\n')
    with pytest.raises(CalcError, match="field larger than field limit"):
        point_files.points_of(str(tmp_path / "p.csv"), ["x"], {})


def _questions(path: str) -> list[bytes]:
    with files.open_input(path, "questions") as stream:
        return [line for _, line in command._lines(stream)]


@POSIX
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/full", "/", "/proc/self/mem", "\0", "nothing-there"])
@pytest.mark.parametrize(
    "use",
    [read_array, lambda path: point_files.points_of(path, ["x"], {}), lambda path: read_whole(path, 100), _questions],
    ids=["array", "points", "whole", "batch"],
)  # fmt: skip
def test_what_is_no_file_is_refused(path: str, use: Callable[[str], object]) -> None:
    if path.startswith("/") and not os.path.exists(path):
        pytest.skip("not on this system")
    with pytest.raises(CalcError, match="cannot read"):
        use(path)


@POSIX
def test_a_pipe_that_nobody_writes_to_is_empty(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_whole(str(tmp_path / "pipe"), 100) == b""
    with pytest.raises(CalcError, match="the file contains no points"):
        point_files.points_of(str(tmp_path / "pipe"), ["x"], {})


@POSIX
def test_a_pipe_with_a_writer_is_read() -> None:
    receiving, sending = os.pipe()
    os.write(sending, b"x\n1\n2\n")
    os.close(sending)
    points = point_files.points_of(f"/dev/fd/{receiving}", ["x"], {})
    assert [point.texts for point in points] == [{"x": "1"}, {"x": "2"}]
    os.close(receiving)


def test_lines_are_bounded() -> None:
    assert list(lines_of(io.BytesIO(b"ab\nc"), 3, "it")) == [b"ab\n", b"c"]  # type: ignore[arg-type]
    with pytest.raises(CalcError, match="line 2 of it has more than 3 bytes"):
        list(lines_of(io.BytesIO(b"ab\nabcd\n"), 3, "it"))  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------------------- the machine

SETTINGS = {"PYTHONIOENCODING": "utf-16", "SYMPY_DEBUG": "1", "SYMPY_USE_CACHE": "nonsense", "PYTHONWARNINGS": "error"}
"""None of them disturbs the program, and none hides another."""


@pytest.mark.slow
def test_strange_settings_change_nothing() -> None:
    found = program("diff", "x**2", "--at", "3", "--format", "json", env={**os.environ, **SETTINGS}, encoding="utf-16")
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["verdict"] == "agree"


@pytest.mark.slow
def test_a_setting_that_torch_refuses_is_named() -> None:
    found = program("diff", "x**2", "--at", "3", env={**os.environ, "TORCH_LOGS": "nonsense"})
    assert found.returncode == 2
    assert found.stderr.startswith("error: PyTorch cannot be loaded: ")
    assert "TORCH_LOGS" in found.stderr


@pytest.mark.slow
@POSIX
def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    def leave() -> None:
        os.chdir(gone)
        gone.rmdir()

    found = program("diff", "x**2", "--at", "3", preexec_fn=leave)
    assert found.returncode == 0, found.stderr


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("arguments", [("diff", "x**2", "--at", "3"), ("batch", "--jobs", "2", "-")], ids=" ".join)
def test_few_open_files(arguments: Sequence[str]) -> None:
    found = program(
        *arguments, input='{"expr": "x**2", "at": {"x": 1}}\n' * 4, preexec_fn=lambda: _limit(resource.RLIMIT_NOFILE, 20)
    )
    assert found.returncode in (0, 2), found.stderr
    assert found.returncode == 0 or found.stderr.startswith("error: ")


def _limit(what: int, number: int) -> None:
    resource.setrlimit(what, (number, number))


def test_no_semaphores_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradcalc.commands.batch import pool

    def refuse(count: int) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(pool, "_Workers", refuse)
    with pytest.raises(CalcError, match="cannot start worker processes: Read-only file system") as caught:
        next(pool.in_pool([(1, b"{}")], 2, 1.0))
    assert "/dev/shm" in str(caught.value.hint)


def test_no_process_for_sympy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(CalcError, match="cannot start a process for SymPy: Too many open files"):
        SymbolicClient().submit(QUESTION)


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_nothing_is_left_behind_by_a_signal(number: signal.Signals) -> None:
    code = f"import sys; sys.path.append({import_path.ROOT!r}); from gradcalc.__main__ import program; program()"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code, "batch", "--jobs", "2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"expr": "x**2", "at": {"x": 1}}\n')
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(number)
        _, complaints = process.communicate(timeout=60)  # until the last child has closed it
    assert process.returncode == 128 + number
    assert complaints == b""
