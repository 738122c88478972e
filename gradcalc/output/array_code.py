"""Formulas of vectors and matrices as code: a function of the variables that returns the value and the gradients.

Comes in: an expression with the shapes of its variables, and formulas of its gradients.  Goes out: Python for numpy, torch
or jax.  Everything that it needs is in the text: helpers stand before the function.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gradcalc.errors import CalcError
from gradcalc.expression.tree import Call, Name, Node, Number, calls_in, fold

_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "neg": 3, "**": 4}
_ATOM = 5
_OF_SIZES = ("eye", "ones")
"""Arrays whose arguments are sizes."""
_SAME = (
    "exp expm1 exp2 log log1p log2 log10 sin cos tan sinh cosh tanh sqrt sign floor ceil trunc abs square outer diag trace "
    "where maximum minimum"
)
"""Functions that have the same name everywhere."""


@dataclass(frozen=True)
class Library:
    """A library: how it is imported, and what functions of gradcalc's are called there.

    In a template {0} is the first argument, {dim} the option; helpers are definitions that a function needs.
    """

    imports: str
    prefix: str
    templates: Mapping[str, str]
    helpers: Mapping[str, str]

    def template(self, name: str) -> str | None:
        """How a function is called; None where it has no name here."""
        if name in _SAME.split():
            arguments = {"outer": "{0}, {1}", "where": "{0}, {1}, {2}", "maximum": "{0}, {1}", "minimum": "{0}, {1}"}
            return f"{self.prefix}.{name}({arguments.get(name, '{0}')})"
        return self.templates.get(name)


def _of_arrays(prefix: str, axis: str) -> dict[str, str]:
    """What numpy and jax call alike."""
    return {
        "sum": f"{prefix}.sum({{0}}{axis})", "mean": f"{prefix}.mean({{0}}{axis})",
        "var": f"{prefix}.var({{0}}{axis}, ddof={{correction}})", "std": f"{prefix}.std({{0}}{axis}, ddof={{correction}})",
        "norm": f"{prefix}.linalg.norm({{0}}{axis})", "det": f"{prefix}.linalg.det({{0}})",
        "logdet": f"{prefix}.linalg.slogdet({{0}})[1]", "inv": f"{prefix}.linalg.inv({{0}})",
        "solve": f"{prefix}.linalg.solve({{0}}, {{1}})", "dot": f"{prefix}.dot({{0}}, {{1}})",
        "heaviside": f"{prefix}.heaviside({{0}}, 0.5)", "eye": f"{prefix}.eye({{0}})",
        "ones": f"{prefix}.ones(({{all}},))", "relu": f"{prefix}.maximum({{0}}, 0)",
        "rsqrt": f"1/{prefix}.sqrt({{0}})", "reciprocal": "1/({0})", "logaddexp": f"{prefix}.logaddexp({{0}}, {{1}})",
    }  # fmt: skip


_NUMPY_HELPERS = {
    "sigmoid": "def sigmoid(x):\n    return np.exp(-np.logaddexp(0, -x))\n",
    "softplus": "def softplus(x):\n    return np.logaddexp(0, x)\n",
    "logsigmoid": "def logsigmoid(x):\n    return -np.logaddexp(0, -x)\n",
    "logsumexp": "def logsumexp(x, axis):\n    top = np.max(x, axis=axis, keepdims=True)\n"
    "    return np.squeeze(top, axis) + np.log(np.sum(np.exp(x - top), axis=axis))\n",
    "softmax": "def softmax(x, axis):\n    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))\n"
    "    return powers / np.sum(powers, axis=axis, keepdims=True)\n",
    "log_softmax": "def log_softmax(x, axis):\n    apart = x - np.max(x, axis=axis, keepdims=True)\n"
    "    return apart - np.log(np.sum(np.exp(apart), axis=axis, keepdims=True))\n",
}
_HELPED = {
    "sigmoid": "sigmoid({0})", "softplus": "softplus({0})", "logsigmoid": "logsigmoid({0})",
    "logsumexp": "logsumexp({0}, {line})", "softmax": "softmax({0}, {line})", "log_softmax": "log_softmax({0}, {line})",
}  # fmt: skip
_TORCH = {
    "sum": "torch.sum({0}{dims})", "mean": "torch.mean({0}{dims})",
    "var": "torch.var({0}{dims}, correction={correction})", "std": "torch.std({0}{dims}, correction={correction})",
    "norm": "torch.linalg.vector_norm({0}{dims})", "det": "torch.linalg.det({0})", "logdet": "torch.logdet({0})",
    "inv": "torch.linalg.inv({0})", "solve": "torch.linalg.solve({0}, {1})", "dot": "torch.dot({0}, {1})",
    "heaviside": "heaviside({0})", "relu": "torch.relu({0})",
    "eye": "torch.eye({0})", "ones": "torch.ones({all})", "rsqrt": "torch.rsqrt({0})", "reciprocal": "1/({0})",
    "sigmoid": "torch.sigmoid({0})", "softplus": "torch.nn.functional.softplus({0})",
    "logsigmoid": "torch.nn.functional.logsigmoid({0})", "logsumexp": "torch.logsumexp({0}, {line})",
    "softmax": "torch.softmax({0}, {line})", "log_softmax": "torch.log_softmax({0}, {line})",
    "logaddexp": "torch.logaddexp({0}, {1})",
}  # fmt: skip
_TORCH_HELPERS = {"heaviside": "def heaviside(x):\n    return torch.heaviside(x, x.new_tensor(0.5))\n"}
_JAX = {
    "sigmoid": "jax.nn.sigmoid({0})", "softplus": "jax.nn.softplus({0})", "logsigmoid": "jax.nn.log_sigmoid({0})",
    "logsumexp": "jax.nn.logsumexp({0}, axis={line})", "softmax": "jax.nn.softmax({0}, axis={line})",
    "log_softmax": "jax.nn.log_softmax({0}, axis={line})",
}  # fmt: skip
LIBRARIES: Mapping[str, Library] = {
    "python": Library("import numpy as np", "np", _of_arrays("np", "{axis}") | _HELPED, _NUMPY_HELPERS),
    "torch": Library("import torch", "torch", _TORCH, _TORCH_HELPERS),
    "jax": Library("import jax\nimport jax.numpy as jnp", "jnp", _of_arrays("jnp", "{axis}") | _JAX, {}),
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
    write = _writer(library, {size for sizes in shapes.values() for size in sizes})
    trees = [tree, *(part for it in gradients for _, part in it.parts), *(it.formula for it in gradients)]
    called = {call.name for each in trees for call in calls_in(each)}
    lines = [library.imports, "", ""]
    for name in library.helpers.keys() & called:
        lines += [*library.helpers[name].splitlines(), "", ""]
    described = ", ".join(f"{name} ({', '.join(sizes)})" if sizes else f"{name} a number" for name, sizes in shapes.items())
    lines += [
        f"def value_and_gradients({', '.join(shapes)}):",
        f'    """The value of {source}, and its gradients by {", ".join(it.by for it in gradients)}.',
        "",
        f"    Shapes: {described}.",
        '    """',
        *(f"    {line}" for line in _sizes(shapes, trees)),
        f"    value = {write(tree)}",
    ]
    for it in gradients:
        lines += [f"    {name} = {write(part)}" for name, part in it.parts]
        lines.append(f"    by_{it.by} = {write(it.formula)}")
    results = ", ".join(f"by_{it.by}" for it in gradients)
    lines.append(f"    return value, ({results}{',' if len(gradients) == 1 else ''})")
    return "\n".join(lines) + "\n"


