"""The versions of soil depths tell the truth, and telemetry that trusts them writes the same."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from ecosim.engine import EcosystemEngine, load_world
from ecosim.engine.voxels import TOPSOIL_DEPTH
from ecosim.telemetry import TelemetryEmitter
from ecosim.telemetry_testing import check_host

RICH = {
    **{f"environment.soil.{name}": 1.0 for name in ("nitrogen", "phosphorus", "potassium")},
    "environment.soil.organic_matter": 1.0,
    "environment.soil.moisture": 1.0,
    "environment.climate.rainfall": 1.0,
    "rates.mineralization": 20.0,
    "rates.nutrient_leaching": 10.0,
}
GRIDS = {
    "the demo world": None,
    "one depth": (32, 1, 32),
    "less than the topsoil": (7, 3, 19),
    "the topsoil": (16, 8, 16),
    "one depth below it": (40, 9, 33),
    "two depths below it": (5, 10, 31),
}


def engine_of(grid, *, rich=False, roots=4):
    """Return an engine of the demo world, on a grid of other sides, with rich and wet soil."""
    parameters = {"sim_config.plants.root_depth": roots, **(RICH if rich else {})}
    world = load_world("demo", parameters=parameters).to_dict()
    if grid is not None:
        side = 32.0 / grid[0]
        world["environment"]["voxel_grid"] = {"dimensions": grid, "cell_size": side}
        world["environment"]["water_sources"] = []
        for entity in world["entities"]:
            x, _, z = entity["position"]
            entity["position"] = [x, 0.0, z / 32 * side * grid[2]]
    return EcosystemEngine(world, seed=3)


def assert_truth(engine, ticks):
    """Step the engine and hold each depth against its copy of the tick before."""
    layers = engine.voxel_grid
    depth = layers["moisture"].shape[1]
    before, told = {name: layer.copy() for name, layer in layers.items()}, engine.voxel_versions
    for _ in range(ticks):
        engine.step()
        versions = engine.voxel_versions
        for name, layer in engine.voxel_grid.items():
            changed = (layer != before[name]).any(axis=(0, 2))
            assert [end for end, _ in versions[name]] == [end for end, _ in told[name]]
            assert versions[name][-1][0] == depth
            start = 0
            for (end, version), (_, known) in zip(versions[name], told[name], strict=True):
                assert version != known or not changed[start:end].any(), (name, start, engine.tick)
                start = end
            before[name][...] = layer
        told = versions


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("rich", [False, True], ids=["as it is", "rich and wet"])
def test_a_depth_that_changed_has_another_version(grid, rich):
    engine = engine_of(grid, rich=rich)
    engine.apply_rain(1.0)
    assert_truth(engine, 320)
    if rich and grid is not None and grid[1] <= TOPSOIL_DEPTH:
        assert engine.ledger()["overflow"] > 0  # soil did spill, through all depths


def test_roots_deeper_than_the_topsoil_are_told_of_too():
    assert_truth(engine_of((16, 20, 16), roots=14), 60)


def test_soil_that_spills_from_the_topsoil_tells_how_deep():
    engine = engine_of((16, 24, 16), rich=True)
    soil = engine.simulation.soil
    soil.slow[:, :15], soil.slow[:, 15:] = 1.0, 0.0
    soil.slow[:, 3] = 1.9
    before, told = soil.slow.copy(), engine.voxel_versions["nutrients_slow"]
    soil.spill(0, TOPSOIL_DEPTH)
    assert (soil.slow != before).any(axis=(0, 2)).nonzero()[0].tolist() == [3, 15]
    versions = dict(engine.voxel_versions["nutrients_slow"])
    assert all(versions[end] != version for end, version in told)


def test_most_depths_of_most_ticks_keep_their_version():
    engine = engine_of(None)
    changed = cells = 0
    told = engine.voxel_versions
    for _ in range(100):
        engine.step()
        for name, versions in engine.voxel_versions.items():
            start = 0
            for band, (end, _) in enumerate(versions):
                changed += (end - start) * (versions[band] != told[name][band])
                cells += end - start
                start = end
        told = engine.voxel_versions
    assert changed < 0.12 * cells


def test_a_run_that_samples_every_tick_writes_the_same_without_versions(tmp_path):
    class Silent(EcosystemEngine):
        voxel_versions = None

    files = {}
    for make in (EcosystemEngine, Silent):
        engine = make(load_world("demo"), seed=2)
        folder = tmp_path / make.__name__
        with TelemetryEmitter({"interval": 1, "output_dir": folder}, run_id="run") as emitter:
            emitter.on_init(engine)
            for tick in range(120):
                if tick == 40:
                    engine.apply_rain(1.0)
                engine.step()
                emitter.on_tick()
        lines = (folder / "run_telemetry.jsonl").read_text().splitlines()
        files[make] = [line for line in lines if '"record":"sample"' in line]
    assert files[EcosystemEngine] == files[Silent]
    assert len(files[Silent]) == 121


def test_the_checker_finds_nothing_in_a_hundred_ticks():
    assert check_host(engine_of((16, 12, 16)), ticks=100) == []


def test_a_phase_that_does_not_tell_is_found(monkeypatch):
    engine = engine_of((16, 12, 16))
    touch = engine.simulation.soil.touch
    monkeypatch.setattr(
        engine.simulation.soil,
        "touch",
        lambda layer, start, stop: None if layer == "moisture" else touch(layer, start, stop),
    )
    (problem,) = check_host(engine, ticks=20)
    assert problem == (
        "voxel_versions['moisture']: expected another version of depths 0 to 7, which changed at "
        "tick 2, got 0 again"
    )


def test_the_arrays_are_the_same_objects_all_through_a_run_and_a_copy_has_its_own():
    engine = engine_of(None)
    first = engine.voxel_grid
    twin = copy.deepcopy(engine)
    for _ in range(60):
        engine.step()
    layers = engine.simulation.soil.layers
    for name, layer in engine.voxel_grid.items():
        assert layer is first[name]
        assert layer.base is layers[name]
        assert twin.voxel_grid[name].base is twin.simulation.soil.layers[name]
    assert not np.array_equal(engine.voxel_grid["moisture"], twin.voxel_grid["moisture"])
    soil = engine.simulation.soil
    attributes = (soil.fast, soil.slow, soil.moisture, soil.temperature, soil.organic)
    assert all(one is other for one, other in zip(attributes, layers.values(), strict=True))
