"""The soil: one dense array a layer, and the account of every nutrient in it.

Arrays are indexed [x, y, z]; y is 0 at the surface and grows with depth. Values lie in 0..1.
1.0 of a nutrient layer is one full cell, the unit of the nutrient ledger. Temperature stores
(T + 20) / 70 with T in C, the same at all places of one depth.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ecosim.engine.arrays import FloatArray, IntArray
from ecosim.engine.world_models import World

#: Cells below the surface that weather and roots work on often; the rest follows every 50 ticks.
TOPSOIL_DEPTH: Final = 8

#: Mean content of the topmost cells at the calibrated soil (all inputs 0.5).
_START: Final = {"nutrients_fast": 0.30, "nutrients_slow": 0.40, "organic_matter": 0.35}
_REFERENCE_CONTENT: Final = 0.5
_START_DEVIATION: Final = 0.05
_SMOOTHINGS: Final = 3


class Soil:
    """The five voxel layers and what is on its way into them.

    Attributes
    ----------
    layers : dict of str to ndarray of shape (nx, ny, nz), float64, 0..1
        The layers by their public names; the attributes below are the same arrays.
    litter, excreta, decomposed : ndarray of shape (nx * nz,)
        Nutrients that the next soil step puts into the organic matter, the fast and the slow
        pool of the surface cells. They count in the ledger.
    deposited, leached, overflow : float
        Nutrients that came in or went out so far.
    """

    def __init__(self, world: World, random: np.random.Generator) -> None:
        grid = world.environment.voxel_grid
        self.dimensions = grid.dimensions
        self.cell_size = grid.cell_size
        nx, ny, nz = self.dimensions
        self.depth_top = min(ny, TOPSOIL_DEPTH)
        self.n_columns = nx * nz
        soil = world.environment.soil
        limiting = min(soil.nitrogen, soil.phosphorus, soil.potassium)
        scale = {
            "nutrients_fast": limiting / _REFERENCE_CONTENT,
            "nutrients_slow": limiting / _REFERENCE_CONTENT,
            "organic_matter": soil.organic_matter / _REFERENCE_CONTENT,
        }
        profile = 0.25 + 0.75 * np.exp(-np.arange(ny) / 8)
        pools = {
            name: _start_layer(mean * scale[name], profile, (nx, nz), random)
            for name, mean in _START.items()
        }
        self.fast = pools["nutrients_fast"]
        self.slow = pools["nutrients_slow"]
        self.organic = pools["organic_matter"]
        self.moisture: FloatArray = np.full((nx, ny, nz), soil.moisture)
        self.profile_temperature: FloatArray = np.full(ny, world.environment.climate.temperature)
        self.temperature: FloatArray = np.empty((nx, ny, nz))
        self.layers = {
            "nutrients_fast": self.fast,
            "nutrients_slow": self.slow,
            "moisture": self.moisture,
            "temperature": self.temperature,
            "organic_matter": self.organic,
        }
        # What leaches from the topsoil goes into one cell more.
        self._bands = tuple(sorted({self.depth_top, min(self.depth_top + 1, ny), ny}))
        self._versions = {name: [0] * len(self._bands) for name in self.layers}
        self._shown: dict[str, tuple[tuple[int, int], ...]] = {}
        self.show_temperature(ny)
        self.litter: FloatArray = np.zeros(self.n_columns)
        self.excreta: FloatArray = np.zeros(self.n_columns)
        self.decomposed: FloatArray = np.zeros(self.n_columns)
        self.deposited = 0.0
        self.leached = 0.0
        self.overflow = 0.0

    def touch(self, layer: str, start: int, stop: int) -> None:
        """Note that the depths of a layer from start up to stop changed: whoever writes says so."""
        versions, first = self._versions[layer], 0
        for band, end in enumerate(self._bands):
            if start < end and first < stop:
                versions[band] += 1
            first = end
        self._shown.pop(layer, None)

    def versions(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Return the versions of each layer's depths as pairs (depth_end, version).

        The depths that change together are the topsoil, the cell below it and the rest. A layer
        that nobody touched gives the same pairs again.
        """
        if len(self._shown) < len(self._versions):
            for name, versions in self._versions.items():
                if name not in self._shown:
                    self._shown[name] = tuple(zip(self._bands, versions, strict=True))
        return self._shown.copy()

    def column(self, x: FloatArray, z: FloatArray) -> IntArray:
        """Return the column index (ix * nz + iz) of places within the world."""
        nx, _, nz = self.dimensions
        ix = np.minimum((x / self.cell_size).astype(np.intp), nx - 1)
        iz = np.minimum((z / self.cell_size).astype(np.intp), nz - 1)
        return ix * nz + iz

    def surface(self, layer: FloatArray) -> FloatArray:
        """Return the surface cells of a layer by column index, as a copy."""
        return layer[:, 0, :].reshape(-1)

    def as_map(self, columns: FloatArray) -> FloatArray:
        """Return values by column index as an array of shape (nx, nz)."""
        nx, _, nz = self.dimensions
        return columns.reshape(nx, nz)

    def add_to(self, store: FloatArray, columns: IntArray, amounts: FloatArray) -> None:
        """Add amounts to a store by column, in row order."""
        if columns.size:
            store += np.bincount(columns, weights=amounts, minlength=self.n_columns)

    def deposit(self) -> None:
        """Put what waits into the surface cells; what does not fit sinks, or is `overflow`."""
        for name, store in (
            ("organic_matter", self.litter),
            ("nutrients_fast", self.excreta),
            ("nutrients_slow", self.decomposed),
        ):
            self.layers[name][:, 0, :] += self.as_map(store)
            self.touch(name, 0, 1)
            store[:] = 0.0

    def spill(self, start: int, stop: int) -> None:
        """Move what exceeds a full cell downward between two depths; the rest is `overflow`."""
        depth = self.dimensions[1]
        for name in _START:
            layer = self.layers[name]
            # The cell below takes what leaches and sinks from these, and may be full itself.
            if layer[:, start : stop + 1].max(initial=0.0) <= 1.0:
                continue
            for y in range(start, depth):
                excess = np.maximum(layer[:, y] - 1.0, 0.0)
                if y >= stop and not excess.any():
                    break
                layer[:, y] -= excess
                if y + 1 < depth:
                    layer[:, y + 1] += excess
                else:
                    self.overflow += float(excess.sum())
                self.touch(name, y, y + 2)

    def show_temperature(self, depth: int) -> None:
        """Write the temperature profile into the layer, down to a depth."""
        values = np.clip((self.profile_temperature[:depth] + 20) / 70, 0.0, 1.0)
        self.temperature[:, :depth, :] = values[None, :, None]
        self.touch("temperature", 0, depth)

    def total(self) -> float:
        """Return all nutrients in the cells and on their way into them."""
        stores = (self.fast, self.slow, self.organic)
        waiting = (self.litter, self.excreta, self.decomposed)
        return float(sum(float(part.sum()) for part in (*stores, *waiting)))


def _start_layer(
    mean: float, profile: FloatArray, shape: tuple[int, int], random: np.random.Generator
) -> FloatArray:
    """Return a layer that varies smoothly over x and z and falls with depth."""
    field = random.standard_normal(shape)
    for _ in range(_SMOOTHINGS):
        padded = np.pad(field, 1, mode="edge")
        windows = [padded[i : i + shape[0], j : j + shape[1]] for i in range(3) for j in range(3)]
        field = np.mean(windows, axis=0)
    deviation = float(field.std())
    if deviation > 0:
        field = (field - field.mean()) * (_START_DEVIATION / deviation)
    relative = 1.0 + field / _START["nutrients_fast"]
    return np.clip(mean * relative[:, None, :] * profile[None, :, None], 0.0, 1.0)
