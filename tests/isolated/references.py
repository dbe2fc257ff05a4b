"""Run in a fresh process: the compiled core keeps no reference that it should have given back.

Exact reference counts first: every object handed to a core is counted before and after, for the
calls that succeed and those that raise. Then memory: a million ticks leave it where it was.
Prints nothing and exits with 0 where all is well. ``--references-only`` and ``--memory-only`` do
one of the two.
"""

import array
import gc
import os
import sys
from pathlib import Path

from ecosim._telemetry_core import AggregateCore, EventTable
from ecosim.telemetry_errors import HostError

VARIABLES = ("hunger", "energy")


class Columns:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Grid:
    def walk_layer(self, layer, callback):
        callback(0, 0, 0, 0.5)
        callback(1, 0, 1, 2)


def fresh(text):
    """Return a string that nobody else refers to."""
    return "".join(list(text))


def use(core, objects, tick):
    """Call everything once with the objects, rightly and wrongly."""
    species, state, source, place, extra, floats, codes = objects
    core.begin_tick(tick)
    core.record("STATE_CHANGE", tick, source, source, place, extra, species)
    core.record("RAIN", tick, None, None, place, {"intensity": 0.5, "of": species})
    event = {"type": "CROAK", "source_id": source, "position": place, "note": species}
    core.record_events([event], None)
    core.record_events(
        [
            Columns(
                event_type="CROAK",
                tick=None,
                source_id=source,
                target_id=None,
                position=place,
                extra=extra,
            )
        ],
        None,
    )
    use_table(core, objects, tick)
    state_vars = {"hunger": 0.5, "energy": None}
    entity = {"species": species, "state": state, "state_vars": state_vars}
    core.read_entities({source: entity})
    core.read_entities(iter([entity]))
    core.read_columns(
        Columns(
            species=codes,
            state=codes,
            species_names=(species,),
            state_names=[state],
            variables={"hunger": floats},
            species_variables={species: ("hunger",)},
        )
    )
    core.read_layer(species, floats, (1, 1, 1), ((1, tick),))
    core.read_layer(species, floats, (1, 1, 1), ((1, tick),))
    core.read_layer(species, floats, (1, 1, 1), [[1, tick]])
    core.walk_layer(state, Grid(), (2, 1, 2))
    for wrong in (
        lambda: core.record("X", -1, source, source, place, extra),
        lambda: core.record("X", tick, source, source, [source], extra),
        lambda: core.record("X", tick, source, source, place, {"x": object}),
        lambda: core.read_entities({source: {**entity, "state": 7}}),
        lambda: core.read_layer(species, floats, (1, 2, 1)),
        lambda: core.read_layer(species, floats, (1, 1, 1), ((source, tick),)),
        lambda: core.read_layer(species, source, None),
    ):
        try:
            wrong()
        except HostError:
            continue
        raise AssertionError("expected a HostError")
    core.close_sample()
    core.end_tick()


def use_table(core, objects, tick):
    """Record through a table, rightly and wrongly; the core keeps the first table it meets."""
    species, state, source, _, _, floats, codes = objects
    if core not in TABLES:
        TABLES[core] = EventTable(
            [source].__getitem__, species_names=(species,), state_names=[state], ticks_kept=3
        )
    table = TABLES[core]
    table.begin_tick(tick)
    table.bind(entity=codes, species=codes, state=codes, x=floats, y=0.0, z=floats)
    for wrong in (
        lambda: table.bind(entity=codes, species=floats),
        lambda: table.bind(entity=codes, x=floats),
        lambda: table.add("CROAK", floats),
        lambda: table.add("CROAK", codes, codes, {"cause": (codes, [None])}),
        lambda: table.add_changes(codes, array.array("i", [1])),
        lambda: table.add_event("CROAK", {"x": object}),
    ):
        try:
            wrong()
        except HostError:
            continue
        raise AssertionError("expected a HostError")
    table.add("CROAK", codes, codes)
    table.add("DEATH", codes, codes, {"cause": (codes, [state])})
    table.add_changes(codes, codes)
    table.add_event("RAIN", {"intensity": 0.5, "of": species})
    list(table.rows_of(tick))
    next(table.rows_of(tick))
    core.record_table(table, tick - 1, tick)


