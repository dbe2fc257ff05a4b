"""Worlds with mistakes: each gives a WorldError whose lines name place and expectation."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ecosim.engine.world import load_world
from ecosim.engine.world_messages import MAX_PROBLEMS
from ecosim.engine.world_reading import MAX_BYTES
from ecosim.errors import WorldError

World = dict[str, Any]
Hostile = tuple[str, Callable[[World], Any], str]


def set_at(*keys: str | int, value: Any) -> Callable[[World], None]:
    """Return a change that sets the value at a place of the world."""

    def change(world: World) -> None:
        place: Any = world
        for key in keys[:-1]:
            place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
        place[keys[-1]] = value

    return change


def species(key: str, value: Any) -> Callable[[World], None]:
    """Return a change of a trait of the fourth species, a bird."""
    return set_at("species_definitions", 3, key, value=value)


def entity(key: str, value: Any) -> Callable[[World], None]:
    """Return a change of the first entity, a deer."""
    return set_at("entities", 0, key, value=value)


def in_grid(key: str, value: Any) -> Callable[[World], None]:
    """Return a change of the grid."""
    return set_at("environment", "voxel_grid", key, value=value)


def nested(levels: int) -> Any:
    """Return lists inside each other."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def twice(key: str) -> Callable[[World], None]:
    """Return a change that repeats the first entry of a list."""
    return lambda world: world[key].append(copy.deepcopy(world[key][0]))


def without(*keys: str | int) -> Callable[[World], None]:
    """Return a change that takes a value away."""

    def change(world: World) -> None:
        place: Any = world
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return change


