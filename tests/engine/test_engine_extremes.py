"""Any world that loads runs: no warning, nothing out of range, every nutrient accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.config import BiomeClimate, BiomeSoil, Rates, SimConfig

TICKS = 80


def any_value(field: Any) -> st.SearchStrategy[Any]:
    """Return values over the whole range of a field, its ends and its default often."""
    low = next(one.ge for one in field.metadata if hasattr(one, "ge"))
    high = next(one.le for one in field.metadata if hasattr(one, "le"))
    if field.annotation is int:
        return st.integers(low, high)
    return st.sampled_from([low, high, field.default]) | st.floats(low, high)


def any_of(model: type[BaseModel], prefix: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return parameters that set some of the numbers of a model."""
    fields = {
        f"{prefix}.{name}": any_value(field)
        for name, field in model.model_fields.items()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
    }
    return st.fixed_dictionaries({}, optional=fields)


SECTIONS = [
    (field.annotation, f"sim_config.{name}") for name, field in SimConfig.model_fields.items()
]
GROUPS = [
    *SECTIONS,
    (Rates, "rates"),
    (BiomeClimate, "environment.climate"),
    (BiomeSoil, "environment.soil"),
]
ANY_SETTINGS = st.tuples(*(any_of(model, prefix) for model, prefix in GROUPS)).map(
    lambda parts: {path: value for part in parts for path, value in part.items()}
)
ANY_TRAITS = st.fixed_dictionaries(
    {},
    optional={
        "body_mass_kg": st.sampled_from([1e-300, 1e-9, 1e6]) | st.floats(1e-6, 1e4),
        "clutch_size": st.sampled_from([0, 1, 300]),
        "generation_time_ticks": st.sampled_from([1e-3, 1.0, 500.0, 1e9]),
        "trophic_level": st.floats(0, 10),
        "thermal_range": st.sampled_from([[-50.0, 60.0], [20.0, 20.001], [40.0, 50.0]]),
        "sensory_range_multiplier": st.sampled_from([0, 100]),
        "movement_budget": st.sampled_from([0, 100]),
        "drought_tolerance": st.sampled_from([0, 1]),
        "shade_tolerance": st.sampled_from([0, 1]),
        "spread_range": st.sampled_from([0, 1e5]),
        "root_persistence": st.sampled_from([0, 1]),
        "canopy_radius": st.sampled_from([0, 1000]),
    },
)


def check(engine: EcosystemEngine, start: dict[str, float]) -> None:
    """Assert that the state is whole."""
    simulation = engine.simulation
    table = simulation.table
    for name in ("hunger", "energy", "hydration", "vitality", "drive", "growth", "store"):
        values = getattr(table, name)
        values = values[~np.isnan(values)]
        assert ((values >= 0) & (values <= 1 + 1e-12)).all(), name
    assert np.isfinite(table.data[:4]).all()
    assert (table.x >= 0).all()
    assert (table.x <= simulation.extent[0]).all()
    for name, layer in engine.voxel_grid.items():
        assert ((layer >= 0) & (layer <= 1 + 1e-12)).all(), name
    account = engine.ledger()
    scale = max(1.0, account["cells"], account["plants"], abs(account["overflow"]))
    assert abs(account["balance"] - start["balance"]) <= 1e-9 * scale
    engine.packet()


@given(ANY_SETTINGS, st.integers(0, 2**32))
# The last animal dies on its way to a goal.
@example(
    {
        "sim_config.time.dt": 0.5,
        "sim_config.metabolism.hunger_base": 0.1,
        "sim_config.metabolism.health_recovery": 0.0,
        "sim_config.metabolism.starve_damage": 0.5,
    },
    0,
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_settings_within_their_bounds_run(parameters, seed):
    world = load_world("minimal", parameters=parameters)
    engine = EcosystemEngine(world, seed=seed)
    start = engine.ledger()
    engine.apply_rain(1.0)
    for _ in range(TICKS):
        engine.step()
    check(engine, start)


@given(st.lists(ANY_TRAITS, min_size=3, max_size=3), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_species_run(traits, seed):
    world = load_world("minimal").to_dict()
    for species, changed in zip(world["species_definitions"], traits, strict=False):
        species.update(changed)
    engine = EcosystemEngine(load_world(world), seed=seed)
    start = engine.ledger()
    for _ in range(TICKS):
        engine.step()
    check(engine, start)
