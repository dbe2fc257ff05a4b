"""The world as a client that comes late needs it: who lives, the ponds, a layer's surface."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from ecosim.engine import EcosystemEngine

#: Decimals of the values of a surface, which is for looking at.
_DECIMALS: Final = 4


def world_facts(engine: EcosystemEngine) -> dict[str, Any]:
    """Return what stays as it is all through a run, as JSON data."""
    simulation = engine.simulation
    environment = simulation.world.environment
    species = simulation.species
    return {
        "session_id": simulation.world.session_id,
        "seed": engine.seed,
        "biome": environment.biome,
        "dt": simulation.config.time.dt,
        "dimensions": list(environment.voxel_grid.dimensions),
        "cell_size": environment.voxel_grid.cell_size,
        "layers": list(engine.voxel_grid),
        "species": [
            {"name": name, "class": entity_class, "variables": list(species.variables[name])}
            for name, entity_class in zip(species.names, species.classes, strict=True)
        ],
    }


def world_now(engine: EcosystemEngine) -> dict[str, Any]:
    """Return the tick, the living entities and the ponds, as JSON data."""
    sources = engine.simulation.sources
    places = zip(
        sources.x.tolist(),
        sources.y,
        sources.z.tolist(),
        sources.radius.tolist(),
        sources.level.tolist(),
        strict=True,
    )
    return {
        "tick": engine.tick,
        "time": engine.time,
        "entities": list(engine.entities.values()),
        "water_sources": [
            {"position": [x, y, z], "radius": radius, "level": level}
            for x, y, z, radius, level in places
        ],
    }


def surface(engine: EcosystemEngine, name: str) -> dict[str, Any]:
    """Return the cells of a layer at y = 0 as JSON data.

    ``values`` holds nx * nz numbers, x before z; one that is not finite is None.
    """
    cells = engine.voxel_grid[name][:, 0, :]
    rounded = np.round(cells, _DECIMALS).ravel().tolist()
    values = [value if math.isfinite(value) else None for value in rounded]
    return {
        "name": name,
        "tick": engine.tick,
        "y": 0,
        "dimensions": list(cells.shape),
        "values": values,
    }
