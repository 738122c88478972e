"""Every command as a function of plain data, with the names of its options.

Expressions are text or SymPy expressions.  A point is text (`"x=3, y=1/2"`), a number for the only variable, or a mapping;
its values are text (exact: `"0.1"` is 1/10), integers, fractions, floats (their shortest decimal text), or arrays of these,
NumPy's and PyTorch's too.  All functions raise `CalcError`, which is a `ValueError`, for what cannot be answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradcalc.calculate.answer import answer
from gradcalc.calculate.prepared import prepare
from gradcalc.commands.arguments import choice
from gradcalc.errors import CalcError
from gradcalc.library.arguments import At, By, Call, lines_of, optional_text, seconds, value_text, whole
from gradcalc.library.result import Result
from gradcalc.output.options import RenderOptions
from gradcalc.report import Report
from gradcalc.runtime.deadline import DEFAULT_SECONDS

if TYPE_CHECKING:
    from gradcalc.calculate.claims.results import Check, Solution
    from gradcalc.commands.accumulate.accumulation import Accumulation
    from gradcalc.commands.bce.neuron import NeuronReport
    from gradcalc.commands.plot.curve import Plot
    from gradcalc.commands.steps.steps import Stepwise
    from gradcalc.commands.trace.trace import Trace
    from gradcalc.commands.tracking.tracking import Tracking


def differentiate(
    expr: Any,
    *,
    at: At = None,
    by: By = (),
    order: int = 1,
    device: str = "cpu",
    dtype: str | None = None,
    variables: Sequence[str] = (),
    notation: str = "auto",
    direction: Any = None,
    cotangent: Any = None,
    entries: bool = False,
    timeout: float = DEFAULT_SECONDS,
) -> Report:
    """The derivatives of an expression: formulas, and at a point the numbers of all engines with a verdict for each.

    `by` names variables, or entries such as `x[0]` (default: all, in order of appearance), and `order` is that of the
    derivative.  `direction` asks for a Jacobian-vector product, `cotangent` for a vector-Jacobian product.  `variables` are
    names that are variables whatever else they mean.  Large arrays have formulas for their first entries; `entries` asks for
    all.  `timeout` is in seconds, for SymPy and for the proof separately.

    >>> report = differentiate("x**2", at={"x": 3})
    >>> report
    <Report f = x**2 at x = 3: ∂f/∂x = 2*x = 6, agree>
    >>> report.partials[0].symbolic, report.partials[0].autograd
    ('6', 6.0)
    """
    call = Call(expr, by, order, device, dtype, variables, notation, direction, cotangent, entries)
    return answer(call.problem_at(at), seconds=seconds(timeout))


def sweep(
    expr: Any,
    at: At,
    *,
    by: By = (),
    order: int = 1,
    device: str = "cpu",
    dtype: str | None = None,
    variables: Sequence[str] = (),
    notation: str = "auto",
    timeout: float = DEFAULT_SECONDS,
) -> list[Report]:
    """The derivatives at several points, a report for each: `"x=0:1:11"`, `"x=2;3"`, or a list of points.

    >>> [str(report.verdict) for report in sweep("abs(x)", "x=-1:1:3")]
    ['agree', 'not-differentiable', 'agree']
    """
    query, points = Call(expr, by, order, device, dtype, variables, notation).sweep(at)
    first = prepare(query, points[0], seconds=seconds(timeout))
    return [answer(first if place == 0 else first.at(point)) for place, point in enumerate(points)]


def check(
    expr: Any,
    claim: Any = None,
    *,
    lines: Sequence[str] | str = (),
    by: str | None = None,
    at: At = None,
    where: str | None = None,
    timeout: float = DEFAULT_SECONDS,
) -> Result[Check] | Result[Solution]:
    """Check a derivative that was found by hand, or the lines of a derivation.

    >>> result = check("sin(x**2)", "2*x*cos(x**2)")
    >>> str(result.outcome)
    'right'
    >>> str(check("sin(x**2)", "cos(x**2)").outcome)
    'wrong'
    """
    from gradcalc.calculate.claims.results import Check
    from gradcalc.commands.check.render import FORMATS, SOLUTION_FORMATS
    from gradcalc.commands.claim_questions import answer as answer_claim
    from gradcalc.commands.claim_questions import read_question

    texts, by, where = lines_of(lines), optional_text(by, "by"), optional_text(where, "where")
    problem = Call(expr).problem()
    own = None if claim is None else value_text(claim)
    points = [] if at is None else [_typed(at)]
    result = answer_claim(read_question(problem.expr, own, texts, by=by, at=points, where=where), seconds(timeout))
    return Result(result, FORMATS) if isinstance(result, Check) else Result(result, SOLUTION_FORMATS)


def _typed(at: At) -> str:
    """A point as it is typed on a command line."""
    if isinstance(at, Mapping):
        return ", ".join(f"{name}={value_text(value)}" for name, value in at.items())
    return value_text(at)


def steps(
    expr: Any,
    *,
    at: At = None,
    by: By = (),
    device: str = "cpu",
    dtype: str | None = None,
    notation: str = "auto",
    timeout: float = DEFAULT_SECONDS,
) -> Result[Stepwise]:
    """A derivative step by step, rule by rule.

    >>> print(steps("x**2"))  # doctest: +ELLIPSIS
    f = x**2
    ...
    """
    from gradcalc.commands.steps.handout import FORMATS, Handout
    from gradcalc.commands.steps.render import RuleExercise
    from gradcalc.commands.steps.steps import stepwise

    def of_one(render: Callable[[Handout, RenderOptions], str]) -> Callable[[Stepwise, RenderOptions], str]:
        return lambda value, options: render(Handout([RuleExercise(value)]), options)

    result = stepwise(Call(expr, by, 1, device, dtype, (), notation).question(at), seconds=seconds(timeout))
    return Result(result, {name: of_one(render) for name, render in FORMATS.items()})


def trace(
    expr: Any, at: At, *, device: str = "cpu", dtype: str | None = None, notation: str = "auto",
    timeout: float = DEFAULT_SECONDS,
) -> Result[Trace]:  # fmt: skip
    """The graph that autograd records at a point, with values, local derivatives and adjoints.

    >>> [vertex.text for vertex in trace("sin(x**2)", 3).vertices if vertex.edges]
    ['x**2', 'sin(x**2)']
    """
    from gradcalc.commands.trace.render import FORMATS
    from gradcalc.commands.trace.trace import trace as traced

    return Result(traced(Call(expr, (), 1, device, dtype, (), notation).question(at), seconds=seconds(timeout)), FORMATS)


def accumulate(
    expr: Any, at: At, *, passes: int = 3, zero: bool = False, device: str = "cpu", dtype: str | None = None,
    timeout: float = DEFAULT_SECONDS,
) -> Result[Accumulation]:  # fmt: skip
    """How `.grad` accumulates across backward() calls; with `zero`, only the ways that clear it.

    >>> accumulate("x**2", 3).gradients["never"]
    [{'x': 6.0}, {'x': 12.0}, {'x': 18.0}]
    """
    from gradcalc.commands.accumulate.accumulation import MAX_PASSES
    from gradcalc.commands.accumulate.accumulation import accumulate as accumulated
    from gradcalc.commands.accumulate.render import FORMATS

    question = Call(expr, (), 1, device, dtype).question(at)
    count = whole(passes, "the number of passes", MAX_PASSES)
    return Result(accumulated(question, passes=count, clear=zero, seconds=seconds(timeout)), FORMATS)


def tracking(
    expr: Any, at: At, *, device: str = "cpu", dtype: str | None = None, timeout: float = DEFAULT_SECONDS
) -> Result[Tracking]:
    """What `backward()` does with gradient tracking enabled and disabled.

    >>> [way.way for way in tracking("x**2", 3).ways if not way.error]
    ['tracking on']
    """
    from gradcalc.commands.tracking.render import FORMATS
    from gradcalc.commands.tracking.tracking import tracking as tracked

    return Result(tracked(Call(expr, (), 1, device, dtype).question(at), seconds=seconds(timeout)), FORMATS)


def bce(
    x: Any, y: Any, *, w: Any = None, b: Any = 0, eps: Any = "1e-7", reduction: str = "mean", device: str = "cpu",
    dtype: str | None = None, timeout: float = DEFAULT_SECONDS,
) -> Result[NeuronReport]:  # fmt: skip
    """One neuron with binary cross-entropy: forward values, the chain rule, and the gradients by autograd.

    >>> [partial.autograd for partial in bce(6.7, 0).gradients]
    [6.691763029237442, 0.9987706013787226]
    """
    from gradcalc.commands.bce.neuron import neuron
    from gradcalc.commands.bce.render import FORMATS

    choice(str(reduction), ("mean", "sum"), "reduction")
    values = {name: value_text(value) for name, value in {"x": x, "y": y, "b": b, "eps": eps}.items()}
    weights = None if w is None else value_text(w)
    report = neuron(**values, w=weights, reduction=reduction, device=device, dtype=dtype, seconds=seconds(timeout))
    return Result(report, FORMATS)


def plot(
    expr: Any, at: str, *, points: int = 21, output: str | None = None, device: str = "cpu", dtype: str | None = None,
    notation: str = "auto", timeout: float = DEFAULT_SECONDS,
) -> Result[Plot]:  # fmt: skip
    """An expression and its derivative along an interval, `"x=-3:3"`; with `output`, written as an image.

    >>> [(mark.kind, mark.x) for mark in plot("abs(x)", "x=-1:1", points=3).marks]
    [('kink', 0.0)]
    """
    from gradcalc.commands.plot.curve import plot as plotted
    from gradcalc.commands.plot.ranges import MAX_POINTS, read_range
    from gradcalc.commands.plot.render import FORMATS

    if not isinstance(at, str):
        raise CalcError("a plot range is text", hint='write "x=-3:3"')
    curve = read_range(*Call(expr, (), 1, device, dtype, (), notation).query(at))
    path = optional_text(output, "output")
    result = plotted(*curve, points=whole(points, "the number of points", MAX_POINTS, least=2), seconds=seconds(timeout))
    if path is not None:
        from gradcalc.commands.plot.image import image

        image(result, path)
    return Result(result, FORMATS)
