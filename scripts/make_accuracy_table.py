"""Write the accuracy table of docs/compiled-core.md: errors against exact rational arithmetic.

``python scripts/make_accuracy_table.py`` rewrites the part of the page between its two marks.
Inputs are made from fixed seeds, so the table only changes with the arithmetic (numpy's is that of
the version installed).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from ecosim.telemetry_layers import layer_statistics

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "compiled-core.md"
START: Final = "<!-- accuracy: made by scripts/make_accuracy_table.py -->"
END: Final = "<!-- end of accuracy -->"
DIMENSIONS: Final = (16, 16, 16)
CELLS: Final = math.prod(DIMENSIONS)

Variance = Callable[[list[float]], float]


def inputs() -> dict[str, list[float]]:
    """Return the inputs, by what they are."""
    draw = random.Random(1)
    return {
        "uniform in 0..1": [draw.random() for _ in range(CELLS)],
        "1e8 +- 1e-3": [1e8 + draw.uniform(-1e-3, 1e-3) for _ in range(CELLS)],
        "0.3 +- 1e-9": [0.3 + draw.uniform(-1e-9, 1e-9) for _ in range(CELLS)],
        "eleven orders of magnitude": [10 ** draw.uniform(-8, 3) for _ in range(CELLS)],
        "a constant, 0.1": [0.1] * CELLS,
        "one cell of 1 among zeros": [1.0] + [0.0] * (CELLS - 1),
        "squares beyond a double, 1e200": [draw.uniform(-1e200, 1e200) for _ in range(CELLS)],
    }


def welford(values: list[float]) -> float:
    """Return the variance by Welford's updating formula."""
    mean = squares = 0.0
    for count, value in enumerate(values, 1):
        deviation = value - mean
        mean += deviation / count
        squares += deviation * (value - mean)
    return squares / len(values)


def textbook(values: list[float]) -> float:
    """Return the variance as the mean of the squares less the square of the mean."""
    n = len(values)
    mean = sum(values) / n
    return sum(value * value for value in values) / n - mean * mean


def ours(values: list[float]) -> float:
    """Return the variance as both backends define it; infinite where no double holds it."""
    variance = layer_statistics(values, DIMENSIONS).moments.variance
    return float("inf") if variance is None else variance


def by_numpy(values: list[float]) -> float:
    """Return numpy's variance."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.var(np.array(values)))


METHODS: Final[dict[str, Variance]] = {
    "ecosim": ours,
    "numpy": by_numpy,
    "Welford": welford,
    "textbook": textbook,
}


def exact(values: list[float]) -> tuple[Fraction, Fraction]:
    """Return the mean and the variance without any rounding."""
    parts = [Fraction(value) for value in values]
    mean = sum(parts, Fraction(0)) / len(parts)
    return mean, sum(((part - mean) ** 2 for part in parts), Fraction(0)) / len(parts)


def error(found: float, truth: Fraction) -> str:
    """Return a relative error in words of a table."""
    if found != found or abs(found) == float("inf"):
        beyond = abs(truth) >= Fraction(2) ** 1024
        return "null: beyond a double" if beyond and found == found else "not a number"
    if truth == 0:
        return "exact" if found == 0 else f"{found:.1e} for 0"
    relative = abs(Fraction(found) - truth) / abs(truth)
    return "exact" if relative == 0 else f"{float(relative):.1e}"


def table() -> str:
    """Return the table as Markdown."""
    rows = [
        "| 16 x 16 x 16 cells | mean, ecosim | "
        + " | ".join(f"variance, {n}" for n in METHODS)
        + " |",
        "|---|---|" + "---|" * len(METHODS),
    ]
    for name, values in inputs().items():
        mean, variance = exact(values)
        found = layer_statistics(values, DIMENSIONS).moments.mean
        assert found is not None
        cells = [error(found, mean)]
        cells += [error(method(values), variance) for method in METHODS.values()]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def updated(page: str) -> str:
    """Return the page with its table made anew."""
    before, rest = page.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text()))
