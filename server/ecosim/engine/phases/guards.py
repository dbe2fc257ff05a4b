"""Which state each entity is in: every state has a rule to enter and a weaker one to stay.

The gap between the two (hysteresis) keeps states from flickering. Of several rules the later wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosim.engine.arrays import BoolArray, IntArray, indices
from ecosim.engine.phases.codes import (
    ACTIVE,
    BLOOMING,
    DORMANT,
    DRINKING,
    FLEEING,
    FRUITING,
    GROWING,
    POLLINATING,
    RESTING,
    WANDERING,
    WILTING,
)
from ecosim.engine.phases.movement import head_away

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

#: Longest search for a mate, s, and the drive left after giving up.
_MATING_PATIENCE = 40.0
_DRIVE_AFTER_GIVING_UP = 0.75


def mobile_guards(sim: Simulation, dt: float) -> None:
    """Choose the states of all mobile rows."""
    table, species = sim.table, sim.species
    n, n_vertebrate = table.n_mobile, table.n_vertebrate
    if not n:
        return
    code = table.mobile_species
    state = table.state[:n]
    hunger, energy, drive = table.hunger[:n], table.energy[:n], table.drive[:n]
    feeding_state, mating_state = table.feeding_state, table.mating_state
    new = table.default_state.copy()

    resting = state == RESTING
    rests = energy < np.where(resting, 0.75, 0.25)
    if sim.is_night:
        rests |= table.sleeps & (hunger < 0.6)
    new[rests] = RESTING

    visiting = state == POLLINATING
    feeding = (state == feeding_state) | visiting
    feeds = hunger > np.where(feeding, 0.15, 0.40)
    feeds &= ~(resting & (energy < 0.25) & (hunger < 0.55))
    np.copyto(new, feeding_state, where=feeds)
    new[feeds & visiting] = POLLINATING

    mating = state == mating_state
    tired = indices(mating & (sim.time - table.since[:n] > _MATING_PATIENCE))
    if tired.size:
        drive[tired] = np.minimum(drive[tired], _DRIVE_AFTER_GIVING_UP)
        mating[tired] = False
    mates = (drive >= np.where(mating, 0.6, 0.95)) & (energy > np.where(mating, 0.3, 0.5))
    mates &= hunger < 0.65
    np.copyto(new, mating_state, where=mates)

    if n_vertebrate:
        water = table.hydration[:n_vertebrate]
        drinking = state[:n_vertebrate] == DRINKING
        starving = hunger[:n_vertebrate] >= 0.85
        drinks = (water < 0.35) & (~starving | (water < 0.15)) | drinking & (water < 0.9)
        new[:n_vertebrate][drinks] = DRINKING

    threat = table.threat_distance[:n]
    alarm = table.flight_distance * np.where(
        state == FLEEING, sim.config.predation.flee_release, 1.0
    )
    alarmed = indices(threat < alarm)
    new[alarmed] = np.where(alarmed < n_vertebrate, FLEEING, WANDERING)

    if n > n_vertebrate:
        insects = slice(n_vertebrate, n)
        asleep = state[insects] == DORMANT
        limit = (species.low + 2.0).take(code[insects]) + 3.0 * asleep
        new[insects][sim.temperature < limit] = DORMANT

    new[~table.alive[:n]] = state[~table.alive[:n]]
    changed = indices(new != state)
    if not changed.size:
        return
    chosen = new[changed]
    sim.change_state(changed, chosen)
    still = changed[(chosen == RESTING) | (chosen == DORMANT)]
    table.data[2:4, still] = 0.0
    fled = changed[chosen == FLEEING]
    if fled.size:
        head_away(sim, fled)


def plant_guards(sim: Simulation, dt: float) -> None:
    """Choose the states of trees and plants."""
    table, species = sim.table, sim.species
    rows = slice(table.n_mobile, table.n_plant_end)
    if rows.start == rows.stop:
        return
    state = table.state[rows]
    water, growth = table.hydration[rows], table.growth[rows]
    vitality, ripeness = table.vitality[rows], table.progress[rows]
    degrees = sim.temperature
    low, high = species.low, species.high
    warmth = 4 * (degrees - low) * (high - degrees) / np.maximum(high - low, 1e-9) ** 2
    warm = warmth.take(table.plant_species)

    new = np.full(state.size, GROWING, dtype=state.dtype)
    ripe = (ripeness >= 1) & (growth > 0.45) & (table.store[rows] > 0.2)
    new[_hold(state == FRUITING, ripe, (ripeness > 0.05) & (growth > 0.25))] = FRUITING
    new[water < np.where(state == WILTING, 0.45, 0.37)] = WILTING
    dormant = state == DORMANT
    # Whoever wakes has drunk enough not to wilt at once.
    sleeps = water < np.where(dormant, 0.45, 0.30)
    sleeps |= warm < np.where(dormant, 0.15, 0.05)
    sleeps |= vitality < np.where(dormant, 0.2, 0.12)
    new[sleeps] = DORMANT
    _change(sim, rows.start, state, new)


def microbe_guards(sim: Simulation, dt: float) -> None:
    """Choose the states of microorganisms."""
    table = sim.table
    rows = slice(table.n_plant_end, table.n_living)
    if rows.start == rows.stop:
        return
    state = table.state[rows]
    population, activity = table.population[rows], table.activity[rows]
    new = np.full(state.size, ACTIVE, dtype=state.dtype)
    blooms = (population > 0.55) & (activity > 0.4)
    new[_hold(state == BLOOMING, blooms, (population > 0.35) & (activity > 0.25))] = BLOOMING
    new[activity < np.where(state == DORMANT, 0.2, 0.1)] = DORMANT
    _change(sim, rows.start, state, new)


def _hold(inside: BoolArray, enters: BoolArray, stays: BoolArray) -> BoolArray:
    """Return where a state holds: entered, or kept by those inside."""
    return enters | (inside & stays)


def _change(sim: Simulation, start: int, state: IntArray, new: IntArray) -> None:
    changed = indices((new != state) & sim.table.alive[start : start + state.size])
    if changed.size:
        sim.change_state(changed + start, new[changed])
