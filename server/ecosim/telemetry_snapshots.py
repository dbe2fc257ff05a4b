"""Snapshots of voxel layers: the optional fourth stream of a run, as a Zarr store.

::

    {output_dir}/{run_id}_voxels.zarr/
    ├── zarr.json                 the group; its attributes say what the run and the grid are
    ├── tick/                     int64, shape (snapshots,): the tick of each, -1 where unfinished
    └── <layer>/                  shape (snapshots, nx, ny, nz)
        ├── zarr.json             its attributes say unit and meaning
        └── c.<n>.0.0.0           a chunk: several whole snapshots, compressed, with a checksum

A file appears under its name by a rename, and the ticks are written after the layers: a snapshot
whose tick is there is there in every layer, whenever the process was killed. zarr (and numpy, which
it brings) is loaded when a writer is made, never on import.
"""

from __future__ import annotations

import importlib
import math
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ecosim.telemetry_config import SnapshotConfig
from ecosim.telemetry_errors import HostError, OutputError, TelemetryConfigError
from ecosim.telemetry_host import walked_cells
from ecosim.telemetry_values import layer_buffer

#: The first that gives a file its name only when it is whole.
_OLDEST_ZARR: Final = (3, 1, 3)

#: Bytes of one layer that share a chunk, before compression: thousands of runs leave few files, and
#: cells that did not change from one snapshot to the next are stored once.
_CHUNK_BYTES: Final = 4 << 20
#: A layer larger than this is cut along x, as compressors take no chunk of 2 GiB.
_LARGEST_CHUNK: Final = 64 << 20
_MOST_IN_CHUNK: Final = 1024
#: Ticks that share a chunk of the array ``tick``.
_TICKS_IN_CHUNK: Final = 8192
#: A snapshot waits no longer than until the first one this much later.
_LONGEST_WAIT_NS: Final = 10_000_000_000

#: The tick of a snapshot that is not finished.
NO_TICK: Final = -1

#: Layer to unit and meaning, as worlds of EcoSim have them; other layers are their host's to tell.
LAYER_MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "nutrients_fast": ("1", "nutrients that plants take up, share of a full cell"),
    "nutrients_slow": ("1", "nutrients that dissolve into the fast pool, share of a full cell"),
    "moisture": ("1", "water content, share of saturation"),
    "temperature": ("1", "(T + 20) / 70 with T in degrees C, limited to 0..1"),
    "organic_matter": ("1", "organic matter, share of a full cell"),
}


def snapshots_path(output_dir: Path, run_id: str) -> Path:
    """Return the folder with the snapshots of a run."""
    return output_dir / f"{run_id}_voxels.zarr"


def chunk_file(array: Path, chunk: int, part: int) -> Path:
    """Return the file of a chunk of a layer; ``part`` counts along x, 0 but for huge layers."""
    return array / f"c.{chunk}.{part}.0.0"


def load_zarr() -> tuple[Any, Any]:
    """Return the modules ``zarr`` and ``numpy``.

    Raises
    ------
    TelemetryConfigError
        zarr is not installed or too old; the message says how to install it.
    """
    try:
        zarr = importlib.import_module("zarr")
    except ImportError as error:
        raise _unfit(f"none ({error})") from error
    if tuple(int(part) for part in re.findall(r"\d+", zarr.__version__)[:3]) < _OLDEST_ZARR:
        raise _unfit(zarr.__version__)
    return zarr, importlib.import_module("numpy")


def _unfit(found: str) -> TelemetryConfigError:
    oldest = ".".join(map(str, _OLDEST_ZARR))
    return TelemetryConfigError(
        f"telemetry.voxel_snapshots: expected zarr {oldest} or later, got {found}; "
        "pip install 'ecosim-telemetry[snapshots]'"
    )


def cell_size_of(world: Mapping[str, Any]) -> float | None:
    """Return the edge of a cell in world units, where a world definition states it."""
    found: Any = world
    for key in ("environment", "voxel_grid", "cell_size"):
        found = found.get(key) if isinstance(found, Mapping) else None
    number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return float(found) if number and math.isfinite(found) else None


