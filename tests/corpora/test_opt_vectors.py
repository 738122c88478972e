"""Optimisation test functions in their vector form, beside references that know no vectors.

A reference is of a function of numbers x1, x2, ...: in the `opt` corpus with 50 digits (those tests are skipped without it), and
here by mpmath, which differentiates the textbook's sums, written as loops, numerically with 60 digits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import mpmath
import pytest
from mpmath import mp

from gradcalc.calculate.answer import answer
from gradcalc.report import Problem, Report, Verdict

Row = Mapping[str, Any]


def close(found: str | None, reference: Fraction, digits: int = 19) -> bool:
    """Whether a decimal is a reference to so many digits; what is below 1e-40 on either side is zero."""
    if found is None:
        return False
    gap = abs(Fraction(found) - reference)
    return gap <= abs(reference) / 10**digits or gap < Fraction(1, 10**40)


# ------------------------------------------------------------------------------------ written as loops, read as vectors

Mp = Any
"""A number of mpmath's."""


@dataclass(frozen=True)
class Known:
    """A function of several numbers by its sum over them, and the same for gradcalc."""

    vector: str
    loop: Callable[[Sequence[Mp]], Mp]


def total(terms: Iterable[Mp]) -> Mp:
    return mpmath.fsum(terms)


def _levy(x: Sequence[Mp]) -> Mp:
    w = [1 + (entry - 1) / 4 for entry in x]
    middle = total((v - 1) ** 2 * (1 + 10 * mp.sin(mp.pi * v + 1) ** 2) for v in w[:-1])
    return mp.sin(mp.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + mp.sin(2 * mp.pi * w[-1]) ** 2)


def _ackley(x: Sequence[Mp]) -> Mp:
    squares, waves = total(v**2 for v in x) / len(x), total(mp.cos(2 * mp.pi * v) for v in x) / len(x)
    return -20 * mp.exp(-mp.sqrt(squares) / 5) - mp.exp(waves) + 20 + mp.e


def _griewank(x: Sequence[Mp]) -> Mp:
    waves = mpmath.fprod(mp.cos(v / mp.sqrt(place)) for place, v in enumerate(x, 1))
    return 1 + total(v**2 for v in x) / 4000 - waves


def _zakharov(x: Sequence[Mp]) -> Mp:
    weighted = total(place * v / 2 for place, v in enumerate(x, 1))
    return total(v**2 for v in x) + weighted**2 + weighted**4


def _dixon_price(x: Sequence[Mp]) -> Mp:
    return (x[0] - 1) ** 2 + total((place + 1) * (2 * x[place] ** 2 - x[place - 1]) ** 2 for place in range(1, len(x)))


def _powell(x: Sequence[Mp]) -> Mp:
    a, b, c, d = x
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


def _variance(x: Sequence[Mp]) -> Mp:
    middle = total(x) / len(x)
    return total((v - middle) ** 2 for v in x) / (len(x) - 1)


