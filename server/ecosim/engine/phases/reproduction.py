"""Mating, clutches and what parents hand on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from ecosim.engine.arrays import IntArray, indices
from ecosim.engine.phases.codes import SWARMING
from ecosim.engine.population import newborn_rows

if TYPE_CHECKING:
    from ecosim.engine.simulation import Simulation

#: Time a colony swarms before it divides, s.
_SWARM_TIME: Final = 4.0
#: How strongly crowding lowers the size of a clutch.
_CROWDING_EFFECT: Final = 0.7
_BIRTH_DISTANCE: Final = 0.5
_HOME_SHARE: Final = 0.3


def mate(sim: Simulation, seekers: IntArray, partners: IntArray) -> None:
    """Let pairs have a clutch; each entity takes part once, the lowest row first."""
    table = sim.table
    receptive = sim.config.reproduction.receptive
    ready = table.alive[partners] & (table.drive[partners] > receptive)
    ready &= table.sex[partners] != table.sex[seekers]
    taken: set[int] = set()
    mothers: list[int] = []
    fathers: list[int] = []
    pairs = zip(seekers[ready].tolist(), partners[ready].tolist(), strict=True)
    for seeker, partner in pairs:
        if seeker in taken or partner in taken:
            continue
        taken.update((seeker, partner))
        female_first = table.sex[seeker] == 0
        mothers.append(seeker if female_first else partner)
        fathers.append(partner if female_first else seeker)
    if mothers:
        _bear(sim, np.array(mothers), np.array(fathers))


def divide_colonies(sim: Simulation, dt: float) -> None:
    """Let colonies that have swarmed long enough found new ones, without a mate."""
    table = sim.table
    insects = slice(table.n_vertebrate, table.n_mobile)
    swarming = table.state[insects] == SWARMING
    swarming &= table.alive[insects] & (sim.time - table.since[insects] >= _SWARM_TIME)
    rows = indices(swarming) + insects.start
    if rows.size:
        _bear(sim, rows, None)


def _bear(sim: Simulation, mothers: IntArray, fathers: IntArray | None) -> None:
    """Draw the clutches of mothers, charge the parents, queue the newborn."""
    table, species, config = sim.table, sim.species, sim.config.reproduction
    random = sim.streams.life
    code = table.mobile_species[mothers]
    crowding = sim.crowding(mothers)
    expected = species.clutch[code] * np.exp(-_CROWDING_EFFECT * crowding**2)
    expected *= 0.5 + 0.5 * table.energy[mothers]
    limit = 2 * species.clutch[code] + 1
    clutch = np.minimum(random.poisson(expected), limit.astype(np.int64))

    cost = config.parental_cost
    table.drive[mothers] = 0.0
    _charge(sim, mothers, cost)
    if fathers is not None:
        table.drive[fathers] = 0.0
        _charge(sim, fathers, config.father_share * cost)
    sim.emit("REPRODUCTION", mothers, fathers)

    parent = np.repeat(mothers, clutch)[: sim.room]
    if not parent.size:
        return
    codes = table.mobile_species[parent]
    away = (
        _BIRTH_DISTANCE
        + _HOME_SHARE * random.uniform(size=parent.size) * (species.home_radius[codes])
    )
    angle = random.uniform(0, 2 * math.pi, parent.size)
    far_x, far_z = sim.far_corner[:, 0].tolist()
    x, z = table.x[parent] + away * np.cos(angle), table.z[parent] + away * np.sin(angle)
    table.add(
        newborn_rows(
            sim.config,
            species,
            codes,
            np.stack((np.clip(x, 0.0, far_x), table.y[parent], np.clip(z, 0.0, far_z))),
            random,
            stress=config.stress_inheritance * table.stress[parent],
            time=sim.time,
        )
    )


def _charge(sim: Simulation, parents: IntArray, cost: float) -> None:
    table = sim.table
    table.energy[parents] = np.maximum(0.0, table.energy[parents] - cost)
    table.hunger[parents] = np.minimum(1.0, table.hunger[parents] + 0.5 * cost)
