"""Snapshots read back: of a batch, of a run, and of stores that something happened to."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecosim.batch.prepare import open_batch
from ecosim.batch.verify import damaged_runs
from ecosim.cli import main
from ecosim.datasets import snapshots
from ecosim.datasets.collect import collect
from ecosim.engine import EcosystemEngine, load_world
from ecosim.errors import DatasetError
from ecosim.telemetry import SnapshotConfig, TelemetryEmitter

PAGE = Path(__file__).resolve().parents[2] / "docs" / "snapshots.md"
LAYERS = ["moisture", "nutrients_fast"]
OPTIONS = ["--space", "default", "-n", "3", "--ticks", "40", "--interval", "20", "--seed", "3"]


def batch_words(folder, *options):
    return ["batch", "--world", str(folder / "world.json"), *OPTIONS, *options]


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """A batch of three small worlds whose telemetry block asks for snapshots."""
    folder = tmp_path_factory.mktemp("batch")
    world = load_world("minimal").to_dict()
    world["telemetry"] = {"voxel_snapshots": {"every": 10, "layers": LAYERS}}
    (folder / "world.json").write_text(json.dumps(world), encoding="utf-8")
    assert main(batch_words(folder, "--workers", "2", "--out", str(folder / "out"))) == 0
    return folder / "out"


@pytest.fixture
def copied(batch, tmp_path):
    return shutil.copytree(batch, tmp_path / "out")


def one_run(folder, ticks=30, every=5, run_id="one"):
    settings = {"output_dir": folder, "voxel_snapshots": {"every": every}}
    engine = EcosystemEngine("minimal", seed=1)
    with TelemetryEmitter(settings, run_id=run_id) as emitter:
        emitter.on_init(engine)
        for _ in range(ticks):
            engine.step()
            emitter.on_tick()
    return folder / f"{run_id}_voxels.zarr"


def test_a_batch_lists_its_runs_layers_and_ticks(batch):
    data = snapshots.open(batch)
    assert data.runs == sorted(path.name for path in (batch / "runs").iterdir())
    assert len(data.runs) == 3
    assert data.layers == tuple(LAYERS)
    for run_id in data.runs:
        run = data.run(run_id)
        assert run.ticks.tolist() == [0, 10, 20, 30, 40]
        assert run.is_closed
        assert run.attributes["cell_size"] == load_world("minimal").environment.voxel_grid.cell_size


def test_the_snapshots_agree_with_the_samples(batch):
    data = snapshots.open(batch)
    for run_id in data.runs:
        text = (batch / "runs" / run_id / f"{run_id}_telemetry.jsonl").read_text(encoding="utf-8")
        records = [json.loads(line) for line in text.splitlines()]
        samples = {one["tick"]: one["voxels"] for one in records if one["record"] == "sample"}
        for layer in LAYERS:
            values = data.run(run_id).read(layer)
            for tick in (0, 20, 40):
                found, told = values[tick // 10].astype("float64"), samples[tick][layer]
                assert found.mean() == pytest.approx(told["mean"], rel=1e-6)
                assert found.max() == np.float32(told["max"])
                assert found.min() == np.float32(told["min"])


@pytest.mark.parametrize("lag", [1, 2, 4])
def test_pairs_are_so_many_snapshots_apart_and_of_one_run(batch, lag):
    data = snapshots.open(batch)
    pairs = list(data.pairs("moisture", lag=lag))
    expected = [
        (run_id, tick, tick + 10 * lag)
        for run_id in data.runs
        for tick in range(0, 50 - 10 * lag, 10)
    ]
    assert [(pair.run_id, pair.tick, pair.tick_after) for pair in pairs] == expected
    for pair in pairs:
        values = data.run(pair.run_id).read("moisture")
        np.testing.assert_array_equal(pair.before, values[pair.tick // 10])
        np.testing.assert_array_equal(pair.after, values[pair.tick_after // 10])


def test_the_arrays_of_a_pair_are_the_callers_own(batch):
    pairs = snapshots.open(batch).pairs("moisture")
    first = next(pairs)
    kept = first.after.copy()
    for values in (first.before, first.after):
        values += 1
    np.testing.assert_array_equal(next(pairs).before, kept)


def test_several_layers_are_a_first_axis(batch):
    data = snapshots.open(batch)
    both = next(data.pairs(LAYERS[::-1]))
    shape = data.run(data.runs[0]).dimensions
    assert both.before.shape == (2, *shape)
    for index, layer in enumerate(LAYERS[::-1]):
        np.testing.assert_array_equal(both.after[index], next(data.pairs(layer)).after)
    np.testing.assert_array_equal(next(data.pairs()).before, both.before[::-1])


def test_a_stack_has_every_pair(batch):
    data = snapshots.open(batch)
    stacked = data.stack("moisture")
    assert stacked.dtype == "float32"
    assert stacked.shape == (12, 2, *data.run(data.runs[0]).dimensions)
    for index, pair in enumerate(data.pairs("moisture")):
        np.testing.assert_array_equal(stacked[index], [pair.before, pair.after])
    some = data.stack(LAYERS, lag=3, runs=data.runs[:1], dtype="float64")
    assert some.shape[:3] == (2, 2, 2)


def test_runs_of_one_folder_and_a_single_store_are_found(tmp_path):
    store = one_run(tmp_path, run_id="b")
    one_run(tmp_path, run_id="a")
    assert snapshots.open(tmp_path).runs == ["a", "b"]
    assert snapshots.open(store).runs == ["b"]
    assert len(list(snapshots.open(store).pairs("moisture"))) == 6


def test_an_unfinished_run_of_a_batch_is_left_out(copied):
    runs = sorted((copied / "runs").iterdir())
    runs[0].rename(runs[0].with_name(f"{runs[0].name}.partial"))
    assert snapshots.open(copied).runs == [path.name for path in runs[1:]]


def test_a_batch_that_asks_for_layers_that_are_not_there_does_not_begin(tmp_path, capsys):
    world = load_world("minimal").to_dict()
    world["telemetry"] = {"voxel_snapshots": {"layers": ["moistur"]}}
    (tmp_path / "world.json").write_text(json.dumps(world), encoding="utf-8")
    assert main(batch_words(tmp_path, "--workers", "1", "--out", str(tmp_path / "out"))) == 2
    shown = capsys.readouterr().err
    assert "telemetry.voxel_snapshots.layers: expected layers of the host (nutrients_fast" in shown
    assert "got ['moistur']" in shown


def test_a_resumed_batch_ends_with_the_same_bytes(copied, batch):
    runs = sorted((copied / "runs").iterdir())
    runs[0].rename(runs[0].with_name(f"{runs[0].name}.partial"))
    shutil.rmtree(runs[2])
    assert main(batch_words(batch.parent, "--resume", "--out", str(copied))) == 0
    for run_id in snapshots.open(batch).runs:
        old, new = (
            folder / "runs" / run_id / f"{run_id}_voxels.zarr" for folder in (batch, copied)
        )
        names = sorted(path.relative_to(old) for path in old.rglob("*") if path.is_file())
        assert names == sorted(path.relative_to(new) for path in new.rglob("*") if path.is_file())
        assert all((old / name).read_bytes() == (new / name).read_bytes() for name in names)
        marks = [json.loads((folder.parent / "run.json").read_bytes()) for folder in (old, new)]
        assert marks[0]["content_sha256"] == marks[1]["content_sha256"]
        assert marks[0]["snapshots"] == marks[1]["snapshots"]


def test_a_damaged_store_of_a_batch_is_found_and_the_dataset_does_without_it(copied):
    assert list(damaged_runs(open_batch(copied))) == []
    run_id = snapshots.open(copied).runs[1]
    chunk = copied / "runs" / run_id / f"{run_id}_voxels.zarr" / "moisture" / "c.0.0.0.0"
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    ((found, words),) = damaged_runs(open_batch(copied))
    assert (found, words) == (
        run_id,
        f"expected the content of the mark, {run_id}_voxels.zarr differs",
    )
    shutil.rmtree(copied / "dataset", ignore_errors=True)
    assert (collect(copied).runs, collect(copied).left_out) == (3, {})


@pytest.mark.parametrize("damage", ["last byte", "half", "empty"])
def test_a_damaged_chunk_is_named(tmp_path, damage):
    store = one_run(tmp_path)
    chunk = store / "moisture" / "c.0.0.0.0"
    content = chunk.read_bytes()
    chunk.write_bytes(
        {
            "last byte": content[:-1] + bytes([content[-1] ^ 1]),
            "half": content[: len(content) // 2],
            "empty": b"",
        }[damage]
    )
    data = snapshots.open(tmp_path)
    with pytest.raises(DatasetError, match=r"moisture: expected the snapshots 0 to 6 whole"):
        list(data.pairs("moisture"))
    assert len(list(data.pairs("temperature"))) == 6


def test_a_store_that_lost_a_chunk_or_its_last_tick_is_shorter(tmp_path):
    store = one_run(tmp_path, ticks=1200, every=1)
    whole = snapshots.open(store).run("one")
    assert len(whole.ticks) == 1201
    size = whole._chunk()
    assert size < 1201
    (store / "moisture" / "c.1.0.0.0").unlink()
    cut = snapshots.open(store).run("one")
    assert cut.ticks.tolist() == list(range(size))
    assert not cut.is_closed
    assert len(list(cut.pairs("temperature"))) == size - 1
    (store / "tick" / "c.0").unlink()
    assert len(snapshots.open(store).run("one").ticks) == 0
    assert list(snapshots.open(store).pairs()) == []


def test_a_store_of_a_run_that_was_killed_while_it_was_made_is_empty(tmp_path):
    store = one_run(tmp_path)
    shutil.rmtree(store / "tick")
    shutil.rmtree(store / "temperature")
    run = snapshots.open(tmp_path).run("one")
    assert (len(run.ticks), run.is_closed, list(run.pairs())) == (0, False, [])
    assert run.read("moisture").shape == (0, *run.dimensions)
    (store / "zarr.json").unlink()
    with pytest.raises(DatasetError, match="expected runs with snapshots"):
        snapshots.open(tmp_path)


def test_what_is_no_store_is_named(tmp_path):
    store = one_run(tmp_path)
    (store / "zarr.json").write_text("{}")
    data = snapshots.open(tmp_path)
    with pytest.raises(DatasetError, match=r"one_voxels\.zarr: expected a store of snapshots"):
        data.run("one")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda data: list(data.pairs("moistur")), "layer: expected one of moisture, nutrients"),
        (lambda data: list(data.pairs(["moisture", "x"])), "layer: expected one of moisture"),
        (lambda data: list(data.pairs([])), r"layer: expected one name or more, got \[\]"),
        (lambda data: data.stack(()), r"layer: expected one name or more, got \(\)"),
        (lambda data: list(data.pairs("moisture", lag=0)), "lag: expected an integer >= 1, got 0"),
        (lambda data: list(data.pairs("moisture", lag=1.0)), "lag: expected an integer >= 1"),
        (lambda data: data.stack("moisture", lag=0), "lag: expected an integer >= 1, got 0"),
        (lambda data: data.stack("moisture", lag=9), "stack: expected more than 9 snapshots"),
        (lambda data: data.stack("moisture", runs=[]), "stack: expected more than 1 snapshots"),
        (lambda data: data.run("nobody"), "run: expected one of .*, got 'nobody'"),
    ],
)
def test_what_is_not_there_is_said_in_words(batch, ask, message):
    with pytest.raises(DatasetError, match=message):
        ask(snapshots.open(batch))


def test_runs_of_different_grids_make_no_stack(tmp_path):
    stores = [one_run(tmp_path / "a", run_id="a"), one_run(tmp_path / "b", run_id="b")]
    about = json.loads((stores[0] / "zarr.json").read_text())
    about["attributes"]["dimensions"] = [4, 4, 4]
    (stores[0] / "zarr.json").write_text(json.dumps(about))
    data = snapshots.Snapshots(stores)
    with pytest.raises(DatasetError, match="stack: expected runs with one grid"):
        data.stack("moisture")


def test_a_folder_without_snapshots_is_said_in_words(tmp_path):
    with pytest.raises(DatasetError, match="expected runs with snapshots"):
        snapshots.open(tmp_path)
    with pytest.raises(DatasetError, match="nowhere: expected a folder, there is none"):
        snapshots.open(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The programs of the page about snapshots, and a folder where its commands have run."""
    folder = tmp_path_factory.mktemp("page")
    text = PAGE.read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    run_program(programs[0], folder)
    for line in re.findall(r"^    ecosim (.*)$", text, flags=re.MULTILINE):
        words = shlex.split(line.replace("-n 8", "-n 2").replace("--ticks 200", "--ticks 40"))
        command = [sys.executable, "-m", "ecosim", *words]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return programs, folder


def run_program(program, folder):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_the_programs_of_the_page_run(page):
    programs, folder = page
    shown = [run_program(program, folder).splitlines() for program in programs[1:]]
    assert shown[0][0].endswith("('moisture', 'nutrients_fast') [ 0  5 10 15 20 25 30 35 40]")
    assert shown[0][1].split()[1:3] == ["35", "40"]
    assert shown[0][2] == "(16, 2, 32, 32, 32) float32"
    assert shown[1] == ["40 (9, 32, 32, 32) water content, share of saturation"]


def test_the_page_states_the_defaults():
    text = PAGE.read_text(encoding="utf-8")
    settings = SnapshotConfig()
    assert settings.layers is None
    assert f"| `every` | {settings.every} |" in text
    assert "| `layers` | all of the host |" in text
    assert f"| `dtype` | `{settings.dtype}` |" in text
