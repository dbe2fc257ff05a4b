"""The jobs of the core one by one, beside what else could do them on the same data.

A row is skipped, and says so, where a library it compares with is not installed
(``pip install orjson mesa``).
"""

from __future__ import annotations

import importlib
import json
import math
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_backend import choose
from ecosim.telemetry_config import DEFAULT_VARIABLES
from ecosim.telemetry_layers import layer_statistics

SPECIES: Final = ("deer", "rabbit", "fox", "songbird", "hawk", "bee", "oak", "grass")
STATES: Final = ("IDLE", "FORAGING", "RESTING", "FLEEING", "DRINKING")
#: A world of some size, and one whose dicts are beyond the second cache.
ENTITIES: Final = 1_000
MANY: Final = 10_000
DIMENSIONS: Final = (32, 32, 32)
CELLS: Final = math.prod(DIMENSIONS)
LAYERS: Final = 5
EVENTS: Final = 10_000
#: Samples that wait for each other, as they do in a run whose ticks are short.
QUEUED: Final = 64


def best(job: Callable[[], object], repeats: int = 7, loops: int = 1) -> float:
    """Return the median of the times a job takes, in us; each time is of `loops` calls."""
    job()
    times = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        for _ in range(loops):
            job()
        times.append((time.perf_counter_ns() - start) / loops / 1000)
    return statistics.median(times)


def optional(name: str) -> Any | None:
    """Return a module that need not be installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


class Table:
    """Collects rows and prints them: a job, who did it, and how it compares."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, job: str, by: str, value: float, unit: str, limit: float | None = None) -> float:
        """Print and keep one row, and return its value."""
        self.rows.append({"job": job, "by": by, "value": value, "unit": unit, "limit": limit})
        wanted = "" if limit is None else f"{limit:g}"
        print(f"{job:<46} {by:<36} {value:>10.3g} {unit:<9} {wanted:>8}")
        return value


def layers(table: Table, core: AggregateCore) -> None:
    """Mean, extremes and variance of five layers."""
    job = "5 layers of 32 x 32 x 32 float64"
    generator = np.random.default_rng(1)
    arrays = [generator.random(CELLS) for _ in range(LAYERS)]

    def read() -> None:
        for array in arrays:
            np.dot(array, array)  # of numpy's reductions the one that reads fastest

    def ours() -> None:
        for array in arrays:
            core.read_layer("layer", array, DIMENSIONS)

    def by_numpy() -> None:
        for array in arrays:
            array.mean(), array.min(), array.max(), array.var()

    lists = [array.tolist() for array in arrays[:1]]
    plain_read = table.add(job, "one plain read", best(read, 101), "us")
    mine = table.add(job, "compiled core", best(ours, 101), "us")
    table.add(job, "compiled core / plain read", mine / plain_read, "ratio", 3.0)
    table.add(job, "numpy", best(by_numpy, 31), "us")
    reference = best(lambda: layer_statistics(lists[0], DIMENSIONS), 3)
    table.add(job, "reference in Python", LAYERS * reference, "us")
    table.add(
        job,
        "statistics (standard library)",
        LAYERS
        * best(
            lambda: (
                statistics.fmean(lists[0]),
                min(lists[0]),
                max(lists[0]),
                statistics.pvariance(lists[0]),
            ),
            1,
        ),
        "us",
    )


def population(count: int) -> tuple[dict[str, dict[str, Any]], SimpleNamespace]:
    """Return the same entities as dicts and as columns."""
    generator = np.random.default_rng(2)
    species = generator.integers(0, len(SPECIES), count).astype(np.int16)
    state = generator.integers(0, len(STATES), count).astype(np.int8)
    values = {name: generator.random(count) for name in DEFAULT_VARIABLES}
    columns = SimpleNamespace(
        species=species,
        state=state,
        species_names=SPECIES,
        state_names=STATES,
        variables=values,
        species_variables=dict.fromkeys(SPECIES, DEFAULT_VARIABLES),
    )
    lists = {name: column.tolist() for name, column in values.items()}
    dicts = {
        f"e{row}": {
            "species": SPECIES[species[row]],
            "state": STATES[state[row]],
            "state_vars": {name: lists[name][row] for name in DEFAULT_VARIABLES},
        }
        for row in range(count)
    }
    return dicts, columns


