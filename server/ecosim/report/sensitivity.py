"""Sensitivity results, as ``ecosim analyze`` writes them, made into rows with bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ecosim.report.texts import NOTHING, counted, number_text

_MOST_BARS: Final = 20


@dataclass(frozen=True, slots=True)
class Bar:
    """One parameter: ``start`` to ``stop`` is its bar, ``low`` to ``high`` its interval, percent.

    ``clear`` is whether it can be told from what chance would give; None where that is not known.
    """

    name: str
    text: str
    floor: str
    others: list[str]
    start: float
    stop: float
    low: float
    high: float
    clear: bool | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """One result: what was analysed, how, and the parameters by rank."""

    title: str
    caption: str
    index: str
    others: list[str]
    bars: list[Bar]
    zero: float
    notes: list[str]


def rankings(results: Sequence[Mapping[str, Any]], warnings: list[str]) -> list[Ranking]:
    """Return the rankings of results; one that lacks what is needed becomes a warning."""
    found = []
    for result in results:
        try:
            found.append(_ranking(result))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            warnings.append(f"A result of an analysis is left out: it lacks {error}.")
    return found


def _ranking(result: Mapping[str, Any]) -> Ranking:
    by = str(result["ranked_by"])
    labels = {str(one["name"]): one for one in result["indices"]}
    ranked = list(result["ranking"])[:_MOST_BARS]
    spans = [_span(entry["values"], by) for entry in ranked]
    low = min([0.0, *(span[1] for span in spans)])
    high = max([0.0, *(span[2] for span in spans)]) or 1.0
    others = [name for name in labels if name != by]

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    bars = []
    for entry, (value, least, most) in zip(ranked, spans, strict=True):
        values = entry["values"]
        bars.append(
            Bar(
                *(str(entry["name"]), _text(values, by), number_text(_number(entry["floor"]))),
                [_text(values, name) for name in others],
                *(place(min(0.0, value)), place(max(0.0, value)), place(least), place(most)),
                entry["distinguishable"],
            )
        )
    outcome, used, settings = result["outcome"], result["used"], result["settings"]
    unit = f" ({outcome['unit']})" if outcome["unit"] not in ("", "1") else ""
    caption = f"{outcome['meaning']}{unit}. " if outcome["meaning"] else ""
    caption += (
        f"From {counted(int(used['kept']), str(used['unit']))}, {used['left_out']} left out. The "
        f"bar is {labels[by]['label']} ({by}): {labels[by]['meaning']}. The thin line is its "
        f"{100 * float(settings['confidence']):g} % interval. Faint: cannot be told from chance."
    )
    more = len(result["ranking"]) - len(ranked)
    if more > 0:
        caption += f" {more} more below these {len(ranked)}."
    title = f"{outcome['name']} by {result['method']}"
    notes = [str(note) for note in result["notes"]]
    return Ranking(title, caption, by, others, bars, place(0.0), notes)


def _span(values: Mapping[str, Any], name: str) -> tuple[float, float, float]:
    """Return a value and the ends of its interval; zero where there is none."""
    value = _number(values[name]) or 0.0
    half = _number(values.get(f"{name}_conf")) or 0.0
    return value, value - half, value + half


def _text(values: Mapping[str, Any], name: str) -> str:
    value, half = _number(values.get(name)), _number(values.get(f"{name}_conf"))
    if value is None:
        return NOTHING
    return number_text(value, 3) + (f" ± {number_text(half, 2)}" if half is not None else "")


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(float(value)) else None
