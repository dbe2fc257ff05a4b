"""A batch before its first run: everything checked, then the folder written."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from ecosim.batch.design import make_design
from ecosim.batch.hashes import sha256
from ecosim.batch.layout import BatchLayout, sync_path, write_whole
from ecosim.batch.ledger import Ledger
from ecosim.batch.options import BatchSettings
from ecosim.batch.plan import (
    BatchPlan,
    batch_versions,
    make_plan,
    read_plan,
    write_plan,
)
from ecosim.batch.rows import Row, design_text, read_design
from ecosim.batch.samplers import block_size, size_warning
from ecosim.batch.space import Space, load_space
from ecosim.errors import BatchFolderError, SpaceError, WorldError

#: Distributions whose low and high bounds are values the parameter can take.
_BOUNDED = ("unif", "logunif", "triang", "truncnorm")


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch whose folder is written."""

    layout: BatchLayout
    plan: BatchPlan
    rows: list[Row]

    def own_rows(self) -> list[Row]:
        """Return the rows this folder runs: all of the design, or those of its shard."""
        return [row for row in self.rows if self.plan.runs_row(row.index)]


class BatchWarning(UserWarning):
    """Something about a batch that deserves a second thought."""


def create_batch(settings: BatchSettings, out: str | Path) -> Batch:
    """Check the settings, sample the design and write the folder; nothing runs yet.

    Parameters
    ----------
    settings : BatchSettings
    out : path
        The batch folder: new or empty.

    Raises
    ------
    SpaceError
        The space has mistakes or does not fit the world; all of them, one a line.
    WorldError
        The world has mistakes.
    BatchFolderError
        The folder is in use or cannot be written.

    Warns
    -----
    BatchWarning
        The sample size does not suit the sampler.
    """
    from ecosim.engine.world import load_world

    layout = BatchLayout(out)
    refuse_used_folder(layout)
    space = load_space(settings.space)
    # The loader sees the file itself first: it names mistakes that parsing would hide.
    load_world(settings.world)
    content = world_bytes(settings.world)
    plan = make_plan(
        sampler=settings.sampler,
        n=settings.n,
        seed=settings.seed,
        seed_mode=settings.seed_mode,
        space=space,
        world=str(settings.world),
        world_sha256=sha256(content),
        ticks=settings.ticks,
        interval=settings.interval,
        engine=settings.engine,
        shard=settings.shard,
    )
    rows = plan_rows(plan)
    check_fit(space, rows, json.loads(content))
    if warning := size_warning(plan.sampler, plan.n):
        warnings.warn(warning, BatchWarning, stacklevel=2)
    batch = Batch(layout, plan, rows)
    try:
        layout.runs.mkdir(parents=True, exist_ok=True)
        write_whole(layout.world, content)
        write_whole(layout.design, design_text(rows).encode())
        write_plan(layout, plan)
        sync_path(layout.root.absolute().parent)
    except OSError as error:
        discard_batch(batch)
        raise BatchFolderError(f"{layout.root}: expected a folder to write to, {error}") from error
    except BaseException:
        discard_batch(batch)
        raise
    return batch


def discard_batch(batch: Batch) -> None:
    """Remove what :func:`create_batch` wrote, for a batch that turned out unable to start."""
    layout = batch.layout
    for path in (layout.batch, layout.design, layout.world):
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
    return Batch(layout, plan, rows[:count])


def extend_batch(batch: Batch, more: int) -> Batch:
    """Let the Sobol sequence of a batch go on; its first runs stay what they are.

    Parameters
    ----------
    batch : Batch
        One that no coordinator has open.
    more : int
        Runs to add, at least 1.

    Raises
    ------
    SpaceError
        The sampler's designs do not continue.
    BatchFolderError
        This installation samples other points than the one that began the batch, another
        coordinator has the batch, or it cannot be written.
    """
    if batch.plan.sampler != "sobol":
        raise SpaceError(
            f"--extend: expected a sobol batch, got {batch.plan.sampler}: a larger design of that "
            "sampler does not begin with the smaller one"
        )
    plan = replace(batch.plan, n=batch.plan.n + more)
    rows = plan_rows(plan)
    if rows[: len(batch.rows)] != batch.rows:
        raise BatchFolderError(
            f"{batch.layout.design}: expected the points this installation samples, it has others: "
            "extend it with the versions it was begun with"
        )
    try:
        with Ledger(batch.layout):
            write_whole(batch.layout.design, design_text(rows).encode())
            write_plan(batch.layout, plan)
    except BatchFolderError:
        raise
    except OSError as error:
        raise BatchFolderError(f"{batch.layout.root}: expected to write it, {error}") from error
    if warning := size_warning(plan.sampler, plan.n):
        warnings.warn(warning, BatchWarning, stacklevel=2)
    return Batch(batch.layout, plan, rows)


