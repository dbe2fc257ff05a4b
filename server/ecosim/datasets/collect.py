"""Build the tables of a batch from the files of its runs.

::

    <out>/dataset/<table>/part-00000.parquet    the runs of rows 0 to 255 of the design, and so on

What a part holds depends on the finished runs of its rows alone, so a batch that was interrupted
and resumed ends with the same bytes as one that was not. The ``runs`` part is written last and
names the content of each run in its metadata: it is the mark that the parts of its rows are whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ecosim.batch.execution import read_mark
from ecosim.batch.hashes import stable_record
from ecosim.batch.layout import BatchLayout
from ecosim.batch.ledger import Attempt
from ecosim.batch.plan import BatchPlan, read_plan
from ecosim.batch.prepare import open_batch
from ecosim.batch.rows import Row, read_design
from ecosim.batch.runner import batch_report
from ecosim.batch.space import Parameter
from ecosim.errors import BatchFolderError
from ecosim.telemetry_parquet import PartWriter, arrow_schema, load_pyarrow
from ecosim.telemetry_tables import TABLES, Column, Kind, Rows, columns
from ecosim.telemetry_writers import events_path, telemetry_path

#: Rows of the design that share a part: few large files, and a small one to build again.
PART_RUNS: Final = 256

#: Rows of a table gathered before they are written as a row group; bounds the memory used.
_GROUP_ROWS: Final = 65_536

_CONTENT_KEY: Final = b"ecosim.runs"


@dataclass(frozen=True, slots=True)
class Collected:
    """What :func:`collect` did.

    Attributes
    ----------
    runs : int
        Finished runs in the dataset; those that failed have a row of ``runs`` alone.
    parts_written, parts_kept : int
        Parts built now, and parts that were up to date.
    left_out : dict
        Run id to why it has no data in the dataset.
    """

    runs: int
    parts_written: int
    parts_kept: int
    left_out: dict[str, str]


def dataset_folder(batch: Path) -> Path:
    """Return the folder of a batch's tables."""
    return batch / "dataset"


