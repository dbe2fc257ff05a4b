"""SALib's estimators, called with care.

SALib changes the ``problem`` it is given, reads a seed of 0 as no seed, and lets one value that is
not finite turn every index into 0. So it gets a fresh problem each time, a seed that is never 0,
and finite outcomes alone.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecosim.analysis.aliasing import worst_alias
from ecosim.analysis.delta import Densities, class_edges, outcome_grid, reduced_deltas
from ecosim.analysis.floors import morris_floor, sobol_floor
from ecosim.batch.design import MORRIS_LEVELS

Array = NDArray[np.float64]

#: Resampled blocks that are held at a time: some 200 MB in SALib.
_DRAWN_AT_ONCE: Final = 4_000_000
#: Inputs that have no effect, made to see what an estimator gives for one.
_DUMMIES: Final = {"delta": 40, "rbd_fast": 200}
#: The share of a parameter's classes with one value of the outcome above which delta says little.
_MOST_CONSTANT: Final = 0.35
#: Parameters whose products in pairs are tried as outcomes, and the resamples of each trial.
_STRONGEST: Final = 4
_TRIAL_RESAMPLES: Final = 4
#: Resamples for the bias of a dummy's delta; its spread over dummies is what matters.
_DUMMY_RESAMPLES: Final = 20


class RefusedError(Exception):
    """Why one outcome cannot be analysed, while others may."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What an estimator works on.

    Attributes
    ----------
    names : tuple of str
        The factors: groups of parameters where the design moves groups, else parameters.
    groups : tuple of str or None
        The group of each parameter, where the design moves groups.
    columns : tuple of str
        The parameters.
    inputs : ndarray of shape (rows, parameters), float64
        Values; the code of a categorical parameter's choice.
    outcome : ndarray of shape (rows,), float64, finite
        Mean over the replicates.
    replicates : ndarray of shape (replicates, rows), float64
        The outcome of each; one row where there are none.
    same_seeds : bool
        Whether the rows of a block were run with one seed.
    confidence : float
        Of the intervals, between 0 and 1.
    resamples : int
        Bootstrap resamples.
    seed : int
    """

    names: tuple[str, ...]
    groups: tuple[str, ...] | None
    columns: tuple[str, ...]
    inputs: Array
    outcome: Array
    replicates: Array
    same_seeds: bool
    confidence: float
    resamples: int
    seed: int

    def salib(self) -> dict[str, Any]:
        """Return a fresh problem for SALib."""
        problem: dict[str, Any] = {
            "num_vars": len(self.columns),
            "names": list(self.columns),
            "bounds": [[0.0, 1.0]] * len(self.columns),
        }
        if self.groups is not None:
            problem["groups"] = list(self.groups)
        return problem

    def salib_seed(self, number: int) -> int:
        """Return a seed from 1 to 2**32 - 1 that follows from ``seed`` and a number."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(number,))
        return int(sequence.generate_state(1)[0]) | 1


class Estimate(NamedTuple):
    """What an estimator found, arrays with one entry a factor.

    ``values`` has each index by name, and the half-width of its interval under ``<name>_conf``;
    NaN where there is none. ``floor`` is what chance or the estimator alone would give the index
    that ranks, NaN where that is not known. ``clear`` is 1.0 where the index is distinguishable
    from that, 0.0 where it is not, NaN where the data cannot tell.
    """

    values: dict[str, Array]
    floor: Array
    clear: Array
    notes: list[str]


