"""The entity table: sorted, without gaps, and with targets that survive a flush."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.phases.codes import DYING
from ecosim.engine.population import newborn_rows
from ecosim.engine.species import SpeciesTable
from ecosim.engine.state import COLUMN, COLUMNS, PUBLIC_COLUMN, Table
from ecosim.engine.world_models import VARIABLES

WORLD = load_world("demo")


def births(species: SpeciesTable, codes: list[int]):
    """Return newborn rows at x = 0, 1, 2, ..."""
    places = np.tile(np.arange(float(len(codes))), (3, 1))
    random = np.random.default_rng(1)
    return newborn_rows(WORLD.sim_config, species, np.array(codes, dtype=np.int16), places, random)


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 11), max_size=12), st.sets(st.integers(0, 40))),
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_births_and_deaths_in_any_order_keep_the_table_whole(rounds):
    species = SpeciesTable(WORLD)
    table = Table(species)
    alive: dict[int, int] = {}
    for codes, deaths in rounds:
        first = len(table.ids)
        table.add(births(species, codes))
        chosen = np.array(sorted(row for row in deaths if row < len(table)), dtype=np.intp)
        for uid in table.uid[chosen].tolist():
            del alive[uid]
        table.kill(chosen, np.full(chosen.size, DYING))
        table.flush()
        alive.update(zip(range(first, first + len(codes)), codes, strict=True))
        assert dict(zip(table.uid.tolist(), table.species.tolist(), strict=True)) == alive
        keys = list(zip(table.species.tolist(), table.uid.tolist(), strict=True))
        assert keys == sorted(keys)
        assert table.alive.all()
        for code in range(len(species.names)):
            assert (table.species[table.rows(code)] == code).all()
        assert table.data.shape == (len(COLUMNS), len(alive))
        assert np.shares_memory(table.hunger, table.data) or not len(table)
        assert len(table) == table.offsets[-1]


def test_targets_follow_their_rows_and_lose_the_dead():
    species = SpeciesTable(WORLD)
    table = Table(species)
    table.add(births(species, [0, 0, 0, 5, 9]))
    table.flush()
    table.target[:] = [1, 3, -1, 4, 2]
    goals = {uid: table.target[row] for row, uid in enumerate(table.uid)}
    uid_of = table.uid.copy()
    table.kill(np.array([1]), np.array([DYING]))
    table.add(births(species, [0, 3]))
    table.flush()
    row_of = {uid: row for row, uid in enumerate(table.uid)}
    for uid, goal in goals.items():
        if uid == uid_of[1]:
            assert uid not in row_of
        elif goal < 0 or goal == 1:
            assert table.target[row_of[uid]] == -1
        else:
            assert table.target[row_of[uid]] == row_of[uid_of[goal]]


def test_a_flush_without_changes_moves_nothing():
    table = Table(SpeciesTable(WORLD))
    assert not table.flush()


def test_rows_have_exactly_the_variables_of_their_class():
    engine = EcosystemEngine(WORLD, seed=1)
    for _ in range(300):
        engine.step()
    table, species = engine.simulation.table, engine.simulation.species
    for code, kind in enumerate(species.classes):
        rows = table.rows(code)
        own = {PUBLIC_COLUMN[name] for name in VARIABLES[kind]}
        for column in set(PUBLIC_COLUMN.values()):
            missing = np.isnan(table.data[COLUMN[column]][rows])
            assert (~missing).all() if column in own else missing.all(), (kind, column)


def test_columns_show_the_rows_of_now_and_take_no_writing():
    engine = EcosystemEngine(WORLD, seed=1)
    table = engine.simulation.table
    for _ in range(300):
        engine.step()
        columns = engine.entity_columns()
        assert columns is engine.entity_columns()
        assert columns.variables.keys() == PUBLIC_COLUMN.keys()
        for name, values in columns.variables.items():
            np.testing.assert_array_equal(values, table.data[COLUMN[PUBLIC_COLUMN[name]]])
            assert values.flags.c_contiguous
            assert not values.flags.writeable
        for name in ("species", "state", "alive"):
            shown = getattr(columns, name)
            np.testing.assert_array_equal(shown, getattr(table, name))
            assert not shown.flags.writeable
    assert table.ids[len(table) :], "nothing was born, so no table was replaced"


def test_crowding_is_one_for_an_even_population_at_its_reference():
    engine = EcosystemEngine(WORLD, seed=1)
    simulation = engine.simulation
    crowding = simulation.crowding(slice(0, simulation.table.n_mobile))
    share = simulation.config.reproduction.local_share
    deer = simulation.table.counts[0] / simulation.species.reference_count[0]
    assert crowding[:6].min() >= (1 - share) * deer - 1e-12
    assert crowding.shape == (simulation.table.n_mobile,)


def test_nothing_is_born_beyond_the_largest_number_of_entities():
    world = load_world(
        "demo", parameters={"sim_config.lifecycle.max_entities": 225, "rates.reproduction": 20.0}
    )
    engine = EcosystemEngine(world, seed=1)
    start = engine.ledger()["balance"]
    counts = []
    for _ in range(600):
        engine.step()
        counts.append(len(engine.simulation.table))
    assert max(counts) == 225
    assert engine.ledger()["balance"] == pytest.approx(start, rel=1e-9)


@pytest.mark.parametrize("sex", ["female", "male"])
def test_a_species_of_one_sex_has_no_offspring(sex):
    world = WORLD.to_dict()
    for entity in world["entities"]:
        if entity["species"] == "rabbit":
            entity["sex"] = sex
    world["rates"]["reproduction"] = 5.0
    engine = EcosystemEngine(world, seed=1)
    for _ in range(800):
        engine.step()
        assert not [
            event
            for event in engine.events
            if event.event_type == "REPRODUCTION" and event.source_species == "rabbit"
        ]
