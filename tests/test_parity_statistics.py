"""The kernels, bit for bit: every body against the reference, on inputs chosen to hurt."""

import array
import json
import math
import random
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecosim.telemetry_layers import LayerStatistics, layer_statistics
from parity import Twins, compiled_core

if compiled_core() is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)

from ecosim import _telemetry_core as compiled

KERNELS = compiled.kernels()
GRID = (2, 3, 15)
TINY, HUGE = 5e-324, 1.7976931348623157e308


def bits(found: LayerStatistics) -> list:
    """Return statistics so that -0.0 and 0.0 differ."""
    flat = [*found.moments, found.minimum, found.maximum]
    return [struct.pack("<d", item) if isinstance(item, float) else item for item in flat]


def assert_same(values: list[float], dimensions: tuple[int, int, int] | None = None) -> None:
    expected = bits(layer_statistics(values, dimensions))
    for kernel in KERNELS:
        found = compiled.layer_statistics(array.array("d", values), dimensions, kernel=kernel)
        assert bits(found) == expected, kernel


def hostile() -> dict[str, list[float]]:
    """Return inputs that go wrong in one way or another, by the reason."""
    draw = random.Random(5)
    uniform = [draw.random() for _ in range(1000)]
    return {
        "nothing at all": [],
        "a negative zero alone": [-0.0],
        "zeros of both signs": [0.0, -0.0] * 9,
        "the smallest denormal": [TINY] * 17,
        "denormals that cancel": [TINY, -TINY, 2 * TINY] * 7,
        "denormals beside ones": [TINY, 1.0] * 10,
        "squares that underflow": [1e-170 * value for value in uniform],
        "a large offset with a small spread": [1e8 + 1e-3 * (-1) ** i for i in range(1001)],
        "a constant that is no binary fraction": [0.1] * 1000,
        "a constant so large that its sum overflows": [HUGE] * 9,
        "sums that overflow and come back": [HUGE, -HUGE] * 8,
        "lanes that overflow both ways": ([HUGE] * 8 + [-HUGE] * 8) * 3,
        "squares that overflow": [1e200, -1e200, 3.0] * 5,
        "a variance that overflows": [1e308, -1e308, 1e308],
        "a deviation at the limit": [HUGE, -HUGE],
        "one NaN": [*uniform[:20], math.nan],
        "NaN first": [math.nan, *uniform[:20]],
        "NaN alone": [math.nan],
        "infinities of both signs": [math.inf, 1.0, -math.inf, 2.0],
        "infinity beside what overflows": [math.inf, HUGE, HUGE, HUGE],
        "NaN in every lane": [math.nan, 1.0] * 16,
        "values that grow": [2.0**i for i in range(-500, 500)],
        "uniform values": uniform,
    }


@pytest.mark.parametrize("reason", hostile())
def test_hostile_values_give_the_same_bits(reason):
    assert_same(hostile()[reason])


@pytest.mark.parametrize("dimensions", [(3, 2, 17), (17, 3, 2), (1, 9, 8), (5, 1, 16), (4, 4, 1)])
@pytest.mark.parametrize("reason", [reason for reason in hostile() if hostile()[reason]])
def test_hostile_cells_give_the_same_bits_in_any_grid(reason, dimensions):
    """The values once over and again, so that each of them comes to stand at many places."""
    values = hostile()[reason]
    n = math.prod(dimensions)
    for first in range(0, len(values), max(1, len(values) // 7)):
        assert_same([values[(first + i) % len(values)] for i in range(n)], dimensions)


@pytest.mark.parametrize("nz", range(1, 34))
def test_every_length_of_row_gives_the_same_bits(nz):
    draw = random.Random(nz)
    for nx, ny in ((1, 1), (2, 3), (9, 2)):
        n = nx * ny * nz
        values = [draw.uniform(-1, 1) * 10 ** draw.randrange(-8, 8) for _ in range(n)]
        assert_same(values, (nx, ny, nz))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(), min_size=66, max_size=66), st.permutations([1, 2, 3, 11]))
def test_any_cells_give_the_same_bits(values, sides):
    nx, ny, nz, _ = sides
    assert_same(values[: nx * ny * nz], (nx, ny, nz))


@pytest.mark.parametrize("kernel", KERNELS)
def test_depths_read_in_turn_give_the_same_lines(kernel):
    """Every kernel reads any band of a layer alone, and puts it together with the others."""
    twins = Twins("run", (), kernel=kernel)
    draw = random.Random(8)
    nx, ny, nz = dimensions = 3, 5, 21
    cells = array.array("d", [draw.uniform(-1, 1) for _ in range(nx * ny * nz)])
    versions = [0] * ny
    for step in range(60):
        for y in draw.sample(range(ny), draw.randrange(ny)):
            versions[y] += 1
            for x in range(nx):
                for z in range(nz):
                    cells[(x * ny + y) * nz + z] = draw.uniform(-1, 1) * 10 ** draw.randrange(9)
        bands = tuple((y + 1, version) for y, version in enumerate(versions))
        twins.call("read_layer", "moisture", cells, dimensions, bands)
        twins.call("read_layer", "whole", cells, dimensions)
        twins.call("close_sample")
        voxels = json.loads(twins.take())["voxels"]
        assert voxels["moisture"] == voxels["whole"], step


@pytest.mark.parametrize("count", range(1, 41))
def test_every_length_of_tail_gives_the_same_bits(count):
    draw = random.Random(count)
    assert_same([draw.uniform(-1, 1) * 10 ** draw.randrange(-8, 8) for _ in range(count)])


@settings(max_examples=500, deadline=None)
@given(st.lists(st.floats(), max_size=60))
@example([0.0, -1e200, 1e200, 1e-200])
def test_any_values_give_the_same_bits(values):
    assert_same(values)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
def test_any_finite_values_give_the_same_bits(values):
    assert_same(values)


def test_a_kernel_nobody_has_is_named():
    with pytest.raises(ValueError, match=r"expected one of portable.*, got 'abacus'"):
        compiled.layer_statistics(array.array("d", [1.0]), kernel="abacus")


def test_a_view_that_does_not_start_at_a_multiple_of_a_register_is_read_right():
    values = array.array("d", [random.Random(3).random() for _ in range(101)])
    for first in range(8):
        expected = bits(layer_statistics(values[first:]))
        for kernel in KERNELS:
            found = compiled.layer_statistics(memoryview(values)[first:], kernel=kernel)
            assert bits(found) == expected
            found = compiled.layer_statistics(
                memoryview(values)[first : first + 90], GRID, kernel=kernel
            )
            assert bits(found) == bits(layer_statistics(values[first : first + 90], GRID))
