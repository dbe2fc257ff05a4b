"""Places in a world by dotted path: what a batch may vary, and how it is set.

A path names keys joined by dots and list entries in brackets, by index or by the entry's own name:
``rates.hunger``, ``sim_config.movement.wander_range``, ``species_definitions[3].body_mass_kg``,
``species_definitions[deer].body_mass_kg``, ``environment.water_sources[0].radius``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ecosim.engine.world_messages import Problems, path_text, show, suggestion
from ecosim.engine.world_models import World
from ecosim.engine.world_reading import clean_data
from ecosim.engine.world_schema import Node, child, describe, names_at, node_of

_TOKEN = re.compile(r"(?:^|\.)([^.\[\]]+)|\[([^\[\]]+)\]")
_NAME_KEYS: Final = {"species_definitions": "species_id", "entities": "id"}
_NOT_VARIED: Final = ("seed", "entities", "telemetry")

ROOT: Final = node_of(World)
"""The node of a whole world."""


def settable_paths(world: World) -> dict[str, float]:
    """Return the numbers of a world that a parameter space may vary, by dotted path.

    Parameters
    ----------
    world : World
        A loaded world.

    Returns
    -------
    dict of str to float
        Path to present value: rates, settings, climate, soil, grid, water sources and traits.
        The seed and single entities are left out, though parameters may set them too.
    """
    data = world.to_dict()
    return {
        path_text(location): value
        for key in data
        if key not in _NOT_VARIED
        for location, value in _numbers((key,), data[key])
    }


def _numbers(
    location: tuple[str | int, ...], value: Any
) -> Iterator[tuple[tuple[str | int, ...], float]]:
    """Yield the place and value of each number below a value."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield location, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _numbers((*location, key), item)


def apply_parameters(data: Any, parameters: object, problems: Problems) -> None:
    """Set values by dotted path in the data of a world, before it is checked.

    Parameters
    ----------
    data : dict
        The data, changed in place; objects on the way that it lacks are added.
    parameters : mapping of str to JSON data
        Path to value.
    problems : Problems
        Collects the paths that do not exist.
    """
    if not isinstance(parameters, Mapping):
        problems.add(("parameters",), "a mapping of paths to values", show(parameters))
        return
    taken: dict[str, str] = {}
    for path, value in parameters.items():
        location = tuple(_keys(path)) if _is_path(path) else (str(path),)
        problem = _set(data, path, clean_data(value, location, problems), taken)
        if problem is not None:
            problems.add(location, *problem)


def _is_path(path: object) -> bool:
    """Whether a value has the form of a path."""
    if not isinstance(path, str):
        return False
    return path != "" and "".join(match.group() for match in _TOKEN.finditer(path)) == path


def _keys(path: str) -> list[str | int]:
    """Return the keys and indices of a path."""
    found = (match.group(1) or match.group(2) for match in _TOKEN.finditer(path))
    return [int(key) if key.isascii() and key.isdigit() and len(key) < 10 else key for key in found]


def _set(data: Any, path: str, value: Any, taken: dict[str, str]) -> tuple[str, str] | None:
    """Set one value; return what was expected and what came if the path does not exist."""
    if not _is_path(path):
        return "a dotted path into the world", show(path)
    holder: Any = data
    node = below = ROOT
    location: list[str | int] = []
    key: Any = None
    keys = _keys(path)
    for position, written in enumerate(keys):
        key = _index_of(holder, written, location)
        found = child(node, key)
        known = len(holder) if isinstance(holder, list) else 0
        if found is None or not isinstance(holder, dict | list):
            hint = suggestion(str(written), names_at(node))
            return f"a path into the world ({_inside(node, holder)})", show(written) + hint
        if isinstance(holder, list) and not (isinstance(key, int) and key < known):
            return f"an entry of {path_text(tuple(location))}, which has {known}", show(written)
        location.append(key)
        below = found
        if position == len(keys) - 1:
            break
        has_next = child(below, keys[position + 1]) is not None
        if isinstance(holder, dict) and holder.get(key) is None and has_next:
            holder[key] = _start(node, key)
        holder, node = holder[key] if isinstance(holder, list) else holder.get(key), below
    place = path_text(tuple(location))
    if place in taken:
        return f"one value for {place}", f"another as {taken[place]}"
    taken[place] = path
    if below.record is not None:
        return f"the path of a value ({_inside(below, None)})", show(path)
    holder[key] = value
    return None


def _start(node: Node, key: str | int) -> Any:
    """Return what stands at a key that the data lacks: the default of a list, else an object."""
    field = node.record.model_fields.get(str(key)) if node.record is not None else None
    default = field.get_default() if field is not None else None
    return list(default) if isinstance(default, tuple) else {}


def _index_of(holder: Any, key: str | int, location: list[str | int]) -> str | int:
    """Return the index of the entry that a key names, where it names one."""
    name_key = _NAME_KEYS.get(str(location[-1])) if len(location) == 1 else None
    if isinstance(holder, list) and isinstance(key, str) and name_key is not None:
        for index, entry in enumerate(holder):
            if isinstance(entry, dict) and entry.get(name_key) == key:
                return index
    return str(key) if isinstance(holder, dict) else key


def _inside(node: Node, holder: Any) -> str:
    """Return in words what may follow a place."""
    names = names_at(node)
    if names:
        return f"one of {', '.join(names)}"
    return "an index or name in brackets" if isinstance(holder, list) else describe(node)
