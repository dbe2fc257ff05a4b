"""The twins, reference and compiled, side by side on whatever Hypothesis and we can think of.

"Same" means: the same return values and types, the same bytes of every line, the same exceptions
with the same words, and the same counts after every call, whether it returned or raised. Exempt
are only Python's own words about a wrong number of arguments, which name the function.
"""

import array
import gc
from types import MappingProxyType, SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity import Anew, Twins, compiled_core

if compiled_core() is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)

VARIABLES = ("hunger", "energy", "bond strength")
SPECIES = ("deer", "oak", "unknown", "zoë", 'a\n"b\\', "\ud800", "")
STATES = ("IDLE", "FED", "IDLE>FED", "\x7f", "𝄞")
KINDS = ("STATE_CHANGE", "DEATH_STARVE", "DEATH_", "REPRODUCTION", "PREDATION", "RAIN", "é")


class Text(str):
    """A string of a class of the host's own."""

    __slots__ = ()


class Real:
    """A number of a class of the host's own."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return f"Real({self.value})"


class Whole:
    """An integer of a class of the host's own."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"Whole({self.value})"


numbers = st.one_of(
    st.floats(),
    st.floats(0, 1),
    st.sampled_from([1e308, -1e308, 5e-324, -0.0, 0.0, 1e8 + 1e-3, 1e8 - 1e-3]),
)
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**54),
    st.text(max_size=3),
    st.sampled_from(
        [10**400, -(10**400), [1], (), {}, b"x", Text("oak"), Real(0.5), Whole(7), 2**63]
    ),
)


@st.composite
def mostly(draw, usual):
    """What a host hands over, with something else now and then."""
    return draw(odd if draw(st.integers(0, 7)) == 7 else usual)


entities = st.fixed_dictionaries(
    {},
    optional={
        "species": mostly(st.sampled_from(SPECIES)),
        "state": mostly(st.sampled_from(STATES)),
        "state_vars": mostly(
            st.dictionaries(st.sampled_from((*VARIABLES, "age")), mostly(numbers), max_size=4)
        ),
        "id": mostly(st.text(max_size=3)),
    },
)
hosts_entities = st.one_of(
    st.dictionaries(st.text(max_size=3), mostly(entities), max_size=6),
    st.lists(mostly(entities), max_size=6).map(lambda items: Anew(lambda: iter(items))),
    st.lists(entities, max_size=6),
)
extras = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"prev_state": mostly(st.sampled_from(STATES)), "new_state": st.sampled_from(STATES)}
    ),
    st.dictionaries(
        mostly(st.text(max_size=3)).filter(lambda key: getattr(key, "__hash__", None) is not None),
        st.recursive(mostly(numbers), lambda inner: st.lists(inner, max_size=2), max_leaves=3),
        max_size=3,
    ),
)
places = st.one_of(
    st.none(),
    st.tuples(numbers, numbers, numbers),
    st.lists(mostly(numbers), min_size=2, max_size=4),
)
fields = {
    "type": mostly(st.sampled_from(KINDS)),
    "tick": mostly(st.integers(0, 2**53)),
    "source_id": mostly(st.sampled_from(("", "0", "1", "2", "3", "4", "x", "\ud800"))),
    "target_id": mostly(st.text(max_size=4)),
    "position": mostly(places),
}
HERD = {
    "": {"species": "oak"},
    "0": MappingProxyType({"species": "deer"}),
    "1": {"species": Text("deer")},
    "2": {},
    "3": None,
    "4": {"species": 4},
}
#: The same keys as one object, as equal strings, as strings of another class.
spellings = st.sampled_from([str, lambda key: "".join(list(key)), Text])
event_mappings = st.builds(
    lambda event, extra, spell: {
        spell(key) if isinstance(key, str) else key: item for key, item in (event | extra).items()
    },
    st.fixed_dictionaries({}, optional=fields),
    st.one_of(
        extras.map(lambda extra: extra or {}),
        st.just({"source_species": "deer", "prev_state": "A", "new_state": "B"}),
        st.just({"prev_state": "A", "new_state": "B"}),
        st.just({"new_state": "B", "prev_state": "A", "why": None}),
    ),
    spellings,
)
event_objects = st.fixed_dictionaries(
    {
        "event_type": fields["type"],
        "tick": fields["tick"],
        "source_id": fields["source_id"],
        "target_id": fields["target_id"],
        "position": fields["position"],
        "extra": mostly(extras),
    },
    optional={"source_species": mostly(st.sampled_from(SPECIES))},
).map(lambda attributes: SimpleNamespace(**attributes))


