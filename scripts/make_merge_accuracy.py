"""Write the accuracy table of docs/merging.md: merged numbers against exact rational arithmetic.

``python scripts/make_merge_accuracy.py`` rewrites the part of the page between its two marks. The
inputs are those of ``make_accuracy_table.py``, cut into parts of equal and of very different sizes.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final

from ecosim.telemetry_statistics import Moments, combine, moments
from make_accuracy_table import CELLS, error, exact, inputs

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "merging.md"
START: Final = "<!-- accuracy: made by scripts/make_merge_accuracy.py -->"
END: Final = "<!-- end of accuracy -->"

#: What a split is called, to where it cuts.
SPLITS: Final = {
    "4 equal parts": [1024, 2048, 3072],
    "1 value and the rest": [1],
    "512 parts of 8": list(range(8, CELLS, 8)),
}


def merged(values: list[float], cuts: list[int]) -> Moments:
    """Return the moments of values from those of the pieces between the cuts."""
    edges = [0, *cuts, len(values)]
    return combine(moments(values[a:b]) for a, b in pairwise(edges))


def number(found: float | None) -> float:
    """Return a variance; infinite where no double holds it."""
    return math.inf if found is None else found


def bound(values: list[float], variance: Fraction) -> str:
    """Return the documented bound of a merged variance, relative; nothing where there is none."""
    if not variance or variance > 1e300:
        return ""
    k = math.sqrt(sum(Fraction(value) ** 2 for value in values) / len(values) / variance)
    n, unit = len(values), 2.0**-53
    far = (8 * k * unit) ** 2 + (2 * n * k * unit) ** 2
    return f"{(2 * n + 40) * unit + 16 * k * unit + far:.1e}"


def table() -> str:
    """Return the table as Markdown."""
    rows = [
        f"| {CELLS:,} values | mean | variance, whole | "
        + " | ".join(f"variance, {name}" for name in SPLITS)
        + " | bound |",
        "|---|---|---|" + "---|" * len(SPLITS) + "---|",
    ]
    for name, values in inputs().items():
        mean, variance = exact(values)
        found = [merged(values, cuts) for cuts in SPLITS.values()]
        worst = max((one.mean for one in found), key=lambda one: abs(Fraction(one) - mean))
        cells = [error(worst, mean), error(number(moments(values).variance), variance)]
        cells += [error(number(one.variance), variance) for one in found]
        rows.append(f"| {name} | " + " | ".join([*cells, bound(values, variance)]) + " |")
    return "\n".join(rows)


def updated(page: str) -> str:
    """Return the page with its table made anew."""
    before, rest = page.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
