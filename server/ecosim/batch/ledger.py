"""The ledger of a batch: one line per attempt, written by the coordinator alone.

A line is appended after an attempt has ended, so nothing in it is ever "running". A last line that
was cut short (the machine went down) is cut off when the ledger is opened again.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, Literal

from ecosim.batch.layout import BatchLayout, canonical_json
from ecosim.errors import BatchFolderError

#: done: the run is whole. failed: the engine raised. died: the worker's process ended. timeout: it
#: was ended. no_space: the output could not be written. no_worker: no process could be started.
#: no_cluster: the scheduler was lost.
AttemptStatus = Literal["done", "failed", "died", "timeout", "no_space", "no_worker", "no_cluster"]

#: These say nothing about the run and are not held against it: the machine cannot go on. What to do
#: about each.
UNCOUNTED: Final[dict[AttemptStatus, str]] = {
    "no_space": "make room, or put right what keeps the output from being written",
    "no_worker": "put the workers right",
    "no_cluster": "start the scheduler again",
}

#: Longer than it takes to ask whether a batch is locked, seconds.
_MOMENT: Final = 0.05


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one run.

    Attributes
    ----------
    attempt : int
        From 1.
    worker : str
        The slot that did it.
    started : str
        ISO 8601, UTC.
    seconds : float
        Wall time of the attempt.
    error : str or None
        One line; None when done.
    traceback, stderr : str
        What the engine left behind, the last few kilobytes; empty when done.
    """

    run_id: str
    attempt: int
    worker: str
    started: str
    seconds: float
    status: AttemptStatus
    error: str | None = None
    traceback: str = ""
    stderr: str = ""

    def as_done(self) -> Attempt:
        """Return the attempt as one that left a whole run behind after all."""
        return replace(self, status="done", error=None, traceback="", stderr="")

    def to_json(self) -> dict[str, Any]:
        """Return the ledger line as a mapping; ``try`` is the attempt's number."""
        fields = asdict(self)
        line = {"run_id": fields.pop("run_id"), "try": fields.pop("attempt"), **fields}
        left_out = {key for key in ("traceback", "stderr") if not line[key]}
        return {key: value for key, value in line.items() if key not in left_out}


class Ledger:
    """The open ledger of the one coordinator of a batch; a context manager.

    Raises
    ------
    BatchFolderError
        Another coordinator has the batch open, or the ledger cannot be written.
    """

    def __init__(self, layout: BatchLayout) -> None:
        self._path = layout.ledger
        self._lock = lock_batch(layout)
        try:
            _cut_torn_line(self._path)
            # Unbuffered: a line that found no room must not be tried again when the file closes.
            self._stream = self._path.open("ab", buffering=0)
        except OSError as error:
            self._lock.close()
            raise BatchFolderError(f"{self._path}: expected to write it, {error}") from error

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, attempt: Attempt) -> None:
        """Add one line and force it to the disk.

        Raises
        ------
        OSError
            It could not be written.
        """
        line = canonical_json(attempt.to_json()) + b"\n"
        if self._stream.write(line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Close the file and let another coordinator in."""
        try:
            self._stream.close()
        finally:
            self._lock.close()


def read_ledger(layout: BatchLayout) -> Iterator[Attempt]:
    """Yield every attempt in order, without locking; a last line cut short is left out."""
    try:
        stream = layout.ledger.open("rb")
    except FileNotFoundError:
        return
    with stream:
        for number, line in enumerate(stream, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                value = json.loads(line)
                value["attempt"] = value.pop("try")
                yield Attempt(**value)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise BatchFolderError(
                    f"{layout.ledger}:{number}: expected an attempt, {error}"
                ) from error


def _cut_torn_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("r+b") as stream:
        content = stream.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            stream.truncate(whole)
            os.fsync(stream.fileno())


def lock_batch(layout: BatchLayout) -> IO[bytes]:
    """Return the open lock file, held until it is closed or the process ends.

    Raises
    ------
    BatchFolderError
        Another coordinator has the batch, or the folder cannot be written.
    """
    try:
        stream = layout.lock.open("ab")
    except OSError as error:
        raise BatchFolderError(f"{layout.root}: expected a folder to write to, {error}") from error
    for last in (False, True):
        if _take(stream):
            break
        if last:
            stream.close()
            raise BatchFolderError(
                f"{layout.root}: expected to be the only coordinator, another one is at work here"
            )
        # Whoever asks whether a coordinator is at work holds the lock for a moment.
        time.sleep(_MOMENT)
    return stream


def is_at_work(layout: BatchLayout) -> bool:
    """Return whether a coordinator has the batch open now; nothing is changed by asking."""
    try:
        with layout.lock.open("rb") as stream:
            return not _take(stream, shared=True)
    except OSError:
        return False


def _take(stream: IO[bytes], *, shared: bool = False) -> bool:
    """Lock an open file, until it is closed, if nobody else has it; return whether it worked."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
