"""The telemetry socket: the lines of the files as they are written, and what came before."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from serve_cases import Server, error, serving, stop, talk, texts_until_closed, until

from ecosim.viewer import feed
from ecosim.viewer.feed import FeedSink, Replay

Client = aiohttp.ClientWebSocketResponse


def lines(folder: Path, stream: str) -> list[str]:
    (path,) = folder.glob(f"*_{stream}.jsonl")
    return path.read_text().splitlines()


def kinds(found: list[str]) -> list[str]:
    return [json.loads(text)["record"] for text in found]


def watch_all(server: Server, path: str) -> list[str]:
    """Connect to the telemetry, resume the paused run, and return every record up to the end."""

    async def watch(client: Client) -> list[str]:
        first = await client.receive_str()  # then it is connected
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(server.url + "/ws") as steering,
        ):
            await steering.send_json({"type": "resume"})
        return [first, *await texts_until_closed(client)]

    found: list[str] = talk(server, watch, path)
    return found


def test_a_client_gets_the_lines_of_both_files_as_they_are(tmp_path: Path) -> None:
    words = ("--paused", "--rate", 1000, "--ticks", 90, "--interval", 20, "--out", tmp_path / "out")
    with serving(*words, folder=tmp_path, world="demo") as server:
        found = watch_all(server, "/telemetry?events=1")
    of_events = [text for text in found if json.loads(text)["record"] == "events"]
    assert of_events == lines(tmp_path / "out", "events")
    rest = [text for text in found if text not in of_events]
    assert rest == lines(tmp_path / "out", "telemetry")
    assert [json.loads(text)["tick"] for text in rest[1:]] == [0, 20, 40, 60, 80, 90, 90]


def test_events_come_only_if_asked_for(tmp_path: Path) -> None:
    words = ("--paused", "--rate", 1000, "--ticks", 50, "--interval", 10)
    with serving(*words, folder=tmp_path, world="demo") as server:
        assert kinds(watch_all(server, "/telemetry")) == ["config", *["sample"] * 6, "end"]


def test_a_parquet_run_can_be_watched_as_well(tmp_path: Path) -> None:
    world = json.loads((Path(feed.__file__).parents[1] / "data/worlds/minimal.json").read_text())
    world["telemetry"] = {"format": "parquet", "interval": 10}
    (tmp_path / "world.json").write_text(json.dumps(world))
    words = ("--paused", "--rate", 1000, "--ticks", 20)
    with serving(*words, folder=tmp_path, world="world.json") as server:
        found = watch_all(server, "/telemetry")
        assert server.json("/state")["interval"] == 10
    assert kinds(found) == ["config", "sample", "sample", "sample", "end"]


@pytest.mark.parametrize(("asked", "expected"), [("?replay=3", [30, 40, 50]), ("?replay=0", []),
                                                  ("", [0, 10, 20, 30, 40, 50])])  # fmt: skip
def test_a_late_client_gets_the_last_samples_first(
    ended_server: Server, asked: str, expected: list[int]
) -> None:
    found = [json.loads(text) for text in
             talk(ended_server, texts_until_closed, f"/telemetry{asked}")]  # fmt: skip
    assert [one["record"] for one in found] == ["config", *["sample"] * len(expected), "end"]
    assert [one["tick"] for one in found[1:-1]] == expected


@pytest.fixture(scope="module")
def ended_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server whose run of 50 ticks with a sample every 10 is over."""
    words = ("--ticks", 50, "--rate", 1000, "--interval", 10)
    with serving(*words, folder=tmp_path_factory.mktemp("ended")) as server:
        until(lambda: server.json("/status")["finished"])
        yield server


@pytest.mark.parametrize(
    "query",
    ["replay=-1", "replay=1001", "replay=x", "replay=1e2", "replay=%D9%A1", "replay=", "events=2"],
)
def test_a_mistaken_question_gets_400_in_words(ended_server: Server, query: str) -> None:
    status, text = ended_server.get(f"/telemetry?{query}")
    assert status == 400
    assert text.startswith(f"{query.partition('=')[0]}: expected an integer from 0 to ")


def test_a_message_on_the_telemetry_socket_is_refused(tmp_path: Path) -> None:
    with serving("--paused", folder=tmp_path) as server:

        async def say(client: Client) -> str:
            await client.send_json({"type": "resume"})
            return await error(client)

        told = talk(server, say, "/telemetry")
        assert told == "telemetry: expected no message; control messages go to /ws"
        assert server.json("/status")["paused"]


def test_a_pause_shows_what_had_not_been_written_yet(tmp_path: Path) -> None:
    with serving("--rate", 50, "--interval", 1, folder=tmp_path) as server:

        async def watch(client: Client) -> tuple[int, int]:
            await client.receive_json()
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(server.url + "/ws") as steering,
            ):
                await asyncio.sleep(0.1)
                await steering.send_json({"type": "pause"})
                while not (at := await asyncio.to_thread(server.json, "/status"))["paused"]:
                    pass
            seen = -1
            while seen < at["tick"]:
                seen = (await client.receive_json())["tick"]
            return seen, at["tick"]

        seen, paused_at = talk(server, watch, "/telemetry")
        assert seen == paused_at


def test_without_telemetry_nothing_is_written_and_the_socket_says_so(
    paused_server: Server,
) -> None:
    assert paused_server.get("/telemetry") == (404, "telemetry is off (--no-telemetry)")
    state = paused_server.json("/state")
    assert (state["telemetry"], state["interval"]) == (False, None)
    assert state["run_id"].startswith("run-")


def test_the_end_of_a_stopped_run_reaches_the_client(tmp_path: Path) -> None:
    with serving("--rate", 100, folder=tmp_path) as server:

        async def watch(client: Client) -> tuple[list[str], int | None]:
            first = await client.receive_str()
            await asyncio.to_thread(stop, server)
            return [first, *await texts_until_closed(client)], client.close_code

        found, code = talk(server, watch, "/telemetry")
        assert server.ended()[0] == 0
    assert json.loads(found[-1])["status"] == "stopped"
    assert code == 1000


def test_the_replay_is_bounded_in_number_and_in_bytes() -> None:
    replay = Replay()
    sink = FeedSink(replay.add)
    sink.write_telemetry(b'{"record":"config"}\n')
    for tick in range(1500):
        sink.write_telemetry(b'{"record":"sample","tick":%d}\n' % tick)
    sink.write_events(b'{"record":"events"}\n')
    found = [json.loads(line) for line in replay.lines(2000)]
    assert [one.get("tick") for one in found] == [None, *range(500, 1500)]
    for _ in range(5):
        sink.write_telemetry(b'{"record":"sample","x":"' + b"x" * 20 * 2**20 + b'"}\n')
    assert len(replay.lines(2000)) == 2
    sink.write_telemetry(b'{"record":"end"}\n')
    assert [json.loads(line)["record"] for line in replay.lines(0)] == ["config", "end"]
