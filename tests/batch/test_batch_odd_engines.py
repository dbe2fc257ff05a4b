"""Odd engines and spaces: named before anything runs, or a mishap of their own runs alone."""

import json
from pathlib import Path

import pytest
from test_batch_runs import records, run_ids, whole_runs

from ecosim.batch.layout import BatchLayout
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


def test_an_engine_that_changes_the_working_folder_changes_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert batch(tmp_path, "Wandering") == 0
    assert len(whole_runs(BatchLayout(tmp_path / "out"))) == 8
    assert not Path("/out").exists()


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
