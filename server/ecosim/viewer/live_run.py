"""One world run at a steady pace in a thread of its own.

The thread alone touches the engine and the emitter. Others give it orders and questions, which
it takes between two ticks, all orders first; frames leave it through a :class:`Listener`.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from ecosim.engine import EcosystemEngine
from ecosim.errors import EcosimError
from ecosim.telemetry import TelemetryEmitter
from ecosim.viewer.messages import Control
from ecosim.viewer.pacing import Pace

RunStatus = Literal["completed", "stopped", "failed"]
EndStatus = Literal["completed", "stopped"]
_Result = TypeVar("_Result")


class Listener(Protocol):
    """Who is told what the run does, in the run's thread; must not wait for clients."""

    @property
    def wants_packets(self) -> bool:
        """Whether anybody listens: packets are not made for nobody."""

    def packet(self, frame: bytes) -> None:
        """Take the packet of the tick just done, as JSON."""

    def ended(self) -> None:
        """Learn that the run is over and its telemetry closed."""


@dataclass(slots=True)
class Cost:
    """Nanoseconds spent since the start: in steps, in the emitter's calls, in making packets."""

    step_ns: int = 0
    emitter_ns: int = 0
    packet_ns: int = 0


@dataclass(frozen=True, slots=True)
class _Question(Generic[_Result]):
    ask: Callable[[EcosystemEngine], _Result]
    future: Future[_Result]

    def answer(self, engine: EcosystemEngine) -> None:
        if self.future.set_running_or_notify_cancel():
            try:
                self.future.set_result(self.ask(engine))
            except Exception as error:
                self.future.set_exception(error)


