"""What chance alone gives an index, told by replicates: the same design run with other seeds.

Both methods compare runs that differ in one factor. How far such a difference varies from replicate
to replicate is chance, however the seeds are shared between the runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Random signs that are tried: enough to tell one in twenty from one in thirty.
_SIGNS: Final = 2000
_DRAWN_AT_ONCE: Final = 1_000_000


def sobol_floor(
    replicates: Array, factors: int, confidence: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return the total effect that chance alone gives each factor, and which effects are more.

    Parameters
    ----------
    replicates : ndarray of shape (replicates, blocks * (factors + 2))
        At least two replicates; the index is taken of their mean.
    factors : int
    confidence : float, 0..1
        One less the share of factors without effect that are taken to have one.
    rng : Generator

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
    found = [_chance(differences[:, :, place], confidence, rng) for place in range(factors)]
    floor = [0.5 * chance / variance for chance, _ in found]
    return np.array(floor), np.array([float(clear) for _, clear in found])


def morris_floor(
    replicates: Array,
    inputs: Array,
    members: Sequence[Sequence[int]],
    step: float,
    confidence: float,
    rng: np.random.Generator,
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
    confidence : float, 0..1
        One less the share of factors without effect that are taken to have one.
    rng : Generator

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
        if own.any():
            chance, clear[place] = _chance(differences[:, own], confidence, rng)
            # The mean of |x| is sqrt(2 / pi) standard deviations of a normal x.
            floor[place] = math.sqrt(2 / math.pi * chance) / step
    return floor, clear


def _chance(differences: Array, confidence: float, rng: np.random.Generator) -> tuple[float, bool]:
    """Return the variance that chance gives mean differences, and whether they are more than that.

    Where a factor has no effect, the two runs of a pair may be exchanged, which turns the sign of
    their difference. So the mean squares are compared with those under signs drawn at random; how
    the differences are distributed does not matter.

    Parameters
    ----------
    differences : ndarray of shape (replicates, pairs), at least 2 replicates
    confidence : float, 0..1
    rng : Generator
    """
    found = (differences.mean(axis=0) ** 2).sum()
    most = max(1, _DRAWN_AT_ONCE // differences.size)
    drawn = np.empty(_SIGNS)
    for start in range(0, _SIGNS, most):
        part = drawn[start : start + most]
        signs = rng.integers(2, size=(len(part), *differences.shape), dtype=np.int8) * 2.0 - 1.0
        part[:] = ((signs * differences).mean(axis=1) ** 2).sum(axis=1)
    # Sums of the same squares may differ by rounding.
    as_large = (drawn >= found * (1 - 1e-9)).mean()
    chance = differences.var(axis=0, ddof=1) / len(differences)
    return float(chance.mean()), bool(as_large < 1 - confidence)
