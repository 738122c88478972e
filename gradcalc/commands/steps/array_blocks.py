"""A reverse pass on arrays as a part of a handout.

Comes in: an `ArrayDerivation`.  Goes out: blocks of a document, in which vectors and matrices are bold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gradcalc.calculate.array_latex import arrays_in, arrays_with_parts
from gradcalc.calculate.array_steps import ArrayStep
from gradcalc.commands.steps.array_steps import ArrayDerivation
from gradcalc.commands.steps.array_words import (
    AutogradGradient,
    autograd_gradients,
    conclusion,
    directions,
    reasons,
    shape_words,
    value_words,
)
from gradcalc.commands.steps.handout import Handout
from gradcalc.expression.arrays import Adjoint
from gradcalc.expression.tree import Name, Node
from gradcalc.functions.resolve import understand
from gradcalc.output.array_formulas import notes
from gradcalc.output.document import (
    Block,
    Derivation,
    Derivative,
    Display,
    Formula,
    Function,
    Line,
    Number,
    Paragraph,
    Styled,
    Term,
    Words,
    assignments,
    formula_of,
    names_formula,
)
from gradcalc.output.numbers import input_text
from gradcalc.output.options import RenderOptions
from gradcalc.output.report_document import verdict_words
from gradcalc.report import ArrayFormula


def array_blocks(derivation: ArrayDerivation, handout: Handout, options: RenderOptions) -> Iterator[Block]:
    """The exercise, and its solution."""
    question, steps = derivation.question, derivation.steps
    f, names = steps.value, {Name(name) for name, sizes in question.sizes.items() if sizes}
    function = Formula([Function(f), "=", question.tree], arrays_in(question.tree, question.sizes))
    given = [*_shapes(derivation, names), *_point(derivation, names, full=options.full)]
    if not handout.solutions:
        variables = names_formula(derivation.by, names)
        yield Paragraph(["Differentiate ", function, " with respect to ", variables, *given, "."])
        return
    yield Paragraph([function, *given])
    for title, lines in directions(steps):
        yield Paragraph([title], "dim")
        yield Derivation([_line(left, line, steps.sizes, options) for left, line in lines])
    gradients = autograd_gradients(derivation) if handout.proof else {}
    for formula in steps.formulas:
        yield from _formula(formula, derivation, proof=handout.proof)
        if formula.by in gradients:
            yield Paragraph(list(_autograd(gradients[formula.by], options)))
    if handout.proof:
        yield from _proof(derivation)


def _shapes(derivation: ArrayDerivation, arrays: set[Name]) -> Iterator[str | Formula]:
    """The shapes of the variables, and what is assumed of them: `, where X is (n, d), S is symmetric`."""
    sizes, joint = derivation.question.sizes, ", where "
    for name in sizes:
        yield joint
        yield Formula([Name(name)], arrays)
        yield f" is {shape_words(sizes[name]) if sizes[name] else 'a number'}"
        joint = ", "
    yield from (f", {premise}" for premise in derivation.question.premises)


def _point(derivation: ArrayDerivation, arrays: set[Name], *, full: bool) -> Iterator[str | Formula]:
    """The values at the point; of large arrays what they are."""
    values: dict[str, Term] = {}
    for name, value in derivation.point.values.items():
        text = input_text(value.text, full=full)
        values[name] = value.tree if value.expression is not None and text == value.text else Number(text)
    if values:
        yield ", at "
        yield Formula(list(assignments(values)), arrays)


def _line(left: str, line: ArrayStep, sizes: Mapping[str, Sequence[str]], options: RenderOptions) -> Line:
    """A line with its shape, and its value if there is one."""
    name: Term = Derivative(left.of, [left.by]) if isinstance(left, Adjoint) else Name(left)
    terms: list[Term] = [name, "=", line.tree]
    words: list[str] = [shape_words(line.sizes)]
    if line.numbers is not None:
        relation, text = value_words(line.numbers, options)
        if "..." in text:
            words.append(f"; {relation} {text}")
        else:
            terms += [relation, formula_of(text)]
    return Line(0, Formula(terms, arrays_in(line.tree, sizes) | arrays_in(Name(line.name), sizes)), words)


def _formula(formula: ArrayFormula, derivation: ArrayDerivation, *, proof: bool) -> Iterator[Block]:
    """A derivative with its parts, what confirms it and what it assumes."""
    sizes, left = derivation.question.sizes, Derivative(derivation.steps.value, [formula.by])
    own: set[Node] = arrays_in(Name(formula.by), sizes)
    if formula.formula is None:
        yield Paragraph([Formula([left], own), f": {formula.why}"])
        return
    names = {*derivation.question.names, *(name for name, _ in formula.parts)}
    tree, parts = understand(formula.formula, names), [(name, understand(part, names)) for name, part in formula.parts]
    arrays = own | arrays_with_parts(tree, parts, sizes)
    yield Display(Formula([left, "=", tree], arrays))
    for name, part in parts:
        yield Paragraph(["where ", Formula([Name(name), "=", part], arrays)])
    if words := "; ".join(notes(formula, proof=proof)):
        yield Paragraph([words], "dim")


def _autograd(gradient: AutogradGradient, options: RenderOptions) -> Iterator[str | Styled | Formula]:
    """Autograd's numbers, and their verdicts."""
    text = gradient.text(options)
    yield "autograd: "
    yield text if "..." in text else Formula([formula_of(text)])
    for verdict, cause, count in gradient.verdicts:
        yield "; "
        yield verdict_words(verdict, cause)
        yield count


def _proof(derivation: ArrayDerivation) -> Iterator[Block]:
    """Whether the lines lead to the derivatives, and at a point the verdict with its reasons."""
    report = derivation.report
    if report is not None:
        yield from (Paragraph([why]) for why in reasons(report))
        yield from (Paragraph([f"note: {note}"]) for note in report.notes)
    yield Paragraph([conclusion(derivation)], "dim")
    if report is not None and report.verdict is not None:
        words: Words = ["verdict: ", verdict_words(report.verdict)]
        yield Paragraph(words)
