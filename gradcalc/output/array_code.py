"""Formulas of vectors and matrices as code: a function of the variables that returns the value and the gradients.

Comes in: an expression with the shapes of its variables, and formulas of its gradients.  Goes out: Python for numpy, torch
or jax.  Everything that it needs is in the text: helpers stand before the function.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from string import Formatter
from typing import NamedTuple

from gradcalc.errors import CalcError
from gradcalc.expression.sizes import letter_of, number_of
from gradcalc.expression.tree import COMPARISONS, Call, Name, Node, Number, fold
from gradcalc.functions import TABLE

_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "neg": 3, "**": 4}
_ATOM = 5
_ARRAYS = ("eye", "ones", "one_hot", "[", "[]")
"""What is an array, or an entry of one, even if it is made of numbers."""
_SAME = (
    "exp expm1 exp2 log log1p log2 log10 sin cos tan sinh cosh tanh sqrt sign floor ceil trunc abs square outer diag trace "
    "where maximum minimum logaddexp"
)
"""Functions that have the same name everywhere."""
_LOGIC = {"and": "logical_and({0}, {1})", "or": "logical_or({0}, {1})", "not": "logical_not({0})"}
_SAME_ARGUMENTS = {"where": "{0}, {1}, {2}", **dict.fromkeys(("outer", "maximum", "minimum", "logaddexp"), "{0}, {1}")}


@dataclass(frozen=True)
class Library:
    """A library: how it is imported, and what functions of gradcalc's are called there.

    In a template {0} is the first argument, {all} are all of them, {axis} are the options of a reduction, {line} is the
    dimension of a function along one, and {like} is a variable whose dtype and device new arrays have.  A call whose options
    make it another form of its function, `"norm inf"`, may have a template of its own.  `helpers` are definitions that
    functions need, and `takes_numbers` says whether functions of arrays take Python's numbers, too.
    """

    imports: str
    prefix: str
    templates: Mapping[str, str]
    helpers: Mapping[str, str]
    keepdim: str = "keepdims"
    takes_numbers: bool = True

    def template(self, name: str) -> str | None:
        """How a function is called; None where it has no name here."""
        if name in _SAME.split():
            return f"{self.prefix}.{name}({_SAME_ARGUMENTS.get(name, '{0}')})"
        return f"{self.prefix}.{_LOGIC[name]}" if name in _LOGIC else self.templates.get(name)


def _of_arrays(prefix: str) -> dict[str, str]:
    """What numpy and jax call alike."""
    reductions = {"sum": "sum", "mean": "mean", "prod": "prod", "amax": "max", "amin": "min"}
    return {name: f"{prefix}.{own}({{0}}{{axis}})" for name, own in reductions.items()} | {
        "var": f"{prefix}.var({{0}}{{axis}}, ddof={{correction}})",
        "std": f"{prefix}.std({{0}}{{axis}}, ddof={{correction}})",
        "norm": f"{prefix}.linalg.norm({{0}}{{axis}})", "norm 1": f"{prefix}.sum({prefix}.abs({{0}}){{axis}})",
        "norm inf": f"{prefix}.max({prefix}.abs({{0}}){{axis}})",
        "cumsum": f"{prefix}.cumsum({{0}}, axis={{line}})", "cumprod": f"{prefix}.cumprod({{0}}, axis={{line}})",
        "[": f"{prefix}.stack([{{all}}])", "[ of numbers": f"{prefix}.array([{{all}}], dtype=float)",
        "det": f"{prefix}.linalg.det({{0}})", "logdet": f"{prefix}.linalg.slogdet({{0}})[1]",
        "inv": f"{prefix}.linalg.inv({{0}})", "solve": f"{prefix}.linalg.solve({{0}}, {{1}})",
        "dot": f"{prefix}.dot({{0}}, {{1}})", "heaviside": f"{prefix}.heaviside({{0}}, 0.5)",
        "eye": f"{prefix}.eye({{0}})", "ones": f"{prefix}.ones(({{all}},))", "relu": f"{prefix}.maximum({{0}}, 0)",
        "log to a base": f"({prefix}.log({{0}})/{prefix}.log({{1}}))",
        "rsqrt": f"(1/{prefix}.sqrt({{0}}))", "reciprocal": "(1/({0}))",
    }  # fmt: skip


_NUMPY_HELPERS = {
    "sigmoid": "def sigmoid(x):\n    return np.exp(-np.logaddexp(0, -x))\n",
    "softplus": "def softplus(x):\n    return np.logaddexp(0, x)\n",
    "logsigmoid": "def logsigmoid(x):\n    return -np.logaddexp(0, -x)\n",
    "logsumexp": "def logsumexp(x, axis=None, keepdims=False):\n    top = np.max(x, axis=axis, keepdims=True)\n"
    "    total = top + np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True))\n"
    "    return total if keepdims else np.squeeze(total, axis)\n",
    "softmax": "def softmax(x, axis):\n    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))\n"
    "    return powers / np.sum(powers, axis=axis, keepdims=True)\n",
    "log_softmax": "def log_softmax(x, axis):\n    apart = x - np.max(x, axis=axis, keepdims=True)\n"
    "    return apart - np.log(np.sum(np.exp(apart), axis=axis, keepdims=True))\n",
}
_NUMPY = {
    "sigmoid": "sigmoid({0})", "softplus": "softplus({0})", "logsigmoid": "logsigmoid({0})",
    "logsumexp": "logsumexp({0}{axis})", "softmax": "softmax({0}, {line})", "log_softmax": "log_softmax({0}, {line})",
    "one_hot": "np.eye({1})[np.asarray({0}, dtype=int)]",
}  # fmt: skip
_TORCH = {
    "sum": "torch.sum({0}{axis})", "mean": "torch.mean({0}{axis})", "prod": "torch.prod({0}{axis})",
    "prod of all, kept": "prod({0})", "amax": "torch.amax({0}{axis})", "amin": "torch.amin({0}{axis})",
    "amax of all, kept": "torch.amax({0}, dim=(), keepdim=True)",
    "amin of all, kept": "torch.amin({0}, dim=(), keepdim=True)",
    "var": "torch.var({0}{axis}, correction={correction})", "std": "torch.std({0}{axis}, correction={correction})",
    "norm": "torch.linalg.vector_norm({0}{axis})", "norm 1": "torch.linalg.vector_norm({0}, 1{axis})",
    "norm inf": 'torch.linalg.vector_norm({0}, float("inf"){axis})',
    "cumsum": "torch.cumsum({0}, {line})", "cumprod": "torch.cumprod({0}, {line})",
    "[": "torch.stack([{all}])", "[ of numbers": "{like}.new_tensor([{all}])",
    "one_hot": "torch.nn.functional.one_hot(({0}).long(), {1}).to({like})",
    "det": "torch.linalg.det({0})", "logdet": "torch.logdet({0})",
    "inv": "torch.linalg.inv({0})", "solve": "torch.linalg.solve({0}, {1})", "dot": "torch.dot({0}, {1})",
    "heaviside": "heaviside({0})", "relu": "torch.relu({0})", "ones": "{like}.new_ones({all})",
    "eye": "torch.eye({0}, dtype={like}.dtype, device={like}.device)",
    "log to a base": "(torch.log({0})/torch.log({1}))", "rsqrt": "torch.rsqrt({0})", "reciprocal": "(1/({0}))",
    "sigmoid": "torch.sigmoid({0})", "softplus": "torch.nn.functional.softplus({0})",
    "logsigmoid": "torch.nn.functional.logsigmoid({0})", "logsumexp": "torch.logsumexp({0}{axis})",
    "logsumexp of all": "torch.logsumexp(torch.flatten({0}), 0)", "logsumexp of all, kept": "logsumexp({0})",
    "softmax": "torch.softmax({0}, {line})", "log_softmax": "torch.log_softmax({0}, {line})",
}  # fmt: skip
_TORCH_HELPERS = {
    "heaviside": "def heaviside(x):\n    return torch.heaviside(x, x.new_tensor(0.5))\n",
    "prod of all, kept": "def prod(x):\n    return torch.prod(x).reshape([1] * x.ndim)\n",
    "logsumexp of all, kept": "def logsumexp(x):\n    return torch.logsumexp(x, tuple(range(x.ndim)), keepdim=True)\n",
}
_JAX = {
    "sigmoid": "jax.nn.sigmoid({0})", "softplus": "jax.nn.softplus({0})", "logsigmoid": "jax.nn.log_sigmoid({0})",
    "logsumexp": "jax.nn.logsumexp({0}{axis})", "softmax": "jax.nn.softmax({0}, axis={line})",
    "log_softmax": "jax.nn.log_softmax({0}, axis={line})", "one_hot": "jax.nn.one_hot(jnp.asarray({0}, dtype=int), {1})",
}  # fmt: skip
LIBRARIES: Mapping[str, Library] = {
    "python": Library("import numpy as np", "np", _of_arrays("np") | _NUMPY, _NUMPY_HELPERS),
    "torch": Library("import torch", "torch", _TORCH, _TORCH_HELPERS, keepdim="keepdim", takes_numbers=False),
    "jax": Library("import jax\nimport jax.numpy as jnp", "jnp", _of_arrays("jnp") | _JAX, {}),
}


class Gradient(NamedTuple):
    """A formula to write: the variable, the parts that it names, and the derivative."""

    by: str
    parts: Sequence[tuple[str, Node]]
    formula: Node


class _Text(NamedTuple):
    text: str
    binds: int = _ATOM

    def within(self, least: int) -> str:
        """The text, in parentheses where it binds less."""
        return self.text if self.binds >= least else f"({self.text})"


def function_code(
    library: Library, source: str, tree: Node, shapes: Mapping[str, Sequence[str]], gradients: Sequence[Gradient]
) -> str:
    """A module with the function.  Raises `CalcError` for a function that the library does not have."""
    writer = _Writer(library, {size for sizes in shapes.values() for size in sizes}, gradients[0].by)
    trees = [tree, *(part for it in gradients for _, part in it.parts), *(it.formula for it in gradients)]
    body = [f"value = {writer.text(tree)}"]
    for it in gradients:
        body += [f"{name} = {writer.text(part)}" for name, part in it.parts]
        body.append(f"by_{it.by} = {writer.text(it.formula)}")
    lines = [library.imports, "", ""]
    for name in (name for name in library.helpers if name in writer.forms):
        lines += [*library.helpers[name].splitlines(), "", ""]
    described = ", ".join(f"{name} ({', '.join(sizes)})" if sizes else f"{name} a number" for name, sizes in shapes.items())
    lines += [
        f"def value_and_gradients({', '.join(shapes)}):",
        f'    """The value of {source}, and its gradients by {", ".join(it.by for it in gradients)}.',
        "",
        f"    Shapes: {described}.",
        '    """',
        *(f"    {line}" for line in (*_sizes(shapes, trees), *body)),
    ]
    results = ", ".join(f"by_{it.by}" for it in gradients)
    lines.append(f"    return value, ({results}{',' if len(gradients) == 1 else ''})")
    return "\n".join(lines) + "\n"


