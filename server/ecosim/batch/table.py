"""Designs of the user's own: a CSV table with one row a run and one column a parameter."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecosim.batch.design import LARGEST_DESIGN, SEED_BITS, run_seed
from ecosim.batch.rows import Column, Design, Value, parse_value
from ecosim.batch.samplers import SeedMode
from ecosim.batch.space import Parameter, Space
from ecosim.errors import SpaceError

#: Columns of a batch's own ``design.csv`` that a new batch gives anew.
_IGNORED: Final = ("run_id", "index")
_SEED: Final = "seed"
_SHOWN_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was read.

    Attributes
    ----------
    space : Space
        A parameter for each column; its bounds are the least and the greatest value.
    columns : list of Column
        One a parameter, in the order of the space.
    seeds : list of int or None
        The column ``seed``, where the table has one.
    """

    space: Space
    columns: list[Column]
    seeds: list[int] | None

    def rows(self, seed: int, mode: SeedMode) -> Design:
        """Return runs without ids; where they have no seeds, these are drawn from ``seed``."""
        drawn = (run_seed(seed, index, mode) for index in range(len(self.columns[0])))
        return Design(self.space.names, self.columns, drawn if self.seeds is None else self.seeds)


def read_table(path: str | Path, described: Space | None = None) -> Table:
    """Read a design table.

    Parameters
    ----------
    path : path
        A CSV file. Its header has dotted paths; a column ``seed`` gives the seeds of the runs;
        ``run_id`` and ``index`` are left out, so that the design of a batch may be used again.
    described : Space, optional
        Gives units and descriptions of the parameters it knows.

    Raises
    ------
    SpaceError
        The file cannot be read or holds mistakes; all of them, one a line.
    """
    label = str(path)
    header, lines = _read(Path(path))
    problems = [
        f"header: expected each column once, got {name!r} {times} times"
        for name, times in Counter(header).items()
        if times > 1
    ]
    problems += [
        f"header: expected a dotted path in column {number}, got nothing"
        for number, name in enumerate(header, start=1)
        if not name
    ]
    kept = [i for i, name in enumerate(header) if name not in (*_IGNORED, _SEED)]
    if not kept:
        problems.append("header: expected at least one parameter, got none")
    if not lines:
        problems.append("expected at least one row, got none")
    if len(lines) > LARGEST_DESIGN:
        problems.append(f"expected at most {LARGEST_DESIGN} rows, got {len(lines)}")
    problems += [
        f"line {number}: expected {len(header)} values, got {len(cells)}"
        for number, cells in lines
        if len(cells) != len(header)
    ]
    _refuse(label, problems)
    columns = {header[i]: [parse_value(cells[i]) for _, cells in lines] for i in kept}
    for name, column in columns.items():
        problems += [
            f"line {number}: {name}: expected a value, got nothing"
            for (number, _), value in zip(lines, column, strict=True)
            if value == ""
        ]
        problems += _mixture(name, column, [number for number, _ in lines])
    seeds = None
    if _SEED in header:
        place = header.index(_SEED)
        seeds = []
        for number, cells in lines:
            seed = parse_value(cells[place])
            if isinstance(seed, int) and 0 <= seed < 2**SEED_BITS:
                seeds.append(seed)
            else:
                problems.append(
                    f"line {number}: seed: expected an integer in 0..2^{SEED_BITS} - 1, "
                    f"got {cells[place]!r}"
                )
    _refuse(label, problems)
    notes = {} if described is None else {one.name: one for one in described.parameters}
    parameters = tuple(_parameter(name, column, notes) for name, column in columns.items())
    return Table(Space(label, parameters), [Column(column) for column in columns.values()], seeds)


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header, and number and cells of each line that is not empty."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = [name.strip() for name in next(reader, [])]
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except UnicodeDecodeError as error:
        raise SpaceError(f"{path}: expected UTF-8 text, {error.reason}") from error
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SpaceError(f"{path}: expected a table that can be read, {reason}") from error
    return header, lines


def _mixture(name: str, column: list[Value], numbers: list[int]) -> list[str]:
    """Return a problem for each value of the kind, number or text, that a column has less of."""
    told = [(number, value) for number, value in zip(numbers, column, strict=True) if value != ""]
    texts = [(number, value) for number, value in told if isinstance(value, str)]
    others = [(number, value) for number, value in told if not isinstance(value, str)]
    if not texts or not others:
        return []
    few, kind = (texts, "a number") if len(texts) <= len(others) else (others, "text")
    return [
        f"line {number}: {name}: expected {kind} as in other lines (numbers only or text only), "
        f"got {value!r}"
        for number, value in few
    ]


def _parameter(name: str, column: list[Value], notes: dict[str, Parameter]) -> Parameter:
    """Return the parameter that a column of values is."""
    known = notes.get(name)
    unit, description = (known.unit, known.description) if known is not None else ("", "")
    texts = tuple(sorted({value for value in column if isinstance(value, str)}))
    if texts:
        bounds = (0.0, float(len(texts) - 1))
        return Parameter(name, bounds, unit=unit, description=description, choices=texts)
    numbers = [value for value in column if not isinstance(value, str)]
    whole = all(isinstance(value, int) for value in numbers)
    bounds = (float(min(numbers)), float(max(numbers)))
    return Parameter(name, bounds, unit=unit, description=description, integer=whole)


def _refuse(label: str, problems: list[str]) -> None:
    """Raise SpaceError if there are problems."""
    if not problems:
        return
    shown = [f"{label}: {line}" for line in problems[:_SHOWN_PROBLEMS]]
    if len(problems) > _SHOWN_PROBLEMS:
        shown.append(f"{label}: and {len(problems) - _SHOWN_PROBLEMS} more")
    raise SpaceError("\n".join(shown))
