"""What happens when an entity reaches what it went for: bites, flower visits, strikes, mating."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosim.engine.arrays import IntArray, indices
from ecosim.engine.phases.codes import (
    DRINKING,
    FRUITING,
    GROWING,
    POLLINATING,
    REPRODUCING,
    RESTING,
)
from ecosim.engine.phases.lifecycle import die
from ecosim.engine.phases.movement import DRY_LEVEL
from ecosim.engine.phases.reproduction import mate

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

#: Growth that grazers leave, and the share of the rest that goes in one tick at most.
_UNGRAZED = 0.04
_LARGEST_SHARE = 0.8
_VISIT_GROWTH = 0.3
#: Drinking at a full pond: hydration per s, and the level a kg^0.5 takes at radius 1, per s. (cal)
_DRINK_RATE = 0.4
_DRINK_DRAW = 0.02


def interact(sim: Simulation, dt: float) -> None:
    """Let every entity that has reached its goal act on it."""
    table, species = sim.table, sim.species
    rows, goals, distance = sim.pursuit
    if not rows.size:
        return
    reach = max(sim.config.foraging.reach, sim.config.reproduction.mate_reach)
    near = indices((distance <= reach) & (table.cool[rows] <= sim.time))
    if not near.size:
        return
    rows, goals, distance = rows[near], goals[near], distance[near]
    seeking = table.state[rows] == REPRODUCING
    if seeking.any():
        close = seeking & (distance <= sim.config.reproduction.mate_reach)
        mate(sim, rows[close], goals[close])
    feeding = ~seeking & (distance <= sim.config.foraging.reach)
    rows, goals = rows[feeding], goals[feeding]
    if not rows.size:
        return
    prey = goals < table.n_mobile
    nectar = species.nectar_feeder[table.mobile_species[rows]] & ~prey
    if nectar.any():
        _visit(sim, rows[nectar], goals[nectar])
    grazing = ~(prey | nectar)
    if grazing.any():
        _graze(sim, rows[grazing], goals[grazing])
    if prey.any():
        _strike(sim, rows[prey], goals[prey])


def _first_of_each(goals: IntArray) -> IntArray:
    """Return the first index of every distinct goal, in ascending order."""
    return np.sort(np.unique(goals, return_index=True)[1])


def _graze(sim: Simulation, rows: IntArray, goals: IntArray) -> None:
    """Take one bite each; bites on one plant are scaled down to what it can lose."""
    table, species, config = sim.table, sim.species, sim.config.foraging
    standing = table.growth[goals] > _UNGRAZED
    rows, goals = rows[standing], goals[standing]
    if not rows.size:
        return
    growth = table.growth[goals]
    eater = table.mobile_species[rows]
    # Discrete bites, with search and handling between them, add up to Holling's type II (1959).
    bite = config.bite_size * sim.rates.consumption * growth / (growth + config.half_saturation)
    relief = np.minimum(table.hunger[rows], bite)
    plant_species = table.species[goals]
    browse = np.where(species.tree[plant_species], config.browse_fraction, 1.0)
    eaten = relief * species.food_demand[eater] * browse
    plant, index = np.unique(goals, return_inverse=True)
    wanted = np.bincount(index, weights=eaten)
    limit = _LARGEST_SHARE * (table.growth[plant] - _UNGRAZED)
    share = np.divide(np.minimum(wanted, limit), wanted, out=np.ones_like(wanted), where=wanted > 0)
    table.growth[plant] -= wanted * share
    sim.pool += float((wanted * share * species.nutrients[table.species[plant]]).sum())
    relief *= share[index]
    table.hunger[rows] -= relief
    # Insects have no hydration: it stays NaN.
    table.hydration[rows] = np.minimum(1.0, table.hydration[rows] + config.food_water * relief)
    table.cool[rows] = sim.time + config.handling_time
    sim.emit("CONSUMPTION", rows, goals)


def _visit(sim: Simulation, rows: IntArray, goals: IntArray) -> None:
    """Visit flowers, one insect a flower and tick."""
    table, config = sim.table, sim.config
    state = table.state[goals]
    open_flower = (table.cool[goals] <= sim.time) & (table.growth[goals] > _VISIT_GROWTH)
    open_flower &= (state == GROWING) | (state == FRUITING)
    rows, goals = rows[open_flower], goals[open_flower]
    first = _first_of_each(goals)
    rows, goals = rows[first], goals[first]
    if not rows.size:
        return
    gain = config.foraging.nectar_gain * sim.rates.consumption
    table.hunger[rows] = np.maximum(0.0, table.hunger[rows] - gain)
    table.cool[rows] = sim.time + config.foraging.linger
    table.cool[goals] = sim.time + config.pollination.flower_cooldown
    table.pollen[goals] += 1.0
    sim.emit("POLLINATION", rows, goals)
    new = (table.state[rows] != POLLINATING) & (rows >= table.n_vertebrate)
    visitors = rows[new]
    if visitors.size:
        sim.change_state(visitors, np.full(visitors.size, POLLINATING, dtype=table.state.dtype))


def _strike(sim: Simulation, rows: IntArray, goals: IntArray) -> None:
    """Strike at prey, one hunter a prey and tick."""
    table, species, config = sim.table, sim.species, sim.config.predation
    there = table.alive[goals] & table.alive[rows]
    rows, goals = rows[there], goals[there]
    first = _first_of_each(goals)
    rows, goals = rows[first], goals[first]
    if not rows.size:
        return
    hunter, prey = table.mobile_species[rows], table.mobile_species[goals]
    column = sim.soil.column(table.x[goals], table.z[goals])
    chance = species.capture[hunter, prey]
    chance *= 1 - config.refuge * np.minimum(1.0, sim.cover[column])
    # The fewer there are, the better their hiding places: with the functional response of a single
    # strike this adds up to Holling's type III, which lets rare prey recover (Real 1977).
    density = table.counts[prey] / species.reference_count[prey]
    chance *= density / (density + config.hiding)
    # Who rests is hard to notice; who is weak is easy to catch.
    chance *= np.where(table.state[goals] == RESTING, 0.7, 1.0)
    chance *= 1 + 0.5 * (1 - table.vitality[goals])
    kill = sim.streams.interaction.uniform(size=rows.size) < chance
    table.cool[rows] = sim.time + np.where(kill, config.handling_time, config.miss_pause)
    hunters, victims = rows[kill], goals[kill]
    if not hunters.size:
        return
    gain = species.prey_gain[hunter[kill], prey[kill]] * sim.rates.consumption
    table.hunger[hunters] = np.maximum(0.0, table.hunger[hunters] - gain)
    table.target[hunters] = -1
    table.data[2:4, hunters] = 0.0
    sim.emit("PREDATION", hunters, victims)
    die(sim, victims)


def drink(sim: Simulation, dt: float) -> None:
    """Let those drink that stand at a pond; the lower its level, the slower they fill up."""
    table, sources = sim.table, sim.sources
    rows = indices(table.state[: table.n_vertebrate] == DRINKING)
    if not rows.size or not sources.level.size:
        return
    wet = indices(sources.level > DRY_LEVEL)
    if not wet.size:
        return
    shore = np.hypot(table.x[rows, None] - sources.x[wet], table.z[rows, None] - sources.z[wet])
    shore -= sources.shore()[wet]
    choice = shore.argmin(axis=1)
    there = shore[np.arange(rows.size), choice] <= sim.config.water.shore
    rows, source = rows[there], wet[choice[there]]
    if not rows.size:
        return
    flow = sources.level[source] * dt
    table.hydration[rows] = np.minimum(1.0, table.hydration[rows] + _DRINK_RATE * flow)
    table.data[2:4, rows] = 0.0
    draw = _DRINK_DRAW * flow * np.sqrt(sim.species.body[table.mobile_species[rows]])
    taken = np.bincount(source, weights=draw, minlength=sources.level.size)
    sources.level = np.maximum(0.0, sources.level - taken / sources.radius**2)
