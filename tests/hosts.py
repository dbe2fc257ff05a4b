"""Host engines that are not ours, as other people would write them: standard library alone."""

import array
import random
from types import SimpleNamespace


class MeadowHost:
    """A dict engine: entities as plain dicts, dense layers as arrays, events in its packets."""

    def __init__(self, seed: int = 1, rabbits: int = 5) -> None:
        self.random = random.Random(seed)
        self.tick = 0
        self.seed = seed
        self.world = {
            "environment": {"biome": "TEMPERATE"},
            "sim_config": {"movement": {"wander_range": 3.0}},
            "rates": {"hunger": 1.0},
            "species_definitions": [{"species_id": "rabbit"}, {"species_id": "fox"}],
        }
        self.entities = {f"rabbit_{i}": self._rabbit() for i in range(rabbits)}
        self.voxel_grid = {
            layer: array.array("d", [0.25 * i for i in range(8)])
            for layer in ("moisture", "nutrients_fast")
        }
        self.events: list[dict] = []

    def _rabbit(self) -> dict:
        return {
            "species": "rabbit",
            "state": "IDLE",
            "state_vars": {"hunger": self.random.random(), "energy": 0.5, "age": 10},
        }

    def step(self) -> dict:
        self.tick += 1
        self.events = []
        for name, entity in self.entities.items():
            entity["state_vars"]["hunger"] = self.random.random()
            if self.random.random() < 0.3:
                before = entity["state"]
                entity["state"] = "FORAGING" if before == "IDLE" else "IDLE"
                self.events.append(
                    {
                        "type": "STATE_CHANGE",
                        "tick": self.tick,
                        "source_id": name,
                        "position": [1.0, 0.0, 2.5],
                        "prev_state": before,
                        "new_state": entity["state"],
                    }
                )
        return {"tick": self.tick, "events": self.events}


class SparseGrid:
    """A voxel grid that stores a few cells; the rest have the value 1.0."""

    dimensions = (2, 3, 4)

    def __init__(self, cells: dict[str, dict[tuple[int, int, int], float]]) -> None:
        self.cells = cells

    def walk_layer(self, layer, callback) -> None:
        for (x, y, z), value in self.cells[layer].items():
            callback(x, y, z, value)


def columns(species, state, variables, *, names=("deer", "oak"), states=("IDLE", "FED"), **extra):
    """Return entity columns as arrays of the standard library."""
    return SimpleNamespace(
        species=array.array("i", species),
        state=array.array("i", state),
        species_names=list(names),
        state_names=list(states),
        variables={key: array.array("d", values) for key, values in variables.items()},
        species_variables=extra.pop("has", {name: tuple(variables) for name in names}),
        **extra,
    )
