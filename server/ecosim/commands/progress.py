"""How far a command has come: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import IO, Final

_SECONDS_BETWEEN_LINES: Final = 10.0
_SECONDS_BETWEEN_FRAMES: Final = 0.1

#: Told how many are done, of how many.
Advanced = Callable[[int, int], None]


@contextlib.contextmanager
def progress(
    stream: IO[str], unit: str, *, quiet: bool = False, seconds: float | None = None
) -> Iterator[Advanced]:
    """Show on a stream how much is done; the display goes when the block ends.

    Parameters
    ----------
    stream : text stream
    unit : str
        What is counted, in the plural.
    quiet : bool
        Show nothing.
    seconds : float, optional
        Least time between two lines, or two frames of a bar.

    Yields
    ------
    callable
        Takes how many are done, 1 or more, and how many there are; call it as often as you like.
    """
    if quiet:
        yield lambda done, total: None
        return
    with contextlib.ExitStack() as display:
        bar = _bar(stream, unit, display)
        show = bar or _lines(stream, unit)
        if seconds is None:
            seconds = _SECONDS_BETWEEN_FRAMES if bar else _SECONDS_BETWEEN_LINES
        due = time.monotonic() + seconds

        def advanced(done: int, total: int) -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due:
                due = now + seconds
                show(done, total)

        yield advanced


def _bar(stream: IO[str], unit: str, display: contextlib.ExitStack) -> Advanced | None:
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
    bar = Progress(unit, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                   console=console, auto_refresh=False, transient=True)  # fmt: skip

    def show(done: int, total: int) -> None:
        # What is over before the first frame is due shows no bar at all.
        if not bar.tasks:
            bar.add_task("", total=total)
            display.enter_context(bar)
        bar.update(bar.tasks[0].id, completed=done, total=total, refresh=True)

    return show


def _lines(stream: IO[str], unit: str) -> Advanced:
    begun = time.monotonic()

    def show(done: int, total: int) -> None:
        rate = done / (time.monotonic() - begun)
        left = (total - done) / rate
        # A log that is full or gone must not end the work.
        with contextlib.suppress(OSError):
            print(f"{done} of {total} {unit}, {rate:.0f} {unit}/s, {left:.0f} s left",
                  file=stream, flush=True)  # fmt: skip

    return show
