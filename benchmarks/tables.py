"""The tables of the pages, from the figures last written.

``python -m benchmarks.tables`` writes them anew; ``python -m benchmarks`` does so in the end. A
page has a pair of marks for each table, and the first names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from benchmarks import results

PROJECT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = ("README.md", "docs/compiled-core.md", "docs/model.md")
_PLACE: Final = re.compile(
    r"(<!-- table of (\w+): made by python -m benchmarks -->\n).*?(<!-- end of table -->)",
    re.DOTALL,
)


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table as Markdown."""
    heading = list(head)
    lines = [heading, ["---"] * len(heading), *map(list, rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def percent(share: float, digits: int = 2) -> str:
    """Return a share in percent, without the sign."""
    return f"{100 * share:.{digits}f}"


def significant(value: float) -> str:
    """Return three digits of a value, more only where it has them before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def overhead() -> str:
    """Return what telemetry adds to a tick, and what the emitter says of itself."""
    rows = []
    for row in results.read("overhead")["rows"]:
        least, most = row["interval_95"]
        measured, own = row["overhead"], row["emitter_share"]
        rows.append(
            (
                row["case"],
                f"{row['entities']:,}",
                significant(row["tick_us"]),
                f"{percent(measured)} %",
                f"{percent(least)} to {percent(most)}",
                f"{percent(row['limit'], 1)} %",
                f"{percent(own)} %, {max(own / measured, measured / own):.1f} times",
            )
        )
    counted = results.read("instructions")
    rows.append(
        (
            f"the same counted in instructions, {counted['case']}",
            "",
            "",
            f"{percent(counted['overhead'])} %",
            "",
            f"{percent(counted['limit'], 1)} %",
            "",
        )
    )
    heads = ("a tick with telemetry against one without", "entities", "us without", "added")
    return markdown((*heads, "95 % interval", "to reach", "own account, off by"), rows)


def stalls() -> str:
    """Return how long a call of the emitter holds up a tick, over all ticks and by what it does."""
    figures = results.read("stalls")
    median, most, worst = (
        significant(figures[key]) for key in ("median_us", "p999_us", "worst_us")
    )
    worst = f"{worst}: {figures['worst_cause']}"
    rows = [("all ticks", f"{figures['ticks']:,}", median, most, worst)]
    for row in figures["rows"]:
        median, worst = (significant(row[key]) for key in ("median_us", "worst_us"))
        rows.append((row["cause"], f"{row['ticks']:,}", median, "", worst))
    heads = ("us that the emitter holds up", "ticks", "median", "99.9 %", "worst")
    return markdown(heads, rows)


def parts() -> str:
    """Return the jobs of the core one by one, beside what else could do them."""
    rows = []
    for row in results.read("parts")["rows"]:
        unit = "times" if row["unit"] == "ratio" else row["unit"]
        limit = "" if row["limit"] is None else f"{row['limit']:g} {unit}"
        rows.append((row["job"], row["by"], f"{significant(row['value'])} {unit}", limit))
    return markdown(("job", "by", "median", "to reach"), rows)


def around_sample() -> str:
    """Return where a sample costs time."""
    rows = [
        (
            row["case"],
            significant(row["call_us"]),
            " + ".join(f"{behind:.0f}" for behind in row["behind_us"]).replace("+ -", "- "),
            significant(row["quiet_us"]),
            f"{percent(row['share'])} %",
        )
        for row in results.read("around_sample")["rows"]
    ]
    heads = ("demo world, K=50", "the call, us", "ticks behind it, us more", "quiet calls, us")
    return markdown((*heads, "of all ticks"), rows)


def engine() -> str:
    """Return how long a tick takes without telemetry."""
    figures = results.read("engine_speed")
    growth = ["", *(f"{value:.2f}" for value in figures["exponents"].values())]
    rows = [
        (
            f"{row['entities']:,}",
            *(f"{row[key]:,.0f}" for key in ("median_us", "mean_us", "p95_us")),
            significant(row["mean_us"] / row["entities"]),
            exponent,
        )
        for row, exponent in zip(figures["sizes"], growth, strict=True)
    ]
    heads = ("entities", "median us a tick", "mean", "95th percentile", "mean an entity")
    return markdown((*heads, "grows as entities to the power"), rows)


TABLES: Final[dict[str, Callable[[], str]]] = {
    made.__name__: made for made in (overhead, stalls, parts, around_sample, engine)
}


def updated(page: str) -> str:
    """Return a page with its tables made anew."""
    return _PLACE.sub(lambda place: place[1] + TABLES[place[2]]() + place[3], page)


def write() -> None:
    """Write the tables of all pages."""
    for name in PAGES:
        path = PROJECT / name
        path.write_text(updated(path.read_text()))


if __name__ == "__main__":
    write()
