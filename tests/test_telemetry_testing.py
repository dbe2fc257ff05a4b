"""What an author of a host engine is told."""

import array
import enum

import numpy as np
import pytest

from ecosim.telemetry import EventTable
from ecosim.telemetry_testing import check_host
from emitter_runs import records, started
from hosts import MeadowHost, SparseGrid, columns


def test_a_host_that_fits_gives_no_problem_and_is_not_changed():
    host = MeadowHost()
    assert check_host(host) == []
    assert host.tick == 0
    assert check_host(host, ticks=3) == []
    assert host.tick == 3


def test_a_host_of_columns_and_a_sparse_grid_fits():
    class Columns:
        tick = 0
        voxel_grid = SparseGrid({"moisture": {}})

        def entity_columns(self):
            return columns([0, 1], [0, 1], {"hunger": [0.1, 0.2]})

    assert check_host(Columns()) == []


def test_every_entity_that_does_not_fit_is_named_up_to_ten():
    host = MeadowHost(rabbits=14)
    for name in list(host.entities)[:12]:
        host.entities[name]["state"] = 5
    found = check_host(host)
    assert found[0] == "entities['rabbit_0'].state: expected a string, got 5 (int)"
    assert len(found) == 11
    assert found[-1] == "entities: 2 more with problems"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tick": "1"}, "host.tick: expected an integer >= 0, got '1' (str)"),
        ({"tick": -1}, "host.tick: expected an integer in 0..2**53, got -1 (int)"),
        ({"world": []}, "host.world: expected a mapping, got [] (list)"),
        ({"world": {"x": {1}}}, "host.world['x']: expected a number, got {1} (set)"),
        ({"seed": object}, "host.seed: expected a number"),
        ({"entities": 4}, "TypeError: 'int' object is not iterable"),
        ({"events": [3]}, "events: expected a mapping with a 'type'"),
        ({"voxel_grid": 3}, "host.voxel_grid: expected a mapping of layer to array"),
        (
            {"voxel_grid": {"moisture": [1.0]}},
            "voxel_grid['moisture']: expected a buffer of float64 or float32",
        ),
        (
            {"voxel_grid": {"moisture": array.array("i", [1])}},
            "voxel_grid['moisture']: expected native float64 or float32, got format 'i'",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_words(change, message):
    host = MeadowHost()
    for key, value in change.items():
        setattr(host, key, value)
    assert any(line.startswith(message) for line in check_host(host)), check_host(host)


def test_a_clock_that_stands_still_is_found_by_stepping():
    class Still(MeadowHost):
        def step(self):
            return {"events": []}

    assert check_host(Still()) == []
    (problem,) = check_host(Still(), ticks=2)
    assert problem == "host.tick: expected more than 0 after a step, got 0 (int)"


@pytest.mark.parametrize(
    ("begins", "ids", "problem"),
    [
        (lambda tick: tick == 1, str, "event_table: expected begin_tick(2) in the step to tick 2"),
        (lambda tick: True, float, "CROAK event.source_id: expected a string, an integer or None"),
    ],
)
def test_a_table_that_lacks_ticks_or_names_no_entity_is_found(begins, ids, problem):
    class Keeps(MeadowHost):
        def __init__(self, begins, ids):
            super().__init__()
            self.begins = begins
            self.event_table = EventTable(ids)
            self.event_table.bind(entity=array.array("i", [3]))

        def step(self):
            self.tick += 1
            if self.begins(self.tick):
                self.event_table.begin_tick(self.tick)
            if self.tick == 2:
                self.event_table.add("CROAK", array.array("i", [0]))

    (found,) = check_host(Keeps(begins, ids), ticks=2)
    assert problem in found
    assert check_host(Keeps(lambda tick: True, str), ticks=12) == []


def test_a_step_that_raises_and_a_missing_step_are_found():
    class Raises(MeadowHost):
        def step(self):
            raise ValueError("no")

    class Stepless(MeadowHost):
        step = None

    assert check_host(Raises(), ticks=1) == ["host.step(): ValueError: no"]
    assert check_host(Stepless(), ticks=1) == ["host.step: expected a method, got None (NoneType)"]


class Layer(enum.StrEnum):
    MOSS = "moss"


class Bog:
    """A grid to walk whose layers have names of a class of their own."""

    dimensions = (1, 2, 1)
    layers = (Layer.MOSS,)

    def walk_layer(self, layer, callback):
        callback(0, 0, 0, 0.5)


@pytest.mark.parametrize("seed", [2**64 - 1, 2**127, -(2**70), "spring", [1, 2], np.array([1, 2])])
def test_what_fits_by_the_check_runs(tmp_path, seed):
    host = MeadowHost()
    host.voxel_grid, host.seed = Bog(), seed
    assert check_host(host, ticks=3) == []
    with started(host, tmp_path) as emitter:
        emitter.on_tick(host.step())
    config, *samples, _ = records(tmp_path)
    told = seed.tolist() if isinstance(seed, np.ndarray) else seed
    assert config["seed"] == (str(seed) if isinstance(seed, int) else told)
    assert [one["voxels"] for one in samples] == [
        {"moss": {"mean": 0.75, "min": 0.5, "max": 1.0, "var": 0.0625}}
    ] * 2
