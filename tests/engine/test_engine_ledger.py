"""What enters and leaves the nutrient pools is accounted for, clamping included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.simulation import Simulation

TOLERANCE = 1e-9


def relative_error(engine: EcosystemEngine, start: dict[str, float]) -> float:
    """Return how much of the balance was lost or made up since the start."""
    return abs(engine.ledger()["balance"] - start["balance"]) / start["balance"]


def assert_in_range(simulation: Simulation) -> None:
    """Assert that every layer and every state variable is where it belongs."""
    for name, layer in simulation.soil.layers.items():
        assert layer.min() >= 0, name
        assert layer.max() <= 1 + 1e-12, name
    table = simulation.table
    for name in ("hunger", "energy", "vitality", "drive", "growth", "store", "population"):
        values = getattr(table, name)
        values = values[~np.isnan(values)]
        assert ((values >= 0) & (values <= 1 + 1e-12)).all(), name


def test_the_account_of_a_long_run_closes_and_every_flow_is_used():
    engine = EcosystemEngine("demo", seed=3)
    start = engine.ledger()
    for _ in range(3000):
        engine.step()
    end = engine.ledger()
    assert relative_error(engine, start) < TOLERANCE
    assert end["deposited"] > 10
    assert end["leached"] > 1
    assert end["pool"] > 0
    assert_in_range(engine.simulation)


@given(
    seed=st.integers(0, 2**63 - 1),
    biome=st.sampled_from(["TROPICAL", "TEMPERATE", "ARCTIC", "DESERT"]),
    soil=st.fixed_dictionaries(
        {
            name: st.floats(0, 1)
            for name in ("nitrogen", "phosphorus", "potassium", "moisture", "organic_matter")
        }
    ),
    acidity=st.floats(0, 14),
    boost=st.sampled_from([0.0, 1.0, 20.0]),
    dt=st.sampled_from([0.01, 0.1, 0.5]),
)
@example(  # the topsoil fills the cell below it before the subsoil has its turn
    seed=0, biome="TROPICAL", acidity=0.0, boost=20.0, dt=0.1,
    soil=dict.fromkeys(
        ("nitrogen", "phosphorus", "potassium", "moisture", "organic_matter"), 1.0
    ),
)  # fmt: skip
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_account_closes_for_any_seed_biome_soil_and_speed(
    seed, biome, soil, acidity, boost, dt
):
    parameters = {f"environment.soil.{name}": value for name, value in soil.items()}
    world = load_world(
        "demo",
        parameters={
            **parameters,
            "environment.soil.ph": acidity,
            "environment.biome": biome,
            "rates.mineralization": boost,
            "rates.dissolution": boost,
            "rates.nutrient_leaching": boost,
            "rates.growth": boost,
            "rates.consumption": boost,
        },
    )
    engine = EcosystemEngine(world, seed=seed)
    start = engine.ledger()
    for _ in range(120):
        engine.step(dt)
    assert abs(engine.ledger()["balance"] - start["balance"]) <= TOLERANCE * max(
        1.0, start["balance"]
    )
    assert_in_range(engine.simulation)


@pytest.mark.parametrize(
    ("dimensions", "cell_size"),
    [((32, 1, 32), 1.0), ((7, 3, 19), 2.5), ((40, 9, 33), 0.97), ((1, 4, 1), 40.0)],
)
def test_other_grids_run_and_close(dimensions, cell_size):
    world = load_world("demo").to_dict()
    world["environment"]["voxel_grid"] = {"dimensions": dimensions, "cell_size": cell_size}
    world["environment"]["water_sources"] = []
    extent = (dimensions[0] * cell_size, dimensions[2] * cell_size)
    for entity in world["entities"]:
        x, _, z = entity["position"]
        entity["position"] = [x / 32 * extent[0], 0.0, z / 32 * extent[1]]
    engine = EcosystemEngine(world, seed=1)
    start = engine.ledger()
    for _ in range(300):
        engine.step()
    assert relative_error(engine, start) < TOLERANCE
    assert_in_range(engine.simulation)
    assert engine.voxel_grid["moisture"].shape == tuple(dimensions)
    for one in engine.packet()["entity_updates"]:
        assert 0 <= one["position"][0] <= extent[0]
        assert 0 <= one["position"][2] <= extent[1]


def test_soil_that_overflows_says_so():
    world = load_world(
        "demo",
        parameters={
            "environment.soil.nitrogen": 1.0,
            "environment.soil.phosphorus": 1.0,
            "environment.soil.potassium": 1.0,
            "environment.soil.organic_matter": 1.0,
            "environment.voxel_grid.dimensions": (32, 1, 32),
            "rates.mineralization": 20.0,
        },
    )
    engine = EcosystemEngine(world, seed=1)
    start = engine.ledger()
    for _ in range(600):
        engine.step()
    assert engine.ledger()["overflow"] > 0
    assert relative_error(engine, start) < TOLERANCE
