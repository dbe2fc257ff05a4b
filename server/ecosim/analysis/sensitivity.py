"""Which parameters of a batch an outcome depends on, from the batch's own stored design."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecosim.analysis.aliasing import worst_alias
from ecosim.analysis.community import Role
from ecosim.analysis.definitions import Outcome
from ecosim.analysis.definitions import Settings as OutcomeSettings
from ecosim.analysis.estimators import Estimate, Problem, RefusedError
from ecosim.analysis.methods import METHODS, Method
from ecosim.analysis.outcomes import OutcomeTable, outcome_table
from ecosim.analysis.stored import Stored, check_replicates, open_stored
from ecosim.analysis.units import Used, refuse_few, used_units
from ecosim.batch.plan import BatchPlan
from ecosim.batch.samplers import block_size
from ecosim.errors import DatasetError, SpaceError

#: An outcome that varies by less than this share of its size varies by rounding alone.
_ROUNDING: Final = 1e-12
#: The share of an outcome's squared deviations above which one run decides every index.
_ONE_RUN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Settings:
    """How the indices are computed.

    Attributes
    ----------
    confidence : float
        Of the intervals; between 0 and 1, without these.
    resamples : int
        Bootstrap resamples, 2 to 100,000.
    seed : int
        Seeds them; 0 or more. The same seed gives the same numbers.

    Raises
    ------
    DatasetError
        A number is out of range.
    """

    confidence: float = 0.95
    resamples: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise DatasetError(
                f"confidence: expected a number between 0 and 1, got {self.confidence}"
            )
        if not 2 <= self.resamples <= 100_000:
            raise DatasetError(f"resamples: expected 2 to 100000, got {self.resamples}")
        if self.seed < 0:
            raise DatasetError(f"seed: expected an integer >= 0, got {self.seed}")


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The indices of one outcome.

    Attributes
    ----------
    method : Method
    outcome : Outcome
    plan : BatchPlan
    replicates : tuple of str
        The batch ids of the replicates beside the batch itself.
    settings : Settings
    used : Used
    values : ndarray of float64
        The outcome of the rows used, the mean over replicates.
    censored : int or None
        Of a time of an event, in how many of those runs it did not happen.
    factors : tuple of (name, parameters)
        In the order of the space.
    estimate : Estimate
        Arrays with one entry a factor.
    notes : tuple of str
    """

    method: Method
    outcome: Outcome
    plan: BatchPlan
    replicates: tuple[str, ...]
    settings: Settings
    used: Used
    values: NDArray[np.float64]
    censored: int | None
    factors: tuple[tuple[str, tuple[str, ...]], ...]
    estimate: Estimate
    notes: tuple[str, ...]

    def ranking(self) -> list[int]:
        """Return the factors' places, the greatest index first; those without one last."""
        ranked = self.estimate.values[self.method.indices[0].name]
        return sorted(
            range(len(self.factors)), key=lambda i: (math.isnan(ranked[i]), -ranked[i], i)
        )


