"""Where runs are made: the executor interface, and slots on this machine.

An executor takes tasks and gives back outcomes; whether a task ran in a local process or on a
cluster (:mod:`ecosim.batch.cluster`) is its business alone. Only rows and a line of status travel;
a run's files are written by whoever makes it, into the batch folder.

The local executor is our own: one process per slot with one run in flight, so that a process that
dies takes one run with it and is replaced. (The pools of the standard library and joblib break or
hang as a whole when one worker is killed.)
"""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ecosim.batch.ledger import Attempt
from ecosim.batch.slots import Slot, Task

__all__ = ["Executor", "LocalExecutor", "Task"]


class Executor(Protocol):
    """Runs tasks somewhere; a context manager.

    Order of calls: :meth:`probe` first where it is wanted, :meth:`submit` and :meth:`next_outcome`
    in any order, :meth:`close` last. At most ``capacity`` tasks are submitted and not yet given
    back.
    """

    @property
    def capacity(self) -> int:
        """Tasks that may be in flight now; it may change."""

    def describe(self) -> str:
        """Return where runs are made, as the end of a sentence."""

    def probe(self) -> str | None:
        """Check that the batch's engine can be used where runs are made, or raise EngineError.

        Returns what the core that is live there costs, where that is worth knowing.
        """

    def submit(self, task: Task) -> None:
        """Take a task; return at once."""

    def next_outcome(self, timeout: float) -> Attempt | None:
        """Return the next finished attempt, or None after ``timeout`` seconds without one."""

    def close(self) -> None:
        """End what is running; its outcomes are lost, and its runs are as if never begun."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class LocalExecutor:
    """Slots on this machine, each with a process of its own.

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
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._slots = [Slot(f"local-{number}", folder, run_timeout) for number in range(slots)]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def capacity(self) -> int:
        """Two tasks a slot: the next one waits when one ends."""
        return 2 * len(self._slots)

    def describe(self) -> str:
        """Return how many runs are made at a time."""
        return f"{len(self._slots)} at a time"

    def probe(self) -> str | None:
        """Check the batch's engine in the first slot, whose process then goes on to make runs."""
        return self._slots[0].probe()

    def submit(self, task: Task) -> None:
        """Queue a task; slots start with the first one."""
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._serve, args=(slot,), name=slot.name, daemon=True)
                for slot in self._slots
            ]
            for thread in self._threads:
                thread.start()
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
        for slot in self._slots:
            self._tasks.put(None)
            slot.kill()
        for thread in self._threads:
            thread.join()
        for slot in self._slots:
            slot.close()

    def _serve(self, slot: Slot) -> None:
        while (task := self._tasks.get()) is not None and not self._stopping.is_set():
            outcome = slot.attempt(task)
            if not self._stopping.is_set():
                self._outcomes.put(outcome)
