"""The early-warning example: right labels, no leakage across runs, and the future hidden."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from threadpoolctl import threadpool_limits

import ecosim.datasets
from examples_cases import EXAMPLES, load, run_batch

FOLDER = EXAMPLES / "early_warning"
SCRIPT = FOLDER / "early_warning.py"
SIZES = ("--window", 40, "--horizon", 60, "--every", 3, "--resamples", 50)


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """40 runs of the minimal world; where hunger is strong, its bees die."""
    return run_batch(tmp_path_factory.mktemp("warning") / "batch", "--ticks", 300, "-n", 40)


@pytest.fixture(scope="module")
def parts():
    """The module of the windows and that of the command; on one thread, as others may be busy."""
    command = load(SCRIPT)
    with threadpool_limits(1):
        yield load(FOLDER / "windows.py"), command


def example(*words):
    """Run the example as a user does."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )


def a_run(parts, counts, run_id="run", step=10):
    """A run whose counts are given."""
    windows, _ = parts
    counts = np.asarray(counts, dtype=float)
    ticks = np.arange(len(counts)) * step
    at, censored = windows.collapse(ticks, counts, 0.1)
    return windows.Run(run_id, ticks, {"count": counts}, np.inf if censored else at)


def test_collapses_of_a_batch_are_told_and_warned_of_better_than_by_chance(batch, tmp_path):
    out = tmp_path / "found.json"
    done = example(batch, "--of", "bee", *SIZES, "--out", out)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["runs"], found["runs_without"]) == (40, 0)
    assert 10 <= found["positive_runs"] <= found["collapses"] < 40
    assert found["positive_runs"] <= found["positives"] < found["windows"]
    assert found["left_out"]["after the collapse"] > 0
    assert found["left_out"]["the horizon is not watched to its end"] > 0
    for one in found["predictors"].values():
        low, high = one["interval"]
        assert low <= one["auc"] <= high
    assert found["predictors"]["last level alone"]["gain_interval"] == [0, 0]
    assert found["predictors"]["all features, logistic"]["interval"][0] > 0.5
    assert f"a collapse follows within 60 ticks in {found['positives']}" in done.stdout


def test_runs_that_never_had_the_species_are_left_out_and_counted(batch, tmp_path, parts):
    """One run has no rows of the bees, as in a world without them, and one has none alive."""
    other = shutil.copytree(batch, tmp_path / "batch")
    (part,) = (other / "dataset" / "species").glob("*.parquet")
    table = pq.read_table(part)
    frame = table.to_pandas()
    without, empty, *rest = sorted(frame.run_id.astype(str).unique())
    bees = frame.species == "bee"
    frame.loc[bees & (frame.run_id == empty), "count"] = 0
    frame = frame[~(bees & (frame.run_id == without))]
    pq.write_table(pa.Table.from_pandas(frame, table.schema, preserve_index=False), part)
    runs, left_out = parts[0].read_runs(ecosim.datasets.open(other), "bee", 0.1)
    assert ([run.run_id for run in runs], left_out) == (rest, 2)
    done = example(other, "--of", "bee", *SIZES, "--out", tmp_path / "found.json")
    assert done.returncode == 0, done.stderr
    assert "left out: 2 runs that never had bee" in done.stdout
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert (found["runs"], found["runs_without"]) == (38, 2)


def test_the_same_seed_gives_the_same_folds_scores_and_intervals(parts):
    rng = np.random.default_rng(0)
    run = np.repeat(np.arange(30), 5)
    features = pd.DataFrame({"x": rng.random(150), "y": rng.random(150)})
    windows = parts[0].Windows(features, rng.random(150) > 0.6, run, run, {})
    scores = [parts[1].held_out(windows, ["x", "y"], "boosting", seed) for seed in (3, 3, 4)]
    assert scores[0].tolist() == scores[1].tolist() != scores[2].tolist()
    found = [
        parts[1].evaluate(windows, {parts[1].BASELINE: scores[0]}, 20, seed) for seed in (3, 3, 4)
    ]
    assert found[0] == found[1] != found[2]


def test_windows_are_labelled_by_what_follows_and_nothing_unseen_is_kept(parts):
    counts = [100.0] * 30 + [5.0] * 30  # collapses at sample 30, tick 300, of 60
    runs = [a_run(parts, counts), a_run(parts, [100.0] * 60)]
    windows = parts[0].make_windows(runs, 100, 50, 1)
    first = windows.run == 0
    assert windows.tick[first].tolist() == list(range(100, 300, 10))
    assert windows.tick[first & windows.label].tolist() == [250, 260, 270, 280, 290]
    assert windows.tick[~first].tolist() == list(range(100, 550, 10))  # 540 + 50 is the last tick
    assert not windows.label[~first].any()
    assert windows.left_out == {
        "after the collapse": 30,
        "the horizon is not watched to its end": 5,
    }


