"""What a surrogate is compared with (chance, indices of an analysis), and the text of it all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ecosim.analysis.methods import METHODS
from ecosim.analysis.results import result_paths
from ecosim.errors import DatasetError

LEAST_PAIRS = 16
LEAST_SHARED = 3


def noise_bound(
    inputs: pd.DataFrame, column: pd.Series, again: pd.DataFrame, other: pd.Series, seed: int
) -> dict[str, Any]:
    """Return the largest R2 any function of the parameters can have, from runs with other seeds.

    Half the mean squared difference of two runs with the same parameters is the variance by chance.

    Raises
    ------
    DatasetError
        The second batch has other parameters, or too few rows of the first.
    """
    names = list(inputs.columns)
    if lone := sorted(set(names) ^ set(again.columns)):
        raise DatasetError(
            f"--replicate: expected the parameters of the batch, {len(lone)} are in one of the two "
            f"alone, such as {lone[0]}"
        )
    pairs = inputs.assign(first=column).merge(again.assign(second=other), on=names).dropna()
    if len(pairs) < LEAST_PAIRS:
        raise DatasetError(
            f"--replicate: expected {LEAST_PAIRS} or more rows of the batch with other seeds, "
            f"got {len(pairs)}"
        )
    halves = ((pairs["first"] - pairs["second"]) ** 2 / 2).to_numpy()
    drawn = np.random.default_rng(seed).choice(halves, (1000, len(halves))).mean(axis=1)
    variance = float(column.var(ddof=0))
    low, high = np.quantile(1 - drawn / variance, [0.025, 0.975])
    return {
        "pairs": len(pairs),
        "bound": 1 - float(halves.mean()) / variance,
        "interval": [float(low), float(high)],
    }


@dataclass(frozen=True)
class Ranking:
    """One result of ``ecosim analyze``: ``values`` of ``index`` by parameter of the batch."""

    path: Path
    index: str
    values: dict[str, float]


def read_rankings(folder: str, outcome: str, parameters: Iterable[str]) -> list[Ranking]:
    """Return what ``ecosim analyze`` left in a folder about an outcome, one entry a method.

    Raises
    ------
    DatasetError
        The folder has no analysis of the outcome, or one of other parameters.
    """
    paths = [result_paths(Path(folder), outcome, method)[0] for method in METHODS]
    found = [_ranking(path, set(parameters)) for path in paths if path.is_file()]
    if not found:
        name = result_paths(Path(folder), outcome, "METHOD")[0].name
        raise DatasetError(f"{folder}: expected {name} of ecosim analyze, there is none")
    return found


def _ranking(path: Path, parameters: set[str]) -> Ranking:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        index = document["ranked_by"]
        values = {entry["name"]: entry["values"][index] for entry in document["ranking"]}
        shared = {
            name: float(value)
            for name, value in values.items()
            if name in parameters and value is not None
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: expected what ecosim analyze writes, got {error!r}") from error
    if len(shared) < LEAST_SHARED:
        raise DatasetError(
            f"{path}: expected {LEAST_SHARED} or more parameters of the batch, got {len(shared)}"
        )
    return Ranking(path, index, shared)


def agreement(found: dict[str, float], other: Ranking) -> dict[str, Any]:
    """Return the rank correlation of importances with a ranking."""
    rank = spearmanr([found[name] for name in other.values], list(other.values.values()))
    return {
        "file": str(other.path),
        "index": other.index,
        "parameters": len(other.values),
        "spearman": float(rank.statistic),
    }


def to_text(name: str, one: dict[str, Any], top: int) -> str:
    """Return what was found about one outcome, for a terminal."""
    scores = np.array(one["r2"])
    tried = ", ".join(f"{model} {score:.2f}" for model, score in one["cross_validation"].items())
    lines = [
        f"{name}: {one['runs']} runs, mean {one['mean']:.4g}, deviation {one['deviation']:.3g}",
        f"  R2 on held-out runs {scores.mean():.3f}, {scores.min():.3f} to {scores.max():.3f} in "
        f"{len(scores)} splits, with {', '.join(sorted(set(one['chosen'])))}",
        f"  cross-validation chooses {one['model']}: {tried}",
    ]
    if "noise" in one:
        low, high = one["noise"]["interval"]
        lines.append(
            f"  chance bounds R2 at {one['noise']['bound']:.2f} ({low:.2f} to {high:.2f}), from "
            f"{one['noise']['pairs']} pairs of runs that differ in the seed alone"
        )
    curve = (f"{size} runs {np.mean(r2):.3f}" for size, r2 in one["curve"].items())
    lines.append(f"  learning curve: {', '.join(curve)}")
    lines += [
        f"  rank correlation with {entry['index']} of {entry['file']}: "
        f"{entry['spearman']:.2f} over {entry['parameters']} parameters"
        for entry in one["agreement"]
    ]
    lines.append("  R2 lost when a parameter is shuffled:")
    ranked = sorted(one["importance"].items(), key=lambda item: -item[1])[:top]
    lines += [f"    {parameter:42} {value:.3f}" for parameter, value in ranked]
    return "\n".join(lines)
