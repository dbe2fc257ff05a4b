"""The phases of a tick, in the order in which they run.

A phase is a function ``phase(simulation, dt)``; ``dt`` is the model time in s since it last ran.
Slow processes take turns, so that no tick carries all of them. Periods are in ticks, whatever the
length of a tick is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ecosim.engine.phases.climate import light_and_temperature, rain, start_storms
from ecosim.engine.phases.decomposers import decomposers
from ecosim.engine.phases.foraging import drink, interact
from ecosim.engine.phases.guards import microbe_guards, mobile_guards, plant_guards
from ecosim.engine.phases.lifecycle import (
    animal_deaths,
    flush,
    microbe_deaths,
    plant_deaths,
    spread_plants,
    spread_spores,
)
from ecosim.engine.phases.metabolism import metabolism
from ecosim.engine.phases.movement import steer, think
from ecosim.engine.phases.plants import plants, shade
from ecosim.engine.phases.reproduction import divide_colonies
from ecosim.engine.phases.soil import diffusion, subsoil, topsoil
from ecosim.engine.phases.water import surface_water

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

__all__ = ["SCHEDULE", "Phase"]


@dataclass(frozen=True, slots=True)
class Phase:
    """A process and the ticks on which it is due: ``tick % period == offset``."""

    run: Callable[[Simulation, float], None]
    period: int = 1
    offset: int = 0


SCHEDULE: Final[tuple[Phase, ...]] = (
    # flow
    Phase(light_and_temperature),
    Phase(plants, 5, 1),
    Phase(metabolism, 5, 2),
    Phase(decomposers, 5, 4),
    # movement
    Phase(think),
    Phase(steer),
    # interactions
    Phase(interact),
    Phase(drink, 2, 0),
    Phase(divide_colonies, 5, 2),
    # guards
    Phase(mobile_guards, 2, 1),
    Phase(plant_guards, 5, 2),
    Phase(microbe_guards, 5, 2),
    # soil
    Phase(topsoil, 5, 3),
    Phase(diffusion, 5, 4),
    Phase(subsoil, 50, 23),
    # water
    Phase(rain),
    Phase(start_storms, 10, 0),
    Phase(surface_water, 5, 2),
    # lifecycle
    Phase(animal_deaths, 5, 0),
    Phase(plant_deaths, 5, 0),
    Phase(microbe_deaths, 5, 0),
    Phase(spread_plants, 5, 0),
    Phase(spread_spores, 5, 0),
    Phase(flush, 5, 0),
    Phase(shade, 250, 0),
)
