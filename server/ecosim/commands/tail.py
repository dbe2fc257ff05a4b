"""``ecosim tail``: follow a run, or the runs of a batch, in the terminal."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Final

from ecosim.batch.exit_codes import EXIT_DONE, EXIT_INTERRUPTED
from ecosim.commands.command import Command

_INTERVAL: Final = 0.5


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.01 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"expected seconds from 0.01 to 3600, got {text!r}")
    return value


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directory",
        type=Path,
        metavar="DIR",
        help="a folder with a run (of several, the newest), its telemetry file, or a batch folder "
        "(the newest run being made, then the next)",
    )
    parser.add_argument(
        "--once", action="store_true", help="print how it stands now, as lines, and return"
    )
    parser.add_argument(
        "--interval",
        type=_seconds,
        metavar="S",
        default=_INTERVAL,
        help="seconds between looks at the files (%(default)s)",
    )


def _run(arguments: argparse.Namespace) -> int:
    from ecosim.stopping import stopped_by_signals
    from ecosim.tail.session import follow, show_once

    if arguments.once:
        show_once(arguments.directory, print)
        return EXIT_DONE
    with stopped_by_signals() as stop:
        follow(arguments.directory, interval=arguments.interval, stop=stop, out=sys.stdout)
    return EXIT_INTERRUPTED if stop.is_set() else EXIT_DONE


COMMAND = Command(
    name="tail",
    help="follow a run, or the runs of a batch, in the terminal",
    examples=(
        "ecosim tail out/one",
        "ecosim tail out/demo --interval 2",
        "ecosim tail out/demo/runs/64310eb9-00000 --once",
    ),
    add_options=_add_options,
    run=_run,
)
