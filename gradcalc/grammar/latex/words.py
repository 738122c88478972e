r"""Commands of LaTeX: what they are in the plain language, and what to say of those that are not part of an expression."""

from __future__ import annotations

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega"
)
_CAPITALS = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
GREEK = {
    **{rf"\{name}": name for name in (_GREEK + " " + _CAPITALS).split()},
    **{rf"\var{name}": name for name in ("epsilon", "theta", "phi", "rho", "sigma", "kappa")},
    r"\ell": "l", r"\hbar": "hbar",
}  # fmt: skip
LETTERS = {
    **{rf"\{name}": letter for name, letter in zip(_GREEK.split(), "αβγδεζηθικλμνξπρστυφχψω", strict=True)},
    **{rf"\{name}": letter for name, letter in zip(_CAPITALS.split(), "ΓΔΘΛΞΠΣΥΦΨΩ", strict=True)},
    **{rf"\var{name}": letter for name, letter in zip(("epsilon", "theta", "phi", "rho"), "εθφρ", strict=True)},
}
"""Greek letters as themselves, in case that a variable is called so."""
DOUBTFUL = {
    r"\sigma": "sigmoid", "σ": "sigmoid", r"\beta": "beta", r"\gamma": "gamma", r"\psi": "digamma", r"\zeta": "zeta",
    r"\Phi": "ndtr",
}  # fmt: skip
"""Letters that may be functions, and the function."""
CONSTANTS = ("e", "E", "t", "pi", "tau")
"""Names that no parenthesis makes a function of."""
CALLED = {r"\Gamma": "gamma"}

WRITTEN_BY_SYMPY = {"atan_2": "atan2"}

_FUNCTIONS = "sin cos tan cot sec csc sinh cosh tanh coth exp log ln max min arcsin arccos arctan det"
FUNCTIONS = {
    **{rf"\{name}": name for name in _FUNCTIONS.split()},
    r"\lg": "log10", r"\tg": "tan", r"\ctg": "cot", r"\cosec": "csc", r"\arctg": "atan", r"\sh": "sinh", r"\ch": "cosh",
    r"\th": "tanh",
}  # fmt: skip
_FONTS = """mathit mathrm mathbf mathsf mathtt mathcal boldsymbol bm vec text textit textrm textbf operatorname operatorname*
mbox symbf pmb"""
BOLD = frozenset({r"\mathbf", r"\boldsymbol", r"\bm", r"\vec", r"\symbf", r"\pmb"})
FONTS = frozenset(rf"\{name}" for name in _FONTS.split())
_ACCENTS = "hat widehat:hat bar overline:bar tilde widetilde:tilde dot"
ACCENTS = {rf"\{pair.partition(':')[0]}": pair.split(":")[-1] for pair in _ACCENTS.split()}
SIGNS = {
    r"\cdot": "*", r"\times": "*", r"\ast": "*", r"\odot": "*", r"\div": "/", r"\lt": "<", r"\gt": ">",
    **dict.fromkeys((r"\le", r"\leq", r"\leqslant"), "<="), **dict.fromkeys((r"\ge", r"\geq", r"\geqslant"), ">="),
    **dict.fromkeys((r"\ne", r"\neq"), "!="), **dict.fromkeys((r"\land", r"\wedge"), " and "), r"\vert": "|", r"\mid": "|",
    **dict.fromkeys((r"\lor", r"\vee"), " or "), **dict.fromkeys((r"\neg", r"\lnot"), " not "),
}  # fmt: skip
PRODUCTS = (r"\cdot", r"\times", r"\ast")
"""Signs of a product that may be of several kinds between vectors."""
_PAIRS = [
    ("(", ")", "("), ("[", "]", "("), (r"\{", r"\}", "{"), (r"\lbrace", r"\rbrace", "{"), (r"\lvert", r"\rvert", "abs("),
    (r"\lVert", r"\rVert", "norm("), (r"\lfloor", r"\rfloor", "floor("), (r"\lceil", r"\rceil", "ceil("),
]  # fmt: skip
_BARS = [("|", "|", "abs("), (r"\vert", r"\vert", "abs("), (r"\|", r"\|", "norm("), (r"\Vert", r"\Vert", "norm(")]
BRACKETS = {
    **{left: (right, own, "}" if own == "{" else ")") for left, right, own in [*_PAIRS, *_BARS[2:]]},
    **{rf"\left{a}": (rf"\right{b}", own, "}" if own == "{" else ")") for a, b, own in [*_PAIRS, *_BARS]},
}
"""What opens, what closes it, and both in the plain language."""
MATRICES = ("pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix")

_INTEGRAL = "an integral is not supported: write the integrand alone"
_DERIVATIVE = "a derivative is not supported here: write the function alone, gradcalc finds its derivative"
REFUSED = {
    **dict.fromkeys((r"\int", r"\iint", r"\oint"), _INTEGRAL), r"\sum": r"write sum(x), mean(x) or the terms",
    r"\prod": "write prod(x) or the factors", r"\lim": "a limit is not supported",
    r"\partial": _DERIVATIVE, r"\nabla": _DERIVATIVE,
    r"\infty": "values are finite", r"\pm": "two values are two expressions: write one with + and one with -",
    r"\mp": "two values are two expressions: write one with + and one with -", r"\binom": "write factorials",
    r"\mathbb": "write the expectation or the set out", r"\in": "write one expression", r"\sim": "write one expression",
    r"\approx": "write one side alone", r"\to": "write the formula alone", r"\mapsto": "write the formula alone",
    r"\Rightarrow": "write one formula alone", r"\equiv": "write one side alone", r"\ldots": "write all terms out",
    r"\cdots": "write all terms out", r"\dots": "write all terms out", r"\prime": _DERIVATIVE, r"\arg": "write the function",
    r"\%": "write 5/100 for five percent", r"\circ": "write deg2rad(x) for degrees", r"\propto": "write the formula alone",
}  # fmt: skip
