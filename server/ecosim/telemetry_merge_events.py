"""Merge the event logs of the parts of a world, tick by tick."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ecosim.telemetry_aggregates import EVENT_BATCH_TICKS
from ecosim.telemetry_errors import MergeError
from ecosim.telemetry_merge_parts import Record, check, summed

#: Most events of one merged batch, so that memory stays bounded; the emitter's default is the same.
LARGEST_BATCH: Final = 65_536

_COLUMNS: Final = ("tick", "type", "source_id", "target_id", "position")


class _Row(NamedTuple):
    """One event of one part's log, and how many the log lost after it, by cause."""

    turn: int
    columns: tuple[Any, ...]
    extra: Any
    dropped: Mapping[str, int]


def merge_events(
    logs: Sequence[Iterable[Record]],
    *,
    run_id: str,
    first_tick: int = 1,
    last_tick: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the batches of events of a world from those of its parts.

    Events come tick by tick; within a tick part by part, in the order of ``logs``; within a part
    in the order of its log. An event that states a tick before its batch or before an event that
    was recorded earlier keeps its place after that.

    Parameters
    ----------
    logs : sequence of iterable of mapping
        The events records of each part, in the order of its file. One batch a part is held.
    run_id : str
        Of the merged records.
    first_tick : int
        Tick at which the first batch starts: the one after the first sample.
    last_tick : int, optional
        Later events are left out, and the last batch ends here.

    Yields
    ------
    dict
        An events record of ten ticks, as one emitter would have cut it; several, of at most 65,536
        events, where there are more.

    Raises
    ------
    MergeError
        A record is no batch of events.
    """
    pending: list[_Row] = []
    start, end = first_tick, first_tick + EVENT_BATCH_TICKS - 1
    for row in heapq.merge(*(_rows(log) for log in logs), key=lambda row: row.turn):
        if last_tick is not None and row.turn > last_tick:
            break
        if row.turn > end:
            if pending:
                yield _batch(run_id, (start, end), pending)
                pending = []
            start = row.turn - (row.turn - first_tick) % EVENT_BATCH_TICKS
            end = start + EVENT_BATCH_TICKS - 1
        elif len(pending) == LARGEST_BATCH:
            yield _batch(run_id, (start, row.turn), pending)
            pending, start = [], row.turn
        pending.append(row)
    if pending:
        yield _batch(run_id, (start, end if last_tick is None else min(end, last_tick)), pending)


def _rows(log: Iterable[Record]) -> Iterator[_Row]:
    """Yield the events of a log with the tick in whose turn each comes, which never falls."""
    turn = 0
    for batch in log:
        check([batch], "events")
        columns = [batch[key] for key in _COLUMNS]
        count = batch["count"]
        if any(len(column) != count for column in columns):
            raise MergeError(
                f"events of {batch['run_id']}, ticks {batch['ticks']}: expected columns of "
                f"{count} events, got {', '.join(str(len(column)) for column in columns)}"
            )
        first, last = batch["ticks"]
        for place, values in enumerate(zip(*columns, strict=True)):
            turn = max(turn, min(max(values[0], first), last))
            dropped = batch.get("dropped", {}) if place == count - 1 else {}
            yield _Row(turn, values, batch["extra"].get(str(place)), dropped)


def _batch(run_id: str, ticks: tuple[int, int], rows: Sequence[_Row]) -> dict[str, Any]:
    columns = zip(*(row.columns for row in rows), strict=True)
    dropped = summed(row.dropped for row in rows)
    return {
        "record": "events",
        "run_id": run_id,
        "ticks": list(ticks),
        "count": len(rows),
        **{key: list(column) for key, column in zip(_COLUMNS, columns, strict=True)},
        "extra": {str(i): row.extra for i, row in enumerate(rows) if row.extra is not None},
    } | ({"dropped": dropped} if dropped else {})
