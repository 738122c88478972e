"""One page per verdict, cause and concept: what it means, why, what to do, and an example to run.

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
        "formulas proven equal, value accurate",
        "Three independent computations were compared in exact arithmetic, at exactly the floating-point inputs that "
        "PyTorch receives: SymPy's formula, Taylor arithmetic, and the program that autograd ran, replayed without "
        "rounding. They are equal. Every operation of the program is within its documented error bound, and the result of "
        "autograd is the correctly rounded derivative (which may be 0) or has at least half of the digits of the dtype; "
        "the report says how many. If a sign depends on a value that is zero to thousands of bits but not proven to be "
        "zero, the report says so, and proof.evidence is numerical.",
        'gradcalc diff "sin(x**2)" --at 3',
    ),
    Page(
        "inaccurate",
        "formulas equal, but the result lost more than half of its significant digits to rounding",
        "Autograd computed the right formula, but rounding errors made the result inaccurate. The report names the "
        "operation responsible and, if a numerically stable formulation is known, how many digits it keeps at this point. "
        "float64 instead of float32 often helps; a numerically stable formulation always helps. For arrays, the first 24 "
        "inaccurate entries are analysed, fewer of large arrays, and the report says so.",
        'gradcalc diff "(1-cos(x))/x**2" --at 1e-4 --dtype float32',
        ("cancellation", "overflow", "underflow", "branch-flip", "kernel", "saturation"),
    ),
    Page(
        "not-finite",
        "autograd returned NaN or infinity, but the derivative is finite",
        "An intermediate value or slope is not finite, or overflowed the range of the dtype. The report names the "
        "operation, and says whether it is on the branch that was not taken: where(c, a, b) evaluates both branches, and "
        "the chain rule multiplies the gradient of the other branch by 0, which does not remove an infinity. Give that "
        "branch a harmless argument, as in where(c, f(where(c, x, 1)), b). The value of the expression is judged in the "
        "same way. gradcheck says not-finite if the value or a gradient of your code is NaN or infinite, and names the "
        "operation and its line.",
        'gradcalc diff "where(x == 0, 1, sin(x)/x)" --at 0',
        ("nan-trap", "overflow", "underflow", "cancellation", "saturation"),
    ),
    Page(
        "artifact",
        "the derivative exists, but autograd's program computes another value",
        "The expression is differentiable at this point, but the program that autograd ran computes another finite value, "
        "even without rounding: subgradients are chosen independently per operation, and their combination is not a "
        "subgradient. Your formula is correct, but training uses the wrong gradient.",
        'gradcalc diff "relu(x) - relu(-x)" --at 0',
        ("seam",),
    ),
    Page(
        "not-differentiable",
        "the expression has a value here, but no derivative",
        "The report shows both one-sided derivatives. PyTorch returns a value by convention: at a kink, a slope between "
        "the two. Conventions differ between functions that are mathematically equal (relu, maximum and clamp), and "
        "between versions of PyTorch. For your own code, gradcheck names the operation and the line of the tie, kink or "
        "step; it does not compute slopes. Other inputs, or another --seed, usually avoid such a point.",
        'gradcalc diff "abs(x)" --at 0',
        ("kink", "jump", "vertical"),
    ),
    Page(
        "undefined",
        "no real value here, or a boundary of the domain",
        "All arithmetic is real-valued: the logarithm or square root of a negative number is undefined. Autograd may "
        "still return a gradient (-1 for log(x) at -1), and so does the formula 1/x: both agree on a function that is "
        "undefined here.",
        'gradcalc diff "log(x)" --at -1',
        ("domain", "pole", "edge", "removable"),
    ),
    Page(
        "different-function",
        "PyTorch documents a different definition of the function",
        "softplus(x) is x above its threshold, and binary_cross_entropy clamps its logarithms: PyTorch computes its own "
        "variant on purpose. It was proven that the difference has this cause: with the variant replaced by the "
        "mathematical function, the program computes the derivative.",
        'gradcalc diff "softplus(x)" --at 25',
        ("documented", "clamp"),
    ),
    Page(
        "disagree",
        "proven unequal",
        "One side is wrong, and the report says which: autograd (in exact arithmetic, the program it ran has another "
        "derivative than the expression), symbolic (SymPy's formula is not the derivative), or kernel (the error of one "
        "operation is above its documented bound). No tolerance was involved.",
        'gradcalc diff "hardsigmoid(x)" --at 0.5',
        ("formula", "value", "kernel", "bound"),
    ),
    Page(
        "undecided",
        "no proof within the limits",
        "Nothing was proven, neither equality nor difference: PyTorch has no derivative of a function, ran an operation "
        "that gradcalc does not know, or no enclosure was found within the limits of precision and time. The other "
        "results are still shown. For your own code, gradcheck also says undecided if numbers left PyTorch (NumPy, lists, "
        "C++) and came back, or if it ran out of time or memory.",
        'gradcalc diff "besselk(1, x)" --at 2',
        ("no-autograd", "precision", "time", "unknown-operation", "witnesses", "no-series"),
    ),
)

_OUTCOMES = (
    Page(
        "proven",
        "every entry of every gradient is the derivative of what your code computed",
        "gradcheck records each operation of the forward and of the backward pass. It differentiates the forward "
        "operations in exact arithmetic, for one random cotangent, and replays the backward operations without rounding. "
        "Both are equal in every entry, so a wrong factor or a missing term cannot hide below a tolerance. The proof is "
        "about the inputs of this run, and about formulas: rounding errors of single kernels are not measured.",
        "gradcalc gradcheck examples/backward_passes.py:Square --shape 3",
    ),
    Page(
        "by-design",
        "not the derivative, but meant to be something else",
        "Some backward passes are not derivatives on purpose: straight-through estimators, gradient reversal, gradient "
        "clipping. Name their Functions with --by-design, and the rest is checked as usual: the gradients must be right but "
        "for these Functions. What PyTorch documents to get no gradient, such as padding_idx of an embedding, is by-design "
        "without being named.",
        "gradcalc gradcheck examples/backward_passes.py:quantized --shape 3 --by-design Round",
    ),
    Page(
        "below-resolution",
        "another formula than the derivative, by less than the dtype can show",
        "The backward pass is not the exact derivative, but the difference is smaller than one unit in the last place of "
        "the largest entry. A small constant against division by zero, or a constant with few digits, does this. It does "
        "not fail the check. In float64 the same code may be wrong.",
        "gradcalc gradcheck examples/backward_passes.py:AlmostSquare --shape 3",
    ),
    Page(
        "measured",
        "a backward pass outside of PyTorch whose floats are near the derivative",
        "A Function that computes its gradient in NumPy, C++ or Triton has no recorded operations, and nothing is proven of "
        "it. Its floats are compared with the exact derivative of its forward pass, or of the reference that --reference "
        "gives it: a plain PyTorch function that returns the same. The report says how far they are off, in ulps of the "
        "largest entry. It does not fail the check; floats with less than half of their digits right are wrong. A backward "
        "pass in PyTorch operations is proven against the derivative of the reference.",
        "gradcalc gradcheck examples/backward_passes.py:Sine --shape 3 --reference Sine=examples/backward_passes.py:sine",
    ),
    Page(
        "stopped",
        "the graph is cut, and the gradient ignores what was cut",
        "detach(), .data, .item(), no_grad() or a new Parameter took a tensor out of the graph. The gradient is right if "
        "that tensor counts as constant, and it is not the derivative of the function. The report names the lines. If the "
        "cut is meant, pass what it computes as an input, or put it into a custom Function and name that with --by-design.",
        "gradcalc gradcheck examples/backward_passes.py:detached --shape 3",
    ),
    Page(
        "wrong",
        "proven unequal to the derivative",
        "gradcheck found an entry of a gradient that differs from the exact derivative. The report names the custom "
        "Function at fault, its input, the line, and how the gradient is wrong if one phrase says it: 1/3 of the derivative "
        "in every entry, transposed, the sign is wrong, None is returned. Each Function is also compared by itself, with "
        "the gradient that arrived, so one fault is not blamed on the Functions before it. Of a claim, gradcalc check says "
        "wrong with a point where claim and derivative differ.",
        "gradcalc gradcheck examples/backward_passes.py:Swish --shape 3",
    ),
)
"""Outcomes of `gradcheck` that `diff` does not have as verdicts."""

_CAUSES = (
    Page(
        "cancellation",
        "nearly equal values were subtracted",
        "The leading digits cancel, and the rounding errors of the operands remain. The named operation made the rounding "
        "error that was amplified most.",
        'gradcalc diff "(x-sin(x))/x**3" --at 0.001 --dtype float32',
    ),
    Page(
        "overflow",
        "an intermediate value was too large for the dtype",
        "An intermediate value became infinite although the derivative is an ordinary number. Infinity minus infinity, or "
        "infinity divided by infinity, is then NaN.",
        'gradcalc diff "log(cosh(x))" --at 100 --dtype float32',
    ),
    Page(
        "underflow",
        "an intermediate value was too small for the dtype",
        "Values below the smallest normal number of the dtype lose digits, and then become 0.",
        'gradcalc diff "exp(-x**2)*1e20" --at 10 --dtype float32',
    ),
    Page(
        "branch-flip",
        "floating-point values take another branch than exact values",
        "In floating-point arithmetic, another branch of a where, maximum or clamp is taken than in exact arithmetic, a "
        "quotient has another integer part, or a zero has a sign: atan2 and copysign distinguish -0.0 from 0.0.",
        'gradcalc diff "where(x + 1 > 1, x**2, x)" --at 1e-9 --dtype float32',
    ),
    Page(
        "saturation",
        "a probability was rounded to 0 or 1",
        "p = sigmoid(z) rounds to 1 for moderately large z, and 1 - p is then 0. Use binary_cross_entropy_with_logits.",
        "gradcalc bce --x 20 --y 0 --dtype float32 --eps 1e-8",
    ),
    Page(
        "nan-trap",
        "0 times infinity in the chain rule",
        "where(c, a, b) computes both branches, and backward multiplies the gradient of the branch that was not taken by "
        "0: 0 times infinity, or times NaN, is NaN. Make the argument harmless before the division: where(c, 1, "
        "sin(x)/where(c, 1, x)). Without a branch it happens where an inner slope is infinite and an outer one is 0: "
        "sqrt(x**4) is smooth at 0, but its chain rule is infinity times 0.",
        'gradcalc diff "where(x == 0, 1, sin(x)/x)" --at 0',
    ),
    Page(
        "seam",
        "subgradients were chosen independently per operation",
        "At a kink, such as a tie in relu, each operation picks a slope of its own. Their combination need not be a "
        "subgradient: relu(x) - relu(-x) is x, with derivative 1, and autograd returns 0. A where() follows the branch "
        "that is taken at the point itself: where(x == 0, 0, f(x)) has the slope of the constant there. The boundary "
        "between two branches is called a seam.",
        'gradcalc diff "relu(x) - relu(-x)" --at 0',
    ),
    Page(
        "kink",
        "the one-sided derivatives differ",
        "Both one-sided derivatives exist, and they are different: relu and abs have a kink at 0.",
        'gradcalc diff "relu(x)" --at 0',
    ),
    Page(
        "jump",
        "the value jumps",
        "The expression has different limits on the two sides, or another value at the point itself.",
        'gradcalc diff "floor(x)" --at 2',
    ),
    Page(
        "vertical",
        "the slope is infinite",
        "The difference quotient is unbounded: the graph has a vertical tangent.",
        'gradcalc diff "cbrt(x)" --at 0',
    ),
    Page(
        "no-series",
        "the behaviour beside the point is unknown",
        "At a breakpoint the one-sided derivatives are proven by generalised power series. There is no verdict if the "
        "expression has no such series (it oscillates infinitely often, or grows faster than every power), or if the sign "
        "of one of its terms could not be determined.",
        'gradcalc diff "where(x == 0, 0, x*sin(1/x))" --at 0',
    ),
    Page(
        "domain",
        "no real value",
        "For example, the logarithm or square root of a negative number.",
        'gradcalc diff "sqrt(x)" --at -1',
    ),
    Page(
        "pole",
        "a division by zero",
        "The expression is unbounded here, or is 0 divided by 0.",
        'gradcalc diff "1/x" --at 0',
    ),
    Page(
        "edge",
        "a boundary of the domain",
        "The expression is real on one side of the point only: there is a one-sided derivative at most.",
        'gradcalc diff "x**1.5" --at 0',
    ),
    Page(
        "removable",
        "no value here, but the limits from both sides are equal",
        "The formula divides zero by zero; extended by its limit, the function would be smooth. The report shows the "
        "slope of the extension.",
        'gradcalc diff "sin(x)/x" --at 0',
    ),
    Page(
        "documented",
        "PyTorch's own variant of a function",
        "The documentation of PyTorch says that it computes another function than the name suggests, for speed or for "
        "safety.",
        'gradcalc diff "softplus(x)" --at 25',
    ),
    Page(
        "clamp",
        "the clamp cuts off p",
        "For p between eps and 1 - eps the clamped loss is the loss; elsewhere it is constant, and its gradient is 0.",
        "gradcalc bce --x 20 --y 0 --dtype float32",
    ),
    Page(
        "formula",
        "two formulas have different values here",
        "The enclosures of the two derivatives do not overlap, which proves that they differ. An error in a backward rule "
        "of PyTorch shows in this way.",
        "gradcalc explain disagree",
    ),
    Page(
        "value",
        "the program computes another value",
        "The program that autograd ran does not compute the expression, so its gradient is not the gradient of the "
        "expression.",
        "gradcalc explain disagree",
    ),
    Page(
        "kernel",
        "the error of an operation is above its documented bound",
        "The result of the operation was compared with the exact operation on the same floating-point inputs. If no bound "
        "is documented (polygamma near its poles), the verdict is inaccurate. For example, PyTorch's backward of "
        "hardsigmoid in float64 multiplies by 1/6 rounded to float32.",
        'gradcalc diff "hardsigmoid(x)" --at 0.5',
    ),
    Page(
        "bound",
        "a value further off than rounding can explain",
        "If the program of PyTorch cannot be recorded, or for many points at once, each value is checked against an "
        "interval. The interval contains the true derivative, and every result of a machine that computes each step and "
        "its slope to a few units in the last place. This value is outside of it. proof.evidence is bound, which is "
        "weaker than the proof of the formulas.",
        "gradcalc explain disagree",
    ),
    Page(
        "no-autograd",
        "PyTorch has no derivative",
        "PyTorch does not differentiate the function, or refused the input.",
        'gradcalc diff "zeta(x)" --at 3',
    ),
    Page(
        "precision",
        "no tight enclosure",
        "Up to 24,576 bits were tried. If a value cannot be distinguished from zero, or its enclosure stays wide, there "
        "is no verdict.",
        'gradcalc diff "exp(exp(exp(exp(x))))" --at 3',
    ),
    Page(
        "time",
        "the time limit was reached",
        "SymPy and the proof each have a time limit (--timeout, 10 seconds by default); PyTorch has half of that. A "
        "computation that takes longer is stopped, and the report says so. A longer time limit, a shorter expression or "
        "fewer partial derivatives (--by) may help. A plot has one limit in total: it shows what was computed, and says "
        "what was not.",
        "gradcalc explain undecided",
    ),
    Page(
        "unknown-operation",
        "an operation without known semantics",
        "PyTorch ran an operation whose exact meaning gradcalc does not know.",
        "gradcalc explain undecided",
    ),
    Page(
        "witnesses",
        "the references contradict each other",
        "This is a bug in gradcalc: please report it, with the command line and gradcalc --version --verbose.",
        "gradcalc explain undecided",
    ),
)

_CONCEPTS = (
    Page(
        "gradient",
        "all partial derivatives of one value",
        "The gradient of an expression has one entry per variable: its partial derivative, with the other variables held "
        "constant. It points in the direction of steepest ascent; gradient descent steps the other way. If the value is "
        "an array, the partial derivatives of all entries form the Jacobian; the second partial derivatives (--order 2) "
        "form the Hessian. PyTorch computes gradients by backward() and stores them in .grad.",
        'gradcalc diff "x**2*y" --at x=3,y=2',
    ),
    Page(
        "digits",
        "correct significant digits, and ulps",
        "An ulp (unit in the last place) is the distance between neighbouring floating-point numbers. The report gives "
        "the error of autograd in ulps, and as correct significant digits: float64 has 15.9 digits at most, float32 has "
        "7.2. A value with all digits is the correctly rounded derivative. If fewer than half are correct, the verdict is "
        "inaccurate.",
        'gradcalc diff "sin(x**2)" --at 3 --dtype float32',
    ),
    Page(
        "chain-rule",
        "the derivative of a composition is the product along the path",
        "If y depends on u and u on x, then dy/dx is dy/du times du/dx; if several paths lead from x to y, the products "
        "along the paths are added. Autograd does the same: every operation knows its local derivatives, and backward() "
        "multiplies and adds them from the result to the inputs. gradcalc trace shows every factor.",
        'gradcalc trace "x*sin(x**2)" --at 3',
    ),
    Page(
        "adjoint",
        "the derivative of the result with respect to an intermediate value",
        "The adjoint of an intermediate value v is the derivative of the result with respect to v. The adjoint of the "
        "result is 1; every other adjoint is the sum, over the operations that use v, of their adjoint times their local "
        "derivative with respect to v. Going backwards from the result, each adjoint is known when it is needed: one pass "
        "gives the derivatives with respect to all inputs. For an array the adjoint is an array of the same shape, and "
        "each step is a vector-Jacobian product.",
        'gradcalc trace "sum((A@x - 1)**2)" --at "A=[[1,2],[3,4]]" --at "x=[1,2]"',
    ),
    Page(
        "subgradient",
        "a slope that fits a kink, where there is no derivative",
        "At a kink the one-sided derivatives differ, and there is no derivative; for a convex function, every number "
        "between them is a subgradient. Frameworks return one by convention (PyTorch: 0 for abs and relu at 0), which is "
        "good enough for gradient descent. Conventions do not follow the chain rule: for relu(x) - relu(-x), which is x, "
        "PyTorch computes the slope 0 at 0.",
        'gradcalc diff "relu(x) - relu(-x)" --at 0',
    ),
    Page(
        "breakpoint",
        "a point where the formula changes",
        "abs, relu, max, where, floor and similar functions consist of several formulas that meet at breakpoints. The "
        "one-sided derivatives there are found by moving the variable by t and by -t: with every branch chosen by a sign, "
        "the expression becomes one formula, a generalised power series in t, whose exponents identify slopes, jumps and "
        "vertical tangents. Equality of the slopes is proven by exact algebra, not estimated by difference quotients.",
        'gradcalc diff "x*abs(x)" --at 0 --order 2',
    ),
    Page(
        "sampling",
        "a claim that is right at many points, but not proven",
        "gradcalc check accepts a claim by formula if SymPy or exact algebra proves both formulas equal in every piece "
        "between breakpoints. Otherwise it accepts by sampling: at random points with full mantissas, and at others in "
        "every piece, at every breakpoint and beside the zeros and extrema of their sub-expressions, the difference is "
        "enclosed with growing precision. A point can refute a claim but never prove it: the report, and evidence in "
        "JSON, say sampling then.",
        'gradcalc check "cbrt(x)" "x**(-2/3)/3" --where "x > 0"',
    ),
    Page(
        "partly",
        "a claim that is right where it has a value, but lacks a value elsewhere",
        "The derivative exists at points where the claim has no real value, such as x**(-2/3)/3 for cbrt(x) at negative "
        "x. The report names such a point and, if it is found, the condition under which the claim is right; the exit "
        "code is 3. With --where, only the points that satisfy the condition count.",
        'gradcalc check "cbrt(x)" "x**(-2/3)/3"',
    ),
    Page(
        "accumulation",
        "backward() adds to .grad",
        "Each backward() adds its gradient to .grad; it does not replace the old value. This allows gradients of several "
        "batches to be summed before a step. If gradients are not cleared, training goes wrong: after n passes .grad is "
        "the sum of n gradients. optimizer.zero_grad() sets .grad to None, grad.zero_() to zeros.",
        'gradcalc accumulate "w*x + b" --at w=2,x=3,b=1',
    ),
    Page(
        "tracking",
        "what autograd records, and how to switch it off",
        "An operation is recorded if one of its inputs has requires_grad; its result then has a grad_fn, the backward "
        "step. requires_grad_(False) switches recording off for a leaf, detach() for a result, and no_grad() for a block; "
        "inference_mode() does the same, and its tensors can never be recorded later. backward() of a tensor without "
        "grad_fn is an error.",
        'gradcalc tracking "x*2" --at "x=[1,2,3]"',
    ),
    Page(
        "float32",
        "24 bits: about seven digits, and values up to 3.4e38",
        "float32 has 24 significant bits, about 7 decimal digits; float64 has 53 (16 digits), float16 11 (3 digits), "
        "bfloat16 8 (2 digits). Every operation rounds its result. Subtracting nearly equal values leaves their rounding "
        "errors (cancellation), values that are too large become infinite (overflow), values that are too small become 0 "
        "(underflow): the formula is right, but the result is not.",
        'gradcalc diff "log(1 + exp(x))" --at 100 --dtype float32',
    ),
)

PAGES: dict[str, Page] = {page.name: page for page in (*_VERDICTS, *_OUTCOMES, *_CAUSES, *_CONCEPTS)}
VERDICTS = tuple(page.name for page in _VERDICTS)
OUTCOMES = tuple(page.name for page in _OUTCOMES)
CONCEPTS = tuple(page.name for page in _CONCEPTS)


def kind_of(page: Page) -> str:
    """`verdict`, `outcome`, `cause` or `concept`."""
    kinds = {"verdict": VERDICTS, "outcome": OUTCOMES, "concept": CONCEPTS}
    return next((kind for kind, names in kinds.items() if page.name in names), "cause")
