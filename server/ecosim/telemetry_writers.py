"""The files of a run: created exclusively, written by whole lines, left valid by any failure.

::

    {output_dir}/{run_id}_telemetry.jsonl    one config line, samples, one end line
    {output_dir}/{run_id}_events.jsonl       batches of events
    {output_dir}/{run_id}_parquet/           tables instead or beside (telemetry_parquet)
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ecosim.telemetry_config import TelemetryConfig
from ecosim.telemetry_errors import OutputError
from ecosim.telemetry_parquet import ParquetSink


def telemetry_path(output_dir: Path, run_id: str) -> Path:
    """Return the path of the file with the config, the samples and the end of a run."""
    return output_dir / f"{run_id}_telemetry.jsonl"


def events_path(output_dir: Path, run_id: str) -> Path:
    """Return the path of the event log of a run."""
    return output_dir / f"{run_id}_events.jsonl"


class LineFile:
    """A new file that only ever holds whole lines, as far as this process can see to it.

    Parameters
    ----------
    path : Path
        Created; it must not exist, not even as a link.
    overwrite : bool
        Whether a file of that name is replaced.

    Raises
    ------
    OutputError
        It exists and may not be replaced, or cannot be created.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self._length = 0
        try:
            if overwrite:
                path.unlink(missing_ok=True)
            # Mode x never follows a link, so nothing outside the folder can be written.
            self._file = path.open("xb", buffering=0)
        except FileExistsError as error:
            raise OutputError(
                f"{path}: expected no file of this name, but an earlier run's is there; choose "
                "another run_id or output_dir, or set overwrite"
            ) from error
        except OSError as error:
            raise OutputError(f"{path}: could not create the file: {_reason(error)}") from error

    def write(self, lines: bytes) -> None:
        """Append whole lines; on failure the file ends with the last line that fitted.

        Raises
        ------
        OutputError
            The disk is full, the file was removed, or the write failed otherwise.
        """
        view = memoryview(lines)
        try:
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise OutputError(f"{self.path}: the file was removed while the run was writing it")
            while view:
                view = view[self._file.write(view) or 0 :]
        except OutputError:
            raise
        except (OSError, ValueError) as error:
            self._cut(lines, len(lines) - len(view))
            raise OutputError(f"{self.path}: could not write: {_reason(error)}") from error
        self._length += len(lines)

    def close(self) -> None:
        """Bring the file to the disk and close it; a second call does nothing."""
        if self._file.closed:
            return
        try:
            with self._file:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"{self.path}: could not close: {_reason(error)}") from error

    def _cut(self, lines: bytes, written: int) -> None:
        """Take the part of a line off the end of the file."""
        whole = lines.rfind(b"\n", 0, written) + 1
        self._length += whole
        with contextlib.suppress(OSError, ValueError):
            os.ftruncate(self._file.fileno(), self._length)
            self._file.seek(self._length)


class Sink(Protocol):
    """Where the emitter's lines go: whole lines in, and :meth:`close` on every way out."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files or folders it writes."""

    def write_telemetry(self, lines: bytes) -> None:
        """Take lines of the telemetry stream, the config record first."""

    def write_events(self, lines: bytes) -> None:
        """Take lines of the event log."""

    def flush(self) -> None:
        """Make everything taken so far readable."""

    def close(self) -> None:
        """Finish; a second call does nothing."""


class JsonlSink:
    """The two files of a run in JSON lines.

    Parameters
    ----------
    output_dir : Path
        Made when it is missing.
    run_id : str
        Checked by the caller (:func:`ecosim.telemetry_config.check_run_id`).
    events : bool
        Whether there is an event log.
    overwrite : bool
        Whether the files of an earlier run are replaced.

    Raises
    ------
    OutputError
        The folder or a file cannot be made; then neither file of this run is left behind.
    """

    def __init__(
        self, output_dir: Path, run_id: str, *, events: bool = True, overwrite: bool = False
    ) -> None:
        try:
            output_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"telemetry.output_dir: expected a folder that can be made or written, "
                f"got {str(output_dir)!r}: {_reason(error)}"
            ) from error
        self._telemetry = LineFile(telemetry_path(output_dir, run_id), overwrite=overwrite)
        self._events: LineFile | None = None
        if events:
            try:
                self._events = LineFile(events_path(output_dir, run_id), overwrite=overwrite)
            except OutputError:
                self._telemetry.close()
                self._telemetry.path.unlink()
                raise

    @property
    def paths(self) -> tuple[Path, ...]:
        """The telemetry file and, where there is one, the event log."""
        files = (self._telemetry, self._events)
        return tuple(file.path for file in files if file is not None)

    def write_telemetry(self, lines: bytes) -> None:
        """Append lines to the telemetry file."""
        if lines:
            self._telemetry.write(lines)

    def write_events(self, lines: bytes) -> None:
        """Append lines to the event log."""
        if lines and self._events is not None:
            self._events.write(lines)

    def flush(self) -> None:
        """Do nothing: lines are in the file as soon as they are written."""

    def close(self) -> None:
        """Bring both files to the disk and close them, the second even if the first fails."""
        try:
            if self._events is not None:
                self._events.close()
        finally:
            self._telemetry.close()


class Tee:
    """Several sinks as one."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files and folders of every sink."""
        return tuple(path for sink in self._sinks for path in sink.paths)

    def write_telemetry(self, lines: bytes) -> None:
        """Pass the lines to every sink."""
        for sink in self._sinks:
            sink.write_telemetry(lines)

    def write_events(self, lines: bytes) -> None:
        """Pass the lines to every sink."""
        for sink in self._sinks:
            sink.write_events(lines)

    def flush(self) -> None:
        """Flush every sink."""
        for sink in self._sinks:
            sink.flush()

    def close(self) -> None:
        """Close every sink, the others even if one fails."""
        with contextlib.ExitStack() as stack:
            for sink in self._sinks:
                stack.callback(sink.close)


def open_sink(config: TelemetryConfig, run_id: str) -> Sink:
    """Return the sink for the formats of a config; nothing is left behind when one cannot open.

    Raises
    ------
    TelemetryConfigError
        ``parquet`` is asked for and pyarrow is not installed.
    OutputError
        The folder or a file cannot be made, or an earlier run's is in the way.
    """
    folder = Path(config.output_dir).absolute()  # a host may change its working folder
    formats = (config.format,) if isinstance(config.format, str) else config.format
    sinks: list[Sink] = []
    # Parquet first: it makes no file until it has rows.
    if "parquet" in formats:
        sinks.append(
            ParquetSink(
                folder,
                run_id,
                variables=config.variables,
                events=config.events,
                overwrite=config.overwrite,
            )
        )
    if "jsonl" in formats:
        sinks.append(JsonlSink(folder, run_id, events=config.events, overwrite=config.overwrite))
    return sinks[0] if len(sinks) == 1 else Tee(sinks)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
