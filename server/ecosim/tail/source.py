"""What to follow: the file of a run, or run after run of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ecosim.batch.layout import PARTIAL_SUFFIX, BatchLayout
from ecosim.batch.plan import read_plan
from ecosim.batch.samplers import block_size
from ecosim.errors import DatasetError
from ecosim.tail.follow import Follower
from ecosim.telemetry_writers import telemetry_path

_SUFFIX: Final = telemetry_path(Path(), "").name


class RunSource:
    """A run by itself: its file, or the newest one of a folder.

    Parameters
    ----------
    given : Path
        A file or a folder.
    """

    batch_id = ""

    def __init__(self, given: Path) -> None:
        self._given = given

    def next_file(self) -> Path | None:
        """Return the file to follow, or None while there is none."""
        return self._given if self._given.is_file() else _newest(_files(self._given))

    def is_over(self) -> bool:
        """Return whether nothing comes after the run that was followed."""
        return True

    def standing(self) -> str:
        """Return a line on what the run is part of; empty for one by itself."""
        return ""

    def waiting(self) -> str:
        """Return what is waited for."""
        return f"{self._given}: there is no file *{_SUFFIX} yet"

    def close(self) -> None:
        """Nothing is held."""


class BatchSource:
    """The runs of a batch: the newest that is being made, and when it has ended the next.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    BatchFolderError
        The folder holds no batch.
    """

    def __init__(self, folder: Path) -> None:
        self._layout = BatchLayout(folder)
        plan = read_plan(self._layout)
        rows = plan.n * block_size(plan.space, plan.sampler)
        self.batch_id = plan.batch_id
        self._total = sum(plan.runs_row(index) for index in range(rows))
        self._seen: set[str] = set()
        self._status: dict[str, str] = {}
        self._ledger: Follower | None = None

    def next_file(self) -> Path | None:
        """Return the file of the newest run that is being made, or None while there is none."""
        self._read_ledger()
        running = [
            path
            for path in self._partial_files()
            # A run that was given up leaves its private folder behind.
            if _run_id(path) not in self._seen | self._status.keys()
        ]
        chosen = _newest(running)
        if chosen is not None:
            self._seen.add(_run_id(chosen))
        return chosen

    def is_over(self) -> bool:
        """Return whether every run of the batch is done or was given up."""
        self._read_ledger()
        return self._done() + self._failed() >= self._total and self._total > 0

    def standing(self) -> str:
        """Return how many runs of the batch are done."""
        self._read_ledger()
        failed = self._failed()
        told = f"batch {self.batch_id}: {self._done():,} of {self._total:,} runs done"
        return told + (f", {failed:,} failed" if failed else "")

    def waiting(self) -> str:
        """Return what is waited for."""
        return f"{self.standing()}; no run is being made"

    def close(self) -> None:
        """Close the ledger."""
        if self._ledger is not None:
            self._ledger.close()

    def _partial_files(self) -> Iterable[Path]:
        if not self._layout.runs.is_dir():
            return []
        return self._layout.runs.glob(f"*{PARTIAL_SUFFIX}/*{_SUFFIX}")

    def _done(self) -> int:
        if not self._layout.runs.is_dir():
            return 0
        return sum(not path.name.endswith(PARTIAL_SUFFIX) for path in self._layout.runs.iterdir())

    def _failed(self) -> int:
        return sum(status != "done" for status in self._status.values())

    def _read_ledger(self) -> None:
        if self._ledger is None:
            if not self._layout.ledger.exists():
                return
            self._ledger = Follower(self._layout.ledger, whole=True)
        for attempt in self._ledger.poll():
            self._status[str(attempt.get("run_id"))] = str(attempt.get("status"))


def find_source(given: Path) -> RunSource | BatchSource:
    """Return what a path holds.

    Raises
    ------
    DatasetError
        There is nothing at the path.
    BatchFolderError
        It is a batch folder whose plan cannot be read.
    """
    if not given.exists():
        raise DatasetError(f"{given}: expected a run or a batch folder, there is nothing")
    if given.is_dir() and BatchLayout(given).batch.is_file():
        return BatchSource(given)
    return RunSource(given)


def _files(folder: Path) -> list[Path]:
    return list(folder.glob(f"*{_SUFFIX}"))


def _newest(paths: Iterable[Path]) -> Path | None:
    """Return the file written last; one that vanishes while looking is passed over."""
    found: list[tuple[float, str, Path]] = []
    for path in paths:
        try:
            found.append((path.stat().st_mtime, path.name, path))
        except OSError:
            continue
    return max(found)[2] if found else None


def _run_id(path: Path) -> str:
    return path.name.removesuffix(_SUFFIX)
