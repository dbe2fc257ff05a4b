"""Read the telemetry file of one run, in one pass and in bounded memory.

A run of any length becomes at most :data:`MOST_POINTS` points: when there are more, neighbours are
put together two by two. A point has the state at its last sample, the events and transitions of all
its samples, and of voxel layers the smallest and largest value within it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ecosim.errors import DatasetError
from ecosim.telemetry_schema import problems

#: Most points that a run is kept as.
MOST_POINTS: Final = 800


@dataclass(slots=True)
class Spread:
    """Mean of a variable or a layer with its spread: ``low`` to ``high``; None where there is none.

    Of a state variable that is one standard deviation to either side; of a layer, min and max.
    """

    mean: float | None
    low: float | None
    high: float | None


@dataclass(slots=True)
class Point:
    """One sample, or neighbouring ones put together."""

    tick: int
    first: int
    last: int
    counts: dict[str, int]
    states: dict[str, dict[str, int]]
    variables: dict[str, dict[str, Spread]]
    layers: dict[str, Spread]
    events: Counter[str]

    def absorb(self, later: Point) -> None:
        """Put the next point into this one."""
        self.tick, self.last = later.tick, later.last
        self.counts, self.states, self.variables = later.counts, later.states, later.variables
        for name, new in later.layers.items():
            old = self.layers.get(name)
            lows = [s.low for s in (old, new) if s is not None and s.low is not None]
            highs = [s.high for s in (old, new) if s is not None and s.high is not None]
            low, high = min(lows, default=None), max(highs, default=None)
            self.layers[name] = Spread(new.mean, low, high)
        self.events += later.events


@dataclass(slots=True)
class RunData:
    """What the telemetry file of a run says.

    Attributes
    ----------
    path : Path
    config, end : dict
        The records; ``end`` is None where the run did not finish.
    points : list of Point
    per_point : int
        Samples that a point stands for.
    samples : int
    transitions : dict
        Species to its state changes over the run, by ``BEFORE>AFTER``.
    first_gone : dict
        Species to the tick of the first sample without it after it had been there.
    lowest, highest : dict
        Species to its smallest and largest count in any sample.
    nonfinite : int
        Values that samples left out because they were not finite.
    torn : bool
        Whether the file ends in the middle of a line.
    size : int
        Bytes of the file.
    """

    path: Path
    config: dict[str, Any]
    end: dict[str, Any] | None = None
    points: list[Point] = field(default_factory=list)
    per_point: int = 1
    samples: int = 0
    transitions: dict[str, Counter[str]] = field(default_factory=dict)
    first_gone: dict[str, int] = field(default_factory=dict)
    lowest: dict[str, int] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)
    nonfinite: int = 0
    torn: bool = False
    size: int = 0

    def species(self) -> list[str]:
        """Return every species that the config or a sample names, sorted."""
        return sorted({*self.config["species"], *self.highest})

    def events(self) -> Counter[str]:
        """Return the events of the whole run by type."""
        total: Counter[str] = Counter()
        for point in self.points:
            total += point.events
        return total


def read_run(path: Path) -> RunData:
    """Read a telemetry file.

    Raises
    ------
    DatasetError
        The file cannot be read, does not begin with a config record, or has a line that is no
        record. A last line that was cut short is left out.
    """
    data: RunData | None = None
    filling: list[Point] = []
    for number, record, torn in _records(path):
        if torn:
            if data is not None:
                data.torn = True
            continue
        if data is None:
            data = RunData(path, _checked_config(path, record))
            continue
        try:
            if record["record"] == "sample":
                _take_sample(data, record, filling)
            elif record["record"] == "end":
                data.end = record
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise _misfit(path, number, record, error) from error
    if data is None:
        raise DatasetError(f"{path}: expected a config record in the first line, there is none yet")
    data.points += filling
    data.size = path.stat().st_size
    if data.end is not None and problems(data.end):
        raise DatasetError(f"{path}: end record: {problems(data.end)[0]}")
    return data


def _records(path: Path) -> Iterator[tuple[int, Any, bool]]:
    """Yield line number, record and whether the line is the last and was cut short."""
    try:
        with path.open("rb") as stream:
            for number, text in enumerate(stream, start=1):
                whole = text.endswith(b"\n")
                try:
                    record = json.loads(text) if whole else None
                except (ValueError, RecursionError) as error:
                    raise DatasetError(
                        f"{path}:{number}: expected a record (a JSON object), {error}"
                    ) from error
                yield number, record, not whole
    except OSError as error:
        raise DatasetError(f"{path}: expected a file to read, {error.strerror}") from error


def _checked_config(path: Path, record: Any) -> dict[str, Any]:
    kind = record.get("record") if isinstance(record, dict) else None
    if kind != "config":
        raise DatasetError(f"{path}:1: expected a config record, got {kind!r}")
    found = [problem for problem in problems(record) if "not a field" not in problem]
    if found:
        raise DatasetError(f"{path}:1: config record: {found[0]}")
    config: dict[str, Any] = record
    return config


def _misfit(path: Path, number: int, record: Any, error: Exception) -> DatasetError:
    found = [problem for problem in problems(record) if "not a field" not in problem]
    told = found[0] if found else f"expected a record of the schema, {error}"
    return DatasetError(f"{path}:{number}: {told}")


def _take_sample(data: RunData, record: Mapping[str, Any], filling: list[Point]) -> None:
    point = _point(data, record)
    data.samples += 1
    for name, count in point.counts.items():
        data.lowest[name] = min(count, data.lowest.get(name, count))
        if count == 0 and data.highest.get(name, 0) > 0:
            data.first_gone.setdefault(name, point.tick)
        data.highest[name] = max(count, data.highest.get(name, count))
    for species, changes in record["transitions"].items():
        data.transitions.setdefault(species, Counter()).update(
            {str(change): int(count) for change, count in changes.items()}
        )
    if not filling:
        filling.append(point)
    else:
        filling[0].absorb(point)
    # The first sample stays alone: it is the state the run began with.
    if (data.samples - 1) % data.per_point == 0:
        data.points.append(filling.pop())
    if len(data.points) > MOST_POINTS:
        _halve(data)


def _halve(data: RunData) -> None:
    """Put neighbours together, all but the first point."""
    kept = data.points[:1]
    rest = data.points[1:]
    for index in range(0, len(rest), 2):
        for later in rest[index + 1 : index + 2]:
            rest[index].absorb(later)
        kept.append(rest[index])
    data.points = kept
    data.per_point *= 2


def _point(data: RunData, record: Mapping[str, Any]) -> Point:
    counts: dict[str, int] = {}
    states: dict[str, dict[str, int]] = {}
    variables: dict[str, dict[str, Spread]] = {}
    for species, one in record["species"].items():
        counts[species] = int(one["count"])
        states[species] = {name: int(count) for name, count in one["states"].items()}
        variables[species] = {}
        for name, found in one["vars"].items():
            mean, std = _number(found["mean"]), _number(found["std"])
            spread = None if mean is None or std is None else (mean - std, mean + std)
            variables[species][name] = Spread(mean, *(spread or (None, None)))
            data.nonfinite += int(found.get("nonfinite", 0))
    layers = {}
    for layer, found in record["voxels"].items():
        layers[layer] = Spread(*(_number(found[key]) for key in ("mean", "min", "max")))
        data.nonfinite += int(found.get("nonfinite", 0))
    first, last = (int(tick) for tick in record["window"])
    events = Counter({str(k): int(n) for k, n in record["events"]["by_type"].items()})
    tick = int(record["tick"])
    return Point(tick, first, last, counts, states, variables, layers, events)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