def _sizes(shapes: Mapping[str, Sequence[str]], trees: Sequence[Node]) -> list[str]:
    """Where the sizes that are letters come from, of those that are used."""
    used = {leaf for tree in trees for leaf in _names(tree)}
    lines: dict[str, str] = {}
    for name, sizes in shapes.items():
        for place, size in enumerate(sizes):
            if size in used and not size.isdecimal():
                lines.setdefault(size, f"{size} = {name}.shape[{place}]")
    return list(lines.values())


def _names(tree: Node) -> Collection[str]:
    names: set[str] = set()
    fold(tree, lambda leaf: names.add(leaf.name) if isinstance(leaf, Name) else None, lambda call, parts: None)
    return names


def _writer(library: Library, sizes: Collection[str]) -> Callable[[Node], str]:
    def leaf(node: Number | Name) -> _Text:
        if isinstance(node, Name):
            return _Text(node.name)
        return _Text(node.text if "/" not in node.text else f"({node.text})")

    def call(node: Call, parts: Sequence[_Text]) -> _Text:
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
        if node.name in ("<", "<=", ">", ">=", "==", "!="):
            return _Text(f"{parts[0].text} {node.name} {parts[1].text}", 0)
        if not node.args:
            return _Text({"pi": "3.141592653589793", "e": "2.718281828459045"}[node.name])
        return _Text(_called(library, node, [part.text for part in parts], sizes))

    return lambda tree: fold(tree, leaf, call).text


def _called(library: Library, node: Call, parts: Sequence[str], sizes: Collection[str]) -> str:
    template = library.template(node.name)
    if template is None:
        raise CalcError(f"there is no code for {node.name} here", span=node.span, hint="the formula itself: --format plain")
    if library.prefix == "torch" and all(_is_number(arg, sizes) for arg in node.args) and node.name not in _OF_SIZES:
        parts = [f"torch.tensor(float({part}))" for part in parts]
    options = dict(node.options)
    dim = options.get("dim")
    return template.format(
        *parts,
        all=", ".join(parts),
        axis="" if dim is None else f", axis={dim}",
        dims="" if dim is None else f", dim={dim}",
        line=dim or "-1",
        correction=options.get("correction", "1"),
    )


def _is_number(node: Node, sizes: Collection[str]) -> bool:
    """Whether an argument is a number of Python's, of typed numbers and sizes, which functions of torch's do not take."""
    if isinstance(node, Call):
        return node.name not in _OF_SIZES and all(_is_number(arg, sizes) for arg in node.args)
    return isinstance(node, Number) or node.name in sizes
