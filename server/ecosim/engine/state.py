"""The entity table: one row an entity, one column a quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ecosim.engine.arrays import BoolArray, FloatArray, IntArray, read_only
from ecosim.engine.species import CLASS_ORDER, STATE_NAMES, SpeciesTable

#: Float columns in the order of the rows of :attr:`Table.data`. Position and velocity come first:
#: they are moved as one block.
COLUMNS: Final = (
    "x",
    "z",
    "vx",
    "vz",
    "hunger",
    "energy",
    "hydration",
    "vitality",
    "drive",
    "age",
    "growth",
    "store",
    "population",
    "activity",
    "stress",
    "cool",
    "life",
    "since",
    "progress",
    "pollen",
    "threat_distance",
    "threat_x",
    "threat_z",
    "home_x",
    "home_z",
    "y",
)
COLUMN: Final = {name: row for row, name in enumerate(COLUMNS)}

PUBLIC_COLUMN: Final = {
    "hunger": "hunger",
    "energy": "energy",
    "hydration": "hydration",
    "health": "vitality",
    "colony_health": "vitality",
    "reproductive_drive": "drive",
    "age": "age",
    "growth": "growth",
    "nutrient_store": "store",
    "population": "population",
    "activity": "activity",
}
"""State variable to the column that holds it."""

_PUBLIC_ROWS: Final = slice(COLUMN["hunger"], COLUMN["activity"] + 1)


class Columns:
    """The entities as columns, see the host interface; valid until the next step.

    Made anew at most samples, when no cache holds any of it: written out as here, it takes half
    the time that a loop over :data:`PUBLIC_COLUMN` does.
    """

    __slots__ = (
        "alive",
        "species",
        "species_names",
        "species_variables",
        "state",
        "state_names",
        "variables",
    )

    def __init__(self, table: Table, species: SpeciesTable) -> None:
        rows = table.data[_PUBLIC_ROWS]
        rows.setflags(write=False)
        hunger, energy, hydration, vitality, drive, age, growth, store, population, activity = rows
        self.variables: dict[str, FloatArray] = {
            "hunger": hunger,
            "energy": energy,
            "hydration": hydration,
            "health": vitality,
            "colony_health": vitality,
            "reproductive_drive": drive,
            "age": age,
            "growth": growth,
            "nutrient_store": store,
            "population": population,
            "activity": activity,
        }
        self.species: IntArray = read_only(table.species)
        self.state: IntArray = read_only(table.state)
        self.alive: BoolArray = read_only(table.alive)
        self.species_names: tuple[str, ...] = species.names
        self.state_names: tuple[str, ...] = STATE_NAMES
        self.species_variables: dict[str, tuple[str, ...]] = species.variables


@dataclass(slots=True)
class Newborns:
    """Rows that wait for the next :meth:`Table.flush`; they own their arrays."""

    #: ndarray of shape (len(COLUMNS), n), float64.
    data: FloatArray
    species: IntArray
    state: IntArray
    sex: IntArray
    #: Their ids; None for those that :meth:`Table.flush` names.
    ids: list[str] | None = None


class Table:
    """All entities, sorted by species and, within a species, by birth.

    A dead row stays until the next flush with ``alive`` False; it takes part in nothing. Every
    column attribute is a view of ``data`` that is valid until the next flush.

    Attributes
    ----------
    data : ndarray of shape (len(COLUMNS), n), float64
        NaN where a class lacks the quantity.
    species, state, sex, uid, target : ndarray of shape (n,), integer
        ``sex`` is 0 for female, 1 for male. ``uid`` counts births of the run, never reused.
        ``target`` is the row an entity goes for, or -1.
    alive : ndarray of shape (n,), bool
    offsets : list of int
        Species ``k`` holds the rows ``offsets[k]`` up to ``offsets[k + 1]``.
    n_vertebrate, n_mobile, n_tree_end, n_plant_end, n_living : int
        Ends of the classes: ANIMAL and BIRD, then INSECT, TREE, PLANT, MICROORGANISM.
    """

    x: FloatArray
    z: FloatArray
    vx: FloatArray
    vz: FloatArray
    hunger: FloatArray
    energy: FloatArray
    hydration: FloatArray
    vitality: FloatArray
    drive: FloatArray
    age: FloatArray
    growth: FloatArray
    store: FloatArray
    population: FloatArray
    activity: FloatArray
    stress: FloatArray
    cool: FloatArray
    life: FloatArray
    since: FloatArray
    progress: FloatArray
    pollen: FloatArray
    threat_distance: FloatArray
    threat_x: FloatArray
    threat_z: FloatArray
    home_x: FloatArray
    home_z: FloatArray
    y: FloatArray

    def __init__(self, species: SpeciesTable) -> None:
        self._species_table = species
        classes = [
            CLASS_ORDER.index(name) if code < species.n_defined else len(CLASS_ORDER)
            for code, name in enumerate(species.classes)
        ]
        #: First species code of each class, scenery last.
        self._class_start = [
            sum(1 for one in classes if one < rank) for rank in range(len(CLASS_ORDER) + 1)
        ]
        self.data: FloatArray = np.empty((len(COLUMNS), 0))
        self.species: IntArray = np.empty(0, np.int16)
        self.state: IntArray = np.empty(0, np.int8)
        self.sex: IntArray = np.empty(0, np.int8)
        self.uid: IntArray = np.empty(0, np.int64)
        self.target: IntArray = np.empty(0, np.int64)
        self.alive: BoolArray = np.empty(0, np.bool_)
        #: Id of every entity that ever was, by uid.
        self.ids: list[str] = []
        self._stated_ids: set[str] = set()
        self._newborns: list[Newborns] = []
        self._has_dead = False
        self._columns: Columns | None = None
        self._bind()

    def __getstate__(self) -> dict[str, Any]:
        # What are views of `data` here would be arrays of their own in a copy.
        views = {*COLUMN, "_columns"}
        return {name: value for name, value in vars(self).items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._columns = None
        self._bind()

    def __len__(self) -> int:
        return int(self.species.size)

    def rows(self, species: int) -> slice:
        """Return the rows of one species."""
        return slice(self.offsets[species], self.offsets[species + 1])

    def columns(self) -> Columns:
        """Return the entities as columns, valid until the next step."""
        if self._columns is None:
            self._columns = Columns(self, self._species_table)
        return self._columns

    def add(self, newborns: Newborns) -> None:
        """Queue rows for the next flush."""
        if newborns.species.size:
            self._newborns.append(newborns)

    @property
    def n_waiting(self) -> int:
        """Number of rows queued for the next flush."""
        return sum(one.species.size for one in self._newborns)

    def kill(self, rows: IntArray, state: IntArray) -> None:
        """Take rows out of everything; they disappear at the next flush."""
        self.alive[rows] = False
        self.state[rows] = state
        self.target[rows] = -1
        self.data[2:4, rows] = 0.0
        self._has_dead = True

    def flush(self) -> bool:
        """Drop the dead, sort in the newborn; return whether any row moved."""
        born = self._newborns
        if not born and not self._has_dead:
            return False
        # Its views would keep the arrays of now, which are not needed beside their successors.
        self._columns = None
        n_old = len(self)
        n_new = sum(one.species.size for one in born)
        keep = np.concatenate((np.flatnonzero(self.alive), np.arange(n_old, n_old + n_new)))
        species = np.concatenate([self.species, *(one.species for one in born)])
        # The stable sort of 16-bit integers is a radix sort, linear in the rows.
        order = keep[np.argsort(species[keep], kind="stable")]
        self.species = species[order]
        data = np.concatenate([self.data, *(one.data for one in born)], axis=1)
        # An index would leave the values of a column a whole row of quantities apart.
        self.data = data.take(order, axis=1)
        self.state = np.concatenate([self.state, *(one.state for one in born)])[order]
        self.sex = np.concatenate([self.sex, *(one.sex for one in born)])[order]
        first = len(self.ids)
        self.uid = np.concatenate((self.uid, np.arange(first, first + n_new)))[order]
        for one in born:
            self._name(one)
        moved_to = np.full(n_old + n_new + 1, -1)
        moved_to[order] = np.arange(order.size)
        # The extra last element answers for the target -1.
        self.target = moved_to[np.concatenate((self.target, np.full(n_new, -1)))[order]]
        self.alive = np.ones(order.size, np.bool_)
        self._newborns = []
        self._has_dead = False
        self._bind()
        return True

    def _name(self, born: Newborns) -> None:
        """Give rows their ids: one born in the run is called by its species and uid."""
        if born.ids is not None:
            self.ids.extend(born.ids)
            self._stated_ids.update(born.ids)
            return
        names, first = self._species_table.names, len(self.ids)
        for uid, code in enumerate(born.species.tolist(), first):
            name = f"{names[code]}_{uid}"
            while name in self._stated_ids:
                name += "_"
            self.ids.append(name)

    def _bind(self) -> None:
        """Point the column attributes at the present rows and gather what rows need of traits."""
        for row, name in enumerate(COLUMNS):
            setattr(self, name, self.data[row])
        table = self._species_table
        self.counts = np.bincount(self.species, minlength=len(table.names))
        self.offsets: list[int] = [0, *np.cumsum(self.counts).tolist()]
        start = [self.offsets[code] for code in self._class_start]
        _, _, insect, tree, plant, microbe, scenery = start
        self.n_vertebrate, self.n_mobile, self.n_tree_end = insect, tree, plant
        self.n_plant_end, self.n_living = microbe, scenery
        #: Species code of the mobile rows and of the plant rows, as indices.
        self.mobile_species = self.species[:tree].astype(np.intp)
        self.plant_species = self.species[tree:microbe].astype(np.intp)
        self.speed = table.speed[self.mobile_species]
        self.flight_distance = table.flight_distance[self.mobile_species]
        self.default_state = table.default_state[self.mobile_species].astype(np.int8)
        self.feeding_state = table.feeding_state[self.mobile_species].astype(np.int8)
        self.mating_state = table.mating_state[self.mobile_species].astype(np.int8)
        self.sleeps = table.sleeps[self.mobile_species]
