"""Growth, uptake, water and shedding of trees and plants, and the cover and shade they make."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from ecosim.engine.arrays import clamp_unit, indices
from ecosim.engine.phases.codes import DORMANT, FRUITING, WILTING

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

#: Growth that litter and grazing leave standing.
RESIDUAL_GROWTH: Final = 0.02
#: Cover at which plants close the canopy of a place.
_CLOSED_COVER: Final = 1.6
_AGEING_WHILE_DORMANT: Final = 0.3
#: Hydration at which a plant works at half its pace. (cal)
_HALF_WATERED: Final = 0.2
#: Acidity at which nutrients are most available, and the distance that costs 63 % of them.
_BEST_PH: Final = 6.5
_PH_WIDTH: Final = 2.0


def plants(sim: Simulation, dt: float) -> None:
    """Advance all trees and plants by ``dt`` seconds."""
    table, species, soil = sim.table, sim.species, sim.soil
    config = sim.config.plants
    rows = slice(table.n_mobile, table.n_plant_end)
    if rows.start == rows.stop:
        sim.cover[:] = 0.0
        return
    code, column = table.plant_species, sim.plant_column
    growth, store = table.growth[rows], table.store[rows]
    water, vitality = table.hydration[rows], table.vitality[rows]
    state = table.state[rows]
    degrees = sim.temperature

    low, high = species.low, species.high
    tree = species.tree
    tolerance = species.shade_tolerance
    # A plant's response to temperature is a parabola between its limits.
    thermal = 4 * (degrees - low) * (high - degrees) / np.maximum(high - low, 1e-9) ** 2
    outside = np.maximum(0.0, low - degrees) + np.maximum(0.0, degrees - high)
    dry_air = (1 + 0.05 * max(0.0, degrees - 15)) * (1.3 - sim.climate.humidity)
    acidity = math.exp(-(((sim.world.environment.soil.ph - _BEST_PH) / _PH_WIDTH) ** 2))
    growth_rate = config.growth_rate * sim.rates.growth * sim.biome.growth * dt
    by_species = np.stack(
        (
            np.clip(thermal, 0.0, 1.0),
            outside,
            np.where(tree, 0.0, 1 - 0.5 * tolerance),
            config.light_half * (1 - 0.6 * tolerance),
            config.transpiration * dry_air * (1 - 0.7 * species.drought_tolerance) * dt,
            species.nutrients,
            growth_rate * np.where(tree, config.tree_growth, 1.0),
            config.litter_rate
            * dt
            * np.where(tree, config.tree_litter, 1.0)
            * (1 + 0.5 * (degrees < low)),
            species.root_persistence,
            1.2 - species.drought_tolerance,
        )
    )
    (
        warmth,
        outside,
        shaded,
        half_light,
        transpiration,
        nutrients,
        growth_rate,
        litter_rate,
        persistence,
        fragility,
    ) = by_species.take(code, axis=1)

    dormant = state == DORMANT
    active = 1 - 0.9 * dormant
    light = sim.light * (1 - sim.shade.take(column) * shaded)
    # Monod (1949), for light.
    lit = light / (light + half_light)

    depth = min(config.root_depth, soil.dimensions[1])
    wetness = soil.moisture[:, :depth].sum(axis=1).reshape(-1).take(column) / depth
    water += config.water_uptake * dt * (1 - 0.5 * dormant) * wetness * (1 - water)
    water -= transpiration * (0.2 + lit) * water * active
    clamp_unit(water)
    squared = water * water
    watered = squared / (squared + _HALF_WATERED**2)

    # Uptake is Michaelis-Menten; a column gives at most half of what its root zone holds.
    available = soil.fast[:, :depth].sum(axis=1).reshape(-1)
    content = available.take(column) / depth
    demand = (config.uptake_rate * acidity * dt) * content / (content + config.uptake_half)
    demand *= (1 - store) * (0.15 + growth) * watered * warmth * active
    np.minimum(demand, 1 - store, out=demand)
    wanted = np.bincount(column, weights=0.5 * nutrients * demand, minlength=soil.n_columns)
    limit = 0.5 * available
    granted = np.minimum(wanted, limit)
    share = np.divide(granted, wanted, out=np.ones_like(wanted), where=wanted > 0)
    store += demand * share.take(column)
    kept = 1 - np.divide(granted, available, out=np.zeros_like(wanted), where=available > 0)
    soil.fast[:, :depth] *= soil.as_map(kept)[:, None, :]
    soil.touch("nutrients_fast", 0, depth)

    own = slice(0, table.n_tree_end - table.n_mobile)
    crowd = sim.cover.take(column) / _CLOSED_COVER
    crowd[own] = 0.0
    room = np.maximum(0.0, 1 - np.maximum(growth, crowd))
    step = growth_rate * lit * watered * (store / (store + 0.2)) * warmth
    step *= (growth + 0.02) * room * active * (0.4 + 0.6 * vitality)
    np.minimum(step, 0.5 * store, out=step)
    np.minimum(step, np.maximum(0.0, 1 - growth), out=step)
    growth += step
    store -= 2 * step
    np.maximum(store, 0.0, out=store)

    wilting = state == WILTING
    litter = litter_rate * growth * (1 + 1.5 * wilting)
    np.minimum(litter, np.maximum(0.0, growth - RESIDUAL_GROWTH), out=litter)
    growth -= litter
    soil.add_to(soil.litter, column, litter * nutrients)

    harm = (water < 0.12) + 0.06 * outside + 0.4 * ((store < 0.03) & (growth < 0.1))
    vitality -= (config.stress_damage * dt) * harm * (1 - persistence * dormant) * fragility
    vitality += (0.01 * dt) * watered * (harm == 0)
    clamp_unit(vitality)

    table.age[rows] += dt * (1 - (1 - _AGEING_WHILE_DORMANT) * dormant)
    ripeness = table.progress[rows]
    ripens = watered * ((growth > 0.4) & (store > 0.15))
    ripeness += (0.02 * dt) * np.where(state == FRUITING, -1.0, ripens)
    clamp_unit(ripeness)

    sim.measure_cover()


def shade(sim: Simulation, dt: float) -> None:
    """Redraw the map of the light that canopies take; overlapping ones multiply."""
    table, soil = sim.table, sim.soil
    rows = slice(table.n_mobile, table.n_tree_end)
    count = rows.stop - rows.start
    nx, _, nz = soil.dimensions
    passed = np.zeros(soil.n_columns)
    if count:
        growth = table.growth[rows]
        radius = sim.species.canopy_radius[table.plant_species[:count]] * np.sqrt(growth)
        taken = np.log1p(-np.minimum(sim.config.plants.canopy_shade * growth, 0.999))
        x, z = table.x[rows] / soil.cell_size, table.z[rows] / soil.cell_size
        cells = radius / soil.cell_size
        reach = min(math.ceil(float(cells.max())), max(nx, nz))
        ix, iz = sim.plant_column[:count] // nz, sim.plant_column[:count] % nz
        for dx in range(-reach, reach + 1):
            for dz in range(-reach, reach + 1):
                cx, cz = ix + dx, iz + dz
                inside = (cx >= 0) & (cx < nx) & (cz >= 0) & (cz < nz)
                near = np.hypot(cx + 0.5 - x, cz + 0.5 - z) <= cells
                hit = indices(inside & near)
                soil.add_to(passed, cx[hit] * nz + cz[hit], taken[hit])
    sim.shade = -np.expm1(passed)
