"""New rows of the entity table: the founders of a world and those born in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ecosim.engine.arrays import BoolArray, FloatArray, IntArray
from ecosim.engine.config import SimConfig
from ecosim.engine.species import STATE_CODE, SpeciesTable
from ecosim.engine.state import COLUMN, COLUMNS, PUBLIC_COLUMN, Newborns
from ecosim.engine.world_models import Entity

SEEDLING_GROWTH: Final = 0.08
SEEDLING_STORE: Final = 0.14
SPORE_POPULATION: Final = 0.15
FOUNDER_STORE: Final = 0.4
FOUNDER_POPULATION: Final = 0.4
FOUNDER_COLONY_HEALTH: Final = 0.8


def founder_rows(
    config: SimConfig,
    species: SpeciesTable,
    entities: Sequence[Entity],
    random: np.random.Generator,
) -> Newborns:
    """Return the entities a world starts with as rows, in their order.

    What an entity does not state is drawn; sexes alternate within a species.
    """
    codes = np.array([species.code_of[one.species, one.type] for one in entities], dtype=np.int16)
    places = np.array([one.position for one in entities], dtype=np.float64).reshape(-1, 3).T
    rows = newborn_rows(config, species, codes, places, random)
    count = codes.size
    data = rows.data
    drive, age, growth = random.uniform(size=(3, count))
    # Adding to NaN keeps it where a class lacks the variable.
    data[COLUMN["drive"]] += 0.8 * drive
    data[COLUMN["age"]] += 0.5 * age * data[COLUMN["life"]]
    data[COLUMN["growth"]] += 0.35 + 0.5 * growth - SEEDLING_GROWTH
    data[COLUMN["store"]] += FOUNDER_STORE - SEEDLING_STORE
    data[COLUMN["population"]] += FOUNDER_POPULATION - SPORE_POPULATION
    data[COLUMN["vitality"]][species.is_insect[codes]] = FOUNDER_COLONY_HEALTH
    rows.ids = [one.id for one in entities]
    seen: dict[int, int] = {}
    for row, (one, code) in enumerate(zip(entities, codes.tolist(), strict=True)):
        rank = seen[code] = seen.get(code, -1) + 1
        rows.sex[row] = rank % 2 if one.sex is None else ("female", "male").index(one.sex)
        if one.state is not None:
            rows.state[row] = STATE_CODE[one.state]
        for name, value in one.state_vars.items():
            data[COLUMN[PUBLIC_COLUMN[name]], row] = value
    return rows


def newborn_rows(
    config: SimConfig,
    species: SpeciesTable,
    codes: IntArray,
    places: FloatArray,
    random: np.random.Generator,
    *,
    stress: FloatArray | None = None,
    time: float = 0.0,
) -> Newborns:
    """Return rows for entities that are born.

    Parameters
    ----------
    config, species : SimConfig, SpeciesTable
    codes : ndarray of shape (n,)
        Their species.
    places : ndarray of shape (3, n), u
        x, y and z; x and z are also their homes.
    random : numpy Generator
        Draws start values, lifespans and sexes.
    stress : ndarray of shape (n,), 0..1, optional
        Inherited stress.
    time : float, s
        Model time of the birth.
    """
    count = codes.size
    inherited = np.zeros(count) if stress is None else stress
    data = np.full((len(COLUMNS), count), np.nan)

    def put(name: str, values: FloatArray | float, where: BoolArray | None = None) -> None:
        data[COLUMN[name]] = values if where is None else np.where(where, values, np.nan)

    insect, rooted = species.is_insect[codes], species.is_rooted[codes]
    microbe, vertebrate = species.is_microbe[codes], species.is_vertebrate[codes]
    mobile = vertebrate | insect
    hunger, energy, water = random.uniform(size=(3, count))
    x, y, z = places
    for name, values in (("x", x), ("y", y), ("z", z), ("home_x", x), ("home_z", z)):
        put(name, values)
    for name in ("vx", "vz", "stress", "cool", "progress", "pollen"):
        put(name, 0.0)
    data[COLUMN["stress"]] = inherited
    put("since", time)
    put("threat_distance", np.inf)
    put("hunger", 0.15 + 0.25 * hunger, mobile)
    put("energy", 0.6 + 0.3 * energy - 0.3 * inherited, mobile)
    put("drive", 0.0, mobile)
    thirsty = np.where(vertebrate, 0.7 + 0.3 * water, 0.6 + 0.2 * water)
    put("hydration", thirsty, vertebrate | rooted)
    sound = np.where(vertebrate, 1 - 0.4 * inherited, 0.6 - 0.3 * inherited)
    put("vitality", np.where(rooted, 1.0, sound), mobile | rooted)
    put("age", 0.0, mobile | rooted)
    put("growth", SEEDLING_GROWTH, rooted)
    put("store", SEEDLING_STORE, rooted)
    put("population", SPORE_POPULATION, microbe)
    put("activity", 0.5, microbe)
    # A lifespan drawn once spares a lottery at every tick.
    span = config.lifecycle.lifespan_factor * (0.7 + 0.6 * random.beta(4, 4, count))
    put("life", species.generation[codes] * span, mobile | rooted)
    return Newborns(
        data=data,
        species=codes.astype(np.int16),
        state=species.default_state[codes].astype(np.int8),
        sex=random.integers(0, 2, count).astype(np.int8),
    )
