"""The numbers: mean and variance as every backend computes them.

The variables of a species, and any values in one row; :mod:`ecosim.telemetry_layers` has the voxel
layers. Written for two properties:

- **The same bits everywhere.** Element ``i`` is added to lane ``i % 8`` and the eight lanes are
  folded in one fixed order, so scalar code, SSE2 and AVX2 round alike. Nothing here may call
  ``sum()`` (its rounding changed in Python 3.12), ``math.fsum`` or a fused multiply-add.
- **Accuracy.** Variance about the mean as the first pass gives it, with the plain deviations summed
  as well to take out what rounding left in that mean (corrected two-pass: Chan, Golub & LeVeque
  1983, "Algorithms for computing the sample variance", eq. 1.6 and 1.7).

Variance and standard deviation are of the population (divisor n).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

LANES = 8

#: Exact power of two that brings the largest double to where its square is finite.
SCALE = 2.0**-600


class Moments(NamedTuple):
    """Mean and variance of the finite values among ``n + nonfinite`` values.

    ``mean``, ``variance`` and ``deviation`` are None when no value is finite, and ``variance``
    alone when it is too large for a double (its root, ``deviation``, never is).
    """

    n: int
    nonfinite: int
    mean: float | None
    variance: float | None
    deviation: float | None


def fold(values: Sequence[float]) -> float:
    """Return the sum of the values, added in eight lanes.

    Parameters
    ----------
    values : sequence of float
        In C order; element ``i`` belongs to lane ``i % 8``.
    """
    return fold_lanes([values[lane::LANES] for lane in range(LANES)])


def fold_lanes(lanes: Sequence[Sequence[float]]) -> float:
    """Return the sum of the values of eight lanes, each in the order given."""
    sums = [reduce(add, lane, 0.0) for lane in lanes]
    half = [sums[i] + sums[i + 4] for i in range(4)]
    return (half[0] + half[2]) + (half[1] + half[3])


def moments(values: Sequence[float]) -> Moments:
    """Return count, mean, variance and standard deviation of the values.

    Values that are not finite are left out and counted. Finite values whose sum or squares overflow
    are computed again on a scale of ``2**-600``.
    """
    result = _two_pass(values)
    if result is None:
        finite = [value for value in values if math.isfinite(value)]
        nonfinite = len(values) - len(finite)
        if not finite:
            return Moments(0, nonfinite, None, None, None)
        result = _two_pass(finite) or _scaled(finite)
        return result._replace(nonfinite=nonfinite)
    return result


def combine(parts: Iterable[Moments]) -> Moments:
    """Return the moments of all values together from those of parts of them.

    The pairwise formula of Chan, Golub & LeVeque (1983, eq. 2.1) for any number of parts, worked
    out in integers and rounded once at the end: the result is that of exact arithmetic on the
    numbers given, so neither the order of the parts nor their sizes show.

    Parameters
    ----------
    parts : iterable of Moments
        Each with ``variance``, or with ``deviation`` alone. Where both are None although ``n`` is
        not 0 (a variance beyond a double), the result has neither.

    Notes
    -----
    What the parts were rounded to stays in. With ``u = 2**-53``, relative errors of ``a u`` (times
    the mean absolute value) in each mean and ``b u`` in each variance, and ``k`` the root mean
    square over the standard deviation of all values, the combined mean is off by up to
    ``(a + 1) u`` and the variance by up to ``(b + 1) u + 2 a k u + (a k u)**2``, relatively.
    """
    given = list(parts)
    nonfinite = sum(part.nonfinite for part in given)
    counted = [part for part in given if part.n]
    n = sum(part.n for part in counted)
    if not counted:
        return Moments(0, nonfinite, None, None, None)
    # Every double is a whole number of grains, if the grains are fine enough.
    grain = max(_fineness(value) for part in counted for value in part[2:] if value is not None)
    total = squares = 0
    is_spread_known = True
    for part in counted:
        assert part.mean is not None
        mean = _grains(part.mean, grain)
        total += part.n * mean
        squares += part.n * mean * mean
        if part.variance is not None:
            squares += part.n * (_grains(part.variance, grain) << grain)
        elif part.deviation is not None:
            squares += part.n * _grains(part.deviation, grain) ** 2
        else:
            is_spread_known = False
    mean_of_all = total / (n << grain)
    if not is_spread_known:
        return Moments(n, nonfinite, mean_of_all, None, None)
    spread, unit = n * squares - total * total, (n * n) << (2 * grain)
    try:
        variance = spread / unit
    except OverflowError:
        variance = None
    return Moments(n, nonfinite, mean_of_all, variance, _root(spread, unit))


def _fineness(value: float) -> int:
    """Return the least ``k`` for which a finite double is a whole multiple of ``2**-k``."""
    return value.as_integer_ratio()[1].bit_length() - 1


def _grains(value: float, grain: int) -> int:
    """Return a double in units of ``2**-grain``, of which it is a whole multiple."""
    numerator, denominator = value.as_integer_ratio()
    return numerator << (grain + 1 - denominator.bit_length())


def _root(numerator: int, denominator: int) -> float:
    """Return the square root of a fraction, rounded once; the largest double at most."""
    # 120 bits of the fraction are 60 of the root; the last bit says that something follows.
    shift = max(0, 120 - numerator.bit_length() + denominator.bit_length()) // 2
    quotient, rest = divmod(numerator << (2 * shift), denominator)
    root = math.isqrt(quotient)
    is_exact = not rest and root * root == quotient
    try:
        return (2 * root + (not is_exact)) / (1 << (shift + 1))
    except OverflowError:
        return sys.float_info.max


def _two_pass(values: Sequence[float]) -> Moments | None:
    """Return the corrected two-pass moments, or None when a sum is not finite."""
    n = len(values)
    if n == 0:
        return Moments(0, 0, None, None, None)
    centre = fold(values) / n
    if not math.isfinite(centre):
        return None
    deviations = [value - centre for value in values]
    error = fold(deviations)
    squares = fold([deviation * deviation for deviation in deviations])
    if not math.isfinite(squares) or not math.isfinite(error * error):
        return None
    variance = max(0.0, (squares - error * error / n) / n)
    return Moments(n, 0, centre + error / n, variance, math.sqrt(variance))


def _scaled(values: Sequence[float]) -> Moments:
    """Return the moments of finite values whose sum or squares overflow."""
    result = _two_pass([value * SCALE for value in values])
    assert result is not None
    assert result.mean is not None
    assert result.variance is not None
    assert result.deviation is not None
    mean = min(max(result.mean / SCALE, min(values)), max(values))
    variance = result.variance / SCALE / SCALE
    return Moments(
        n=result.n,
        nonfinite=0,
        mean=mean,
        variance=variance if math.isfinite(variance) else None,
        deviation=min(result.deviation / SCALE, sys.float_info.max),
    )
