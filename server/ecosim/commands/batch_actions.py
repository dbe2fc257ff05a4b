"""The commands for a batch that is there: status, verify, rerun, merge."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ecosim.batch.actions import content_of, report_keys, status_keys, verify
from ecosim.batch.exit_codes import EXIT_DONE, EXIT_ERROR, EXIT_SOME_FAILED
from ecosim.batch.merge import merge_batches
from ecosim.batch.prepare import open_batch
from ecosim.batch.progress import rate_text
from ecosim.batch.runner import batch_report
from ecosim.batch.verify import find_row, rerun
from ecosim.commands.batch_run import counts_line, damage_lines, failure_lines, resume_hint
from ecosim.commands.output import Output
from ecosim.printable import printable


def show_status(arguments: argparse.Namespace) -> int:
    """Print how a batch stands, and return the exit code."""
    output = Output(arguments)
    told = status_keys(open_batch(arguments.directory))
    output.line(f"batch {told['batch_id']}: {told['world']}, {told['ticks']} ticks a run")
    output.line(counts_line(told))
    if told["state"] == "running":
        output.line(f"running, {told['in_progress']} in progress")
    elif told["state"] == "unfinished":
        output.line(f"not running; {resume_hint(told['folder'])} continues")
    if seconds := told["seconds_per_run"]:
        output.line(f"{seconds:.2f} s a run, {rate_text(1 / seconds)} a worker")
    for line in failure_lines(told["failures"]):
        output.line(line)
    for line in damage_lines(told["damaged"], told["folder"]):
        output.line(line)
    output.document(told)
    return EXIT_SOME_FAILED if told["failed"] else EXIT_DONE


def show_verification(arguments: argparse.Namespace) -> int:
    """Hash every finished run again and rerun some; print what differs, return the exit code."""
    output = Output(arguments)
    batch = open_batch(arguments.directory)
    found = verify(batch, arguments.rerun, output.line)
    output.document(
        {
            "batch_id": batch.plan.batch_id,
            "sound": found.sound,
            "finished": found.finished,
            "damaged": found.damaged,
            "repeated": found.repeated,
            "different": found.different,
        }
    )
    return EXIT_DONE if found.sound else EXIT_ERROR


def rerun_one(arguments: argparse.Namespace) -> int:
    """Make one run again beside its batch, and return the exit code."""
    output = Output(arguments)
    into: Path = arguments.into
    batch = open_batch(arguments.directory)
    row = find_row(batch, arguments.run_id)
    repeated = rerun(batch.layout, row, into)["content_sha256"]
    output.line(f"data: {into / row.run_id}")
    first = content_of(batch, row)
    same = None if first is None else first == repeated
    output.line(
        {
            None: "the batch has no finished run to compare it with",
            True: "the same content as in the batch",
            False: "another content than in the batch",
        }[same]
    )
    output.document(
        {
            "run_id": row.run_id,
            "data": str(into / row.run_id),
            "content_sha256": repeated,
            "batch_content_sha256": first,
            "same": same,
        }
    )
    return EXIT_ERROR if same is False else EXIT_DONE


def merge_shards(arguments: argparse.Namespace) -> int:
    """Join the folders of the shards of a batch, and return the exit code."""
    output = Output(arguments)
    into: Path = arguments.into
    merged = merge_batches([open_batch(folder) for folder in arguments.directories], into)
    batch = merged.batch
    keys = report_keys(batch_report(batch))
    output.line(counts_line(keys))
    for line in merged.left_out.values():
        print(f"warning: left out: {printable(line)}", file=sys.stderr)
    output.line(f"data: {batch.layout.runs}")
    if keys["left"]:
        output.line(f"{resume_hint(into)} makes what is left")
    output.document(
        {"batch_id": batch.plan.batch_id, "folder": str(into), **keys, "left_out": merged.left_out}
    )
    return EXIT_SOME_FAILED if keys["failed"] else EXIT_DONE
