"""A slot: where one run at a time is made, by a child process that is replaced when it is lost.

The same on this machine and on a node of a cluster.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ecosim.batch.child import Child, ChildEndedError
from ecosim.batch.ledger import Attempt, AttemptStatus
from ecosim.batch.rows import Row
from ecosim.errors import EngineError

#: Runs after which a slot's process is replaced, so that what an engine leaks does not add up.
_RUNS_PER_CHILD: Final = 100
#: Importing an engine may compile things the first time.
_SECONDS_TO_OPEN: Final = 300.0


@dataclass(frozen=True, slots=True)
class Task:
    """A row to run, and which attempt at it this is (from 1)."""

    row: Row
    attempt: int


class Slot:
    """Owns one child process at a time; one thread uses it, any thread may :meth:`kill` it.

    Parameters
    ----------
    name : str
        What the ledger calls it.
    folder : Path
        The batch folder.
    run_timeout : float or None
        Seconds a run may take before it is ended.
    """

    def __init__(self, name: str, folder: Path, run_timeout: float | None) -> None:
        self.name = name
        self._folder = folder
        self._run_timeout = run_timeout
        self._child: Child | None = None
        self._killed = False
        self._changing = threading.Lock()

    def kill(self) -> None:
        """End the child, and start no other."""
        with self._changing:
            self._killed = True
            if self._child is not None:
                self._child.kill()

    def close(self) -> None:
        """Let go of the child; the slot is not used by anybody any more."""
        self.kill()
        if self._child is not None:
            self._child.close()

    def probe(self) -> str | None:
        """Check that the batch's engine can be used.

        Returns
        -------
        str or None
            What the core that is live there costs, where that is worth knowing.

        Raises
        ------
        EngineError
            It cannot be loaded, raises, ends its process, or does not fit the host interface.
        """
        try:
            reply = self._opened().ask({"probe": True}, _SECONDS_TO_OPEN)
        except ChildEndedError as error:
            raise EngineError(f"--engine: expected an engine, but {error}") from error
        if "ok" not in reply:
            raise EngineError(str(reply.get("error")))
        note: str | None = reply.get("note")
        return note

    def attempt(self, task: Task, owner: str = "") -> Attempt:
        """Run one task to its outcome, whatever that is.

        Parameters
        ----------
        task : Task
        owner : str, optional
            Marks the private folder, where others may be at the same run.
        """
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        begun = time.monotonic()

        def outcome(
            status: AttemptStatus, error: object, traceback: str = "", stderr: str = ""
        ) -> Attempt:
            return Attempt(
                run_id=task.row.run_id,
                attempt=task.attempt,
                worker=self.name,
                started=started,
                seconds=round(time.monotonic() - begun, 3),
                status=status,
                error=None if error is None else str(error),
                traceback=traceback,
                stderr=stderr,
            )

        try:
            child = self._opened()
        except (ChildEndedError, EngineError, OSError) as error:
            return outcome("no_worker", f"no worker could be started: {error}", stderr=self._tail())
        request = {"run": asdict(task.row), "apart": None, "owner": owner}
        try:
            child.forget_stderr()
            reply = child.ask(request, self._run_timeout)
        except ChildEndedError as error:
            return outcome("timeout" if error.timed_out else "died", error, stderr=self._tail())
        child.runs += 1
        if reply.get("status") == "done":
            return outcome("done", None)
        return outcome(
            "no_space" if reply.get("status") == "no_space" else "failed",
            reply.get("error"),
            str(reply.get("traceback", "")),
            self._tail(),
        )

    def _tail(self) -> str:
        return "" if self._child is None else self._child.stderr_tail()

    def _opened(self) -> Child:
        """Return a live child that has the batch open."""
        child = self._child
        if child is not None and not child.ended and child.runs < _RUNS_PER_CHILD:
            return child
        if child is not None:
            child.close()
        with self._changing:
            if self._killed:
                raise ChildEndedError("the executor is closing", False)
            self._child = child = Child()
        reply = child.ask({"open": str(self._folder)}, _SECONDS_TO_OPEN)
        if "ok" not in reply:
            child.close()
            raise EngineError(str(reply.get("error")))
        return child
