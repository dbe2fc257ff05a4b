"""Warn of a collapse from windows of samples, and tell how well it works on runs not seen.

``python examples/early_warning/early_warning.py DIR --of bee``; the README beside this file tells
what comes out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from windows import CONSUMERS, INDICATORS, Windows, make_windows, read_runs

import ecosim.datasets
from ecosim.errors import DatasetError, EcosimError

#: Runs with a collapse below which there is nothing to learn from or to test on.
LEAST_COLLAPSES = 10
FOLDS = 5
BASELINE = "last level alone"


def folds(windows: Windows, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the places of training and test windows; no run has windows in both."""
    splits = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    yield from splits.split(windows.label, groups=windows.run)


def held_out(windows: Windows, columns: list[str], kind: str, seed: int) -> NDArray[np.float64]:
    """Return for each window the probability of a collapse, from a model that never saw its run."""
    table = windows.features[columns].to_numpy()
    scores = np.empty(len(table))
    for seen, unseen in folds(windows, seed):
        model = make_model(kind, seed).fit(table[seen], windows.label[seen])
        scores[unseen] = model.predict_proba(table[unseen])[:, 1]
    return scores


def make_model(kind: str, seed: int) -> Any:
    """Return a classifier that is not fitted yet."""
    if kind == "logistic":
        filled = SimpleImputer(keep_empty_features=True)
        return make_pipeline(filled, StandardScaler(), LogisticRegression(max_iter=2000))
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_leaf_nodes=8, l2_regularization=1.0, random_state=seed
    )


def predictors(windows: Windows, seed: int) -> dict[str, NDArray[np.float64]]:
    """Return name to score of each window, the higher the likelier a collapse.

    The first three are one feature each and learn nothing; the others are fitted on other runs.
    """
    table = windows.features
    now = [name for name in table if name.endswith(".level")]
    shape = [name for name in table if name.rpartition(".")[2] in INDICATORS]
    own = [name for name in shape if name.startswith("count.")]
    # Plants have no hunger, and neither has a population before its first animal.
    hunger = table["hunger.level"].fillna(0) if "hunger.level" in table else 0 * table["level"]
    return {
        BASELINE: -table["level"].to_numpy(),
        "share of its maximum alone": -table["share_of_maximum"].to_numpy(),
        "mean hunger alone": hunger.to_numpy(),
        "indicators of the count": held_out(windows, own, "boosting", seed),
        "indicators of everything": held_out(windows, shape, "boosting", seed),
        "state and soil, last sample": held_out(windows, now, "boosting", seed),
        "all features, logistic": held_out(windows, list(table), "logistic", seed),
        "all features, boosting": held_out(windows, list(table), "boosting", seed),
    }


def evaluate(
    windows: Windows, scores: dict[str, NDArray[np.float64]], resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Return for each predictor the area under its ROC curve, with intervals over runs.

    Whole runs are drawn with replacement, because the windows of one run are not independent.
    """
    label, run = windows.label, windows.run
    rng = np.random.default_rng(seed)
    runs = np.unique(run)
    drawn: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(resamples):
        times = np.bincount(rng.choice(runs, len(runs)), minlength=run.max() + 1)[run]
        if label[times > 0].all() or not label[times > 0].any():
            continue
        for name, score in scores.items():
            drawn[name].append(float(roc_auc_score(label, score, sample_weight=times)))
    found = {}
    for name, score in scores.items():
        gain = np.array(drawn[name]) - np.array(drawn[BASELINE])
        found[name] = {
            "auc": float(roc_auc_score(label, score)),
            "interval": np.quantile(drawn[name], [0.025, 0.975]).tolist(),
            "gain_interval": np.quantile(gain, [0.025, 0.975]).tolist(),
            "average_precision": float(average_precision_score(label, score)),
        }
    return found


def study(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what is to be known, and print it."""
    data = ecosim.datasets.open(arguments.folder)
    runs, without = read_runs(data, arguments.of, arguments.collapse_fraction)
    collapses = int(sum(run.collapse < np.inf for run in runs))
    told = f"{collapses} of {len(runs)} runs collapse below {100 * arguments.collapse_fraction:g} %"
    windows = make_windows(runs, arguments.window, arguments.horizon, arguments.every)
    warned = len(np.unique(windows.run[windows.label]))
    if warned < LEAST_COLLAPSES or len(runs) - collapses < 1:
        raise DatasetError(
            f"{arguments.folder}: expected {LEAST_COLLAPSES} or more runs with a window before a "
            f"collapse of {arguments.of}, and one without; {told}, {warned} with such a window"
        )
    scores = predictors(windows, arguments.seed)
    found = {
        "of": arguments.of,
        "window": arguments.window,
        "horizon": arguments.horizon,
        "runs": len(runs),
        "runs_without": without,
        "collapses": collapses,
        "windows": len(windows.label),
        "positives": int(windows.label.sum()),
        "positive_runs": warned,
        "left_out": windows.left_out,
        "predictors": evaluate(windows, scores, arguments.resamples, arguments.seed),
    }
    print(f"{arguments.of}: {told} of its maximum so far")
    print(
        f"{found['windows']} windows of {arguments.window} ticks; a collapse follows within "
        f"{arguments.horizon} ticks in {found['positives']}, of {warned} runs"
    )
    if without:
        print(f"left out: {without} runs that never had {arguments.of}")
    for why, count in windows.left_out.items():
        print(f"left out: {count} windows, {why}")
    print(f"\n{'on runs not seen':28} AUC    95 % interval    gain over the first  precision")
    for name, one in found["predictors"].items():
        (low, high), (less, more) = one["interval"], one["gain_interval"]
        print(
            f"{name:28} {one['auc']:.3f}  {low:.3f} to {high:.3f}   {less:+.3f} to {more:+.3f}     "
            f"{one['average_precision']:.3f}"
        )
    return found


def main(words: list[str] | None = None) -> int:
    """Run the example; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR", help="a batch folder with its dataset")
    parser.add_argument("--of", default=CONSUMERS, help="a species, or consumers (consumers)")
    parser.add_argument("--collapse-fraction", type=float, default=0.1, help="as in analyze (0.1)")
    parser.add_argument("--window", type=int, default=200, help="ticks of a window (200)")
    parser.add_argument("--horizon", type=int, default=200, help="ticks to look ahead (200)")
    parser.add_argument("--every", type=int, default=5, help="samples between windows (5)")
    parser.add_argument("--resamples", type=int, default=500, help="of the runs (500)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write what was found as JSON")
    arguments = parser.parse_args(words)
    for name in ("window", "horizon", "every", "resamples"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name}: expected 1 or more, got {getattr(arguments, name)}")
    if not 0 < arguments.collapse_fraction < 1:
        parser.error(f"--collapse-fraction: expected 0..1, got {arguments.collapse_fraction}")
    if arguments.seed < 0:
        parser.error(f"--seed: expected 0 or more, got {arguments.seed}")
    if arguments.out and (arguments.out.exists() or not arguments.out.parent.is_dir()):
        parser.error(f"--out: expected a new file in a folder that exists, got {arguments.out}")
    try:
        # So few rows a tree: threads would wait for each other, on a busy machine for minutes.
        with threadpool_limits(1):
            found = study(arguments)
        if arguments.out:
            arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    except (EcosimError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
