"""The events of an engine that keeps columns: recorded by rows, kept for a few ticks.

::

    table = EventTable(ids, species_names=("deer", "wolf"), state_names=("IDLE", "FED"))
    table.bind(entity=uid, species=species, state=state, x=x, y=0.0, z=z)  # when arrays are new
    table.begin_tick(tick)
    table.add("PREDATION", rows, targets)
    table.add_changes(rows, new_states)

The compiled twin makes records of 64 bytes straight from the columns; this one says what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, Final, NamedTuple

from ecosim.telemetry_errors import HostError
from ecosim.telemetry_host import STATE_CHANGE
from ecosim.telemetry_values import (
    code_name,
    column,
    describe,
    identifier,
    mapping,
    name,
    number,
    plain,
    whole_number,
)

#: Ticks whose events a table keeps unless it is told otherwise: more than from one sample to the
#: next, so that the emitter need not look at the ticks between.
TICKS_KEPT: Final = 64

Names = Sequence[str]
Ids = Callable[[int], Any] | list[Any]
Extra = Mapping[str, tuple[Any, Names]]
Place = tuple[float, float, float]

_LARGEST_CODE: Final = 2**63 - 1


class EventRow(NamedTuple):
    """One event as the host interface has it, in the order of ``AggregateCore.record``."""

    event_type: str
    tick: int
    source_id: str | None
    target_id: str | None
    position: Place | None
    extra: dict[str, Any] | None
    source_species: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the event as a tick packet shows it; extras stand beside the other keys."""
        return {
            "type": self.event_type,
            "tick": self.tick,
            "source_id": self.source_id,
            "target_id": self.target_id,
            "position": None if self.position is None else list(self.position),
            **(self.extra or {}),
        }


class CodedEvent(NamedTuple):
    """One event as the table keeps it: entities and species by their codes, negative for none."""

    kind: str
    source: int
    target: int
    place: Place | None
    extra: dict[str, Any] | None
    species: int


