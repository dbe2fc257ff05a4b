"""Plots: marks in a square of :data:`~ecosim.report.scales.SPAN` units that the page stretches.

Labels are text of the page around that square, so that they keep their size at any width. Strokes
keep theirs too (``vector-effect``), and a dot is a line of no length with round ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ecosim.report.scales import SPAN, Axis

#: A value, or None (or one that is not finite) where a line has a gap.
Value = float | None
Kind = Literal[
    "line", "band", "inner", "stack", "thin", "dots", "dots few", "bars", "rule", "ticks"
]


@dataclass(frozen=True, slots=True)
class Mark:
    """One path.

    Attributes
    ----------
    kind : str
        Decides its look.
    path : str
        The ``d`` of an SVG path.
    series : int
        Number of its colour; colours come again after eight, with dashes.
    label : str
        What it is; shown in the legend and beside the end of a line.
    end : float or None
        Where a line ends, 0..1 from the bottom; for its label.
    """

    kind: Kind
    path: str
    series: int = 0
    label: str = ""
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Plot:
    """One set of axes with marks.

    Attributes
    ----------
    title : str
    x, y : Axis
    marks : list of Mark
        Drawn in this order.
    summary : str
        What the plot shows, for those who cannot see it.
    note : str
        A short figure beside the title.
    unit_x, unit_y : str
    """

    title: str
    x: Axis
    y: Axis
    marks: list[Mark]
    summary: str
    note: str = ""
    unit_x: str = ""
    unit_y: str = ""

    def end_labels(self) -> list[tuple[float, str, int]]:
        """Return place in percent from the top, text and series of each line's end, kept apart."""
        wanted = sorted((100 - 100 * m.end, m.label, m.series) for m in self.marks
                        if m.end is not None and m.label)  # fmt: skip
        return _apart(wanted)


@dataclass(frozen=True, slots=True)
class Figure:
    """Plots that belong together, and what they show as a table.

    Attributes
    ----------
    title, caption : str
    plots : list of Plot
    head : list of str
        Of the table's columns.
    rows : list of list of str
    wide : bool
        Whether the plots take the whole width, each.
    legend : list of (series, text)
    table_note : str
        What the table leaves out.
    """

    title: str
    caption: str
    plots: list[Plot]
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    wide: bool = False
    legend: list[tuple[int, str]] = field(default_factory=list)
    table_note: str = ""


def line(
    x: Axis,
    y: Axis,
    xs: Sequence[float],
    ys: Sequence[Value],
    series: int = 0,
    label: str = "",
    kind: Kind = "line",
) -> Mark:
    """Return a line through the points; it has a gap where a value is missing."""
    path = "".join(_trace(run) for run in _runs(x, y, xs, ys))
    last = next((value for value in reversed(ys) if _is_there(value)), None)
    end = None if last is None else min(1.0, max(0.0, y.place(last)))
    return Mark(kind, path, series, label, end)


def band(
    x: Axis,
    y: Axis,
    xs: Sequence[float],
    lows: Sequence[Value],
    highs: Sequence[Value],
    series: int = 0,
    kind: Kind = "band",
) -> Mark:
    """Return the area between two lines; it has a gap where either is missing."""
    both = [_is_there(low) and _is_there(high) for low, high in zip(lows, highs, strict=True)]
    low_runs = _runs(x, y, xs, [v if ok else None for v, ok in zip(lows, both, strict=True)])
    high_runs = _runs(x, y, xs, [v if ok else None for v, ok in zip(highs, both, strict=True)])
    path = "".join(
        _trace([*high, *reversed(low)]) + "z" for low, high in zip(low_runs, high_runs, strict=True)
    )
    return Mark(kind, path, series)


