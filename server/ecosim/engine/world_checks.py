"""Mistakes that concern several places of a world at once.

The checks read the plain data, not the records, so that they also run on a world in which something
else is wrong; a value of the wrong type is left to the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from ecosim.engine.config import whole
from ecosim.engine.world_messages import Location, Problems, show, suggestion
from ecosim.engine.world_models import (
    MAX_BODY_MASS,
    MAX_CELLS,
    SQUARE_ONLY,
    STATES,
    SYMMETRIES,
    VARIABLES,
)
from ecosim.telemetry_config import TelemetryConfig
from ecosim.telemetry_errors import TelemetryConfigError

MAX_ENTITIES: Final = 1_000_000
"""Most entities of a world at its start."""

# The same tables, for keys that are any text.
_STATES: Final[Mapping[str, tuple[str, ...]]] = {str(key): value for key, value in STATES.items()}
_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    str(key): value for key, value in VARIABLES.items()
}


def check_world(data: Any, problems: Problems) -> None:
    """Note every mistake in the merged data of a world that no single value shows.

    Parameters
    ----------
    data : object
        Plain JSON data, of any shape.
    problems : Problems
        Collects the mistakes.
    """
    world = _object(data)
    classes = _check_species(world, problems)
    extent = _check_grid(world, problems)
    _check_water(world, extent, problems)
    _check_entities(world, classes, extent, problems)
    _check_randomize(world, extent, problems)
    _check_telemetry(world, problems)


def _object(value: Any) -> dict[str, Any]:
    """Return an object, or an empty one in the place of something else."""
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    """Return a list, or an empty one in the place of something else."""
    return value if isinstance(value, list) else []


def _is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_species(world: dict[str, Any], problems: Problems) -> dict[str, str]:
    """Check that each species is defined once; return the class of each."""
    first: dict[str, int] = {}
    classes: dict[str, str] = {}
    for index, entry in enumerate(_list(world.get("species_definitions"))):
        mass, name = _object(entry).get("body_mass_kg"), _object(entry).get("species_id")
        if _is_number(mass) and mass > MAX_BODY_MASS:
            place: Location = ("species_definitions", index, "body_mass_kg")
            problems.add(place, f"a number <= {MAX_BODY_MASS:.0f}", show(mass))
        if not isinstance(name, str):
            continue
        if name in first:
            location: Location = ("species_definitions", index, "species_id")
            other = f"{show(name)}, as species_definitions[{first[name]}] has"
            problems.add(location, "a name of its own", other)
        else:
            first[name] = index
            classes[name] = str(_object(entry).get("entity_class"))
    return classes


def _check_grid(world: dict[str, Any], problems: Problems) -> tuple[float, float] | None:
    """Check the size of the grid; return its extent along x and z where it has one."""
    grid = _object(_object(world.get("environment")).get("voxel_grid"))
    dimensions = [whole(n) for n in _list(grid.get("dimensions"))]
    cell_size = grid.get("cell_size")
    if len(dimensions) != 3 or not all(isinstance(n, int) and n > 0 for n in dimensions):
        return None
    cells = dimensions[0] * dimensions[1] * dimensions[2]
    if cells > MAX_CELLS:
        location = ("environment", "voxel_grid", "dimensions")
        problems.add(location, f"at most {MAX_CELLS} cells", f"{show(dimensions)}, {cells} cells")
        return None
    if not isinstance(cell_size, int | float) or isinstance(cell_size, bool) or cell_size <= 0:
        return None
    return dimensions[0] * cell_size, dimensions[2] * cell_size


def _check_position(
    position: Any, extent: tuple[float, float] | None, location: Location, problems: Problems
) -> None:
    """Check that a position lies on the grid."""
    values = _list(position)
    if extent is None or len(values) != 3 or not all(map(_is_number, values)):
        return
    for axis, limit in ((0, extent[0]), (2, extent[1])):
        if not 0 <= values[axis] <= limit:
            expected = f"{'xyz'[axis]} within the world, from 0 to {limit:g}"
            problems.add((*location, axis), expected, show(values[axis]))


def _check_water(
    world: dict[str, Any], extent: tuple[float, float] | None, problems: Problems
) -> None:
    """Check that the water sources lie on the grid."""
    sources = _list(_object(world.get("environment")).get("water_sources"))
    for index, source in enumerate(sources):
        location = ("environment", "water_sources", index, "position")
        _check_position(_object(source).get("position"), extent, location, problems)


def _check_entities(
    world: dict[str, Any],
    classes: dict[str, str],
    extent: tuple[float, float] | None,
    problems: Problems,
) -> None:
    """Check ids, places, classes, states and state variables of the entities."""
    entities = _list(world.get("entities"))
    if len(entities) > MAX_ENTITIES:
        problems.add(("entities",), f"at most {MAX_ENTITIES} entities", str(len(entities)))
        return
    first: dict[str, int] = {}
    for index, entry in enumerate(entities):
        entity, location = _object(entry), ("entities", index)
        name = entity.get("id")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            other = f"{show(name)}, as entities[{first[name]}] has"
            problems.add((*location, "id"), "an id of its own", other)
        _check_position(entity.get("position"), extent, (*location, "position"), problems)
        _check_class(entity, classes, location, problems)


def _check_class(
    entity: dict[str, Any], classes: dict[str, str], location: Location, problems: Problems
) -> None:
    """Check what depends on an entity's class."""
    kind, species = entity.get("type"), entity.get("species")
    if not isinstance(kind, str) or kind not in _STATES:
        return
    states, variables = _STATES[kind], _VARIABLES[kind]
    due = classes.get(species, kind) if isinstance(species, str) else kind
    if due != kind and due in _STATES:
        expected = f"{due}, the class of {show(species)}"
        problems.add((*location, "type"), expected, show(kind))
    state = entity.get("state")
    if isinstance(state, str) and state not in states:
        expected = f"a state of class {kind}, one of {', '.join(states)}"
        problems.add((*location, "state"), expected, show(state) + suggestion(state, states))
    for name, value in _object(entity.get("state_vars")).items():
        place = (*location, "state_vars", name)
        if name not in variables:
            expected = f"a variable of class {kind}, one of {', '.join(variables)}"
            problems.add(place, expected, show(name) + suggestion(name, variables))
        elif _is_number(value):
            _check_variable(name, value, place, problems)


