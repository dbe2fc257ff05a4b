"""Light, temperature and storms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

_STORM_LENGTH: Final = (3.0, 10.0)
_STORM_INTENSITY: Final = (0.2, 0.8)


def light_and_temperature(sim: Simulation, dt: float) -> None:
    """Set the present light, air temperature and rainfall from the time of day and of the year."""
    config, climate, biome = sim.config.climate, sim.climate, sim.biome
    sun = math.sin(2 * math.pi * sim.time / config.day_length)
    season = config.season_strength * math.sin(2 * math.pi * sim.time / config.season_length)
    sim.light = climate.light_level * max(0.0, 0.35 + 0.65 * sun)
    sim.temperature = (
        climate.temperature
        + 0.5 * config.diurnal_amplitude * sun
        + 0.5 * biome.season_amplitude * season
        - (config.rain_cooling if sim.is_raining else 0.0)
    )
    rainfall = climate.rainfall * (1 - biome.summer_drought * season)
    sim.rainfall = min(max(rainfall, 0.0), 1.0)


def rain(sim: Simulation, dt: float) -> None:
    """Begin a storm that was asked for; gather the rain of this tick.

    The surface takes it up with the next water step.
    """
    if sim.rain_asked is not None:
        begin_storm(sim, sim.rain_asked, sim.config.water.rain_duration)
        sim.rain_asked = None
    intensity = sim.storm_intensity if sim.is_raining else 0.0
    sim.rain_depth += (intensity + sim.config.water.drizzle * sim.rainfall) * dt


def start_storms(sim: Simulation, dt: float) -> None:
    """Draw whether a storm starts; none does while one is under way."""
    random = sim.streams.weather
    hazard = sim.config.water.storm_rate * sim.rainfall
    starts, length, intensity = random.uniform(size=3).tolist()
    if sim.is_raining or starts >= -math.expm1(-hazard * dt):
        return
    low, high = _STORM_INTENSITY
    begin_storm(
        sim,
        low + (high - low) * intensity,
        _STORM_LENGTH[0] + (_STORM_LENGTH[1] - _STORM_LENGTH[0]) * length,
    )


def begin_storm(sim: Simulation, intensity: float, duration: float) -> None:
    """Let it rain from now on, in place of any storm under way."""
    sim.storm_intensity = intensity
    sim.storm_until = sim.time + duration
    sim.event_table.add_event("RAIN", {"intensity": intensity})
