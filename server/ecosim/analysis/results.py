"""A sensitivity analysis as JSON, as a ranked table in CSV, and as lines for a terminal."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import Any, Final

from ecosim.analysis.sensitivity import Sensitivity, distribution
from ecosim.batch.layout import readable_json, write_whole
from ecosim.batch.samplers import block_size
from ecosim.errors import BatchFolderError, DatasetError

#: Raised when a key of the JSON changes its meaning.
SCHEMA_VERSION: Final = 1

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME: Final = 120
_BAR: Final = 24
#: Half-widths of intervals outside these are written with an exponent.
_SMALLEST: Final = 1e-4
_LARGEST: Final = 1e6


def analysis_folder(batch: Path) -> Path:
    """Return the folder of a batch's analyses."""
    return batch / "analysis"


def result_paths(folder: Path, outcome: str, method: str) -> tuple[Path, Path]:
    """Return the JSON and the CSV file of an outcome's analysis."""
    safe = _UNSAFE.sub("_", outcome)[:_LONGEST_NAME]
    return folder / f"{safe}.{method}.json", folder / f"{safe}.{method}.csv"


def to_json(found: Sensitivity) -> dict[str, Any]:
    """Return a result as ``docs/analysis.md`` describes it."""
    plan, used, outcome = found.plan, found.used, found.outcome
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "sensitivity",
        "method": found.method.name,
        "outcome": {
            "name": outcome.name,
            "unit": outcome.unit,
            "range": [_number(outcome.low), _number(outcome.high)],
            "meaning": outcome.meaning,
            "source": outcome.source,
        },
        "batch": {
            **{
                name: getattr(plan, name)
                for name in ("batch_id", "world", "engine", "ticks", "interval", "sampler", "n")
            },
            "rows": len(used.rows),
            "seed": plan.seed,
            "seed_mode": plan.seed_mode,
            "replicates": list(found.replicates),
        },
        "settings": {
            "confidence": found.settings.confidence,
            "resamples": found.settings.resamples,
            "seed": found.settings.seed,
        },
        "used": {
            "unit": found.method.unit,
            "rows_per_unit": block_size(plan.space, plan.sampler),
            "units": used.units,
            "kept": used.kept,
            "left_out": used.units - used.kept,
            "reasons": used.reasons,
        },
        "distribution": distribution(found),
        "indices": [index._asdict() for index in found.method.indices],
        "ranked_by": found.method.indices[0].name,
        "ranking": ranking(found),
        "notes": list(found.notes),
    }


def ranking(found: Sensitivity) -> list[dict[str, Any]]:
    """Return the factors, the greatest index first, each with what is known of it."""
    notes = {one.name: one for one in found.plan.space.parameters}
    rows = []
    for rank, place in enumerate(found.ranking(), start=1):
        name, parameters = found.factors[place]
        alone = notes[parameters[0]] if len(parameters) == 1 else None
        clear = float(found.estimate.clear[place])
        rows.append(
            {
                "rank": rank,
                "name": name,
                "parameters": list(parameters),
                "unit": alone.unit if alone else "",
                "description": alone.description if alone else "",
                "values": {
                    index: _number(float(column[place]))
                    for index, column in found.estimate.values.items()
                },
                "floor": _number(float(found.estimate.floor[place])),
                "distinguishable": None if math.isnan(clear) else bool(clear),
            }
        )
    return rows


