"""Samples, windows and batches of events: what a core makes of what it is fed."""

import array
import ctypes
import enum
import json
import math
import statistics
from types import SimpleNamespace

import numpy as np
import pytest

from ecosim.telemetry_errors import HostError, TelemetryConfigError
from ecosim.telemetry_host import EventRecord
from hosts import SparseGrid, columns

VARIABLES = ("hunger", "energy")


@pytest.fixture
def core(core_class):
    return core_class("run", VARIABLES)


def sample(core, tick=0):
    """Close the sample at a tick and return it parsed."""
    core.begin_tick(tick)
    core.close_sample()
    (record,) = map(json.loads, core.take_samples().splitlines())
    return record


def batches(core, **options):
    return [json.loads(line) for line in core.take_events(**options).splitlines()]


def entity(species="deer", state="IDLE", **variables):
    return {"species": species, "state": state, "state_vars": variables}


# ---- entities ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 2, 7, 5000])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_one_value_for_all_rows_is_read_as_often_as_there_are_rows(core, rows, kind):
    found = columns([0] * rows, [0] * rows, {})
    found.variables["hunger"] = np.broadcast_to(kind(0.75), rows)
    found.species_variables = {"deer": ("hunger",)}
    core.read_columns(found)
    about = sample(core)["species"]["deer"]["vars"]["hunger"]
    assert about == {"n": rows, "mean": 0.75, "std": 0.0}


@pytest.mark.parametrize("said", [None, {"deer": None}])
def test_who_has_a_variable_is_not_asked_where_there_is_no_column(core, said):
    found = columns([0, -1], [0, 0], {"age": [1.0, 2.0]})
    found.species_variables = said
    assert core.read_columns(found) == 2
    assert sample(core)["species"]["deer"]["vars"] == {}


class Kind(enum.StrEnum):
    DEER = "deer"


def test_a_species_that_is_an_enum_has_its_value_as_name(core):
    core.declare_species(Kind.DEER)
    core.read_entities({"d": entity(Kind.DEER)})
    assert list(sample(core)["species"]) == ["deer"]


def test_a_sample_counts_species_and_states_and_describes_variables(core):
    hungers = [0.1, 0.4, 0.7]
    herd = {f"d{i}": entity(hunger=h, energy=0.5, age=3) for i, h in enumerate(hungers)}
    herd["o"] = entity("oak", "GROWING")
    assert core.read_entities(herd) == 4
    record = sample(core)
    assert record["entity_count"] == 4
    assert list(record["species"]) == ["deer", "oak"]
    deer = record["species"]["deer"]
    assert (deer["count"], deer["states"]) == (3, {"IDLE": 3})
    assert list(deer["vars"]) == ["hunger", "energy"]
    assert deer["vars"]["hunger"]["n"] == 3
    assert deer["vars"]["hunger"]["mean"] == pytest.approx(statistics.fmean(hungers), rel=1e-15)
    assert deer["vars"]["hunger"]["std"] == pytest.approx(statistics.pstdev(hungers), rel=1e-15)
    assert deer["vars"]["energy"] == {"n": 3, "mean": 0.5, "std": 0.0}
    assert record["species"]["oak"] == {"count": 1, "states": {"GROWING": 1}, "vars": {}}


def test_dicts_and_columns_of_the_same_entities_give_the_same_sample(core_class):
    dicts, cols = core_class("run", VARIABLES), core_class("run", VARIABLES)
    hungers = [0.1 * i for i in range(13)]
    dicts.declare_species("oak", ("energy",))
    dicts.read_entities([entity(hunger=h, energy=-h) for h in hungers])
    code = [0] * 13
    has = {"deer": VARIABLES, "oak": ("energy",)}
    cols.read_columns(
        columns(code, code, {"hunger": hungers, "energy": [-h for h in hungers]}, has=has)
    )
    assert sample(dicts) == sample(cols)


def test_a_species_once_seen_stays_with_its_variables(core):
    core.read_entities([entity(hunger=0.5)])
    sample(core, 0)
    core.read_entities([])
    gone = sample(core, 50)["species"]["deer"]
    assert gone == {
        "count": 0,
        "states": {},
        "vars": {"hunger": {"n": 0, "mean": None, "std": None}},
    }


