"""Outcomes: what the timetable says, and what is refused."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys

import pytest
from analysis_cases import run_batch

import ecosim.datasets
from ecosim.analysis.definitions import Settings
from ecosim.analysis.outcomes import available, outcome_table
from ecosim.errors import DatasetError

SPACE = {"names": ["rates.hunger", "rates.thirst"], "bounds": [[0.5, 2], [0.5, 2]]}
#: Hunger and thirst of four runs: hares vanish, hares stay, the run fails, hares vanish.
DESIGN = "rates.hunger,rates.thirst\n0.5,0.5\n1.0,1.5\n1.9,0.5\n1.5,0.9\n"


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """Four runs of the timetable, the third of which fails; samples at 0, 2, ..., 12 and 13."""
    folder = tmp_path_factory.mktemp("timetable")
    table = folder / "runs.csv"
    table.write_text(DESIGN, encoding="utf-8")
    engine = "analysis_engines:Timetable"
    return run_batch(folder / "out", engine, SPACE, "--design", table, "--interval", 2, ticks=13)


@pytest.fixture
def dataset(batch):
    return ecosim.datasets.open(batch)


@pytest.fixture
def on_path(monkeypatch, tmp_path):
    """A folder that modules of the test are imported from."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def entropy(*counts):
    total = sum(counts)
    return -sum(count / total * math.log(count / total) for count in counts)


def test_every_outcome_is_what_the_timetable_says(dataset):
    table = outcome_table(dataset)
    first, second, third = ({name: v[i] for name, v in table.values.items()} for i in range(3))
    assert first == third
    # Samples of the hares at 0, 2, ..., 12, 13: 10 10 6 6 0 0 0 0; of the lichen 0 0 0 3 3 0 0 0.
    assert first["shannon_end"] == pytest.approx(entropy(5, 1, 2))
    ends = [entropy(10, 5, 1, 2), entropy(6, 5, 1, 2), entropy(6, 5, 1, 3, 2)]
    ends += [entropy(5, 1, 3, 2), entropy(5, 1, 2)]
    mean = 3 * ends[0] + 2 * ends[1] + 2 * ends[2] + 2 * ends[3] + 4 * ends[4]
    assert first["shannon_mean"] == pytest.approx(mean / 13)
    assert (first["richness_end"], second["richness_end"]) == (3, 4)
    assert first["richness_mean"] == pytest.approx((4 * 3 + 4 * 2 + 5 * 2 + 4 * 2 + 3 * 4) / 13)
    assert (first["total_consumers_end"], second["total_consumers_end"]) == (0, 10)
    assert first["total_consumers_mean"] == pytest.approx((10 * 3 + 6 * 4 + 0) / 13)
    assert first["plant_cover_end"] == pytest.approx(5 / (4 * 3))
    assert first["plant_cover_mean"] == pytest.approx(5 / 12)
    assert first["nutrients_fast_mean"] == pytest.approx(0.25 + 0.01 * 6.5)
    assert (first["time_to_first_extinction"], second["time_to_first_extinction"]) == (8, 10)
    assert (first["time_to_collapse"], second["time_to_collapse"]) == (8, 13)
    assert (first["capacity_consumers"], second["capacity_consumers"]) == (0, 10)
    assert (first["capacity.fern"], second["capacity.hare"]) == (5, 10)
    assert first["rate.CONSUMPTION"] == 2000
    assert table.censored["time_to_collapse"].tolist() == [False, True, False]
    assert table.censored["time_to_first_extinction"].tolist() == [False, False, False]


def test_a_failed_run_is_left_out_and_counted(dataset):
    table = outcome_table(dataset, ["shannon_end"])
    assert len(table.run_ids) == 3
    assert table.left_out == {"failed": 1}
    assert not any(run_id.endswith("-00002") for run_id in table.run_ids)


def test_species_that_have_no_role_are_named(dataset):
    notes = outcome_table(dataset, ["total_consumers_end", "shannon_end"]).notes
    assert notes.keys() == {"total_consumers_end"}
    assert "lichen, rock" in notes["total_consumers_end"]


