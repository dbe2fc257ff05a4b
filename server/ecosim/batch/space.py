"""Parameter spaces: which numbers of a world a batch varies, and over which ranges.

A space is a SALib problem in a JSON file: ``names`` (dotted paths into the world), ``bounds``, and
optionally ``dists`` and ``groups``. Beside SALib's keys it may hold ``name``, ``description`` and
``parameters``, a mapping of name to ``{"unit", "description", "integer", "choices"}``. Keys that
start with ``_`` are comments.

A parameter with ``choices`` is categorical: its bounds are ``[0, number of choices - 1]``, the
codes that SALib works with, and its value in a run is the choice with that number.

The distributions and the meaning of their bounds are SALib's:

=========  ==========================================================================
unif       [low, high]
logunif    [low, high], both > 0; uniform in the logarithm
triang     [low, high, peak], the peak as a fraction 0..1 of the way
norm       [mean, standard deviation]
truncnorm  [low, high, mean, standard deviation]
lognorm    [mean, standard deviation] of the logarithm
=========  ==========================================================================
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from ecosim.batch.rows import Value
from ecosim.batch.space_checks import bound_problems, entries, notes_of, show, texts
from ecosim.errors import SpaceError

_KEYS: Final = (
    "name",
    "description",
    "num_vars",
    "names",
    "bounds",
    "dists",
    "groups",
    "parameters",
)
_LARGEST_FILE: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that a batch varies.

    Attributes
    ----------
    name : str
        Its dotted path into the world.
    bounds : tuple of float
        Two to four numbers; their meaning depends on ``dist`` (see the module).
    dist : str
        A key of :data:`DISTRIBUTIONS`.
    group : str
        Parameters of one group move together in a design for sensitivity indices.
    integer : bool
        Whether the value is rounded down to a whole number; the high bound is included.
    choices : tuple of str or float
        The values of a categorical parameter, all text or all numbers; empty for others.
    """

    name: str
    bounds: tuple[float, ...]
    dist: str = "unif"
    group: str = ""
    unit: str = ""
    description: str = ""
    integer: bool = False
    choices: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Space:
    """A parameter space.

    Attributes
    ----------
    name : str
        The name in the file, or the file's own.
    parameters : tuple of Parameter
    grouped : bool
        Whether the file names groups.
    """

    name: str
    parameters: tuple[Parameter, ...]
    description: str = ""
    grouped: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The dotted paths, in the order of the design's columns."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups in the order they first appear; every parameter its own without groups."""
        if not self.grouped:
            return self.names
        return tuple(dict.fromkeys(parameter.group for parameter in self.parameters))

    def to_problem(self) -> dict[str, Any]:
        """Return a fresh SALib problem, with the keys of the file that SALib ignores."""
        problem: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "num_vars": len(self.parameters),
            "names": list(self.names),
            "bounds": [list(parameter.bounds) for parameter in self.parameters],
            "dists": [parameter.dist for parameter in self.parameters],
        }
        if self.grouped:
            problem["groups"] = [parameter.group for parameter in self.parameters]
        problem["parameters"] = {
            parameter.name: {
                "unit": parameter.unit,
                "description": parameter.description,
                "integer": parameter.integer,
            }
            | ({"choices": list(parameter.choices)} if parameter.choices else {})
            for parameter in self.parameters
        }
        return problem


def shipped_spaces() -> tuple[str, ...]:
    """Return the names of the spaces that come with the package."""
    folder = resources.files("ecosim") / "data" / "spaces"
    return tuple(sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".json")))


