"""The model answers to climate, hunger, predators and rain in the direction that ecology expects.

Each test compares means over the same seeds; the margins are far from what seeds differ by.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.species import STATE_NAMES
from ecosim.engine.world_models import World

SEEDS = (0, 1, 2)
PREDATORS = ("fox", "hawk")
CONSUMERS = ("deer", "rabbit", "fox", "songbird", "hawk", "butterfly", "bee", "beetle")


def run(world: World, seed: int, ticks: int) -> EcosystemEngine:
    """Return an engine that has run the world."""
    engine = EcosystemEngine(world, seed=seed)
    for _ in range(ticks):
        engine.step()
    return engine


def demo(parameters: Mapping[str, Any] | None = None) -> World:
    """Return the demo world with parameters set."""
    return load_world("demo", parameters=parameters)


@cache
def temperate(seed: int) -> EcosystemEngine:
    """Return the demo world after 2,500 ticks, to compare with."""
    return run(demo(), seed, 2500)


def biomass(engine: EcosystemEngine) -> float:
    """Return the growth of all plants and trees together."""
    return float(np.nansum(engine.entity_columns().variables["growth"]))


def count(engine: EcosystemEngine, *names: str) -> int:
    """Return the number of living entities of some species."""
    columns = engine.entity_columns()
    codes = [columns.species_names.index(name) for name in names]
    return int((np.isin(columns.species, codes) & columns.alive).sum())


@pytest.mark.parametrize("biome", ["DESERT", "ARCTIC"])
def test_harsh_biomes_end_with_less_plant_biomass_than_the_temperate(biome):
    harsh = demo({"environment.biome": biome})
    ends = [biomass(run(harsh, seed, 2500)) for seed in SEEDS]
    assert max(ends) < 0.5 * min(biomass(temperate(seed)) for seed in SEEDS)


def test_threefold_hunger_lowers_the_consumers():
    hungry = demo({"rates.hunger": 3.0})
    ends = [count(run(hungry, seed, 2500), *CONSUMERS) for seed in SEEDS]
    assert max(ends) < 0.7 * min(count(temperate(seed), *CONSUMERS) for seed in SEEDS)


def test_without_predators_the_rabbits_rise():
    calm = demo().to_dict()
    calm["species_definitions"] = [
        one for one in calm["species_definitions"] if one["species_id"] not in PREDATORS
    ]
    calm["entities"] = [one for one in calm["entities"] if one["species"] not in PREDATORS]
    ends = [count(run(load_world(calm), seed, 2500), "rabbit") for seed in SEEDS]
    assert np.mean(ends) > 1.15 * np.mean([count(temperate(seed), "rabbit") for seed in SEEDS])


def test_a_dry_world_recovers_under_rain():
    dry = demo({"environment.climate.rainfall": 0.0, "environment.soil.moisture": 0.1})
    wilting = STATE_NAMES.index("WILTING")
    for seed in SEEDS:
        rained, left = (run(dry, seed, 800) for _ in range(2))
        assert (left.entity_columns().state == wilting).sum() > 50
        for _ in range(1200):
            if rained.tick % 200 == 0:
                rained.apply_rain(0.5)
            rained.step()
            left.step()
        assert biomass(rained) > 1.5 * biomass(left)
        assert (rained.entity_columns().state == wilting).sum() < 5


def test_in_the_arctic_plants_and_insects_sleep_through_winter_and_wake():
    engine = EcosystemEngine("arctic", seed=1)
    names = ("sedge", "fritillary")
    asleep: list[dict[str, float]] = []
    dormant = STATE_NAMES.index("DORMANT")
    for _ in range(8000):
        engine.step()
        if engine.tick % 100 == 0:
            columns = engine.entity_columns()
            asleep.append({})
            for name in names:
                own = columns.species == columns.species_names.index(name)
                asleep[-1][name] = float(np.mean(columns.state[own] == dormant))
    summers, winters = asleep[5:15] + asleep[45:55], asleep[25:35] + asleep[65:75]
    for name in names:
        assert np.mean([one[name] for one in summers]) < 0.2
        assert np.mean([one[name] for one in winters]) > 0.8
    assert count(engine, "sedge") > 10
    assert count(engine, "fritillary") > 10


def test_every_event_type_occurs_and_populations_move():
    engine = EcosystemEngine("demo", seed=0)
    seen: dict[str, int] = {}
    counts = []
    for _ in range(4000):
        engine.step()
        for event in engine.events:
            seen[event.event_type] = seen.get(event.event_type, 0) + 1
        if engine.tick % 500 == 0:
            counts.append([count(engine, name) for name in CONSUMERS])
    assert seen.keys() == {
        "CONSUMPTION",
        "POLLINATION",
        "PREDATION",
        "REPRODUCTION",
        "DEATH_NATURAL",
        "DEATH_STARVE",
        "STATE_CHANGE",
        "RAIN",
        "DECOMPOSITION",
    }
    assert min(seen.values()) >= 5
    moves = np.ptp(np.array(counts), axis=0)
    assert (moves > 0).all()
