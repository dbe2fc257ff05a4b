"""What the model derives from trait vectors."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.species import CLASS_ORDER, SpeciesTable
from ecosim.engine.world import WorldWarning
from ecosim.engine.world_models import VARIABLES


@pytest.fixture(scope="module")
def table() -> SpeciesTable:
    return SpeciesTable(load_world("demo"))


def test_species_are_ordered_by_class(table):
    ranks = [CLASS_ORDER.index(kind) for kind in table.classes]
    assert ranks == sorted(ranks)
    assert table.n_defined == 12


@pytest.mark.parametrize(
    ("name", "speed"),
    [("deer", 2.44), ("rabbit", 1.10), ("fox", 1.58), ("songbird", 2.17), ("hawk", 5.05)],
)
def test_speed_follows_mass_and_way_of_moving(table, name, speed):
    assert table.speed[table.names.index(name)] == pytest.approx(speed, abs=0.01)


def test_plants_do_not_move_and_a_sessile_animal_does_not_either(table):
    assert table.speed[table.names.index("oak")] == 0
    world = load_world("demo", parameters={"species_definitions[0].locomotion": "sessile"})
    assert SpeciesTable(world).speed[0] == 0


@pytest.mark.parametrize(
    ("name", "sense", "count"),
    [("deer", 14.0, 23.9), ("rabbit", 9.1, 34.6), ("butterfly", 7.6, 81.0), ("bee", 6.1, 90.4)],
)
def test_range_and_reference_count_follow_mass(table, name, sense, count):
    code = table.names.index(name)
    assert table.sense[code] == pytest.approx(sense, abs=0.1)
    assert table.reference_count[code] == pytest.approx(count, abs=0.5)


def test_capture_peaks_at_the_best_mass_ratio(table):
    fox, rabbit, deer = (table.names.index(name) for name in ("fox", "rabbit", "deer"))
    assert table.capture[fox, rabbit] == pytest.approx(
        0.55 * np.exp(-(np.log(4 / 15) ** 2) / (2 * 2.2**2))
    )
    assert table.capture[fox, deer] < 0.05 < table.capture[fox, rabbit]


def foods(table: SpeciesTable, name: str) -> dict[str, tuple[float, bool]]:
    """Return the diet of a species: food to (preference, only while fruiting)."""
    code = table.names.index(name)
    return {
        table.names[food.species]: (round(food.preference, 2), food.fruiting_only)
        for food in (*table.plants[code], *table.prey[code])
    }


def test_diets_follow_the_tags_the_preferred_first(table):
    assert foods(table, "rabbit") == {"meadow_grass": (1.0, False), "wildflower": (0.67, False)}
    assert foods(table, "bee") == {"wildflower": (1.0, False)}
    assert foods(table, "fox") == {
        "rabbit": (1.0, False),
        "songbird": (0.5, False),
        "wildflower": (0.4, True),
    }
    assert foods(table, "songbird")["oak"] == (0.5, True)
    assert foods(table, "oak") == {}


def test_prey_too_small_or_too_large_is_not_hunted(table):
    assert "beetle" not in foods(table, "hawk")
    assert "deer" not in foods(table, "fox")


@pytest.mark.parametrize(
    ("diet", "expected"),
    [
        ("herbivore", {"meadow_grass", "wildflower"}),
        ("nectarivore", {"wildflower"}),
        ("insectivore", {"butterfly", "bee", "beetle"}),
    ],
)
def test_a_species_without_tags_eats_what_its_diet_type_says(diet, expected):
    world = load_world(
        "demo",
        parameters={
            "species_definitions[3].diet_type": diet,
            "species_definitions[3].diet_breadth": [],
        },
    )
    assert set(foods(SpeciesTable(world), "songbird")) == expected


def test_an_entity_without_a_definition_is_counted_and_stays_as_it_is():
    world = load_world("minimal").to_dict()
    place = world["entities"][0]["position"]
    world["entities"] += [
        {"id": "oak_a", "type": "TREE", "species": "meadow_oak", "position": place},
        {
            "id": "stag",
            "type": "ANIMAL",
            "species": "stone_stag",
            "position": place,
            "state": "RESTING",
            "state_vars": {"hunger": 0.9, "age": 12.5},
        },
    ]
    with pytest.warns(WorldWarning) as caught:
        loaded = load_world(world)
    assert [str(one.message).split(" of species ")[1].split(",")[0] for one in caught] == [
        "meadow_oak",
        "stone_stag",
    ]
    engine = EcosystemEngine(loaded, seed=1)
    before = {name: engine.entities[name] for name in ("oak_a", "stag")}
    assert before["stag"]["state_vars"]["hunger"] == 0.9
    assert before["stag"]["state_vars"]["age"] == 12.5
    assert before["stag"]["state"] == "RESTING"
    for _ in range(1500):
        engine.step()
    assert {name: engine.entities[name] for name in before} == before
    columns = engine.entity_columns()
    assert columns.species_names[-2:] == ("meadow_oak", "stone_stag")
    assert (columns.species == len(columns.species_names) - 2).sum() == 1


def test_one_undefined_name_in_two_classes_keeps_both(tmp_path):
    world = load_world("minimal").to_dict()
    stated = [
        {"id": "a", "type": "TREE", "state": "FRUITING", "state_vars": {"growth": 0.5}},
        {"id": "b", "type": "ANIMAL", "state": "RESTING", "state_vars": {"hunger": 0.25}},
        {"id": "c", "type": "TREE", "state": "WILTING", "state_vars": {"growth": 0.25}},
    ]
    world["entities"] += [{"species": "q", "position": [1, 0, 1], **one} for one in stated]
    with pytest.warns(WorldWarning, match="3 of species q"):
        loaded = load_world(world)
    settings = {"output_dir": str(tmp_path), "interval": 5, "variables": ["hunger", "growth"]}
    with EcosystemEngine(loaded, seed=1, telemetry=settings) as engine:
        for _ in range(20):
            engine.step()
        for one in stated:
            shown = engine.entities[one["id"]]
            assert (shown["type"], shown["state"]) == (one["type"], one["state"])
            assert shown["state_vars"].items() >= one["state_vars"].items()
            assert set(shown["state_vars"]) == set(VARIABLES[one["type"]])
    (path,) = tmp_path.glob("*_telemetry.jsonl")
    config, *samples, _ = map(json.loads, path.read_text("utf-8").splitlines())
    assert config["species"].count("q") == 1
    for sample in samples:
        entry = sample["species"]["q"]
        assert entry["count"] == 3
        assert entry["states"] == {"FRUITING": 1, "RESTING": 1, "WILTING": 1}
        means = {name: (var["n"], var["mean"]) for name, var in entry["vars"].items()}
        assert means == {"hunger": (1, 0.25), "growth": (2, 0.375)}


def test_a_world_without_entities_or_species_runs():
    world = load_world("minimal").to_dict()
    world["entities"] = []
    engine = EcosystemEngine(world, seed=1)
    world["species_definitions"] = []
    bare = EcosystemEngine(world, seed=1)
    for _ in range(260):
        engine.step()
        bare.step()
    assert engine.packet()["entity_updates"] == bare.packet()["entity_updates"] == []


def test_what_an_entity_states_is_what_it_starts_with():
    world = load_world("demo").to_dict()
    world["entities"][0] |= {
        "sex": "male",
        "state": "DRINKING",
        "state_vars": {"hunger": 0.11, "health": 0.5, "reproductive_drive": 0.25},
    }
    engine = EcosystemEngine(world, seed=1)
    first = engine.entities["deer_01"]
    assert first["state"] == "DRINKING"
    assert first["state_vars"] | {"hunger": 0.11, "health": 0.5} == first["state_vars"]
    assert first["state_vars"]["reproductive_drive"] == 0.25
    assert engine.simulation.table.sex[0] == 1
