"""Rank correlation of parameters with outcomes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Fewest runs from which a correlation is told.
FEWEST_RUNS = 5


class Correlation(NamedTuple):
    """Spearman's rho of a parameter with an outcome, over ``n`` runs that have both."""

    parameter: str
    outcome: str
    rho: float
    n: int

    def chance(self) -> float:
        """Return the size that rho stays below in 95 of 100 samples where there is no relation."""
        return 1.96 / math.sqrt(self.n - 1)


def correlations(
    parameters: Mapping[str, Array], outcomes: Mapping[str, Array]
) -> list[Correlation]:
    """Return every pair's rank correlation (Spearman 1904), the strongest first.

    Runs in which either is not finite are left out of a pair. A pair has none if either never
    varies or fewer than :data:`FEWEST_RUNS` runs have both.
    """
    found = []
    for outcome, values in outcomes.items():
        for parameter, settings in parameters.items():
            both = np.isfinite(values) & np.isfinite(settings)
            if both.sum() < FEWEST_RUNS:
                continue
            rho = _pearson(_ranks(settings[both]), _ranks(values[both]))
            if math.isfinite(rho):
                found.append(Correlation(parameter, outcome, rho, int(both.sum())))
    return sorted(found, key=lambda one: (-abs(one.rho), one.outcome, one.parameter))


def _ranks(values: Array) -> Array:
    """Return the ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean_rank = ends - (counts - 1) / 2
    return np.asarray(mean_rank[place], dtype=np.float64)


def _pearson(one: Array, other: Array) -> float:
    a, b = one - one.mean(), other - other.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size else math.nan
