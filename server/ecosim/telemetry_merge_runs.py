"""Merge the records that open and close the runs of the parts of a world."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ecosim.telemetry_config import check_run_id
from ecosim.telemetry_errors import HostError, MergeError, TelemetryConfigError
from ecosim.telemetry_merge_parts import Record, check, names_of, same, whole_id
from ecosim.telemetry_records import SCHEMA_VERSION, digest
from ecosim.telemetry_values import grid_dimensions

#: From the best ending of a run to the worst; the whole ends as its worst part.
_STATUSES: Final = ("completed", "stopped", "failed")

#: What a merged config record says of each part, beside its cells.
_ORIGIN: Final = ("run_id", "seed", "config_sha256")


def cells_of(config: Record) -> int | None:
    """Return the cells of the grid that a config record describes; None where it does not say."""
    parts = config.get("parts")
    if parts:
        known = [part["cells"] for part in parts if part["cells"] != 0]
        return None if None in known else sum(known)
    dimensions = config["grid_dimensions"]
    if dimensions is None:
        return None if config["voxel_layers"] else 0
    return math.prod(dimensions)


def merge_configs(
    parts: Sequence[Record], *, run_id: str, dimensions: Sequence[int] | None = None
) -> dict[str, Any]:
    """Return the config record of a world from those of its parts.

    Parameters
    ----------
    parts : sequence of mapping
        Config records, one a part, in the order of the parts.
    run_id : str
        Names the whole; no part's.
    dimensions : sequence of 3 int, optional
        Cells of the whole grid along x, y and z, which the parts cannot know; as many as theirs
        together. Without it ``grid_dimensions`` is null, unless one part alone has a grid.

    Returns
    -------
    dict
        Of ``sim_config_merged`` and ``world_rates`` what the parts agree on; ``seed`` and ``biome``
        are null where they differ; ``software`` is the first part's. ``parts`` lists the parts,
        those of a part that was merged itself in its place. Snapshots of layers are not merged.

    Raises
    ------
    MergeError
        There is no part, a record is no config, two parts are one run, or the schema version,
        interval, variables, layers or parameters differ.
    """
    check(parts, "config", is_open=True)
    names = names_of(parts)
    version = same(parts, names, "schema_version")
    if version != SCHEMA_VERSION:
        raise MergeError(f"schema_version: expected {SCHEMA_VERSION}, got {version}")
    origins = [origin for part in parts for origin in _origins(part)]
    _check_run_ids(run_id, names, [origin["run_id"] for origin in origins])
    gridded = [part for part in parts if part["voxel_layers"]]
    hashes = sorted(origin["config_sha256"] for origin in origins)
    species = sorted({name for part in parts for name in part["species"]})
    return {
        "record": "config",
        "schema_version": version,
        "run_id": run_id,
        "biome": _shared([part["biome"] for part in parts]),
        "sim_config_merged": _shared([part["sim_config_merged"] for part in parts]),
        "world_rates": _shared([part["world_rates"] for part in parts]),
        "species_count": len(species),
        "entity_count_initial": sum(part["entity_count_initial"] for part in parts),
        "grid_dimensions": _whole_grid(gridded, dimensions),
        "seed": _shared([part["seed"] for part in parts]),
        "interval": same(parts, names, "interval"),
        "species": species,
        "variables": same(parts, names, "variables"),
        "voxel_layers": same(gridded, names_of(gridded), "voxel_layers") if gridded else [],
        "parameters": same(parts, names, "parameters"),
        "config_sha256": hashes[0] if len({*hashes}) == 1 else digest({"parts": hashes}),
        "software": parts[0]["software"],
        "created_at": max(part["created_at"] for part in parts),
        "parts": origins,
    }


def merge_ends(
    parts: Sequence[Record], *, run_id: str | None = None, is_short: bool = False
) -> dict[str, Any]:
    """Return the end record of a world from those of its parts.

    Parameters
    ----------
    parts : sequence of mapping
        End records, one a part.
    run_id : str, optional
        Of the merged record; the first part's when left out.
    is_short : bool
        Whether the parts may have ended at different ticks: ``tick`` and ``samples`` are then the
        least of theirs.

    Returns
    -------
    dict
        ``status`` is the worst of the parts', ``error`` names the parts that had one, and the two
        times are sums over the processes.

    Raises
    ------
    MergeError
        There is no part, a record is no end, or the parts did not end at the same tick.
    """
    check(parts, "end")
    names = names_of(parts)
    errors = [
        part["error"] if len(parts) == 1 else f"{name}: {part['error']}"
        for name, part in zip(names, parts, strict=True)
        if part["error"] is not None
    ]
    counts = {
        key: min(part[key] for part in parts) if is_short else same(parts, names, key)
        for key in ("tick", "samples")
    }
    sums = {key: sum(part[key] for part in parts) for key in ("events", "events_dropped")}
    return {
        "record": "end",
        "run_id": whole_id(parts, run_id),
        **counts,
        **sums,
        "status": max((part["status"] for part in parts), key=_STATUSES.index),
        "error": "; ".join(errors) if errors else None,
        "emitter_ns": sum(part["emitter_ns"] for part in parts),
        "loop_ns": sum(part["loop_ns"] for part in parts),
    }


def _origins(config: Record) -> list[dict[str, Any]]:
    """Return what a config record says of its parts; of itself where it was not merged."""
    if config.get("parts"):
        for part in config["parts"]:
            missing = [key for key in (*_ORIGIN, "cells") if key not in part]
            if missing:
                raise MergeError(f"config of {config['run_id']}: parts: {missing[0]} is missing")
        return [dict(part) for part in config["parts"]]
    told = {key: config[key] for key in _ORIGIN}
    return [told | {"cells": cells_of(config)}]


def _whole_grid(gridded: Sequence[Record], dimensions: Sequence[int] | None) -> list[int] | None:
    if dimensions is None:
        return gridded[0]["grid_dimensions"] if len(gridded) == 1 else None
    try:
        whole = grid_dimensions(dimensions, "dimensions")
    except HostError as error:
        raise MergeError(str(error)) from None
    cells = [cells_of(part) for part in gridded]
    if None not in cells and math.prod(whole) != sum(filter(None, cells)):
        raise MergeError(
            f"dimensions: expected the {sum(filter(None, cells))} cells of the parts together, "
            f"got {' x '.join(map(str, whole))} = {math.prod(whole)}"
        )
    return list(whole)


def _check_run_ids(run_id: str, names: Sequence[str], origins: Sequence[str]) -> None:
    try:
        check_run_id(run_id)
    except TelemetryConfigError as error:
        raise MergeError(str(error)) from None
    if run_id in names or run_id in origins:
        raise MergeError(f"run_id: expected one of its own for the whole, got a part's, {run_id}")
    twice = {name for name in origins if origins.count(name) > 1}
    if twice:
        raise MergeError(f"parts: expected each run once, got {', '.join(sorted(twice))} twice")


def _shared(values: Sequence[Any]) -> Any:
    """Return what all values agree on: of mappings the entries, of anything else all or None."""
    first = values[0]
    if all(value == first for value in values):
        return first
    if not all(isinstance(value, Mapping) for value in values):
        return None
    return {
        key: _shared([value[key] for value in values])
        for key in first
        if all(key in value for value in values) and _agree([value[key] for value in values])
    }


def _agree(values: Sequence[Any]) -> bool:
    """Return whether values are equal, or mappings, which may be so in part."""
    return all(value == values[0] for value in values) or all(
        isinstance(value, Mapping) for value in values
    )
