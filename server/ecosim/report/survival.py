"""How long until something happens, when in some runs it did not: Kaplan-Meier."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Standard normal quantile of a two-sided interval of 95 %.
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Survival:
    """The share of runs in which an event has not happened yet.

    Attributes
    ----------
    ticks : list of float
        0, and then each tick at which it happened in some run, ascending.
    share, low, high : list of float
        The share from that tick on, and its pointwise 95 % interval; 0..1.
    at_risk : list of int
        Runs still watched without the event just before that tick.
    happened : list of int
        Runs in which it happened at that tick.
    censored : list of (tick, share)
        Where watching ended without the event.
    """

    ticks: list[float]
    share: list[float]
    low: list[float]
    high: list[float]
    at_risk: list[int]
    happened: list[int]
    censored: list[tuple[float, float]]

    def median(self) -> float | None:
        """Return the first tick at which half of the runs have had the event, or None."""
        return next((t for t, s in zip(self.ticks, self.share, strict=True) if s <= 0.5), None)


def kaplan_meier(ticks: NDArray[np.float64], censored: NDArray[np.bool_]) -> Survival:
    """Return the product-limit estimate (Kaplan and Meier 1958).

    The interval is Greenwood's on the scale log(-log S) (Kalbfleisch and Prentice 1980), which
    stays within 0..1.

    Parameters
    ----------
    ticks : ndarray of shape (runs,), 0 or more
        When the event happened, or when watching ended.
    censored : ndarray of shape (runs,)
        True where it did not happen.
    """
    found = Survival([0.0], [1.0], [1.0], [1.0], [len(ticks)], [0], [])
    share, spread = 1.0, 0.0
    for tick in np.unique(ticks):
        here = ticks == tick
        at_risk = int((ticks >= tick).sum())
        happened = int((here & ~censored).sum())
        if happened:
            share *= 1 - happened / at_risk
            if at_risk > happened:
                spread += happened / (at_risk * (at_risk - happened))
            low, high = _interval(share, spread)
            found.ticks.append(float(tick))
            found.share.append(share)
            found.low.append(low)
            found.high.append(high)
            found.at_risk.append(at_risk)
            found.happened.append(happened)
        if (here & censored).any():
            found.censored.append((float(tick), share))
    return found


def _interval(share: float, spread: float) -> tuple[float, float]:
    """Return the interval of a share, from Greenwood's sum."""
    if not 0 < share < 1:
        return share, share
    width = _Z * math.sqrt(spread) / math.log(share)
    one, other = share ** math.exp(width), share ** math.exp(-width)
    return min(one, other), max(one, other)
