"""Tell which inputs of a design an estimator of indices takes for one another.

``python scripts/study/aliases.py out/study/space`` gives RBD-FAST outcomes that are nothing but one
column of the design: the index of that column should be 1 and that of every other 0. Beside the
design stand columns drawn at random, which show what the estimator alone does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from SALib.analyze import rbd_fast

from ecosim.analysis.stored import open_stored

WORST = 8


def indices(inputs: NDArray[np.float64], outcome: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return S1 of each column by RBD-FAST."""
    count = inputs.shape[1]
    problem = {"num_vars": count, "names": list(map(str, range(count))), "bounds": [[0, 1]] * count}
    found = rbd_fast.analyze(problem, inputs, outcome, num_resamples=2, seed=1)
    return np.asarray(found["S1"], dtype=float)


def false_indices(inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each column's index is where the outcome is another: 0 in the diagonal."""
    matrix = np.array([indices(inputs, column) for column in inputs.T])
    np.fill_diagonal(matrix, 0)
    return matrix


def main() -> None:
    """Print the largest false indices."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR")
    folder = parser.parse_args().folder
    stored = open_stored(Path(folder))
    inputs = stored.inputs()
    names = stored.batch.plan.space.names
    found = false_indices(inputs)
    drawn = false_indices(np.random.default_rng(0).random(inputs.shape))
    print(f"{len(inputs)} rows, {len(names)} columns")
    print(f"largest false index: {found.max():.2f}; with rows at random: {drawn.max():.2f}")
    print(f"pairs above 0.05: {(found > 0.05).sum()}; with rows at random: {(drawn > 0.05).sum()}")
    for place in np.argsort(-found, axis=None)[:WORST]:
        true, taken = np.unravel_index(place, found.shape)
        print(f"{found[true, taken]:.2f}  {names[taken]} where the outcome is {names[true]}")


if __name__ == "__main__":
    main()
