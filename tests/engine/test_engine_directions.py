"""The model answers to climate, hunger, predators and rain in the direction that ecology expects.

Each test compares means over the same seeds; the margins are far from what seeds differ by.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.species import STATE_NAMES
from ecosim.engine.world_models import World

SEEDS = (0, 1, 2)
#: Through the first dry summer, to the autumn after it.
TICKS = 2500
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


class Reference(NamedTuple):
    """The demo world after a run, with what happened and the counts of consumers on the way."""

    engine: EcosystemEngine
    events: Counter[str]
    transitions: Counter[tuple[str, str]]
    counts: list[list[int]]


@cache
def temperate(seed: int) -> Reference:
    """Return the demo world, to compare with."""
    engine = EcosystemEngine(demo(), seed=seed)
    events: Counter[str] = Counter()
    transitions: Counter[tuple[str, str]] = Counter()
    counts = []
    for _ in range(TICKS):
        engine.step()
        for event in engine.events:
            events[event.event_type] += 1
            if event.event_type == "STATE_CHANGE" and event.extra is not None:
                transitions[event.extra["prev_state"], event.extra["new_state"]] += 1
        if engine.tick % 500 == 0:
            counts.append([count(engine, name) for name in CONSUMERS])
    return Reference(engine, events, transitions, counts)


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
    ends = [biomass(run(harsh, seed, TICKS)) for seed in SEEDS]
    assert max(ends) < 0.5 * min(biomass(temperate(seed).engine) for seed in SEEDS)


def test_threefold_hunger_lowers_the_consumers():
    hungry = demo({"rates.hunger": 3.0})
    ends = [count(run(hungry, seed, TICKS), *CONSUMERS) for seed in SEEDS]
    assert max(ends) < 0.7 * min(count(temperate(seed).engine, *CONSUMERS) for seed in SEEDS)


def test_without_predators_the_rabbits_rise():
    calm = demo().to_dict()
    calm["species_definitions"] = [
        one for one in calm["species_definitions"] if one["species_id"] not in PREDATORS
    ]
    calm["entities"] = [one for one in calm["entities"] if one["species"] not in PREDATORS]
    ends = [count(run(load_world(calm), seed, TICKS), "rabbit") for seed in SEEDS]
    assert np.mean(ends) > 1.15 * np.mean(
        [count(temperate(seed).engine, "rabbit") for seed in SEEDS]
    )


def dormant_share(engine: EcosystemEngine) -> float:
    """Return the share of plants and trees that sleep."""
    columns = engine.entity_columns()
    rooted = ~np.isnan(columns.variables["growth"]) & columns.alive
    return float(np.mean(columns.state[rooted] == STATE_NAMES.index("DORMANT")))


def rain_or_not(world: World, seed: int, before: int, after: int) -> list[EcosystemEngine]:
    """Return two engines with the same dry past; over the first goes a storm every 10 s."""
    left = run(world, seed, before)
    rained = copy.deepcopy(left)
    for tick in range(after):
        if tick % 100 == 0:
            rained.apply_rain(0.5)
        rained.step()
        left.step()
    return [rained, left]


def test_a_dry_world_recovers_under_rain():
    dry = demo({"environment.climate.rainfall": 0.0, "environment.soil.moisture": 0.1})
    for seed in SEEDS[:2]:
        assert dormant_share(run(dry, seed, 800)) > 0.5
        rained, left = rain_or_not(dry, seed, 800, 1500)
        assert biomass(rained) > 1.5 * biomass(left)
        assert dormant_share(rained) < 0.1 < 0.5 < dormant_share(left)


def test_plants_of_the_desert_sleep_until_it_rains():
    desert = load_world("desert")
    for seed in SEEDS[:2]:
        rained, left = rain_or_not(desert, seed, 1000, 800)
        assert dormant_share(left) > 0.85
        assert dormant_share(rained) < 0.3


def test_plants_of_the_demo_wilt_and_sleep_in_the_drought_of_summer_and_recover():
    seen: Counter[tuple[str, str]] = Counter()
    for seed in SEEDS:
        seen += temperate(seed).transitions
    assert seen["GROWING", "WILTING"] >= 30
    assert seen["WILTING", "DORMANT"] >= 5
    assert seen["WILTING", "GROWING"] >= 30
    assert seen["DORMANT", "GROWING"] >= 2


def test_where_water_is_scarce_the_refill_of_ponds_decides_how_long_animals_drink():
    harsh = {
        "environment.climate.rainfall": 0.2,
        "environment.climate.temperature": 24.0,
        "rates.thirst": 2.0,
    }
    drinking, levels = [], []
    for rate in (0.5, 2.0):
        world = demo({**harsh, "rates.water_replenishment": rate})
        shares, means = [], []
        for seed in SEEDS[:2]:
            engine = run(world, seed, 1000)
            for _ in range(1000):
                engine.step()
                if engine.tick % 20 == 0:
                    columns = engine.entity_columns()
                    vertebrate = columns.variables["health"][columns.alive]
                    state = columns.state[columns.alive][~np.isnan(vertebrate)]
                    shares.append(float(np.mean(state == STATE_NAMES.index("DRINKING"))))
                    means.append(float(engine.simulation.sources.level.mean()))
        drinking.append(np.mean(shares))
        levels.append(np.mean(means))
    assert levels[0] < 0.7 * levels[1]
    assert drinking[0] > 1.25 * drinking[1]


def test_in_the_arctic_plants_and_insects_sleep_through_winter_and_wake():
    names = ("sedge", "fritillary")
    asleep: list[dict[str, float]] = []
    dormant = STATE_NAMES.index("DORMANT")
    # Two years in half the time.
    engine = EcosystemEngine(
        load_world("arctic", parameters={"sim_config.climate.season_length": 200.0}), seed=1
    )
    for _ in range(4000):
        engine.step()
        if engine.tick % 50 == 0:
            columns = engine.entity_columns()
            asleep.append({})
            for name in names:
                own = columns.species == columns.species_names.index(name)
                asleep[-1][name] = float(np.mean(columns.state[own] == dormant))
    summers, winters = asleep[5:15] + asleep[45:55], asleep[27:34] + asleep[67:74]
    for name in names:
        assert np.mean([one[name] for one in summers]) < 0.2
        assert np.mean([one[name] for one in winters]) > 0.8
    assert count(engine, "sedge") > 10
    assert count(engine, "fritillary") > 10


def test_every_event_type_occurs_and_populations_move():
    references = [temperate(seed) for seed in SEEDS]
    events = sum((one.events for one in references), Counter[str]())
    assert events.keys() == {
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
    assert min(events.values()) >= 5
    moves = np.max([np.ptp(np.array(one.counts), axis=0) for one in references], axis=0)
    assert (moves > 0).all()
