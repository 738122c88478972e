"""Every engine has every function that rows of the table call, and rows call no other."""

from __future__ import annotations

import inspect

import pytest

from gradcalc.engines.rounding.functions import IntervalVocabulary
from gradcalc.engines.symbolic.cas.vocabulary import SympyVocabulary
from gradcalc.engines.taylor.germs.functions import GermVocabulary
from gradcalc.engines.taylor.special_functions import JetVocabulary
from gradcalc.expression.tree import Name
from gradcalc.functions import TABLE, Function
from gradcalc.functions.row import row
from gradcalc.functions.vocabulary import NAMES, Vocabulary
from gradcalc.proof.claims.breakpoints import TreeValue, TreeVocabulary

ENGINES = [JetVocabulary, GermVocabulary, IntervalVocabulary, SympyVocabulary, TreeVocabulary]
MEANINGS = [each for each in TABLE.values() if each.elementwise and each.definition is None]

WITHOUT_BOUND = {
    "heaviside", "erfi", "erfinv", "gamma", "lgamma", "digamma", "polygamma", "zeta",
    "besselj", "bessely", "besseli", "besselk",
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES, ids=[engine.__name__ for engine in ENGINES])
def test_every_engine_has_the_whole_vocabulary(engine: type[Vocabulary[object, object]]) -> None:  # type: ignore[type-var]
    assert not inspect.isabstract(engine)
    assert all(callable(getattr(engine, name)) for name in NAMES)
    assert not hasattr(engine, "__getattr__"), "a misspelt name would mean something"


@pytest.mark.parametrize("function", MEANINGS, ids=[each.name for each in MEANINGS])
def test_rows_call_the_vocabulary_only(function: Function) -> None:
    required = [parameter for parameter in function.parameters if not parameter.optional]
    for count in {len(required), len(function.parameters)}:
        function.meaning(TreeVocabulary(), *(TreeValue(Name(letter)) for letter in "abcde"[:count]))


def test_functions_without_a_bound_on_rounding() -> None:
    unknown = IntervalVocabulary.unknown
    assert {name for name in NAMES if getattr(IntervalVocabulary, name) is unknown} == WITHOUT_BOUND


def test_a_misspelt_meaning_is_refused() -> None:
    with pytest.raises(TypeError, match="sihn"):
        row("sinh", "x", "hyperbolic sine", meaning="sihn")
    misspelt = row("silu", "x", "x*sigmoid(x)", meaning=lambda m, x: x * getattr(m, "sigmiod")(x))  # noqa: B009
    with pytest.raises(AttributeError, match="sigmiod"):
        misspelt.meaning(TreeVocabulary(), TreeValue(Name("x")))
