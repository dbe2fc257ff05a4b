"""The schema: it finds what does not fit, and the page that describes it is made from it."""

import copy
import runpy
from pathlib import Path

import pytest

from ecosim.telemetry_schema import problems
from hosts import MeadowHost
from test_telemetry_emitter import run

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The records of one run, by kind."""
    telemetry, events = run(MeadowHost(), tmp_path_factory.mktemp("run"), 30, interval=10)
    return {record["record"]: record for record in telemetry + events}


def test_what_the_emitter_writes_fits(written):
    assert set(written) == {"config", "sample", "events", "end"}
    assert [problem for record in written.values() for problem in problems(record)] == []


@pytest.mark.parametrize("kind", ["config", "sample", "events", "end"])
def test_a_field_that_is_missing_or_unknown_is_named(written, kind):
    for field in written[kind]:
        if field == "record":
            continue
        record = {key: value for key, value in written[kind].items() if key != field}
        assert any(line.startswith(f"{field}: expected ") for line in problems(record)), field
    assert problems(written[kind] | {"colour": 1}) == ["colour: not a field of this record"]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("tick",), -1, "tick: expected count, got -1"),
        (("window",), [1], "window: expected two ticks, got [1]"),
        (("entity_count",), True, "entity_count: expected count, got True"),
        (("species", "rabbit", "count"), "3", "species.rabbit.count: expected count, got '3'"),
        (
            ("species", "rabbit", "vars", "hunger", "mean"),
            float("nan"),
            "species.rabbit.vars.hunger.mean: expected number or null, got nan",
        ),
        (("voxels", "moisture", "mode"), 1, "voxels.moisture.mode: not a field of this record"),
        (("events", "by_type", "RAIN"), 0.5, "events.by_type.RAIN: expected count, got 0.5"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_by_its_path(written, path, value, problem):
    record = copy.deepcopy(written["sample"])
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert problems(record) == [problem]


@pytest.mark.parametrize("record", [None, [], {}, {"record": "simple"}, {"record": [1]}])
def test_something_else_is_no_record(record):
    assert problems(record)[0].startswith("record: expected one of config, sample, events, end")


def test_the_page_of_the_records_is_the_generated_one():
    script = runpy.run_path(str(PROJECT / "scripts" / "make_record_docs.py"))
    page = (PROJECT / "docs" / "records.md").read_text(encoding="utf-8")
    assert page == script["render"](), "run scripts/make_record_docs.py"
