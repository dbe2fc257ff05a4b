"""The page of a batch says what its dataset and its ledger say."""

from __future__ import annotations

import json
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from report_cases import Element, facts, read_page, records, rows, section

import ecosim.datasets
from ecosim.analysis.outcomes import outcome_table
from ecosim.batch.layout import BatchLayout
from ecosim.cli import main
from ecosim.report.texts import number_text
from ecosim.report.write import write_report
from ecosim.telemetry_writers import telemetry_path

RUNS = 16
SPACE = {
    "names": ["rates.hunger", "rates.growth", "environment.climate.temperature"],
    "bounds": [[0.5, 4], [0.5, 2], [5, 30]],
}
SMALL_ENGINES = Path(__file__).parents[1] / "batch"


def run_batch(folder: Path, *options: object, space_of: dict = SPACE) -> int:
    space = folder / "space.json"
    space.write_text(json.dumps(space_of), encoding="utf-8")
    words = ["batch", "--space", space, "--out", folder / "out", "--workers", 1, *options]
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch of the demo world without a dataset."""
    folder = tmp_path_factory.mktemp("batch")
    options = ("--world", "demo", "-n", RUNS, "--ticks", 60, "--interval", 20, "--seed", 2)
    assert run_batch(folder, *options, "--format", "jsonl") == 0
    assert not (folder / "out" / "dataset").exists()
    return folder / "out"


@pytest.fixture(scope="module")
def page(batch: Path) -> Element:
    return read_page(write_report(batch))


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch in which the runs with high hunger fail."""
    folder = tmp_path_factory.mktemp("failed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(SMALL_ENGINES))
        options = ("--world", "minimal", "-n", 8, "--ticks", 12, "--interval", 5)
        assert run_batch(folder, *options, "--engine", "small_engines:Raising") == 3
    return folder / "out"


def samples(batch: Path) -> list[list[dict]]:
    layout = BatchLayout(batch)
    return [records(telemetry_path(layout.run(r), r), "sample") for r in layout.finished()]


def test_the_dataset_is_built_where_there_is_none(page, batch):
    assert (batch / "dataset" / "runs").is_dir()
    assert sorted(path.name for path in batch.glob("*.html")) == ["report.html"]


def test_the_head_counts_the_runs(page):
    told = facts(next(page.all("header")))
    assert told["Finished"] == f"{RUNS} of {RUNS}"
    assert told["Failed"] == "0"
    assert "all done" in next(page.all("h1")).text()
    assert [one.attributes["id"] for one in page.all("section")] == [
        *("parameters", "populations", "collapse", "outcomes", "speed", "runs", "about")
    ]


def test_the_outcomes_are_the_quantiles_over_the_runs(page, batch):
    found = outcome_table(ecosim.datasets.open(batch))
    table = rows(next(section(page, "outcomes").all("table")))
    assert [row[0] for row in table[1:]] == [n for n in found.values if n not in found.censored]
    for name, unit, runs, *cells, meaning in table[1:]:
        values = found.values[name]
        quantiles = np.quantile(values, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])
        assert cells == [number_text(float(value)) for value in quantiles]
        outcome = next(one for one in found.outcomes if one.name == name)
        assert (unit, runs, meaning) == (outcome.unit, str(RUNS), outcome.meaning)


def test_the_populations_are_the_quantiles_of_the_samples(page, batch):
    runs = samples(batch)
    table = rows(next(section(page, "populations").all("table")))[1:]
    assert len(table) == len(runs[0][0]["species"]) * len(runs[0])
    for species, tick, *cells in table:
        counts = [
            one["species"][species]["count"]
            for run in runs
            for one in run
            if one["tick"] == int(tick)
        ]
        quantiles = np.quantile(counts, [0.05, 0.25, 0.5, 0.75, 0.95]).astype(np.float32)
        assert cells == [number_text(float(value)) for value in quantiles]


