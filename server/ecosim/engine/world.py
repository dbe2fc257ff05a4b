"""Load a world definition: read, merge, set parameters, check, and report every mistake at once."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ecosim.engine.config import BIOMES, Rates, SimConfig
from ecosim.engine.world_checks import check_world
from ecosim.engine.world_messages import Problems
from ecosim.engine.world_models import Environment, VoxelGrid, World
from ecosim.engine.world_paths import ROOT, apply_parameters, settable_paths
from ecosim.engine.world_reading import read_world, shipped_worlds

__all__ = ["World", "WorldWarning", "load_world", "settable_paths", "shipped_worlds"]


class WorldWarning(UserWarning):
    """Something a world may say but probably does not mean."""


def load_world(
    source: str | os.PathLike[str] | Mapping[str, Any] | World,
    *,
    parameters: Mapping[str, Any] | None = None,
) -> World:
    """Load a world definition.

    Defaults give way to the biome's climate and soil, these to the values of the file, these to
    the parameters. A name of a shipped world goes before a file of that name; write ``./demo`` for
    the file.

    Parameters
    ----------
    source : str, Path, mapping or World
        The name of a shipped world, the path of a JSON file, the data itself, or a loaded world.
    parameters : mapping of str to JSON data, optional
        Values to set by dotted path before the world is checked:
        ``{"environment.climate.temperature": 21.5, "species_definitions[3].body_mass_kg": 2}``.

    Returns
    -------
    World
        Frozen, complete and checked.

    Raises
    ------
    WorldError
        With one line a mistake, all mistakes at once.

    Warns
    -----
    WorldWarning
        Where entities belong to a species that no definition lists.
    """
    problems = Problems()
    data = read_world(source.to_dict() if isinstance(source, World) else source, problems)
    if isinstance(data, dict):
        apply_parameters(data, parameters or {}, problems)
        _fill(data)
    check_world(data, problems)
    try:
        # JSON and not Python data: there pydantic takes lists for tuples even when it is strict.
        world = World.model_validate_json(json.dumps(data))
    except ValidationError as error:
        problems.add_validation(error.errors(include_url=False), ROOT)
        raise problems.error() from None
    if problems:
        raise problems.error()
    for message in world.warnings:
        warnings.warn(message, WorldWarning, stacklevel=2)
    return world


def _fill(data: dict[str, Any]) -> None:
    """Add to the data of a world the defaults it leaves out, those of its biome among them."""
    environment = data.setdefault("environment", {})
    if isinstance(environment, dict):
        biome = environment.get("biome")
        default = Environment.model_fields["biome"].default
        preset = next((BIOMES[name] for name in BIOMES if name == biome), BIOMES[default])
        _merge(environment, preset.model_dump(include={"climate", "soil"}))
        _merge(environment, {"voxel_grid": VoxelGrid().model_dump(mode="json")})
    _merge(data, {"rates": Rates().model_dump(), "sim_config": SimConfig().model_dump()})


def _merge(data: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    """Add what ``data`` lacks, at every depth."""
    for key, default in defaults.items():
        present = data.setdefault(key, default)
        if isinstance(default, dict) and isinstance(present, dict):
            _merge(present, default)
