"""What chance alone gives an index, told by replicates: the same design run with other seeds.

Both methods compare runs that differ in one factor. How far such a difference varies from replicate
to replicate is chance, however the seeds are shared between the runs; and the square of the mean
difference less its variance by chance is an unbiased estimate of the square that is not chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sobol_floor(replicates: Array, factors: int, quantile: float) -> tuple[Array, Array]:
    """Return the total effect that chance alone gives each factor, and which effects are more.

    Parameters
    ----------
    replicates : ndarray of shape (replicates, blocks * (factors + 2))
        At least two replicates; the index is taken of their mean.
    factors : int
    quantile : float
        Standard errors that an effect must be above chance.

    Returns
    -------
    floor : ndarray of shape (factors,), float64, 0 or more
    clear : ndarray of shape (factors,), float64
        1 where the effect is above chance, 0 where it is not.
    """
    blocks = replicates.reshape(len(replicates), -1, factors + 2)
    differences = blocks[:, :, 1:-1] - blocks[:, :, :1]
    mean = blocks.mean(axis=0)
    variance = np.concatenate([mean[:, 0], mean[:, -1]]).var()
    found = [_chance(differences[:, :, place], quantile) for place in range(factors)]
    floor = [0.5 * chance / variance for chance, _ in found]
    return np.array(floor), np.array([float(clear) for _, clear in found])


def morris_floor(
    replicates: Array,
    inputs: Array,
    members: Sequence[Sequence[int]],
    step: float,
    quantile: float,
) -> tuple[Array, Array]:
    """Return the mean absolute effect that chance alone gives each factor, and which are more.

    Parameters
    ----------
    replicates : ndarray of shape (replicates, paths * (factors + 1))
        At least two replicates; the effects are taken of their mean.
    inputs : ndarray of shape (paths * (factors + 1), parameters)
    members : sequence of sequences of int
        The columns of ``inputs`` that each factor moves.
    step : float
        The step of the design, as a share of a parameter's range.
    quantile : float
        Standard errors that an effect must be above chance.

    Returns
    -------
    floor : ndarray of shape (factors,), float64, 0 or more
        0 for a factor that never moved.
    clear : ndarray of shape (factors,), float64
        1 where the effect is above chance, 0 where it is not.
    """
    factors = len(members)
    paths = replicates.reshape(len(replicates), -1, factors + 1)
    differences = np.diff(paths, axis=2)
    moved = np.diff(inputs.reshape(paths.shape[1], factors + 1, -1), axis=1) != 0
    floor, clear = np.zeros(factors), np.zeros(factors)
    for place, columns in enumerate(members):
        own = moved[:, :, list(columns)].any(axis=2)
        if own.sum() > 1:
            chance, clear[place] = _chance(differences[:, own], quantile)
            # The mean of |x| is sqrt(2 / pi) standard deviations of a normal x.
            floor[place] = math.sqrt(2 / math.pi * chance) / step
    return floor, clear


def _chance(differences: Array, quantile: float) -> tuple[float, bool]:
    """Return the variance that chance gives mean differences, and whether they are more than that.

    Parameters
    ----------
    differences : ndarray of shape (replicates, pairs), at least 2 of each
    quantile : float
    """
    count, pairs = differences.shape
    chance = differences.var(axis=0, ddof=1) / count
    rest = differences.mean(axis=0) ** 2 - chance
    error = rest.std(ddof=1) / math.sqrt(pairs)
    # Differences that are equal in all pairs have no error but that of rounding.
    least = max(quantile * float(error), 1e-12 * float(np.abs(rest).mean()))
    return float(chance.mean()), bool(rest.mean() > least)