def test_the_rank_correlations_are_those_of_scipy_the_strongest_first(page, batch):
    data = ecosim.datasets.open(batch)
    frame = data.table("runs").to_pydict()
    found = outcome_table(data)
    *_, ranks = section(page, "parameters").all("table")
    head, *table = rows(ranks)
    assert {row[0] for row in table} == set(SPACE["names"])
    strongest = []
    for name, *cells in table:
        rhos = []
        for outcome, cell in zip(head[1:], cells, strict=True):
            rho = scipy.stats.spearmanr(frame[name], found.values[outcome]).statistic
            assert cell == f"{rho:+.2f}"
            rhos.append(abs(rho))
        strongest.append(max(rhos))
    assert strongest == sorted(strongest, reverse=True)
    scatter = next(section(page, "parameters").all("svg")).attributes["aria-label"]
    assert f"over {RUNS} runs" in scatter


def test_a_scatter_has_a_dot_for_each_run(page):
    for plot in section(page, "parameters").all("svg"):
        dots = [path for path in plot.all("path") if "dots" in path.classes()]
        assert 1 < len(dots[0].attributes["d"].split("M")) - 1 <= RUNS


def test_the_times_are_those_of_the_outcomes(page, batch):
    found = outcome_table(ecosim.datasets.open(batch))
    table = rows(next(section(page, "collapse").all("table")))[1:]
    for name, censored in found.censored.items():
        own = [row for row in table if row[0] == name.replace("_", " ")]
        assert own[0][1:4] == ["0", str(RUNS), "0"]
        assert sum(int(row[3]) for row in own) == int((~censored).sum())
        share = 1 - float((~censored).mean())
        assert own[-1][4] == number_text(share, 3)
    text = section(page, "collapse").text()
    assert "below 10 % of their largest number in any sample so far" in text


def test_every_run_is_listed(page, batch):
    head, *table = rows(next(section(page, "runs").all("table")))
    layout = BatchLayout(batch)
    assert [row[0] for row in table] == layout.finished()
    assert {row[1] for row in table} == {"completed"}
    assert head[:3] == ["run", "status", "seed"]


def test_the_space_and_the_plan_are_told(page, batch):
    plan = json.loads((batch / "batch.json").read_text())
    told = facts(section(page, "about"))
    assert told["Design hash"] == plan["design_sha256"]
    assert told["Engine"] == plan["engine"]
    table = rows(next(section(page, "about").all("table")))[1:]
    assert [row[0] for row in table] == SPACE["names"]
    assert table[0][2] == "0.5, 4"


def test_a_report_changes_nothing_else_in_the_batch(batch, tmp_path):
    write_report(batch, tmp_path / "first.html")
    before = {path: path.stat().st_mtime_ns for path in batch.rglob("*")}
    write_report(batch, tmp_path / "second.html")
    assert {path: path.stat().st_mtime_ns for path in batch.rglob("*")} == before
    assert (tmp_path / "first.html").read_bytes() == (tmp_path / "second.html").read_bytes()


def test_a_run_of_a_batch_has_its_page_outside_the_runs(batch):
    run_id = BatchLayout(batch).finished()[0]
    path = write_report(BatchLayout(batch).run(run_id))
    assert path == batch / "reports" / f"{run_id}_report.html"
    assert run_id in next(read_page(path).all("h1")).text()
    assert main(["batch", "verify", str(batch)]) == 0


def test_failed_runs_are_grouped_by_reason(failed):
    page = read_page(write_report(failed))
    table = rows(next(section(page, "failures").all("table")))
    assert table[0] == ["runs", "reason", "which"]
    [(count, reason, which)] = table[1:]
    ledger = [json.loads(line) for line in (failed / "ledger.jsonl").read_text().splitlines()]
    lost = [one for one in ledger if one["status"] == "failed"]
    assert count == str(len(lost))
    assert reason == f"failed: {lost[0]['error']}"
    assert sorted(which.split(", ")) == sorted(one["run_id"] for one in lost)
    assert f"{len(lost)} failed" in next(page.all("h1")).text()
    listed = rows(next(section(page, "runs").all("table")))[1:]
    assert [row[1] for row in listed].count("failed") == len(lost)


