"""What the figures of runs and of batches have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from ecosim.report.plots import Value
from ecosim.report.texts import counted, number_text

#: Most rows of a table that lists samples.
MOST_ROWS: Final = 40
#: Most small plots of one figure; the rest are named and counted.
MOST_PLOTS: Final = 48

_Item = TypeVar("_Item")


def spaced(items: Sequence[_Item], most: int = MOST_ROWS) -> list[_Item]:
    """Return at most so many of some items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    last = len(items) - 1
    return [items[round(index * last / (most - 1))] for index in range(most)]


def spaced_note(shown: int, there: int, noun: str) -> str:
    """Return a sentence that says how many of some items a table or figure shows, if not all."""
    if shown >= there:
        return ""
    return f"{shown:,} of {counted(there, noun)} are listed, evenly spaced."


def extent_text(values: Sequence[Value]) -> str:
    """Return what a line does, in words: where it begins and ends, and its range."""
    found = [value for value in values if value is not None]
    if not found:
        return "no values"
    return (
        f"from {number_text(found[0])} to {number_text(found[-1])}, "
        f"range {number_text(min(found))} to {number_text(max(found))}"
    )