def _rosenbrock(x: Sequence[Mp]) -> Mp:
    return total(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def _log_sum(x: Sequence[Mp]) -> Mp:
    return mp.log(total(mp.exp(v) for v in x))


def _rotated(x: Sequence[Mp]) -> Mp:
    return total(total(x[: place + 1]) ** 2 for place in range(len(x)))


ROSENBROCK = Known("sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", _rosenbrock)

KNOWN: dict[str, Known] = {
    "Rosenbrock": ROSENBROCK,
    "Rosenbrock by a list": Known(
        "sum([100*(x[1] - x[0]**2)**2 + (1 - x[0])**2, 100*(x[2] - x[1]**2)**2 + (1 - x[1])**2, 100*(x[3] - x[2]**2)**2 + (1 - x[2])**2])",
        _rosenbrock,
    ),
    "Ackley": Known("-20*exp(-norm(x)/sqrt(4)/5) - exp(mean(cos(2*pi*x))) + 20 + e", _ackley),
    "Rastrigin": Known("10*4 + sum(x**2 - 10*cos(2*pi*x))", lambda x: 10 * len(x) + total(v**2 - 10 * mp.cos(2 * mp.pi * v) for v in x)),
    "Griewank": Known("1 + x@x/4000 - prod(cos(x/sqrt([1,2,3,4])))", _griewank),
    "Styblinski-Tang": Known("(x**4 - 16*x**2 + 5*x).sum()/2", lambda x: total(v**4 - 16 * v**2 + 5 * v for v in x) / 2),
    "Zakharov": Known("sum(x**2) + (0.5*[1,2,3,4]@x)**2 + (0.5*[1,2,3,4]@x)**4", _zakharov),
    "Levy": Known(
        "sin(pi*(1 + (x[0] - 1)/4))**2 + sum(((x[:-1] - 1)/4)**2*(1 + 10*sin(pi*(1 + (x[:-1] - 1)/4) + 1)**2)) + ((x[-1] - 1)/4)**2*(1 + sin(2*pi*(1 + (x[-1] - 1)/4))**2)",
        _levy,
    ),
    "Dixon-Price": Known("(x[0] - 1)**2 + [2,3,4]@(2*x[1:]**2 - x[:-1])**2", _dixon_price),
    "Trid": Known("sum((x - 1)**2) - x[1:]@x[:-1]", lambda x: total((v - 1) ** 2 for v in x) - total(a * b for a, b in pairwise(x))),
    "Powell": Known("(x[0] + 10*x[1])**2 + 5*(x[2] - x[3])**2 + (x[1] - 2*x[2])**4 + 10*(x[0] - x[3])**4", _powell),
    "Salomon": Known("1 - cos(2*pi*norm(x)) + 0.1*norm(x)", lambda x: 1 - mp.cos(2 * mp.pi * mp.sqrt(total(v**2 for v in x))) + mp.sqrt(total(v**2 for v in x)) / 10),
    "rotated hyper-ellipsoid": Known("sum(cumsum(x)**2)", _rotated),
    "sum of powers": Known("sum(x**[2,3,4,5])", lambda x: total(v ** (place + 2) for place, v in enumerate(x))),
    "product of sines": Known("prod(2 + sin(x))", lambda x: mpmath.fprod(2 + mp.sin(v) for v in x)),
    "variance": Known("var(x)", _variance),
    "log-sum-exp": Known("logsumexp(x)", _log_sum),
    "largest of squares": Known("max(x**2)", lambda x: max(v**2 for v in x)),
}  # fmt: skip
POINTS = {"near": "0.5 -1.25 1.75 0.375", "far": "-2.5 3.125 -0.75 4.0625"}
"""Numbers that float32 holds, no two with the same square."""


@cache
def known_partials(known: Known, point: str, order: int) -> dict[tuple[int, ...], Fraction]:
    """The partials of a function by all entries of its vector, with 60 digits."""
    found = {}
    with mp.workdps(80):
        entries = [mpmath.mpf(text) for text in point.split()]
        for places in product(range(len(entries)), repeat=order):
            times = tuple(places.count(place) for place in range(len(entries)))
            derivative = mpmath.diff(lambda *x: known.loop(x), tuple(entries), times)
            found[places] = Fraction(mpmath.nstr(derivative, 60))
    return found


def report_of(vector: str, point: str, order: int = 1, dtype: str = "float64") -> Report:
    return answer(Problem(vector, {"x": f"[{', '.join(point.split())}]"}, ("x",), order, "cpu", dtype))


CASES = [(name, point) for name in KNOWN for point in POINTS]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "point"), CASES, ids=[" ".join(case) for case in CASES])
def test_gradients_of_vectors_are_those_of_loops(name: str, point: str, dtype: str) -> None:
    known, at = KNOWN[name], POINTS[point]
    report = report_of(known.vector, at, 1, dtype)
    expected = known_partials(known, at, 1)
    assert {partial.index for partial in report.partials} == set(expected)
    for partial in report.partials:
        assert close(partial.symbolic, expected[partial.index]), (partial.index, partial.symbolic)
        assert partial.verdict is Verdict.AGREE, (partial.index, partial.cause, partial.why)


@pytest.mark.parametrize("name", KNOWN)
def test_hessians_of_vectors_are_those_of_loops(name: str) -> None:
    known, at = KNOWN[name], POINTS["near"]
    report = report_of(known.vector, at, 2)
    expected = known_partials(known, at, 2)
    assert {partial.index for partial in report.partials} == set(expected)
    for partial in report.partials:
        assert close(partial.symbolic, expected[partial.index]), (partial.index, partial.symbolic)
        # Where the derivative is 0, torch's rounding leaves a number that has no right digit.
        assert partial.verdict is Verdict.AGREE or (partial.verdict, partial.cause, partial.symbolic) == (
            Verdict.INACCURATE,
            "cancellation",
            "0",
        ), (partial.index, partial.cause, partial.why)


