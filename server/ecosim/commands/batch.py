"""``ecosim batch``: a sampled parameter space, and what can be done with a batch that is there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from ecosim.batch.options import (
    DEFAULT_RERUN_FOLDER,
    DEFAULT_RERUNS,
    DEFAULT_RETRIES,
    EXECUTORS,
    FORMATS,
    BatchSettings,
)
from ecosim.batch.samplers import SAMPLERS, SEED_MODES
from ecosim.commands.command import Command
from ecosim.commands.output import add_output_options
from ecosim.commands.values import count, integer, positive, seconds, seed
from ecosim.telemetry_config import TelemetryConfig

_COUNTS: Final = {
    "total": "runs of the folder",
    "done": "runs that are whole",
    "failed": "runs that were set aside",
    "left": "runs that are neither",
    "failures": "list of objects: `reason`, and `runs`, the ids of the runs it befell",
    "damaged": "run id to what is wrong with its mark; such a run counts as left, and --resume "
    "makes it again when its folder is deleted",
}


def _batch_options(parser: argparse.ArgumentParser) -> None:
    _add_options(parser)
    parser.usage = f"{parser.prog} [OPTION ...] --out DIR\n       {parser.prog} ACTION ..."


def _add_options(parser: argparse.ArgumentParser) -> None:
    # Nothing has a default here: the parser can then tell what was said, and so what to refuse.
    parser.argument_default = argparse.SUPPRESS
    default = BatchSettings()
    what = parser.add_argument_group("what to run").add_argument
    what("--world", metavar="WORLD", help=f"world file or shipped name ({default.world})")
    what("--space", metavar="SPACE", help=f"space file or shipped name ({default.space})")
    what("--sampler", choices=SAMPLERS, help=f"how to sample ({default.sampler})")
    what("-n", type=integer, metavar="N", help=f"sample size in the sampler's sense ({default.n})")
    what("--design", type=Path, metavar="FILE",
         help="a CSV table of runs in place of --sampler and -n")  # fmt: skip
    what("--ticks", type=integer, metavar="T", help=f"ticks a run ({default.ticks})")
    what("--interval", type=integer, metavar="K", help="ticks between samples (the world's "
         f"own, else {TelemetryConfig.interval})")  # fmt: skip
    what("--seed", type=seed, metavar="X",
         help=f"seed of the design and of the runs ({default.seed})")  # fmt: skip
    what("--seed-mode", choices=SEED_MODES, help="which runs share a seed: none, all, or those of "
         f"one block of a design for indices ({default.seed_mode})")  # fmt: skip
    what("--engine", metavar="MODULE:CALLABLE", help="make(world: dict, *, seed: int) -> engine "
         f"({default.engine})")  # fmt: skip
    what(
        "--shard", metavar="I/N", help="run every Nth row, from the Ith; 'merge' joins the folders"
    )
    where = parser.add_argument_group("where and how").add_argument
    where("--out", type=Path, metavar="DIR",
          help="the batch folder, new or empty unless --resume or --extend; required")  # fmt: skip
    where("--executor", choices=EXECUTORS,
          help=f"make runs on this machine or on a Dask cluster ({EXECUTORS[0]})")  # fmt: skip
    where("--scheduler", metavar="ADDR",
          help="with --executor dask: tcp://HOST:PORT, or the scheduler's file")  # fmt: skip
    where("--workers", type=positive, metavar="P",
          help="with --executor local: runs at a time (one a core)")  # fmt: skip
    where("--run-timeout", type=seconds, metavar="S", help="end a run after S seconds (never)")
    where("--retries", type=count, metavar="R",
          help="further attempts at a run whose process died (what the batch was last run with, "
          f"else {DEFAULT_RETRIES})")  # fmt: skip
    where("--format", type=_formats, metavar="FORMATS", help=f"{FORMATS[0]}: the files of the runs "
          f"alone; {FORMATS[1]}: the dataset too (where pyarrow is installed)")  # fmt: skip
    going = parser.add_argument_group("going on")
    onward = going.add_mutually_exclusive_group()
    onward.add_argument("--resume", action="store_true", help="continue the batch in --out; "
                        "settings that are given must be its own")  # fmt: skip
    onward.add_argument("--extend", type=positive, metavar="M",
                        help="continue it and add M runs of the same Sobol sequence")  # fmt: skip
    going.add_argument("--force", action="store_true", help="with --resume or --extend: continue "
                       "although versions or settings differ; the batch keeps its own")  # fmt: skip
    add_output_options(parser)


def _formats(text: str) -> str:
    if text not in FORMATS:
        raise argparse.ArgumentTypeError(
            f"expected {' or '.join(FORMATS)} (the dataset is made from the JSON lines), got {text}"
        )
    return text


def _run(arguments: argparse.Namespace) -> int:
    from ecosim.commands.batch_run import run_command

    return run_command(arguments)


def _status_options(parser: argparse.ArgumentParser) -> None:
    _directory(parser)
    add_output_options(parser)


def _directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, metavar="DIR", help="the batch folder")


def _verify_options(parser: argparse.ArgumentParser) -> None:
    _directory(parser)
    parser.add_argument("--rerun", type=count, metavar="K", default=DEFAULT_RERUNS,
                        help="finished runs to make again, by chance (%(default)s)")  # fmt: skip
    add_output_options(parser)


def _rerun_options(parser: argparse.ArgumentParser) -> None:
    _directory(parser)
    parser.add_argument("run_id", metavar="RUN_ID", help="the run, as design.csv names it")
    parser.add_argument("--into", type=Path, metavar="DIR", default=Path(DEFAULT_RERUN_FOLDER),
                        help="folder to leave it in (%(default)s)")  # fmt: skip
    add_output_options(parser)


def _merge_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directories", type=Path, metavar="DIR", nargs="+",
                        help="the folders of the shards")  # fmt: skip
    parser.add_argument("--into", type=Path, metavar="DIR", required=True,
                        help="the joined batch folder, new or empty; required")  # fmt: skip
    add_output_options(parser)


def _status(arguments: argparse.Namespace) -> int:
    from ecosim.commands.batch_actions import show_status

    return show_status(arguments)


def _verify(arguments: argparse.Namespace) -> int:
    from ecosim.commands.batch_actions import show_verification

    return show_verification(arguments)


def _rerun(arguments: argparse.Namespace) -> int:
    from ecosim.commands.batch_actions import rerun_one

    return rerun_one(arguments)


def _merge(arguments: argparse.Namespace) -> int:
    from ecosim.commands.batch_actions import merge_shards

    return merge_shards(arguments)


_RUN_KEYS: Final = {
    "batch_id": "stem of the run ids",
    "folder": "the batch folder",
    "ending": "`finished`: every run is done or set aside; `interrupted`; `stopped`: on an error",
    "reason": "why it ended before its end, else empty",
    **_COUNTS,
    "dataset": "as `ecosim collect --json` prints it, or null",
}

_STATUS: Final = Command(
    name="status",
    help="tell how a batch stands, while it runs or afterwards",
    examples=("ecosim batch status out/batch", "ecosim batch status out/batch --json"),
    add_options=_status_options,
    run=_status,
    json_keys={
        "batch_id": "stem of the run ids",
        "folder": "as it was given",
        "state": "`running`: a batch command works at it now; `unfinished`: none does and runs are "
        "left, --resume continues; `finished`",
        "world": "as whoever began the batch called it",
        "sampler": "`sobol`, `saltelli`, `lhs`, `morris` or `table`",
        "n": "sample size in the sampler's sense",
        "seed": "of the design and of the runs",
        "ticks": "ticks a run",
        "interval": "ticks between samples",
        "shard": "`I/N`, or null",
        **_COUNTS,
        "in_progress": "runs being made now, as far as this machine sees them",
        "seconds_per_run": "mean wall time of the runs done, or null before the first",
    },
)

_VERIFY: Final = Command(
    name="verify",
    help="hash every finished run of a batch again, and make a few again to compare",
    examples=("ecosim batch verify out/batch", "ecosim batch verify out/batch --rerun 8 --json"),
    add_options=_verify_options,
    run=_verify,
    json_keys={
        "batch_id": "stem of the run ids",
        "sound": "true or false; false goes with exit code 1",
        "finished": "runs that were hashed",
        "damaged": "run id to how its files differ from its mark",
        "repeated": "ids of the runs that were made again",
        "different": "ids of those whose content was another",
    },
)

_RERUN: Final = Command(
    name="rerun",
    help="make one run of a batch again, beside it; of a failed run it shows the traceback",
    examples=("ecosim batch rerun out/batch 7a2f10e3-00003 --into out/again",),
    add_options=_rerun_options,
    run=_rerun,
    json_keys={
        "run_id": "the run",
        "data": "folder of its files",
        "content_sha256": "hash of what was made",
        "batch_content_sha256": "hash of the run in the batch; null where it has none",
        "same": "whether the two are equal; null where there is nothing to compare",
    },
)

_MERGE: Final = Command(
    name="merge",
    help="join the folders of the shards of a batch",
    examples=("ecosim batch merge out/part1 out/part2 --into out/whole",),
    add_options=_merge_options,
    run=_merge,
    json_keys={
        "batch_id": "stem of the run ids",
        "folder": "the joined folder",
        **_COUNTS,
        "left_out": "run id to what is wrong with its files, of runs without a sound copy",
    },
)

_EXAMPLES: Final = (
    "ecosim batch --world demo --space default -n 64 --ticks 2000 --out out/batch",
    "ecosim batch --out out/batch --resume",
    "ecosim batch --out out/batch --extend 64",
    "ecosim batch --design runs.csv --world my_world.json --out out/table --json --quiet",
)

COMMAND: Final = Command(
    name="batch",
    help="run a sampled parameter space of a world",
    examples=_EXAMPLES,
    add_options=_batch_options,
    run=_run,
    json_keys=_RUN_KEYS,
    subcommands=(
        Command(
            name="run",
            help="the same as 'ecosim batch' without an action",
            examples=("ecosim batch run --world demo -n 64 --ticks 2000 --out out/batch",),
            add_options=_add_options,
            run=_run,
            json_keys=_RUN_KEYS,
        ),
        _STATUS,
        _VERIFY,
        _RERUN,
        _MERGE,
    ),
)
