"""Mistakes of a world file in one line each: ``path: expected X, got Y``."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic_core import ErrorDetails

from ecosim.engine.world_schema import Node, describe, names_at, node_at
from ecosim.errors import WorldError

MAX_PROBLEMS: Final = 50
"""Most mistakes that one error spells out; the rest is counted."""

_MAX_SHOWN = 60
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")

Location = tuple[str | int, ...]


def path_text(location: Location) -> str:
    """Return a location as text: ``entities[3].position``, ``world`` for the whole."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{show(part)}]"
    return text or "world"


def show(value: object) -> str:
    """Return a value as JSON on one line, shortened where it is long."""
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list) and len(value) > 8:
        return f"a list of {len(value)}"
    if isinstance(value, str) and len(value) > _MAX_SHOWN:
        return f"{json.dumps(value[: _MAX_SHOWN - 12])}... ({len(value)} characters)"
    text = json.dumps(value, default=str)
    return text if len(text) <= 2 * _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return `` (did you mean "x"?)`` for the closest of ``names``, or nothing."""
    folded = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name[:200].lower(), folded, n=1)
    return f" (did you mean {show(folded[close[0]])}?)" if close else ""


class Problems:
    """The mistakes found so far: one line a path, the first found."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, location: Location, expected: str, got: str) -> None:
        """Note a mistake, unless this place or one around it has one already."""
        self.add_line(location, f"{path_text(location)}: expected {expected}, got {got}")

    def add_line(self, location: Location, line: str) -> None:
        """Note a mistake in words of its own that start with its path."""
        around = (location[:end] for end in range(len(location) + 1))
        if not any(path_text(place) in self._lines for place in around):
            self._lines[path_text(location)] = line

    def add_validation(self, errors: Iterable[ErrorDetails], root: Node) -> None:
        """Note what pydantic found in data that should fit ``root``."""
        for error in errors:
            location = error["loc"]
            # Below the arms of a union pydantic goes on with their names, which are no keys.
            while error["type"] != "extra_forbidden" and node_at(root, location) is None:
                location = location[:-1]
            self.add(location, *_explain(error, location, root))

    def error(self) -> WorldError:
        """Return the error of what was noted: ``MAX_PROBLEMS`` lines, and how many are left."""
        lines = list(self._lines.values())
        if len(lines) > MAX_PROBLEMS:
            lines[MAX_PROBLEMS:] = [f"and {len(lines) - MAX_PROBLEMS} more"]
        return WorldError(lines)


def _explain(error: ErrorDetails, location: Location, root: Node) -> tuple[str, str]:
    """Return what was expected at the place of an error, and what came."""
    value: Any = error["input"]
    if error["type"] == "extra_forbidden":
        name = str(location[-1])
        known = names_at(node_at(root, location[:-1]))
        hint = suggestion(name, known) or f" (known: {', '.join(known)})"
        return "a known key", f"{show(name)}{hint}"
    node = node_at(root, location)
    expected = describe(node) if node is not None else "another value"
    if error["type"] == "missing":
        return expected, "nothing"
    if isinstance(value, tuple):
        value = list(value)
    hint = suggestion(value, node.choices) if node and isinstance(value, str) else ""
    return expected, show(value) + hint
