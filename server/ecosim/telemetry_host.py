"""The host interface: what an engine may hand over, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Protocol, runtime_checkable

from ecosim.telemetry_errors import HostError
from ecosim.telemetry_values import (
    buffer_shape,
    code_buffer,
    code_name,
    describe,
    float_buffer,
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

#: Ticks whose events a host with an ``event_history`` keeps at least.
EVENT_HISTORY_TICKS: Final = 10

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


@runtime_checkable
class EventColumns(Protocol):
    """Events of one type that happened together: entry ``i`` of each column is of event ``i``.

    What an engine that keeps columns has in its ``event_history`` instead of one object an event.
    They are read up to :data:`EVENT_HISTORY_TICKS` later, so each tick has arrays of its own, which
    nobody changes any more. The answers of ``id_of`` are remembered, and it is asked about entities
    that may be dead by then.
    """

    event_type: str
    #: Integer codes of entities, one an event; negative means none.
    source: Any
    #: As ``source``, or None where no event has one.
    target: Any | None
    #: Code of an entity to its id, the same answer all through the run.
    id_of: Callable[[int], str]
    #: Integer codes into ``species_names``: the species of ``source``; or None.
    species: Any | None
    species_names: Sequence[str]
    #: World units: float64 or float32 columns, or one number for all; all None without a position.
    x: Any | None
    y: Any | None
    z: Any | None
    #: Further keys of the events: integer codes, one an event, and the texts they stand for.
    extra: Mapping[str, tuple[Any, Sequence[str]]]


class VoxelWalker(Protocol):
    """A voxel grid that visits its stored cells; a cell it does not visit has the value 1.0."""

    dimensions: Sequence[int]

    def walk_layer(self, layer: str, callback: Callable[[int, int, int, float], object]) -> object:
        """Call ``callback(x, y, z, value)`` for every stored cell of the layer."""


def event_rows(columns: EventColumns, tick: int) -> Iterator[tuple[Any, ...]]:
    """Yield the arguments of ``AggregateCore.record`` for each event of some columns, in turn.

    The columns are checked before the first event is yielded, their codes event by event.
    """
    kind = name(columns.event_type, "event.type")
    where = f"{kind} events"
    sources = code_buffer(columns.source, None, f"{where}.source").tolist()
    length = len(sources)
    targets = _codes(columns.target, length, f"{where}.target")
    # Only a transition needs the species.
    species = _codes(columns.species if kind == STATE_CHANGE else None, length, f"{where}.species")
    axes = None
    if columns.x is not None:
        axes = [_coordinates(getattr(columns, axis), length, f"{where}.{axis}") for axis in "xyz"]
    extras = [
        (key, _codes(codes, length, f"{where}.extra[{key!r}]"), texts)
        for key, (codes, texts) in mapping(columns.extra, f"{where}.extra").items()
    ]
    for row in range(length):
        extra = {}
        for key, codes, texts in extras:
            if codes[row] >= 0:
                extra[key] = code_name(texts, codes[row], f"{where}.extra[{key!r}]", row)
        yield (
            kind,
            tick,
            columns.id_of(sources[row]) if sources[row] >= 0 else None,
            columns.id_of(targets[row]) if targets[row] >= 0 else None,
            None if axes is None else [axis[row] for axis in axes],
            extra,
            code_name(columns.species_names, species[row], f"{where}.species", row),
        )


def _codes(values: Any, length: int, where: str) -> list[int]:
    if values is None:
        return [-1] * length
    return code_buffer(values, length, where).tolist()


def _coordinates(values: Any, length: int, where: str) -> list[float]:
    if isinstance(values, (int, float)):
        return [number(values, where)] * length
    return list(float_buffer(values, length, where))


def walked_cells(
    grid: VoxelWalker, layer: str, dimensions: tuple[int, int, int], where: str
) -> list[float]:
    """Return every cell of a sparse layer in C order, 1.0 where the grid stores none."""
    nx, ny, nz = dimensions
    cells = [UNSTORED_CELL] * (nx * ny * nz)

    def visit(x: int, y: int, z: int, value: float) -> None:
        if not (0 <= x < nx and 0 <= y < ny and 0 <= z < nz):
            raise HostError(
                f"{where}: expected cells within [{nx}, {ny}, {nz}], got ({x}, {y}, {z})"
            )
        cells[(x * ny + y) * nz + z] = number(value, f"{where} at ({x}, {y}, {z})")

    grid.walk_layer(layer, visit)
    return cells


def _rising(numbers: Sequence[int]) -> bool:
    return len(numbers) > 1 and all(first < second for first, second in pairwise(numbers))


class HostView:
    """A host engine seen through the host interface.

    Reads attributes afresh at each call, and keeps nothing that the host owns.

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
        history = getattr(host, "event_history", None)
        #: The host's method of that name; None where it has none.
        self.event_history: Callable[[int], Any] | None = history if callable(history) else None
        self.layers = self._find_layers()

    def tick(self) -> int:
        """Return the number of ticks the host has completed."""
        return whole_number(self.host.tick, "host.tick")

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

    def species_of(self) -> Callable[[str], str | None]:
        """Return a function of an entity id to its species, None if unknown, good for one tick."""
        entities: Any = None

        def find(entity_id: str) -> str | None:
            nonlocal entities
            if entities is None:  # a host may make its mapping anew at each look
                entities = getattr(self.host, "entities", ())
            entity = entities.get(entity_id) if isinstance(entities, Mapping) else None
            return entity.get("species") if isinstance(entity, Mapping) else None

        return find

    def events(self) -> Any:
        """Return the events of the tick just done; empty where the host keeps none."""
        found = getattr(self.host, "events", None)
        return () if found is None else found

    def history_between(
        self, after: int, tick: int, *, every: bool = True
    ) -> list[tuple[int, Sequence[Any]]]:
        """Return the events the host kept of the ticks after ``after`` and up to ``tick``.

        Parameters
        ----------
        after, tick : int
            Completed ticks of the host.
        every : bool
            Whether each tick between has to be there.
        """
        assert self.event_history is not None
        where = f"host.event_history({after})"
        try:
            found = [pair for pair in self.event_history(after) if pair[0] <= tick]
            ticks = [number for number, _ in found]
        except (TypeError, ValueError, IndexError) as error:
            raise HostError(f"{where}: expected pairs of a tick and its events, {error}") from error
        whole = ticks == list(range(after + 1, tick + 1))
        if not whole and (every or not _rising([after, *ticks]) or ticks[-1] != tick):
            raise HostError(f"{where}: expected the ticks {after + 1} to {tick}, got {ticks}")
        return found

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
            names = list(getattr(grid, "layers", None) or self._walkable(grid))
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
