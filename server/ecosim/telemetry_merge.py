"""Merge the telemetry of parts of one world: tiles that run in processes of their own.

Each part has an emitter and a run id of its own. :func:`merge_files` reads the files of all parts
and writes those of the whole; the functions below it do the same record by record, for a program
that has the records at hand. ``docs/merging.md`` says what the host of a tile has to see to.

::

    merge_files(
        ["out/west_telemetry.jsonl", "out/east_telemetry.jsonl"],
        "out", run_id="world", dimensions=(32, 32, 32),
    )
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ecosim.telemetry_errors import MergeError, OutputError
from ecosim.telemetry_merge_events import merge_events
from ecosim.telemetry_merge_runs import cells_of, merge_configs, merge_ends
from ecosim.telemetry_merge_samples import merge_samples
from ecosim.telemetry_records import line
from ecosim.telemetry_values import describe
from ecosim.telemetry_writers import JsonlSink, events_path, telemetry_path

__all__ = [
    "MergeError",
    "MergedFiles",
    "cells_of",
    "merge_configs",
    "merge_ends",
    "merge_events",
    "merge_files",
    "merge_samples",
]


class MergedFiles(NamedTuple):
    """What :func:`merge_files` wrote; ``events_path`` is None where the parts kept no log.

    ``has_ended`` is False where a part has no ``end`` record: then the whole has none either.
    """

    telemetry_path: Path
    events_path: Path | None
    tick: int
    samples: int
    events: int
    has_ended: bool


def merge_files(
    parts: Sequence[str | os.PathLike[str]],
    output_dir: str | os.PathLike[str],
    *,
    run_id: str,
    dimensions: Sequence[int] | None = None,
    cells: Sequence[int | None] | None = None,
    allow_short: bool = False,
    overwrite: bool = False,
) -> MergedFiles:
    """Merge the files of the parts of a world into the files of the whole.

    Parameters
    ----------
    parts : sequence of path
        The telemetry file of each part, ``<run_id>_telemetry.jsonl``; its event log is looked for
        beside it. Their order is that of the parts' events within a tick, and decides nothing else
        but whose ``software`` the whole shows.
    output_dir : path
        Folder of the merged files; made when it is missing.
    run_id : str
        Of the whole; no part's.
    dimensions : sequence of 3 int, optional
        Cells of the whole grid along x, y and z, for the config record.
    cells : sequence of int or None, optional
        Cells of each part's grid, where a config record does not state its ``grid_dimensions``.
    allow_short : bool
        Whether a part may have ended before the others or have no end: the whole then reaches to
        the last tick that all parts have sampled.
    overwrite : bool
        Whether files of an earlier merge may be replaced.

    Returns
    -------
    MergedFiles

    Raises
    ------
    MergeError
        A file cannot be read, or the files are not of parts of one world.
    OutputError
        The merged files cannot be written, or are there already.

    Notes
    -----
    Two lines of each file are held at a time. Both files appear when they are complete. A last line
    that was cut short is left out, as in a run that died.
    """
    sources = [Path(part) for part in parts]
    if not sources:
        raise MergeError("parts: expected one telemetry file or more, got none")
    logs = [_events_beside(source) for source in sources]
    folder = Path(output_dir).absolute()
    targets = telemetry_path(folder, run_id), events_path(folder, run_id)
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(contextlib.closing(_Part(source))) for source in sources]
        configs = [reader.config for reader in readers]
        config = merge_configs(configs, run_id=run_id, dimensions=dimensions)
        has_events = _all_or_none(logs)
        _check_targets(targets, [*sources, *logs], overwrite=overwrite)
        draft_id = f".{run_id}.merging"  # complete files alone get the name of the run
        sink = JsonlSink(folder, draft_id, events=has_events, overwrite=True)
        stack.callback(_discard, sink)
        sink.write_telemetry(_line(config))
        first, last, samples = _merge_samples(
            readers,
            sink,
            cells=[cells_of(one) for one in configs] if cells is None else cells,
            variables=config["variables"],
            run_id=run_id,
            allow_short=allow_short,
        )
        batches = [_batches(log, reader) for log, reader in zip(logs, readers, strict=True)]
        events = dropped = 0
        for batch in merge_events(
            batches if has_events else [], run_id=run_id, first_tick=first + 1, last_tick=last
        ):
            events += batch["count"]
            dropped += sum(batch.get("dropped", {}).values())
            sink.write_events(_line(batch))
        ends = [reader.end() for reader in readers]
        if None in ends and not allow_short:
            path = readers[ends.index(None)].path
            raise MergeError(
                f"{path}: expected an end record, got none: the run did not finish; allow_short "
                "merges what all parts have"
            )
        known = [end for end in ends if end is not None]
        if len(known) == len(ends):
            counts = {"tick": last, "samples": samples, "events": events, "events_dropped": dropped}
            sink.write_telemetry(_line(_end(known, run_id, counts, allow_short=allow_short)))
        sink.close()
        try:
            for draft, target in zip(sink.paths, targets, strict=False):
                draft.replace(target)
        except OSError as error:
            raise OutputError(f"{target}: could not write: {error.strerror}") from error
    return MergedFiles(
        telemetry_path=targets[0],
        events_path=targets[1] if has_events else None,
        tick=last,
        samples=samples,
        events=events,
        has_ended=None not in ends,
    )


def _merge_samples(
    readers: Sequence[_Part],
    sink: JsonlSink,
    *,
    cells: Sequence[int | None],
    variables: Sequence[str],
    run_id: str,
    allow_short: bool,
) -> tuple[int, int, int]:
    """Write the merged samples; return the first and the last tick sampled, and how many were."""
    first = last = None
    samples = 0
    while True:
        found = [reader.sample() for reader in readers]
        ended = [reader for reader, sample in zip(readers, found, strict=True) if sample is None]
        if len(ended) == len(readers):
            break
        present = [sample for sample in found if sample is not None]
        latest = max(sample["tick"] for sample in present)
        # A run that ends early takes its last sample at whatever tick it has come to.
        behind = [
            reader
            for reader, sample in zip(readers, found, strict=True)
            if sample is not None and sample["tick"] < latest and not reader.has_sample
        ]
        short = [*ended, *behind]
        if short:
            if not allow_short:
                raise MergeError(
                    f"{short[0].path}: expected a sample of tick {latest} as in the other parts, "
                    f"{short[0].ending()}; allow_short merges what all parts have"
                )
            break
        merged = merge_samples(present, cells=cells, variables=variables, run_id=run_id)
        sink.write_telemetry(_line(merged))
        last = merged["tick"]
        first = last if first is None else first
        samples += 1
    if first is None or last is None:
        raise MergeError(f"{readers[0].path}: expected a sample that all parts have, there is none")
    return first, last, samples


def _end(
    parts: Sequence[Mapping[str, Any]], run_id: str, counts: dict[str, int], *, allow_short: bool
) -> dict[str, Any]:
    """Return the end record of the whole, whose files hold so much."""
    end = merge_ends(parts, run_id=run_id, is_short=allow_short)
    if allow_short and any(part["tick"] != counts["tick"] for part in parts):
        return end | counts
    for key, count in counts.items():
        if end[key] != count:
            raise MergeError(
                f"{key}: expected {end[key]}, as the end records of the parts say, got {count} "
                "from their files"
            )
    return end


class _Part:
    """The telemetry file of one part, a record at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._records = _read(path)
        config = next(self._records, None)
        if config is None or config.get("record") != "config":
            raise MergeError(f"{path}: expected a config record in the first line, got none")
        self.config = config
        self._following = next(self._records, None)

    def close(self) -> None:
        """Close the file."""
        self._records.close()

    @property
    def has_sample(self) -> bool:
        """Whether another sample follows."""
        return self._following is not None and self._following.get("record") == "sample"

    def sample(self) -> dict[str, Any] | None:
        """Return the next sample; None when there is no more."""
        if not self.has_sample:
            return None
        found, self._following = self._following, next(self._records, None)
        if found is not None and type(found.get("tick")) is not int:
            raise MergeError(
                f"{self.path}: sample.tick: expected a count, got {describe(found.get('tick'))}"
            )
        return found

    def end(self) -> dict[str, Any] | None:
        """Pass over what is left; return the end record, None where the run has none."""
        while self.has_sample:
            self.sample()
        end = self._following
        if end is not None and (end.get("record") != "end" or next(self._records, None)):
            raise MergeError(
                f"{self.path}: expected samples and then one end record, "
                f"got a record {describe(end.get('record'))} among them"
            )
        return end

    def ending(self) -> str:
        """Return in words what comes in place of a sample."""
        end = self.end()
        if end is None:
            return "got none: the run did not finish"
        return f"got the end of the run, which {end.get('status')} at tick {end.get('tick')}"


