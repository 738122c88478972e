"""Functions of other programs and other languages in terms of ours: `tg(x)`, `np.sinc(x)`, `Log[2, x]`, `if(c, a, b)`.

Comes in: a name, its arguments and where it comes from.  Goes out: the same in names of the function table, or an error
where the function means something else there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gradcalc.errors import CalcError, Span
from gradcalc.expression.printer import unparse
from gradcalc.expression.tree import Call, Name, Node, Number, integer_literal, is_keyword

_MODULES = "torch np numpy math sympy sp sy jnp jax tf F K nn keras scipy special mpmath mp cp cupy Math ag"
MODULES = frozenset(_MODULES.split())
CASES = ("Piecewise", "piecewise")


class Source(NamedTuple):
    """Where a call comes from: the path of its module, a notation with square brackets, or a spreadsheet."""

    module: Sequence[str] = ()
    is_bracketed: bool = False
    is_spreadsheet: bool = False


_NAMES = """
    tg:tan ctg:cot cotg:cot cotan:cot cosec:csc sen:sin sh:sinh ch:cosh th:tanh cth:coth arsinh:asinh arcosh:acosh
    artanh:atanh arcoth:acoth arctg:atan sine:sin cosine:cos tangent:tan arcsine:asin arccosine:acos arctangent:atan
    arcctg:acot arcsen:asin arccosec:acsc argsh:asinh argch:acosh argth:atanh expf:exp logf:log sinf:sin cosf:cos
    tanf:tan tanhf:tanh sqrtf:sqrt powf:pow fabsf:abs cbrtf:cbrt fmaxf:max fminf:min floorf:floor ceilf:ceil
    lse:logsumexp binary_crossentropy:binary_cross_entropy crossentropy:cross_entropy Γ:gamma reduce_sum:sum
    reduce_mean:mean reduce_max:amax reduce_min:amin reduce_prod:prod reduce_logsumexp:logsumexp
    true_divide:/ divide:/ add:+ subtract:- multiply:* negative:neg ReLU:relu LeakyReLU:leaky_relu
