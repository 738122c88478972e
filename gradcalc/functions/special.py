"""Special functions: error functions, the gamma family, Bessel functions."""

from __future__ import annotations

from types import ModuleType

from gradcalc.functions.row import Function, Tensor, row

_POSITIVE = ((0.3, 4.0),)


def _gamma_sign(t: ModuleType, x: Tensor) -> Tensor:
    """The sign of gamma(x): it alternates between the poles of the negative axis."""
    fixed = x.detach()
    return t.where(fixed > 0, t.ones_like(fixed), 1 - 2 * t.remainder(t.floor(fixed), 2))


def _gamma(t: ModuleType, x: Tensor) -> Tensor:
    return _gamma_sign(t, x) * t.exp(t.lgamma(x))


def _beta(t: ModuleType, x: Tensor, y: Tensor) -> Tensor:
    sign = _gamma_sign(t, x) * _gamma_sign(t, y) * _gamma_sign(t, x + y)
    return sign * t.exp(t.lgamma(x) + t.lgamma(y) - t.lgamma(x + y))


def _besseli(t: ModuleType, n: Tensor, x: Tensor) -> Tensor:
    if isinstance(n, int) and n in (0, 1):
        return (t.special.i0, t.special.i1)[n](x)
    raise NotImplementedError("PyTorch has besseli(n, x) for n = 0 and n = 1 only")


ROWS: tuple[Function, ...] = (
    row("erf", "x", "error function"),
    row("erfc", "x", "1 - erf(x)"),
    row("erfi", "x", "imaginary error function, -i*erf(i*x)", torch=None),
    row("erfinv", "x", "inverse of erf", singular="poles at x = -1, 1", sample=((-0.9, 0.9),)),
    row(
        "ndtr", "x", "standard normal distribution function",
        meaning=lambda m, x: m.divide(m.erfc(m.divide(-x, m.sqrt(m.number(2)))), 2), torch="special.ndtr",
    ),
    row(
        "log_ndtr", "x", "log of the standard normal distribution function",
        meaning=lambda m, x: m.log(m.divide(m.erfc(m.divide(-x, m.sqrt(m.number(2)))), 2)), torch="special.log_ndtr",
    ),
    row("gamma", "x", "gamma function", torch=_gamma, singular="poles at 0, -1, -2, ...", sample=_POSITIVE),
    row(
        "lgamma", "x", "log(abs(gamma(x)))",
        aliases=("gammaln", "loggamma"), singular="poles at 0, -1, -2, ...", sample=_POSITIVE,
    ),
    row("digamma", "x", "derivative of lgamma", aliases=("psi",), singular="poles at 0, -1, -2, ...", sample=_POSITIVE),
    row(
        "trigamma", "x", "second derivative of lgamma",
        definition="polygamma(1, x)", singular="poles at 0, -1, -2, ...", sample=_POSITIVE,
    ),
    row(
        "polygamma", "n, x", "n-th derivative of digamma", scalar_args=frozenset({0}),
        singular="poles at 0, -1, -2, ...", sample=((1.0, 1.0), (0.3, 4.0)),
    ),
    row(
        "factorial", "x", "gamma(x + 1)", meaning=lambda m, x: m.gamma(x + 1), torch=lambda t, x: _gamma(t, x + 1),
        singular="poles at -1, -2, ...", sample=_POSITIVE,
    ),
    row(
        "beta", "x, y", "gamma(x)*gamma(y)/gamma(x + y)", torch=_beta,
        meaning=lambda m, x, y: m.divide(m.gamma(x) * m.gamma(y), m.gamma(x + y)),
        aliases=("Beta",), singular="poles at 0, -1, -2, ... of either argument", sample=(*_POSITIVE, *_POSITIVE),
    ),
    row("zeta", "x", "Riemann's zeta function", torch=None, singular="pole at x = 1", sample=((1.5, 4.0),)),
    row("besselj", "n, x", "Bessel function of the first kind", torch=None, sample=((0.0, 2.0), (0.5, 4.0))),
    row(
        "bessely", "n, x", "Bessel function of the second kind",
        torch=None, singular="pole at x = 0", sample=((0.0, 2.0), (0.5, 4.0)),
    ),
    row(
        "besseli", "n, x", "modified Bessel function of the first kind (torch: n = 0 and n = 1)",
        torch=_besseli, scalar_args=frozenset({0}),
        torch_deviation="torch's i1 has the slope 1/2 where abs(x) is at most the epsilon of the dtype",
        sample=((0.0, 0.0), (0.5, 4.0)),
    ),
    row(
        "besselk", "n, x", "modified Bessel function of the second kind",
        torch=None, singular="pole at x = 0", sample=((0.0, 2.0), (0.5, 4.0)),
    ),
    row("besselj0", "x", "besselj(0, x)", definition="besselj(0, x)", aliases=("bessel_j0",), sample=((0.5, 4.0),)),
    row("besselj1", "x", "besselj(1, x)", definition="besselj(1, x)", aliases=("bessel_j1",), sample=((0.5, 4.0),)),
    row("bessely0", "x", "bessely(0, x)", definition="bessely(0, x)", aliases=("bessel_y0",), sample=((0.5, 4.0),)),
    row("bessely1", "x", "bessely(1, x)", definition="bessely(1, x)", aliases=("bessel_y1",), sample=((0.5, 4.0),)),
    row("besseli0", "x", "besseli(0, x)", definition="besseli(0, x)", aliases=("i0", "bessel_i0"), sample=((0.5, 4.0),)),
    row("besseli1", "x", "besseli(1, x)", definition="besseli(1, x)", aliases=("i1", "bessel_i1"), sample=((0.5, 4.0),)),
    row("besselk0", "x", "besselk(0, x)", definition="besselk(0, x)", aliases=("k0", "bessel_k0"), sample=((0.5, 4.0),)),
    row("besselk1", "x", "besselk(1, x)", definition="besselk(1, x)", aliases=("k1", "bessel_k1"), sample=((0.5, 4.0),)),
)  # fmt: skip
