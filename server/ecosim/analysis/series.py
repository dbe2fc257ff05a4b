"""One run as arrays: what the outcomes are computed from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecosim.analysis.community import Community
from ecosim.datasets import Dataset
from ecosim.errors import DatasetError

#: The status of a run that came to its end; the others are left out.
FINISHED: Final = "completed"


@dataclass(frozen=True, slots=True)
class RunSeries:
    """One finished run.

    Attributes
    ----------
    run_id : str
    community : Community
        Names the columns of ``counts``; the same for all runs of a dataset.
    last_tick : int
        The last tick watched, 0 or more.
    ticks : ndarray of shape (samples,), int64
        When samples of the species were taken, ascending; empty if the run has none.
    counts : ndarray of shape (samples, species), float64
        Living entities; 0 for a species that a sample does not list.
    layers : dict
        Voxel layer to two arrays of shape (samples,): ticks, and mean over the cells (NaN where the
        sample has none).
    events : dict
        Type of event to its number over the run.
    ground_cells : int or None
        Voxels in one level of the grid (along x times along z); None without a grid.
    """

    run_id: str
    community: Community
    last_tick: int
    ticks: NDArray[np.int64]
    counts: NDArray[np.float64]
    layers: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]
    events: dict[str, int]
    ground_cells: int | None


def finished_runs(dataset: Dataset) -> tuple[list[str], dict[str, int]]:
    """Return the ids of the runs that completed, and how many others there are by status.

    Raises
    ------
    DatasetError
        A run is in the dataset twice.
    """
    rows = dataset.table("runs", columns=["run_id", "status"]).to_pylist()
    repeated = [name for name, times in Counter(r["run_id"] for r in rows).items() if times > 1]
    if repeated:
        raise DatasetError(
            f"{dataset.root}: expected each run once, it has {len(repeated)} more than once, "
            f"such as {repeated[0]!r}"
        )
    others = Counter(r["status"] or "without an end" for r in rows if r["status"] != FINISHED)
    return [r["run_id"] for r in rows if r["status"] == FINISHED], dict(others)


def read_series(dataset: Dataset, community: Community) -> Iterator[RunSeries]:
    """Yield the finished runs of a dataset, in its order."""
    for part in dataset.parts():
        yield from _of_part(part, community)


def _of_part(part: Dataset, community: Community) -> Iterator[RunSeries]:
    rows = part.table("runs", columns=["run_id", "status", "ticks", "config"]).to_pylist()
    wanted = [row for row in rows if row["status"] == FINISHED]
    place = {row["run_id"]: number for number, row in enumerate(wanted)}
    samples = _Samples(part, "species", "species", "count", community.species, place)
    voxels = _Samples(part, "voxels", "layer", "mean", community.layers, place)
    windows = part.table("windows", columns=["run_id", "event_type", "count"])
    events: dict[str, dict[str, int]] = {}
    sums = windows.group_by(["run_id", "event_type"]).aggregate([("count", "sum")])
    for row in sums.to_pylist():
        events.setdefault(row["run_id"], {})[row["event_type"]] = row["count_sum"]
    for row in wanted:
        number = place[row["run_id"]]
        ticks, counts = samples.of(number)
        layer_ticks, means = voxels.of(number)
        yield RunSeries(
            run_id=row["run_id"],
            community=community,
            last_tick=row["ticks"],
            ticks=ticks,
            counts=np.nan_to_num(counts, nan=0.0),
            layers={name: (layer_ticks, means[:, i]) for i, name in enumerate(community.layers)},
            events=events.get(row["run_id"], {}),
            ground_cells=_ground_cells(json.loads(row["config"])),
        )


class _Samples:
    """A long table (run, tick, name, value) as one matrix of samples by names."""

    def __init__(
        self,
        part: Dataset,
        table: str,
        key: str,
        value: str,
        names: Sequence[str],
        place: dict[str, int],
    ) -> None:
        found = part.table(table, columns=["run_id", "tick", key, value])
        run = _codes(found, "run_id", place)
        name = _codes(found, key, {name: number for number, name in enumerate(names)})
        tick = found.column("tick").to_numpy()
        values = found.column(value).to_numpy().astype(np.float64)
        kept = run >= 0
        run, name, tick, values = run[kept], name[kept], tick[kept], values[kept]
        # A run's own tables may come in several parts; of a batch's this is sorted already.
        order = np.lexsort((tick, run))
        run, name, tick, values = run[order], name[order], tick[order], values[order]
        new = np.ones(len(run), dtype=bool)
        new[1:] = (run[1:] != run[:-1]) | (tick[1:] != tick[:-1])
        sample = np.cumsum(new) - 1
        self._ticks = tick[new].astype(np.int64)
        self._matrix = np.full((len(self._ticks), len(names)), np.nan)
        self._matrix[sample, name] = values
        self._ends = np.searchsorted(run[new], np.arange(len(place) + 1))

    def of(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the ticks and the rows of one run."""
        own = slice(self._ends[number], self._ends[number + 1])
        return self._ticks[own], self._matrix[own]


def _codes(table: Any, column: str, place: dict[str, int]) -> NDArray[np.int64]:
    """Return the place of each text of a dictionary-coded column, -1 for one that has none."""
    coded = table.column(column).combine_chunks()
    own = np.array([place.get(text, -1) for text in coded.dictionary.to_pylist()], dtype=np.int64)
    indices = coded.indices.to_numpy(zero_copy_only=False)
    return own[indices] if len(own) else np.empty(0, dtype=np.int64)


def _ground_cells(config: dict[str, Any]) -> int | None:
    dimensions = config.get("grid_dimensions")
    return None if dimensions is None else int(dimensions[0]) * int(dimensions[2])
