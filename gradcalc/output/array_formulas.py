"""The formats of formulas of vectors and matrices: table, plain, JSON and LaTeX."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from gradcalc.expression.sizes import shape_text
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page
from gradcalc.output.records import tabbed
from gradcalc.report import ArrayFormula


def write_formulas(formulas: Sequence[ArrayFormula], page: Page, f: str = "f", order: int = 1) -> None:
    """Formulas for people: each with its parts, and below what confirms it and what it assumes."""
    for formula in formulas:
        left = _left_side(formula, f, order)
        if formula.formula is None:
            page.sentence(f"{left}: {formula.why}", hanging=4)
            continue
        page.formula(left, formula.formula, style="bold")
        for name, part in formula.parts:
            page.formula(f"  where {name}", part)
        page.sentence("; ".join(notes(formula)), "dim", indent=2, hanging=2)


def _left_side(formula: ArrayFormula, f: str, order: int) -> str:
    kind, factor = formula.product or ("", "")
    if kind == "cotangent":
        f = f"sum({factor}*{f})"
    left = f"∂{f}/∂{formula.by}" if order == 1 else f"∂²{f}/∂{formula.by}²"
    return f"{left}·{factor}" if kind == "direction" else left


def notes(formula: ArrayFormula) -> list[str]:
    """What confirms a formula, and what it assumes."""
    sampled = "right at random points of random shapes, not proven for all"
    return [sampled if formula.evidence == "points" else f"proven for {formula.evidence}", *formula.assumptions]


def table(
    source: str,
    shapes: Mapping[str, Sequence[str]],
    inferred: Collection[str],
    formulas: Sequence[ArrayFormula],
    order: int,
    options: RenderOptions,
) -> str:
    """The expression with its shapes, those that it demands apart, and the formulas."""
    page = Page(options)
    page.formula("f", source)
    texts = {name: f"{name} {shape_text(sizes)}" for name, sizes in shapes.items()}
    given = ", ".join(text for name, text in texts.items() if name not in inferred)
    others = ", ".join(texts[name] for name in inferred)
    page.sentence("; ".join(filter(None, [given, f"inferred: {others}" if others else ""])), "dim", indent=2, hanging=2)
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


def latex(formulas: Sequence[ArrayFormula]) -> str:
    """A line for each formula."""
    lines = (rf"\frac{{\partial f}}{{\partial {it.by}}} = {it.latex}" for it in formulas if it.latex is not None)
    return "".join(f"{line}\n" for line in lines)