class BoundColumns:
    """The columns of the entities, and what an event of one of their rows holds.

    Parameters are those of :meth:`EventTable.bind`, and the names of the table.
    """

    def __init__(
        self,
        species_names: Names,
        state_names: Names,
        entity: Any,
        species: Any,
        state: Any,
        x: Any,
        y: Any,
        z: Any,
    ) -> None:
        self.species_names = species_names
        self.state_names = state_names
        self.entity = column(entity, None, "event_table.entity", floats=False)
        self.species = self._bound(species, "species")
        self.state = self._bound(state, "state")
        axes = {"x": x, "y": y, "z": z}
        missing = [axis for axis, value in axes.items() if value is None]
        if 0 < len(missing) < len(axes):
            lacking = " and no ".join(missing)
            raise HostError(f"event_table: expected all of x, y and z or none, got no {lacking}")
        self.places = () if missing else tuple(self._axis(*item) for item in axes.items())

    def _bound(self, values: Any, what: str) -> memoryview[Any] | None:
        if values is None:
            return None
        return column(values, len(self.entity), f"event_table.{what}", floats=False)

    def _axis(self, axis: str, value: Any) -> memoryview[Any] | float:
        where = f"event_table.{axis}"
        if isinstance(value, Real):  # those of numpy too
            return number(value, where)
        return column(value, len(self.entity), where, floats=True)

    def added(self, event_type: Any, rows: Any, targets: Any, extra: Any) -> list[CodedEvent]:
        """Return the events of :meth:`EventTable.add`."""
        kind = name(event_type, "event.type")
        where = f"{kind} events"
        sources = self._rows(rows, None, f"{where}.rows", least=0)
        others = [-1] * len(sources)
        if targets is not None:
            others = self._rows(targets, len(sources), f"{where}.targets")
        extras: list[dict[str, Any]] = [{} for _ in sources]
        if extra is not None:
            for key, pair in mapping(extra, f"{where}.extra").items():
                place = f"{where}.extra[{key!r}]"
                try:
                    codes, words = pair
                except (TypeError, ValueError) as error:
                    raise HostError(
                        f"{place}: expected codes and the texts they stand for, got "
                        f"{describe(pair)}"
                    ) from error
                for index, code in enumerate(column(codes, len(sources), place, floats=False)):
                    if code >= 0:
                        text = name(code_name(words, code, place, index), place)
                        extras[index][name(key, f"{where}.extra")] = text
        return list(map(self._event, [kind] * len(sources), sources, others, extras))

    def changed(self, rows: Any, new_states: Any) -> list[CodedEvent]:
        """Return the events of :meth:`EventTable.add_changes`."""
        where = f"{STATE_CHANGE} events"
        if self.state is None:
            raise HostError(f"{where}: expected a bound column 'state', got none")
        sources = self._rows(rows, None, f"{where}.rows", least=0)
        codes = _whole(new_states, len(sources), f"{where}.new_states")
        return [
            self._event(
                STATE_CHANGE,
                row,
                -1,
                {
                    "prev_state": self._state(self.state[row], "event_table.state", row),
                    "new_state": self._state(code, f"{where}.new_states", index),
                },
            )
            for index, (row, code) in enumerate(zip(sources, codes, strict=True))
        ]

    def _rows(
        self, values: Any, length: int | None, where: str, least: int | None = None
    ) -> list[int]:
        rows = _whole(values, length, where)
        for index, row in enumerate(rows):
            if row >= len(self.entity) or (least is not None and row < least):
                raise HostError(
                    f"{where}[{index}]: expected a row below {len(self.entity)}, got {row}; "
                    "call bind when there are other arrays"
                )
        return rows

    def _state(self, code: int, where: str, index: int) -> str:
        found = code_name(self.state_names, code, where, index)
        if found is None:
            raise HostError(f"{where}[{index}]: expected the code of a state, got {code}")
        return found

    def _event(self, kind: str, row: int, target: int, extra: dict[str, Any]) -> CodedEvent:
        species = -1
        if self.species is not None:
            species = self.species[row]
            code_name(self.species_names, species, "event_table.species", row)
        place: Any = tuple(
            axis if isinstance(axis, float) else float(axis[row]) for axis in self.places
        )
        return CodedEvent(
            kind,
            self._code(row),
            self._code(target) if target >= 0 else -1,
            place or None,
            extra or None,
            species,
        )

    def _code(self, row: int) -> int:
        code: int = self.entity[row]
        if code > _LARGEST_CODE:
            raise HostError(f"event_table.entity[{row}]: expected a code below 2**63, got {code}")
        return code


