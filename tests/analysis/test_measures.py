"""The arithmetic of the outcomes, against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecosim.analysis import measures
from ecosim.batch.summary import shannon_index

COUNTS = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 50), min_size=width, max_size=width), min_size=1, max_size=12
    )
)


def ticks_of(samples):
    """Return ticks that stand ten apart, but for the last."""
    ticks = np.arange(samples, dtype=np.int64) * 10
    ticks[-1] -= 3 if samples > 1 else 0
    return ticks


@given(COUNTS)
@example([[0, 0]])
@example([[7]])
def test_shannon_is_that_of_the_summary_of_a_batch(rows):
    found = measures.shannon(np.array(rows, dtype=float))
    assert found == pytest.approx([shannon_index(row) for row in rows], abs=1e-12)
    assert all(math.copysign(1, value) == 1 for value in found if value == 0)


@given(COUNTS)
def test_first_extinction_is_the_first_loss(rows):
    ticks = ticks_of(len(rows))
    expected = next(
        (
            (float(ticks[i]), False)
            for i, row in enumerate(rows)
            for j, count in enumerate(row)
            if count == 0 and any(earlier[j] > 0 for earlier in rows[:i])
        ),
        (float(ticks[-1]), True),
    )
    assert measures.first_extinction(ticks, np.array(rows, dtype=float)) == expected


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.floats(0.01, 1))
@example([0, 0, 0], 0.5)
@example([0, 10, 1, 0], 0.1)
def test_collapse_is_the_first_fall_below_the_fraction_of_the_maximum_so_far(totals, fraction):
    ticks = ticks_of(len(totals))
    expected = next(
        (
            (float(ticks[i]), False)
            for i, total in enumerate(totals)
            if total < fraction * max(totals[: i + 1])
        ),
        (float(ticks[-1]), True),
    )
    assert measures.collapse(ticks, np.array(totals, dtype=float), fraction) == expected


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_a_time_mean_lies_within_its_values_and_counts_a_short_window_less(values):
    ticks, column = ticks_of(len(values)), np.array(values)
    found = measures.time_mean(ticks, column)
    assert min(values) - 1e-6 <= found <= max(values) + 1e-6
    if len(values) > 2:
        widths = np.diff(ticks)
        expected = sum(
            w * (a + b) / 2 for w, a, b in zip(widths, values, values[1:], strict=False)
        ) / (ticks[-1] - ticks[0])
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_a_late_mean_takes_the_last_share_of_the_time():
    ticks = np.array([0, 10, 20, 30, 40, 50])
    values = np.array([0.0, 0, 0, 0, 4, 8])
    assert measures.late_mean(ticks, values, 0.2) == 6
    assert measures.late_mean(ticks, values, 0.1) == 8
    assert measures.late_mean(ticks, values, 1.0) == pytest.approx((40 * 0 + 0) / 50 + 1.6)
    assert measures.late_mean(np.array([0]), np.array([3.0]), 0.2) == 3
