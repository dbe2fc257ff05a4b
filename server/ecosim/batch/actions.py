"""What can be told of a batch that is there, and done with it: standing, verification, reruns."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecosim.batch.execution import read_mark
from ecosim.batch.ledger import is_at_work, read_ledger
from ecosim.batch.prepare import Batch
from ecosim.batch.rows import Row
from ecosim.batch.runner import BatchReport, batch_report
from ecosim.batch.summary import failure_groups
from ecosim.batch.verify import damaged_runs, rerun, some_finished
from ecosim.errors import BatchFolderError


def report_keys(report: BatchReport) -> dict[str, Any]:
    """Return how many runs are done, failed and left, the failures by reason, and the damaged."""
    errors = {run_id: f"{last.status}: {last.error}" for run_id, last in report.failed.items()}
    return {
        "total": report.total,
        "done": report.done,
        "failed": len(report.failed),
        "left": report.total - report.done - len(report.failed),
        "failures": [
            {"reason": reason, "runs": run_ids} for reason, run_ids in failure_groups(errors)
        ],
        "damaged": report.damaged,
    }


def status_keys(batch: Batch) -> dict[str, Any]:
    """Return how a batch stands on disk, whether or not a coordinator works at it.

    Returns
    -------
    dict
        What is documented for ``ecosim batch status --json``.
    """
    plan, layout = batch.plan, batch.layout
    # Before the counts: a batch that ends in between is then told as running, not as cut short.
    at_work = is_at_work(layout)
    report = batch_report(batch)
    seconds = [attempt.seconds for attempt in read_ledger(layout) if attempt.status == "done"]
    unsettled = {row.run_id for row in batch.own_rows()} - report.failed.keys()
    keys = report_keys(report)
    state = "running" if at_work else "unfinished" if keys["left"] else "finished"
    return {
        "batch_id": plan.batch_id,
        "folder": str(layout.root),
        "state": state,
        "world": plan.world,
        "sampler": plan.sampler,
        "n": plan.n,
        "seed": plan.seed,
        "ticks": plan.ticks,
        "interval": plan.interval,
        "shard": plan.shard,
        **keys,
        "in_progress": len(layout.partials(unsettled)) if at_work else 0,
        "seconds_per_run": sum(seconds) / len(seconds) if seconds else None,
    }


@dataclass(frozen=True, slots=True)
class Verification:
    """What hashing a batch again, and making some of its runs again, has found.

    Attributes
    ----------
    finished : int
        Runs that have a mark.
    damaged : dict
        Run id to how its files differ from its mark.
    repeated : list of str
        Ids of the runs that were made again.
    different : list of str
        Those of them whose content was another.
    """

    finished: int
    damaged: dict[str, str]
    repeated: list[str]
    different: list[str]

    @property
    def sound(self) -> bool:
        """Whether nothing differs."""
        return not (self.damaged or self.different)


def verify(batch: Batch, reruns: int, tell: Callable[[str], None]) -> Verification:
    """Hash every finished run again and make some again, telling what differs as it is found.

    Parameters
    ----------
    batch : Batch
    reruns : int
        Finished runs to make again, by chance, 0 or more.
    tell : callable
        Gets a line at a time.
    """
    finished = len(batch.layout.finished())
    damaged: dict[str, str] = {}
    for run_id, problem in damaged_runs(batch):
        tell(f"{run_id}: {problem}")
        damaged[run_id] = problem
    tell(f"{finished - len(damaged)} of {finished} finished runs have the content of their marks")
    chosen = some_finished(batch, reruns, random.Random())
    different = []
    with tempfile.TemporaryDirectory(prefix="ecosim-verify-") as temporary:
        for row in chosen:
            repeated = rerun(batch.layout, row, Path(temporary))["content_sha256"]
            if repeated != content_of(batch, row):
                tell(f"{row.run_id}: made again, its content is another")
                different.append(row.run_id)
    if chosen:
        same = len(chosen) - len(different)
        tell(f"{same} of {len(chosen)} runs made again have the same content")
    return Verification(finished, damaged, [row.run_id for row in chosen], different)


def content_of(batch: Batch, row: Row) -> str | None:
    """Return the content hash of a finished run; None without one, or if its mark is damaged."""
    try:
        mark = read_mark(batch.layout, row.run_id)
    except BatchFolderError:
        return None
    return None if mark is None else str(mark["content_sha256"])