@dataclass(frozen=True, slots=True)
class Analysis:
    """What :func:`analyze` found.

    Attributes
    ----------
    results : list of Sensitivity
    refused : dict
        Outcome to why it could not be analysed.
    """

    results: list[Sensitivity] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def analyze(
    folder: str | Path,
    outcomes: Sequence[str],
    method: str | None = None,
    *,
    settings: Settings | None = None,
    replicates: Sequence[str | Path] = (),
    outcome_settings: OutcomeSettings | None = None,
    roles: Mapping[str, Role] | None = None,
) -> Analysis:
    """Rank the parameters of a batch by each of some outcomes.

    Parameters
    ----------
    folder : path
        A batch folder with its dataset.
    outcomes : sequence of str
        As :func:`ecosim.analysis.outcomes.outcome_table` takes them.
    method : str, optional
        ``sobol``, ``morris``, ``delta`` or ``rbd_fast``; left out: what suits the batch's design.
    settings : Settings, optional
    replicates : sequence of path, optional
        Batches with the same design and model and other seeds. The outcome of a row is then the
        mean over all of them, and how they differ tells what chance alone gives an index.
    outcome_settings, roles : optional
        As :func:`ecosim.analysis.outcomes.outcome_table` takes them.

    Raises
    ------
    SpaceError
        The method cannot use the design, or a replicate is none.
    DatasetError
        There is no dataset, or an outcome is unknown or came out as something else than numbers.
    BatchFolderError
        The folder holds no batch.
    """
    if not outcomes:
        raise DatasetError("outcome: expected at least one, got none")
    settings = settings or Settings()
    stored = [open_stored(Path(one)) for one in (folder, *replicates)]
    first = stored[0]
    inputs = first.inputs()
    chosen = _method(method, first.batch.plan, inputs)
    check_replicates(first, stored[1:])
    tables = [
        outcome_table(one.dataset, outcomes, settings=outcome_settings, roles=roles)
        for one in stored
    ]
    analysis = Analysis()
    for outcome in tables[0].outcomes:
        try:
            found = _analyze_one(stored, tables, outcome, inputs, chosen, settings)
        except RefusedError as refusal:
            analysis.refused[outcome.name] = str(refusal)
        else:
            analysis.results.append(found)
    return analysis


def _method(name: str | None, plan: BatchPlan, inputs: NDArray[np.float64]) -> Method:
    """Return the method, if it can use the design of the plan."""
    fitting = [one for one in METHODS.values() if plan.sampler in one.samplers]
    if name is None:
        varied = inputs[:, np.ptp(inputs, axis=0) > 0]
        sorts = fitting[0].name == "rbd_fast" and varied.shape[1] > 0
        return fitting[1 if sorts and worst_alias(varied) is not None else 0]
    if name not in METHODS:
        raise SpaceError(f"method: expected one of {', '.join(METHODS)}, got {name!r}")
    method = METHODS[name]
    if method not in fitting:
        would = " or ".join(f"--sampler {one}" for one in method.samplers if one != "table")
        serves = " or ".join(f"--method {one.name}" for one in fitting)
        made = "a table" if plan.sampler == "table" else f"--sampler {plan.sampler}"
        raise SpaceError(
            f"method {name}: expected a batch made with {would}, this one was made with {made} "
            f"and serves {serves}"
        )
    return method


