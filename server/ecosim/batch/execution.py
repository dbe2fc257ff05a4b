"""One run of a batch, from its row to its folder.

This is the only code that makes a run, in a slot on this machine or anywhere else: it is handed the
batch folder and a row, and leaves ``runs/<run_id>/`` behind.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ecosim.batch.factory import EngineFactory, load_factory, make_engine
from ecosim.batch.hashes import file_hashes, folder_hash
from ecosim.batch.layout import (
    BatchLayout,
    mark_file,
    readable_json,
    sync_path,
    write_synced,
)
from ecosim.batch.options import DEFAULT_ENGINE
from ecosim.batch.plan import BatchPlan, read_plan
from ecosim.batch.rows import Row
from ecosim.errors import (
    BatchError,
    BatchFolderError,
    EngineError,
    OutputError,
    RunFolderError,
    TelemetryError,
)
from ecosim.telemetry_snapshots import snapshots_path
from ecosim.telemetry_writers import events_path, telemetry_path

#: What the operating system says when there is no room, whoever writes: an engine's own files
#: mostly lie on the same disk.
_NO_SPACE: Final = {errno.ENOSPC, errno.EFBIG, errno.EROFS} | (
    {errno.EDQUOT} if hasattr(errno, "EDQUOT") else set()
)

#: Settings of a world's own telemetry block that a batch keeps; the rest is the batch's to say.
_KEPT_SETTINGS: Final = ("variables", "events", "ring_capacity", "on_full", "voxel_snapshots")


class RunMaker:
    """Makes runs of one batch.

    Parameters
    ----------
    layout : BatchLayout
        A folder whose plan, design and world are written.

    Raises
    ------
    BatchFolderError
        The folder cannot be read.
    EngineError
        The plan's engine cannot be loaded.
    """

    def __init__(self, layout: BatchLayout) -> None:
        self.layout = layout
        self.plan: BatchPlan = read_plan(layout)
        self.factory: EngineFactory = load_factory(self.plan.engine)
        self._world = json.loads(layout.world.read_bytes())
        self._own_telemetry = self._world.pop("telemetry", None) or {}

    def probe(self) -> None:
        """Make an engine of the unvaried world, and check that it fits the host interface.

        Raises
        ------
        EngineError
            It does not, or the factory raises.
        """
        from ecosim.telemetry_testing import check_host

        try:
            engine = make_engine(self.factory, self.plan.engine, self._world_for({}, 0), 0)
            problems = check_host(engine, ticks=1) or self._snapshot_problems(engine)
        except EngineError:
            raise
        except (Exception, SystemExit) as error:
            raise EngineError(
                f"--engine {self.plan.engine}: expected an engine for the batch's world, "
                f"{type(error).__name__}: {error}"
            ) from error
        if problems:
            lines = "\n".join(f"  {problem}" for problem in problems)
            raise EngineError(
                f"--engine {self.plan.engine}: expected a host engine; it does not fit:\n{lines}"
            )

    def _snapshot_problems(self, engine: Any) -> list[str]:
        """Return why the snapshots that the world asks for cannot be taken of an engine, if so."""
        from ecosim.telemetry_config import TelemetryConfig
        from ecosim.telemetry_host import HostView
        from ecosim.telemetry_snapshots import SnapshotWriter

        asked = {"voxel_snapshots": self._own_telemetry.get("voxel_snapshots")}
        try:
            config = TelemetryConfig.from_mapping(asked).voxel_snapshots
            if config is not None:
                host = HostView(engine)
                path = snapshots_path(self.layout.runs, "probe")
                SnapshotWriter(path, "probe", config, host.layers, host.dimensions())
        except TelemetryError as error:
            return [str(error)]
        return []

    def make(self, row: Row, apart: Path | None = None, owner: str = "") -> dict[str, Any]:
        """Run one row and leave its folder.

        Parameters
        ----------
        row : Row
        apart : Path, optional
            Where to leave it instead of the batch's ``runs``, under the same name.
        owner : str, optional
            Marks the private folder, where others may be making the same run.

        Returns
        -------
        dict
            The mark of the run.

        Raises
        ------
        RunFolderError
            The files of the run cannot be written, which is no fault of its engine.
        Exception
            Whatever the engine raises; its private folder then holds the telemetry so far, with an
            ``end`` record that says ``failed``.
        """
        runs = self.layout.runs if apart is None else apart
        private = runs / self.layout.partial(row.run_id, owner).name
        with _own_files(private):
            if private.exists():
                shutil.rmtree(private)
            private.mkdir(parents=True)
        self._simulate(row, private)
        with _own_files(private):
            # Closing the emitter has brought its files to the disk.
            mark = content_mark(row, private)
            write_synced(mark_file(private), readable_json(mark))
            return publish(private, runs / row.run_id, mark)

    def _world_for(self, parameters: Mapping[str, Any], seed: int) -> Any:
        """Return the merged world with a row's values, without a telemetry block.

        Our engine takes the checked world as it is and need not check it again.
        """
        from ecosim.engine.world import load_world

        loaded = load_world(self._world, parameters={**parameters, "seed": seed})
        if self.plan.engine == DEFAULT_ENGINE:
            return loaded
        world = loaded.to_dict()
        world.pop("telemetry", None)
        return world

    def _simulate(self, row: Row, private: Path) -> None:
        from ecosim.telemetry import TelemetryEmitter

        engine = make_engine(
            self.factory, self.plan.engine, self._world_for(row.parameters, row.seed), row.seed
        )
        own = self._own_telemetry
        settings = {key: own[key] for key in _KEPT_SETTINGS if key in own}
        settings |= {"interval": self.plan.interval, "output_dir": str(private)}
        stepping = False
        try:
            with TelemetryEmitter(
                settings, run_id=row.run_id, parameters=row.parameters
            ) as emitter:
                emitter.on_init(engine)
                for _ in range(self.plan.ticks):
                    stepping = True
                    packet = engine.step()
                    stepping = False
                    # The host interface leaves open what else a step returns.
                    told = isinstance(packet, (Mapping, list, tuple))
                    emitter.on_tick(packet if told else None)
        except OutputError as error:
            # An engine may keep telemetry of its own.
            if stepping:
                raise
            raise RunFolderError(str(error)) from error


@contextlib.contextmanager
def _own_files(folder: Path) -> Iterator[None]:
    """Tell what the system says about the runner's own files from what an engine raises."""
    try:
        yield
    except RunFolderError:
        raise
    except OSError as error:
        raise RunFolderError(f"{folder}: expected to write the run, {error}") from error


