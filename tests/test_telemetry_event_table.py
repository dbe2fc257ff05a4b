"""The event table of hosts with columns: what it keeps, what it refuses, in both twins."""

import array
import copy
import ctypes
import json
import math
import pickle

import numpy as np
import pytest

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_errors import HostError
from parity import backends

SPECIES = ("deer", "oak")
STATES = ("IDLE", "FED", "DEAD")


def integers(*values, code="q"):
    return array.array(code, values)


@pytest.fixture
def table(table_class):
    """A table of five entities, e10 to e50, in its first tick."""
    made = table_class("e{}".format, species_names=SPECIES, state_names=STATES)
    made.bind(
        entity=integers(10, 20, 30, 40, 50),
        species=integers(0, 0, 1, -1, 1, code="h"),
        state=integers(0, 1, 2, 0, -1, code="b"),
        x=array.array("d", [0.0, 1.5, 2.0, 3.0, 4.0]),
        y=0.25,
        z=array.array("f", [5.0, 6.0, 7.5, 8.0, 9.0]),
    )
    made.begin_tick(1)
    return made


def rows(table, tick=1):
    return [tuple(row) for row in table.rows_of(tick)]


def test_events_name_what_their_rows_hold(table):
    table.add("PREDATION", integers(1, 3, code="i"), integers(2, -1, code="b"))
    table.add("RAIN_ON", integers(0))
    assert rows(table) == [
        ("PREDATION", 1, "e20", "e30", (1.5, 0.25, 6.0), None, "deer"),
        ("PREDATION", 1, "e40", None, (3.0, 0.25, 8.0), None, None),
        ("RAIN_ON", 1, "e10", None, (0.0, 0.25, 5.0), None, "deer"),
    ]


def test_changes_go_from_the_state_that_the_column_has(table):
    table.add_changes(integers(0, 2), integers(1, 0, code="H"))
    found = [(row[2], row[5], row[6]) for row in rows(table)]
    assert found == [
        ("e10", {"prev_state": "IDLE", "new_state": "FED"}, "deer"),
        ("e30", {"prev_state": "DEAD", "new_state": "IDLE"}, "oak"),
    ]


def test_further_keys_are_codes_with_their_texts(table):
    causes = (integers(1, -1, 0, code="b"), ["thirst", "cold"])
    table.add(
        "DEATH", integers(0, 1, 2), extra={"cause": causes, "again": (integers(0, 0, 0), "ab")}
    )
    assert [row[5] for row in rows(table)] == [
        {"cause": "cold", "again": "a"},
        {"again": "a"},
        {"cause": "thirst", "again": "a"},
    ]


def test_an_event_of_the_world_concerns_nobody_and_its_extra_is_copied(table):
    extra = {"intensity": np.float64(0.5), "over": [1, 2], "far": math.inf}
    table.add_event("RAIN", extra)
    extra["over"].append(3)
    table.add_event("CALM")
    assert rows(table) == [
        ("RAIN", 1, None, None, None, {"intensity": 0.5, "over": [1, 2], "far": None}, None),
        ("CALM", 1, None, None, None, None, None),
    ]


def test_a_packet_shows_an_event_as_one_mapping(table):
    table.add_changes(integers(1), integers(2))
    (row,) = table.rows_of(1)
    assert row.to_dict() == {
        "type": "STATE_CHANGE", "tick": 1, "source_id": "e20", "target_id": None,
        "position": [1.5, 0.25, 6.0], "prev_state": "FED", "new_state": "DEAD",
    }  # fmt: skip


def test_columns_are_read_when_an_event_is_added_and_not_later(table_class):
    place, entity = array.array("d", [1.0]), integers(3)
    table = table_class(str)
    table.bind(entity=entity, x=place, y=place, z=place)
    table.begin_tick(1)
    table.add("A", integers(0))
    place[0], entity[0] = 2.0, 4
    table.add("A", integers(0))
    assert [row[2:5] for row in rows(table)] == [
        ("3", None, (1.0, 1.0, 1.0)),
        ("4", None, (2.0, 2.0, 2.0)),
    ]


