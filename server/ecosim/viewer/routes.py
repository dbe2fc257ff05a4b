"""What the live server answers to each request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from ecosim.engine import EcosystemEngine
from ecosim.viewer.answers import Answers, to_json
from ecosim.viewer.clients import Client, Clients
from ecosim.viewer.feed import TelemetryFeed
from ecosim.viewer.limits import DEFAULT_REPLAY, LARGEST_REPLAY, MOST_CLIENTS
from ecosim.viewer.live_run import LiveRun, state_of
from ecosim.viewer.messages import Refusal, error_frame, read_control, read_rate
from ecosim.viewer.static_files import INDEX, StaticFile
from ecosim.viewer.world_view import surface, world_now

#: The page needs nothing from elsewhere, and nobody else's page may show it in a frame.
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class Routes:
    """The requests of a server and their answers.

    Parameters
    ----------
    run : LiveRun
    facts : mapping
        What ``/state`` says besides where the run is and who lives.
    packets : Clients
        The clients of the packets.
    feed : TelemetryFeed or None
        The telemetry; None when it is off.
    page : mapping of str to StaticFile
        The files below ``/static/``.
    leave : callable
        Ends the server.
    log : callable
        Takes a line about a client.
    """

    def __init__(
        self,
        run: LiveRun,
        facts: Mapping[str, Any],
        *,
        packets: Clients,
        feed: TelemetryFeed | None,
        page: Mapping[str, StaticFile],
        leave: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        self._run = run
        self._answers = Answers(run)
        self._facts = facts
        self._packets = packets
        self._feed = feed
        self._page = page
        self._leave = leave
        self._log = log

    def add_to(self, app: web.Application) -> None:
        """Register every route."""
        app.router.add_get("/", self._root)
        app.router.add_get("/ws", self._packet_socket, allow_head=False)
        app.router.add_get("/telemetry", self._telemetry_socket, allow_head=False)
        app.router.add_get("/status", self._status)
        app.router.add_get("/state", self._state)
        app.router.add_get("/layers/{name}", self._layer)
        app.router.add_put("/rate", self._rate)
        app.router.add_get("/static/{path:.*}", self._static)

    # ---- the page ------------------------------------------------------------------------------

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").strip().lower() == "websocket":
            return await self._packet_socket(request)
        return self._file(INDEX)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return self._file(request.match_info["path"])

    def _file(self, name: str) -> web.Response:
        found = self._page.get(name)
        if found is None:
            raise web.HTTPNotFound(text="no such file")
        return web.Response(
            body=found.content, content_type=found.content_type, charset="utf-8", headers=_HEADERS
        )

    # ---- the sockets ---------------------------------------------------------------------------

    async def _packet_socket(self, request: web.Request) -> web.StreamResponse:
        lag = request.query.get("lag")
        if lag not in (None, "skip"):
            raise web.HTTPBadRequest(text="lag: expected skip, or nothing")
        self._make_room()
        client = Client(self._log, skips=lag == "skip")
        with self._packets.joined(client):
            await client.open(request)
            await client.converse(self._obey)
        return client.socket

    def _obey(self, text: str | None) -> bytes | None:
        """Do what a message says, or return the error message that says why not."""
        if text is None:
            return error_frame("message: expected a text frame, got a binary one")
        control = read_control(text)
        if isinstance(control, Refusal):
            return error_frame(control.reason)
        if control.type == "stop":
            self._leave()
        elif self._run.finished:
            return error_frame(f"{control.type}: expected a run under way, but it has ended")
        else:
            self._run.control(control)
        return None

    async def _telemetry_socket(self, request: web.Request) -> web.StreamResponse:
        replay = _count(request, "replay", DEFAULT_REPLAY, LARGEST_REPLAY)
        events = _count(request, "events", 0, 1)
        feed = self._feed
        if feed is None:
            raise web.HTTPNotFound(text="telemetry is off (--no-telemetry)")
        self._make_room()
        client = Client(self._log, events=events == 1)
        with feed.clients.joined(client):
            feed.catch_up(client, replay)
            await client.open(request)
            await client.converse(_refuse_any)
        return client.socket

    def _make_room(self) -> None:
        telemetry = 0 if self._feed is None else len(self._feed.clients)
        if len(self._packets) + telemetry >= MOST_CLIENTS:
            raise web.HTTPServiceUnavailable(
                text=f"expected at most {MOST_CLIENTS} WebSockets at once, and they are all in use"
            )

    # ---- the state -----------------------------------------------------------------------------

    async def _status(self, request: web.Request) -> web.Response:
        return _json(self._where())

    async def _state(self, request: web.Request) -> web.Response:
        def look(engine: EcosystemEngine) -> dict[str, Any]:
            return {**self._facts, **self._where(), **world_now(engine)}

        return await self._answer("state", look)

    def _where(self) -> dict[str, Any]:
        return {
            "run_id": self._facts["run_id"],
            "clients": len(self._packets),
            "telemetry": self._feed is not None,
            **state_of(self._run),
        }

    async def _layer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        layers = self._facts["layers"]
        if name not in layers:
            return _error(404, f"layer: expected one of {', '.join(layers)}")
        return await self._answer(f"layers/{name}", lambda engine: surface(engine, name))

    async def _answer(
        self, name: str, question: Callable[[EcosystemEngine], Mapping[str, Any]]
    ) -> web.Response:
        text = await self._answers.get(name, question)
        if text is None:
            return _error(503, f"{name}: expected a server under way, but it is stopping")
        return _json_text(text)

    async def _rate(self, request: web.Request) -> web.Response:
        try:
            rate = read_rate(await request.text())
        except UnicodeDecodeError:
            rate = Refusal("rate: expected text in UTF-8")
        if isinstance(rate, Refusal):
            return _error(400, rate.reason)
        if self._run.finished:
            return _error(409, "rate: expected a run under way, but it has ended")
        self._run.change_rate(rate)
        return _json({"rate": rate})


def _refuse_any(text: str | None) -> bytes:
    return error_frame("telemetry: expected no message; control messages go to /ws")


def _count(request: web.Request, name: str, default: int, highest: int) -> int:
    """Return an integer of the query."""
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) <= highest):
        raise web.HTTPBadRequest(text=f"{name}: expected an integer from 0 to {highest}")
    return int(text)


def _json(data: Mapping[str, Any], status: int = 200) -> web.Response:
    return _json_text(to_json(data), status)


def _json_text(text: bytes, status: int = 200) -> web.Response:
    return web.Response(
        body=text,
        content_type="application/json",
        status=status,
        headers=_HEADERS,
    )


def _error(status: int, reason: str) -> web.Response:
    return _json({"type": "error", "message": reason}, status)
