"""Snapshots of voxel layers: what is stored is what the host had, whole or not at all."""

import array
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

from ecosim.datasets import snapshots
from ecosim.engine import EcosystemEngine
from ecosim.telemetry import (
    HostError,
    OutputError,
    TelemetryConfig,
    TelemetryConfigError,
    TelemetryEmitter,
    TelemetryWarning,
)
from ecosim.telemetry_config import SnapshotConfig
from ecosim.telemetry_schema import problems
from hosts import MeadowHost, SparseGrid


class GridHost:
    """An engine that is its grid: each tick changes every layer."""

    def __init__(self, dtype="float64", shape=(2, 3, 4), layers=("moisture", "salt")):
        self.tick = 0
        self.entities = {}
        random = np.random.default_rng(1)
        self.voxel_grid = {name: random.random(shape).astype(dtype) for name in layers}

    def step(self):
        self.tick += 1
        for values in self.voxel_grid.values():
            values *= 0.99


def run(host, folder, ticks, *, run_id="r", step=None, **settings):
    """Run a host under an emitter; return the layers' values at each tick of `step`."""
    step = settings.setdefault("voxel_snapshots", {"every": 2}).get("every", 5)
    emitter = TelemetryEmitter({"output_dir": folder, **settings}, run_id=run_id)
    seen = {name: [] for name in host.voxel_grid}
    with emitter:
        emitter.on_init(host)
        for tick in range(ticks + 1):
            if tick:
                host.step()
                emitter.on_tick()
            if tick % step == 0:
                for name, values in host.voxel_grid.items():
                    seen[name].append(np.array(values))
    return {name: np.array(values) for name, values in seen.items()}


def stored(folder, run_id="r"):
    return zarr.open_group(Path(folder) / f"{run_id}_voxels.zarr", mode="r")


