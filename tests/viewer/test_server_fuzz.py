"""Ten thousand malformed messages and frames: the server goes on, and serves the same packets."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import aiohttp
from serve_cases import Server, error, frame, run_whole, serving, upgrade

#: Messages on connections that outlive them, and frames on connections that they may end.
_MESSAGES: Final = 8000
_TALKERS: Final = 40
_FRAMES: Final = 2000
_SEED: Final = 20261124
_GROWTH_BYTES: Final = 30 * 2**20


def malformed_messages(random_: random.Random) -> Iterator[str]:
    """Yield texts that are no control message; none of them would be one if a key were ignored."""
    valid = ['{"type":"pause"}', '{"type":"stop"}', '{"type":"rain","intensity":0.5}']
    while True:
        kind = random_.randrange(8)
        if kind == 0:
            yield "".join(chr(random_.randrange(1, 0xD800)) for _ in range(random_.randrange(40)))
        elif kind == 1:
            yield random_.choice("[{") * random_.randrange(1, 4000)
        elif kind == 2:  # cut short
            text = random_.choice(valid)
            yield text[: random_.randrange(len(text) - 1)]
        elif kind == 3:  # something in the middle of it
            text = random_.choice(valid)
            place = random_.randrange(2, len(text) - 1)
            yield text[:place] + random_.choice("\x00{}[]\\\ufeff") + text[place:]
        elif kind == 4:
            yield json.dumps({"type": random_.choice(["stop", "pause"]), "x": random_.random()})
        elif kind == 5:
            number = random_.choice(
                ["1e999", "-1", "1.0000001", "NaN", "true", "null", "[0.5]", '"1"']
            )
            yield f'{{"type":"rain","intensity":{number}}}'
        elif kind == 6:
            yield json.dumps(
                {"type": random_.choice(["STOP", "", " stop", "rain ", 0, None, ["stop"]])}
            )
        else:
            yield '{"type":"stop","type":"stop"}' + " " * random_.randrange(2000)


def malformed_frame(random_: random.Random) -> bytes:
    """Return bytes that are no message of the protocol."""
    kind = random_.randrange(10)
    some = random_.randbytes(random_.randrange(1, 300))
    if kind == 0:
        return some
    if kind == 1:  # an opcode that does not exist, or a reserved bit
        return bytes([random_.choice([0x83, 0x87, 0x8B, 0x8F, 0xC1, 0xA1, 0x91])]) + some
    if kind == 2:
        return frame(b'{"type":"nothing"}', masked=False)
    if kind == 3:  # announces more than will ever come
        length = random_.choice([2**64 - 1, 2**63, 2**40, 2**31, 5000])
        return b"\x81\xff" + struct.pack("!Q", length) + some
    if kind == 4:  # parts of a message without its end, pings in between
        parts = [frame(b"[", final=False)]
        for _ in range(random_.randrange(1, 30)):
            parts.append(
                frame(some[:100], random_.choice([0, 9, 10, 1]), final=random_.random() < 0.5)
            )
        return b"".join(parts)
    if kind == 5:
        return frame(b"\xc3\x28\xff" + some)
    if kind == 6:
        return frame(some, 2)
    if kind == 7:  # goodbyes that are none
        return frame(random_.choice([b"\x00", b"\x00\x00", b"\x03\xedx", b"\x03\xe8\xff\xff"]), 8)
    if kind == 8:
        return frame(b"x" * random_.randrange(126, 70000), random_.choice([1, 9]))
    return b"".join(frame(b"{}", 9, final=False) + some for _ in range(3))


def malformed_handshake(random_: random.Random) -> bytes:
    """Return the beginning of a request that never becomes a WebSocket."""
    whole = (
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    kind = random_.randrange(4)
    if kind == 0:
        return whole[: random_.randrange(1, len(whole) - 2)]
    if kind == 1:
        return whole.replace(b"dGhlIHNhbXBsZSBub25jZQ==", random_.randbytes(12).hex().encode())
    if kind == 2:
        return whole.replace(
            b": 13", random_.choice([b": 99", b":", b": 13\r\nContent-Length: -1"])
        )
    return random_.randbytes(random_.randrange(1, 2000))


async def talk_nonsense(server: Server, random_: random.Random) -> None:
    """Send malformed messages on a few connections; every one is answered by an error message."""

    async def one(session: aiohttp.ClientSession, texts: list[str]) -> None:
        async with session.ws_connect(server.url + "/ws") as client:
            for text in texts:
                await client.send_str(text)
            for _ in texts:
                await error(client)

    messages = malformed_messages(random_)
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(
            *(
                one(session, [next(messages) for _ in range(_MESSAGES // _TALKERS)])
                for _ in range(_TALKERS)
            )
        )


def throw_frames(server: Server, random_: random.Random, number: int) -> None:
    """Send malformed frames and handshakes on connections of their own; some are left open."""
    left_open: list[socket.socket] = []
    for index in range(number):
        if index % 4:
            connection = upgrade(server, random_.choice(["/ws", "/", "/telemetry"]))
            sent = malformed_frame(random_)
        else:
            connection = server.raw()
            sent = malformed_handshake(random_)
        try:
            connection.sendall(sent)
        except ConnectionError:
            connection.close()  # it was turned away before all was sent
            continue
        if index % 50:
            connection.close()
        else:
            left_open.append(connection)
    for connection in left_open:
        connection.close()


def test_ten_thousand_malformed_messages_and_frames_change_nothing(tmp_path: Path) -> None:
    words = ("--paused", "--rate", 1000, "--ticks", 50, "--seed", 11, "--interval", 25)
    with serving(*words, folder=tmp_path) as server:
        expected = run_whole(server)
    random_ = random.Random(_SEED)
    with serving(*words, folder=tmp_path) as server:
        throw_frames(server, random_, 100)  # so that memory is warm
        before = server.memory()
        asyncio.run(talk_nonsense(server, random_))
        throw_frames(server, random_, _FRAMES)
        grown = server.memory() - before
        assert run_whole(server) == expected
        server.process.terminate()
        code, _, err = server.ended()
    assert grown < _GROWTH_BYTES
    assert (code, err) == (0, "")  # the run was over before the signal
