"""What the functions that merge records share: their error, and how parts are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ecosim.telemetry_errors import MergeError
from ecosim.telemetry_schema import problems
from ecosim.telemetry_values import describe

Record = Mapping[str, Any]

#: How the schema words a key that it does not know.
_UNKNOWN: Final = "not a field of this record"


def check(parts: Sequence[Record], kind: str, *, is_open: bool = False) -> None:
    """Refuse what is no record of a kind; a config record may have keys of later versions."""
    if not parts:
        raise MergeError("parts: expected one record or more, got none")
    for part in parts:
        found = problems(part)
        if is_open:
            found = [problem for problem in found if not problem.endswith(_UNKNOWN)]
        if found or part["record"] != kind:
            told = found[0] if found else f"record: expected {kind}, got {part['record']}"
            named = part.get("run_id") if isinstance(part, Mapping) else None
            raise MergeError(f"{kind} of {named}: {told}")


def names_of(parts: Sequence[Record]) -> list[str]:
    """Return the run ids, for messages."""
    return [part["run_id"] for part in parts]


def whole_id(parts: Sequence[Record], run_id: str | None) -> str:
    """Return the run id of a merged record."""
    return parts[0]["run_id"] if run_id is None else run_id


def same(parts: Sequence[Record], names: Sequence[str], key: str) -> Any:
    """Return what all parts have at a key; raise where they differ."""
    value = parts[0][key]
    for part, name in zip(parts, names, strict=True):
        if part[key] != value:
            raise MergeError(
                f"{key} of {name}: expected that of {names[0]}, {describe(value)}, "
                f"got {describe(part[key])}"
            )
    return value


def summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the counts added up by key, sorted."""
    total: dict[str, int] = {}
    for one in counts:
        for key, count in one.items():
            total[key] = total.get(key, 0) + count
    return dict(sorted(total.items()))
