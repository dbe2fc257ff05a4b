"""``ecosim collect``: the dataset of a batch from its runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from ecosim.batch.exit_codes import EXIT_DONE
from ecosim.commands.command import Command
from ecosim.commands.output import Output, add_output_options, group_lines
from ecosim.commands.progress import progress


def collect_into(output: Output, folder: Path) -> dict[str, Any]:
    """Build or update the dataset of a batch, print what it holds, and return the same as JSON."""
    from ecosim.batch.summary import failure_groups
    from ecosim.datasets.collect import collect, dataset_folder

    with progress(sys.stderr, "runs", quiet=output.quiet) as advanced:
        collected = collect(folder, advanced)
    output.line(f"dataset: {dataset_folder(folder)}, {collected.runs} runs")
    for line in group_lines(failure_groups(collected.left_out)):
        output.line(f"left out: {line}")
    return {
        "dataset": str(dataset_folder(folder)),
        "runs": collected.runs,
        "left_out": collected.left_out,
    }


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, metavar="DIR", help="the batch folder")
    add_output_options(parser)


def _run(arguments: argparse.Namespace) -> int:
    output = Output(arguments)
    output.document(collect_into(output, arguments.directory))
    return EXIT_DONE


COMMAND: Final = Command(
    name="collect",
    help="build the dataset of a batch from its runs, or bring it up to date",
    examples=("ecosim collect out/batch", "ecosim collect out/batch --json"),
    add_options=_add_options,
    run=_run,
    json_keys={
        "dataset": "folder of the tables",
        "runs": "finished runs in it",
        "left_out": "run id to the reason why it has no data in it",
    },
)
