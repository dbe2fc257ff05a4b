"""Microorganisms: they turn organic matter into the slow pool and live on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ecosim.engine.arrays import indices
from ecosim.engine.phases.codes import DORMANT

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

#: Organic matter an entity has processed for each DECOMPOSITION event, cells.
_EVENT_AMOUNT: Final = 0.01
#: Population of one place at which it stops growing.
_FULL_PLACE: Final = 1.5


def decomposers(sim: Simulation, dt: float) -> None:
    """Advance all microorganisms by ``dt`` seconds."""
    table, species, soil = sim.table, sim.species, sim.soil
    rows = slice(table.n_plant_end, table.n_living)
    if rows.start == rows.stop:
        return
    config = sim.config.decomposition
    code, column = table.species[rows], sim.microbe_column
    population, activity = table.population[rows], table.activity[rows]
    dormant = table.state[rows] == DORMANT
    degrees = sim.temperature
    low, high = species.low, species.high
    thermal = 4 * (degrees - low) * (high - degrees) / np.maximum(high - low, 1e-9) ** 2
    warmth = np.clip(thermal, 0.0, 1.0)[code]

    squared = soil.surface(soil.moisture).take(column) ** 2
    goal = squared / (squared + 0.09) * warmth * (1 - 0.7 * dormant)
    activity += min(0.2 * dt, 1.0) * (goal - activity)

    # Holling's type II response; a place gives at most half of its organic matter.
    matter = soil.surface(soil.organic)
    content = matter.take(column)
    use = config.rate * sim.biome.decomposition * dt / sim.cell_area * population * activity
    use *= content / (content + config.half_saturation)
    wanted = np.bincount(column, weights=use, minlength=soil.n_columns)
    granted = np.minimum(wanted, 0.5 * matter)
    share = np.divide(granted, wanted, out=np.ones_like(wanted), where=wanted > 0)
    use *= share.take(column)
    soil.organic[:, 0, :] -= soil.as_map(granted)
    soil.touch("organic_matter", 0, 1)
    soil.decomposed += granted

    amount = use * sim.cell_area
    crowd = np.bincount(column, weights=population, minlength=soil.n_columns).take(column)
    population += config.growth_yield * amount * (1 - np.minimum(1.0, crowd / _FULL_PLACE))
    loss = config.mortality * dt * (1 - 0.85 * dormant) * (0.5 + 0.5 * population)
    population -= population * np.minimum(loss, 1.0)
    np.minimum(population, 1.0, out=population)

    processed = table.progress[rows]
    processed += amount
    done = indices(processed >= _EVENT_AMOUNT)
    if done.size:
        processed[done] %= _EVENT_AMOUNT
        sim.emit("DECOMPOSITION", done + rows.start)
