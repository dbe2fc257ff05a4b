"""The twins on entities as engines keep them: the same bytes.

The compiled core reads a species' values where they lie if they are side by side, and gathers them
if not. Dicts have few orders of keys, and their keys are mostly the same objects.
"""

import array
from collections.abc import Mapping
from enum import StrEnum
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity import Anew, Twins, compiled_core

if compiled_core() is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)

VARIABLES = ("hunger", "energy", "health")
SPECIES = ("deer", "oak", "bee")
STATES = ("IDLE", "FED", "LOST")
finite = st.floats(-1e6, 1e6, width=32)


def spread(code, values, step):
    """Return a column whose values lie some items apart, with others between them."""
    cells = array.array(code, [7.5] * (len(values) * abs(step)))
    view = memoryview(cells)[::step]
    for place, value in enumerate(values):
        view[place] = value
    return view


@st.composite
def tables(draw):
    """Columns in runs of one species: sorted, broken by dead rows, or come back to."""
    runs = draw(
        st.lists(
            st.tuples(st.integers(-1, 2), st.integers(1, 70), st.sampled_from([1, 1, 1, 0])),
            max_size=7,
        )
    )
    if draw(st.booleans()):
        runs.sort(key=lambda run: run[0])
    rows = sum(length for _, length, _ in runs)
    alive = [living for _, length, living in runs for _ in range(length)]
    for row in draw(st.sets(st.integers(0, max(rows - 1, 0)), max_size=2)) if rows else ():
        alive[row] = 0
    columns = {}
    for variable in draw(st.sets(st.sampled_from(VARIABLES))):
        few = draw(st.lists(finite | st.just(float("nan")), min_size=1, max_size=5))
        values = [few[row % len(few)] + row for row in range(rows)]
        columns[variable] = spread(
            draw(st.sampled_from("df")), values, draw(st.sampled_from([1, 1, 2, 3, -1]))
        )
    return SimpleNamespace(
        species=array.array("h", [code for code, length, _ in runs for _ in range(length)]),
        state=array.array("b", [row * row % 5 % 4 - 1 for row in range(rows)]),
        species_names=draw(st.sampled_from([SPECIES, ("deer", "oak", "deer"), list(SPECIES)])),
        state_names=STATES,
        variables=columns,
        species_variables={
            name: draw(st.sets(st.sampled_from(VARIABLES)).map(tuple))
            for name in (*SPECIES, "unknown")
        },
        alive=draw(st.sampled_from([None, array.array("B", alive)])),
    )


@settings(max_examples=300, deadline=None)
@given(read=st.lists(tables(), min_size=1, max_size=3))
def test_tables_in_runs_give_the_same(read):
    twins = Twins("run", VARIABLES)
    for table in read:
        twins.call("read_columns", table)
        twins.call("close_sample")
    twins.take()


def test_more_names_than_rows_give_the_same():
    twins = Twins("run", VARIABLES)
    rows = 90
    table = SimpleNamespace(
        species=array.array("i", [row % 50 - 1 for row in range(rows)]),
        state=array.array("i", [row % 40 - 1 for row in range(rows)]),
        species_names=tuple(f"s{code}" for code in range(50)),
        state_names=tuple(f"S{code}" for code in range(40)),
        variables={"hunger": array.array("d", range(rows))},
        species_variables={f"s{code}": ("hunger",) for code in range(0, 50, 2)},
    )
    assert twins.call("read_columns", table) == rows
    twins.call("close_sample")
    assert b'"s7":{"count":2,"states":{"S17":1,"S7":1}' in twins.take()


class Changing:
    """A number that changes the dict it stands in when it is read."""

    def __init__(self, owner) -> None:
        self.owner = owner

    def __float__(self) -> float:
        self.owner.pop("health", None)
        return 0.25


class Key(StrEnum):
    """Names of variables as a host may write them."""

    HUNGER, ENERGY, HEALTH, AGE = "hunger", "energy", "health", "age"


