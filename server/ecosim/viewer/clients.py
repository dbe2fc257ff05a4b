"""Those who listen: each has a bounded backlog and a task that sends, so none delays another."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from ecosim.viewer.limits import (
    GOODBYE_S,
    HEARTBEAT_S,
    LARGEST_MESSAGE,
    MESSAGES_PER_SECOND,
    MOST_WAITING_BYTES,
    MOST_WAITING_FRAMES,
)

#: Bytes that a close frame has room for beside its code.
_LONGEST_REASON: Final = 123


@dataclass(frozen=True, slots=True)
class _Frame:
    text: bytes
    #: Whether a client that is behind may do without it.
    optional: bool


@dataclass(frozen=True, slots=True)
class _Goodbye:
    code: int
    reason: str


class Client:
    """One WebSocket and what waits to be sent on it.

    Parameters
    ----------
    log : callable
        Takes a line that says why a client was dropped.
    skips : bool
        Whether a client that is behind loses its older packets instead of being dropped.
    events : bool
        Whether it asked for the event log, see :mod:`ecosim.viewer.feed`.
    """

    def __init__(
        self, log: Callable[[str], None], *, skips: bool = False, events: bool = False
    ) -> None:
        self.events = events
        self.socket = web.WebSocketResponse(
            # Each frame would be compressed once a client, and those are mostly on this machine.
            compress=False,
            max_msg_size=LARGEST_MESSAGE,
            heartbeat=HEARTBEAT_S,
            timeout=GOODBYE_S,
        )
        self._log = log
        self._skips = skips
        self._waiting: deque[_Frame] = deque()
        self._waiting_bytes = 0
        self._goodbye: _Goodbye | None = None
        self._wake = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._name = ""
        self._allowance = _Allowance()

    async def open(self, request: web.Request) -> None:
        """Answer the handshake.

        Raises
        ------
        HTTPBadRequest
            The request is no handshake in order.
        """
        await self.socket.prepare(request)
        self._transport = request.transport
        self._name = f"client {request.remote} on {request.path}"

    def send(self, text: bytes, *, optional: bool = False) -> None:
        """Put a text frame into the backlog; a client with too large a backlog is dropped.

        Parameters
        ----------
        text : bytes
            UTF-8; shared by all who get the same frame.
        optional : bool
            Whether a client that skips may do without it.
        """
        if self._goodbye is not None or self.socket.closed:
            return
        if optional and self._skips:
            self._forget_optional()
        self._waiting.append(_Frame(text, optional))
        self._waiting_bytes += len(text)
        self._wake.set()
        frames = len(self._waiting)
        if frames > MOST_WAITING_FRAMES or (
            self._waiting_bytes > MOST_WAITING_BYTES and frames > 1
        ):
            self._drop(f"{frames} frames, {self._waiting_bytes / 2**20:.0f} MiB wait for it")

    def close(self, code: int, reason: str) -> None:
        """Close the connection when everything that waits has been sent."""
        if self._goodbye is None:
            self._goodbye = _Goodbye(code, reason)
            self._wake.set()

    def abort(self) -> None:
        """Close the connection at once, without a word."""
        self._goodbye = self._goodbye or _Goodbye(WSCloseCode.GOING_AWAY, "")
        self._waiting.clear()
        if self._transport is not None:
            self._transport.abort()

    async def converse(self, answer: Callable[[str | None], bytes | None]) -> None:
        """Send what comes into the backlog, and answer what the client says, until it is gone.

        Parameters
        ----------
        answer : callable
            Is given the text of a message, or None for a binary one, and returns a frame or None.
        """
        sending = asyncio.create_task(self._send_all())
        reading = asyncio.create_task(self._read_all(answer))
        try:
            await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            reading.cancel()
            outcomes = await asyncio.gather(sending, reading, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionError):
                raise outcome
        if self._goodbye is not None:
            # With nobody reading beside it, this waits for the client's own goodbye.
            reason = self._goodbye.reason.encode()[:_LONGEST_REASON]
            await self.socket.close(code=self._goodbye.code, message=reason)

    async def _read_all(self, answer: Callable[[str | None], bytes | None]) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.ERROR:
                return  # against the protocol; the connection is closed
            await self._allowance.take()
            reply = answer(message.data if message.type is WSMsgType.TEXT else None)
            if reply is not None:
                self.send(reply)

    async def _send_all(self) -> None:
        """Send until a goodbye is all that is left."""
        while True:
            while self._waiting:
                frame = self._waiting.popleft()
                self._waiting_bytes -= len(frame.text)
                await self.socket.send_frame(frame.text, WSMsgType.TEXT)
            if self._goodbye is not None:
                return
            self._wake.clear()
            await self._wake.wait()

    def _forget_optional(self) -> None:
        if any(frame.optional for frame in self._waiting):
            self._waiting = deque(frame for frame in self._waiting if not frame.optional)
            self._waiting_bytes = sum(len(frame.text) for frame in self._waiting)

    def _drop(self, why: str) -> None:
        self._log(f"{self._name} dropped: it does not read, {why}")
        self.abort()


class Clients:
    """All WebSockets of one kind."""

    def __init__(self) -> None:
        self._all: set[Client] = set()

    def __len__(self) -> int:
        return len(self._all)

    @contextlib.contextmanager
    def joined(self, client: Client) -> Iterator[None]:
        """Keep a client among all for the time of the block."""
        self._all.add(client)
        try:
            yield
        finally:
            self._all.discard(client)

    def send(self, text: bytes, *, optional: bool = False, events: bool = False) -> None:
        """Send a frame to all, or to those alone who asked for events."""
        for client in tuple(self._all):
            if client.events or not events:
                client.send(text, optional=optional)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye to all."""
        for client in tuple(self._all):
            client.close(code, reason)

    def abort(self) -> None:
        """Close every connection at once."""
        for client in tuple(self._all):
            client.abort()


class _Allowance:
    """How many messages a client may still send; those beyond are read later."""

    def __init__(self) -> None:
        self._left = float(MESSAGES_PER_SECOND)
        self._at = 0.0

    async def take(self) -> None:
        """Wait until one more message may be read."""
        now = asyncio.get_running_loop().time()
        self._left = min(
            self._left + (now - self._at) * MESSAGES_PER_SECOND, float(MESSAGES_PER_SECOND)
        )
        self._at = now
        self._left -= 1
        if self._left < 0:
            await asyncio.sleep(-self._left / MESSAGES_PER_SECOND)
