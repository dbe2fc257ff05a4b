"""Progress of a batch: a live bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import collections
import contextlib
import os
import time
from typing import IO, Any, Final

from ecosim.batch.ledger import Attempt
from ecosim.batch.runner import Observer
from ecosim.printable import printable

#: The rate is that of this many latest runs, so that it follows a machine that gets busy.
_RATE_WINDOW: Final = 50
_SECONDS_BETWEEN_LINES: Final = 10.0
#: Terminals that cannot redraw a line.
_PLAIN_TERMINALS: Final = ("dumb", "unknown")


class RunRate:
    """Runs per second over the latest runs, and the time left at that rate."""

    def __init__(self, begun: float) -> None:
        self._times: collections.deque[float] = collections.deque([begun], maxlen=_RATE_WINDOW + 1)

    def settle(self, now: float) -> None:
        """Count a run that ended at ``now`` (seconds of a monotonic clock)."""
        self._times.append(now)

    def per_second(self) -> float | None:
        """Return the rate, or None before the first run has ended."""
        passed = self._times[-1] - self._times[0]
        return (len(self._times) - 1) / passed if passed > 0 else None

    def seconds_left(self, runs: int) -> float | None:
        """Return the time that so many runs will take, or None while unknown."""
        rate = self.per_second()
        return runs / rate if rate else None


def duration_text(seconds: float | None) -> str:
    """Return a duration for people: ``8 s``, ``3:07 min``, ``2:05 h``; ``?`` for None."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def rate_text(per_second: float | None) -> str:
    """Return a rate for people: runs a second, or a minute when slow."""
    if per_second is None:
        return "? runs/s"
    return f"{per_second:.1f} runs/s" if per_second >= 1 else f"{per_second * 60:.1f} runs/min"


class _Counts(Observer):
    """What every display keeps; by itself it shows nothing."""

    def __init__(self) -> None:
        self.total = self.done = self.failed = 0
        self.rate = RunRate(0.0)

    def begin(self, total: int, done: int, failed: int) -> None:
        self.total, self.done, self.failed = total, done, failed
        self.rate = RunRate(time.monotonic())

    def settled(self, attempt: Attempt) -> None:
        self.rate.settle(time.monotonic())
        if attempt.status == "done":
            self.done += 1
        else:
            self.failed += 1

    def retried(self, attempt: Attempt) -> None:
        """Nothing is counted: the run is still to come."""

    def waiting(self) -> None:
        """Nothing has changed."""

    def end(self) -> None:
        """Nothing is held."""

    def speed(self) -> str:
        """Return the rate and the time left."""
        left = self.rate.seconds_left(self.total - self.done - self.failed)
        return f"{rate_text(self.rate.per_second())}, {duration_text(left)} left"


class PlainProgress(_Counts):
    """Lines for logs: one now and then, and one for each run that fails.

    Parameters
    ----------
    stream : text stream
    seconds : float
        Least time between two lines of progress.
    """

    def __init__(self, stream: IO[str], seconds: float = _SECONDS_BETWEEN_LINES) -> None:
        super().__init__()
        self._stream = stream
        self._seconds = seconds
        self._told = 0.0

    def begin(self, total: int, done: int, failed: int) -> None:
        super().begin(total, done, failed)
        self._told = time.monotonic()
        if done or failed:
            self._say(f"continuing: {done} of {total} runs done, {failed} set aside")
        else:
            self._say(f"{total} runs to do")

    def settled(self, attempt: Attempt) -> None:
        super().settled(attempt)
        if attempt.status != "done":
            self._say(f"{attempt.run_id} {attempt.status}: {attempt.error}")
        self._tell()

    def retried(self, attempt: Attempt) -> None:
        self._say(f"{attempt.run_id} {attempt.status}: {attempt.error}; it will be tried again")

    def waiting(self) -> None:
        self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told >= self._seconds:
            self._told = now
            self._say(f"{self.done} of {self.total} done, {self.failed} failed, {self.speed()}")

    def _say(self, text: str) -> None:
        # A log that is full or gone must not end the batch.
        with contextlib.suppress(OSError):
            print(printable(text), file=self._stream, flush=True)


class LiveProgress(_Counts):
    """A bar with rate and time left, redrawn in place."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._bar = Progress(
            TextColumn("runs"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=Console(file=stream),
        )
        self._task: Any = None

    def begin(self, total: int, done: int, failed: int) -> None:
        super().begin(total, done, failed)
        self._task = self._bar.add_task("", total=total, completed=done + failed, state="")
        self._bar.start()

    def settled(self, attempt: Attempt) -> None:
        super().settled(attempt)
        if attempt.status != "done":
            self._note(f"{attempt.run_id} {attempt.status}: {attempt.error}")
        state = self.speed() + (f", {self.failed} failed" if self.failed else "")
        self._bar.update(self._task, completed=self.done + self.failed, state=state)

    def retried(self, attempt: Attempt) -> None:
        self._note(f"{attempt.run_id} {attempt.status}: {attempt.error}; it will be tried again")

    def end(self) -> None:
        self._bar.stop()

    def _note(self, text: str) -> None:
        self._bar.console.print(printable(text), markup=False, highlight=False)


def progress_for(stream: IO[str], *, quiet: bool = False) -> Observer:
    """Return the display that suits a stream; plain lines where rich is not installed.

    ``quiet`` shows nothing.
    """
    if quiet:
        return _Counts()
    if stream.isatty() and os.environ.get("TERM") not in _PLAIN_TERMINALS:
        try:
            return LiveProgress(stream)
        except ImportError:
            pass
    return PlainProgress(stream)
