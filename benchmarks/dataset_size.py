"""How large the data of a batch is, and how fast a thousand runs become one number each.

``python -m benchmarks.dataset_size`` makes a batch of the demo world, collects it, and prints two
tables: bytes a sample and bytes an event in each form, and the time to open 1,024 runs.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import ecosim.datasets
from benchmarks.batch_cost import new_batch
from ecosim.batch.executors import LocalExecutor
from ecosim.batch.prepare import Batch
from ecosim.batch.runner import Observer, run_batch
from ecosim.datasets.collect import collect
from ecosim.telemetry_writers import events_path, telemetry_path

TICKS: Final = 1000
RUNS: Final = 16
MANY_RUNS: Final = 1024
REPEATS: Final = 5
#: Tables that hold what the samples of the JSON lines hold.
SAMPLE_TABLES: Final = ("species", "states", "voxels", "windows")


def made(folder: Path, **settings: Any) -> Batch:
    """Return a batch whose runs are done and whose dataset is collected."""
    batch = new_batch(folder, **settings)
    with LocalExecutor(batch.layout.root, len(os.sched_getaffinity(0))) as executor:
        run_batch(batch, executor, Observer())
    collect(batch.layout.root)
    return batch


def table_bytes(batch: Batch, *tables: str) -> int:
    """Return the size of some tables of the dataset."""
    root = batch.layout.root / "dataset"
    return sum(path.stat().st_size for table in tables for path in (root / table).glob("*.parquet"))


def single_lines(record: dict[str, Any]) -> int:
    """Return the bytes that the events of a batch take as one JSON object a line each."""
    size = 0
    for index in range(record["count"]):
        event = {name: record[name][index] for name in ("type", "tick", "source_id", "target_id")}
        event |= {"position": record["position"][index]} | record["extra"].get(str(index), {})
        size += len(json.dumps({"run_id": record["run_id"], **event}, separators=(",", ":"))) + 1
    return size


def sizes() -> dict[str, float]:
    """Return bytes a sample and an event in JSON lines and Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        batch = made(Path(folder) / "batch", n=RUNS, ticks=TICKS)
        samples = events = sample_bytes = batch_bytes = line_bytes = 0
        for row in batch.rows:
            run = batch.layout.run(row.run_id)
            for line in telemetry_path(run, row.run_id).read_bytes().splitlines(keepends=True):
                if json.loads(line)["record"] == "sample":
                    samples += 1
                    sample_bytes += len(line)
            for line in events_path(run, row.run_id).read_bytes().splitlines(keepends=True):
                record = json.loads(line)
                events += record["count"]
                batch_bytes += len(line)
                line_bytes += single_lines(record)
        return {
            "samples": samples,
            "events": events,
            "sample_jsonl": sample_bytes / samples,
            "sample_parquet": table_bytes(batch, *SAMPLE_TABLES) / samples,
            "event_lines": line_bytes / events,
            "event_batches": batch_bytes / events,
            "event_parquet": table_bytes(batch, "events") / events,
        }


def opening() -> dict[str, float]:
    """Return the milliseconds from a folder of 1,024 runs to one outcome a run, in each form."""
    with tempfile.TemporaryDirectory() as folder:
        batch = made(Path(folder) / "batch", n=MANY_RUNS, ticks=100, world="minimal")
        seconds: dict[str, list[float]] = {"parquet": [], "jsonl": []}
        for _ in range(REPEATS):
            begun = time.perf_counter()
            table = ecosim.datasets.open(batch.layout.root).table(
                "species", columns=["run_id", "count"], species=["rabbit"]
            )
            means = table.group_by("run_id").aggregate([("count", "mean")])
            seconds["parquet"].append(time.perf_counter() - begun)
            assert means.num_rows == MANY_RUNS
            begun = time.perf_counter()
            found = {row.run_id: lines_mean(batch, row.run_id) for row in batch.rows}
            seconds["jsonl"].append(time.perf_counter() - begun)
            assert len(found) == MANY_RUNS
    return {f"{name}_ms": 1e3 * median(times) for name, times in seconds.items()}


def lines_mean(batch: Batch, run_id: str) -> float:
    """Return the mean number of rabbits in the samples of a run, read from its JSON lines."""
    path = telemetry_path(batch.layout.run(run_id), run_id)
    records = (json.loads(line) for line in path.read_bytes().splitlines())
    counts = [r["species"]["rabbit"]["count"] for r in records if r["record"] == "sample"]
    return float(sum(counts) / len(counts))


def main() -> dict[str, Any]:
    """Measure, print the tables, and return the figures."""
    size = sizes()
    print(f"{RUNS} runs of the demo world, {TICKS} ticks: {size['samples']:.0f} samples, "
          f"{size['events']:.0f} events")  # fmt: skip
    print(f"{'bytes':>26} {'a sample':>9} {'an event':>9}")
    print(f"{'one JSON object a line':>26} {'':>9} {size['event_lines']:>9.1f}")
    print(f"{'JSON lines':>26} {size['sample_jsonl']:>9.0f} {size['event_batches']:>9.1f}")
    print(f"{'Parquet':>26} {size['sample_parquet']:>9.0f} {size['event_parquet']:>9.1f}")
    ratio = size["event_batches"] / size["event_lines"]
    print(f"event batches take {ratio:.2f} of one object a line (limit 0.5)")
    speed = opening()
    print(f"\n{MANY_RUNS} runs opened and reduced to one outcome a run, median of {REPEATS}")
    print(f"{'Parquet':>26} {speed['parquet_ms']:>9.1f} ms")
    print(f"{'JSON lines':>26} {speed['jsonl_ms']:>9.1f} ms")
    return {"size": size, "event_ratio": ratio, "opening": speed}


if __name__ == "__main__":
    main()
