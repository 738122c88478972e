"""The formats of formulas of vectors and matrices: table, plain, JSON and LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcalc.expression.arrays import shape_text
from gradcalc.expression.tree import Call, Name
from gradcalc.output.document import Derivative, Formula
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page
from gradcalc.output.records import tabbed
from gradcalc.output.tex import ascii_latex, formula_latex
from gradcalc.report import ArrayFormula


def write_question(source: str, shapes: Mapping[str, Sequence[str]], page: Page, f: str = "f") -> None:
    """The expression with the shapes of its variables."""
    page.formula(f, source)
    page.sentence(shapes_text(shapes), "dim", indent=2, hanging=2)


def shapes_text(shapes: Mapping[str, Sequence[str]]) -> str:
    """Variables with their shapes: `A (m, n), x (n,)`."""
    return ", ".join(f"{name} {shape_text(sizes)}" for name, sizes in shapes.items())


def write_formulas(
    formulas: Sequence[ArrayFormula], page: Page, f: str = "f", order: int = 1, *, proof: bool = True
) -> None:
    """Formulas for people: each with its parts, and below what it assumes and, with `proof`, what confirms it."""
    for formula in formulas:
        left = f"∂{f}/∂{formula.by}" if order == 1 else f"∂²{f}/∂{formula.by}²"
        if formula.product is not None:
            kind, factor = formula.product
            left = f"∂sum({factor}*{f})/∂{formula.by}" if kind == "cotangent" else f"{left}·{factor}"
        if formula.formula is None:
            page.sentence(f"{left}: {formula.why}", hanging=4)
            continue
        page.formula(left, formula.formula, style="bold")
        for name, part in formula.parts:
            page.formula(f"  where {name}", part)
        page.sentence("; ".join(notes(formula, proof=proof)), "dim", indent=2, hanging=2)


def notes(formula: ArrayFormula, *, proof: bool = True) -> list[str]:
    """What confirms a formula, unless no proof is wanted, and what it assumes."""
    words = {"all sizes": "proven for all sizes", "points": "right at random points of random shapes, not proven for all"}
    return [words[str(formula.evidence)]] * proof + [*formula.assumptions]


def table(
    source: str, shapes: Mapping[str, Sequence[str]], formulas: Sequence[ArrayFormula], order: int, options: RenderOptions
) -> str:
    """The expression with its shapes, and the formulas."""
    page = Page(options)
    write_question(source, shapes, page)
    page.line()
    write_formulas(formulas, page, order=order)
    return page.text()


def plain(formulas: Sequence[ArrayFormula], options: RenderOptions) -> str:
    """A line for each formula: variable, formula, its parts, what confirms it, what it assumes, why there is none."""
    rows = [
        [
            it.by,
            it.formula or "",
            "; ".join(f"{name} = {part}" for name, part in it.parts),
            it.evidence or "",
            "; ".join(it.assumptions),
            it.why or "",
        ]
        for it in formulas
    ]
    return tabbed(rows, options)


def latex(formulas: Sequence[ArrayFormula], order: int = 1) -> str:
    """A line for each formula, with its parts behind it."""
    return "".join(f"{_equation(it, order)}\n" for it in formulas if it.latex is not None)


def _equation(formula: ArrayFormula, order: int) -> str:
    parts = ", ".join(f"{name} = {part}" for name, part in formula.latex_parts)
    right = f"{formula.latex}" + (rf" \quad \text{{where }} {parts}" if parts else "")
    return f"{formula_latex(_left(formula, order))} = {ascii_latex(right)}"


def _left(formula: ArrayFormula, order: int) -> Formula:
    by, arrays = formula.by, list(map(Name, formula.arrays))
    if formula.product is None:
        return Formula([Derivative("f", [by] * order)], arrays)
    kind, letter = formula.product
    factor, value = Name(letter), Name("f")
    if kind == "direction":
        return Formula([Derivative("f", [by, by]), "·", factor], arrays)
    total = Call("sum", (Call("*", (factor, value)),))
    return Formula([Derivative(total, [by])], [*arrays, value, Call("*", (factor, value))])