def read_mark(layout: BatchLayout, run_id: str) -> dict[str, Any] | None:
    """Return the mark of a finished run, or None if the run is not done.

    Raises
    ------
    BatchFolderError
        The mark is there and is not readable.
    """
    path = layout.mark(run_id)
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise BatchFolderError(f"{path}: expected the mark of a run, {error}") from error
    if not _is_mark(value):
        raise BatchFolderError(f"{path}: expected the mark of a run, got another JSON value")
    mark: dict[str, Any] = value
    return mark


def is_done(layout: BatchLayout, run_id: str) -> bool:
    """Return whether a run is finished; one whose mark cannot be read is not."""
    try:
        return read_mark(layout, run_id) is not None
    except BatchFolderError:
        return False


def _is_mark(value: object) -> bool:
    """Return whether a JSON value has what is read of a mark."""
    if not isinstance(value, dict) or not isinstance(value.get("content_sha256"), str):
        return False
    told, snapshots = value.get("files"), value.get("snapshots", {})
    return (
        isinstance(told, dict)
        and isinstance(snapshots, dict)
        and all(
            isinstance(one, dict) and "sha256" in one
            for one in (*told.values(), *snapshots.values())
        )
    )


def publish(private: Path, final: Path, mark: dict[str, Any]) -> dict[str, Any]:
    """Give a private folder its final name; the first finisher of a run is kept.

    Returns
    -------
    dict
        The mark of the run that stands under the final name.

    Raises
    ------
    BatchError
        An earlier finisher left another content.
    """
    sync_path(private)
    try:
        private.rename(final)
    except OSError:
        if not mark_file(final).exists():
            raise
        first = read_mark(BatchLayout(final.parent.parent), final.name)
        if first is None:
            raise
        shutil.rmtree(private)
        if first["content_sha256"] != mark["content_sha256"]:
            raise BatchError(
                f"{final.name}: expected the content {first['content_sha256']} of an earlier "
                f"finisher, got {mark['content_sha256']}: the engine is not deterministic"
            ) from None
        return first
    sync_path(final.parent)
    return mark


def is_no_space(error: BaseException | None) -> bool:
    """Return whether an error, or what caused it, says that output could not be written.

    Either the disk is full, or the files kept of a run could not be written for any other reason.
    """
    while error is not None:
        if isinstance(error, RunFolderError):
            return True
        if isinstance(error, OSError) and error.errno in _NO_SPACE:
            return True
        error = error.__cause__ or error.__context__
    return False


def content_mark(row: Row, folder: Path) -> dict[str, Any]:
    """Return the mark that the files in a run's folder call for."""
    files = {}
    content = hashlib.sha256()
    for path in (telemetry_path(folder, row.run_id), events_path(folder, row.run_id)):
        with contextlib.suppress(FileNotFoundError):
            files[path.name] = file_hashes(path)
            content.update(f"{path.name}:{files[path.name]['content_sha256']}\n".encode())
    store = snapshots_path(folder, row.run_id)
    snapshots = {store.name: folder_hash(store)} if store.is_dir() else {}
    for name, told in snapshots.items():
        content.update(f"{name}:{told['sha256']}\n".encode())
    mark = {
        "run_id": row.run_id,
        "index": row.index,
        "seed": row.seed,
        "content_sha256": content.hexdigest(),
        "files": files,
    }
    return {**mark, "snapshots": snapshots} if snapshots else mark
