"""The numbers against exact rational arithmetic, hostile inputs included."""

import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecosim.telemetry_statistics import fold, moments
from exact import hold

finite = st.floats(allow_nan=False, allow_infinity=False)
tight = st.floats(-1e-3, 1e-3).map(lambda x: 1e8 + x)


def check(values):
    hold(moments(values), values)


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


def test_values_that_are_not_finite_are_left_out_and_counted():
    values = [1.0, math.nan, 2.0, math.inf, -math.inf, 6.0]
    assert moments(values) == moments([1.0, 2.0, 6.0])._replace(nonfinite=3)


def test_without_a_finite_value_there_is_no_number():
    assert moments([]) == (0, 0, None, None, None)


@given(st.lists(finite, min_size=1, max_size=40), st.integers(0, 39), st.booleans())
def test_one_value_that_is_not_finite_changes_no_number(values, place, infinite):
    spoilt = [*values[:place], math.inf if infinite else math.nan, *values[place:]]
    assert moments(spoilt) == moments(values)._replace(nonfinite=1)
