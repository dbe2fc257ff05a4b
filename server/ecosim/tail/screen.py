"""The view on a terminal: bars that fit its size, drawn anew as samples come in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeVar

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ecosim.printable import printable
from ecosim.tail.view import Events, Population, RunView

_BLOCKS: Final = " ▏▎▍▌▋▊▉█"
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_TONES: Final = {"running": "cyan", "completed": "green", "stopped": "yellow", "failed": "red"}
_Row = TypeVar("_Row", Population, Events)
#: Columns from which populations and events stand side by side.
_WIDE: Final = 96
#: Columns between those two, and of a count, a change and a rate; each column has one after it.
_GAP: Final = 3
_COUNT: Final = 8
_CHANGE: Final = 7
_RATE: Final = 10


def render(
    view: RunView, console: Console, *, standing: str, quiet_seconds: float | None
) -> RenderableType:
    """Return the view, cut to the size of the console.

    Parameters
    ----------
    standing : str
        A line on the batch; may be empty.
    quiet_seconds : float or None
        How long ago the file was last written; None once the run has ended.
    """
    width, height = console.size
    lines: list[RenderableType] = [_title(view)]
    if standing:
        lines.append(Text(standing, style="dim", no_wrap=True, overflow="ellipsis"))
    lines.append(_figures(view, quiet_seconds))
    if view.sample is None:
        lines.append(Text("no sample yet", style="dim"))
        return Group(*lines)
    room = max(2, height - len(lines) - 2)
    populations, events = view.populations(), view.events()
    if width >= _WIDE:
        half = (width - _GAP) * 3 // 5
        side = Table.grid()
        side.add_column(width=half + _GAP)
        side.add_column(width=width - half - _GAP)
        side.add_row(
            _population_table(populations, half, room),
            _event_table(events, width - half - _GAP, room),
        )
        return Group(*lines, side)
    # Below each other, the populations have the first claim on the room.
    for_events = min(len(events) + 2, max(0, room - len(populations) - 2), room // 2)
    parts = [_population_table(populations, width, room - for_events - (1 if for_events else 0))]
    if for_events > 2:
        parts.append(_event_table(events, width, for_events - 1))
    return Group(*lines, *parts)


def _title(view: RunView) -> Text:
    status = view.status()
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(printable(view.run_id()), style="bold")
    text.append(f"  {printable(status)}", style=_TONES.get(status, ""))
    error = view.end.get("error") if view.end is not None else None
    if error:
        text.append(f": {printable(str(error))}", style="red")
    return text


def _figures(view: RunView, quiet_seconds: float | None) -> Text:
    tick = view.tick()
    parts = [] if tick is None else [f"tick {tick:,}"]
    if view.sample is not None:
        first, last = view.sample["window"]
        parts += [f"{view.entities():,} entities", f"events of ticks {first:,} to {last:,}"]
    speed = view.speed()
    if speed is not None and view.end is None:
        parts.append(f"{speed:,.0f} ticks/s")
    if quiet_seconds is not None and quiet_seconds >= 5:
        parts.append(f"nothing written for {quiet_seconds:,.0f} s")
    return Text(", ".join(parts), no_wrap=True, overflow="ellipsis")


def _population_table(found: Sequence[Population], width: int, room: int) -> Table:
    names = max([7, *(len(printable(one.name)) for one in found)])
    names = min(names, max(6, width // 3))
    past = 14 if width >= 56 else 0
    bar = max(4, width - names - _COUNT - _CHANGE - (past + 1 if past else 0) - 3)
    table = _table("species", names)
    table.add_column("change", width=_CHANGE, justify="right", no_wrap=True)
    table.add_column("", width=bar, no_wrap=True)
    if past:
        table.add_column("lately", width=past, no_wrap=True)
    shown, more = _fitting(found, room)
    most = max([1, *(one.count for one in found)])
    for one in shown:
        tone = "dim" if one.count == 0 else ""
        cells = [
            Text(printable(one.name), style=tone, overflow="ellipsis"),
            Text(f"{one.count:,}", style=tone),
            _change(one.change),
            Text(_bar(one.count / most, bar), style="cyan"),
        ]
        table.add_row(*cells, *([Text(_spark(one.past[-past:]), style="dim")] if past else []))
    _add_more(table, more)
    return table


def _event_table(found: Sequence[Events], width: int, room: int) -> Table:
    names = max([7, *(len(printable(one.name)) for one in found)])
    names = min(names, max(6, width // 2))
    bar = max(3, width - names - _COUNT - _RATE - 3)
    table = _table("events", names)
    table.add_column("/100 ticks", width=_RATE, justify="right", no_wrap=True)
    table.add_column("", width=bar, no_wrap=True)
    shown, more = _fitting(found, room)
    most = max([1, *(one.count for one in found)])
    for one in shown:
        name = Text(printable(one.name), overflow="ellipsis")
        rate = Text(f"{one.rate:,.1f}", style="dim")
        table.add_row(name, f"{one.count:,}", rate, Text(_bar(one.count / most, bar), "magenta"))
    if not found:
        table.add_row(Text("none in this window", style="dim"))
    _add_more(table, more)
    return table


def _table(first: str, names: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(first, width=names, no_wrap=True)
    table.add_column("count", width=_COUNT, justify="right", no_wrap=True)
    return table


def _fitting(found: Sequence[_Row], room: int) -> tuple[list[_Row], int]:
    """Return the entries that fit below a head, and how many do not."""
    rows = max(1, room - 1)
    if len(found) <= rows:
        return list(found), 0
    kept = {id(one) for one in sorted(found, key=lambda one: -one.count)[: max(1, rows - 1)]}
    return [one for one in found if id(one) in kept], len(found) - len(kept)


def _add_more(table: Table, more: int) -> None:
    if more:
        table.add_row(Text(f"{more} more", style="dim"))


def _change(change: int | None) -> Text:
    if not change:
        return Text("" if change is None else "0", style="dim")
    return Text(f"{change:+,}", style="green" if change > 0 else "red")


def _bar(share: float, width: int) -> str:
    """Return a bar in eighths of a column; what is not zero shows."""
    eighths = max(1, round(8 * width * share)) if share > 0 else 0
    return _BLOCKS[-1] * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")


def _spark(past: Sequence[int]) -> str:
    low, high = min(past), max(past)
    if low == high:
        return _SPARKS[0 if high == 0 else 3] * len(past)
    scale = (len(_SPARKS) - 1) / (high - low)
    return "".join(_SPARKS[math.floor((value - low) * scale + 0.5)] for value in past)
