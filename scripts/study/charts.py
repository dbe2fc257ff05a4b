"""Draw the charts of docs/study.md from what its commands left in a folder.

``python scripts/study/charts.py out/study --into docs/images``; needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import use

use("Agg")
from matplotlib import pyplot

INK, BLUE, RED, GREY = "#1f2430", "#2f6db3", "#c8553d", "#9aa3ad"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    # The same file from the same numbers.
    "svg.hashsalt": "study",
}
TITLES = {
    "shannon_end": "Shannon, end",
    "shannon_mean": "Shannon, mean",
    "richness_mean": "richness, mean",
    "total_consumers_mean": "consumers, mean",
    "capacity_consumers": "carrying capacity",
    "plant_cover_end": "plant cover, end",
    "nutrients_fast_mean": "fast nutrients",
    "time_to_first_extinction": "first extinction",
}
SHOWN_PARAMETERS = 26


def short(parameter: str) -> str:
    """Return a parameter's path without what all of its kind begin with."""
    return parameter.removeprefix("sim_config.").removeprefix("environment.")


def read(folder: Path, method: str) -> dict[str, dict[str, Any]]:
    """Return the analyses of a folder by outcome, those that have a title."""
    paths = {name: folder / f"{name}.{method}.json" for name in TITLES}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}


def draw_morris(folder: Path, into: Path) -> None:
    """Draw the mean absolute effects of all outcomes, in standard deviations of the outcome.

    Effects that do not stand out from chance are left white.
    """
    found = read(folder / "screening", "morris")
    names = [entry["name"] for entry in next(iter(found.values()))["ranking"]]
    effect = np.zeros((len(names), len(found)))
    clear = np.zeros(effect.shape, dtype=bool)
    for column, one in enumerate(found.values()):
        for entry in one["ranking"]:
            row = names.index(entry["name"])
            effect[row, column] = entry["values"]["mu_star"] / one["distribution"]["std"]
            clear[row, column] = entry["distinguishable"]
    above = np.where(clear, effect, 0)
    order = np.argsort(-above.max(axis=1))
    shown = order[:SHOWN_PARAMETERS]
    figure, axes = pyplot.subplots(figsize=(8.2, 7.8))
    axes.imshow(above[shown], cmap="Blues", vmin=0, vmax=2, aspect="auto")
    for (row, column), value in np.ndenumerate(effect[shown]):
        colour = "white" if value > 1.1 else INK
        colour = colour if clear[shown[row], column] else GREY
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(found)), [TITLES[name] for name in found], rotation=30, ha="left")
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(shown)), [short(names[place]) for place in shown])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    rest = above[order[SHOWN_PARAMETERS:]]
    axes.set_xlabel(
        "mean absolute effect of crossing a parameter's range, in standard deviations\n"
        f"grey: not above chance; the other {len(rest)} parameters: at most {rest.max():.2f} where "
        "above chance"
    )
    save(figure, into / "study-morris.svg")


def draw_sobol(folder: Path, into: Path) -> None:
    """Draw total and first-order effects with their intervals, and what chance alone gives."""
    found = read(folder / "sobol-found", "sobol")
    names = sorted(entry["name"] for entry in next(iter(found.values()))["ranking"])
    columns = (len(found) + 1) // 2
    figure, grid = pyplot.subplots(2, columns, figsize=(10, 6.6), sharey=True, squeeze=False)
    for axes, (name, one) in zip(grid.flat, found.items(), strict=False):
        entries = {entry["name"]: entry for entry in one["ranking"]}
        places = np.arange(len(names))
        for index, colour, shift in (("ST", BLUE, -0.18), ("S1", RED, 0.18)):
            values = [entries[n]["values"][index] for n in names]
            errors = [entries[n]["values"][f"{index}_conf"] for n in names]
            axes.barh(places + shift, np.clip(values, 0, None), 0.34, color=colour, label=index)
            axes.errorbar(values, places + shift, xerr=errors, fmt="none", ecolor=INK, lw=0.8)
        floors = [entries[n]["floor"] for n in names]
        if None not in floors:
            label = "ST by chance"
            axes.plot(floors, places - 0.18, "|", color=INK, ms=11, mew=1.6, label=label)
        axes.set_title(TITLES[name], fontsize=10)
        axes.set_xlim(-0.05, 1.1)
        axes.set_yticks(places, [short(n) for n in names])
    for axes in list(grid.flat)[len(found) :]:
        axes.set_visible(False)
    grid[0, 0].invert_yaxis()
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=len(labels), frameon=False)
    save(figure, into / "study-sobol.svg", top=0.95)


