"""Compare the outcomes of runs at an earlier end with those at their end.

``python scripts/study/ticks.py out/study/long 500 1000 2000`` tells for each outcome how the runs
rank at the earlier ticks against how they rank at the end, and by how much the outcome moves.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

import ecosim.datasets
from ecosim.analysis.community import survey
from ecosim.analysis.definitions import Settings, definitions
from ecosim.analysis.series import RunSeries, read_series

OUTCOMES = (
    "shannon_end",
    "shannon_mean",
    "total_consumers_mean",
    "capacity_consumers",
    "plant_cover_end",
    "nutrients_fast_mean",
    "time_to_first_extinction",
)


def until(run: RunSeries, tick: int) -> RunSeries:
    """Return a run as if it had ended at a tick (its events are those of the whole run)."""
    seen = run.ticks <= tick
    layers = {
        name: (ticks[ticks <= tick], means[ticks <= tick])
        for name, (ticks, means) in run.layers.items()
    }
    return replace(
        run, last_tick=tick, ticks=run.ticks[seen], counts=run.counts[seen], layers=layers
    )


def compare(early: NDArray[np.float64], late: NDArray[np.float64]) -> dict[str, float]:
    """Return the rank correlation, and the mean change in standard deviations at the end."""
    return {
        "spearman": float(spearmanr(early, late).statistic) if np.ptp(early) else float("nan"),
        "change": float((late - early).mean() / late.std()),
        "mean": float(early.mean()),
    }


def main() -> None:
    """Print the table, and write it and the consumers over time as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("ticks", type=int, nargs="+")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    data = ecosim.datasets.open(arguments.folder)
    community = survey(data)
    runs = list(read_series(data, community))
    own = definitions(community, Settings())
    places = community.with_role("consumer")
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in OUTCOMES:
        late = np.array([own[name].value(run) for run in runs])
        found[name] = {
            str(tick): compare(np.array([own[name].value(until(run, tick)) for run in runs]), late)
            for tick in arguments.ticks
        }
        cells = (
            f"{tick}: {one['spearman']:.2f} {one['change']:+.2f}"
            for tick, one in found[name].items()
        )
        print(f"{name:26} {'   '.join(cells)}")
    if arguments.out:
        series = {
            "ticks": runs[0].ticks.tolist(),
            "consumers": [run.counts[:, places].sum(axis=1).tolist() for run in runs],
        }
        arguments.out.write_text(json.dumps({"runs": len(runs), "outcomes": found, **series}))


if __name__ == "__main__":
    main()
