"""Batches of small engines: whole folders, and every way in which a run can go wrong."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ecosim.batch.hashes import VOLATILE_KEYS, file_hashes, stable_record
from ecosim.batch.layout import BatchLayout
from ecosim.batch.ledger import read_ledger
from ecosim.batch.rows import read_design
from ecosim.cli import main

Command = Callable[..., int]


def records(path: Path) -> list[dict]:
    text = path.read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def run_ids(layout: BatchLayout, *, hungry: bool) -> set[str]:
    """Return the runs that a mishap befalls (or not)."""
    rows = read_design(layout.design)
    return {row.run_id for row in rows if (row.parameters["rates.hunger"] > 1.5) is hungry}


def whole_runs(layout: BatchLayout) -> set[str]:
    return {path.name for path in layout.runs.iterdir() if not path.name.endswith(".partial")}


def test_every_run_of_a_batch_is_in_its_folder(batch_command: Command, tmp_path: Path) -> None:
    assert batch_command() == 0
    layout = BatchLayout(tmp_path / "out")
    plan = json.loads(layout.batch.read_text())
    rows = read_design(layout.design)
    assert (plan["n"], plan["sampler"], plan["seed"], plan["skip"]) == (8, "sobol", 3, 0)
    assert (plan["ticks"], plan["interval"], plan["world"]) == (12, 5, "minimal")
    assert len(rows) == len({row.run_id for row in rows}) == 8
    with layout.design.open(newline="") as stream:
        header = next(csv.reader(stream))
    assert header == ["run_id", "index", "seed", "rates.hunger", "environment.climate.temperature"]
    for row in rows:
        folder = layout.run(row.run_id)
        names = {path.name for path in folder.iterdir()}
        files = {f"{row.run_id}_telemetry.jsonl", f"{row.run_id}_events.jsonl"}
        assert names == {*files, "run.json"}
        config, *samples, end = records(folder / f"{row.run_id}_telemetry.jsonl")
        assert config["parameters"] == row.parameters
        assert config["seed"] == row.seed
        assert config["world_rates"]["hunger"] == row.parameters["rates.hunger"]
        assert [sample["tick"] for sample in samples] == [0, 5, 10, 12]
        assert (end["status"], end["tick"]) == ("completed", 12)
        mark = json.loads(layout.mark(row.run_id).read_text())
        assert mark["files"] == {name: file_hashes(folder / name) for name in sorted(files)[::-1]}
    attempts = list(read_ledger(layout))
    assert {attempt.run_id for attempt in attempts} == {row.run_id for row in rows}
    assert {(attempt.attempt, attempt.status) for attempt in attempts} == {(1, "done")}


def test_one_worker_or_two_make_the_same_bytes(batch_command: Command, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert batch_command("--workers", 1, out=one) == batch_command("--workers", 2, out=two) == 0
    for name in ("batch.json", "design.csv", "world.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    compared = 0
    for path in sorted(one.rglob("*.jsonl")):
        twin = two / path.relative_to(one)
        if path.name == "ledger.jsonl":
            continue
        mine, other = records(path), records(twin)
        assert list(map(stable_record, mine)) == list(map(stable_record, other))
        assert file_hashes(path)["content_sha256"] == file_hashes(twin)["content_sha256"]
        plain = [line for line in path.read_bytes().splitlines() if not is_volatile(line)]
        assert plain == [line for line in twin.read_bytes().splitlines() if not is_volatile(line)]
        compared += 1
    assert compared == 16


def is_volatile(line: bytes) -> bool:
    return json.loads(line)["record"] in VOLATILE_KEYS


def test_a_content_hash_sees_every_byte_but_the_volatile_keys(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    config = {"record": "config", "seed": 1, "created_at": "noon", "software": {}}

    def digest(*lines: str) -> str:
        path.write_text("".join(line + "\n" for line in lines))
        return file_hashes(path)["content_sha256"]

    first = digest(json.dumps(config), '{"record":"sample","tick":0}')
    later = json.dumps({**config, "created_at": "night"})
    assert digest(later, '{"record":"sample","tick":0}') == first
    assert digest(later, '{"record":"sample","tick":1}') != first
    assert digest(json.dumps({**config, "seed": 2}), '{"record":"sample","tick":0}') != first


@pytest.mark.parametrize(
    ("engine", "status", "tries", "error"),
    [
        ("Raising", "failed", 1, "ZeroDivisionError: hunger went through the roof"),
        ("SystemExiting", "failed", 1, "SystemExit: leaving"),
        ("Exiting", "died", 2, "the worker ended by itself with exit code 7"),
        ("Killed", "died", 2, "the worker was killed by SIGKILL"),
        ("Forking", "died", 2, "the worker was killed by SIGKILL"),
    ],
)
def test_a_run_that_goes_wrong_takes_no_other_with_it(
    batch_command: Command, tmp_path: Path, engine: str, status: str, tries: int, error: str
) -> None:
    assert batch_command(engine=engine) == 3
    layout = BatchLayout(tmp_path / "out")
    bad = run_ids(layout, hungry=True)
    assert len(bad) == 4
    assert whole_runs(layout) == run_ids(layout, hungry=False)
    failures = [attempt for attempt in read_ledger(layout) if attempt.status != "done"]
    assert {(failure.status, failure.error) for failure in failures} == {(status, error)}
    for run_id in bad:
        mine = [failure.attempt for failure in failures if failure.run_id == run_id]
        assert mine == list(range(1, tries + 1))


def test_a_failed_run_leaves_traceback_output_and_telemetry(
    batch_command: Command, tmp_path: Path
) -> None:
    batch_command(engine="Raising")
    layout = BatchLayout(tmp_path / "out")
    failures = [attempt for attempt in read_ledger(layout) if attempt.status == "failed"]
    for failure in failures:
        assert "in go_wrong" in failure.traceback
        assert failure.stderr == "a word on standard error\n"
        partial = layout.partial(failure.run_id)
        *_, end = records(partial / f"{failure.run_id}_telemetry.jsonl")
        assert (end["status"], end["tick"]) == ("failed", 2)
        assert "ZeroDivisionError" in end["error"]


def test_a_run_whose_process_died_once_is_tried_again(
    batch_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setenv("SMALL_ENGINES_MEMORY", str(memory))
    assert batch_command(engine="DiesOnce") == 0
    layout = BatchLayout(tmp_path / "out")
    statuses: dict[str, list[str]] = {}
    for attempt in read_ledger(layout):
        statuses.setdefault(attempt.run_id, []).append(attempt.status)
    for run_id, seen in statuses.items():
        hungry = run_id in run_ids(layout, hungry=True)
        assert seen == (["died", "done"] if hungry else ["done"])


def test_without_retries_a_death_is_final(batch_command: Command, tmp_path: Path) -> None:
    assert batch_command("--retries", 0, engine="Exiting") == 3
    attempts = list(read_ledger(BatchLayout(tmp_path / "out")))
    assert {attempt.attempt for attempt in attempts} == {1}


def test_the_retries_of_a_batch_are_those_it_was_last_run_with(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, joined = tmp_path / "out", tmp_path / "joined"
    assert batch_command("--retries", 0, engine="Exiting") == 3
    capsys.readouterr()
    assert main(["batch", "status", str(out)]) == 3
    assert "4 of 8 runs done, 4 failed, 0 left" in capsys.readouterr().out
    assert main(["batch", "merge", str(out), "--into", str(joined)]) == 3
    assert "4 of 8 runs done, 4 failed, 0 left" in capsys.readouterr().out
    attempts = list(read_ledger(BatchLayout(out)))
    for folder in (out, joined):
        assert main(["batch", "--out", str(folder), "--resume"]) == 3
        assert list(read_ledger(BatchLayout(folder))) == attempts
    assert main(["batch", "--out", str(out), "--resume", "--retries", "2"]) == 3
    assert {attempt.attempt for attempt in read_ledger(BatchLayout(out))} == {1, 2, 3}


def test_a_run_that_hangs_is_ended(batch_command: Command, tmp_path: Path) -> None:
    assert batch_command("--run-timeout", 4, "-n", 2, engine="Hanging") == 3
    layout = BatchLayout(tmp_path / "out")
    hanging = [attempt for attempt in read_ledger(layout) if attempt.status != "done"]
    assert {attempt.run_id for attempt in hanging} == run_ids(layout, hungry=True)
    assert {(attempt.status, attempt.attempt) for attempt in hanging} == {("timeout", 1)}
    assert hanging[0].error == "expected an end within 4 s, it was still running"


def test_what_an_engine_prints_does_not_reach_the_protocol(
    batch_command: Command, tmp_path: Path
) -> None:
    assert batch_command(engine="Chatting") == 0
    assert len(whole_runs(BatchLayout(tmp_path / "out"))) == 8


def test_a_full_disk_stops_the_batch_and_says_what_to_do(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command(engine="FullDisk") == 1
    shown = capsys.readouterr()
    assert "No space left on device" in shown.err
    assert "--resume continues" in shown.err
    attempts = list(read_ledger(BatchLayout(tmp_path / "out")))
    assert [attempt.status for attempt in attempts].count("no_space") == 1


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("small_engines", "expected MODULE:CALLABLE"),
        ("small engines:SmallEngine", "expected MODULE:CALLABLE"),
        ("no_such_module:make", "No module named 'no_such_module'"),
        ("small_engines:Missing", "expected 'Missing' in small_engines"),
        ("small_engines:not_callable", "expected a callable, got int"),
        ("small_engines:refuses", "ValueError: this world is not to my taste"),
        ("small_engines:exits", "the worker ended by itself with exit code 9"),
        ("small_engines:NoSteps", "expected an engine with a method 'step', got NoSteps"),
        ("small_engines:NoEntities", "it does not fit"),
    ],
)
def test_an_engine_that_cannot_be_used_is_refused_before_anything_runs(
    batch_command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    engine: str,
    message: str,
) -> None:
    assert batch_command("--engine", engine) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ({"names": ["rates.hungr"], "bounds": [[1, 2]]}, "rates.hungr"),
        ({"names": ["rates.hunger"], "bounds": [[1, 2000]]}, "rates.hunger"),
        ({"names": ["rates.hunger"], "bounds": [[-3, 2]]}, "rates.hunger"),
        ({"names": ["environment.biome"], "bounds": [[1, 2]]}, "environment.biome"),
    ],
)
def test_a_space_that_does_not_fit_the_world_is_refused(
    batch_command: Command,
    space_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    problem: dict,
    message: str,
) -> None:
    space_file.write_text(json.dumps(problem))
    assert batch_command() == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_refused_and_left_alone(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    assert batch_command() == 1
    assert "expected a new or empty folder, it has files" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    assert batch_command(out=tmp_path / "space.json") == 1
    assert "expected a folder, it is a file" in capsys.readouterr().err


def test_spaces_in_paths_and_another_working_folder_do_not_matter(
    space_file: Path, tmp_path: Path
) -> None:
    """The installed script runs from any folder, and finds an engine that lies there."""
    elsewhere = tmp_path / "some where"
    elsewhere.mkdir()
    (elsewhere / "beside.py").write_text("from small_engines import SmallEngine as make\n")
    script = Path(__file__).parents[2] / "scripts" / "run_batch.py"
    words = [sys.executable, str(script), "--world", "minimal", "--space", str(space_file)]
    words += ["-n", "3", "--ticks", "4", "--engine", "beside:make", "--out", "o u t"]
    done = subprocess.run(words, cwd=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("warning: n = 3 is not a power of two")
    assert len(whole_runs(BatchLayout(elsewhere / "o u t"))) == 3
