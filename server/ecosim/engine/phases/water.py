"""Soil moisture, surface temperature and the level of ponds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

#: Share of what a full cover transpires that leaves the root zone. (cal)
_ROOT_DRAW: Final = 0.3
#: Rate at which a full pond wets the root zone of its banks, 1/s.
_SEEPAGE: Final = 0.02
#: Share of the gap to the air that the surface temperature closes per s, and that of the layers
#: below to the one above.
_SURFACE_EXCHANGE: Final = 0.7
_DEPTH_EXCHANGE: Final = 0.04
#: Effect of the rain on the level of a pond over that on moisture: a pond is deep. (cal)
_POND_GAIN: Final = 0.05
#: Share of the inflow at full rain that springs keep up without any. (cal)
_SPRINGS: Final = 0.2


def surface_water(sim: Simulation, dt: float) -> None:
    """Evaporate, rain, drain and warm the upper cells; refill the ponds."""
    soil, config, climate = sim.soil, sim.config.water, sim.climate
    degrees = sim.temperature
    # After Dalton and Penman: warmth, wind and dry air draw; what is dry gives less.
    dryness = (1 + 0.05 * max(-15.0, degrees - 15)) * (1.25 - climate.humidity)
    demand = (0.3 + sim.light) * dryness
    draw = config.evaporation * sim.biome.evaporation * demand * (1 + 0.05 * climate.wind_speed)
    rained = config.rain_gain * sim.rain_depth
    sim.rain_depth = 0.0

    wet = soil.moisture[:, : soil.depth_top]
    wet[:, 0, :] *= 1 - min(draw * dt, 1.0)
    wet[:, 0, :] += rained
    roots = wet[:, : sim.config.plants.root_depth]
    transpired = _ROOT_DRAW * sim.config.plants.transpiration * demand * dt * sim.cover
    roots *= 1 - soil.as_map(np.minimum(transpired, 1.0))[:, None, :]
    if sim.sources.level.size:
        seeping = np.minimum(_SEEPAGE * dt * sim.sources.at_banks(), 1.0)
        lacking = np.maximum(config.field_capacity - roots, 0.0)
        roots += lacking * soil.as_map(seeping)[:, None, :]
    excess = np.maximum(wet - config.field_capacity, 0.0)
    excess *= min(config.percolation * dt, 1.0)
    wet -= excess
    wet[:, 1:] += excess[:, :-1]
    exchange = (wet[:, :-1] - wet[:, 1:]) * min(config.capillary * dt, 0.25)
    wet[:, :-1] -= exchange
    wet[:, 1:] += exchange
    ground = 0.25 + 0.5 * sim.rainfall
    wet[:, -1] += (ground - wet[:, -1]) * min(config.capillary * dt, 1.0)
    np.minimum(wet, 1.0, out=wet)
    soil.touch("moisture", 0, soil.depth_top)

    profile = soil.profile_temperature
    profile[0] += (degrees - profile[0]) * min(_SURFACE_EXCHANGE * dt, 1.0)
    upper = profile[: soil.depth_top]
    upper[1:] += (upper[:-1] - upper[1:]) * min(_DEPTH_EXCHANGE * dt, 1.0)
    soil.show_temperature(soil.depth_top)

    level = sim.sources.level
    inflow = _SPRINGS + (1 - _SPRINGS) * sim.rainfall
    refill = config.source_refill * sim.rates.water_replenishment * inflow
    level += dt * refill * (1 - level)
    level += _POND_GAIN * rained
    level -= dt * config.source_evaporation * sim.biome.evaporation * level * max(0.0, degrees) / 20
    np.clip(level, 0.0, 1.0, out=level)
