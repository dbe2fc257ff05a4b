"""Watch an ecosystem engine and write what it does: three calls in a tick loop.

::

    with TelemetryEmitter({"interval": 50, "output_dir": "out"}) as emitter:
        emitter.on_init(engine)
        for _ in range(ticks):
            packet = engine.step()
            emitter.on_tick(packet)

Any engine that fits the host interface (``docs/host-interface.md``) will do. Everything here needs
the standard library alone.
"""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from ecosim.telemetry_backend import choose
from ecosim.telemetry_config import TelemetryConfig, check_run_id, new_run_id
from ecosim.telemetry_errors import (
    HostError,
    OutputError,
    TelemetryConfigError,
    TelemetryError,
)
from ecosim.telemetry_host import HostView
from ecosim.telemetry_records import config_record, end_record, line
from ecosim.telemetry_values import describe, whole_number
from ecosim.telemetry_writers import Sink, open_sink

__all__ = [
    "BACKEND",
    "HostError",
    "OutputError",
    "TelemetryConfig",
    "TelemetryConfigError",
    "TelemetryEmitter",
    "TelemetryError",
    "TelemetryWarning",
]

_LIVE: Final = choose()

#: Which core is live: ``"compiled"`` or ``"python"``.
BACKEND: Final = _LIVE.name

Status = Literal["completed", "stopped", "failed"]

#: What is queued waits no longer than this, so that the files can be followed.
_LONGEST_WAIT_NS: Final = 1_000_000_000
_LARGEST_QUEUE: Final = 64
#: Events; their text is then some 100 KiB, which fits the caches and needs no new pages.
_LARGEST_BACKLOG: Final = 1024
_LONGEST_WAIT_TICKS: Final = 10


class TelemetryWarning(UserWarning):
    """Something the user should know: the telemetry gave up, or runs on the slow core."""


