"""Many who ask for the state of a large world in a row, and one who steers it."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from serve_cases import PATIENCE_S, Server, records, serving

from ecosim.engine import EcosystemEngine
from ecosim.viewer.answers import Answers
from ecosim.viewer.live_run import LiveRun, state_of

CLIENTS = 30
#: Longest wait for what an order says; far above what it takes.
SOON_S = 10.0


def large_world(folder: Path) -> Path:
    """Write the demo world with 3000 plants more."""
    source = Path(__file__).parents[2] / "server/ecosim/data/worlds/demo.json"
    world = json.loads(source.read_text())
    world["entities"] += [
        {
            "id": f"grass_of_the_crowd_{at}", "type": "PLANT", "species": "meadow_grass",
            "position": [0.5 + at % 60 / 2, 0.0, 0.5 + at // 60 * 0.6],
        }
        for at in range(3000)
    ]  # fmt: skip
    path = folder / "large.json"
    path.write_text(json.dumps(world))
    return path


async def ask_on_and_on(session: aiohttp.ClientSession, url: str, answers: list[int]) -> None:
    """Ask for the state until the server is gone."""
    try:
        while True:
            async with session.get(url + "/state") as response:
                body = await response.read()
            answers.append(response.status)
            assert response.status == 200 or b"state: expected a server" in body, body
    except aiohttp.ClientError:
        return


async def in_a_crowd(
    server: Server, steer: Callable[[aiohttp.ClientSession], Awaitable[Any]]
) -> int:
    """Steer the server while the clients loop, then end it; returns how many got a state."""
    answers: list[int] = []
    timeout = aiohttp.ClientTimeout(PATIENCE_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        crowd = [
            asyncio.create_task(ask_on_and_on(session, server.url, answers)) for _ in range(CLIENTS)
        ]
        while len(answers) < CLIENTS:
            await asyncio.sleep(0.01)
        await steer(session)
        server.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.to_thread(server.process.wait), SOON_S)
        await asyncio.wait_for(asyncio.gather(*crowd), PATIENCE_S)
    return answers.count(200)


def test_a_crowd_that_asks_does_not_hold_up_who_steers(tmp_path: Path) -> None:
    async def pause(session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(server.url + "/ws?lag=skip", max_msg_size=0) as client:
            await client.send_json({"type": "pause"})
            while True:
                async with session.get(server.url + "/status") as response:
                    if (await response.json())["paused"]:
                        return
                await asyncio.sleep(0.01)

    world = large_world(tmp_path)
    with serving("--rate", 1000, "--out", "out", folder=tmp_path, world=str(world)) as server:
        states = asyncio.run(
            in_a_crowd(server, lambda session: asyncio.wait_for(pause(session), SOON_S))
        )
        assert server.ended()[0] == 130
    assert states >= CLIENTS
    end = records(tmp_path / "out")[-1]
    assert (end["record"], end["status"]) == ("end", "stopped")


class Silent:
    """Listens to a run and wants nothing."""

    wants_packets = False

    def packet(self, frame: bytes) -> None:
        raise AssertionError(frame)

    def ended(self) -> None:
        pass


def test_those_who_ask_the_same_share_an_answer_and_none_is_left_waiting() -> None:
    looks: list[int] = []

    def look(engine: EcosystemEngine) -> dict[str, Any]:
        looks.append(engine.tick)
        return {"tick": engine.tick, "look": len(looks)}

    async def ask() -> None:
        run = LiveRun(EcosystemEngine("minimal", telemetry=False), None, rate=10, paused=True)
        answers = Answers(run)
        crowd = [asyncio.create_task(answers.get("one", look)) for _ in range(CLIENTS)]
        other = asyncio.create_task(answers.get("other", look))
        await asyncio.sleep(0)
        crowd.pop().cancel()
        run.start(Silent())
        assert set(await asyncio.gather(*crowd)) == {b'{"tick":0,"look":1}'}
        assert await other == b'{"tick":0,"look":2}'
        assert await answers.get("one", look) == b'{"tick":0,"look":3}'
        await asyncio.to_thread(run.leave)
        assert await answers.get("one", look) is None
        assert await answers.get("one", look) is None

    asyncio.run(asyncio.wait_for(ask(), PATIENCE_S))
    assert looks == [0, 0, 0]


def test_leaving_answers_or_cancels_every_question() -> None:
    run = LiveRun(EcosystemEngine("minimal", telemetry=False), None, rate=10, paused=True)
    questions = [run.ask(lambda engine: engine.tick) for _ in range(100)]
    run.start(Silent())
    run.leave()
    assert run.status == "stopped"
    assert all(one.cancelled() or one.result(timeout=0) == 0 for one in questions)
    assert run.ask(lambda engine: engine.tick).cancelled()


def test_a_new_rate_is_told_at_once_even_while_the_run_is_busy() -> None:
    run = LiveRun(EcosystemEngine("minimal", telemetry=False), None, rate=10, paused=True)
    run.start(Silent())
    busy, free = threading.Event(), threading.Event()

    def keep_busy(engine: EcosystemEngine) -> bool:
        busy.set()
        return free.wait(PATIENCE_S)

    kept = run.ask(keep_busy)
    assert busy.wait(PATIENCE_S)
    run.change_rate(50)
    assert state_of(run)["rate"] == 50
    free.set()
    assert kept.result(PATIENCE_S)
    run.leave()
    assert state_of(run)["rate"] == 50