def test_outcomes_of_a_foreign_engine_that_has_no_roles_are_left_out_in_words(failed):
    page = read_page(write_report(failed, failed / "again.html"))
    names = [row[0] for row in rows(next(section(page, "outcomes").all("table")))[1:]]
    assert "shannon_end" in names
    hares = [s["species"]["hare"]["count"] for run in samples(failed) for s in run[-1:]]
    table = rows(next(section(page, "populations").all("table")))
    table = [row for row in table if row[0] == "hare"]
    assert table[-1][4] == number_text(float(statistics.median(hares)))


def test_a_batch_of_which_every_run_failed_has_a_page(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(SMALL_ENGINES))
    options = ("--world", "minimal", "-n", 4, "--ticks", 12)
    engine = ("--engine", "small_engines:Raising")
    hungry = {"names": ["rates.hunger"], "bounds": [[2, 4]]}
    assert run_batch(tmp_path, *options, *engine, space_of=hungry) == 3
    page = read_page(write_report(tmp_path / "out"))
    assert [one.attributes["id"] for one in page.all("section")] == ["failures", "runs", "about"]


def test_a_batch_that_goes_on_says_what_is_left(batch, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(batch, copy)
    shutil.rmtree(copy / "dataset", ignore_errors=True)
    shutil.rmtree(BatchLayout(copy).run(BatchLayout(copy).finished()[-1]))
    page = read_page(write_report(copy, copy / "now.html"))
    assert "1 left" in next(page.all("h1")).text()
    assert facts(next(page.all("header")))["Finished"] == f"{RUNS - 1} of {RUNS}"


def test_a_dataset_that_lags_behind_is_told(batch, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(batch, copy)
    hidden = BatchLayout(copy).run(BatchLayout(copy).finished()[0])
    hidden.rename(tmp_path / "hidden")
    shutil.rmtree(copy / "dataset", ignore_errors=True)
    write_report(copy, tmp_path / "early.html")
    (tmp_path / "hidden").rename(hidden)
    page = read_page(write_report(copy, tmp_path / "late.html"))
    header = next(page.all("header")).text()
    assert f"{RUNS} runs are finished and the dataset has {RUNS - 1} of them" in header


def test_the_results_of_an_analysis_are_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(SMALL_ENGINES))
    options = ("--world", "minimal", "--sampler", "morris", "-n", 10, "--ticks", 12)
    assert run_batch(tmp_path, *options, "--engine", "small_engines:SmallEngine") == 0
    out = tmp_path / "out"
    assert main(["analyze", str(out), "--outcome", "capacity.hare"]) == 0
    [path] = (out / "analysis").glob("*.json")
    result = json.loads(path.read_text())
    (out / "analysis" / "broken.json").write_text("{", encoding="utf-8")
    (out / "analysis" / "partial.json").write_text('{"kind": "sensitivity"}', encoding="utf-8")
    page = read_page(write_report(out))
    table = rows(next(section(page, "sensitivity").all("table")))
    assert [row[0] for row in table[1:]] == [one["name"] for one in result["ranking"]]
    by = result["ranked_by"]
    for row, entry in zip(table[1:], result["ranking"], strict=True):
        assert row[1].startswith(number_text(entry["values"][by], 3))
        answers = {True: "yes", False: "no", None: "not known"}
        assert row[-1] == answers[entry["distinguishable"]]
    header = next(page.all("header")).text()
    assert "broken.json is left out" in header
    assert "A result of an analysis is left out: it lacks" in header


@pytest.mark.parametrize(
    "damage",
    [
        lambda out: (out / "batch.json").write_text("{}"),
        lambda out: (out / "design.csv").write_text("x"),
        lambda out: next((out / "dataset" / "species").iterdir()).write_bytes(b"PAR1"),
        lambda out: next((out / "dataset" / "runs").iterdir()).unlink(),
    ],
)
def test_a_damaged_batch_is_one_clear_line(page, batch, tmp_path, capsys, damage):
    copy = tmp_path / "copy"
    shutil.copytree(batch, copy)
    damage(copy)
    capsys.readouterr()
    assert main(["report", str(copy), "--out", str(tmp_path / "page.html")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "page.html").exists()
