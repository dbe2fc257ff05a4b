"""Engines whose outcomes are known: one that follows a timetable, and one that adds its inputs."""

from __future__ import annotations

import random


def _crowd(species: str, state: str | None, count: int) -> dict:
    one = {"species": species, "state": state, "state_vars": {"hunger": 0.5}}
    return {f"{species}_{number}": dict(one) for number in range(count)}


class Grid:
    """Four by two by three voxels of one layer, each with the same value."""

    dimensions = (4, 2, 3)

    def __init__(self) -> None:
        self.nutrients = 0.25

    def walk_layer(self, layer, callback) -> None:
        value = self.nutrients if layer == "nutrients_fast" else 0.5
        for x in range(4):
            for y in range(2):
                for z in range(3):
                    callback(x, y, z, value)


class Timetable:
    """Hares that decline and vanish, a lichen that comes and goes, ferns and mold that stay.

    With a thirst above 1 the hares stay too; with a hunger above 1.8 the run fails at tick 3.
    """

    def __init__(self, world: dict, *, seed: int) -> None:
        self.world = world
        self.seed = seed
        self.tick = 0
        self.events: list[dict] = []
        self.voxel_grid = Grid()
        self._fill()

    def step(self) -> None:
        self.tick += 1
        if self.tick == 3 and self.world["rates"]["hunger"] > 1.8:
            raise RuntimeError("the hares are too hungry")
        self.voxel_grid.nutrients = 0.25 + 0.01 * self.tick
        self.events = [{"type": "CONSUMPTION", "tick": self.tick, "source_id": None}] * 2
        self._fill()

    def _fill(self) -> None:
        hares = 10 if self.tick < 4 else 6 if self.tick < 8 else 0
        if self.world["rates"]["thirst"] > 1:
            hares = 10
        self.entities = {
            **_crowd("hare", "FORAGING", hares),
            **_crowd("fern", "GROWING", 5),
            **_crowd("mold", "ACTIVE", 1),
            **_crowd("lichen", "DORMANT", 3 if 5 <= self.tick < 9 else 0),
            **_crowd("rock", "LYING", 2),
        }


class Sum:
    """The energy of one entity is 4 a + 2 b + 0 c of three inputs in 0..1.

    What ``environment.type`` names is added: ``noisy`` a chance of the seed, ``failing`` a failure
    where the first input is above 0.99.
    """

    def __init__(self, world: dict, *, seed: int) -> None:
        climate = world["environment"]["climate"]
        kind = world["environment"]["type"]
        first, second = climate["humidity"], climate["rainfall"]
        if kind == "failing" and first > 0.99:
            raise RuntimeError("too damp")
        energy = 4 * first + 2 * second
        if kind == "noisy":
            energy += random.Random(f"{seed} {first} {second}").gauss(0, 1)
        self.world = world
        self.tick = 0
        self.events: list[dict] = []
        self.entities = {
            "sum": {"species": "sum", "state": "IDLE", "state_vars": {"energy": energy}}
        }

    def step(self) -> None:
        self.tick += 1


def mixed(world: dict, *, seed: int) -> Sum:
    """Make an engine whose inputs are a whole number, a choice and a rate that does nothing."""
    engine = Sum(world, seed=seed)
    across = world["environment"]["voxel_grid"]["dimensions"][0]
    energy = across + 5.0 * (world["environment"]["biome"] == "DESERT")
    engine.entities["sum"]["state_vars"]["energy"] = energy
    return engine
