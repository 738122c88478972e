"""The rules of differentiation as people learn them: what is derived, and its derivative.

`u`, `v`, `w` stand for parts that may depend on the variable, `du`, `dv`, `dw` for their derivatives, which are 0 for parts
that do not (the base in `log(x, 2)`); `c` and `n` for parts that must not; a function's settings have their own names.  The
derivatives of the functions are those of M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", and of the
NIST Digital Library of Mathematical Functions; those of losses and activations follow from their meaning in the table.
Where a function is not smooth a rule holds beside that place.
"""

from __future__ import annotations

ARITHMETIC: dict[str, tuple[str, str]] = {
    "constant rule": ("c", "0"),
    "variable": ("u", "1"),
    "sum rule": ("u + v", "du + dv"),
    "negative": ("-u", "-du"),
    "constant factor": ("c*u", "c*du"),
    "product rule": ("u*v", "du*v + u*dv"),
    "product rule of three": ("u*v*w", "du*v*w + u*dv*w + u*v*dw"),
    "constant divisor": ("u/c", "du/c"),
    "reciprocal rule": ("c/u", "-c*du/u**2"),
    "quotient rule": ("u/v", "(du*v - u*dv)/v**2"),
    "power rule": ("u**n", "n*u**(n - 1)*du"),
    "exponential rule": ("c**u", "c**u*log(c)*du"),
    "power of zero": ("0**u", "0*du"),
    "general power rule": ("u**v", "u**v*(dv*log(u) + v*du/u)"),
}
"""The rules that have names of their own."""

CASES: dict[str, str] = {
    "max(u, v)": "where(u > v, du, dv)",
    "min(u, v)": "where(u < v, du, dv)",
    "maximum(u, v)": "where(u > v, du, dv)",
    "minimum(u, v)": "where(u < v, du, dv)",
    "where(c, u, v)": "where(c, du, dv)",
}
"""Functions that are one of their arguments, of which there may be more."""

