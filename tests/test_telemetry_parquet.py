"""A run written as tables: the same content as its lines, readable part by part."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import ecosim.datasets
from ecosim.errors import DatasetError
from ecosim.telemetry import OutputError, TelemetryEmitter
from hosts import MeadowHost

TESTS = Path(__file__).parent


def run(folder, ticks=60, **settings):
    host = MeadowHost(seed=2)
    config = {"output_dir": folder, "interval": 10, "format": ["jsonl", "parquet"], **settings}
    with TelemetryEmitter(config, run_id="r", parameters={"rates.hunger": 1.5}) as emitter:
        emitter.on_init(host)
        for tick in range(ticks):
            emitter.on_tick(host.step())
            if tick == ticks // 2:
                emitter.flush()
    return ecosim.datasets.open(folder / "r_parquet")


def lines(folder, stream):
    return [json.loads(line) for line in (folder / f"r_{stream}.jsonl").read_text().splitlines()]


def test_the_tables_say_what_the_lines_say(tmp_path):
    dataset = run(tmp_path)
    config, *samples, end = lines(tmp_path, "telemetry")
    (row,) = dataset.table("runs").to_pylist()
    assert json.loads(row["config"]) == config
    assert (row["status"], row["ticks"], row["rates.hunger"]) == ("completed", end["tick"], 1.5)
    assert dataset.table("voxels").to_pylist() == [
        {"run_id": "r", "tick": s["tick"], "layer": layer} | found
        for s in samples
        for layer, found in s["voxels"].items()
    ]
    rabbits = dataset.table("species", species=["rabbit"]).to_pylist()
    told = [s["species"]["rabbit"] for s in samples]
    assert [r["count"] for r in rabbits] == [t["count"] for t in told]
    for name in ("n", "mean", "std"):
        assert [r[f"hunger_{name}"] for r in rabbits] == [t["vars"]["hunger"][name] for t in told]
    assert {r["health_mean"] for r in rabbits} == {None}
    states = {(r["tick"], r["state"]): r["count"] for r in dataset.table("states").to_pylist()}
    assert states == {
        (s["tick"], state): count
        for s in samples
        for state, count in s["species"]["rabbit"]["states"].items()
    }
    windows = dataset.table("windows").to_pylist()
    assert [(w["tick_first"], w["tick_last"], w["event_type"], w["count"]) for w in windows] == [
        (*s["window"], kind, count)
        for s in samples
        for kind, count in s["events"]["by_type"].items()
    ]
    events = dataset.table("events").to_pylist()
    assert [(e["tick"], e["source_id"], (e["x"], e["y"], e["z"])) for e in events] == [
        (tick, source, tuple(place))
        for b in lines(tmp_path, "events")
        for tick, source, place in zip(b["tick"], b["source_id"], b["position"], strict=True)
    ]
    assert json.loads(events[0]["extra"]).keys() == {"prev_state", "new_state"}


def test_text_that_utf8_cannot_hold_is_written_readable(tmp_path):
    host = MeadowHost()
    host.entities = {"a\ud800b": {"species": "\udc00\U0001f98a", "state": "\\ud800"}}
    settings = {"output_dir": tmp_path, "format": ["parquet"], "interval": 1}
    with TelemetryEmitter(settings, run_id="r") as emitter:
        emitter.on_init(host)
        host.tick += 1
        emitter.on_tick([{"type": "CROAK", "source_id": "a\ud800b"}])
    dataset = ecosim.datasets.open(tmp_path / "r_parquet")
    (event,) = dataset.table("events").to_pylist()
    assert event["source_id"] == "a\ufffdb"
    states = dataset.table("states").to_pylist()
    assert {(row["species"], row["state"]) for row in states} == {("\ufffd\U0001f98a", "\\ud800")}


@pytest.mark.parametrize(
    ("value", "told"),
    [({"variables": ["hunger"]}, '{"variables": ["hunger"]}'), ([1, 2], "[1, 2]"), ("a", "a")],
)
def test_a_parameter_that_is_no_number_stands_in_its_column_as_text(tmp_path, value, told):
    host = MeadowHost()
    config = {"output_dir": tmp_path, "format": "parquet"}
    with TelemetryEmitter(config, run_id="r", parameters={"telemetry": value}) as emitter:
        emitter.on_init(host)
        emitter.on_tick(host.step())
    (row,) = ecosim.datasets.open(tmp_path / "r_parquet").table("runs").to_pylist()
    assert row["telemetry"] == told


def test_units_and_meanings_stand_in_the_schema(tmp_path):
    run(tmp_path)
    schema = pq.read_schema(tmp_path / "r_parquet" / "events" / "part-00000.parquet")
    assert schema.metadata[b"ecosim.schema_version"] == b"1"
    assert schema.field("x").metadata == {b"unit": b"world units", b"meaning": b"position"}
    columns = pq.ParquetFile(tmp_path / "r_parquet" / "events" / "part-00000.parquet").metadata
    column = columns.row_group(0).column(1)
    assert (column.compression, column.statistics.has_min_max) == ("ZSTD", True)


def test_an_earlier_run_is_not_added_to_unless_asked(tmp_path):
    run(tmp_path)
    (tmp_path / "r_telemetry.jsonl").unlink()
    (tmp_path / "r_events.jsonl").unlink()
    with pytest.raises(OutputError, match="r_parquet: expected no folder of this name"):
        run(tmp_path)
    assert not (tmp_path / "r_telemetry.jsonl").exists()
    assert run(tmp_path, ticks=10, overwrite=True).table("voxels").num_rows == 2 * 2


KILLED = """
import os, signal, sys
from hosts import MeadowHost
from ecosim.telemetry import TelemetryEmitter
host = MeadowHost()
config = {"output_dir": sys.argv[1], "interval": 10, "format": "parquet"}
emitter = TelemetryEmitter(config, run_id="r")
emitter.on_init(host)
for _ in range(95):
    emitter.on_tick(host.step())
    if host.tick == 70:
        emitter.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_what_was_flushed_can_be_read(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=TESTS, check=False)
    assert done.returncode == -9
    dataset = ecosim.datasets.open(tmp_path / "r_parquet")
    assert dataset.table("species", species=["fox"]).column("tick").to_pylist() == [
        *range(0, 71, 10)
    ]
    (row,) = dataset.table("runs").to_pylist()
    assert (row["run_id"], row["status"], row["ticks"]) == ("r", None, None)
    assert json.loads(row["config"])["interval"] == 10


