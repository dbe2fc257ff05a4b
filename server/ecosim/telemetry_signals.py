"""Signals held back while something is under way that must not be cut in two."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final, Self

#: Those whose handlers raise by custom: Ctrl-C, a request to end, a time limit.
_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGALRM") if hasattr(signal, name)
)


class Uninterrupted:
    """A ``with`` block in whose middle no handler of a signal runs: it does so behind the block.

    What is taken out of the core is in memory alone until it is written: a KeyboardInterrupt
    between the two would lose it. Handlers run in the main thread only, so in others there is
    nothing to do.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}
        self._arrived: list[tuple[int, FrameType | None]] = []

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._arrived.append((number, frame))

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            try:
                for number in _SIGNALS:
                    handler = signal.getsignal(number)
                    if callable(handler):  # no default action, and nobody ignores it
                        self._handlers[number] = handler
                        signal.signal(number, self._note)
            except ValueError:
                pass  # the main thread of a subinterpreter, where no handler runs either
            except BaseException:
                self._restore()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        handlers = self._handlers.copy()
        self._restore()
        for number, frame in self._arrived:
            handlers[number](number, frame)

    def _restore(self) -> None:
        while self._handlers:
            signal.signal(*self._handlers.popitem())
