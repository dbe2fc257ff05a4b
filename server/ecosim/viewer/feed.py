"""The telemetry of the run on its way to clients: every line as it is written, the last kept."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aiohttp import WSCloseCode

from ecosim.viewer.clients import Client, Clients
from ecosim.viewer.limits import LARGEST_REPLAY, LARGEST_REPLAY_BYTES

_KIND: Final = re.compile(rb'\{"record": ?"(\w+)"')
_LAST_WORDS: Final = "run ended: this was the last record"


class FeedSink:
    """A telemetry sink that hands each line on, in the thread that writes.

    Parameters
    ----------
    take : callable
        Is given one line of either stream, without its end.
    """

    paths: tuple[Path, ...] = ()

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def write_telemetry(self, lines: bytes) -> None:
        """Hand on lines of the telemetry stream."""
        for line in lines.splitlines():
            self._take(line)

    def write_events(self, lines: bytes) -> None:
        """Hand on lines of the event log."""
        for line in lines.splitlines():
            self._take(line)

    def flush(self) -> None:
        """Do nothing: lines are handed on at once."""

    def close(self) -> None:
        """Do nothing: there is nothing to finish."""


def record_kind(line: bytes) -> str:
    """Return the ``record`` of a telemetry line: config, sample, events or end."""
    found = _KIND.match(line)
    return "" if found is None else found[1].decode()


class Replay:
    """The config record, the latest samples in bounded memory, and the end record."""

    def __init__(self) -> None:
        self._config: bytes | None = None
        self._samples: deque[bytes] = deque()
        self._size = 0
        self._end: bytes | None = None

    def add(self, line: bytes) -> str:
        """Keep a line if it is one to keep, and return what kind of record it is."""
        kind = record_kind(line)
        if kind == "config":
            self._config = line
        elif kind == "end":
            self._end = line
        elif kind == "sample":
            self._samples.append(line)
            self._size += len(line)
            while len(self._samples) > LARGEST_REPLAY or (
                self._size > LARGEST_REPLAY_BYTES and len(self._samples) > 1
            ):
                self._size -= len(self._samples.popleft())
        return kind

    def lines(self, samples: int) -> list[bytes]:
        """Return the config record, the last ``samples`` samples, and the end if it has come."""
        first = max(0, len(self._samples) - samples)
        chosen = [line for index, line in enumerate(self._samples) if index >= first]
        ends = (self._config, *chosen, self._end)
        return [line for line in ends if line is not None]


class TelemetryFeed:
    """Brings the lines that an emitter writes in its thread to the clients of an event loop.

    Made inside the loop.

    Attributes
    ----------
    sink : FeedSink
        For the emitter.
    replay : Replay
        What a client that comes late is sent first.
    clients : Clients
        Those who get every line from now on.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()

        def take(line: bytes) -> None:
            loop.call_soon_threadsafe(self._publish, line)

        self.sink = FeedSink(take)
        self.replay = Replay()
        self.clients = Clients()

    def catch_up(self, client: Client, samples: int) -> None:
        """Send a client what it missed: the config record, the last samples, the end."""
        lines = self.replay.lines(samples)
        for line in lines:
            client.send(line)
        if lines and record_kind(lines[-1]) == "end":
            client.close(WSCloseCode.OK, _LAST_WORDS)

    def _publish(self, line: bytes) -> None:
        kind = self.replay.add(line)
        self.clients.send(line, events=kind == "events")
        if kind == "end":
            self.clients.close(WSCloseCode.OK, _LAST_WORDS)
