"""Read snapshots of voxel layers, of one run or of every run of a batch.

::

    from ecosim.datasets import snapshots

    data = snapshots.open("out/batch")
    for pair in data.pairs(layer="moisture"):
        ...                        # pair.before, pair.after: arrays of shape (nx, ny, nz)
    training = data.stack(layer="moisture")             # (pairs, 2, nx, ny, nz), float32

Nothing is read before it is asked for, and then a chunk at a time. A store that was cut short (its
run was killed, or only a part of it copied) has the snapshots that are whole in every layer.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from ecosim.batch.layout import BatchLayout
from ecosim.errors import DatasetError
from ecosim.telemetry_snapshots import NO_TICK, chunk_file, load_zarr, snapshots_path

_SUFFIX: Final = snapshots_path(Path(), "").name


class Pair(NamedTuple):
    """Two snapshots of one run, the caller's own arrays.

    ``before`` and ``after`` have the shape (nx, ny, nz), or (layers, nx, ny, nz) where several
    layers were asked for, and the type that was stored. What changed between them changed in the
    ticks ``tick + 1`` to ``tick_after``.
    """

    before: Any
    after: Any
    run_id: str
    tick: int
    tick_after: int


def open(folder: str | Path) -> Snapshots:
    """Open the snapshots of a batch or of a run.

    Parameters
    ----------
    folder : str or Path
        A batch folder (its finished runs are read), a folder that one or more runs were written to,
        or a ``<run_id>_voxels.zarr`` folder itself.

    Raises
    ------
    DatasetError
        There are no snapshots in it.
    TelemetryConfigError
        zarr is not installed.
    """
    given = Path(folder)
    if given.name.endswith(_SUFFIX) and given.is_dir():
        stores = [given]
    elif (given / "batch.json").is_file():
        layout = BatchLayout(given)
        stores = [snapshots_path(layout.run(name), name) for name in layout.finished()]
    elif given.is_dir():
        stores = sorted(given.glob(f"*{_SUFFIX}"))
    else:
        raise DatasetError(f"{given}: expected a folder, there is none")
    stores = [store for store in stores if (store / "zarr.json").is_file()]
    if not stores:
        raise DatasetError(
            f"{given}: expected runs with snapshots (<run_id>{_SUFFIX}), there is none; "
            'set "voxel_snapshots" in the telemetry settings of the run'
        )
    load_zarr()
    return Snapshots(stores)


class Snapshots:
    """The snapshots of one or more runs.

    Parameters
    ----------
    stores : sequence of Path
        Their ``<run_id>_voxels.zarr`` folders (:func:`open` finds them).
    """

    def __init__(self, stores: Sequence[Path]) -> None:
        self._stores = {store.name.removesuffix(_SUFFIX): store for store in stores}

    @property
    def runs(self) -> list[str]:
        """The ids of the runs, sorted."""
        return sorted(self._stores)

    def run(self, run_id: str) -> RunSnapshots:
        """Return the snapshots of one run.

        Raises
        ------
        DatasetError
            There is no such run, or its store cannot be read.
        """
        if run_id not in self._stores:
            some = ", ".join(self.runs[:5]) + (", ..." if len(self._stores) > 5 else "")
            raise DatasetError(f"run: expected one of {some}, got {run_id!r}")
        return RunSnapshots(self._stores[run_id])

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that every run has, in the order of the first."""
        of_runs = [_attributes(self._stores[run_id])["layers"] for run_id in self.runs]
        return tuple(name for name in of_runs[0] if all(name in layers for layers in of_runs))

    def pairs(
        self,
        layer: str | Sequence[str] | None = None,
        *,
        lag: int = 1,
        runs: Iterable[str] | None = None,
    ) -> Iterator[Pair]:
        """Yield a snapshot and the one ``lag`` snapshots later, run by run; none across two runs.

        Parameters
        ----------
        layer : str or sequence of str, optional
            One layer, or several as a first axis; every layer when left out.
        lag : int
            1 or more.
        runs : iterable of str, optional
            Only these, in this order.

        Raises
        ------
        DatasetError
            A run or layer is not there, no layer is named, or a chunk is damaged.
        """
        for run_id in self.runs if runs is None else runs:
            yield from self.run(run_id).pairs(layer, lag=lag)

    def stack(
        self,
        layer: str | Sequence[str] | None = None,
        *,
        lag: int = 1,
        runs: Iterable[str] | None = None,
        dtype: str = "float32",
    ) -> Any:
        """Return every pair in one array.

        Returns
        -------
        ndarray of shape (pairs, 2, nx, ny, nz), or (pairs, 2, layers, nx, ny, nz)
            ``[:, 0]`` is before and ``[:, 1]`` after, in the order of :meth:`pairs`.

        Raises
        ------
        DatasetError
            There is no pair, or the runs' grids differ; and as :meth:`pairs`.
        """
        _check_lag(lag)
        chosen = [self.run(run_id) for run_id in (self.runs if runs is None else runs)]
        shapes = {run.dimensions for run in chosen}
        if len(shapes) > 1:
            raise DatasetError(f"stack: expected runs with one grid, got {sorted(shapes)}")
        count = sum(max(0, len(run.ticks) - lag) for run in chosen)
        if not count:
            raise DatasetError(f"stack: expected more than {lag} snapshots in a run, got none such")
        _, numpy = load_zarr()
        stacked = None
        pairs = (pair for run in chosen for pair in run.pairs(layer, lag=lag))
        for number, pair in enumerate(pairs):
            if stacked is None:
                stacked = numpy.empty((count, 2, *pair.before.shape), dtype)
            stacked[number, 0], stacked[number, 1] = pair.before, pair.after
        return stacked