def _check_variable(name: str, value: float, location: Location, problems: Problems) -> None:
    """Check the range of a state variable."""
    if name == "age":
        if value < 0:
            problems.add(location, "a number >= 0", show(value))
    elif not 0 <= value <= 1:
        problems.add(location, "a number from 0 to 1", show(value))


def _check_randomize(
    world: dict[str, Any], extent: tuple[float, float] | None, problems: Problems
) -> None:
    """Check that the world has the shape and the species that `randomize` needs."""
    randomize = _object(world.get("randomize"))
    transform = whole(randomize.get("transform"))
    if isinstance(transform, int) and not isinstance(transform, bool):
        transform = SYMMETRIES[transform] if 0 <= transform < len(SYMMETRIES) else None
    if extent is not None and extent[0] != extent[1] and transform in SQUARE_ONLY:
        expected = "a symmetry that keeps x and z, as the world is not square"
        problems.add(("randomize", "transform"), expected, show(transform))
    species = [_object(entry) for entry in _list(world.get("species_definitions"))]
    plants = [entry for entry in species if entry.get("entity_class") == "PLANT"]
    has_grass = any("graminoid" in _list(entry.get("resource_tags")) for entry in plants)
    has_flowers = any(entry.get("pollination_syndrome") is not None for entry in plants)
    for key, needed, words in (
        ("extra_grass", has_grass, "tagged graminoid"),
        ("extra_flowers", has_flowers, "with a pollination_syndrome"),
    ):
        counts = _list(randomize.get(key))
        if not needed and any(_is_number(count) and count > 0 for count in counts):
            problems.add(("randomize", key), f"a PLANT species {words} to add", "none")


def _check_telemetry(world: dict[str, Any], problems: Problems) -> None:
    """Check each setting of the telemetry block."""
    for name, value in _object(world.get("telemetry")).items():
        try:
            TelemetryConfig.from_mapping({name: value})
        except TelemetryConfigError as error:
            problems.add_line(("telemetry", name), str(error))
