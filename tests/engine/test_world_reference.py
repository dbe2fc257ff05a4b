"""What scripts make from the models is up to date."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ecosim.engine.world import load_world, shipped_worlds

ROOT = Path(__file__).resolve().parents[2]


def script(name: str) -> ModuleType:
    """Return a script as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while it is still being made.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


def test_the_shipped_worlds_are_those_the_script_makes() -> None:
    worlds = script("make_worlds")
    made = worlds.make_worlds()
    assert sorted(made) == list(shipped_worlds())
    for name, text in made.items():
        assert (worlds.FOLDER / f"{name}.json").read_text(encoding="utf-8") == text


def test_the_tables_of_the_reference_are_those_of_the_models() -> None:
    reference = script("make_world_reference")
    page = reference.PAGE.read_text(encoding="utf-8")
    assert reference.written(page) == page
    assert page.count("<!-- table ") == len(reference.TABLES)


@pytest.mark.parametrize("name", shipped_worlds())
def test_the_reference_lists_each_shipped_world_with_its_numbers(name: str) -> None:
    world = load_world(name)
    grid = " x ".join(str(cells) for cells in world.environment.voxel_grid.dimensions)
    species, entities = len(world.species_definitions), len(world.entities)
    row = f"| `{name}` | {world.environment.biome} | {species} | {entities} | {grid} |"
    assert row in (ROOT / "docs" / "worlds.md").read_text(encoding="utf-8")
