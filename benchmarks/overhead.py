"""What telemetry adds to a tick: the same world with it and without, block by block.

Two engines of the same world and seed run side by side in one process. They take turns with blocks
of ticks, so that whatever else the machine does meets both alike; each pair of blocks gives one
ratio, and the median of the pairs is the figure. The ticks are the same ones: telemetry changes
nothing in a run, so both engines do the same work.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

from benchmarks.engine_speed import tiled_world
from ecosim.engine import EcosystemEngine, load_world
from ecosim.telemetry import TelemetryEmitter

WARM_UP_TICKS: Final = 100
SEED: Final = 1


class Case(NamedTuple):
    """One row: a world, K, and how much of it to run."""

    name: str
    world: str
    interval: int
    block: int
    pairs: int
    limit: float
    events: bool = True


CASES: Final = (
    Case("demo world, K=50", "demo", 50, 100, 60, 0.005),
    Case("demo world, K=1", "demo", 1, 20, 60, 0.08),
    Case("demo world, K=50, no event log", "demo", 50, 100, 60, 0.005, events=False),
    Case("10,000 entities, K=50", "10,000 entities", 50, 50, 24, 0.01),
    Case("10,000 entities, K=50, no event log", "10,000 entities", 50, 50, 24, 0.01, events=False),
    Case("64 x 64 x 64 cells, K=50", "64 x 64 x 64 cells", 50, 50, 24, 0.01),
)


def make_world(name: str) -> Any:
    """Return a world of this benchmark: the demo world, or it with one dimension larger."""
    if name == "10,000 entities":
        return tiled_world(7)
    world = load_world("demo").to_dict()
    if name == "64 x 64 x 64 cells":
        grid = world["environment"]["voxel_grid"]
        grid["dimensions"], grid["cell_size"] = [64, 64, 64], grid["cell_size"] / 2
    return world


def run_block(engine: EcosystemEngine, emitter: TelemetryEmitter | None, ticks: int) -> float:
    """Return the seconds that a number of ticks takes, watched or not."""
    start = time.perf_counter()
    if emitter is None:
        for _ in range(ticks):
            engine.step()
    else:
        for _ in range(ticks):
            engine.step()
            emitter.on_tick()
    return time.perf_counter() - start


def measure(case: Case, folder: Path) -> dict[str, Any]:
    """Return the figures of one case."""
    world = make_world(case.world)
    plain, watched = EcosystemEngine(world, seed=SEED), EcosystemEngine(world, seed=SEED)
    run_id = "".join(letter if letter.isalnum() else "-" for letter in case.name)
    settings = {"interval": case.interval, "events": case.events, "output_dir": folder}
    emitter = TelemetryEmitter(settings, run_id=run_id)
    emitter.on_init(watched)
    run_block(plain, None, WARM_UP_TICKS)
    watched_s = run_block(watched, emitter, WARM_UP_TICKS)
    ratios, ticks_us = [], []
    for pair in range(case.pairs):
        # Who goes first alternates: the second finds the machine in another state.
        if pair % 2:
            with_it = run_block(watched, emitter, case.block)
            without = run_block(plain, None, case.block)
        else:
            without = run_block(plain, None, case.block)
            with_it = run_block(watched, emitter, case.block)
        watched_s += with_it
        ratios.append(with_it / without - 1)
        ticks_us.append(without / case.block * 1e6)
    emitter.close()
    lines = (folder / f"{run_id}_telemetry.jsonl").read_text().splitlines()
    end = json.loads(lines[-1])
    low, _, high = quantiles(ratios, n=4)
    return {
        "case": case.name,
        "interval": case.interval,
        "entities": json.loads(lines[-2])["entity_count"],
        "tick_us": median(ticks_us),
        "overhead": median(ratios),
        "quartiles": [low, high],
        "limit": case.limit,
        # Not over loop_ns, which spans the other engine's blocks too.
        "emitter_share": end["emitter_ns"] / (watched_s * 1e9 - end["emitter_ns"]),
    }


def main() -> dict[str, Any]:
    """Measure, print the table, and return the figures."""
    print(
        f"{'tick loop, telemetry on against off':<36} {'tick us':>8} {'overhead':>9} "
        f"{'quartiles':>16} {'to reach':>9} {'own account':>12}"
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            row = measure(case, Path(folder))
            rows.append(row)
            low, high = row["quartiles"]
            print(
                f"{row['case']:<36} {row['tick_us']:>8.0f} {row['overhead']:>9.2%} "
                f"{low:>8.2%}{high:>8.2%} {row['limit']:>9.1%} {row['emitter_share']:>12.2%}"
            )
    return {"rows": rows}


if __name__ == "__main__":
    main()