class EventTable:
    """The events of the last ticks.

    Parameters
    ----------
    ids : callable or list
        Code of an entity to its id: a function, or a list that may grow (several times cheaper).
        The same answer all through the run; it is asked about entities that may be dead by then.
    species_names, state_names : sequence of str
        What the codes in the columns stand for.
    ticks_kept : int
        Ticks whose events are kept, the one under way included; 1 or more.

    Notes
    -----
    What is added is copied: the host may change its columns at once. A call that raises leaves the
    table as it was. One table serves one run. A copy, deep or pickled, has the same events and no
    columns yet.
    """

    def __init__(
        self,
        ids: Ids,
        *,
        species_names: Names = (),
        state_names: Names = (),
        ticks_kept: int = TICKS_KEPT,
    ) -> None:
        self.ids = callable_or_list(ids)
        self.species_names = exact_names(species_names, "event_table.species_names")
        self.state_names = exact_names(state_names, "event_table.state_names")
        self.ticks_kept = ticks_to_keep(ticks_kept)
        #: The tick under way or just done; None before the first.
        self.tick: int | None = None
        #: The last tick whose events are no longer kept; None while all are.
        self.forgotten: int | None = None
        self._ticks: dict[int, list[CodedEvent]] = {}
        self._columns = BoundColumns(
            self.species_names, self.state_names, memoryview(b""), None, None, None, None, None
        )

    def bind(
        self,
        *,
        entity: Any,
        species: Any = None,
        state: Any = None,
        x: Any = None,
        y: Any = None,
        z: Any = None,
    ) -> None:
        """Say in which columns the entities are from now on.

        Parameters
        ----------
        entity : buffer of integers, shape (n,)
            Code of each entity, for ``ids``; negative for one without an id.
        species, state : buffer of integers, shape (n,), optional
            Codes into the names; a negative species means none.
        x, y, z : buffer of float64 or float32, shape (n,), or one number for all
            Positions, world units; all None for entities without.

        Raises
        ------
        HostError
            A column of the wrong type or length.

        Notes
        -----
        The columns are held, not copied, and read by every call of :meth:`add` and
        :meth:`add_changes` until the next ``bind``: call it when the host has other arrays.
        """
        self._columns = BoundColumns(
            self.species_names, self.state_names, entity, species, state, x, y, z
        )

    def begin_tick(self, tick: int) -> None:
        """Take what is added from now on as belonging to this tick, and forget the oldest.

        Raises
        ------
        HostError
            It is not later than the last.
        """
        tick = next_tick(tick, self.tick)
        self.tick = tick
        self._ticks[tick] = []
        if len(self._ticks) > self.ticks_kept:
            self.forgotten = next(iter(self._ticks))
            del self._ticks[self.forgotten]

    def add(
        self, event_type: str, rows: Any, targets: Any = None, extra: Extra | None = None
    ) -> None:
        """Record events of entities, one an element of ``rows``.

        Parameters
        ----------
        event_type : str
        rows : buffer of integers, shape (k,)
            Rows of the bound columns: the entities that the events are of.
        targets : buffer of integers, shape (k,), optional
            Rows of the other entities; negative means none.
        extra : mapping, optional
            Further keys of the events: a buffer of k integer codes, and the texts they stand for.
            An event whose code is negative does not have the key.

        Raises
        ------
        HostError
            A column of the wrong type or length, a row that is not there, a code without a name.
        """
        self._begun().extend(self._columns.added(event_type, rows, targets, extra))

    def add_changes(self, rows: Any, new_states: Any) -> None:
        """Record a ``STATE_CHANGE`` of each entity, from the state that its column has now.

        Parameters
        ----------
        rows : buffer of integers, shape (k,)
            Rows of the bound columns.
        new_states : buffer of integers, shape (k,)
            Codes into ``state_names``.

        Raises
        ------
        HostError
            As :meth:`add`, or no state column is bound.
        """
        self._begun().extend(self._columns.changed(rows, new_states))

    def add_event(self, event_type: str, extra: Mapping[str, Any] | None = None) -> None:
        """Record an event that concerns no entity and no place.

        Parameters
        ----------
        event_type : str
        extra : mapping, optional
            Its further keys, as plain data; copied.
        """
        self._begun().append(lone_event(event_type, extra))

    def ticks_between(self, after: int, tick: int) -> list[int]:
        """Return the ticks after ``after`` and up to ``tick`` whose events are kept, in order."""
        return [each for each in self._ticks if after < each <= tick]

    def check_ticks(self, after: int, tick: int, *, every: bool = True) -> None:
        """See that the events after the tick ``after`` and up to ``tick`` are kept.

        Parameters
        ----------
        after, tick : int
        every : bool
            Whether each tick between has to be there.

        Raises
        ------
        HostError
            They are not.
        """
        if self.forgotten is not None and self.forgotten > after:
            raise HostError(
                f"host.event_table: expected the events after tick {after}, got those after "
                f"{self.forgotten}: it keeps {self.ticks_kept} ticks; call on_tick more often"
            )
        ticks = self.ticks_between(after, tick)
        if not ticks or ticks[-1] != tick:
            raise HostError(
                f"host.event_table: expected begin_tick({tick}) in the step to tick {tick}, "
                f"its last tick is {self.tick}"
            )
        if every and len(ticks) != tick - after:
            missing = next(each for each in range(after + 1, tick) if each not in ticks)
            raise HostError(
                f"host.event_table: expected every tick from {after + 1} to {tick}, "
                f"tick {missing} is missing"
            )

    def rows_of(self, tick: int) -> Iterator[EventRow]:
        """Yield the events of one tick in the order in which they were added."""
        for event in tuple(self._ticks.get(tick, ())):
            yield EventRow(
                event.kind,
                tick,
                identifier_of(self.ids, event.source, event.kind, "source_id"),
                identifier_of(self.ids, event.target, event.kind, "target_id"),
                event.place,
                event.extra,
                self.species_names[event.species] if event.species >= 0 else None,
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self, self._ticks.items())

    def _restore(
        self, forgotten: int | None, ticks: Iterable[tuple[int, list[CodedEvent]]]
    ) -> None:
        """Take over the events of a table that this is a copy of."""
        for tick, events in ticks:
            self.begin_tick(tick)
            self._begun().extend(CodedEvent(*event) for event in events)
        self.forgotten = forgotten

    def _begun(self) -> list[CodedEvent]:
        if self.tick is None:
            raise HostError("event_table: expected begin_tick(tick) before the first event")
        return self._ticks[self.tick]


