"""Layers whose depths have versions: what did not change is not read, and nothing shows it."""

import array
import json
import math
import random

import pytest

from ecosim import telemetry
from ecosim.telemetry import HostError, TelemetryEmitter
from ecosim.telemetry_testing import check_host
from hosts import MeadowHost
from parity import backends

DIMENSIONS = NX, NY, NZ = 3, 4, 10
BAD = [
    (7, r"expected pairs \(depth_end, version\), got 7"),
    ([1, 2], r"expected pairs \(depth_end, version\), got \[1, 2\]"),
    ([(1, 2, 3)], r"expected pairs \(depth_end, version\)"),
    ([(2, 1), (3, 1)], "expected bands down to the depth of 4, got 3"),
    ([], "expected bands down to the depth of 4, got 0"),
    (((2, 1), (5, 1)), "expected bands down to the depth of 4, got 5"),
    (((2, 1), (2, 1), (4, 1)), "expected depths that rise, got 2 after 2"),
    (((0, 1), (4, 1)), "expected depths that rise, got 0 after 0"),
    (((2, 1), (-(2**70), 1)), "expected depths that rise, got -1180591620717411303424 after 2"),
    (((2, 1), (4, 1.5)), r"expected pairs of integers, got 1.5 \(float\)"),
    (((2, True), (4, 1)), r"expected pairs of integers, got True \(bool\)"),
    (((2, 1), ("4", 1)), r"expected pairs of integers, got '4' \(str\)"),
]


class Grid(dict):
    """Layers as flat arrays, which do not state their shape."""

    dimensions = DIMENSIONS


class LayeredHost(MeadowHost):
    """A host with one layer, whose upper half changes at every step, and versions of its depths."""

    def __init__(self, *, tells=True):
        super().__init__(seed=4, rabbits=2)
        self.draw = random.Random(9)
        self.cells = array.array("d", [self.draw.random() for _ in range(math.prod(DIMENSIONS))])
        self.voxel_grid = Grid(moisture=self.cells)
        if tells:
            self.voxel_versions = {"moisture": ((2, 0), (4, 0))}

    def change(self, start, end, value=None):
        for x in range(NX):
            for y in range(start, end):
                for z in range(NZ):
                    new = self.draw.random() if value is None else value
                    self.voxel_grid["moisture"][(x * NY + y) * NZ + z] = new

    def step(self):
        super().step()
        self.change(0, 2)
        if hasattr(self, "voxel_versions"):
            self.voxel_versions = {"moisture": ((2, self.tick), (4, 0))}


@pytest.fixture(params=backends())
def make_emitter(request, tmp_path, monkeypatch):
    core = backends()[request.param]
    monkeypatch.setattr(telemetry, "_LIVE", telemetry._LIVE._replace(core=core))

    def make(name):
        return TelemetryEmitter({"interval": 1, "output_dir": tmp_path}, run_id=name)

    return make


def moisture(make_emitter, host, name, ticks, between=lambda host: None):
    """Run a host and return the moisture of each sample."""
    emitter = make_emitter(name)
    emitter.on_init(host)
    for _ in range(ticks):
        host.step()
        between(host)
        emitter.on_tick()
    emitter.close()
    lines = emitter.paths[0].read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [one["voxels"]["moisture"] for one in records if one["record"] == "sample"]


def test_samples_are_the_same_with_versions_and_without(make_emitter):
    told = moisture(make_emitter, LayeredHost(), "told", 20)
    assert told == moisture(make_emitter, LayeredHost(tells=False), "silent", 20)
    assert len({sample["mean"] for sample in told}) == 21


def test_what_stands_behind_a_version_that_stays_is_not_looked_at(make_emitter):
    plain = moisture(make_emitter, LayeredHost(), "plain", 8)
    poisoned = moisture(
        make_emitter, LayeredHost(), "poisoned", 8, lambda host: host.change(2, 4, math.nan)
    )
    # The poison draws no random numbers, so the upper half is that of the other run.
    assert poisoned == plain


@pytest.mark.parametrize(
    "bands",
    [
        lambda tick: ((2, 0), (4, tick)),
        lambda tick: ((2 + tick % 2, 0), (4, 0)),
        lambda tick: ((2, 0), (3, 0), (4, 0)) if tick % 2 else ((2, 0), (4, 0)),
        lambda tick: ((4, 0),) if tick % 2 else ((2, 0), (4, 0)),
        lambda tick: None if tick % 2 else ((2, 0), (4, 0)),
        lambda tick: ((2, 0), (4, 2**100 - tick)),
    ],
    ids=["version", "border", "a band more", "a band less", "gone and back", "large and falling"],
)
def test_what_has_another_version_or_other_borders_is_read(make_emitter, bands):
    cells = []

    class Changing(LayeredHost):
        def step(self):
            MeadowHost.step(self)
            self.change(2, 4)
            given = bands(self.tick)
            self.voxel_versions = {} if given is None else {"moisture": given}
            cells.append(self.cells.tolist())

    found = moisture(make_emitter, Changing(), "changing", 9)[1:]
    for sample, values in zip(found, cells, strict=True):
        assert sample["mean"] == pytest.approx(math.fsum(values) / len(values), rel=1e-12)
        assert (sample["min"], sample["max"]) == (min(values), max(values))