@pytest.mark.parametrize(
    "column",
    [
        np.arange(12, dtype=np.int16)[::4],
        np.arange(24).reshape(3, 8)[:, 2],
        (ctypes.c_int * 3)(5, 6, 7),
        np.array([True, False, True]),
        np.array([5, 2**63 - 1, 7], dtype=np.uint64),
        memoryview(integers(1, 2, 3)).toreadonly(),
    ],
)
def test_columns_may_lie_as_they_like(table_class, column):
    table = table_class(str)
    table.bind(entity=column)
    table.begin_tick(1)
    table.add("A", integers(2, 0, 1))
    assert [row[2] for row in rows(table)] == [str(int(column[row])) for row in (2, 0, 1)]


@pytest.mark.parametrize("one", [np.float32(1.5), np.int64(2), np.float64(0.1), 3])
def test_a_place_may_be_one_number_of_any_class(table_class, one):
    table = table_class(str)
    table.bind(entity=integers(1), x=one, y=one, z=one)
    table.begin_tick(1)
    table.add("A", integers(0))
    assert rows(table)[0][4] == (float(one),) * 3


@pytest.mark.parametrize("column", [np.datetime64("2020"), True, "x"])
def test_what_is_no_number_is_no_place(table_class, column):
    table = table_class(str)
    with pytest.raises(HostError, match=r"event_table.x: expected "):
        table.bind(entity=np.arange(4), x=column, y=0, z=0)


def test_a_table_keeps_its_last_ticks(table_class):
    table = table_class(str, ticks_kept=3)
    table.bind(entity=integers(7))
    assert (table.tick, table.forgotten, table.ticks_between(0, 9)) == (None, None, [])
    for tick in (1, 2, 5, 6, 9):
        table.begin_tick(tick)
        for _ in range(tick):
            table.add("A", integers(0))
    assert (table.tick, table.forgotten) == (9, 2)
    assert table.ticks_between(0, 99) == [5, 6, 9]
    assert table.ticks_between(5, 8) == [6]
    assert [len(rows(table, tick)) for tick in (1, 2, 3, 5, 6, 9, 10)] == [0, 0, 0, 5, 6, 9, 0]