FUNCTIONS: dict[str, str] = {
    # powers and logarithms
    "sqrt(u)": "du/(2*sqrt(u))",
    "cbrt(u)": "du/(3*cbrt(u)**2)",
    "rsqrt(u)": "-rsqrt(u)*du/(2*u)",
    "square(u)": "2*u*du",
    "reciprocal(u)": "-du/u**2",
    "hypot(u, v)": "(u*du + v*dv)/hypot(u, v)",
    "exp(u)": "exp(u)*du",
    "exp2(u)": "exp2(u)*log(2)*du",
    "expm1(u)": "exp(u)*du",
    "log(u)": "du/u",
    "log(u, v)": "(du/u - log(u, v)*dv/v)/log(v)",
    "log2(u)": "du/(u*log(2))",
    "log10(u)": "du/(u*log(10))",
    "log1p(u)": "du/(1 + u)",
    "logaddexp(u, v)": "sigmoid(u - v)*du + sigmoid(v - u)*dv",
    "logaddexp2(u, v)": "sigmoid((u - v)*log(2))*du + sigmoid((v - u)*log(2))*dv",
    "xlogy(u, v)": "log(v)*du + u*dv/v",
    "xlog1py(u, v)": "log1p(v)*du + u*dv/(1 + v)",
    # trigonometry
    "sin(u)": "cos(u)*du",
    "cos(u)": "-sin(u)*du",
    "tan(u)": "du/cos(u)**2",
    "cot(u)": "-du/sin(u)**2",
    "sec(u)": "sec(u)*tan(u)*du",
    "csc(u)": "-csc(u)*cot(u)*du",
    "asin(u)": "du/sqrt(1 - u**2)",
    "acos(u)": "-du/sqrt(1 - u**2)",
    "atan(u)": "du/(1 + u**2)",
    "atan2(u, v)": "(v*du - u*dv)/(u**2 + v**2)",
    "acot(u)": "-du/(1 + u**2)",
    "asec(u)": "du/(abs(u)*sqrt(u**2 - 1))",
    "acsc(u)": "-du/(abs(u)*sqrt(u**2 - 1))",
    "sinc(u)": "(cos(u) - sinc(u))*du/u",
    # hyperbolic functions
    "sinh(u)": "cosh(u)*du",
    "cosh(u)": "sinh(u)*du",
    "tanh(u)": "(1 - tanh(u)**2)*du",
    "coth(u)": "-du/sinh(u)**2",
    "sech(u)": "-sech(u)*tanh(u)*du",
    "csch(u)": "-csch(u)*coth(u)*du",
    "asinh(u)": "du/sqrt(1 + u**2)",
    "acosh(u)": "du/sqrt(u**2 - 1)",
    "atanh(u)": "du/(1 - u**2)",
    "acoth(u)": "du/(1 - u**2)",
    "asech(u)": "-du/(u*sqrt(1 - u**2))",
    "acsch(u)": "-du/(abs(u)*sqrt(1 + u**2))",
    # piecewise
    "abs(u)": "sign(u)*du",
    "sign(u)": "0*du",
    "heaviside(u, c)": "0*du",
    "copysign(u, v)": "where(v >= 0, sign(u), -sign(u))*du + 0*dv",
    "clamp(u, v, w)": "where(u > w or v > w, dw, where(u > v, du, dv))",
    "fdim(u, v)": "where(u > v, du - dv, 0)",
    "floor(u)": "0*du",
    "ceil(u)": "0*du",
    "trunc(u)": "0*du",
    "round(u)": "0*du",
    "frac(u)": "du",
    "remainder(u, v)": "du - floor(u/v)*dv",
    "fmod(u, v)": "du - trunc(u/v)*dv",
    # special functions
    "erf(u)": "2*exp(-u**2)/sqrt(pi)*du",
    "erfc(u)": "-2*exp(-u**2)/sqrt(pi)*du",
    "erfi(u)": "2*exp(u**2)/sqrt(pi)*du",
    "erfinv(u)": "sqrt(pi)*exp(erfinv(u)**2)/2*du",
    "ndtr(u)": "exp(-u**2/2)/sqrt(2*pi)*du",
    "log_ndtr(u)": "exp(-u**2/2)/(sqrt(2*pi)*ndtr(u))*du",
    "gamma(u)": "gamma(u)*digamma(u)*du",
    "lgamma(u)": "digamma(u)*du",
    "digamma(u)": "polygamma(1, u)*du",
    "polygamma(n, u)": "polygamma(n + 1, u)*du",
    "factorial(u)": "factorial(u)*digamma(u + 1)*du",
    "beta(u, v)": "beta(u, v)*((digamma(u) - digamma(u + v))*du + (digamma(v) - digamma(u + v))*dv)",
    "besselj(n, u)": "(besselj(n - 1, u) - besselj(n + 1, u))/2*du",
    "bessely(n, u)": "(bessely(n - 1, u) - bessely(n + 1, u))/2*du",
    "besseli(n, u)": "(besseli(n - 1, u) + besseli(n + 1, u))/2*du",
    "besselk(n, u)": "-(besselk(n - 1, u) + besselk(n + 1, u))/2*du",
    # activations
    "relu(u)": "where(u > 0, du, 0)",
    "relu6(u)": "where(0 < u and u < 6, du, 0)",
    "leaky_relu(u, negative_slope)": "where(u > 0, du, negative_slope*du)",
    "elu(u, alpha)": "where(u > 0, du, alpha*exp(u)*du)",
    "selu(u)": "1.0507009873554804934193349852946*where(u > 0, du, 1.6732632423543772848170429916717*exp(u)*du)",
    "celu(u, alpha)": "where(u > 0, du, exp(u/alpha)*du)",
    "gelu(u)": "(ndtr(u) + u*exp(-u**2/2)/sqrt(2*pi))*du",
    "sigmoid(u)": "sigmoid(u)*(1 - sigmoid(u))*du",
    "logit(u)": "du/(u*(1 - u))",
    "logsigmoid(u)": "(1 - sigmoid(u))*du",
    "silu(u)": "sigmoid(u)*(1 + u*(1 - sigmoid(u)))*du",
    "softplus(u, beta, threshold)": "sigmoid(beta*u)*du",
    "softsign(u)": "du/(1 + abs(u))**2",
    "tanhshrink(u)": "tanh(u)**2*du",
    "softshrink(u, lambd)": "where(abs(u) > lambd, du, 0)",
    "hardshrink(u, lambd)": "where(abs(u) > lambd, du, 0)",
    "hardtanh(u, min_val, max_val)": "where(min_val < u and u < max_val, du, 0)",
    "hardsigmoid(u)": "where(-3 < u and u < 3, du/6, 0)",
    "hardswish(u)": "where(u <= -3, 0, where(u >= 3, du, (2*u + 3)*du/6))",
    "threshold(u, threshold, value)": "where(u > threshold, du, 0)",
    "prelu(u, v)": "where(u > 0, du, dv*u + v*du)",
    # losses of numbers
    "mse_loss(u, v)": "2*(u - v)*(du - dv)",
    "l1_loss(u, v)": "sign(u - v)*(du - dv)",
    "smooth_l1_loss(u, v, beta)": "where(abs(u - v) < beta, (u - v)/beta, sign(u - v))*(du - dv)",
    "huber_loss(u, v, delta)": "where(abs(u - v) <= delta, u - v, delta*sign(u - v))*(du - dv)",
    "binary_cross_entropy(u, v)": "(u - v)/(u*(1 - u))*du + (log(1 - u) - log(u))*dv",
    "binary_cross_entropy_with_logits(u, v)": "(sigmoid(u) - v)*du - u*dv",
    "soft_margin_loss(u, v)": "-sigmoid(-u*v)*(du*v + u*dv)",
    "kl_div(u, v)": "(log(v) + 1 - u)*dv - v*du",
    "poisson_nll_loss(u, v)": "(exp(u) - v)*du - u*dv",
    "gaussian_nll_loss(u, v, w)": "(u - v)/w*(du - dv) + (1 - (u - v)**2/w)/(2*w)*dw",
    "margin_ranking_loss(u, v, w, margin)": "where(margin > w*(u - v), -w*(du - dv) - (u - v)*dw, 0)",
    "hinge_embedding_loss(u, v, margin)": "where(v != 1 and u < margin, -du, 0) + where(v != -1, du, 0) + 0*dv",
    "hinge_loss(u, v)": "where(u*v < 1, -(du*v + u*dv), 0)",
}

DEFINITIONS: dict[str, str] = {
    "gelu_tanh(u)": "u*(1 + tanh(sqrt(2/pi)*(u + 0.044715*u**3)))/2",
    "mish(u)": "u*tanh(softplus(u, 1, 20))",
    "sigmoid_focal_loss(u, v, alpha, gamma)": "binary_cross_entropy_with_logits(u, v)"
    "*(1 - sigmoid(u)*v - (1 - sigmoid(u))*(1 - v))**gamma*(alpha*v + (1 - alpha)*(1 - v))",
}
"""Functions that are derived as what they are short for."""