def draw_surrogate(folder: Path, into: Path) -> None:
    """Draw R2 on held-out runs with the bound that chance sets, and the learning curves."""
    found = json.loads((folder / "surrogate.json").read_text())
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9.6, 3.8), width_ratios=[1.1, 1])
    order = sorted(found, key=lambda name: np.mean(found[name]["r2"]))
    for place, name in enumerate(order):
        one = found[name]
        scores = np.array(one["r2"])
        left.barh(place, scores.mean(), 0.6, color=BLUE)
        left.plot(scores, np.full(len(scores), place), ".", color=INK, ms=4)
        if "noise" in one:
            low, high = one["noise"]["interval"]
            left.plot([low, high], [place + 0.38] * 2, color=RED, lw=2.5)
            left.plot(one["noise"]["bound"], place + 0.38, "|", color=RED, ms=8, mew=2)
    left.set_yticks(range(len(order)), [TITLES[name] for name in order])
    left.set_xlim(0, 1)
    left.set_xlabel("R² on held-out runs (dots: splits); red: the bound by chance")
    ends = sorted(
        (float(np.mean(list(one["curve"].values())[-1])), name) for name, one in found.items()
    )
    lowest = -1.0
    for end, name in ends:
        curve = found[name]["curve"]
        sizes = [int(size) for size in curve]
        means = [max(-0.1, float(np.mean(r2))) for r2 in curve.values()]
        right.plot(sizes, means, ".-", color=BLUE, lw=1.2)
        lowest = max(end, lowest + 0.055)
        right.text(sizes[-1] * 1.08, lowest, TITLES[name], va="center", fontsize=8)
    right.set_xscale("log", base=2)
    right.set_xticks(sizes, [str(size) for size in sizes])
    right.set_xlim(58, 2600)
    right.set_ylim(-0.1, 1.03)
    right.set_xlabel("runs learned from")
    right.set_ylabel("R² on held-out runs")
    save(figure, into / "study-surrogate.svg")


def draw_warning(folder: Path, into: Path) -> None:
    """Draw the areas under the ROC curve of each predictor, for several horizons."""
    paths = sorted(folder.glob("warning-*.json"))
    found = [json.loads(path.read_text()) for path in paths]
    found.sort(key=lambda one: (one["of"], one["horizon"]))
    figure, grid = pyplot.subplots(1, len(found), figsize=(11, 2.9), sharey=True, squeeze=False)
    for axes, one in zip(grid.flat, found, strict=True):
        for place, (name, area) in enumerate(one["predictors"].items()):
            colour = GREY if name.endswith("alone") else BLUE
            axes.plot(area["interval"], [place, place], color=colour, lw=2.5)
            axes.plot(area["auc"], place, "o", color=colour, ms=6)
        axes.set_yticks(range(len(one["predictors"])), list(one["predictors"]))
        axes.set_title(
            f"{one['of']}, within {one['horizon']} ticks\n{one['collapses']} of "
            f"{one['runs']} runs collapse",
            fontsize=9,
        )
        axes.set_xlim(0.66, 1.005)
        axes.grid(axis="x", color="#e6e8eb")
        axes.set_axisbelow(True)
    grid[0, 0].invert_yaxis()
    figure.supxlabel(
        "area under the ROC curve on runs not seen, 95 % interval over runs", fontsize=9
    )
    save(figure, into / "study-warning.svg")


def draw_ticks(folder: Path, into: Path) -> None:
    """Draw the consumers of each run over time."""
    found = json.loads((folder / "ticks.json").read_text())
    counts = np.array(found["consumers"])
    figure, axes = pyplot.subplots(figsize=(7.6, 3.4))
    step = max(1, len(found["ticks"]) // 60)
    axes.plot(found["ticks"][::step], counts.T[::step], color=BLUE, lw=0.6, alpha=0.35)
    axes.plot(found["ticks"], np.median(counts, axis=0), color=INK, lw=2, label="median")
    axes.axvline(1000, color=RED, lw=1.2, label="end of the study's runs")
    axes.set_xlim(0, found["ticks"][-1])
    axes.set_ylim(0, None)
    axes.set_xlabel("tick")
    axes.set_ylabel("consumers")
    axes.legend(frameon=False, loc="upper left")
    save(figure, into / "study-ticks.png")


def save(figure: Any, path: Path, top: float = 1) -> None:
    """Write a figure without the date, so that the same numbers give the same file."""
    figure.tight_layout(rect=(0, 0, 1, top))
    dates = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, metadata=dates, dpi=140)
    pyplot.close(figure)
    print(path)


def main() -> None:
    """Draw those charts whose numbers are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    arguments.into.mkdir(parents=True, exist_ok=True)
    needs = {
        "screening": draw_morris,
        "sobol-found": draw_sobol,
        "surrogate.json": draw_surrogate,
        "warning-bee-300.json": draw_warning,
        "ticks.json": draw_ticks,
    }
    with pyplot.rc_context(STYLE):
        for name, draw in needs.items():
            if (arguments.folder / name).exists():
                draw(arguments.folder, arguments.into)


if __name__ == "__main__":
    main()
