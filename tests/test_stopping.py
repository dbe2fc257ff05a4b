"""What a command does when it is asked to end, once and once more."""

from __future__ import annotations

import os
import signal

import pytest

from ecosim.stopping import interrupted_by_signals, stopped_by_signals

NUMBERS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("first", NUMBERS)
@pytest.mark.parametrize("second", NUMBERS)
def test_the_first_request_is_told_and_the_second_one_does_not_wait(
    first: signal.Signals, second: signal.Signals
) -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with stopped_by_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), first)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), second)
    assert [signal.getsignal(number) for number in NUMBERS] == before


@pytest.mark.parametrize("number", NUMBERS)
def test_a_request_before_there_is_anything_to_keep_is_an_interruption(
    number: signal.Signals,
) -> None:
    before = [signal.getsignal(one) for one in NUMBERS]
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        os.kill(os.getpid(), number)
    assert [signal.getsignal(one) for one in NUMBERS] == before
