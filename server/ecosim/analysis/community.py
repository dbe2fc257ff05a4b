"""Who lives in the runs of a dataset, and who feeds on whom as far as the data says it.

The dataset names species and their behavioural states, and no classes. The states tell the role:
only plants grow, wilt and fruit, only micro-organisms are active and bloom, and what forages,
hunts, flees, rests or wanders is an animal. ``DORMANT`` and ``DEAD`` are shared and tell nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from ecosim.datasets import Dataset
from ecosim.errors import DatasetError

Role = Literal["consumer", "producer", "decomposer"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

#: Role to the states that only its species have.
STATES_OF_ROLE: Final[Mapping[Role, frozenset[str]]] = {
    "consumer": frozenset(
        {"IDLE", "FORAGING", "HUNTING", "FLEEING", "RESTING", "DRINKING", "REPRODUCING", "DYING"}
        | {"WANDERING", "POLLINATING", "SWARMING"}
    ),
    "producer": frozenset({"GROWING", "WILTING", "FRUITING"}),
    "decomposer": frozenset({"ACTIVE", "BLOOMING"}),
}


@dataclass(frozen=True, slots=True)
class Community:
    """What the runs of a dataset have in common.

    Attributes
    ----------
    species : tuple of str
        All species of all runs, sorted.
    roles : dict
        Species to its role, where it is known.
    layers : tuple of str
        Voxel layers, sorted.
    event_types : tuple of str
        Types of event that occurred in any run, sorted.
    has_grid : bool
        Whether any run has a voxel grid.
    """

    species: tuple[str, ...]
    roles: dict[str, Role]
    layers: tuple[str, ...]
    event_types: tuple[str, ...]
    has_grid: bool

    def with_role(self, role: Role) -> list[int]:
        """Return the places in ``species`` of those that have a role."""
        return [i for i, name in enumerate(self.species) if self.roles.get(name) == role]

    def without_role(self) -> list[str]:
        """Return the species whose role is not known."""
        return [name for name in self.species if name not in self.roles]


def survey(dataset: Dataset, roles: Mapping[str, Role] | None = None) -> Community:
    """Return who and what the runs of a dataset have.

    Parameters
    ----------
    dataset : Dataset
    roles : mapping of species to role, optional
        Goes before what the states tell.

    Raises
    ------
    DatasetError
        ``roles`` names a species that no run has, or an unknown role.
    """
    species: set[str] = set()
    layers: set[str] = set()
    events: set[str] = set()
    seen: dict[str, set[str]] = {}
    for part in dataset.parts():
        species |= _distinct(part, "species", "species")
        layers |= _distinct(part, "voxels", "layer")
        events |= _distinct(part, "windows", "event_type")
        pairs = part.table("states", columns=["species", "state"]).group_by(["species", "state"])
        for row in pairs.aggregate([]).to_pylist():
            seen.setdefault(row["species"], set()).add(row["state"])
    known = {name: role for name in sorted(species) if (role := _role(seen.get(name, set())))}
    for name, role in (roles or {}).items():
        if name not in species:
            raise DatasetError(
                f"role of {name!r}: expected a species of the dataset "
                f"({', '.join(sorted(species))})"
            )
        if role not in ROLES:
            raise DatasetError(f"role of {name!r}: expected {', '.join(ROLES)}, got {role!r}")
        known[name] = role
    return Community(
        *(tuple(sorted(species)), known, tuple(sorted(layers)), tuple(sorted(events))),
        has_grid=any(_has_grid(part) for part in dataset.parts()),
    )


def _distinct(dataset: Dataset, table: str, column: str) -> set[str]:
    found = dataset.table(table, columns=[column]).column(column).unique().to_pylist()
    return {str(name) for name in found}


def _has_grid(part: Dataset) -> bool:
    configs = part.table("runs", columns=["config"]).column("config").drop_null()
    return any(json.loads(one.as_py()).get("grid_dimensions") is not None for one in configs)


def _role(states: set[str]) -> Role | None:
    """Return the role that some states tell; None where they tell none, or more than one."""
    fitting = [role for role, own in STATES_OF_ROLE.items() if states & own]
    return fitting[0] if len(fitting) == 1 else None