def test_a_collapse_near_the_end_is_left_out_like_its_absence(parts):
    """Kept, every window near the end would be a positive one, and time would predict."""
    counts = [100.0] * 58 + [5.0] * 2
    windows = parts[0].make_windows([a_run(parts, counts)], 100, 50, 1)
    assert windows.tick.max() == 540
    assert windows.tick[windows.label].tolist() == [530, 540]


def test_no_run_has_windows_in_both_training_and_test(parts):
    runs = [a_run(parts, [100.0] * 30 + [5.0] * (k % 2) * 20 or [1.0]) for k in range(20)]
    windows = parts[0].make_windows(runs, 100, 20, 1)
    tested = []
    for seen, unseen in parts[1].folds(windows, 0):
        assert not set(windows.run[seen]) & set(windows.run[unseen])
        tested += unseen.tolist()
    assert sorted(tested) == list(range(len(windows.label)))


def test_what_only_tells_runs_apart_predicts_nothing(parts):
    """Each run has a feature and a label of its own: with windows split at random, AUC is 1."""
    rng = np.random.default_rng(0)
    run = np.repeat(np.arange(100), 20)
    label = rng.permutation(100)[run] < 50
    features = pd.DataFrame({"x": rng.random(100)[run]})
    windows = parts[0].Windows(features, label, run, np.tile(np.arange(20), 100), {})
    score = parts[1].held_out(windows, ["x"], "boosting", 0)
    assert parts[1].roc_auc_score(label, score) < 0.65
    each = parts[0].Windows(features, label, np.arange(2000), windows.tick, {})
    leaking = parts[1].held_out(each, ["x"], "boosting", 0)
    assert parts[1].roc_auc_score(label, leaking) > 0.95


def test_intervals_are_over_runs_and_not_over_windows(parts):
    """The same windows nine times are no more runs, and the interval is as wide as it was."""
    rng = np.random.default_rng(0)
    run = np.arange(60)
    label = run % 2 == 0
    score = label + rng.normal(0, 1, 60)
    name = parts[1].BASELINE
    found = []
    for times in (1, 9):
        columns = (np.repeat(column, times) for column in (label, run, run))
        windows = parts[0].Windows(pd.DataFrame(), *columns, {})
        one = parts[1].evaluate(windows, {name: np.repeat(score, times)}, 50, 1)
        found.append(one[name]["interval"])
    assert found[0] == pytest.approx(found[1])


def test_indicators_of_known_series(parts):
    line = 3.0 + 2.0 * np.arange(50)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 2, 5000)
    smooth = np.zeros(5000)
    for place in range(1, 5000):
        smooth[place] = 0.8 * smooth[place - 1] + noise[place]
    straight = parts[0].indicators(line[None])
    assert straight["trend"][0] == pytest.approx(2)
    assert straight["deviation"][0] == pytest.approx(0, abs=1e-9)
    assert straight["autocorrelation"][0] == 0
    assert parts[0].indicators(noise[None])["autocorrelation"][0] == pytest.approx(0, abs=0.05)
    slow = parts[0].indicators(smooth[None])
    assert slow["autocorrelation"][0] == pytest.approx(0.8, abs=0.05)
    assert slow["deviation"][0] == pytest.approx(2 / 0.6, rel=0.1)


def test_features_look_back_alone(parts):
    """What comes after a window changes none of its features."""
    counts = np.random.default_rng(0).integers(50, 90, 40).astype(float)
    changed = counts.copy()
    changed[30:] = 1.0
    ends = np.arange(10, 30)
    before, after = (parts[0].features(a_run(parts, c), ends, 10) for c in (counts, changed))
    pd.testing.assert_frame_equal(before, after)
    assert before["level"].tolist() == counts[ends].tolist()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--of", "unicorn"], "--of: expected one of consumers, bee"),
        (
            ["--of", "mushroom", "--window", "40"],
            "expected 10 or more runs with a window before a collapse",
        ),
        (["--window", "10"], "--window: expected 8 or more samples, that is 35 ticks; got 10"),
        (["--horizon", "5000"], "expected runs longer than window and horizon together"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(batch, parts, capsys, words, told):
    assert parts[1].main([str(batch), *words]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error
    assert error.count("\n") == 1


def test_options_out_of_range_and_files_that_exist_are_refused(batch, parts, tmp_path, capsys):
    kept = tmp_path / "kept.json"
    kept.write_text("mine", encoding="utf-8")
    for words, told in (
        (["--window", "0"], "--window: expected 1 or more, got 0"),
        (["--collapse-fraction", "1"], "--collapse-fraction: expected 0..1, got 1.0"),
        (["--seed", "-1"], "--seed: expected 0 or more, got -1"),
        (["--out", str(tmp_path / "no" / "file")], "--out: expected a new file in a folder that"),
        (["--out", str(kept)], "--out: expected a new file in a folder that exists"),
    ):
        with pytest.raises(SystemExit, match="2"):
            parts[1].main([str(batch), *words])
        assert told in capsys.readouterr().err
    assert kept.read_text(encoding="utf-8") == "mine"
