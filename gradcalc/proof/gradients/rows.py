"""What forward operations are, as compositions of functions whose derivatives are known.

One row an operation: its name, the arguments that it understands, and its composition.  An argument that a row does not name
and that has another value than its default makes the operation unknown.  Masks and places are those of the record: what a
comparison decided is data.

Sources: aten/src/ATen/native/native_functions.yaml and the kernels beside it; https://docs.pytorch.org for the definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcalc.engines.autograd.operation import Numbers, TensorOperation, TensorView
from gradcalc.engines.taylor.array_program import Reference
from gradcalc.proof.gradients.forward_program import ForwardProgram, NotKnown, Row

Composition = Callable[[ForwardProgram, "Arguments"], Any]
ROWS: dict[str, Row] = {}
_OTHERS = frozenset({"dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking", "out"})
"""Arguments about how a result is stored."""


class Arguments:
    """The arguments of an operation, by their names: tensors as arrays of the program."""

    def __init__(self, program: ForwardProgram, op: TensorOperation):
        self.program, self.op = program, op

    def __getattr__(self, name: str) -> Any:
        return self.of(name)

    def of(self, name: str) -> Any:
        """An argument: an array for a tensor or a list of tensors, else the plain value."""
        value = self.plain(name)
        if isinstance(value, TensorView):
            return self.program.read(value)
        if isinstance(value, tuple) and any(isinstance(part, TensorView) for part in value):
            return [self.program.read(part) if isinstance(part, TensorView) else part for part in value]
        return value

    def plain(self, name: str) -> Any:
        """An argument as the record has it."""
        return self.op.argument(name)

    def array(self, name: str) -> Reference:
        """The same for an argument that may be a number."""
        value = self.of(name)
        return value if isinstance(value, Reference) else self.program.scalar(value)

    def floats(self, name: str) -> Numbers:
        """The numbers of a tensor as the machine had them, in its shape."""
        view = self.plain(name)
        assert isinstance(view, TensorView)
        return view.floats.reshape(view.shape)

    def result(self, number: int = 0) -> Numbers:
        """The numbers of a result as the machine had them, in its shape."""
        view = self.op.results[number]
        return view.floats.reshape(view.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first result."""
        return self.op.results[0].shape


def row(names: str, understood: str = "") -> Callable[[Composition], Composition]:
    """Enter a composition under some names; tensors that an operation must have are understood."""

    def enter(composition: Composition) -> Composition:
        known = frozenset(understood.split())

        def write(program: ForwardProgram, op: TensorOperation) -> Any:
            for name, value in op.arguments:
                is_given = name in op.signature.plain and value is not False and value != op.signature.defaults.get(name)
                if is_given and name not in known and name not in _OTHERS:
                    raise NotKnown(f"{op.name} with {name}")
            return composition(program, Arguments(program, op))

        for name in names.split():
            ROWS[name] = write
        return composition

    return enter


@row("log log2 log10 log1p expm1 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sqrt rsqrt erf erfc "
     "erfinv lgamma digamma sigmoid relu relu6 silu mish hardswish hardsigmoid abs sign floor ceil trunc exp2 "
     "neg frac")  # fmt: skip
