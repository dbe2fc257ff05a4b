"""What the batch command can do with batches that are there: status, verify, rerun, merge."""

from __future__ import annotations

import random
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ecosim.batch.execution import read_mark
from ecosim.batch.exit_codes import EXIT_DONE, EXIT_ERROR, EXIT_SOME_FAILED
from ecosim.batch.ledger import read_ledger
from ecosim.batch.merge import merge_batches
from ecosim.batch.prepare import Batch, open_batch
from ecosim.batch.progress import rate_text
from ecosim.batch.rows import Row
from ecosim.batch.runner import BatchReport, batch_report
from ecosim.batch.summary import failure_groups
from ecosim.batch.verify import damaged_runs, find_row, rerun, some_finished

_SHOWN_RUNS: Final = 3


def failure_lines(report: BatchReport) -> Iterator[str]:
    """Yield one line for each reason for which runs were set aside."""
    errors = {run_id: f"{last.status}: {last.error}" for run_id, last in report.failed.items()}
    for reason, run_ids in failure_groups(errors):
        shown = ", ".join(run_ids[:_SHOWN_RUNS]) + (", ..." if len(run_ids) > _SHOWN_RUNS else "")
        yield f"  {len(run_ids)} x {reason} ({shown})"


def show_status(folder: Path) -> int:
    """Print how a batch stands, and return the exit code."""
    batch = open_batch(folder)
    report = batch_report(batch)
    left = report.total - report.done - len(report.failed)
    print(f"batch {batch.plan.batch_id}: {batch.plan.world}, {batch.plan.ticks} ticks a run")
    print(f"{report.done} of {report.total} runs done, {len(report.failed)} failed, {left} left")
    seconds = [attempt.seconds for attempt in read_ledger(batch.layout) if attempt.status == "done"]
    if seconds:
        mean = sum(seconds) / len(seconds)
        print(f"{mean:.2f} s a run, {rate_text(1 / mean if mean else None)} a worker")
    for line in failure_lines(report):
        print(line)
    return EXIT_SOME_FAILED if report.failed else EXIT_DONE


def verify_batch(folder: Path, reruns: int) -> int:
    """Hash every finished run again and rerun some; print what differs, return the exit code."""
    batch = open_batch(folder)
    finished = len(batch.layout.finished())
    bad = 0
    for run_id, problem in damaged_runs(batch):
        print(f"{run_id}: {problem}")
        bad += 1
    print(f"{finished - bad} of {finished} finished runs have the content of their marks")
    chosen = some_finished(batch, reruns, random.Random())
    same = 0
    with tempfile.TemporaryDirectory(prefix="ecosim-verify-") as temporary:
        for row in chosen:
            repeated = rerun(batch.layout, row, Path(temporary))["content_sha256"]
            if repeated == _content(batch, row):
                same += 1
            else:
                print(f"{row.run_id}: made again, its content is another")
    if chosen:
        print(f"{same} of {len(chosen)} runs made again have the same content")
    return EXIT_DONE if bad == 0 and same == len(chosen) else EXIT_ERROR


def rerun_one(folder: Path, run_id: str, into: Path) -> int:
    """Make one run again beside its batch, and return the exit code."""
    batch = open_batch(folder)
    row = find_row(batch, run_id)
    repeated = rerun(batch.layout, row, into)["content_sha256"]
    print(f"data: {into / run_id}")
    first = _content(batch, row)
    if first is None:
        print("the batch has no finished run to compare it with")
        return EXIT_DONE
    same = first == repeated
    print("the same content as in the batch" if same else "another content than in the batch")
    return EXIT_DONE if same else EXIT_ERROR


def merge_shards(folders: list[Path], into: Path) -> int:
    """Join the folders of the shards of a batch, and return the exit code."""
    batch = merge_batches([open_batch(folder) for folder in folders], into)
    report = batch_report(batch)
    left = report.total - report.done - len(report.failed)
    print(f"{report.done} of {report.total} runs done, {len(report.failed)} failed, {left} left")
    print(f"data: {batch.layout.runs}")
    if left:
        print(f"ecosim batch --out {shlex.quote(str(into))} --resume makes what is left")
    return EXIT_SOME_FAILED if report.failed else EXIT_DONE


def _content(batch: Batch, row: Row) -> str | None:
    mark = read_mark(batch.layout, row.run_id)
    return None if mark is None else str(mark["content_sha256"])
