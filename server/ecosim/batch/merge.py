"""Join shards: folders that ran parts of one design become the folder of the whole batch.

Shards share nothing while they run. The joined folder is a batch like any other: what is missing in
it can be made with ``--resume``, and attempts that failed are known to it.

It is built in a private folder within the one it becomes, whose content is moved up when it is
whole, the plan last. What a killed merge left is no batch, and the next one removes it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ecosim.batch.execution import publish, read_mark
from ecosim.batch.layout import BatchLayout, sync_path, write_whole
from ecosim.batch.ledger import Ledger, lock_batch, read_ledger
from ecosim.batch.plan import BatchPlan, write_plan
from ecosim.batch.prepare import Batch, refuse_used_folder
from ecosim.batch.rows import Row
from ecosim.batch.runner import batch_report
from ecosim.batch.verify import run_damage
from ecosim.errors import BatchError, BatchFolderError

#: Where the joined folder is built, within itself.
_PRIVATE: Final = "merge.partial"
#: Settings whose values are short enough to be told.
_TOLD: Final = (
    "sampler", "n", "seed", "seed_mode", "world", "world_sha256", "ticks", "interval", "engine",
)  # fmt: skip
#: These follow from settings that are told, or may differ.
_PASSED_OVER: Final = ("batch_id", "rows_per_block", "retries")


@dataclass(frozen=True, slots=True)
class Merged:
    """What :func:`merge_batches` made.

    Attributes
    ----------
    batch : Batch
        The joined batch.
    left_out : dict
        Run id to how its files differ from its mark, for runs of which no shard has a sound copy.
    """

    batch: Batch
    left_out: dict[str, str]


def merge_batches(shards: Sequence[Batch], into: str | Path) -> Merged:
    """Copy the runs and ledgers of shards into one new folder.

    Parameters
    ----------
    shards : sequence of Batch
        Folders of one batch, at least one; a row may be in several, its contents then agree. Of a
        run that is damaged in one of them, a sound copy of another is taken.
    into : path
        The joined folder: new or empty, or what a killed merge left.

    Returns
    -------
    Merged

    Raises
    ------
    BatchFolderError
        A folder is given twice, the folders are of different batches, or the joined one is in use
        or cannot be written; it is removed then.
    BatchError
        Two shards made the same run with different contents.
    """
    _refuse_twice(shards)
    first = shards[0]
    for shard in shards[1:]:
        if different := _differences(first.plan, shard.plan):
            lines = "\n".join(f"  {line}" for line in different)
            raise BatchFolderError(
                f"{shard.layout.root}: expected a shard of the batch in {first.layout.root}, "
                f"it differs:\n{lines}"
            )
    layout = BatchLayout(into)
    _refuse_used(layout)
    retries = max(shard.plan.retries for shard in shards)
    plan = replace(first.plan, shard=None, retries=retries)
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        with lock_batch(layout):
            _refuse_used(layout)  # again: until now another may have been at work here
            try:
                _remove(layout)
                private = Batch(BatchLayout(layout.root / _PRIVATE), plan, first.rows)
                left_out = _build(shards, private)
                _move_up(private.layout, layout)
            except BaseException:
                _remove(layout)
                layout.lock.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    layout.root.rmdir()
                raise
    except BatchFolderError:
        raise
    except OSError as error:
        raise BatchFolderError(f"{layout.root}: expected to write it, {error}") from error
    return Merged(Batch(layout, plan, first.rows), left_out)


def _build(shards: Sequence[Batch], joined: Batch) -> dict[str, str]:
    """Write the joined batch; return what is wrong with the runs that are left out of it."""
    first, layout = shards[0], joined.layout
    layout.runs.mkdir(parents=True)
    left_out = {}
    for row in first.rows:
        if damage := _copy_run(shards, row, layout):
            left_out[row.run_id] = damage
    with Ledger(layout) as ledger:
        # A folder may be given beside one that it was joined into.
        joined_attempts = dict.fromkeys(
            attempt for shard in shards for attempt in read_ledger(shard.layout)
        )
        for attempt in joined_attempts:
            ledger.append(attempt)
    for run_id in batch_report(joined).failed:
        _copy_partial(shards, run_id, layout)
    write_whole(layout.world, first.layout.world.read_bytes())
    write_whole(layout.design, first.layout.design.read_bytes())
    write_plan(layout, joined.plan)
    return left_out


def _move_up(private: BatchLayout, layout: BatchLayout) -> None:
    """Move what was built to where it belongs; with the plan, the last of it, it is a batch."""
    for path in (private.runs, private.ledger, private.world, private.design):
        path.rename(layout.root / path.name)
    sync_path(layout.root)
    private.batch.rename(layout.batch)
    sync_path(layout.root)
    shutil.rmtree(private.root, ignore_errors=True)
    sync_path(layout.root.absolute().parent)


def _refuse_twice(shards: Sequence[Batch]) -> None:
    seen: dict[Path, Path] = {}
    for shard in shards:
        root = shard.layout.root
        if (before := seen.setdefault(root.resolve(), root)) is not root:
            raise BatchFolderError(f"{root}: expected each folder once, {before} is the same")


def _refuse_used(layout: BatchLayout) -> None:
    """Raise BatchFolderError unless the folder is new or empty, or what a killed merge left."""
    if not _is_leftover(layout):
        refuse_used_folder(layout)


def _is_leftover(layout: BatchLayout) -> bool:
    if layout.batch.exists() or not (layout.root / _PRIVATE).is_dir():
        return False
    return {path.name for path in layout.root.iterdir()} <= {layout.lock.name, *_parts(layout)}


def _parts(layout: BatchLayout) -> list[str]:
    """Return the names of what a merge makes in the joined folder, the private folder last."""
    paths = (layout.batch, layout.runs, layout.ledger, layout.world, layout.design)
    return [*(path.name for path in paths), _PRIVATE]


def _remove(layout: BatchLayout) -> None:
    """Remove what a merge made in the joined folder; the private folder, which tells, last."""
    for name in _parts(layout):
        path = layout.root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _differences(one: BatchPlan, other: BatchPlan) -> list[str]:
    """Return how the plans of two shards differ, one line each."""
    mine, others = replace(one, shard=None).to_json(), replace(other, shard=None).to_json()
    lines = []
    for key in mine:
        if mine[key] == others[key] or key in _PASSED_OVER:
            continue
        if key == "versions":
            lines += [
                f"version of {package}: {_or_none(mine[key], package)} there, "
                f"{_or_none(others[key], package)} here"
                for package in sorted(mine[key].keys() | others[key].keys())
                if mine[key].get(package) != others[key].get(package)
            ]
        elif key in _TOLD:
            lines.append(f"{key}: {mine[key]} there, {others[key]} here")
        else:
            lines.append(f"{key}: another")
    return lines


def _or_none(versions: dict[str, str], package: str) -> str:
    return versions.get(package, "none")


def _copy_run(shards: Sequence[Batch], row: Row, target: BatchLayout) -> str | None:
    """Copy one run if it is done in a shard, whole or not at all; return what is wrong with it."""
    damage: str | None = None
    sound: tuple[Path, dict[str, Any]] | None = None
    for shard in shards:
        folder = shard.layout.run(row.run_id)
        if wrong := run_damage(shard.layout, row):
            damage = damage or f"{folder}: {wrong}"
            continue
        mark = read_mark(shard.layout, row.run_id)
        if mark is None:
            continue
        if sound is None:
            sound = folder, mark
        elif mark["content_sha256"] != sound[1]["content_sha256"]:
            raise BatchError(
                f"{folder}: expected the content {sound[1]['content_sha256']} of {sound[0]}, got "
                f"{mark['content_sha256']}: the engine is not deterministic"
            )
    if sound is None:
        return damage
    private = target.partial(row.run_id)
    shutil.copytree(sound[0], private)
    for path in private.iterdir():
        sync_path(path)
    publish(private, target.run(row.run_id), sound[1])
    return None


def _copy_partial(shards: Sequence[Batch], run_id: str, target: BatchLayout) -> None:
    """Copy what the last attempt at a failed run left, if anything."""
    for shard in reversed(shards):
        source = shard.layout.partial(run_id)
        if source.is_dir():
            shutil.copytree(source, target.partial(run_id))
            return
