"""The stored design of a batch beside the outcomes of its runs, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import ecosim.datasets
from ecosim.analysis.outcomes import OutcomeTable
from ecosim.analysis.series import FINISHED
from ecosim.batch.prepare import Batch, open_batch
from ecosim.batch.rows import Design
from ecosim.batch.space import Parameter
from ecosim.datasets import Dataset
from ecosim.errors import DatasetError, SpaceError

#: Why a run of the design has no outcome, where its row of the dataset does not say.
NOT_COLLECTED = "not in the dataset"
NOT_FINITE = "not finite"


@dataclass(frozen=True, slots=True)
class Stored:
    """A batch and its dataset.

    Attributes
    ----------
    batch : Batch
    dataset : Dataset
    run_ids : tuple of str
        Of the rows of the design.
    statuses : dict
        Run id to status, for the runs of the dataset.
    """

    batch: Batch
    dataset: Dataset
    run_ids: tuple[str, ...]
    statuses: dict[str, str]

    def outcome(self, table: OutcomeTable, name: str) -> tuple[NDArray[np.float64], list[str]]:
        """Return an outcome in the order of the design.

        Returns
        -------
        ndarray of shape (rows,), float64
            NaN where a run has none.
        list of str
            Why a run has none; empty text for one that has.
        """
        found = dict(zip(table.run_ids, table.values[name], strict=True))
        column = np.full(len(self.run_ids), np.nan)
        reasons = []
        for place, run_id in enumerate(self.run_ids):
            value = found.get(run_id)
            if value is None:
                status = self.statuses.get(run_id, NOT_COLLECTED)
                reasons.append(NOT_COLLECTED if status == FINISHED else status)
            elif np.isfinite(value):
                column[place] = value
                reasons.append("")
            else:
                reasons.append(NOT_FINITE)
        return column, reasons

    def inputs(self) -> NDArray[np.float64]:
        """Return the design as numbers, shape (rows, parameters); a choice as its code."""
        design = self.batch.rows
        return np.column_stack(
            [_numbers(design, parameter) for parameter in self.batch.plan.space.parameters]
        )


def open_stored(folder: Path) -> Stored:
    """Open a batch folder with its dataset.

    Raises
    ------
    BatchFolderError
        The folder holds no batch, or its design was changed.
    DatasetError
        It has no dataset, or that of another batch.
    """
    batch = open_batch(folder)
    dataset = ecosim.datasets.open(folder)
    rows = dataset.table("runs", columns=["run_id", "batch_id", "status"]).to_pylist()
    others = Counter(row["batch_id"] for row in rows if row["batch_id"] != batch.plan.batch_id)
    if others:
        raise DatasetError(
            f"{dataset.root}: expected runs of batch {batch.plan.batch_id}, "
            f"got {others.total()} of {', '.join(map(str, others))}"
        )
    return Stored(
        *(batch, dataset, tuple(row.run_id for row in batch.rows)),
        statuses={row["run_id"]: str(row["status"]) for row in rows},
    )


def check_replicates(first: Stored, others: Sequence[Stored]) -> None:
    """Refuse batches that are no replicates: the same runs of the same model with other seeds.

    Raises
    ------
    SpaceError
        One differs in more than its seeds, or not in its seeds.
    """
    plan, rows = first.batch.plan, first.batch.rows
    seen = {_seeds(rows): first.batch.layout.root}
    for other in others:
        root = other.batch.layout.root
        for name in ("world_sha256", "engine", "ticks", "interval"):
            expected, found = getattr(plan, name), getattr(other.batch.plan, name)
            if expected != found:
                raise SpaceError(f"{root}: expected {name} {expected} in a replicate, got {found}")
        if rows.names != other.batch.rows.names or len(rows) != len(other.batch.rows):
            raise SpaceError(
                f"{root}: expected a replicate with the design of {first.batch.layout.root}: "
                f"{len(rows)} rows of the same {len(rows.names)} parameters"
            )
        for name in rows.names:
            if list(rows.column(name)) != list(other.batch.rows.column(name)):
                raise SpaceError(
                    f"{root}: expected a replicate with the values of {first.batch.layout.root}, "
                    f"{name} has others"
                )
        twin = seen.setdefault(_seeds(other.batch.rows), root)
        if twin is not root:
            raise SpaceError(
                f"{root}: expected a replicate with seeds of its own, they are those of {twin}; "
                "leave the column seed out of its table and give it another --seed"
            )


def _seeds(rows: Design) -> tuple[int, ...]:
    return tuple(row.seed for row in rows)


def _numbers(design: Design, parameter: Parameter) -> NDArray[np.float64]:
    column = design.column(parameter.name)
    if parameter.choices:
        code = {choice: float(number) for number, choice in enumerate(parameter.choices)}
        return np.array([code[value] for value in column])
    return np.array(list(column), dtype=np.float64)
