"""A live server in a process of its own, and clients that talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp

#: Longest wait for anything; a test that needs it has failed.
PATIENCE_S = 30.0


class Server:
    """A running ``ecosim serve``.

    Attributes
    ----------
    url : str
        The address that its first line of output says, without the slash at the end.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.first_line = process.stdout.readline()
        self.url = self.first_line.split(" ")[0].strip().rstrip("/")
        self.port = int(self.url.rpartition(":")[2] or 0)
        self._out = self._err = ""

    def ended(self) -> tuple[int, str, str]:
        """Wait for the end and return the exit code and what was printed since the first line."""
        if self.process.returncode is None:
            self._out, self._err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, self._out, self._err

    def memory(self) -> int:
        """Return the resident memory of the process, bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def raw(self) -> socket.socket:
        """Return a plain connection to the port."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def get(self, path: str, method: str = "GET", **options: Any) -> tuple[int, str]:
        """Make a request and return the status and the body."""

        async def ask() -> tuple[int, str]:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, self.url + path, **options) as response,
            ):
                return response.status, await response.text()

        return asyncio.run(ask())

    def json(self, path: str) -> Any:
        """Return what a path answers as JSON."""
        status, text = self.get(path)
        assert status == 200, text
        return json.loads(text)


@contextlib.contextmanager
def serving(*words: object, folder: Path, world: str = "minimal") -> Iterator[Server]:
    """Run ``ecosim serve`` on a free port; its working folder is ``folder``."""
    command = [sys.executable, "-m", "ecosim", "serve", world, "--port", "0", *map(str, words)]
    process = subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield Server(process)
    finally:
        process.kill()
        process.communicate()


def talk(
    server: Server,
    conversation: Callable[[aiohttp.ClientWebSocketResponse], Awaitable[Any]],
    path: str = "/ws",
    **options: Any,
) -> Any:
    """Open a WebSocket, hold a conversation and return its result."""

    async def hold() -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(server.url + path, max_msg_size=0, **options) as client,
        ):
            return await asyncio.wait_for(conversation(client), PATIENCE_S)

    return asyncio.run(hold())


async def texts_until_closed(client: aiohttp.ClientWebSocketResponse) -> list[str]:
    """Return every text frame up to the end of the connection."""
    return [message.data async for message in client if message.type is aiohttp.WSMsgType.TEXT]


async def packet(client: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """Return the next tick packet; errors in between are a failure."""
    data: dict[str, Any] = await client.receive_json()
    assert "tick" in data, data
    return data


async def error(client: aiohttp.ClientWebSocketResponse) -> str:
    """Return the text of the next error message, whatever packets come before."""
    while True:
        data = await client.receive_json()
        if data.get("type") == "error":
            assert data.keys() == {"type", "message"}
            return str(data["message"])


def run_whole(server: Server, path: str = "/ws") -> list[str]:
    """Resume a paused run and return every packet up to its end."""

    async def watch(client: aiohttp.ClientWebSocketResponse) -> list[str]:
        await client.send_json({"type": "resume"})
        return await texts_until_closed(client)

    found: list[str] = talk(server, watch, path)
    return found


def stop(server: Server) -> None:
    """Stop the run as a client does."""

    async def say(client: aiohttp.ClientWebSocketResponse) -> None:
        await client.send_json({"type": "stop"})
        await texts_until_closed(client)

    talk(server, say)


def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds, and return what it returned."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def upgrade(server: Server, path: str = "/ws", **headers: str) -> socket.socket:
    """Return a raw connection after a WebSocket handshake."""
    connection = server.raw()
    lines = {
        "Host": f"127.0.0.1:{server.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        **headers,
    }
    text = f"GET {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
    connection.sendall(text.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = connection.recv(1)
        assert more, answer
        answer += more
    assert b" 101 " in answer, answer
    return connection


def frame(payload: bytes, opcode: int = 1, *, final: bool = True, masked: bool = True) -> bytes:
    """Return a WebSocket frame as a client sends it (the mask is all zeros)."""
    first = opcode | (0x80 if final else 0)
    flag = 0x80 if masked else 0
    if len(payload) < 126:
        head = struct.pack("!BB", first, flag | len(payload))
    elif len(payload) < 2**16:
        head = struct.pack("!BBH", first, flag | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, flag | 127, len(payload))
    return head + (b"\0\0\0\0" if masked else b"") + payload


def records(folder: Path) -> list[dict[str, Any]]:
    """Return the records of the one telemetry file in a folder."""
    (path,) = folder.glob("*_telemetry.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]
