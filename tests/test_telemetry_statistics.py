"""The numbers against exact rational arithmetic, hostile inputs included."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecosim.telemetry_statistics import MANY, STRIDE, fold, layer_statistics, moments

ULP = 2.0**-52
finite = st.floats(allow_nan=False, allow_infinity=False)
tight = st.floats(-1e-3, 1e-3).map(lambda x: 1e8 + x)


def exact(values):
    """Return mean, mean absolute value and variance as fractions."""
    parts = [Fraction(value) for value in values]
    n = len(parts)
    mean = sum(parts) / n
    return mean, sum(map(abs, parts)) / n, sum((part - mean) ** 2 for part in parts) / n


def check(values):
    """Hold the moments of finite values against the exact ones, within the known error bound."""
    found = moments(values)
    mean, scale, variance = exact(values)
    n = len(values)
    assert (found.n, found.nonfinite) == (n, 0)
    # One rounding in each of: centre, error / n, their sum; the sums themselves cancel.
    assert abs(Fraction(found.mean) - mean) <= 4 * Fraction(ULP) * scale + Fraction(2) ** -1070
    assert min(values) <= found.mean <= max(values) or len(set(values)) > 1
    # Chan, Golub & LeVeque 1983, table 1: n u + n^2 u^2 kappa^2, kappa^2 = 1 + mean^2 / variance.
    relative = (n + 16) * Fraction(ULP)
    allowed = relative * variance + (n * Fraction(ULP)) ** 2 * (variance + mean**2)
    if found.variance is None:
        assert variance * (1 + relative) > Fraction(2) ** 1023
    else:
        assert abs(Fraction(found.variance) - variance) <= allowed + n * Fraction(2) ** -1060
    assert math.isfinite(found.deviation)
    assert abs(Fraction(found.deviation) ** 2 - variance) <= 4 * allowed + n * Fraction(2) ** -1050


@given(st.lists(finite, min_size=1, max_size=60))
@example([5e-324])
@example([1.7976931348623157e308] * 3)
@example([1.7976931348623157e308, -1.7976931348623157e308])
@example([1e200, 1e-200, -1e200])
@example([0.1] * 10)
@example([-0.0, 0.0])
def test_moments_of_any_finite_values_are_within_the_bound(values):
    check(values)


@given(st.lists(tight, min_size=1, max_size=60))
def test_small_spread_on_a_large_mean_keeps_its_digits(values):
    check(values)


@pytest.mark.parametrize("n", range(1, 41))
def test_every_tail_length_adds_all_elements_in_the_defined_order(n):
    generator = random.Random(n)
    values = [generator.uniform(-1, 1) for _ in range(n)]
    lanes = [0.0] * 8
    for i, value in enumerate(values):
        lanes[i % 8] += value
    folded = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + (
        (lanes[1] + lanes[5]) + (lanes[3] + lanes[7])
    )
    assert fold(values) == folded
    check(values)


def many(reason):
    """Return so many values that one pass is tried, by what makes them hard."""
    draw = random.Random(7)
    values = [draw.uniform(-1, 1) for _ in range(MANY + 19)]
    if reason == "those tried first are far from the rest":
        values[::STRIDE] = [1e6] * len(values[::STRIDE])
    elif reason == "all but one are the same":
        values = [0.1] * MANY + [5e8]
    elif reason == "a large offset with a small spread":
        values = [1e8 + 1e-3 * value for value in values]
    elif reason == "squares that overflow":
        values = [1e200 * value for value in values]
    elif reason == "eleven orders of magnitude":
        values = [10 ** draw.uniform(-8, 3) for _ in values]
    return values


REASONS = [
    "nothing",
    "those tried first are far from the rest",
    "all but one are the same",
    "a large offset with a small spread",
    "squares that overflow",
    "eleven orders of magnitude",
]


@pytest.mark.parametrize("reason", REASONS)
def test_many_values_are_within_the_bound(reason):
    check(many(reason))


@pytest.mark.parametrize("place", [0, STRIDE, STRIDE + 1])
def test_what_is_not_finite_among_many_values_is_left_out_wherever_it_stands(place):
    values = many("nothing")
    values[place] = math.nan
    assert moments(values) == moments(values[:place] + values[place + 1 :])._replace(nonfinite=1)


def test_a_constant_layer_has_its_value_as_mean_and_no_variance():
    for value in (0.1, 1e8 + 0.001, -3.3, 1e-310, 1e300):
        for n in (1000, MANY):
            found = layer_statistics([value] * n)
            assert found == ((n, 0, value, 0.0, 0.0), value, value)


def test_values_that_are_not_finite_are_left_out_and_counted():
    values = [1.0, math.nan, 2.0, math.inf, -math.inf, 6.0]
    found = layer_statistics(values)
    assert found.moments == moments([1.0, 2.0, 6.0])._replace(nonfinite=3)
    assert (found.minimum, found.maximum) == (1.0, 6.0)


def test_without_a_finite_value_there_is_no_number():
    assert moments([]) == (0, 0, None, None, None)
    assert layer_statistics([math.nan]) == ((0, 1, None, None, None), None, None)


def test_a_zero_extreme_has_no_sign():
    found = layer_statistics([-0.0, -0.0])
    assert math.copysign(1, found.minimum) == math.copysign(1, found.maximum) == 1


@given(st.lists(finite, min_size=1, max_size=40), st.integers(0, 39), st.booleans())
def test_one_value_that_is_not_finite_changes_no_number(values, place, infinite):
    spoilt = [*values[:place], math.inf if infinite else math.nan, *values[place:]]
    assert moments(spoilt) == moments(values)._replace(nonfinite=1)
