"""What the report of a batch is made from: its dataset, and the folder's account of the runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecosim.analysis.community import Community, survey
from ecosim.analysis.definitions import Settings
from ecosim.analysis.outcomes import OutcomeTable, outcome_table
from ecosim.analysis.series import FINISHED, RunSeries, read_series
from ecosim.batch.ledger import read_ledger
from ecosim.batch.prepare import Batch, open_batch
from ecosim.batch.runner import BatchReport, batch_report
from ecosim.batch.summary import BatchSummary, summarize
from ecosim.datasets import Dataset
from ecosim.datasets import open as open_dataset
from ecosim.datasets.collect import collect, dataset_folder
from ecosim.errors import DatasetError
from ecosim.report.texts import listed
from ecosim.telemetry_parquet import load_pyarrow

#: Most ticks at which populations are compared across runs.
MOST_TICKS: Final = 120
#: Most runs whose populations are read; beyond it, runs evenly spaced over the design.
MOST_RUNS: Final = 2048

Array = NDArray[np.float64]


@dataclass(slots=True)
class Populations:
    """Counts of all species in many runs, at the same ticks.

    Attributes
    ----------
    ticks : ndarray of shape (ticks,)
    counts : ndarray of shape (runs, ticks, species), float32
        The count at the last sample up to that tick; NaN before a run's first sample and after its
        last.
    species : tuple of str
    gone : ndarray of shape (runs, species)
        Tick of the first sample without the species after it had been there, or of the last sample.
    there : ndarray of shape (runs, species), bool
        Whether the species was ever there.
    still : ndarray of shape (runs, species), bool
        Whether it never went.
    """

    ticks: NDArray[np.int64]
    counts: NDArray[np.float32]
    species: tuple[str, ...]
    gone: Array
    there: NDArray[np.bool_]
    still: NDArray[np.bool_]


@dataclass(slots=True)
class BatchData:
    """Everything that the report of a batch shows.

    Attributes
    ----------
    batch : Batch
    standing : BatchReport
        Runs done, and those set aside with their last attempt.
    attempts, seconds : int, float
        Of the ledger: all attempts and the time they took together.
    run_ids, status, seeds : list
        Of the runs table, one a run.
    parameters : dict
        Name to array of shape (finished runs,), float64, NaN where a run has none; numeric ones.
    categories : list of str
        Parameters that are text.
    outcomes : OutcomeTable or None
        None where no run finished.
    settings : Settings
        The numbers in the definitions of outcomes.
    populations : Populations or None
    summary : BatchSummary or None
        Speed and overhead of the runs; None where the files of the runs cannot be read.
    results : list of dict
        Sensitivity results found in ``analysis/``.
    warnings : list of str
    """

    batch: Batch
    standing: BatchReport
    attempts: int = 0
    seconds: float = 0.0
    run_ids: list[str] = field(default_factory=list)
    status: list[str | None] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    parameters: dict[str, Array] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)
    outcomes: OutcomeTable | None = None
    settings: Settings = field(default_factory=Settings)
    populations: Populations | None = None
    summary: BatchSummary | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_batch(folder: Path) -> BatchData:
    """Read a batch folder; its dataset is built first if there is none.

    Raises
    ------
    BatchFolderError
        The folder holds no batch, or what it holds does not fit together.
    DatasetError
        The dataset is damaged.
    OutputError
        There is no dataset and it cannot be written.
    """
    batch = open_batch(folder)
    data = BatchData(batch, batch_report(batch))
    for attempt in read_ledger(batch.layout):
        data.attempts += 1
        data.seconds += attempt.seconds
    data.results = _sensitivity_results(folder / "analysis", data.warnings)
    if not (dataset_folder(folder) / "runs").is_dir():
        collect(folder)
    if not (dataset_folder(folder) / "runs").is_dir():
        return data  # nothing has ended yet
    arrow, _ = load_pyarrow()
    try:
        _read_dataset(open_dataset(folder), data)
    except (arrow.ArrowException, OSError) as error:
        told = str(error).partition("\n")[0]
        raise DatasetError(f"{dataset_folder(folder)}: expected tables to read, {told}") from error
    try:
        data.summary = summarize(batch.layout)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        data.warnings.append(f"The speed of the runs is left out; their files: {error}")
    return data


def _read_dataset(dataset: Dataset, data: BatchData) -> None:
    _read_runs(dataset, data)
    if FINISHED in data.status:
        data.outcomes = outcome_table(dataset, settings=data.settings)
        community = survey(dataset)
        if unknown := community.without_role():
            data.warnings.append(
                "In no total of consumers or plants, as their states do not tell which they are: "
                f"{listed(unknown)}."
            )
        data.populations = _populations(dataset, community, len(data.outcomes.run_ids))


def _read_runs(dataset: Dataset, data: BatchData) -> None:
    names = dataset.parameters()
    table = dataset.table("runs", columns=["run_id", "status", "seed", *names])
    data.run_ids = table.column("run_id").to_pylist()
    data.status = table.column("status").to_pylist()
    data.seeds = table.column("seed").to_pylist()
    finished = [place for place, status in enumerate(data.status) if status == FINISHED]
    for name in names:
        values = table.column(name).to_pylist()
        if any(isinstance(value, str) for value in values):
            data.categories.append(name)
        else:
            numbers = [np.nan if values[place] is None else values[place] for place in finished]
            data.parameters[name] = np.asarray(numbers, dtype=np.float64)
    if len(finished) < data.standing.done:
        data.warnings.append(
            f"{data.standing.done:,} runs are finished and the dataset has {len(finished):,} of "
            "them: ecosim collect brings it up to date."
        )


def _populations(dataset: Dataset, community: Community, runs: int) -> Populations | None:
    """Return the counts of the finished runs at common ticks; None where no run has any."""
    stride = -(-runs // MOST_RUNS)
    chosen = [
        run
        for number, run in enumerate(read_series(dataset, community))
        if number % stride == 0 and len(run.ticks)
    ]
    if not chosen or not community.species:
        return None
    ticks = np.unique(np.concatenate([run.ticks for run in chosen]))
    if len(ticks) > MOST_TICKS:
        places = np.linspace(0, len(ticks) - 1, MOST_TICKS).round().astype(int)
        ticks = ticks[places]
    shape = (len(chosen), len(community.species))
    found = Populations(
        ticks,
        np.full((len(chosen), len(ticks), len(community.species)), np.nan, dtype=np.float32),
        community.species,
        np.zeros(shape),
        np.zeros(shape, dtype=bool),
        np.zeros(shape, dtype=bool),
    )
    for number, run in enumerate(chosen):
        _take(found, number, run)
    return found


def _take(found: Populations, number: int, run: RunSeries) -> None:
    place = np.searchsorted(run.ticks, found.ticks, side="right") - 1
    inside = (place >= 0) & (found.ticks <= run.ticks[-1])
    found.counts[number, inside] = run.counts[place[inside]]
    alive = run.counts > 0
    lost = np.maximum.accumulate(alive, axis=0) & ~alive
    found.there[number] = alive.any(axis=0)
    found.still[number] = ~lost.any(axis=0)
    found.gone[number] = run.ticks[np.where(found.still[number], -1, lost.argmax(axis=0))]


def _sensitivity_results(folder: Path, warnings: list[str]) -> list[dict[str, Any]]:
    """Return the sensitivity results in a folder; those that cannot be read become a warning."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            result = json.loads(path.read_bytes())
            if result["kind"] == "sensitivity":
                found.append(result)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            warnings.append(f"{path.name} is left out: expected the result of an analysis, {error}")
    return found
