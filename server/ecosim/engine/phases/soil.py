"""The two-pool soil: mineralization, dissolution, leaching, deposition, excretion, diffusion."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from ecosim.engine.arrays import indices

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

#: Moisture below which nothing leaches.
_LEACHING_THRESHOLD: Final = 0.35
#: Share of what consumers hold that they excrete, 1/s.
_EXCRETION_RATE: Final = 0.02
_DIFFUSION_DEPTH: Final = 4
#: Largest value of the moisture response 1.2 m (1.7 - m), at m = 0.85.
_LARGEST_RESPONSE: Final = 0.867


def topsoil(sim: Simulation, dt: float) -> None:
    """Advance the upper cells, after what came in since the last step was put there."""
    soil = sim.soil
    _excrete(sim, dt)
    soil.deposit()
    gain = sim.config.soil.deposition * dt
    soil.slow[:, 0, :] += gain
    soil.touch("nutrients_slow", 0, 1)
    soil.deposited += gain * soil.n_columns
    _transform(sim, 0, soil.depth_top, dt)
    soil.spill(0, soil.depth_top)


def subsoil(sim: Simulation, dt: float) -> None:
    """Advance the cells below."""
    depth = sim.soil.dimensions[1]
    if depth > sim.soil.depth_top:
        _transform(sim, sim.soil.depth_top, depth, dt)
        sim.soil.spill(sim.soil.depth_top, depth)


def _excrete(sim: Simulation, dt: float) -> None:
    table, soil = sim.table, sim.soil
    rows = indices(table.alive[: table.n_mobile])
    if not rows.size or sim.pool <= 0:
        return
    weight = sim.species.body[table.mobile_species[rows]] ** 0.75
    amount = weight * (0.5 * sim.pool * -math.expm1(-_EXCRETION_RATE * dt) / weight.sum())
    column = soil.column(table.x[rows], table.z[rows])
    waste = np.bincount(column, weights=amount, minlength=soil.n_columns)
    soil.excreta += waste
    soil.litter += waste
    sim.pool -= 2 * float(amount.sum())


def _transform(sim: Simulation, start: int, stop: int, dt: float) -> None:
    """Move nutrients between pools and downward in the depths from start up to stop."""
    soil, config, rates = sim.soil, sim.config.soil, sim.rates
    depths = slice(start, stop)
    fast, slow, organic = soil.fast[:, depths], soil.slow[:, depths], soil.organic[:, depths]
    wet = soil.moisture[:, depths]
    # First-order kinetics with a Q10 and a response to moisture that peaks at 0.85.
    q10 = config.q10 ** ((soil.profile_temperature[depths] - 15) / 10)
    scale = 1.2 * sim.biome.decomposition * dt * q10
    pace = (1.7 - wet) * wet
    pace *= scale[None, :, None]
    most = float(scale.max()) * _LARGEST_RESPONSE / 1.2

    moved = _fraction(pace, config.mineralization * rates.mineralization, most) * organic
    organic -= moved
    slow += moved
    moved = _fraction(pace, config.dissolution * rates.dissolution, most) * slow
    slow -= moved
    fast += moved

    leaching = config.leaching * rates.nutrient_leaching * dt
    wet_excess = np.maximum(wet - _LEACHING_THRESHOLD, 0.0)
    moved = _fraction(wet_excess, leaching, 1 - _LEACHING_THRESHOLD) * fast
    fast -= moved
    fast[:, 1:] += moved[:, :-1]
    for layer in ("nutrients_fast", "nutrients_slow", "organic_matter"):
        soil.touch(layer, start, stop)
    if stop < soil.dimensions[1]:
        soil.fast[:, stop] += moved[:, -1]
        soil.touch("nutrients_fast", stop, stop + 1)
    else:
        soil.leached += float(moved[:, -1].sum())


def _fraction(
    pace: np.ndarray[tuple[int, ...], np.dtype[np.float64]], rate: float, most: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return pace x rate, limited to 1 where it could be more."""
    share = pace * rate
    return np.minimum(share, 1.0, out=share) if rate * most > 1 else share


def diffusion(sim: Simulation, dt: float) -> None:
    """Exchange fast nutrients between neighbours; what one cell loses the other gains."""
    fast = sim.soil.fast[:, :_DIFFUSION_DEPTH]
    share = min(sim.config.soil.diffusion * dt, 0.25)
    across = (fast[1:] - fast[:-1]) * share
    along = (fast[:, :, 1:] - fast[:, :, :-1]) * share
    fast[:-1] += across
    fast[1:] -= across
    fast[:, :, :-1] += along
    fast[:, :, 1:] -= along
    sim.soil.touch("nutrients_fast", 0, _DIFFUSION_DEPTH)
