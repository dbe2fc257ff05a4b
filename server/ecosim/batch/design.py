"""Designs: the table of runs that a batch makes from a space.

Every sampler yields points in the unit cube; one transform turns them into values. The matrix is
stored (``design.csv``, floats as their ``repr``) and never made again from its seed: libraries have
changed what a seed means.

=========  ===========================================================  ==================
sampler    for                                                          rows
=========  ===========================================================  ==================
sobol      surrogates, maps of the space; scrambled, can be extended    n
lhs        the same, each row's margins even; cannot be extended        n
saltelli   Sobol indices; n is the base sample, a power of two          n (groups + 2)
morris     screening of many parameters; n is the number of paths       n (groups + 1)
=========  ===========================================================  ==================

Sources: Owen (1998) for the scrambling, Saltelli (2010) and Morris (1991) through SALib.
"""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.stats import qmc

from ecosim.batch.rows import Column, Design, Value
from ecosim.batch.samplers import Sampler, SeedMode, block_size
from ecosim.batch.space import Parameter, Space
from ecosim.errors import SpaceError

#: Seeds stay below 2**53, so that every JSON reader keeps them whole.
SEED_BITS: Final = 53
#: The half-open unit interval's ends would be infinite under an unbounded distribution.
_SMALLEST: Final = 2.0**-53
LARGEST_DESIGN: Final = 10_000_000
MORRIS_LEVELS: Final = 4


def sample(space: Space, sampler: Sampler, n: int, seed: int) -> NDArray[np.float64]:
    """Return the points of a design.

    Parameters
    ----------
    space : Space
    sampler : str
        One of :data:`ecosim.batch.samplers.SAMPLERS`.
    n : int
        The sample size in the sampler's sense (see the module), at least 1.
    seed : int
        Seeds the scrambling or the draws.

    Returns
    -------
    ndarray of shape (rows, parameters), float64, values in 0..1

    Raises
    ------
    SpaceError
        ``n`` does not suit the sampler.
    """
    if n < 1:
        raise SpaceError(f"n: expected at least 1 run, got {n}")
    if n * block_size(space, sampler) > LARGEST_DESIGN:
        raise SpaceError(f"n: expected a design of at most {LARGEST_DESIGN} rows, got n = {n}")
    seed = _entropy(seed)
    dimension = len(space.parameters)
    if sampler == "sobol":
        engine = qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(seed))
        # scipy warns about sizes that are no power of two; the batch says it in its own words.
        return np.asarray(engine.random_base2(max(0, math.ceil(math.log2(n))))[:n])
    if sampler == "lhs":
        return np.asarray(qmc.LatinHypercube(dimension, rng=np.random.default_rng(seed)).random(n))
    if sampler == "table":
        raise SpaceError("sampler: expected one that samples, got 'table'")
    return _salib_points(space, sampler, n, seed)


def transform(space: Space, points: NDArray[np.float64]) -> list[Column]:
    """Return the parameter values at points of the unit cube, one column a parameter."""
    return [
        Column(_values(parameter, points[:, column]))
        for column, parameter in enumerate(space.parameters)
    ]


def run_seed(batch_seed: int, index: int, mode: SeedMode = "per_run", block: int = 1) -> int:
    """Return the seed of one run, from 0 to 2**53 - 1.

    It depends on the batch's seed and the row alone, never on workers or order. ``common`` gives
    all rows the same seed and ``per_block`` the rows of one block, so that differences within it
    are the parameters' doing.
    """
    child = {"per_run": index, "common": 0, "per_block": index // block}[mode]
    sequence = np.random.SeedSequence(_entropy(batch_seed), spawn_key=(child,))
    return int(sequence.generate_state(1, np.uint64)[0]) >> (64 - SEED_BITS)


def make_design(space: Space, sampler: Sampler, n: int, seed: int, seed_mode: SeedMode) -> Design:
    """Return every run of a batch, in order, without ids.

    Raises
    ------
    SpaceError
        As :func:`sample`.
    """
    points = sample(space, sampler, n, seed)
    block = block_size(space, sampler)
    seeds = (run_seed(seed, index, seed_mode, block) for index in range(len(points)))
    return Design(space.names, transform(space, points), seeds)


def _entropy(seed: int) -> int:
    """Return a seed as NumPy takes it: a negative one is its two's complement of 64 bits."""
    return seed if seed >= 0 else seed % 2**64


def _salib_points(
    space: Space, sampler: Literal["saltelli", "morris"], n: int, seed: int
) -> NDArray[np.float64]:
    """Return the unit points of SALib's samplers, which want a problem they may write to."""
    # SALib brings pandas, which the samplers above do not need.
    from SALib.sample import morris
    from SALib.sample import sobol as saltelli

    dimension = len(space.parameters)
    problem: dict[str, Any] = {
        "num_vars": dimension,
        "names": list(space.names),
        "bounds": [[0.0, 1.0]] * dimension,
    }
    if space.grouped:
        problem["groups"] = [parameter.group for parameter in space.parameters]
    if sampler == "saltelli":
        if n & (n - 1):
            raise SpaceError(f"n: expected a power of two for saltelli (its base sample), got {n}")
        points = saltelli.sample(problem, n, calc_second_order=False, scramble=True, seed=seed)
    else:
        points = morris.sample(problem, n, num_levels=MORRIS_LEVELS, seed=seed)
    return np.asarray(points, dtype=np.float64)


def _values(parameter: Parameter, points: NDArray[np.float64]) -> list[Value]:
    """Return one column of the design."""
    bounds = parameter.bounds
    if choices := parameter.choices:
        codes = np.clip(np.floor(points * len(choices)), 0, len(choices) - 1)
        return [choices[int(code)] for code in codes]
    if parameter.integer:
        low, high = bounds[0], bounds[1]
        whole = np.floor(low + points * (high - low + 1))
        return [int(value) for value in np.clip(whole, low, high)]
    if parameter.dist == "unif":
        low, high = bounds
        values = np.clip(low + points * (high - low), low, high)
    elif parameter.dist == "logunif":
        low, high = bounds
        values = np.clip(stats.loguniform.ppf(points, low, high), low, high)
    elif parameter.dist == "triang":
        low, high, peak = bounds
        values = stats.triang.ppf(points, c=peak, loc=low, scale=high - low)
    else:
        inner = np.clip(points, _SMALLEST, 1 - _SMALLEST)
        values = _normal_values(parameter.dist, bounds, inner)
    return [float(value) for value in values]


def _normal_values(
    dist: str, bounds: tuple[float, ...], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    if dist == "truncnorm":
        low, high, mean, deviation = bounds
        ends = (low - mean) / deviation, (high - mean) / deviation
        return np.asarray(stats.truncnorm.ppf(points, *ends, loc=mean, scale=deviation))
    mean, deviation = bounds
    values = stats.norm.ppf(points, loc=mean, scale=deviation)
    return np.asarray(np.exp(values) if dist == "lognorm" else values)
