"""An engine as many are: entities are dicts, a tick hands over a packet with its events.

It is not ours and knows nothing of columns, versions or event tables, so that the figures of
``overhead`` say what such an engine pays. A tick moves a tenth of the animals, lets one die and one
be born (so that dicts lie about in memory as they do after a while), and lets each layer of its
soil diffuse near the surface.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any, Final

import numpy as np

ENTITIES: Final = 1_000
DIMENSIONS: Final = (32, 32, 32)
LAYERS: Final = ("nutrients_fast", "nutrients_slow", "moisture", "temperature", "organic_matter")
SPECIES: Final = ("deer", "wolf", "rabbit", "songbird", "fox")
STATES: Final = ("IDLE", "FORAGING", "FLEEING", "RESTING")
TOPSOIL: Final = 8


class DictEngine:
    """A clock, entity dicts, five layers, packets."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        generator = np.random.default_rng(seed)
        self.tick = 0
        self.seed = seed
        self.voxel_grid = {layer: generator.random(DIMENSIONS) for layer in LAYERS}
        self.entities: dict[str, dict[str, Any]] = {}
        self._order: deque[str] = deque()
        self._born = 0
        for _ in range(ENTITIES):
            self._bear()

    def step(self) -> dict[str, Any]:
        """Advance by one tick and return its packet."""
        self.tick += 1
        events = [self._die(), self._bear()]
        for _ in range(ENTITIES // 10):
            self._order.rotate(1)
            self._move(self.entities[self._order[0]])
        for index in (100, 200, 300):
            events.append(self._change(self.entities[self._order[index]]))
        for layer in self.voxel_grid.values():
            top = layer[:, :TOPSOIL]
            for axis in (0, 2):
                flow = 0.1 * np.diff(top, axis=axis)
                lower = [slice(None)] * 3
                upper = [slice(None)] * 3
                lower[axis], upper[axis] = slice(None, -1), slice(1, None)
                top[tuple(lower)] += flow
                top[tuple(upper)] -= flow
        return {"tick": self.tick, "events": events}

    def _bear(self) -> dict[str, Any]:
        rand = self._random.random
        self._born += 1
        name = f"{SPECIES[self._born % len(SPECIES)]}_{self._born}"
        self._order.append(name)
        self.entities[name] = {
            "id": name,
            "species": SPECIES[self._born % len(SPECIES)],
            "state": STATES[self._born % len(STATES)],
            "position": [64 * rand(), 0.0, 64 * rand()],
            "state_vars": {
                "hunger": rand(),
                "energy": rand(),
                "hydration": rand(),
                "health": rand(),
                "reproductive_drive": rand(),
                "age": 0.0,
            },
        }
        return self._event("REPRODUCTION", self.entities[name])

    def _die(self) -> dict[str, Any]:
        return self._event("DEATH_STARVATION", self.entities.pop(self._order.popleft()))

    def _move(self, entity: dict[str, Any]) -> None:
        rand = self._random.random
        place, variables = entity["position"], entity["state_vars"]
        place[0] += rand() - 0.5
        place[2] += rand() - 0.5
        variables["hunger"] = min(1.0, variables["hunger"] + 0.001)
        variables["energy"] *= 0.999
        variables["age"] += 1.0

    def _change(self, entity: dict[str, Any]) -> dict[str, Any]:
        before, entity["state"] = entity["state"], STATES[self.tick % len(STATES)]
        return self._event("STATE_CHANGE", entity, prev_state=before, new_state=entity["state"])

    def _event(self, kind: str, entity: dict[str, Any], **extra: str) -> dict[str, Any]:
        return {
            "type": kind,
            "tick": self.tick,
            "source_id": entity["id"],
            "target_id": None,
            "position": list(entity["position"]),
            **extra,
        }
