"""Outcomes of the user's own: a function of the dataset, or an SQL query over its tables."""

from __future__ import annotations

import importlib
import math
import re
import sys
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecosim.analysis.definitions import Outcome
from ecosim.datasets import Dataset
from ecosim.errors import DatasetError
from ecosim.telemetry_tables import TABLES

_SQL: Final = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_CALLABLE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
#: DuckDB would otherwise fetch extensions from the network for a query that names a URL.
_OFFLINE: Final = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}

Column = tuple[Outcome, NDArray[np.float64]]


def is_sql(text: str) -> bool:
    """Return whether the text of an outcome is an SQL query."""
    return bool(_SQL.match(text))


def is_callable_name(text: str) -> bool:
    """Return whether the text of an outcome has the form ``MODULE:CALLABLE``."""
    return bool(_CALLABLE.fullmatch(text))


def from_callable(dataset: Dataset, name: str, run_ids: Sequence[str]) -> Column:
    """Return the outcome that a function computes from the dataset.

    Parameters
    ----------
    dataset : Dataset
    name : str
        ``MODULE:CALLABLE``; the module is looked for where Python looks, and last in the working
        folder. The callable takes the dataset and returns a mapping of run id to number. The first
        line of its docstring is the outcome's meaning; an attribute ``unit`` is its unit.
    run_ids : sequence of str
        The runs whose numbers are wanted.

    Raises
    ------
    DatasetError
        There is no such callable, it raised, or what it returned is something else.
    """
    function = _load(name)
    try:
        found = function(dataset)
    except Exception as error:
        raise DatasetError(f"outcome {name}: {type(error).__name__}: {error}") from error
    try:
        numbers = dict(found)
    except (TypeError, ValueError) as error:
        raise DatasetError(
            f"outcome {name}: expected a mapping of run id to number, got {type(found).__name__}"
        ) from error
    lines = (getattr(function, "__doc__", None) or "").strip().splitlines()
    outcome = Outcome(
        name.partition(":")[2],
        str(getattr(function, "unit", "")),
        *(-math.inf, math.inf),
        lines[0] if lines else name,
        source=name,
    )
    return outcome, _column(f"outcome {name}", numbers, run_ids)


def from_sql(dataset: Dataset, query: str, run_ids: Sequence[str]) -> Column:
    """Return the outcome that an SQL query computes from the tables of the dataset.

    Parameters
    ----------
    dataset : Dataset
    query : str
        One DuckDB query over ``runs``, ``species``, ``states``, ``voxels``, ``windows`` and
        ``events``, with two columns: run id, and a number. The name of the second is the outcome's.
    run_ids : sequence of str
        The runs whose numbers are wanted.

    Raises
    ------
    DatasetError
        DuckDB is not installed, refuses the query, or yields something else.
    """
    try:
        duckdb = importlib.import_module("duckdb")
    except ImportError as error:
        raise DatasetError(
            "outcome: an SQL query needs duckdb to be installed: pip install duckdb"
        ) from error
    shown = " ".join(query.split())
    connection = duckdb.connect(config=_OFFLINE)
    try:
        for table in TABLES:
            files = [str(path) for path in dataset.files(table)]
            connection.read_parquet(files).create_view(table)
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise DatasetError(f"outcome {shown}: expected one query that only reads")
        result = connection.execute(statements[0])
        names = [column[0] for column in result.description]
        rows = result.fetchall()
    except duckdb.Error as error:
        first = str(error).partition("\n")[0]
        raise DatasetError(f"outcome {shown}: {first}") from error
    finally:
        connection.close()
    if len(names) != 2:
        raise DatasetError(
            f"outcome {shown}: expected two columns, run_id and a number, got {', '.join(names)}"
        )
    numbers = dict(rows)
    if len(numbers) < len(rows):
        raise DatasetError(f"outcome {shown}: expected one row a run, some have more")
    outcome = Outcome(names[1], "", -math.inf, math.inf, shown, source=query)
    return outcome, _column(f"outcome {shown}", numbers, run_ids)


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise DatasetError(
            f"outcome {name}: expected a callable that can be imported, "
            f"{type(error).__name__}: {error}"
        ) from error
    if not callable(found):
        raise DatasetError(f"outcome {name}: expected a callable, got {type(found).__name__}")
    return found


def _column(label: str, numbers: Mapping[Any, Any], run_ids: Sequence[str]) -> NDArray[np.float64]:
    """Return the numbers of some runs as an array; NaN for a run that has none."""
    if not numbers.keys() & set(run_ids):
        some = next(iter(numbers), None)
        raise DatasetError(f"{label}: expected run ids such as {run_ids[0]!r}, got {some!r}")
    column = np.full(len(run_ids), np.nan)
    for place, run_id in enumerate(run_ids):
        value = numbers.get(run_id)
        if value is None:
            continue
        # A decimal of DuckDB is no Real, and reads as a number all the same.
        if isinstance(value, Real) or type(value).__name__ == "Decimal":
            column[place] = float(value)
        else:
            raise DatasetError(f"{label}: expected numbers, got {value!r} for {run_id}")
    return column
