"""How long a tick of the engine takes, from the demo world up to about 100,000 entities.

``python benchmarks/engine_speed.py`` prints two tables: the time of a tick against the number of
entities, and the share of each phase. Larger worlds are the demo world laid side by side, so that
the density of entities stays the same; the soil keeps its 32 x 32 x 32 cells, which grow instead.
"""

from __future__ import annotations

import math
import time
from itertools import pairwise
from statistics import median
from typing import Any, Final

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.phases import SCHEDULE

#: Copies of the demo world along each side, and ticks to time.
SIZES: Final = ((1, 1000), (3, 500), (7, 200), (22, 100))
WARM_UP_TICKS: Final = 50


def tiled_world(copies: int) -> dict[str, Any]:
    """Return the demo world laid ``copies`` x ``copies`` times side by side."""
    world = load_world("demo").to_dict()
    grid = world["environment"]["voxel_grid"]
    edge = grid["dimensions"][0] * grid["cell_size"]
    shifts = [(i * edge, j * edge) for i in range(copies) for j in range(copies)]

    def moved(place: list[float], shift: tuple[float, float]) -> list[float]:
        return [place[0] + shift[0], place[1], place[2] + shift[1]]

    world["entities"] = [
        {**entity, "id": f"{entity['id']}_{tile}", "position": moved(entity["position"], shift)}
        for tile, shift in enumerate(shifts)
        for entity in world["entities"]
    ]
    world["environment"]["water_sources"] = [
        {**source, "position": moved(source["position"], shift)}
        for shift in shifts
        for source in world["environment"]["water_sources"]
    ]
    grid["cell_size"] *= copies
    return world


def time_ticks(engine: EcosystemEngine, ticks: int) -> list[float]:
    """Return the time of each of the next ticks, us."""
    times = []
    for _ in range(ticks):
        start = time.perf_counter_ns()
        engine.step()
        times.append((time.perf_counter_ns() - start) / 1000)
    return times


def time_phases(engine: EcosystemEngine, ticks: int) -> dict[str, float]:
    """Return the mean time a tick spends in each phase, us, over the next ticks."""
    simulation = engine.simulation
    spent = {phase.run.__name__: 0.0 for phase in SCHEDULE}
    ran_at = dict.fromkeys(spent, simulation.time)
    for _ in range(ticks):
        simulation.tick += 1
        simulation.time += simulation.config.time.dt
        simulation.event_table.begin_tick(simulation.tick)
        for phase in SCHEDULE:
            if simulation.tick % phase.period == phase.offset:
                name = phase.run.__name__
                start = time.perf_counter_ns()
                phase.run(simulation, simulation.time - ran_at[name])
                spent[name] += (time.perf_counter_ns() - start) / 1000
                ran_at[name] = simulation.time
    return {name: total / ticks for name, total in spent.items()}


def main() -> dict[str, Any]:
    """Measure, print the tables, and return the figures."""
    rows = []
    phases = {}
    print(f"{'entities':>9} {'median us':>10} {'mean us':>9} {'p95 us':>9} {'us/entity':>10}")
    for copies, ticks in SIZES:
        engine = EcosystemEngine(tiled_world(copies), seed=1)
        time_ticks(engine, WARM_UP_TICKS)
        times = sorted(time_ticks(engine, ticks))
        entities = len(engine.simulation.table)
        mean = sum(times) / len(times)
        row = {
            "entities": entities,
            "median_us": median(times),
            "mean_us": mean,
            "p95_us": times[int(0.95 * len(times))],
        }
        rows.append(row)
        phases[entities] = time_phases(engine, ticks)
        print(
            f"{entities:>9} {row['median_us']:>10.0f} {mean:>9.0f} {row['p95_us']:>9.0f} "
            f"{mean / entities:>10.3f}"
        )
    exponents = {}
    for small, large in pairwise(rows):
        span = f"{small['entities']} to {large['entities']}"
        exponents[span] = math.log(large["mean_us"] / small["mean_us"]) / math.log(
            large["entities"] / small["entities"]
        )
        print(f"mean time grows as entities^{exponents[span]:.2f} from {span}")
    print("\nmean us a tick by phase (entities as above)")
    for name in max(phases.values(), key=lambda one: sum(one.values())):
        print(f"{name:>22} " + " ".join(f"{one[name]:>9.1f}" for one in phases.values()))
    return {"sizes": rows, "exponents": exponents, "phases_us": phases}


if __name__ == "__main__":
    main()
