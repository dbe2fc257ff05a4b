"""``python -m benchmarks [NAME ...]``: run the benchmarks named, or all of them.

Prints one table a benchmark, with the backend that was live, and writes ``results/NAME.json``
beside this file, a chart of what telemetry costs, ``results/overhead.svg``, and the tables of the
pages that show these figures.
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
    instructions,
    overhead,
    parts,
    report,
    results,
    snapshots,
    stalls,
    tables,
    viewer,
)

#: None where something that is needed is not installed.
BENCHMARKS: dict[str, Callable[[], dict[str, Any] | None]] = {
    "overhead": overhead.main,
    "around_sample": around_sample.main,
    "stalls": stalls.main,
    "instructions": instructions.main,
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
        figures = BENCHMARKS[name]()
        if figures is not None:
            results.write(name, figures)
    if "overhead" in names:
        chart.draw()
    tables.write()


if __name__ == "__main__":
    main()
