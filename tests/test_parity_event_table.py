"""The twins of the event table, and the cores that read them, on whatever Hypothesis comes up with.

"Same" is what test_parity.py says it is.
"""

import array

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parity import TableTwins, Twins, compiled_core
from test_parity import SPECIES, STATES, mostly, odd

if compiled_core() is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)

ROWS = 4


def codes(least, most, size=None):
    """Integers in a buffer of some kind: their widths, strided, read-only, byte-swapped."""
    return (st.just(ROWS) if size is None else size).flatmap(
        lambda count: st.builds(
            lambda values, kind: kind(values),
            st.lists(st.integers(least, most), min_size=count, max_size=count),
            st.sampled_from(
                [
                    *(lambda values, code=code: array.array(code, values) for code in 3 * "bhilq"),
                    lambda values: np.array(values, dtype=np.int32).repeat(2)[::2],
                    lambda values: np.array(values, dtype=np.int16)[::-1],
                    lambda values: np.abs(np.array(values, dtype=np.int64)).astype(np.uint64),
                    lambda values: memoryview(array.array("q", values)).toreadonly(),
                    lambda values: np.array(values, dtype=">i4"),
                    lambda values: np.array(values, dtype=np.int64).reshape(1, -1),
                ]
            ),
        )
    )


floats = st.one_of(
    st.builds(
        array.array,
        st.sampled_from("df"),
        st.lists(st.floats(width=32), min_size=ROWS, max_size=ROWS),
    ),
    st.lists(st.floats(), min_size=ROWS, max_size=ROWS).map(lambda v: np.array(v).repeat(3)[::3]),
    st.floats(),
    st.integers(-3, 2**70),
    st.sampled_from([True, np.float64(0.5), np.float32(0.5), 10**400]),
)
few = st.integers(0, 5)
usual = st.fixed_dictionaries(
    {name: codes(0, 2).filter(lambda column: np.ndim(column) == 1) for name in ("entity", "state")}
    | {"species": codes(-1, 1), "x": floats, "y": st.floats(), "z": st.floats()}
)
bindings = st.fixed_dictionaries(
    {"entity": mostly(codes(-1, 3))},
    optional={
        "species": mostly(st.one_of(st.none(), codes(-1, 2))),
        "state": mostly(st.one_of(st.none(), codes(-1, 2))),
    },
).flatmap(
    lambda columns: st.one_of(
        st.just(columns),
        st.fixed_dictionaries({axis: mostly(floats) for axis in "xyz"}).map(columns.__or__),
        st.dictionaries(st.sampled_from("xyz"), floats).map(columns.__or__),
    )
)
words = st.one_of(
    st.lists(mostly(st.sampled_from(STATES)), min_size=2, max_size=3),
    st.permutations(STATES).map(tuple),
)


@st.composite
def additions(draw):
    """A call of add or add_changes, mostly with columns of one length."""
    count = draw(few)
    same = st.just(count) if draw(st.integers(0, 5)) else few
    rows = draw(mostly(codes(0 if draw(st.integers(0, 5)) else -1, 3 + draw(st.booleans()), same)))
    if draw(st.booleans()):
        return "add_changes", rows, draw(mostly(codes(0, 2, same)))
    kind = draw(mostly(st.sampled_from(("PREDATION", "DEATH_STARVE", "STATE_CHANGE", "é"))))
    targets = draw(st.one_of(st.none(), mostly(codes(-1, 3, same))))
    keys = st.sampled_from(("prev_state", "new_state", "cause"))
    extra = st.dictionaries(mostly(keys), mostly(st.tuples(codes(-1, 1, same), words)), max_size=2)
    try:
        chosen = draw(st.one_of(st.none(), mostly(extra)))
    except TypeError:  # a key that cannot be one
        chosen = None
    return "add", kind, rows, targets, chosen


class Id(str):
    """An id of a class of the host's own."""

    __slots__ = ()


class Listed(list):
    """A list of a class of the host's own."""


lone = st.tuples(
    st.just("add_event"),
    mostly(st.sampled_from(("RAIN", "STATE_CHANGE"))),
    mostly(st.one_of(st.none(), st.dictionaries(st.text(max_size=2), odd, max_size=2))),
)
ticks = st.tuples(st.just("begin_tick"), mostly(st.integers(0, 40)))
calls = st.one_of(bindings, usual, *[additions()] * 6, lone, ticks)


@settings(max_examples=500, deadline=None)
@given(
    first=usual,
    program=st.lists(calls, max_size=25),
    ticks_kept=st.integers(1, 4),
    ids=st.sampled_from(
        [
            ("a", "b", "c", "d").__getitem__,
            ("é", 7, None).__getitem__,
            str,
            ["a", "b", "c", "d"],
            ["é", 7, None, Id("a")],
            Listed(["a", Id("b"), 2.5, "d"]),
        ]
    ),
    looks=st.lists(st.tuples(st.integers(-1, 40), st.integers(0, 41)), max_size=4),
    log_events=st.booleans(),
)
@example(
    first={"entity": array.array("q", [-3, 2, 1, 0])},
    program=[("add", "A", array.array("b"), None, None)],
    ticks_kept=1,
    ids=str,
    looks=[(0, 1)],
    log_events=True,
)
def test_any_sequence_of_calls_gives_the_same(first, program, ticks_kept, ids, looks, log_events):
    tables = TableTwins(
        ids, species_names=SPECIES[:2], state_names=STATES[:3], ticks_kept=ticks_kept
    )
    cores = Twins("run", (), log_events=log_events)
    for call in [first, ("begin_tick", 1), *program]:
        if isinstance(call, dict):
            tables.call("bind", **call)
        else:
            tables.call(*call)
    tables.same_rows()
    for after, tick in [*looks, (0, 3), (3, 4)]:
        for every in (True, False):
            tables.call("check_ticks", after, tick, every=every)
    for after, tick in [*looks, (0, 2**53)]:
        cores.call("record_table", tables, after, tick)
    cores.call("close_sample")
    cores.take()
