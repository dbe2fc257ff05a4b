"""What clients may say: control messages and the rate, read strictly."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ecosim.telemetry_values import describe
from ecosim.viewer.limits import HIGHEST_RATE

ControlType = Literal["pause", "resume", "stop", "rain"]

#: The keys of each control message beside ``type``.
_KEYS: Final[dict[ControlType, tuple[str, ...]]] = {
    "pause": (),
    "resume": (),
    "stop": (),
    "rain": ("intensity",),
}


@dataclass(frozen=True, slots=True)
class Control:
    """A control message in order; ``intensity`` (0..1) is that of rain, else None."""

    type: ControlType
    intensity: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message changes nothing, in words for its sender."""

    reason: str


def read_control(text: str) -> Control | Refusal:
    """Return the control message that a text frame holds, or what is wrong with it."""
    data = _read_object(text)
    if isinstance(data, Refusal):
        return data
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in _KEYS:
        return Refusal(f"type: expected one of {', '.join(_KEYS)}, got {describe(kind)}")
    keys = ("type", *_KEYS[kind])
    wrong = _wrong_keys(data, keys, kind)
    if wrong is not None:
        return wrong
    if kind != "rain":
        return Control(kind)
    intensity = _number(data["intensity"])
    if intensity is None or not 0 <= intensity <= 1:
        return Refusal(
            f"rain.intensity: expected a number from 0 to 1, got {describe(data['intensity'])}"
        )
    return Control(kind, intensity)


def read_rate(text: str) -> float | Refusal:
    """Return the ticks a second that the body ``{"rate": ...}`` asks for, or what is wrong."""
    data = _read_object(text)
    if isinstance(data, Refusal):
        return data
    wrong = _wrong_keys(data, ("rate",), "rate")
    if wrong is not None:
        return wrong
    rate = _number(data["rate"])
    if rate is None or not 0 < rate <= HIGHEST_RATE:
        return Refusal(
            f"rate: expected a number above 0 and at most {HIGHEST_RATE:g}, "
            f"got {describe(data['rate'])}"
        )
    return rate


def error_frame(reason: str) -> bytes:
    """Return the error message that says ``reason``, as JSON."""
    return json.dumps({"type": "error", "message": reason}, separators=(",", ":")).encode()


def _read_object(text: str) -> dict[str, Any] | Refusal:
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        return Refusal("message: expected a JSON object, got one nested too deeply")
    except ValueError as error:
        return Refusal(f"message: expected a JSON object, got text that is none: {error}")
    if not isinstance(data, dict):
        return Refusal(f"message: expected a JSON object, got {describe(data)}")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key stands in it twice")
    return data


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _wrong_keys(data: dict[str, Any], keys: Sequence[str], where: str) -> Refusal | None:
    missing = [key for key in keys if key not in data]
    extra = [key for key in data if key not in keys]
    if not missing and not extra:
        return None
    expected = " and ".join(repr(key) for key in keys)
    found = f"no {missing[0]!r}" if missing else f"also {describe(extra[0])}"
    return Refusal(f"{where}: expected the key{'s' * (len(keys) > 1)} {expected}, got {found}")


def _number(value: Any) -> float | None:
    """Return a finite number, else None; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
