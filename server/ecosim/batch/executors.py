"""Where runs are made: the executor interface, and slots on this machine.

An executor takes tasks and gives back outcomes; whether a task ran in a local process or on a
cluster is its business alone. Only rows and a line of status travel; a run's files are written by
whoever makes it, into the batch folder.

The local executor is our own: one process per slot with one run in flight, so that a process that
dies takes one run with it and is replaced. (The pools of the standard library and joblib break or
hang as a whole when one worker is killed.)
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from ecosim.batch.child import Child, ChildEndedError
from ecosim.batch.ledger import Attempt
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


class Executor(Protocol):
    """Runs tasks somewhere.

    Order of calls: :meth:`submit` and :meth:`next_outcome` in any order, :meth:`close` last. At
    most ``capacity`` tasks are submitted and not yet given back.
    """

    capacity: int

    def submit(self, task: Task) -> None:
        """Take a task; return at once."""

    def next_outcome(self, timeout: float) -> Attempt | None:
        """Return the next finished attempt, or None after ``timeout`` seconds without one."""

    def close(self) -> None:
        """End what is running; its outcomes are lost, and its runs are as if never begun."""


class LocalExecutor:
    """Slots on this machine, each with a process of its own; a context manager.

    Parameters
    ----------
    folder : Path
        The batch folder.
    slots : int
        Runs at a time, at least 1.
    run_timeout : float or None
        Seconds a run may take before it is ended.
    """

    def __init__(self, folder: Path, slots: int, run_timeout: float | None = None) -> None:
        self.capacity = 2 * slots
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._slots = [
            _Slot(f"local-{number}", folder, run_timeout, self._serve) for number in range(slots)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def probe(self) -> None:
        """Check the batch's engine in the first slot, whose process then goes on to make runs.

        Raises
        ------
        EngineError
            It cannot be loaded, raises, ends its process, or does not fit the host interface.
        """
        self._slots[0].probe()

    def submit(self, task: Task) -> None:
        """Queue a task; slots start with the first one."""
        for slot in self._slots:
            slot.ensure_started()
        self._tasks.put(task)

    def next_outcome(self, timeout: float) -> Attempt | None:
        """Return the next finished attempt, or None after ``timeout`` seconds."""
        try:
            return self._outcomes.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """End every slot and its process; a second call does nothing."""
        self._stopping.set()
        for _ in self._slots:
            self._tasks.put(None)
        for slot in self._slots:
            slot.close()

    def _serve(self, slot: _Slot) -> None:
        while (task := self._tasks.get()) is not None and not self._stopping.is_set():
            outcome = slot.attempt(task)
            if not self._stopping.is_set():
                self._outcomes.put(outcome)


class _Slot:
    """A thread that owns one child process at a time."""

    def __init__(
        self,
        name: str,
        folder: Path,
        run_timeout: float | None,
        serve: Callable[[_Slot], None],
    ) -> None:
        self.name = name
        self._folder = folder
        self._run_timeout = run_timeout
        self._thread = threading.Thread(target=serve, args=(self,), name=name, daemon=True)
        self._child: Child | None = None
        self._closed = False
        self._changing = threading.Lock()

    def ensure_started(self) -> None:
        """Start the thread if it is not running yet."""
        if not self._thread.is_alive() and not self._closed:
            self._thread.start()

    def close(self) -> None:
        """End the child, then the thread."""
        with self._changing:
            self._closed = True
            if self._child is not None:
                self._child.kill()
        if self._thread.is_alive():
            self._thread.join()
        if self._child is not None:
            self._child.close()

    def probe(self) -> None:
        """As :meth:`LocalExecutor.probe`."""
        try:
            reply = self._opened().ask({"probe": True}, _SECONDS_TO_OPEN)
        except ChildEndedError as error:
            raise EngineError(f"--engine: expected an engine, but {error}") from error
        if "ok" not in reply:
            raise EngineError(str(reply.get("error")))

    def attempt(self, task: Task) -> Attempt:
        """Run one task to its outcome, whatever that is."""
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        begun = time.monotonic()

        def outcome(status: str, error: object, traceback: str = "", stderr: str = "") -> Attempt:
            return Attempt(
                run_id=task.row.run_id,
                attempt=task.attempt,
                worker=self.name,
                started=started,
                seconds=round(time.monotonic() - begun, 3),
                status=status,  # type: ignore[arg-type]
                error=None if error is None else str(error),
                traceback=traceback,
                stderr=stderr,
            )

        try:
            child = self._opened()
        except (ChildEndedError, EngineError, OSError) as error:
            return outcome("no_worker", f"no worker could be started: {error}", stderr=self._tail())
        try:
            child.forget_stderr()
            reply = child.ask({"run": asdict(task.row), "apart": None}, self._run_timeout)
        except ChildEndedError as error:
            return outcome("timeout" if error.timed_out else "died", error, stderr=self._tail())
        child.runs += 1
        status = reply.get("status")
        if status == "done":
            return outcome("done", None)
        status = "no_space" if status == "no_space" else "failed"
        return outcome(status, reply.get("error"), str(reply.get("traceback", "")), self._tail())

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
            if self._closed:
                raise ChildEndedError("the executor is closing", False)
            self._child = child = Child()
        reply = child.ask({"open": str(self._folder)}, _SECONDS_TO_OPEN)
        if "ok" not in reply:
            child.close()
            raise EngineError(str(reply.get("error")))
        return child
