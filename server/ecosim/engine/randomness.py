"""The random streams of a run, all grown from its one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecosim.engine.world_models import MAX_SEED, MIN_SEED
from ecosim.errors import WorldError


@dataclass(frozen=True, slots=True)
class Streams:
    """One generator a purpose, so that one process drawing more does not shift the others."""

    start: np.random.Generator
    movement: np.random.Generator
    interaction: np.random.Generator
    life: np.random.Generator
    weather: np.random.Generator
    plants: np.random.Generator

    @classmethod
    def from_seed(cls, seed: int) -> Streams:
        """Return fresh streams; children are spawned in field order, new ones go at the end.

        NumPy takes no negative seed: one stands for its two's complement of 64 bits, which no
        other seed is.
        """
        children = np.random.SeedSequence(seed % 2**64).spawn(6)
        return cls(*(np.random.Generator(np.random.PCG64(child)) for child in children))


def choose_seed(stated: int | None, default: int | None) -> int:
    """Return the seed of a run: the one stated, else the world's, else one drawn.

    Raises
    ------
    WorldError
        The stated seed is no integer of 64 bits.
    """
    if stated is None:
        stated = default
    if stated is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    expected = f"seed: expected an integer from {MIN_SEED} to {MAX_SEED}"
    if isinstance(stated, bool) or not hasattr(stated, "__index__"):
        raise WorldError([f"{expected}, got {stated!r}"])
    seed = int(stated.__index__())
    if not MIN_SEED <= seed <= MAX_SEED:
        raise WorldError([f"{expected}, got {seed}"])
    return seed