layers = st.sampled_from(("moisture", "temperature", "Sève"))
buffers = st.one_of(
    st.lists(numbers, max_size=40).map(lambda values: array.array("d", values)),
    st.lists(st.floats(width=32), max_size=20).map(lambda values: array.array("f", values)),
    st.lists(numbers, min_size=4, max_size=12).map(
        lambda values: memoryview(array.array("d", values))[::-2]
    ),
    st.sampled_from([b"bytes", array.array("i", [1]), [1.0], None, memoryview(b"12345678")]),
)


#: Layers of a grid of 2 x 4 x 3 cells, and what versions their depths have.
GRIDS = [array.array("d", [0.1 * (i * k % 7) for i in range(24)]) for k in range(1, 4)]
grids = st.one_of(
    st.lists(numbers, min_size=24, max_size=24).map(lambda values: array.array("d", values)),
    st.lists(st.floats(width=32), min_size=24, max_size=24).map(
        lambda values: array.array("f", values)
    ),
)
versions = st.one_of(
    st.none(),
    st.tuples(st.integers(0, 1), st.integers(0, 1)).map(lambda pair: ((1, pair[0]), (4, pair[1]))),
    st.integers(0, 1).map(lambda version: [[3, 2**70], [4, version]]),
)
bands = st.one_of(
    versions,
    st.lists(mostly(st.tuples(mostly(st.integers(0, 5)), mostly(st.integers()))), max_size=3).map(
        tuple
    ),
    st.lists(st.lists(st.integers(0, 4), max_size=3), max_size=3),
)


@st.composite
def columns(draw):
    """Entity columns, now and then with something wrong."""
    rows = draw(st.integers(0, 12))
    codes = st.lists(st.integers(-1, 3), min_size=rows, max_size=rows)
    code_types = st.sampled_from("bhilq")
    names = draw(st.lists(mostly(st.sampled_from(SPECIES)), min_size=3, max_size=4))
    return SimpleNamespace(
        species=array.array(draw(code_types), draw(codes)),
        state=array.array(draw(code_types), draw(codes)),
        species_names=names,
        state_names=draw(st.permutations(STATES))[: draw(st.integers(3, 5))],
        variables={
            name: array.array(
                draw(st.sampled_from("df")),
                draw(
                    st.lists(st.floats(width=32), min_size=rows, max_size=rows)
                    if draw(st.integers(0, 9))
                    else st.lists(st.floats(width=32), max_size=3)
                ),
            )
            for name in draw(st.sets(st.sampled_from((*VARIABLES, "age"))))
        },
        species_variables={
            name: draw(st.sets(st.sampled_from(VARIABLES)))
            for name in (*names, "unknown")
            if isinstance(name, str) and draw(st.booleans())
        },
        alive=draw(
            st.one_of(
                st.none(),
                st.lists(st.integers(0, 1), min_size=rows, max_size=rows).map(
                    lambda values: array.array("B", values)
                ),
            )
        ),
    )


cells = st.lists(
    st.tuples(*[mostly(st.integers(-1, 3))] * 3, mostly(numbers)),
    max_size=6,
)


class Walker:
    """A sparse grid that visits the cells it is told to."""

    def __init__(self, visits) -> None:
        self.visits = visits

    def walk_layer(self, layer, callback) -> None:
        for x, y, z, value in self.visits:
            callback(x, y, z, value)


