"""The batch command: its options, what it prints, its exit codes.

====  ==========================================================
code  meaning
====  ==========================================================
0     every run is done
1     the batch could not be run, or stopped on an error
2     the options, the space, the world or the engine are mistaken
3     some runs failed and were set aside; the others are done
130   interrupted; ``--resume`` continues
====  ==========================================================
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from ecosim.batch.executors import LocalExecutor
from ecosim.batch.ledger import read_ledger
from ecosim.batch.options import BatchSettings
from ecosim.batch.prepare import (
    Batch,
    create_batch,
    differences,
    discard_batch,
    open_batch,
)
from ecosim.batch.progress import progress_for, rate_text
from ecosim.batch.runner import BatchReport, batch_report, run_batch
from ecosim.batch.summary import failure_groups, summarize, summary_text
from ecosim.errors import BatchFolderError, EngineError

EXIT_DONE: Final = 0
EXIT_ERROR: Final = 1
EXIT_MISTAKE: Final = 2
EXIT_SOME_FAILED: Final = 3
EXIT_INTERRUPTED: Final = 130

_SHOWN_RUNS: Final = 3


def run_command(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Do what the parsed options say and return the exit code.

    Raises
    ------
    EcosimError
        As the library does; nothing was left half-made.
    """
    if arguments.action == "status":
        return _status(arguments.directory)
    if arguments.out is None:
        parser.error("--out DIR is required")
    if arguments.force and not arguments.resume:
        parser.error("--force goes with --resume")
    names = [field.name for field in fields(BatchSettings)]
    given = {name: getattr(arguments, name) for name in names if name in arguments}
    with _warnings_as_lines():
        batch = _resumed(arguments, given) if arguments.resume else _created(arguments, given)
    workers = arguments.workers or _cores()
    print(
        f"batch {batch.plan.batch_id}: {len(batch.rows)} runs of {batch.plan.world}, "
        f"{batch.plan.ticks} ticks each, {workers} at a time, into {batch.layout.root}"
    )
    stop = threading.Event()
    with LocalExecutor(batch.layout.root, workers, arguments.run_timeout) as executor:
        try:
            executor.probe()
        except EngineError:
            if not arguments.resume:
                discard_batch(batch)
            raise
        with _stopped_by_signals(stop):
            report = run_batch(
                batch, executor, progress_for(sys.stdout), retries=arguments.retries, stop=stop
            )
    return _conclude(batch, report)


def _created(arguments: argparse.Namespace, given: dict[str, Any]) -> Batch:
    settings = BatchSettings(**{**asdict(BatchSettings()), **given})
    return create_batch(settings, arguments.out)


def _resumed(arguments: argparse.Namespace, given: dict[str, Any]) -> Batch:
    batch = open_batch(arguments.out)
    different = differences(batch.plan, given)
    if different and not arguments.force:
        lines = "\n".join(f"  {line}" for line in different)
        raise BatchFolderError(
            f"{arguments.out}: expected the settings and versions of the batch "
            f"(--force continues all the same):\n{lines}"
        )
    return batch


def _conclude(batch: Batch, report: BatchReport) -> int:
    """Print how the batch ended, and return the exit code."""
    layout = batch.layout
    left = report.total - report.done - len(report.failed)
    print(f"\n{report.done} of {report.total} runs done, {len(report.failed)} failed, {left} left")
    for line in _failure_lines(report):
        print(line)
    if report.done:
        print(f"\n{summary_text(summarize(layout))}")
    print(f"\ndata: {layout.runs}{os.sep}<run_id>{os.sep}, design: {layout.design}")
    again = f"--out {shlex.quote(str(layout.root))} --resume"
    if report.ending == "interrupted":
        print(f"interrupted; the same command with {again} continues", file=sys.stderr)
        return EXIT_INTERRUPTED
    if report.ending == "no_space":
        print(f"error: the output could not be written: {report.reason}\n"
              f"make room, then the same command with {again} continues",
              file=sys.stderr)  # fmt: skip
        return EXIT_ERROR
    return EXIT_SOME_FAILED if report.failed else EXIT_DONE


def _failure_lines(report: BatchReport) -> Iterator[str]:
    errors = {run_id: f"{last.status}: {last.error}" for run_id, last in report.failed.items()}
    for reason, run_ids in failure_groups(errors):
        shown = ", ".join(run_ids[:_SHOWN_RUNS]) + (", ..." if len(run_ids) > _SHOWN_RUNS else "")
        yield f"  {len(run_ids)} x {reason} ({shown})"


def _status(folder: Path) -> int:
    """Print how a batch stands."""
    batch = open_batch(folder)
    report = batch_report(batch)
    left = report.total - report.done - len(report.failed)
    print(f"batch {batch.plan.batch_id}: {batch.plan.world}, {batch.plan.ticks} ticks a run")
    print(f"{report.done} of {report.total} runs done, {len(report.failed)} failed, {left} left")
    seconds = [attempt.seconds for attempt in read_ledger(batch.layout) if attempt.status == "done"]
    if seconds:
        mean = sum(seconds) / len(seconds)
        print(f"{mean:.2f} s a run, {rate_text(1 / mean if mean else None)} a worker")
    for line in _failure_lines(report):
        print(line)
    return EXIT_SOME_FAILED if report.failed else EXIT_DONE


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and a termination request set the event instead of ending the process."""

    def request(number: int, frame: object) -> None:
        stop.set()

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print each different warning once, as one line on standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"warning: {text}", file=sys.stderr)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