def hostile_values() -> Iterator[Hostile]:
    """Yield the reason, the change and the start of the line that must come of it."""
    bird, deer = "species_definitions[3]", "entities[0]"
    yield (
        "a word for a number",
        species("body_mass_kg", "heavy"),
        f'{bird}.body_mass_kg: expected a number > 0, got "heavy"',
    )
    yield "digits as text", species("clutch_size", "3"), f"{bird}.clutch_size:"
    yield "a bool as number", species("trophic_level", True), f"{bird}.trophic_level:"
    yield "null for a number", species("body_mass_kg", None), f"{bird}.body_mass_kg:"
    yield "no mass", species("body_mass_kg", 0), f"{bird}.body_mass_kg:"
    yield "a huge mass", species("body_mass_kg", 1e300), f"{bird}.body_mass_kg:"
    yield "NaN from Python", species("body_mass_kg", float("nan")), f"{bird}.body_mass_kg:"
    yield "infinity", species("clutch_size", float("inf")), f"{bird}.clutch_size:"
    yield "an endless integer", species("clutch_size", 10**400), f"{bird}.clutch_size:"
    yield (
        "a range reversed",
        species("thermal_range", [30, -5]),
        f"{bird}.thermal_range: expected [lo, hi] in C with lo <= hi",
    )
    yield "a range of one", species("thermal_range", [30]), f"{bird}.thermal_range"
    yield "a range of three", species("thermal_range", [1, 2, 3]), f"{bird}.thermal_range"
    yield "a word in a range", species("thermal_range", [3, "b"]), f"{bird}.thermal_range"
    yield "text for a list", species("diet_breadth", "forb"), f"{bird}.diet_breadth:"
    yield "a number in a list", species("diet_breadth", [3]), f"{bird}.diet_breadth[0]:"
    yield "no locomotion known", species("locomotion", "flies"), f"{bird}.locomotion:"
    yield "wrong case", species("entity_class", "bird"), f"{bird}.entity_class:"
    yield "an empty name", species("species_id", ""), f"{bird}.species_id:"
    yield "a name with a newline", species("species_id", "a\nb"), f"{bird}.species_id:"
    yield "a name without end", species("species_id", "x" * 201), f"{bird}.species_id:"
    yield "half a surrogate", species("species_id", "\ud800"), f"{bird}.species_id:"
    yield "no such affinity", species("floral_affinity", {"forb": 1}), f"{bird}.floral_affinity"
    yield (
        "a trait misspelt",
        species("entity_clas", "BIRD"),
        f'{bird}.entity_clas: expected a known key, got "entity_clas" '
        '(did you mean "entity_class"?)',
    )
    yield (
        "a trait missing",
        without("species_definitions", 3, "body_mass_kg"),
        f"{bird}.body_mass_kg: expected a number > 0, got nothing",
    )
    yield "no species at all", without("species_definitions"), "species_definitions:"
    yield "species in an object", set_at("species_definitions", value={}), "species_definitions:"
    yield "a species twice", twice("species_definitions"), "species_definitions[12].species_id:"
    yield "an id twice", twice("entities"), "entities[216].id:"
    yield "a species that is a list", set_at("species_definitions", 3, value=[]), f"{bird}:"
    yield "an entity that is text", set_at("entities", 0, value="deer"), f"{deer}:"
    yield "an id that is a number", entity("id", 7), f"{deer}.id:"
    yield "no such sex", entity("sex", "both"), f'{deer}.sex: expected "female", "male" or null'
    yield "outside the world", entity("position", [40, 0, 1]), f"{deer}.position[0]:"
    yield "below the world", entity("position", [4, 0, -0.1]), f"{deer}.position[2]:"
    yield "a flat position", entity("position", [4, 4]), f"{deer}.position"
    yield "no such state", entity("state", "SLEEPING"), f"{deer}.state:"
    yield "a plant's state", entity("state", "GROWING"), f"{deer}.state:"
    yield "a variable too big", entity("state_vars", {"hunger": 1.5}), f"{deer}.state_vars.hunger"
    yield "a variable too small", entity("state_vars", {"age": -1}), f"{deer}.state_vars.age:"
    yield "a plant's variable", entity("state_vars", {"growth": 0.5}), f"{deer}.state_vars.growth"
    yield "a variable of text", entity("state_vars", {"age": "old"}), f"{deer}.state_vars.age:"
    yield "variables in a list", entity("state_vars", [0.5]), f"{deer}.state_vars:"
    yield "a class of its own", entity("type", "PLANT"), f"{deer}.type:"
    yield "no such class", entity("type", "FISH"), f"{deer}.type:"
    yield "metadata of text", entity("metadata", "x"), f"{deer}.metadata:"
    yield "a set in metadata", entity("metadata", {"a": {1}}), f"{deer}.metadata.a:"
    yield "endless nesting", entity("metadata", {"a": nested(100)}), f"{deer}.metadata.a[0]"
    yield "a key of Python", entity("metadata", {1: 2}), f"{deer}.metadata[" + '"1"'
    yield (
        "a grid of 10^9 cells",
        set_at("environment", "voxel_grid", "dimensions", value=[1000, 1000, 1000]),
        "environment.voxel_grid.dimensions: expected at most 16777216 cells",
    )
    grid = "environment.voxel_grid"
    yield (
        "no cells",
        in_grid("dimensions", [0, 8, 8]),
        f"{grid}.dimensions[0]",
    )
    yield "half a cell", in_grid("dimensions", [8, 8.5, 8]), f"{grid}.dimensions[1]:"
    yield "too many whole cells", in_grid("dimensions", [1e3, 1e3, 1e3]), f"{grid}.dimensions:"
    yield "a plane", in_grid("dimensions", [8, 8]), f"{grid}.dimensions"
    yield "cells of no size", in_grid("cell_size", 0), f"{grid}.cell_size:"
    yield "no such biome", set_at("environment", "biome", value="TAIGA"), "environment.biome:"
    yield "a biome that is a list", set_at("environment", "biome", value=[]), "environment.biome"
    yield (
        "too humid",
        set_at("environment", "climate", value={"humidity": 2}),
        "environment.climate.humidity:",
    )
    yield "an environment of text", set_at("environment", value="wet"), "environment:"
    yield (
        "a pond outside",
        set_at("environment", "water_sources", 0, "position", value=[99, 0, 9]),
        "environment.water_sources[0].position[0]: expected x within the world, from 0 to 32",
    )
    yield (
        "a pond dry",
        set_at("environment", "water_sources", 0, "radius", value=0),
        "environment.water_sources[0].radius:",
    )
    yield "rates missing", set_at("rates", value=None), "rates:"
    yield (
        "a negative rate",
        set_at("rates", "hunger", value=-1),
        "rates.hunger: expected a number from 0",
    )
    yield "a rate misspelt", set_at("rates", "hungr", value=1), "rates.hungr:"
    yield "a section misspelt", set_at("sim_config", "movment", value={}), "sim_config.movment:"
    yield (
        "a setting misspelt",
        set_at("sim_config", "movement", "wander_rang", value=1),
        'sim_config.movement.wander_rang: expected a known key, got "wander_rang" '
        '(did you mean "wander_range"?)',
    )
    yield (
        "a section of text",
        set_at("sim_config", "soil", value="rich"),
        "sim_config.soil: expected an object",
    )
    yield "a seed too negative", set_at("seed", value=-(2**63) - 1), "seed:"
    yield "a seed with a point", set_at("seed", value=1.5), "seed:"
    yield "a seed too large", set_at("seed", value=2**63), "seed:"
    yield "a whole seed too large", set_at("seed", value=1e300), "seed:"
    yield "a true seed", set_at("seed", value=True), "seed:"
    yield "a version number", set_at("version", value=1.0), "version:"
    yield "a key unknown", set_at("entites", value=[]), "entites:"
    yield "a strange key", set_at("a\nb", value=1), '["a\\nb"]: expected a known key'
    yield "jitter below zero", set_at("randomize", "jitter", value=-1), "randomize.jitter:"
    yield (
        "grass reversed",
        set_at("randomize", "extra_grass", value=[3, 1]),
        "randomize.extra_grass:",
    )
    yield (
        "half a flower",
        set_at("randomize", "extra_flowers", value=[0, 0.5]),
        "randomize.extra_flowers[1]:",
    )
    yield "no such symmetry", set_at("randomize", "transform", value="turn"), "randomize.transform:"
    yield (
        "symmetry nine",
        set_at("randomize", "transform", value=8),
        "randomize.transform: expected",
    )
    yield "no interval", set_at("telemetry", value={"interval": 0}), "telemetry.interval:"
    yield "telemetry misspelt", set_at("telemetry", value={"evnts": True}), "telemetry.evnts:"
    yield "telemetry of text", set_at("telemetry", value="on"), "telemetry:"


