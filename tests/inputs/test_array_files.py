"""Arrays from files: what is read, digit by digit, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from gradcalc.errors import CalcError, picture
from gradcalc.inputs.array_files import MAX_BYTES, read_array, value_or_file

TEXTS = [
    ("x.csv", "1,2\n3,4\n", "[[1, 2], [3, 4]]"),
    ("x.csv", "1\n2\n3", "[1, 2, 3]"),
    ("x.csv", "height,weight age\n1,2\n3,4\n", "[[1, 2], [3, 4]]"),
    ("x.csv", "_id\n0.1000000000000000055\n", "[0.1000000000000000055]"),
    ("x.csv", "\ufeffx\n1e-400\n\n2", "[1e-400, 2]"),
    ("x.json", "[1, 0.10, [2]]", "[1, 0.10, [2]]"),
    ("x.json", "[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]"),
]


@pytest.mark.parametrize(("name", "text", "expected"), TEXTS)
def test_text_keeps_its_digits(name: str, text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_array(str(tmp_path / name)) == expected
    assert value_or_file(f"@{tmp_path / name}") == expected
    assert value_or_file("[1, 2]") == "[1, 2]"


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (numpy.array([[0.1, 2.0]]), "[[0.1, 2.0]]"),
        (numpy.array([2**63], dtype="uint64"), "[9223372036854775808]"),
        (numpy.array([-3], dtype="int8"), "[-3]"),
        (numpy.array(1.5), "1.5"),
        (numpy.array([0.1], dtype="float32"), "[0.10000000149011612]"),
    ],
)
def test_numpys_own_format(array: numpy.ndarray, expected: str, tmp_path: Path) -> None:
    numpy.save(tmp_path / "x.npy", array)
    assert read_array(str(tmp_path / "x.npy")) == expected


WRONG = [
    ("x.csv", "1;2\n3\n", "{}, row 2: 1 numbers, but the first row has 2"),
    ("x.csv", "1;2,5\n3\n", "{}, row 1: expected a number, found '1;2'"),
    ("x.csv", "1,dog\n", "{}, row 1: expected a number, found 'dog'"),
    ("x.csv", "1,2\n3\n", "{}, row 2: 1 numbers, but the first row has 2"),
    ("x.csv", "a,b\n", "{} contains no numbers"),
    ("x.csv", "1,\n", "{}, row 1: expected a number, found ''"),
    ("x.csv", "1,nan\n", "{}, row 1: expected a number, found 'nan'"),
    ("x.json", "[1, null]", "an array consists of numbers and nested lists"),
    ("x.json", "[1, ", "{} is not valid JSON"),
    ("x.npy", "nonsense", "{} is not a NumPy array file"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG)
def test_what_is_no_array(name: str, text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CalcError) as caught:
        read_array(str(path))
    assert caught.value.message == message.format(path)


def test_a_file_that_is_too_long_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_bytes(b"1\n" * MAX_BYTES)
    for name in ("long.csv", "none.csv"):
        with pytest.raises(CalcError):
            read_array(str(tmp_path / name))


def test_what_is_no_file_is_not_read() -> None:
    with pytest.raises(CalcError) as caught:
        read_array("/dev/zero")
    assert caught.value.message == "cannot read /dev/zero: a device"


@pytest.mark.parametrize("text", ["1;2\n3;4\n", "a;b\n1;2\n3;4\n", "1\t2\n3\t4\n", "1, 2\n3, 4\n"])
def test_columns_are_separated_by_one_mark(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text)
    assert read_array(str(tmp_path / "x.csv")) == "[[1, 2], [3, 4]]"


def test_the_name_of_a_file_needs_an_at() -> None:
    with pytest.raises(CalcError) as caught:
        value_or_file("data/X.csv", "X=")
    assert picture(caught.value) == "error: data/X.csv is a file name, not a value\nhint: write X=@data/X.csv to read a file"
