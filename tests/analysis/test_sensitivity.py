"""Sensitivity on batches: what is used, what is left out, what is refused."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from analysis_cases import INPUTS, SCRIPTS, VALUE, command, run_batch

import ecosim.datasets
from ecosim.analysis.results import to_csv, to_json, to_text, write_results
from ecosim.analysis.sensitivity import Settings, analyze
from ecosim.errors import BatchFolderError, DatasetError, SpaceError

SUM = "analysis_engines:Sum"
HUMIDITY, RAINFALL, LIGHT = INPUTS["names"]
#: Of 4 a + 2 b + 0 c: the shares of the variance.
SHARES = {HUMIDITY: 0.8, RAINFALL: 0.2, LIGHT: 0.0}


def total_effects(found):
    return {name: found.estimate.values["ST"][i] for i, (name, _) in enumerate(found.factors)}


@pytest.fixture(scope="module")
def saltelli(tmp_path_factory):
    """128 blocks of 5 runs, of which those with a humidity above 0.99 fail."""
    out = tmp_path_factory.mktemp("saltelli") / "out"
    options = ["--sampler", "saltelli", "-n", 128, "--seed-mode", "common", "--seed", 3]
    return run_batch(out, SUM, INPUTS, *options, kind="failing")


@pytest.fixture(scope="module")
def filling(tmp_path_factory):
    """128 runs of a Sobol sequence."""
    out = tmp_path_factory.mktemp("filling") / "out"
    return run_batch(out, SUM, INPUTS, "-n", 128)


@pytest.fixture(scope="module")
def morris(tmp_path_factory):
    """Twelve paths over a whole number, a choice and a rate that does nothing."""
    paths = ["environment.voxel_grid.dimensions[0]", "environment.biome", "rates.hunger"]
    space = {
        "names": paths,
        "bounds": [[4, 13], [0, 1], [0.5, 2]],
        "parameters": {
            paths[0]: {"integer": True},
            paths[1]: {"choices": ["ARCTIC", "DESERT"]},
        },
    }
    out = tmp_path_factory.mktemp("morris") / "out"
    engine = "analysis_engines:mixed"
    options = ["--sampler", "morris", "-n", 12, "--seed-mode", "common"]
    return run_batch(out, engine, space, *options)


@pytest.fixture
def spoiled(monkeypatch, tmp_path):
    """Return a function that makes an outcome of which some runs have no finite number."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, indices, value="float('nan')"):
        (tmp_path / f"{name}.py").write_text(
            "def value(data):\n"
            "    rows = data.table('species', ticks=(1, 1), columns=['run_id', 'energy_mean'])\n"
            "    found = {r['run_id']: r['energy_mean'] for r in rows.to_pylist()}\n"
            f"    for run_id in found:\n"
            f"        if int(run_id[-5:]) in {sorted(indices)}:\n"
            f"            found[run_id] = {value}\n"
            "    return found\n",
            encoding="utf-8",
        )
        return f"{name}:value"

    return make


