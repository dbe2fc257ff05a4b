"""Inputs of a design that an estimator which sorts the rows takes for one another.

RBD-FAST sorts the rows by an input and looks for slow waves in the outcome. It takes for granted
that this leaves the other inputs in an order of chance. A sequence made to fill a space of many
dimensions does not: sorted by one of its columns, some other column runs up and down, and what that
other input does is put down to the first.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Harmonics that RBD-FAST adds up; SALib's default.
_HARMONICS: Final = 10
#: What an input may have of another's index beyond twice what columns in an order of chance have.
_TOLERATED: Final = 0.05
_SEED: Final = 1


def false_indices(inputs: Array) -> Array:
    """Return RBD-FAST's S1 of each input where the outcome is another input, and nothing else.

    Parameters
    ----------
    inputs : ndarray of shape (rows, inputs), float64
        Each column varies.

    Returns
    -------
    ndarray of shape (inputs, inputs), float64
        Entry (i, j) is S1 of input ``i`` for the outcome ``j``, which should be 0; the diagonal,
        which should be 1, is set to 0. Tissot & Prieur 2012, "Bias correction for the estimation of
        sensitivity indices based on random balance designs", eq. 17 for the correction.
    """
    rows, count = inputs.shape
    skew = 2 * _HARMONICS / rows
    found = np.empty((count, count))
    for place, column in enumerate(inputs.T):
        order = np.argsort(column)
        # Up through every other row and down through the rest: one period of a triangle wave.
        order = np.concatenate([order[::2], order[1::2][::-1]])
        spectrum = np.abs(np.fft.rfft(inputs[order], axis=0)) ** 2
        twice = spectrum[1:]
        if rows % 2 == 0:
            twice[-1] /= 2
        share = twice[:_HARMONICS].sum(axis=0) / twice.sum(axis=0)
        found[place] = share - skew / (1 - skew) * (1 - share)
    np.fill_diagonal(found, 0)
    return found


class Alias(NamedTuple):
    """One input that is taken for another: ``amount`` is what it has of the other's index."""

    taken: int
    other: int
    amount: float


def worst_alias(inputs: Array, first_order: Array | None = None) -> Alias | None:
    """Return the input that has most of another's index, or None where it is what chance gives.

    Parameters
    ----------
    inputs : ndarray of shape (rows, inputs), float64
        Each column varies.
    first_order : ndarray of shape (inputs,), float64, optional
        First-order indices of the outcome in question; without them every input counts as if the
        outcome depended on it alone.
    """
    weights = np.ones(inputs.shape[1]) if first_order is None else np.maximum(first_order, 0)
    found = false_indices(inputs) * weights
    shuffled = np.random.default_rng(_SEED).permuted(inputs, axis=0)
    by_chance = (false_indices(shuffled) * weights).max()
    taken, other = map(int, np.unravel_index(found.argmax(), found.shape))
    amount = float(found[taken, other])
    return Alias(taken, other, amount) if amount > _TOLERATED + 2 * max(by_chance, 0.0) else None
