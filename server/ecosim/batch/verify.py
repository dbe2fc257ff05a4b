"""Look at a finished batch again: hash its files, and make single runs anew beside it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecosim.batch.child import Child, ChildEndedError
from ecosim.batch.execution import content_mark, is_done, read_mark
from ecosim.batch.layout import BatchLayout
from ecosim.batch.prepare import Batch
from ecosim.batch.rows import Row
from ecosim.errors import BatchError, BatchFolderError


def find_row(batch: Batch, run_id: str) -> Row:
    """Return the row of a run.

    Raises
    ------
    BatchError
        The design has no such run.
    """
    for row in batch.rows:
        if row.run_id == run_id:
            return row
    first, last = batch.rows[0].run_id, batch.rows[-1].run_id
    raise BatchError(f"run {run_id!r}: expected one of {first} to {last}")


def damaged_runs(batch: Batch) -> Iterator[tuple[str, str]]:
    """Yield the id of each finished run whose files are not those of its mark, and what differs."""
    for row in batch.rows:
        if damage := run_damage(batch.layout, row):
            yield row.run_id, damage


def run_damage(layout: BatchLayout, row: Row) -> str | None:
    """Return how the files of a finished run differ from its mark; None if they do not."""
    try:
        mark = read_mark(layout, row.run_id)
    except BatchFolderError as error:
        return str(error)
    if mark is None:
        return None
    try:
        found = content_mark(row, layout.run(row.run_id))
    except (OSError, ValueError) as error:
        return f"expected files that can be read, {error}"
    if found == mark:
        return None
    told, seen = ({**one["files"], **one.get("snapshots", {})} for one in (mark, found))
    names = sorted(name for name in told.keys() | seen.keys() if told.get(name) != seen.get(name))
    return f"expected the content of the mark, {', '.join(names) or 'it'} differs"


def some_finished(batch: Batch, count: int, chance: random.Random) -> list[Row]:
    """Return at most so many rows of finished runs, by chance, in the order of the design."""
    rows = [row for row in batch.rows if is_done(batch.layout, row.run_id)]
    return sorted(chance.sample(rows, min(count, len(rows))), key=lambda row: row.index)


def rerun(layout: BatchLayout, row: Row, folder: Path) -> dict[str, Any]:
    """Make one run of a batch again, into ``folder/<run_id>/``, in a process of its own.

    Returns
    -------
    dict
        Its mark; the same ``content_sha256`` as that in the batch, if the engine is deterministic.

    Raises
    ------
    BatchFolderError
        There is a run of that name in the folder already, or nothing can be written there.
    BatchError
        The run failed; the message ends with the engine's traceback.
    """
    final = folder / row.run_id
    if final.exists():
        raise BatchFolderError(f"{final}: expected a new folder, it is there already")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Asking for permissions would not know a full or read-only disk.
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise BatchFolderError(
            f"{folder}: expected a folder to write to, {error.strerror}"
        ) from error
    child = Child()
    try:
        opened = child.ask({"open": str(layout.root)})
        if "ok" not in opened:
            raise BatchError(str(opened.get("error")))
        reply = child.ask({"run": asdict(row), "apart": str(folder), "owner": ""})
    except ChildEndedError as error:
        raise BatchError(f"{row.run_id}: {error}") from error
    finally:
        child.close()
    if reply.get("status") != "done":
        trace = str(reply.get("traceback", "")).rstrip()
        raise BatchError(f"{row.run_id}: {reply.get('error')}" + (f"\n{trace}" if trace else ""))
    return content_mark(row, final)