def entities(table: Table, core: AggregateCore) -> None:
    """Entities with species, state and six variables.

    The core counts species and states, and works out mean and spread; numpy and statistics do the
    latter alone.
    """
    job = f"one entity of {ENTITIES:,}: species, state, 6 variables"
    dicts, columns = population(ENTITIES)
    reference = AggregateCore("run", DEFAULT_VARIABLES)

    def add(by: str, method: Callable[[Any], object], host: Any, repeats: int) -> None:
        table.add(job, by, best(lambda: method(host), repeats) / ENTITIES * 1000, "ns")

    read_by_core(table, job, core, dicts, columns)
    add("reference, columns", reference.read_columns, columns, 3)
    add("reference, dicts", reference.read_entities, dicts, 3)
    add("numpy masks: mean, std only", spread_by_masks, columns, 15)
    add("numpy bincount: mean, std only", spread_by_bincount, columns, 15)
    add("statistics, dicts: mean, std only", spread_by_statistics, dicts, 1)
    mesa = optional("mesa")
    if mesa is None:
        print(f"{job:<46} Mesa: not installed")
    else:
        table.add(job, "Mesa DataCollector: rows only", per_agent_in_mesa(mesa, dicts), "ns")
    read_by_core(table, f"one entity of {MANY:,}, the same", core, *population(MANY))


def read_by_core(
    table: Table, job: str, core: AggregateCore, dicts: dict[str, Any], columns: SimpleNamespace
) -> None:
    """Add what the compiled core takes for an entity, from columns and from dicts."""
    for by, read, limit in (
        ("compiled core, columns", lambda: core.read_columns(columns), 20),
        ("compiled core, dicts", lambda: core.read_entities(dicts), 100),
    ):
        table.add(job, by, best(read, 51) / len(dicts) * 1000, "ns", limit)


#: Mean and standard deviation by species and variable.
Spread = dict[tuple[str, str], tuple[float, float]]


def spread_by_masks(columns: SimpleNamespace) -> Spread:
    """Return the spread of each variable, one species after the other."""
    found = {}
    for code, species in enumerate(columns.species_names):
        mask = columns.species == code
        for name, column in columns.variables.items():
            values = column[mask]
            found[species, name] = float(values.mean()), float(values.std())
    return found


def spread_by_bincount(columns: SimpleNamespace) -> Spread:
    """Return the spread of each variable, all species at once; squares about the mean."""
    codes, found = columns.species, {}
    counts = np.bincount(codes)
    for name, column in columns.variables.items():
        means = np.bincount(codes, column) / counts
        deviations = np.sqrt(np.bincount(codes, (column - means[codes]) ** 2) / counts)
        for species, mean, deviation in zip(
            columns.species_names, means.tolist(), deviations.tolist(), strict=True
        ):
            found[species, name] = mean, deviation
    return found


def spread_by_statistics(dicts: dict[str, dict[str, Any]]) -> Spread:
    """Return the spread of each variable by the standard library."""
    groups: dict[tuple[str, str], list[float]] = {}
    for entity in dicts.values():
        for name, value in entity["state_vars"].items():
            groups.setdefault((entity["species"], name), []).append(value)
    return {
        key: (statistics.fmean(values), statistics.pstdev(values)) for key, values in groups.items()
    }


def per_agent_in_mesa(mesa: Any, dicts: dict[str, dict[str, Any]]) -> float:
    """Return what Mesa's DataCollector takes an agent to collect what an entity has, ns.

    It keeps a row an agent and works out no mean.
    """
    model = mesa.Model()
    for entity in dicts.values():
        agent = mesa.Agent(model)
        agent.species, agent.state = entity["species"], entity["state"]
        for name, value in entity["state_vars"].items():
            setattr(agent, name, value)
    reported = ("species", "state", *DEFAULT_VARIABLES)
    collector = mesa.DataCollector(agent_reporters={name: name for name in reported})

    def collect() -> None:
        collector.collect(model)
        collector._agent_records.clear()
        model.steps += 1

    return best(collect, 9) / len(dicts) * 1000


