"""The start of a run is the world's own, or what ``randomize`` asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecosim.engine.placement import Layout, place
from ecosim.engine.world import World, load_world
from ecosim.engine.world_models import SQUARE_ONLY, SYMMETRIES


def randomized(**settings: Any) -> World:
    """Return the demo world with a ``randomize`` block."""
    return load_world(load_world("demo").to_dict() | {"randomize": settings})


def start(world: World, seed: int = 3) -> Layout:
    """Return the layout of a seed."""
    return place(world, np.random.default_rng(seed))


def points(layout: Layout) -> list[tuple[float, float]]:
    """Return x and z of all entities, then of all ponds."""
    standing = (*layout.entities, *layout.water_sources)
    return [(each.position[0], each.position[2]) for each in standing]


def test_without_randomize_nothing_moves_and_nothing_is_drawn() -> None:
    world = load_world("demo")
    generator = np.random.default_rng(1)
    layout = place(world, generator)
    assert layout.entities == world.entities
    assert layout.water_sources == world.environment.water_sources
    assert generator.random() == np.random.default_rng(1).random()


def test_an_empty_randomize_changes_nothing() -> None:
    world = randomized()
    assert start(world) == Layout(world.entities, world.environment.water_sources)


@pytest.mark.parametrize(
    ("symmetry", "image"),
    [
        ("identity", (2, 5)),
        ("rotate_90", (27, 2)),
        ("rotate_180", (30, 27)),
        ("rotate_270", (5, 30)),
        ("mirror_x", (30, 5)),
        ("mirror_z", (2, 27)),
        ("transpose", (5, 2)),
        ("anti_transpose", (27, 30)),
    ],
)
def test_each_symmetry_takes_a_place_to_its_image(symmetry: str, image: tuple[int, int]) -> None:
    data = load_world("demo").to_dict() | {"randomize": {"transform": symmetry}}
    data["entities"][0]["position"] = [2, 0, 5]
    data["environment"]["water_sources"][0]["position"] = [2, 0, 5]
    layout = start(load_world(data))
    assert layout.entities[0].position == (image[0], 0, image[1])
    assert layout.water_sources[0].position == (image[0], 0, image[1])


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_a_symmetry_keeps_all_distances(symmetry: str) -> None:
    before = np.array(points(start(randomized())))
    after = np.array(points(start(randomized(transform=symmetry))))
    distances = [np.hypot(*(p[:, None] - p[None]).transpose(2, 0, 1)) for p in (before, after)]
    # Positions are near 32, so each carries a rounding error of up to 4e-15.
    np.testing.assert_allclose(distances[0], distances[1], atol=1e-13)


def test_a_symmetry_is_named_by_its_index_or_drawn() -> None:
    for index, name in enumerate(SYMMETRIES):
        by_index, by_name = randomized(transform=index), randomized(transform=name)
        assert by_index == by_name
    choices = {tuple(points(start(randomized(transform="random"), seed))) for seed in range(60)}
    assert len(choices) == 8
    assert randomized(transform=True) == randomized(transform="random")


def test_a_world_that_is_not_square_draws_from_the_symmetries_that_fit() -> None:
    data = load_world("demo").to_dict() | {"randomize": {"transform": "random"}}
    data["environment"]["voxel_grid"]["dimensions"] = [32, 8, 40]
    layouts = {tuple(points(start(load_world(data), seed))) for seed in range(60)}
    assert len(layouts) == len(SYMMETRIES) - len(SQUARE_ONLY)
    assert all(0 <= x <= 32 and 0 <= z <= 40 for layout in layouts for x, z in layout)


def test_jitter_shifts_each_entity_by_no_more_than_it_says_and_not_past_the_edge() -> None:
    world = randomized(jitter=1.5)
    layout = start(world)
    shifts = [
        (after.position[0] - before.position[0], after.position[2] - before.position[2])
        for before, after in zip(world.entities, layout.entities, strict=True)
    ]
    assert 1.2 < max(abs(shift) for pair in shifts for shift in pair) <= 1.5 + 1e-12
    assert len(set(shifts)) == len(shifts)
    assert layout.water_sources == world.environment.water_sources
    far = start(randomized(jitter=1000))
    assert all(0 <= x <= 32 and 0 <= z <= 32 for x, z in points(far))


def test_grass_and_flowers_are_added_within_their_ranges() -> None:
    world = randomized(extra_grass=[2, 4], extra_flowers=[1, 3])
    counts = set()
    for seed in range(80):
        added = start(world, seed).entities[len(world.entities) :]
        names = [entity.species for entity in added]
        assert all(entity.type == "PLANT" for entity in added)
        assert all(0 <= each.position[0] < 32 and 0 <= each.position[2] < 32 for each in added)
        counts.add((names.count("meadow_grass"), names.count("wildflower")))
    assert counts == {(grass, flower) for grass in (2, 3, 4) for flower in (1, 2, 3)}


def test_added_entities_have_ids_of_their_own() -> None:
    data = load_world("demo").to_dict() | {"randomize": {"extra_grass": [30, 30]}}
    data["entities"][0]["id"] = "meadow_grass_extra_0"
    layout = start(load_world(data))
    assert len({entity.id for entity in layout.entities}) == len(layout.entities) == 246


def test_the_layout_is_a_function_of_the_generator() -> None:
    world = randomized(jitter=1, extra_grass=[0, 9], extra_flowers=[0, 9], transform="random")
    assert start(world, 5) == start(world, 5)
    assert start(world, 5) != start(world, 6)
