"""The host interface: what an engine may hand over, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from ecosim.telemetry_errors import HostError
from ecosim.telemetry_values import (
    buffer_shape,
    describe,
    exact_integer,
    grid_dimensions,
    mapping,
    name,
    number,
    whole_number,
)

#: The voxel layers of an EcoSim world, in the order they are reported.
VOXEL_LAYERS: Final = (
    "nutrients_fast",
    "nutrients_slow",
    "moisture",
    "temperature",
    "organic_matter",
)

#: The value of a voxel cell that a sparse grid does not store.
UNSTORED_CELL: Final = 1.0

#: The name under which entities that state no species are counted.
UNKNOWN_SPECIES: Final = "unknown"

#: The event whose extras ``prev_state`` and ``new_state`` make it a transition.
STATE_CHANGE: Final = "STATE_CHANGE"


@runtime_checkable
class EntityColumns(Protocol):
    """Entities as columns: entry ``i`` of every column describes entity ``i``.

    The columns are read during the call of ``on_tick`` and not kept. ``alive`` is optional.
    """

    #: Integer codes into ``species_names``, one an entity; a negative code means no species.
    species: Any
    #: Integer codes into ``state_names``, one an entity; a negative code means no state.
    state: Any
    species_names: Sequence[str]
    state_names: Sequence[str]
    #: Variable name to a float64 or float32 column as long as ``species``.
    variables: Mapping[str, Any]
    #: Species name to the names of the variables that it has.
    species_variables: Mapping[str, Collection[str]]


@runtime_checkable
class EventRecord(Protocol):
    """An event as an object; ``source_species`` (optional) is the species of ``source_id``."""

    event_type: str
    tick: int
    source_id: str | None
    target_id: str | None
    position: Sequence[float] | None
    extra: Mapping[str, Any] | None


class VoxelWalker(Protocol):
    """A voxel grid that visits its stored cells; a cell it does not visit has the value 1.0."""

    dimensions: Sequence[int]

    def walk_layer(self, layer: str, callback: Callable[[int, int, int, float], object]) -> object:
        """Call ``callback(x, y, z, value)`` for every stored cell of the layer."""


def walked_cells(
    grid: VoxelWalker, layer: str, dimensions: tuple[int, int, int], where: str
) -> list[float]:
    """Return every cell of a sparse layer in C order, 1.0 where the grid stores none."""
    nx, ny, nz = dimensions
    cells = [UNSTORED_CELL] * (nx * ny * nz)

    def visit(x: int, y: int, z: int, value: float) -> None:
        x, y, z = exact_integer(x), exact_integer(y), exact_integer(z)
        if not (0 <= x < nx and 0 <= y < ny and 0 <= z < nz):
            raise HostError(
                f"{where}: expected cells within [{nx}, {ny}, {nz}], got ({x}, {y}, {z})"
            )
        cells[(x * ny + y) * nz + z] = number(value, f"{where} at ({x}, {y}, {z})")

    grid.walk_layer(layer, visit)
    return cells


def defined_species(world: Mapping[str, Any]) -> list[str]:
    """Return the species a world defines, so that they are listed before the first is born."""
    definitions = world.get("species_definitions")
    if not isinstance(definitions, (list, tuple)):
        return []
    found = (item.get("species_id") for item in definitions if isinstance(item, Mapping))
    return [species for species in found if isinstance(species, str)]


class HostView:
    """A host engine seen through the host interface.

    Reads attributes afresh at each call, and keeps nothing that the host owns but its event table.

    Parameters
    ----------
    host : object
        Any engine that fits the host interface (see ``docs/host-interface.md``).
    """

    def __init__(self, host: Any) -> None:
        self.host = host
        self.has_tick = hasattr(host, "tick")
        self._has_columns = callable(getattr(host, "entity_columns", None))
        if not self._has_columns and not hasattr(host, "entities"):
            raise HostError(
                f"host: expected an attribute 'entities' or a method 'entity_columns', "
                f"{type(host).__name__} has neither"
            )
        #: The host's :class:`~ecosim.telemetry_event_table.EventTable`; None where it has none.
        self.event_table: Any = getattr(host, "event_table", None)
        if self.event_table is not None and not hasattr(self.event_table, "check_ticks"):
            raise HostError(
                f"host.event_table: expected an EventTable, got {describe(self.event_table)}"
            )
        self.layers = self._find_layers()

    def tick(self) -> int:
        """Return the number of ticks the host has completed."""
        return whole_number(self.host.tick, "host.tick")

    def tick_done(self, packet: Any, *, after: int) -> tuple[int, Any]:
        """Return the tick that the host has just done, and its events.

        Parameters
        ----------
        packet : mapping, iterable or None
            What the host hands over, see ``TelemetryEmitter.on_tick``.
        after : int
            The tick before, for a host without a clock.

        Returns
        -------
        tick : int
        events : iterable
            Empty for a host with an event table.
        """
        is_mapping = type(packet) is dict or (packet is not None and isinstance(packet, Mapping))
        is_text = isinstance(packet, (str, bytes))
        if packet is not None and not is_mapping and (is_text or not isinstance(packet, Iterable)):
            raise HostError(
                f"packet: expected a mapping, an iterable of events or None, got {describe(packet)}"
            )
        if self.has_tick:
            tick = self.tick()
        elif not is_mapping:
            tick = after + 1
        elif "tick" in packet:
            tick = whole_number(packet["tick"], "packet['tick']")
        else:
            raise HostError("tick: expected host.tick or packet['tick'], got neither")
        if tick <= after:
            raise HostError(f"tick: expected a tick after {after}, got {tick}")
        events: Any = None
        if self.event_table is None:
            if packet is None:
                events = self.events()
            else:
                events = packet.get("events") if is_mapping else packet
        return tick, () if events is None else events

    def columns(self) -> Any | None:
        """Return the host's :class:`EntityColumns`, or None if it keeps entities as dicts."""
        return self.host.entity_columns() if self._has_columns else None

    def entities(self) -> Any:
        """Return the host's mapping (or iterable) of entity dicts."""
        found = self.host.entities
        if isinstance(found, Iterator) and self.host.entities is found:
            raise HostError(
                "host.entities: expected a mapping, or an iterable that can be read at every "
                f"sample, got {describe(found)}, which is used up by the first"
            )
        return found

    def entities_by_id(self) -> Mapping[Any, Any]:
        """Return the host's mapping of entity dicts; empty where it keeps them in another way."""
        found = getattr(self.host, "entities", ())
        return found if isinstance(found, Mapping) else {}

    def events(self) -> Any:
        """Return the events of the tick just done; empty where the host keeps none."""
        found = getattr(self.host, "events", None)
        return () if found is None else found

    def check_same_table(self) -> None:
        """See that the host's table, or that it has none, is as it was at first.

        Raises
        ------
        HostError
            It is another.
        """
        found = getattr(self.host, "event_table", None)
        if found is not self.event_table:
            raise HostError(
                "host.event_table: expected the same table all through the run, there when it "
                f"starts; it was {describe(self.event_table)} and is {describe(found)}"
            )

    def world(self) -> Mapping[str, Any]:
        """Return the host's merged world definition; empty where it offers none."""
        world = getattr(self.host, "world", None)
        return world if isinstance(world, Mapping) else {}

    def seed(self) -> Any:
        """Return the host's seed, from itself or from its world; None if unknown."""
        seed = getattr(self.host, "seed", None)
        return self.world().get("seed") if seed is None else seed

    def dimensions(self) -> tuple[int, int, int] | None:
        """Return the number of cells along x, y and z; None for a host without a grid."""
        grid = self.grid()
        if grid is None:
            return None
        declared = getattr(grid, "dimensions", None)
        if declared is not None:
            return grid_dimensions(declared, "host.voxel_grid.dimensions")
        for layer in self.layers:
            shape = buffer_shape(grid[layer], f"voxel_grid[{layer!r}]")
            if shape is not None and len(shape) == 3:
                return shape[0], shape[1], shape[2]
        return None

    def grid(self) -> Any:
        """Return the voxel grid: a mapping of layer to array, an object to walk, or None.

        A host may make its arrays anew at each look, so ask once a sample.
        """
        return getattr(self.host, "voxel_grid", None)

    def voxel_versions(self) -> Mapping[str, Any]:
        """Return the versions of the layers' depths, by layer; empty where the host has none."""
        found = getattr(self.host, "voxel_versions", None)
        return {} if found is None else mapping(found, "host.voxel_versions")

    def _find_layers(self) -> tuple[str, ...]:
        """Return the layers of the host's grid, EcoSim's own first."""
        grid = self.grid()
        if grid is None:
            return ()
        if isinstance(grid, Mapping):
            names = [name(layer, "host.voxel_grid: layer name") for layer in grid]
        elif callable(getattr(grid, "walk_layer", None)):
            if getattr(grid, "dimensions", None) is None:
                raise HostError("host.voxel_grid: expected 'dimensions' beside 'walk_layer'")
            listed = getattr(grid, "layers", None) or self._walkable(grid)
            names = [name(layer, "host.voxel_grid.layers: layer name") for layer in listed]
        else:
            raise HostError(
                "host.voxel_grid: expected a mapping of layer to array, or an object with "
                f"'dimensions' and 'walk_layer', got {describe(grid)}"
            )
        own = [layer for layer in VOXEL_LAYERS if layer in names]
        return (*own, *(layer for layer in names if layer not in VOXEL_LAYERS))

    @staticmethod
    def _walkable(grid: VoxelWalker) -> Iterable[str]:
        """Yield the EcoSim layers that the grid can walk; an unknown one raises a LookupError."""
        for layer in VOXEL_LAYERS:
            try:
                grid.walk_layer(layer, lambda x, y, z, value: None)
            except (LookupError, ValueError, AttributeError):
                continue
            yield layer