def _read(path: Path) -> Generator[dict[str, Any]]:
    """Yield the records of a file of lines; a last line that was cut short is left out."""
    try:
        with path.open("rb") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    return
                try:
                    record = json.loads(text)
                except (ValueError, RecursionError):
                    record = None
                if not isinstance(record, dict):
                    raise MergeError(f"{path}, line {number}: expected a JSON object, got none")
                yield record
    except OSError as error:
        reason = error.strerror or error
        raise MergeError(f"{path}: expected a file that can be read: {reason}") from error


def _line(record: Mapping[str, Any]) -> bytes:
    """Return a record as a line of JSON."""
    try:
        return line(record)
    except ValueError as error:
        raise MergeError(
            f"{record['record']}: expected finite numbers in the records of the parts, got others"
        ) from error


def _batches(log: Path, part: _Part) -> Iterator[dict[str, Any]]:
    """Yield the batches of events of a part."""
    for batch in _read(log):
        if batch.get("run_id") != part.config["run_id"]:
            raise MergeError(
                f"{log}: expected events of run {part.config['run_id']}, "
                f"got {describe(batch.get('run_id'))}"
            )
        yield batch


def _events_beside(telemetry: Path) -> Path:
    """Return the path of the event log beside a telemetry file."""
    ending = telemetry_path(Path(), "").name
    if not telemetry.name.endswith(ending):
        raise MergeError(f"{telemetry}: expected a file named <run_id>{ending}")
    return events_path(telemetry.parent, telemetry.name.removesuffix(ending))


def _all_or_none(logs: Sequence[Path]) -> bool:
    """Return whether there are event logs; parts with and without do not go together."""
    there = [log for log in logs if log.exists()]
    if there and len(there) < len(logs):
        missing = next(log for log in logs if log not in there)
        raise MergeError(f"{missing}: expected an event log as of {there[0].name}, there is none")
    return bool(there)


def _check_targets(targets: Sequence[Path], used: Sequence[Path], *, overwrite: bool) -> None:
    taken = {path.resolve() for path in used}
    for target in targets:
        if target.resolve() in taken:
            raise MergeError(f"{target}: expected a name that no part's file has; choose a run_id")
        if os.path.lexists(target) and not overwrite:
            raise OutputError(
                f"{target}: expected no file of this name, but there is one; choose another "
                "run_id or output_dir, or set overwrite"
            )


def _discard(sink: JsonlSink) -> None:
    """Close the drafts and remove what is left of them: nothing, when all went well."""
    with contextlib.suppress(OutputError):
        sink.close()
    for path in sink.paths:
        path.unlink(missing_ok=True)
