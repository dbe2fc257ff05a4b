"""The dataset of a batch: its content, and that it comes out the same however it was built."""

import json
import math
import shutil
import signal
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import polars
import pyarrow.parquet as pq
import pytest

import ecosim.datasets
from ecosim.cli import main
from ecosim.datasets import collect as collecting
from ecosim.datasets.collect import collect
from ecosim.errors import BatchFolderError, DatasetError
from ecosim.telemetry_tables import TABLES

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """A batch of five small worlds that has not been collected."""
    folder = tmp_path_factory.mktemp("batch") / "out"
    options = "--world minimal --space default -n 5 --ticks 60 --interval 20 --seed 3"
    subprocess.run(
        [sys.executable, PROJECT / "scripts" / "run_batch.py", *options.split(), "--out", folder],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(folder / "dataset", ignore_errors=True)
    return folder


@pytest.fixture
def copied(batch, tmp_path):
    return shutil.copytree(batch, tmp_path / "out")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Two runs a part, so that five runs make three."""
    monkeypatch.setattr(collecting, "PART_RUNS", 2)


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "dataset").rglob("*"))
        if path.is_file()
    }


def runs_of(folder):
    return sorted(path for path in (folder / "runs").iterdir() if path.is_dir())


def records(run, stream):
    text = (run / f"{run.name}_{stream}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_the_tables_hold_what_the_runs_wrote(copied):
    assert collect(copied).runs == 5
    dataset = ecosim.datasets.open(copied)
    batch = json.loads((copied / "batch.json").read_text())
    rows = {row["run_id"]: row for row in dataset.table("runs").to_pylist()}
    assert list(rows) == [run.name for run in runs_of(copied)]
    assert dataset.parameters() == batch["space"]["names"]
    for run in runs_of(copied):
        config, *samples, end = records(run, "telemetry")
        row = rows[run.name]
        assert (row["batch_id"], row["seed"]) == (batch["batch_id"], config["seed"])
        assert (row["status"], row["ticks"]) == (end["status"], end["tick"])
        assert {path: row[path] for path in dataset.parameters()} == config["parameters"]
        found = dataset.table("species", runs=[run.name]).to_pylist()
        assert [(r["tick"], r["species"], r["count"], r["hunger_mean"]) for r in found] == [
            (s["tick"], name, one["count"], one["vars"].get("hunger", {}).get("mean"))
            for s in samples
            for name, one in s["species"].items()
        ]
        kinds = Counter(dataset.table("events", runs=[run.name]).column("type").to_pylist())
        assert kinds == Counter(kind for b in records(run, "events") for kind in b["type"])


def test_a_table_of_several_parts_can_be_grouped(copied):
    collect(copied)
    table = ecosim.datasets.open(copied).table("species", columns=["run_id", "count"])
    sums = dict(
        zip(
            *table.group_by("run_id").aggregate([("count", "sum")]).to_pydict().values(),
            strict=True,
        )
    )
    for run in runs_of(copied):
        _, *samples, _ = records(run, "telemetry")
        assert sums[run.name] == sum(sample["entity_count"] for sample in samples)


def test_rows_are_sorted_by_run_and_tick(copied):
    collect(copied)
    for table, clock in (("species", "tick"), ("windows", "tick_last"), ("events", "tick")):
        found = ecosim.datasets.open(copied).table(table, columns=["run_id", clock]).to_pylist()
        keys = [(row["run_id"], row[clock]) for row in found]
        assert keys == sorted(keys)
        assert len(keys) > 0


def test_collecting_again_writes_nothing(copied):
    first = collect(copied)
    before = content(copied)
    stamps = {path: path.stat().st_mtime_ns for path in (copied / "dataset").rglob("*.parquet")}
    second = collect(copied)
    assert (first.parts_written, first.parts_kept) == (3, 0)
    assert (second.parts_written, second.parts_kept, second.runs) == (0, 3, 5)
    assert content(copied) == before
    assert {p: p.stat().st_mtime_ns for p in (copied / "dataset").rglob("*.parquet")} == stamps


def test_collected_in_steps_it_has_the_same_bytes_as_at_once(batch, copied, tmp_path):
    once = shutil.copytree(batch, tmp_path / "once")
    collect(once)
    aside = tmp_path / "aside"
    aside.mkdir()
    missing = [runs_of(copied)[1], runs_of(copied)[4]]
    for run in missing:
        run.rename(aside / run.name)
    partly = collect(copied)
    assert partly.runs == 3
    assert partly.left_out == {run.name: "not finished" for run in missing}
    for run in missing:
        (aside / run.name).rename(run)
    assert collect(copied).parts_kept == 1
    assert content(copied) == content(once)


@pytest.mark.parametrize("stream", ["telemetry", "events"])
def test_a_damaged_run_is_left_out_and_named(copied, stream):
    run = runs_of(copied)[2]
    path = run / f"{run.name}_{stream}.jsonl"
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    collected = collect(copied)
    assert collected.runs == 4
    assert list(collected.left_out) == [run.name]
    assert f"{path.name}: expected sha256" in collected.left_out[run.name]
    found = ecosim.datasets.open(copied).table("runs").column("run_id").to_pylist()
    assert run.name not in found
    assert len(found) == 4


def test_a_run_that_failed_has_its_parameters_and_its_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(PROJECT / "tests" / "batch"))
    space = {"names": ["rates.hunger"], "bounds": [[1.0, 2.0]]}
    (tmp_path / "space.json").write_text(json.dumps(space))
    words = ["batch", "--world", "minimal", "--space", str(tmp_path / "space.json"), "-n", "8"]
    words += ["--ticks", "6", "--engine", "small_engines:Raising", "--out", str(tmp_path / "out")]
    assert main(words) == 3
    rows = ecosim.datasets.open(tmp_path / "out").table("runs").to_pylist()
    assert [row["run_id"] for row in rows] == sorted(row["run_id"] for row in rows)
    assert len(rows) == 8
    for row in rows:
        hungry = row["rates.hunger"] > 1.5
        assert row["status"] == ("failed" if hungry else "completed")
        assert (row["config"] is None) is hungry
        assert (row["error"] or "").startswith(
            "failed: ZeroDivisionError: hunger" if hungry else ""
        )
    frame = ecosim.datasets.open(tmp_path / "out").training_frame().to_pylist()
    assert [row["events.DEATH_STARVE"] is None for row in frame] == [
        row["status"] == "failed" for row in rows
    ]


KILLED = """
import sys
from pathlib import Path
from ecosim.datasets import collect
collect.PART_RUNS = 2
print("ready", flush=True)
while True:
    collect.collect(Path(sys.argv[1]))
    for part in Path(sys.argv[1], "dataset").rglob("*.parquet"):
        part.unlink()
"""


@pytest.mark.parametrize("moment", range(5))
def test_killed_while_collecting_the_next_time_ends_with_the_same_bytes(batch, tmp_path, moment):
    once = shutil.copytree(batch, tmp_path / "once")
    collect(once)
    killed = shutil.copytree(batch, tmp_path / "killed")
    command = [sys.executable, "-c", KILLED, killed]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        for _ in range(moment * 300_000):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    collect(killed)
    whole = {name: data for name, data in content(killed).items() if name.endswith(".parquet")}
    visible = {name: data for name, data in whole.items() if "/." not in name}
    assert visible == content(once)
    assert ecosim.datasets.open(killed).table("runs").num_rows == 5


def test_a_part_that_was_spoilt_is_built_again(copied):
    collect(copied)
    before = content(copied)
    (copied / "dataset" / "runs" / "part-00001.parquet").write_bytes(b"PAR1")
    (copied / "dataset" / "voxels" / "part-00002.parquet").unlink()
    assert collect(copied).parts_written == 2
    assert content(copied) == before


def test_flags_of_numpy_are_flags_and_no_runs_are_none(copied):
    collect(copied)
    dataset = ecosim.datasets.open(copied)
    assert dataset.table("species", runs=[]).num_rows == 0
    run_ids = dataset.table("runs").column("run_id").to_pylist()
    flags = {run_ids[0]: np.True_, run_ids[1]: np.False_}
    found = dataset.training_frame({"flag": flags, "one": {run_ids[0]: np.float32(0.5)}})
    assert found.column("flag").to_pylist() == [True, False, None, None, None]
    assert found.column("one").to_pylist()[:2] == [0.5, None]


def test_a_part_with_other_columns_is_built_again(copied):
    collect(copied)
    before = content(copied)
    path = copied / "dataset" / "runs" / "part-00001.parquet"
    pq.write_table(pq.read_table(path).drop_columns("events_dropped"), path)
    assert collect(copied).parts_written == 1
    assert content(copied) == before


def test_polars_joins_the_tables_by_run(copied):
    collect(copied)
    dataset = ecosim.datasets.open(copied)
    joined = dataset.polars("species").join(dataset.polars("runs"), on="run_id")
    assert joined.height == dataset.table("species").num_rows
    species, runs = (
        polars.scan_parquet(copied / "dataset" / name / "*.parquet") for name in ("species", "runs")
    )
    assert species.join(runs, on="run_id").collect().height == joined.height


def test_columns_are_coded_compressed_and_described(copied):
    collect(copied)
    for table in TABLES:
        path = copied / "dataset" / table / "part-00000.parquet"
        schema = pq.read_schema(path)
        assert all(b"meaning" in field.metadata for field in schema)
        group = pq.ParquetFile(path).metadata.row_group(0)
        assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}
    space = {
        name: about["unit"]
        for name, about in json.loads((copied / "batch.json").read_text())["space"][
            "parameters"
        ].items()
    }
    schema = pq.read_schema(copied / "dataset" / "runs" / "part-00000.parquet")
    for name, unit in space.items():
        assert schema.field(name).metadata[b"unit"].decode() == unit


def test_a_training_frame_has_a_row_a_run_with_parameters_and_outcomes(copied):
    collect(copied)
    dataset = ecosim.datasets.open(copied)
    frame = dataset.training_frame().to_pylist()
    assert len(frame) == 5
    for run, row in zip(runs_of(copied), frame, strict=True):
        _, *samples, _ = records(run, "telemetry")
        for species in samples[0]["species"]:
            counts = [sample["species"][species]["count"] for sample in samples]
            assert row[f"{species}.count_end"] == counts[-1]
            assert math.isclose(row[f"{species}.count_mean"], statistics.fmean(counts))
        totals = Counter()
        for sample in samples:
            totals.update(sample["events"]["by_type"])
        told = {key[7:]: n for key, n in row.items() if key.startswith("events.") and n}
        assert told == dict(totals)
    own = dataset.training_frame({"wet": lambda d: {runs_of(copied)[0].name: 0.5}})
    assert own.column("wet").to_pylist() == [0.5, None, None, None, None]
    ready = dataset.training_frame({"wet": {runs_of(copied)[1].name: 2}})
    assert ready.column("wet").to_pylist() == [None, 2.0, None, None, None]


def test_the_parts_hold_whole_runs_and_all_of_them(copied):
    collect(copied)
    dataset = ecosim.datasets.open(copied)
    parts = list(dataset.parts())
    assert [part.table("runs").num_rows for part in parts] == [2, 2, 1]
    for table in TABLES:
        rows = [row for part in parts for row in part.table(table).to_pylist()]
        assert rows == dataset.table(table).to_pylist()
        assert len(dataset.files(table)) == 3
    for part in parts:
        own = set(part.table("runs").column("run_id").to_pylist())
        assert set(part.table("species").column("run_id").to_pylist()) == own


def test_tables_whose_files_end_at_different_runs_are_one_part(copied):
    collect(copied)
    (copied / "dataset" / "species" / "part-00002.parquet").unlink()
    (part,) = ecosim.datasets.open(copied).parts()
    assert part.table("runs").num_rows == 5


def test_what_is_not_there_is_said(copied, tmp_path):
    with pytest.raises(DatasetError, match="build it with: ecosim collect DIR"):
        ecosim.datasets.open(copied)
    with pytest.raises(DatasetError, match="expected a dataset"):
        ecosim.datasets.open(tmp_path)
    with pytest.raises(BatchFolderError):
        collect(tmp_path)
    collect(copied)
    dataset = ecosim.datasets.open(copied)
    with pytest.raises(DatasetError, match="table: expected one of runs, species"):
        dataset.table("wolves")
    with pytest.raises(DatasetError, match="voxels: expected one of run_id, tick, layer"):
        dataset.table("voxels", columns=["depth"])
    with pytest.raises(DatasetError, match="voxels: expected a table with 'species'"):
        dataset.table("voxels", species=["deer"])
    with pytest.raises(DatasetError, match=r"species: expected a list .* write \['deer'\]"):
        dataset.table("species", species="deer")
