"""The event log against a model: nothing is lost but what is counted, and order is kept."""

import json
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecosim.telemetry_aggregates import EVENT_BATCH_TICKS
from ecosim.telemetry_errors import HostError

MANY = 64

steps = st.one_of(
    st.tuples(st.just("record"), st.integers(1, 9)),
    st.tuples(st.just("fail"), st.integers(0, 3)),
    st.tuples(st.just("tick"), st.integers(1, 12)),
    st.tuples(st.just("take"), st.booleans()),
)
#: Records that raise, each a step further into the checks.
FAULTY = (
    (1, 5, "a", "b", None, None),
    ("RAIN", -1, "a", "b", None, None),
    ("RAIN", 5, "a", "b", [1.0, 2.0], None),
    ("RAIN", 5, "a", "b", None, {"what": object}),
)


@pytest.mark.parametrize("capacity", [1, 2, MANY - 1, MANY, MANY + 1])
@pytest.mark.parametrize("on_full", ["drain", "drop"])
# The fixture is a class: every example makes its own core of it.
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(program=st.lists(steps, max_size=40), burst=st.integers(0, 2 * MANY))
def test_recorded_is_written_and_pending_and_dropped(core_class, capacity, on_full, program, burst):
    core = core_class("run", ("hunger",), ring_capacity=capacity, on_full=on_full)
    core.begin_tick(1)
    tick, recorded, kept_open, dropped = 1, [], 0, 0
    expected, lines = [], b""
    first = 1

    def check():
        assert core.events_recorded == len(recorded)
        assert core.events_dropped == dropped
        assert core.events_recorded == (
            core.events_written + core.events_pending + core.events_dropped
        )

    for action, amount in [*program, ("record", burst), ("tick", 1), ("take", True)]:
        if action == "record":
            for _ in range(amount):
                identity = f"deer_{len(recorded)}"
                if kept_open == capacity and on_full == "drop":
                    dropped += 1
                else:
                    kept_open = kept_open % capacity + 1
                    expected.append(identity)
                recorded.append(identity)
                core.record("RAIN", tick, identity, None, None, {"n": len(recorded)})
        elif action == "fail":
            with pytest.raises(HostError):
                core.record(*FAULTY[amount])
        elif action == "tick":
            for _ in range(amount):
                core.end_tick()
                if tick - first + 1 >= EVENT_BATCH_TICKS:
                    first, kept_open = tick + 1, 0
                tick += 1
                core.begin_tick(tick)
        else:
            lines += core.take_events(cut=amount)
            if amount:  # as between two ticks: what comes next happens in a later one
                tick += 1
                first, kept_open = tick, 0
                core.begin_tick(tick)
            assert core.events_written == sum(
                json.loads(line)["count"] for line in lines.splitlines()
            )
        check()

    batches = [json.loads(line) for line in lines.splitlines()]
    assert [identity for batch in batches for identity in batch["source_id"]] == expected
    assert sum(batch.get("dropped", {}).get("ring_full", 0) for batch in batches) == dropped
    assert core.events_pending == 0
    for before, after in pairwise(batches):
        assert before["ticks"][1] <= after["ticks"][0]
    for batch in batches:
        assert batch["count"] <= capacity
        assert all(batch["ticks"][0] <= tick <= batch["ticks"][1] for tick in batch["tick"])
