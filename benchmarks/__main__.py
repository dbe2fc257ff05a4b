"""``python -m benchmarks [NAME ...]``: run the benchmarks named, or all of them.

Prints one table a benchmark, with the backend that was live, and writes ``results/NAME.json``
beside this file and a chart of what telemetry costs, ``results/overhead.svg``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks import (
    around_sample,
    batch_cost,
    chart,
    dataset_size,
    engine_speed,
    overhead,
    parts,
    report,
    results,
    snapshots,
    stalls,
    viewer,
)

BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "overhead": overhead.main,
    "around_sample": around_sample.main,
    "stalls": stalls.main,
    "parts": parts.main,
    "engine_speed": engine_speed.main,
    "batch_cost": batch_cost.main,
    "dataset_size": dataset_size.main,
    "snapshots": snapshots.main,
    "viewer": viewer.main,
    "report": report.main,
}


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="default: all")
    names = parser.parse_args().names or list(BENCHMARKS)
    print(results.describe_machine())
    for name in names:
        print(f"\n== {name}")
        results.write(name, BENCHMARKS[name]())
    if "overhead" in names:
        chart.draw()


if __name__ == "__main__":
    main()
