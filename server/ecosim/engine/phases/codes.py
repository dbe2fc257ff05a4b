"""State codes by name, and what a state means for activity and speed."""

from __future__ import annotations

from typing import Final

import numpy as np

from ecosim.engine.arrays import FloatArray
from ecosim.engine.species import STATE_CODE, STATE_NAMES

IDLE: Final = STATE_CODE["IDLE"]
FORAGING: Final = STATE_CODE["FORAGING"]
HUNTING: Final = STATE_CODE["HUNTING"]
FLEEING: Final = STATE_CODE["FLEEING"]
RESTING: Final = STATE_CODE["RESTING"]
DRINKING: Final = STATE_CODE["DRINKING"]
REPRODUCING: Final = STATE_CODE["REPRODUCING"]
DYING: Final = STATE_CODE["DYING"]
WANDERING: Final = STATE_CODE["WANDERING"]
POLLINATING: Final = STATE_CODE["POLLINATING"]
SWARMING: Final = STATE_CODE["SWARMING"]
DORMANT: Final = STATE_CODE["DORMANT"]
DEAD: Final = STATE_CODE["DEAD"]
GROWING: Final = STATE_CODE["GROWING"]
WILTING: Final = STATE_CODE["WILTING"]
FRUITING: Final = STATE_CODE["FRUITING"]
ACTIVE: Final = STATE_CODE["ACTIVE"]
BLOOMING: Final = STATE_CODE["BLOOMING"]


def by_state(default: float, **values: float) -> FloatArray:
    """Return an array indexed by state code: the values by state name, the default elsewhere."""
    table = np.full(len(STATE_NAMES), default)
    for name, value in values.items():
        table[STATE_CODE[name]] = value
    return table
