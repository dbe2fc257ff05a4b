"""Put a live server together: the engine, its telemetry, the run and the port."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecosim.engine import EcosystemEngine
from ecosim.engine.world_models import World
from ecosim.telemetry import TelemetryEmitter
from ecosim.telemetry_config import new_run_id
from ecosim.viewer.feed import TelemetryFeed
from ecosim.viewer.limits import DEFAULT_HOST, DEFAULT_RATE
from ecosim.viewer.live_run import LiveRun, RunStatus
from ecosim.viewer.server import LiveServer
from ecosim.viewer.world_view import world_facts


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How a world is run and shown.

    Attributes
    ----------
    name : str
        The world as its user calls it.
    host : str
        What the socket was opened with.
    rate : float
        Ticks a second.
    ticks : int or None
        Where the run is completed; None never.
    seed : int or None
        None takes the world's own, else a drawn one.
    telemetry : mapping or None
        Settings; None writes none.
    parameters : mapping
        What was set in the world by dotted path, for the config record.
    paused : bool
        Whether the run waits for ``resume``.
    allowed_origins : tuple of str
        Origins of other pages that may connect.
    """

    name: str
    host: str = DEFAULT_HOST
    rate: float = DEFAULT_RATE
    ticks: int | None = None
    seed: int | None = None
    telemetry: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False
    allowed_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveOutcome:
    """How a live run ended: its status, error, ticks and seed, and the files it wrote."""

    status: RunStatus
    error: str | None
    ticks: int
    seed: int
    paths: tuple[Path, ...]
    #: Whether a signal ended it.
    interrupted: bool


def serve_world(
    world: World,
    listener: socket.socket,
    settings: LiveSettings,
    *,
    stop: threading.Event,
    listening: Callable[[str, int], None],
    log: Callable[[str], None],
) -> LiveOutcome:
    """Run a world and serve it until it is stopped; from the main thread.

    Parameters
    ----------
    world : World
    listener : socket.socket
        See :func:`ecosim.viewer.server.open_socket`; closed at the end.
    settings : LiveSettings
    stop : threading.Event
        Set when the process is to end; see :func:`ecosim.stopping.stopped_by_signals`.
    listening : callable
        Takes the address of the page and the seed when the page can be opened.
    log : callable
        Takes a line about a client.

    Raises
    ------
    WorldError
        The seed is mistaken.
    TelemetryError
        The telemetry cannot start.
    """
    return asyncio.run(_serve(world, listener, settings, stop, listening, log))


async def _serve(
    world: World,
    listener: socket.socket,
    settings: LiveSettings,
    stop: threading.Event,
    listening: Callable[[str, int], None],
    log: Callable[[str], None],
) -> LiveOutcome:
    engine = EcosystemEngine(world, seed=settings.seed, telemetry=False)
    feed: TelemetryFeed | None = None
    emitter: TelemetryEmitter | None = None
    if settings.telemetry is not None:
        feed = TelemetryFeed()
        emitter = TelemetryEmitter(
            {**settings.telemetry, "enabled": True},
            parameters=settings.parameters,
            sinks=(feed.sink,),
        )
        emitter.on_init(engine)
    run = LiveRun(engine, emitter, rate=settings.rate, ticks=settings.ticks, paused=settings.paused)
    facts = {
        "run_id": new_run_id() if emitter is None else emitter.run_id,
        "world": settings.name,
        "interval": None if emitter is None else emitter.config.interval,
        **world_facts(engine),
    }
    server = LiveServer(
        run,
        facts,
        feed,
        listener=listener,
        host=settings.host,
        allowed_origins=settings.allowed_origins,
        log=log,
    )
    with _leaving_on(stop, server):
        await server.serve(lambda address: listening(address, engine.seed))
    assert run.status is not None
    return LiveOutcome(
        status=run.status,
        error=run.error,
        ticks=engine.tick,
        seed=engine.seed,
        paths=() if emitter is None else emitter.paths,
        interrupted=stop.is_set(),
    )


@contextlib.contextmanager
def _leaving_on(stop: threading.Event, server: LiveServer) -> Iterator[None]:
    """Let the server leave when the process is asked to end, or was before."""
    loop = asyncio.get_running_loop()

    def leave(number: int, frame: object) -> None:
        stop.set()
        loop.call_soon_threadsafe(server.leave)

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    if stop.is_set():
        server.leave()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