@pytest.mark.parametrize(
    ("change", "line"), [pytest.param(*case, id=reason) for reason, *case in hostile_values()]
)
def test_a_mistake_gives_one_line_with_its_path(
    change: Callable[[World], Any], line: str, demo: World
) -> None:
    change(demo)
    with pytest.raises(WorldError) as caught:
        load_world(demo)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(line)
    assert "\n" not in caught.value.problems[0]


def hostile_files() -> Iterator[tuple[str, bytes, str]]:
    """Yield the reason, the bytes of a file, and the words that must be in the error."""
    yield "empty", b"", "expected a JSON object, got an empty file"
    yield "blank", b" \n\t ", "got an empty file"
    yield "a byte order mark", b"\xef\xbb\xbf{}", "without a byte order mark"
    yield "UTF-16", '{"version": "1"}'.encode("utf-16-le"), "a null byte at offset 1"
    yield "Latin-1", '{"version": "é"}'.encode("latin-1"), "expected UTF-8 text, got byte 0xe9"
    yield "a null byte", b'{"version": "\0"}', "a null byte at offset 13"
    yield "cut short", b'{"version": ', "expected JSON, got expecting value at line 1 column 1"
    yield "not JSON", b"world: demo", "expected JSON"
    yield "two objects", b"{} {}", "expected JSON, got extra data"
    yield "a trailing comma", b'{"version": "1",}', "expected JSON"
    yield "deep lists", b"[" * 200_000, "levels of nesting, got more"
    yield "deep objects", b'{"a":' * 200_000, "levels of nesting, got more"
    yield "a list", b"[]", "world: expected an object, got []"
    yield "a number", b"3", "world: expected an object, got 3"
    yield "null", b"null", "world: expected an object, got null"
    yield "NaN", b'{"seed": NaN}', "seed: expected a finite number of 64 bits, got NaN"
    yield "minus infinity", b'{"seed": -Infinity}', "seed: expected a finite number"
    yield "a float too large", b'{"rates": {"hunger": 1e999}}', "rates.hunger: expected a finite"
    yield "5,000 digits", b'{"seed": ' + b"9" * 5000 + b"}", "seed: expected a finite number"
    yield "a key twice", b'{"seed": 1, "seed": 2}', "seed: expected each key once, got it twice"
    yield (
        "a deep key twice",
        b'{"rates": {"hunger": 1, "hunger": 1}}',
        "rates.hunger: expected each",
    )
    yield "half a surrogate", b'{"version": "\\ud800"}', "version: expected Unicode text"
    yield "half a surrogate as key", b'{"\\ud800": 1}', "expected Unicode text"
    yield "nothing in it", b"{}", "species_definitions: expected a list of objects, got nothing"


