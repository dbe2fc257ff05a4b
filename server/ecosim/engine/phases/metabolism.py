"""Hunger, thirst, energy, health, stress and drive of the mobile classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ecosim.engine.arrays import clamp_unit
from ecosim.engine.phases.codes import DORMANT, RESTING, by_state

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

_ACTIVITY: Final = by_state(
    1.0,
    IDLE=0.8,
    FORAGING=1.1,
    HUNTING=1.5,
    FLEEING=1.8,
    RESTING=0.55,
    DORMANT=0.1,
    SWARMING=1.3,
)
#: Boltzmann's constant, eV/K.
_BOLTZMANN: Final = 8.617e-5
_REFERENCE_KELVIN: Final = 293.15
#: Degrees above its lower limit below which an endotherm pays for warmth.
_COMFORT_MARGIN: Final = 25.0
#: Hunger and hydration beyond which an animal comes under stress.
_STRESSFUL_HUNGER: Final = 0.6
_STRESSFUL_THIRST: Final = 0.3


def metabolism(sim: Simulation, dt: float) -> None:
    """Advance the inner state of all mobile rows by ``dt`` seconds."""
    table, species = sim.table, sim.species
    n = table.n_mobile
    if not n:
        return
    config, lifecycle = sim.config.metabolism, sim.config.lifecycle
    degrees = sim.temperature

    # Ectotherms speed up with temperature (Gillooly et al. 2001); endotherms pay for warmth below
    # their thermoneutral zone (Scholander et al. 1950).
    kelvin = degrees + 273.15
    boost = np.exp(config.activation_energy / _BOLTZMANN * (1 / _REFERENCE_KELVIN - 1 / kelvin))
    cold = np.maximum(0.0, species.low + _COMFORT_MARGIN - degrees)
    factor = np.where(species.ectotherm, boost, 1 + config.cold_cost * cold)
    outside = np.maximum(0.0, species.low - degrees) + np.maximum(0.0, degrees - species.high)
    reproduction = sim.config.reproduction.drive_rate * sim.rates.reproduction
    by_species = np.stack(
        (
            species.hunger_rate * factor * dt,
            species.thirst_rate * ((1 + 0.04 * max(0.0, degrees - 20)) * dt),
            outside * (config.thermal_damage * dt),
            4 * dt * reproduction / species.generation,
            lifecycle.maturity * species.generation,
        )
    )
    hunger_step, thirst_step, damage, drive_step, maturity = by_species.take(
        table.mobile_species, axis=1
    )

    state = table.state[:n]
    activity = _ACTIVITY.take(state)
    hunger, energy = table.hunger[:n], table.energy[:n]
    hunger += hunger_step * activity
    np.minimum(hunger, 1.0, out=hunger)

    gain = config.energy_gain * dt * (1 - hunger)
    gain *= 1.0 + (state == RESTING)
    # An empty stomach burns the body itself.
    cost = config.energy_cost * dt * activity
    cost *= 1.0 + 3.0 * (hunger > 0.92)
    energy += gain
    energy -= cost
    clamp_unit(energy)

    damage *= state != DORMANT
    damage += (config.starve_damage * dt) * (energy < 0.05)
    recovery = config.health_recovery * dt
    vertebrate = slice(0, table.n_vertebrate)
    insect = slice(table.n_vertebrate, n)
    vitality = table.vitality[:n]
    vitality -= damage
    if table.n_vertebrate:
        hydration = table.hydration[vertebrate]
        hydration -= thirst_step[vertebrate] * activity[vertebrate]
        np.maximum(hydration, 0.0, out=hydration)
        vitality[vertebrate] += recovery * (energy[vertebrate] > 0.3)
        vitality[vertebrate] -= (config.starve_damage * dt) * (hydration < 0.03)
    if n > table.n_vertebrate:
        vitality[insect] += 2 * recovery * (1 - hunger[insect])
        vitality[insect] -= (config.starve_damage * dt) * (hunger[insect] > 0.9)
    clamp_unit(vitality)

    stress = table.stress[:n]
    need = np.maximum(0.0, hunger - _STRESSFUL_HUNGER)
    if table.n_vertebrate:
        need[vertebrate] += np.maximum(0.0, _STRESSFUL_THIRST - hydration)
    stress += (config.stress_rate * dt) * (2 * need - stress)
    clamp_unit(stress)
    drive = table.drive[:n]
    drive_step *= np.maximum(0.0, energy - 0.35)
    drive_step *= 1 - stress
    age = table.age[:n]
    drive += drive_step * (age > maturity)
    np.minimum(drive, 1.0, out=drive)
    age += dt