def test_species_and_states_that_appear_later_are_counted(core):
    core.read_entities([entity()])
    sample(core, 0)
    core.read_entities([entity(), entity("wolf", "HUNTING", hunger=1.0)])
    record = sample(core, 1)
    assert record["species"]["wolf"]["states"] == {"HUNTING": 1}
    assert record["species"]["wolf"]["vars"]["hunger"]["mean"] == 1.0


def test_an_entity_without_species_or_state_is_counted_as_unknown(core):
    core.read_entities([{"state_vars": {"hunger": 0.5}}, {"species": None, "state": None}, {}])
    unknown = sample(core)["species"]["unknown"]
    assert (unknown["count"], unknown["states"], unknown["vars"]["hunger"]["n"]) == (3, {}, 1)


def test_an_absent_or_none_variable_is_one_the_entity_does_not_have(core):
    core.read_entities([entity(hunger=0.2), entity(hunger=None), entity()])
    assert sample(core)["species"]["deer"]["vars"]["hunger"] == {"n": 1, "mean": 0.2, "std": 0.0}


def test_values_that_are_not_finite_are_counted_beside_the_mean(core):
    core.read_entities([entity(hunger=h) for h in (math.nan, 0.25, math.inf, 0.75)])
    hunger = sample(core)["species"]["deer"]["vars"]["hunger"]
    assert hunger == {"n": 2, "mean": 0.5, "std": 0.25, "nonfinite": 2}


class Tired(str, enum.Enum):  # noqa: UP042  the older kind of string enum is what hosts have
    YES = "RESTING"


@pytest.mark.parametrize("value", [1, ctypes.c_int(1).value, array.array("f", [1.0])[0]])
def test_any_number_will_do_for_a_variable(core, value):
    core.read_entities([entity(hunger=value, state=Tired.YES)])
    deer = sample(core)["species"]["deer"]
    assert deer["vars"]["hunger"]["mean"] == 1.0
    assert deer["states"] == {"RESTING": 1}


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ({"a": entity(hunger="0.3")}, r"entities\['a'\].state_vars\['hunger'\]: expected a number"),
        ({"a": entity(hunger=True)}, r"entities\['a'\].state_vars\['hunger'\]: expected a number"),
        ({"a": entity(hunger=[1])}, r"expected a number, got \[1\] \(list\)"),
        ({"a": entity(hunger=10**400)}, r"expected a number that fits a double"),
        ({"a": entity(hunger=1j)}, r"expected a number"),
        ({"a": entity(species=3)}, r"entities\['a'\].species: expected a string, got 3 \(int\)"),
        ({"a": entity(state=3)}, r"entities\['a'\].state: expected a string, got 3 \(int\)"),
        ({"a": {"state_vars": [1]}}, r"entities\['a'\].state_vars: expected a mapping"),
        ({"a": None}, r"entities\['a'\]: expected a mapping, got None"),
        ([entity(), "deer"], r"entities\[1\]: expected a mapping, got 'deer'"),
        ([entity() | {"id": "x9", "state": 4}], r"entities\['x9'\].state: expected a string"),
    ],
)
def test_an_entity_that_does_not_fit_is_named(core, entities, message):
    with pytest.raises(HostError, match=message):
        core.read_entities(entities)


# ---- columns ----------------------------------------------------------------------------------


def test_columns_skip_rows_that_are_not_alive(core):
    cols = columns(
        [0, 0, 1], [0, 1, 1], {"hunger": [0.2, 0.9, math.nan]}, has={"deer": ("hunger",)}
    )
    cols.alive = array.array("b", [1, 0, 1])
    assert core.read_columns(cols) == 2
    record = sample(core)
    assert record["species"]["deer"] == {
        "count": 1,
        "states": {"IDLE": 1},
        "vars": {"hunger": {"n": 1, "mean": 0.2, "std": 0.0}},
    }
    assert record["species"]["oak"] == {"count": 1, "states": {"FED": 1}, "vars": {}}


def test_a_species_of_the_names_is_listed_before_its_first_entity(core):
    core.read_columns(columns([], [], {"hunger": []}))
    nothing = {"n": 0, "mean": None, "std": None}
    assert sample(core)["species"] == {
        species: {"count": 0, "states": {}, "vars": {"hunger": nothing}}
        for species in ("deer", "oak")
    }


