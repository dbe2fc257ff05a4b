"""The records as data: every field with its kind, unit and meaning.

``docs/records.md`` is generated from :data:`RECORDS`; :func:`problems` checks a record by it.
A ``*`` in a path stands for any key; kinds are those of :data:`KINDS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple


class Field(NamedTuple):
    """One field of a record; ``optional`` when it may be absent."""

    path: str
    kind: str
    unit: str
    meaning: str
    optional: bool = False


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max  # of an integer of any size, too


def _is_position(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(item is None or _is_number(item) for item in value)
    )


def _listed(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(fits(item) for item in value)


def _or_null(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


#: Name of a kind to the test a value of it passes.
KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "text": _is_text,
    "text or null": _or_null(_is_text),
    "count": _is_count,
    "count or null": _or_null(_is_count),
    "number or null": _or_null(_is_number),
    "object": lambda value: isinstance(value, dict),
    "anything": lambda value: True,
    "two ticks": lambda value: _listed(_is_count)(value) and len(value) == 2,
    "three counts or null": _or_null(lambda value: _listed(_is_count)(value) and len(value) == 3),
    "list of text": _listed(_is_text),
    "list of objects": _listed(lambda value: isinstance(value, dict)),
    "list of text or null": _listed(_or_null(_is_text)),
    "list of counts": _listed(_is_count),
    "list of positions or null": _listed(_or_null(_is_position)),
    "completed, stopped or failed": lambda value: value in ("completed", "stopped", "failed"),
}

_RUN: Final = Field("run_id", "text", "", "the run; names its files")

#: Kind of record to its fields, in the order a line has them.
RECORDS: Final[Mapping[str, tuple[Field, ...]]] = {
    "config": (
        Field("record", "text", "", "`config`; the first line of the telemetry file"),
        Field("schema_version", "count", "", "raised when the meaning of a field changes"),
        _RUN,
        Field("biome", "text or null", "", "biome preset of the world"),
        Field("sim_config_merged", "object", "", "model settings after every override"),
        Field("sim_config_merged.*", "anything", "", "a section of settings"),
        Field("world_rates", "object", "", "rate multipliers of the world"),
        Field("world_rates.*", "anything", "1", "a multiplier"),
        Field("species_count", "count", "", "length of `species`"),
        Field("entity_count_initial", "count", "entities", "living entities at the first sample"),
        Field("grid_dimensions", "three counts or null", "cells", "voxels along x, y (down), z"),
        Field("seed", "anything", "", "seed of the run, as the host states it"),
        Field("interval", "count", "ticks", "K: ticks from one sample to the next"),
        Field("species", "list of text", "", "species defined or present at the first sample"),
        Field("variables", "list of text", "", "state variables that samples aggregate"),
        Field("voxel_layers", "list of text", "", "layers that samples describe, in their order"),
        Field("parameters", "object", "", "what a batch set, by dotted path into the world"),
        Field("parameters.*", "anything", "", "value of one parameter"),
        Field("config_sha256", "text", "", "hash of all that decides the run"),
        Field("software", "object", "", "what wrote the file"),
        Field("software.package", "text", "", "distribution"),
        Field("software.version", "text or null", "", "its version; null when not installed"),
        Field("software.schema_version", "count", "", "as above"),
        Field("software.python", "text", "", "interpreter and version"),
        Field("software.platform", "text", "", "operating system and machine"),
        Field("software.backend", "text", "", "`compiled` or `python`: both give the same bytes"),
        Field("software.git_revision", "text or null", "", "commit, when run from a checkout"),
        Field("created_at", "text", "", "UTC, ISO 8601"),
        Field("voxel_snapshots", "object", "", "their settings; absent where off", True),
        Field("voxel_snapshots.every", "count", "ticks", "from one snapshot to the next"),
        Field("voxel_snapshots.layers", "list of text", "", "layers that are kept"),
        Field("voxel_snapshots.dtype", "text", "", "`float32` or `float64`"),
        Field(
            "parts",
            "list of objects",
            "",
            "of a merged run, its parts: `run_id`, `seed`, `config_sha256`, `cells`",
            True,
        ),
    ),
    "sample": (
        Field("record", "text", "", "`sample`"),
        _RUN,
        Field("tick", "count", "ticks", "the state is that at the end of this tick"),
        Field("window", "two ticks", "ticks", "first and last tick whose events are counted"),
        Field("entity_count", "count", "entities", "living entities"),
        Field("species", "object", "", "by species, sorted by name"),
        Field("species.*", "object", "", "one species; a species once listed stays listed"),
        Field("species.*.count", "count", "entities", "population"),
        Field("species.*.states", "object", "", "population by behavioural state"),
        Field("species.*.states.*", "count", "entities", "entities in this state"),
        Field("species.*.vars", "object", "", "variables the species has"),
        Field("species.*.vars.*", "object", "", "one variable"),
        Field("species.*.vars.*.n", "count", "entities", "finite values"),
        Field("species.*.vars.*.mean", "number or null", "", "mean; null when n is 0"),
        Field("species.*.vars.*.std", "number or null", "", "standard deviation, divisor n"),
        Field("species.*.vars.*.nonfinite", "count", "entities", "values left out", True),
        Field("voxels", "object", "", "by layer"),
        Field("voxels.*", "object", "", "one layer"),
        Field("voxels.*.mean", "number or null", "", "mean over all cells"),
        Field("voxels.*.min", "number or null", "", "smallest value"),
        Field("voxels.*.max", "number or null", "", "largest value"),
        Field("voxels.*.var", "number or null", "", "variance, divisor n; null if above 1.8e308"),
        Field("voxels.*.nonfinite", "count", "cells", "values left out", True),
        Field("events", "object", "", "events of the window"),
        Field("events.deaths", "count", "events", "sum of the `DEATH_*` types"),
        Field("events.reproductions", "count", "events", "`REPRODUCTION`"),
        Field("events.predations", "count", "events", "`PREDATION`; no death event beside it"),
        Field("events.pollinations", "count", "events", "`POLLINATION`"),
        Field("events.by_type", "object", "", "every type that occurred"),
        Field("events.by_type.*", "count", "events", "events of this type"),
        Field("transitions", "object", "", "state changes of the window by species"),
        Field("transitions.*", "object", "", "one species"),
        Field("transitions.*.*", "count", "events", "changes `BEFORE>AFTER`"),
    ),
    "events": (
        Field("record", "text", "", "`events`"),
        _RUN,
        Field("ticks", "two ticks", "ticks", "first and last tick that the batch covers"),
        Field("count", "count", "events", "length of each column"),
        Field("tick", "list of counts", "ticks", "when each happened"),
        Field("type", "list of text", "", "type of each"),
        Field("source_id", "list of text or null", "", "entity that acted"),
        Field("target_id", "list of text or null", "", "entity acted upon"),
        Field("position", "list of positions or null", "world units", "x, y, z of each"),
        Field("extra", "object", "", "what else an event carried, by its place in the columns"),
        Field("extra.*", "anything", "", "extras of one event"),
        Field("dropped", "object", "", "events lost in this batch, by cause", True),
        Field("dropped.*", "count", "events", "`ring_full`: only with `on_full` `drop`"),
    ),
    "end": (
        Field("record", "text", "", "`end`; the last line. None: the run did not finish"),
        _RUN,
        Field("tick", "count", "ticks", "last tick watched"),
        Field("samples", "count", "", "sample records of the file"),
        Field("events", "count", "events", "events in the log"),
        Field("events_dropped", "count", "events", "events lost, all causes"),
        Field("status", "completed, stopped or failed", "", "how the run ended"),
        Field("error", "text or null", "", "what went wrong"),
        Field(
            "emitter_ns",
            "count",
            "ns",
            "inside the emitter's calls after on_init, writing included",
        ),
        Field("loop_ns", "count", "ns", "from the first tick to the last"),
        Field("snapshots", "count", "", "snapshots of voxel layers; absent where off", True),
        Field("snapshot_ns", "count", "ns", "part of `emitter_ns` that snapshots took", True),
    ),
}


def _required(fields: tuple[Field, ...]) -> dict[str, list[Field]]:
    """Return the fields an object must have, by the path of the object in the schema."""
    found: dict[str, list[Field]] = {}
    for field in fields:
        place, _, name = field.path.rpartition(".")
        if not field.optional and name != "*":
            found.setdefault(place, []).append(field)
    return found


_FIELDS: Final = {kind: {field.path: field for field in RECORDS[kind]} for kind in RECORDS}
_REQUIRED: Final = {kind: _required(RECORDS[kind]) for kind in RECORDS}


def problems(record: Any) -> list[str]:
    """Return what of a record does not fit the schema, a line each; empty when all fits."""
    kind = record.get("record") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in RECORDS:
        return [f"record: expected one of {', '.join(RECORDS)}, got {kind!r}"]
    return list(_walk(record, "", "", kind))


def _walk(value: Mapping[str, Any], place: str, pattern: str, kind: str) -> Iterator[str]:
    """Yield the problems of an object at ``place``, whose path in the schema is ``pattern``."""
    prefix = f"{pattern}." if pattern else ""
    fields = _FIELDS[kind]
    for field in _REQUIRED[kind].get(pattern, ()):
        name = field.path.removeprefix(prefix)
        if name not in value:
            yield f"{place}{name}: expected {field.kind}, it is missing"
    for key, item in value.items():
        path = prefix + key if prefix + key in fields else f"{prefix}*"
        if path not in fields:
            yield f"{place}{key}: not a field of this record"
            continue
        field = fields[path]
        if not KINDS[field.kind](item):
            yield f"{place}{key}: expected {field.kind}, got {item!r}"
        elif field.kind == "object":
            yield from _walk(item, f"{place}{key}.", path, kind)
