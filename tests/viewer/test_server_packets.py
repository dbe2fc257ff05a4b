"""Packets and control messages, with a real client of a real server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from serve_cases import (
    Server,
    error,
    frame,
    packet,
    records,
    run_whole,
    serving,
    stop,
    talk,
    texts_until_closed,
    until,
    upgrade,
)

from ecosim.engine import EcosystemEngine

_WHOLE = ("--paused", "--rate", 1000, "--ticks", 60, "--seed", 5)
Client = aiohttp.ClientWebSocketResponse


def test_packets_are_those_of_the_engine_byte_for_byte_with_telemetry_and_without(
    tmp_path: Path,
) -> None:
    with serving(*_WHOLE, "--interval", 7, folder=tmp_path, world="demo") as server:
        watched = run_whole(server)
    with serving(*_WHOLE, "--no-telemetry", folder=tmp_path, world="demo") as server:
        unwatched = run_whole(server)
    engine = EcosystemEngine("demo", seed=5, telemetry=False)
    expected = []
    for _ in range(60):
        engine.step()
        expected.append(json.dumps(engine.packet(), separators=(",", ":")))
    assert watched == unwatched == expected


def test_two_clients_get_the_same_packets_and_the_end_in_words(tmp_path: Path) -> None:
    with serving(*_WHOLE, folder=tmp_path) as server:

        async def watch() -> tuple[list[str], list[str], Client]:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(server.url + "/ws") as first,
                session.ws_connect(server.url) as second,  # without a path
            ):
                await first.send_json({"type": "resume"})
                found = await asyncio.gather(texts_until_closed(first), texts_until_closed(second))
                return found[0], found[1], second

        first, second, closed = asyncio.run(watch())
        assert first == second
        assert [json.loads(text)["tick"] for text in first] == list(range(1, 61))
        assert closed.close_code == 1000
        assert server.json("/status")["status"] == "completed"


def test_a_client_that_comes_late_knows_the_world_from_the_state_and_the_packets(
    tmp_path: Path,
) -> None:
    with serving("--rate", 200, "--seed", 5, folder=tmp_path, world="demo") as server:
        until(lambda: server.json("/status")["tick"] >= 40)

        async def follow(client: Client) -> tuple[dict[str, Any], dict[str, Any], int]:
            await packet(client)
            async with (
                aiohttp.ClientSession() as session,
                session.get(server.url + "/state") as response,
            ):
                state = await response.json()
            alive = {one["id"]: one for one in state["entities"]}
            while True:
                data = await packet(client)
                if data["tick"] <= state["tick"]:
                    continue
                alive |= {one["id"]: one for one in data.get("entity_spawns", [])}
                for gone in data.get("entity_removals", []):
                    del alive[gone]
                for update in data["entity_updates"]:
                    alive[update["id"]] |= update
                if data["tick"] >= state["tick"] + 100:
                    return alive, data, state["tick"]

        alive, last, joined_at = talk(server, follow)
        stop(server)
    assert joined_at >= 40
    assert alive.keys() == {one["id"] for one in last["entity_updates"]}
    engine = EcosystemEngine("demo", seed=5, telemetry=False)
    while engine.tick < last["tick"]:
        engine.step()
    for name, one in engine.entities.items():
        assert alive[name]["species"] == one["species"]
        assert alive[name]["state_vars"] == one["state_vars"]


def test_the_first_packet_after_ticks_that_nobody_watched_tells_all_of_them(
    tmp_path: Path,
) -> None:
    with serving("--rate", 500, "--seed", 5, folder=tmp_path, world="demo") as server:
        until(lambda: server.json("/status")["tick"] >= 60)
        first: str = talk(server, lambda client: client.receive_str())
    engine = EcosystemEngine("demo", seed=5, telemetry=False)
    while engine.tick < json.loads(first)["tick"]:
        engine.step()
    assert first == json.dumps(engine.packet(), separators=(",", ":"))


def test_pause_holds_the_run_and_resume_goes_on_without_a_gap(tmp_path: Path) -> None:
    with serving("--rate", 100, folder=tmp_path) as server:

        async def converse(client: Client) -> tuple[int, int, int]:
            seen = (await packet(client))["tick"]
            await client.send_json({"type": "pause"})
            await client.send_json({"type": "pause"})
            while not (status := await asyncio.to_thread(server.json, "/status"))["paused"]:
                pass
            while seen < status["tick"]:
                seen = (await packet(client))["tick"]
            await asyncio.sleep(0.2)  # twenty ticks, if it ran
            still = await asyncio.to_thread(server.json, "/status")
            await client.send_json({"type": "resume"})
            return seen, still["tick"], (await packet(client))["tick"]

        held, still, following = talk(server, converse)
        assert still == held
        assert following == held + 1
        assert not server.json("/status")["paused"]


def test_rain_falls_with_the_next_tick_and_is_an_event(tmp_path: Path) -> None:
    with serving("--paused", "--rate", 500, folder=tmp_path) as server:

        async def ask(client: Client) -> dict[str, Any]:
            await client.send_json({"type": "rain", "intensity": 0.5})
            await client.send_json({"type": "resume"})
            while True:
                data = await packet(client)
                rain = [one for one in data.get("events", []) if one["type"] == "RAIN"]
                if rain:
                    return {"tick": data["tick"], **rain[0]}

        rain = talk(server, ask)
    assert (rain["tick"], rain["intensity"]) == (1, 0.5)


def test_stop_writes_the_end_record_and_ends_the_server_well(tmp_path: Path) -> None:
    with serving("--rate", 200, "--out", "out", "--seed", 9, folder=tmp_path) as server:

        async def ask(client: Client) -> tuple[int, int | None]:
            first = (await packet(client))["tick"]
            await client.send_json({"type": "stop"})
            rest = [json.loads(text)["tick"] for text in await texts_until_closed(client)]
            return max([first, *rest]), client.close_code

        last, code = talk(server, ask)
        exit_code, out, err = server.ended()
    end = records(tmp_path / "out")[-1]
    assert (end["record"], end["status"], end["tick"]) == ("end", "stopped", last)
    assert code == 1000
    assert (exit_code, err) == (0, "")
    shown = out.splitlines()
    assert shown[0] == f"{last} ticks of minimal, seed 9"
    assert sorted(shown[1:]) == sorted(f"data: {path}" for path in (tmp_path / "out").iterdir())


def test_a_mistake_is_told_to_its_sender_alone_and_changes_nothing(tmp_path: Path) -> None:
    with serving("--paused", folder=tmp_path) as server:

        async def converse() -> tuple[list[str], Any]:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(server.url + "/ws") as one,
                session.ws_connect(server.url + "/ws") as other,
            ):
                found = []
                for text in ('{"type": "rain", "intensity": 2}', "{}", '{"type":"stop","now":1}'):
                    await one.send_str(text)
                    found.append(await error(one))
                await one.send_bytes(b'{"type": "stop"}')
                found.append(await error(one))
                await other.send_json({"type": "resume"})
                return found, await packet(other)

        found, first = asyncio.run(converse())
        assert not server.json("/status")["finished"]
    assert first["tick"] == 1
    assert found[0] == "rain.intensity: expected a number from 0 to 1, got 2 (int)"
    assert found[1].startswith("type: expected one of pause, resume, stop, rain, got None")
    assert found[2] == "stop: expected the key 'type', got also 'now' (str)"
    assert found[3] == "message: expected a text frame, got a binary one"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(b" " * 4097), 1009),
        (frame(b"x" * 3000, final=False) + frame(b"x" * 3000, 0), 1009),
        (b"\x81\xff" + b"\xff" * 8 + b"\0" * 4, 1009),  # announces 2**64 - 1 bytes
        (frame(b"\xff\xfe{}"), 1007),
        (frame(b"{}", 3), 1002),
        (frame(b"{}", 0), 1002),
        (frame(b"x" * 126, 9), 1002),
    ],
    ids=["large", "large in parts", "huge length", "no UTF-8", "opcode", "continuation", "ping"],
)
def test_what_breaks_the_protocol_closes_the_connection_with_its_code(
    paused_server: Server, sent: bytes, code: int
) -> None:
    with upgrade(paused_server) as connection:
        connection.sendall(sent)
        answer = b""
        while more := connection.recv(4096):
            answer += more
            if answer[:1] == b"\x88" and len(answer) >= 4:
                break
    assert (answer[0], int.from_bytes(answer[2:4])) == (0x88, code)
    assert not paused_server.json("/status")["finished"]


def test_after_the_end_the_state_is_there_and_stop_ends_the_server(tmp_path: Path) -> None:
    with serving("--ticks", 5, "--rate", 1000, "--out", "out", folder=tmp_path) as server:
        until(lambda: server.json("/status")["finished"])

        async def converse(client: Client) -> str:
            await client.send_json({"type": "resume"})
            return await error(client)

        assert talk(server, converse) == "resume: expected a run under way, but it has ended"
        assert server.get("/rate", "PUT", data='{"rate": 5}')[0] == 409
        state = server.json("/state")
        assert (state["tick"], state["status"], state["ticks_limit"]) == (5, "completed", 5)
        assert state["entities"]
        assert records(tmp_path / "out")[-1]["status"] == "completed"
        stop(server)
        assert server.ended()[0] == 0


def test_a_run_whose_files_fail_says_so_to_clients_and_user(tmp_path: Path) -> None:
    with serving("--rate", 100, "--out", "out", folder=tmp_path) as server:

        async def watch(client: Client) -> tuple[str, int | None]:
            await packet(client)
            for path in (tmp_path / "out").iterdir():
                path.unlink()
            message = await error(client)
            await texts_until_closed(client)
            return message, client.close_code

        message, code = talk(server, watch)
        exit_code, _, err = server.ended()
    assert code == 1011
    assert message.startswith("the run failed at tick ")
    assert message.endswith("the file was removed while the run was writing it")
    assert (exit_code, err) == (1, f"error: {message}\n")