class TelemetryEmitter:
    """Watches one run of one host and writes its telemetry.

    Parameters
    ----------
    config : TelemetryConfig, mapping, bool or None
        Settings; None takes the defaults.
    run_id : str, optional
        Names the files and stands in every record; made up when left out.
    parameters : mapping, optional
        Dotted path to value: what a batch set, for the config record.

    Raises
    ------
    TelemetryConfigError
        A setting or the run id is out of range.

    Notes
    -----
    Call order: :meth:`on_init` once, :meth:`on_tick` after every tick, :meth:`close` once; leaving
    the context closes too. One emitter serves one run, from one thread. It reads the host and never
    writes to it, keeps none of its objects and draws no random number.
    """

    def __init__(
        self,
        config: TelemetryConfig | Mapping[str, Any] | bool | None = None,
        *,
        run_id: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.config = TelemetryConfig.of(config)
        self.run_id = new_run_id() if run_id is None else check_run_id(run_id)
        self.parameters = dict(parameters or {})
        self._core = _LIVE.core(
            self.run_id,
            self.config.variables,
            log_events=self.config.events,
            ring_capacity=self.config.ring_capacity,
            on_full=self.config.on_full,
        )
        self._host: HostView | None = None
        self._sink: Sink | None = None
        self._dimensions: tuple[int, int, int] | None = None
        self._cells: int | None = None
        self._tick = 0
        self._sampled_tick = 0
        self._failure: str | None = None
        self._closed = False
        self._is_whole = True
        self._written_at = 0
        self._first_entry = 0
        self._last_exit = 0
        self._emitter_ns = 0
        #: Ticks whose event columns are not recorded yet, and the tick that ends the wait.
        self._waiting: list[tuple[int, Any]] = []
        self._due = 0

    @property
    def active(self) -> bool:
        """Whether ticks are being watched: initialised, enabled, neither failed nor closed."""
        return self._sink is not None and self._failure is None and not self._closed

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files and folders this run writes; none before :meth:`on_init`."""
        return () if self._sink is None else self._sink.paths

    def on_init(self, host: Any) -> None:
        """Open the files, write the config record and take the first sample.

        Parameters
        ----------
        host : object
            The engine, ready for its first tick.

        Raises
        ------
        HostError
            The host does not fit the host interface.
        OutputError
            A file cannot be made, or an earlier run's is in the way.
        """
        if not self.config.enabled:
            return
        if self._host is not None or self._failure is not None or self._closed:
            raise TelemetryError("on_init: expected one call on a new emitter, got another")
        self._guarded(self._open, host)

    def on_tick(self, packet: Mapping[str, Any] | Iterable[Any] | None = None) -> None:
        """Take note of a tick that the host has just completed.

        Parameters
        ----------
        packet : mapping, iterable or None
            The tick packet (its ``tick`` counts where the host has none, its ``events`` unless the
            host offers ``event_columns``), the tick's events, or None to read the host's.

        Raises
        ------
        HostError
            The host handed over something that does not fit, or its tick went backwards.
        OutputError
            The files cannot be written.
        """
        entered = time.perf_counter_ns()
        if packet is None and self._put_off(entered):
            self._last_exit = time.perf_counter_ns()
            self._emitter_ns += self._last_exit - entered
            return
        if not self.config.enabled:
            return
        if not self.active:
            self._refuse()
            return
        if not self._first_entry:
            self._first_entry = entered
        self._guarded(self._observe, packet, entered)
        self._last_exit = time.perf_counter_ns()
        self._emitter_ns += self._last_exit - entered

    def flush(self) -> None:
        """Write everything recorded so far, the open batch of events included."""
        if self.active:
            entered = time.perf_counter_ns()
            self._guarded(self._flush)
            self._emitter_ns += time.perf_counter_ns() - entered

    def close(self, status: Status = "completed", error: str | None = None) -> None:
        """Sample the ticks left over, write the ``end`` record and close the files.

        A second call does nothing. After a failure the ``end`` record says ``failed`` and why,
        whatever is passed.

        Parameters
        ----------
        status : {"completed", "stopped", "failed"}
        error : str, optional
            What went wrong, one line.
        """
        if status not in ("completed", "stopped", "failed"):
            raise TelemetryConfigError(
                f"status: expected 'completed', 'stopped' or 'failed', got {describe(status)}"
            )
        if self._closed:
            return
        try:
            if self.active:
                self._guarded(self._finish, status, error, time.perf_counter_ns())
        finally:
            self._closed = True
            self._due = 0
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # The error may have struck in the middle of a tick: what the host shows now is the state at
        # the end of none, so no last sample is taken.
        self._is_whole = False
        status: Status = "failed" if isinstance(error, Exception) else "stopped"
        try:
            self.close(status, f"{type(error).__name__}: {error}" if status == "failed" else None)
        except TelemetryError as failure:
            error.add_note(f"the telemetry could not be closed either: {failure}")

    # ---- the steps, each run under _guarded ----------------------------------------------------

    def _open(self, host: Any) -> None:
        if _LIVE.note is not None:
            warnings.warn(_LIVE.note, TelemetryWarning, stacklevel=4)
        self._host = view = HostView(host)
        self._dimensions = view.dimensions()
        self._cells = None if self._dimensions is None else math.prod(self._dimensions)
        self._tick = view.tick() if view.has_tick else 0
        world = view.world()  # a host may make it anew at each look
        for species in _defined_species(world):
            self._core.declare_species(species)
        self._core.begin_tick(self._tick)
        count = self._sample()
        self._core.take_events(cut=True)  # the first batch starts with the first tick
        record = config_record(
            run_id=self.run_id,
            world=world,
            seed=view.seed(),
            parameters=self.parameters,
            interval=self.config.interval,
            variables=self.config.variables,
            species=self._core.species(),
            entity_count=count,
            dimensions=self._dimensions,
            layers=view.layers,
            backend=BACKEND,
        )
        self._sink = open_sink(self.config, self.run_id)
        self._sink.write_telemetry(line(record))
        self._written_at = time.perf_counter_ns()

    def _put_off(self, now: int) -> bool:
        """Keep the events of a tick for later if nothing else is to be done at it.

        After a tick of the engine none of the emitter's code is in the processor's caches, so ten
        ticks' events recorded at once cost less than half as much. Only columns can wait: what they
        hold is no longer the host's to change.
        """
        host = self._host
        if host is None or host.event_columns is None or now - self._written_at >= _LONGEST_WAIT_NS:
            return False
        try:
            tick = host.host.tick
            # After a failure and before the first tick, nothing is due later than now.
            if type(tick) is not int or not self._tick < tick < self._due:
                return False
            self._waiting.append((tick, host.event_columns()))
        except Exception:
            return False  # the longer way meets it again, and says what it is
        self._tick = tick
        return True

    def _observe(self, packet: Any, now: int) -> None:
        host = self._host
        assert host is not None
        events, tick = self._events_and_tick(host, packet)
        if tick <= self._tick:
            raise HostError(f"tick: expected a tick after {self._tick}, got {tick}")
        self._tick = tick
        self._waiting.append((tick, events))
        self._record_waiting()
        if tick - self._sampled_tick >= self.config.interval:
            self._sample()
        self._due = min(tick + _LONGEST_WAIT_TICKS, self._sampled_tick + self.config.interval)
        core = self._core
        if (
            now - self._written_at >= _LONGEST_WAIT_NS
            or core.samples_pending >= _LARGEST_QUEUE
            or core.events_pending >= _LARGEST_BACKLOG
        ):
            self._write()

    def _record_waiting(self) -> None:
        """Record the events of every tick up to now."""
        host, core = self._host, self._core
        assert host is not None
        waiting, self._waiting = self._waiting, []
        species_of = host.species_of()
        for tick, events in waiting:
            core.begin_tick(tick)
            core.record_events(events, species_of)
            core.end_tick()

    def _events_and_tick(self, host: HostView, packet: Any) -> tuple[Any, int]:
        if packet is None or isinstance(packet, Mapping):
            if packet is None or host.event_columns is not None:
                events = host.events()
            else:
                found = packet.get("events")
                events = () if found is None else found
            if not host.has_tick and packet is not None:
                if "tick" not in packet:
                    raise HostError("tick: expected host.tick or packet['tick'], got neither")
                return events, whole_number(packet["tick"], "packet['tick']")
        elif isinstance(packet, (str, bytes)) or not isinstance(packet, Iterable):
            raise HostError(
                f"packet: expected a mapping, an iterable of events or None, got {describe(packet)}"
            )
        else:
            events = packet
        return events, host.tick() if host.has_tick else self._tick + 1

    def _sample(self) -> int:
        """Read the host's state into a sample, and return its number of entities."""
        host, core = self._host, self._core
        assert host is not None
        columns = host.columns()
        count = (
            core.read_entities(host.entities()) if columns is None else core.read_columns(columns)
        )
        grid = host.grid()
        dense = isinstance(grid, Mapping)
        for layer in host.layers:
            if dense:
                core.read_layer(layer, grid[layer], self._cells)
            else:
                core.walk_layer(layer, grid, self._dimensions or (0, 0, 0))
        core.close_sample()
        self._sampled_tick = self._tick
        return count

    def _write(self, *, cut: bool = False) -> None:
        assert self._sink is not None
        self._record_waiting()
        self._sink.write_events(self._core.take_events(cut=cut))
        self._sink.write_telemetry(self._core.take_samples())
        self._written_at = time.perf_counter_ns()

    def _flush(self) -> None:
        assert self._sink is not None
        self._write(cut=True)
        self._sink.flush()

    def _finish(self, status: Status, error: str | None, entered: int) -> None:
        self._record_waiting()
        if status != "failed" and self._is_whole and self._tick > self._sampled_tick:
            self._sample()
        self._write(cut=True)
        self._emitter_ns += time.perf_counter_ns() - entered
        self._write_end(status, error)

    def _write_end(self, status: Status, error: str | None) -> None:
        assert self._sink is not None
        core = self._core
        record = end_record(
            run_id=self.run_id,
            tick=self._tick,
            samples=core.samples_taken,
            events=core.events_written,
            events_dropped=core.events_dropped,
            status=status,
            error=error,
            emitter_ns=self._emitter_ns,
            loop_ns=max(0, self._last_exit - self._first_entry),
        )
        self._sink.write_telemetry(line(record))
        self._sink.close()

    # ---- failure and the end ------------------------------------------------------------------

    def _guarded(self, step: Callable[..., None], *args: Any, **options: Any) -> None:
        """Run a step; on failure end the telemetry, then raise or warn as ``on_error`` says."""
        try:
            step(*args, **options)
            return
        except TelemetryError as error:
            failure = error
        except Exception as error:
            failure = HostError(f"reading the host failed: {type(error).__name__}: {error}")
            failure.__cause__ = error
        self._failure = str(failure)
        self._due = 0
        self._end_after(failure)
        if self.config.on_error == "raise":
            raise failure
        warnings.warn(
            f"the telemetry of run {self.run_id} stops at tick {self._tick}: {failure}",
            TelemetryWarning,
            stacklevel=3,
        )

    def _end_after(self, failure: TelemetryError) -> None:
        """Leave the files as complete as the failure allows.

        A file that could not be written gets no ``end`` record: a reader then knows that it is cut
        short, where a record with counts would say otherwise.
        """
        if self._sink is None:
            return
        try:
            self._record_waiting()
        except Exception as error:
            # Events that waited may be faulty too; the first failure is the one to tell.
            failure.add_note(f"then: {error}")
        try:
            if not isinstance(failure, OutputError):
                self._write(cut=True)
                self._write_end("failed", str(failure))
        except OutputError as error:
            failure.add_note(str(error))
        finally:
            self._release()

    def _release(self) -> None:
        """Close the files, whatever state they are in."""
        if self._sink is not None:
            with contextlib.suppress(OutputError):
                self._sink.close()

    def _refuse(self) -> None:
        """Say why a tick cannot be watched; after a failure that was forgiven, say nothing."""
        if self._closed:
            raise TelemetryError(f"on_tick: run {self.run_id} is closed; use a new emitter")
        if self._failure is None:
            raise TelemetryError("on_tick: expected on_init(host) first")
        if self.config.on_error == "raise":
            raise TelemetryError(f"on_tick: the telemetry failed before: {self._failure}")


def _defined_species(world: Mapping[str, Any]) -> list[str]:
    """Return the species a world defines, so that they are listed before the first is born."""
    definitions = world.get("species_definitions")
    if not isinstance(definitions, (list, tuple)):
        return []
    found = (item.get("species_id") for item in definitions if isinstance(item, Mapping))
    return [species for species in found if isinstance(species, str)]
