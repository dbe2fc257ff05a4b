"""Engines by other authors, each with its own account: ``python foreign_engines.py OUT TICKS``.

Written from docs/host-interface.md alone. Each runs under an emitter and writes, beside the files
of the telemetry, what it counted itself: OUT/<name>_truth.json, a list of samples.
"""

import array
import collections
import enum
import json
import math
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ecosim.telemetry import EventTable, TelemetryEmitter

INTERVAL = 50


class Mood(enum.StrEnum):
    IDLE = "still"
    EAT = "eating"


class OldMood(str, enum.Enum):  # noqa: UP042  (its str() is "OldMood.IDLE")
    IDLE = "still"
    EAT = "eating"


class Burrow:
    """Dicts: integer ids, states as enums, births, deaths, mutants, values that are not finite."""

    moods = OldMood

    def __init__(self):
        self.random = random.Random(3)
        self.tick, self.born = 0, 0
        self.entities = {}
        self.changes = collections.Counter()
        for _ in range(30):
            self.add(self.random.choice(["vole", "owl"]))
        self.voxel_grid = {"snow": array.array("f", [0.5] * 8)}

    def add(self, species):
        variables = {"hunger": self.random.random(), "energy": None, "health": 1}
        entity = {"species": species, "state": self.moods.IDLE, "state_vars": variables}
        self.entities[self.born] = entity
        self.born += 1
        return self.born - 1

    def step(self):
        self.tick += 1
        events = []
        for key, entity in list(self.entities.items()):
            chance = self.random.random()
            variables = entity["state_vars"]
            variables["hunger"] = math.nan if chance > 0.99 else self.random.random()
            if chance < 0.05:
                before = entity["state"]
                idle, eat = self.moods
                after = entity["state"] = eat if before is idle else idle
                extra = {"prev_state": before, "new_state": after, "at": {"depth": [1, math.inf]}}
                events.append({"type": "STATE_CHANGE", "source_id": key, **extra})
                self.changes[entity["species"], f"{before.value}>{after.value}"] += 1
            elif chance < 0.06 and len(self.entities) < 60:
                mutant = self.random.random() < 0.02
                child = self.add(f"mutant{self.tick}" if mutant else entity["species"])
                events.append({"type": "REPRODUCTION", "source_id": key, "target_id": child})
        if self.tick % 7 == 0:
            # In another tick than a change of its state, which is looked up at the end of the tick.
            quiet = [k for k in self.entities if k not in {e.get("source_id") for e in events}]
            del self.entities[quiet[0]]
            events.append({"type": "DEATH_COLD", "source_id": quiet[0], "position": (0, 1, 2)})
        self.voxel_grid["snow"][self.random.randrange(8)] = self.random.random()
        return {"tick": self.tick, "events": events}

    def truth(self):
        rows = [
            (e["species"], str(e["state"].value), e["state_vars"]) for e in self.entities.values()
        ]
        return rows, self.voxel_grid["snow"].tolist(), dict(self.changes)


class Den(Burrow):
    """The same with the enums of Python 3.11."""

    moods = Mood