values = st.one_of(
    finite, st.integers(-(2**70), 2**70), st.none(), st.booleans(), st.sampled_from(["x", 10**400])
)


@st.composite
def herds(draw):
    """Dicts in a few orders of keys, some of them of keys that are equal but other objects."""
    orders = draw(st.lists(st.permutations(("species", "state", "state_vars", "id")), min_size=1))
    shapes = draw(
        st.lists(
            st.permutations((*VARIABLES, "age")).flatmap(
                lambda order: st.integers(0, 4).map(lambda size: order[:size])
            ),
            min_size=1,
            max_size=3,
        )
    )
    odd = draw(st.lists(st.tuples(st.integers(0, 150), values), max_size=3))
    found = []
    for number in range(draw(st.integers(0, 150))):
        shape = shapes[number // 20 % len(shapes)]
        state_vars = {key: number / (place + 3) for place, key in enumerate(shape)}
        parts = {
            "species": SPECIES[number % 7 % 3],
            "state": STATES[number % 3] if number % 11 else None,
            "state_vars": state_vars,
            "id": f"e{number}",
        }
        found.append({key: parts[key] for key in orders[number // 50 % len(orders)]})
        if number % 13 == 5:
            del found[-1]["state"]
        if number % 17 == 4:
            for key in list(state_vars):
                state_vars["".join(list(key))] = state_vars.pop(key)
        if number % 19 == 6:
            for key in list(state_vars):
                state_vars[Key(key)] = state_vars.pop(key)
        if number % 23 == 7:
            found[-1]["state_vars"] = {**{f"k{n}": 0.5 for n in range(14)}, **state_vars}
    for number, value in odd:
        if number < len(found) and shapes[0]:
            found[number]["state_vars"][shapes[0][0]] = value
    return found


@settings(max_examples=300, deadline=None)
@given(
    read=st.lists(herds(), min_size=1, max_size=3),
    variables=st.sampled_from(
        [VARIABLES, (), ("energy",), ("energy", "absent"), tuple(f"v{n}" for n in range(40))]
    ),
)
def test_dicts_of_the_same_keys_give_the_same(read, variables):
    twins = Twins("run", variables)
    for herd in read:
        for entities in (
            {one["id"]: one for one in herd},
            herd,
            Anew(lambda herd=herd: iter(herd)),
        ):
            twins.call("read_entities", entities)
        twins.call("close_sample")
    twins.take()


def test_a_number_that_changes_its_dict_is_read_alike():
    def herd():
        found = {}
        for number in range(4):
            state_vars = {"hunger": 0.5, "energy": 1.5, "health": float(f"{number}.5")}
            found[number] = {"species": "deer", "state": "IDLE", "state_vars": state_vars}
        found[2]["state_vars"]["hunger"] = Changing(found[2]["state_vars"])
        return found

    twins = Twins("run", VARIABLES)
    assert twins.call("read_entities", Anew(herd)) == 4
    twins.call("close_sample")
    assert b'"health":{"n":3,' in twins.take()


class Lazy(Mapping):
    """An entity that puts what it stands for in its own place at the first look."""

    def __init__(self, world, key):
        self.world, self.key = world, key

    def load(self):
        self.world[self.key] = {"species": "deer", "state_vars": {"hunger": 0.5}}
        return self.world[self.key]

    def get(self, key, default=None):
        return self.load().get(key, default)

    def __getitem__(self, key):
        return self.load()[key]

    def __iter__(self):
        return iter(self.load())

    def __len__(self):
        return 2


def test_an_entity_may_put_another_in_its_place():
    def world():
        found = {}
        found.update((key, Lazy(found, key)) for key in range(50))
        return found

    twins = Twins("run", VARIABLES)
    for _ in range(20):
        assert twins.call("read_entities", Anew(world)) == 50
    twins.call("close_sample")
    assert b'"hunger":{"n":50,' in twins.take()
