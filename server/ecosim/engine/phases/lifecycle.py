"""Death and what it returns to the soil; the spread of plants and spores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from ecosim.engine.arrays import BoolArray, FloatArray, IntArray, indices
from ecosim.engine.phases.codes import BLOOMING, DEAD, DORMANT, DYING, FRUITING, WILTING
from ecosim.engine.population import SEEDLING_GROWTH, SEEDLING_STORE, SPORE_POPULATION, newborn_rows

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

CAUSES: Final = ("age", "disease", "starvation", "thirst", "cold", "heat", "drought", "nutrients")
"""The values of the extra ``cause`` of death events."""

#: Share of a dead animal's part of the pool that its body returns where it dies.
_CARCASS_SHARE: Final = 0.5
_DISEASE_THRESHOLD: Final = 0.5
#: Nutrients of a seedling over those of a full-grown plant, paid by its parent.
_SEEDLING_CONTENT: Final = SEEDLING_GROWTH + 0.5 * SEEDLING_STORE
_SPREAD_GROWTH: Final = 0.4
_SPREAD_STORE: Final = 0.15
_SPREAD_VITALITY: Final = 0.3
#: Pollen at which seed set is complete.
_FULL_POLLEN: Final = 3.0
_FRUITING_FACTOR: Final = 2.0
_LEAST_POPULATION: Final = 0.02


def die(sim: Simulation, rows: IntArray) -> None:
    """Take mobile rows out and leave their bodies to the soil."""
    table, species, soil = sim.table, sim.species, sim.soil
    body = species.body[table.mobile_species]
    alive = table.alive[: table.n_mobile]
    whole = float(body[alive].sum())
    if whole > 0 and sim.pool > 0:
        remains = body[rows] * (_CARCASS_SHARE * sim.pool / whole)
        soil.add_to(soil.litter, soil.column(table.x[rows], table.z[rows]), remains)
        sim.pool -= float(remains.sum())
    table.kill(rows, np.where(rows < table.n_vertebrate, DYING, DEAD))


def animal_deaths(sim: Simulation, dt: float) -> None:
    """End the lives of mobile rows that starved, aged out or fell ill in a crowd."""
    table, species = sim.table, sim.species
    n = table.n_mobile
    if not n:
        return
    alive = table.alive[:n]
    starved = alive & (table.vitality[:n] <= 0)
    old = alive & ~starved & (table.age[:n] > table.life[:n])
    excess = np.maximum(0.0, sim.crowding(slice(0, n)) - _DISEASE_THRESHOLD)
    hazard = sim.config.lifecycle.disease_rate * excess**2
    ill = sim.streams.life.uniform(size=n) < -np.expm1(-hazard * dt)
    ill &= alive & ~starved & ~old
    rows = indices(starved)
    if rows.size:
        code = table.mobile_species[rows]
        thirst = table.hydration[rows] < 0.03
        cause = _cause_of(
            (thirst, "thirst"),
            (sim.temperature < species.low[code], "cold"),
            (sim.temperature > species.high[code], "heat"),
            default="starvation",
        )
        sim.emit("DEATH_STARVE", rows, cause=(cause, CAUSES))
    natural = indices(old | ill)
    if natural.size:
        cause = _cause_of((ill[natural], "disease"), default="age")
        sim.emit("DEATH_NATURAL", natural, cause=(cause, CAUSES))
    dead = indices(starved | old | ill)
    if dead.size:
        die(sim, dead)


def _cause_of(*cases: tuple[BoolArray, str], default: str) -> IntArray:
    """Return the code of the first case that holds for each row."""
    code = np.full(cases[0][0].size, CAUSES.index(default))
    for holds, cause in reversed(cases):
        code[holds] = CAUSES.index(cause)
    return code


def plant_deaths(sim: Simulation, dt: float) -> None:
    """End the lives of plants without vitality and of old ones; all they hold becomes litter."""
    table, species, soil = sim.table, sim.species, sim.soil
    rows = slice(table.n_mobile, table.n_plant_end)
    starved = table.vitality[rows] <= 0
    old = ~starved & (table.age[rows] > table.life[rows])
    if not (starved.any() or old.any()):
        return
    low, high = species.low[table.plant_species], species.high[table.plant_species]
    cause = _cause_of(
        (table.hydration[rows] < 0.12, "drought"),
        (sim.temperature < low, "cold"),
        (sim.temperature > high, "heat"),
        default="nutrients",
    )
    weak = indices(starved)
    if weak.size:
        sim.emit("DEATH_STARVE", weak + rows.start, cause=(cause[weak], CAUSES))
    natural = indices(old)
    if natural.size:
        age = np.full(natural.size, CAUSES.index("age"))
        sim.emit("DEATH_NATURAL", natural + rows.start, cause=(age, CAUSES))
    dead = indices(starved | old)
    content = table.growth[rows][dead] + 0.5 * table.store[rows][dead]
    content *= species.nutrients[table.plant_species[dead]]
    soil.add_to(soil.litter, sim.plant_column[dead], content)
    table.kill(dead + rows.start, np.full(dead.size, DEAD))


def microbe_deaths(sim: Simulation, dt: float) -> None:
    """Remove microorganisms whose population has dwindled; they hold no nutrients."""
    table = sim.table
    rows = slice(table.n_plant_end, table.n_living)
    dead = indices(table.population[rows] < _LEAST_POPULATION) + rows.start
    if dead.size:
        cause = np.full(dead.size, CAUSES.index("starvation"))
        sim.emit("DEATH_STARVE", dead, cause=(cause, CAUSES))
        table.kill(dead, table.state[dead])


def spread_plants(sim: Simulation, dt: float) -> None:
    """Let plants send out seeds and runners; the parent pays the seedling's nutrients."""
    table, species, soil, config = sim.table, sim.species, sim.soil, sim.config
    rows = slice(table.n_mobile, table.n_plant_end)
    if rows.start == rows.stop:
        return
    random = sim.streams.plants
    code = table.plant_species
    growth, state = table.growth[rows], table.state[rows]
    rate = config.plants.spread_rate * sim.rates.growth * dt
    factor = np.where(species.tree, config.plants.tree_spread, 1.0)[code]
    visits = np.minimum(table.pollen[rows], _FULL_POLLEN) / _FULL_POLLEN
    seeds = np.where(species.floral[code], config.pollination.selfing + visits, 1.0)
    hazard = rate * growth * np.maximum(0.0, table.vitality[rows] - _SPREAD_VITALITY)
    hazard *= factor * seeds * np.where(state == FRUITING, _FRUITING_FACTOR, 1.0)
    able = table.alive[rows] & (table.store[rows] > _SPREAD_STORE) & (growth > _SPREAD_GROWTH)
    able &= (state != DORMANT) & (state != WILTING)
    tries = indices((random.uniform(size=growth.size) < -np.expm1(-hazard)) & able)
    if not tries.size:
        return
    pollen = table.pollen[rows]
    pollen[tries] = np.maximum(0.0, pollen[tries] - 1.0)
    places, chance = _land(sim, tries + rows.start, code[tries])
    column = soil.column(places[0], places[2])
    wetness = soil.surface(soil.moisture)[column]
    odds = np.exp(-sim.cover[column] / config.plants.cover_half) * wetness / (wetness + 0.25)
    odds *= 1 - 0.5 * sim.shade[column] * (1 - species.shade_tolerance[code[tries]])
    takes = chance < odds
    takes &= np.cumsum(takes) <= sim.room
    parents = tries[takes]
    if parents.size:
        growth[parents] -= _SEEDLING_CONTENT
        table.add(
            newborn_rows(
                config, species, code[parents], places[:, takes], sim.streams.life, time=sim.time
            )
        )
        sim.emit("REPRODUCTION", parents + rows.start)


