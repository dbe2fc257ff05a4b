"""Whether a space fits a world: every parameter is there and may take its extreme values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from ecosim.batch.rows import Design, Value
from ecosim.batch.space import Parameter, Space
from ecosim.errors import SpaceError, WorldError

#: Distributions whose low and high bounds are values the parameter can take.
_BOUNDED: Final = ("unif", "logunif", "triang", "truncnorm")


def world_bytes(world: str | Path) -> bytes:
    """Return a world file as it is on disk; the name of a shipped world goes before a file.

    Raises
    ------
    WorldError
        It cannot be read.
    """
    from ecosim.engine.world import shipped_worlds

    try:
        if str(world) in shipped_worlds():
            shipped = resources.files("ecosim") / "data" / "worlds" / f"{world}.json"
            return shipped.read_bytes()
        return Path(world).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WorldError([f"{world}: expected a world file or a shipped name, {reason}"]) from error


def check_fit(space: Space, rows: Design, world: Mapping[str, Any]) -> None:
    """Check that every parameter is in the world and may take its extreme values.

    The world, which is in order by itself, is loaded with every parameter at its lowest and at its
    highest, with every choice of the categorical ones, and with a row as it was drawn. An unbounded
    distribution is tried at the extremes of the design.

    Raises
    ------
    SpaceError
        What the world said to the values, one mistake a line.
    """
    from ecosim.engine.world import load_world

    problems: dict[str, None] = {}
    for name in space.names:
        if "." not in name or name.startswith("telemetry."):
            expected = "expected the dotted path of a value that decides what happens in the world"
            problems[f"{name}: {expected}, got one that does not"] = None
    if problems:
        raise SpaceError("\n".join(f"{space.name}: {line}" for line in problems))
    drawn = (f"row {rows[0].run_id}", rows[0].parameters)
    for word, parameters in (drawn, *_corners(space, rows)):
        try:
            load_world(world, parameters=parameters)
        except WorldError as error:
            for line in error.problems:
                named = any(line.startswith(name) for name in space.names)
                problems[line if named else f"{word}: {line}"] = None
    if problems:
        raise SpaceError("\n".join(f"{space.name}: {line}" for line in problems))


def _corners(space: Space, rows: Design) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield the corners of the space at which the world is tried, with a word for each."""
    numbers = [parameter for parameter in space.parameters if not parameter.choices]
    corners = [
        (word, {parameter.name: _extreme(parameter, rows, choose) for parameter in numbers})
        for word, choose in (("low values", min), ("high values", max))
    ]
    categories = [parameter for parameter in space.parameters if parameter.choices]
    most = max((len(parameter.choices) for parameter in categories), default=1)
    # Biomes and the like change what else fits: each choice meets both corners.
    for index in range(most):
        chosen = {one.name: one.choices[min(index, len(one.choices) - 1)] for one in categories}
        for word, corner in corners:
            yield word, {**corner, **chosen}


def _extreme(parameter: Parameter, rows: Design, choose: Any) -> Value:
    extreme: Value = choose(rows.column(parameter.name))
    if parameter.dist in _BOUNDED:
        bound = choose(parameter.bounds[:2])
        extreme = choose(extreme, int(bound) if parameter.integer else bound)
    return extreme
