"""The special functions in jets, which complete the vocabulary; and Taylor coefficients of single functions.

Sources: derivatives of Bessel functions DLMF 10.6.7 and 10.29.5; of erfinv from erf(y) = x.
"""

from __future__ import annotations

from math import comb, perm

from flint import acb_series, arb, fmpq

from gradcalc.engines.taylor import reals
from gradcalc.engines.taylor.elementary_functions import ElementaryFunctions
from gradcalc.engines.taylor.jets import NAN, Jet, NoSeries, NoteKind, apply, compose, integrate
from gradcalc.engines.taylor.reals import Real, ball, integer

_MAX_GAMMA_BITS = 150_000
"""Bits of all coefficients of a series of gamma together: beyond, Arb takes seconds for it, and cannot be interrupted."""
_MAX_SPECIAL = 500
"""Arguments of zeta and orders of Bessel functions beyond which Arb's algorithms take minutes at high precision."""


class JetVocabulary(ElementaryFunctions):
    """The functions of the table, in jets."""

    def erf(self, a: Jet) -> Jet:
        return apply("erf", a)

    def erfc(self, a: Jet) -> Jet:
        return apply("erfc", a)

    def erfi(self, a: Jet) -> Jet:
        return apply("erfi", a)

    def erfinv(self, a: Jet) -> Jet:
        inside, notes = self._inside(a, -1, 1)
        if inside < 0:
            return self.undefined([a], *notes)
        if inside == 0:
            return self.undefined([a], self.note(NoteKind.POLE, "erfinv at an end of its domain"))
        # y' = sqrt(pi)/2 * exp(y**2): every pass makes one more coefficient right.
        start = ball(a.value).erfinv()
        result = a.with_coefficients([start, *[arb(0)] * (len(a) - 1)])
        factor = Jet.constant(arb.pi().sqrt() / 2)
        for _ in range(len(a) - 1):
            result = integrate(start, factor * apply("exp", result * result), a)
        return result

    def _is_pole(self, a: Jet) -> bool:
        whole = integer(a.value)
        return whole is not None and whole <= 0

    def gamma(self, a: Jet) -> Jet:
        if self._is_pole(a):
            return self.undefined([a], self.note(NoteKind.POLE, f"{self.name} at a non-positive integer"))
        return self._gamma_series(a, "gamma")

    def _gamma_series(self, a: Jet, name: str) -> Jet:
        if len(a) * reals.working_bits() > _MAX_GAMMA_BITS:
            raise reals.OutOfPrecision
        return apply(name, a)

    def lgamma(self, a: Jet) -> Jet:
        if reals.sign(a.value) > 0:
            return self._gamma_series(a, "lgamma")
        if self._is_pole(a):
            return self.undefined([a], self.note(NoteKind.POLE, f"{self.name} at a non-positive integer"))
        grown = self._gamma_series(a, "gamma")
        return self.log(grown if reals.sign(grown.value) > 0 else -grown)

    def polygamma(self, n: Jet, a: Jet) -> Jet:
        order = integer(n.value)
        assert order is not None
        if self._is_pole(a):
            return self.undefined([a], self.note(NoteKind.POLE, f"{self.name} at a non-positive integer"))
        # The k-th coefficient of polygamma(n, x) is that of digamma, n + k places on, times (n + k)!/k!.
        digamma = reals.digamma_series(ball(a.value), order + len(a))[order:]
        return compose([c * perm(order + power, order) for power, c in enumerate(digamma)], a)

    def zeta(self, a: Jet) -> Jet:
        if reals.sign(a.value - 1) == 0:
            return self.undefined([a], self.note(NoteKind.POLE, "zeta at 1"))
        if not abs(ball(a.value)) < _MAX_SPECIAL:
            return self.undefined([a], self.note(NoteKind.UNKNOWN, "zeta of so large a number"))
        return apply("zeta", a)

    def besselj(self, n: Jet, a: Jet) -> Jet:
        return self._bessel(n, a, "bessel_j", -1, 1)

    def bessely(self, n: Jet, a: Jet) -> Jet:
        return self._bessel(n, a, "bessel_y", -1, 1)

    def besseli(self, n: Jet, a: Jet) -> Jet:
        return self._bessel(n, a, "bessel_i", 1, 1)

    def besselk(self, n: Jet, a: Jet) -> Jet:
        return self._bessel(n, a, "bessel_k", 1, -1)

    def _bessel(self, n: Jet, a: Jet, kind: str, alternate: int, outer: int) -> Jet:
        """A function Z_n with Z_n' = outer*(Z_(n-1) + alternate*Z_(n+1))/2."""
        at_point = reals.sign(a.value)
        if at_point == 0 and kind in ("bessel_y", "bessel_k"):
            return self.undefined([n, a], self.note(NoteKind.POLE, f"{self.name} at 0"))
        if at_point < 0 and (kind in ("bessel_y", "bessel_k") or integer(n.value) is None):
            return self.undefined([n, a], self.note(NoteKind.DOMAIN, f"{self.name} of a negative number"))
        if not abs(ball(n.value)) < _MAX_SPECIAL:
            return self.undefined([n, a], self.note(NoteKind.UNKNOWN, f"{self.name} of so large an order"))
        if not n.is_constant:
            return self.undefined([n, a], self.note(NoteKind.UNKNOWN, f"the derivative of {self.name} by its order"))
        x, order = ball(a.value), ball(n.value)
        coefficients: list[Real] = []
        factor = fmpq(1)
        for power in range(len(a)):
            factor = factor / max(power, 1) / (2 if power else 1)
            total = arb(0)
            for k in range(power + 1):
                total += comb(power, k) * alternate**k * getattr(x, kind)(order - power + 2 * k)
            coefficients.append(total * factor * outer**power)
        return compose(coefficients, a)


def coefficient(name: str, parameter: fmpq | None, x: arb, order: int) -> arb:
    """A Taylor coefficient at a ball of a function of the vocabulary, of one number or of a parameter and a number.

    Not a number where the function has no series there, or none that is known.
    """
    length = max(order, 1)
    parameters = () if parameter is None else (Jet.literal(parameter),)
    try:
        jet: Jet = getattr(JetVocabulary(length), name)(*parameters, Jet.variable(x, 1, length))
    except (reals.Unresolved, reals.NotReal, NoSeries):
        return NAN
    return NAN if jet.notes else ball(jet[order])


def deflated_zeta(x: arb, order: int) -> arb:
    """A Taylor coefficient of zeta(s) - 1/(s - 1), which has no pole, at a ball."""
    series = acb_series([x, 1], prec=order + 1).zeta(1, True)
    return series[order].real