WRONG = {
    "a slice that begins one late": "sum(100*(x[1:] - x[:-1]**2)**2) + sum((1 - x[1:])**2)",
    "a mean for a sum": "mean(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)",
    "another weight": "sum(99.9999999999*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)",
}


@pytest.mark.parametrize("vector", WRONG.values(), ids=WRONG)
def test_another_function_would_be_noticed(vector: str) -> None:
    at = POINTS["near"]
    expected = known_partials(ROSENBROCK, at, 1)
    assert not all(close(partial.symbolic, expected[partial.index]) for partial in report_of(vector, at).partials)


# ------------------------------------------------------------------------------------------- the corpus, read as vectors

FOLDER = Path(os.environ.get("GRADCALC_CORPORA") or Path(__file__).resolve().parents[3] / "shared" / "corpora")
CORPUS = FOLDER / "opt.jsonl"

_SHEKEL = "[[4, 4, 4, 4], [1, 1, 1, 1], [8, 8, 8, 8], [6, 6, 6, 6], [3, 7, 3, 7], [2, 9, 2, 9], [5, 5, 3, 3]]"
_HARTMANN_A = "[[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]"
_HARTMANN_P = "[[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991], [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]]"
_KOWALIK_U = "[4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.833, 0.0714, 0.0625]"
_KOWALIK_Y = "[0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]"
_MEYER_T = "[50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 125]"
_MEYER_Y = "[34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872]"
_BIGGS_T = "[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3]"

