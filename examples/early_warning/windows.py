"""Runs of a batch as sliding windows of samples, each labelled by whether a collapse follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecosim.analysis.community import survey
from ecosim.analysis.measures import collapse
from ecosim.datasets import Dataset
from ecosim.errors import DatasetError

#: Fewer samples than this have no autocorrelation to speak of.
LEAST_SAMPLES = 8
CONSUMERS = "consumers"
INDICATORS = ("trend", "deviation", "autocorrelation")


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes
    ----------
    ticks : ndarray of shape (samples,)
    series : dict
        ``count`` of the population, the mean of each of its state variables, and the mean of each
        voxel layer, as arrays of shape (samples,); NaN where there is nobody to average over.
    collapse : float
        First sample in which the count is below a fraction of its maximum so far; infinite if that
        did not happen.
    """

    run_id: str
    ticks: NDArray[np.int64]
    series: dict[str, NDArray[np.float64]]
    collapse: float


@dataclass(frozen=True)
class Windows:
    """One row a window.

    Attributes
    ----------
    features : DataFrame
        What the README lists, from the samples of the window and the run's earlier maximum.
    label : ndarray of shape (windows,), bool
        Whether the population collapses within the horizon after the window's last sample.
    run : ndarray of shape (windows,), int
        Which run the window is from.
    tick : ndarray of shape (windows,)
        The window's last sample.
    left_out : dict
        Why windows are left out, and how many are.
    """

    features: pd.DataFrame
    label: NDArray[np.bool_]
    run: NDArray[np.int64]
    tick: NDArray[np.int64]
    left_out: dict[str, int]


def read_runs(data: Dataset, of: str, fraction: float) -> tuple[list[Run], int]:
    """Return the finished runs, watched for the species ``of``, or for all consumers together.

    Returns
    -------
    runs : list of Run
        Those that had the population in some sample.
    without : int
        How many never had it; what was never there cannot collapse.

    Raises
    ------
    DatasetError
        There is no such species, or no finished run had it.
    """
    community = survey(data)
    consumers = [community.species[place] for place in community.with_role("consumer")]
    members = consumers if of == CONSUMERS else [of]
    if not members or not set(members) <= set(community.species):
        known = ", ".join([CONSUMERS, *community.species])
        raise DatasetError(f"--of: expected one of {known}; got {of!r}")
    samples = _samples(data, members)
    runs = data.pandas("runs", columns=["run_id", "status"])
    found, without = [], 0
    # A run of a world without the species has no rows of it.
    there = set(samples.index[samples["count"] > 0].get_level_values("run_id"))
    for run_id in runs.run_id[runs.status == "completed"].astype(str):
        if run_id not in there:
            without += 1
            continue
        own = samples.loc[run_id]
        count = own["count"].to_numpy()
        at, censored = collapse(own.index.to_numpy(), count, fraction)
        series = {name: own[name].to_numpy() for name in own}
        found.append(Run(run_id, own.index.to_numpy(), series, np.inf if censored else at))
    if not found:
        raise DatasetError(f"{data.root}: expected finished runs with {of}, there is none")
    return found, without


def _samples(data: Dataset, members: list[str]) -> pd.DataFrame:
    """Return one row a run and tick: count and variables of the members, and the layers."""
    table = data.pandas("species", species=members)
    variables = [name.removesuffix("_mean") for name in table if name.endswith("_mean")]
    variables = [name for name in variables if table[f"{name}_mean"].notna().any()]
    for name in variables:
        table[name] = table[f"{name}_mean"] * table[f"{name}_n"]
    numbers = [f"{name}_n" for name in variables]
    table = table.astype({"run_id": str}).groupby(["run_id", "tick"])
    table = table[["count", *variables, *numbers]].sum().astype(float)
    for name in variables:
        table[name] = (table[name] / table[f"{name}_n"]).where(table[f"{name}_n"] > 0)
    layers = data.pandas("voxels", columns=["run_id", "tick", "layer", "mean"])
    layers = layers.astype({"run_id": str, "layer": str})
    layers = layers.pivot(index=["run_id", "tick"], columns="layer", values="mean")
    return table.drop(columns=numbers).join(layers)


