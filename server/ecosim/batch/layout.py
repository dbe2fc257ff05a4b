"""The folder of a batch: every path in it, and how a file gets there whole.

::

    <out>/
    ├── batch.json                 the plan; written last of the first four, so it marks the folder
    ├── design.csv                 one row per run
    ├── world.json                 the world file as it was given, byte for byte
    ├── ledger.jsonl               one line per attempt
    ├── ledger.lock                held while a coordinator works here
    ├── cluster-<token>.sign       there while a cluster works: who sees it shares the folder
    └── runs/
        ├── <run_id>.partial/      until the run is whole (of a cluster: <run_id>.<owner>.partial/)
        └── <run_id>/
            ├── <run_id>_telemetry.jsonl
            ├── <run_id>_events.jsonl
            ├── <run_id>_voxels.zarr/  where the world's telemetry block asks for snapshots
            └── run.json           the mark: size, lines and hashes of the files

A run is done when ``runs/<run_id>/run.json`` exists: its folder gets that name by one rename, after
everything in it is on disk.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final

PARTIAL_SUFFIX: Final = ".partial"
TEMPORARY_SUFFIX: Final = ".tmp"


class BatchLayout:
    """The paths of one batch folder.

    Parameters
    ----------
    root : str or Path
        The batch folder; it need not exist yet.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.batch = self.root / "batch.json"
        self.design = self.root / "design.csv"
        self.world = self.root / "world.json"
        self.ledger = self.root / "ledger.jsonl"
        self.lock = self.root / "ledger.lock"
        self.runs = self.root / "runs"

    def run(self, run_id: str) -> Path:
        """Return the folder of a finished run."""
        return self.runs / run_id

    def partial(self, run_id: str, owner: str = "") -> Path:
        """Return the private folder of a run that is being made, or that failed.

        Where a lost worker may still be at the same run, each has a folder of its own: ``owner`` is
        letters and digits that no other has.
        """
        infix = f".{owner}" if owner else ""
        return self.runs / (run_id + infix + PARTIAL_SUFFIX)

    def partials(self, run_ids: Collection[str]) -> list[Path]:
        """Return the private folders there are of some runs."""
        if not self.runs.is_dir():
            return []
        return [
            path
            for path in self.runs.iterdir()
            if path.name.endswith(PARTIAL_SUFFIX) and path.name.partition(".")[0] in run_ids
        ]

    def is_unplanned(self) -> bool:
        """Return whether the folder is empty, or holds what comes before a plan and no more."""
        names = {path.name.removesuffix(TEMPORARY_SUFFIX) for path in self.root.iterdir()}
        if not names:
            return True
        before = {path.name for path in (self.lock, self.world, self.design, self.batch, self.runs)}
        begun = self.lock.name in names and names <= before and not self.batch.exists()
        return begun and not (self.runs.is_dir() and any(self.runs.iterdir()))

    def sign(self, token: str) -> Path:
        """Return the file that tells a worker elsewhere that it sees this very folder."""
        return self.root / f"cluster-{token}.sign"

    def signs(self) -> list[Path]:
        """Return the signs there are, those of coordinators that were killed among them."""
        return list(self.root.glob("cluster-*.sign"))

    def mark(self, run_id: str) -> Path:
        """Return the mark that says a run is done."""
        return mark_file(self.run(run_id))

    def finished(self) -> list[str]:
        """Return the ids of the runs that are done, sorted."""
        if not self.runs.is_dir():
            return []
        # A private folder has a mark too, for the moment before it gets its final name.
        names = (path.name for path in self.runs.iterdir())
        return sorted(
            name
            for name in names
            if not name.endswith(PARTIAL_SUFFIX) and self.mark(name).is_file()
        )


def mark_file(folder: Path) -> Path:
    """Return the mark of a run in its (final or private) folder."""
    return folder / "run.json"


def sync_path(path: Path) -> None:
    """Force a file, or the entries of a folder, to the disk.

    A system that cannot open folders (Windows) orders its directory writes itself.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        if path.is_dir() and os.name == "nt":
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file and force it to the disk; enough in a private folder, where nobody reads yet."""
    with path.open("wb") as stream:
        stream.writelines([content] if isinstance(content, bytes) else content)
        stream.flush()
        os.fsync(stream.fileno())


def write_whole(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file so that it is there in full, or not at all, whenever the power goes.

    Raises
    ------
    OSError
        The disk is full or the folder cannot be written; the old content then still stands.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        write_synced(temporary, content)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


def canonical_json(value: Any) -> bytes:
    """Return the one JSON text of a value that hashes are taken of: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def readable_json(value: Any) -> bytes:
    """Return JSON for people: indented, one trailing newline, keys in the order given."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
