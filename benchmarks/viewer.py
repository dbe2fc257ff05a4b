"""What clients cost the live server: how evenly ticks come, and how many there can be.

The server runs the demo world with telemetry in this process, its clients are in another. A tick's
jitter is how far the time since the tick before is from the period. Processor time a tick is that
of the whole server, sending included, and hardly depends on what else the machine does.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

import aiohttp

from ecosim.engine import EcosystemEngine
from ecosim.telemetry import TelemetryEmitter
from ecosim.viewer.feed import TelemetryFeed
from ecosim.viewer.limits import DEFAULT_HOST, DEFAULT_RATE, HIGHEST_RATE
from ecosim.viewer.live_run import LiveRun
from ecosim.viewer.server import LiveServer, open_socket
from ecosim.viewer.world_view import world_facts

CROWDS: Final = (0, 1, 100)
SECONDS: Final = 30
MOST_SECONDS: Final = 10
#: Ticks at the beginning that are left out: clients connect, caches fill.
WARM_TICKS: Final = 20


class TimedEngine(EcosystemEngine):
    """An engine that notes when its ticks begin."""

    def __init__(self, world: str, *, seed: int) -> None:
        super().__init__(world, seed=seed, telemetry=False)
        self.began: list[float] = []

    def step(self, dt: float | None = None) -> None:
        """Advance by a tick."""
        self.began.append(time.perf_counter())
        super().step(dt)


def listen(address: str, clients: int) -> list[int]:
    """Receive every packet until the run ends, and return how many each client got."""

    async def one(session: aiohttp.ClientSession) -> int:
        async with session.ws_connect(address + "ws", max_msg_size=0) as client:
            return sum([1 async for _ in client])

    async def all_of_them() -> list[int]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            return await asyncio.gather(*(one(session) for _ in range(clients)))

    return asyncio.run(all_of_them())


async def _serve(
    pool: ProcessPoolExecutor, clients: int, rate: float, seconds: float
) -> tuple[list[float], list[int], float]:
    """Run for a while with some clients.

    Returns
    -------
    began : list of float
        When each tick began, s.
    packets : list of int
        How many packets each client got.
    processor_s : float
        Processor time since the first client could connect.
    """
    engine = TimedEngine("demo", seed=1)
    dropped: list[str] = []
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with tempfile.TemporaryDirectory() as folder:
        feed = TelemetryFeed()
        emitter = TelemetryEmitter({"output_dir": folder}, sinks=(feed.sink,))
        emitter.on_init(engine)
        run = LiveRun(engine, emitter, rate=rate)
        facts = {"run_id": emitter.run_id, **world_facts(engine)}
        with open_socket(DEFAULT_HOST, 0) as listener:
            server = LiveServer(
                run, facts, feed, listener=listener, host=DEFAULT_HOST, log=dropped.append
            )
            serving = asyncio.create_task(server.serve(address.set_result))
            listening = pool.submit(listen, await address, clients)
            start = time.process_time()
            await asyncio.sleep(seconds + WARM_TICKS / rate)
            spent = time.process_time() - start
            server.leave()
            await serving
    if dropped:
        raise RuntimeError("\n".join(dropped))
    return engine.began, await asyncio.wrap_future(listening), spent


def _measure(
    pool: ProcessPoolExecutor, clients: int, rate: float, seconds: float
) -> dict[str, Any]:
    began, got, spent = asyncio.run(_serve(pool, clients, rate, seconds))
    processor_ms = 1000 * spent / len(began)
    began = began[WARM_TICKS:]
    gaps = [later - earlier for earlier, later in itertools.pairwise(began)]
    jitter = sorted(abs(gap - 1 / rate) * 1000 for gap in gaps)
    return {
        "clients": clients,
        "asked_rate": rate,
        "rate": len(gaps) / (began[-1] - began[0]),
        "ticks": len(began),
        "jitter_p50_ms": jitter[len(jitter) // 2],
        "jitter_p99_ms": jitter[int(0.99 * (len(jitter) - 1))],
        "jitter_worst_ms": jitter[-1],
        "processor_ms_a_tick": processor_ms,
        "least_packets_a_client": min(got, default=0),
    }


def main() -> dict[str, Any]:
    """Measure, print the tables, and return the figures."""
    rows, fastest = [], []
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(len, ()).result()
        print(
            f"{'clients':>7} {'ticks/s':>8} {'jitter p50 ms':>14} {'p99 ms':>8} {'worst ms':>9} "
            f"{'processor ms a tick':>20}"
        )
        for clients in CROWDS:
            row = _measure(pool, clients, DEFAULT_RATE, SECONDS)
            rows.append(row)
            print(
                f"{clients:>7} {row['rate']:>8.3f} {row['jitter_p50_ms']:>14.2f} "
                f"{row['jitter_p99_ms']:>8.2f} {row['jitter_worst_ms']:>9.2f} "
                f"{row['processor_ms_a_tick']:>20.2f}"
            )
        for clients in CROWDS[:2]:
            row = _measure(pool, clients, HIGHEST_RATE, MOST_SECONDS)
            fastest.append(row)
            print(f"most ticks a second with {clients} clients: {row['rate']:.0f} "
                  f"({row['processor_ms_a_tick']:.2f} ms of a processor each)")  # fmt: skip
    return {"rows": rows, "fastest": fastest}


if __name__ == "__main__":
    main()
