"""Predict the outcomes of a batch's runs from their parameters, and tell how well.

``python examples/surrogate/surrogate.py DIR --outcome shannon_end capacity_consumers``; the README
beside this file tells what comes out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from comparisons import agreement, noise_bound, read_rankings, to_text
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

import ecosim.datasets
from ecosim.analysis.outcomes import outcome_table
from ecosim.errors import DatasetError, EcosimError

#: Name to what makes the model from a seed. Smooth and small ones, because the runs are few.
MODELS: dict[str, Callable[[int], Any]] = {
    "ridge": lambda seed: make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 25))),
    "kernel": lambda seed: TransformedTargetRegressor(
        make_pipeline(StandardScaler(), GridSearchCV(SVR(), KERNELS, cv=3)),
        transformer=StandardScaler(),
    ),
    "boosting": lambda seed: HistGradientBoostingRegressor(
        learning_rate=0.06,
        max_iter=400,
        max_leaf_nodes=4,
        max_features=0.3,
        l2_regularization=1.0,
        random_state=seed,
    ),
}
KERNELS = {"gamma": [0.0005, 0.002, 0.008, 0.03], "C": [1, 10]}
HELD_OUT = 0.25
LEAST_RUNS = 32
FIRST_SIZE = 64


def read(folder: str, outcomes: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return inputs and outcomes of the finished runs of a batch, one row a run."""
    data = ecosim.datasets.open(folder)
    if not data.parameters():
        raise DatasetError(f"{folder}: expected a batch that varies parameters, this one has none")
    table = outcome_table(data, outcomes)
    if table.lacking:
        raise DatasetError("; ".join(f"{name}: {why}" for name, why in table.lacking.items()))
    frame = data.training_frame(table.by_run()).to_pandas()
    frame = frame[frame.run_id.isin(table.run_ids)]
    # Parameters that are text become a column for each of their values.
    inputs = pd.get_dummies(frame[data.parameters()], prefix_sep="=", dtype=float)
    return inputs, frame[[outcome.name for outcome in table.outcomes]]


def usable(inputs: pd.DataFrame, column: pd.Series, folder: str) -> tuple[Any, Any]:
    """Return inputs and outcome of the runs that have it, as arrays."""
    kept = column.notna()
    if kept.sum() < LEAST_RUNS:
        raise DatasetError(
            f"{folder}: expected at least {LEAST_RUNS} runs with {column.name}, got {kept.sum()}"
        )
    found = column[kept].to_numpy()
    if np.ptp(found) == 0:
        raise DatasetError(f"{column.name}: expected it to vary, it is {found[0]:g} in all runs")
    return inputs[kept].to_numpy(), found


def choose(inputs: Any, outcome: Any, wanted: str, seed: int) -> tuple[str, dict[str, float]]:
    """Return the model that predicts best in cross-validation, and the R2 of each."""
    names = list(MODELS) if wanted == "auto" else [wanted]
    folds = KFold(3, shuffle=True, random_state=seed)
    scores = {
        name: float(cross_val_score(MODELS[name](seed), inputs, outcome, cv=folds).mean())
        for name in names
    }
    return max(scores, key=lambda name: scores[name]), scores


def held_out(inputs: Any, outcome: Any, wanted: str, repeats: int, seed: int) -> dict[str, Any]:
    """Return R2 on runs held out, and the learning curve, over repeated splits.

    The model is chosen anew in every split, on the runs that are not held out.
    """
    splits = ShuffleSplit(repeats, test_size=HELD_OUT, random_state=seed)
    scores, chosen, curve = [], [], {}
    for seen, unseen in splits.split(inputs):
        name, _ = choose(inputs[seen], outcome[seen], wanted, seed)
        chosen.append(name)
        # The runs of a split come shuffled: the first of them are a sample of the batch.
        for size in sizes(len(seen)):
            model = MODELS[name](seed).fit(inputs[seen[:size]], outcome[seen[:size]])
            score = float(r2_score(outcome[unseen], model.predict(inputs[unseen])))
            curve.setdefault(size, []).append(score)
        scores.append(score)
    return {"r2": scores, "chosen": chosen, "curve": curve}


def sizes(count: int) -> list[int]:
    """Return the sizes of a learning curve: doubling, and last all the runs there are."""
    doubled = [FIRST_SIZE * 2**step for step in range(20)]
    return [size for size in doubled if size < count] + [count]


def importance(inputs: pd.DataFrame, column: pd.Series, name: str, seed: int) -> dict[str, float]:
    """Return how much R2 on held-out runs falls when a parameter is shuffled among them."""
    kept = column.notna()
    inputs, outcome = inputs[kept], column[kept]
    total = np.zeros(inputs.shape[1])
    folds = KFold(4, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(inputs):
        model = MODELS[name](seed).fit(inputs.to_numpy()[seen], outcome.to_numpy()[seen])
        tried = inputs.to_numpy()[unseen], outcome.to_numpy()[unseen]
        shuffled = permutation_importance(model, *tried, n_repeats=5, random_state=seed)
        total += shuffled.importances_mean
    return {
        name: float(value)
        for name, value in zip(inputs.columns, total / folds.n_splits, strict=True)
    }


def study(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what is to be known of each outcome, by its name."""
    inputs, outcomes = read(arguments.folder, arguments.outcome)
    again = read(arguments.replicate, arguments.outcome) if arguments.replicate else None
    ready = {}
    # What can be refused is refused here, so that nothing is fitted in vain.
    for name, column in outcomes.items():
        rankings = [read_rankings(path, name, inputs.columns) for path in arguments.ranking]
        x, y = usable(inputs, column, arguments.folder)
        one = {"runs": len(y), "mean": float(y.mean()), "deviation": float(y.std())}
        if again is not None:
            one["noise"] = noise_bound(inputs, column, again[0], again[1][name], arguments.seed)
        ready[name] = x, y, one, list(chain.from_iterable(rankings))
    for name, (x, y, one, rankings) in ready.items():
        one |= held_out(x, y, arguments.model, arguments.repeats, arguments.seed)
        one["model"], one["cross_validation"] = choose(x, y, arguments.model, arguments.seed)
        one["importance"] = importance(inputs, outcomes[name], one["model"], arguments.seed)
        one["agreement"] = [agreement(one["importance"], other) for other in rankings]
        print(to_text(name, one, arguments.top), flush=True)
    return {name: one for name, (_, _, one, _) in ready.items()}


def main(words: list[str] | None = None) -> int:
    """Run the example; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR", help="a batch folder with its dataset")
    parser.add_argument("--outcome", nargs="+", required=True, help="as ecosim analyze takes them")
    parser.add_argument("--model", choices=["auto", *MODELS], default="auto")
    parser.add_argument("--repeats", type=int, default=5, help="splits into seen and held out (5)")
    parser.add_argument("--replicate", metavar="DIR", help="rows of the batch with other seeds")
    parser.add_argument(
        "--ranking",
        metavar="FOLDER",
        action="append",
        default=[],
        help="results of ecosim analyze to compare with; may be repeated",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--top", type=int, default=8, help="parameters to print (8)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write what was found as JSON")
    arguments = parser.parse_args(words)
    if arguments.repeats < 1 or arguments.seed < 0:
        parser.error("expected --repeats >= 1 and --seed >= 0")
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
