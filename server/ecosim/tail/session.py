"""Follow what there is until it ends or somebody stops it."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ecosim.errors import DatasetError
from ecosim.tail import plain
from ecosim.tail.follow import Follower
from ecosim.tail.source import BatchSource, RunSource, find_source
from ecosim.tail.view import RunView

if TYPE_CHECKING:
    from rich.console import RenderableType


class _Display:
    """Where the view goes; the plain one prints a line for each sample."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def say(self, line: str) -> None:
        """Print a line."""
        print(line, file=self._out, flush=True)

    def waiting(self, text: str) -> None:
        """Nothing is there to follow yet."""
        self.say(text)

    def begin(self, view: RunView, standing: str) -> None:
        """A run is followed from now on."""
        if standing:
            self.say(standing)
        self.say(plain.head_line(view))

    def sample(self, view: RunView) -> None:
        """The view has a new sample."""
        self.say(plain.sample_line(view))

    def refresh(self, view: RunView, standing: str, quiet: float | None) -> None:
        """Time has passed."""

    def end(self, view: RunView, standing: str) -> None:
        """The run has ended."""
        self.say(plain.end_line(view))


class _Screen(_Display):
    """The view drawn on the whole terminal; the last one stays on it."""

    def __init__(self, out: TextIO, stack: contextlib.ExitStack) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(out)
        self._console = Console(file=out)
        self._live = Live(console=self._console, screen=True, auto_refresh=False, transient=True)
        self._last: tuple[RunView, str] | None = None
        # In this order, so that the last view is printed after the terminal is given back.
        stack.callback(self._leave_last)
        stack.enter_context(self._live)

    def waiting(self, text: str) -> None:
        from rich.text import Text

        self._live.update(Text(text), refresh=True)

    def begin(self, view: RunView, standing: str) -> None:
        self._last = (view, standing)

    def sample(self, view: RunView) -> None:
        pass

    def refresh(self, view: RunView, standing: str, quiet: float | None) -> None:
        self._last = (view, standing)
        self._live.update(self._drawn(view, standing, quiet), refresh=True)

    def end(self, view: RunView, standing: str) -> None:
        self.refresh(view, standing, None)

    def _drawn(self, view: RunView, standing: str, quiet: float | None) -> RenderableType:
        from ecosim.tail.screen import render

        return render(view, self._console, standing=standing, quiet_seconds=quiet)

    def _leave_last(self) -> None:
        if self._last is not None:
            self._console.print(self._drawn(*self._last, None))


def follow(given: Path, *, interval: float, stop: threading.Event, out: TextIO) -> None:
    """Show a run, or the runs of a batch, until they have ended or ``stop`` is set.

    Parameters
    ----------
    given : Path
        The telemetry file of a run, a folder with it, or a batch folder.
    interval : float
        Seconds between looks at the files, above 0.
    stop : threading.Event
    out : text stream
        On a terminal the view is drawn, elsewhere each sample is a line.

    Raises
    ------
    DatasetError, BatchFolderError
        There is nothing to follow, or what there is cannot be read.
    """
    source = find_source(given)
    with contextlib.ExitStack() as stack:
        stack.callback(source.close)
        display = _Screen(out, stack) if _draws(out) else _Display(out)
        for path in _files(source, display, interval, stop):
            _follow_run(path, source, display, interval, stop)


def show_once(given: Path, say: Callable[[str], None]) -> None:
    """Print how a run stands now, as lines; of a batch, that of the newest run being made.

    Raises
    ------
    DatasetError, BatchFolderError
        There is no run to show, or it cannot be read.
    """
    source = find_source(given)
    with contextlib.closing(source):
        path = source.next_file()
        if path is None and isinstance(source, RunSource):
            raise DatasetError(f"{source.waiting()}, expected one")
        standing = source.standing()
        if standing:
            say(standing)
        if path is None:
            say("no run is being made")
            return
        view = RunView(path)
        with Follower(path) as follower:
            while records := follower.poll():
                for record in records:
                    view.take(record, time.monotonic())
        for line in plain.snapshot(view):
            say(line)


def _draws(out: TextIO) -> bool:
    """Return whether the output is a terminal that can be drawn on."""
    if not out.isatty() or importlib.util.find_spec("rich") is None:
        return False
    from rich.console import Console

    return not Console(file=out).is_dumb_terminal


def _files(
    source: RunSource | BatchSource, display: _Display, interval: float, stop: threading.Event
) -> Iterator[Path]:
    """Yield the files to follow, one after the other; wait where there is none yet."""
    told = ""
    while not stop.is_set():
        path = source.next_file()
        if path is not None:
            told = ""
            yield path
            if isinstance(source, RunSource):
                return
            continue
        if isinstance(source, BatchSource) and source.is_over():
            display.say(source.standing())
            return
        if source.waiting() != told:
            told = source.waiting()
            display.waiting(told)
        stop.wait(interval)


def _follow_run(
    path: Path,
    source: RunSource | BatchSource,
    display: _Display,
    interval: float,
    stop: threading.Event,
) -> None:
    view = RunView(path)
    begun = False
    in_batch = isinstance(source, BatchSource)
    try:
        follower = Follower(path)
    except DatasetError:
        if in_batch and not path.exists():
            return  # it was finished between finding and opening it
        raise
    with follower:
        while not stop.is_set():
            # Before reading: what a run wrote until its folder was renamed is read below.
            gone = follower.is_gone()
            records = follower.poll()
            for record in records:
                view.take(record, time.monotonic())
                if not begun and view.config is not None:
                    begun = True
                    display.begin(view, source.standing())
                if record.get("record") == "sample":
                    display.sample(view)
            if view.end is not None:
                display.end(view, source.standing())
                return
            if gone and not records:
                if in_batch:
                    return  # swept away by whoever resumed the batch, or tried again
                raise DatasetError(
                    f"{path}: expected it to stay until the run ends, it was removed"
                )
            quiet = max(0.0, time.time() - follower.modified())
            display.refresh(view, source.standing(), quiet)
            if not records:
                stop.wait(interval)
