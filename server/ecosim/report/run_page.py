"""The figures of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ecosim.report.figures import MOST_PLOTS, extent_text, spaced, spaced_note
from ecosim.report.plots import Figure, Mark, Plot, Value, band, bars, line
from ecosim.report.run_file import Point, RunData, Spread
from ecosim.report.scales import Axis, axis
from ecosim.report.texts import NOTHING, counted, number_text

#: Species that share one plot; with more, lines cannot be told apart.
_MOST_TOGETHER: Final = 16


@dataclass(frozen=True, slots=True)
class Matrix:
    """State changes of one species: ``rows`` has, for each state left, its counts by state entered.

    A cell is (text, share of the largest cell 0..1).
    """

    species: str
    total: int
    states: list[str]
    rows: list[tuple[str, list[tuple[str, float]]]]


def populations(data: RunData) -> list[Figure]:
    """Return the populations over time: all species together, and each by itself."""
    points = data.points
    ticks = [point.tick for point in points]
    names = data.species()
    if not ticks or not names:
        return []
    x = axis(ticks, count=6, tight=True)
    largest = sorted(names, key=lambda name: -data.highest.get(name, 0))[:_MOST_TOGETHER]
    together = [name for name in names if name in largest]
    y = axis([0, *(data.highest.get(name, 0) for name in together)], zero=True)
    marks = [
        line(x, y, ticks, _counts(points, name), series=names.index(name), label=name)
        for name in together
    ]
    shown = spaced(points)
    caption = "Living entities at each sample."
    if len(together) < len(names):
        caption += (
            f" The {len(together)} most numerous of {counted(len(names), 'species', 'species')}."
        )
    overview = Figure(
        "All species",
        caption,
        [
            Plot(
                *("", x, y, marks),
                "; ".join(f"{name} {extent_text(_counts(points, name))}" for name in together),
                unit_x="tick",
                unit_y="entities",
            )
        ],
        ["tick", *names],
        [[f"{p.tick}", *(number_text(p.counts.get(name)) for name in names)] for p in shown],
        wide=True,
        table_note=spaced_note(len(shown), len(points), "point"),
    )
    each = []
    small = axis(ticks, count=3, tight=True)
    numerous = sorted(names, key=lambda name: -data.highest.get(name, 0))[:MOST_PLOTS]
    for name in (name for name in names if name in numerous):
        counts = _counts(points, name)
        own = axis([0, *(c for c in counts if c is not None)], count=3, zero=True)
        gone = data.first_gone.get(name)
        each.append(
            Plot(
                *(name, small, own, [line(small, own, ticks, counts, series=names.index(name))]),
                f"{name} {extent_text(counts)}",
                note=f"gone at tick {gone:,}" if gone is not None else _ends(counts),
            )
        )
    return [overview, Figure("Each species", f"On its own scale.{_rest(names)}", each)]


def variables(data: RunData) -> list[Figure]:
    """Return a figure a state variable: mean and standard deviation over time, by species."""
    names = data.species()
    ticks = [point.tick for point in data.points]
    found = []
    for variable in data.config["variables"]:
        spreads = {
            name: [point.variables.get(name, {}).get(variable) for point in data.points]
            for name in names
        }
        having = {name: column for name, column in spreads.items() if any(column)}
        if having:
            found.append(
                _spread_figure(
                    variable,
                    "Mean over the living of the species; the band is one standard deviation to "
                    "either side. A gap: nobody alive.",
                    ticks,
                    having,
                    names.index,
                    ("mean", "mean − sd", "mean + sd"),
                )
            )
    return found


def layers(data: RunData) -> list[Figure]:
    """Return the voxel layers: mean over all cells, and the band from smallest to largest."""
    names = [*data.config["voxel_layers"]]
    names += sorted({name for point in data.points for name in point.layers} - set(names))
    columns = {name: [point.layers.get(name) for point in data.points] for name in names}
    having = {name: column for name, column in columns.items() if any(column)}
    if not having:
        return []
    caption = "Mean over all cells; the band reaches from the smallest to the largest cell."
    ticks = [point.tick for point in data.points]
    return [_spread_figure("Layers", caption, ticks, having, names.index, ("mean", "min", "max"))]


def events(data: RunData) -> list[Figure]:
    """Return the events in each window by type."""
    totals = data.events()
    kinds = [kind for kind, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))]
    points = [point for point in data.points if point.last > 0 or point.events]
    if not kinds or not points:
        return []
    edges = [(max(0, point.first - 1), point.last) for point in points]
    x = axis([edge for pair in edges for edge in pair], count=3, tight=True)
    plots = []
    for number, kind in enumerate(kinds[:MOST_PLOTS]):
        rates = [p.events[kind] / max(1, p.last - p.first + 1) for p in points]
        y = axis([0, *rates], count=3, zero=True)
        plots.append(
            Plot(
                *(kind, x, y, [bars(x, y, edges, rates, series=number)]),
                f"{kind}: {counted(totals[kind], 'event')}, a tick {extent_text(rates)}",
                note=f"{totals[kind]:,}",
                unit_y="a tick",
            )
        )
    shown = spaced(points)
    rows = [
        [f"{p.first} to {p.last}", *(number_text(p.events[kind]) for kind in kinds)] for p in shown
    ]
    rows.append(["whole run", *(number_text(totals[kind]) for kind in kinds)])
    caption = (
        "Events a tick in each window between samples, so that the area of the bars is the number "
        f"of events; beside the title, that of the whole run.{_rest(kinds)}"
    )
    note = spaced_note(len(shown), len(points), "window")
    head = ["window, ticks", *kinds]
    return [Figure("Events by type", caption, plots, head, rows, table_note=note)]


def occupancy(data: RunData) -> list[Figure]:
    """Return, by species, how many entities are in each state over time."""
    ticks = [point.tick for point in data.points]
    x = axis(ticks, count=3, tight=True)
    plots, all_states = (
        [],
        sorted({state for p in data.points for one in p.states.values() for state in one}),
    )
    if not ticks or not all_states:
        return []
    names = [name for name in data.species() if any(p.states.get(name) for p in data.points)]
    for name in names[:MOST_PLOTS]:
        y = axis([0, data.highest.get(name, 0)], count=3, zero=True)
        below = [0] * len(ticks)
        marks: list[Mark] = []
        for number, state in enumerate(all_states):
            counts = [p.states.get(name, {}).get(state, 0) for p in data.points]
            above = [low + count for low, count in zip(below, counts, strict=True)]
            if any(counts):
                marks.append(band(x, y, ticks, below, above, number, kind="stack"))
            below = above
        last = data.points[-1].states.get(name, {})
        told = ", ".join(f"{state} {count}" for state, count in sorted(last.items()))
        plots.append(Plot(name, x, y, marks, f"{name} at the end: {told or 'nobody'}"))
    shown = spaced(data.points, 12)
    rows = [
        [name, f"{p.tick}", *(number_text(p.states.get(name, {}).get(s, 0)) for s in all_states)]
        for name in names[:MOST_PLOTS]
        for p in shown
    ]
    caption = f"Entities by behavioural state, stacked to the population.{_rest(names)}"
    legend = list(enumerate(all_states))
    note = spaced_note(len(shown), len(data.points), "point")
    head = ["species", "tick", *all_states]
    title = "Who does what"
    return [Figure(title, caption, plots, head, rows, legend=legend, table_note=note)]


def transitions(data: RunData) -> list[Matrix]:
    """Return the state changes of each species over the run, from one state to another."""
    found = []
    for species, changes in sorted(data.transitions.items())[:MOST_PLOTS]:
        pairs = {tuple(change.partition(">")[::2]): count for change, count in changes.items()}
        states = sorted({state for pair in pairs for state in pair})
        top = max(pairs.values(), default=0)
        rows = [
            (
                left,
                [
                    (number_text(count), round(count / top, 3)) if count else ("", 0.0)
                    for entered in states
                    for count in [pairs.get((left, entered), 0)]
                ],
            )
            for left in states
        ]
        if top:
            found.append(Matrix(species, sum(pairs.values()), states, rows))
    return found


def _spread_figure(
    title: str,
    caption: str,
    ticks: list[int],
    columns: Mapping[str, Sequence[Spread | None]],
    series_of: Callable[[str], int],
    told: tuple[str, str, str],
) -> Figure:
    x = axis(ticks, count=3, tight=True)
    drawn = list(columns.items())[:MOST_PLOTS]
    shared = _shared(value for _, column in drawn for one in column if one is not None
                     for value in (one.mean, one.low, one.high) if value is not None)  # fmt: skip
    plots = []
    for name, column in drawn:
        means = [None if one is None else one.mean for one in column]
        lows = [None if one is None else one.low for one in column]
        highs = [None if one is None else one.high for one in column]
        values = [value for value in (*means, *lows, *highs) if value is not None]
        y = shared or axis(values, count=3)
        number = series_of(name)
        marks = [band(x, y, ticks, lows, highs, number), line(x, y, ticks, means, number)]
        plots.append(Plot(name, x, y, marks, f"{name}: mean {extent_text(means)}", _ends(means)))
    places = spaced(range(len(ticks)), 12)
    rows = [[name, f"{ticks[at]}", *_three(column[at])] for name, column in drawn for at in places]
    note = spaced_note(len(places), len(ticks), "point")
    text = caption + _rest(list(columns))
    return Figure(title, text, plots, ["", "tick", *told], rows, table_note=note)


def _shared(values: Iterable[float]) -> Axis | None:
    """Return one axis for plots of shares, so that they can be compared; None of other numbers."""
    found = list(values)
    low, high = min(found, default=0.0), max(found, default=0.0)
    if low < -0.5 or high > 1.5:
        return None
    return Axis(min(0.0, low), max(1.0, high), (0.0, 0.5, 1.0))


def _three(spread: Spread | None) -> list[str]:
    if spread is None:
        return [NOTHING] * 3
    return [number_text(spread.mean), number_text(spread.low), number_text(spread.high)]


def _counts(points: Sequence[Point], name: str) -> list[Value]:
    return [point.counts.get(name) for point in points]


def _ends(values: Sequence[Value]) -> str:
    found = [value for value in values if value is not None]
    return f"{number_text(found[0], 3)} → {number_text(found[-1], 3)}" if found else NOTHING


def _rest(names: Sequence[str]) -> str:
    """Return a sentence for what has no plot of its own because there are too many."""
    if len(names) <= MOST_PLOTS:
        return ""
    return f" {MOST_PLOTS} of {len(names):,} are drawn."
