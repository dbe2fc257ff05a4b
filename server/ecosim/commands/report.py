"""``ecosim report``: one HTML file that shows a run or a batch."""

from __future__ import annotations

import argparse
from pathlib import Path

from ecosim.batch.exit_codes import EXIT_DONE
from ecosim.commands.command import Command
from ecosim.commands.output import Output, add_output_options


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directory",
        type=Path,
        metavar="DIR",
        help="a batch folder, a folder with one run, or the telemetry file of a run",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the HTML file (of a batch DIR/report.html, of a run <run_id>_report.html beside it, "
        "of a run in a batch under reports/ of the batch)",
    )
    parser.add_argument("--force", action="store_true", help="replace a file of that name")
    add_output_options(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ecosim.report.texts import bytes_text
    from ecosim.report.write import write_report

    output = Output(arguments)
    path = write_report(arguments.directory, arguments.out, force=arguments.force)
    size = path.stat().st_size
    output.line(f"report: {path}, {bytes_text(size)}")
    output.document({"report": str(path), "bytes": size})
    return EXIT_DONE


COMMAND = Command(
    name="report",
    help="write one HTML file that shows a run or a batch",
    examples=(
        "ecosim report out/demo",
        "ecosim report out/one --out one.html",
        "ecosim report out/demo/runs/64310eb9-00000 --out run.html --force",
    ),
    add_options=_add_options,
    run=_run,
    json_keys={"report": "the HTML file", "bytes": "its size"},
)
