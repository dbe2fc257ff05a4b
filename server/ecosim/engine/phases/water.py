"""Soil moisture, surface temperature and the level of ponds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

#: Water that plants take from the surface, 1/s per cover.
_PLANT_DRAW: Final = 0.004
#: Share of the gap to the air that the surface temperature closes per s, and that of the layers
#: below to the one above.
_SURFACE_EXCHANGE: Final = 0.7
_DEPTH_EXCHANGE: Final = 0.04
#: Effect of the rain on the level of a pond over that on moisture.
_POND_GAIN: Final = 1.0


def surface_water(sim: Simulation, dt: float) -> None:
    """Evaporate, rain, drain and warm the upper cells; refill the ponds."""
    soil, config, climate = sim.soil, sim.config.water, sim.climate
    degrees = sim.temperature
    # After Dalton and Penman: warmth, wind and dry air draw; what is dry gives less.
    dryness = (1 + 0.05 * max(-15.0, degrees - 15)) * (1.25 - climate.humidity)
    draw = config.evaporation * sim.biome.evaporation * (0.3 + sim.light) * dryness
    draw *= 1 + 0.05 * climate.wind_speed
    rained = config.rain_gain * sim.rain_depth
    sim.rain_depth = 0.0

    wet = soil.moisture[:, : soil.depth_top]
    lost = np.minimum((draw + _PLANT_DRAW * sim.cover) * dt, 1.0)
    wet[:, 0, :] *= 1 - soil.as_map(lost)
    wet[:, 0, :] += rained
    excess = np.maximum(wet - config.field_capacity, 0.0)
    excess *= min(config.percolation * dt, 1.0)
    wet -= excess
    wet[:, 1:] += excess[:, :-1]
    exchange = (wet[:, :-1] - wet[:, 1:]) * min(config.capillary * dt, 0.25)
    wet[:, :-1] -= exchange
    wet[:, 1:] += exchange
    ground = 0.25 + 0.5 * climate.rainfall
    wet[:, -1] += (ground - wet[:, -1]) * min(config.capillary * dt, 1.0)
    np.minimum(wet, 1.0, out=wet)

    profile = soil.profile_temperature
    profile[0] += (degrees - profile[0]) * min(_SURFACE_EXCHANGE * dt, 1.0)
    upper = profile[: soil.depth_top]
    upper[1:] += (upper[:-1] - upper[1:]) * min(_DEPTH_EXCHANGE * dt, 1.0)
    soil.show_temperature(soil.depth_top)

    level = sim.sources.level
    refill = config.source_refill * sim.rates.water_replenishment * climate.rainfall
    level += dt * refill * (1 - level)
    level += _POND_GAIN * rained
    level -= dt * config.source_evaporation * sim.biome.evaporation * level * max(0.0, degrees) / 20
    np.clip(level, 0.0, 1.0, out=level)
