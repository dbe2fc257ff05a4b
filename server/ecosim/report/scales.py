"""Axes: a range of numbers, the ticks shown on it, and where a number lies."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ecosim.report.texts import number_text

#: Length of either side of a plot, in the units of its paths.
SPAN: Final = 2000


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis from ``low`` to ``high``, low < high, both finite."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Return how far along the axis a number lies, 0..1 within the range."""
        if math.isfinite(self.high - self.low):
            return (value - self.low) / (self.high - self.low)
        # In halves: the range is as wide as the doubles themselves.
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def labels(self) -> list[tuple[float, str]]:
        """Return the place of each tick in percent, and its text."""
        digits = 4
        half_step = self.ticks[1] / 2 - self.ticks[0] / 2 if len(self.ticks) > 1 else 0.0
        if half_step > 0:
            largest = max(abs(self.low), abs(self.high))
            # As many as tell neighbours apart.
            wanted = 2 + math.ceil(math.log10(largest) - math.log10(half_step) - math.log10(2))
            digits = min(17, max(digits, wanted))
        return [(round(100 * self.place(tick), 2), _label(tick, digits)) for tick in self.ticks]


def axis(
    values: Iterable[float], *, count: int = 4, zero: bool = False, tight: bool = False
) -> Axis:
    """Return an axis over the finite ones of some numbers.

    Parameters
    ----------
    count : int
        About how many ticks.
    zero : bool
        Whether 0 belongs to the range.
    tight : bool
        Whether the range ends at the numbers themselves, not at ticks.
    """
    found = [value for value in values if math.isfinite(value)]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        margin = 0.5 if low == 0 else max(abs(low) / 2, 1e-300)
        low, high = (low, low + 2 * margin) if zero or low == 0 else (low - margin, high + margin)
        low, high = max(low, -sys.float_info.max), min(high, sys.float_info.max)
    largest = max(abs(low), abs(high))
    if largest > 1e300 or high - low < max(1e-290, 1e-12 * largest):
        return Axis(low, high, (low, high))
    step = _step((high - low) / count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [_exact(index * step, step) for index in range(first, last + 1)]
    if tight:
        slack = 1e-9 * (high - low)
        inside = tuple(t for t in ticks if low - slack <= t <= high + slack)
        # The step is rounded up, which may leave fewer than the two that tell a scale.
        if len(inside) < 2 and count < 12:
            return axis((low, high), count=count + 1, tight=True)
        return Axis(low, high, inside)
    if not ticks[0] < ticks[-1]:
        return Axis(low, high, (low, high))
    return Axis(ticks[0], ticks[-1], tuple(ticks))


def _step(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at least ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((f * power for f in (1, 2, 5, 10) if f * power >= least * (1 - 1e-9)), 10 * power)


def _exact(value: float, step: float) -> float:
    """Return a multiple of a step without the dust of the multiplication."""
    decimals = max(0, 1 - math.floor(math.log10(step)))
    return round(value, decimals) if decimals < 300 else value


def _label(value: float, digits: int) -> str:
    """Return the shorter one of the text in full and that with an exponent."""
    whole = value.is_integer() and abs(value) < 1e15
    full = number_text(int(value) if whole else value, digits)
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    short = f"{mantissa}e{int(exponent)}"
    return short if abs(value) >= 1e5 and len(short) < len(full) else full
