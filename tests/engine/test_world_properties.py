"""Whatever is done to a world, it loads or the error names the places."""

from __future__ import annotations

import copy
import json
import re
import warnings
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecosim.engine.world import World, WorldWarning, load_world
from ecosim.errors import WorldError

WORLDS = Path(__file__).resolve().parents[2] / "server/ecosim/data/worlds"

# A path: keys joined by dots, indices or quoted keys in brackets.
_PATH = r'(?:[A-Za-z_][\w\-]*|\["(?:[^"\\]|\\.)*"(?:\.\.\. \(\d+ characters\))?\]|\[\d+\]|\.)+'
_LINE = re.compile(rf"{_PATH}: .+|and \d+ more", re.DOTALL)

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["ANIMAL", "PLANT", "DORMANT", "deer", "DESERT", "hunger", 0, 1, 0.5, 32])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


# An edit walks down from the top by its picks, each modulo the number of keys, and changes what it
# comes to. Edits and not whole worlds are drawn, so that a failure is short enough to print.
Edit = tuple[list[int], str, str, Any]
_EDITS = st.tuples(
    st.lists(st.integers(0, 300), min_size=1, max_size=6),
    st.sampled_from(["replace", "remove", "add", "copy"]),
    st.text(max_size=8) | st.sampled_from(["seed", "sex", "state", "randomize", "_"]),
    _VALUES,
)


def edit(world: dict[str, Any], change: Edit) -> None:
    """Make one edit of a world."""
    picks, action, new_key, value = change
    place: Any = world
    for depth, pick in enumerate(picks):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = keys[pick % len(keys)]
        if depth == len(picks) - 1 or not isinstance(place[key], dict | list):
            break
        place = place[key]
    if action == "replace":
        place[key] = value
    elif action == "remove":
        del place[key]
    elif isinstance(place, list):
        place.append(value if action == "add" else copy.deepcopy(place[key]))
    else:
        place[new_key] = value if action == "add" else copy.deepcopy(place[key])


def loads_or_names_places(source: Any, parameters: dict[str, Any]) -> World | None:
    """Load a world; if that fails, check that each line of the error names a path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorldWarning)
        try:
            return load_world(source, parameters=parameters)
        except WorldError as error:
            problems = error.problems
    assert problems
    for line in problems:
        assert _LINE.fullmatch(line), line
        assert line.isprintable(), line
        assert len(line) < 1000, line
    return None


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["demo", "minimal"]), st.lists(_EDITS, min_size=1, max_size=5))
@example("demo", [([28, 0, 70], "replace", "", [])]).via("a class that cannot be hashed")
def test_a_mutated_world_loads_or_names_what_is_wrong(name: str, edits: list[Edit]) -> None:
    source: dict[str, Any] = json.loads((WORLDS / f"{name}.json").read_text(encoding="utf-8"))
    for change in edits:
        edit(source, change)
    world = loads_or_names_places(source, {})
    if world is not None:
        data = json.loads(json.dumps(world.to_dict(), allow_nan=False))
        assert loads_or_names_places(data, {}) == world


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.text(alphabet="abrteshung._[]01", max_size=20)
        | st.sampled_from(
            [
                "rates.hunger",
                "environment",
                "entities[0]",
                "entities[0].metadata.a",
                "entities[0].state_vars.hunger",
                "species_definitions[0].resource_tags",
                "environment.voxel_grid.dimensions[0]",
                "randomize.jitter",
                "telemetry.interval",
                "environment.biome",
            ]
        ),
        _VALUES,
        max_size=4,
    )
)
def test_any_parameters_load_or_are_named(parameters: dict[str, Any]) -> None:
    loads_or_names_places("minimal", parameters)


@settings(max_examples=200, deadline=None)
@given(_VALUES)
def test_any_json_value_in_place_of_a_world_is_refused(value: Any) -> None:
    if isinstance(value, dict):
        assert loads_or_names_places(value, {}) is None
