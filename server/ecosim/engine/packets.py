"""Tick packets: what a client is told, as plain Python data ready for JSON."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ecosim.engine.arrays import IntArray
from ecosim.engine.simulation import Simulation
from ecosim.engine.species import STATE_NAMES
from ecosim.engine.state import COLUMN, PUBLIC_COLUMN
from ecosim.engine.world_models import VARIABLES

#: Change of a voxel since it was last told at which it is told again.
VOXEL_THRESHOLD: Final = 0.05


def entity_dicts(sim: Simulation, rows: IntArray | None = None) -> list[dict[str, Any]]:
    """Return living entities in table order, all of them or those of the given rows.

    Each has ``id, species, type, state, position, velocity, state_vars``.
    """
    table, species = sim.table, sim.species
    if rows is None:
        rows = np.flatnonzero(table.alive)
    columns = {name: table.data[COLUMN[column]][rows].tolist() for name, column in _PUBLIC}
    plain = zip(
        table.uid[rows].tolist(),
        table.species[rows].tolist(),
        table.state[rows].tolist(),
        table.x[rows].tolist(),
        table.y[rows].tolist(),
        table.z[rows].tolist(),
        table.vx[rows].tolist(),
        table.vz[rows].tolist(),
        strict=True,
    )
    return [
        {
            "id": table.ids[uid],
            "species": species.names[code],
            "type": species.classes[code],
            "state": STATE_NAMES[state],
            "position": [x, y, z],
            "velocity": [vx, 0.0, vz],
            "state_vars": {name: columns[name][index] for name in VARIABLES[species.classes[code]]},
        }
        for index, (uid, code, state, x, y, z, vx, vz) in enumerate(plain)
    ]


_PUBLIC: Final = tuple(PUBLIC_COLUMN.items())
_UPDATE_KEYS: Final = ("id", "state", "position", "velocity", "state_vars")
_SPAWN_KEYS: Final = ("id", "type", "species", "position", "state", "state_vars")


class PacketWriter:
    """Makes the packets of a run and remembers what they have told.

    Spawns, removals and voxels are told relative to the packet before, or to the start of the run,
    so that a client which sees every packet is never wrong about the world.
    """

    def __init__(self, sim: Simulation) -> None:
        self._told_uids = sim.table.uid.copy()
        self._told_voxels = {name: layer.copy() for name, layer in sim.soil.layers.items()}
        self._told_levels = sim.sources.level.copy()

    def packet(self, sim: Simulation, dt: float) -> dict[str, Any]:
        """Return the packet of the tick just done."""
        table = sim.table
        rows = np.flatnonzero(table.alive)
        entities = entity_dicts(sim, rows)
        packet: dict[str, Any] = {
            "tick": sim.tick,
            "dt": dt,
            "session_id": sim.world.session_id,
            "entity_updates": [{key: one[key] for key in _UPDATE_KEYS} for one in entities],
        }
        uids = table.uid[rows]
        born = np.flatnonzero(~np.isin(uids, self._told_uids))
        gone = np.sort(self._told_uids[~np.isin(self._told_uids, uids)])
        optional: dict[str, Any] = {
            "entity_spawns": [
                {key: entities[index][key] for key in _SPAWN_KEYS} for index in born.tolist()
            ],
            "entity_removals": [table.ids[uid] for uid in gone.tolist()],
            "events": [event.to_dict() for event in sim.event_table.rows_of(sim.tick)],
            "voxel_deltas": self._voxel_deltas(sim),
            "water_sources": self._water_sources(sim),
        }
        self._told_uids = uids
        packet.update({key: value for key, value in optional.items() if value})
        return packet

    def _voxel_deltas(self, sim: Simulation) -> dict[str, dict[str, float]]:
        deltas: dict[str, dict[str, float]] = {}
        for name, layer in sim.soil.layers.items():
            told = self._told_voxels[name]
            moved = np.nonzero(np.abs(layer - told) > VOXEL_THRESHOLD)
            if moved[0].size:
                values = layer[moved]
                told[moved] = values
                places = zip(*(axis.tolist() for axis in moved), strict=True)
                deltas[name] = {
                    f"{x},{y},{z}": value
                    for (x, y, z), value in zip(places, values.tolist(), strict=True)
                }
        return deltas

    def _water_sources(self, sim: Simulation) -> list[dict[str, Any]]:
        """Return the ponds if the level of one moved by more than the threshold."""
        sources = sim.sources
        if not (np.abs(sources.level - self._told_levels) > VOXEL_THRESHOLD).any():
            return []
        self._told_levels = sources.level.copy()
        return [
            {"position": [x, y, z], "radius": radius, "level": level}
            for x, y, z, radius, level in zip(
                sources.x.tolist(),
                sources.y,
                sources.z.tolist(),
                sources.radius.tolist(),
                sources.level.tolist(),
                strict=True,
            )
        ]