def test_thousands_of_ticks_pass_through_a_table(table_class):
    table = table_class(str, ticks_kept=5)
    table.bind(entity=np.arange(400))
    for tick in range(3000):
        table.begin_tick(tick)
        table.add("A", np.arange(tick % 7 * 50))
        if tick % 11 == 0:
            table.add_event("B", {"n": tick})
    for tick in range(2995, 3000):
        found = rows(table, tick)
        assert [row[2] for row in found if row[0] == "A"] == list(map(str, range(tick % 7 * 50)))
        assert [row[5] for row in found if row[0] == "B"] == [{"n": tick}] * (tick % 11 == 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: t.add(3, integers(0)), "event.type: expected a string, got 3"),
        (lambda t: t.add("A", [0]), "A events.rows: expected a buffer of integers"),
        (
            lambda t: t.add("A", np.array([True, False])),
            "A events.rows: expected integers, got a mask of bools",
        ),
        (
            lambda t: t.add_changes(integers(0), np.array([True])),
            "STATE_CHANGE events.new_states: expected integers, got a mask",
        ),
        (lambda t: t.add("A", array.array("d", [0])), "A events.rows: expected native integers"),
        (
            lambda t: t.add("A", np.zeros((1, 1), int)),
            "A events.rows: expected one dimension",
        ),
        (
            lambda t: t.add("A", integers(0, 5)),
            r"rows\[1\]: expected a row below 5, got 5",
        ),
        (lambda t: t.add("A", integers(-1)), r"rows\[0\]: expected a row below 5, got -1"),
        (
            lambda t: t.add("A", np.array([2**64 - 1], dtype=np.uint64)),
            r"A events.rows\[0\]: expected a row below 5, got 18446744073709551615",
        ),
        (
            lambda t: t.add("A", integers(0), integers()),
            "A events.targets: expected 1 values",
        ),
        (
            lambda t: t.add("A", integers(0), integers(9)),
            r"A events.targets\[0\]: expected a row below 5, got 9",
        ),
        (lambda t: t.add("A", integers(0), extra=7), "A events.extra: expected a mapping, got 7"),
        (
            lambda t: t.add("A", integers(0), extra={"k": 7}),
            r"A events.extra\['k'\]: expected codes and the texts they stand for, got 7",
        ),
        (
            lambda t: t.add("A", integers(0), extra={"k": (integers(4), ["a"])}),
            r"A events.extra\['k'\]\[0\]: expected a code below 1, got 4",
        ),
        (
            lambda t: t.add("A", integers(0), extra={"k": (integers(0), [None])}),
            r"A events.extra\['k'\]: expected a string, got None",
        ),
        (
            lambda t: t.add_changes(integers(0), integers(3)),
            r"STATE_CHANGE events.new_states\[0\]: expected a code below 3, got 3",
        ),
        (
            lambda t: t.add_changes(integers(0), integers(-1)),
            r"STATE_CHANGE events.new_states\[0\]: expected the code of a state, got -1",
        ),
        (
            lambda t: t.add_changes(integers(4), integers(0)),
            r"event_table.state\[4\]: expected the code of a state, got -1",
        ),
        (lambda t: t.add_event("A", [1]), "A event.extra: expected a mapping"),
        (lambda t: t.add_event("A", {"of": object()}), r"A event.extra\['of'\]: expected a number"),
        (lambda t: t.begin_tick(1), "event_table.begin_tick: expected a tick after 1, got 1"),
        (lambda t: t.begin_tick(-1), "event_table.begin_tick: expected an integer in 0..2"),
        (
            lambda t: t.begin_tick(True),
            "begin_tick: expected an integer >= 0, got True",
        ),
        (
            lambda t: t.bind(entity=np.zeros(3, dtype="i1,i8")["f1"]),
            "event_table.entity: expected native numbers side by side, got format '=q'",
        ),
        (lambda t: t.bind(entity=None), "event_table.entity: expected a buffer of integers"),
        (
            lambda t: t.bind(entity=integers(1), species=integers()),
            "event_table.species: expected 1 values, got 0",
        ),
        (
            lambda t: t.bind(entity=integers(1), x=1.0, z=2.0),
            "event_table: expected all of x, y and z or none, got no y",
        ),
        (
            lambda t: t.bind(entity=integers(1), x=True, y=0.0, z=2.0),
            "event_table.x: expected a number, got True",
        ),
        (
            lambda t: t.bind(entity=integers(1), x=0.0, y=integers(1), z=2.0),
            "event_table.y: expected native float64 or float32, got format 'q'",
        ),
    ],
)
def test_what_does_not_fit_is_named_and_leaves_the_table_as_it_was(table, call, message):
    table.add("BEFORE", integers(1))
    with pytest.raises(HostError, match=message):
        call(table)
    table.add("AFTER", integers(2))
    assert [row[0] for row in rows(table)] == ["BEFORE", "AFTER"]
    assert [row[2] for row in rows(table)] == ["e20", "e30"]
    assert table.tick == 1


def test_a_species_code_without_a_name_is_refused(table_class):
    table = table_class(str, species_names=SPECIES)
    table.bind(entity=integers(1, 2), species=integers(0, 2))
    table.begin_tick(1)
    table.add("A", integers(0))
    with pytest.raises(HostError, match=r"event_table.species\[1\]: expected a code below 2"):
        table.add("A", integers(0, 1))
    assert len(rows(table)) == 1


def test_an_entity_code_beyond_63_bits_is_refused(table_class):
    table = table_class(str)
    table.bind(entity=np.array([2**63], dtype=np.uint64))
    table.begin_tick(1)
    with pytest.raises(HostError, match=r"event_table.entity\[0\]: expected a code below 2\*\*63"):
        table.add("A", integers(0))


def test_changes_need_a_column_of_states(table_class):
    table = table_class(str, state_names=STATES)
    table.bind(entity=integers(1))
    table.begin_tick(1)
    with pytest.raises(HostError, match="expected a bound column 'state', got none"):
        table.add_changes(integers(0), integers(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ids": None}, "event_table.ids: expected a callable or a list, got None"),
        ({"species_names": ["a", 3]}, r"event_table.species_names\[1\]: expected a string, got 3"),
        ({"state_names": "IDLE"}, "event_table.state_names: expected a sequence of names, got"),
        ({"ticks_kept": 0}, "event_table.ticks_kept: expected 1 tick or more, got 0"),
        ({"ticks_kept": 2.5}, "event_table.ticks_kept: expected an integer"),
    ],
)
def test_a_table_that_cannot_be_made_says_why(table_class, options, message):
    with pytest.raises(HostError, match=message):
        table_class(**{"ids": str} | options)


