"""Outcomes: what each run of a dataset came to, one row a run.

Everything comes from the tables of :func:`ecosim.datasets.open`. An outcome is asked for by

* the name of one that comes with the package (:func:`available` lists those of a dataset),
* ``MODULE:CALLABLE``, a function that takes the dataset and returns run id to number,
* an SQL query that yields run id and a number (:mod:`ecosim.analysis.custom`).

Runs that did not complete are left out and counted. A run that has no such number has NaN.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecosim.analysis.community import Community, Role, survey
from ecosim.analysis.custom import from_callable, from_sql, is_callable_name, is_sql
from ecosim.analysis.definitions import (
    CENSORED_SUFFIX,
    Definition,
    Outcome,
    Settings,
    definitions,
)
from ecosim.analysis.series import finished_runs, read_series
from ecosim.datasets import Dataset
from ecosim.errors import DatasetError
from ecosim.telemetry_parquet import load_pyarrow


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """Outcomes of the finished runs of a dataset.

    Attributes
    ----------
    run_ids : tuple of str
        In the order of the dataset.
    outcomes : tuple of Outcome
        What each column is.
    values : dict
        Name to array of shape (runs,), float64; NaN where a run has no such number.
    censored : dict
        For each time of an event: array of shape (runs,), bool; true where it did not happen.
    left_out : dict
        Status to number of runs that are not in the table.
    lacking : dict
        Name to why no run has the outcome.
    notes : dict
        Name to what a reader should know of the outcome in these runs.
    """

    run_ids: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    values: dict[str, NDArray[np.float64]]
    censored: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    lacking: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def by_run(self) -> dict[str, dict[str, float]]:
        """Return name to (run id to number), as ``Dataset.training_frame`` takes it.

        A number that is not finite is left out, so that the frame has null for it. Beside times
        stands ``_censored``, True or False.
        """
        found: dict[str, dict[str, float]] = {}
        for name, column in self.values.items():
            numbers = zip(self.run_ids, column, strict=True)
            found[name] = {run: float(value) for run, value in numbers if math.isfinite(value)}
            if name in self.censored:
                flags = zip(self.run_ids, self.censored[name], strict=True)
                found[name + CENSORED_SUFFIX] = {run: bool(flag) for run, flag in flags}
        return found

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns of the table: run_id, the outcomes, and beside times ``_censored``."""
        found: dict[str, list[Any]] = {"run_id": list(self.run_ids)}
        for name, column in self.values.items():
            found[name] = [None if math.isnan(value) else float(value) for value in column]
            if name in self.censored:
                found[name + CENSORED_SUFFIX] = [bool(one) for one in self.censored[name]]
        return found

    def arrow(self) -> Any:
        """Return the columns as a ``pyarrow.Table``; null where a run has no number."""
        pyarrow, _ = load_pyarrow()
        kinds = {name: pyarrow.float64() for name in self.values}
        kinds |= {name + CENSORED_SUFFIX: pyarrow.bool_() for name in self.censored}
        return pyarrow.table(
            {
                name: pyarrow.array(column, kinds.get(name, pyarrow.string()))
                for name, column in self.columns().items()
            }
        )

    def csv(self) -> str:
        """Return the columns as CSV; an empty cell where a run has no number."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = self.columns()
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([_cell(value) for value in row])
        return text.getvalue()


def available(
    dataset: Dataset,
    *,
    settings: Settings | None = None,
    roles: Mapping[str, Role] | None = None,
) -> list[Outcome]:
    """Return the outcomes of the package that the runs of a dataset have.

    Raises
    ------
    DatasetError
        ``roles`` names a species that no run has.
    """
    found = definitions(survey(dataset, roles), settings or Settings())
    return [one.outcome for one in found.values() if not one.lacking]


def outcome_table(
    dataset: Dataset,
    names: Sequence[str] | None = None,
    *,
    settings: Settings | None = None,
    roles: Mapping[str, Role] | None = None,
) -> OutcomeTable:
    """Return outcomes of the finished runs of a dataset.

    Parameters
    ----------
    dataset : Dataset
        As :func:`ecosim.datasets.open` returns it.
    names : sequence of str, optional
        Names of outcomes, ``MODULE:CALLABLE`` or SQL queries, in any mixture (see the module). Left
        out: all that come with the package.
    settings : Settings, optional
        The numbers in their definitions.
    roles : mapping of species to role, optional
        ``consumer``, ``producer`` or ``decomposer`` for species whose states do not tell, or tell
        something else.

    Raises
    ------
    DatasetError
        An outcome is unknown, is asked for twice, or came out as something else than numbers by
        run; or the dataset has no finished run.
    """
    run_ids, left_out = finished_runs(dataset)
    if not run_ids:
        raise DatasetError(f"{dataset.root}: expected finished runs, there is none")
    community = survey(dataset, roles)
    own = definitions(community, settings or Settings())
    chosen = list(own) if names is None else list(names)
    for name in chosen:
        if not (name in own or is_sql(name) or is_callable_name(name)):
            raise DatasetError(
                f"outcome: expected one of {', '.join(own)}; or MODULE:CALLABLE; or an SQL query "
                f"that begins with SELECT or WITH; got {name!r}"
            )
    table = OutcomeTable(tuple(run_ids), (), {}, left_out=left_out)
    wanted = {name: own[name] for name in chosen if name in own}
    built = _built_in(dataset, community, table, wanted)
    parts = []
    for name in chosen:
        if name in own:
            parts.append((own[name].outcome, built[name]))
        elif is_sql(name):
            parts.append(from_sql(dataset, name, run_ids))
        else:
            parts.append(from_callable(dataset, name, run_ids))
    for label, times in Counter(outcome.name for outcome, _ in parts).items():
        if times > 1:
            raise DatasetError(f"outcome: expected each name once, got {label!r} {times} times")
    return OutcomeTable(
        tuple(run_ids),
        tuple(outcome for outcome, _ in parts),
        {outcome.name: column for outcome, column in parts},
        table.censored,
        left_out,
        {name: one.lacking for name, one in wanted.items() if one.lacking},
        {name: one.note for name, one in wanted.items() if one.note},
    )


def _built_in(
    dataset: Dataset, community: Community, table: OutcomeTable, wanted: dict[str, Definition]
) -> dict[str, NDArray[np.float64]]:
    """Return the columns of some outcomes of the package; put what is censored in the table."""
    count = len(table.run_ids)
    columns = {name: np.full(count, np.nan) for name in wanted}
    possible = {name: one for name, one in wanted.items() if not one.lacking}
    for name, one in wanted.items():
        if one.censored is not None:
            table.censored[name] = np.ones(count, dtype=bool)
    if possible:
        for number, run in enumerate(read_series(dataset, community)):
            for name, one in possible.items():
                columns[name][number] = one.value(run)
                if one.censored is not None:
                    table.censored[name][number] = one.censored(run)
    return columns


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
