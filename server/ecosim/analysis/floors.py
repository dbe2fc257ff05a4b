"""What chance alone gives an index, told by replicates: the same design run with other seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sobol_floor(replicates: Array, factors: int) -> Array:
    """Return the total effect that chance alone gives each factor.

    The total effect is half the mean squared difference between two runs that differ in one factor.
    How far that difference varies from replicate to replicate is chance, however the seeds are
    shared between the runs.

    Parameters
    ----------
    replicates : ndarray of shape (replicates, blocks * (factors + 2))
        At least two replicates; the index is taken of their mean.
    factors : int

    Returns
    -------
    ndarray of shape (factors,), float64, 0 or more
    """
    count = len(replicates)
    blocks = replicates.reshape(count, -1, factors + 2)
    differences = blocks[:, :, 1:-1] - blocks[:, :, :1]
    chance = differences.var(axis=0, ddof=1).mean(axis=0) / count
    mean = blocks.mean(axis=0)
    variance = np.concatenate([mean[:, 0], mean[:, -1]]).var()
    return np.asarray(0.5 * chance / variance)


def morris_floor(
    replicates: Array, inputs: Array, members: Sequence[Sequence[int]], step: float
) -> Array:
    """Return the mean absolute effect that chance alone gives each factor.

    Parameters
    ----------
    replicates : ndarray of shape (replicates, paths * (factors + 1))
        At least two replicates; the effects are taken of their mean.
    inputs : ndarray of shape (paths * (factors + 1), parameters)
    members : sequence of sequences of int
        The columns of ``inputs`` that each factor moves.
    step : float
        The step of the design, as a share of a parameter's range.

    Returns
    -------
    ndarray of shape (factors,), float64, 0 or more
        0 for a factor that never moved.
    """
    count, factors = len(replicates), len(members)
    paths = replicates.reshape(count, -1, factors + 1)
    chance = np.diff(paths, axis=2).var(axis=0, ddof=1) / count
    moved = np.diff(inputs.reshape(paths.shape[1], factors + 1, -1), axis=1) != 0
    floor = np.zeros(factors)
    for place, columns in enumerate(members):
        own = moved[:, :, list(columns)].any(axis=2)
        if own.any():
            # The mean of |x| is sqrt(2 / pi) standard deviations of a normal x.
            floor[place] = math.sqrt(2 / math.pi * chance[own].mean()) / step
    return floor