def test_the_first_event_needs_a_tick(table_class):
    table = table_class(str)
    with pytest.raises(HostError, match=r"expected begin_tick\(tick\) before the first event"):
        table.add_event("A")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])
def test_a_copy_has_the_events_and_columns_of_its_own(table_class, copied):
    table = table_class(str, species_names=SPECIES, state_names=STATES, ticks_kept=2)
    table.bind(entity=integers(7), species=integers(1), state=integers(0), x=1.0, y=2.0, z=3.0)
    for tick in (1, 2, 5):
        table.begin_tick(tick)
        table.add("A", integers(0))
        table.add_changes(integers(0), integers(1))
        table.add("B", integers(0), extra={"k": (integers(0), ["v"])})
    twin = copied(table)
    assert (twin.tick, twin.forgotten, twin.ticks_between(0, 9)) == (5, 1, [2, 5])
    assert rows(twin, 2) == rows(table, 2)
    assert rows(twin, 5) == rows(table, 5)
    assert len(rows(twin, 5)) == 3
    with pytest.raises(HostError, match="expected a row below 0"):
        twin.add("A", integers(0))
    table.begin_tick(6)
    assert twin.ticks_between(0, 9) == [2, 5]


# ---- through a core -----------------------------------------------------------------------------


def batches(core, **options):
    return [json.loads(line) for line in core.take_events(**options).splitlines()]


@pytest.fixture(params=[(a, b) for a in sorted(backends()) for b in sorted(backends())])
def core_and_table(request):
    """Every core with every table, also those of two backends."""
    from ecosim.telemetry_backend import choose

    core, table = (choose(name) for name in request.param)
    return core.core("run", ("hunger",)), table.event_table


def test_a_core_records_a_table_as_it_would_its_events_one_by_one(core_and_table):
    core, table_class = core_and_table
    table = table_class("e{}".format, species_names=SPECIES, state_names=STATES)
    table.bind(entity=integers(1, 2), species=integers(0, -1), state=integers(0, 1), x=1, y=2, z=3)
    single = AggregateCore("run", ("hunger",))
    for tick in range(1, 24):
        table.begin_tick(tick)
        table.add("BITE", integers(0, 1), integers(1, -1))
        table.add_changes(integers(1, 0), integers(2, 2))
        table.add("DEATH_COLD", integers(1), extra={"cause": (integers(0), ["thirst"])})
        table.add_event("RAIN", {"intensity": 0.5})
        single.begin_tick(tick)
        for row in table.rows_of(tick):
            single.record(*row)
        single.end_tick()
    for after, tick in ((0, 1), (1, 14), (14, 23)):
        core.record_table(table, after, tick)
    for one in (core, single):
        one.close_sample()
    assert core.take_samples() == single.take_samples()
    assert core.events_recorded == single.events_recorded == 23 * 6
    written = core.take_events(cut=True)
    assert written == single.take_events(cut=True)
    assert [json.loads(line)["ticks"] for line in written.splitlines()] == [
        [1, 10], [11, 20], [21, 23],
    ]  # fmt: skip


def test_ids_are_text_of_any_kind_and_very_large_codes_have_them_too(core_and_table):
    core, table_class = core_and_table
    names = {1: 'a"b', 2: "zoë", 3: None, 4: 17, 2**40: "far", 2**62: "\ud800"}
    table = table_class(names.__getitem__)
    table.bind(entity=integers(*names))
    table.begin_tick(1)
    for _ in range(2):
        table.add("A", integers(*range(6)), integers(*range(5, -1, -1)))
    core.record_table(table, 0, 1)
    (batch,) = batches(core, cut=True)
    told = ['a"b', "zoë", None, "17", "far", "\ufffd"]
    assert batch["source_id"] == told * 2
    assert batch["target_id"] == told[::-1] * 2


def test_an_id_of_the_wrong_kind_ends_the_recording_at_its_event(core_and_table):
    core, table_class = core_and_table
    table = table_class(lambda code: "a" if code < 2 else 2.5)
    table.bind(entity=integers(1, 2))
    table.begin_tick(1)
    table.add("A", integers(0, 0, 1, 0))
    with pytest.raises(HostError, match=r"A event.source_id: expected a string, an integer"):
        core.record_table(table, 0, 1)
    assert core.events_recorded == 2