def test_negative_codes_mean_no_species_and_no_state(core):
    core.read_columns(columns([-1, 0], [-1, 0], {"hunger": [1, 2]}))
    record = sample(core)
    assert record["species"]["unknown"] == {"count": 1, "states": {}, "vars": {}}
    assert record["species"]["deer"]["states"] == {"IDLE": 1}


@pytest.mark.parametrize("code", "bBhHiIlLqQ")
def test_codes_may_be_integers_of_any_width(core, code):
    cols = columns([0, 1], [1, 0], {"hunger": [1, 2]})
    cols.species, cols.state = array.array(code, [0, 1]), array.array(code, [1, 0])
    core.read_columns(cols)
    assert sample(core)["species"]["oak"]["states"] == {"IDLE": 1}


def test_columns_of_float32_and_strided_columns_are_read_exactly(core):
    values = array.array("f", [0.1, 9, 0.2, 9])
    cols = columns([0, 0], [0, 0], {"hunger": [0, 0], "energy": [0, 0]})
    cols.variables["hunger"] = memoryview(values)[::2]
    core.read_columns(cols)
    expected = (values[0] + values[2]) / 2
    assert sample(core)["species"]["deer"]["vars"]["hunger"]["mean"] == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"species": array.array("d", [0, 0])},
            r"entity_columns.species: expected native integers",
        ),
        ({"species": [0, 0]}, r"entity_columns.species: expected a buffer of integers"),
        ({"species": array.array("i", [0, 7])}, r"species\[1\]: expected a code below 2, got 7"),
        ({"state": array.array("i", [0])}, r"entity_columns.state: expected 2 values, got 1"),
        ({"state": array.array("i", [5, 0])}, r"state\[0\]: expected a code below 2, got 5"),
        ({"alive": array.array("b", [1])}, r"entity_columns.alive: expected 2 values, got 1"),
        ({"species_names": ["deer", 4]}, r"species_names\[1\]: expected a string, got 4"),
        ({"state_names": [None, "x"]}, r"state_names\[0\]: expected a string, got None"),
        (
            {"variables": {"hunger": array.array("i", [1, 2])}},
            r"variables\['hunger'\]: expected native float64 or float32, got format 'i'",
        ),
        (
            {"variables": {"hunger": array.array("d", [1])}},
            r"variables\['hunger'\]: expected 2 values, got 1",
        ),
    ],
)
def test_columns_that_do_not_fit_are_named(core, change, message):
    cols = columns([0, 0], [0, 0], {"hunger": [1, 2]})
    for key, value in change.items():
        setattr(cols, key, value)
    with pytest.raises(HostError, match=message):
        core.read_columns(cols)


# ---- layers -----------------------------------------------------------------------------------


def test_a_dense_layer_gives_mean_extremes_and_variance(core):
    values = [0.05 * i for i in range(24)]
    core.read_layer("moisture", array.array("d", values), (2, 3, 4))
    found = sample(core)["voxels"]["moisture"]
    assert found["mean"] == pytest.approx(statistics.fmean(values), rel=1e-15)
    assert found["var"] == pytest.approx(statistics.pvariance(values), rel=1e-14)
    assert (found["min"], found["max"]) == (min(values), max(values))


def test_a_walked_layer_counts_every_cell_the_grid_does_not_store_as_one(core):
    stored = {(0, 0, 0): 0.0, (1, 2, 3): 0.5}
    core.walk_layer("moisture", SparseGrid({"moisture": stored}), (2, 3, 4))
    walked = sample(core, 0)
    dense = [1.0] * 24
    dense[0], dense[23] = 0.0, 0.5
    core.read_layer("moisture", array.array("d", dense), (2, 3, 4))
    assert walked["voxels"] == sample(core, 1)["voxels"]


def test_a_layer_may_be_three_dimensional_strided_or_read_only(core):
    values = array.array("d", range(24))
    shaped = memoryview(values).cast("B").cast("d", (2, 3, 4))
    core.read_layer("a", shaped, (2, 3, 4))
    core.read_layer("b", memoryview(values)[::2], (2, 3, 2))
    core.read_layer("c", memoryview(bytes(values)).cast("d"), (2, 3, 4))
    found = sample(core)["voxels"]
    assert found["a"] == found["c"]
    assert found["a"]["mean"] == 11.5
    assert found["b"]["mean"] == 11.0


