"""Single processes, each on its own, against what a hand calculation or a simple rule gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.phases.climate import light_and_temperature
from ecosim.engine.phases.codes import DORMANT, DRINKING, FORAGING, HUNTING, RESTING
from ecosim.engine.phases.foraging import drink, interact
from ecosim.engine.phases.guards import mobile_guards
from ecosim.engine.phases.metabolism import metabolism
from ecosim.engine.phases.movement import steer
from ecosim.engine.phases.soil import diffusion, topsoil
from ecosim.engine.phases.water import surface_water
from ecosim.engine.simulation import Simulation


def simulation(world: str = "demo", **parameters: Any) -> Simulation:
    """Return the state of a new run; parameters as path with ``__`` for a dot."""
    paths = {path.replace("__", "."): value for path, value in parameters.items()}
    return EcosystemEngine(load_world(world, parameters=paths), seed=1).simulation


def test_days_and_seasons_swing_about_the_mean_of_the_climate():
    sim = simulation("arctic")
    degrees = []
    for start in np.arange(0, 400, 2.0):
        sim.time = start
        light_and_temperature(sim, 0.1)
        degrees.append(sim.temperature)
        assert 0 <= sim.light <= sim.climate.light_level
    assert np.mean(degrees) == pytest.approx(sim.climate.temperature, abs=1)
    assert 26 < max(degrees) - min(degrees) < 32


def test_hunger_grows_with_mass_to_the_minus_a_quarter():
    sim = simulation()
    table = sim.table
    deer, rabbit = table.rows(0).start, table.rows(1).start
    table.state[: table.n_mobile] = RESTING
    before = table.hunger.copy()
    sim.temperature = 25.0
    metabolism(sim, 1.0)
    grown = table.hunger - before
    assert grown[rabbit] / grown[deer] == pytest.approx((1.5 / 60) ** -0.25)
    assert grown[deer] == pytest.approx(0.006 * 60**-0.25 * 0.55)


def test_an_ectotherm_speeds_up_with_temperature_as_arrhenius_says():
    steps = []
    for degrees in (10.0, 30.0):
        sim = simulation()
        bee = sim.table.rows(sim.species.code_of["bee", "INSECT"])
        before = sim.table.hunger[bee].copy()
        sim.temperature = degrees
        metabolism(sim, 0.5)
        steps.append((sim.table.hunger[bee] - before)[0])
    expected = math.exp(0.65 / 8.617e-5 * (1 / 283.15 - 1 / 303.15))
    assert steps[1] / steps[0] == pytest.approx(expected)


def test_a_state_is_kept_longer_than_it_takes_to_enter_it():
    sim = simulation()
    table = sim.table
    sim.light = 0.7
    for hunger, held in ((0.39, False), (0.41, True), (0.2, True), (0.14, False)):
        table.hunger[: table.n_mobile] = hunger
        table.energy[: table.n_mobile] = 0.9
        table.drive[: table.n_mobile] = 0.0
        table.hydration[: table.n_vertebrate] = 0.9
        mobile_guards(sim, 0.2)
        assert bool(table.state[0] == FORAGING) is held, hunger


def test_insects_sleep_when_it_is_cold_and_lose_little():
    sim = simulation()
    table = sim.table
    insects = slice(table.n_vertebrate, table.n_mobile)
    sim.temperature = 0.0
    mobile_guards(sim, 0.2)
    assert (table.state[insects] == DORMANT).all()
    assert (table.data[2:4, insects] == 0).all()
    before = table.vitality[insects].copy()
    metabolism(sim, 1.0)
    assert (table.vitality[insects] >= before).all()


def test_a_step_stops_short_of_the_goal_and_stays_in_the_world():
    sim = simulation()
    table = sim.table
    table.x[:2], table.z[:2] = (10.0, 10.4), (10.0, 10.0)
    table.target[0] = 1
    table.state[0] = FORAGING
    steer(sim, 0.1)
    assert table.x[0] == pytest.approx(10.1)
    table.target[0] = -1
    table.vx[0], table.x[0] = 500.0, 31.0
    steer(sim, 0.1)
    assert table.x[0] == 32.0


def test_a_bite_moves_growth_into_the_pool_and_stills_hunger():
    sim = simulation()
    table = sim.table
    grass = table.rows(sim.species.code_of["meadow_grass", "PLANT"]).start
    table.hunger[0], table.growth[grass] = 0.8, 0.6
    sim.pursuit = (np.array([0]), np.array([grass]), np.array([0.5]))
    table.state[0] = FORAGING
    interact(sim, 0.1)
    relief = 0.14 * 0.6 / (0.6 + 0.45)
    eaten = relief * 0.15 * 60**0.75
    share = min(1.0, 0.8 * (0.6 - 0.04) / eaten)
    assert table.hunger[0] == pytest.approx(0.8 - relief * share)
    assert table.growth[grass] == pytest.approx(0.6 - eaten * share)
    assert sim.pool == pytest.approx(eaten * share * 0.4**0.23)
    assert [event.event_type for event in sim.event_table.rows_of(sim.tick)] == ["CONSUMPTION"]


def test_of_two_hunters_only_the_first_strikes_and_a_kill_feeds_it():
    sim = simulation(
        sim_config__predation__capture_max=1.0,
        sim_config__predation__optimal_ratio=4.0,
        sim_config__predation__hiding=0.0,
        sim_config__predation__refuge=0.0,
    )
    table = sim.table
    fox, rabbit = (
        table.rows(sim.species.code_of[name, "ANIMAL"]).start for name in ("fox", "rabbit")
    )
    table.state[fox : fox + 2] = HUNTING
    table.hunger[fox : fox + 2] = 0.9
    sim.pursuit = (np.array([fox, fox + 1]), np.array([rabbit] * 2), np.array([0.5, 0.4]))
    interact(sim, 0.1)
    (event,) = sim.event_table.rows_of(sim.tick)
    assert (event.event_type, event.source_species) == ("PREDATION", "fox")
    assert event.source_id == "fox_01"
    assert table.hunger[fox] == 0.0
    assert table.hunger[fox + 1] == 0.9
    assert not table.alive[rabbit]


def test_drinking_fills_the_animal_and_draws_from_the_pond():
    sim = simulation()
    table = sim.table
    table.x[0], table.z[0], table.state[0], table.hydration[0] = 8.0, 8.0, DRINKING, 0.2
    table.x[1], table.z[1], table.state[1], table.hydration[1] = 16.0, 1.0, DRINKING, 0.2
    drink(sim, 1.0)
    assert table.hydration[:2].tolist() == pytest.approx([0.6, 0.2])
    assert sim.sources.level.tolist() == pytest.approx([1 - 0.02 * 60**0.5 / 2.5**2, 1.0])


def test_a_low_pond_is_smaller_gives_less_and_loses_less():
    sim = simulation()
    table = sim.table
    sim.sources.level[:] = 0.25
    assert sim.sources.shore().tolist() == pytest.approx([1.25, 1.5])
    # The shore of the full pond has run dry: what stands there no longer drinks.
    table.x[:2], table.z[:2] = (8.0, 8.0 + 2.5), (8.0, 8.0)
    table.state[:2], table.hydration[:2] = DRINKING, 0.2
    drink(sim, 1.0)
    assert table.hydration[:2].tolist() == pytest.approx([0.3, 0.2])
    assert sim.sources.level[0] == pytest.approx(0.25 * (1 - 0.02 * 60**0.5 / 2.5**2))


@pytest.mark.parametrize("rainfall", [0.1, 0.5])
def test_the_level_of_ponds_settles_where_inflow_and_evaporation_meet(rainfall):
    for rate in (0.5, 1.0, 2.0):
        sim = simulation(rates__water_replenishment=rate)
        sim.temperature, sim.rainfall = 20.0, rainfall
        for _ in range(1000):
            surface_water(sim, 2.0)
        inflow = 0.01 * rate * (0.2 + 0.8 * rainfall)
        # Inflow and loss take turns, so that steps of 2 s settle a little beside the mean.
        expected = [inflow / (inflow + 0.006)] * 2
        assert sim.sources.level.tolist() == pytest.approx(expected, rel=0.02)


def test_ponds_keep_their_banks_moist():
    sim = simulation(environment__soil__moisture=0.1, environment__climate__rainfall=0.0)
    for _ in range(100):
        surface_water(sim, 0.5)
    wet = sim.soil.moisture[:, :4].mean(axis=1)
    assert wet[8, 8] > 0.35
    assert 0.12 < wet[8, 12] < wet[8, 11] < wet[8, 10] < wet[8, 8]
    assert wet[16, 1] < 0.12


def test_plants_dry_the_ground_they_root_in():
    ends = []
    for cover in (0.0, 1.0):
        sim = simulation()
        sim.light = 0.5
        for _ in range(100):
            sim.cover[:] = cover
            surface_water(sim, 0.5)
        ends.append(sim.soil.moisture[16, :, 1])
    assert (ends[1][:4] < 0.8 * ends[0][:4]).all()


def test_the_rain_of_a_temperate_year_falls_in_winter_and_adds_up_to_the_climate():
    sim = simulation(environment__climate__rainfall=0.4)
    rainfall = []
    for start in np.arange(0, 400, 2.0):
        sim.time = start
        light_and_temperature(sim, 0.1)
        rainfall.append(sim.rainfall)
    assert np.mean(rainfall) == pytest.approx(0.4)
    assert rainfall[50] == min(rainfall) == pytest.approx(0.4 * 0.15)
    assert rainfall[150] == max(rainfall) == pytest.approx(0.4 * 1.85)


def test_thirst_is_a_stress_as_hunger_is():
    sim = simulation()
    table = sim.table
    table.hunger[: table.n_mobile] = 0.5
    table.hydration[:2] = (0.1, 0.5)
    table.stress[:2] = 0.0
    metabolism(sim, 0.5)
    assert table.stress[0] > 0.003
    assert table.stress[1] == 0.0


def test_soil_turns_organic_matter_into_slow_and_slow_into_fast():
    sim = simulation(rates__nutrient_leaching=0.0)
    before = {name: layer.sum() for name, layer in sim.soil.layers.items()}
    topsoil(sim, 5.0)
    after = {name: layer.sum() for name, layer in sim.soil.layers.items()}
    assert after["organic_matter"] < before["organic_matter"]
    assert after["nutrients_fast"] > before["nutrients_fast"]
    gained = sum(after[name] - before[name] for name in after if name not in ("moisture",))
    assert gained == pytest.approx(sim.soil.deposited)


def test_diffusion_evens_out_and_keeps_the_sum():
    sim = simulation()
    sim.soil.fast[:] = 0.2
    sim.soil.fast[5, 0, 5] = 1.0
    total = sim.soil.fast.sum()
    for _ in range(50):
        diffusion(sim, 5.0)
    assert sim.soil.fast.sum() == pytest.approx(total)
    assert sim.soil.fast[5, 0, 5] < 0.5
    assert sim.soil.fast[5, 0, 7] > 0.2
    assert sim.soil.fast.min() >= 0.2 - 1e-12


def test_rain_wets_from_above_and_wet_soil_drains():
    sim = simulation(environment__soil__moisture=0.2)
    sim.rain_depth = 5.0
    surface_water(sim, 0.5)
    wet = sim.soil.moisture
    assert wet[:, 0].mean() > 0.8
    assert wet[:, 7].mean() < 0.3
    for _ in range(200):
        surface_water(sim, 0.5)
    assert wet[:, 0].mean() < 0.65
    assert wet[:, 3].mean() > 0.2


def test_canopies_shade_the_ground_around_them_only():
    sim = simulation()
    shade = sim.soil.as_map(sim.shade)
    assert 0 < shade.max() <= 1
    oaks = sim.table.rows(sim.species.code_of["oak", "TREE"])
    x, z = sim.table.x[oaks], sim.table.z[oaks]
    for ix, iz in np.argwhere(shade > 0):
        assert np.hypot(x - ix - 0.5, z - iz - 0.5).min() <= 3.0
    assert shade[int(x[0]), int(z[0])] > 0


@pytest.mark.parametrize("soil", [{"nitrogen": 0.05}, {"ph": 3.0}, {"potassium": 0.0}])
def test_poor_or_sour_soil_grows_less(soil):
    parameters = {f"environment.soil.{name}": value for name, value in soil.items()}
    ends = []
    for given in (parameters, {}):
        world = load_world("demo", parameters=given).to_dict()
        world["entities"] = [one for one in world["entities"] if one["type"] in ("PLANT", "TREE")]
        engine = EcosystemEngine(world, seed=1)
        for _ in range(1200):
            engine.step()
        ends.append(float(np.nansum(engine.simulation.table.growth)))
    assert ends[0] < 0.9 * ends[1]
