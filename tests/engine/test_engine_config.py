"""Every setting is documented, bounded, and changes the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.config import BIOMES, Rates, SimConfig

#: Ticks at which two runs are compared, until they differ.
CHECKPOINTS = (60, 160, 350, 700)


def settings_of(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield the dotted path and field of every number of a model."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", field


SETTINGS = dict([*settings_of(SimConfig, "sim_config"), *settings_of(Rates, "rates")])


def bounds(field: Any) -> tuple[float, float]:
    """Return the lowest and highest value a field takes."""
    low = next(one.ge for one in field.metadata if hasattr(one, "ge"))
    high = next(one.le for one in field.metadata if hasattr(one, "le"))
    return low, high


@pytest.mark.parametrize("path", SETTINGS)
def test_a_setting_has_a_unit_a_meaning_and_a_default_within_its_bounds(path):
    field = SETTINGS[path]
    low, high = bounds(field)
    assert low <= field.default <= high
    assert low < high
    assert len(field.description) > 8
    assert field.json_schema_extra["unit"]


#: What it takes for a setting to matter within a short run.
NEEDS: dict[str, dict[str, Any]] = {
    "sim_config.metabolism.thermal_damage": {"environment.climate.temperature": -25.0},
    "sim_config.metabolism.cold_cost": {"environment.climate.temperature": -5.0},
    "sim_config.plants.stress_damage": {
        "environment.climate.rainfall": 0.0,
        "environment.soil.moisture": 0.0,
        "sim_config.plants.transpiration": 2.0,
    },
    "sim_config.decomposition.spore_rate": {"sim_config.decomposition.growth_yield": 40.0},
    # One prey of its own mass more than fills a predator: only less of it is felt at once.
    "sim_config.predation.prey_value": {"sim_config.predation.prey_value": 0.1},
    "sim_config.foraging.browse_fraction": {"species_definitions[0].diet_breadth": ["mast"]},
}


#: Where the middle between the default and the upper bound would not be felt.
VALUES = {"sim_config.lifecycle.max_entities": 230, "sim_config.predation.refuge": 0.0}


def fingerprints(parameters: dict[str, Any]) -> Iterator[tuple[float, ...]]:
    """Yield the state of a short run of a restless world at each checkpoint."""
    base = {
        # Small numbers make things happen soon: births, storms, thirst, cold nights.
        "rates.reproduction": 6.0,
        "rates.thirst": 6.0,
        "rates.hunger": 3.0,
        "rates.growth": 3.0,
        "environment.climate.rainfall": 0.9,
        "environment.soil.moisture": 0.9,
        "sim_config.climate.diurnal_amplitude": 16.0,
        "environment.biome": "DESERT",
        "environment.climate.temperature": 12.0,
        "environment.climate.humidity": 0.6,
    }
    engine = EcosystemEngine(load_world("demo", parameters={**base, **parameters}), seed=11)
    engine.apply_rain(0.1)
    for checkpoint in CHECKPOINTS:
        while engine.tick < checkpoint:
            engine.step()
        table = engine.simulation.table
        yield (
            *np.nansum(np.where(np.isfinite(table.data), table.data, 0.0), axis=1).tolist(),
            *(float(layer.sum()) for layer in engine.voxel_grid.values()),
            *engine.simulation.sources.level.tolist(),
            float(len(table)),
        )


@pytest.fixture(scope="module")
def base() -> list[tuple[float, ...]]:
    return list(fingerprints({}))


@pytest.mark.parametrize("path", SETTINGS)
def test_every_setting_changes_the_run(path, base):
    field = SETTINGS[path]
    value = VALUES.get(path, (field.default + bounds(field)[1]) / 2)
    if field.annotation is int:
        value = int(value)
    needs = NEEDS.get(path, {})
    unchanged = fingerprints(needs) if needs else base
    pairs = zip(fingerprints({**needs, path: value}), unchanged, strict=True)
    assert any(changed != before for changed, before in pairs)


def test_biomes_are_whole_and_their_climates_differ():
    assert set(BIOMES) == {"TROPICAL", "TEMPERATE", "ARCTIC", "DESERT"}
    assert len({biome.climate for biome in BIOMES.values()}) == 4