def test_a_layer_counts_what_is_not_finite(core):
    core.read_layer("moisture", array.array("d", [math.nan, 1.0, math.inf]), (1, 3, 1))
    assert sample(core)["voxels"]["moisture"] == {
        "mean": 1.0,
        "min": 1.0,
        "max": 1.0,
        "var": 0.0,
        "nonfinite": 2,
    }


def test_a_variance_no_double_can_hold_is_null(core):
    core.read_layer("moisture", array.array("d", [1e308, -1e308]), (1, 1, 2))
    found = sample(core)["voxels"]["moisture"]
    assert found == {"mean": 0.0, "min": -1e308, "max": 1e308, "var": None}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (array.array("d", [1] * 7), r"voxel_grid\['moisture'\]: expected 8 values, got 7 \(7\)"),
        (array.array("i", [1] * 8), r"expected native float64 or float32, got format 'i'"),
        ([1.0] * 8, r"expected a buffer of float64 or float32 .* got \[1.0"),
        (None, r"voxel_grid\['moisture'\]: expected a buffer"),
    ],
)
def test_a_layer_that_does_not_fit_is_named(core, values, message):
    with pytest.raises(HostError, match=message):
        core.read_layer("moisture", values, (2, 2, 2))


def test_a_layer_of_other_sides_is_refused_though_it_has_as_many_cells(core):
    with pytest.raises(HostError, match=r"voxel_grid\['moss'\]: expected 2 x 3 x 4 cells, got 4"):
        core.read_layer("moss", np.zeros((4, 3, 2)), (2, 3, 4))
    core.read_layer("moss", np.zeros((2, 12)), (2, 3, 4))  # rows of rows are cells in C order


def test_layers_may_be_named_in_a_list(core):
    core.read_layers(["moss"], {"moss": np.ones(8)}, (2, 2, 2), {})
    assert sample(core)["voxels"]["moss"]["mean"] == 1.0


def test_a_byte_swapped_layer_is_refused(core):
    numpy = pytest.importorskip("numpy")
    with pytest.raises(HostError, match="expected native float64 or float32, got format '>d'"):
        core.read_layer("moisture", numpy.ones(8, dtype=">f8"), (2, 2, 2))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({(2, 0, 0): 0.5}, r"expected cells within \[2, 3, 4\], got \(2, 0, 0\)"),
        ({(0, 0, 1): "wet"}, r"at \(0, 0, 1\): expected a number, got 'wet'"),
    ],
)
def test_a_walk_that_does_not_fit_is_named(core, cells, message):
    with pytest.raises(HostError, match=message):
        core.walk_layer("moisture", SparseGrid({"moisture": cells}), (2, 3, 4))


# ---- events and windows -----------------------------------------------------------------------


def test_a_window_counts_events_by_type_and_the_next_starts_afresh(core):
    sample(core, 0)
    for tick in (1, 2, 3):
        core.begin_tick(tick)
        core.record("DEATH_STARVE", tick)
        core.record("DEATH_NATURAL", tick)
        core.record("DEATH_BY_LIGHTNING", tick)
        core.record("CONSUMPTION", tick)
        core.record("PREDATION", tick)
        core.end_tick()
    first, second = sample(core, 3), sample(core, 4)
    assert first["window"] == [1, 3]
    assert first["events"] == {
        "deaths": 9,
        "reproductions": 0,
        "predations": 3,
        "pollinations": 0,
        "by_type": {
            "CONSUMPTION": 3,
            "DEATH_BY_LIGHTNING": 3,
            "DEATH_NATURAL": 3,
            "DEATH_STARVE": 3,
            "PREDATION": 3,
        },
    }
    assert second["window"] == [4, 4]
    assert second["events"]["by_type"] == {}


