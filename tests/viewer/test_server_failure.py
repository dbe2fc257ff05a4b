"""An engine that fails in the middle of a run, in a server inside this process."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import aiohttp
import pytest
from serve_cases import records

from ecosim.engine import EcosystemEngine
from ecosim.telemetry import TelemetryEmitter
from ecosim.viewer.feed import TelemetryFeed
from ecosim.viewer.live_run import LiveRun
from ecosim.viewer.messages import Control
from ecosim.viewer.server import LiveServer, open_socket
from ecosim.viewer.world_view import world_facts


class Failing(EcosystemEngine):
    """Fails at its sixth tick, or says something that is no JSON."""

    def __init__(self, failing_packet: bool) -> None:
        super().__init__("minimal", telemetry=False)
        self.failing_packet = failing_packet

    def step(self, dt: float | None = None) -> None:
        if self.tick == 5 and not self.failing_packet:
            raise ZeroDivisionError("no more")
        super().step(dt)

    def packet(self) -> dict[str, object]:
        if self.tick == 6:
            return {"tick": float("nan")}
        return super().packet()


@pytest.mark.parametrize(
    ("failing_packet", "error"),
    [
        (False, "ZeroDivisionError: no more"),
        (True, "ValueError: Out of range float values are not JSON compliant"),
    ],
)
def test_a_failing_engine_is_told_to_clients_and_in_the_end_record(
    tmp_path: Path, failing_packet: bool, error: str
) -> None:
    async def run() -> tuple[LiveRun, list[str], int | None]:
        engine = Failing(failing_packet)
        feed = TelemetryFeed()
        emitter = TelemetryEmitter({"output_dir": tmp_path, "interval": 2}, sinks=(feed.sink,))
        emitter.on_init(engine)
        live = LiveRun(engine, emitter, rate=1000, paused=True)
        facts = {"run_id": emitter.run_id, **world_facts(engine)}
        log: list[str] = []
        with open_socket("127.0.0.1", 0) as listener:
            server = LiveServer(
                live, facts, feed, listener=listener, host="127.0.0.1", log=log.append
            )
            address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            serving = asyncio.create_task(server.serve(address.set_result))
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(await address + "ws") as client,
            ):
                live.control(Control("resume"))
                texts = [message.data async for message in client]
                await serving
                assert log == []
                return live, texts, client.close_code

    live, texts, code = asyncio.run(run())
    tick = 6 if failing_packet else 5
    assert live.status == "failed"
    assert live.error is not None
    assert live.error.startswith(error)
    assert len(texts) == 5 + 1
    assert f"the run failed at tick {tick}: {error}" in texts[-1]
    assert code == 1011
    end = records(tmp_path)[-1]
    assert (end["record"], end["status"]) == ("end", "failed")
    assert end["error"].startswith(error)
    assert not [one for one in threading.enumerate() if one.name == "ecosim-run"]
