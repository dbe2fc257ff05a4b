"""Where mobile entities go: a goal chosen now and then, and a step toward it every tick."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from ecosim.engine.arrays import BoolArray, FloatArray, IntArray, indices
from ecosim.engine.phases.codes import (
    DORMANT,
    DRINKING,
    FLEEING,
    FRUITING,
    GROWING,
    POLLINATING,
    REPRODUCING,
    RESTING,
    by_state,
)
from ecosim.engine.phases.targets import nearest
from ecosim.engine.species import Food

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

#: Ticks between two choices of a species; species k chooses when (tick + k) % THINK_PERIOD is 0.
THINK_PERIOD: Final = 10
#: Distance that is kept to a goal, u.
_STAND_OFF: Final = 0.3
#: Growth below which nectar and fruit are not worth a visit.
_NECTAR_GROWTH: Final = 0.3
_FRUIT_GROWTH: Final = 0.2
#: Level below which a pond counts as dry.
DRY_LEVEL: Final = 0.05
_MATE_SEARCH: Final = 1.5

SPEED_FACTOR: Final = by_state(
    0.0,
    IDLE=0.25,
    FORAGING=0.7,
    HUNTING=1.0,
    FLEEING=1.0,
    DRINKING=0.9,
    REPRODUCING=0.9,
    WANDERING=0.5,
    POLLINATING=0.8,
    SWARMING=1.0,
)
"""World speed in a state over the largest; HUNTING and FLEEING have factors of their own."""


def think(sim: Simulation, dt: float) -> None:
    """Let the species whose turn it is choose goals and headings."""
    species, table = sim.species, sim.table
    for code in range((-sim.tick) % THINK_PERIOD, species.n_defined, THINK_PERIOD):
        rows = table.rows(code)
        if species.mobile[code] and rows.start < rows.stop:
            _think(sim, code, rows)


def _think(sim: Simulation, code: int, rows: slice) -> None:
    table, species = sim.table, sim.species
    sense = float(species.sense[code])
    _watch_for_threats(sim, code, rows, sense)
    every = np.arange(rows.start, rows.stop)
    state = table.state[rows]
    awake = table.alive[rows] & (state != RESTING) & (state != DORMANT)
    feeding = (state == species.feeding_state[code]) | (state == POLLINATING)

    target = np.full(every.size, -1)
    hungry = indices(feeding & awake)
    if hungry.size:
        target[hungry] = _find_food(sim, code, every[hungry], sense)
    seeking = indices((state == REPRODUCING) & awake)
    if seeking.size:
        target[seeking] = _find_mates(sim, every, every[seeking], sense * _MATE_SEARCH)
    table.target[rows] = target
    adrift = every[awake & (target < 0)]
    if adrift.size:
        _wander(sim, code, adrift)


def _watch_for_threats(sim: Simulation, code: int, rows: slice, sense: float) -> None:
    """Note the nearest hunter of each row."""
    table, species = sim.table, sim.species
    hunters = [
        _rows_where(
            table.rows(hunter),
            (table.state[table.rows(hunter)] == species.feeding_state[hunter])
            & table.alive[table.rows(hunter)],
        )
        for hunter in species.predators[code]
    ]
    distance = table.threat_distance[rows]
    distance[:] = np.inf
    if not hunters:
        return
    hunting = np.concatenate(hunters)
    x, z = table.x[rows], table.z[rows]
    found = nearest(x, z, table.x[hunting], table.z[hunting], sense)
    seen = indices(found >= 0)
    if seen.size:
        threat = hunting[found[seen]]
        table.threat_x[rows][seen] = table.x[threat]
        table.threat_z[rows][seen] = table.z[threat]
        distance[seen] = np.hypot(table.x[threat] - x[seen], table.z[threat] - z[seen])


def _rows_where(rows: slice, mask: BoolArray) -> IntArray:
    found: IntArray = indices(mask)
    found += rows.start
    return found


def _find_food(sim: Simulation, code: int, rows: IntArray, sense: float) -> IntArray:
    """Return the row of the food each of the rows goes for, or -1."""
    table, species = sim.table, sim.species
    places: list[IntArray] = []
    preferences: list[FloatArray] = []
    for food in (*species.plants[code], *species.prey[code]):
        edible = _edible(sim, code, food)
        places.append(edible)
        preferences.append(np.full(edible.size, food.preference))
    if not places:
        return np.full(rows.size, -1)
    place = np.concatenate(places)
    found = nearest(
        table.x[rows],
        table.z[rows],
        table.x[place],
        table.z[place],
        sense,
        np.concatenate(preferences),
    )
    return np.where(found >= 0, place[found], -1) if place.size else found


def _edible(sim: Simulation, code: int, food: Food) -> IntArray:
    """Return the rows of one food species that are worth going for."""
    table, species = sim.table, sim.species
    rows = table.rows(food.species)
    state = table.state[rows]
    if species.mobile[food.species]:
        return _rows_where(rows, table.alive[rows] & (state != DORMANT))
    growth = table.growth[rows]
    if species.nectar_feeder[code]:
        open_flower = (state == GROWING) | (state == FRUITING)
        rested = table.cool[rows] <= sim.time
        return _rows_where(rows, (growth > _NECTAR_GROWTH) & open_flower & rested)
    if food.fruiting_only:
        return _rows_where(rows, (state == FRUITING) & (growth > _FRUIT_GROWTH))
    return _rows_where(rows, growth > sim.config.foraging.min_growth)


def _find_mates(sim: Simulation, every: IntArray, seekers: IntArray, sense: float) -> IntArray:
    """Return the row of the nearest receptive mate of each seeker, or -1."""
    table = sim.table
    receptive = table.alive[every] & (table.drive[every] > sim.config.reproduction.receptive)
    target = np.full(seekers.size, -1)
    for sex in (0, 1):
        own = indices(table.sex[seekers] == sex)
        other = every[receptive & (table.sex[every] != sex)]
        rows = seekers[own]
        found = nearest(table.x[rows], table.z[rows], table.x[other], table.z[other], sense)
        if other.size:
            target[own] = np.where(found >= 0, other[found], -1)
    return target


def _wander(sim: Simulation, code: int, rows: IntArray) -> None:
    """Give rows without a goal a heading: to water, away from a threat, or about home."""
    table, config = sim.table, sim.config.movement
    x, z = table.x[rows], table.z[rows]
    vx, vz = table.vx[rows], table.vz[rows]
    heading = np.arctan2(vz, vx)
    heading += sim.streams.movement.normal(0.0, config.turn_noise, rows.size)
    resting = (vx == 0) & (vz == 0)
    if resting.any():
        fresh = sim.streams.movement.uniform(-math.pi, math.pi, rows.size)
        heading = np.where(resting, fresh, heading)
    home_x, home_z = table.home_x[rows] - x, table.home_z[rows] - z
    away = np.hypot(home_x, home_z)
    pull = config.home_pull * np.minimum(2.0, away / sim.species.home_radius[code]) ** 2
    pull = np.divide(pull, away, out=np.zeros_like(pull), where=away > 0)
    dx = np.cos(heading) + pull * home_x
    dz = np.sin(heading) + pull * home_z
    state = table.state[rows]
    thirsty = indices(state == DRINKING)
    wet = indices(sim.sources.level > DRY_LEVEL)
    if thirsty.size and wet.size:
        to_x = sim.sources.x[wet] - x[thirsty, None]
        to_z = sim.sources.z[wet] - z[thirsty, None]
        shore = np.hypot(to_x, to_z) - sim.sources.shore()[wet]
        choice = shore.argmin(axis=1)
        pick = np.arange(thirsty.size)
        inside = shore[pick, choice] <= 0
        dx[thirsty] = np.where(inside, 0.0, to_x[pick, choice])
        dz[thirsty] = np.where(inside, 0.0, to_z[pick, choice])
    _set_velocity(sim, rows, dx, dz)
    fleeing = rows[state == FLEEING]
    if fleeing.size:
        head_away(sim, fleeing)


def head_away(sim: Simulation, rows: IntArray) -> None:
    """Turn rows away from the threat they know of."""
    table = sim.table
    _set_velocity(
        sim, rows, table.x[rows] - table.threat_x[rows], table.z[rows] - table.threat_z[rows]
    )


def _set_velocity(sim: Simulation, rows: IntArray, dx: FloatArray, dz: FloatArray) -> None:
    """Move rows in a direction at the speed of their state; no direction means standing still."""
    table = sim.table
    length = np.hypot(dx, dz)
    speed = table.speed[rows] * sim.speed_factor[table.state[rows]]
    scale = np.divide(speed, length, out=np.zeros_like(length), where=length > 0)
    table.vx[rows] = dx * scale
    table.vz[rows] = dz * scale


def steer(sim: Simulation, dt: float) -> None:
    """Turn to the goals, move everything by one tick, keep it within the world."""
    table = sim.table
    n = table.n_mobile
    bound = indices(table.target[:n] >= 0)
    if bound.size:
        goal = table.target[bound]
        gone = ~table.alive[goal]
        if gone.any():
            table.target[bound[gone]] = -1
            bound, goal = bound[~gone], goal[~gone]
        ahead = table.data[:2, goal] - table.data[:2, bound]
        distance = np.hypot(ahead[0], ahead[1])
        speed = table.speed[bound] * sim.speed_factor[table.state[bound]]
        np.minimum(speed, np.maximum(distance - _STAND_OFF, 0.0) / dt, out=speed)
        ahead *= np.divide(speed, distance, out=np.zeros_like(distance), where=distance > 0)
        table.data[2:4, bound] = ahead
        sim.pursuit = (bound, goal, distance - speed * dt)
    else:
        sim.pursuit = (bound, bound, np.empty(0))
    place = table.data[:2, :n]
    place += table.data[2:4, :n] * dt
    np.maximum(place, 0.0, out=place)
    np.minimum(place, sim.far_corner, out=place)