"""
NAMES = dict(pair.split(":") for pair in _NAMES.split())
"""Functions with the same arguments, by their names elsewhere."""

_CIRCULAR = "Sin Cos Tan Cot Sec Csc Sinh Cosh Tanh Coth Sech Csch"
_CAPITALIZED = (
    f"{_CIRCULAR} Exp Log Sqrt Abs Max Min Sign Floor Round Erf Erfc Erfi Gamma Beta Mean Norm Dot Det Sinc Log2 Log10"
)
_BRACKETED = {
    **{name: name.lower() for name in _CAPITALIZED.split()},
    **{f"Arc{name}": f"a{name.lower()}" for name in _CIRCULAR.split()},
    "Ceiling": "ceil", "CubeRoot": "cbrt", "Power": "**", "Mod": "remainder", "LogGamma": "lgamma", "PolyGamma": "polygamma",
    "LogisticSigmoid": "sigmoid", "Ramp": "relu", "Total": "sum", "Tr": "trace", "Inverse": "inv", "Transpose": "transpose",
    "If": "where", "Surd": "root", "Plus": "+", "Times": "*",
}  # fmt: skip
"""Functions as Mathematica writes them, with square brackets."""
_SMALL = "sin cos tan cot sec csc sinh cosh tanh exp ln log sqrt cbrt abs max min asin acos atan arcsin arccos arctan"
_IN_BRACKETS = frozenset(_SMALL.split())


def is_bracketed(name: str) -> bool:
    """Whether a name before a square or curly bracket is that of a function: `Sin[x]`, `max{x, y}`."""
    return name in _BRACKETED or name in _IN_BRACKETS


def own_call(name: str, args: tuple[Node, ...], span: Span, source: Source) -> Node | None:
    """A call in names of our table; None for one that has the same name there.  Raises `CalcError` where it is in doubt."""
    if source.is_bracketed:
        name = _BRACKETED.get(name, name)
        if name in ("log", "atan") and len(args) == 2:
            return Call("atan2" if name == "atan" else "log", (args[1], args[0]), span)
    for key in _keys(name, source):
        if key in _BUILT:
            return _BUILT[key](name, args, span)
    if based := re.fullmatch(r"(?:log|ln|Log)_([0-9]{1,9}|[A-Za-z])", name):
        base = based[1]
        return Call("log", (*args, Number(base, span) if base.isdigit() else Name(base, span)), span)
    if name in NAMES or source.is_bracketed:
        return Call(NAMES.get(name, name), args, span)
    return None


def _keys(name: str, source: Source) -> list[str]:
    """The names under which a function is looked up: with its module, with the one that this is like, and alone."""
    if source.is_spreadsheet:
        return [f"={name.upper()}", name]
    if not source.module:
        return [f"alone.{name}", name]
    root = source.module[0]
    alike = [root, *_ALIKE.get(root, ())]
    return [*(f"{module}.{name}" for module in alike), name]


_ALIKE = {
    "numpy": ("np",), "jnp": ("jax", "np"), "jax": ("np",), "K": ("keras", "np"), "tf": ("keras", "np"), "cp": ("np",),
    "cupy": ("np",), "F": ("torch",), "nn": ("torch",), "sp": ("sympy",), "sy": ("sympy",), "special": ("scipy",),
}  # fmt: skip

# ------------------------------------------------------------------------------------------------ built otherwise


def _letter_t(name: str, args: tuple[Node, ...], span: Span) -> Node | None:
    """`t(A)` transposes; of a sum it is more likely a product with a variable t."""
    if len(args) == 1 and isinstance(args[0], Call) and args[0].name in ("+", "-", "neg"):
        hint = f"write t*({unparse(args[0])[:60]}) for a product, transpose(...) for a matrix"
        raise CalcError("t(...) can be read in two ways", span=span, hint=hint)
    return None


def _where(name: str, args: tuple[Node, ...], span: Span) -> Node:
    if len(args) != 3:
        raise CalcError(f"{name} takes a condition and two values", span=span, hint="write where(condition, a, b)")
    return Call("where", args, span)


def _cases(name: str, args: tuple[Node, ...], span: Span) -> Node:
    """`Piecewise((a, c), (b, True))`; a last case for all other points is required."""
    pairs = [arg.args for arg in args if isinstance(arg, Call)]
    if not pairs or not (isinstance(pairs[-1][1], Name) and pairs[-1][1].name in ("True", "true", "otherwise")):
        hint = "let the last case be (b, True), or write where(condition, a, b)"
        raise CalcError(f"{name} has no value where no condition holds", span=span, hint=hint)
    value = pairs[-1][0]
    for case, condition in reversed(pairs[:-1]):
        value = Call("where", (condition, case, value), span)
    return value


def _root(name: str, args: tuple[Node, ...], span: Span) -> Node:
    degree = integer_literal(args[1]) if len(args) == 2 else None
    if degree == 2 or (len(args) == 1 and not isinstance(args[0], Number)):
        return Call("sqrt", args[:1], span)
    if degree == 3:
        return Call("cbrt", args[:1], span)
    if degree is not None and degree > 0 and degree % 2 == 0:
        return Call("**", (args[0], Call("/", (Number("1", span), args[1]), span)), span)
    inner = unparse(args[0])[:60] if args else "x"
    hint = f"write ({inner})**(1/n), which is real for positive numbers only, or cbrt({inner})"
    raise CalcError(f"{name} needs a degree of 2, 3 or an even number", span=span, hint=hint)


def _quotient(name: str, args: tuple[Node, ...], span: Span) -> Node:
    return Call("/", args, span) if len(args) == 2 else args[0] if len(args) == 1 else Call(name, args, span)


def _list(name: str, args: tuple[Node, ...], span: Span) -> Node:
    if args and isinstance(args[0], Number):
        return args[0]
    if not args or not (isinstance(args[0], Call) and args[0].name == "["):
        raise CalcError(f"{name} needs a list", span=span, hint="write [1, 2, 3]")
    return args[0]


def _constant(name: str, args: tuple[Node, ...], span: Span) -> Node:
    return Call(name, args, span) if args else Name("pi", span)


def _logarithm(name: str, args: tuple[Node, ...], span: Span) -> Node:
    if len(args) == 1:
        inner = unparse(args[0])[:60]
        hint = f"write log({inner}) for the natural logarithm, log10({inner}) for the base 10"
        raise CalcError(f"{name} can be read in two ways", span=span, hint=hint)
    return Call("log", args, span)


def _decimal_logarithm(name: str, args: tuple[Node, ...], span: Span) -> Node:
    return Call("log10" if len(args) == 1 else "log", args, span)


def _angle(name: str, args: tuple[Node, ...], span: Span) -> Node:
    shown = [unparse(arg)[:60] for arg in args] or ["y", "x"]
    hint = f"write atan2({', '.join(shown)}), or atan2({', '.join(reversed(shown))}) as spreadsheets have it"
    raise CalcError(f"{name} can be read in two ways", span=span, hint=hint)


def _normalized_sinc(name: str, args: tuple[Node, ...], span: Span) -> Node:
    return Call("sinc", (Call("*", (Name("pi", span), args[0]), span), *args[1:]), span) if args else Call("sinc", (), span)


def _of_n(name: str, args: tuple[Node, ...], span: Span) -> Node:
    """The variance and the deviation that divide by n, unless `ddof` says otherwise."""
    own = name.removeprefix("reduce_").replace("variance", "var")
    others = tuple(arg for arg in args if not _is_option(arg, "ddof"))
    given = [arg.args[1] for arg in args if isinstance(arg, Call) and _is_option(arg, "ddof")]
    correction = Call("=", (Name("correction", span), given[0] if given else Number("0", span)), span)
    return Call(own, (*others, correction), span)


def _gelu(name: str, args: tuple[Node, ...], span: Span) -> Node | None:
    """`gelu` by the error function or, where `approximate` says so, by tanh."""
    for place, arg in enumerate(args):
        if isinstance(arg, Call) and _is_option(arg, "approximate"):
            word = arg.args[1].name.strip("\"'") if isinstance(arg.args[1], Name) else ""
            if word in ("tanh", "none", "True", "False"):
                own = "gelu_tanh" if word in ("tanh", "True") else "gelu"
                return Call(own, (*args[:place], *args[place + 1 :]), span)
    return None


def _gelu_tanh(name: str, args: tuple[Node, ...], span: Span) -> Node:
    return _gelu(name, args, span) or Call("gelu_tanh", args, span)


def _is_option(arg: Node, name: str) -> bool:
    return is_keyword(arg) and isinstance(arg, Call) and isinstance(arg.args[0], Name) and arg.args[0].name == name


_Builder = Callable[[str, tuple[Node, ...], Span], Node | None]
_BUILT: dict[str, _Builder] = {
    **dict.fromkeys(("if", "If", "IF", "iif", "ifelse", "IIF"), _where), **dict.fromkeys(CASES, _cases),
    **dict.fromkeys(("root", "nthroot", "surd"), _root), **dict.fromkeys(("Rational", "Fraction"), _quotient),
    **dict.fromkeys(("tensor", "array", "Matrix", "asarray", "constant"), _list), "PI": _constant,
    "LOG": _logarithm, "=LOG": _decimal_logarithm, "ATAN2": _angle,
    **dict.fromkeys(("np.sinc", "torch.sinc"), _normalized_sinc),
    **dict.fromkeys(("np.var", "np.std", "np.reduce_variance", "np.reduce_std"), _of_n),
    "alone.t": _letter_t, "gelu": _gelu, "jax.gelu": _gelu_tanh,
}  # fmt: skip

# ------------------------------------------------------------------------------------------------ other meanings

_DIFFERENT = {
    "math.remainder": "write x - y*round(x/y): remainder(x, y) is another function here",
    "np.median": "the median of an even count is another one in torch: write the entries",
    "keras.leaky_relu": "write leaky_relu(x, 0.2): there the slope is 0.2",
    "keras.hard_sigmoid": "write clamp(0.2*x + 0.5, 0, 1), or hardsigmoid(x) for clamp(x/6 + 0.5, 0, 1)",
    "scipy.kl_div": "write x*log(x/y) - x + y: kl_div(x, y) is torch's here",
}
_TARGET_FIRST = {
    "binary_crossentropy": "binary_cross_entropy(p, y)",
    "categorical_crossentropy": "cross_entropy(logits, y)",
    "sparse_categorical_crossentropy": "cross_entropy(logits, y)",
    "mean_squared_error": "mse_loss(p, y)",
    "mean_absolute_error": "l1_loss(p, y)",
    "MSE": "mse_loss(p, y)",
    "MAE": "l1_loss(p, y)",
    "huber": "huber_loss(p, y)",
    "kl_divergence": "kl_div(p, y)",
    "log_loss": "binary_cross_entropy(p, y)",
}
_WITH_MODULE = {"huber"}
"""Names that are ours too, and have the target first in a module only."""


def refuse_of_module(path: Sequence[str], span: Span) -> None:
    """Raise `CalcError` for a function that means something else in its module."""
    name = path[-1]
    if name in _TARGET_FIRST and path[0] not in ("torch", "F", "nn"):
        hint = f"write {_TARGET_FIRST[name]}: there the target is the first argument"
        raise CalcError(f"{'.'.join(path)} takes the target first", span=span, hint=hint)
    for key in _keys(name, Source(path)):
        if key in _DIFFERENT:
            raise CalcError(f"{'.'.join(path)} is another function here", span=span, hint=_DIFFERENT[key])


def call_hint(name: str) -> str | None:
    """What to write for a loss that has the target first elsewhere; None for any other name."""
    if name in _TARGET_FIRST and name not in _WITH_MODULE:
        return f"write {_TARGET_FIRST[name]}: there the target is the first argument"
    return None