def _analyze_one(
    stored: Sequence[Stored],
    tables: Sequence[OutcomeTable],
    outcome: Outcome,
    inputs: NDArray[np.float64],
    method: Method,
    settings: Settings,
) -> Sensitivity:
    plan = stored[0].batch.plan
    lacking = [table.lacking[outcome.name] for table in tables if outcome.name in table.lacking]
    if lacking:
        raise RefusedError(lacking[0])
    aligned = [one.outcome(table, outcome.name) for one, table in zip(stored, tables, strict=True)]
    columns = np.array([column for column, _ in aligned])
    reasons = [
        next((r for r in each if r), "") for each in zip(*(r for _, r in aligned), strict=True)
    ]
    used = used_units(reasons, block_size(plan.space, plan.sampler))
    refuse_few(used, method, plan)
    kept_runs = {name for name, own in zip(stored[0].run_ids, used.rows, strict=True) if own}
    censored = _censored(tables[0], outcome.name, kept_runs)
    columns = columns[:, used.rows]
    mean = columns.mean(axis=0)
    if np.ptp(mean) <= _ROUNDING * np.abs(mean).max():
        never = censored == len(mean) and len(stored) == 1
        raise RefusedError(
            f"expected an outcome that varies, it is {mean[0]:g} in all {len(mean)} runs used"
            + (": it did not happen in any of them" if never else "")
        )
    factors = _factors(plan, method)
    grouped = method.grouped and plan.space.grouped
    # A table may hold parameters that never vary. Blocks and paths have a row for each parameter.
    varied = (np.ptp(inputs[used.rows], axis=0) > 0) | (method.unit != "run")
    columns_used = tuple(np.array(plan.space.names)[varied].tolist())
    problem = Problem(
        names=tuple(name for name, own in factors if set(own) & set(columns_used)),
        groups=tuple(one.group for one in plan.space.parameters) if grouped else None,
        columns=columns_used,
        inputs=inputs[np.ix_(used.rows, varied)],
        outcome=mean,
        replicates=columns,
        same_seeds=plan.seed_mode != "per_run",
        confidence=settings.confidence,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    estimate = _spread(method.estimate(problem), problem.names, factors)
    return Sensitivity(
        method=method,
        outcome=outcome,
        plan=plan,
        replicates=tuple(one.batch.plan.batch_id for one in stored[1:]),
        settings=settings,
        used=used,
        values=mean,
        censored=censored,
        factors=factors,
        estimate=estimate,
        notes=(
            *_notes(plan, method, mean, len(stored)),
            *filter(None, [tables[0].notes.get(outcome.name)]),
            *estimate.notes,
        ),
    )


def _factors(plan: BatchPlan, method: Method) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what the method has an index of, each with its parameters."""
    space = plan.space
    if not (method.grouped and space.grouped):
        return tuple((name, (name,)) for name in space.names)
    return tuple(
        (group, tuple(one.name for one in space.parameters if one.group == group))
        for group in space.groups
    )


def _spread(
    estimate: Estimate,
    names: Sequence[str],
    factors: Sequence[tuple[str, tuple[str, ...]]],
) -> Estimate:
    """Return an estimate with one entry a factor, NaN for those that never varied."""
    places = [index for index, (name, _) in enumerate(factors) if name in set(names)]

    def wide(column: NDArray[np.float64]) -> NDArray[np.float64]:
        full = np.full(len(factors), np.nan)
        full[places] = column
        return full

    return Estimate(
        {name: wide(column) for name, column in estimate.values.items()},
        wide(estimate.floor),
        wide(estimate.clear),
        estimate.notes,
    )


def _censored(table: OutcomeTable, name: str, kept_runs: set[str]) -> int | None:
    if name not in table.censored:
        return None
    pairs = zip(table.run_ids, table.censored[name], strict=True)
    return sum(bool(one) for run_id, one in pairs if run_id in kept_runs)


def _notes(
    plan: BatchPlan, method: Method, values: NDArray[np.float64], replicates: int
) -> list[str]:
    notes = []
    squares = (values - np.median(values)) ** 2
    share = float(squares.max() / squares.sum())
    if share > _ONE_RUN:
        notes.append(
            f"one run of {len(values)} has {share:.0%} of the squared deviations from the median: "
            "it alone decides the indices"
        )
    if plan.sampler == "table":
        notes.append(
            "the design is a table of the user's own: the method takes its rows for independent "
            "draws that fill the space"
        )
    if method.unit != "run" and replicates == 1:
        if plan.seed_mode == "per_run":
            notes.append(
                "every run has its own seed (seed mode per_run), so that an index that ranks holds "
                "chance too: where a model has chance, --replicate tells how much, and "
                "--seed-mode common or per_block takes out what equal seeds can"
            )
        else:
            notes.append(
                "runs that are compared have the same seed; where a model draws its chance anew "
                "once a parameter has moved, an index holds chance all the same: --replicate tells "
                "how much"
            )
    if plan.space.grouped and not method.grouped:
        notes.append(
            f"{method.name} has indices of parameters; the groups of the space are not used"
        )
    return notes


def distribution(found: Sensitivity) -> dict[str, Any]:
    """Return the figures of the outcome over the runs used."""
    values = found.values
    return {
        "runs": len(values),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": float(values.min()),
        "median": float(np.median(values)),
        "max": float(values.max()),
        "censored": found.censored,
    }