def spread_spores(sim: Simulation, dt: float) -> None:
    """Let blooming microorganisms found new places; the parent pays their population."""
    table, species, soil, config = sim.table, sim.species, sim.soil, sim.config
    rows = slice(table.n_plant_end, table.n_living)
    if rows.start == rows.stop:
        return
    random = sim.streams.plants
    population = table.population[rows]
    able = table.alive[rows] & (table.state[rows] == BLOOMING) & (population > SPORE_POPULATION)
    attempt = -math.expm1(-config.decomposition.spore_rate * dt)
    tries = indices((random.uniform(size=population.size) < attempt) & able)
    if not tries.size:
        return
    code = table.species[rows][tries]
    places, chance = _land(sim, tries + rows.start, code)
    column = soil.column(places[0], places[2])
    crowd = np.bincount(sim.microbe_column, weights=population, minlength=soil.n_columns)
    matter = soil.surface(soil.organic)[column]
    takes = chance < np.exp(-3 * crowd[column]) * matter / (matter + 0.3)
    takes &= np.cumsum(takes) <= sim.room
    parents = tries[takes]
    if parents.size:
        population[parents] -= SPORE_POPULATION
        table.add(
            newborn_rows(
                config, species, code[takes], places[:, takes], sim.streams.life, time=sim.time
            )
        )
        sim.emit("REPRODUCTION", parents + rows.start)


def _land(sim: Simulation, rows: IntArray, code: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return where seeds or spores land (kept within the world) and a uniform number for each.

    Places have the shape (3, n): x, the parent's y, z.
    """
    table, random = sim.table, sim.streams.plants
    share, turn, chance = random.uniform(size=(3, rows.size))
    distance = sim.species.spread_range[code] * (0.3 + 0.9 * share)
    far_x, far_z = sim.far_corner[:, 0].tolist()
    x = table.x[rows] + distance * np.cos(2 * math.pi * turn)
    z = table.z[rows] + distance * np.sin(2 * math.pi * turn)
    return np.stack((np.clip(x, 0.0, far_x), table.y[rows], np.clip(z, 0.0, far_z))), chance


def flush(sim: Simulation, dt: float) -> None:
    """Drop dead rows and sort in newborn ones."""
    sim.flush()
