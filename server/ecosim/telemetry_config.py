"""The settings of the telemetry, and the rules that a run id keeps."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from ecosim.telemetry_errors import TelemetryConfigError
from ecosim.telemetry_values import describe, integer_or_none

#: The state variables whose mean and spread a sample holds unless told otherwise.
DEFAULT_VARIABLES: Final = (
    "hunger",
    "energy",
    "hydration",
    "health",
    "reproductive_drive",
    "colony_health",
)

#: File formats a run can be written in.
FORMATS: Final = ("jsonl", "parquet")

#: Types of number that snapshots of voxel layers are kept in.
SNAPSHOT_TYPES: Final = ("float32", "float64")

_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LARGEST_RING: Final = 2**24


@dataclass(frozen=True)
class SnapshotConfig:
    """Which voxel layers are copied whole, and how often.

    Parameters
    ----------
    every : int
        Ticks from one snapshot to the next, 1 or more; the first is of the first tick.
    layers : sequence of str or None
        Layers to keep; None for all that the host has.
    dtype : {"float32", "float64"}
        Type of the stored numbers; float32 keeps seven digits in half the space.

    Raises
    ------
    TelemetryConfigError
        A value is out of its range; the message starts with ``telemetry.voxel_snapshots.<name>``.
    """

    every: int = 5
    layers: tuple[str, ...] | None = None
    dtype: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        for name, check in _SNAPSHOT_CHECKS.items():
            value = check(getattr(self, name), f"telemetry.voxel_snapshots.{name}")
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class TelemetryConfig:
    """What is sampled, how often, and where it goes.

    Parameters
    ----------
    enabled : bool
        False makes every call of the emitter do nothing.
    interval : int
        K: ticks from one sample to the next, 1 or more.
    output_dir : path
        Folder for the two files of the run; made when it is missing.
    format : {"jsonl", "parquet"} or both in a sequence
        Lines of JSON that can be followed while the run goes on, or tables in Parquet (needs
        pyarrow).
    variables : sequence of str
        State variables to aggregate, in the order samples list them.
    events : bool
        Whether the event log is written. Windows of samples count events either way.
    ring_capacity : int
        Events held in memory before they become text, 1 to 2**24; also the largest batch.
    on_full : {"drain", "drop"}
        What happens to an event that finds the ring full: ``drain`` makes room and loses nothing,
        ``drop`` loses the event and counts it in the following batch and in the ``end`` record.
    on_error : {"raise", "disable"}
        What a failure does to the simulation: it raises, or warns once and goes on untelemetered.
    overwrite : bool
        Whether files of an earlier run with the same id may be replaced.
    voxel_snapshots : SnapshotConfig, mapping or None
        Copies of whole voxel layers, as a fourth stream (needs zarr); None for none.

    Raises
    ------
    TelemetryConfigError
        A value is out of its range; the message starts with ``telemetry.<name>``.
    """

    enabled: bool = True
    interval: int = 50
    output_dir: str | os.PathLike[str] = "telemetry"
    format: str | tuple[str, ...] = "jsonl"
    variables: tuple[str, ...] = DEFAULT_VARIABLES
    events: bool = True
    ring_capacity: int = 65_536
    on_full: Literal["drain", "drop"] = "drain"
    on_error: Literal["raise", "disable"] = "raise"
    overwrite: bool = False
    voxel_snapshots: SnapshotConfig | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            check = _CHECKS[field.name]
            value = check(getattr(self, field.name), f"telemetry.{field.name}")
            object.__setattr__(self, field.name, value)

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> TelemetryConfig:
        """Return the settings of a world's ``telemetry`` block; ``_`` starts a comment key.

        Raises
        ------
        TelemetryConfigError
            A key is unknown (the closest known one is suggested) or its value out of range.
        """
        return cls(**_known(cls, settings, "telemetry"))

    @classmethod
    def of(cls, value: TelemetryConfig | Mapping[str, Any] | bool | None) -> TelemetryConfig:
        """Return settings from a config, a mapping, a bool (``enabled``) or None (the defaults)."""
        if isinstance(value, TelemetryConfig):
            return value
        if value is None:
            return cls()
        if isinstance(value, bool):
            return cls(enabled=value)
        return cls.from_mapping(value)


def _known(kind: type[Any], settings: Any, where: str) -> dict[str, Any]:
    """Return the settings of a mapping, whose keys must be fields of a dataclass."""
    if not isinstance(settings, Mapping):
        raise TelemetryConfigError(f"{where}: expected a mapping, got {describe(settings)}")
    known = [field.name for field in dataclasses.fields(kind)]
    chosen = {}
    for key, value in settings.items():
        if isinstance(key, str) and key.startswith("_"):
            continue
        if key not in known:
            close = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
            raise TelemetryConfigError(f"{where}.{key}: unknown setting; {hint}")
        chosen[key] = value
    return chosen


def check_run_id(run_id: object) -> str:
    """Return the run id, which names files and so keeps to a safe alphabet.

    Raises
    ------
    TelemetryConfigError
        It is not 1 to 128 letters, digits, ``.``, ``_`` or ``-`` with a letter or digit first.
    """
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id):
        raise TelemetryConfigError(
            "run_id: expected 1 to 128 letters, digits, '.', '_' or '-', a letter or digit first, "
            f"got {describe(run_id)}"
        )
    return str.__str__(run_id)  # of a subclass, such as an Enum, the text itself


def check_ring_capacity(capacity: object) -> int:
    """Return the most events that a ring holds.

    Raises
    ------
    TelemetryConfigError
        It is no integer from 1 to 2**24.
    """
    return _ring_capacity(capacity, "ring_capacity")


def new_run_id() -> str:
    """Return a run id from the time and the operating system's randomness (no engine's stream)."""
    return time.strftime("run-%Y%m%dT%H%M%SZ-", time.gmtime()) + secrets.token_hex(4)


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise TelemetryConfigError(f"{where}: expected true or false, got {describe(value)}")
    return value


def _integer(lowest: int, highest: int | None = None) -> Callable[[Any, str], int]:
    def check(value: Any, where: str) -> int:
        integer = integer_or_none(value)
        if integer is None or integer < lowest or (highest is not None and integer > highest):
            limit = f">= {lowest}" if highest is None else f"in {lowest}..{highest}"
            raise TelemetryConfigError(
                f"{where}: expected an integer {limit}, got {describe(value)}"
            )
        return integer

    return check


def _choice(*choices: str) -> Callable[[Any, str], str]:
    def check(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in choices:
            expected = " or ".join(repr(choice) for choice in choices)
            raise TelemetryConfigError(f"{where}: expected {expected}, got {describe(value)}")
        return str.__str__(value)

    return check


def _folder(value: Any, where: str) -> Path:
    try:
        path = os.fspath(value)
    except TypeError:
        path = None
    if not isinstance(path, str) or not path or "\0" in path:
        raise TelemetryConfigError(f"{where}: expected the path of a folder, got {describe(value)}")
    return Path(path)


def _names(value: Any, where: str) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, (list, tuple)) else ()
    if not names or not all(isinstance(item, str) and item for item in names):
        raise TelemetryConfigError(
            f"{where}: expected a list of one or more names, got {describe(value)}"
        )
    if len(set(names)) != len(names):
        raise TelemetryConfigError(f"{where}: expected each name once, got {describe(value)}")
    return tuple(map(str.__str__, names))


def _formats(value: Any, where: str) -> str | tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    chosen = _names(names, where)
    for item in chosen:
        _choice(*FORMATS)(item, where)
    return chosen[0] if len(chosen) == 1 else chosen


def _names_or_none(value: Any, where: str) -> tuple[str, ...] | None:
    return None if value is None else _names(value, where)


def _snapshots(value: Any, where: str) -> SnapshotConfig | None:
    if value is None or isinstance(value, SnapshotConfig):
        return value
    return SnapshotConfig(**_known(SnapshotConfig, value, where))


_ring_capacity: Final = _integer(1, _LARGEST_RING)

_SNAPSHOT_CHECKS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "every": _integer(1),
    "layers": _names_or_none,
    "dtype": _choice(*SNAPSHOT_TYPES),
}

_CHECKS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "enabled": _flag,
    "interval": _integer(1),
    "output_dir": _folder,
    "format": _formats,
    "variables": _names,
    "events": _flag,
    "ring_capacity": _ring_capacity,
    "on_full": _choice("drain", "drop"),
    "on_error": _choice("raise", "disable"),
    "overwrite": _flag,
    "voxel_snapshots": _snapshots,
}