def test_transitions_are_counted_where_the_species_is_known(core):
    change = {"type": "STATE_CHANGE", "prev_state": "IDLE", "new_state": "FED"}
    core.begin_tick(1)
    core.record_events(
        [
            change | {"source_id": "a"},
            change | {"source_id": "a"},
            change | {"source_id": "nobody"},
            change | {"source_id": "b", "source_species": "wolf"},
            {"type": "STATE_CHANGE", "source_id": "a"},
        ],
        lambda: {"a": {"species": "deer"}},
    )
    record = sample(core, 1)
    assert record["transitions"] == {"deer": {"IDLE>FED": 2}, "wolf": {"IDLE>FED": 1}}
    assert record["events"]["by_type"] == {"STATE_CHANGE": 5}


def test_a_batch_holds_its_events_as_columns(core):
    core.begin_tick(1)
    core.record_events(
        [
            {"type": "CONSUMPTION", "tick": 1, "source_id": "d", "target_id": "g"}
            | {"position": (1, 0.5, 2)},
            SimpleNamespace(
                event_type="RAIN",
                tick=1,
                source_id=None,
                target_id=None,
                position=None,
                extra={"intensity": 0.5},
            ),
            {"type": "TELEPORT", "source_id": 7, "colour": ["ä", {"deep": math.nan}]},
        ],
        None,
    )
    core.end_tick()
    assert core.events_pending == 3
    (batch,) = batches(core, cut=True)
    assert batch == {
        "record": "events",
        "run_id": "run",
        "ticks": [1, 1],
        "count": 3,
        "tick": [1, 1, 1],
        "type": ["CONSUMPTION", "RAIN", "TELEPORT"],
        "source_id": ["d", None, "7"],
        "target_id": ["g", None, None],
        "position": [[1.0, 0.5, 2.0], None, None],
        "extra": {"1": {"intensity": 0.5}, "2": {"colour": ["ä", {"deep": None}]}},
    }
    assert (core.events_recorded, core.events_written, core.events_pending) == (3, 3, 0)


def test_an_extra_is_kept_as_it_was_when_the_event_was_recorded(core):
    extra = {"path": [1, 2]}
    core.begin_tick(1)
    core.record("MOVE", 1, "a", None, None, extra)
    extra["path"].append(3)
    assert batches(core, cut=True)[0]["extra"] == {"0": {"path": [1, 2]}}


def test_a_batch_covers_ten_ticks_and_an_empty_one_is_not_written(core):
    for tick in range(1, 36):
        core.begin_tick(tick)
        if tick < 12 or tick > 30:
            core.record("CONSUMPTION", tick)
        core.end_tick()
    written = batches(core)
    assert [(batch["ticks"], batch["count"]) for batch in written] == [([1, 10], 10), ([11, 20], 1)]
    assert core.events_pending == 5
    assert batches(core, cut=True)[0]["ticks"] == [31, 35]


def test_a_full_ring_starts_another_batch_and_loses_nothing(core_class):
    core = core_class("run", VARIABLES, ring_capacity=4)
    core.begin_tick(1)
    for n in range(10):
        core.record("CONSUMPTION", 1, f"e{n}")
    found = batches(core, cut=True)
    assert [batch["count"] for batch in found] == [4, 4, 2]
    assert [i for batch in found for i in batch["source_id"]] == [f"e{n}" for n in range(10)]
    assert all(batch["ticks"] == [1, 1] and "dropped" not in batch for batch in found)


def test_a_full_ring_may_drop_and_then_every_loss_is_counted(core_class):
    core = core_class("run", VARIABLES, ring_capacity=4, on_full="drop")
    for tick in (1, 2):
        core.begin_tick(tick)
        for _ in range(5):
            core.record("CONSUMPTION", tick)
        core.end_tick()
    (batch,) = batches(core, cut=True)
    assert batch["count"] == 4
    assert batch["dropped"] == {"ring_full": 6}
    assert (core.events_recorded, core.events_written, core.events_dropped) == (10, 4, 6)
    core.begin_tick(3)
    core.record("CONSUMPTION", 3)
    assert "dropped" not in batches(core, cut=True)[0]
    assert sample(core, 3)["events"]["by_type"] == {"CONSUMPTION": 11}


