"""Tell which inputs of a design RBD-FAST takes for one another.

``python scripts/study/aliases.py out/study/space`` gives it outcomes that are nothing but one
column of the design: the index of that column should be 1 and that of every other 0. Beside the
design stand columns drawn at random, which show what the estimator alone does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ecosim.analysis.aliasing import false_indices
from ecosim.analysis.stored import open_stored

WORST = 8


def main() -> None:
    """Print the largest false indices."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR", type=Path)
    stored = open_stored(parser.parse_args().folder)
    names = stored.batch.plan.space.names
    inputs = stored.inputs()
    found = false_indices(inputs)
    drawn = false_indices(np.random.default_rng(0).random(inputs.shape))
    pairs = len(names) * (len(names) - 1)
    print(f"{len(inputs)} rows, {len(names)} columns, {pairs} indices that should be 0")
    print(f"largest: {found.max():.2f}; with rows at random: {drawn.max():.2f}")
    print(f"above 0.05: {(found > 0.05).sum()}; with rows at random: {(drawn > 0.05).sum()}")
    for place in np.argsort(-found, axis=None)[:WORST]:
        taken, true = np.unravel_index(place, found.shape)
        print(f"{found[taken, true]:.2f}  {names[taken]} where the outcome is {names[true]}")


if __name__ == "__main__":
    main()
