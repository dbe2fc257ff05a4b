"""The batch command: from parsed options to a finished batch and its exit code."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from ecosim.batch.actions import failure_lines, merge_shards, rerun_one, show_status, verify_batch
from ecosim.batch.executors import Executor, LocalExecutor
from ecosim.batch.exit_codes import EXIT_DONE, EXIT_ERROR, EXIT_INTERRUPTED, EXIT_SOME_FAILED
from ecosim.batch.options import BatchSettings
from ecosim.batch.prepare import (
    Batch,
    create_batch,
    differences,
    discard_batch,
    extend_batch,
    open_batch,
)
from ecosim.batch.progress import progress_for
from ecosim.batch.runner import BatchReport, run_batch
from ecosim.batch.summary import summarize, summary_text
from ecosim.errors import BatchFolderError
from ecosim.stopping import stopped_by_signals


def run_command(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Do what the parsed options say and return the exit code.

    Raises
    ------
    EcosimError
        As the library does; nothing was left half-made.
    """
    if arguments.action == "status":
        return show_status(arguments.directory)
    if arguments.action == "verify":
        return verify_batch(arguments.directory, arguments.rerun)
    if arguments.action == "rerun":
        return rerun_one(arguments.directory, arguments.run_id, arguments.into)
    if arguments.action == "merge":
        return merge_shards(arguments.directories, arguments.into)
    if arguments.out is None:
        parser.error("--out DIR is required")
    onward = arguments.resume or arguments.extend is not None
    if arguments.force and not onward:
        parser.error("--force goes with --resume or --extend")
    names = [field.name for field in fields(BatchSettings)]
    given = {name: getattr(arguments, name) for name in names if name in arguments}
    if "design" in given and given.keys() & {"sampler", "n"}:
        parser.error("--design takes the place of --sampler and -n")
    if (arguments.executor == "dask") is not (arguments.scheduler is not None):
        parser.error("--executor dask and --scheduler ADDR go together")
    if arguments.workers is not None and arguments.executor == "dask":
        parser.error("--workers goes with --executor local: a cluster has the workers it has")
    with _warnings_as_lines():
        batch = _continued(arguments, given) if onward else _created(arguments, given)
    with contextlib.ExitStack() as unless_begun:
        if not onward:
            unless_begun.callback(discard_batch, batch)
        with _executor(arguments, batch) as executor:
            shard = "" if batch.plan.shard is None else f" (shard {batch.plan.shard})"
            print(
                f"batch {batch.plan.batch_id}{shard}: {len(batch.own_indices())} runs of "
                f"{batch.plan.world}, {batch.plan.ticks} ticks each, {executor.describe()}, "
                f"into {batch.layout.root}"
            )
            executor.probe()
            unless_begun.pop_all()
            with stopped_by_signals() as stop:
                report = run_batch(
                    batch, executor, progress_for(sys.stdout), retries=arguments.retries, stop=stop
                )
    return _conclude(batch, report)


def _executor(arguments: argparse.Namespace, batch: Batch) -> Executor:
    if arguments.executor == "local":
        return LocalExecutor(
            batch.layout.root, arguments.workers or _cores(), arguments.run_timeout
        )
    from ecosim.batch.cluster import DaskExecutor

    return DaskExecutor(batch, arguments.scheduler, arguments.run_timeout)


def _created(arguments: argparse.Namespace, given: dict[str, Any]) -> Batch:
    settings = BatchSettings(**{**asdict(BatchSettings()), **given})
    return create_batch(settings, arguments.out)


def _continued(arguments: argparse.Namespace, given: dict[str, Any]) -> Batch:
    batch = open_batch(arguments.out)
    different = differences(batch.plan, given)
    if different and not arguments.force:
        lines = "\n".join(f"  {line}" for line in different)
        raise BatchFolderError(
            f"{arguments.out}: expected the settings and versions of the batch "
            f"(--force continues all the same):\n{lines}"
        )
    return batch if arguments.extend is None else extend_batch(batch, arguments.extend)


def _conclude(batch: Batch, report: BatchReport) -> int:
    """Print how the batch ended, and return the exit code."""
    layout = batch.layout
    left = report.total - report.done - len(report.failed)
    print(f"\n{report.done} of {report.total} runs done, {len(report.failed)} failed, {left} left")
    for line in failure_lines(report):
        print(line)
    if report.done:
        print(f"\n{summary_text(summarize(layout))}")
    print(f"\ndata: {layout.runs}{os.sep}<run_id>{os.sep}, design: {layout.design}")
    again = f"ecosim batch --out {shlex.quote(str(layout.root))} --resume"
    if report.ending == "interrupted":
        print(f"interrupted; {again} continues", file=sys.stderr)
        return EXIT_INTERRUPTED
    if report.ending == "stopped":
        print(f"error: the batch could not go on: {report.reason}\n"
              f"{report.advice}, then {again} continues", file=sys.stderr)  # fmt: skip
        return EXIT_ERROR
    return EXIT_SOME_FAILED if report.failed else EXIT_DONE


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
