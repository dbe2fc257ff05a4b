"""The records that open and close a run: ``config`` and ``end``."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ecosim.telemetry_values import plain, plain_seed, readable

SCHEMA_VERSION: Final = 1

_DISTRIBUTION: Final = "ecosim-telemetry"

_INT64: Final = 2**63

#: Parts of a world that do not decide what happens in it.
_UNDECISIVE: Final = ("telemetry", "session_id")


def config_record(
    *,
    run_id: str,
    world: Mapping[str, Any],
    seed: Any,
    parameters: Mapping[str, Any],
    interval: int,
    variables: Sequence[str],
    species: Sequence[str],
    entity_count: int,
    dimensions: Sequence[int] | None,
    layers: Sequence[str],
    backend: str,
    snapshots: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the first record of a run: what decides it, and what wrote it.

    Parameters
    ----------
    world : mapping
        The merged world definition; empty where the host offers none.
    parameters : mapping
        Dotted path to value, as a batch set them.
    entity_count : int
        Entities at the first sample.
    snapshots : mapping, optional
        Settings of the snapshots of voxel layers, where they are taken.
    """
    world = _own_copy(world)
    biome = _section(world, "environment").get("biome")
    chosen = plain(parameters, "parameters")
    about = software(backend)
    decisive = {
        "world": {key: value for key, value in world.items() if key not in _UNDECISIVE},
        "seed": plain_seed(seed, "host.seed"),
        # What the world says already is not said twice: it may have been written there.
        "parameters": {path: v for path, v in chosen.items() if _value_at(world, path) != v},
        "versions": {key: about[key] for key in ("version", "schema_version")},
    }
    record = {
        "record": "config",
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "biome": biome if isinstance(biome, str) else None,
        "sim_config_merged": _section(world, "sim_config"),
        "world_rates": _section(world, "rates"),
        "species_count": len(species),
        "entity_count_initial": entity_count,
        "grid_dimensions": None if dimensions is None else list(dimensions),
        "seed": decisive["seed"],
        "interval": interval,
        "species": list(species),
        "variables": list(variables),
        "voxel_layers": list(layers),
        "parameters": chosen,
        "config_sha256": digest(decisive),
        "software": about,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return record if snapshots is None else {**record, "voxel_snapshots": dict(snapshots)}


def end_record(
    *,
    run_id: str,
    tick: int,
    samples: int,
    events: int,
    events_dropped: int,
    status: str,
    error: str | None,
    emitter_ns: int,
    loop_ns: int,
    snapshots: int | None = None,
    snapshot_ns: int = 0,
) -> dict[str, Any]:
    """Return the last record of a run: how it ended and what the emitter cost.

    Parameters
    ----------
    events : int
        Events in the log.
    status : {"completed", "stopped", "failed"}
        ``stopped``: somebody ended it early; ``failed``: an error did.
    emitter_ns, loop_ns : int
        Nanoseconds inside the emitter's calls after ``on_init``, which comes before the loop, and
        from the first tick to the last.
    snapshots, snapshot_ns : int, optional
        Snapshots of voxel layers, None where none are taken, and the part of ``emitter_ns`` that
        they took.
    """
    record = {
        "record": "end",
        "run_id": run_id,
        "tick": tick,
        "samples": samples,
        "events": events,
        "events_dropped": events_dropped,
        "status": status,
        "error": error,
        "emitter_ns": emitter_ns,
        "loop_ns": loop_ns,
    }
    if snapshots is None:
        return record
    return {**record, "snapshots": snapshots, "snapshot_ns": snapshot_ns}


def line(record: Mapping[str, Any]) -> bytes:
    """Return a record as a line of JSON."""
    text = json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"
    return readable(text.encode("ascii"))


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON (sorted keys, no spaces) in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _section(world: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of a world; empty where a host's world has something else there."""
    found = world.get(name)
    return found if isinstance(found, Mapping) else {}


def _value_at(world: Mapping[str, Any], path: str) -> Any:
    """Return what a world has at a dotted path, or None."""
    found: Any = world
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _own_copy(world: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a world in JSON's own types, without comments."""
    try:
        copy: dict[str, Any] = _quick_copy(world)
    except (TypeError, RecursionError):
        copy = without_comments(plain(world, "host.world"))
    return copy


def _quick_copy(value: Any) -> Any:
    """Return what is JSON already at once; raise TypeError at anything that has to be looked into.

    A world has thousands of values and a batch as many runs: this costs a fifth.
    """
    kind = type(value)
    if kind is float and math.isfinite(value):
        return value
    if kind is str or kind is bool or value is None or (kind is int and -_INT64 <= value < _INT64):
        return value
    if kind is dict:
        return {
            str.__str__(key): _quick_copy(item)
            for key, item in value.items()
            if not str.startswith(key, "_")
        }
    if kind is list:
        return [_quick_copy(item) for item in value]
    raise TypeError


def without_comments(value: Any) -> Any:
    """Return a copy of a world definition without the keys that start with ``_``."""
    if isinstance(value, Mapping):
        return {
            key: without_comments(item) for key, item in value.items() if not key.startswith("_")
        }
    if isinstance(value, list):
        return [without_comments(item) for item in value]
    return value


def software(backend: str) -> dict[str, Any]:
    """Return what wrote the file: versions, platform, backend and the package's git revision."""
    try:
        version = importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:  # copied beside a host, not installed
        version = None
    return {
        "package": _DISTRIBUTION,
        "version": version,
        "schema_version": SCHEMA_VERSION,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "backend": backend,
        "git_revision": git_revision(Path(__file__).resolve().parents[2]),
    }


def git_revision(checkout: Path) -> str | None:
    """Return the commit a checkout of this package stands on; None where there is no checkout.

    Reads git's files, because the command may be missing and costs milliseconds a run.
    """
    git = checkout / ".git"
    try:
        if not (checkout / "setup.py").is_file():
            return None
        head = (git / "HEAD").read_text("ascii").strip()
        if not head.startswith("ref: "):
            return head
        ref = head.removeprefix("ref: ")
        if (git / ref).is_file():
            return (git / ref).read_text("ascii").strip()
        for entry in (git / "packed-refs").read_text("ascii").splitlines():
            if entry.endswith(f" {ref}"):
                return entry.split()[0]
    except (OSError, UnicodeDecodeError):
        pass
    return None
