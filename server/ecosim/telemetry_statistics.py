"""The numbers: mean, minimum, maximum and variance as every backend computes them.

One definition serves voxel layers and the variables of a species, written for two properties:

- **The same bits everywhere.** Element ``i`` is added to lane ``i % 8`` and the eight lanes are
  folded in one fixed order, so scalar code, SSE2 and AVX2 round alike. Nothing here may call
  ``sum()`` (its rounding changed in Python 3.12), ``math.fsum`` or a fused multiply-add.
- **Accuracy.** Variance about a centre, with the plain deviations summed as well to take out what
  the centre is off by (Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance",
  eq. 1.6 and 1.7). The centre of few values is their mean (corrected two-pass). That of many is
  the mean of a few of them, so that one pass will do; where it turns out to be further from the
  mean than the spread of the values, so that digits cancel, the second pass is made after all.

Variance and standard deviation are of the population (divisor n).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

LANES = 8

#: From so many values on, the mean of every ``STRIDE``-th is tried as the centre. A prime does not
#: fall into step with the sides of a grid.
MANY = 4096
STRIDE = 509

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


class LayerStatistics(NamedTuple):
    """Moments of one voxel layer with its extremes; a zero extreme has no sign."""

    moments: Moments
    minimum: float | None
    maximum: float | None


def fold(values: Sequence[float]) -> float:
    """Return the sum of the values, added in eight lanes.

    Parameters
    ----------
    values : sequence of float
        In C order; element ``i`` belongs to lane ``i % 8``.
    """
    lanes = [reduce(add, values[lane::LANES], 0.0) for lane in range(LANES)]
    half = [lanes[i] + lanes[i + 4] for i in range(4)]
    return (half[0] + half[2]) + (half[1] + half[3])


def moments(values: Sequence[float]) -> Moments:
    """Return count, mean, variance and standard deviation of the values.

    Values that are not finite are left out and counted. Finite values whose sum or squares overflow
    are computed again on a scale of ``2**-600``.
    """
    result = _one_pass(values) or _two_pass(values)
    if result is None:
        finite = [value for value in values if math.isfinite(value)]
        nonfinite = len(values) - len(finite)
        if not finite:
            return Moments(0, nonfinite, None, None, None)
        result = _one_pass(finite) or _two_pass(finite) or _scaled(finite)
        return result._replace(nonfinite=nonfinite)
    return result


def layer_statistics(values: Sequence[float]) -> LayerStatistics:
    """Return the moments and the extremes of one voxel layer, cells in C order."""
    result = moments(values)
    finite = values if not result.nonfinite else [v for v in values if math.isfinite(v)]
    if not finite:
        return LayerStatistics(result, None, None)
    # Adding 0.0 turns -0.0 into 0.0, so the order of comparison cannot show.
    return LayerStatistics(result, min(finite) + 0.0, max(finite) + 0.0)


def _one_pass(values: Sequence[float]) -> Moments | None:
    """Return the moments of many values by one pass, or None where that will not do."""
    if len(values) < MANY:
        return None
    some = values[::STRIDE]
    centre = fold(some) / len(some)
    centre += fold([value - centre for value in some]) / len(some)
    return _around(centre, values, 0.5)


def _two_pass(values: Sequence[float]) -> Moments | None:
    """Return the corrected two-pass moments, or None when a sum is not finite."""
    n = len(values)
    if n == 0:
        return Moments(0, 0, None, None, None)
    total = fold(values)
    return _around(total / n, values, math.inf)


def _around(centre: float, values: Sequence[float], most: float) -> Moments | None:
    """Return the moments from the deviations from a centre.

    None when a sum is not finite, or when the part of the squares that is due to the distance of
    the centre from the mean is larger than ``most``.
    """
    if not math.isfinite(centre):
        return None
    n = len(values)
    deviations = [value - centre for value in values]
    error = fold(deviations)
    squares = fold([deviation * deviation for deviation in deviations])
    if not math.isfinite(squares) or not math.isfinite(error * error):
        return None
    if error * error / n > most * squares:
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
