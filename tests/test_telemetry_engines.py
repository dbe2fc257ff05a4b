"""Engines that are not ours, of each kind the interface allows, against their own accounts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ecosim.telemetry import TelemetryEmitter
from ecosim.telemetry_schema import problems
from ecosim.telemetry_testing import check_host
from parity import backends

TICKS = 400


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder of each backend, where every engine has run."""
    folders = {}
    for backend in backends():
        folders[backend] = tmp_path_factory.mktemp(backend)
        script = Path(__file__).with_name("foreign_engines.py")
        quiet = ("-W", "error", "-W", "ignore:the reference core")
        command = [sys.executable, *quiet, script, folders[backend], str(TICKS)]
        subprocess.run(command, check=True, env=os.environ | {"ECOSIM_BACKEND": backend})
    return folders


def records(folder, name):
    return [json.loads(line) for line in (folder / name).read_bytes().splitlines()]


@pytest.mark.parametrize("engine", ["Burrow", "Den", "Reef", "SporeCloud"])
def test_the_telemetry_says_what_the_engine_counted_itself(runs, engine):
    folder = runs["python"]
    config, *samples, end = records(folder, f"{engine}_telemetry.jsonl")
    batches = records(folder, f"{engine}_events.jsonl")
    assert [p for one in (config, *samples, *batches, end) for p in problems(one)] == []
    told = json.loads((folder / f"{engine}_truth.json").read_text())
    assert [sample["tick"] for sample in samples] == [truth["tick"] for truth in told]
    changes = {}
    for sample, truth in zip(samples, told, strict=True):
        species = sample["species"].items()
        assert {name: s["count"] for name, s in species if s["count"]} == truth["population"]
        assert {
            f"{name} {state}": count for name, s in species for state, count in s["states"].items()
        } == truth["states"]
        variables = {
            f"{name} {key}": [one["n"], one["mean"]]
            for name, s in species
            for key, one in s["vars"].items()
            if one["n"]
        }
        assert set(variables) == set(truth["means"])
        for key, (n, mean) in truth["means"].items():
            assert variables[key] == [n, pytest.approx(mean, rel=1e-14)]
        (layer,) = sample["voxels"].values()
        assert layer["mean"] == pytest.approx(truth["cells"], rel=1e-14)
        for name, one in sample["transitions"].items():
            for change, count in one.items():
                changes[f"{name} {change}"] = changes.get(f"{name} {change}", 0) + count
        assert changes == truth["changes"]
    in_windows = sum(sum(sample["events"]["by_type"].values()) for sample in samples)
    assert in_windows == end["events"] == sum(batch["count"] for batch in batches) > 0


@pytest.mark.parametrize("engine", ["Burrow", "Den", "Reef", "SporeCloud"])
def test_both_backends_leave_the_same_samples_and_events(runs, engine):
    found = {
        (folder / f"{engine}_events.jsonl").read_bytes()
        + b"".join((folder / f"{engine}_telemetry.jsonl").read_bytes().splitlines(True)[1:-1])
        for folder in runs.values()
    }
    assert len(found) == 1


def test_an_enum_that_prints_another_way_makes_no_difference(runs):
    one, two = (
        records(runs["python"], f"{name}_telemetry.jsonl")[1:-1] for name in ("Burrow", "Den")
    )
    assert [sample | {"run_id": ""} for sample in one] == [s | {"run_id": ""} for s in two]


class AshGrid:
    """A grid to walk whose one layer has a name of its own."""

    dimensions = (1, 1, 2)

    def walk_layer(self, layer, callback):
        callback(0, 0, 0, {"ash": 0.5}[layer])


def test_a_grid_to_walk_says_which_layers_of_its_own_it_has(tmp_path):
    engine = SimpleNamespace(tick=0, entities={}, voxel_grid=AshGrid())
    (problem,) = check_host(engine)
    assert problem.startswith("voxel_grid: expected layers, got none; a grid to walk lists those ")
    engine.voxel_grid.layers = ["ash"]
    assert check_host(engine) == []
    with TelemetryEmitter({"output_dir": tmp_path}, run_id="ash") as emitter:
        emitter.on_init(engine)
    config, sample, _ = records(tmp_path, "ash_telemetry.jsonl")
    assert config["voxel_layers"] == ["ash"]
    assert sample["voxels"]["ash"]["mean"] == 0.75
