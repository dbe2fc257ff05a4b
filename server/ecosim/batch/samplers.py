"""The names of samplers and seed modes, and what is known of a sampler without sampling."""

from __future__ import annotations

from typing import Final, Literal, get_args

from ecosim.batch.space import Space

#: ``table`` is a design of the user's own; the others sample the space.
Sampler = Literal["sobol", "saltelli", "lhs", "morris", "table"]
SeedMode = Literal["per_run", "common", "per_block"]
SAMPLERS: Final[tuple[Sampler, ...]] = ("sobol", "saltelli", "lhs", "morris")
SEED_MODES: Final[tuple[SeedMode, ...]] = get_args(SeedMode)


def block_size(space: Space, sampler: Sampler) -> int:
    """Return how many rows belong together: an analysis keeps or drops them as one."""
    groups = len(space.groups)
    return {"saltelli": groups + 2, "morris": groups + 1}.get(sampler, 1)


def size_warning(sampler: Sampler, n: int) -> str | None:
    """Return why ``n`` is a poor choice for the sampler, or None if it is a good one."""
    if sampler != "sobol" or n & (n - 1) == 0:
        return None
    lower = 1 << (n.bit_length() - 1)
    return (
        f"n = {n} is not a power of two: the points of a Sobol sequence balance only at "
        f"1, 2, 4, 8, ... of them, so part of the space is covered more densely; "
        f"{lower} or {lower * 2} runs cover it evenly"
    )