class LiveRun:
    """Runs an engine tick by tick until it is told to stop.

    Parameters
    ----------
    engine : EcosystemEngine
        Made without telemetry, at tick 0.
    emitter : TelemetryEmitter or None
        Initialised with the engine; closed when the run ends.
    rate : float
        Ticks a second.
    ticks : int or None
        Where the run is completed; None never.
    paused : bool
        Whether it waits for ``resume`` before the first tick.
    """

    def __init__(
        self,
        engine: EcosystemEngine,
        emitter: TelemetryEmitter | None,
        *,
        rate: float,
        ticks: int | None = None,
        paused: bool = False,
    ) -> None:
        self._engine = engine
        self._emitter = emitter
        self.ticks = ticks
        self.paused = paused
        #: How the run ended; None until then.
        self.status: RunStatus | None = None
        #: Why the run failed, in one line.
        self.error: str | None = None
        self.cost = Cost()
        #: Ticks a second that are asked for; in force from the next tick on.
        self.rate = rate
        self._pace = Pace(rate, 0.0)
        self._first_ns = 0
        self._last_ns = 0
        #: Set when the run is to end, and then how.
        self._ending: EndStatus = "completed"
        self._is_ending = False
        self._leaving = False
        #: Guards the two below, and wakes the thread for them.
        self._asked = threading.Condition()
        self._orders: deque[Callable[[], None]] = deque()
        self._questions: deque[_Question[Any]] = deque()
        #: Whether the thread is over and answers nothing any more.
        self._gone = False
        self._thread: threading.Thread | None = None

    # ---- from any thread -----------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether the run is over."""
        return self.status is not None

    @property
    def tick(self) -> int:
        """Ticks completed."""
        return self._engine.tick

    @property
    def measured_rate(self) -> float | None:
        """Ticks a second of late; None while there are none."""
        return None if self.paused or self.finished else self._pace.measured_rate

    @property
    def loop_ns(self) -> int:
        """Time from the beginning of the first tick to the end of the last."""
        return self._last_ns - self._first_ns

    def start(self, listener: Listener) -> None:
        """Begin to run."""
        self._thread = threading.Thread(
            target=self._main, args=(listener,), name="ecosim-run", daemon=True
        )
        self._thread.start()

    def ask(self, question: Callable[[EcosystemEngine], _Result]) -> Future[_Result]:
        """Let the run's thread answer a question between two ticks, also after the end.

        Answers come one a tick while the run is late; once :meth:`leave` was called, the future
        is cancelled.
        """
        future: Future[_Result] = Future()
        with self._asked:
            if self._gone:
                future.cancel()
            else:
                self._questions.append(_Question(question, future))
                self._asked.notify()
        return future

    def control(self, control: Control) -> None:
        """Do what a control message says, between two ticks."""
        self._order(lambda: self._obey(control))

    def change_rate(self, rate: float) -> None:
        """Take another number of ticks a second."""
        self.rate = rate  # at once, so that who looks after the answer finds what was asked for

        def change() -> None:
            self._pace.change_rate(rate, time.perf_counter())
            self._flush()

        self._order(change)

    def stop(self) -> None:
        """End the run, if it is not over, as ``stopped``."""
        self.control(Control("stop"))

    def leave(self) -> None:
        """End the thread, and the run as ``stopped`` if it is not over; wait until it is done."""

        def go() -> None:
            self._leaving = True
            self._end_as("stopped")

        self._order(go)
        if self._thread is not None:
            self._thread.join()

    def _order(self, order: Callable[[], None]) -> None:
        with self._asked:
            self._orders.append(order)
            self._asked.notify()

    # ---- the thread ----------------------------------------------------------------------------

    def _main(self, listener: Listener) -> None:
        try:
            if self._emitter is None:
                self._run(listener)
            else:
                with self._emitter:
                    self._run(listener)
                    self._emitter.close(self._ending)
            self.status = self._ending
        except Exception as error:
            self.error = (
                str(error) if isinstance(error, EcosimError) else f"{type(error).__name__}: {error}"
            )
            self.status = "failed"
        listener.ended()
        while not self._leaving:
            self._do(None)
        with self._asked:
            self._gone = True
            for question in self._questions:
                question.future.cancel()
            self._questions.clear()

    def _run(self, listener: Listener) -> None:
        self._pace.restart(time.perf_counter())
        while not self._is_ending:
            if self.paused:
                self._do(None)
                continue
            wait = self._pace.wait(time.perf_counter())
            if wait > 0:
                self._do(wait)
                continue
            self._advance(listener)
            self._do(0)

    def _do(self, wait: float | None) -> None:
        """Do every order, then answer one question; wait for either, None is for ever."""
        with self._asked:
            self._asked.wait_for(lambda: self._orders or self._questions, wait)
            orders = tuple(self._orders)
            self._orders.clear()
        for order in orders:
            order()
        # One a tick, so that those who ask cannot hold up a run that is late.
        if self._questions and not self._leaving:
            self._questions.popleft().answer(self._engine)

    def _advance(self, listener: Listener) -> None:
        began = time.perf_counter()
        self._pace.began(began)
        start = time.perf_counter_ns()
        self._first_ns = self._first_ns or start
        self._engine.step()
        stepped = time.perf_counter_ns()
        if self._emitter is not None:
            self._emitter.on_tick()
        emitted = time.perf_counter_ns()
        if listener.wants_packets:
            packet = self._engine.packet()
            frame = json.dumps(packet, separators=(",", ":"), allow_nan=False).encode()
            listener.packet(frame)
        self._last_ns = time.perf_counter_ns()
        self.cost.step_ns += stepped - start
        self.cost.emitter_ns += emitted - stepped
        self.cost.packet_ns += self._last_ns - emitted
        if self.ticks is not None and self._engine.tick >= self.ticks:
            self._end_as("completed")

    def _obey(self, control: Control) -> None:
        if self.finished:
            return
        if control.type == "stop":
            self._end_as("stopped")
        elif control.type == "pause":
            if not self.paused:
                self.paused = True
                self._flush()
        elif control.type == "resume":
            if self.paused:
                self.paused = False
                self._pace.restart(time.perf_counter())
        else:
            assert control.intensity is not None
            self._engine.apply_rain(control.intensity)

    def _end_as(self, ending: EndStatus) -> None:
        if not self._is_ending:
            self._is_ending = True
            self._ending = ending

    def _flush(self) -> None:
        """Let those who watch see what is there before the next tick, which may be far off."""
        if self._emitter is not None and self._emitter.active:
            self._emitter.flush()


def state_of(run: LiveRun) -> dict[str, Any]:
    """Return where a run is, without the world, as JSON data."""
    return {
        "tick": run.tick,
        "ticks_limit": run.ticks,
        "rate": run.rate,
        "ticks_per_second": run.measured_rate,
        "paused": run.paused,
        "finished": run.finished,
        "status": run.status,
        "error": run.error,
        "step_ns": run.cost.step_ns,
        "emitter_ns": run.cost.emitter_ns,
        "packet_ns": run.cost.packet_ns,
        "loop_ns": run.loop_ns,
    }
