"""The figures of a batch: outcomes, populations, parameters against outcomes, time to collapse."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecosim.report.batch_data import Array, BatchData, Populations
from ecosim.report.figures import MOST_PLOTS, spaced, spaced_note
from ecosim.report.plots import Figure, Plot, band, bars, dots, line, rule, steps, ticks_at
from ecosim.report.ranks import Correlation
from ecosim.report.scales import Axis, axis
from ecosim.report.survival import Survival, kaplan_meier
from ecosim.report.texts import counted, listed, number_text

#: Outcomes that parameters are held against; a batch of another world may lack some.
KEY_OUTCOMES: Final[tuple[str, ...]] = (
    "shannon_mean",
    "richness_end",
    "total_consumers_mean",
    "plant_cover_mean",
    "nutrients_fast_mean",
)
#: Pairs of parameter and outcome that are drawn, and how many of them one outcome may take.
_PAIRS: Final = 12
_PAIRS_OF_ONE: Final = 3
#: Most dots of one plot.
_MOST_DOTS: Final = 2048
_BINS: Final = 24
_SINGLE_RUNS: Final = 12
_SHARES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


def distributions(data: BatchData) -> list[Figure]:
    """Return the distribution of each outcome over the finished runs."""
    if data.outcomes is None:
        return []
    plots: list[Plot] = []
    rows: list[list[str]] = []
    same: list[str] = []
    for outcome in data.outcomes.outcomes:
        values = data.outcomes.values[outcome.name]
        finite = values[np.isfinite(values)]
        if outcome.name in data.outcomes.censored or not len(finite):
            continue
        rows.append(_quantile_row(outcome.name, outcome.unit, finite, outcome.meaning))
        if finite.min() == finite.max():
            same.append(f"{outcome.name} {number_text(float(finite[0]))}")
        elif len(plots) < MOST_PLOTS:
            plots.append(_histogram(outcome.name, outcome.unit, finite))
    head = ["outcome", "unit", "runs", "min", "5 %", "25 %", "median", "75 %", "95 %", "max"]
    caption = "How many runs came to which value; beside the title, the median."
    if same:
        caption += f" The same in every run: {listed(same)}."
    figure = Figure("Distributions", caption, plots, [*head, "what it is"], rows)
    return [figure] if rows else []


def speed(data: BatchData) -> list[Figure]:
    """Return how fast the runs were, and what telemetry took of their time."""
    if data.summary is None or not data.summary.ticks_per_second:
        return []
    found = (
        ("speed", "ticks a second", np.asarray(data.summary.ticks_per_second)),
        ("telemetry", "% of run time", 100 * np.asarray(data.summary.overhead)),
    )
    head = ["figure", "unit", "runs", "min", "5 %", "25 %", "median", "75 %", "95 %", "max"]
    rows = [_quantile_row(name, unit, values) for name, unit, values in found]
    plots = [_histogram(name, unit, values) for name, unit, values in found]
    return [Figure("Speed and cost", "Runs by speed and by telemetry's share.", plots, head, rows)]


def populations(data: BatchData) -> list[Figure]:
    """Return the median population of each species with quantile bands, and some single runs."""
    found = data.populations
    if found is None:
        return []
    x = axis(found.ticks.tolist(), count=3, tight=True)
    plots, rows = [], []
    singles = spaced(range(len(found.counts)), _SINGLE_RUNS)
    listed = spaced(range(len(found.ticks)), 12)
    largest = np.nanmax(found.counts, axis=(0, 1))
    drawn = np.sort(np.argsort(-largest, kind="stable")[:MOST_PLOTS])
    for place in drawn:
        name = found.species[place]
        counts = found.counts[:, :, place]
        shares = np.nanquantile(counts, _SHARES, axis=0).astype(np.float64)
        plots.append(_fan(name, found, x, counts[singles].astype(np.float64), shares))
        rows += [
            [name, f"{found.ticks[at]}", *(number_text(float(v)) for v in shares[:, at])]
            for at in listed
        ]
    caption = (
        f"Over {counted(len(found.counts), 'run')}: the line is the median, the darker band holds "
        "the middle half of the runs, the lighter one 90 %; thin lines are "
        f"{counted(len(singles), 'single run')}. Beside the title: runs in which the species is "
        "alive at the end."
    )
    if len(drawn) < len(found.species):
        caption += f" The {len(drawn)} most numerous of {len(found.species):,} species."
    head = ["species", "tick", "5 %", "25 %", "median", "75 %", "95 %"]
    note = spaced_note(len(listed), len(found.ticks), "tick")
    return [Figure("Each species", caption, plots, head, rows, table_note=note)]


def scatters(data: BatchData, found: list[Correlation]) -> list[Figure]:
    """Return the strongest pairs of parameter and outcome, a dot a run."""
    if data.outcomes is None or not found:
        return []
    taken: dict[str, int] = {}
    chosen: list[Correlation] = []
    for pair in found:
        if taken.get(pair.outcome, 0) < _PAIRS_OF_ONE and len(chosen) < _PAIRS:
            taken[pair.outcome] = taken.get(pair.outcome, 0) + 1
            chosen.append(pair)
    names = sorted(taken)
    plots, rows = [], []
    for pair in chosen:
        settings = data.parameters[pair.parameter]
        values = data.outcomes.values[pair.outcome]
        both = np.isfinite(settings) & np.isfinite(values)
        plot, middles = _scatter(pair, settings[both], values[both], names.index(pair.outcome))
        plots.append(plot)
        for (low, high), middle in middles:
            between = f"{number_text(low)} to {number_text(high)}"
            told = [pair.parameter, pair.outcome, f"{pair.n:,}", f"{pair.rho:+.2f}"]
            rows.append([*told, between, number_text(middle)])
    fewest, most = min(pair.n for pair in chosen), max(pair.n for pair in chosen)
    count = counted(most, "run") if fewest == most else f"{fewest:,} to {counted(most, 'run')}"
    caption = (
        f"Over {count}: a dot is a run, the line joins the medians of tenths of the runs. ρ is "
        f"Spearman's rank correlation. At most {_PAIRS_OF_ONE} parameters an outcome."
    )
    head = ["parameter", "outcome", "n", "ρ", "parameter from, to", "median outcome"]
    return [Figure("Parameter against outcome", caption, plots, head, rows)]


def survivals(data: BatchData) -> list[Figure]:
    """Return the share of runs without a collapse, without an extinction, and by species."""
    figures = []
    if data.outcomes is not None and data.outcomes.censored:
        curves = {
            name.replace("_", " "): (data.outcomes.values[name], censored)
            for name, censored in data.outcomes.censored.items()
            if np.isfinite(data.outcomes.values[name]).any()
        }
        caption = (
            "Kaplan-Meier: the share of runs in which it has not happened yet, with a 95 % band. "
            "A short stroke marks where runs ended without it (censored)."
        )
        figures.append(_survival_figure("Collapse and first extinction", caption, curves))
    found = data.populations
    if found is not None:
        lost = [place for place in range(len(found.species)) if not found.still[:, place].all()]
        curves = {
            found.species[place]: (
                found.gone[found.there[:, place], place],
                found.still[found.there[:, place], place],
            )
            for place in lost[:MOST_PLOTS]
        }
        if curves:
            caption = (
                "The share of the runs that ever had the species in which it is not gone: it "
                "is gone at the first sample without it after one with it, even if it comes back. "
                "A species that no run lost is not drawn."
            )
            figures.append(_survival_figure("Each species that some run lost", caption, curves))
    return [figure for figure in figures if figure.plots]


def _survival_figure(
    title: str, caption: str, curves: dict[str, tuple[Array, np.ndarray]]
) -> Figure:
    last = max((float(np.nanmax(ticks)) for ticks, _ in curves.values()), default=1.0)
    x, y = axis([0, last], count=3, tight=True), Axis(0.0, 1.0, (0.0, 0.5, 1.0))
    plots, rows = [], []
    note = ""
    for number, (name, (ticks, censored)) in enumerate(curves.items()):
        there = np.isfinite(ticks)
        found = kaplan_meier(ticks[there], censored[there])
        plots.append(_survival_plot(name, found, x, y, last, number))
        listed = spaced(range(len(found.ticks)), 20)
        note = note or spaced_note(len(listed), len(found.ticks), "step")
        rows += [
            [
                *(name, number_text(found.ticks[at]), f"{found.at_risk[at]:,}"),
                *(f"{found.happened[at]:,}", number_text(found.share[at], 3)),
                f"{number_text(found.low[at], 3)} to {number_text(found.high[at], 3)}",
            ]
            for at in listed
        ]
    head = ["", "tick", "runs at risk", "happened", "share without", "95 % interval"]
    return Figure(title, caption, plots, head, rows, table_note=note)


def _survival_plot(name: str, found: Survival, x: Axis, y: Axis, last: float, number: int) -> Plot:
    ticks = [*found.ticks, last]
    share, low, high = ([*values, values[-1]] for values in (found.share, found.low, found.high))
    stairs = [value for pair in zip(ticks, ticks, strict=True) for value in pair][1:]
    below = [value for pair in zip(low, low, strict=True) for value in pair][:-1]
    above = [value for pair in zip(high, high, strict=True) for value in pair][:-1]
    happened, runs = sum(found.happened), found.at_risk[0]
    marks = [
        band(x, y, stairs, below, above, number),
        steps(x, y, ticks, share, number),
        ticks_at(x, y, [t for t, _ in found.censored], [s for _, s in found.censored]),
    ]
    median = found.median()
    told = f"half by tick {number_text(median)}" if median is not None else "not in half of them"
    summary = f"{name}: happened in {happened:,} of {counted(runs, 'run')}, {told}"
    return Plot(name, x, y, marks, summary, f"{happened:,} of {runs:,}", "tick", "share without")


def _scatter(
    pair: Correlation, settings: Array, values: Array, number: int
) -> tuple[Plot, list[tuple[tuple[float, float], float]]]:
    """Return the plot, and the medians of the outcome in tenths of the runs by parameter."""
    x, y = axis(settings.tolist(), count=3, tight=True), axis(values.tolist(), count=3)
    shown = spaced(range(len(values)), _MOST_DOTS)
    tenths = _tenths(settings)
    at = [float(np.median(settings[part])) for part in tenths]
    middles = [float(np.median(values[part])) for part in tenths]
    marks = [
        dots(x, y, settings[shown].tolist(), values[shown].tolist(), number, few=len(shown) < 200),
        line(x, y, at, middles, number),
    ]
    summary = f"{pair.outcome} against {pair.parameter}: rho {pair.rho:.2f} over {pair.n:,} runs"
    ranges = [(float(settings[part[0]]), float(settings[part[-1]])) for part in tenths]
    plot = Plot(pair.outcome, x, y, marks, summary, f"ρ {pair.rho:+.2f}", pair.parameter)
    return plot, list(zip(ranges, middles, strict=True))


def _tenths(settings: Array) -> list[NDArray[np.intp]]:
    """Return the places of the runs in ten parts by a parameter; of few values, by value."""
    values = np.unique(settings)
    if len(values) <= 10:
        return [np.flatnonzero(settings == value) for value in values]
    order = np.argsort(settings, kind="stable")
    return [part for part in np.array_split(order, min(10, len(order) // 2)) if len(part)]


def _fan(name: str, found: Populations, x: Axis, singles: Array, shares: Array) -> Plot:
    series = found.species.index(name)
    y = axis([0, float(np.nanmax(shares)), float(np.nanmax(singles))], count=3, zero=True)
    ticks = found.ticks.tolist()
    low, lower, middle, upper, high = (row.tolist() for row in shares)
    thin = [line(x, y, ticks, row.tolist(), series, kind="thin") for row in singles]
    marks = [
        band(x, y, ticks, low, high, series),
        band(x, y, ticks, lower, upper, series, kind="inner"),
        *thin,
        line(x, y, ticks, middle, series),
    ]
    place = found.species.index(name)
    last = found.counts[:, :, place]
    ends = np.array([row[~np.isnan(row)][-1] for row in last if not np.isnan(row).all()])
    alive = f"{100 * float((ends > 0).mean()):.0f} %" if len(ends) else ""
    summary = (
        f"{name}: median from {number_text(middle[0])} to {number_text(middle[-1])}, 90 % of runs "
        f"at the end from {number_text(low[-1])} to {number_text(high[-1])}, alive in {alive}"
    )
    return Plot(name, x, y, marks, summary, f"alive in {alive}")


def _histogram(name: str, unit: str, values: Array) -> Plot:
    low, high = float(values.min()), float(values.max())
    if high - low < _BINS and (values == np.round(values)).all():
        # Whole numbers have a bar each.
        edges = np.arange(low - 0.5, high + 1)
        x = axis([edges[0], edges[-1]], count=3, tight=True)
    else:
        x = axis([low, high], count=3, tight=True)
        edges = np.linspace(x.low, x.high, _BINS + 1)
    counts, _ = np.histogram(values, bins=edges)
    y = axis([0, float(counts.max())], count=2, zero=True)
    sides = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    middle = float(np.median(values))
    summary = (
        f"{name} of {counted(len(values), 'run')}: median {number_text(middle)}, from "
        f"{number_text(low)} to {number_text(high)}"
    )
    marks = [bars(x, y, sides, counts.tolist()), rule(x, middle)]
    return Plot(name, x, y, marks, summary, number_text(middle), unit_x=unit, unit_y="runs")


def _quantile_row(name: str, unit: str, values: Array, *more: str) -> list[str]:
    numbers = np.quantile(values, [0, *_SHARES, 1])
    texts = [number_text(float(number)) for number in numbers]
    return [name, unit, f"{len(values):,}", *texts, *more]
