"""What whoever starts a batch may say: the settings and their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecosim.batch.samplers import Sampler, SeedMode

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
    ticks : int
        Ticks a run.
    interval : int or None
        Ticks between samples; None is the world's own, else that of the telemetry.
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
    interval: int | None = None
    seed: int = 0
    seed_mode: SeedMode = "per_run"
    engine: str = DEFAULT_ENGINE
    design: Path | None = None
    shard: str | None = None
