"""Merge the telemetry of parts of one world: ``--help`` lists the options.

``python scripts/merge_tiles.py out/*_telemetry.jsonl --run-id world --out out/world``
"""

from __future__ import annotations

import argparse
import sys

from ecosim.telemetry_errors import TelemetryError
from ecosim.telemetry_merge import merge_files


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(description="Merge the telemetry of parts of one world.")
    found.add_argument("parts", nargs="+", metavar="FILE", help="<run_id>_telemetry.jsonl")
    found.add_argument("--run-id", required=True, help="run id of the whole")
    found.add_argument("--out", required=True, metavar="DIR", help="folder of the merged files")
    found.add_argument(
        "--dimensions", nargs=3, type=int, metavar="N", help="cells of the whole grid: nx ny nz"
    )
    found.add_argument(
        "--cells",
        nargs="+",
        type=int,
        metavar="N",
        help="cells of each part's grid, where its config record has no grid_dimensions",
    )
    found.add_argument(
        "--allow-short", action="store_true", help="merge what all parts have, if one ended early"
    )
    found.add_argument("--overwrite", action="store_true", help="replace the files of a merge")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Merge, say in a line what came of it, and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        done = merge_files(
            options.parts,
            options.out,
            run_id=options.run_id,
            dimensions=options.dimensions,
            cells=options.cells,
            allow_short=options.allow_short,
            overwrite=options.overwrite,
        )
    except TelemetryError as error:
        print(f"merge_tiles: {error}", file=sys.stderr)
        return 1
    ending = "" if done.has_ended else "; a part has no end record, so the whole has none"
    print(
        f"{done.samples} samples and {done.events} events of {len(options.parts)} parts up to tick "
        f"{done.tick}, in {done.telemetry_path}{ending}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