VECTORS = {
    "03_powell_bs": "(1e4*prod(x) - 1)**2 + (sum(exp(-x)) - 1.0001)**2",
    "04_brown_bs": "sum((x - [1e6, 2e-6])**2) + (prod(x) - 2)**2",
    "06_jenn_samp": "sum((2 + 2*[1,2,3,4,5,6,7,8,9,10] - exp(outer([1,2,3,4,5,6,7,8,9,10], x)).sum(dim=1))**2)",
    "10_meyer": f"sum((x[0]*exp(x[1]/({_MEYER_T} + x[2])) - {_MEYER_Y})**2)",
    "18_biggs_exp6": f"sum((x[2]*exp(-x[0]*{_BIGGS_T}) - x[3]*exp(-x[1]*{_BIGGS_T}) + x[5]*exp(-x[4]*{_BIGGS_T}) - (exp(-{_BIGGS_T}) - 5*exp(-10*{_BIGGS_T}) + 3*exp(-4*{_BIGGS_T})))**2)",
    "Ackley01 (4d)": "-20*exp(-0.2*sqrt(mean(x**2))) - exp(mean(cos(2*pi*x))) + 20 + E",
    "Ackley02 (2d)": "-200*exp(-0.02*norm(x))",
    "Alpine01 (2d)": "sum(abs(x*sin(x) + 0.1*x))",
    "Alpine02 (2d)": "prod(sqrt(x)*sin(x))",
    "AMPGO08": "-[1,2,3,4,5,6]@cos([2,3,4,5,6,7]*x[0] + [1,2,3,4,5,6])",
    "BartelsConn (2d)": "abs(x@x + prod(x)) + abs(sin(x[0])) + abs(cos(x[1]))",
    "Bohachevsky1 (2d)": "[1,2]@x**2 - [0.3,0.4]@cos([3,4]*pi*x) + 0.7",
    "Bohachevsky2 (2d)": "[1,2]@x**2 - 0.3*prod(cos([3,4]*pi*x)) + 0.3",
    "CarromTable (2d)": "-(prod(cos(x))*exp(abs(1 - norm(x)/pi)))**2/30",
    "Cigar (2d)": "x[0]**2 + 1e6*sum(x[1:]**2)",
    "CosineMixture (2d)": "-0.1*sum(cos(5*pi*x)) + sum(x**2)",
    "Csendes (2d)": "sum(x**6*(2 + sin(1/x)))",
    "Damavandi (2d)": "(1 - abs(prod(sin(pi*(x - 2)))/(9.869604401089358*prod(x - 2)))**5)*(2 + [1,2]@(x - 7)**2)",
    "Deb01 (2d)": "-mean(sin(5*pi*x)**6)",
    "DeflectedCorrugatedSpring (2d)": "-cos(5*norm(x - 5)) + 0.1*sum((x - 5)**2)",
    "Hartmann6 (6d)": f"-[1,1.2,3,3.2]@exp(-sum({_HARTMANN_A}*(x - {_HARTMANN_P})**2, dim=1))",
    "HimmelBlau (2d)": "sum((x[0]**[2,1] + x[1]**[1,2] - [11,7])**2)",
    "McCormick (2d)": "sin(sum(x)) + (x[0] - x[1])**2 + [-1.5,2.5]@x + 1",
    "Mishra01 (4d)": "(1 + (4 - sum(x)))**(4 - sum(x))",
    "Mishra02 (2d)": "(1 + (2 - mean(x)))**(2 - mean(x))",
    "Mishra05 (2d)": "[0.01,0.1]@x + (sin(sum(cos(x))**2)**2 + cos(sum(sin(x))**2)**2 + x[0])**2",
    "Mishra11 (2d)": "(mean(abs(x)) - prod(abs(x))/2)**2",
    "Mishra11 (4d)": "(mean(abs(x)) - prod(abs(x))/4)**2",
    "MultiModal (2d)": "norm(x, 1)*prod(abs(x))",
    "PermFunction02 (2d)": "([11,12]@(x - [1,0.5]))**2 + ([11,12]@(x**2 - [1,0.25]))**2",
    "Price01 (2d)": "sum((abs(x) - 5)**2)",
    "Qing (2d)": "sum((x**2 - [1,2])**2)",
    "Qing (4d)": "sum((x**2 - [1,2,3,4])**2)",
    "Quintic (2d)": "sum(abs(x**5 - 3*x**4 + 4*x**3 + 2*x**2 - 10*x - 4))",
    "Rana (4d)": "sum((x[1:] + 1)*cos(sqrt(abs(x[1:] - x[:-1] + 1)))*sin(sqrt(abs(x[1:] + x[:-1] + 1))) + x[:-1]*cos(sqrt(abs(x[1:] + x[:-1] + 1)))*sin(sqrt(abs(x[1:] - x[:-1] + 1))))",
    "Rastrigin (2d)": "20 + sum(x**2 - 10*cos(2*pi*x))",
    "Ripple01 (2d)": "-sum(exp(-1.3862943611198906*((x - 0.1)/0.8)**2)*(sin(5*pi*x)**6 + 0.1*cos(1570.7963267948965*x)**2))",
    "Rosenbrock (4d)": "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)",
    "RotatedEllipse01 (2d)": "x@[[7, -5.196152422706632], [-5.196152422706632, 13]]@x",
    "Salomon (4d)": "1 - cos(2*pi*norm(x)) + 0.1*norm(x)",
    "Schaffer03 (2d)": "0.5 + (sin(cos(abs([1,-1]@x**2)))**2 - 0.5)/(1 + 0.001*sum(x**2))**2",
    "Schwefel04 (2d)": "sum((x - 1)**2 + (x[0] - x**2)**2)",
    "Schwefel22 (2d)": "norm(x, 1) + prod(abs(x))",
    "Schwefel26 (2d)": "837.965774 - sum(x*sin(sqrt(abs(x))))",
    "Schwefel26 (4d)": "1675.931548 - sum(x*sin(sqrt(abs(x))))",
    "Schwefel36 (2d)": "-prod(x)*(72 - 2*sum(x))",
    "Shekel07 (4d)": f"-sum(1/(sum((x - {_SHEKEL})**2, dim=1) + [0.1, 0.2, 0.2, 0.4, 0.4, 0.6, 0.3]))",
    "Shubert03 (2d)": "-[1,2,3,4,5]@sum(sin(outer([2,3,4,5,6], x) + [[1],[2],[3],[4],[5]]), dim=1)",
    "Shubert04 (4d)": "-[1,2,3,4,5]@sum(cos(outer([2,3,4,5,6], x) + [[1],[2],[3],[4],[5]]), dim=1)",
    "Sphere (4d)": "x@x",
    "StyblinskiTang (2d)": "sum(x**4 - 16*x**2 + 5*x)/2",
    "Trigonometric01 (2d)": "sum((2 - sum(cos(x) + [[1],[2]]*(1 - cos(x) - sin(x)), dim=1))**2)",
    "Trigonometric01 (4d)": "sum((4 - sum(cos(x) + [[1],[2],[3],[4]]*(1 - cos(x) - sin(x)), dim=1))**2)",
    "Vincent (2d)": "-sum(sin(10*log(x)))",
    "XinSheYang03 (4d)": "exp(-sum((x/15)**10)) - 2*exp(-sum(x**2))*prod(cos(x)**2)",
    "XinSheYang04 (2d)": "(sum(sin(x)**2) - exp(-sum(x**2)))*exp(-sum(sin(sqrt(abs(x)))**2))",
    "YaoLiu09 (2d)": "sum(x**2 - 10*cos(2*pi*x) + 10)",
    "YaoLiu09 (4d)": "sum(x**2 - 10*cos(2*pi*x) + 10)",
    "Zettl (2d)": "(norm(x)**2 - 2*x[0])**2 + 0.25*x[0]",
    "argtrig": "4 - sum(cos(x) + [1,2,3,4]*(1 - cos(x)) - sin(x))",
    "beale": "sum(([1.5,2.25,2.625] - x[0]*(1 - x[1]**[1,2,3]))**2)/2",
    "browngen1": "sum((x[:-1] - 3)**2 + (x[:-1] - x[1:])**2 + exp(20*(x[:-1] - x[1:])))",
    "catenary": "9.81*250*[0.5,1,0.5]@x",
    "controlinvestment": "((u - 1)@x)/4",
    "cosine": "sum(cos(x[:-1]**2 - 0.5*x[1:]))",
    "dqdrtic": "sum(x[:-2]**2 + 100*(x[1:-1]**2 + x[2:]**2))",
    "dqrtic": "sum((x - [1,2,3,4])**4)",
    "elec": "1/norm(x[1::2] - x[::2])",
    "fletcbv3_mod": "10.0**(-8)/2*(x[0]**2 + sum((x[:-1] - x[1:])**2) + x[-1]**2) - 10.0**(-8)*sum(100*(1 + 2/0.2**2)*sin(x/100) + cos(x)/0.2**2)",
    "fletchcr": "100*sum((x[1:] - x[:-1] + 1 - x[:-1]**2)**2)",
    "freuroth": "sum(((5 - x[1:])*x[1:]**2 + x[:-1] - 2*x[1:] - 13)**2 + ((1 + x[1:])*x[1:]**2 + x[:-1] - 14*x[1:] - 29)**2)/2",
    "genrose": "1 + 100*sum((x[1:] - x[:-1]**2)**2) + sum((x[:-1] - 1)**2)",
    "hs109": "[3,2]@x + [1e-6,0.522074e-6]@x**3",
    "hs11": "sum((x - [5,0])**2) - 25",
    "hs18": "[0.01,1]@x**2",
    "hs23": "norm(x)**2/2",
    "hs240": "sum(([[1,-1,1],[-1,1,1],[1,1,-1]]@x)**2)",
    "hs28": "sum((x[:-1] + x[1:])**2)/2",
    "hs30": "mean(x**2)*3/2",
    "hs35": "9 - [8,6,4]@x + x@[[2,1,1],[1,2,0],[1,0,1]]@x",
    "hs40": "-prod(x)",
    "hs45": "2 - prod(x)/120",
    "hs47": "sum((x[:-1] - x[1:])**[2,3,4,4])",
    "hs62": "-32.174*[255,280,290]@log(([[1,1,1],[0,1,1],[0,0,1]]@x + 0.03)/([[0.09,1,1],[0,0.07,1],[0,0,0.13]]@x + 0.03))",
    "hs64": "[5,20,10]@x + sum([50000,72000,144000]/x)",
    "hs72": "1 + sum(x)",
    "hs74": "[3,2]@x + 1e-6*[1,2/3]@x**3",
    "hs76": "[1,0.5,1,0.5]@x**2 - x[0]*x[2] + x[2]*x[3] + [-1,-3,1,-1]@x",
    "hs79": "(x[0] - 1)**2 + sum((x[:-1] - x[1:])**[2,2,4,4])",
    "hs99": "-([1250,1250,3750,3750,3750,9000,9000]@cos(x))**2",
    "kowosb": f"sum(({_KOWALIK_Y} - x[0]*({_KOWALIK_U}**2 + {_KOWALIK_U}*x[1])/({_KOWALIK_U}**2 + {_KOWALIK_U}*x[2] + x[3]))**2)/2",
    "nondquar": "(x[0] - x[1])**2 + (x[2] - x[3])**2 + sum((x[:-2] + x[1:-1] + x[-1])**4)",
    "sinquad": "(x[0] - 1)**4 + (x[-1]**2 - x[0]**2)**2 + sum((sin(x[1:-1] - x[-1]) - x[0]**2 + x[1:-1]**2)**2)",
    "srosenbr": "sum(100*(x[1::2] - x[::2]**2)**2 + (x[::2] - 1)**2)",
    "tquartic": "(x[0] - 1)**2/2 + sum((x[0]**2 - x[1:]**2)**2)/2",
}


