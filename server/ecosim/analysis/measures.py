"""The arithmetic of the outcomes, on the arrays of one run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def shannon(counts: Array) -> Array:
    """Return the Shannon index -sum(p ln p) of each sample, in nats (Shannon 1948).

    Parameters
    ----------
    counts : ndarray of shape (samples, species), float64, 0 or more

    Returns
    -------
    ndarray of shape (samples,), float64, 0..ln(species)
        0 for an empty community.
    """
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    logarithm = np.log(share, out=np.zeros_like(share), where=share > 0)
    # 0.0 - x, so that a community of one species has 0 and not -0.
    return np.asarray(0.0 - (share * logarithm).sum(axis=1))


def richness(counts: Array) -> Array:
    """Return the number of species with a living entity in each sample."""
    return np.asarray((counts > 0).sum(axis=1), dtype=np.float64)


def time_mean(ticks: NDArray[np.int64], values: Array) -> float:
    """Return the mean over time by the trapezoidal rule; of one sample, its value.

    The last sample of a run may come sooner after the one before than the others do; with equal
    weights it would count for too much. NaN if any value is.
    """
    if len(ticks) == 1:
        return float(values[0])
    return float(np.trapezoid(values, ticks) / (ticks[-1] - ticks[0]))


def late_mean(ticks: NDArray[np.int64], values: Array, share: float) -> float:
    """Return the time mean over the samples of the last ``share`` (0..1) of a run's time.

    A run whose samples lie further apart than that has its last sample alone.
    """
    late = ticks >= ticks[-1] - share * (ticks[-1] - ticks[0])
    return time_mean(ticks[late], values[late])


def first_extinction(ticks: NDArray[np.int64], counts: Array) -> tuple[float, bool]:
    """Return the first tick at which a species that was there before is gone, or the end.

    Returns
    -------
    tick : float
    censored : bool
        Whether it did not happen; the tick is then that of the last sample.
    """
    there_before = np.maximum.accumulate(counts > 0, axis=0)
    gone = np.any(there_before & (counts == 0), axis=1)
    return _first(ticks, gone)


def collapse(ticks: NDArray[np.int64], total: Array, fraction: float) -> tuple[float, bool]:
    """Return the first tick at which a total is below a fraction of its maximum so far, or the end.

    Parameters
    ----------
    ticks : ndarray of shape (samples,)
    total : ndarray of shape (samples,), float64, 0 or more
    fraction : float, 0..1
        0.1 after Worm et al. (2006), who call a fishery collapsed below 10 % of its maximum.

    Returns
    -------
    tick : float
    censored : bool
        Whether it did not happen; the tick is then that of the last sample.
    """
    return _first(ticks, total < fraction * np.maximum.accumulate(total))


def _first(ticks: NDArray[np.int64], happened: NDArray[np.bool_]) -> tuple[float, bool]:
    places = np.flatnonzero(happened)
    return (float(ticks[places[0]]), False) if len(places) else (float(ticks[-1]), True)
