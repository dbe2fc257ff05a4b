"""Start or continue a batch: from parsed options to its end and the exit code."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from ecosim.batch.actions import report_keys
from ecosim.batch.executors import Executor, LocalExecutor
from ecosim.batch.exit_codes import EXIT_DONE, EXIT_ERROR, EXIT_INTERRUPTED, EXIT_SOME_FAILED
from ecosim.batch.options import EXECUTORS, BatchSettings
from ecosim.batch.prepare import (
    Batch,
    create_batch,
    differences,
    discard_batch,
    extended_batch,
    open_batch,
    write_extension,
)
from ecosim.batch.progress import progress_for
from ecosim.batch.runner import BatchReport, run_batch
from ecosim.batch.summary import summarize, summary_text
from ecosim.commands.collect import collect_into
from ecosim.commands.output import Output, group_lines, warnings_as_lines
from ecosim.errors import BatchFolderError
from ecosim.printable import printable
from ecosim.stopping import interrupted_by_signals, stopped_by_signals
from ecosim.telemetry_parquet import load_pyarrow

#: Those options that have a default and are no setting of the batch itself.
_DEFAULTS: Final = {
    "out": None,
    "executor": EXECUTORS[0],
    "scheduler": None,
    "workers": None,
    "run_timeout": None,
    "retries": None,
    "format": None,
    "resume": False,
    "extend": None,
    "force": False,
}


def run_command(arguments: argparse.Namespace) -> int:
    """Do what the parsed options say and return the exit code.

    Raises
    ------
    EcosimError
        As the library does; nothing was left half-made.
    """
    chosen = argparse.Namespace(**{**_DEFAULTS, **vars(arguments)})
    names = [field.name for field in fields(BatchSettings)]
    given = {name: getattr(arguments, name) for name in names if name in arguments}
    _refuse_contradictions(chosen, given)
    dataset = bool(importlib.util.find_spec("pyarrow"))
    if chosen.format is not None:
        dataset = "parquet" in chosen.format
        if dataset:
            load_pyarrow()
    output = Output(arguments)
    onward = chosen.resume or chosen.extend is not None
    with contextlib.ExitStack() as unless_begun, interrupted_by_signals():
        with warnings_as_lines():
            batch = _continued(chosen, given) if onward else _created(chosen, given)
        if not onward:
            unless_begun.callback(discard_batch, batch)
        with _executor(chosen, batch) as executor:
            shard = "" if batch.plan.shard is None else f" (shard {batch.plan.shard})"
            output.line(
                f"batch {batch.plan.batch_id}{shard}: {len(batch.own_indices())} runs of "
                f"{batch.plan.world}, {batch.plan.ticks} ticks each, {executor.describe()}, "
                f"into {batch.layout.root}"
            )
            if note := executor.probe():
                output.note(note)
            if chosen.extend is not None:
                write_extension(batch)
            unless_begun.pop_all()
            progress = progress_for(sys.stderr, quiet=output.quiet)
            with stopped_by_signals() as stop:
                report = run_batch(batch, executor, progress, retries=chosen.retries, stop=stop)
    code = _conclude(output, batch, report)
    collected = None
    # A shard is a part: the dataset is for the folder that the shards are merged into.
    if report.ending == "finished" and dataset and batch.plan.shard is None:
        collected = collect_into(output, batch.layout.root)
    output.document(
        {
            "batch_id": batch.plan.batch_id,
            "folder": str(batch.layout.root),
            "ending": report.ending,
            "reason": report.reason,
            **report_keys(report),
            "dataset": collected,
        }
    )
    return code


def failure_lines(failures: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one line for each reason for which runs were set aside."""
    groups = ((str(failure["reason"]), failure["runs"]) for failure in failures)
    return [f"  {line}" for line in group_lines(groups)]


def damage_lines(damaged: Mapping[str, str], folder: object) -> list[str]:
    """Return a line for each run whose mark cannot be read, and what to do about them."""
    if not damaged:
        return []
    advice = f"delete the folder of a run like this, then {resume_hint(folder)} makes it again"
    return [*damaged.values(), advice]


def counts_line(keys: Mapping[str, Any]) -> str:
    """Return how many runs are done, failed and left."""
    return (
        f"{keys['done']} of {keys['total']} runs done, {keys['failed']} failed, {keys['left']} left"
    )


def resume_hint(folder: object) -> str:
    """Return the command that continues a batch."""
    return f"ecosim batch --out {shlex.quote(str(folder))} --resume"


def _refuse_contradictions(chosen: argparse.Namespace, given: Mapping[str, Any]) -> None:
    error = chosen.parser.error
    if chosen.out is None:
        error("--out DIR is required")
    if chosen.force and not (chosen.resume or chosen.extend is not None):
        error("--force goes with --resume or --extend")
    if "design" in given and given.keys() & {"sampler", "n"}:
        error("--design takes the place of --sampler and -n")
    if (chosen.executor == "dask") is not (chosen.scheduler is not None):
        error("--executor dask and --scheduler ADDR go together")
    if chosen.workers is not None and chosen.executor == "dask":
        error("--workers goes with --executor local: a cluster has the workers it has")


def _executor(chosen: argparse.Namespace, batch: Batch) -> Executor:
    if chosen.executor == "local":
        return LocalExecutor(batch.layout.root, chosen.workers or _cores(), chosen.run_timeout)
    from ecosim.batch.cluster import DaskExecutor

    return DaskExecutor(batch, chosen.scheduler, chosen.run_timeout)


def _created(chosen: argparse.Namespace, given: Mapping[str, Any]) -> Batch:
    settings = BatchSettings(**{**asdict(BatchSettings()), **given})
    return create_batch(settings, chosen.out)


def _continued(chosen: argparse.Namespace, given: Mapping[str, Any]) -> Batch:
    batch = open_batch(chosen.out)
    different = differences(batch.plan, given)
    if different and not chosen.force:
        lines = "\n".join(f"  {line}" for line in different)
        raise BatchFolderError(
            f"{chosen.out}: expected the settings and versions of the batch "
            f"(--force continues all the same):\n{lines}"
        )
    return batch if chosen.extend is None else extended_batch(batch, chosen.extend)


def _conclude(output: Output, batch: Batch, report: BatchReport) -> int:
    """Print how the batch ended, and return the exit code."""
    layout = batch.layout
    keys = report_keys(report)
    output.line(f"\n{counts_line(keys)}")
    for line in failure_lines(keys["failures"]):
        output.line(line)
    for line in damage_lines(report.damaged, layout.root):
        print(printable(line), file=sys.stderr)
    if report.done and not (output.json or output.quiet):
        output.line(f"\n{summary_text(summarize(layout))}")
    output.line(f"\ndata: {layout.runs}{os.sep}<run_id>{os.sep}, design: {layout.design}")
    if report.ending == "interrupted":
        print(f"interrupted; {resume_hint(layout.root)} continues", file=sys.stderr)
        return EXIT_INTERRUPTED
    if report.ending == "stopped":
        print(f"error: the batch could not go on: {report.reason}", file=sys.stderr)
        print(f"{report.advice}, then {resume_hint(layout.root)} continues", file=sys.stderr)
        return EXIT_ERROR
    if report.damaged:
        return EXIT_ERROR
    return EXIT_SOME_FAILED if report.failed else EXIT_DONE


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