class SnapshotWriter:
    """The store of one run, made with its first snapshot.

    Snapshots are gathered until a chunk is full, the oldest has waited ten seconds, or
    :meth:`flush` is called. What a chunk holds in the end does not depend on when it was written,
    so a run that is made again leaves the same bytes.

    Parameters
    ----------
    path : Path
        The folder to make (:func:`snapshots_path`).
    run_id : str
    config : SnapshotConfig
    layers : sequence of str
        The layers that the host has.
    dimensions : (int, int, int) or None
        Its cells along x, y and z; None for a host without a grid, or with layers of one axis.
    cell_size : float, optional
        Edge of a cell, world units.
    overwrite : bool
        Whether the store of an earlier run is replaced.

    Raises
    ------
    TelemetryConfigError
        zarr is not installed, or the host has no such layer.
    HostError
        The host has no grid whose cells can be told apart.
    OutputError
        An earlier run's store is there.
    """

    def __init__(
        self,
        path: Path,
        run_id: str,
        config: SnapshotConfig,
        layers: Sequence[str],
        dimensions: tuple[int, int, int] | None,
        *,
        cell_size: float | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = path
        self.config = config
        self.layers = _chosen(config, layers)
        if dimensions is None or not math.prod(dimensions):
            raise HostError(
                "host.voxel_grid: expected layers of shape (nx, ny, nz), or 'dimensions', for "
                f"telemetry.voxel_snapshots, got {dimensions}"
            )
        _check_absent(path, overwrite)
        self._overwrite = overwrite
        self._zarr, self._numpy = load_zarr()
        self._dimensions = dimensions
        self._cells = math.prod(dimensions)
        item = self._numpy.dtype(config.dtype).itemsize
        self._chunk = max(1, min(_CHUNK_BYTES // (self._cells * item), _MOST_IN_CHUNK))
        self._about = {
            "run_id": run_id,
            "every": config.every,
            "layers": list(self.layers),
            "dimensions": list(dimensions),
            "cell_size": cell_size,
            "cell_size_unit": "world units",
            "between": "the ticks tick[i - 1] + 1 to tick[i] lie between snapshots i - 1 and i",
        }
        self._blocks = {
            layer: self._numpy.empty((self._chunk, *dimensions), config.dtype)
            for layer in self.layers
        }
        self._group: Any = None
        self._arrays: dict[str, Any] = {}
        #: Of the open chunk: ticks of the snapshots held, and how many of them are on the disk.
        self._ticks: list[int] = []
        self._saved = 0
        self._first = 0
        self._waiting_since = 0
        self._closed = False
        #: Time spent here, ns.
        self.spent_ns = 0

    @property
    def settings(self) -> dict[str, Any]:
        """What the config record says of the snapshots."""
        return {
            "every": self.config.every,
            "layers": list(self.layers),
            "dtype": self.config.dtype,
        }

    @property
    def count(self) -> int:
        """Snapshots taken so far."""
        return self._first + len(self._ticks)

    @property
    def due(self) -> int:
        """The tick from which on the next snapshot is due."""
        return self._ticks[-1] + self.config.every if self._ticks else 0

    def take(self, tick: int, grid: Any) -> None:
        """Copy the layers as they are now.

        Parameters
        ----------
        tick : int
            Ticks the host has completed.
        grid : mapping or VoxelWalker
            The host's grid; read, and not kept.

        Raises
        ------
        HostError
            A layer does not fit; the snapshot is then left out as a whole.
        OutputError
            The store cannot be written.
        """
        entered = time.perf_counter_ns()
        if len(self._ticks) == self._chunk:
            self._first += self._chunk
            self._ticks, self._saved = [], 0
        row = len(self._ticks)
        for layer, block in self._blocks.items():
            # A double beyond float32 becomes an infinity, as documented.
            with self._numpy.errstate(over="ignore"):
                block[row] = self._read(grid, layer).reshape(self._dimensions)
        if row == self._saved:
            self._waiting_since = entered
        self._ticks.append(tick)
        full = len(self._ticks) == self._chunk
        late = entered - self._waiting_since >= _LONGEST_WAIT_NS
        if full or late or self._group is None:
            self._write()
        self.spent_ns += time.perf_counter_ns() - entered

    def flush(self) -> None:
        """Write what was gathered, so that it can be read."""
        entered = time.perf_counter_ns()
        if len(self._ticks) > self._saved:
            self._write()
        self.spent_ns += time.perf_counter_ns() - entered

    def close(self) -> None:
        """Write what is left, say that the store is whole, and bring it to the disk.

        A second call does nothing.
        """
        if self._closed:
            return
        self._closed = True
        self.flush()
        entered = time.perf_counter_ns()
        if self._group is not None:
            with _output(self.path):
                self._group.update_attributes({"snapshots": self.count})
                _sync_tree(self.path)
        self._blocks.clear()
        self.spent_ns += time.perf_counter_ns() - entered

    def _read(self, grid: Any, layer: str) -> Any:
        """Return the cells of a layer as an array of one axis."""
        where = f"voxel_grid[{layer!r}]"
        if isinstance(grid, Mapping):
            return self._numpy.asarray(layer_buffer(grid[layer], self._dimensions, where))
        return self._numpy.array(walked_cells(grid, layer, self._dimensions, where))

    def _write(self) -> None:
        """Write the open chunk as far as it is filled, and its ticks last."""
        with _output(self.path):
            if self._group is None:
                self._create()
            elif not (self.path / "zarr.json").exists():
                raise OutputError(f"{self.path}: it was removed while the run was writing it")
            stop = self.count
            for layer, block in self._blocks.items():
                array = self._arrays[layer]
                array.resize((stop, *self._dimensions))
                array[self._first : stop] = block[: len(self._ticks)]
            ticks = self._arrays["tick"]
            ticks.resize((stop,))
            ticks[self._first : stop] = self._numpy.array(self._ticks, "int64")
            self._saved = len(self._ticks)

    def _create(self) -> None:
        """Make the store, without a snapshot in it."""
        if self._overwrite and self.path.exists():
            shutil.rmtree(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        codecs = self._zarr.codecs
        nx, ny, nz = self._dimensions
        group = self._zarr.create_group(self.path, zarr_format=3, attributes=self._about)
        item = self._numpy.dtype(self.config.dtype).itemsize
        width = max(1, min(nx, _LARGEST_CHUNK // (ny * nz * item)))
        size = self._chunk * width * ny * nz * item
        # One block a chunk: only then does the compressor see that a cell is as it was before.
        compressor = codecs.BloscCodec(
            cname="zstd", clevel=1, shuffle="shuffle", typesize=item, blocksize=size
        )
        common = {
            "compressors": [compressor, codecs.Crc32cCodec()],
            # One folder a layer; the other separator would make four a chunk.
            "chunk_key_encoding": {"name": "default", "separator": "."},
            "config": {"write_empty_chunks": True},
        }
        for layer in self.layers:
            unit, meaning = LAYER_MEANINGS.get(layer, ("", "told by the host"))
            self._arrays[layer] = group.create_array(
                layer,
                shape=(0, nx, ny, nz),
                chunks=(self._chunk, width, ny, nz),
                dtype=self.config.dtype,
                fill_value=math.nan,
                dimension_names=("snapshot", "x", "y", "z"),
                attributes={"unit": unit, "meaning": meaning},
                **common,
            )
        self._arrays["tick"] = group.create_array(
            "tick",
            shape=(0,),
            chunks=(_TICKS_IN_CHUNK,),
            dtype="int64",
            fill_value=NO_TICK,
            dimension_names=("snapshot",),
            attributes={"unit": "ticks", "meaning": "ticks completed when it was taken"},
            **common,
        )
        self._group = group


def _chosen(config: SnapshotConfig, layers: Sequence[str]) -> tuple[str, ...]:
    """Return the layers to keep, each of which the host has."""
    chosen = tuple(layers) if config.layers is None else config.layers
    missing = [layer for layer in chosen if layer not in layers]
    where = "telemetry.voxel_snapshots.layers"
    if missing:
        known = ", ".join(layers) or "none"
        raise TelemetryConfigError(f"{where}: expected layers of the host ({known}), got {missing}")
    unfit = [layer for layer in chosen if layer == "tick" or not _is_file_name(layer)]
    if unfit:
        raise TelemetryConfigError(
            f"{where}: expected names that a folder can have, and not 'tick', got {unfit}"
        )
    return chosen


def _is_file_name(layer: str) -> bool:
    return bool(layer.strip(".")) and not set(layer) & set('/\\:*?"<>|\0') and layer != "zarr.json"


def _check_absent(path: Path, overwrite: bool) -> None:
    """Refuse a path where something stands that is not ours to replace."""
    is_store = path.is_dir() and not path.is_symlink() and (path / "zarr.json").is_file()
    if (path.exists() or path.is_symlink()) and not (overwrite and is_store):
        raise OutputError(
            f"{path}: expected no folder of this name, but an earlier run's is there; choose "
            "another run_id or output_dir, or set overwrite"
        )


def _sync_tree(root: Path) -> None:
    """Force every file of a folder to the disk, and then their names."""
    for folder, _, names in os.walk(root):
        for name in names:
            with (Path(folder) / name).open("rb+") as file:
                os.fsync(file.fileno())
        if os.name != "nt":  # Windows opens no folders, and orders its directory writes itself
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class _output:
    """Turn what zarr and the system raise while writing into an OutputError with the path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, OutputError):
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"{self._path}: could not write: {reason}") from error
