"""The numbers of a voxel layer, depth by depth: a depth that did not change keeps its own.

The cells of one depth are a slab. Of each slab a centre is chosen from its own cells, and the
deviations of its cells from that centre and their squares are summed in eight lanes, the lane of a
cell being ``z % 8``, so that the rows of a slab add up alike whichever other slabs are read. The
slabs are then put together about one centre C of them all, exactly but for rounding::

    sum(v - C)     = E + n d
    sum((v - C)^2) = Q + 2 d E + n d^2        d = c - C

with E and Q the sums of a slab of n cells about its centre c (Chan, Golub & LeVeque 1983,
"Algorithms for computing the sample variance", eq. 2.1 for centres that need not be means).

No digits are lost on the way:

- The centre of a slab is the mean of four of its cells. If it is off by D from the mean of all, one
  of the four is off by D at least, and so their squares about the mean are 4 D^2 or more. The
  centre of a second reading, the mean to within rounding, is then good for any spread.
- A slab is read again where ``E^2 / n > Q / 2``, so ``|2 d E| <= sqrt(1/2) (Q + n d^2)``: what is
  left of the three terms is a quarter of the largest at least.
- C is the mean of the centres, each off by no more than its slab spreads; so it is off by no more
  than the layer spreads, and taking out what it is off by costs one bit at most.

A slab whose cells are all the same has them as its centre, and no deviation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

from ecosim.telemetry_statistics import LANES, Moments, fold_lanes, moments

#: Number of cells along x, y and z.
Dimensions = tuple[int, int, int]

#: (end of the band's depths, version of what is in it), from the surface down.
Bands = tuple[tuple[int, int], ...]

#: Where the four cells stand whose mean is the centre of a slab, in eighths of the grid: spread out
#: like the rooks of a chessboard, so that a slope along x, z or both does not shift their mean.
_CENTRE = ((1, 3), (3, 7), (5, 1), (7, 5))


class LayerStatistics(NamedTuple):
    """Moments of one voxel layer with its extremes; a zero extreme has no sign."""

    moments: Moments
    minimum: float | None
    maximum: float | None


class Slab(NamedTuple):
    """The cells of one depth: sums of their deviations from a centre and of the squares."""

    centre: float
    error: float
    squares: float
    minimum: float
    maximum: float


class KnownLayer:
    """A layer that is read again and again, and what is known of each of its depths."""

    def __init__(self) -> None:
        self._dimensions: Dimensions | None = None
        self._bands: Bands | None = None
        self._slabs: list[Slab] = []

    def read(
        self, values: Sequence[float], dimensions: Dimensions | None, bands: Bands | None = None
    ) -> LayerStatistics:
        """Return the statistics of the layer, reading the depths that may have changed.

        Parameters
        ----------
        values : sequence of float
            The cells in C order, one for each place of the grid.
        dimensions : tuple of int, optional
            Without them the values are one row, and all are read.
        bands : Bands, optional
            Versions of the depths, down to the last. A band is not read where the last call had the
            same bands and this one of the same version.
        """
        before = self._bands if dimensions == self._dimensions else None
        self._bands = None
        if dimensions is None or min(dimensions) < 1:
            return _any_values(values)
        slabs: list[Slab | None] = [*self._slabs] if before else [None] * dimensions[1]
        for y in _changed(before, bands, dimensions[1]):
            slabs[y] = _read_slab(values, dimensions, y)
        whole = [slab for slab in slabs if slab is not None]
        result = None
        if len(whole) == len(slabs):
            result = _together(whole, dimensions[0] * dimensions[2])
        if result is None:
            return _any_values(values)
        self._dimensions, self._bands, self._slabs = dimensions, bands, whole
        return result


def layer_statistics(
    values: Sequence[float], dimensions: Dimensions | None = None
) -> LayerStatistics:
    """Return the moments and the extremes of one voxel layer, cells in C order.

    Without dimensions the cells have no depths: their moments are those of any values.
    """
    return KnownLayer().read(values, dimensions)


def _changed(before: Bands | None, bands: Bands | None, depth: int) -> Iterable[int]:
    """Return the depths that may differ from what is known of them."""
    if before is None or bands is None or [end for end, _ in before] != [end for end, _ in bands]:
        return range(depth)
    starts = [0, *(end for end, _ in bands)]
    return [
        y
        for start, (end, version), (_, known) in zip(starts, bands, before, strict=False)
        if version != known
        for y in range(start, end)
    ]


def _read_slab(values: Sequence[float], dimensions: Dimensions, y: int) -> Slab | None:
    """Return the sums of one depth, or None where one is not finite."""
    nx, ny, nz = dimensions
    places = [(x * ny + y) * nz for x in range(nx)]
    rows = [list(values[place : place + nz]) for place in places]
    n = nx * nz
    a, b, c, d = (rows[x * nx // 8][z * nz // 8] for x, z in _CENTRE)
    slab = _slab_about(((a + b) + (c + d)) * 0.25, rows)
    if slab is not None and slab.error * slab.error / n > 0.5 * slab.squares:
        return _slab_about(slab.centre + slab.error / n, rows)
    return slab


def _slab_about(centre: float, rows: Sequence[Sequence[float]]) -> Slab | None:
    """Return the sums of one depth about a centre, or None where one is not finite."""
    lanes = [[v - centre for row in rows for v in row[lane::LANES]] for lane in range(LANES)]
    error = fold_lanes(lanes)
    squares = fold_lanes([[deviation * deviation for deviation in lane] for lane in lanes])
    if not math.isfinite(squares) or not math.isfinite(error * error):
        return None
    return Slab(centre, error, squares, min(map(min, rows)), max(map(max, rows)))


def _together(slabs: Sequence[Slab], n: int) -> LayerStatistics | None:
    """Return the statistics of slabs of ``n`` cells each, or None where a sum is not finite."""
    cells = n * len(slabs)
    first = slabs[0].centre
    centre = first + reduce(add, [slab.centre - first for slab in slabs], 0.0) / len(slabs)
    error = squares = 0.0
    for slab in slabs:
        offset = slab.centre - centre
        error += slab.error + n * offset
        squares += (slab.squares + 2.0 * offset * slab.error) + n * offset * offset
    if not math.isfinite(squares) or not math.isfinite(error * error):
        return None
    variance = max(0.0, (squares - error * error / cells) / cells)
    return LayerStatistics(
        Moments(cells, 0, centre + error / cells, variance, math.sqrt(variance)),
        # Adding 0.0 turns -0.0 into 0.0, so the order of comparison cannot show.
        min(slab.minimum for slab in slabs) + 0.0,
        max(slab.maximum for slab in slabs) + 0.0,
    )


def _any_values(values: Sequence[float]) -> LayerStatistics:
    """Return the statistics of values that may be anything, in one row."""
    result = moments(values)
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return LayerStatistics(result, None, None)
    return LayerStatistics(result, min(finite) + 0.0, max(finite) + 0.0)
