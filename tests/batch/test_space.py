"""Spaces: every mistake is found before anything runs, all at once, each with its place."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosim.batch.space import load_space, shipped_spaces
from ecosim.batch.space_checks import DISTRIBUTIONS
from ecosim.engine.config import BiomeClimate, Rates, SimConfig
from ecosim.engine.world import load_world, settable_paths
from ecosim.errors import SpaceError

GOOD = {
    "name": "two",
    "num_vars": 2,
    "names": ["rates.hunger", "rates.thirst"],
    "bounds": [[0.5, 2], [1, 3]],
    "parameters": {"rates.thirst": {"unit": "x", "description": "thirst", "integer": True}},
    "_comment": "free",
}

#: What is changed in GOOD, and a piece of the message it must lead to.
MISTAKES = [
    ({"names": []}, "names: expected at least one parameter"),
    ({"names": "rates.hunger"}, "names: expected a list of strings"),
    ({"names": ["rates.hunger"]}, "bounds: expected 1 entries, one a name, got 2"),
    ({"names": ["rates.hunger", 3]}, "names[1]: expected a non-empty string, got 3"),
    ({"names": ["rates.hunger", ""]}, "names[1]: expected a non-empty string"),
    ({"names": ["rates.hunger", "rates.hunger"]}, "'rates.hunger' 2 times"),
    ({"num_vars": 3}, "num_vars: expected 2"),
    ({"bounds": None}, "bounds: expected a list"),
    ({"bounds": [[2, 0.5], [1, 3]]}, "bounds of rates.hunger: expected low < high, got [2, 0.5]"),
    ({"bounds": [[1, 1], [1, 3]]}, "bounds of rates.hunger: expected low < high"),
    ({"bounds": [[math.nan, 1], [1, 3]]}, "bounds of rates.hunger: expected finite numbers"),
    ({"bounds": [[0, math.inf], [1, 3]]}, "bounds of rates.hunger: expected finite numbers"),
    ({"bounds": [[-1e308, 1e308], [1, 3]]}, "expected high - low to be a finite number"),
    ({"bounds": [[0, 10**400], [1, 3]]}, "bounds of rates.hunger: expected finite numbers"),
    ({"bounds": [["0", 1], [1, 3]]}, "bounds of rates.hunger: expected finite numbers"),
    ({"bounds": [[False, True], [1, 3]]}, "bounds of rates.hunger: expected finite numbers"),
    ({"bounds": [[0, 1, 2], [1, 3]]}, "bounds of rates.hunger: expected [low, high]"),
    ({"bounds": [1, [1, 3]]}, "bounds of rates.hunger: expected [low, high], got 1"),
    ({"bounds": [[0, 1], [1, 2.5]]}, "bounds of rates.thirst: expected unif and whole numbers"),
    ({"dists": ["unif"]}, "dists: expected 2 entries"),
    ({"dists": ["cauchy", "unif"]}, "dists of rates.hunger: expected one of unif"),
    ({"dists": [["unif"], "unif"]}, "dists of rates.hunger: expected one of unif"),
    ({"dists": ["triang", "unif"]}, "bounds of rates.hunger: expected [low, high, peak]"),
    ({"dists": ["norm", "unif"], "bounds": [[1, 0], [1, 3]]}, "a standard deviation > 0"),
    ({"dists": ["logunif", "unif"], "bounds": [[0, 1], [1, 3]]}, "low > 0 for logunif"),
    ({"dists": ["triang", "unif"], "bounds": [[0, 1, 2], [1, 3]]}, "a peak in 0..1"),
    ({"groups": ["a"]}, "groups: expected 2 names"),
    ({"groups": "a"}, "groups: expected a list of strings"),
    ({"bound": [[0, 1]]}, "bound: expected one of name"),
    ({"parameters": []}, "parameters: expected an object"),
    ({"parameters": {"rates.growth": {}}}, 'parameters["rates.growth"]: expected a name'),
    ({"parameters": {"rates.hunger": 3}}, 'parameters["rates.hunger"]: expected an object'),
    ({"parameters": {"rates.hunger": {"units": "x"}}}, "units: expected one of unit"),
    ({"parameters": {"rates.hunger": {"integer": 1}}}, "integer: expected true or false"),
    ({"parameters": {"rates.hunger": {"unit": 1}}}, "unit: expected a string"),
    ({"name": 3}, "name: expected a string"),
]


@pytest.mark.parametrize(("change", "message"), MISTAKES)
def test_a_mistake_is_named(change: dict, message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        load_space({**GOOD, **change})
    assert message in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    problem = {**GOOD, "bounds": [[2, 1], [1, math.nan]], "num_vars": 9, "colour": "red"}
    with pytest.raises(SpaceError) as caught:
        load_space(problem)
    assert len(str(caught.value).splitlines()) == 4


def test_reading_leaves_the_problem_as_it_was() -> None:
    problem = copy.deepcopy(GOOD)
    load_space(problem)
    assert problem == GOOD


def test_a_space_survives_the_way_through_its_problem() -> None:
    space = load_space({**GOOD, "groups": ["a", "a"]})
    assert load_space(space.to_problem()) == space
    assert space.groups == ("a",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected JSON"),
        (b"[1]", "expected a JSON object, got [1]"),
        (b"\xff\xfe", "expected UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"names": [], "names": []}', "'names' stands twice"),
    ],
)
def test_a_file_that_is_no_space_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "space.json"
    path.write_bytes(content)
    with pytest.raises(SpaceError, match=r"space\.json") as caught:
        load_space(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["no such space", "", ".", "a\0b"])
def test_a_missing_file_lists_the_shipped_spaces(name: str) -> None:
    with pytest.raises(SpaceError, match="default"):
        load_space(name)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from(["names", "bounds", "dists", "groups", "parameters", "name"]), json_values)
def test_any_value_gives_a_space_or_a_space_error(key: str, value: object) -> None:
    try:
        space = load_space({**GOOD, key: value})
    except SpaceError:
        return
    assert {parameter.dist for parameter in space.parameters} <= DISTRIBUTIONS.keys()


def test_the_default_space_fits_the_demo_world_around_its_defaults() -> None:
    space = load_space("default")
    defaults = settable_paths(load_world("demo"))
    assert len(space.parameters) >= 40
    for parameter in space.parameters:
        low, high = parameter.bounds
        assert low <= defaults[parameter.name] <= high, parameter.name


def test_the_default_space_says_what_the_model_says() -> None:
    """Unit, meaning and limits of the space agree with those of the settings it varies."""
    for parameter in load_space("default").parameters:
        section, *rest = parameter.name.split(".")
        models = {"rates": Rates, "environment": BiomeClimate}
        if section == "sim_config":
            models["sim_config"] = SimConfig.model_fields[rest[0]].annotation
        field = models[section].model_fields[rest[-1]]
        assert parameter.unit == field.json_schema_extra["unit"], parameter.name
        assert parameter.description == field.description, parameter.name
        limits = {type(limit).__name__: limit for limit in field.metadata}
        lowest, highest = limits["Ge"].ge, limits["Le"].le
        assert lowest <= parameter.bounds[0] < parameter.bounds[1] <= highest, parameter.name


def test_every_shipped_space_loads_under_its_own_name() -> None:
    assert "default" in shipped_spaces()
    for name in shipped_spaces():
        assert load_space(name).name == name
        json.dumps(load_space(name).to_problem(), allow_nan=False)
