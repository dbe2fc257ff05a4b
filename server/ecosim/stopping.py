"""Ending a command in good order when somebody asks for it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Let Ctrl-C and a termination request set the event given instead of ending the process.

    Whoever asks again does not want to wait for the good order: KeyboardInterrupt is raised.
    """
    stop = threading.Event()

    def request(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    with _handled(request):
        yield stop


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let a termination request raise KeyboardInterrupt, as Ctrl-C does: what is open is closed."""

    def request(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    with _handled(request):
        yield


@contextlib.contextmanager
def _handled(handle: Callable[[int, object], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
