"""Large arrays: a description for their text, and their numbers as they are."""

from __future__ import annotations

import pickle
from fractions import Fraction
from pathlib import Path

import numpy
import pytest
import torch

import gradcalc
from gradcalc.errors import CalcError
from gradcalc.expression.tree import Call, Node, Number
from gradcalc.inputs.array_files import read_array
from gradcalc.inputs.array_text import MAX_ENTRIES, MAX_WRITTEN, ArrayText, Numbers, array_text, binary_or_decimal
from gradcalc.inputs.values import read_value
from gradcalc.library.arguments import value_text


def value(node: Node) -> Fraction:
    if isinstance(node, Call):
        return -value(node.args[0])
    assert isinstance(node, Number)
    return node.value


def test_a_small_array_is_the_list_that_people_type() -> None:
    assert array_text(numpy.array([0.1, -2.0]), (2,)) == "[0.1, -2.0]"
    assert array_text(["0.10", "1e5"], (1, 2)) == "[[0.10, 1e5]]"
    assert array_text(numpy.array([1.5]), ()) == "1.5"


def test_a_large_array_is_described() -> None:
    text = array_text(numpy.zeros(2 * MAX_WRITTEN), (2, MAX_WRITTEN), "x.npy")
    assert isinstance(text, ArrayText)
    assert text == "array of shape (2, 1000) from x.npy"
    assert array_text(numpy.zeros(1_001), (1_001,)) == "array of shape (1001,)"
    again = pickle.loads(pickle.dumps(ArrayText((1_001,), numpy.arange(1_001.0))))
    assert again.shape == (1_001,)
    assert again.numbers[7] == 7


def test_binary_numbers_are_meant_as_they_are_and_decimals_as_they_are_written() -> None:
    numbers = [0.1, -1e-300, 5e-324, 1e300, -0.0, 3.0]
    binary = Numbers(numpy.array(numbers))
    assert [value(node) for node in binary] == list(map(Fraction, numbers))
    assert [value(node) for node in Numbers(["0.1", "-1e-400", "+3"])] == [Fraction(1, 10), -(Fraction(10) ** -400), 3]
    assert Numbers(["0.1", "-2"]).floats().tolist() == [0.1, -2.0]


@pytest.mark.parametrize("suffix", ["csv", "json", "npy"])
def test_a_large_file(suffix: str, tmp_path: Path) -> None:
    array = numpy.random.default_rng(1).normal(size=(120, 10))
    path = tmp_path / f"data.{suffix}"
    if suffix == "npy":
        numpy.save(path, array)
    else:
        rows = [",".join(map(repr, row)) for row in array.tolist()]
        path.write_text("\n".join(rows) if suffix == "csv" else f"[[{'],['.join(rows)}]]")
    text = read_array(str(path))
    assert text == f"array of shape (120, 10) from data.{suffix}"
    entries = read_value("X", text).entries
    assert entries.shape == (120, 10)
    exact = [Fraction(number) if suffix == "npy" else Fraction(repr(number)) for number in array.reshape(-1).tolist()]
    assert [value(node) for node in entries.entries] == exact


def test_what_a_large_file_may_not_have(tmp_path: Path) -> None:
    numpy.save(tmp_path / "nan.npy", numpy.full(2_000, numpy.nan))
    with pytest.raises(CalcError, match="expected a number, found 'nan'"):
        read_array(str(tmp_path / "nan.npy"))
    numpy.save(tmp_path / "large.npy", numpy.zeros(MAX_ENTRIES + 1, dtype="int8"))
    with pytest.raises(CalcError, match=f"an array has 1 to {MAX_ENTRIES} entries"):
        read_array(str(tmp_path / "large.npy"))


def test_integers_beyond_doubles_are_decimals() -> None:
    assert binary_or_decimal(numpy.array([2**60 + 1, 1])) == [str(2**60 + 1), "1"]
    assert binary_or_decimal(numpy.array([2**53, -1])).tolist() == [2.0**53, -1.0]


ARRAYS = {
    "numpy": numpy.arange(1_200.0).reshape(60, 20) / 1_200,
    "float32": (numpy.arange(1_200.0).reshape(60, 20) / 1_200).astype("float32"),
    "torch": torch.arange(1_200, dtype=torch.float64).reshape(60, 20) / 1_200,
    "bfloat16": torch.arange(1_200).reshape(60, 20).to(torch.bfloat16),
    "integers": numpy.arange(1_200).reshape(60, 20),
    "lists": [[(20 * row + column) / 1_200 for column in range(20)] for row in range(60)],
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_a_large_array_of_a_caller_is_not_written_out(array: object) -> None:
    text = value_text(array)
    assert isinstance(text, ArrayText)
    assert text == "array of shape (60, 20)"
    plain = array.double().numpy() if isinstance(array, torch.Tensor) else numpy.array(array, dtype=float)
    flat = plain.reshape(-1).tolist()
    assert text.numbers.tolist() == flat


def test_arrays_of_a_caller_that_are_refused() -> None:
    for array, message in [
        (numpy.full(2_000, numpy.inf), "an array has entries that are not finite"),
        (numpy.zeros(2_000, dtype=complex), "an array consists of real numbers, not of complex128"),
        (numpy.zeros(MAX_ENTRIES + 1), f"an array has at most {MAX_ENTRIES} entries, not {MAX_ENTRIES + 1}"),
    ]:
        with pytest.raises(CalcError, match=message):
            gradcalc.differentiate("sum(x)", at={"x": array})
