"""The config, end and events records of the parts of a world merge into those of the whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosim.telemetry_merge import MergeError, cells_of, merge_configs, merge_ends, merge_events
from ecosim.telemetry_schema import problems
from parity import backends
from test_telemetry_merge import changed

# ---- config and end -----------------------------------------------------------------------------


CONFIG = {
    "record": "config",
    "schema_version": 1,
    "run_id": "a",
    "biome": "TEMPERATE",
    "sim_config_merged": {"movement": {"wander_range": 3.0, "origin": 0}, "time": {"dt": 0.1}},
    "world_rates": {"hunger": 1.0},
    "species_count": 1,
    "entity_count_initial": 3,
    "grid_dimensions": [2, 3, 4],
    "seed": 1,
    "interval": 50,
    "species": ["deer"],
    "variables": ["hunger"],
    "voxel_layers": ["moisture"],
    "parameters": {"rates.hunger": 1.0},
    "config_sha256": "1" * 64,
    "software": {
        "package": "ecosim-telemetry",
        "version": "1.0",
        "schema_version": 1,
        "python": "CPython 3.11",
        "platform": "Linux",
        "backend": "compiled",
        "git_revision": None,
    },
    "created_at": "2026-01-01T00:00:00+00:00",
}
OTHER = CONFIG | {
    "run_id": "b",
    "biome": "ARCTIC",
    "sim_config_merged": {"movement": {"wander_range": 3.0, "origin": 2}, "time": {"dt": 0.1}},
    "entity_count_initial": 4,
    "grid_dimensions": [2, 3, 5],
    "species": ["bear"],
    "seed": 2,
    "config_sha256": "2" * 64,
    "created_at": "2026-01-02T00:00:00+00:00",
}


def test_the_config_of_the_whole_says_what_its_parts_agree_on():
    assert problems(CONFIG) == []
    found = merge_configs([CONFIG, OTHER], run_id="world", dimensions=[2, 3, 9])
    assert problems(found) == []
    assert {key for key in CONFIG if found[key] == CONFIG[key]} == {
        *("record", "schema_version", "world_rates", "interval", "variables", "voxel_layers"),
        *("parameters", "software"),
    }
    assert found["biome"] is found["seed"] is None
    assert found["sim_config_merged"] == {"movement": {"wander_range": 3.0}, "time": {"dt": 0.1}}
    assert (found["species"], found["species_count"]) == (["bear", "deer"], 2)
    assert found["entity_count_initial"] == 7
    assert found["grid_dimensions"] == [2, 3, 9]
    assert found["created_at"] == "2026-01-02T00:00:00+00:00"
    assert [(part["run_id"], part["seed"], part["cells"]) for part in found["parts"]] == [
        ("a", 1, 24),
        ("b", 2, 30),
    ]
    assert cells_of(found) == 54


def test_a_merged_config_merges_again_to_the_same():
    third = CONFIG | {"run_id": "c", "config_sha256": "3" * 64}
    once = merge_configs([CONFIG, OTHER, third], run_id="w")
    first = merge_configs([merge_configs([CONFIG, OTHER], run_id="v"), third], run_id="w")
    assert first == once
    assert once["grid_dimensions"] is None
    assert cells_of(once) == 78


def test_parts_of_one_definition_make_a_whole_of_its_hash():
    found = merge_configs([CONFIG, CONFIG | {"run_id": "b"}], run_id="w")
    assert found["config_sha256"] == CONFIG["config_sha256"]
    different = merge_configs([CONFIG, OTHER], run_id="w")["config_sha256"]
    assert different == merge_configs([OTHER, CONFIG], run_id="w")["config_sha256"]
    assert different not in (CONFIG["config_sha256"], OTHER["config_sha256"])


def test_a_grid_that_one_part_alone_has_is_that_of_the_whole():
    sky = OTHER | {"grid_dimensions": None, "voxel_layers": []}
    found = merge_configs([sky, CONFIG], run_id="w")
    assert found["grid_dimensions"] == [2, 3, 4]
    assert found["voxel_layers"] == ["moisture"]
    assert [part["cells"] for part in found["parts"]] == [0, 24]
    assert cells_of(CONFIG | {"grid_dimensions": None}) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interval": 10}, "interval of b: expected that of a, 50 "),
        ({"variables": []}, "variables of b: expected that of a, "),
        ({"voxel_layers": ["light"]}, "voxel_layers of b: expected that of a, "),
        ({"parameters": {}}, "parameters of b: expected that of a, "),
        ({"schema_version": 2}, "schema_version of b: expected that of a, 1 "),
        ({"run_id": "a"}, "parts: expected each run once, got a twice"),
        ({"run_id": "w"}, "run_id: expected one of its own for the whole, got a part's, w"),
        ({"seed": ...}, "config of b: seed: expected anything, it is missing"),
        ({"parts": [{"run_id": "c"}]}, "config of b: parts: seed is missing"),
        ({"grid_dimensions": [1, 1, 1]}, "dimensions: expected the 25 cells of the parts togeth"),
    ],
)
def test_configs_of_other_runs_are_refused(change, message):
    ((key, value),) = change.items()
    with pytest.raises(MergeError, match=message):
        merge_configs([CONFIG, changed(OTHER, [key], value)], run_id="w", dimensions=[2, 3, 9])


def test_a_later_version_of_both_is_refused_and_a_key_it_adds_is_left_out():
    later = [one | {"schema_version": 2} for one in (CONFIG, OTHER)]
    with pytest.raises(MergeError, match="schema_version: expected 1, got 2"):
        merge_configs(later, run_id="w")
    added = merge_configs([CONFIG | {"moon": 1}, OTHER | {"moon": 1}], run_id="w")
    assert "moon" not in added
    for run_id in ("", "../w", 7):
        with pytest.raises(MergeError, match="run_id: expected 1 to 128 letters"):
            merge_configs([CONFIG, OTHER], run_id=run_id)


END = {
    "record": "end",
    "run_id": "a",
    "tick": 100,
    "samples": 3,
    "events": 10,
    "events_dropped": 1,
    "status": "completed",
    "error": None,
    "emitter_ns": 5,
    "loop_ns": 50,
}


def test_the_end_of_the_whole_is_that_of_its_worst_part():
    failed = END | {"run_id": "b", "status": "failed", "error": "no food", "events": 7}
    found = merge_ends([END, END | {"run_id": "c", "status": "stopped"}, failed], run_id="w")
    assert problems(found) == []
    assert found == END | {
        "run_id": "w",
        "events": 27,
        "events_dropped": 3,
        "status": "failed",
        "error": "b: no food",
        "emitter_ns": 15,
        "loop_ns": 150,
    }
    assert merge_ends([failed]) == failed


def test_parts_that_ended_at_other_ticks_are_refused_unless_that_is_allowed():
    early = END | {"run_id": "b", "tick": 90, "samples": 2}
    with pytest.raises(MergeError, match="tick of b: expected that of a, 100 "):
        merge_ends([END, early])
    found = merge_ends([END, early], is_short=True)
    assert (found["tick"], found["samples"]) == (90, 2)


# ---- events -------------------------------------------------------------------------------------


def log_of(core_class, events, run_id="r", ticks=30, **options):
    """Return the batches that a core makes of (tick, source, extra) triples."""
    core = core_class(run_id, (), **options)
    for tick in range(1, ticks + 1):
        core.begin_tick(tick)
        for event in events:
            if event[0] == tick:
                core.record("MOVE", tick, event[1], None, [0.5, 0.0, 1.0], event[2])
        core.end_tick()
    return [json.loads(text) for text in core.take_events(cut=True).splitlines()]


def flat(batches):
    """Return the events of batches, one by one."""
    for batch in batches:
        assert problems(batch) == []
        for place in range(batch["count"]):
            columns = ("tick", "type", "source_id", "target_id", "position")
            values = [batch[key][place] for key in columns]
            assert batch["ticks"][0] <= values[0] <= batch["ticks"][1]
            yield json.dumps([*values, batch["extra"].get(str(place))])


events_of_parts = st.lists(
    st.lists(
        st.tuples(st.integers(1, 30), st.text(max_size=2), st.just({"n": 1}) | st.none()),
        max_size=12,
    ),
    min_size=3,
    max_size=3,
)


@given(events_of_parts, st.integers(1, 20), st.sampled_from(sorted(backends())))
def test_events_come_tick_by_tick_and_part_by_part(parts, ring, backend):
    core = backends()[backend]
    logs = [log_of(core, part, ring_capacity=ring) for part in parts]
    merged = list(merge_events(logs, run_id="w", last_tick=30))
    one = [event for part in parts for event in part]
    # A core that is told tick by tick sorts what it is told: the parts in order within each tick.
    assert merged == log_of(core, one, run_id="w")
    first = merge_events(logs[:2], run_id="v", last_tick=30)
    assert list(merge_events([first, logs[2]], run_id="w", last_tick=30)) == merged


def test_an_event_that_states_an_earlier_tick_stays_behind_what_was_recorded_before():
    core = backends()["python"]("r", ())
    core.begin_tick(12)
    for tick, source in ((12, "now"), (3, "reported late"), (99, "announced")):
        core.record("MOVE", tick, source)
    late = json.loads(core.take_events(cut=True))
    other = log_of(backends()["python"], [(11, "before", None), (13, "after", None)])
    (merged,) = merge_events([[late], other], run_id="w", first_tick=11)
    assert merged["source_id"] == ["before", "now", "reported late", "announced", "after"]
    assert merged["tick"] == [11, 12, 3, 99, 13]


def test_what_a_full_ring_dropped_is_counted_in_the_merged_batches():
    core = backends()["python"]
    events = [(1, "x", None)] * 5 + [(15, "y", None)] * 4
    logs = [log_of(core, events, ring_capacity=3, on_full="drop"), log_of(core, events)]
    found = list(merge_events(logs, run_id="w"))
    assert [batch["count"] for batch in found] == [8, 7]
    assert [batch["dropped"] for batch in found] == [{"ring_full": 2}, {"ring_full": 1}]


def test_a_merged_batch_has_a_largest_size():
    batch = {"record": "events", "run_id": "a", "ticks": [1, 10], "count": 40_000, "extra": {}}
    columns = {"tick": 7, "type": "MOVE", "source_id": None, "target_id": None, "position": None}
    batch |= {key: [value] * 40_000 for key, value in columns.items()}
    found = list(merge_events([[batch], [batch]], run_id="w"))
    assert [one["count"] for one in found] == [65_536, 14_464]
    assert [one["ticks"] for one in found] == [[1, 7], [7, 10]]


def test_columns_of_different_lengths_are_refused():
    (batch, *_) = log_of(backends()["python"], [(1, "x", None)])
    batch["type"] = []
    with pytest.raises(MergeError, match=r"events of r, ticks \[1, 10\]: expected columns of 1 e"):
        list(merge_events([[batch]], run_id="w"))
