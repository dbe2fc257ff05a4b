"""What whoever starts a batch may say: the settings, their defaults, and the options for them."""

from __future__ import annotations

import argparse
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ecosim.batch.samplers import SAMPLERS, SEED_MODES, Sampler, SeedMode
from ecosim.telemetry_config import TelemetryConfig

#: The factory that makes a run's engine when no other is named.
DEFAULT_ENGINE: Final = "ecosim.engine:EcosystemEngine"

#: Where runs can be made; the first is the default.
EXECUTORS: Final = ("local", "dask")

#: What a batch leaves.
FORMATS: Final = ("jsonl", "jsonl,parquet")

#: Further attempts at a run whose process died.
DEFAULT_RETRIES: Final = 1

#: Runs that a verification makes again, and where a single run is made again.
DEFAULT_RERUNS: Final = 2
DEFAULT_RERUN_FOLDER: Final = "rerun"


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What whoever starts a batch says about it; the defaults are those of the command.

    Attributes
    ----------
    world, space : str or Path
        A file, or the name of a shipped one.
    sampler, n, seed, seed_mode
        As :func:`ecosim.batch.design.make_design` takes them.
    ticks, interval : int
        Ticks a run, and ticks between samples.
    engine : str
        ``MODULE:CALLABLE``.
    design : Path or None
        A table to take the place of a sampled design; ``sampler`` and ``n`` are then its own.
    shard : str or None
        ``I/N``: run every Nth row, from the Ith; None runs all.
    """

    world: str | Path = "demo"
    space: str | Path = "default"
    sampler: Sampler = "sobol"
    n: int = 16
    ticks: int = 1000
    interval: int = TelemetryConfig.interval
    seed: int = 0
    seed_mode: SeedMode = "per_run"
    engine: str = DEFAULT_ENGINE
    design: Path | None = None
    shard: str | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options and actions of the batch command to a parser."""
    default = BatchSettings()
    setting: dict[str, Any] = {"default": argparse.SUPPRESS}
    add = parser.add_argument
    add("--world", metavar="W", help=f"world file or shipped name ({default.world})", **setting)
    add("--space", metavar="S", help=f"space file or shipped name ({default.space})", **setting)
    add("--sampler", choices=SAMPLERS, help=f"how to sample ({default.sampler})", **setting)
    add("-n", type=int, metavar="N", help=f"sample size ({default.n})", **setting)
    add("--design", type=Path, metavar="FILE", help="a CSV table of runs in place of a sample",
        **setting)  # fmt: skip
    add("--ticks", type=int, metavar="T", help=f"ticks a run ({default.ticks})", **setting)
    add("--interval", type=int, metavar="K", help=f"ticks between samples ({default.interval})",
        **setting)  # fmt: skip
    add("--seed", type=int, metavar="X", help=f"seed of the batch ({default.seed})", **setting)
    add("--seed-mode", choices=SEED_MODES, help="which runs share a seed: none, all, or those of "
        f"one block of a design for indices ({default.seed_mode})", **setting)  # fmt: skip
    add("--engine", metavar="MODULE:CALLABLE", help="make(world: dict, *, seed: int) -> engine "
        f"({default.engine})", **setting)  # fmt: skip
    add("--shard", metavar="I/N", help="run every Nth row, from the Ith; 'merge' joins the folders",
        **setting)  # fmt: skip
    add("--out", type=Path, metavar="DIR", help="the batch folder, new or empty")
    onward = parser.add_mutually_exclusive_group()
    onward.add_argument("--resume", action="store_true", help="continue the batch in --out; "
        "settings that are given must be the batch's own")  # fmt: skip
    onward.add_argument("--extend", type=positive, metavar="M", help="continue it and add M runs "
        "of the same Sobol sequence")  # fmt: skip
    add("--force", action="store_true", help="with --resume or --extend: continue although "
        "versions or settings differ; the batch keeps its settings")  # fmt: skip
    add("--executor", choices=EXECUTORS, default=EXECUTORS[0],
        help="where runs are made: on this machine or on a Dask cluster (%(default)s)")  # fmt: skip
    add("--scheduler", metavar="ADDR", help="the cluster's scheduler: tcp://HOST:PORT, or its file")
    add("--workers", type=positive, metavar="P", help="runs at a time (one a core)")
    add("--run-timeout", type=_seconds, metavar="S", help="end a run after S seconds (never)")
    add("--retries", type=_count, metavar="R", default=DEFAULT_RETRIES,
        help="further attempts at a run whose process died (%(default)s)")  # fmt: skip
    add("--format", type=_formats, metavar="FORMATS", help="jsonl: the files of the runs alone; "
        "jsonl,parquet: the dataset too (where pyarrow is installed)")  # fmt: skip
    actions = parser.add_subparsers(dest="action", title="actions", metavar="ACTION")
    status = actions.add_parser("status", help="how the batch in DIR stands")
    verify = actions.add_parser("verify", help="hash every finished run again, rerun a few")
    rerun = actions.add_parser("rerun", help="make one run of the batch in DIR again, beside it")
    for action in (status, verify, rerun):
        action.add_argument("directory", type=Path, metavar="DIR")
    merge = actions.add_parser("merge", help="join the folders of the shards of a batch")
    merge.add_argument("directories", type=Path, metavar="DIR", nargs="+")
    merge.add_argument("--into", type=Path, metavar="FOLDER", required=True,
                       help="the joined batch folder, new or empty")  # fmt: skip
    verify.add_argument("--rerun", type=_count, metavar="K", default=DEFAULT_RERUNS,
                        help="finished runs to make again, by chance (%(default)s)")  # fmt: skip
    rerun.add_argument("run_id", metavar="RUN_ID")
    rerun.add_argument("--into", type=Path, metavar="FOLDER", default=Path(DEFAULT_RERUN_FOLDER),
                       help="where to leave it (%(default)s)")  # fmt: skip


def positive(text: str) -> int:
    """Return an option's integer of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected an integer >= 1, got {text}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected an integer >= 0, got {text}")
    return value


def _formats(text: str) -> str:
    if text not in FORMATS:
        raise argparse.ArgumentTypeError(
            f"expected {' or '.join(FORMATS)} (the dataset is made from the JSON lines), got {text}"
        )
    return text


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"expected seconds > 0, got {text}")
    return value
