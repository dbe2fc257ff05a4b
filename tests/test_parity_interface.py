"""The twins look the same from outside: methods, parameters, defaults, docstrings, attributes."""

import inspect

import pytest

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_event_table import EventTable
from parity import COUNTS, TableTwins, Twins, compiled_core, compiled_table

Compiled = compiled_core()
if Compiled is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)

CompiledTable = compiled_table()


def public(reference) -> list[str]:
    """Return the names of a class's methods that are for its users."""
    own = vars(reference).items()
    return [name for name, item in own if inspect.isfunction(item) and not name.startswith("_")]


PAIRS = [
    (twin, mine, name)
    for twin, mine in ((AggregateCore, Compiled), (EventTable, CompiledTable))
    for name in public(twin)
]


def shape(function) -> list[tuple]:
    """Return what a caller must know: names, kinds and defaults."""
    return [
        (name, item.kind, item.default)
        for name, item in inspect.signature(function).parameters.items()
    ]


@pytest.mark.parametrize(("twin", "mine", "name"), PAIRS)
def test_a_method_takes_the_same_and_says_the_same(twin, mine, name):
    mine, twin = getattr(mine, name), getattr(twin, name)
    assert shape(mine) == shape(twin)
    assert mine.__doc__ == twin.__doc__


def test_a_table_shows_the_same_attributes():
    own = {name for name in vars(CompiledTable) if not name.startswith("_")}
    attributes = {"ids", "species_names", "state_names", "ticks_kept", "tick", "forgotten"}
    assert own == {*public(EventTable), *attributes}
    twins = TableTwins(str, species_names=["a"], state_names=("b", "c"), ticks_kept=3)
    for name in attributes:
        mine, twin = getattr(twins.compiled, name), getattr(twins.reference, name)
        assert (mine, type(mine)) == (twin, type(twin))
    assert twins.compiled.__class__(str).ticks_kept == EventTable(str).ticks_kept


def test_the_constructor_has_the_same_defaults():
    twins = Twins("run", ["hunger"])
    for name in ("log_events", "ring_capacity", "on_full"):
        assert getattr(twins.compiled, name) == getattr(twins.reference, name)


def test_the_compiled_core_has_one_method_more_to_choose_a_kernel():
    own = {name for name in vars(Compiled) if not name.startswith("_")}
    known = {
        *public(AggregateCore),
        *COUNTS,
        "run_id",
        "variables",
        "log_events",
        "ring_capacity",
        "on_full",
        "tick",
    }
    assert own == known | {"use_kernel"}


def test_attributes_are_the_same():
    twins = Twins("run", ["hunger"], log_events=False, ring_capacity=5, on_full="drop")
    for name in ("run_id", "variables", "log_events", "ring_capacity", "on_full", "tick", *COUNTS):
        mine, twin = getattr(twins.compiled, name), getattr(twins.reference, name)
        assert (mine, type(mine)) == (twin, type(twin))