def records(folder, run_id):
    text = (folder / f"{run_id}_telemetry.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def content(folder):
    """Return the bytes of every file below a folder, hashed, by name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("kept", ["float32", "float64"])
@pytest.mark.parametrize("own", ["float32", "float64"])
def test_every_snapshot_is_what_the_host_had(tmp_path, own, kept):
    host = GridHost(own)
    seen = run(host, tmp_path, 9, voxel_snapshots={"every": 2, "dtype": kept})
    group = stored(tmp_path)
    assert group["tick"][:].tolist() == [0, 2, 4, 6, 8]
    for name, values in seen.items():
        assert group[name].dtype == kept
        np.testing.assert_array_equal(group[name][:], values.astype(kept))


def test_the_store_says_what_it_holds(tmp_path):
    host = GridHost()
    host.world = {"environment": {"voxel_grid": {"cell_size": 0.5}}}
    run(host, tmp_path, 4, run_id="told")
    group = stored(tmp_path, "told")
    about = dict(group.attrs)
    assert about.pop("between").startswith("the ticks tick[i - 1] + 1 to tick[i] lie between")
    assert about == {
        "run_id": "told",
        "every": 2,
        "layers": ["moisture", "salt"],
        "dimensions": [2, 3, 4],
        "cell_size": 0.5,
        "cell_size_unit": "world units",
        "snapshots": 3,
    }
    assert group["moisture"].attrs["unit"] == "1"
    assert group["salt"].attrs["meaning"] == "told by the host"
    assert group["moisture"].metadata.dimension_names == ("snapshot", "x", "y", "z")


def test_the_records_tell_of_snapshots_only_where_there_are_some(tmp_path):
    run(GridHost(), tmp_path, 4, run_id="on", voxel_snapshots={"every": 4, "layers": ["salt"]})
    with TelemetryEmitter({"output_dir": tmp_path}, run_id="off") as emitter:
        emitter.on_init(GridHost())
    on, off = records(tmp_path, "on"), records(tmp_path, "off")
    assert on[0]["voxel_snapshots"] == {"every": 4, "layers": ["salt"], "dtype": "float32"}
    assert on[-1]["snapshots"] == 2
    assert 0 < on[-1]["snapshot_ns"] <= on[-1]["emitter_ns"]
    assert [problem for record in on + off for problem in problems(record)] == []
    assert "voxel_snapshots" not in off[0]
    assert "snapshots" not in off[-1]
    assert not (tmp_path / "off_voxels.zarr").exists()
    assert sorted(name for name, _ in stored(tmp_path, "on").arrays()) == ["salt", "tick"]


def test_a_walked_grid_is_stored_with_the_cells_it_does_not_keep(tmp_path):
    host = MeadowHost()
    host.voxel_grid = SparseGrid({"moisture": {(0, 0, 0): 0.25, (1, 2, 3): 0.5}})
    host.voxel_grid.layers = ["moisture"]
    with TelemetryEmitter(
        {"output_dir": tmp_path, "voxel_snapshots": {"every": 1}}, run_id="r"
    ) as emitter:
        emitter.on_init(host)
        host.voxel_grid.cells["moisture"][0, 1, 0] = 0.75
        emitter.on_tick(host.step())
    expected = np.ones((2, 2, 3, 4), "float32")
    expected[:, 0, 0, 0], expected[:, 1, 2, 3], expected[1, 0, 1, 0] = 0.25, 0.5, 0.75
    np.testing.assert_array_equal(stored(tmp_path)["moisture"][:], expected)


@pytest.mark.parametrize(("every", "interval"), [(7, 50), (5, 3), (1, 50), (13, 13), (60, 10)])
def test_a_snapshot_is_due_also_while_the_emitter_is_left_alone(tmp_path, every, interval):
    engine = EcosystemEngine("minimal", seed=3)
    seen = run(engine, tmp_path, 64, interval=interval, voxel_snapshots={"every": every})
    group = stored(tmp_path)
    assert group["tick"][:].tolist() == list(range(0, 65, every))
    for name, values in seen.items():
        np.testing.assert_array_equal(group[name][:], values.astype("float32"))
    samples = [record["tick"] for record in records(tmp_path, "r") if record["record"] == "sample"]
    assert samples == sorted({*range(0, 65, interval), 64})


def test_a_host_whose_clock_jumps_has_a_snapshot_at_the_first_tick_on_which_one_is_due(tmp_path):
    host = GridHost()
    settings = {"output_dir": tmp_path, "voxel_snapshots": {"every": 5}}
    with TelemetryEmitter(settings, run_id="r") as emitter:
        emitter.on_init(host)
        for tick in (3, 4, 7, 9, 12, 30, 31, 35):
            host.step()
            host.tick = tick
            emitter.on_tick()
    assert stored(tmp_path)["tick"][:].tolist() == [0, 7, 12, 30, 35]


def test_a_host_without_a_clock_is_told_by_its_packets(tmp_path):
    host = GridHost()
    del host.tick
    settings = {"output_dir": tmp_path, "voxel_snapshots": {"every": 2}}
    with TelemetryEmitter(settings, run_id="r") as emitter:
        emitter.on_init(host)
        for tick in range(1, 6):
            host.voxel_grid["salt"] = host.voxel_grid["salt"] + 1  # an array made anew
            emitter.on_tick({"tick": tick})
    group = stored(tmp_path)
    assert group["tick"][:].tolist() == [0, 2, 4]
    assert np.diff(group["salt"][:], axis=0) == pytest.approx(2.0, abs=1e-6)


def test_snapshots_change_neither_the_run_nor_the_other_streams(tmp_path):
    states = []
    for name, chosen in (("plain", None), ("with", SnapshotConfig(every=3))):
        engine = EcosystemEngine("minimal", seed=3)
        settings = TelemetryConfig(output_dir=tmp_path / name, interval=10, voxel_snapshots=chosen)
        with TelemetryEmitter(settings, run_id="r") as emitter:
            emitter.on_init(engine)
            for _ in range(50):
                engine.step()
                emitter.on_tick()
        states.append((engine.packet(), {k: v.tobytes() for k, v in engine.voxel_grid.items()}))
    assert states[0] == states[1]
    events = [(tmp_path / name / "r_events.jsonl").read_bytes() for name in ("plain", "with")]
    assert events[0] == events[1]
    lines = [
        (tmp_path / name / "r_telemetry.jsonl").read_bytes().splitlines()[1:-1]
        for name in ("plain", "with")
    ]
    assert lines[0] == lines[1]


def test_a_run_made_again_leaves_the_same_bytes_however_often_it_was_flushed(tmp_path):
    run(GridHost(), tmp_path / "one", 30)
    host = GridHost()
    settings = {"output_dir": tmp_path / "two", "voxel_snapshots": {"every": 2}}
    with TelemetryEmitter(settings, run_id="r") as emitter:
        emitter.on_init(host)
        for tick in range(30):
            host.step()
            emitter.on_tick()
            if tick % 4 == 0:
                emitter.flush()
                assert len(snapshots.open(tmp_path / "two").run("r").ticks) == 1 + (tick + 1) // 2
    one, two = (content(tmp_path / name / "r_voxels.zarr") for name in ("one", "two"))
    assert one == two


def test_snapshots_go_on_in_the_next_chunk(tmp_path):
    host = GridHost(shape=(1, 1, 2), layers=("moisture",))
    seen = run(host, tmp_path, 1500, interval=500, voxel_snapshots={"every": 1})
    names = [path.name for path in (tmp_path / "r_voxels.zarr" / "moisture").glob("c.*")]
    assert sorted(names) == ["c.0.0.0.0", "c.1.0.0.0"]
    np.testing.assert_array_equal(
        stored(tmp_path)["moisture"][:], seen["moisture"].astype("float32")
    )


def test_a_huge_layer_is_cut_into_several_chunks(tmp_path):
    host = GridHost()
    by_depth = np.arange(33, dtype="float32")[:, None, None]
    host.voxel_grid = {"moisture": np.tile(by_depth, (1, 512, 1024))}
    seen = run(host, tmp_path, 0)
    data = snapshots.open(tmp_path).run("r")
    names = [path.name for path in (data.store / "moisture").glob("c.*")]
    assert sorted(names) == ["c.0.0.0.0", "c.0.1.0.0"]
    np.testing.assert_array_equal(data.read("moisture"), seen["moisture"])
    (data.store / "moisture" / "c.0.1.0.0").unlink()
    assert len(snapshots.open(tmp_path).run("r").ticks) == 0


def test_values_without_a_number_and_beyond_float32_are_kept_as_such(tmp_path):
    host = GridHost(shape=(1, 1, 3), layers=("moisture", "void"))
    host.voxel_grid["moisture"][:] = [[[np.nan, 1e300, -np.inf]]]
    host.voxel_grid["void"][:] = np.nan
    run(host, tmp_path, 2)
    data = snapshots.open(tmp_path).run("r")
    np.testing.assert_array_equal(data.read("moisture")[1, 0, 0], [np.nan, np.inf, -np.inf])
    assert np.isnan(data.read("void")).all()
    assert data.is_closed


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"every": 0}, r"telemetry.voxel_snapshots.every: expected an integer >= 1, got 0"),
        ({"every": 2.5}, r"telemetry.voxel_snapshots.every: expected an integer >= 1, got 2.5"),
        ({"layers": "moisture"}, r"telemetry.voxel_snapshots.layers: expected a list of one or"),
        ({"layers": []}, r"telemetry.voxel_snapshots.layers: expected a list of one or more"),
        ({"layers": ["a", "a"]}, r"telemetry.voxel_snapshots.layers: expected each name once"),
        ({"dtype": "int8"}, r"telemetry.voxel_snapshots.dtype: expected 'float32' or 'float64'"),
        ({"evry": 1}, r"telemetry.voxel_snapshots.evry: unknown setting; did you mean 'every'\?"),
        (True, r"telemetry.voxel_snapshots: expected a mapping, got True"),
        (5, r"telemetry.voxel_snapshots: expected a mapping, got 5"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(settings, message):
    with pytest.raises(TelemetryConfigError, match=message):
        TelemetryConfig.from_mapping({"voxel_snapshots": settings})


def test_the_settings_have_defaults_and_comments():
    config = TelemetryConfig.from_mapping({"voxel_snapshots": {"_why": "diffusion"}})
    assert config.voxel_snapshots == SnapshotConfig(every=5, layers=None, dtype="float32")
    assert TelemetryConfig().voxel_snapshots is None


@pytest.mark.parametrize(
    ("grid", "chosen", "error", "message"),
    [
        (None, {}, HostError, "host.voxel_grid: expected layers of shape"),
        ({"m": array.array("d", [1.0, 2.0])}, {}, HostError, "expected layers of shape"),
        ({"m": np.zeros((2, 0, 2))}, {}, HostError, "expected layers of shape"),
        ({"m": np.zeros((1, 1, 1))}, {"layers": ["n"]}, TelemetryConfigError, r"\(m\), got \['n'"),
        ({"../m": np.zeros((1, 1, 1))}, {}, TelemetryConfigError, "names that a folder can have"),
        ({"tick": np.zeros((1, 1, 1))}, {}, TelemetryConfigError, "and not 'tick'"),
    ],
)
def test_a_host_that_has_no_such_layers_is_told_and_nothing_is_left(
    tmp_path, grid, chosen, error, message
):
    host = MeadowHost()
    host.voxel_grid = grid
    emitter = TelemetryEmitter({"output_dir": tmp_path, "voxel_snapshots": chosen}, run_id="r")
    with pytest.raises(error, match=message):
        emitter.on_init(host)
    assert list(tmp_path.iterdir()) == []


FORKING = """
import os, sys
from ecosim.telemetry import TelemetryEmitter, TelemetryError
from test_telemetry_snapshots import GridHost
host, settings = GridHost(), {"output_dir": sys.argv[1], "voxel_snapshots": {"every": 1}}
with TelemetryEmitter(settings, run_id="r") as emitter:
    emitter.on_init(host)
    child = os.fork()
    if child == 0:
        refused = 0
        for _ in range(3):
            host.step()
            try:
                emitter.on_tick()
            except TelemetryError:
                refused += 1
        os._exit(refused)
    _, status = os.waitpid(child, 0)
    host.step()
    emitter.on_tick()
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks as POSIX has them")
def test_a_forked_process_leaves_the_store_of_its_parent_alone(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", FORKING, tmp_path]
    assert subprocess.run(command, cwd=Path(__file__).parent, check=False).returncode == 3
    host = GridHost()
    host.step()
    assert stored(tmp_path)["tick"][:].tolist() == [0, 1]
    np.testing.assert_allclose(stored(tmp_path)["salt"][1], host.voxel_grid["salt"], rtol=1e-6)


def test_an_earlier_store_is_replaced_only_where_that_is_asked_for(tmp_path):
    run(GridHost(), tmp_path, 8)
    before = content(tmp_path)
    with pytest.raises(OutputError, match=r"voxels\.zarr: expected no folder of this name"):
        run(GridHost(), tmp_path, 2)
    assert content(tmp_path) == before
    run(GridHost(), tmp_path, 2, overwrite=True)
    assert stored(tmp_path)["tick"][:].tolist() == [0, 2]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_is_no_store_is_never_replaced(tmp_path, kind):
    path, elsewhere = tmp_path / "out" / "r_voxels.zarr", tmp_path / "elsewhere"
    path.parent.mkdir()
    elsewhere.mkdir()
    (elsewhere / "zarr.json").write_text("{}")
    if kind == "folder":
        path.mkdir()
        (path / "mine.txt").write_text("mine")
    elif kind == "file":
        path.write_text("mine")
    else:
        path.symlink_to(elsewhere)
    before = content(tmp_path)
    with pytest.raises(OutputError, match=r"voxels\.zarr: expected no folder of this name"):
        run(GridHost(), path.parent, 2, overwrite=True)
    assert content(tmp_path) == before


def test_a_store_that_is_removed_under_the_run_is_not_made_anew(tmp_path):
    host = GridHost()
    settings = {"output_dir": tmp_path, "voxel_snapshots": {"every": 1}}
    emitter = TelemetryEmitter(settings, run_id="r")
    emitter.on_init(host)
    (tmp_path / "r_voxels.zarr").rename(tmp_path / "moved")
    host.step()
    emitter.on_tick()
    with pytest.raises(OutputError, match="it was removed while the run was writing it"):
        emitter.flush()
    emitter.close()
    assert not (tmp_path / "r_voxels.zarr").exists()


def test_a_layer_that_fails_leaves_the_snapshots_before_it(tmp_path):
    host = GridHost()
    settings = {
        "output_dir": tmp_path,
        "interval": 50,
        "voxel_snapshots": {"every": 2},
        "on_error": "disable",
    }
    emitter = TelemetryEmitter(settings, run_id="r")
    emitter.on_init(host)
    for tick in range(1, 9):
        host.step()
        if tick == 6:
            host.voxel_grid["salt"] = np.zeros((9, 9, 9))
            with pytest.warns(TelemetryWarning, match="expected 24 values, got 729"):
                emitter.on_tick()
        else:
            emitter.on_tick()
    emitter.close()
    data = snapshots.open(tmp_path).run("r")
    assert data.ticks.tolist() == [0, 2, 4]
    end = records(tmp_path, "r")[-1]
    assert (end["status"], end["snapshots"]) == ("failed", 3)


PROGRAM = """
import sys
from ecosim.engine import EcosystemEngine
from ecosim.telemetry import TelemetryEmitter
engine = EcosystemEngine("minimal", seed=3)
emitter = TelemetryEmitter(
    {"output_dir": sys.argv[1], "voxel_snapshots": {"every": 1}}, run_id="r"
)
emitter.on_init(engine)
while True:
    engine.step()
    emitter.on_tick()
    emitter.flush()
"""


@pytest.mark.parametrize("wanted", [1, 8, 25])
def test_what_was_finished_is_there_after_a_kill(tmp_path, wanted):
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)])
    deadline = time.monotonic() + 60
    store = tmp_path / "r_voxels.zarr"
    try:
        while time.monotonic() < deadline:
            begun = (store / "tick" / "c.0").exists()
            if begun and len(snapshots.open(tmp_path).run("r").ticks) >= wanted:
                break
            assert process.poll() is None
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    data = snapshots.open(tmp_path).run("r")
    assert len(data.ticks) >= wanted
    assert not data.is_closed
    engine = EcosystemEngine("minimal", seed=3)
    read = {layer: data.read(layer) for layer in data.layers}
    for number in range(len(data.ticks)):
        if number:
            engine.step()
        for layer, values in read.items():
            np.testing.assert_array_equal(
                values[number], engine.voxel_grid[layer].astype("float32")
            )


def test_without_zarr_the_setting_is_refused_in_words_and_the_rest_works(tmp_path):
    program = (
        "import sys; sys.modules['zarr'] = None\n"
        "from hosts import MeadowHost\n"
        "from ecosim.telemetry import TelemetryEmitter\n"
        "host = MeadowHost(); host.voxel_grid = type('G', (dict,), {'dimensions': (2, 2, 2)})("
        "host.voxel_grid)\n"
        "with TelemetryEmitter({'output_dir': sys.argv[1]}) as emitter: emitter.on_init(host)\n"
        "print('numpy' in sys.modules)\n"
        "emitter = TelemetryEmitter({'output_dir': sys.argv[1], 'voxel_snapshots': {}})\n"
        "try: emitter.on_init(host)\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    numpy_loaded, words = done.stdout.splitlines()
    assert numpy_loaded == "False"
    assert words.startswith("telemetry.voxel_snapshots: expected zarr 3.1.3 or later, got none (")
    assert words.endswith("; pip install 'ecosim-telemetry[snapshots]'")
