"""Read the tables of a batch, or of a single run written with ``format: parquet``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ecosim.errors import DatasetError
from ecosim.telemetry_parquet import load_pyarrow
from ecosim.telemetry_tables import TABLES

#: Columns of the runs table that are not parameters of the batch.
_RUN_COLUMNS: Final = tuple(column.name for column in TABLES["runs"])

#: An outcome: run id to a number, or what takes the dataset and returns that.
Outcome = Mapping[str, float] | Callable[["Dataset"], Mapping[str, float]]


def open(folder: str | Path) -> Dataset:
    """Open a dataset.

    Parameters
    ----------
    folder : str or Path
        A batch folder, its ``dataset`` folder, or the ``<run_id>_parquet`` folder of a single run.

    Raises
    ------
    DatasetError
        There is no dataset in it.
    TelemetryConfigError
        pyarrow is not installed.
    """
    given = Path(folder)
    for root in (given / "dataset", given):
        if any((root / "runs").glob("part-*.parquet")) or (root / "species").is_dir():
            return Dataset(root)
    hint = "; build it with: ecosim collect DIR" if (given / "batch.json").exists() else ""
    raise DatasetError(f"{given}: expected a dataset (a folder with species/, runs/, ...){hint}")


class Dataset:
    """The tables of a dataset, read lazily.

    Parameters
    ----------
    root : Path
        Folder with a folder of Parquet files per table (:func:`open` finds it).
    part : str, optional
        Name of the one file to read in each of them; all of them when left out.
    """

    def __init__(self, root: Path, part: str = "part-*.parquet") -> None:
        load_pyarrow()
        self.root = root
        self._part = part

    def files(self, table: str) -> list[Path]:
        """Return the Parquet files of a table, in the order of their runs.

        Raises
        ------
        DatasetError
            There is no such table, or no file of it.
        """
        if table not in TABLES:
            raise DatasetError(f"table: expected one of {', '.join(TABLES)}, got {table!r}")
        parts = sorted((self.root / table).glob(self._part))
        if not parts:
            raise DatasetError(f"{self.root / table}: expected {self._part}, there is none")
        return parts

    def parts(self) -> Iterator[Dataset]:
        """Yield the dataset in stretches of whole runs, so that memory does not grow with them.

        The parts of a single run's own tables do not end where others do: it is one stretch.
        """
        names = [[path.name for path in self.files(table)] for table in TABLES]
        if all(found == names[0] for found in names):
            yield from (Dataset(self.root, name) for name in names[0])
        else:
            yield self

    def scan(
        self,
        table: str,
        *,
        columns: Iterable[str] | None = None,
        runs: Iterable[str] | None = None,
        species: Iterable[str] | None = None,
        ticks: tuple[int, int] | None = None,
    ) -> Any:
        """Return a ``pyarrow.dataset.Scanner`` over a table; nothing is read yet.

        Parameters
        ----------
        table : str
            ``runs``, ``species``, ``states``, ``voxels``, ``windows`` or ``events``.
        columns : iterable of str, optional
            Only these; the fewer, the faster.
        runs, species : iterable of str, optional
            Only rows of these runs, or species.
        ticks : (int, int), optional
            First and last tick, both included (of ``windows``: the window's last tick).

        Raises
        ------
        DatasetError
            The table or a column does not exist, or the table has no such filter.
        """
        source = self._source(table)
        names = source.schema.names
        chosen = None if columns is None else list(columns)
        for name in chosen or ():
            if name not in names:
                raise DatasetError(f"{table}: expected one of {', '.join(names)}, got {name!r}")
        return source.scanner(
            columns=chosen, filter=self._filter(table, names, runs, species, ticks)
        )

    def table(self, table: str, **choice: Any) -> Any:
        """Return a table, or what :meth:`scan` chooses of it, as a ``pyarrow.Table``."""
        # Parts have dictionaries of their own, which pyarrow does not group across.
        return self.scan(table, **choice).to_table().unify_dictionaries()

    def pandas(self, table: str, **choice: Any) -> Any:
        """Return what :meth:`table` returns as a ``pandas.DataFrame``."""
        _need("pandas")
        return self.table(table, **choice).to_pandas()

    def polars(self, table: str, **choice: Any) -> Any:
        """Return what :meth:`table` returns as a ``polars.DataFrame``."""
        return _need("polars").from_arrow(self.table(table, **choice))

    def parameters(self) -> list[str]:
        """Return the dotted paths that the batch varied."""
        names = self._source("runs").schema.names
        return [name for name in names if name not in _RUN_COLUMNS]

    def training_frame(self, outcomes: Mapping[str, Outcome] | None = None) -> Any:
        """Return one wide table: a row a run, its parameters and its outcomes.

        Parameters
        ----------
        outcomes : mapping of name to outcome, optional
            Run id to number (or to True and False), as
            :meth:`ecosim.analysis.outcomes.OutcomeTable.by_run` gives it, or a callable that takes
            this dataset and returns that. Left out: for each species ``<species>.count_end`` and
            ``<species>.count_mean``, the plain mean of its counts in all samples, and for each
            event type ``events.<type>``, its number over the run; 0 where a run never had one.

        Returns
        -------
        pyarrow.Table
            ``run_id, seed``, the parameters, the outcomes (null where a run has none, as one that
            failed), in the order of the runs table.
        """
        pa, _ = load_pyarrow()
        frame = self.table("runs", columns=["run_id", "seed", *self.parameters()])
        run_ids = frame.column("run_id").to_pylist()
        if outcomes is None:
            found = self._default_outcomes()
        else:
            found = {
                name: dict(outcome(self) if callable(outcome) else outcome)
                for name, outcome in outcomes.items()
            }
        for name, values in found.items():
            numbers = [_own_number(values.get(run_id)) for run_id in run_ids]
            are_flags = {type(number) for number in numbers} - {type(None)} == {bool}
            kind = pa.bool_() if are_flags else pa.float64()
            frame = frame.append_column(name, pa.array(numbers, kind))
        return frame

    def _default_outcomes(self) -> dict[str, dict[str, float]]:
        outcomes: dict[str, dict[str, float]] = {}
        counts = self._plain("species", ["run_id", "tick", "species", "count"])
        groups = counts.group_by(["run_id", "species"], use_threads=False)
        means = groups.aggregate([("count", "mean"), ("count", "last")])
        run_ids = set(counts.column("run_id").to_pylist())
        rows = zip(*(means.column(name).to_pylist() for name in means.column_names), strict=True)
        for row in rows:
            one = dict(zip(means.column_names, row, strict=True))
            for label, key in (("count_end", "count_last"), ("count_mean", "count_mean")):
                name = f"{one['species']}.{label}"
                outcomes.setdefault(name, dict.fromkeys(run_ids, 0))[one["run_id"]] = one[key]
        windows = self._plain("windows", ["run_id", "event_type", "count"])
        totals = windows.group_by(["run_id", "event_type"]).aggregate([("count", "sum")])
        for one in totals.to_pylist():
            name = f"events.{one['event_type']}"
            outcomes.setdefault(name, dict.fromkeys(run_ids, 0))[one["run_id"]] = one["count_sum"]
        return dict(sorted(outcomes.items()))

    def _plain(self, table: str, columns: list[str]) -> Any:
        """Return a table whose coded columns are plain text, as grouping wants them."""
        pa, _ = load_pyarrow()
        found = self.table(table, columns=columns)
        fields = [
            pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type)
            for f in found.schema
        ]
        return found.cast(pa.schema(fields))

    def _source(self, table: str) -> Any:
        datasets = importlib.import_module("pyarrow.dataset")
        return datasets.dataset([str(path) for path in self.files(table)], format="parquet")

    def _filter(
        self,
        table: str,
        names: list[str],
        runs: Iterable[str] | None,
        species: Iterable[str] | None,
        ticks: tuple[int, int] | None,
    ) -> Any:
        compute = importlib.import_module("pyarrow.compute")
        pa, _ = load_pyarrow()
        clock = "tick_last" if table == "windows" else "tick"
        wanted = [("run_id", runs), ("species", species), (clock, ticks)]
        chosen = None
        for name, values in wanted:
            if values is None:
                continue
            if name not in names:
                raise DatasetError(f"{table}: expected a table with {name!r} for this filter")
            if isinstance(values, str):
                raise DatasetError(
                    f"{table}: expected a list of values of {name!r} to filter by, got {values!r}; "
                    f"for one of them write [{values!r}]"
                )
            if name == clock:
                first, last = values
                part = (compute.field(name) >= first) & (compute.field(name) <= last)
            else:
                part = compute.field(name).isin(pa.array(list(values), pa.string()))
            chosen = part if chosen is None else chosen & part
        return chosen


def _own_number(number: Any) -> Any:
    """Return a number of numpy as Python's own."""
    return number.item() if hasattr(number, "item") else number


def _need(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise DatasetError(f"expected {package} to be installed: pip install {package}") from error
