"""The surrogate example: it learns what can be learned of a real batch, and says what cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from ecosim.analysis.results import result_paths
from examples_cases import EXAMPLES, load, run_batch

SCRIPT = EXAMPLES / "surrogate" / "surrogate.py"
OUTCOME = "total_consumers_mean"


@pytest.fixture(scope="module")
def module():
    """The example; its threads would wait for each other for minutes on a busy machine."""
    loaded = load(SCRIPT)
    with threadpool_limits(1):
        yield loaded


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """48 runs of the minimal world; hunger moves its consumers, dissolution does not."""
    return run_batch(tmp_path_factory.mktemp("surrogate") / "batch", "--ticks", 300, "-n", 48)


@pytest.fixture(scope="module")
def found(batch):
    """What the command writes and prints about the batch, with a ranking and a replicate."""
    again = batch.with_name("again")
    table = (batch / "design.csv").read_text(encoding="utf-8").splitlines()
    rows = [",".join(cell for place, cell in enumerate(r.split(",")) if place != 2) for r in table]
    design = batch.with_name("again.csv")
    design.write_text("\n".join(rows[:33]) + "\n", encoding="utf-8")
    run_batch(again, "--ticks", 300, "--seed", 5, design=design)
    ranking = batch.with_name("ranking")
    entry = {"name": "rates.hunger", "values": {"delta": 0.5}}
    others = [
        {"name": name, "values": {"delta": value}}
        for name, value in (
            ("rates.dissolution", 0.1),
            ("sim_config.metabolism.starve_damage", 0.2),
            ("unknown", 0.9),
        )
    ]
    ranking.mkdir()
    (ranking / f"{OUTCOME}.delta.json").write_text(
        json.dumps({"ranked_by": "delta", "ranking": [entry, *others]}), encoding="utf-8"
    )
    out = batch.with_name("found.json")
    words = [batch, "--outcome", OUTCOME, "--repeats", 2, "--model", "ridge", "--out", out]
    done = example(*words, "--replicate", again, "--ranking", ranking)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text(encoding="utf-8"))[OUTCOME], done.stdout


def example(*words):
    """Run the example as a user does."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_parameter_that_matters_predicts_runs_that_were_held_out(found):
    one, printed = found
    assert len(one["r2"]) == 2
    assert min(one["r2"]) > 0.3
    assert max(one["importance"], key=one["importance"].get) == "rates.hunger"
    assert one["importance"]["rates.dissolution"] < 0.2 * one["importance"]["rates.hunger"]
    assert list(one["curve"]) == ["36"]  # 48 runs less a quarter, which is less than 64
    assert "R2 on held-out runs" in printed


def test_pairs_that_differ_in_the_seed_alone_bound_what_can_be_learned(found):
    noise = found[0]["noise"]
    assert noise["pairs"] == 32
    assert noise["interval"][0] < noise["bound"] < noise["interval"][1] <= 1


def test_the_ranking_of_an_analysis_is_compared_over_the_parameters_both_have(found):
    (entry,) = found[0]["agreement"]
    assert entry["parameters"] == 3
    assert entry["index"] == "delta"
    assert -1 <= entry["spearman"] <= 1


def test_the_same_seed_gives_the_same_numbers_and_another_other_splits(module, batch):
    inputs, outcomes = module.read(str(batch), [OUTCOME])
    x, y = module.usable(inputs, outcomes[OUTCOME], "batch")
    first, again, other = (module.held_out(x, y, "boosting", 1, seed) for seed in (1, 1, 2))
    assert first == again
    assert first["r2"] != other["r2"]


def test_an_outcome_that_is_chance_alone_cannot_be_predicted(module):
    """Where the held-out runs leaked into the choice or the fit, this R2 would be above 0."""
    rng = np.random.default_rng(0)
    found = module.held_out(rng.random((80, 5)), rng.random(80), "kernel", 3, 0)
    assert max(found["r2"]) < 0.1


def test_cross_validation_prefers_the_model_that_fits(module):
    inputs = np.random.default_rng(0).random((120, 3))
    name, scores = module.choose(inputs, inputs @ [1.0, 2.0, 3.0], "auto", 0)
    assert name == "ridge"
    assert scores["ridge"] > 0.99 > scores["boosting"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--outcome", "shanon"], "expected one of shannon_end"),
        (["--outcome", "richness_end", "--replicate", "nowhere"], "nowhere: expected a dataset"),
        (["--outcome", "SELECT run_id, 7 AS same FROM runs"], "same: expected it to vary, it is 7"),
        (["--outcome", OUTCOME, "--ranking", "nowhere", "--repeats", "1", "--model", "ridge"],
         "nowhere: expected total_consumers_mean.METHOD.json"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_in_a_line(module, batch, capsys, words, told):
    assert module.main([str(batch), *words]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error
    assert error.count("\n") == 1


def test_rankings_are_looked_for_before_anything_is_fitted(module, batch, tmp_path, capsys):
    """One of two outcomes has a ranking: without the other's nothing is computed in vain."""
    entries = [
        {"name": name, "values": {"delta": place}}
        for place, name in enumerate(module.read(str(batch), [OUTCOME])[0])
    ]
    text = json.dumps({"ranked_by": "delta", "ranking": entries})
    (tmp_path / f"{OUTCOME}.delta.json").write_text(text, encoding="utf-8")
    outcomes = ("--outcome", OUTCOME, "richness_end", "--ranking", str(tmp_path))
    assert module.main([str(batch), *outcomes]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "expected richness_end.METHOD.json of ecosim analyze, there is none" in shown.err


def test_rankings_are_found_under_the_names_that_analyze_gives_its_files(module, tmp_path):
    outcome = "sum of [all] * " + "x" * 200
    entries = [{"name": name, "values": {"ST": 1.0}} for name in "abc"]
    for method in ("sobol", "morris"):
        path, _ = result_paths(tmp_path, outcome, method)
        text = json.dumps({"ranked_by": "ST", "ranking": entries})
        path.write_text(text, encoding="utf-8")
    found = module.read_rankings(str(tmp_path), outcome, ["a", "b", "c", "d"])
    assert sorted(one.path.name.rsplit(".", 2)[1] for one in found) == ["morris", "sobol"]
    assert found[0].values == {"a": 1.0, "b": 1.0, "c": 1.0}


def test_a_folder_without_a_batch_and_a_file_that_exists_are_refused(
    module, batch, tmp_path, capsys
):
    assert module.main([str(tmp_path), "--outcome", OUTCOME]) == 1
    assert "expected a dataset" in capsys.readouterr().err
    kept = tmp_path / "kept.json"
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        module.main([str(batch), "--outcome", OUTCOME, "--out", str(kept)])
    assert "--out: expected a new file in a folder that exists" in capsys.readouterr().err
    assert kept.read_text(encoding="utf-8") == "mine"


def test_too_few_runs_are_refused(module):
    frame = module.pd.DataFrame({"x": range(8), "y": range(8)})
    with pytest.raises(ValueError, match="expected at least 32 runs with y, got 8"):
        module.usable(frame[["x"]], frame["y"], "small")


def test_the_example_is_small():
    assert len(Path(SCRIPT).read_text(encoding="utf-8").splitlines()) < 200
