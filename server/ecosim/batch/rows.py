"""The rows of a design, and the file that keeps them: ``design.csv``."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from ecosim.errors import BatchFolderError


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a design: ``parameters`` maps a dotted path to its value, ``index`` from 0."""

    run_id: str
    index: int
    seed: int
    parameters: dict[str, float | int]


def design_text(rows: list[Row]) -> str:
    """Return the design as CSV: ``run_id, index, seed`` and a column per parameter."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["run_id", "index", "seed", *rows[0].parameters])
    for row in rows:
        values = (repr(value) for value in row.parameters.values())
        writer.writerow([row.run_id, row.index, row.seed, *values])
    return buffer.getvalue()


def read_design(path: Path) -> list[Row]:
    """Read the design of a batch folder back, every value bit for bit.

    Raises
    ------
    BatchFolderError
        The file is missing or is not a design.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader)
            names = header[3:]
            if header[:3] != ["run_id", "index", "seed"] or len(set(names)) != len(names):
                raise ValueError("the header is not that of a design")
            return [
                Row(run_id, int(index), int(seed), _numbers(names, values))
                for run_id, index, seed, *values in reader
            ]
    except OSError as error:
        raise BatchFolderError(f"{path}: expected a design, {error.strerror}") from error
    except (StopIteration, ValueError) as error:
        raise BatchFolderError(f"{path}: expected a design, {error}") from error


def _numbers(names: list[str], values: list[str]) -> dict[str, float | int]:
    return {
        name: float(text) if set(text) & set(".en") else int(text)
        for name, text in zip(names, values, strict=True)
    }
