"""What is known of the run that is followed, and the figures shown of it."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ecosim.errors import DatasetError

#: Samples whose populations are remembered.
_REMEMBERED: Final = 40
#: Looks at the file over which the speed is taken.
_SPEED_LOOKS: Final = 8
#: Samples come in bursts, as they are written; those within so many seconds are one look.
_BURST: Final = 0.1


@dataclass(frozen=True, slots=True)
class Population:
    """Count of one species, its change since the sample before (None: there is none), its past."""

    name: str
    count: int
    change: int | None
    past: list[int]


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one type in the last window, and the number per 100 ticks that this makes."""

    name: str
    count: int
    rate: float


@dataclass(slots=True)
class RunView:
    """The run as far as its records have been read.

    Attributes
    ----------
    path : Path
    config, sample, end : dict or None
        The latest record of each kind.
    samples : int
        Samples read.
    """

    path: Path
    config: dict[str, Any] | None = None
    sample: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    samples: int = 0
    _past: dict[str, collections.deque[int]] = field(default_factory=dict)
    _times: collections.deque[tuple[float, int]] = field(
        default_factory=lambda: collections.deque(maxlen=_SPEED_LOOKS)
    )

    def take(self, record: Mapping[str, Any], now: float) -> None:
        """Take a record that was read at ``now``, seconds of a monotonic clock.

        Raises
        ------
        DatasetError
            The record is not one of telemetry.
        """
        try:
            kind = record["record"]
            if kind == "sample":
                self._take_sample(record, now)
            elif kind == "config":
                self.config = dict(record)
                str(record["run_id"])
            elif kind == "end":
                self.end = dict(record)
                int(record["tick"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DatasetError(f"{self.path}: expected a record of telemetry, {error!r}") from error

    def _take_sample(self, record: Mapping[str, Any], now: float) -> None:
        counts = {str(name): int(one["count"]) for name, one in record["species"].items()}
        first, last = (int(tick) for tick in record["window"])
        events = {str(name): int(n) for name, n in record["events"]["by_type"].items()}
        self.sample = {
            "tick": int(record["tick"]),
            "window": (first, last),
            "counts": counts,
            "events": events,
        }
        self.samples += 1
        for name, count in counts.items():
            past = self._past.setdefault(name, collections.deque(maxlen=_REMEMBERED))
            past.append(count)
        if self._times and now - self._times[-1][0] < _BURST:
            self._times.pop()
        self._times.append((now, self.sample["tick"]))

    def run_id(self) -> str:
        """Return the id of the run; of one without a record yet, the name of its file."""
        return str(self.config["run_id"]) if self.config else self.path.name

    def tick(self) -> int | None:
        """Return the last tick known of."""
        if self.end is not None:
            return int(self.end["tick"])
        return None if self.sample is None else int(self.sample["tick"])

    def status(self) -> str:
        """Return how the run ended, or ``running`` while there is no end record."""
        return str(self.end["status"]) if self.end is not None else "running"

    def entities(self) -> int:
        """Return the living entities of the last sample."""
        return sum(self.sample["counts"].values()) if self.sample else 0

    def populations(self) -> list[Population]:
        """Return the species of the last sample, by name."""
        counts = self.sample["counts"] if self.sample else {}
        found = []
        for name, count in sorted(counts.items()):
            past = list(self._past[name])
            change = past[-1] - past[-2] if len(past) > 1 else None
            found.append(Population(name, count, change, past))
        return found

    def events(self) -> list[Events]:
        """Return the events of the last window, the most frequent type first."""
        if self.sample is None:
            return []
        first, last = self.sample["window"]
        ticks = max(1, last - first + 1)
        found = [
            Events(name, count, 100 * count / ticks)
            for name, count in self.sample["events"].items()
        ]
        return sorted(found, key=lambda one: (-one.count, one.name))

    def speed(self) -> float | None:
        """Return ticks a second as samples came in, or None while that is not known."""
        if len(self._times) < 2:
            return None
        (begun, first), (now, last) = self._times[0], self._times[-1]
        return (last - first) / (now - begun) if now - begun > 0.05 else None