def _of_one(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call(a.op.base, a.array("self"))


@row("angle")
def _angle(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    step = p.call("-", p.scalar(1.0), p.call("heaviside", x, p.scalar(1.0)))
    return p.call("*", p.constant("pi"), step)


@row("logit", "eps")
def _logit(p: ForwardProgram, a: Arguments) -> Reference:
    x, one = a.array("self"), p.scalar(1.0)
    if a.of("eps") is not None:
        eps = p.scalar(a.of("eps"))
        x = p.call("minimum", p.call("maximum", x, eps), p.call("-", one, eps))
    return p.call("log", p.call("/", x, p.call("-", one, x)))


@row("sinc")
def _sinc(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("sinc", p.call("*", p.constant("pi"), a.array("self")))


@row("deg2rad rad2deg")
def _angle_unit(p: ForwardProgram, a: Arguments) -> Reference:
    of_degree = p.call("/", p.constant("pi"), p.scalar(180.0))
    return p.call("*" if a.op.base == "deg2rad" else "/", a.array("self"), of_degree)


@row("reciprocal")
def _reciprocal(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("/", p.scalar(1.0), a.array("self"))


@row("square")
def _square(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("*", a.array("self"), a.array("self"))


@row("add sub rsub", "self other alpha")
def _add(p: ForwardProgram, a: Arguments) -> Reference:
    left, right, alpha = a.array("self"), a.array("other"), a.of("alpha")
    if a.op.base == "rsub":
        left, right = right, left
    right = right if alpha == 1 else p.call("*", right, p.scalar(alpha))
    return p.call("+" if a.op.base == "add" else "-", left, right)


@row("mul", "self other")
def _mul(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("*", a.array("self"), a.array("other"))


@row("div true_divide", "self other rounding_mode")
def _div(p: ForwardProgram, a: Arguments) -> Reference:
    quotient = p.call("/", a.array("self"), a.array("other"))
    return quotient if a.of("rounding_mode") is None else p.call(a.of("rounding_mode"), quotient)


@row("pow", "self exponent")
def _pow(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("**", a.array("self"), a.array("exponent"))


@row("addcmul", "value")
def _addcmul(p: ForwardProgram, a: Arguments) -> Reference:
    product = p.call("*", a.array("tensor1"), a.array("tensor2"))
    return p.call("+", a.array("self"), p.call("*", product, p.scalar(a.of("value"))))


@row("addcdiv", "value")
def _addcdiv(p: ForwardProgram, a: Arguments) -> Reference:
    quotient = p.call("/", a.array("tensor1"), a.array("tensor2"))
    return p.call("+", a.array("self"), p.call("*", quotient, p.scalar(a.of("value"))))


@row("lerp", "weight")
def _lerp(p: ForwardProgram, a: Arguments) -> Reference:
    start = a.array("self")
    return p.call("+", start, p.call("*", a.array("weight"), p.call("-", a.array("end"), start)))


@row("atan2 hypot maximum minimum logaddexp logaddexp2")
def _of_two(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call(a.op.base, a.array("self"), a.array("other"))


@row("where", "self other")
def _where(p: ForwardProgram, a: Arguments) -> Reference:
    return p.choose(a.floats("condition") != 0, a.array("self"), a.array("other"))


@row("masked_fill", "value")
def _masked_fill(p: ForwardProgram, a: Arguments) -> Reference:
    return p.choose(a.floats("mask") != 0, a.array("value"), a.array("self"))


@row("clamp clamp_min clamp_max hardtanh", "min max min_val max_val")
def _clamp(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    low, high = ("min_val", "max_val") if a.op.base == "hardtanh" else ("min", "max")
    if a.op.argument(low) is not None and a.op.base != "clamp_max":
        x = p.call("maximum", x, a.array(low))
    return x if a.op.argument(high) is None or a.op.base == "clamp_min" else p.call("minimum", x, a.array(high))


@row("leaky_relu", "negative_slope")
def _leaky_relu(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("leaky_relu", a.array("self"), p.scalar(a.of("negative_slope")))


@row("elu", "alpha scale")
def _elu(p: ForwardProgram, a: Arguments) -> Reference:
    y = p.call("elu", a.array("self"), p.scalar(a.of("alpha")))
    return y if a.of("scale") == 1 else p.call("*", p.scalar(a.of("scale")), y)


@row("gelu", "approximate")
def _gelu(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("gelu" if a.of("approximate") == "none" else "gelu_tanh", a.array("self"))


@row("log_sigmoid_forward")
def _log_sigmoid(p: ForwardProgram, a: Arguments) -> tuple[Reference | None, ...]:
    return p.call("logsigmoid", a.array("self")), None


@row("xlogy remainder fmod copysign", "self other")
def _of_two_or_numbers(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call(a.op.base, a.array("self"), a.array("other"))


@row("special_xlog1py fmax fmin", "self other")
def _of_two_by_another_name(p: ForwardProgram, a: Arguments) -> Reference:
    names = {"special_xlog1py": "xlog1py", "fmax": "maximum", "fmin": "minimum"}
    return p.call(names[a.op.base], a.array("self"), a.array("other"))


@row("special_log_ndtr special_ndtr sgn")
def _of_one_by_another_name(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("sign" if a.op.base == "sgn" else a.op.base.removeprefix("special_"), a.array("self"))


@row("round", "decimals")
def _round(p: ForwardProgram, a: Arguments) -> Reference:
    x, decimals = a.array("self"), a.of("decimals")
    if not decimals:
        return p.call("round", x)
    by = p.scalar(10.0 ** abs(decimals))
    first, last = ("*", "/") if decimals > 0 else ("/", "*")
    return p.call(last, p.call("round", p.call(first, x, by)), by)


@row("i0 special_i0 special_i1 special_i0e special_i1e")
def _bessel(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    value = p.call("besseli", p.number(0 if "i0" in a.op.base else 1), x)
    if not a.op.base.endswith("e"):
        return value
    # i1e is smooth at 0, where besseli(1, x) is 0: the size of x is x on one side and -x on the other
    size = p.call("abs", x) if "i0" in a.op.base else p.choose(a.floats("self") < 0, p.call("neg", x), x)
    return p.call("*", p.call("exp", p.call("neg", size)), value)


@row("special_erfcx")
def _erfcx(p: ForwardProgram, a: Arguments) -> Reference:
    x = a.array("self")
    return p.call("*", p.call("exp", p.call("*", x, x)), p.call("erfc", x))


@row("special_ndtri")
def _ndtri(p: ForwardProgram, a: Arguments) -> Reference:
    two = p.scalar(2.0)
    inner = p.call("-", p.call("*", two, a.array("self")), p.scalar(1.0))
    return p.call("*", p.call("sqrt", two), p.call("erfinv", inner))


@row("polygamma", "n")
def _polygamma(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("polygamma", p.number(a.of("n")), a.array("self"))


@row("softplus", "beta threshold")
def _softplus(p: ForwardProgram, a: Arguments) -> Reference:
    x, beta = a.array("self"), p.scalar(a.of("beta"))
    scaled = p.call("*", x, beta)
    smooth = p.call("/", p.call("log1p", p.call("exp", scaled)), beta)
    return p.choose(a.floats("self") * a.of("beta") > a.of("threshold"), x, smooth)


@row("celu", "alpha")
def _celu(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("celu", a.array("self"), p.scalar(a.of("alpha")))


@row("softshrink hardshrink", "lambd")
def _shrink(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call(a.op.base, a.array("self"), p.scalar(a.of("lambd")))


@row("threshold", "threshold value")
def _threshold(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("threshold", a.array("self"), p.scalar(a.of("threshold")), p.scalar(a.of("value")))


@row("_prelu_kernel")
def _prelu(p: ForwardProgram, a: Arguments) -> Reference:
    return p.call("prelu", a.array("self"), a.array("weight"))


@row("rrelu_with_noise", "lower upper training generator")
def _rrelu(p: ForwardProgram, a: Arguments) -> Reference:
    if a.of("training"):
        raise NotKnown(f"{a.op.name} in training")  # the slopes are written to its noise after it was recorded
    slope = p.call("*", p.scalar(0.5), p.call("+", p.scalar(a.of("lower")), p.scalar(a.of("upper"))))
    return p.call("leaky_relu", a.array("self"), slope)


@row("frexp")
def _frexp(p: ForwardProgram, a: Arguments) -> tuple[Reference, None]:
    x = a.array("self")
    exponent = p.call("+", p.call("floor", p.call("log2", p.call("abs", x))), p.scalar(1.0))
    return p.call("/", x, p.call("exp2", exponent)), None


@row("_trilinear", "expand1 expand2 expand3 sumdim unroll_dim")
def _trilinear(p: ForwardProgram, a: Arguments) -> Reference:
    product = None
    for number in ("1", "2", "3"):
        x = a.array(f"i{number}")
        shape = list(x.shape)
        for dim in sorted(a.of(f"expand{number}")):
            shape.insert(dim, 1)
        x = Reference(x.place, tuple(shape))
        product = x if product is None else p.call("*", product, x)
    assert product is not None
    dims = sorted(a.of("sumdim"))
    return p.sum(product, dims) if dims else product