def _sizes(shapes: Mapping[str, Sequence[str]], trees: Sequence[Node]) -> list[str]:
    """Where the sizes that are letters come from, of those that are used."""
    used = {leaf for tree in trees for leaf in _names(tree)}
    lines: dict[str, str] = {}
    for name, sizes in shapes.items():
        for place, size in enumerate(sizes):
            letter, less = letter_of(size), -number_of(size, {letter_of(size) or "": 0})
            if letter is not None and letter in used:
                lines.setdefault(letter, f"{letter} = {name}.shape[{place}]" + (f" + {less}" if less else ""))
    return list(lines.values())


def _names(tree: Node) -> Collection[str]:
    names: set[str] = set()
    fold(tree, lambda leaf: names.add(leaf.name) if isinstance(leaf, Name) else None, lambda call, parts: None)
    return names


class _Writer:
    """Writes trees as code of a library; `forms` are the functions that were called."""

    def __init__(self, library: Library, sizes: Collection[str], like: str):
        self.library, self.sizes, self.like = library, sizes, like
        self.forms: set[str] = set()

    def text(self, tree: Node) -> str:
        """The code of a tree.  Raises `CalcError` for a function that the library does not have."""
        return fold(tree, self._leaf, self._call).text

    def _leaf(self, node: Number | Name) -> _Text:
        if isinstance(node, Name):
            return _Text(node.name)
        return _Text(node.text if "/" not in node.text else f"({node.text})")

    def _call(self, node: Call, parts: Sequence[_Text]) -> _Text:
        binds = _BINDS.get(node.name)
        if node.name == "neg":
            return _Text(f"-{parts[0].within(2)}", 2)
        if node.name == "**":
            return _Text(f"{parts[0].within(_ATOM)}**{parts[1].within(_ATOM)}", 4)
        if binds is not None:
            space = " " if binds == 1 else ""
            right = binds + 1  # also for `@` beside `*`, which Python reads from the left
            return _Text(f"{parts[0].within(binds)}{space}{node.name}{space}{parts[1].within(right)}", binds)
        if node.name == "transpose":
            return _Text(f"{parts[0].within(_ATOM)}.T")
        if node.name == "[]":
            return _Text(f"{parts[0].within(_ATOM)}[{dict(node.options)['at'].replace(',', ', ')}]")
        if node.name in COMPARISONS:
            return _Text(f"{parts[0].text} {node.name} {parts[1].text}", 0)
        if not node.args:
            return _Text({"pi": "3.141592653589793", "e": "2.718281828459045"}[node.name])
        return _Text(self._called(node, [part.text for part in parts]))

    def _called(self, node: Call, parts: Sequence[str]) -> str:
        form = next((form for form in self._forms(node) if self.library.template(form) is not None), None)
        template = None if form is None else self.library.template(form)
        if form is None or template is None or not _uses_all(template, node):
            raise CalcError(
                f"there is no code for {node.name} here", span=node.span, hint="the formula itself: --format plain"
            )
        self.forms.add(form)
        if not self.library.takes_numbers and form != "[ of numbers":
            parts = self._as_tensors(node, parts)
        if node.name in ("max", "min") and len(parts) > 1:
            return reduce(template.format, parts)
        options = dict(node.options)
        return template.format(
            *parts,
            all=", ".join(parts),
            axis=self._axis(options),
            line=options.get("dim", "-1"),
            correction=options.get("correction", "1"),
            like=self.like,
        )

    def _forms(self, node: Call) -> Iterator[str]:
        """The forms of a function that a call is, the most special first."""
        options, name = dict(node.options), node.name
        if name in ("max", "min"):
            name = f"a{name}" if len(node.args) == 1 else f"{name}imum"
        if name == "log" and len(node.args) > 1:
            yield "log to a base"
        if name == "norm":
            yield f"norm {options.get('p')}"
        if name == "[" and all(map(self._is_number, node.args)):
            yield "[ of numbers"
        if "dim" not in options and "keepdim" in options:
            yield f"{name} of all, kept"
        if "dim" not in options:
            yield f"{name} of all"
        yield name

    def _axis(self, options: Mapping[str, str]) -> str:
        """The options of a reduction, behind its argument."""
        word = "dim" if self.library.keepdim == "keepdim" else "axis"
        if "keepdim" in options:
            return f", {word}={options.get('dim')}, {self.library.keepdim}=True"
        return f", {word}={options['dim']}" if "dim" in options else ""

    def _as_tensors(self, node: Call, parts: Sequence[str]) -> Sequence[str]:
        """Arguments with tensors for those that are numbers, but sizes, and one number beside a tensor in `where`."""
        kept: Collection[int] = range(len(parts)) if node.name in ("eye", "ones") else (1,) if node.name == "one_hot" else ()
        if node.name == "where" and not all(map(self._is_number, node.args[1:])):
            kept = (1, 2)
        return [
            f"{self._tensor_of(arg)}({part})" if place not in kept and self._is_number(arg) else part
            for place, (part, arg) in enumerate(zip(parts, node.args, strict=True))
        ]

    def _tensor_of(self, number: Node) -> str:
        """What makes a tensor of a number, or of a condition on numbers."""
        return "torch.tensor" if isinstance(number, Call) and number.name in COMPARISONS else f"{self.like}.new_tensor"

    def _is_number(self, node: Node) -> bool:
        """Whether an argument is a number of Python's, of typed numbers and sizes, which torch's functions do not take."""
        if isinstance(node, Call):
            return node.name not in _ARRAYS and all(map(self._is_number, node.args))
        return isinstance(node, Number) or node.name in self.sizes


def _uses_all(template: str, node: Call) -> bool:
    """Whether a template has a place for all arguments, but those that are what they are if nothing is said."""
    places = {place for _, place, _, _ in Formatter().parse(template)}
    row = TABLE[node.name]
    defaults = [parameter.default for parameter in row.parameters]
    return (
        row.variadic
        or "all" in places
        or all(
            str(place) in places or (isinstance(arg, Number) and arg.text == defaults[place])
            for place, arg in enumerate(node.args)
        )
    )
