"""Run a batch to its end: hand out rows, keep the ledger, stop cleanly."""

from __future__ import annotations

import collections
import contextlib
import errno
import shutil
import threading
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from ecosim.batch.execution import is_done, read_mark
from ecosim.batch.executors import Executor, Task
from ecosim.batch.layout import BatchLayout
from ecosim.batch.ledger import UNCOUNTED, Attempt, Ledger, read_ledger
from ecosim.batch.plan import read_plan, write_plan
from ecosim.batch.prepare import Batch
from ecosim.errors import BatchFolderError

#: How long the coordinator waits before it looks whether it was asked to stop, seconds.
_POLL: Final = 0.2

Ending = Literal["finished", "interrupted", "stopped"]


class Observer:
    """Is told how a batch goes, from the coordinator's thread, and does nothing about it."""

    def begin(self, total: int, done: int, failed: int) -> None:
        """The batch starts or continues, so many of its runs being settled already."""

    def settled(self, attempt: Attempt) -> None:
        """A run is done, or set aside for good."""

    def retried(self, attempt: Attempt) -> None:
        """An attempt was lost and the run will be tried again."""

    def waiting(self) -> None:
        """Nothing happened for a moment."""

    def end(self) -> None:
        """The batch stops running, for whatever reason."""


@dataclass(slots=True)
class BatchReport:
    """How a batch stands.

    Attributes
    ----------
    total, done : int
        Runs of the folder, and runs whose folder is whole.
    failed : dict
        Run id to the last attempt at it, for runs that were set aside.
    damaged : dict
        Run id to what is wrong with its mark, for runs whose mark cannot be read. They stand in the
        way of themselves and are neither done nor made again.
    ending : str
        ``finished``: every run is done or set aside; ``interrupted``: somebody asked for it;
        ``stopped``: the machine could not go on, for want of room or of processes.
    reason : str
        Why it ended before that; empty otherwise.
    advice : str
        What to do before a stopped batch is continued; empty otherwise.
    """

    total: int
    done: int
    failed: dict[str, Attempt] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    ending: Ending = "finished"
    reason: str = ""
    advice: str = ""


def run_batch(
    batch: Batch,
    executor: Executor,
    observer: Observer,
    *,
    retries: int | None = None,
    stop: threading.Event | None = None,
) -> BatchReport:
    """Run every row that is neither done nor set aside.

    Parameters
    ----------
    batch : Batch
    executor : Executor
        Closed when this returns.
    retries : int, optional
        Further attempts at a run whose process died; an exception or a timeout gets none. Kept in
        the plan; left out, it is what the batch was last run with.
    stop : threading.Event, optional
        Setting it ends the batch: runs in flight are dropped and can be resumed.

    Returns
    -------
    BatchReport

    Raises
    ------
    BatchFolderError
        Another coordinator has the folder, or it cannot be read.
    """
    with Ledger(batch.layout) as ledger:
        retries = _keep_retries(batch, retries)
        attempts, report = _standing(batch, retries)
        settled = report.failed.keys() | report.damaged.keys()
        indices = {row.run_id: row.index for row in batch.own_rows()}
        pending = collections.deque(
            run_id
            for run_id in indices
            if run_id not in settled and not is_done(batch.layout, run_id)
        )
        sweep(batch.layout, set(pending))
        observer.begin(report.total, report.done, len(report.failed))
        try:
            in_flight = 0
            while pending or in_flight:
                while pending and in_flight < executor.capacity:
                    run_id = pending.popleft()
                    executor.submit(Task(batch.rows[indices[run_id]], attempts[run_id] + 1))
                    in_flight += 1
                if stop is not None and stop.is_set():
                    report.ending, report.reason = "interrupted", "stopped on request"
                    break
                outcome = executor.next_outcome(_POLL)
                if outcome is None:
                    observer.waiting()
                    continue
                in_flight -= 1
                outcome = _checked(batch.layout, outcome)
                if trouble := _record(ledger, outcome):
                    report.ending = "stopped"
                    report.reason, report.advice = trouble
                    break
                attempts[outcome.run_id] += 1
                if outcome.status == "died" and attempts[outcome.run_id] <= retries:
                    observer.retried(outcome)
                    pending.append(outcome.run_id)
                    continue
                if outcome.status == "done":
                    report.done += 1
                else:
                    report.failed[outcome.run_id] = outcome
                observer.settled(outcome)
        finally:
            executor.close()
            observer.end()
            # Nobody else is at work here: what is left is of coordinators that were killed.
            for sign in batch.layout.signs():
                with contextlib.suppress(OSError):
                    sign.unlink()
        if report.ending != "finished":
            # What was in flight may have been finished before it could be dropped.
            report.done = sum(is_done(batch.layout, run_id) for run_id in indices)
        sweep(batch.layout, indices.keys() - report.failed.keys())
    return report