def make_windows(runs: list[Run], window: int, horizon: int, every: int) -> Windows:
    """Return the windows of all runs.

    Parameters
    ----------
    runs : list of Run
    window, horizon : int
        Ticks that a window spans, and ticks after it in which a collapse counts.
    every : int
        Samples from one window to the next.

    Raises
    ------
    DatasetError
        The samples are not equally far apart, or a window holds too few of them.
    """
    tables, labels, places, ticks = [], [], [], []
    left_out = {"after the collapse": 0, "the horizon is not watched to its end": 0}
    for number, run in enumerate(runs):
        # The last window of a run may be shorter than the others; its sample is left out.
        steps = np.diff(run.ticks)
        step = int(steps[0]) if len(steps) else 0
        regular = len(run.ticks) - int(len(steps) > 0 and steps[-1] < step)
        if step and np.any(steps[: regular - 1] != step):
            raise DatasetError(f"{run.run_id}: expected samples equally far apart, they are not")
        size = window // step + 1 if step else 0
        if size < LEAST_SAMPLES:
            raise DatasetError(
                f"--window: expected {LEAST_SAMPLES} or more samples, that is "
                f"{(LEAST_SAMPLES - 1) * step} ticks; got {window} ticks with samples {step} apart"
            )
        ends = np.arange(size - 1, regular, every)
        after = run.ticks[ends] >= run.collapse
        # Near the end only collapses would be known: keeping them alone would bias the label.
        unseen = ~after & (run.ticks[ends] + horizon > run.ticks[-1])
        left_out["after the collapse"] += int(after.sum())
        left_out["the horizon is not watched to its end"] += int(unseen.sum())
        ends = ends[~after & ~unseen]
        if len(ends):
            tables.append(features(run, ends, size))
            labels.append(run.collapse <= run.ticks[ends] + horizon)
            places.append(np.full(len(ends), number))
            ticks.append(run.ticks[ends])
    if not tables:
        raise DatasetError("expected runs longer than window and horizon together, there is none")
    return Windows(
        pd.concat(tables, ignore_index=True),
        *(np.concatenate(column) for column in (labels, places, ticks)),
        left_out,
    )


def features(run: Run, ends: NDArray[np.int64], size: int) -> pd.DataFrame:
    """Return the features of the windows of ``size`` samples that end at the samples ``ends``."""
    count = run.series["count"]
    columns = {
        "level": count[ends],
        "share_of_maximum": count[ends] / np.maximum.accumulate(count)[ends].clip(1),
    }
    for name, values in run.series.items():
        inside = np.lib.stride_tricks.sliding_window_view(values, size)[ends - size + 1]
        columns |= {f"{name}.{kind}": column for kind, column in indicators(inside).items()}
        if name != "count":
            columns[f"{name}.level"] = values[ends]
    return pd.DataFrame(columns)


def indicators(inside: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return trend, and deviation and lag-1 autocorrelation about it (Dakos et al. 2012).

    Parameters
    ----------
    inside : ndarray of shape (windows, samples), float64

    Returns
    -------
    dict of ndarray of shape (windows,)
        Trend per sample and deviation in units of the values; autocorrelation -1..1, 0 for a
        straight line.
    """
    samples = inside.shape[1]
    time = np.arange(samples) - (samples - 1) / 2
    mean = inside.mean(axis=1, keepdims=True)
    trend = (inside - mean) @ time / (time @ time)
    rest = inside - mean - trend[:, None] * time
    square = (rest**2).sum(axis=1)
    lagged = (rest[:, 1:] * rest[:, :-1]).sum(axis=1)
    # What is left of a straight line is rounding, which has no autocorrelation.
    straight = square <= 1e-20 * (inside**2).sum(axis=1)
    correlation = np.divide(lagged, square, out=np.zeros(len(inside)), where=~straight)
    found = (trend, np.sqrt(square / samples), correlation)
    return dict(zip(INDICATORS, found, strict=True))
