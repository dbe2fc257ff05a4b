"""The numbers of layers: against exact arithmetic, and read in part against read whole."""

import array
import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecosim.telemetry_layers import KnownLayer, layer_statistics
from exact import hold

finite = st.floats(allow_nan=False, allow_infinity=False)
sides = st.sampled_from([1, 2, 3, 5, 7, 8, 9, 16, 19])
shapes = st.tuples(st.integers(1, 4), st.integers(1, 4), sides)

#: What cells may hold that makes their numbers hard.
KINDS = {
    "uniform": lambda draw: draw.uniform(-1, 1),
    "a large offset with a small spread": lambda draw: 1e8 + draw.uniform(-1e-3, 1e-3),
    "eleven orders of magnitude": lambda draw: 10 ** draw.uniform(-8, 3),
    "a few large ones": lambda draw: 5e8 if draw.random() < 0.05 else draw.uniform(0, 1e-6),
    "squares that overflow": lambda draw: draw.uniform(-1e200, 1e200),
    "sums that overflow": lambda draw: draw.uniform(0.5, 1) * 1.7e308,
    "denormals": lambda draw: draw.randrange(-9, 9) * 5e-324,
}


def check(values, dimensions):
    found = layer_statistics(values, dimensions)
    nx, ny, nz = dimensions
    # In a lane, over the lanes and over the depths; then centre, error / n and their sum.
    hold(found.moments, values, nx * -(-nz // 8) + 3 + ny + 3)
    assert (found.minimum, found.maximum) == (min(values), max(values))


@st.composite
def layers(draw):
    """A grid of some shape, and cells of it."""
    dimensions = draw(shapes)
    seeded = random.Random(draw(st.integers(0, 999)))
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    values = [kind(seeded) for _ in range(math.prod(dimensions))]
    for _ in range(draw(st.integers(0, 3))):
        values[seeded.randrange(len(values))] = draw(finite)
    return values, dimensions


@given(layers())
@settings(deadline=None)
def test_a_layer_of_any_shape_is_within_the_bound(layer):
    check(*layer)


@given(st.lists(finite, min_size=24, max_size=24))
@example([1.7976931348623157e308, -1.7976931348623157e308] * 12)
@example([1e200, 1e-200, -1e200] * 8)
@example([5e-324] * 24)
def test_a_layer_of_any_finite_values_is_within_the_bound(values):
    check(values, (2, 4, 3))


@pytest.mark.parametrize("dimensions", [(8, 4, 8), (3, 5, 7), (9, 1, 17), (1, 6, 1), (1, 1, 40)])
@pytest.mark.parametrize("level", [0.0, 1e9])
def test_the_cells_that_make_a_centre_may_be_far_from_the_rest(dimensions, level):
    """Each cell in turn is the odd one: some of them are those the centre is made of."""
    draw = random.Random(3)
    values = [level + draw.uniform(-1e-6, 1e-6) for _ in range(math.prod(dimensions))]
    for place in range(0, len(values), 5):
        check([*values[:place], 1e6, *values[place + 1 :]], dimensions)


def test_depths_far_apart_keep_the_spread_within_each():
    draw = random.Random(4)
    values = [
        10.0 ** (3 * y) + draw.uniform(-1e-3, 1e-3)
        for _ in range(5)
        for y in range(4)
        for _ in range(9)
    ]
    check(values, (5, 4, 9))


@pytest.mark.parametrize("value", [0.1, 1e8 + 0.001, -3.3, 1e-310, 1e300, 1.7e308])
@pytest.mark.parametrize("dimensions", [(10, 10, 10), (3, 33, 7), (1, 1, 1), (16, 7, 31), None])
def test_a_constant_layer_has_its_value_as_mean_and_no_variance(value, dimensions):
    n = math.prod(dimensions or (990,))
    assert layer_statistics([value] * n, dimensions) == ((n, 0, value, 0.0, 0.0), value, value)


def test_the_cells_are_added_in_the_defined_order():
    """One depth, whose centre is 0: lane z % 8, x ascending, folded in fours and twos."""
    nx, nz = 3, 19
    draw = random.Random(1)
    values = [draw.uniform(-1, 1) for _ in range(nx * nz)]
    for x, z in ((0, 7), (1, 16), (1, 2), (2, 11)):
        values[x * nz + z] = 0.0
    lanes, squares = [0.0] * 8, [0.0] * 8
    for x in range(nx):
        for z in range(nz):
            lanes[z % 8] += values[x * nz + z]
            squares[z % 8] += values[x * nz + z] ** 2

    def folded(of):
        return ((of[0] + of[4]) + (of[2] + of[6])) + ((of[1] + of[5]) + (of[3] + of[7]))

    n, error = nx * nz, folded(lanes)
    found = layer_statistics(values, (nx, 1, nz)).moments
    assert found.mean == error / n
    assert found.variance == (folded(squares) - error * error / n) / n


def test_what_is_not_finite_is_left_out_and_counted_wherever_it_stands():
    draw = random.Random(2)
    values = [draw.random() for _ in range(60)]
    for place in range(60):
        for odd in (math.nan, math.inf, -math.inf):
            rest = [*values[:place], *values[place + 1 :]]
            found = layer_statistics([*values[:place], odd, *values[place + 1 :]], (3, 4, 5))
            expected = layer_statistics(rest)
            assert found == expected._replace(moments=expected.moments._replace(nonfinite=1))


def test_without_a_finite_value_there_is_no_number():
    assert layer_statistics([math.nan], (1, 1, 1)) == ((0, 1, None, None, None), None, None)
    for dimensions in (None, (0, 4, 4), (4, 0, 4)):
        assert layer_statistics([], dimensions) == ((0, 0, None, None, None), None, None)


def test_a_zero_extreme_has_no_sign():
    for dimensions in (None, (1, 2, 1)):
        found = layer_statistics([-0.0, -0.0], dimensions)
        assert math.copysign(1, found.minimum) == math.copysign(1, found.maximum) == 1


BANDS = [(4,), (1, 4), (1, 2, 4), (3, 4)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(BANDS),
            st.sets(st.integers(0, 3)),
            st.sampled_from([*KINDS, "not finite"]),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_reading_in_part_gives_what_reading_whole_gives(steps):
    """Depths change step by step, borders move, versions come and go, cells stop being finite."""
    draw = random.Random(6)
    nx, ny, nz = dimensions = 2, 4, 9
    cells = array.array("d", [draw.random() for _ in range(nx * ny * nz)])
    versions = [0] * ny
    known = KnownLayer()
    for step, (ends, changed, kind, told) in enumerate(steps):
        for y in changed:
            versions[y] = step + 1
            for x in range(nx):
                for z in range(nz):
                    value = math.nan if kind == "not finite" else KINDS[kind](draw)
                    cells[(x * ny + y) * nz + z] = value
        starts = (0, *ends[:-1])
        pairs = zip(starts, ends, strict=True)
        bands = tuple((end, max(versions[start:end])) for start, end in pairs)
        found = known.read(cells, dimensions, bands if told else None)
        assert found == layer_statistics(cells, dimensions)
