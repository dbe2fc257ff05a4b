"""Tables in Parquet: the emitter's own files, and the pieces the dataset of a batch is built from.

::

    {output_dir}/{run_id}_parquet/<table>/part-00000.parquet    parts, each whole and readable

pyarrow is loaded when a sink is opened or a table written, never on import.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ecosim.telemetry_errors import OutputError, TelemetryConfigError
from ecosim.telemetry_records import SCHEMA_VERSION
from ecosim.telemetry_tables import TABLES, Column, Rows, columns

#: Rows of a table that are gathered before they are written: of the demo world some 3,000 ticks.
#: The clock does not count, so that the files are a function of the run.
_PART_ROWS: Final = 20_000


def load_pyarrow() -> tuple[Any, Any]:
    """Return the modules ``pyarrow`` and ``pyarrow.parquet``.

    Raises
    ------
    TelemetryConfigError
        pyarrow is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise TelemetryConfigError(
            "Parquet: expected pyarrow to be installed; pip install 'ecosim-telemetry[parquet]'"
        ) from error


def arrow_schema(chosen: Iterable[Column], about: Mapping[str, str] | None = None) -> Any:
    """Return the ``pyarrow.Schema`` of some columns, with unit and meaning beside each.

    Parameters
    ----------
    about : mapping, optional
        Metadata of the whole table; the schema version is added.
    """
    pa, _ = load_pyarrow()
    types = {
        "text": pa.string(),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "integer": pa.int64(),
        "number": pa.float64(),
    }
    fields = [
        pa.field(
            column.name,
            types[column.kind],
            metadata={"unit": column.unit, "meaning": column.meaning},
        )
        for column in chosen
    ]
    metadata = {"ecosim.schema_version": str(SCHEMA_VERSION)} | dict(about or {})
    return pa.schema(fields, metadata=metadata)


class PartWriter:
    """One Parquet file that appears under its name only when it is whole.

    Parameters
    ----------
    path : Path
        Its folder is made; the file is written beside it under a name that readers skip.
    schema : pyarrow.Schema

    Raises
    ------
    OutputError
        The file cannot be written.
    """

    def __init__(self, path: Path, schema: Any) -> None:
        self.path = path
        self._schema = schema
        self._private = path.with_name(f".{path.name}.partial")
        self._pa, pq = load_pyarrow()
        coded = [f.name for f in schema if self._pa.types.is_dictionary(f.type)]
        with _output(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(
                self._private,
                schema,
                compression="zstd",
                use_dictionary=coded,
                write_statistics=True,
            )

    def write(self, lists: Mapping[str, list[Any]]) -> None:
        """Append rows, as one row group."""
        with _output(self.path):
            self._writer.write_table(self._pa.table(dict(lists), schema=self._schema))

    def publish(self) -> None:
        """Finish the file, bring it to the disk, and give it its name."""
        with _output(self.path):
            self._writer.close()
            with self._private.open("rb+") as file:
                os.fsync(file.fileno())
            self._private.replace(self.path)

    def discard(self) -> None:
        """Give the file up."""
        with _output(self.path):
            self._writer.close()
            self._private.unlink(missing_ok=True)


class ParquetSink:
    """The tables of one run, in parts that can be read as soon as they appear.

    Takes the lines that the core writes, so both formats come from the same text. A part is written
    when :data:`_PART_ROWS` rows have gathered, on :meth:`flush` and on :meth:`close`; after a kill
    everything up to the last part is there. The row of ``runs`` is there from the start, and is
    written again with the end.

    Parameters
    ----------
    output_dir : Path
    run_id : str
    variables : sequence of str
        State variables of the ``species`` table.
    events : bool
        Whether there is an event log.
    overwrite : bool
        Whether the folder of an earlier run may be added to after its parts were removed.

    Raises
    ------
    TelemetryConfigError
        pyarrow is not installed.
    OutputError
        An earlier run's folder is there.
    """

    def __init__(
        self,
        output_dir: Path,
        run_id: str,
        *,
        variables: tuple[str, ...],
        events: bool = True,
        overwrite: bool = False,
    ) -> None:
        load_pyarrow()
        self._root = output_dir / f"{run_id}_parquet"
        self._variables = variables
        self._events = events
        self._parts = dict.fromkeys(TABLES, 0)
        self._rows: Rows | None = None
        self._parameters: list[Column] = []
        with _output(self._root):
            if self._root.is_symlink() or (self._root.exists() and not overwrite):
                raise OutputError(
                    f"{self._root}: expected no folder of this name, but an earlier run's is "
                    "there; choose another run_id or output_dir, or set overwrite"
                )
            for table in TABLES:
                for part in sorted((self._root / table).glob("part-*.parquet")):
                    part.unlink()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folder of the tables."""
        return (self._root,)

    def write_telemetry(self, lines: bytes) -> None:
        """Take lines of the telemetry stream."""
        for line in lines.splitlines():
            record = json.loads(line)
            if record["record"] == "config":
                self._parameters = [_parameter(*item) for item in record["parameters"].items()]
                names = [column.name for column in self._parameters]
                self._rows = Rows(self._variables, names)
                self._rows.add(record)
                self._write_part("runs", self._rows.unfinished())
            else:
                self._add(record)

    def write_events(self, lines: bytes) -> None:
        """Take lines of the event log."""
        if self._events:
            for line in lines.splitlines():
                self._add(json.loads(line))

    def _add(self, record: Mapping[str, Any]) -> None:
        if self._rows is None:
            raise OutputError(f"{self._root}: expected a config record first")
        self._rows.add(record)
        if max(map(self._rows.count, TABLES)) >= _PART_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write a part of every table that has rows."""
        if self._rows is None:
            return
        for table in TABLES:
            if self._rows.count(table):
                self._write_part(table, self._rows.take(table))

    def _write_part(self, table: str, rows: Mapping[str, list[Any]]) -> None:
        chosen = columns(table, variables=self._variables, parameters=self._parameters)
        # The one row of the run takes the place of what was known when it started.
        number = 0 if table == "runs" else self._parts[table]
        path = self._root / table / f"part-{number:05d}.parquet"
        part = PartWriter(path, arrow_schema(chosen, {"ecosim.table": table}))
        part.write(rows)
        part.publish()
        self._parts[table] += 1

    def close(self) -> None:
        """Write what is left, and an empty part of a table that had no rows."""
        self.flush()
        if self._rows is not None:
            for table in [table for table, parts in self._parts.items() if not parts]:
                self._write_part(table, self._rows.take(table))


def _parameter(path: str, value: Any) -> Column:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Column(path, "number" if number else "category", "", "set by the batch")


class _output:
    """Turn what pyarrow and the system raise while writing into an OutputError with the path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, OSError) and not isinstance(error, OutputError):
            raise OutputError(f"{self._path}: could not write: {error}") from error
