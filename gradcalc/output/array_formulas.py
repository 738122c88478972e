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
        if formula.formula is not None:
            page.formula(left, formula.formula, style="bold")
        elif formula.entry is None:
            page.sentence(f"{left}: {formula.why}", hanging=4)
            continue
        for name, part in formula.parts:
            page.formula(f"  where {name}", part)
        if formula.entry is not None:
            page.formula(_entry_side(formula, f, order), formula.entry, style="bold" if formula.formula is None else "")
        page.sentence("; ".join(notes(formula)), "dim", indent=2, hanging=2)
        if formula.formula is None:
            page.sentence(f"entry by entry: {formula.why}", "dim", indent=2, hanging=2)


def _left_side(formula: ArrayFormula, f: str, order: int) -> str:
    kind, factor = formula.product or ("", "")
    if kind == "cotangent":
        f = f"sum({factor}*{f})"
    if order == 2 and formula.along:
        pairs = zip(formula.along, factor.split("; "), strict=True)
        same = {name: f"²{f}/∂{name}²" if name == formula.by else f"²{f}/∂{formula.by}∂{name}" for name in formula.along}
        return " + ".join(f"∂{same[name]}·{direction}" for name, direction in pairs)
    if formula.along:
        return " + ".join(f"∂{f}/∂{name}·{each}" for name, each in zip(formula.along, factor.split("; "), strict=True))
    left = f"∂{f}/∂{formula.by}" if order == 1 else f"∂²{f}/∂{formula.by}²"
    return f"{left}·{factor}" if kind == "direction" else left


def _entry_side(formula: ArrayFormula, f: str, order: int) -> str:
    """∂f[i]/∂x[j]: the derivative of an entry by another."""
    row, *places = formula.indices
    below = "".join(f"∂{formula.by}{_index(place)}" for place in places)
    return f"∂{'²' if order == 2 else ''}{f}{_index(row)}/{below}"


def _index(letters: Sequence[str]) -> str:
    return f"[{', '.join(letters)}]" if letters else ""


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