def test_ishigami_end_to_end(tmp_path):
    """Engine, telemetry, dataset, outcome, indices: 5,120 runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        from known_functions import ISHIGAMI, QUERY
    options = ["--sampler", "saltelli", "-n", 1024, "--seed-mode", "common", "--seed", 1]
    engine = "known_functions:ishigami"
    out = run_batch(tmp_path / "out", engine, ISHIGAMI.space(), *options)
    (found,) = analyze(out, [QUERY]).results
    assert found.method.name == "sobol"
    assert found.used.kept == 1024
    assert found.estimate.values["S1"] == pytest.approx(ISHIGAMI.first, abs=0.05)
    assert found.estimate.values["ST"] == pytest.approx(ISHIGAMI.total, abs=0.05)


def failed_blocks(out):
    """Return the blocks of five runs with one that failed, from the ledger."""
    lines = (out / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    failed = [one for one in map(json.loads, lines) if one["status"] == "failed"]
    return {int(one["run_id"][-5:]) // 5 for one in failed}


def test_blocks_with_a_failed_run_are_left_out_whole(saltelli):
    lost = failed_blocks(saltelli)
    assert lost
    (found,) = analyze(saltelli, [VALUE]).results
    assert (found.used.units, found.used.kept) == (128, 128 - len(lost))
    assert found.used.reasons == {"failed": len(lost)}
    assert total_effects(found) == pytest.approx(SHARES, abs=0.05)
    assert found.estimate.clear.tolist() == [1, 1, 0]


def test_values_that_are_not_finite_take_their_block_along(saltelli, spoiled):
    lost = failed_blocks(saltelli)
    spoilt = {next(b for b in range(128) if b not in lost), 127} - lost
    for name, value in (("nans", "float('nan')"), ("infinite", "float('-inf')"), ("none", "None")):
        outcome = spoiled(name, {5 * block + 2 for block in spoilt}, value)
        (found,) = analyze(saltelli, [outcome]).results
        assert found.used.reasons == {"failed": len(lost), "not finite": len(spoilt)}
        assert total_effects(found) == pytest.approx(SHARES, abs=0.05)


def test_more_than_a_tenth_left_out_is_refused(saltelli, spoiled):
    outcome = spoiled("many", {5 * block for block in range(14)})
    (reason,) = analyze(saltelli, [outcome]).refused.values()
    assert "expected at most 10% of the blocks to be left out" in reason
    assert "not finite" in reason
    assert "failed" in reason


def test_fewer_than_64_blocks_are_refused(tmp_path):
    options = ["--sampler", "saltelli", "-n", 32, "--seed-mode", "common"]
    space = {"names": [HUMIDITY], "bounds": [[0, 1]]}
    out = run_batch(tmp_path / "out", SUM, space, *options)
    (reason,) = analyze(out, [VALUE]).refused.values()
    assert reason.startswith("expected at least 64 blocks")
    assert "got 32 of 32" in reason


def test_an_outcome_that_does_not_vary_is_refused_and_the_others_are_not(saltelli):
    analysis = analyze(saltelli, ["richness_end", VALUE])
    assert "expected an outcome that varies, it is 1" in analysis.refused["richness_end"]
    assert [one.outcome.name for one in analysis.results] == ["value"]


def test_an_outcome_that_varies_by_rounding_alone_is_refused(filling, spoiled):
    outcome = spoiled("third", range(128), "0.3 if run_id[-1] > '4' else 0.1 + 0.2")
    (reason,) = analyze(filling, [outcome], "rbd_fast").refused.values()
    assert "expected an outcome that varies" in reason


def test_a_dominating_run_is_told(filling, spoiled):
    outcome = spoiled("wild", {7}, "1e6")
    (found,) = analyze(filling, [outcome], "rbd_fast").results
    assert "one run of 128 has 100%" in found.notes[0]


@pytest.mark.parametrize(
    ("batch", "method", "words"),
    [
        ("filling", "sobol", "expected a batch made with --sampler saltelli, this one was made "
         "with --sampler sobol and serves --method rbd_fast or --method delta"),
        ("filling", "morris", "--sampler morris"),
        ("saltelli", "morris", "serves --method sobol"),
        ("saltelli", "delta", "--sampler sobol or --sampler lhs"),
        ("morris", "rbd_fast", "--sampler sobol or --sampler lhs"),
        ("filling", "fast", "expected one of sobol"),
    ],
)  # fmt: skip
def test_a_method_that_cannot_use_the_design_is_refused_with_one_that_can(
    request, batch, method, words
):
    with pytest.raises(SpaceError) as caught:
        analyze(request.getfixturevalue(batch), [VALUE], method)
    assert words in str(caught.value)


@pytest.mark.parametrize("method", ["rbd_fast", "delta"])
def test_a_design_that_fills_the_space_serves_two_methods(filling, method):
    settings = Settings(resamples=20)
    (found,) = analyze(filling, [VALUE], method, settings=settings).results
    assert found.factors[found.ranking()[0]][0] == HUMIDITY
    assert found.estimate.clear[0] == 1
    assert (found.used.units, found.used.kept) == (128, 128)


def test_an_extended_batch_is_analysed_whole(filling, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(filling, out)
    command(["batch", "--out", out, "--extend", 128])
    (found,) = analyze(out, [VALUE]).results
    assert (found.method.name, found.used.kept) == ("rbd_fast", 256)


def test_runs_that_were_not_collected_are_counted(filling, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(filling, out)
    for run in sorted((out / "runs").iterdir())[:20]:
        shutil.rmtree(run)
    command(["collect", out])
    (reason,) = analyze(out, [VALUE]).refused.values()
    assert "got 108 of 128 (20 not in the dataset)" in reason
    assert "--resume finishes a batch" in reason


def test_a_shard_is_told_to_be_merged(tmp_path):
    options = ["-n", 128, "--shard", "1/4"]
    out = run_batch(tmp_path / "out", SUM, INPUTS, *options)
    command(["collect", out])
    (reason,) = analyze(out, [VALUE]).refused.values()
    assert "got 32 of 128 (96 not in the dataset)" in reason
    assert "this folder is shard 1/4: merge the shards" in reason


def test_a_table_has_no_index_of_what_never_varies(filling, tmp_path):
    with (filling / "design.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    lines = [f"{HUMIDITY},{RAINFALL},{LIGHT}"]
    lines += [f"{row[HUMIDITY]},{row[RAINFALL]},0.5" for row in rows]
    table = tmp_path / "table.csv"
    table.write_text("\n".join([*lines, *lines[1:9]]) + "\n", encoding="utf-8")
    out = run_batch(tmp_path / "out", SUM, INPUTS, "--design", table)
    (found,) = analyze(out, [VALUE]).results
    shown = to_json(found)
    assert [row["name"] for row in shown["ranking"]] == [HUMIDITY, RAINFALL, LIGHT]
    assert shown["ranking"][2]["values"] == {"S1": None, "S1_conf": None}
    assert shown["ranking"][2]["distinguishable"] is None
    assert any("a table of the user's own" in note for note in shown["notes"])
    assert f"{LIGHT}  " in to_text(found, 3)
    assert to_csv(found).splitlines()[-1] == f"3,{LIGHT},{LIGHT},,,,"


def test_morris_with_a_whole_number_and_a_choice(morris):
    (found,) = analyze(morris, [VALUE]).results
    assert (found.method.unit, found.used.kept) == ("path", 12)
    # Four levels of ten whole numbers are 4, 7, 10 and 13; a step of two levels is 6 of them.
    values = found.estimate.values
    assert values["mu_star"] == pytest.approx([6 * 1.5, 5 * 1.5, 0], abs=1.5)
    assert values["sigma"][2] == 0
    assert found.estimate.clear.tolist() == [1, 1, 0]


def test_groups_of_a_space_have_an_index_each(tmp_path):
    space = {**INPUTS, "groups": ["air", "light", "light"]}
    options = ["--sampler", "saltelli", "-n", 64, "--seed-mode", "per_block"]
    out = run_batch(tmp_path / "out", SUM, space, *options)
    (found,) = analyze(out, [VALUE]).results
    assert total_effects(found) == pytest.approx({"air": 0.8, "light": 0.2}, abs=0.08)
    assert to_json(found)["ranking"][1]["parameters"] == [RAINFALL, LIGHT]


@pytest.fixture(scope="module")
def replicates(tmp_path_factory):
    """A noisy design and the same again with other seeds, as a table without its seeds."""
    folder = tmp_path_factory.mktemp("noisy")
    space = {"names": [HUMIDITY, LIGHT], "bounds": [[0, 1], [0, 1]]}
    options = ["--sampler", "saltelli", "-n", 64, "--seed", 1]
    first = run_batch(folder / "first", SUM, space, *options, kind="noisy")
    with (first / "design.csv").open(encoding="utf-8", newline="") as stream:
        rows = [[row[0], row[1], *row[3:]] for row in csv.reader(stream)]
    table = folder / "again.csv"
    table.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    options = ["--design", table, "--seed", 3]
    return first, run_batch(folder / "second", SUM, space, *options, kind="noisy")


def test_replicates_are_averaged_and_tell_what_chance_gives(replicates):
    first, second = replicates
    (alone,) = analyze(first, [VALUE]).results
    assert np.isnan(alone.estimate.clear[1])
    assert any("seed mode per_run" in note for note in alone.notes)
    assert [line.split()[-1] for line in to_text(alone, 2).splitlines()[5:7]] == ["#" * 24, "?"]
    (both,) = analyze(first, [VALUE], replicates=[second]).results
    assert both.replicates == (json.loads((second / "batch.json").read_text())["batch_id"],)
    assert both.estimate.clear.tolist() == [1, 0]
    assert to_text(both, 2).splitlines()[6].endswith("not above chance")
    assert "and 1 more" in to_text(both, 1)
    assert both.estimate.floor == pytest.approx([0.5 / (16 / 12 + 0.5)] * 2, abs=0.1)
    assert alone.values.std() > both.values.std()


def test_what_is_no_replicate_is_refused(replicates, filling, tmp_path):
    first, second = replicates
    with pytest.raises(SpaceError, match="expected world_sha256"):
        analyze(first, [VALUE], replicates=[filling])
    with pytest.raises(SpaceError, match="expected a replicate with seeds of its own"):
        analyze(first, [VALUE], replicates=[second, second])
    twin = shutil.copytree(first, tmp_path / "twin")
    with pytest.raises(SpaceError, match="leave the column seed out"):
        analyze(first, [VALUE], replicates=[twin])


def test_a_folder_without_a_batch_or_a_dataset_is_refused(filling, saltelli, tmp_path):
    with pytest.raises(BatchFolderError, match="expected a batch folder"):
        analyze(tmp_path, [VALUE])
    out = tmp_path / "out"
    shutil.copytree(filling, out)
    shutil.rmtree(out / "dataset")
    with pytest.raises(DatasetError, match="ecosim collect"):
        analyze(out, [VALUE])
    shutil.copytree(saltelli / "dataset", out / "dataset")
    with pytest.raises(DatasetError, match="expected runs of batch"):
        analyze(out, [VALUE])


def test_a_run_that_is_in_the_dataset_twice_is_refused(filling, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(filling, out)
    for table in (out / "dataset").iterdir():
        shutil.copy(table / "part-00000.parquet", table / "part-00001.parquet")
    assert ecosim.datasets.open(out).table("runs").num_rows == 256
    with pytest.raises(DatasetError, match="expected each run once, it has 128 more than once"):
        analyze(out, [VALUE])


@pytest.mark.parametrize(
    "values", [{"confidence": 0}, {"confidence": 1}, {"confidence": float("nan")},
               {"resamples": 1}, {"resamples": 10**6}, {"seed": -1}]
)  # fmt: skip
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(DatasetError, match="expected"):
        Settings(**values)


def test_the_files_say_what_was_found_and_are_not_overwritten(filling, tmp_path):
    analysis = analyze(filling, [VALUE], settings=Settings(seed=5))
    folder = tmp_path / "results"
    as_json, as_csv = write_results(analysis.results, folder)
    assert as_json.name == "value.delta.json"
    document = json.loads(as_json.read_text(encoding="utf-8"))
    assert document == to_json(analysis.results[0])
    assert document["used"] == {
        "unit": "run", "rows_per_unit": 1, "units": 128, "kept": 128, "left_out": 0, "reasons": {},
    }  # fmt: skip
    rows = list(csv.DictReader(as_csv.read_text(encoding="utf-8").splitlines()))
    for row, entry in zip(rows, document["ranking"], strict=True):
        assert row["name"] == entry["name"]
        assert float(row["delta"]) == entry["values"]["delta"]
    before = as_json.stat().st_mtime_ns
    write_results(analyze(filling, [VALUE], settings=Settings(seed=5)).results, folder)
    other = analyze(filling, [VALUE], settings=Settings(seed=6)).results
    with pytest.raises(BatchFolderError, match="holds another analysis"):
        write_results(other, folder)
    assert as_json.stat().st_mtime_ns >= before
    write_results(other, folder, force=True)
    assert json.loads(as_json.read_text(encoding="utf-8"))["settings"]["seed"] == 6


def test_a_name_of_any_characters_becomes_a_file_of_plain_ones(filling, tmp_path):
    query = VALUE.replace("AS value", 'AS "../a b/ç"')
    (as_json, _) = write_results(analyze(filling, [query]).results, tmp_path / "results")
    assert as_json.name == ".._a_b__.delta.json"
    assert json.loads(as_json.read_text(encoding="utf-8"))["outcome"]["name"] == "../a b/ç"
    assert list(tmp_path.iterdir()) == [tmp_path / "results"]
    twice = [query, query.replace("a b", "a+b")]
    with pytest.raises(DatasetError, match="two have this name"):
        write_results(analyze(filling, twice).results, tmp_path / "results")
