"""Signals held back while something is under way that must not be cut in two."""

from __future__ import annotations

# The C module behind `signal`, whose own functions make every number and handler a member of an
# enum where they can, and learn by an exception that a function is none: ten times the work.
import _signal  # type: ignore[import-not-found]
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final, Self

#: Those whose handlers raise by custom: Ctrl-C, a request to end, a time limit.
_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGALRM") if hasattr(signal, name)
)


class HeldSignals:
    """A ``with`` block in whose middle no handler of a signal runs; :meth:`answer` calls it later.

    What is taken out of the core is in memory alone until it is written: a KeyboardInterrupt
    between the two would lose it. Blocks may be nested. Handlers run in the main thread only, so
    in others there is nothing to do.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._handlers: dict[int, Any] = {}
        #: What arrived and is not answered yet: handler, number, frame.
        self.arrived: list[tuple[Any, int, FrameType | None]] = []

    def answer(self) -> None:
        """Call the handlers of what arrived, each of them whatever another raises."""
        if self.arrived:
            handler, number, frame = self.arrived.pop(0)
            try:
                handler(number, frame)
            finally:
                self.answer()

    def __enter__(self) -> Self:
        if self._depth == 0 and threading.current_thread() is threading.main_thread():
            try:
                self._hold()
            except BaseException:
                self._restore()
                raise
        self._depth += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._restore()

    def _hold(self) -> None:
        for number in _SIGNALS:
            handler = _signal.getsignal(number)
            if callable(handler):  # neither the default action nor ignored
                self._handlers[number] = handler
                try:
                    _signal.signal(number, self._note)
                except ValueError:  # what Python takes for the main thread is not: none runs here
                    self._handlers.clear()
                    return

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.arrived.append((self._handlers[number], number, frame))

    def _restore(self) -> None:
        try:
            for number in list(self._handlers):
                _signal.signal(number, self._handlers[number])
                del self._handlers[number]
        finally:
            if self._handlers:  # one that is back already has raised
                self._restore()
