"""Learn the diffusion rate of the soil from snapshots, by linear least squares.

    python examples/diffusion/diffusion.py          three small worlds, and what a fit finds in each
    python examples/diffusion/diffusion.py DIR      fit every run of a batch or folder of runs

Every five ticks the soil exchanges fast nutrients between neighbours of one depth: a cell gains the
share s = rate x dt of its discrete Laplacian, where dt is the model time since the exchange before.
So the change from one snapshot to the next is s times the Laplacian of the first, plus whatever
else happened in between; s is what is fitted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecosim.datasets import snapshots
from ecosim.datasets.snapshots import RunSnapshots
from ecosim.engine import EcosystemEngine
from ecosim.engine.world import load_world
from ecosim.errors import DatasetError, EcosimError
from ecosim.telemetry import TelemetryEmitter

Array = NDArray[np.float64]

#: The exchange runs on the ticks with tick % PERIOD == OFFSET, in the upper DEPTH cells, and never
#: moves more than LARGEST of a difference (docs/model.md).
PERIOD: Final = 5
OFFSET: Final = 4
DEPTH: Final = 4
LARGEST: Final = 0.25

LAYERS: Final = ("nutrients_fast", "nutrients_slow", "moisture")


class Fit(NamedTuple):
    """What a fit to one run found, 1/s: over the depths that exchange, and depth by depth."""

    rate: float
    true: float
    by_depth: Array


def laplacian(cells: Array) -> Array:
    """Return the sum of the differences to the neighbours along x and z; none beyond the edge.

    Parameters
    ----------
    cells : ndarray of shape (nx, ny, nz)
    """
    padded = np.pad(cells, ((1, 1), (0, 0), (1, 1)), mode="edge")
    x, z = padded[:, :, 1:-1], padded[1:-1]
    return x[:-2] + x[2:] + z[:, :, :-2] + z[:, :, 2:] - 4 * cells


def terms(before: Array, *, others: bool) -> Array:
    """Return what a change is fitted with, the Laplacian first, and those for other processes.

    Parameters
    ----------
    before : ndarray of shape (3, nx, ny, nz)
        The snapshots of :data:`LAYERS`.

    Returns
    -------
    ndarray of shape (terms, nx, ny, nz)
    """
    fast, slow, wet = before
    found = [laplacian(fast)]
    if others:
        leaching = np.maximum(wet - 0.35, 0) * fast
        from_above = np.zeros_like(fast)
        from_above[:, 1:] = leaching[:, :-1]
        found += [(1.7 - wet) * wet * slow, leaching, from_above, fast, np.ones_like(fast)]
    return np.stack(found)


def fit(run: RunSnapshots, *, others: bool = False) -> Fit:
    """Fit the diffusion rate to the snapshots of a run.

    Of snapshots of every tick, only the changes in a tick with an exchange are used: no other
    process moves fast nutrients in these. Of snapshots of every fifth tick all changes are, and
    each holds what every process did.

    Parameters
    ----------
    run : RunSnapshots
        The true rate is read from the config record beside its store.
    others : bool
        Whether terms for other processes are fitted beside the Laplacian.

    Raises
    ------
    DatasetError
        The run has other snapshots, too few, or none of its layers is the soil's.
    """
    every = run.attributes["every"]
    if every not in (1, PERIOD):
        raise DatasetError(
            f"{run.run_id}: expected snapshots every 1 or {PERIOD} ticks, got {every}"
        )
    squares: Any = 0.0
    products: Any = 0.0
    pairs = 0
    for pair in run.pairs(LAYERS):
        # The first exchange is of fewer ticks.
        if pair.tick < PERIOD or (every == 1 and pair.tick_after % PERIOD != OFFSET):
            continue
        before, after = pair.before.astype(np.float64), pair.after.astype(np.float64)
        rows = terms(before, others=others)
        squares = squares + np.einsum("ixyz,jxyz->yij", rows, rows)
        products = products + np.einsum("ixyz,xyz->yi", rows, after[0] - before[0])
        pairs += 1
    if not pairs:
        raise DatasetError(
            f"{run.run_id}: expected more than {2 * PERIOD} ticks, got {run.ticks.max(initial=0)}"
        )
    config = config_of(run)
    seconds = PERIOD * config["time"]["dt"]
    upper = solve(squares[:DEPTH].sum(axis=0), products[:DEPTH].sum(axis=0))
    by_depth = [solve(*both) for both in zip(squares, products, strict=True)]
    true = min(config["soil"]["diffusion"], LARGEST / seconds)
    return Fit(upper / seconds, true, np.array(by_depth) / seconds)


def solve(squares: Array, products: Array) -> float:
    """Return the share of the first term by least squares; 0 where nothing tells it."""
    return float(np.linalg.lstsq(squares, products, rcond=None)[0][0])


def config_of(run: RunSnapshots) -> Any:
    """Return the settings of the model that a run was made with."""
    path = run.store.parent / f"{run.run_id}_telemetry.jsonl"
    try:
        with path.open(encoding="utf-8") as lines:
            config = json.loads(next(lines))["sim_config_merged"]
            return {"time": config["time"], "soil": config["soil"]}
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise DatasetError(f"{path}: expected the config record of the run, {error!r}") from error


def simulate(world: dict[str, Any], ticks: int, folder: Path, run_id: str, every: int) -> None:
    """Run a world with snapshots into a folder."""
    settings = {
        "output_dir": folder,
        "voxel_snapshots": {"every": every, "layers": list(LAYERS), "dtype": "float32"},
    }
    engine = EcosystemEngine(world, seed=1)
    with TelemetryEmitter(settings, run_id=run_id) as emitter:
        emitter.on_init(engine)
        for _ in range(ticks):
            engine.step()
            emitter.on_tick()


def quiet_world(world: dict[str, Any]) -> dict[str, Any]:
    """Return a world in which nothing but diffusion moves fast nutrients."""
    still = {"rates.mineralization": 0, "rates.dissolution": 0, "rates.nutrient_leaching": 0}
    still["sim_config.soil.deposition"] = 0
    bare = world | {"entities": [], "randomize": None}
    return load_world(bare, parameters=still).to_dict()


def demonstrate(name: str, rate: float | None, ticks: int) -> None:
    """Run the worlds and print what the fits find."""
    chosen = {} if rate is None else {"sim_config.soil.diffusion": rate}
    living = load_world(name, parameters=chosen).to_dict()
    quiet = quiet_world(living)
    off = load_world(quiet, parameters={"sim_config.soil.diffusion": 0.0}).to_dict()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for run_id, world, every in (
            ("quiet", quiet, PERIOD),
            ("off", off, PERIOD),
            ("living-5", living, PERIOD),
            ("living-1", living, 1),
        ):
            simulate(world, ticks, folder, run_id, every)
        data = snapshots.open(folder)
        found = {
            "nothing but diffusion, every 5 ticks": fit(data.run("quiet")),
            "the same with diffusion off": fit(data.run("off")),
            "living world, every 5 ticks": fit(data.run("living-5")),
            "  and terms for other processes": fit(data.run("living-5"), others=True),
            "living world, the ticks of an exchange": fit(data.run("living-1")),
        }
    print_table(found)


def print_table(fits: Mapping[str, Fit]) -> None:
    """Print a row a fit, by its name."""
    print(f"{'fit':<40} {'rate 1/s':>11} {'true':>8} {'rel. error':>10}   by depth")
    for name, found in fits.items():
        error = f"{abs(found.rate / found.true - 1):.1e}" if found.true else "-"
        depths = " ".join(f"{rate:.5f}" for rate in found.by_depth[: DEPTH + 1])
        print(f"{name:<40} {found.rate:>11.8f} {found.true:>8.4f} {error:>10}   {depths}")


def main(words: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", metavar="DIR", help="runs with snapshots to fit")
    parser.add_argument("--world", default="minimal", help="world to run (default: minimal)")
    parser.add_argument("--rate", type=float, help="diffusion, 1/s (default: that of the world)")
    parser.add_argument("--ticks", type=int, default=500, help="length of a run (default: 500)")
    arguments = parser.parse_args(words)
    try:
        if arguments.folder is None:
            demonstrate(arguments.world, arguments.rate, arguments.ticks)
        else:
            data = snapshots.open(arguments.folder)
            print_table({run_id: fit(data.run(run_id)) for run_id in data.runs})
    except EcosimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
