"""The server around a live run: one port for the page, the packets, the telemetry and the state."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from aiohttp import WSCloseCode, web

from ecosim.viewer.clients import Clients
from ecosim.viewer.feed import TelemetryFeed
from ecosim.viewer.guards import make_guard
from ecosim.viewer.http_log import line_logger
from ecosim.viewer.limits import GOODBYE_S, LARGEST_MESSAGE
from ecosim.viewer.live_run import LiveRun
from ecosim.viewer.messages import error_frame
from ecosim.viewer.routes import Routes
from ecosim.viewer.static_files import page_files

#: Packets on their way from the run's thread to the event loop. Where the loop cannot send as
#: fast as the world runs, the run goes as fast as the loop; no client can slow the loop.
_MOST_HANDED_OVER: Final = 64


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; port 0 takes a free one.

    Raises
    ------
    OSError
        The address is in use, is not this machine's, or its name is not known; ``strerror`` says
        which.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except UnicodeError as error:
        raise OSError(errno.EINVAL, "no host has such a name") from error
    try:
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        # Python's text repeats the address.
        raise OSError(error.errno, os.strerror(error.errno or errno.EINVAL)) from error


def page_address(host: str, port: int) -> str:
    """Return where a browser finds the page of a server that listens on an address."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"


class LiveServer:
    """Serves a run until a client stops it, it fails, or it is told to leave.

    Made inside the event loop.

    Parameters
    ----------
    run : LiveRun
        Not started yet.
    facts : mapping
        What ``/state`` says besides where the run is and who lives; has ``run_id`` and ``layers``.
    feed : TelemetryFeed or None
        The telemetry; None when it is off.
    listener : socket.socket
        Bound and listening, see :func:`open_socket`; closed at the end.
    host : str
        The name or address that it was opened with.
    allowed_origins : collection of str
        Origins of other pages that may connect, see :func:`ecosim.viewer.guards.normal_origin`.
    log : callable
        Takes a line about a client.
    """

    def __init__(
        self,
        run: LiveRun,
        facts: Mapping[str, Any],
        feed: TelemetryFeed | None,
        *,
        listener: socket.socket,
        host: str,
        allowed_origins: Collection[str] = (),
        log: Callable[[str], None],
    ) -> None:
        self._run = run
        self._feed = feed
        self._listener = listener
        self._packets = Clients()
        self._leave = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._room = threading.Semaphore(_MOST_HANDED_OVER)
        app = web.Application(
            middlewares=[make_guard(host, allowed_origins)], client_max_size=LARGEST_MESSAGE
        )
        Routes(
            run,
            facts,
            packets=self._packets,
            feed=feed,
            page=page_files(),
            leave=self._leave.set,
            log=log,
        ).add_to(app)
        self._runner = web.AppRunner(
            app, access_log=None, logger=line_logger(log), shutdown_timeout=GOODBYE_S
        )

    def leave(self) -> None:
        """End the run and the server, from the event loop."""
        self._leave.set()

    async def serve(self, listening: Callable[[str], None]) -> None:
        """Listen, run, and return when the run is over and everything is closed.

        Parameters
        ----------
        listening : callable
            Takes the address of the page once it can be opened; the run starts after it.
        """
        await self._runner.setup()
        try:
            await web.SockSite(self._runner, self._listener).start()
            listening(page_address(*self._listener.getsockname()[:2]))
            self._run.start(self)
            await self._leave.wait()
            await asyncio.to_thread(self._run.leave)
            await self._say_goodbye()
        finally:
            await self._runner.cleanup()

    # ---- the listener of the run, called in its thread -----------------------------------------

    @property
    def wants_packets(self) -> bool:
        """Whether a client listens."""
        return len(self._packets) > 0

    def packet(self, frame: bytes) -> None:
        """Take a packet; waits while the event loop, not a client, is behind."""
        self._room.acquire()
        self._loop.call_soon_threadsafe(self._publish, frame)

    def ended(self) -> None:
        """Learn that the run is over."""
        self._loop.call_soon_threadsafe(self._close_run)

    # ---- in the event loop ---------------------------------------------------------------------

    def _publish(self, frame: bytes) -> None:
        self._room.release()
        self._packets.send(frame, optional=True)

    def _close_run(self) -> None:
        run = self._run
        if run.status == "failed":
            self._packets.send(error_frame(f"the run failed at tick {run.tick}: {run.error}"))
            self._packets.close(WSCloseCode.INTERNAL_ERROR, "run ended: failed")
            self._leave.set()
        else:
            self._packets.close(WSCloseCode.OK, f"run ended: {run.status}")

    async def _say_goodbye(self) -> None:
        """Give the clients a moment to take what waits for them, then close every connection."""
        everyone = [self._packets] if self._feed is None else [self._packets, self._feed.clients]
        for clients in everyone:
            clients.close(WSCloseCode.GOING_AWAY, "run ended: the server stops")
        deadline = self._loop.time() + GOODBYE_S
        while any(map(len, everyone)) and self._loop.time() < deadline:
            await asyncio.sleep(0.01)
        for clients in everyone:
            clients.abort()
