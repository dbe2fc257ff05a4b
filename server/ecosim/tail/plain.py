"""The view as lines of text, for output that is no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ecosim.printable import printable
from ecosim.tail.view import RunView

_BAR: Final = 30


def head_line(view: RunView) -> str:
    """Return a line on which run it is."""
    config = view.config or {}
    told = f"run {printable(view.run_id())}"
    for key in ("biome", "seed", "interval"):
        if config.get(key) is not None:
            told += f", {key} {printable(str(config[key]))}"
    return told


def sample_line(view: RunView) -> str:
    """Return the last sample in one line: populations with their change, events of the window."""
    species = ", ".join(
        f"{printable(one.name)} {one.count:,}" + (f" ({one.change:+,})" if one.change else "")
        for one in view.populations()
    )
    events = ", ".join(f"{printable(one.name)} {one.count:,}" for one in view.events())
    return (
        f"tick {view.tick():,}: {view.entities():,} entities; {species or 'no species'}; "
        f"events: {events or 'none'}"
    )


def end_line(view: RunView) -> str:
    """Return how the run stands or ended."""
    if view.end is None:
        return "no end record: the run is still going on, or it did not finish"
    error = view.end.get("error")
    told = f"{printable(view.status())} at tick {view.tick():,}"
    return told + (f": {printable(str(error))}" if error else "")


def snapshot(view: RunView) -> Iterator[str]:
    """Yield the whole view, a line a species and a line a type of event."""
    yield head_line(view)
    if view.sample is None:
        yield "no sample yet"
    else:
        found = view.populations()
        width = max([7, *(len(printable(one.name)) for one in found)])
        most = max([1, *(one.count for one in found)])
        yield f"tick {view.sample['tick']:,}, {view.entities():,} entities"
        for one in found:
            bar = "#" * round(_BAR * one.count / most) if one.count else ""
            change = "" if one.change is None else f"{one.change:+,}"
            line = f"  {printable(one.name):<{width}}  {one.count:>8,}  {change:>7}  {bar}"
            yield line.rstrip()
        first, last = view.sample["window"]
        yield f"events of ticks {first:,} to {last:,}, and per 100 ticks"
        events = view.events()
        width = max([7, *(len(printable(event.name)) for event in events)])
        for event in events:
            yield f"  {printable(event.name):<{width}}  {event.count:>8,}  {event.rate:>9,.1f}"
        if not events:
            yield "  none"
    yield end_line(view)
