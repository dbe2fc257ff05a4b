"""The search for the nearest of many places.

Small searches compare all pairs. Large ones look through a pyramid of grids, whose cost a searcher
does not grow with the number of places. Of each cell only the most preferred place is known, and a
near place of a fine grid goes before a preferred one that only a coarser grid sees, so the answer
is approximate. Which of the two is used depends on counts alone, never on time.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ecosim.engine.arrays import FloatArray, IntArray

#: Most pairs that are compared one by one.
PAIR_LIMIT: Final = 40_000
#: Cells of the coarsest grid that fit into the search radius, and the number of grids.
_CELLS_IN_REACH: Final = 3
_LEVELS: Final = 3
#: A grid with more cells than this for each place is skipped: the next coarser one sees as much.
_CELLS_PER_PLACE: Final = 8


def nearest(
    x: FloatArray,
    z: FloatArray,
    place_x: FloatArray,
    place_z: FloatArray,
    reach: float,
    preference: FloatArray | None = None,
    pair_limit: int = PAIR_LIMIT,
) -> IntArray:
    """Return for each searcher the place with the least distance / preference within reach.

    Parameters
    ----------
    x, z : ndarray of shape (n,), u
        The searchers.
    place_x, place_z : ndarray of shape (m,), u
        The places, in a fixed order: of those at equal cost in one spot the first is taken.
    reach : float, u
    preference : ndarray of shape (m,), > 0, optional
    pair_limit : int
        Most pairs to compare one by one.

    Returns
    -------
    ndarray of shape (n,), integer
        Index into the places, or -1.
    """
    if not place_x.size or not x.size:
        return np.full(x.size, -1)
    cost = None if preference is None else preference**-2
    if x.size * place_x.size <= pair_limit:
        every = np.arange(place_x.size)[None, :]
        return _best(x, z, place_x, place_z, every, reach, cost)[0]
    return _search_pyramid(x, z, place_x, place_z, reach, cost)


def _best(
    x: FloatArray,
    z: FloatArray,
    place_x: FloatArray,
    place_z: FloatArray,
    candidates: IntArray,
    reach: float,
    cost: FloatArray | None,
) -> tuple[IntArray, FloatArray]:
    """Return the best candidate of each searcher (-1: none within reach) and its squared distance.

    ``candidates`` has a row a searcher (or one for all); a negative one is no place.
    """
    dx = place_x[candidates] - x[:, None]
    dz = place_z[candidates] - z[:, None]
    squared = dx * dx
    squared += dz * dz
    score = squared if cost is None else squared * cost[candidates]
    score = np.where((squared <= reach * reach) & (candidates >= 0), score, np.inf)
    choice = score.argmin(axis=1)
    rows = np.arange(x.size)
    found = score[rows, choice] < np.inf
    chosen = candidates[0, choice] if candidates.shape[0] == 1 else candidates[rows, choice]
    return np.where(found, chosen, -1), np.where(found, squared[rows, choice], np.inf)


def _search_pyramid(
    x: FloatArray,
    z: FloatArray,
    place_x: FloatArray,
    place_z: FloatArray,
    reach: float,
    cost: FloatArray | None,
) -> IntArray:
    """Search grids from fine to coarse; who finds nothing near goes on to the next."""
    found = np.full(x.size, -1)
    left_x, top_z = min(x.min(), place_x.min()), min(z.min(), place_z.min())
    right_x, bottom_z = max(x.max(), place_x.max()), max(z.max(), place_z.max())
    # Of the places of a cell the most preferred stands for it, of equal ones the first.
    order = np.arange(place_x.size) if cost is None else np.argsort(cost, kind="stable")
    # The last element stands for a cell without a place.
    champions = np.append(order, -1)
    searching = np.arange(x.size)
    steps = np.arange(-_CELLS_IN_REACH, _CELLS_IN_REACH + 1)
    for level in reversed(range(_LEVELS)):
        cell = reach / _CELLS_IN_REACH / 2**level
        margin = _CELLS_IN_REACH
        nx = int((right_x - left_x) / cell) + 1 + 2 * margin
        nz = int((bottom_z - top_z) / cell) + 1 + 2 * margin
        if level and nx * nz > _CELLS_PER_PLACE * place_x.size:
            continue
        ix = ((place_x[order] - left_x) / cell).astype(np.intp) + margin
        iz = ((place_z[order] - top_z) / cell).astype(np.intp) + margin
        ranks = np.full(nx * nz, order.size)
        np.minimum.at(ranks, ix * nz + iz, np.arange(order.size))
        sx = ((x[searching] - left_x) / cell).astype(np.intp) + margin
        sz = ((z[searching] - top_z) / cell).astype(np.intp) + margin
        around = (steps[:, None] * nz + steps[None, :]).reshape(1, -1)
        candidates = champions[ranks[(sx * nz + sz)[:, None] + around]]
        within = cell * _CELLS_IN_REACH
        best, _ = _best(x[searching], z[searching], place_x, place_z, candidates, within, cost)
        found[searching] = best
        searching = searching[best < 0]
        if not searching.size:
            break
    return found
