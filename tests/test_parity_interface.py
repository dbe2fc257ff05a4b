"""The twins look the same from outside: methods, parameters, defaults, docstrings, attributes."""

import inspect

import pytest

from ecosim.telemetry_aggregates import AggregateCore
from parity import COUNTS, Twins, compiled_core

Compiled = compiled_core()
if Compiled is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)

METHODS = [name for name, item in vars(AggregateCore).items() if inspect.isfunction(item)]
PUBLIC = [name for name in METHODS if not name.startswith("_")]


def shape(function) -> list[tuple]:
    """Return what a caller must know: names, kinds and defaults."""
    return [
        (name, item.kind, item.default)
        for name, item in inspect.signature(function).parameters.items()
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_method_takes_the_same_and_says_the_same(name):
    mine, twin = getattr(Compiled, name), getattr(AggregateCore, name)
    assert shape(mine) == shape(twin)
    assert mine.__doc__ == twin.__doc__


def test_the_constructor_has_the_same_defaults():
    twins = Twins("run", ["hunger"])
    for name in ("log_events", "ring_capacity", "on_full"):
        assert getattr(twins.compiled, name) == getattr(twins.reference, name)


def test_the_compiled_core_has_one_method_more_to_choose_a_kernel():
    own = {name for name in vars(Compiled) if not name.startswith("_")}
    known = {*PUBLIC, *COUNTS, "run_id", "variables", "log_events", "ring_capacity", "on_full"}
    assert own == known | {"use_kernel"}


def test_attributes_are_the_same():
    twins = Twins("run", ["hunger"], log_events=False, ring_capacity=5, on_full="drop")
    for name in ("run_id", "variables", "log_events", "ring_capacity", "on_full", *COUNTS):
        mine, twin = getattr(twins.compiled, name), getattr(twins.reference, name)
        assert (mine, type(mine)) == (twin, type(twin))
