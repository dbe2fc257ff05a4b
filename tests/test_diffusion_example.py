"""The example that learns a diffusion rate finds the one that the world has."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecosim.cli import main
from ecosim.datasets import snapshots
from ecosim.engine.world import load_world

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "diffusion" / "diffusion.py"

#: What the rounding of snapshots to float32 leaves of a fit to thousands of cells.
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("diffusion_example", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fitted(example, folder, world, *, every, ticks=100, **options):
    example.simulate(world, ticks, folder, "r", every)
    return example.fit(snapshots.open(folder).run("r"), **options)


@pytest.mark.parametrize("rate", [0.002, 0.01, 0.2])
@pytest.mark.parametrize("every", [1, 5])
def test_the_rate_of_a_quiet_world_is_found(example, tmp_path, rate, every):
    world = load_world("minimal", parameters={"sim_config.soil.diffusion": rate}).to_dict()
    found = fitted(example, tmp_path, example.quiet_world(world), every=every)
    assert found.true == rate
    assert found.rate == pytest.approx(rate, rel=ROUNDING)
    assert found.by_depth[:4] == pytest.approx([rate] * 4, rel=ROUNDING)
    assert np.abs(found.by_depth[4:]).max() < ROUNDING * rate


def test_without_diffusion_none_is_found(example, tmp_path):
    world = load_world("minimal", parameters={"sim_config.soil.diffusion": 0.0}).to_dict()
    quiet = fitted(example, tmp_path / "quiet", example.quiet_world(world), every=5)
    assert np.abs([quiet.rate, *quiet.by_depth]).max() < 1e-9
    living = fitted(example, tmp_path / "living", world, every=1)
    assert np.abs([living.rate, *living.by_depth]).max() < 1e-9


@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_in_a_living_world_the_ticks_of_an_exchange_tell_the_rate(example, tmp_path, rate):
    world = load_world("minimal", parameters={"sim_config.soil.diffusion": rate}).to_dict()
    found = fitted(example, tmp_path, world, every=1)
    assert found.rate == pytest.approx(rate, rel=ROUNDING)


def test_the_length_of_a_tick_is_minded(example, tmp_path):
    world = load_world("minimal", parameters={"sim_config.time.dt": 0.25}).to_dict()
    found = fitted(example, tmp_path, example.quiet_world(world), every=5)
    assert found.rate == pytest.approx(0.01, rel=ROUNDING)


def test_an_exchange_that_reaches_its_limit_is_told_as_such(example, tmp_path):
    changes = {"sim_config.time.dt": 0.5, "sim_config.soil.diffusion": 0.2}
    world = load_world("minimal", parameters=changes).to_dict()
    found = fitted(example, tmp_path, example.quiet_world(world), every=5)
    assert found.true == pytest.approx(0.1)
    assert found.rate == pytest.approx(0.1, rel=ROUNDING)


def test_the_laplacian_sums_to_nothing_and_has_no_flow_across_the_edge(example):
    cells = np.zeros((3, 2, 4))
    cells[0, 0, 0] = 1.0
    found = example.laplacian(cells)
    assert found.sum() == 0
    assert (found[0, 0, 0], found[1, 0, 0], found[0, 0, 1]) == (-2, 1, 1)
    assert not found[:, 1].any()


def test_the_runs_of_a_batch_are_fitted_one_by_one(tmp_path):
    world = load_world("minimal").to_dict()
    world["telemetry"] = {"voxel_snapshots": {"every": 1}}
    space = {"names": ["sim_config.soil.diffusion"], "bounds": [[0.005, 0.05]]}
    for name, content in (("world", world), ("space", space)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    words = f"batch --world {tmp_path}/world.json --space {tmp_path}/space.json -n 2 --ticks 40"
    assert main([*words.split(), "--workers", "1", "--out", str(tmp_path / "out")]) == 0
    shown = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "out"], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in shown.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == snapshots.open(tmp_path / "out").runs
    assert all(float(row[3]) < 1e-4 for row in rows)
    assert len({row[2] for row in rows}) == 2


@pytest.mark.parametrize(
    ("every", "layers", "ticks", "message"),
    [
        (3, None, 30, "expected snapshots every 1 or 5 ticks, got 3"),
        (5, ["moisture"], 30, "layer: expected one of moisture, got 'nutrients_fast'"),
        (5, None, 5, "expected more than 10 ticks"),
    ],
)
def test_runs_that_do_not_serve_are_named(tmp_path, every, layers, ticks, message):
    world = load_world("minimal").to_dict()
    world["telemetry"] = {"voxel_snapshots": {"every": every, "layers": layers}}
    (tmp_path / "world.json").write_text(json.dumps(world), encoding="utf-8")
    words = ["run", str(tmp_path / "world.json"), "--ticks", str(ticks), "--out", str(tmp_path)]
    assert main(words) == 0
    done = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.startswith("error: ")


def test_the_demonstration_prints_its_table():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--ticks", "60"], capture_output=True, text=True, check=True
    )
    rows = done.stdout.splitlines()[1:]
    assert len(rows) == 5
    assert float(rows[0].split()[8]) < ROUNDING
    assert float(rows[4].split()[9]) < ROUNDING
