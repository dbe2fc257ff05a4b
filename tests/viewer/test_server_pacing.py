"""The schedule: no drift, no burst. Times are numbers here, so nothing waits."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosim.viewer.pacing import Pace


def begin_times(pace: Pace, late: list[float], took: list[float]) -> list[float]:
    """Return when ticks begin that wake up late by some s and take some s."""
    now, began = 0.0, []
    for delay, duration in zip(late, took, strict=True):
        now += max(0.0, pace.wait(now)) + delay
        pace.began(now)
        began.append(now)
        now += duration
    return began


_SMALL = st.lists(st.floats(0, 0.04), min_size=2, max_size=60)


@given(_SMALL)
def test_being_a_little_late_does_not_move_the_ticks_that_follow(late: list[float]) -> None:
    began = begin_times(Pace(10, 0.0), late, [0.05] * len(late))
    for index, moment in enumerate(began):
        assert moment == pytest.approx(index * 0.1 + late[index], abs=1e-9)


def test_time_lost_in_a_stall_is_not_made_up() -> None:
    took = [0.01, 0.01, 1.0, 0.01, 0.01, 0.01]
    began = begin_times(Pace(10, 0.0), [0.0] * 6, took)
    assert began == pytest.approx([0.0, 0.1, 0.2, 1.2, 1.3, 1.4])


def test_a_world_slower_than_the_rate_runs_without_a_pause() -> None:
    began = begin_times(Pace(100, 0.0), [0.0] * 5, [0.03] * 5)
    assert began == pytest.approx([0.0, 0.03, 0.06, 0.09, 0.12])


@given(_SMALL, st.lists(st.floats(0, 3), min_size=60, max_size=60))
def test_there_are_never_two_ticks_made_up_at_once(late: list[float], took: list[float]) -> None:
    began = begin_times(Pace(10, 0.0), late, took[: len(late)])
    for first, third in zip(began, began[2:], strict=False):
        assert third - first >= 0.1 - 1e-9


def test_a_new_rate_counts_from_the_last_tick_and_a_restart_from_now() -> None:
    pace = Pace(10, 0.0)
    pace.began(0.0)
    pace.change_rate(0.5, 0.05)
    assert pace.wait(0.05) == pytest.approx(1.95)
    pace.change_rate(100, 0.06)
    assert pace.wait(0.06) == pytest.approx(-0.05)
    pace.restart(7.0)
    assert pace.wait(7.0) == 0.0


@pytest.mark.parametrize("rate", [5e-324, 1e-9, 1000.0])
def test_any_rate_gives_a_wait_that_a_thread_can_wait_and_that_another_rate_ends(
    rate: float,
) -> None:
    pace = Pace(rate, 0.0)
    pace.began(0.0)
    assert 0 < pace.wait(0.0) < threading.TIMEOUT_MAX
    pace.change_rate(10, 0.0)
    assert pace.wait(0.0) == pytest.approx(0.1, abs=1e-6)


def test_the_measured_rate_is_of_the_last_second() -> None:
    pace = Pace(10, 0.0)
    assert pace.measured_rate is None
    begin_times(pace, [0.0] * 12, [0.0] * 12)
    assert pace.measured_rate == pytest.approx(10)
    pace.restart(9.0)
    assert pace.measured_rate is None
