"""Survival, rank correlation, axes and texts against known answers and other implementations."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

from ecosim.report.figures import spaced
from ecosim.report.plots import band, bars, dots, line
from ecosim.report.ranks import correlations
from ecosim.report.scales import SPAN, axis
from ecosim.report.survival import kaplan_meier
from ecosim.report.texts import bytes_text, number_text

numbers = st.floats(allow_nan=False, allow_infinity=False)


def test_the_estimate_is_that_of_the_leukaemia_trial_of_freireich():
    """6-mercaptopurine arm, 21 patients; the textbook's table (Cox and Oakes 1984)."""
    ticks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    censored = [0, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]
    found = kaplan_meier(np.array(ticks, float), np.array(censored, bool))
    assert found.ticks == [0, 6, 7, 10, 13, 16, 22, 23]
    assert found.share == pytest.approx(
        [1, 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=5e-5
    )
    assert found.at_risk == [21, 21, 17, 15, 12, 11, 7, 6]
    assert found.median() == 23


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=60))
@example([(0, False)])
def test_the_estimate_is_that_of_scipy(runs):
    ticks = np.array([tick for tick, _ in runs], float)
    censored = np.array([flag for _, flag in runs])
    found = kaplan_meier(ticks, censored)
    data = scipy.stats.CensoredData(uncensored=ticks[~censored], right=ticks[censored])
    other = scipy.stats.ecdf(data).sf
    for tick, share in zip(found.ticks[1:], found.share[1:], strict=True):
        assert share == pytest.approx(float(other.evaluate(tick)), abs=1e-12)
    for low, share, high in zip(found.low, found.share, found.high, strict=True):
        assert 0 <= low <= share <= high <= 1


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.floats(-1e6, 1e6, allow_subnormal=False)),
        min_size=5,
        max_size=50,
    )
)
def test_the_correlation_is_that_of_scipy(pairs):
    a = np.array([pair[0] for pair in pairs], float)
    b = np.array([pair[1] for pair in pairs], float)
    found = correlations({"a": a}, {"b": b})
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert found == []
    else:
        assert found[0].rho == pytest.approx(scipy.stats.spearmanr(a, b).statistic, abs=1e-9)
        assert found[0].n == len(pairs)


def test_runs_without_a_number_are_left_out_of_a_pair():
    a, b = np.arange(10.0), np.arange(10.0) ** 2
    b[3] = math.nan
    assert correlations({"a": a}, {"b": b})[0][2:] == (1.0, 9)
    assert correlations({"a": a[:4]}, {"b": b[:4]}) == []


@given(st.lists(numbers, min_size=1, max_size=20), st.booleans(), st.booleans(), st.integers(1, 8))
@example([1.7e308, -1.7e308], False, False, 3)
@example([5e-324, 0.0], False, True, 3)
@example([1e16, 1e16 + 2], False, True, 3)
def test_an_axis_holds_its_numbers_and_its_ticks(values, zero, tight, count):
    found = axis(values, count=count, zero=zero, tight=tight)
    assert found.low < found.high
    slack = 1e-8 * (found.high / 2 - found.low / 2)
    for value in [*values, *found.ticks]:
        assert found.low - slack <= value <= found.high + slack
        assert -1e-6 <= found.place(value) <= 1 + 1e-6
    assert sorted(found.ticks) == list(found.ticks)
    assert 1 <= len(found.ticks) <= 12
    texts = [text for _, text in found.labels()]
    if len(set(found.ticks)) == len(found.ticks) and found.high - found.low > 1e-290:
        assert len(set(texts)) == len(texts)
    if zero:
        assert found.low <= 0 <= found.high
    if tight and len(set(values)) > 1 and not zero:
        assert (found.low, found.high) == (min(values), max(values))


@given(st.lists(st.tuples(numbers, st.none() | st.floats()), max_size=30))
@example([(5e-324, None)])
def test_paths_are_whole_numbers_near_the_plot_whatever_the_values(points):
    xs = [x for x, _ in points]
    ys = [y for _, y in points]
    x = axis(xs, tight=True)
    y = axis([value for value in ys if value is not None])
    heights = [0.0 if v is None or not math.isfinite(v) else v for v in ys]
    marks = [
        line(x, y, xs, ys),
        dots(x, y, xs, ys),
        band(x, y, xs, ys, ys),
        bars(x, y, [(v, v) for v in xs], heights),
    ]
    for mark in marks:
        assert re.fullmatch(r"[MlhvzL0-9 -]*", mark.path)
    placed = re.findall(r"M(-?\d+) (-?\d+)", marks[1].path)
    assert all(-SPAN <= int(a) <= 2 * SPAN and -SPAN <= int(b) <= 2 * SPAN for a, b in placed)
    there = sum(value is not None and math.isfinite(value) for value in ys)
    assert len(placed) <= there
    assert bool(placed) == bool(there)


def test_a_line_has_a_gap_where_a_value_is_missing():
    x, y = axis([0, 4], tight=True), axis([0, 1], zero=True)
    path = line(x, y, [0, 1, 2, 3, 4], [0.0, 1.0, None, 1.0, 0.0]).path
    assert path == f"M0 {SPAN}l500 -{SPAN}M1500 0l500 {SPAN}"


@given(st.integers(0, 300), st.integers(2, 50))
def test_spaced_items_keep_the_first_and_the_last(count, most):
    items = list(range(count))
    found = spaced(items, most)
    assert len(found) == min(count, most)
    assert found == sorted(set(found))
    if count:
        assert (found[0], found[-1]) == (0, count - 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.nan, "–"), (0, "0"), (0.0, "0"), (1024, "1,024"), (-3, "-3"),
        (0.12345, "0.1235"), (-0.0, "0"), (1.5, "1.5"), (99.99, "99.99"), (123456.7, "123,457"),
        (1e-9, "1e-9"), (1.5e300, "1.5e300"), (10**400, "1.000e+400"),
    ],
)  # fmt: skip
def test_numbers_are_short_and_readable(value, text):
    assert number_text(value) == text


def test_sizes_have_units():
    assert [bytes_text(n) for n in (0, 999, 1500, 2_340_000, 10**12)] == [
        *("0 bytes", "999 bytes", "1.5 kB", "2.34 MB", "1,000 GB")
    ]
