"""How long the report of a batch takes, how much memory, and how large it is.

``python -m benchmarks.report [DIR ...]`` reports batches of 64 and 1,024 runs that it makes (the
small world, 100 ticks), or the batch folders named. Each report is made in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.dataset_size import made
from ecosim.batch.layout import BatchLayout
from ecosim.batch.plan import read_plan
from ecosim.report.texts import bytes_text

RUNS: Final = (64, 1024)
TICKS: Final = 100
REPEATS: Final = 3
#: Bytes that the page of a batch of 1,000 runs may have.
LIMIT: Final = 3_000_000

_PROGRAM: Final = """
import json, resource, sys, time
from pathlib import Path
begun = time.perf_counter()
from ecosim.report.write import write_report
path = write_report(Path(sys.argv[1]), Path(sys.argv[2]), force=True)
print(json.dumps({
    "seconds": time.perf_counter() - begun,
    "processor_seconds": time.process_time(),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "bytes": path.stat().st_size,
}))
"""


def measure(batch: Path) -> dict[str, float]:
    """Return the median figures of a batch's report."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPEATS):
            command = [sys.executable, "-c", _PROGRAM, str(batch), str(Path(folder) / "page.html")]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            for name, value in json.loads(done.stdout).items():
                found.setdefault(name, []).append(value)
    return {name: median(values) for name, values in found.items()}


def row(batch: Path) -> dict[str, Any]:
    """Measure a batch, print its line of the table and return the figures."""
    layout = BatchLayout(batch)
    plan = read_plan(layout)
    figures = {"runs": len(layout.finished()), "ticks": plan.ticks, **measure(batch)}
    print(f"{figures['runs']:>7,} {plan.world:>10} {plan.ticks:>7,} {figures['seconds']:>9.2f} "
          f"{figures['processor_seconds']:>11.2f} {figures['peak_mb']:>8.0f} "
          f"{bytes_text(int(figures['bytes'])):>9}")  # fmt: skip
    return figures


def main(folders: list[Path] | None = None) -> dict[str, Any]:
    """Measure, print the table, and return the figures."""
    print(f"{'runs':>7} {'world':>10} {'ticks':>7} {'seconds':>9} {'processor s':>11} "
          f"{'peak MB':>8} {'page':>9}")  # fmt: skip
    if folders:
        return {"reports": [row(folder) for folder in folders]}
    figures = []
    for runs in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            batch = made(Path(folder) / "batch", n=runs, ticks=TICKS, world="minimal")
            figures.append(row(batch.layout.root))
            figures[-1]["making_seconds"] = time.perf_counter() - begun
    print(f"page of {RUNS[-1]:,} runs: {bytes_text(int(figures[-1]['bytes']))}, "
          f"limit {bytes_text(LIMIT)}")  # fmt: skip
    return {"reports": figures}


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