calls = st.one_of(
    st.tuples(
        st.just("declare_species"),
        st.sampled_from(SPECIES),
        st.sets(st.sampled_from((*VARIABLES, "age"))),
    ),
    st.tuples(st.just("read_entities"), hosts_entities),
    st.tuples(st.just("read_columns"), columns()),
    st.tuples(
        st.just("read_layer"),
        layers,
        buffers,
        st.sampled_from([None, None, (1, 4, 1), (2, 2, 2), (2, 0, 3), (2**30, 2**30, 2**30)]),
    ),
    st.tuples(st.just("read_layer"), layers, grids, st.just((2, 4, 3)), mostly(bands)),
    st.tuples(st.just("read_layer"), layers, st.sampled_from(GRIDS), st.just((2, 4, 3)), versions),
    st.tuples(
        st.just("read_layers"),
        st.sampled_from([(), ("moisture",), ("Sève", "moisture"), ("moisture", "moisture")]),
        st.one_of(
            st.dictionaries(layers, st.sampled_from(GRIDS)),
            st.lists(st.tuples(*[st.integers(0, 1)] * 3, numbers), max_size=3).map(Walker),
        ),
        st.sampled_from([None, (2, 4, 3), (1, 1, 1)]),
        st.dictionaries(layers, versions),
    ),
    st.tuples(st.just("walk_layer"), layers, cells.map(Walker), st.just((2, 3, 2))),
    st.tuples(st.just("close_sample")),
    st.tuples(st.just("begin_tick"), st.integers(0, 40)),
    st.tuples(st.just("end_tick")),
    st.tuples(
        st.just("record_events"),
        st.lists(st.one_of(event_mappings, event_objects, odd), max_size=4),
        st.sampled_from([None, dict, lambda: HERD, lambda: MappingProxyType(HERD)]),
    ),
    st.tuples(st.just("record"), *fields.values(), extras, mostly(st.sampled_from(SPECIES))),
    st.tuples(st.just("take_samples")),
    st.tuples(st.just("take_events")),
)


@settings(max_examples=600, deadline=None)
@given(
    program=st.lists(calls, max_size=25),
    capacity=st.sampled_from([1, 2, 3, 7, 8, 9, 65_536]),
    on_full=st.sampled_from(["drain", "drop"]),
    log_events=st.booleans(),
)
def test_any_sequence_of_calls_gives_the_same(program, capacity, on_full, log_events):
    twins = Twins(
        'run-"1"', VARIABLES, ring_capacity=capacity, on_full=on_full, log_events=log_events
    )
    for method, *arguments in program:
        twins.call(method, *arguments)
    twins.take()


def test_events_that_record_others_while_they_are_made_keep_their_herd():
    twins = Twins("run", ())
    change = {"type": "STATE_CHANGE", "source_id": "0", "prev_state": "A", "new_state": "B"}

    def made(core):
        yield change
        core.record_events([{"type": "RAIN"}], None)
        yield change

    for core in (twins.reference, twins.compiled):
        core.record_events(made(core), lambda: HERD)
    twins.call("close_sample")
    assert b'"transitions":{"deer":{"A>B":2}}' in twins.take()


class Cycle:
    """Takes a key out of an event when the collector finds it."""

    def __init__(self, event):
        self.me, self.event = self, event

    def __del__(self):
        self.event.pop("note", None)


def test_an_event_may_change_when_the_collector_runs():
    twins = Twins("run", ())
    twins.call("begin_tick", 1)
    enabled, threshold = gc.isenabled(), gc.get_threshold()
    try:
        for core in (twins.reference, twins.compiled):
            for number in range(500):
                gc.disable()
                event = {"type": "A", "source_id": f"frog {number}", "note": f"a text {number}"}
                Cycle(event)
                held = [{} for _ in range(200)]  # so that the next dict is a new one
                gc.set_threshold(1)
                gc.enable()
                core.record_events([event], None)
                del held
    finally:
        gc.set_threshold(*threshold)
        (gc.enable if enabled else gc.disable)()
    assert twins.compiled.events_recorded == twins.reference.events_recorded == 500
    lines = twins.compiled.take_events(cut=True).decode()
    assert all(f'"frog {number}"' in lines for number in range(500))
