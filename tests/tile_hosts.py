"""Tiles of the demo world, each in a process of its own: ``python tile_hosts.py OUT KIND I COUNT``.

Every process runs the same world with the same seed, and its emitter is shown what belongs to the
tile: strips of the entities along x and of the layers along z (slices that do not lie in one
piece), and the events that happened there (the first tile has those without a position). Kinds:
``columns`` and ``dicts``; ``whole`` shows the engine itself.
"""

import math
import sys
from types import SimpleNamespace

import numpy as np

from ecosim.engine import EcosystemEngine
from ecosim.engine.state import COLUMN
from ecosim.telemetry import TelemetryEmitter

SEED = 5
TICKS = 310
INTERVAL = 20


class Tile:
    """A host that shows a strip of an engine's world."""

    def __init__(self, engine, index, count):
        self.engine, self.index, self.count = engine, index, count
        self.world = engine.world
        self.seed = engine.seed
        self.width = engine.simulation.extent[0] / count
        # Of different widths: nothing is the same by accident.
        nz = engine.world["environment"]["voxel_grid"]["dimensions"][2]
        cuts = [0, *(math.ceil(nz * (i + 0.3) / count) for i in range(1, count)), nz]
        self.cells = slice(cuts[index], cuts[index + 1])

    @property
    def tick(self):
        return self.engine.tick

    @property
    def voxel_grid(self):
        return {name: layer[:, :, self.cells] for name, layer in self.engine.voxel_grid.items()}

    def tile_of(self, x):
        return min(int(x / self.width), self.count - 1)

    @property
    def events(self):
        """The tick's events, each reported by the tile in which it happened."""
        return [
            event
            for event in self.engine.events
            if (0 if event.position is None else self.tile_of(event.position[0])) == self.index
        ]


class DictTile(Tile):
    """As dicts."""

    @property
    def entities(self):
        return {
            key: entity
            for key, entity in self.engine.entities.items()
            if self.tile_of(entity["position"][0]) == self.index
        }


class ColumnTile(Tile):
    """As columns, gathered from those of the engine."""

    def entity_columns(self):
        whole = self.engine.entity_columns()
        x = self.engine.simulation.table.data[COLUMN["x"]]
        tile = np.minimum((x / self.width).astype(int), self.count - 1)
        rows = np.flatnonzero((tile == self.index) & whole.alive.astype(bool))
        return SimpleNamespace(
            species=whole.species[rows],
            state=whole.state[rows],
            species_names=whole.species_names,
            state_names=whole.state_names,
            variables={name: column[rows] for name, column in whole.variables.items()},
            species_variables=whole.species_variables,
        )


def main(folder, kind, index, count):
    """Run the world and write the telemetry of one tile, with the count and the index as run id."""
    engine = EcosystemEngine("demo", seed=SEED)
    host = engine
    if kind != "whole":
        host = {"dicts": DictTile, "columns": ColumnTile}[kind](engine, index, count)
    settings = {"interval": INTERVAL, "output_dir": folder}
    with TelemetryEmitter(settings, run_id=f"{kind}-{index}-of-{count}") as emitter:
        emitter.on_init(host)
        for tick in range(TICKS):
            engine.step()
            emitter.on_tick()
            # What one tile does with its log is its own affair.
            if index and tick % 37 == 0:
                emitter.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
