"""Ending a command in good order when somebody asks for it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Let Ctrl-C and a termination request set the event given instead of ending the process."""
    stop = threading.Event()

    def request(number: int, frame: object) -> None:
        stop.set()

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