def batch_report(batch: Batch) -> BatchReport:
    """Return how a batch stands on disk, without locking it."""
    return _standing(batch, batch.plan.retries)[1]


def set_aside(attempts: Iterable[Attempt], retries: int) -> Attempt | None:
    """Return the attempt after which a run was given up, or None if it may be tried again."""
    counted = [attempt for attempt in attempts if attempt.status not in UNCOUNTED]
    if not counted or counted[-1].status == "done":
        return None
    if counted[-1].status == "died" and len(counted) <= retries:
        return None
    return counted[-1]


def _keep_retries(batch: Batch, retries: int | None) -> int:
    """Return the further attempts a run gets; write it into the plan if it is another number."""
    if retries is None or retries == batch.plan.retries:
        return batch.plan.retries
    if read_plan(batch.layout) != batch.plan:
        raise BatchFolderError(
            f"{batch.layout.batch}: expected the plan as it was when the command began, another "
            "command has changed it; repeat yours"
        )
    try:
        write_plan(batch.layout, replace(batch.plan, retries=retries))
    except OSError as error:
        raise BatchFolderError(f"{batch.layout.batch}: expected to write it, {error}") from error
    return retries


def _standing(batch: Batch, retries: int) -> tuple[collections.Counter[str], BatchReport]:
    """Return counted attempts by run, and the report so far."""
    history: dict[str, list[Attempt]] = {}
    for attempt in read_ledger(batch.layout):
        history.setdefault(attempt.run_id, []).append(attempt)
    counts = collections.Counter(
        {
            run_id: sum(attempt.status not in UNCOUNTED for attempt in tried)
            for run_id, tried in history.items()
        }
    )
    report = BatchReport(total=len(batch.own_indices()), done=0)
    for row in batch.own_rows():
        try:
            done = read_mark(batch.layout, row.run_id) is not None
        except BatchFolderError as error:
            report.damaged[row.run_id] = str(error)
            continue
        if done:
            report.done += 1
        elif last := set_aside(history.get(row.run_id, ()), retries):
            report.failed[row.run_id] = last
    return counts, report


def _record(ledger: Ledger, outcome: Attempt) -> tuple[str, str] | None:
    """Write an outcome down; return why the batch cannot go on, and what to do, or None."""
    try:
        ledger.append(outcome)
    except OSError as error:
        return str(error), UNCOUNTED["no_space"]
    advice = UNCOUNTED.get(outcome.status)
    return None if advice is None else (outcome.error or outcome.status, advice)


def _checked(layout: BatchLayout, outcome: Attempt) -> Attempt:
    """Return the outcome as the folder has it: a run is done if, and only if, its mark is there."""
    whole = read_mark(layout, outcome.run_id) is not None
    if whole and outcome.status in ("died", "timeout"):
        return outcome.as_done()
    if not whole and outcome.status == "done":
        raise BatchFolderError(
            f"{layout.run(outcome.run_id)}: expected the finished run, it is not there"
        )
    return outcome


def sweep(layout: BatchLayout, run_ids: Collection[str]) -> None:
    """Remove what interrupted attempts at these runs left behind.

    A worker that lost its coordinator may still be at one of them, and about to give the folder its
    final name. So each folder gets another name first: of two renames one fails, and nothing is
    taken out of a finished run.
    """
    for partial in layout.partials(run_ids):
        if not partial.is_dir() or partial.is_symlink():
            continue
        doomed = layout.partial(partial.stem, uuid.uuid4().hex)
        try:
            partial.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            # It is a finished run by now, or its worker has just added to it: the next sweep's.
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                raise BatchFolderError(f"{partial}: expected to remove it, {error}") from error