class RunSnapshots:
    """The snapshots of one run.

    Parameters
    ----------
    store : Path
        Its ``<run_id>_voxels.zarr`` folder.

    Attributes
    ----------
    attributes : dict
        What the store says of itself: run_id, every, layers, dimensions, cell_size (world units,
        None where unknown), between, and ``snapshots`` once the run has closed it.
    layers : tuple of str
    dimensions : (int, int, int)
        Cells along x, y and z.
    ticks : ndarray of shape (snapshots,), int64
        The tick of each snapshot that is whole.

    Raises
    ------
    DatasetError
        It is no such store, or it is damaged.
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        zarr, self._numpy = load_zarr()
        self.attributes = _attributes(store)
        self.run_id: str = self.attributes["run_id"]
        self.layers: tuple[str, ...] = tuple(self.attributes["layers"])
        nx, ny, nz = self.attributes["dimensions"]
        self.dimensions: tuple[int, int, int] = (nx, ny, nz)
        try:
            group = zarr.open_group(store, mode="r")
            # The ticks' array is made last: a run killed before that has no snapshot.
            begun = "tick" in group
            self._arrays = {layer: group[layer] for layer in self.layers} if begun else {}
            ticks = group["tick"][:] if begun else self._numpy.empty(0, "int64")
        except Exception as error:
            raise DatasetError(
                f"{store}: expected a store of snapshots, {type(error).__name__}: {error}"
            ) from error
        self.ticks = ticks[: self._whole(ticks)]

    @property
    def is_closed(self) -> bool:
        """Whether the run closed its store, and all of it is still there."""
        return bool(self.attributes.get("snapshots") == len(self.ticks))

    def read(self, layer: str, start: int = 0, stop: int | None = None) -> Any:
        """Return snapshots of a layer.

        Returns
        -------
        ndarray of shape (stop - start, nx, ny, nz)

        Raises
        ------
        DatasetError
            There is no such layer, or a chunk is damaged.
        """
        stop = len(self.ticks) if stop is None else min(stop, len(self.ticks))
        if layer not in self.layers:
            known = ", ".join(self.layers)
            raise DatasetError(f"{self.run_id}: layer: expected one of {known}, got {layer!r}")
        if not self._arrays:
            return self._numpy.empty((0, *self.dimensions), "float32")
        try:
            return self._arrays[layer][start:stop]
        except Exception as error:
            raise DatasetError(
                f"{self.store / layer}: expected the snapshots {start} to {stop - 1} whole, "
                f"{type(error).__name__}: {error}"
            ) from error

    def pairs(self, layer: str | Sequence[str] | None = None, *, lag: int = 1) -> Iterator[Pair]:
        """Yield each snapshot and the one ``lag`` snapshots later, see :meth:`Snapshots.pairs`."""
        _check_lag(lag)
        kept: deque[Any] = deque(maxlen=lag + 1)
        for number, values in enumerate(self._each(layer)):
            kept.append(values)
            if len(kept) > lag:
                ticks = (int(self.ticks[number - lag]), int(self.ticks[number]))
                yield Pair(kept[0].copy(), kept[-1].copy(), self.run_id, *ticks)

    def _each(self, layer: str | Sequence[str] | None) -> Iterator[Any]:
        """Yield the snapshots one after the other, read a chunk at a time."""
        names = self.layers if layer is None else layer
        if not names:
            raise DatasetError(f"layer: expected one name or more, got {layer!r}")
        step = self._chunk()
        for start in range(0, len(self.ticks), step):
            if isinstance(names, str):
                yield from self.read(names, start, start + step)
            else:
                parts = [self.read(name, start, start + step) for name in names]
                yield from self._numpy.stack(parts, axis=1)

    def _chunk(self) -> int:
        """Return how many snapshots share a chunk."""
        return min((int(array.chunks[0]) for array in self._arrays.values()), default=1)

    def _whole(self, ticks: Any) -> int:
        """Return how many of the snapshots are whole in every layer."""
        unfinished = self._numpy.flatnonzero(ticks == NO_TICK)
        whole = int(unfinished[0]) if unfinished.size else len(ticks)
        for layer, array in self._arrays.items():
            whole = min(whole, int(array.shape[0]))
            present = {path.name for path in (self.store / layer).iterdir()}
            size, width = array.chunks[:2]
            parts = range(-(-self.dimensions[0] // width))
            for chunk in range(-(-whole // size)):
                # zarr fills in for a chunk that is missing, and says nothing.
                if any(chunk_file(Path(), chunk, part).name not in present for part in parts):
                    whole = chunk * size
                    break
        return whole


def _attributes(store: Path) -> dict[str, Any]:
    """Return what a store says of itself, without opening its arrays."""
    try:
        found: dict[str, Any] = json.loads((store / "zarr.json").read_bytes())["attributes"]
        missing = {"run_id", "layers", "dimensions"} - found.keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{store}: expected a store of snapshots, {type(error).__name__}: {error}"
        ) from error
    if missing:
        raise DatasetError(f"{store}: expected a store of snapshots, it lacks {sorted(missing)}")
    return found


def _check_lag(lag: object) -> None:
    if isinstance(lag, bool) or not isinstance(lag, int) or lag < 1:
        raise DatasetError(f"lag: expected an integer >= 1, got {lag!r}")