def load_space(source: str | Path | Mapping[str, Any]) -> Space:
    """Read a space and check everything that can be checked without a world.

    Parameters
    ----------
    source : str, Path or mapping
        A JSON file, the name of a shipped space (``default``), or the content itself.

    Raises
    ------
    SpaceError
        The file cannot be read or holds mistakes; the message lists all of them, one a line.
    """
    if isinstance(source, Mapping):
        return parse_space(source, "space")
    text, label = _read(source)
    try:
        value = json.loads(text, object_pairs_hook=_unique_keys)
    except RecursionError as error:
        raise SpaceError(
            f"{label}: expected a flat JSON object, it is nested too deeply"
        ) from error
    except ValueError as error:
        raise SpaceError(f"{label}: expected JSON, {error}") from error
    if not isinstance(value, dict):
        raise SpaceError(f"{label}: expected a JSON object, got {show(value)}")
    return parse_space(value, label)


def parse_space(problem: Mapping[str, Any], label: str, *, level: bool = False) -> Space:
    """Return the space that a SALib problem describes.

    Parameters
    ----------
    problem : mapping
        As :func:`load_space` reads it; it is not modified.
    label : str
        What errors call it.
    level : bool
        Whether a parameter's low may equal its high, as in the column of a table.

    Raises
    ------
    SpaceError
        Everything that is wrong, one mistake a line.
    """
    problems: list[str] = []
    for key in problem:
        if key not in _KEYS and not str(key).startswith("_"):
            problems.append(f"{key}: expected one of {', '.join(_KEYS)}, got an unknown key")
    names = texts(problem.get("names"), "names", problems)
    bounds = entries(problem.get("bounds"), "bounds", len(names), problems)
    dists = entries(problem.get("dists", ["unif"] * len(names)), "dists", len(names), problems)
    grouped = problem.get("groups") is not None
    groups = texts(problem["groups"], "groups", problems) if grouped else [""] * len(names)
    if len(groups) != len(names):
        problems.append(f"groups: expected {len(names)} names, one a parameter, got {len(groups)}")
    count = problem.get("num_vars", len(names))
    if count != len(names) or isinstance(count, bool):
        problems.append(f"num_vars: expected {len(names)}, one a name, got {show(count)}")
    if problem.get("names") == []:
        problems.append("names: expected at least one parameter, got none")
    for name, times in Counter(names).items():
        if times > 1:
            problems.append(f"names: expected each name once, got {name!r} {times} times")
    notes = notes_of(problem.get("parameters", {}), names, problems)
    title = problem.get("name", label)
    description = problem.get("description", "")
    for key, text in (("name", title), ("description", description)):
        if not isinstance(text, str):
            problems.append(f"{key}: expected a string, got {show(text)}")
    if len(bounds) == len(names) == len(dists):
        for name, limits, dist in zip(names, bounds, dists, strict=True):
            problems.extend(bound_problems(name, limits, dist, notes.get(name, {}), level))
    if problems:
        raise SpaceError("\n".join(f"{label}: {line}" for line in problems))
    parameters = tuple(
        Parameter(name, tuple(map(float, limits)), dist, group, **notes.get(name, {}))
        for name, limits, dist, group in zip(names, bounds, dists, groups, strict=True)
    )
    return Space(title, parameters, description, grouped)


def _read(source: str | Path) -> tuple[str, str]:
    """Return the text of a space and what to call it."""
    path = Path(source)
    if isinstance(source, str) and source in shipped_spaces():
        shipped = resources.files("ecosim") / "data" / "spaces" / f"{source}.json"
        return shipped.read_text(encoding="utf-8"), f"space {source}"
    try:
        if path.is_file() and path.stat().st_size > _LARGEST_FILE:
            raise SpaceError(f"{path}: expected at most {_LARGEST_FILE} bytes, it is larger")
        return path.read_text(encoding="utf-8-sig"), str(path)
    except UnicodeDecodeError as error:
        raise SpaceError(f"{path}: expected UTF-8 text, {error.reason}") from error
    except (OSError, ValueError) as error:
        shipped_names = ", ".join(shipped_spaces())
        reason = getattr(error, "strerror", None) or str(error)
        raise SpaceError(
            f"{path}: expected a file that can be read, or the name of a shipped space "
            f"({shipped_names}): {reason}"
        ) from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"the key {key!r} stands twice in one object")
        seen[key] = value
    return seen