def steps(
    x: Axis, y: Axis, xs: Sequence[float], ys: Sequence[float], series: int = 0, label: str = ""
) -> Mark:
    """Return a line that keeps each value until the next point."""
    wide_x = [value for pair in zip(xs, xs, strict=True) for value in pair][1:]
    wide_y = [value for pair in zip(ys, ys, strict=True) for value in pair][:-1]
    return line(x, y, wide_x, wide_y, series, label)


def dots(
    x: Axis,
    y: Axis,
    xs: Sequence[float],
    ys: Sequence[Value],
    series: int = 0,
    *,
    few: bool = False,
) -> Mark:
    """Return a dot for each point, larger for few; those on the same spot are drawn once."""
    places = dict.fromkeys(place for run in _runs(x, y, xs, ys) for place in run)
    return Mark("dots few" if few else "dots", "".join(f"M{a} {b}h0" for a, b in places), series)


def ticks_at(x: Axis, y: Axis, xs: Sequence[float], ys: Sequence[float], series: int = 0) -> Mark:
    """Return a short upright stroke at each point: where runs were censored."""
    places = dict.fromkeys(place for run in _runs(x, y, xs, ys) for place in run)
    return Mark("ticks", "".join(f"M{a} {b - SPAN // 40}v{SPAN // 20}" for a, b in places), series)


def bars(
    x: Axis,
    y: Axis,
    edges: Sequence[tuple[float, float]],
    heights: Sequence[float],
    series: int = 0,
) -> Mark:
    """Return bars from zero, one over each pair of edges."""
    path = []
    base = _down(y, 0.0)
    for (left, right), height in zip(edges, heights, strict=True):
        start, stop = _along(x, left), _along(x, right)
        gap = 4 if stop - start > 24 else 0
        rise = _down(y, height) - base
        if rise:
            path.append(f"M{start} {base}v{rise}h{max(1, stop - start - gap)}v{-rise}z")
    return Mark("bars", "".join(path), series)


def rule(x: Axis, value: float) -> Mark:
    """Return a thin upright line through the plot at a value."""
    return Mark("rule", f"M{_along(x, value)} 0v{SPAN}")


def _is_there(value: Value) -> bool:
    return value is not None and math.isfinite(value)


def _runs(
    x: Axis, y: Axis, xs: Sequence[float], ys: Sequence[Value]
) -> list[list[tuple[int, int]]]:
    """Return the stretches of points between gaps, in the units of paths."""
    found: list[list[tuple[int, int]]] = []
    current: list[tuple[int, int]] = []
    for at, value in zip(xs, ys, strict=True):
        if value is None or not math.isfinite(value) or not math.isfinite(at):
            if current:
                found.append(current)
            current = []
        else:
            current.append((_along(x, at), _down(y, value)))
    return [*found, current] if current else found


def _trace(places: Iterable[tuple[int, int]]) -> str:
    """Return a path through places, by differences; one place alone becomes a dot."""
    text: list[str] = []
    before: tuple[int, int] | None = None
    for a, b in places:
        if before is None:
            text.append(f"M{a} {b}")
        elif (a, b) != before:
            text.append(f"l{a - before[0]} {b - before[1]}")
        before = (a, b)
    return "".join(text) + ("h0" if len(text) == 1 else "")


def _along(x: Axis, value: float) -> int:
    return round(SPAN * min(1.5, max(-0.5, x.place(value))))


def _down(y: Axis, value: float) -> int:
    return round(SPAN * (1 - min(1.5, max(-0.5, y.place(value)))))


def _apart(
    wanted: list[tuple[float, str, int]], least: float = 5.5
) -> list[tuple[float, str, int]]:
    """Return the labels moved so that neighbours are ``least`` percent apart, within 0..100."""
    if not wanted:
        return []
    least = min(least, 100 / len(wanted))
    placed: list[float] = []
    for place, _, _ in wanted:
        placed.append(max(place, placed[-1] + least) if placed else max(0.0, place))
    limit = 100.0
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - least
    return [(round(p, 2), text, s) for p, (_, text, s) in zip(placed, wanted, strict=True)]
