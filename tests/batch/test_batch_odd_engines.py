"""Odd engines and spaces: named before anything runs, or a mishap of their own runs alone."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from batch_cases import start, wait_until, write_space
from test_batch_runs import records, run_ids, whole_runs

from ecosim.batch.layout import BatchLayout
from ecosim.batch.ledger import read_ledger
from ecosim.cli import main


def batch(tmp_path, engine, out="out"):
    space = {"names": ["rates.hunger"], "bounds": [[0.5, 2.5]]}
    (tmp_path / "space.json").write_text(json.dumps(space))
    words = ["batch", "--world", "minimal", "--space", str(tmp_path / "space.json"), "-n", "8"]
    return main([*words, *f"--ticks 6 --engine odd_engines:{engine} --out {out}".split()])


@pytest.mark.parametrize(
    ("engine", "reason"),
    [("Unprintable", r"ValueError: bad \ud800 thing"), ("Speechless", "EcosimError")],
)
def test_a_run_is_recorded_whatever_its_engine_says(tmp_path, monkeypatch, capsys, engine, reason):
    monkeypatch.chdir(tmp_path)
    assert batch(tmp_path, engine) == 3
    assert reason in capsys.readouterr().out
    assert whole_runs(BatchLayout("out")) == run_ids(BatchLayout("out"), hungry=False)
    assert main(["batch", "status", "out"]) == 3
    assert reason in capsys.readouterr().out


def test_a_run_whose_output_may_not_be_written_is_not_held_against_it(
    tmp_path, monkeypatch, capsys
):
    runs = tmp_path / "out" / "runs"
    monkeypatch.setenv("ODD_ENGINES_RUNS", str(runs))
    assert batch(tmp_path, "Unprivileged", tmp_path / "out") == 1
    for folder in (runs, *runs.glob("*.partial")):
        folder.chmod(0o755)
    shown = capsys.readouterr().err
    assert "Permission denied" in shown
    assert "put right what keeps the output from being written, then" in shown
    statuses = {attempt.status for attempt in read_ledger(BatchLayout(tmp_path / "out"))}
    assert statuses <= {"done", "no_space"}
    monkeypatch.delenv("ODD_ENGINES_RUNS")
    assert main(["batch", "--out", str(tmp_path / "out"), "--resume"]) == 0
    assert len(whole_runs(BatchLayout(tmp_path / "out"))) == 8


def test_what_lies_in_the_way_of_a_run_is_not_held_against_it(tmp_path, capsys):
    out = tmp_path / "out"
    assert batch(tmp_path, "Wandering", out) == 0
    lost = BatchLayout(out).finished()[3]
    shutil.rmtree(BatchLayout(out).run(lost))
    BatchLayout(out).partial(lost).write_text("in the way")
    assert main(["batch", "--out", str(out), "--resume"]) == 1
    assert f"{lost}.partial: expected to write the run, " in capsys.readouterr().err
    BatchLayout(out).partial(lost).unlink()
    assert main(["batch", "--out", str(out), "--resume"]) == 0


def test_a_worker_that_closes_its_pipe_is_not_told_as_killed(tmp_path):
    assert batch(tmp_path, "Deaf", tmp_path / "out") == 3
    attempts = list(read_ledger(BatchLayout(tmp_path / "out")))
    lost = {(one.status, one.error) for one in attempts if one.status != "done"}
    assert lost == {("died", "the worker closed its pipe without an answer")}


@pytest.mark.parametrize("engine", ["Forbidden", "OwnTelemetry"])
def test_what_an_engine_may_not_write_itself_is_its_own_failure(tmp_path, engine):
    assert batch(tmp_path, engine, tmp_path / "out") == 3
    attempts = list(read_ledger(BatchLayout(tmp_path / "out")))
    failed = [one for one in attempts if one.status != "done"]
    assert {one.status for one in failed} == {"failed"}
    assert all("/its/own/" in one.error for one in failed)


def test_an_engine_that_changes_the_working_folder_changes_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert batch(tmp_path, "Wandering") == 0
    assert len(whole_runs(BatchLayout(tmp_path / "out"))) == 8
    assert not Path("/out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_batch_that_is_ended_before_its_engine_is_checked_leaves_nothing(
    tmp_path, monkeypatch, number
):
    seen = tmp_path / "seen"
    monkeypatch.setenv("ODD_ENGINES_SEEN", str(seen))
    process = start(write_space(tmp_path), tmp_path / "out", "--engine", "odd_engines:hangs")
    wait_until(process, seen.exists)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "interrupted\n"
    assert not (tmp_path / "out").exists()


def test_what_else_a_step_returns_is_passed_over(tmp_path):
    assert batch(tmp_path, "Chained", tmp_path / "out") == 0
    for run in (tmp_path / "out" / "runs").iterdir():
        assert records(run / f"{run.name}_telemetry.jsonl")[-1]["status"] == "completed"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("seed", "seed: expected the dotted path of a value that decides what happens"),
        ("session_id", "session_id: expected the dotted path"),
        ("telemetry.interval", "telemetry.interval: expected the dotted path"),
        ("sim_config.lifecycle.max_entities", "sim_config.lifecycle.max_entities: expected an int"),
    ],
)
def test_a_parameter_that_no_run_could_take_is_refused_before_any(tmp_path, capsys, name, message):
    (tmp_path / "odd.json").write_text(json.dumps({"names": [name], "bounds": [[50, 500]]}))
    words = ["batch", "--world", "minimal", "--space", str(tmp_path / "odd.json"), "-n", "2"]
    assert main([*words, "--ticks", "5", "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
