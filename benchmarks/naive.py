"""What a person writes who has no gradcalc, to be timed beside it: no command line, no verdict, no limits.

python benchmarks/naive.py one                      sin(x**2) at 3
python benchmarks/naive.py batch QUESTIONS.jsonl    every question in a loop, in one process
python benchmarks/naive.py points COUNT             sin(x**2) at many points, to a CSV
"""

from __future__ import annotations

import json
import sys


def one() -> None:
    import sympy
    import torch
    from sympy.parsing.sympy_parser import parse_expr

    x = sympy.Symbol("x")
    derivative = parse_expr("sin(x**2)").diff(x)
    point = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    torch.sin(point**2).backward()
    print(derivative, derivative.evalf(20, subs={x: 3}), point.grad.item())


def batch(path: str) -> None:
    import sympy
    import torch
    from sympy.parsing.sympy_parser import parse_expr

    known = _functions(torch)
    done = 0
    with open(path, encoding="utf-8") as questions:
        for line in questions:
            question = json.loads(line)
            text, at = question["expr"].replace("^", "**"), question["at"]
            try:
                symbols = {name: sympy.Symbol(name, real=True) for name in at}
                expression = parse_expr(text, local_dict=symbols)
                point = {symbols[name]: sympy.Rational(str(value)) for name, value in at.items()}
                derivatives = [expression.diff(symbols[name]) for name in question["by"]]
                values = [derivative.evalf(20, subs=point) for derivative in derivatives]
                tensors = {
                    name: torch.tensor(float(value), dtype=torch.float64, requires_grad=True) for name, value in at.items()
                }
                eval(text, {}, {**known, **tensors}).backward()
                print(derivatives, values, [tensors[name].grad.item() for name in question["by"]])
                done += 1
            except Exception as error:
                print(type(error).__name__)
    print(f"{done} answered", file=sys.stderr)


def _functions(torch: object) -> dict[str, object]:
    """What the corpora call, by torch where it has a function of that name."""
    names = [
        "sin",
        "cos",
        "tan",
        "exp",
        "log",
        "sqrt",
        "tanh",
        "sinh",
        "cosh",
        "asin",
        "acos",
        "atan",
        "asinh",
        "acosh",
        "atanh",
        "erf",
        "erfc",
        "abs",
        "sigmoid",
        "expm1",
        "log1p",
        "lgamma",
        "digamma",
        "sign",
        "floor",
        "ceil",
        "atan2",
        "hypot",
        "relu",
        "where",
        "log2",
        "log10",
        "maximum",
        "minimum",
        "clamp",
        "logaddexp",
        "square",
        "rsqrt",
        "round",
        "trunc",
    ]

    def of_numbers_too(function: object) -> object:
        return lambda x, *rest: function(
            x if isinstance(x, torch.Tensor) else torch.tensor(float(x), dtype=torch.float64), *rest
        )

    found = {name: of_numbers_too(getattr(torch, name)) for name in names}
    activations = [
        "softplus",
        "silu",
        "gelu",
        "elu",
        "leaky_relu",
        "selu",
        "celu",
        "mish",
        "softsign",
        "hardtanh",
        "hardsigmoid",
        "hardswish",
        "logsigmoid",
        "relu6",
    ]
    found.update({name: getattr(torch.nn.functional, name) for name in activations})
    found.update(
        pi=torch.pi, e=torch.e, E=torch.e,
        cot=lambda x: 1 / torch.tan(x), sec=lambda x: 1 / torch.cos(x), csc=lambda x: 1 / torch.sin(x),
        coth=lambda x: 1 / torch.tanh(x), sech=lambda x: 1 / torch.cosh(x), csch=lambda x: 1 / torch.sinh(x),
        gamma=lambda x: torch.exp(torch.lgamma(x)),
    )  # fmt: skip
    return found


def points(count: int, write: object = sys.stdout.write) -> None:
    import torch

    x = torch.linspace(0, 10, count, dtype=torch.float64, requires_grad=True)
    y = torch.sin(x**2)
    y.sum().backward()
    for place, value, slope in zip(x.tolist(), y.tolist(), x.grad.tolist(), strict=True):
        write(f"{place},{value},{slope}\n")


if __name__ == "__main__":
    what = sys.argv[1]
    one() if what == "one" else batch(sys.argv[2]) if what == "batch" else points(int(sys.argv[2]))