def to_csv(found: Sensitivity) -> str:
    """Return the ranked table as CSV; an empty cell where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    indices = list(found.estimate.values)
    writer.writerow(["rank", "name", "parameters", *indices, "floor", "distinguishable"])
    for row in ranking(found):
        numbers = [row["values"][index] for index in indices]
        writer.writerow(
            [row["rank"], row["name"], " ".join(row["parameters"])]
            + ["" if number is None else repr(number) for number in (*numbers, row["floor"])]
            + [{True: "true", False: "false", None: ""}[row["distinguishable"]]]
        )
    return text.getvalue()


def write_results(results: list[Sensitivity], folder: Path, *, force: bool = False) -> list[Path]:
    """Write the files of some analyses, and return their paths.

    Parameters
    ----------
    results : list of Sensitivity
    folder : Path
        Made where it is not there.
    force : bool
        Whether files with another content are replaced.

    Raises
    ------
    BatchFolderError
        A file is there with another content, or cannot be written; nothing was written then, but
        for a disk that fills up midway.
    DatasetError
        Two outcomes would have the same file.
    """
    contents: dict[Path, bytes] = {}
    for found in results:
        as_json, as_csv = result_paths(folder, found.outcome.name, found.method.name)
        if as_json in contents:
            raise DatasetError(
                f"{as_json}: expected a file for each outcome, two have this name; "
                "give one of them another"
            )
        contents[as_json] = readable_json(to_json(found))
        contents[as_csv] = to_csv(found).encode()
    try:
        for path, content in contents.items():
            if not force and path.exists() and path.read_bytes() != content:
                raise BatchFolderError(
                    f"{path}: expected no such file, it holds another analysis; "
                    "--force replaces it, --out names another folder"
                )
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            write_whole(path, content)
    except BatchFolderError:
        raise
    except OSError as error:
        raise BatchFolderError(f"{folder}: expected a folder to write to, {error}") from error
    return list(contents)


def to_text(found: Sensitivity, top: int) -> str:
    """Return a result as lines for people: the first ``top`` of the ranking, with bars."""
    used, method = found.used, found.method
    unit = f" {found.outcome.unit}" if found.outcome.unit not in ("", "1") else ""
    told = distribution(found)
    lines = [
        f"{found.outcome.name} by {method.name}: {used.kept} of {used.units} {method.unit}s"
        + "".join(f", {count} left out: {reason}" for reason, count in used.reasons.items()),
        f"  {found.outcome.meaning}",
        f"  mean {told['mean']:.4g}, standard deviation {told['std']:.3g}, "
        f"range {told['min']:.4g}..{told['max']:.4g}{unit}",
    ]
    if told["censored"]:
        lines.append(
            f"  in {told['censored']} of {told['runs']} runs it did not happen: "
            "the indices are those of the time watched without it"
        )
    rows = ranking(found)
    shown = rows[:top]
    width = max([9, *(len(row["name"]) for row in shown)])
    names = [index.name for index in method.indices]
    head = "".join(f"  {name:>17}" for name in names)
    lines += ["", f"{'rank':>4}  {'parameter':<{width}}{head}"]
    ranked = names[0]
    largest = max([abs(row["values"][ranked] or 0.0) for row in rows] + [1e-300])
    for row in shown:
        cells = "".join(f"  {_cell(row['values'], name):>17}" for name in names)
        share = max(0.0, (row["values"][ranked] or 0.0) / largest)
        mark = {True: "#" * max(1, round(_BAR * share)), False: "not above chance", None: "?"}
        lines.append(
            f"{row['rank']:>4}  {row['name']:<{width}}{cells}  {mark[row['distinguishable']]}"
        )
    if len(rows) > top:
        lines.append(f"      and {len(rows) - top} more")
    lines += ["", *(f"  note: {note}" for note in found.notes)]
    return "\n".join(lines)


def _cell(values: dict[str, float | None], name: str) -> str:
    value, conf = values[name], values.get(f"{name}_conf")
    if value is None:
        return "-"
    if conf is None:
        return f"{value:.4g}"
    if not _SMALLEST <= conf < _LARGEST:
        return f"{value:.3g} ± {conf:.2g}"
    # Two digits of the interval say how many of the value mean anything.
    decimals = max(0, 1 - math.floor(math.log10(conf)))
    return f"{value:.{decimals}f} ± {conf:.{decimals}f}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