def test_roles_that_are_given_go_before_those_the_states_tell(dataset):
    roles = {"rock": "consumer", "hare": "decomposer"}
    table = outcome_table(dataset, ["total_consumers_end"], roles=roles)
    assert table.values["total_consumers_end"].tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("roles", "words"),
    [({"dodo": "consumer"}, "expected a species"), ({"rock": "stone"}, "expected consumer")],
)
def test_a_role_of_nobody_or_of_no_kind_is_refused(dataset, roles, words):
    with pytest.raises(DatasetError, match=words):
        outcome_table(dataset, ["shannon_end"], roles=roles)


def test_the_numbers_of_the_definitions_can_be_set(dataset):
    names = ["time_to_collapse", "capacity.hare"]
    table = outcome_table(dataset, names, settings=Settings(0.7, 1.0))
    assert table.values["time_to_collapse"][0] == 4
    assert table.values["capacity.hare"][0] == pytest.approx(54 / 13)
    meanings = [outcome.meaning for outcome in table.outcomes]
    assert "below 70 %" in meanings[0]
    assert "last 100 %" in meanings[1]


@pytest.mark.parametrize("values", [(0.0, 0.2), (0.1, 1.5), (math.nan, 0.2)])
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(DatasetError, match="expected a number above 0 and up to 1"):
        Settings(*values)


def test_an_outcome_that_no_run_can_have_says_why(batch, tmp_path):
    engine, space = "analysis_engines:Sum", {"names": ["rates.hunger"], "bounds": [[0, 1]]}
    out = run_batch(tmp_path / "out", engine, space, "-n", 2)
    dataset = ecosim.datasets.open(out)
    names = ["plant_cover_end", "nutrients_fast_mean", "shannon_end"]
    table = outcome_table(dataset, names, roles={"sum": "producer"})
    assert "no run has a grid" in table.lacking["plant_cover_end"]
    assert "no run has a layer" in table.lacking["nutrients_fast_mean"]
    assert all(math.isnan(value) for value in table.values["plant_cover_end"])
    assert table.values["shannon_end"].tolist() == [0, 0]
    table = outcome_table(dataset, ["plant_cover_end"])
    assert "--role SPECIES=producer" in table.lacking["plant_cover_end"]
    assert "plant_cover_end" not in [outcome.name for outcome in available(dataset)]


def test_the_table_as_arrow_csv_and_training_frame(dataset):
    table = outcome_table(dataset, ["time_to_collapse", "shannon_end"])
    arrow = table.arrow()
    names = ["run_id", "time_to_collapse", "time_to_collapse_censored", "shannon_end"]
    assert arrow.column_names == names
    assert arrow.column("time_to_collapse_censored").to_pylist() == [False, True, False]
    rows = list(csv.DictReader(table.csv().splitlines()))
    assert [float(row["time_to_collapse"]) for row in rows] == [8, 13, 8]
    assert [row["time_to_collapse_censored"] for row in rows] == ["false", "true", "false"]
    frame = dataset.training_frame(table.by_run())
    assert frame.column("time_to_collapse").to_pylist() == [8, 13, None, 8]
    assert frame.column_names[-3:] == names[1:]
    assert frame.column("time_to_collapse_censored").to_pylist() == [False, True, None, False]


def test_a_query_is_an_outcome(dataset):
    query = "SELECT run_id, max(\"count\") AS peak FROM species WHERE species = 'lichen' GROUP BY 1"
    table = outcome_table(dataset, ["richness_end", query])
    assert table.values["peak"].tolist() == [3, 3, 3]
    assert table.outcomes[1].source == query


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT run_id FROM runs", "expected two columns"),
        ("SELECT run_id, nosuch FROM runs", "Binder Error"),
        ("SELECT run_id, tick FROM species", "expected one row a run"),
        ("SELECT run_id, biome FROM runs", "expected numbers"),
        ("SELECT status, ticks FROM runs WHERE ticks > 0 LIMIT 1", "expected run ids such as"),
        ("SELECT 1, 2; DROP VIEW runs", "expected one query that only reads"),
        ("SELECT run_id FROM FROM", "Parser Error"),
        ("WITH x AS (SELECT 1) INSERT INTO runs SELECT * FROM x", "only reads|Error"),
    ],
)
def test_a_query_that_is_no_outcome_is_refused_in_a_line(dataset, query, words):
    with pytest.raises(DatasetError, match=words) as caught:
        outcome_table(dataset, [query])
    assert "\n" not in str(caught.value)