TABLES = {}


def make_objects():
    return (
        fresh("deer"),
        fresh("IDLE"),
        fresh("deer_1"),
        (1.0, 2.0, 3.0),
        {"prev_state": fresh("IDLE"), "new_state": fresh("FED")},
        array.array("d", [0.25]),
        array.array("i", [0]),
    )


def counts(objects):
    gc.collect()
    return [sys.getrefcount(item) for item in (*objects, *objects[4].values())]


def check_references():
    for capacity, on_full in ((1, "drop"), (2, "drain"), (1024, "drain")):
        objects = make_objects()
        before = counts(objects)
        core = AggregateCore("run", VARIABLES, ring_capacity=capacity, on_full=on_full)
        for tick in range(1, 50):
            use(core, objects, tick)
            if tick % 7 == 0:
                core.take_samples()
                core.take_events(cut=tick % 2)
        del TABLES[core], core
        assert counts(objects) == before, (capacity, before, counts(objects))


def resident():
    """Return the KiB of memory that this process has now; a peak could be that of its parent."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def herd(tick):
    """Return columns of eight animals, some of them of no species."""
    return Columns(
        species=array.array("i", [0, 1, 0, 1, 0, 1, -1, tick % 2]),
        state=array.array("b", [0, 1] * 4),
        species_names=("deer", "oak"),
        state_names=("IDLE", "FED"),
        variables={name: array.array("d", [tick % 7 / 7] * 8) for name in VARIABLES},
        species_variables={"deer": VARIABLES, "oak": ("energy",)},
    )


def sample(core, tick, layer):
    """Read all that a sample can hold, the depths of a layer under versions old and new."""
    core.read_columns(herd(tick))
    state_vars = {"hunger": tick / 1e6, "energy": None}
    one = {"species": "wolf", "state": "FED", "state_vars": state_vars}
    core.read_entities({f"wolf_{tick}": one})
    core.read_entities(iter([one, {"species": "deer"}]))
    layer[tick % 512] = tick / 1e6
    core.read_layer("moisture", layer, None)
    core.read_layer("soil", layer, (8, 8, 8), ((2, tick), (5, tick // 200), (8, 0)))
    core.close_sample()


def check_memory():
    """A million ticks with events and samples: memory stays as it was after warm-up.

    Entities of the table come back, and its words are few: a core remembers each that it met.
    """
    core = AggregateCore("run", VARIABLES)
    table = EventTable("deer_{}".format, species_names=("deer", "oak"), state_names=("IDLE", "FED"))
    layer = array.array("d", [0.5] * 512)
    extra = {"prev_state": "IDLE", "new_state": "FED"}
    rows, states = array.array("q", [0, 3, 5]), array.array("i", [1, 0, 1])
    after_warm_up = 0
    for tick in range(1, 1_000_001):
        core.begin_tick(tick)
        core.record("STATE_CHANGE", tick, f"deer_{tick}", None, (1.5, 0.0, 2.5), extra, "deer")
        core.record("SPEECH", tick, "deer", None, None, {"word": f"w{tick}"})
        table.begin_tick(tick)
        if tick % 50 == 1:
            entity = array.array("q", range(tick % 5000, tick % 5000 + 8))
            now = herd(tick)
            table.bind(entity=entity, species=now.species, state=now.state, x=1.0, y=0.0, z=2.0)
            table.add("PREDATION", rows, rows, {"cause": (states, ["thirst", "hunger"])})
            table.add_changes(rows, states)
            table.add_event("RAIN", {"intensity": tick / 1e6, "of": [f"r{tick}"]})
        if tick % 50 == 0:
            core.record_table(table, tick - 50, tick)
            sample(core, tick, layer)
        core.end_tick()
        if tick % 1000 == 0:
            core.take_samples()
            core.take_events()
        if tick == 100_000:
            after_warm_up = resident()
    now = resident()
    assert now <= after_warm_up + 512, f"memory went from {after_warm_up} to {now} KiB"


if __name__ == "__main__":
    if "--memory-only" not in sys.argv:
        check_references()
    if "--references-only" not in sys.argv:
        check_memory()
