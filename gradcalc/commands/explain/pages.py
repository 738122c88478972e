"""One page on each verdict, each cause and each concept behind them: what it means, why, what to do, and an example to run.

The pages are data; `gradcalc explain` shows them, and a test runs their examples.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """A page: `example` is a command that gives this verdict or cause, `causes` names the pages that go into detail."""

    name: str
    title: str
    text: str
    example: str
    causes: tuple[str, ...] = ()


_VERDICTS = (
    Page(
        "agree",
        "the formulas are proven equal, and so is the number",
        "Three computations that share nothing but the expression were compared in exact arithmetic, at the very binary "
        "numbers that torch received: sympy's formula, Taylor arithmetic, and the program that autograd ran, replayed "
        "without rounding. They are the same number. Every operation of the program kept its vendor's bound, and what "
        "autograd returned is the derivative as the dtype rounds it, be it to 0, or has at least half of the digits of the "
        "dtype; the report says how many. Where a sign rests on a number that is zero to thousands of bits, the sentence "
        "says so, and proof.evidence is numerical.",
        'gradcalc diff "sin(x**2)" --at 3',
    ),
    Page(
        "inaccurate",
        "formulas equal, but the number lost more than half of its digits",
        "autograd computed the right formula, and rounding spoilt the number. The report names the operation that lost "
        "most, and where a stable spelling of the same function is known, shows what it keeps at this point. float64 "
        "instead of float32 often helps, a stable spelling helps always. Of an array it looks into the first 24 such "
        "entries, and says so.",
        'gradcalc diff "(1-cos(x))/x**2" --at 1e-4 --dtype float32',
        ("cancellation", "overflow", "underflow", "branch-flip", "kernel", "saturation"),
    ),
    Page(
        "not-finite",
        "autograd returned nan or inf, and the derivative is finite",
        "An operation on the way has no finite value, or left the range of the dtype. The report names it, and says whether "
        "it lies on the branch that was not taken: where(c, a, b) evaluates both branches, and the chain rule multiplies "
        "the slope of the other one by 0, which does not remove an infinity. Give that branch an argument that does no "
        "harm, as in where(c, f(where(c, x, 1)), b). The value is judged by the same word.",
        'gradcalc diff "where(x == 0, 1, sin(x)/x)" --at 0',
        ("nan-trap", "overflow", "underflow", "cancellation", "saturation"),
    ),
    Page(
        "artifact",
        "there is a derivative, but autograd's program does not compute it",
        "The expression is differentiable at this point, and the program that autograd ran computes another finite number, "
        "even without any rounding: subgradients that were chosen one by one and add up to no subgradient. It is no "
        "mistake in your formula, but your training sees the wrong number.",
        'gradcalc diff "relu(x) - relu(-x)" --at 0',
        ("seam",),
    ),
    Page(
        "not-differentiable",
        "there is no derivative here, though the expression has a value",
        "The report shows the slopes on both sides. PyTorch returns something all the same, by convention: a slope between "
        "the two at a kink. Conventions differ between functions that are equal (relu, maximum and clamp), and between "
        "versions of torch.",
        'gradcalc diff "abs(x)" --at 0',
        ("kink", "jump", "vertical"),
    ),
    Page(
        "undefined",
        "no real value here, or is at the end of its domain",
        "Calculation is strictly real: the logarithm or the root of a negative number does not exist. autograd may return "
        "a gradient all the same (-1 for log(x) at -1), and so does the formula 1/x: equal numbers for a function that is "
        "not there.",
        'gradcalc diff "log(x)" --at -1',
        ("domain", "pole", "edge", "removable"),
    ),
    Page(
        "different-function",
        "torch documents another definition of the function",
        "softplus is x itself above its threshold, binary_cross_entropy clamps its logarithms: torch computes its own "
        "variant on purpose. It was proven that the difference comes from there: with the variant replaced by the "
        "function of that name, the program computes the derivative.",
        'gradcalc diff "softplus(x)" --at 25',
        ("documented", "clamp"),
    ),
    Page(
        "disagree",
        "proven unequal",
        "One side is wrong, and the report says which: autograd (the program it ran has another derivative than the "
        "expression, in exact arithmetic), symbolic (sympy's formula is not the derivative), or kernel (one operation is "
        "off by more than its vendor allows). No tolerance was involved.",
        'gradcalc diff "hardsigmoid(x)" --at 0.5',
        ("formula", "value", "kernel", "bound"),
    ),
    Page(
        "undecided",
        "no proof within the limits",
        "Nothing was proven, for or against: PyTorch has no derivative of a function, ran an operation that is not known "
        "here, or no enclosure was found within the limits of precision and time. The other sides still answer.",
        'gradcalc diff "besselk(1, x)" --at 2',
        ("no-autograd", "precision", "time", "unknown-operation", "witnesses", "no-series"),
    ),
)

_CAUSES = (
    Page(
        "cancellation",
        "nearly equal numbers were subtracted",
        "The leading digits cancel, and what is left are the rounding errors of the operands. The operation that is named "
        "made the rounding error that was blown up most.",
        'gradcalc diff "(x-sin(x))/x**3" --at 0.001 --dtype float32',
    ),
    Page(
        "overflow",
        "a number on the way was too large for the dtype",
        "An intermediate result became infinite although the derivative is an ordinary number; infinity minus infinity or "
        "infinity over infinity is then no number at all.",
        'gradcalc diff "log(cosh(x))" --at 100 --dtype float32',
    ),
    Page(
        "underflow",
        "a number on the way was too small for the dtype",
        "Below the smallest normal number digits are lost, and then everything.",
        'gradcalc diff "exp(-x**2)*1e20" --at 10 --dtype float32',
    ),
    Page(
        "branch-flip",
        "floats take another branch than exact numbers",
        "In exact arithmetic the other branch of a where, maximum or clamp is taken than in floats, a quotient has another "
        "integer part, or a zero has a sign: atan2 and copysign tell -0.0 from 0.0.",
        'gradcalc diff "where(x + 1 > 1, x**2, x)" --at 1e-9 --dtype float32',
    ),
    Page(
        "saturation",
        "a probability rounded to 0 or 1",
        "p = sigmoid(z) rounds to 1 long before it is 1, and 1 - p is 0 then. Use binary_cross_entropy_with_logits.",
        "gradcalc bce --x 20 --y 0 --dtype float32 --eps 1e-8",
    ),
    Page(
        "nan-trap",
        "0 times infinity in the chain rule",
        "where(c, a, b) computes both branches, and backward multiplies the gradient of the other one by 0: 0 times "
        "infinity, or times NaN, is NaN. Make the argument harmless before the division: "
        "where(c, 1, sin(x)/where(c, 1, x)). Without a branch it happens where an inner slope is infinite and an outer one "
        "is 0: sqrt(x**4) is smooth at 0, and its chain rule is infinity times 0.",
        'gradcalc diff "where(x == 0, 1, sin(x)/x)" --at 0',
    ),
    Page(
        "seam",
        "subgradients were chosen one by one",
        "At a kink each operation picks a slope of its own. Put together they need not be a slope of anything: "
        "relu(x) - relu(-x) is x, with derivative 1, and autograd returns 0. A where() follows the branch that is taken at "
        "the point itself: where(x == 0, 0, f(x)) has the slope of the constant there.",
        'gradcalc diff "relu(x) - relu(-x)" --at 0',
    ),
    Page(
        "kink",
        "the one-sided derivatives differ",
        "Both one-sided derivatives exist, and they are not the same.",
        'gradcalc diff "relu(x)" --at 0',
    ),
    Page(
        "jump",
        "the value jumps",
        "The expression has different limits on the two sides, or another value at the point.",
        'gradcalc diff "floor(x)" --at 2',
    ),
    Page(
        "vertical",
        "the slope is infinite",
        "The difference quotient grows beyond all bounds.",
        'gradcalc diff "cbrt(x)" --at 0',
    ),
    Page(
        "no-series",
        "what the expression does beside the point is not known",
        "At a breakpoint the derivatives from both sides are read off generalised power series, which prove them. Where the "
        "expression has no such series (it oscillates without end, or grows faster than every power), or where a sign in it "
        "was not found, nothing is said.",
        'gradcalc diff "where(x == 0, 0, x*sin(1/x))" --at 0',
    ),
    Page(
        "domain",
        "no real value",
        "A logarithm or a root of a negative number, or the like.",
        'gradcalc diff "sqrt(x)" --at -1',
    ),
    Page(
        "pole",
        "a division by zero",
        "The expression grows beyond all bounds here, or is a quotient of zeros.",
        'gradcalc diff "1/x" --at 0',
    ),
    Page(
        "edge",
        "an end of the domain",
        "The expression has a value here, but not on one side: there is a one-sided derivative at most.",
        'gradcalc diff "x**1.5" --at 0',
    ),
    Page(
        "removable",
        "no value here, though both sides meet",
        "The formula divides zero by zero; filled in with its limit the function would be smooth. The report shows the "
        "slope it would have.",
        'gradcalc diff "sin(x)/x" --at 0',
    ),
    Page(
        "documented",
        "torch's own variant",
        "torch's documentation says that it computes another function than the name promises, for speed or for safety.",
        'gradcalc diff "softplus(x)" --at 25',
    ),
    Page(
        "clamp",
        "the clamp cuts p",
        "Between eps and 1 - eps the clamped loss is the loss; outside it is flat, and its gradient is 0.",
        "gradcalc bce --x 20 --y 0 --dtype float32",
    ),
    Page(
        "formula",
        "two formulas are different numbers here",
        "The enclosures of the two derivatives do not overlap: that is a proof. torch computes all the rest in its own way; "
        "a wrong backward rule shows in this way.",
        "gradcalc explain disagree",
    ),
    Page(
        "value",
        "the program computes another value",
        "A gradient of something that is not the expression means nothing.",
        "gradcalc explain disagree",
    ),
    Page(
        "kernel",
        "an operation is off by more than its vendor allows",
        "The operation's float was compared with the exact operation on its float inputs. Where no vendor gives a bound "
        "(polygamma near its poles), a number that it spoils is inaccurate, and no more is said. torch's backward of "
        "hardsigmoid in float64, for instance, multiplies by a sixth that is rounded to float32.",
        'gradcalc diff "hardsigmoid(x)" --at 0.5',
    ),
    Page(
        "bound",
        "a number further off than rounding can explain",
        "Where torch's program cannot be recorded, or many points are asked at once, each number is held against an "
        "interval: it contains the true derivative, and whatever a machine may return that computes every step and its "
        "slope to a few units in the last place. This number is outside. proof.evidence says bound: it is weaker than the "
        "proof of the formulas, which decides wherever the program was recorded.",
        "gradcalc explain disagree",
    ),
    Page(
        "no-autograd",
        "torch gave no derivative",
        "torch does not differentiate the function, or refused the numbers.",
        'gradcalc diff "zeta(x)" --at 3',
    ),
    Page(
        "precision",
        "no tight enclosure",
        "Up to 24,576 bits were tried. Where a number cannot be told from zero, or the ball around it stays wide, nothing "
        "is claimed.",
        'gradcalc diff "exp(exp(exp(exp(x))))" --at 3',
    ),
    Page(
        "time",
        "the time for the question was over",
        "sympy, and the exact arithmetic of the proof, may take so many seconds each (--timeout, 10 by default); torch may "
        "take half of the proof's. What takes longer is ended, and the answer says so; a longer time, a shorter expression "
        "or fewer partials (--by) may help. A plot has one limit for all of it: it draws what was found, and says what was "
        "not.",
        "gradcalc explain undecided",
    ),
    Page(
        "unknown-operation",
        "an operation without semantics",
        "torch ran an operation whose exact meaning is not in gradcalc's table.",
        "gradcalc explain undecided",
    ),
    Page(
        "witnesses",
        "the references contradict each other",
        "That is a bug in gradcalc: please report it.",
        "gradcalc explain undecided",
    ),
)

_CONCEPTS = (
    Page(
        "chain-rule",
        "the derivative of a composition is the product along the path",
        "If y depends on u and u on x, then dy/dx is dy/du times du/dx; where several paths lead from x to y, the products "
        "along them add up. autograd does nothing else: every operation knows its local derivatives, and backward() "
        "multiplies and adds them from the result to the inputs. A trace shows every factor.",
        'gradcalc trace "x*sin(x**2)" --at 3',
    ),
    Page(
        "adjoint",
        "the derivative of the result by a number on the way",
        "The adjoint of an operation's value v is the derivative of the result by v. The result's own is 1; every other is "
        "the sum, over the operations that use v, of their adjoint times their local derivative by v. Walking backwards, "
        "each is known when it is needed: one walk gives the derivatives by all inputs, however many. For an array it is "
        "an array of its shape, and the step a vector-Jacobian product.",
        'gradcalc trace "sum((A@x - 1)**2)" --at "A=[[1,2],[3,4]]" --at "x=[1,2]"',
    ),
    Page(
        "subgradient",
        "a slope that fits a kink, where there is no derivative",
        "At a kink the slopes from the left and from the right differ, and there is no derivative; of a convex function, "
        "every number between them is a subgradient. Frameworks return one by convention (torch: 0 for abs and relu at 0), "
        "which is good enough to descend by, and still no derivative. Conventions do not follow the chain rule: of "
        "relu(x) - relu(-x), which is x, torch computes the slope 0 at 0.",
        'gradcalc diff "relu(x) - relu(-x)" --at 0',
    ),
    Page(
        "breakpoint",
        "a place where the formula changes",
        "abs, relu, max, where, floor and their like are several formulas that meet at breakpoints. There the derivatives "
        "from both sides are found by moving the variable by t and by -t: the expression becomes one formula with every "
        "branch chosen by a sign, a generalised power series in t, whose exponents tell slopes, jumps and vertical "
        "tangents. Equal slopes are equal polynomials in what the formula is made of: a proof, where difference quotients "
        "are none.",
        'gradcalc diff "x*abs(x)" --at 0 --order 2',
    ),
    Page(
        "sampling",
        "a claim that is right at many points, and not proven",
        "gradcalc check accepts a claim by formula, where sympy finds both formulas equal or exact algebra does, in every "
        "piece between breakpoints; or at points: random ones with full mantissas, others in every piece, at every "
        "breakpoint and beside the zeros and extrema of their parts, where the difference is enclosed with growing "
        "precision. Points refute, and never prove: the sentence, and evidence in JSON, say sampling then.",
        'gradcalc check "cbrt(x)" "x**(-2/3)/3" --where "x > 0"',
    ),
    Page(
        "partly",
        "a claim that is right where it has a value, and has none elsewhere",
        "The derivative exists at points where the claim has no real value, such as x**(-2/3)/3 for cbrt(x) left of 0. The "
        "outcome names such a point and, where one is found, the condition under which the claim is right; its exit code "
        "is 3. --where says where a claim is meant, and then only points there count.",
        'gradcalc check "cbrt(x)" "x**(-2/3)/3"',
    ),
    Page(
        "accumulation",
        "backward() adds to .grad",
        "Each backward() adds its gradient to .grad; it never replaces what is there. So the gradients of several batches "
        "can be gathered before a step; and so training goes wrong when nobody clears them: after n passes .grad is the sum "
        "of n gradients. optimizer.zero_grad() sets them to None, grad.zero_() to zeros.",
        'gradcalc accumulate "w*x + b" --at w=2,x=3,b=1',
    ),
    Page(
        "tracking",
        "what autograd remembers, and how to switch it off",
        "An operation is remembered if one of its inputs has requires_grad; its result then has a grad_fn, the way back. "
        "requires_grad_(False) stops that at a leaf, detach() cuts a result off, no_grad() remembers nothing inside of it, "
        "and inference_mode() neither, nor can its tensors ever take part again. backward() of what has no way back is an "
        "error.",
        'gradcalc tracking "x*2" --at "x=[1,2,3]"',
    ),
    Page(
        "float32",
        "24 bits: seven digits, and numbers up to 3.4e38",
        "float32 holds 24 significant bits, about 7 decimal digits; float64 53 and 16, float16 11 and 3, bfloat16 8 and 2. "
        "Every operation rounds to that. Subtracting what is nearly equal leaves the rounding (cancellation), what is too "
        "large becomes inf (overflow), what is too small 0 (underflow): the formula is right, and the number is not.",
        'gradcalc diff "log(1 + exp(x))" --at 100 --dtype float32',
    ),
)

PAGES: dict[str, Page] = {page.name: page for page in (*_VERDICTS, *_CAUSES, *_CONCEPTS)}
VERDICTS = tuple(page.name for page in _VERDICTS)
CONCEPTS = tuple(page.name for page in _CONCEPTS)


def kind_of(page: Page) -> str:
    """`verdict`, `cause` or `concept`."""
    return "verdict" if page.name in VERDICTS else "concept" if page.name in CONCEPTS else "cause"
