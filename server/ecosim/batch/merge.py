"""Join shards: folders that ran parts of one design become the folder of the whole batch.

Shards share nothing while they run. The joined folder is a batch like any other: what is missing in
it can be made with ``--resume``, and attempts that failed are known to it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from ecosim.batch.execution import publish, read_mark
from ecosim.batch.layout import BatchLayout, sync_path, write_whole
from ecosim.batch.ledger import Ledger, read_ledger
from ecosim.batch.plan import BatchPlan, write_plan
from ecosim.batch.prepare import Batch, discard_batch, refuse_used_folder
from ecosim.errors import BatchFolderError


def merge_batches(shards: list[Batch], into: str | Path) -> Batch:
    """Copy the runs and ledgers of shards into one new folder.

    Parameters
    ----------
    shards : list of Batch
        Folders of one batch, at least one; a row may be in several, its contents then agree.
    into : path
        The joined folder: new or empty.

    Returns
    -------
    Batch

    Raises
    ------
    BatchFolderError
        The folders are of different batches or the joined one is in use or cannot be written; it
        is removed then.
    BatchError
        Two shards made the same run with different contents.
    """
    layout = BatchLayout(into)
    refuse_used_folder(layout)
    first = shards[0]
    for shard in shards[1:]:
        if different := _differences(first.plan, shard.plan):
            raise BatchFolderError(
                f"{shard.layout.root}: expected a shard of the batch in {first.layout.root}, "
                f"{', '.join(different)} differ"
            )
    batch = Batch(layout, replace(first.plan, shard=None), first.rows)
    try:
        layout.runs.mkdir(parents=True, exist_ok=True)
        for shard in shards:
            for row in shard.rows:
                _copy_run(shard.layout, layout, row.run_id)
        with Ledger(layout) as ledger:
            for shard in shards:
                for attempt in read_ledger(shard.layout):
                    ledger.append(attempt)
        write_whole(layout.world, first.layout.world.read_bytes())
        write_whole(layout.design, first.layout.design.read_bytes())
        write_plan(layout, batch.plan)
        sync_path(layout.root.absolute().parent)
    except BaseException as error:
        shutil.rmtree(layout.runs, ignore_errors=True)
        for path in (layout.ledger, layout.lock):
            path.unlink(missing_ok=True)
        discard_batch(batch)
        if isinstance(error, OSError) and not isinstance(error, BatchFolderError):
            raise BatchFolderError(f"{layout.root}: expected to write it, {error}") from error
        raise
    return batch


def _differences(one: BatchPlan, other: BatchPlan) -> list[str]:
    """Return the names of what differs between the plans of two shards."""
    mine, others = replace(one, shard=None).to_json(), replace(other, shard=None).to_json()
    return [key for key in mine if mine[key] != others[key]]


def _copy_run(source: BatchLayout, target: BatchLayout, run_id: str) -> None:
    """Copy one run if it is done, whole or not at all."""
    mark = read_mark(source, run_id)
    if mark is None:
        return
    private = target.partial(run_id)
    shutil.copytree(source.run(run_id), private)
    for path in private.iterdir():
        sync_path(path)
    publish(private, target.run(run_id), mark)