@pytest.mark.parametrize(
    ("data", "words"), [pytest.param(*case, id=reason) for reason, *case in hostile_files()]
)
def test_a_file_that_cannot_be_used_says_why(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_bytes(data)
    with pytest.raises(WorldError) as caught:
        load_world(path)
    assert any(words in line for line in caught.value.problems)


def test_paths_that_are_no_files_say_what_they_are(tmp_path: Path) -> None:
    loop, pipe, huge = tmp_path / "loop", tmp_path / "pipe", tmp_path / "huge.json"
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    with huge.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    expected = {
        str(tmp_path): "got a directory",
        str(tmp_path / "missing.json"): "got no such file",
        str(loop): "symbolic links",
        str(pipe): "got a special file",
        str(huge): f"expected at most {MAX_BYTES} bytes",
        "x" * 5000: "file name too long",
        "null\0byte": "null",
        "": "expected a world file",
        "dmeo": 'no such file (did you mean "demo"?)',
        "demo/x": "no such file",
    }
    for path, words in expected.items():
        with pytest.raises(WorldError) as caught:
            load_world(path)
        assert words in str(caught.value), path
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("source", [None, 3, b"demo", ["demo"], object()])
def test_a_source_of_another_type_is_refused(source: Any) -> None:
    with pytest.raises(WorldError, match="world: expected the name of a shipped world, a path or"):
        load_world(source)


def test_a_mapping_inside_itself_is_refused(demo: World) -> None:
    demo["telemetry"] = demo
    with pytest.raises(WorldError, match="levels of nesting"):
        load_world(demo)


def test_all_mistakes_are_reported_at_once(demo: World) -> None:
    demo["seed"] = 0.5
    demo["species_definitions"][3]["body_mass_kg"] = "heavy"
    demo["entities"][5]["position"] = [99, 0, 1]
    demo["entities"][6]["state"] = "GROWING"
    demo["environment"]["biome"] = "TAIGA"
    demo["sim_config"] = {"movement": {"wander_range": float("nan")}}
    with pytest.raises(WorldError) as caught:
        load_world(demo, parameters={"rates.hungr": 1})
    assert sorted(line.split(":")[0] for line in caught.value.problems) == [
        "entities[5].position[0]",
        "entities[6].state",
        "environment.biome",
        "rates.hungr",
        "seed",
        "sim_config.movement.wander_range",
        "species_definitions[3].body_mass_kg",
    ]


def test_mistakes_without_end_are_counted(demo: World) -> None:
    for each in demo["entities"]:
        each["position"] = "here"
    with pytest.raises(WorldError) as caught:
        load_world(demo)
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    assert caught.value.problems[-1] == f"and {216 - MAX_PROBLEMS} more"


def test_grass_is_not_added_to_a_world_without_grass(demo: World) -> None:
    demo["species_definitions"] = demo["species_definitions"][:2]
    demo["entities"] = demo["entities"][:2]
    demo["randomize"] = {"extra_grass": [0, 2], "extra_flowers": [1, 1]}
    with pytest.raises(WorldError) as caught:
        load_world(demo)
    assert caught.value.problems == [
        "randomize.extra_grass: expected a PLANT species tagged graminoid to add, got none",
        "randomize.extra_flowers: expected a PLANT species with a pollination_syndrome to add, "
        "got none",
    ]


@pytest.mark.parametrize("transform", ["rotate_90", "transpose", 3])
def test_a_world_that_is_not_square_is_not_turned(transform: Any, demo: World) -> None:
    demo["environment"]["voxel_grid"]["dimensions"] = [32, 32, 40]
    demo["randomize"] = {"transform": transform}
    with pytest.raises(WorldError, match=r"randomize\.transform: expected a symmetry that keeps"):
        load_world(demo)


def test_a_message_stays_short_whatever_the_value(demo: World) -> None:
    demo["environment"]["biome"] = "x" * 10**6
    demo["entities"][0]["position"] = [["y" * 10**5]] * 3
    with pytest.raises(WorldError) as caught:
        load_world(demo)
    assert all(len(line) < 400 for line in caught.value.problems)


@pytest.fixture
def demo() -> World:
    """Return the demo world as its file has it."""
    path = Path(__file__).resolve().parents[2] / "server/ecosim/data/worlds/demo.json"
    data: World = json.loads(path.read_text(encoding="utf-8"))
    return data
