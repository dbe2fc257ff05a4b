"""What telemetry adds to a tick: the same world with it and without, block by block.

Two engines of the same world and seed run side by side in one process. They take turns with blocks
of ticks, so that whatever else the machine does meets both alike. The ticks are the same ones:
telemetry changes nothing in a run, so both engines do the same work.

Who goes second finds the machine in another state, so a turn is four blocks: one without, two with,
one without. It gives one ratio, and the median of the turns is the figure. Blocks are as short as
they can be, K ticks with one sample (or a few at K=1): the less time passes between two blocks, the
less has changed, and the more turns there are. The interval beside the median, from the order of
the ratios alone, says how far it can be trusted; the quartiles say how far one turn can.

A round has engines of its own, with the next seed: within it the world stays much as it began,
while after 15,000 ticks the demo world may have lost most of its animals. The larger world grows,
from 10,600 entities by a third in 400 ticks, so its rounds end there. The table says how many
entities there were: the median over the samples of the turns.

Where in memory an engine lies is worth some tenths of a percent (as two engines show of which none
is watched), so which is made first and which begins changes from round to round; four rounds have
every order once.

What the emitter does once a second is in few blocks, so not in their median; it is in the
emitter's own account.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

from benchmarks.dict_engine import DictEngine
from benchmarks.engine_speed import tiled_world
from ecosim.engine import EcosystemEngine, load_world
from ecosim.telemetry import TelemetryEmitter

WARM_UP_TICKS: Final = 100
SEED: Final = 1
#: In place of a world: another engine, whose row has the project's hard limit beside it.
DICTS: Final = "dicts"


class Case(NamedTuple):
    """One row: a world, K, and how much of it to run."""

    name: str
    world: str
    interval: int
    block: int
    rounds: int
    turns: int
    limit: float
    events: bool = True


CASES: Final = (
    Case("demo world, K=50", "demo", 50, 50, 12, 50, 0.005),
    Case("demo world, K=1", "demo", 1, 10, 4, 180, 0.08),
    Case("demo world, K=50, no event log", "demo", 50, 50, 12, 50, 0.005, events=False),
    Case("10,000 entities, K=50", "10,000 entities", 50, 50, 16, 3, 0.01),
    Case("10,000 entities, K=50, no event log", "10,000 entities", 50, 50, 16, 3, 0.01, False),
    Case("64 x 64 x 64 cells, K=50", "64 x 64 x 64 cells", 50, 50, 4, 36, 0.01),
    Case("1,000 dicts, packets, K=50", DICTS, 50, 50, 4, 45, 0.05),
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


def make_engine(world: Any, seed: int) -> Any:
    """Return an engine of a world that :func:`make_world` gave, or of dicts."""
    return DictEngine(seed) if world == DICTS else EcosystemEngine(world, seed=seed)


def run_block(engine: Any, emitter: TelemetryEmitter | None, ticks: int) -> float:
    """Return the seconds that a number of ticks takes, watched or not."""
    start = time.perf_counter()
    if emitter is None:
        for _ in range(ticks):
            engine.step()
    else:
        for _ in range(ticks):
            emitter.on_tick(engine.step())
    return time.perf_counter() - start


def interval_of_median(values: list[float]) -> list[float]:
    """Return what the median lies between with a probability of 95 %, whatever the distribution.

    As many of ``values`` as a fair coin falls on one side lie below the median. The ends are the
    outermost of the values that this leaves in doubt, by the normal approximation of the binomial.
    """
    ordered, count = sorted(values), len(values)
    outside = max(0, math.floor((count - 1.96 * math.sqrt(count)) / 2))
    return [ordered[outside], ordered[count - 1 - outside]]


class Round(NamedTuple):
    """What one round gave; ``entities`` has their number in each sample of the turns."""

    ratios: list[float]
    ticks_us: list[float]
    entities: list[int]
    emitter_s: float
    watched_s: float


def run_round(case: Case, world: Any, seed: int, folder: Path) -> Round:
    """Run two engines of a world and seed by turns, one of them watched."""
    engines = make_engine(world, seed), make_engine(world, seed)
    plain, watched = engines if seed % 2 else engines[::-1]
    run_id = "".join(letter if letter.isalnum() else "-" for letter in f"{case.name} {seed}")
    settings = {"interval": case.interval, "events": case.events, "output_dir": folder}
    emitter = TelemetryEmitter(settings, run_id=run_id)
    emitter.on_init(watched)
    run_block(plain, None, WARM_UP_TICKS)
    watched_s = run_block(watched, emitter, WARM_UP_TICKS)
    ratios, ticks_us = [], []
    turn = (False, True, True, False) if seed % 4 < 2 else (True, False, False, True)
    for _ in range(case.turns):
        with_it = without = 0.0
        for is_watched in turn:
            if is_watched:
                with_it += run_block(watched, emitter, case.block)
            else:
                without += run_block(plain, None, case.block)
        watched_s += with_it
        ratios.append(with_it / without - 1)
        ticks_us.append(without / (2 * case.block) * 1e6)
    emitter.close()
    lines = (folder / f"{run_id}_telemetry.jsonl").read_text().splitlines()
    samples = [json.loads(line) for line in lines[1:-1]]
    entities = [one["entity_count"] for one in samples if one["tick"] >= WARM_UP_TICKS]
    return Round(ratios, ticks_us, entities, json.loads(lines[-1])["emitter_ns"] / 1e9, watched_s)


def measure(case: Case, folder: Path) -> dict[str, Any]:
    """Return the figures of one case."""
    world = DICTS if case.world == DICTS else make_world(case.world)
    rounds = [run_round(case, world, SEED + number, folder) for number in range(case.rounds)]
    ratios = [ratio for one in rounds for ratio in one.ratios]
    emitter_s = sum(one.emitter_s for one in rounds)
    low, _, high = quantiles(ratios, n=4)
    return {
        "case": case.name,
        "interval": case.interval,
        "entities": round(median(count for one in rounds for count in one.entities)),
        "tick_us": median(tick_us for one in rounds for tick_us in one.ticks_us),
        "overhead": median(ratios),
        "quartiles": [low, high],
        "interval_95": interval_of_median(ratios),
        "limit": case.limit,
        # Not over loop_ns, which spans the other engine's blocks too.
        "emitter_share": emitter_s / (sum(one.watched_s for one in rounds) - emitter_s),
    }


def main() -> dict[str, Any]:
    """Measure, print the table, and return the figures."""
    print(
        f"{'tick loop, telemetry on against off':<36} {'entities':>8} {'tick us':>8} "
        f"{'overhead':>9} "
        f"{'95 % interval':>16} {'quartiles':>16} {'to reach':>9} {'own account':>12}"
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            row = measure(case, Path(folder))
            rows.append(row)
            low, high = row["quartiles"]
            least, most = row["interval_95"]
            print(
                f"{row['case']:<36} {row['entities']:>8,} {row['tick_us']:>8.0f} "
                f"{row['overhead']:>9.2%} "
                f"{least:>8.2%}{most:>8.2%} {low:>8.2%}{high:>8.2%} "
                f"{row['limit']:>9.1%} {row['emitter_share']:>12.2%}"
            )
    return {"rows": rows}


if __name__ == "__main__":
    main()
