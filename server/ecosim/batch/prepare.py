"""A batch before its first run: everything checked, then the folder written."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from ecosim.batch.design import make_design
from ecosim.batch.fit import check_fit, world_bytes
from ecosim.batch.hashes import sha256
from ecosim.batch.layout import BatchLayout, sync_path, write_whole
from ecosim.batch.ledger import Ledger, lock_batch
from ecosim.batch.options import BatchSettings
from ecosim.batch.plan import (
    BatchPlan,
    batch_versions,
    make_plan,
    read_plan,
    write_plan,
)
from ecosim.batch.rows import Design, Row, read_design
from ecosim.batch.samplers import Sampler, block_size, size_warning
from ecosim.batch.space import Space, load_space
from ecosim.batch.table import read_table
from ecosim.errors import BatchFolderError, SpaceError
from ecosim.telemetry_config import TelemetryConfig


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch whose folder is written."""

    layout: BatchLayout
    plan: BatchPlan
    rows: Design

    def own_rows(self) -> Iterator[Row]:
        """Yield the rows this folder runs: all of the design, or those of its shard."""
        return (self.rows[index] for index in self.own_indices())

    def own_indices(self) -> list[int]:
        """Return the indices of the rows this folder runs."""
        return [index for index in range(len(self.rows)) if self.plan.runs_row(index)]


class BatchWarning(UserWarning):
    """Something about a batch that deserves a second thought."""


def create_batch(settings: BatchSettings, out: str | Path) -> Batch:
    """Check the settings, sample the design and write the folder; nothing runs yet.

    Parameters
    ----------
    settings : BatchSettings
    out : path
        The batch folder: new or empty, or what an attempt left that ended before its plan.

    Raises
    ------
    SpaceError
        The space has mistakes or does not fit the world; all of them, one a line.
    WorldError
        The world has mistakes, or the seed is no integer of 64 bits.
    TelemetryConfigError
        The world's ``telemetry.interval`` is out of its range.
    BatchFolderError
        The folder is in use or cannot be written.

    Warns
    -----
    BatchWarning
        The sample size does not suit the sampler.
    """
    from ecosim.engine.randomness import choose_seed
    from ecosim.engine.world import load_world

    layout = BatchLayout(out)
    refuse_used_folder(layout)
    choose_seed(settings.seed, None)
    design = _design(settings)
    # The loader sees the file itself first: it names mistakes that parsing would hide.
    load_world(settings.world)
    content = world_bytes(settings.world)
    world = json.loads(content)
    plan = make_plan(
        sampler=design.sampler,
        n=design.n,
        seed=settings.seed,
        seed_mode=settings.seed_mode,
        design_sha256=design.rows.sha256(),
        space=design.space,
        world=str(settings.world),
        world_sha256=sha256(content),
        ticks=settings.ticks,
        interval=_interval(settings, world),
        engine=settings.engine,
        shard=settings.shard,
    )
    rows = design.rows.with_ids(plan.batch_id)
    check_fit(plan.space, rows, world)
    if warning := size_warning(plan.sampler, plan.n):
        warnings.warn(warning, BatchWarning, stacklevel=2)
    batch = Batch(layout, plan, rows)
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BatchFolderError(f"{layout.root}: expected a folder to write to, {error}") from error
    with lock_batch(layout):
        refuse_used_folder(layout)
        try:
            # The lock file comes first: a folder with it and without a plan was never finished.
            sync_path(layout.root)
            layout.runs.mkdir(exist_ok=True)
            write_whole(layout.world, content)
            write_whole(layout.design, rows.lines())
            write_plan(layout, plan)
            sync_path(layout.root.absolute().parent)
        except OSError as error:
            discard_batch(batch)
            raise BatchFolderError(
                f"{layout.root}: expected a folder to write to, {error}"
            ) from error
        except BaseException:
            discard_batch(batch)
            raise
    return batch


def _interval(settings: BatchSettings, world: Mapping[str, Any]) -> int:
    """Return the ticks between samples: those stated, else the world's own, else the default."""
    if settings.interval is not None:
        return settings.interval
    own = world.get("telemetry") or {}
    # Of a world's block this one setting is the batch's matter here; an engine may know others.
    return TelemetryConfig.from_mapping({k: own[k] for k in ("interval",) if k in own}).interval


class _Chosen(NamedTuple):
    """A design whose runs have no ids yet."""

    sampler: Sampler
    n: int
    space: Space
    rows: Design


def _design(settings: BatchSettings) -> _Chosen:
    """Sample the space of the settings, or read their table."""
    space = load_space(settings.space)
    if settings.design is not None:
        table = read_table(settings.design, space)
        rows = table.rows(settings.seed, settings.seed_mode)
        return _Chosen("table", len(rows), table.space, rows)
    rows = make_design(space, settings.sampler, settings.n, settings.seed, settings.seed_mode)
    return _Chosen(settings.sampler, settings.n, space, rows)


def discard_batch(batch: Batch) -> None:
    """Remove what :func:`create_batch` wrote, for a batch that turned out unable to start."""
    layout = batch.layout
    for path in (layout.batch, layout.design, layout.world, layout.lock):
        with contextlib.suppress(OSError):
            path.unlink()
    for folder in (layout.runs, layout.root):
        with contextlib.suppress(OSError):
            folder.rmdir()