def test_without_a_log_events_are_counted_and_not_kept(core_class):
    core = core_class("run", VARIABLES, log_events=False)
    core.begin_tick(1)
    core.record("CONSUMPTION", 1)
    assert core.take_events(cut=True) == b""
    assert core.events_recorded == 0
    assert sample(core, 1)["events"]["by_type"] == {"CONSUMPTION": 1}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"type": None}, r"event.type: expected a string, got None"),
        ({}, r"event.type: expected a string, got None"),
        ({"type": "RAIN", "tick": -1}, r"RAIN event.tick: expected an integer in 0..2\*\*53"),
        ({"type": "RAIN", "tick": 1.5}, r"RAIN event.tick: expected an integer >= 0, got 1.5"),
        ({"type": "RAIN", "source_id": 2.5}, r"RAIN event.source_id: expected a string, an int"),
        ({"type": "RAIN", "position": [1, 2]}, r"position: expected three numbers \[x, y, z\]"),
        ({"type": "RAIN", "position": [1, 2, "3"]}, r"RAIN event.position: expected a number"),
        ({"type": "RAIN", "what": {1, 2}}, r"RAIN event.extra\['what'\]: expected a number, got"),
        ({"type": "RAIN", "what": 2**70}, r"extra\['what'\]: expected an integer of 64 bits"),
        ("RAIN", r"events: expected a mapping with a 'type', or an object"),
    ],
)
def test_an_event_that_does_not_fit_is_named_and_counted_nowhere(core, event, message):
    core.begin_tick(1)
    with pytest.raises(HostError, match=message):
        core.record_events([event], None)
    assert (core.events_recorded, core.events_pending) == (0, 0)
    assert sample(core, 1)["events"]["by_type"] == {}


def test_an_extra_nested_too_deeply_is_refused(core):
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    core.begin_tick(1)
    with pytest.raises(HostError, match=r"RAIN event.extra: expected a value nested less deeply"):
        core.record("RAIN", 1, None, None, None, {"deep": deep})


class Hop(EventRecord):
    """An event of a class that has a metaclass, as models of many libraries do."""

    event_type, tick, source_id, target_id, position, extra = "HOP", 0, "frog", None, None, None


def test_events_may_be_objects_of_any_class(core):
    core.begin_tick(0)
    core.record_events([Hop(), Hop()], dict)
    assert sample(core)["events"]["by_type"] == {"HOP": 2}


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("tick", r"event\.tick: expected an integer >= 0, got array\(\[1, 2\]\)"),
        ("source_id", r"event\.source_id: expected a string, an integer or None, got array"),
    ],
)
def test_an_array_is_no_integer(core, field, words):
    core.begin_tick(0)
    with pytest.raises(HostError, match=words):
        core.record_events([{"type": "HOP", field: np.array([1, 2])}], None)


@pytest.mark.parametrize("capacity", [0, -1, 2**24 + 1, 2**58, 2**62 + 1, 2**70, True, 1.0])
def test_a_ring_of_no_size_or_of_any_is_refused(core_class, capacity):
    with pytest.raises(TelemetryConfigError, match=r"ring_capacity: expected an integer in 1\.\."):
        core_class("run", (), ring_capacity=capacity)


# ---- text --------------------------------------------------------------------------------------


def test_lines_are_compact_ascii_json_in_the_order_of_the_fields(core):
    core.read_entities([entity("élan", hunger=0.1)])
    core.begin_tick(5)
    core.close_sample()
    line = core.take_samples()
    parsed = json.loads(line)
    assert line == (json.dumps(parsed, separators=(",", ":")) + "\n").encode("ascii")
    assert list(parsed) == [
        *("record", "run_id", "tick", "window", "entity_count"),
        *("species", "voxels", "events", "transitions"),
    ]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int64])
def test_a_walk_may_name_its_cells_in_narrow_integers(core, kind):
    """Places in the grid are larger than the numbers that name them."""
    sides = (100, 2, 100)

    class Grid:
        def walk_layer(self, layer, callback):
            callback(kind(99), kind(1), kind(99), 0.5)
            callback(kind(0), kind(0), kind(1), np.float32(0.25))

    core.walk_layer("moisture", Grid(), sides)
    layer = sample(core, 1)["voxels"]["moisture"]
    assert (layer["min"], layer["max"]) == (0.25, 1.0)
    assert layer["mean"] == pytest.approx(1 - (0.5 + 0.75) / 20_000, rel=1e-15)
