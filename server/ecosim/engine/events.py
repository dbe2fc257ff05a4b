"""The events of a tick: kept as columns, turned into records only when somebody asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecosim.engine.arrays import FloatArray, IntArray
from ecosim.telemetry_host import EVENT_HISTORY_TICKS

Position = tuple[float, float, float]
Coded = tuple[IntArray, Sequence[str]]
"""An extra of several events: one code each, and the texts the codes stand for."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event, as the host interface has it."""

    event_type: str
    tick: int
    source_id: str | None
    target_id: str | None
    position: Position | None
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


@dataclass(slots=True)
class EventGroup:
    """Events of one type that happened together, as columns (the host interface's EventColumns)."""

    event_type: str
    source: IntArray
    species: IntArray
    x: FloatArray
    y: FloatArray | float
    z: FloatArray
    target: IntArray | None
    extra: dict[str, Coded]
    id_of: Callable[[int], str]
    species_names: Sequence[str]


class EventLog:
    """Collects the events of the tick under way, and keeps those of the last few.

    Parameters
    ----------
    name_of : callable
        Entity uid to its id.
    species_names : sequence of str
        Species code to name.
    """

    def __init__(self, name_of: Callable[[int], str], species_names: Sequence[str]) -> None:
        self._name_of = name_of
        self._species_names = species_names
        self._groups: list[EventGroup | EventRecord] = []
        self._history: deque[tuple[int, list[EventGroup | EventRecord]]] = deque(
            maxlen=EVENT_HISTORY_TICKS
        )
        self._records: list[EventRecord] | None = None
        self._tick = 0

    def start(self, tick: int) -> None:
        """Begin the events of another tick."""
        self._groups = []
        self._history.append((tick, self._groups))
        self._records = None
        self._tick = tick

    def add(
        self,
        event_type: str,
        source: IntArray,
        species: IntArray,
        x: FloatArray,
        y: FloatArray | float,
        z: FloatArray,
        target: IntArray | None = None,
        **extra: Coded,
    ) -> None:
        """Record events, one an element of the arrays; the arrays are kept, not copied.

        Parameters
        ----------
        event_type : str
        source, species, target : ndarray of shape (n,)
            Entity uids and species codes; ``target`` is None where there is none.
        x, y, z : ndarray of shape (n,)
            Where it happened; ``y`` may be one number for all.
        **extra : tuple of (ndarray of shape (n,), sequence of str)
            Further keys of the events, as codes and what they stand for.
        """
        self._groups.append(
            EventGroup(
                *(event_type, source, species, x, y, z, target, extra),
                *(self._name_of, self._species_names),
            )
        )

    def add_world_event(self, event_type: str, extra: dict[str, Any]) -> None:
        """Record an event that concerns no entity and no place."""
        self._groups.append(EventRecord(event_type, self._tick, None, None, None, extra, None))

    def after(self, tick: int) -> list[tuple[int, list[EventGroup | EventRecord]]]:
        """Return the ticks after ``tick`` that are kept, with their events as columns, in order."""
        return [pair for pair in self._history if pair[0] > tick]

    @property
    def records(self) -> list[EventRecord]:
        """The events of the tick in the order in which they happened."""
        if self._records is None:
            self._records = []
            for group in self._groups:
                if isinstance(group, EventRecord):
                    self._records.append(group)
                else:
                    self._records.extend(self._expand(group))
        return self._records

    def _expand(self, group: EventGroup) -> list[EventRecord]:
        name_of, names = self._name_of, self._species_names
        count = group.source.size
        targets = [None] * count if group.target is None else group.target.tolist()
        keys = list(group.extra)
        texts = [[words[code] for code in codes.tolist()] for codes, words in group.extra.values()]
        extras = list(zip(*texts, strict=True)) if keys else [None] * count
        return [
            EventRecord(
                group.event_type,
                self._tick,
                name_of(source),
                None if target is None else name_of(target),
                (x, y, z),
                None if values is None else dict(zip(keys, values, strict=True)),
                names[species],
            )
            for source, species, x, y, z, target, values in zip(
                group.source.tolist(),
                group.species.tolist(),
                np.asarray(group.x).tolist(),
                np.broadcast_to(group.y, count).tolist(),
                np.asarray(group.z).tolist(),
                targets,
                extras,
                strict=True,
            )
        ]
