"""The reference core: the specification of every number and line the telemetry writes.

:class:`AggregateCore` collects what happens between two samples, reads the state at the end of a
sampled tick, and turns both into lines of JSON. It is plain Python to be read; the compiled core
(``ecosim._telemetry_core``) does the same operations in the same order and yields the same bytes.

A sample is built in three steps: entities are read (:meth:`~AggregateCore.read_columns` or
:meth:`~AggregateCore.read_entities`), then each voxel layer, then
:meth:`~AggregateCore.close_sample` adds the window's event counts and queues it. Text is made only
when it is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from ecosim.telemetry_config import check_ring_capacity
from ecosim.telemetry_errors import HostError
from ecosim.telemetry_event_table import EventTable
from ecosim.telemetry_host import (
    STATE_CHANGE,
    UNKNOWN_SPECIES,
    EntityColumns,
    VoxelWalker,
    walked_cells,
)
from ecosim.telemetry_layers import Bands, Dimensions, KnownLayer, LayerStatistics, layer_statistics
from ecosim.telemetry_statistics import moments
from ecosim.telemetry_values import (
    code_buffer,
    code_name,
    depth_bands,
    describe,
    float_buffer,
    identifier,
    layer_buffer,
    mapping,
    name,
    number,
    plain,
    position,
    readable,
    whole_number,
)

#: A batch of events is cut after this many ticks (one second at 10 Hz), so that the events file
#: depends on the run alone and never on the clock.
EVENT_BATCH_TICKS: Final = 10

#: The only cause for which an event is dropped: it found the ring full under ``on_full="drop"``.
RING_FULL: Final = "ring_full"

#: What the types of deaths start with.
DEATH_PREFIX: Final = "DEATH_"
#: The keys of an event that is a dict; the others are its extras.
EVENT_FIELDS: Final = ("type", "tick", "source_id", "target_id", "position")

EntitiesOf = Callable[[], Mapping[Any, Any]]


class AggregateCore:
    """Accumulators, a queue of samples and a ring of events for one run.

    Parameters
    ----------
    run_id : str
        Stands in every line.
    variables : sequence of str
        State variables to aggregate, in the order samples list them.
    log_events : bool
        Whether events are kept for the log; windows count them either way.
    ring_capacity : int
        Most events of one batch, 1 to 2**24.
    on_full : {"drain", "drop"}
        ``drain`` closes a full batch and starts another; ``drop`` counts and forgets what comes
        until the batch is cut.

    Notes
    -----
    At any time ``events_recorded == events_written + events_pending + events_dropped``. A method
    that raises leaves the counts as they were.
    """

    def __init__(
        self,
        run_id: str,
        variables: Sequence[str],
        *,
        log_events: bool = True,
        ring_capacity: int = 65_536,
        on_full: Literal["drain", "drop"] = "drain",
    ) -> None:
        self.run_id = run_id
        self.variables = tuple(variables)
        self.log_events = log_events
        self.ring_capacity = check_ring_capacity(ring_capacity)
        self.on_full = on_full

        self.samples_taken = 0
        self.events_recorded = 0
        self.events_written = 0
        self.events_dropped = 0

        #: Species name to the variables it has been seen with: entries are only ever added.
        self._species: dict[str, set[str]] = {}
        self._population: dict[str, Any] = {}
        self._entity_count = 0
        self._layers: dict[str, Any] = {}
        self._known_layers: dict[str, KnownLayer] = {}
        self._window_first: int | None = None
        self._by_type: dict[str, int] = {}
        self._transitions: dict[str, dict[str, int]] = {}
        self._samples: list[dict[str, Any]] = []

        #: The tick that events are recorded for.
        self.tick = 0
        self._table: EventTable | None = None
        self._batch: list[_Event] = []
        self._batch_first: int | None = None
        self._batch_dropped = 0
        self._cut_batches: list[_Batch] = []

    # ---- species ------------------------------------------------------------------------------

    def declare_species(self, species: str, variables: Iterable[str] = ()) -> None:
        """List a species in every sample from now on, with those of the variables it has."""
        known = self._species.setdefault(species, set())
        known.update(variable for variable in variables if variable in self.variables)

    def species(self) -> list[str]:
        """Return the species known so far, sorted."""
        return sorted(self._species)

    # ---- the state of a sampled tick ----------------------------------------------------------

    def read_entities(self, entities: Mapping[Any, Any] | Iterable[Any]) -> int:
        """Read every entity of a host that keeps them as dicts, and return their number.

        Parameters
        ----------
        entities : mapping of id to dict, or iterable of dicts
            Keys read: ``species``, ``state``, ``state_vars``. A missing or None variable is one
            that the entity does not have; a missing species counts as ``"unknown"``.

        Raises
        ------
        HostError
            A value of the wrong type; the message names the entity.
        """
        groups: dict[str, _Group] = {}
        count = 0
        keyed = isinstance(entities, Mapping)
        for key, entity in entities.items() if keyed else enumerate(entities):  # type: ignore[union-attr]
            if not isinstance(entity, Mapping):
                raise HostError(f"entities[{key!r}]: expected a mapping, got {describe(entity)}")
            if not keyed and entity.get("id") is not None:
                key = entity["id"]
            species = entity.get("species")
            if species is None:
                species = UNKNOWN_SPECIES
            elif type(species) is not str:
                species = name(species, f"entities[{key!r}].species")
            group = groups.get(species)
            if group is None:
                group = groups[species] = _Group()
            state = entity.get("state")
            if state is not None:
                group.add_state(name(state, f"entities[{key!r}].state"))
            state_vars = entity.get("state_vars")
            if state_vars is not None:
                state_vars = mapping(state_vars, f"entities[{key!r}].state_vars")
                for variable in self.variables:
                    value = state_vars.get(variable)
                    if value is not None:
                        if type(value) is not float:
                            where = f"entities[{key!r}].state_vars[{variable!r}]"
                            value = number(value, where)
                        group.add_value(variable, value)
            group.count += 1
            count += 1
        return self._close_population(groups, count)

    def read_columns(self, columns: EntityColumns) -> int:
        """Read every living entity of a host that keeps columns, and return their number.

        Parameters
        ----------
        columns : EntityColumns
            Codes and columns as long as ``species``; rows whose ``alive`` is 0 are skipped.

        Raises
        ------
        HostError
            A column of the wrong type or length, or a code without a name.
        """
        codes = code_buffer(columns.species, None, "entity_columns.species").tolist()
        length = len(codes)
        states = code_buffer(columns.state, length, "entity_columns.state").tolist()
        alive = getattr(columns, "alive", None)
        if alive is not None:
            alive = code_buffer(alive, length, "entity_columns.alive").tolist()
        values = {
            variable: float_buffer(
                columns.variables[variable], length, f"entity_columns.variables[{variable!r}]"
            ).tolist()
            for variable in self.variables
            if variable in columns.variables
        }
        species_names = _names(columns.species_names, "entity_columns.species_names")
        state_names = _names(columns.state_names, "entity_columns.state_names")
        owned = {
            species: [
                (variable, column)
                for variable, column in values.items()
                if variable in columns.species_variables.get(species, ())
            ]
            for species in (*species_names, UNKNOWN_SPECIES)
        }
        groups = {species: _Group(v for v, _ in owned[species]) for species in species_names}
        count = 0
        for row in range(length):
            if alive is not None and not alive[row]:
                continue
            species = code_name(species_names, codes[row], "entity_columns.species", row)
            state = code_name(state_names, states[row], "entity_columns.state", row)
            if species is None:
                species = UNKNOWN_SPECIES
            group = groups.get(species)
            if group is None:
                group = groups[species] = _Group(v for v, _ in owned[species])
            group.count += 1
            if state is not None:
                group.add_state(state)
            for variable, column in owned[species]:
                group.add_value(variable, column[row])
            count += 1
        return self._close_population(groups, count)

    def read_layer(
        self, layer: str, values: Any, dimensions: Dimensions | None, bands: Bands | None = None
    ) -> None:
        """Read a dense voxel layer through the buffer protocol, in C order.

        Parameters
        ----------
        values : buffer of float64 or float32
        dimensions : tuple of int or None
            Cells along x, y and z; None takes as many values as there are, in one row.
        bands : sequence of pairs of int, optional
            Bands of depths from the surface down as pairs (end, version), the last one's end being
            the depth of the grid. A band that had the same ends and the same version when this
            layer was last read is not read again: its cells are taken to be the same, whatever
            ``values`` holds there.

        Raises
        ------
        HostError
            The values are no floats, or not as many as the grid has cells; or bad bands. The next
            call then reads every depth.
        """
        known = self._known_layers.pop(layer, None) or KnownLayer()
        flat = layer_buffer(values, dimensions, f"voxel_grid[{layer!r}]")
        if bands is not None:
            depth = 0 if dimensions is None or min(dimensions) < 1 else dimensions[1]
            bands = depth_bands(bands, depth, f"voxel_versions[{layer!r}]")
        self._close_layer(layer, known.read(flat, dimensions, bands))
        self._known_layers[layer] = known

    def walk_layer(self, layer: str, grid: VoxelWalker, dimensions: tuple[int, int, int]) -> None:
        """Read a sparse voxel layer through ``grid.walk_layer``; a cell not visited is 1.0."""
        where = f"voxel_grid.walk_layer({layer!r})"
        self._known_layers.pop(layer, None)
        cells = walked_cells(grid, layer, dimensions, where)
        self._close_layer(layer, layer_statistics(cells, dimensions))

    def read_layers(
        self,
        layers: Sequence[str],
        grid: Mapping[str, Any] | VoxelWalker,
        dimensions: Dimensions | None,
        versions: Mapping[str, Bands],
    ) -> None:
        """Read the layers of a grid one by one: dense ones by their arrays, others by walking."""
        for layer in layers:
            if isinstance(grid, Mapping):
                self.read_layer(layer, grid[layer], dimensions, versions.get(layer))
            else:
                self.walk_layer(layer, grid, dimensions or (0, 0, 0))

    def close_sample(self) -> None:
        """Queue the sample of the current tick and start the next window.

        The first sample's window is its own tick; each later one starts after the last sample.
        """
        tick = self.tick
        first = tick if self._window_first is None else self._window_first
        by_type = dict(sorted(self._by_type.items()))
        self._samples.append(
            {
                "record": "sample",
                "run_id": self.run_id,
                "tick": tick,
                "window": [first, tick],
                "entity_count": self._entity_count,
                "species": self._population,
                "voxels": self._layers,
                "events": {
                    "deaths": _deaths(by_type),
                    "reproductions": by_type.get("REPRODUCTION", 0),
                    "predations": by_type.get("PREDATION", 0),
                    "pollinations": by_type.get("POLLINATION", 0),
                    "by_type": by_type,
                },
                "transitions": {
                    species: dict(sorted(changes.items()))
                    for species, changes in sorted(self._transitions.items())
                },
            }
        )
        self.samples_taken += 1
        self._window_first = tick + 1
        self._population, self._entity_count, self._layers = {}, 0, {}
        self._by_type, self._transitions = {}, {}

    # ---- events -------------------------------------------------------------------------------

    def begin_tick(self, tick: int) -> None:
        """Take what is recorded from now on as belonging to this tick of the host."""
        self.tick = tick
        if self._batch_first is None:
            self._batch_first = tick

    def end_tick(self) -> None:
        """Close the batch of events if it has lasted :data:`EVENT_BATCH_TICKS`."""
        first = self.tick if self._batch_first is None else self._batch_first
        if self.tick - first + 1 >= EVENT_BATCH_TICKS:
            self._cut_batch()
            self._batch_first = self.tick + 1

    def record_events(self, events: Iterable[Any], entities_of: EntitiesOf | None) -> None:
        """Record the events of a tick: mappings with a ``type``, or objects with an ``event_type``.

        Parameters
        ----------
        events : iterable
            As the host made them. An event without a tick happened in this one. What a mapping
            holds beside the fields of an event is its ``extra``.
        entities_of : callable, optional
            Gives the mapping of entity dicts by id; called at the first transition without a
            ``source_species``, whose species is that of its source.
        """
        entities: Mapping[Any, Any] | None = None
        for event in events:
            if isinstance(event, Mapping):
                kind, tick, source, target, place = (event.get(field) for field in EVENT_FIELDS)
                extra: Any = {key: event[key] for key in event if key not in EVENT_FIELDS}
                species = extra.get("source_species")
            else:
                try:
                    kind, tick, extra = event.event_type, event.tick, event.extra
                    source, target, place = event.source_id, event.target_id, event.position
                except AttributeError as error:
                    raise HostError(
                        "events: expected a mapping with a 'type', or an object with event_type, "
                        f"tick, source_id, target_id, position and extra, got {describe(event)}"
                    ) from error
                species = getattr(event, "source_species", None)
            # What cannot be a key is no id, as will be said.
            has_id = source is not None and isinstance(source, Hashable)
            if species is None and kind == STATE_CHANGE and has_id and entities_of:
                if entities is None:
                    entities = entities_of()
                entity = entities.get(source)
                species = entity.get("species") if isinstance(entity, Mapping) else None
            if tick is None:
                tick = self.tick
            self.record(kind, tick, source, target, place, extra, species)

    def record_table(self, table: EventTable, after: int, tick: int) -> None:
        """Record what a host's table has of each tick after ``after`` and up to ``tick``.

        Begins and ends these ticks.

        Parameters
        ----------
        table : EventTable
            The same one all through the run; its ids may be remembered.

        Raises
        ------
        HostError
            An id of the wrong type, or another table than before.
        """
        if self._table is not None and table is not self._table:
            raise HostError("host.event_table: expected the same table all through the run")
        self._table = table
        for each in table.ticks_between(after, tick):
            self.begin_tick(each)
            for row in table.rows_of(each):
                self.record(*row)
            self.end_tick()

    def record(
        self,
        event_type: Any,
        tick: Any,
        source_id: str | int | None = None,
        target_id: str | int | None = None,
        place: Sequence[float] | None = None,
        extra: Mapping[str, Any] | None = None,
        source_species: str | None = None,
    ) -> None:
        """Count one event in the window, and keep it for the log.

        Parameters
        ----------
        event_type : str
            Any name; those starting with ``DEATH_`` count as deaths.
        tick : int
            When it happened, 0 or more.
        source_id, target_id : str, int or None
            Entities that took part.
        place : sequence of 3 floats, optional
            World units.
        extra : mapping, optional
            Anything JSON has a type for; copied at once.
        source_species : str, optional
            With ``prev_state`` and ``new_state`` in ``extra``, a STATE_CHANGE is a transition.
        """
        kind = name(event_type, "event.type")
        if extra is not None:
            mapping(extra, f"{kind} event.extra")
        event = _Event(
            kind,
            whole_number(tick, f"{kind} event.tick"),
            identifier(source_id, f"{kind} event.source_id"),
            identifier(target_id, f"{kind} event.target_id"),
            position(place, f"{kind} event.position"),
            plain(extra, f"{kind} event.extra") if extra else None,
        )
        transition = None
        if kind == STATE_CHANGE and extra and source_species is not None:
            before, after = extra.get("prev_state"), extra.get("new_state")
            if isinstance(before, str) and isinstance(after, str):
                species = name(source_species, f"{kind} event.source_species")
                # str() of a string Enum is its name.
                transition = species, f"{str.__str__(before)}>{str.__str__(after)}"

        self._by_type[kind] = self._by_type.get(kind, 0) + 1
        if transition is not None:
            species, change = transition
            changes = self._transitions.setdefault(species, {})
            changes[change] = changes.get(change, 0) + 1
        if not self.log_events:
            return
        self.events_recorded += 1
        if len(self._batch) == self.ring_capacity:
            if self.on_full == "drop":
                self.events_dropped += 1
                self._batch_dropped += 1
                return
            self._cut_batch()
        self._batch.append(event)

    # ---- text ---------------------------------------------------------------------------------

    @property
    def events_pending(self) -> int:
        """Events recorded, not dropped, and not yet taken."""
        return len(self._batch) + sum(len(batch.events) for batch in self._cut_batches)

    @property
    def samples_pending(self) -> int:
        """Samples closed and not yet taken."""
        return len(self._samples)

    def take_samples(self) -> bytes:
        """Return the lines of the queued samples, and forget them."""
        text = "".join(_json(sample) + "\n" for sample in self._samples)
        self._samples.clear()
        return readable(text.encode("ascii"))

    def take_events(self, *, cut: bool = False) -> bytes:
        """Return the lines of the complete batches, and forget them.

        Parameters
        ----------
        cut : bool
            Whether the batch that is still open is closed at the current tick and returned too.
        """
        if cut and self._batch_first is not None:
            self._cut_batch()
            self._batch_first = self.tick + 1
        text = "".join(self._events_line(batch) for batch in self._cut_batches)
        self.events_written += sum(len(batch.events) for batch in self._cut_batches)
        self._cut_batches.clear()
        return readable(text.encode("ascii"))

    # ---- inside -------------------------------------------------------------------------------

    def _close_population(self, groups: Mapping[str, _Group], count: int) -> int:
        for species, group in groups.items():
            self.declare_species(species, group.values)
        nothing = _Group()
        self._population = {
            species: groups.get(species, nothing).statistics(
                [variable for variable in self.variables if variable in known]
            )
            for species, known in sorted(self._species.items())
        }
        self._entity_count = count
        return count

    def _close_layer(self, layer: str, found: LayerStatistics) -> None:
        self._layers[layer] = {
            "mean": found.moments.mean,
            "min": found.minimum,
            "max": found.maximum,
            "var": found.moments.variance,
        } | _nonfinite(found.moments.nonfinite)

    def _cut_batch(self) -> None:
        """Close the open batch at the current tick; an empty one leaves no trace."""
        if self._batch:
            first = self.tick if self._batch_first is None else self._batch_first
            self._cut_batches.append(_Batch((first, self.tick), self._batch, self._batch_dropped))
        self._batch, self._batch_dropped, self._batch_first = [], 0, self.tick

    def _events_line(self, batch: _Batch) -> str:
        kinds, ticks, sources, targets, places, extras = zip(*batch.events, strict=True)
        record: dict[str, Any] = {
            "record": "events",
            "run_id": self.run_id,
            "ticks": batch.ticks,
            "count": len(batch.events),
            "tick": ticks,
            "type": kinds,
            "source_id": sources,
            "target_id": targets,
            "position": plain(places, "position"),
            "extra": {str(i): extra for i, extra in enumerate(extras) if extra is not None},
        }
        if batch.dropped:
            record["dropped"] = {RING_FULL: batch.dropped}
        return _json(record) + "\n"


class _Event(NamedTuple):
    kind: str
    tick: int
    source_id: str | None
    target_id: str | None
    position: tuple[float, float, float] | None
    extra: dict[str, Any] | None


class _Batch(NamedTuple):
    ticks: tuple[int, int]
    events: list[_Event]
    dropped: int


class _Group:
    """The entities of one species in one sample."""

    def __init__(self, variables: Iterable[str] = ()) -> None:
        self.count = 0
        self.states: dict[str, int] = {}
        self.values: dict[str, list[float]] = {variable: [] for variable in variables}

    def add_state(self, state: str) -> None:
        self.states[state] = self.states.get(state, 0) + 1

    def add_value(self, variable: str, value: float) -> None:
        self.values.setdefault(variable, []).append(value)

    def statistics(self, variables: Iterable[str]) -> dict[str, Any]:
        return {
            "count": self.count,
            "states": dict(sorted(self.states.items())),
            "vars": {variable: self._moments(variable) for variable in variables},
        }

    def _moments(self, variable: str) -> dict[str, Any]:
        found = moments(self.values.get(variable, ()))
        return {"n": found.n, "mean": found.mean, "std": found.deviation} | _nonfinite(
            found.nonfinite
        )


def _deaths(by_type: Mapping[str, int]) -> int:
    return sum(count for kind, count in by_type.items() if kind.startswith(DEATH_PREFIX))


def _nonfinite(count: int) -> dict[str, int]:
    return {"nonfinite": count} if count else {}


def _names(names: Sequence[Any], where: str) -> list[str]:
    return [name(item, f"{where}[{code}]") for code, item in enumerate(names)]


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), allow_nan=False)