def test_what_a_run_is_can_be_read_from_its_start(tmp_path):
    config = {"output_dir": tmp_path, "format": "parquet"}
    with TelemetryEmitter(config, run_id="r", parameters={"rates.hunger": 1.5}) as emitter:
        emitter.on_init(MeadowHost(seed=2))
        dataset = ecosim.datasets.open(tmp_path / "r_parquet")
        (row,) = dataset.table("runs").to_pylist()
        assert (row["seed"], row["rates.hunger"], row["status"]) == (2, 1.5, None)
        with pytest.raises(DatasetError, match=r"species: expected part-.*there is none"):
            dataset.table("species")
    (row,) = dataset.table("runs").to_pylist()
    assert (row["status"], row["ticks"]) == ("completed", 0)
    assert len(dataset.files("runs")) == 1


@pytest.mark.parametrize("seed", [2**64 - 1, "spring", [1, 2]])
def test_a_seed_that_is_no_integer_of_64_bits_stands_in_the_config_alone(tmp_path, seed):
    host = MeadowHost()
    host.seed = seed
    config = {"output_dir": tmp_path, "format": "parquet"}
    with TelemetryEmitter(config, run_id="r") as emitter:
        emitter.on_init(host)
    (row,) = ecosim.datasets.open(tmp_path / "r_parquet").table("runs").to_pylist()
    told = json.loads(row["config"])["seed"]
    assert (row["seed"], told) == (None, str(seed) if isinstance(seed, int) else seed)


def test_a_run_says_how_many_events_are_in_no_log(tmp_path):
    dataset = run(tmp_path, ring_capacity=2, on_full="drop")
    (row,) = dataset.table("runs").to_pylist()
    counted = sum(dataset.table("windows").column("count").to_pylist())
    assert row["events_dropped"] == counted - dataset.table("events").num_rows > 0


def test_without_pyarrow_the_setting_says_what_to_install(tmp_path):
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from hosts import MeadowHost; from ecosim.telemetry import TelemetryEmitter\n"
        "TelemetryEmitter({'format': 'parquet', 'output_dir': sys.argv[1]}).on_init(MeadowHost())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "pip install 'ecosim-telemetry[parquet]'" in done.stderr
    assert list(tmp_path.iterdir()) == []