def rows() -> list[Row]:
    """The rows whose formula has a vector form here; numbers keep their decimal text."""
    lines = CORPUS.read_text(encoding="utf-8").splitlines() if CORPUS.exists() else []
    found = [json.loads(line, parse_float=str, parse_int=str) for line in lines]
    return [row for row in found if form(row) in VECTORS]


def form(row: Row) -> str:
    """The name of a row's function, without where the row is."""
    return str(row["name"]).partition(" at ")[0]


SLOW = {"opt-jump-204-edge", "opt-mgh-18_biggs_exp6-min"}
"""Seven seconds each.  `test_corpora` has these points with numbered variables; the vectors are judged at two other points."""
BY_ID = {row["id"]: row for row in rows() if row["id"] not in SLOW}
SOME = list(BY_ID)[::4]
CURVED = [name for name, row in BY_ID.items() if row["kind"] == "regular" and row.get("hessian")][::2]
needs_corpus = pytest.mark.skipif(not BY_ID, reason=f"there is no {CORPUS}: GRADCALC_CORPORA may name its folder")


def vectors(row: Row) -> tuple[dict[str, str], dict[str, str]]:
    """The values of the vectors, and the name in the row of each entry: x[0] is x1."""
    names = sorted(row["vars"], key=lambda name: (name[0], int(name[1:] or 0)))
    at: dict[str, list[str]] = {}
    called = {}
    for name in names:
        line = at.setdefault(name[0], [])
        called[f"{name[0]}[{len(line)}]"] = name
        line.append(row["point"][name])
    return {letter: f"[{', '.join(line)}]" for letter, line in at.items()}, called