def plan_rows(plan: BatchPlan) -> list[Row]:
    """Sample the design of a plan."""
    return make_design(plan.space, plan.sampler, plan.n, plan.seed, plan.batch_id, plan.seed_mode)


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
            same = load_space(value).parameters == plan.space.parameters
        else:
            same = value == getattr(plan, field.name)
        if not same:
            kept = plan.space.name if field.name == "space" else getattr(plan, field.name)
            lines.append(f"{field.name}: the batch has {kept}, got {value}")
    versions = batch_versions(plan.engine)
    for package in sorted(plan.versions.keys() | versions.keys()):
        planned, present = plan.versions.get(package), versions.get(package)
        if planned != present:
            lines.append(f"version of {package}: the batch has {planned}, here is {present}")
    return lines


def refuse_used_folder(layout: BatchLayout) -> None:
    """Raise BatchFolderError unless the folder is new or empty."""
    try:
        if layout.batch.exists():
            raise BatchFolderError(
                f"{layout.root}: expected a new or empty folder, it holds a batch; "
                "--resume continues it"
            )
        if layout.root.exists() and any(layout.root.iterdir()):
            raise BatchFolderError(f"{layout.root}: expected a new or empty folder, it has files")
    except NotADirectoryError as error:
        raise BatchFolderError(f"{layout.root}: expected a folder, it is a file") from error
    except PermissionError as error:
        raise BatchFolderError(f"{layout.root}: expected a folder to write to, {error}") from error


def world_bytes(world: str | Path) -> bytes:
    """Return a world file as it is on disk; the name of a shipped world goes before a file.

    Raises
    ------
    WorldError
        It cannot be read.
    """
    from ecosim.engine.world import shipped_worlds

    try:
        if str(world) in shipped_worlds():
            shipped = resources.files("ecosim") / "data" / "worlds" / f"{world}.json"
            return shipped.read_bytes()
        return Path(world).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WorldError([f"{world}: expected a world file or a shipped name, {reason}"]) from error


def check_fit(space: Space, rows: list[Row], world: Mapping[str, Any]) -> None:
    """Check that every parameter is in the world and may take its extreme values.

    The world, which is in order by itself, is loaded with every parameter at its lowest and at its
    highest, and with a row as it was drawn. An unbounded distribution is tried at the extremes of
    the design.

    Raises
    ------
    SpaceError
        What the world said to the values, one mistake a line.
    """
    from ecosim.engine.world import load_world

    problems: dict[str, None] = {}
    for name in space.names:
        if "." not in name or name.startswith("telemetry."):
            expected = "expected the dotted path of a value that decides what happens in the world"
            problems[f"{name}: {expected}, got one that does not"] = None
    if problems:
        raise SpaceError("\n".join(f"{space.name}: {line}" for line in problems))
    tried = [(f"row {rows[0].run_id}", dict(rows[0].parameters))]
    for choose, word in ((min, "low values"), (max, "high values")):
        parameters = {}
        for parameter in space.parameters:
            values = [row.parameters[parameter.name] for row in rows]
            if parameter.dist in _BOUNDED:
                bound = choose(parameter.bounds[:2])
                values.append(int(bound) if parameter.integer else bound)
            parameters[parameter.name] = choose(values)
        tried.append((word, parameters))
    for word, parameters in tried:
        try:
            load_world(world, parameters=parameters)
        except WorldError as error:
            for line in error.problems:
                named = any(line.startswith(name) for name in space.names)
                problems[line if named else f"{word}: {line}"] = None
    if problems:
        raise SpaceError("\n".join(f"{space.name}: {line}" for line in problems))