def collect(folder: Path, progress: Callable[[int, int], None] | None = None) -> Collected:
    """Bring the dataset of a batch up to date with its finished runs.

    May be killed at any time and called again at any time; parts that are up to date are kept.

    Parameters
    ----------
    folder : Path
        The batch folder.
    progress : callable, optional
        Told the number of rows of the design done and in all, after each part.

    Raises
    ------
    BatchFolderError
        The folder holds no batch.
    TelemetryConfigError
        pyarrow is not installed.
    OutputError
        A table cannot be written.
    """
    layout = BatchLayout(folder)
    plan, rows = read_plan(layout), read_design(layout.design)
    load_pyarrow()
    failed = batch_report(open_batch(folder)).failed
    runs = written = kept = 0
    left_out: dict[str, str] = {}
    for start in range(0, len(rows), PART_RUNS):
        own = rows[start : start + PART_RUNS]
        marks = dict(_finished(layout, own, left_out))
        lost = {row.run_id: _reason(failed[row.run_id]) for row in own if row.run_id in failed}
        left_out.update(lost)
        part = _Part(layout, plan, start // PART_RUNS, own, lost)
        if not marks and not lost and not part.exists():
            continue
        if part.content() == lost | {name: mark["content_sha256"] for name, mark in marks.items()}:
            kept += 1
            runs += len(marks)
        else:
            runs += part.build(marks, left_out)
            written += 1
        if progress is not None:
            progress(min(start + PART_RUNS, len(rows)), len(rows))
    return Collected(runs, written, kept, left_out)


def _finished(
    layout: BatchLayout, rows: Sequence[Row], left_out: dict[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield run id and mark of each finished run of some rows."""
    for row in rows:
        try:
            mark = read_mark(layout, row.run_id)
        except BatchFolderError as error:
            left_out[row.run_id] = str(error)
            continue
        if mark is None:
            left_out[row.run_id] = "not finished"
        else:
            yield row.run_id, mark


class _Part:
    """The files of all tables for one stretch of the design."""

    def __init__(
        self,
        layout: BatchLayout,
        plan: BatchPlan,
        number: int,
        own: Sequence[Row],
        lost: dict[str, str],
    ) -> None:
        self._layout = layout
        self._plan = plan
        self._own = own
        self._lost = lost
        self._parameters = [
            Column(p.name, _kind(p), p.unit, p.description) for p in plan.space.parameters
        ]
        root = dataset_folder(layout.root)
        self._paths = {table: root / table / f"part-{number:05d}.parquet" for table in TABLES}

    def exists(self) -> bool:
        """Return whether the part has been written before."""
        return self._paths["runs"].exists()

    def content(self) -> dict[str, str] | None:
        """Return run id to content hash as the part on disk has it; None if it is not whole."""
        _, pq = load_pyarrow()
        if not all(path.exists() for path in self._paths.values()):
            return None
        try:
            schema = pq.read_schema(self._paths["runs"])
            if not schema.equals(arrow_schema(columns("runs", parameters=self._parameters))):
                return None  # by another version, which had other columns
            content = json.loads((schema.metadata or {})[_CONTENT_KEY])
        except (OSError, KeyError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def build(self, marks: dict[str, dict[str, Any]], left_out: dict[str, str]) -> int:
        """Write the part from the runs' files; a damaged run is left out. Return the runs in it."""
        good = {}
        for run_id, mark in marks.items():
            damage = _damage(self._layout, run_id, mark)
            if damage:
                left_out[run_id] = damage
            else:
                good[run_id] = mark["content_sha256"]
        variables = self._variables(good)
        writers = {table: self._writer(table, variables, good) for table in TABLES}
        rows = Rows(variables, [column.name for column in self._parameters], self._plan.batch_id)
        try:
            for row in self._own:
                if row.run_id in self._lost:
                    error = self._lost[row.run_id]
                    rows.add_failed(row.run_id, row.seed, row.parameters, error)
                elif row.run_id in good:
                    for path in _files(self._layout, row.run_id):
                        for record in _records(path):
                            rows.add(stable_record(record))
                self._drain(rows, writers, _GROUP_ROWS)
            self._drain(rows, writers, 0)
            for table in sorted(TABLES, key=lambda table: table == "runs"):
                writers.pop(table).publish()
        finally:
            for writer in writers.values():
                writer.discard()
        return len(good)

    def _writer(self, table: str, variables: tuple[str, ...], good: dict[str, str]) -> PartWriter:
        chosen = columns(table, variables=variables, parameters=self._parameters)
        about = {"ecosim.table": table, "ecosim.batch_id": self._plan.batch_id}
        if table == "runs":
            about[_CONTENT_KEY.decode()] = json.dumps(self._lost | good)
        return PartWriter(self._paths[table], arrow_schema(chosen, about))

    @staticmethod
    def _drain(rows: Rows, writers: dict[str, PartWriter], threshold: int) -> None:
        for table, writer in writers.items():
            if rows.count(table) > threshold:
                writer.write(rows.take(table))

    def _variables(self, good: dict[str, str]) -> tuple[str, ...]:
        """Return the state variables of the part's runs; a batch has one set of them."""
        for run_id in good:
            first = next(_records(_files(self._layout, run_id)[0]))
            return tuple(first["variables"])
        return ()


def _kind(parameter: Parameter) -> Kind:
    if parameter.choices:
        return "category" if isinstance(parameter.choices[0], str) else "number"
    return "integer" if parameter.integer else "number"


def _reason(attempt: Attempt) -> str:
    return f"{attempt.status}: {attempt.error}"


def _files(layout: BatchLayout, run_id: str) -> list[Path]:
    """Return the telemetry file of a finished run and, where there is one, its event log."""
    folder = layout.run(run_id)
    events = events_path(folder, run_id)
    return [telemetry_path(folder, run_id), *([events] if events.exists() else [])]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def _damage(layout: BatchLayout, run_id: str, mark: dict[str, Any]) -> str | None:
    """Return how the files of a run differ from its mark, or None."""
    for name, told in mark["files"].items():
        try:
            with (layout.run(run_id) / name).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            return f"{name}: {error.strerror}"
        if found != told["sha256"]:
            return f"{name}: expected sha256 {told['sha256']}, the file has another"
    return None
