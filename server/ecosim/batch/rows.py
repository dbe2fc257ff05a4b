"""The rows of a design, and the file that keeps them: ``design.csv``."""

from __future__ import annotations

import csv
import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, overload

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


class Column(Sequence[Value]):
    """The values of one parameter: eight bytes a run while all are floats, or all integers.

    Parameters
    ----------
    values : iterable, optional
    """

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self._values: array[float] | array[int] | list[Value] = []
        for value in values:
            self.append(value)

    def append(self, value: Value) -> None:
        """Add the value of the next run."""
        small = isinstance(value, int) and -(2**63) <= value < 2**63
        code = "d" if isinstance(value, float) else "q" if small else None
        if not self._values and code is not None:
            self._values = array(code)
        elif isinstance(self._values, array) and self._values.typecode != code:
            self._values = list(self._values)
        self._values.append(value)  # type: ignore[arg-type]

    @overload
    def __getitem__(self, place: int) -> Value: ...
    @overload
    def __getitem__(self, place: slice) -> Column: ...
    def __getitem__(self, place: int | slice) -> Value | Column:
        return Column(self._values[place]) if isinstance(place, slice) else self._values[place]

    def __len__(self) -> int:
        return len(self._values)


class Design(Sequence[Row]):
    """The runs of a batch; a row is made when it is asked for.

    Parameters
    ----------
    names : sequence of str
        Dotted paths.
    columns : sequence of Column
        One a name, of one length.
    seeds : sequence of int
        One a run, below 2**63.
    batch_id : str, optional
        The stem of the run ids; empty before they have any.
    first : int, optional
        Index of the first row.
    """

    def __init__(
        self,
        names: Sequence[str],
        columns: Sequence[Column],
        seeds: Iterable[int],
        batch_id: str = "",
        first: int = 0,
    ) -> None:
        self.names = tuple(names)
        self._columns = list(columns)
        self._seeds = array("q", seeds)
        self._batch_id = batch_id
        self._first = first

    def with_ids(self, batch_id: str) -> Design:
        """Return the design with the ids that its runs have in a batch."""
        return Design(self.names, self._columns, self._seeds, batch_id, self._first)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Design: ...
    def __getitem__(self, place: int | slice) -> Row | Design:
        if isinstance(place, slice):
            start, stop, _ = place.indices(len(self))
            columns = [column[start:stop] for column in self._columns]
            first = self._first + start
            return Design(self.names, columns, self._seeds[start:stop], self._batch_id, first)
        index = self._first + range(len(self))[place]
        values = (column[place] for column in self._columns)
        return Row(
            run_id=f"{self._batch_id}-{index:05d}",
            index=index,
            seed=self._seeds[place],
            parameters=dict(zip(self.names, values, strict=True)),
        )

    def __len__(self) -> int:
        return len(self._seeds)

    def column(self, name: str) -> Column:
        """Return the values of one parameter."""
        return self._columns[self.names.index(name)]

    def sha256(self) -> str:
        """Return the hash of the names, seeds and values."""
        digest = hashlib.sha256(canonical_json(list(self.names)))
        for row in self:
            digest.update(canonical_json([row.seed, *row.parameters.values()]))
        return digest.hexdigest()

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of ``design.csv``: ``run_id, index, seed`` and a column per parameter."""
        writer = csv.writer(_Echo(), lineterminator="\n")
        yield _line(writer.writerow(["run_id", "index", "seed", *self.names]))
        for row in self:
            values = (v if isinstance(v, str) else repr(v) for v in row.parameters.values())
            yield _line(writer.writerow([row.run_id, row.index, row.seed, *values]))


def read_design(path: Path) -> Design:
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
            seeds = array("q")
            columns = [Column() for _ in names]
            batch_id = ""
            for number, (run_id, index, seed, *values) in enumerate(reader):
                batch_id = run_id.rpartition("-")[0]
                if int(index) != number or run_id != f"{batch_id}-{number:05d}":
                    raise ValueError(f"run {run_id!r} is not in its place")
                seeds.append(int(seed))
                for column, value in zip(columns, values, strict=True):
                    column.append(parse_value(value))
            return Design(names, columns, seeds, batch_id)
    except OSError as error:
        raise BatchFolderError(f"{path}: expected a design, {error.strerror}") from error
    except (StopIteration, ValueError, OverflowError, csv.Error) as error:
        raise BatchFolderError(f"{path}: expected a design, {error}") from error


def parse_value(text: str) -> Value:
    """Return the number that a text reads as, or the text where it reads as none."""
    if not _NUMBER.fullmatch(text):
        return text
    # Python reads no integer of more than 4,300 digits, and no world has one of more than 18.
    return int(text) if text.lstrip("+-").isdigit() and len(text) <= 19 else float(text)


class _Echo:
    """A file for a CSV writer that hands each line back."""

    def write(self, text: str) -> str:
        return text


def _line(text: object) -> bytes:
    return str(text).encode()