def _whole(values: Any, length: int | None, where: str) -> list[int]:
    """Return integers that are no bools: a mask would be read as rows 0 and 1."""
    found = column(values, length, where, floats=False)
    if memoryview(values).format == "?":
        raise HostError(f"{where}: expected integers, got a mask of bools (see numpy.flatnonzero)")
    return list(found)


# ---- what both twins check alike -----------------------------------------------------------------


def reduced(
    table: EventTable, ticks: Iterable[tuple[int, Iterable[tuple[Any, ...]]]]
) -> tuple[Any, ...]:
    """Return how to make a copy of a table with these ticks (see ``object.__reduce__``)."""
    names = (table.species_names, table.state_names)
    kept = [(tick, [tuple(event) for event in events]) for tick, events in ticks]
    return restored, (type(table), table.ids, *names, table.ticks_kept, table.forgotten, kept)


def restored(
    kind: type[EventTable],
    ids: Ids,
    species_names: Names,
    state_names: Names,
    ticks_kept: int,
    forgotten: int | None,
    ticks: Any,
) -> EventTable:
    """Return a table with the events of another."""
    table = kind(ids, species_names=species_names, state_names=state_names, ticks_kept=ticks_kept)
    table._restore(forgotten, ticks)
    return table


def exact_names(names: Names, where: str) -> tuple[str, ...]:
    """Return names as a tuple of exact strings."""
    if isinstance(names, str):
        raise HostError(f"{where}: expected a sequence of names, got {describe(names)}")
    return tuple(name(item, f"{where}[{code}]") for code, item in enumerate(names))


def ticks_to_keep(value: Any) -> int:
    """Return a number of ticks, 1 or more."""
    ticks = whole_number(value, "event_table.ticks_kept")
    if ticks == 0:
        raise HostError("event_table.ticks_kept: expected 1 tick or more, got 0")
    return ticks


def next_tick(value: Any, last: int | None) -> int:
    """Return a tick that comes after the last."""
    tick = whole_number(value, "event_table.begin_tick")
    if last is not None and tick <= last:
        raise HostError(f"event_table.begin_tick: expected a tick after {last}, got {tick}")
    return tick


def lone_event(event_type: Any, extra: Any) -> CodedEvent:
    """Return the event of :meth:`EventTable.add_event`."""
    kind = name(event_type, "event.type")
    if extra is not None:
        where = f"{kind} event.extra"
        extra = plain(mapping(extra, where), where)
    return CodedEvent(kind, -1, -1, None, extra or None, -1)


def callable_or_list(ids: Any) -> Ids:
    """Return what says the ids of entities."""
    if not callable(ids) and not isinstance(ids, list):
        raise HostError(f"event_table.ids: expected a callable or a list, got {describe(ids)}")
    found: Ids = ids
    return found


def identifier_of(ids: Ids, code: int, kind: str, field: str) -> str | None:
    """Return the id of a code; None for a negative one."""
    if code < 0:
        return None
    return identifier(id_of(ids, code), f"{kind} event.{field}")


def id_of(ids: Ids, code: int) -> Any:
    """Return what the host says the id of a code is."""
    if isinstance(ids, list):
        if code < len(ids):
            return ids[code]
        raise HostError(f"event_table.ids: expected an id of code {code}, got {len(ids)} ids")
    try:
        return ids(code)
    except Exception as error:
        raise HostError(
            f"event_table.ids({code}): expected an id, got {type(error).__name__}: {error}"
        ) from error
