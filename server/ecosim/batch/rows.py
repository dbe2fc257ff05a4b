"""The rows of a design, and the file that keeps them: ``design.csv``."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ecosim.batch.hashes import sha256
from ecosim.batch.layout import canonical_json
from ecosim.errors import BatchFolderError

_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

#: What a parameter can be in a run: a number, or the text of a categorical one.
Value = float | int | str


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a design: ``parameters`` maps a dotted path to its value, ``index`` from 0."""

    run_id: str
    index: int
    seed: int
    parameters: dict[str, Value]


def design_text(rows: list[Row]) -> str:
    """Return the design as CSV: ``run_id, index, seed`` and a column per parameter."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["run_id", "index", "seed", *rows[0].parameters])
    for row in rows:
        values = (v if isinstance(v, str) else repr(v) for v in row.parameters.values())
        writer.writerow([row.run_id, row.index, row.seed, *values])
    return buffer.getvalue()


def with_ids(rows: list[Row], batch_id: str) -> list[Row]:
    """Return the rows with the ids that their runs have in a batch."""
    return [replace(row, run_id=f"{batch_id}-{row.index:05d}") for row in rows]


def design_sha256(rows: list[Row]) -> str:
    """Return the hash of the names, seeds and values of a design."""
    table = [list(rows[0].parameters), *([row.seed, *row.parameters.values()] for row in rows)]
    return sha256(canonical_json(table))


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
                Row(
                    run_id,
                    int(index),
                    int(seed),
                    dict(zip(names, map(parse_value, values), strict=True)),
                )
                for run_id, index, seed, *values in reader
            ]
    except OSError as error:
        raise BatchFolderError(f"{path}: expected a design, {error.strerror}") from error
    except (StopIteration, ValueError) as error:
        raise BatchFolderError(f"{path}: expected a design, {error}") from error


def parse_value(text: str) -> Value:
    """Return the number that a text reads as, or the text where it reads as none."""
    if not _NUMBER.fullmatch(text):
        return text
    # Python reads no integer of more than 4,300 digits, and no world has one of more than 18.
    return int(text) if text.lstrip("+-").isdigit() and len(text) <= 20 else float(text)
