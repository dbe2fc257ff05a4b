"""What snapshots of voxel layers cost beside the other telemetry: time a tick, bytes a snapshot.

Two engines of the same world and seed take turns with blocks of ticks, both with telemetry and one
with snapshots as well. Enough ticks are run to fill several chunks, since the work of a chunk is
done at once; the figure is the ratio of the sums. Processor time is compared, which other work on
the machine does not lengthen much; the longest tick is by the clock.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.overhead import SEED, WARM_UP_TICKS, make_world
from ecosim.engine import EcosystemEngine
from ecosim.telemetry import TelemetryEmitter
from ecosim.telemetry_snapshots import snapshots_path

INTERVAL: Final = 50
BLOCK: Final = 80


class Case(NamedTuple):
    """One row: a world, how often, and how many ticks to run."""

    name: str
    world: str
    every: int
    ticks: int
    dtype: str = "float32"


CASES: Final = (
    Case("demo world, every tick", "demo", 1, 480),
    Case("demo world, every 5", "demo", 5, 960),
    Case("demo world, every 5, float64", "demo", 5, 960, "float64"),
    Case("demo world, every 50", "demo", 50, 3200),
    Case("64 x 64 x 64 cells, every 5", "64 x 64 x 64 cells", 5, 480),
)


class Side:
    """An engine under an emitter, and what its ticks took."""

    def __init__(self, world: Any, settings: dict[str, Any], run_id: str) -> None:
        self.engine = EcosystemEngine(world, seed=SEED)
        self.emitter = TelemetryEmitter(settings, run_id=run_id)
        self.emitter.on_init(self.engine)
        self.processor_s = 0.0
        self.longest_s = 0.0

    def run(self, ticks: int) -> None:
        """Advance by a block of ticks."""
        begun = time.process_time()
        for _ in range(ticks):
            entered = time.perf_counter()
            self.engine.step()
            self.emitter.on_tick()
            self.longest_s = max(self.longest_s, time.perf_counter() - entered)
        self.processor_s += time.process_time() - begun


def measure(case: Case, folder: Path) -> dict[str, Any]:
    """Return the figures of one case."""
    world = make_world(case.world)
    settings: dict[str, Any] = {"interval": INTERVAL, "output_dir": folder}
    snapshots = {"every": case.every, "dtype": case.dtype}
    sides = [
        Side(world, settings, "without"),
        Side(world, {**settings, "voxel_snapshots": snapshots}, "with"),
    ]
    for side in sides:
        side.run(WARM_UP_TICKS)
        side.processor_s = side.longest_s = 0.0
    for number in range(case.ticks // BLOCK):
        # Who goes first alternates: the second finds the machine in another state.
        for side in sides[:: -1 if number % 2 else 1]:
            side.run(BLOCK)
    without, with_it = sides
    begun = time.perf_counter()
    with_it.emitter.close()
    closing_s = time.perf_counter() - begun
    without.emitter.close()
    lines = (folder / "with_telemetry.jsonl").read_text(encoding="utf-8").splitlines()
    end = json.loads(lines[-1])
    files = [path for path in snapshots_path(folder, "with").rglob("*") if path.is_file()]
    stored = sum(path.stat().st_size for path in files)
    layers = with_it.engine.voxel_grid.values()
    raw = sum(layer.size for layer in layers) * (4 if case.dtype == "float32" else 8)
    return {
        "case": case.name,
        "every": case.every,
        "tick_us": without.processor_s / case.ticks * 1e6,
        "overhead": with_it.processor_s / without.processor_s - 1,
        "snapshots": end["snapshots"],
        "ms_a_snapshot": end["snapshot_ns"] / end["snapshots"] / 1e6,
        "longest_tick_ms": with_it.longest_s * 1e3,
        "raw_bytes": raw,
        "bytes_a_snapshot": stored / end["snapshots"],
        "files": len(files),
        "closing_ms": closing_s * 1e3,
    }


def main() -> dict[str, Any]:
    """Measure, print the table, and return the figures."""
    print(
        f"{'five layers':<30} {'tick us':>8} {'added':>7} {'ms each':>8} {'longest ms':>11} "
        f"{'KB raw':>7} {'stored':>7} {'files':>6} {'close ms':>9}"
    )
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            row = measure(case, Path(folder))
        rows.append(row)
        print(
            f"{row['case']:<30} {row['tick_us']:>8.0f} {row['overhead']:>7.1%} "
            f"{row['ms_a_snapshot']:>8.2f} {row['longest_tick_ms']:>11.1f} "
            f"{row['raw_bytes'] / 1e3:>7.0f} {row['bytes_a_snapshot'] / 1e3:>7.0f} "
            f"{row['files']:>6} {row['closing_ms']:>9.0f}"
        )
    return {"rows": rows}


if __name__ == "__main__":
    main()