def test_a_function_is_an_outcome(dataset, on_path):
    (on_path / "own_outcomes.py").write_text(
        "def driest(data):\n"
        "    '''Least mean of any layer.'''\n"
        "    rows = data.table('voxels', columns=['run_id', 'mean'])\n"
        "    least = rows.group_by('run_id').aggregate([('mean', 'min')]).to_pydict()\n"
        "    return dict(zip(least['run_id'], least['mean_min']))\n"
        "driest.unit = 'share'\n",
        encoding="utf-8",
    )
    table = outcome_table(dataset, ["own_outcomes:driest"])
    assert table.values["driest"].tolist() == pytest.approx([0.25, 0.25, 0.25])
    (outcome,) = table.outcomes
    assert (outcome.unit, outcome.meaning) == ("share", "Least mean of any layer.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("def f(data): raise KeyError('x')", "KeyError"),
        ("def f(data): return 3", "expected a mapping"),
        ("def f(data): return {'nobody': 3}", "expected run ids"),
        ("def f(data): return {}", "expected run ids"),
        ("def f(data): return {r: 'x' for r in data.table('runs')['run_id'].to_pylist()}", "numb"),
        ("f = 3", "expected a callable"),
        ("g = 3", "AttributeError"),
        ("import nosuch_module", "ModuleNotFoundError"),
    ],
)
def test_a_function_that_is_no_outcome_is_refused(dataset, on_path, body, words):
    name = f"bad_outcome_{abs(hash(body))}"
    (on_path / f"{name}.py").write_text(body + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=words):
        outcome_table(dataset, [f"{name}:f"])


@pytest.mark.parametrize("names", [["nosuch"], ["a b:c"], [""]])
def test_an_unknown_outcome_is_refused_with_those_there_are(dataset, names):
    with pytest.raises(DatasetError, match="expected one of shannon_end"):
        outcome_table(dataset, names)


def test_an_outcome_asked_for_twice_is_refused(dataset):
    with pytest.raises(DatasetError, match="'shannon_end' 2 times"):
        outcome_table(dataset, ["shannon_end", "shannon_end"])


def test_a_single_run_has_outcomes_too(tmp_path):
    from analysis_engines import Timetable

    from ecosim.telemetry import TelemetryEmitter

    engine = Timetable({"rates": {"hunger": 1, "thirst": 0}}, seed=1)
    settings = {"interval": 2, "output_dir": str(tmp_path), "format": "parquet"}
    with TelemetryEmitter(settings, run_id="alone") as emitter:
        emitter.on_init(engine)
        for _ in range(13):
            engine.step()
            emitter.on_tick()
    table = outcome_table(ecosim.datasets.open(tmp_path / "alone_parquet"))
    assert table.run_ids == ("alone",)
    assert table.values["time_to_collapse"].tolist() == [8]
    assert json.dumps(table.columns(), allow_nan=False)


def test_a_query_without_duckdb_says_what_to_install(batch):
    program = (
        "import sys; sys.modules['duckdb'] = None\n"
        "import ecosim.datasets\n"
        "from ecosim.analysis.outcomes import outcome_table\n"
        "data = ecosim.datasets.open(sys.argv[1])\n"
        "print(len(outcome_table(data, ['shannon_end']).run_ids))\n"
        "outcome_table(data, ['SELECT run_id, ticks FROM runs'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, batch], capture_output=True, text=True, check=False
    )
    assert done.stdout == "3\n"
    assert done.stderr.splitlines()[-1].endswith("pip install duckdb")
