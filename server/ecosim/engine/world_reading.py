"""Read a world definition, wherever it comes from, into plain JSON data.

What JSON or Python would let pass and no engine can use is found here, with its path: keys given
twice, NaN and Infinity, numbers out of range, text that is not Unicode, nesting without end.
Keys that start with ``_`` are comments and are left out.
"""

from __future__ import annotations

import json
import math
import numbers
import os
import stat
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from ecosim.engine.world_messages import Location, Problems, show, suggestion
from ecosim.errors import WorldError

MAX_DEPTH: Final = 40
"""Most levels of lists and objects inside each other."""

MAX_BYTES: Final = 256 * 2**20
"""Largest world file; 100,000 entities take about 15 MB."""

_INTEGERS = range(-(2**63), 2**63)


def shipped_worlds() -> tuple[str, ...]:
    """Return the names of the worlds that come with the package, in alphabetical order."""
    folder = resources.files("ecosim") / "data" / "worlds"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def read_world(source: object, problems: Problems) -> Any:
    """Return the JSON data of a world definition, comments left out.

    Parameters
    ----------
    source : str, Path or mapping
        The name of a shipped world, the path of a file, or the data itself (left unchanged).
    problems : Problems
        Collects mistakes that leave the rest readable.

    Raises
    ------
    WorldError
        If there is no such file or it is not JSON text.
    """
    if isinstance(source, Mapping):
        return clean_data(source, (), problems)
    if not isinstance(source, str | os.PathLike):
        raise _file_error(
            "world",
            "the name of a shipped world, a path or a mapping",
            f"a value of type {type(source).__name__}",
        )
    name = os.fspath(source)
    if isinstance(source, str) and source in shipped_worlds():
        text = (resources.files("ecosim") / "data" / "worlds" / f"{name}.json").read_text("utf-8")
    else:
        text = _read_text(str(name))
    return clean_data(_parse(text, str(name)), (), problems)


def _file_error(name: str, expected: str, got: str) -> WorldError:
    """Return the error about a file as a whole."""
    shown = name if name.isprintable() and name else show(name)
    return WorldError([f"{shown}: expected {expected}, got {got}"])


def _read_text(name: str) -> str:
    """Return the text of a file, after the checks that need no parsing."""
    try:
        path = Path(name)
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _file_error(name, "a world file", "a directory")
        if not stat.S_ISREG(status.st_mode):
            raise _file_error(name, "a world file", "a special file")
        if status.st_size > MAX_BYTES:
            raise _file_error(name, f"at most {MAX_BYTES} bytes", f"{status.st_size}")
        data = path.read_bytes()
    except WorldError:
        raise
    except FileNotFoundError:
        names = shipped_worlds()
        expected = f"a world file, or one of {', '.join(names)}"
        raise _file_error(name, expected, f"no such file{suggestion(name, names)}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _file_error(name, "a readable world file", reason.lower()) from None
    if not data.strip():
        raise _file_error(name, "a JSON object", "an empty file")
    if data.startswith(b"\xef\xbb\xbf"):
        raise _file_error(name, "UTF-8 text without a byte order mark", "one at its start")
    if (offset := data.find(b"\0")) >= 0:
        raise _file_error(name, "UTF-8 text", f"a null byte at offset {offset}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        got = f"byte 0x{data[error.start]:02x} at offset {error.start}"
        raise _file_error(name, "UTF-8 text", got) from None


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its keys were given more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        seen: set[str] = set()
        self.repeated: list[str] = []
        for key, _ in pairs:
            (self.repeated.append if key in seen else seen.add)(key)


class _Unusable(str):
    """The text of a number that cannot be used."""


def _integer(text: str) -> int | _Unusable:
    """Return an integer; one too long for any use stays text, as int() is slow or refuses."""
    return int(text) if len(text) <= 20 else _Unusable(f"an integer of {len(text)} digits")


def _parse(text: str, name: str) -> Any:
    """Return the JSON data of a text, its flaws marked for :func:`clean_data`."""
    try:
        return json.loads(
            text, object_pairs_hook=_Object, parse_constant=_Unusable, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        got = f"{error.msg.lower()} at line {error.lineno} column {error.colno}"
        raise _file_error(name, "JSON", got) from None
    except RecursionError:
        raise _file_error(name, f"at most {MAX_DEPTH} levels of nesting", "more") from None


def clean_data(value: Any, location: Location, problems: Problems) -> Any:
    """Return a copy as plain JSON data without comments.

    Parameters
    ----------
    value : object
        JSON data; numbers of numpy and other mappings and tuples are taken too.
    location : tuple
        Where it stands in the world.
    problems : Problems
        Collects what is unusable, which reads None in the copy.
    """
    kind = type(value)
    # Nearly all of a world is numbers and short text; what follows is for the rest.
    if (
        value is None
        or kind is bool
        or (kind is float and math.isfinite(value))
        or (kind is str and value.isascii())
        or (kind is int and value in _INTEGERS)
    ):
        return value
    if isinstance(value, _Unusable):
        problems.add(location, "a finite number of 64 bits", value)
        return None
    if isinstance(value, str):
        return _clean_text(value, location, problems)
    if isinstance(value, numbers.Integral):
        if int(value) in _INTEGERS:
            return int(value)
        problems.add(location, "a finite number of 64 bits", "an integer of more")
        return None
    if isinstance(value, numbers.Real):
        if math.isfinite(float(value)):
            return float(value)
        problems.add(location, "a finite number", str(float(value)))
        return None
    if len(location) >= MAX_DEPTH:
        problems.add(location, f"at most {MAX_DEPTH} levels of nesting", "more")
        return None
    if isinstance(value, Mapping):
        return _clean_object(value, location, problems)
    if isinstance(value, list | tuple):
        return [clean_data(item, (*location, index), problems) for index, item in enumerate(value)]
    problems.add(location, "JSON data", f"a value of type {type(value).__name__}")
    return None


def _clean_text(value: str, location: Location, problems: Problems) -> str | None:
    """Return a text that can be written as UTF-8."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        problems.add(location, "Unicode text", f"half a surrogate pair in {show(value)}")
        return None
    return str(value)


def _clean_object(
    value: Mapping[Any, Any], location: Location, problems: Problems
) -> dict[str, Any]:
    """Return an object without its comments."""
    for key in getattr(value, "repeated", []):
        if not key.startswith("_"):
            problems.add((*location, key), "each key once", "it twice")
    clean: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            problems.add(
                (*location, str(key)), "a key of text", f"one of type {type(key).__name__}"
            )
        elif not key.startswith("_") and _clean_text(key, location, problems) is not None:
            clean[key] = clean_data(item, (*location, key), problems)
    return clean
