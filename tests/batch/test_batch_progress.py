"""Progress: a bar on a terminal, plain lines elsewhere, and what both say."""

from __future__ import annotations

import io

import pytest

from ecosim.batch.ledger import Attempt
from ecosim.batch.progress import (
    LiveProgress,
    PlainProgress,
    RunRate,
    duration_text,
    progress_for,
    rate_text,
)
from ecosim.batch.runner import Observer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def attempt(run_id: str, status: str = "done", error: str | None = None) -> Attempt:
    return Attempt(run_id, 1, "local-0", "2026-01-01T00:00:00+00:00", 1.0, status, error)


def play(observer: Observer) -> None:
    """Show a batch of three with one success, one retry and one failure."""
    observer.begin(3, 0, 0)
    observer.settled(attempt("r1"))
    observer.waiting()
    observer.retried(attempt("r2", "died", "killed by [red]SIGKILL[/red]"))
    observer.settled(attempt("r3", "failed", "ValueError: [bold]"))
    observer.end()


def test_a_stream_that_is_no_terminal_gets_lines() -> None:
    stream = io.StringIO()
    observer = progress_for(stream)
    assert isinstance(observer, PlainProgress)
    play(observer)
    assert stream.getvalue().splitlines() == [
        "3 runs to do",
        "r2 died: killed by [red]SIGKILL[/red]; it will be tried again",
        "r3 failed: ValueError: [bold]",
    ]


def test_lines_of_progress_come_now_and_then() -> None:
    stream = io.StringIO()
    play(PlainProgress(stream, seconds=0))
    lines = [line for line in stream.getvalue().splitlines() if " of 3 done" in line]
    assert lines[0].startswith("1 of 3 done, 0 failed, ")
    assert lines[-1].startswith("1 of 3 done, 1 failed, ")
    assert all(line.endswith(" left") for line in lines)


def test_a_continued_batch_says_where_it_stands() -> None:
    stream = io.StringIO()
    PlainProgress(stream).begin(10, 4, 1)
    assert stream.getvalue() == "continuing: 4 of 10 runs done, 1 set aside\n"


def test_a_terminal_gets_a_bar_and_errors_as_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    stream = Terminal()
    observer = progress_for(stream)
    assert isinstance(observer, LiveProgress)
    play(observer)
    shown = stream.getvalue()
    assert "r2 died: killed by [red]SIGKILL[/red]; it will be tried again" in shown
    assert "r3 failed: ValueError: [bold]" in shown
    assert "2/3" in shown
    assert "1 failed" in shown


def test_the_rate_follows_the_latest_runs() -> None:
    rate = RunRate(0.0)
    assert rate.per_second() is None
    assert rate.seconds_left(5) is None
    for second in range(1, 101):
        rate.settle(float(second))
    assert rate.per_second() == pytest.approx(1.0)
    for step in range(1, 101):
        rate.settle(100 + step / 4)
    assert rate.per_second() == pytest.approx(4.0)
    assert rate.seconds_left(8) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (0, "0 s"), (59.4, "59 s"), (187, "3:07 min"), (7500, "2:05 h")],
)
def test_durations_are_for_people(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"), [(None, "? runs/s"), (12.34, "12.3 runs/s"), (0.05, "3.0 runs/min")]
)
def test_rates_are_for_people(rate: float | None, text: str) -> None:
    assert rate_text(rate) == text
