"""How far a single run has come: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import IO, Final

_SECONDS_BETWEEN_LINES: Final = 10.0
_SECONDS_BETWEEN_FRAMES: Final = 0.1

#: Told the ticks done so far, after each tick.
Advanced = Callable[[int], None]


@contextlib.contextmanager
def tick_progress(stream: IO[str], ticks: int, *, quiet: bool = False) -> Iterator[Advanced]:
    """Show on a stream how many of so many ticks are done.

    Parameters
    ----------
    stream : text stream
    ticks : int
    quiet : bool
        Show nothing.
    """
    if quiet:
        yield lambda done: None
        return
    with contextlib.ExitStack() as display:
        show = _bar(stream, ticks, display) or _lines(stream, ticks)
        seconds = _SECONDS_BETWEEN_FRAMES if stream.isatty() else _SECONDS_BETWEEN_LINES
        due = time.monotonic() + seconds

        def advanced(done: int) -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due:
                due = now + seconds
                show(done)

        yield advanced


def _bar(stream: IO[str], ticks: int, display: contextlib.ExitStack) -> Advanced | None:
    """Return what moves a bar that goes when the display ends; None where there can be none."""
    if not stream.isatty():
        return None
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
    except ImportError:
        return None
    console = Console(file=stream)
    if console.is_dumb_terminal:
        return None
    bar = Progress("ticks", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                   console=console, auto_refresh=False, transient=True)  # fmt: skip
    display.enter_context(bar)
    task = bar.add_task("", total=ticks)
    return lambda done: bar.update(task, completed=done, refresh=True)


def _lines(stream: IO[str], ticks: int) -> Advanced:
    begun = time.monotonic()

    def show(done: int) -> None:
        rate = done / (time.monotonic() - begun)
        left = (ticks - done) / rate
        print(f"{done} of {ticks} ticks, {rate:.0f} ticks/s, {left:.0f} s left",
              file=stream, flush=True)  # fmt: skip

    return show
