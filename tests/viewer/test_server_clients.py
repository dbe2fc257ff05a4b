"""Clients that do not read, that are many, that vanish: the run and the others go on."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import aiohttp
import pytest
from serve_cases import frame, packet, run_whole, serving, stop, talk, until, upgrade

from ecosim.viewer import clients
from ecosim.viewer.limits import MOST_CLIENTS, MOST_WAITING_BYTES

Client = aiohttp.ClientWebSocketResponse


def test_a_client_that_does_not_read_is_dropped_and_another_goes_on_without_a_gap(
    tmp_path: Path,
) -> None:
    with serving("--rate", 1000, "--no-telemetry", folder=tmp_path) as server:
        deaf = upgrade(server)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        async def watch(client: Client) -> list[int]:
            ticks = []
            others = 1
            while others:
                for _ in range(50):
                    ticks.append(json.loads(await client.receive_str())["tick"])
                status = await asyncio.to_thread(server.json, "/status")
                others = status["clients"] - 1
            return ticks

        ticks: list[int] = talk(server, watch)
        stop(server)
        _, _, err = server.ended()
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    assert "client 127.0.0.1 on /ws dropped: it does not read, " in err
    deaf.close()


def test_a_client_that_would_rather_skip_loses_packets_and_stays(tmp_path: Path) -> None:
    with serving("--rate", 1000, "--no-telemetry", folder=tmp_path, world="demo") as server:

        async def watch(client: Client) -> tuple[int, int]:
            first = (await packet(client))["tick"]
            await asyncio.to_thread(until, lambda: server.json("/status")["tick"] > first + 150)
            behind = [(await packet(client))["tick"]]
            while behind[-1] <= first + 150:
                behind.append((await packet(client))["tick"])
            return len(behind), behind[-1] - first

        got, passed = talk(server, watch, "/ws?lag=skip")
        stop(server)
        assert got < passed
        assert server.ended()[2] == ""


def test_clients_that_vanish_in_every_way_disturb_nobody(tmp_path: Path) -> None:
    words = ("--paused", "--rate", 1000, "--ticks", 200, "--seed", 4, "--no-telemetry")
    with serving(*words, folder=tmp_path) as server:
        quiet = run_whole(server)
    with serving(*words, folder=tmp_path) as server:
        for ending in range(4):
            connection = upgrade(server)
            if ending == 1:
                connection.sendall(frame(b"{}", final=False))
            elif ending == 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif ending == 3:
                connection.sendall(frame(b"\x03\xe8", 8))
            connection.close()
        half = server.raw()
        half.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgr")
        disturbed = run_whole(server)
        until(lambda: server.json("/status")["clients"] == 0)
        half.close()
    assert disturbed == quiet


def test_beyond_the_most_clients_a_further_one_is_told_that_there_is_no_room(
    tmp_path: Path,
) -> None:
    with serving("--paused", folder=tmp_path) as server:

        async def crowd() -> int:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector) as session:
                paths = ["/ws", "/telemetry"] * (MOST_CLIENTS // 2)
                crowd = [await session.ws_connect(server.url + path) for path in paths]
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(server.url + "/ws")
                for client in crowd:
                    await client.close()
                return refused.value.status

        assert asyncio.run(crowd()) == 503
        until(lambda: server.json("/status")["clients"] == 0)
        talk(server, lambda client: client.close())


def test_a_flood_of_messages_is_read_at_a_bounded_rate_and_every_one_is_answered(
    tmp_path: Path,
) -> None:
    with serving("--paused", folder=tmp_path) as server:

        async def flood(client: Client) -> tuple[int, float]:
            loop = asyncio.get_running_loop()
            start = loop.time()
            for _ in range(250):
                await client.send_str("{}")
            answers = [await client.receive_json() for _ in range(250)]
            return len({one["type"] for one in answers}), loop.time() - start

        kinds, took = talk(server, flood)
    assert kinds == 1
    assert took > 1.4  # the first 100 at once, 100 a second from there


def test_the_backlog_holds_one_frame_of_any_size_and_drops_at_the_second() -> None:
    dropped: list[str] = []

    async def fill() -> None:
        client = clients.Client(dropped.append)
        client.send(b"x" * (MOST_WAITING_BYTES + 1))
        assert dropped == []
        client.send(b"x")
        client.send(b"x")

    asyncio.run(fill())
    assert len(dropped) == 1
    assert "2 frames, 64 MiB wait for it" in dropped[0]