def events(table: Table) -> None:
    """Events recorded and turned into text."""
    place, ids = (1.25, 0.0, 17.0625), [f"deer_{i}" for i in range(100)]

    herd = {name: {"species": "deer"} for name in ids}

    def one_by_one(core: AggregateCore) -> None:
        record = core.record
        for event in range(EVENTS):
            record("CONSUMPTION", 1, ids[event % 100], "grass_1", place)

    def nanoseconds(core: AggregateCore, job: Callable[[AggregateCore], None]) -> Any:
        """Return the time an event takes to be recorded, and that to become text."""
        core.begin_tick(1)
        taken = []
        for _ in range(9):
            start = time.perf_counter_ns()
            job(core)
            middle = time.perf_counter_ns()
            core.take_events(cut=True)
            taken.append((middle - start, time.perf_counter_ns() - middle))
        return tuple(statistics.median(times) / EVENTS for times in zip(*taken, strict=True))

    loop = best(lambda: [ids[event % 100] for event in range(EVENTS)]) * 1000 / EVENTS
    for name in ("compiled", "python"):
        core = choose(name).core("run", DEFAULT_VARIABLES)
        record, text = nanoseconds(core, one_by_one)
        limit = 60 if name == "compiled" else None
        table.add("one event recorded from Python", name, record - loop, "ns", limit)
        table.add("one event turned into text", name, text, "ns")
        for what, packet in packets(ids, place).items():

            def at_once(core: AggregateCore, packet: list[Any] = packet) -> None:
                core.record_events(packet, lambda: herd)

            record, _ = nanoseconds(core, at_once)
            table.add(f"one {what} event of a packet recorded", name, record, "ns")
    log: list[dict[str, Any]] = []

    def append() -> None:
        for event in range(EVENTS):
            log.append({"type": "C", "tick": 1, "source_id": ids[event % 100], "position": place})

    appended = best(append) * 1000 / EVENTS
    table.add("one event appended to a list as a dict", "Python", appended, "ns")


def packets(ids: list[str], place: tuple[float, ...]) -> dict[str, list[Any]]:
    """Return events as packets hold them, as dicts and as objects; half are changes of state."""
    dicts: list[Any] = []
    for event in range(EVENTS):
        common = {"tick": 1, "source_id": ids[event % 100], "target_id": None, "position": place}
        if event % 2:
            dicts.append({"type": "CONSUMPTION"} | common)
        else:
            change = {"prev_state": "IDLE", "new_state": STATES[event % 5]}
            dicts.append({"type": "STATE_CHANGE"} | common | change)
    objects = [
        SimpleNamespace(
            event_type=one["type"],
            tick=1,
            source_id=one["source_id"],
            target_id=None,
            position=place,
            extra={key: one[key] for key in ("prev_state", "new_state") if key in one},
            source_species="deer",
        )
        for one in dicts
    ]
    return {"dict": dicts, "object": objects}


def lines(table: Table, core: AggregateCore) -> None:
    """The text of one sample."""
    job = "one sample line, 8 species x 6 variables"
    _, columns = population(ENTITIES)
    layer = np.random.default_rng(3).random(CELLS)

    def sample() -> None:
        core.begin_tick(1)
        core.read_columns(columns)
        for name in ("nutrients_fast", "nutrients_slow", "moisture", "temperature", "organic"):
            core.read_layer(name, layer, DIMENSIONS)
        core.close_sample()

    times = []
    for _ in range(15):
        for _ in range(QUEUED):
            sample()
        start = time.perf_counter_ns()
        text = core.take_samples()
        times.append((time.perf_counter_ns() - start) / QUEUED / 1000)
    mine = statistics.median(times)
    ready = json.loads(text.splitlines()[0])
    table.add(job, "compiled core", mine, "us")
    table.add(job, "json.dumps of a ready dict", best(lambda: json.dumps(ready), 31), "us")
    orjson = optional("orjson")
    if orjson is None:
        print(f"{job:<46} orjson: not installed")
        return
    theirs = table.add(
        job, "orjson of a ready dict", best(lambda: orjson.dumps(ready), 31, 100), "us"
    )
    table.add(job, "compiled core / orjson", mine / theirs, "ratio", 1.2)


def main() -> dict[str, Any]:
    """Measure, print the table, and return the figures."""
    print(f"{'job':<46} {'by':<36} {'median':>10} {'unit':<9} {'at most':>8}")
    table = Table()
    core = choose("compiled").core("run", DEFAULT_VARIABLES)
    layers(table, core)
    entities(table, core)
    events(table)
    lines(table, core)
    return {"rows": table.rows}


if __name__ == "__main__":
    main()