def test_asking_for_an_id_that_adds_events_itself_disturbs_nothing(core_and_table):
    core, table_class = core_and_table

    def ids(code):
        table.begin_tick(table.tick + 1)
        table.add("ECHO", integers(0))
        return f"e{code}"

    table = table_class(ids, ticks_kept=2)
    table.bind(entity=integers(1, 2, 3))
    table.begin_tick(1)
    table.add("A", integers(0, 1, 2), extra={"why": (integers(0, 0, 0), ["w"])})
    table.add("B", integers(2, 1, 0))
    core.record_table(table, 0, 1)
    (batch,) = batches(core, cut=True)
    assert batch["type"] == ["A"] * 3 + ["B"] * 3
    assert batch["source_id"] == ["e1", "e2", "e3", "e3", "e2", "e1"]
    assert batch["extra"] == {str(row): {"why": "w"} for row in range(3)}


def test_asking_that_adds_events_is_done_again_for_events_with_extras(core_and_table):
    """Their ids are known, and asking moves the records that are being read."""
    core, table_class = core_and_table

    def ids(code):
        for _ in range(50):
            table.add("ECHO", integers(0))
        return f"e{code}"

    table = table_class(ids)
    table.bind(entity=integers(1))
    table.begin_tick(1)
    table.add("A", integers(0))
    core.record_table(table, 0, 1)
    table.begin_tick(2)
    for _ in range(40):
        table.add("A", integers(0), extra={"why": (integers(0), ["w"])})
    core.record_table(table, 1, 2)
    (batch,) = batches(core, cut=True)
    assert batch["source_id"] == ["e1"] * 41
    assert batch["extra"] == {str(row): {"why": "w"} for row in range(1, 41)}


def test_ids_may_be_a_list_that_grows(core_and_table):
    core, table_class = core_and_table
    ids = ["a"]
    table = table_class(ids)
    table.bind(entity=integers(0, 1, 2))
    for tick, name in ((1, "b"), (2, None), (3, "c")):
        table.begin_tick(tick)
        ids.append(name)
        table.add("A", integers(tick - 1), integers(0))
        core.record_table(table, tick - 1, tick)
    (batch,) = batches(core, cut=True)
    assert batch["source_id"] == ["a", "b", None]
    assert batch["target_id"] == ["a", "a", "a"]
    assert [row.source_id for row in table.rows_of(2)] == ["b"]


def test_a_list_that_lacks_an_id_is_named(core_and_table):
    core, table_class = core_and_table
    table = table_class(["a"])
    table.bind(entity=integers(0, 7))
    table.begin_tick(1)
    table.add("A", integers(0, 1))
    with pytest.raises(HostError, match=r"event_table.ids: expected an id of code 7, got 1 ids"):
        core.record_table(table, 0, 1)
    assert core.events_recorded == 1


def test_ids_that_cannot_be_had_are_named_by_their_code(core_and_table):
    core, table_class = core_and_table
    table = table_class(["a"].__getitem__)
    table.bind(entity=integers(7))
    table.begin_tick(1)
    table.add("A", integers(0))
    with pytest.raises(HostError, match=r"ids\(7\): expected an id, got IndexError: list index"):
        core.record_table(table, 0, 1)


def test_a_core_takes_one_table_all_through_the_run(core_and_table):
    core, table_class = core_and_table
    first, second = table_class(str), table_class(str)
    for table in (first, second):
        table.begin_tick(1)
    core.record_table(first, 0, 1)
    with pytest.raises(HostError, match=r"expected the same table all through the run"):
        core.record_table(second, 0, 1)


def test_a_drop_core_counts_what_a_table_has_too_much(table_class, core_class):
    core = core_class("run", (), ring_capacity=4, on_full="drop")
    table = table_class(str)
    table.bind(entity=integers(1))
    table.begin_tick(1)
    table.add("A", integers(*[0] * 10))
    core.record_table(table, 0, 1)
    assert (core.events_recorded, core.events_pending, core.events_dropped) == (10, 4, 6)
    (batch,) = batches(core, cut=True)
    assert batch["dropped"] == {"ring_full": 6}