def open_batch(out: str | Path) -> Batch:
    """Open a batch folder that is there.

    Raises
    ------
    BatchFolderError
        It holds no batch, or its world or design is not the one of its plan.
    """
    layout = BatchLayout(out)
    plan = read_plan(layout)
    try:
        digest = sha256(layout.world.read_bytes())
    except OSError as error:
        raise BatchFolderError(f"{layout.world}: expected the batch's world, {error}") from error
    if digest != plan.world_sha256:
        raise BatchFolderError(
            f"{layout.world}: expected the world with sha256 {plan.world_sha256}, got {digest}"
        )
    rows = read_design(layout.design)
    count = plan.n * block_size(plan.space, plan.sampler)
    if len(rows) < count:
        raise BatchFolderError(f"{layout.design}: expected {count} rows, got {len(rows)}")
    # An extension that was cut short has written its design and not yet its plan.
    rows = rows[:count]
    if rows.sha256() != plan.design_sha256:
        raise BatchFolderError(f"{layout.design}: expected the batch's design, it was changed")
    return Batch(layout, plan, rows)


def extended_batch(batch: Batch, more: int) -> Batch:
    """Return a batch whose Sobol sequence goes on; nothing is written yet.

    The first runs stay what they are.

    Parameters
    ----------
    batch : Batch
    more : int
        Runs to add, at least 1.

    Raises
    ------
    SpaceError
        The sampler's designs do not continue.
    BatchFolderError
        This installation samples other points than the one that began the batch.
    """
    if batch.plan.sampler != "sobol":
        raise SpaceError(
            f"--extend: expected a sobol batch, got {batch.plan.sampler}: a larger design of that "
            "sampler does not begin with the smaller one"
        )
    plan = replace(batch.plan, n=batch.plan.n + more)
    points = make_design(plan.space, plan.sampler, plan.n, plan.seed, plan.seed_mode)
    plan = replace(plan, design_sha256=points.sha256())
    rows = points.with_ids(plan.batch_id)
    if rows[: len(batch.rows)].sha256() != batch.plan.design_sha256:
        raise BatchFolderError(
            f"{batch.layout.design}: expected the points this installation samples, it has others: "
            "extend it with the versions it was begun with"
        )
    if warning := size_warning(plan.sampler, plan.n):
        warnings.warn(warning, BatchWarning, stacklevel=2)
    return Batch(batch.layout, plan, rows)


def write_extension(batch: Batch) -> None:
    """Write what :func:`extended_batch` returned.

    Raises
    ------
    BatchFolderError
        Another coordinator has the batch, or has extended it meanwhile, or it cannot be written.
    """
    try:
        with Ledger(batch.layout):
            now = read_plan(batch.layout).n
            if now >= batch.plan.n:
                raise BatchFolderError(
                    f"{batch.layout.batch}: expected fewer than {batch.plan.n} runs, another "
                    f"command has made it {now}"
                )
            write_whole(batch.layout.design, batch.rows.lines())
            write_plan(batch.layout, batch.plan)
    except BatchFolderError:
        raise
    except OSError as error:
        raise BatchFolderError(f"{batch.layout.root}: expected to write it, {error}") from error


def differences(plan: BatchPlan, given: Mapping[str, Any]) -> list[str]:
    """Return how given settings and this installation differ from a batch's plan, one line each.

    Parameters
    ----------
    given : mapping
        Names of :class:`BatchSettings` to values; only those that were stated.
    """
    lines = []
    for field in fields(BatchSettings):
        if field.name not in given:
            continue
        value = given[field.name]
        if field.name == "world":
            same = sha256(world_bytes(value)) == plan.world_sha256
        elif field.name == "space":
            # Of a table it gives the units alone.
            same = plan.sampler == "table" or load_space(value).parameters == plan.space.parameters
        elif field.name == "design":
            rows = read_table(value).rows(plan.seed, plan.seed_mode)
            same = rows.sha256() == plan.design_sha256
        else:
            same = value == getattr(plan, field.name)
        if not same:
            named = field.name in ("space", "design")
            kept = plan.space.name if named else getattr(plan, field.name)
            lines.append(f"{field.name}: the batch has {kept}, got {value}")
    versions = batch_versions(plan.engine)
    for package in sorted(plan.versions.keys() | versions.keys()):
        planned, present = plan.versions.get(package), versions.get(package)
        if planned != present:
            lines.append(f"version of {package}: the batch has {planned}, here is {present}")
    return lines


def refuse_used_folder(layout: BatchLayout) -> None:
    """Raise BatchFolderError unless the folder is new or empty.

    What a batch left that ended before its plan was written counts as nothing.
    """
    try:
        if layout.batch.exists():
            raise BatchFolderError(
                f"{layout.root}: expected a new or empty folder, it holds a batch; "
                "--resume continues it"
            )
        if layout.root.exists() and not layout.is_unplanned():
            raise BatchFolderError(
                f"{layout.root}: expected a new or empty folder, it has files; choose another"
            )
    except NotADirectoryError as error:
        raise BatchFolderError(f"{layout.root}: expected a folder, it is a file") from error
    except PermissionError as error:
        raise BatchFolderError(f"{layout.root}: expected a folder to write to, {error}") from error
