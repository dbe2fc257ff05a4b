"""What a batch found, in a page: read from the telemetry files alone."""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ecosim.batch.layout import BatchLayout
from ecosim.telemetry_writers import telemetry_path

_TAIL: Final = 2**16


@dataclass(frozen=True, slots=True)
class RunEnding:
    """The last sample and the ``end`` record of one run, with its list of species."""

    species: tuple[str, ...]
    sample: dict[str, Any]
    end: dict[str, Any]


@dataclass(slots=True)
class BatchSummary:
    """Figures over the finished runs of a batch.

    Attributes
    ----------
    runs : int
    ticks_per_second : list of float
        One a run: ticks over the time from the first tick to the last.
    overhead : list of float
        One a run: the share of that time spent inside the telemetry, 0..1.
    shannon : list of float
        One a run: Shannon index of the species at the end, in nats.
    final_counts : dict
        Species to its count at the end of each run, 0 in one that never had it.
    """

    runs: int = 0
    ticks_per_second: list[float] = field(default_factory=list)
    overhead: list[float] = field(default_factory=list)
    shannon: list[float] = field(default_factory=list)
    final_counts: dict[str, list[int]] = field(default_factory=dict)


def summarize(layout: BatchLayout) -> BatchSummary:
    """Read the ends of all finished runs of a batch folder."""
    summary = BatchSummary()
    found: list[dict[str, int]] = []
    for ending in endings(layout):
        summary.runs += 1
        species = ending.sample.get("species", {})
        counts = {name: int(entry["count"]) for name, entry in species.items()}
        found.append(dict.fromkeys(ending.species, 0) | counts)
        summary.shannon.append(shannon_index(counts.values()))
        loop_ns = ending.end["loop_ns"]
        if loop_ns > 0:
            summary.ticks_per_second.append(ending.end["tick"] / loop_ns * 1e9)
            summary.overhead.append(ending.end["emitter_ns"] / loop_ns)
    for name in dict.fromkeys(name for counts in found for name in counts):
        summary.final_counts[name] = [counts.get(name, 0) for counts in found]
    return summary


def endings(layout: BatchLayout) -> Iterator[RunEnding]:
    """Yield the ending of each finished run, in the order of run ids."""
    for run_id in layout.finished():
        yield read_ending(telemetry_path(layout.run(run_id), run_id))


def read_ending(path: Path) -> RunEnding:
    """Read the first line and the last two of a telemetry file, whatever its size."""
    with path.open("rb") as stream:
        config = json.loads(stream.readline())
        size = stream.seek(0, os.SEEK_END)
        wanted = _TAIL
        while True:
            stream.seek(max(0, size - wanted))
            lines = stream.read().splitlines()
            # The first line of a tail is cut unless the tail is the file.
            if len(lines) > 2 or wanted >= size:
                break
            wanted *= 2
    sample, end = json.loads(lines[-2]), json.loads(lines[-1])
    return RunEnding(tuple(config["species"]), sample, end)


def shannon_index(counts: Iterable[int]) -> float:
    """Return the Shannon index -sum(p ln p) of a community, in nats; 0 for an empty one."""
    present = [count for count in counts if count > 0]
    total = sum(present)
    return math.fsum(-count / total * math.log(count / total) for count in present)


def summary_text(summary: BatchSummary) -> str:
    """Return the summary as lines for people."""
    if not summary.runs:
        return "no finished runs"
    width = max([7, *map(len, summary.final_counts)])
    lines = [f"{'species':<{width}}  alive in  median at end   range"]
    for name, counts in sorted(summary.final_counts.items()):
        alive = sum(count > 0 for count in counts)
        share = f"{100 * alive / len(counts):.0f} %"
        median = statistics.median(counts)
        lines.append(f"{name:<{width}}  {share:>8}  {median:>13g}   {min(counts)}..{max(counts)}")
    low, middle, high = _spread(summary.shannon)
    lines.append(f"Shannon index at the end: median {middle:.2f}, range {low:.2f}..{high:.2f}")
    if summary.ticks_per_second:
        low, middle, high = _spread(summary.ticks_per_second)
        lines.append(f"speed: median {middle:.0f} ticks/s a worker, range {low:.0f}..{high:.0f}")
        low, middle, high = _spread(summary.overhead)
        lines.append(
            f"telemetry: median {100 * middle:.2f} % of the run time, "
            f"range {100 * low:.2f}..{100 * high:.2f} %"
        )
    return "\n".join(lines)


def failure_groups(errors: Mapping[str, str | None]) -> list[tuple[str, list[str]]]:
    """Return reasons with the run ids they befell, the most frequent first."""
    groups: dict[str, list[str]] = {}
    for run_id, error in errors.items():
        groups.setdefault(error or "no reason given", []).append(run_id)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


def _spread(values: list[float]) -> tuple[float, float, float]:
    return min(values), statistics.median(values), max(values)
