"""The formats of formulas of vectors and matrices: table, plain, JSON and LaTeX."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from gradcalc.expression.arrays import shape_text
from gradcalc.expression.tree import Call, Name, Node
from gradcalc.output.document import Derivative, Formula, Term, formula_of
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import Page
from gradcalc.output.records import tabbed
from gradcalc.output.tex import ascii_latex, formula_latex
from gradcalc.report import ArrayFormula


def write_question(
    source: str, shapes: Mapping[str, Sequence[str]], page: Page, f: str = "f", inferred: Collection[str] = ()
) -> None:
    """The expression with the shapes of its variables, those that it demands apart."""
    page.formula(f, source)
    given = shapes_text({name: sizes for name, sizes in shapes.items() if name not in inferred})
    others = shapes_text({name: shapes[name] for name in inferred})
    page.sentence("; ".join(filter(None, [given, f"inferred: {others}" if others else ""])), "dim", indent=2, hanging=2)


def shapes_text(shapes: Mapping[str, Sequence[str]]) -> str:
    """Variables with their shapes: `A (m, n), x (n,)`."""
    return ", ".join(f"{name} {shape_text(sizes)}" for name, sizes in shapes.items())


def write_formulas(
    formulas: Sequence[ArrayFormula], page: Page, f: str = "f", order: int = 1, *, proof: bool = True
) -> None:
    """Formulas for people: each with its parts, and below what it assumes and, with `proof`, what confirms it."""
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
        page.sentence("; ".join(notes(formula, proof=proof)), "dim", indent=2, hanging=2)
        if formula.formula is None:
            page.sentence(f"entry by entry: {formula.why}", "dim", indent=2, hanging=2)


def _left_side(formula: ArrayFormula, f: str, order: int) -> str:
    kinds = _kinds(formula)
    factor = kinds.get("direction", "")
    if "cotangent" in kinds:
        f = f"sum({kinds['cotangent']}*{f})"
    if order == 2 and formula.along:
        pairs = zip(formula.along, factor.split("; "), strict=True)
        same = {name: f"²{f}/∂{name}²" if name == formula.by else f"²{f}/∂{formula.by}∂{name}" for name in formula.along}
        return " + ".join(f"∂{same[name]}·{direction}" for name, direction in pairs)
    if formula.along:
        return " + ".join(f"∂{f}/∂{name}·{each}" for name, each in zip(formula.along, factor.split("; "), strict=True))
    left = f"∂{f}/∂{formula.by}" if order == 1 else f"∂²{f}/∂{formula.by}²"
    return f"{left}·{factor}" if factor else left


def _kinds(formula: ArrayFormula) -> dict[str, str]:
    """The factors of a product by their kinds."""
    product = formula.product or ()
    return dict(zip(product[::2], product[1::2], strict=True))


def _entry_side(formula: ArrayFormula, f: str, order: int) -> str:
    """∂f[i]/∂x[j]: the derivative of an entry by another."""
    row, *places = formula.indices
    if not row and "cotangent" in (kinds := _kinds(formula)):  # one that was asked for makes a number of the expression
        f = f"sum({kinds['cotangent']}*{f})"
    below = "".join(f"∂{formula.by}{_index(place)}" for place in places)
    return f"∂{'²' if order == 2 else ''}{f}{_index(row)}/{below}"


def _index(letters: Sequence[str]) -> str:
    return f"[{','.join(letters)}]" if letters else ""


def notes(formula: ArrayFormula, *, proof: bool = True) -> list[str]:
    """What confirms a formula, unless no proof is wanted, and what it assumes."""
    sampled = "right at random points of random shapes, not proven for all"
    confirmed = sampled if formula.evidence == "points" else f"proven for {formula.evidence}"
    return [confirmed] * proof + [*formula.assumptions]


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
    write_question(source, shapes, page, inferred=inferred)
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
    by = formula.by
    arrays: list[Node] = list(map(Name, formula.arrays))
    kinds, value = _kinds(formula), Name("f")
    of: str | Node = "f"
    if "cotangent" in kinds:
        read = formula_of(kinds["cotangent"])
        weighted = Call("*", (read if isinstance(read, Node) else Name(kinds["cotangent"]), value))
        of, arrays = Call("sum", (weighted,)), [*arrays, value, weighted]
    if "direction" not in kinds:
        return Formula([Derivative(of, [by] * order)], arrays)
    variables = [[by, name] if order > 1 else [name] for name in formula.along] or [[by] * order]
    terms: list[Term] = []
    for names, direction in zip(variables, kinds["direction"].split("; "), strict=True):
        terms += [*(["+"] if terms else []), Derivative(of, names), "·", formula_of(direction)]
    return Formula(terms, arrays)