def complaints(row: Row, order: int, dtype: str) -> list[str]:
    """What the partials of a row's vector form say that its references do not."""
    at, called = vectors(row)
    report = answer(Problem(VECTORS[form(row)], at, tuple(at), order, "cpu", dtype))
    known = row["ref"] if order == 1 else row["hessian"]
    measured = str(row.get("ad64_relerr", "none"))
    is_easy = row["kind"] == "regular" and not measured[:1].isalpha() and float(measured) < 1e-9
    found = []
    for partial in report.partials:
        names = [called[entry] for entry in partial.entries]
        reference = known.get(",".join(names), known.get(",".join(reversed(names))))
        said = f"{partial.entries} {partial.symbolic} {partial.verdict} {partial.cause}"
        if reference is None and (partial.verdict is Verdict.AGREE or partial.symbolic is not None):
            found.append(f"there is no derivative: {said}")
        if reference is not None and not close(partial.symbolic, Fraction(reference)):
            found.append(f"not {reference[:25]}: {said}")
        if partial.verdict in (Verdict.DISAGREE, Verdict.UNDECIDED):
            found.append(f"nothing is wrong: {said}")
        is_zero = order == 2 and reference is not None and Fraction(reference) == 0
        if is_easy and dtype == "float64" and not is_zero and partial.verdict is not Verdict.AGREE:
            found.append(f"nothing is the matter: {said}")
    return found


@pytest.mark.corpora
@pytest.mark.slow
@needs_corpus
@pytest.mark.parametrize(("name", "dtype"), [*((name, "float64") for name in BY_ID), *((name, "float32") for name in SOME)])
def test_gradients_of_the_corpus(name: str, dtype: str) -> None:
    assert complaints(BY_ID[name], 1, dtype) == []


@pytest.mark.corpora
@pytest.mark.slow
@needs_corpus
@pytest.mark.parametrize("name", CURVED)
def test_hessians_of_the_corpus(name: str) -> None:
    assert complaints(BY_ID[name], 2, "float64") == []
