"""What can be wrong with a space: the checks of its parts, each of which names every mistake."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from ecosim.batch.rows import parse_value

#: Distribution name to the names of its bounds, in SALib's order.
DISTRIBUTIONS: Final[dict[str, tuple[str, ...]]] = {
    "unif": ("low", "high"),
    "logunif": ("low", "high"),
    "triang": ("low", "high", "peak"),
    "norm": ("mean", "deviation"),
    "truncnorm": ("low", "high", "mean", "deviation"),
    "lognorm": ("mean", "deviation"),
}

_PARAMETER_KEYS: Final = ("unit", "description", "integer", "choices")


def show(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."


def texts(value: Any, key: str, problems: list[str]) -> list[str]:
    if not isinstance(value, (list, tuple)):
        problems.append(f"{key}: expected a list of strings, got {show(value)}")
        return []
    for index, entry in enumerate(value):
        if not isinstance(entry, str) or not entry:
            problems.append(f"{key}[{index}]: expected a non-empty string, got {show(entry)}")
    return [entry if isinstance(entry, str) else show(entry) for entry in value]


def entries(value: Any, key: str, length: int, problems: list[str]) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        problems.append(f"{key}: expected a list, got {show(value)}")
        return []
    if len(value) != length:
        problems.append(f"{key}: expected {length} entries, one a name, got {len(value)}")
    return list(value)


def notes_of(value: Any, names: list[str], problems: list[str]) -> dict[str, dict[str, Any]]:
    """Return the unit, description and integer flag by parameter name."""
    if not isinstance(value, Mapping):
        problems.append(f"parameters: expected an object of name to notes, got {show(value)}")
        return {}
    notes: dict[str, dict[str, Any]] = {}
    for name, entry in value.items():
        where = f"parameters[{show(name)}]"
        if name not in names:
            problems.append(f"{where}: expected a name that is in names, it is not there")
        elif not isinstance(entry, Mapping):
            problems.append(f"{where}: expected an object, got {show(entry)}")
        else:
            notes[name] = dict(entry)
            for key, note in entry.items():
                expected: type = bool if key == "integer" else str
                if key not in _PARAMETER_KEYS:
                    known = ", ".join(_PARAMETER_KEYS)
                    problems.append(f"{where}.{key}: expected one of {known}, got an unknown key")
                elif key == "choices":
                    problems.extend(f"{where}.choices{line}" for line in _choice_problems(note))
                    notes[name]["choices"] = tuple(note) if isinstance(note, list | tuple) else ()
                elif not isinstance(note, expected):
                    word = "true or false" if expected is bool else "a string"
                    problems.append(f"{where}.{key}: expected {word}, got {show(note)}")
    return notes


def _choice_problems(choices: Any) -> list[str]:
    """Return what is wrong with the values that a parameter may choose from."""
    if not isinstance(choices, list | tuple) or len(choices) < 2:
        return [f": expected a list of two values or more, got {show(choices)}"]
    if all(isinstance(choice, str) for choice in choices):
        found = [
            f"[{index}]: expected text that a table does not take for a number, got {show(choice)}"
            for index, choice in enumerate(choices)
            if parse_value(choice) != choice or choice != choice.strip()
        ]
    elif all(map(_is_finite, choices)):
        found = []
    else:
        return [f": expected text only or finite numbers only, got {show(choices)}"]
    if len(set(choices)) < len(choices):
        found.append(f": expected each value once, got {show(choices)}")
    return found


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def bound_problems(
    name: str, limits: Any, dist: Any, notes: Mapping[str, Any], level: bool
) -> list[str]:
    """Return what is wrong with one parameter's bounds.

    Parameters
    ----------
    notes : mapping
        Its notes; ``integer`` and ``choices`` restrict the bounds.
    level : bool
        Whether low may equal high.
    """
    if not isinstance(dist, str) or dist not in DISTRIBUTIONS:
        known = ", ".join(DISTRIBUTIONS)
        return [f"dists of {name}: expected one of {known}, got {show(dist)}"]
    meaning = DISTRIBUTIONS[dist]
    where = f"bounds of {name}"
    if not isinstance(limits, (list, tuple)) or len(limits) != len(meaning):
        return [f"{where}: expected [{', '.join(meaning)}], got {show(limits)}"]
    if not all(map(_is_finite, limits)):
        return [f"{where}: expected finite numbers, got {show(limits)}"]
    value = dict(zip(meaning, limits, strict=True))
    found = []
    if level and value.get("low", 0) == value.get("high", 1):
        return []
    if "low" in value and not value["low"] < value["high"]:
        found.append(f"{where}: expected low < high, got {show(limits)}")
    elif "low" in value and not math.isfinite(value["high"] - value["low"]):
        found.append(f"{where}: expected high - low to be a finite number, got {show(limits)}")
    if dist == "logunif" and value["low"] <= 0:
        found.append(f"{where}: expected low > 0 for logunif, got {show(limits)}")
    if "peak" in value and not 0 <= value["peak"] <= 1:
        found.append(f"{where}: expected a peak in 0..1, got {show(limits)}")
    if "deviation" in value and value["deviation"] <= 0:
        found.append(f"{where}: expected a standard deviation > 0, got {show(limits)}")
    ends = [value[key] for key in ("low", "high") if key in value]
    if choices := notes.get("choices"):
        if dist != "unif" or list(limits) != [0, len(choices) - 1] or notes.get("integer"):
            found.append(
                f"{where}: expected unif and [0, {len(choices) - 1}], the first and last of its "
                f"choices, got {show(limits)}"
            )
    elif notes.get("integer") is True and (dist != "unif" or any(end != int(end) for end in ends)):
        found.append(f"{where}: expected unif and whole numbers for an integer, got {show(limits)}")
    return found
