"""The plan of a batch: everything that decides its runs, as ``batch.json`` keeps it."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final, get_args

from ecosim import __version__
from ecosim.batch.hashes import sha256
from ecosim.batch.identity import engine_identity
from ecosim.batch.layout import BatchLayout, canonical_json, readable_json, write_whole
from ecosim.batch.options import DEFAULT_RETRIES
from ecosim.batch.samplers import SEED_MODES, Sampler, SeedMode, block_size
from ecosim.batch.space import Space, parse_space
from ecosim.errors import BatchFolderError, SpaceError

#: Raised when a key of batch.json changes its meaning.
SCHEMA_VERSION: Final = 1

_SHARD: Final = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")

#: The packages whose versions are recorded: they make the design or the model's numbers.
_RECORDED_PACKAGES: Final = ("numpy", "scipy", "SALib", "pydantic")


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a batch runs.

    Attributes
    ----------
    batch_id : str
        Eight hex digits over what follows; the stem of the run ids.
    sampler, n, seed, seed_mode
        As :func:`ecosim.batch.design.make_design` takes them.
    design_sha256 : str
        Over the names, seeds and values of the design.
    skip : int
        Index of the first point of the sequence that is used.
    space : Space
    world : str
        What the world was called by whoever started the batch.
    world_sha256 : str
        Of the bytes of ``world.json``.
    ticks : int
        Ticks a run, at least 1.
    interval : int
        Ticks between samples, at least 1.
    engine : str
        ``MODULE:CALLABLE`` that makes an engine.
    shard : str or None
        ``I/N``: this folder runs the rows I-1, I-1+N, I-1+2N, ... of the design; None: all of it.
        Not part of the id: the shards of a batch are one batch.
    versions : dict
        Versions of packages and of the engine when the batch was planned; not part of the id.
    retries : int
        Further attempts at a run whose process died, as the batch was last run with; not part of
        the id. What died more often is set aside.
    """

    batch_id: str
    sampler: Sampler
    n: int
    seed: int
    seed_mode: SeedMode
    design_sha256: str
    skip: int
    space: Space
    world: str
    world_sha256: str
    ticks: int
    interval: int
    engine: str
    shard: str | None
    versions: dict[str, str]
    retries: int = DEFAULT_RETRIES

    def runs_row(self, index: int) -> bool:
        """Return whether the row is one that this folder runs."""
        if self.shard is None:
            return True
        number, count = map(int, self.shard.split("/"))
        return index % count == number - 1

    def identity(self) -> dict[str, Any]:
        """Return what two batches must share for their runs to be interchangeable."""
        identity: dict[str, Any] = {
            "sampler": self.sampler,
            "seed": self.seed,
            "seed_mode": self.seed_mode,
            "space": sha256(canonical_json(_deciding(self.space))),
            "world_sha256": self.world_sha256,
            "ticks": self.ticks,
            "interval": self.interval,
            "engine": self.engine,
        }
        # A longer Sobol design begins with the shorter one; the other samplers start anew.
        if self.sampler == "table":
            identity["design_sha256"] = self.design_sha256
        elif self.sampler != "sobol":
            identity["n"] = self.n
        return identity

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``batch.json``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "batch_id": self.batch_id,
            "sampler": self.sampler,
            "n": self.n,
            "seed": self.seed,
            "seed_mode": self.seed_mode,
            "design_sha256": self.design_sha256,
            "skip": self.skip,
            "rows_per_block": block_size(self.space, self.sampler),
            "world": self.world,
            "world_sha256": self.world_sha256,
            "ticks": self.ticks,
            "interval": self.interval,
            "engine": self.engine,
            "shard": self.shard,
            "retries": self.retries,
            "versions": self.versions,
            "space": self.space.to_problem(),
        }


def make_plan(
    *,
    sampler: Sampler,
    n: int,
    seed: int,
    seed_mode: SeedMode,
    design_sha256: str,
    space: Space,
    world: str,
    world_sha256: str,
    ticks: int,
    interval: int,
    engine: str,
    shard: str | None,
) -> BatchPlan:
    """Return a plan with its id.

    Raises
    ------
    SpaceError
        ``ticks`` or ``interval`` is below 1, or ``shard`` is not I/N with I in 1..N.
    """
    for name, value in (("ticks", ticks), ("interval", interval)):
        if value < 1:
            raise SpaceError(f"{name}: expected an integer >= 1, got {value}")
    if shard is not None:
        number, _, count = shard.partition("/")
        whole = all(
            part.isascii() and part.isdigit() and len(part) < 10 for part in (number, count)
        )
        if not whole or not 1 <= int(number) <= int(count):
            raise SpaceError(f"shard: expected I/N with I in 1..N, got {shard!r}")
    nameless = BatchPlan(
        "", sampler, n, seed, seed_mode, design_sha256, 0, space, world, world_sha256, ticks,
        interval, engine, shard, batch_versions(engine),
    )  # fmt: skip
    batch_id = sha256(canonical_json(nameless.identity()))[:8]
    fields = {name: getattr(nameless, name) for name in BatchPlan.__slots__}
    return BatchPlan(**{**fields, "batch_id": batch_id})


def write_plan(layout: BatchLayout, plan: BatchPlan) -> None:
    """Write ``batch.json``, whole."""
    write_whole(layout.batch, readable_json(plan.to_json()))


def read_plan(layout: BatchLayout) -> BatchPlan:
    """Read ``batch.json``.

    Raises
    ------
    BatchFolderError
        The folder holds no batch, or one of another schema version.
    """
    try:
        value = json.loads(layout.batch.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")
        version = value["schema_version"]
        if version != SCHEMA_VERSION:
            raise BatchFolderError(
                f"{layout.batch}: expected schema_version {SCHEMA_VERSION}, got {version}"
            )
        if value["sampler"] not in get_args(Sampler) or value["seed_mode"] not in SEED_MODES:
            raise ValueError("the sampler or seed_mode is unknown")
        # Builds before it was kept ran with the default.
        value.setdefault("retries", DEFAULT_RETRIES)
        fields = {name: value[name] for name in BatchPlan.__slots__ if name != "space"}
        return BatchPlan(
            **fields,
            space=parse_space(value["space"], str(layout.batch), level=value["sampler"] == "table"),
        )
    except BatchFolderError:
        raise
    except OSError as error:
        reason = (
            f"{layout.batch.name}: {error.strerror}" if layout.root.exists() else "there is none"
        )
        raise BatchFolderError(f"{layout.root}: expected a batch folder, {reason}") from error
    except KeyError as error:
        raise BatchFolderError(
            f"{layout.batch}: expected the plan of a batch, it has no {error}"
        ) from error
    except (ValueError, TypeError, SpaceError) as error:
        raise BatchFolderError(f"{layout.batch}: expected the plan of a batch, {error}") from error


def batch_versions(engine: str) -> dict[str, str]:
    """Return the versions a batch is continued with: :func:`software_versions`, and the engine."""
    return {**software_versions(), "engine": engine_identity(engine)}


def software_versions() -> dict[str, str]:
    """Return the versions of this package, Python, and the packages that decide numbers."""
    versions = {"ecosim-telemetry": __version__, "python": platform.python_version()}
    for package in _RECORDED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _deciding(space: Space) -> dict[str, Any]:
    """Return the parts of a space that decide the design."""
    return {
        "parameters": [
            [
                parameter.name,
                parameter.bounds,
                parameter.dist,
                parameter.group,
                parameter.integer,
                parameter.choices,
            ]
            for parameter in space.parameters
        ]
    }