def estimate_sobol(problem: Problem) -> Estimate:
    """Return first-order and total effects from a saltelli design, with intervals."""
    from SALib.analyze import sobol

    count = len(problem.names)
    blocks = len(problem.outcome) // (count + 2)
    # SALib draws all resamples of all blocks at once; some at a time bounds the memory.
    most = max(2, _DRAWN_AT_ONCE // blocks)
    drawn: dict[str, list[Array]] = {"ST": [], "S1": []}
    values: dict[str, Array] = {}
    for number, start in enumerate(range(0, problem.resamples, most)):
        with warnings.catch_warnings():
            # Resamples of an outcome with few values are constant at times.
            warnings.filterwarnings("ignore", message="Constant values encountered")
            found = sobol.analyze(
                problem.salib(),
                problem.outcome.copy(),
                calc_second_order=False,
                num_resamples=max(2, min(most, problem.resamples - start)),
                conf_level=problem.confidence,
                keep_resamples=True,
                seed=problem.salib_seed(number),
            )
        for name, columns in drawn.items():
            values[name] = np.asarray(found[name], float)
            columns.append(found[f"{name}_conf_all"])
    for name, columns in drawn.items():
        spread = np.concatenate(columns).std(axis=0, ddof=1)
        values[f"{name}_conf"] = _quantile(problem.confidence) * spread
    if len(problem.replicates) > 1:
        rng = np.random.default_rng(problem.seed)
        floor, clear = sobol_floor(problem.replicates, count, problem.confidence, rng)
    else:
        surely = values["S1"] - values["S1_conf"] > 0
        floor, clear = _alone(values["ST"], surely, problem)
    total, sum_of_firsts = values["ST"].sum(), values["S1"].sum()
    notes = [
        f"the first-order effects sum to {sum_of_firsts:.2f}, the total effects to {total:.2f}; "
        "what the first lack of 1 is interaction or chance"
    ]
    return Estimate(values, floor, clear, notes)


def estimate_morris(problem: Problem) -> Estimate:
    """Return elementary effects from a morris design, with the interval of their mean."""
    from SALib.analyze import morris

    found = morris.analyze(
        problem.salib(),
        problem.inputs.copy(),
        problem.outcome.copy(),
        num_resamples=problem.resamples,
        conf_level=problem.confidence,
        num_levels=MORRIS_LEVELS,
        seed=np.random.default_rng(problem.seed),
    )
    # SALib's masked arrays hold whatever was computed; a group has no sign and so no mu or sigma.
    values: dict[str, Array] = {
        name: np.ma.filled(np.ma.asarray(found[name], dtype=float), np.nan)
        for name in ("mu_star", "mu_star_conf", "mu", "sigma")
    }
    values["mu"] = np.where(np.isnan(values["sigma"]), np.nan, values["mu"])
    if len(problem.replicates) > 1:
        step = MORRIS_LEVELS / (2 * (MORRIS_LEVELS - 1))
        members = [
            [i for i, own in enumerate(problem.groups or problem.columns) if own == name]
            for name in problem.names
        ]
        rng = np.random.default_rng(problem.seed)
        floor, clear = morris_floor(
            problem.replicates, problem.inputs, members, step, problem.confidence, rng
        )
    else:
        paths = len(problem.outcome) // (len(problem.names) + 1)
        quantile = _quantile(problem.confidence)
        surely = np.abs(values["mu"]) > quantile * values["sigma"] / paths**0.5
        floor, clear = _alone(values["mu_star"], surely, problem)
    return Estimate(values, floor, clear, [])


def estimate_rbd_fast(problem: Problem) -> Estimate:
    """Return first-order effects from a design that fills the space, with intervals."""
    from SALib.analyze import rbd_fast

    rng = np.random.default_rng(problem.seed)
    inputs, outcome = _shuffled(problem, rng)
    # A resample of an outcome with few values may be constant, and then no interval comes out.
    with np.errstate(invalid="ignore"):
        found = rbd_fast.analyze(
            problem.salib(),
            inputs,
            outcome,
            num_resamples=problem.resamples,
            conf_level=problem.confidence,
            seed=rng,
        )
    values = {name: np.asarray(found[name], float) for name in ("S1", "S1_conf")}
    alias = worst_alias(problem.inputs, values["S1"])
    if alias is not None:
        raise RefusedError(
            "expected rows whose order by one parameter tells nothing of the others, but sorted by "
            f"{problem.columns[alias.taken]} they leave {problem.columns[alias.other]} in waves, "
            f"which gives it an index of {alias.amount:.2f} that is not its own: a batch of "
            "--sampler lhs serves rbd_fast, and --method delta is misled less by these runs"
        )
    count = _DUMMIES["rbd_fast"]
    blank = {"num_vars": count, "names": [str(i) for i in range(count)]}
    dummies = rng.random((len(outcome), count))
    with np.errstate(invalid="ignore"):
        null = rbd_fast.analyze(blank, dummies, outcome, num_resamples=2, seed=rng)["S1"]
    estimate = _against_dummies(values, "S1", np.asarray(null, float), problem)
    if np.isnan(values["S1_conf"]).any():
        estimate.notes.append(
            "the outcome has one value in nearly all runs, so that there are no intervals"
        )
    return estimate


def estimate_delta(problem: Problem) -> Estimate:
    """Return delta from a design that fills the space, with intervals.

    SALib's ``delta.analyze`` seeds numpy's global generator, sets warning filters for the whole
    process, and gives nothing for less than 100 rows; :mod:`ecosim.analysis.delta` does not. Its
    first-order effects are left out: they come from the same few classes, which hide what happens
    within them (0.29 of 0.44 for the second input of the Ishigami function, at 1,024 runs).
    """
    rng = np.random.default_rng(problem.seed)
    inputs, outcome = _shuffled(problem, rng)
    deltas, spread = reduced_deltas(outcome, inputs, rng, problem.resamples)
    values = {"delta": deltas, "delta_conf": _quantile(problem.confidence) * spread}
    dummies = rng.random((len(outcome), _DUMMIES["delta"]))
    null, _ = reduced_deltas(outcome, dummies, rng, _DUMMY_RESAMPLES)
    estimate = _against_dummies(values, "delta", null, problem)
    _unclear_where_aliased(estimate, inputs, dummies, problem)
    densities = Densities(outcome, outcome_grid(outcome), class_edges(len(outcome)))
    if max(densities.constant_classes(column) for column in inputs.T) > _MOST_CONSTANT:
        estimate.notes.append(
            f"the outcome has one value in more than {_MOST_CONSTANT:.0%} of the classes of some "
            "parameter, which add nothing to delta: it is made for outcomes of many values"
        )
    return estimate


def _unclear_where_aliased(
    estimate: Estimate, inputs: Array, dummies: Array, problem: Problem
) -> None:
    """Take back what an order of the design explains as well as an effect.

    Where two inputs decide together, a sequence that fills a space of many dimensions may let a
    third seem to. So the products of the strongest are tried as outcomes.
    """
    rng = np.random.default_rng(problem.seed)
    deltas = estimate.values["delta"]
    strongest = np.argsort(-deltas, kind="stable")[:_STRONGEST]
    standard = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    seeming = np.zeros(len(deltas), dtype=bool)
    for one, other in combinations(strongest.tolist(), 2):
        product = standard[:, one] * standard[:, other]
        null, _ = reduced_deltas(product, dummies, rng, _TRIAL_RESAMPLES)
        found, _ = reduced_deltas(product, inputs, rng, _TRIAL_RESAMPLES)
        found[[one, other]] = 0
        seeming |= found > 2 * null.max()
    taken = seeming & (estimate.clear == 1)
    if taken.any():
        estimate.clear[taken] = np.nan
        names = ", ".join(
            name for name, is_taken in zip(problem.names, taken, strict=True) if is_taken
        )
        estimate.notes.append(
            f"{names}: stands out as well where two of the strongest parameters decide and nothing "
            "else, by an order of this design; a batch of --sampler lhs can tell"
        )


def _shuffled(problem: Problem, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the rows in an order of chance.

    Rows with equal values (of an integer, a choice) are ranked in the order they stand in, which
    in a sequence made to fill the space is no order of chance.
    """
    order = rng.permutation(len(problem.outcome))
    return problem.inputs[order], problem.outcome[order]


def _alone(index: Array, surely: NDArray[np.bool_], problem: Problem) -> tuple[Array, Array]:
    """Return floors, and what is above them, of a design without replicates.

    A model may draw its chance anew once a parameter has moved, whatever the seed, so there is a
    floor above 0 that is not known. Clear is what ``surely`` has shown by a sign that chance does
    not have, and what did not move the outcome at all under equal seeds.
    """
    still = np.where((index == 0) & problem.same_seeds, 0.0, np.nan)
    return np.full(len(index), np.nan), np.where(surely, 1.0, still)


def _against_dummies(
    values: dict[str, Array], ranked: str, null: Array, problem: Problem
) -> Estimate:
    level = float(np.quantile(null, problem.confidence))
    floor = np.full(len(problem.names), level)
    note = (
        f"{problem.confidence:.0%} of {len(null)} inputs made up at random, which have no effect, "
        f"have {ranked} up to {level:.3f}"
    )
    return Estimate(values, floor, np.where(values[ranked] > floor, 1.0, 0.0), [note])


def _quantile(confidence: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(0.5 + confidence / 2))
