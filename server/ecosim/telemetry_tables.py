"""The same records as tables: what a column is called and means, and which rows a record gives.

One definition serves the emitter's own Parquet files and the dataset of a batch. Nothing here needs
more than the standard library: :class:`Rows` turns records into lists, a column each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

Kind = Literal["text", "category", "integer", "number"]


class Column(NamedTuple):
    """One column; ``category`` is text that repeats."""

    name: str
    kind: Kind
    unit: str
    meaning: str


_RUN: Final = Column("run_id", "category", "", "the run")
_TICK: Final = Column("tick", "integer", "ticks", "the state is that at the end of this tick")
_SPECIES: Final = Column("species", "category", "", "species")
_COUNT: Final = Column("count", "integer", "entities", "how many")

#: Table to its fixed columns; ``runs`` and ``species`` have more (:func:`columns`).
TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    "runs": (
        _RUN,
        Column("batch_id", "category", "", "the batch; null outside one"),
        Column("status", "category", "", "completed, stopped or failed; null without an end"),
        Column("error", "text", "", "what went wrong, of a run that failed"),
        Column(
            "seed", "integer", "", "seed of the run; null where it is no integer (config has it)"
        ),
        Column(
            "biome", "category", "", "biome preset of the world; null in a batch where it failed"
        ),
        Column(
            "ticks", "integer", "ticks", "last tick watched; null without an end, and as biome is"
        ),
        Column(
            "events_dropped",
            "integer",
            "events",
            "events that are counted in windows and not in the log, as its ring was full; null as "
            "ticks is",
        ),
        Column("config_sha256", "text", "", "hash of all that decides the run; null as biome is"),
        Column(
            "config",
            "text",
            "",
            "the config record, as JSON text (in a batch without software and created_at, which "
            "are no part of a run's content); null as biome is",
        ),
    ),
    "species": (_RUN, _TICK, _SPECIES, _COUNT._replace(meaning="population")),
    "states": (
        *(_RUN, _TICK, _SPECIES),
        Column("state", "category", "", "behavioural state"),
        _COUNT._replace(meaning="entities of the species in this state"),
    ),
    "voxels": (
        *(_RUN, _TICK),
        Column("layer", "category", "", "voxel layer"),
        Column("mean", "number", "", "mean over all cells"),
        Column("min", "number", "", "smallest value"),
        Column("max", "number", "", "largest value"),
        Column("var", "number", "", "variance, divisor n"),
    ),
    "windows": (
        _RUN,
        Column("tick_first", "integer", "ticks", "first tick of the window"),
        Column("tick_last", "integer", "ticks", "last tick of the window"),
        Column("event_type", "category", "", "type of event"),
        Column("count", "integer", "events", "events of this type in the window"),
    ),
    "events": (
        _RUN,
        Column("tick", "integer", "ticks", "when it happened"),
        Column("type", "category", "", "type of event"),
        Column("source_id", "category", "", "entity that acted"),
        Column("target_id", "category", "", "entity acted upon"),
        Column("x", "number", "world units", "position"),
        Column("y", "number", "world units", "position, up"),
        Column("z", "number", "world units", "position"),
        Column("extra", "category", "", "what else the event carried, as JSON text"),
    ),
}


def columns(
    table: str, *, variables: Iterable[str] = (), parameters: Iterable[Column] = ()
) -> tuple[Column, ...]:
    """Return the columns of a table.

    Parameters
    ----------
    table : str
        A key of :data:`TABLES`.
    variables : iterable of str
        State variables of the run; ``species`` has three columns for each.
    parameters : iterable of Column
        What the batch varied; ``runs`` has a column for each, named by its dotted path.
    """
    fixed = TABLES[table]
    if table == "runs":
        return (*fixed[:-1], *parameters, fixed[-1])
    if table == "species":
        return (*fixed, *(column for name in variables for column in _of_variable(name)))
    return fixed


def _of_variable(name: str) -> tuple[Column, ...]:
    return (
        Column(f"{name}_n", "integer", "entities", f"finite values of {name}; null: has none"),
        Column(f"{name}_mean", "number", "", f"mean of {name}"),
        Column(f"{name}_std", "number", "", f"standard deviation of {name}, divisor n"),
    )


class Rows:
    """Rows of the tables, gathered from records.

    Parameters
    ----------
    variables : sequence of str
        State variables whose columns ``species`` has.
    parameters : sequence of str
        Dotted paths whose columns ``runs`` has.
    batch_id : str, optional
        For the ``runs`` table.
    """

    def __init__(
        self,
        variables: Sequence[str],
        parameters: Sequence[str] = (),
        batch_id: str | None = None,
    ) -> None:
        self._variables = tuple(variables)
        self._parameters = tuple(parameters)
        self._batch_id = batch_id
        self._config: dict[str, Any] | None = None
        varied = [Column(path, "number", "", "") for path in parameters]
        self._names = {
            table: [c.name for c in columns(table, variables=variables, parameters=varied)]
            for table in TABLES
        }
        self._lists: dict[str, dict[str, list[Any]]] = {}
        for table in TABLES:
            self.take(table)
        self._add: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "config": self._add_config,
            "sample": self._add_sample,
            "events": self._add_events,
            "end": self._add_end,
        }

    def add(self, record: Mapping[str, Any]) -> None:
        """Take the rows of one record; a run's ``runs`` row comes with its ``end``."""
        self._add[record["record"]](record)

    def count(self, table: str) -> int:
        """Return the number of rows gathered for a table."""
        return len(self._lists[table]["run_id"])

    def take(self, table: str) -> dict[str, list[Any]]:
        """Return the columns gathered for a table, and forget them."""
        taken = self._lists.get(table, {})
        self._lists[table] = {name: [] for name in self._names[table]}
        return taken

    def _append(self, table: str, *values: Any) -> None:
        for column, value in zip(self._lists[table].values(), values, strict=True):
            column.append(value)

    def _add_config(self, record: Mapping[str, Any]) -> None:
        self._config = dict(record)

    def _add_end(self, record: Mapping[str, Any]) -> None:
        config, self._config = self._config, None
        if config is not None:
            self._append("runs", *self._run(config, record))

    def unfinished(self) -> dict[str, list[Any]]:
        """Return the ``runs`` columns of the run whose config came last, as it has no end yet."""
        assert self._config is not None
        row = self._run(self._config, {})
        return {name: [value] for name, value in zip(self._names["runs"], row, strict=True)}

    def _run(self, config: Mapping[str, Any], end: Mapping[str, Any]) -> tuple[Any, ...]:
        return (
            *(config["run_id"], self._batch_id, end.get("status"), end.get("error")),
            *(_integer(config["seed"]), config["biome"]),
            *(end.get("tick"), end.get("events_dropped")),
            config["config_sha256"],
            *(_cell(config["parameters"].get(path)) for path in self._parameters),
            json.dumps(config, separators=(",", ":")),
        )

    def add_failed(
        self, run_id: str, seed: int, parameters: Mapping[str, Any], error: str | None
    ) -> None:
        """Take the ``runs`` row of a run that came to no end; no other table has rows of it."""
        nothing_known = (None, None, None, None)  # biome, ticks, events_dropped, config_sha256
        values = [_cell(parameters.get(path)) for path in self._parameters]
        told = (run_id, self._batch_id, "failed", error, seed)
        self._append("runs", *told, *nothing_known, *values, None)

    def _add_sample(self, record: Mapping[str, Any]) -> None:
        run_id, tick = record["run_id"], record["tick"]
        for species, one in record["species"].items():
            row = [run_id, tick, species, one["count"]]
            for variable in self._variables:
                found = one["vars"].get(variable)
                row += (None, None, None) if found is None else _three(found)
            self._append("species", *row)
            for state, count in one["states"].items():
                self._append("states", run_id, tick, species, state, count)
        for layer, found in record["voxels"].items():
            numbers = (found[key] for key in ("mean", "min", "max", "var"))
            self._append("voxels", run_id, tick, layer, *numbers)
        first, last = record["window"]
        for kind, count in record["events"]["by_type"].items():
            self._append("windows", run_id, first, last, kind, count)

    def _add_events(self, record: Mapping[str, Any]) -> None:
        lists, count = self._lists["events"], record["count"]
        lists["run_id"] += [record["run_id"]] * count
        for name in ("tick", "type", "source_id", "target_id"):
            lists[name] += record[name]
        for axis, name in enumerate("xyz"):
            lists[name] += [place and place[axis] for place in record["position"]]
        extras: list[str | None] = [None] * count
        for index, extra in record["extra"].items():
            extras[int(index)] = json.dumps(extra, separators=(",", ":"))
        lists["extra"] += extras


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _cell(value: Any) -> Any:
    """Return a parameter's value as a column holds it: what is no number or text, as JSON."""
    is_plain = value is None or (isinstance(value, (int, float, str)) and type(value) is not bool)
    return value if is_plain else json.dumps(value)


def _three(found: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return found["n"], found["mean"], found["std"]