def test_an_array_in_place_of_another_is_read_where_its_version_says_so(make_emitter):
    def replace(host):
        host.voxel_grid["moisture"] = array.array("f", [0.25] * 60 + [0.5] * 60)

    found = moisture(make_emitter, LayeredHost(), "replaced", 3, replace)
    host = LayeredHost()
    lower = [
        host.cells[(x * NY + y) * NZ + z] for x in range(NX) for y in (2, 3) for z in range(NZ)
    ]
    for sample in found[1:]:
        # Versions count, not arrays: the upper half is the new array's, the lower one the old's.
        assert (sample["min"], sample["max"]) == (min(0.25, *lower), max(0.5, *lower))


def test_after_cells_that_are_not_finite_the_layer_is_read_whole(make_emitter):
    def spoil(host):
        if host.tick == 3:
            host.change(1, 2, math.inf)
        if host.tick >= 4:
            host.change(2, 4, 7.0)

    found = moisture(make_emitter, LayeredHost(), "spoilt", 5, spoil)
    assert [one.get("nonfinite") for one in found] == [None] * 3 + [NX * NZ, None, None]
    assert [one["max"] for one in found[4:]] == [7.0, 7.0]


@pytest.mark.parametrize(("bands", "message"), BAD)
def test_bands_that_do_not_fit_are_named(make_emitter, bands, message):
    host = LayeredHost()
    host.voxel_versions = {"moisture": bands}
    where = r"^voxel_versions\['moisture'\]: "
    with pytest.raises(HostError, match=where + message):
        make_emitter("bad").on_init(host)


def test_versions_want_a_mapping_and_a_grid_with_dimensions(make_emitter):
    host = LayeredHost()
    host.voxel_versions = [1]
    with pytest.raises(HostError, match=r"host.voxel_versions: expected a mapping, got \[1\]"):
        make_emitter("list").on_init(host)
    host = LayeredHost()
    host.voxel_grid = {"moisture": host.cells}
    with pytest.raises(
        HostError, match="expected a grid with dimensions and cells beside versions"
    ):
        make_emitter("flat").on_init(host)


@pytest.mark.parametrize(
    "wrong", [{"values": array.array("d", [1.0])}, {"values": None}, {"bands": ((2, 0),)}]
)
@pytest.mark.parametrize("core", backends().values(), ids=backends())
def test_after_a_read_that_failed_every_depth_is_read(core, wrong):
    core = core("run", ())
    host = LayeredHost()
    bands = ((2, 0), (4, 0))
    core.read_layer("moisture", host.cells, DIMENSIONS, bands)
    usual = {"values": host.cells, "dimensions": DIMENSIONS, "bands": bands}
    with pytest.raises(HostError):
        core.read_layer("moisture", **{**usual, **wrong})
    host.change(0, 4, 3.0)
    core.read_layer("moisture", host.cells, DIMENSIONS, bands)
    core.close_sample()
    found = json.loads(core.take_samples())["voxels"]["moisture"]
    assert found == {"mean": 3.0, "min": 3.0, "max": 3.0, "var": 0.0}


@pytest.mark.parametrize("core", backends().values(), ids=backends())
def test_a_walk_or_another_grid_between_forgets_what_was_known(core):
    core = core("run", ())
    host = LayeredHost()
    bands = ((2, 0), (4, 0))

    class Walker:
        def walk_layer(self, layer, callback):
            callback(0, 0, 0, 0.5)

    for between in (
        lambda: core.walk_layer("moisture", Walker(), DIMENSIONS),
        lambda: core.read_layer("moisture", host.cells, (NZ, NY, NX), bands),
        lambda: core.read_layer("moisture", host.cells, None),
    ):
        host.change(0, 4)
        core.read_layer("moisture", host.cells, DIMENSIONS, bands)
        between()
        host.change(0, 4, 3.0)
        core.read_layer("moisture", host.cells, DIMENSIONS, bands)
        core.close_sample()
        found = json.loads(core.take_samples())["voxels"]["moisture"]
        assert found == {"mean": 3.0, "min": 3.0, "max": 3.0, "var": 0.0}


# ---- the checker ------------------------------------------------------------------------------


def test_a_host_whose_versions_tell_the_truth_fits():
    assert check_host(LayeredHost(), ticks=5) == []


def test_a_depth_that_changes_without_its_version_is_found():
    class Lies(LayeredHost):
        def step(self):
            super().step()
            if self.tick == 3:
                self.change(3, 4)

    assert check_host(Lies(), ticks=2) == []
    assert check_host(Lies(), ticks=5) == [
        "voxel_versions['moisture']: expected another version of depths 2 to 3, which changed at "
        "tick 3, got 0 again"
    ]


def test_versions_of_a_layer_that_the_grid_lacks_are_found():
    host = LayeredHost()
    host.voxel_versions = {"moistur": ((4, 0),)}
    (problem,) = check_host(host)
    assert problem == "voxel_versions: expected layers of the grid (moisture), got 'moistur'"


@pytest.mark.parametrize(("bands", "message"), BAD[:4])
def test_the_checker_names_bands_that_do_not_fit(bands, message):
    host = LayeredHost()
    host.voxel_versions = {"moisture": bands}
    (problem,) = check_host(host)
    assert problem.startswith("voxel_versions['moisture']: expected ")
