"""Worlds load from names, files and mappings, merged with their defaults."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ecosim.engine.config import BIOMES, Rates, SimConfig
from ecosim.engine.world import WorldWarning, load_world, settable_paths, shipped_worlds
from ecosim.engine.world_models import STATES, VARIABLES
from ecosim.errors import WorldError


def minimal() -> dict[str, Any]:
    """Return a world that states only what it must, with one entity."""
    demo = load_world("demo").to_dict()
    deer = demo["species_definitions"][0]
    entity = {"id": "deer_01", "type": "ANIMAL", "species": "deer", "position": [1.5, 0, 2]}
    return {"species_definitions": [deer], "entities": [entity]}


def problems_of(source: Any, **parameters: Any) -> list[str]:
    """Return the lines of the error that loading raises."""
    with pytest.raises(WorldError) as caught:
        load_world(source, **parameters)
    return caught.value.problems


def test_the_demo_world_has_twelve_species_of_all_six_classes() -> None:
    demo = load_world("demo")
    assert {species.entity_class for species in demo.species_definitions} == set(STATES)
    assert len(demo.species_definitions) == 12
    assert len(demo.entities) == 216
    assert demo.environment.voxel_grid.dimensions == (32, 32, 32)
    assert demo.environment.biome == "TEMPERATE"
    assert demo.scenery == ()


def test_the_shipped_worlds_cover_the_biomes() -> None:
    assert shipped_worlds() == ("arctic", "demo", "desert", "minimal", "tropical")
    assert {load_world(name).environment.biome for name in shipped_worlds()} == set(BIOMES)


@pytest.mark.parametrize("name", shipped_worlds())
def test_species_of_a_shipped_world_live_within_their_thermal_range(name: str) -> None:
    world = load_world(name)
    summer = BIOMES[world.environment.biome].season_amplitude / 2
    warmest = world.environment.climate.temperature + summer
    for species in world.species_definitions:
        low, high = species.thermal_range
        assert low + 2 < warmest < high, species.species_id


@pytest.mark.parametrize("name", shipped_worlds())
def test_a_merged_world_loads_to_the_same_world(name: str) -> None:
    world = load_world(name)
    data = json.loads(json.dumps(world.to_dict()))
    assert load_world(data) == world
    assert json.dumps(load_world(data).to_dict()) == json.dumps(world.to_dict())
    assert load_world(world) == world


def test_what_a_world_leaves_out_takes_its_default() -> None:
    world = load_world(minimal())
    assert world.seed is None
    assert world.rates == Rates()
    assert world.sim_config == SimConfig()
    assert world.environment.climate == BIOMES["TEMPERATE"].climate
    assert world.environment.voxel_grid.dimensions == (32, 32, 32)
    assert world.entities[0].state_vars == {}
    assert world.entities[0].sex is None
    assert world.randomize is None
    assert world.telemetry is None


def test_overrides_are_merged_key_by_key() -> None:
    world = load_world(
        {
            **minimal(),
            "environment": {"biome": "DESERT", "climate": {"humidity": 0.3}},
            "sim_config": {"movement": {"wander_range": 9}},
            "rates": {"hunger": 2},
        }
    )
    assert world.environment.climate.humidity == 0.3
    assert world.environment.climate.temperature == BIOMES["DESERT"].climate.temperature
    assert world.sim_config.movement.wander_range == 9
    assert world.sim_config.movement.home_pull == SimConfig().movement.home_pull
    assert world.sim_config.soil == SimConfig().soil
    assert world.rates == Rates(hunger=2)


def test_a_world_is_read_from_a_path_as_text_or_object(tmp_path: Path) -> None:
    path = tmp_path / "meadow.json"
    path.write_text(json.dumps(minimal()), encoding="utf-8")
    assert load_world(path) == load_world(str(path)) == load_world(minimal())


def test_comments_are_ignored_at_any_depth() -> None:
    world = minimal()
    commented = copy.deepcopy(world) | {"_why": {"deep": [1]}}
    commented["species_definitions"][0]["_source"] = "field notes"
    commented["entities"][0] |= {"_note": None, "state_vars": {"_": 7}, "metadata": {"_x": 1}}
    commented["sim_config"] = {"_section": 1, "soil": {"_unit": "1/s"}}
    assert load_world(commented) == load_world(world)


def test_a_comment_may_be_given_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text('{"_": 1, "_": 2, ' + json.dumps(minimal())[1:], encoding="utf-8")
    assert load_world(path) == load_world(minimal())


def test_the_source_is_not_modified() -> None:
    world = minimal()
    before = copy.deepcopy(world)
    load_world(world, parameters={"rates.hunger": 2, "species_definitions[0].clutch_size": 3})
    assert world == before


def test_metadata_is_carried_along() -> None:
    world = minimal()
    world["entities"][0]["metadata"] = {"tag": [1, {"deep": None}]}
    assert load_world(world).entities[0].metadata == {"tag": [1, {"deep": None}]}


@pytest.mark.parametrize(("written", "read"), [("F", "female"), ("Male", "male"), (None, None)])
def test_sex_is_read_in_words_or_letters(written: str | None, read: str | None) -> None:
    world = minimal()
    world["entities"][0]["sex"] = written
    assert load_world(world).entities[0].sex == read


@pytest.mark.parametrize("affinity", ["forb", ["forb", "oak"], 0.5, 1])
def test_affinities_may_be_names_or_numbers(affinity: Any) -> None:
    world = minimal()
    world["species_definitions"][0]["floral_affinity"] = affinity
    loaded = load_world(world)
    assert load_world(loaded.to_dict()) == loaded
    assert loaded.to_dict()["species_definitions"][0]["floral_affinity"] == affinity


def test_an_entity_of_an_undefined_species_is_scenery_with_a_warning() -> None:
    world = minimal()
    oak = {"id": "oak_1", "type": "TREE", "species": "meadow_oak", "position": [3, 0, 3]}
    world["entities"].append(oak)
    with pytest.warns(WorldWarning, match="1 of species meadow_oak"):
        loaded = load_world(world)
    assert [entity.id for entity in loaded.scenery] == ["oak_1"]
    assert len(loaded.entities) == 2
    assert loaded.warnings[0].startswith("entities: 1 of species meadow_oak")


@pytest.mark.parametrize("kind", STATES)
def test_every_state_and_variable_of_a_class_is_accepted(kind: Any) -> None:
    species = next(s for s in load_world("demo").to_dict()["species_definitions"]
                   if s["entity_class"] == kind)  # fmt: skip
    entities = [
        {
            "id": f"{index}",
            "type": kind,
            "species": species["species_id"],
            "position": [0, 0, 32],
            "state": state,
            "state_vars": dict.fromkeys(VARIABLES[kind], 1),
        }
        for index, state in enumerate(STATES[kind])
    ]
    world = load_world({"species_definitions": [species], "entities": entities})
    assert [entity.state for entity in world.entities] == list(STATES[kind])


def test_parameters_win_over_the_world_and_its_biome() -> None:
    world = load_world(
        "demo",
        parameters={
            "rates.hunger": 3,
            "environment.biome": "DESERT",
            "environment.climate.humidity": 0.4,
            "sim_config.movement.wander_range": 7.5,
            "species_definitions[0].body_mass_kg": 61,
            "species_definitions[rabbit].thermal_range[1]": 30,
            "environment.water_sources[1].radius": 2,
            "entities[deer_01].state_vars.hunger": 0.25,
            "entities[0].position[0]": 4,
        },
    )
    assert world.rates.hunger == 3
    assert world.environment.climate.temperature == 33
    assert world.environment.climate.humidity == 0.4
    assert world.sim_config.movement.wander_range == 7.5
    assert world.species_definitions[0].body_mass_kg == 61
    assert world.species_definitions[1].thermal_range == (-10, 30)
    assert world.environment.water_sources[1].radius == 2
    assert world.entities[0].state_vars == {"hunger": 0.25}
    assert world.entities[0].position[0] == 4


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("seed", -3),
        ("environment.voxel_grid.dimensions", [32, 16, 32]),
        ("randomize.extra_grass", [0, 3]),
        ("randomize.transform", 3),
        ("sim_config.plants.root_depth", 3),
        ("sim_config.lifecycle.max_entities", 500),
        ("species_definitions[0].clutch_size", 2),
    ],
)
def test_a_number_may_be_written_with_or_without_a_point(path: str, written: Any) -> None:
    pointed = [float(one) for one in written] if isinstance(written, list) else float(written)
    worlds = [load_world("demo", parameters={path: value}) for value in (written, pointed)]
    assert worlds[0] == worlds[1]
    assert json.dumps(worlds[0].to_dict()) == json.dumps(worlds[1].to_dict())


def test_a_whole_float_may_set_an_integer_and_lists_grow_from_their_default() -> None:
    world = load_world(
        minimal(),
        parameters={
            "environment.voxel_grid.dimensions[1]": 16.0,
            "randomize.extra_flowers": [0, 0],
            "seed": 7,
        },
    )
    assert world.environment.voxel_grid.dimensions == (32, 16, 32)
    assert world.randomize is not None
    assert world.seed == 7
    lines = problems_of(minimal(), parameters={"environment.voxel_grid.dimensions[1]": 1.5})
    assert lines[0].startswith("environment.voxel_grid.dimensions[1]: expected an integer from 1")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("rates.hungr", 'did you mean "hunger"'),
        ("sim_config.movment.wander_range", 'did you mean "movement"'),
        ("sim_config.movement", "expected the path of a value"),
        ("species_definitions[9].clutch_size", "an entry of species_definitions, which has 1"),
        ("species_definitions[wolf].clutch_size", '"wolf"'),
        ("environment.water_sources[0].radius", "which has 0"),
        ("rates.hunger.more", '"more"'),
        ("seed.more", '"more"'),
        ("", "expected a dotted path"),
        ("rates..hunger", "expected a dotted path"),
        ("rates.hunger[", "expected a dotted path"),
        ("_comment", '"_comment"'),
    ],
)
def test_a_parameter_that_is_not_in_the_world_is_named(path: str, words: str) -> None:
    (line,) = problems_of(minimal(), parameters={path: 1})
    assert words in line


def test_parameters_that_are_no_mapping_are_refused() -> None:
    (line,) = problems_of(minimal(), parameters=["rates.hunger"])
    assert line == 'parameters: expected a mapping of paths to values, got ["rates.hunger"]'


def test_two_spellings_of_one_path_clash() -> None:
    parameters = {
        "species_definitions[0].clutch_size": 1,
        "species_definitions[deer].clutch_size": 2,
    }
    (line,) = problems_of(minimal(), parameters=parameters)
    assert "one value for species_definitions[0].clutch_size" in line


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), True, "2", None, [1], 10**30])
def test_a_parameter_of_the_wrong_kind_is_named(value: Any) -> None:
    (line,) = problems_of(minimal(), parameters={"rates.hunger": value})
    assert line.startswith("rates.hunger: expected a ")


def test_every_settable_path_can_be_set_to_its_value() -> None:
    world = load_world("demo")
    paths = settable_paths(world)
    assert paths["rates.hunger"] == 1
    assert paths["environment.climate.temperature"] == 17
    assert paths["species_definitions[0].body_mass_kg"] == 60
    assert not any(path.startswith(("entities", "seed", "telemetry")) for path in paths)
    assert load_world("demo", parameters=paths) == world