class Reef:
    """Columns: float32, strided, rows of the dead, no species, an event table of ten ticks."""

    species_names = ("coral", "fish", "crab")
    state_names = ("REST", "SWIM")
    has = {"coral": ("health",), "fish": ("hunger", "health"), "crab": ("hunger",)}  # noqa: RUF012

    def __init__(self):
        self.random = np.random.default_rng(3)
        self.tick = 0
        self.alive = self.random.random(200) < 0.5
        self.species = self.random.integers(-1, 3, 200).astype(np.int8)
        self.state = self.random.integers(0, 2, 200).astype(np.int16)
        self.hunger = self.random.random(200).astype(np.float32)
        self.health = self.random.random((200, 3))[:, 1]
        self.place = self.random.random((200, 2)).astype(np.float32)
        self.event_table = EventTable(
            "e{}".format,
            species_names=self.species_names,
            state_names=self.state_names,
            ticks_kept=10,
        )
        self.event_table.bind(
            entity=np.arange(200)[::-1],
            species=self.species,
            state=self.state,
            x=self.place[:, 0],
            y=0,
            z=self.place[:, 1],
        )
        self.changes = collections.Counter()
        self.voxel_grid = {"light": np.asfortranarray(self.random.random((6, 5, 4)))}

    def entity_columns(self):
        return SimpleNamespace(
            species=self.species,
            state=self.state,
            species_names=self.species_names,
            state_names=self.state_names,
            variables={"hunger": self.hunger, "health": self.health},
            species_variables=self.has,
            alive=self.alive.view(np.uint8),
        )

    def step(self):
        self.tick += 1
        self.hunger = self.random.random(200).astype(np.float32)
        rows = np.flatnonzero(self.alive & (self.random.random(200) < 0.02))
        self.event_table.begin_tick(self.tick)
        before, after = self.state[rows].copy(), 1 - self.state[rows]
        self.event_table.add_changes(rows, after)
        self.state[rows] = after
        for species, change in zip(self.species[rows], before, strict=True):
            if species >= 0:
                told = "REST>SWIM" if change == 0 else "SWIM>REST"
                self.changes[self.species_names[species], told] += 1
        if self.tick % 3 == 0:
            self.event_table.add_event("TIDE", {"height": np.float64(1.5)})
        row = self.random.integers(0, 200)
        self.alive[row] = not self.alive[row]

    def truth(self):
        rows = []
        for row in np.flatnonzero(self.alive):
            code = self.species[row]
            species = self.species_names[code] if code >= 0 else "unknown"
            values = {"hunger": self.hunger[row], "health": self.health[row]}
            found = {name: float(values[name]) for name in self.has.get(species, ())}
            rows.append((species, self.state_names[self.state[row]], found))
        return rows, self.voxel_grid["light"].ravel().tolist(), dict(self.changes)


class SporeCloud:
    """A walked grid; entities as a generator; no clock but that of the packets, five ticks each."""

    class Grid:
        dimensions = (5, 4, 3)

        def __init__(self):
            self.cells = {}

        def walk_layer(self, layer, callback):
            for place, value in {"moisture": self.cells}[layer].items():
                callback(*place, value)

    def __init__(self):
        self.random = random.Random(3)
        self.ticks = 0
        self.voxel_grid = self.Grid()
        self.spores = [
            {"species": "moss" if i else None, "state_vars": {"health": i / 7}} for i in range(7)
        ]

    @property
    def entities(self):
        return (dict(spore) for spore in self.spores)

    def step(self):
        self.ticks += 5
        self.voxel_grid.cells[tuple(map(self.random.randrange, (5, 4, 3)))] = self.random.random()
        wind = SimpleNamespace(
            event_type="WIND",
            tick=self.ticks - 3,
            source_id=None,
            target_id=None,
            position=None,
            extra={"force": 2},
        )
        return {"tick": self.ticks, "events": None if self.ticks % 10 == 0 else (wind,)}

    def truth(self):
        rows = [(s["species"] or "unknown", None, s["state_vars"]) for s in self.spores]
        cells = [
            self.voxel_grid.cells.get((x, y, z), 1.0)
            for x in range(5)
            for y in range(4)
            for z in range(3)
        ]
        return rows, cells, {}


def account(engine, tick):
    """Return what an engine says of itself, plainly."""
    rows, cells, changes = engine.truth()
    population = collections.Counter(species for species, _, _ in rows)
    states = collections.Counter(f"{species} {state}" for species, state, _ in rows if state)
    values = {}
    for species, _, variables in rows:
        for name, value in variables.items():
            if value is not None and math.isfinite(value):
                values.setdefault(f"{species} {name}", []).append(value)
    return {
        "tick": tick,
        "population": population,
        "states": states,
        "means": {
            key: [len(found), math.fsum(found) / len(found)] for key, found in values.items()
        },
        "cells": math.fsum(cells) / len(cells),
        "changes": {f"{species} {change}": count for (species, change), count in changes.items()},
    }


def main(folder, ticks):
    """Run every engine and leave its files and its own account."""
    for make in (Burrow, Den, Reef, SporeCloud):
        engine, run_id = make(), make.__name__
        with TelemetryEmitter(
            {"interval": INTERVAL, "output_dir": folder}, run_id=run_id
        ) as emitter:
            emitter.on_init(engine)
            told = [account(engine, 0)]
            for _ in range(ticks):
                packet = engine.step()
                emitter.on_tick(packet)
                tick = engine.ticks if packet and not hasattr(engine, "tick") else engine.tick
                if tick % INTERVAL == 0:
                    told.append(account(engine, tick))
        Path(folder, f"{run_id}_truth.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
