"""The chart of what telemetry costs, from the figures last written."""

from __future__ import annotations

from benchmarks import results


def draw() -> None:
    """Write ``results/overhead.svg``: the overhead of each case beside what it should reach."""
    from matplotlib import use

    use("svg")
    from matplotlib import pyplot

    figures = results.read("overhead")
    rows = figures["rows"]
    places = range(len(rows))
    measured = [100 * row["overhead"] for row in rows]
    low = [100 * max(0.0, row["overhead"] - row["quartiles"][0]) for row in rows]
    high = [100 * max(0.0, row["quartiles"][1] - row["overhead"]) for row in rows]
    figure, axes = pyplot.subplots(figsize=(8, 1 + 0.55 * len(rows)), layout="constrained")
    axes.barh(places, measured, xerr=[low, high], color="#4477aa", capsize=3, label="measured")
    for place, row in zip(places, rows, strict=True):
        axes.vlines(100 * row["limit"], place - 0.4, place + 0.4, color="#cc3311")
    axes.plot([], [], color="#cc3311", label="to reach")
    axes.axvline(5, color="#777777", linestyle=":", label="limit of the project")
    axes.set_yticks(places, [f"{row['case']}\n{row['tick_us']:.0f} us a tick" for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("added to a tick, % (median of pairs of blocks, quartiles)")
    axes.set_title(f"What telemetry costs ({figures['machine']['backend']} core)")
    axes.legend(loc="lower right")
    # Without a date the file only changes with the figures.
    figure.savefig(results.FOLDER / "overhead.svg", metadata={"Date": None})
    pyplot.close(figure)
