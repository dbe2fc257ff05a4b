"""When each tick is due, and how many there are a second."""

from __future__ import annotations

from typing import Final

#: Seconds over which the ticks are counted for the measured rate.
_WINDOW_S: Final = 1.0

#: Longer periods are as good as for ever, and not every clock can wait for them.
_LONGEST_PERIOD_S: Final = 1e9


class Pace:
    """A schedule of ticks that neither drifts nor bursts.

    Each tick is due one period after the tick before was due, so being late once does not move
    those that follow. More than a period's delay is not made up: the schedule then starts anew.
    All times are seconds of one monotonic clock.

    Parameters
    ----------
    rate : float
        Ticks a second, above 0.
    now : float
        When the first tick is due.
    """

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        #: Ticks a second over the last second or so; None until that is over.
        self.measured_rate: float | None = None
        self._due = now
        self._window_began = now
        self._window_ticks = 0

    def wait(self, now: float) -> float:
        """Return the seconds until the next tick is due, 0 or less when it is."""
        return self._due - now

    def began(self, now: float) -> None:
        """Note that the tick that was due has begun."""
        period = _period(self.rate)
        if now - self._due > period:
            self._due = now
        self._due += period
        elapsed = now - self._window_began
        if elapsed >= _WINDOW_S and self._window_ticks:
            self.measured_rate = self._window_ticks / elapsed
            self._window_began, self._window_ticks = now, 0
        self._window_ticks += 1

    def restart(self, now: float) -> None:
        """Make the next tick due now."""
        self._due = self._window_began = now
        self._window_ticks = 0
        self.measured_rate = None

    def change_rate(self, rate: float, now: float) -> None:
        """Take another rate, counted from when the last tick was due."""
        due = self._due + _period(rate) - _period(self.rate)
        self.rate = rate
        self.restart(now)
        self._due = due


def _period(rate: float) -> float:
    return min(1 / rate, _LONGEST_PERIOD_S)
