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
import os
import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from ecosim.telemetry_backend import choose
from ecosim.telemetry_config import (
    SnapshotConfig,
    TelemetryConfig,
    check_run_id,
    new_run_id,
)
from ecosim.telemetry_errors import (
    HostError,
    OutputError,
    TelemetryConfigError,
    TelemetryError,
    told,
)
from ecosim.telemetry_host import HostView, defined_species
from ecosim.telemetry_records import config_record, end_record, line
from ecosim.telemetry_signals import HeldSignals
from ecosim.telemetry_snapshots import SnapshotWriter, cell_size_of, snapshots_path
from ecosim.telemetry_values import describe
from ecosim.telemetry_writers import Sink, Tee, open_sink

__all__ = [
    "BACKEND",
    "EventTable",
    "HostError",
    "OutputError",
    "SnapshotConfig",
    "TelemetryConfig",
    "TelemetryConfigError",
    "TelemetryEmitter",
    "TelemetryError",
    "TelemetryWarning",
]

_LIVE: Final = choose()

#: Which core is live: ``"compiled"`` or ``"python"``.
BACKEND: Final = _LIVE.name

if TYPE_CHECKING:
    from ecosim.telemetry_event_table import EventTable
else:
    EventTable = _LIVE.event_table

Status = Literal["completed", "stopped", "failed"]

#: What is queued waits no longer than this, so that the files can be followed.
_LONGEST_WAIT_NS: Final = 1_000_000_000
_LARGEST_QUEUE: Final = 64
#: Events; their records and their text are then some 700 KiB, which fits the second-level caches of
#: most processors. A quarter of it costs a busy world a quarter more: each look finds cold caches.
_LARGEST_BACKLOG: Final = 4096
#: A host that keeps its events is left alone this long at most.
_LONGEST_QUIET_NS: Final = 250_000_000


class TelemetryWarning(UserWarning):
    """Something the user should know: the telemetry gave up, or runs on the slow core."""


def _warn(message: str) -> None:
    """Warn at the line of the host that called, through whichever methods it came."""
    frame: FrameType | None = sys._getframe()
    level = 1
    while frame is not None and frame.f_globals is globals():
        frame, level = frame.f_back, level + 1
    warnings.warn(message, TelemetryWarning, stacklevel=level)


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
    sinks : sequence of Sink
        Get the same lines as the files, after them; opened already, closed with the files.

    Raises
    ------
    TelemetryConfigError
        A setting or the run id is out of range.

    Notes
    -----
    Call order: :meth:`on_init` once, :meth:`on_tick` after every tick, :meth:`close` once; leaving
    the context closes too. One emitter serves one run, from one thread. It reads the host and never
    writes to it, keeps none of its objects but its event table, and draws no random number.
    """

    def __init__(
        self,
        config: TelemetryConfig | Mapping[str, Any] | bool | None = None,
        *,
        run_id: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        sinks: Sequence[Sink] = (),
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
        self._more_sinks = tuple(sinks)
        self._host: HostView | None = None
        self._sink: Sink | None = None
        self._snapshots: SnapshotWriter | None = None
        self._dimensions: tuple[int, int, int] | None = None
        self._tick = 0
        self._sampled_tick = 0
        #: The tick from which on the next sample or snapshot is due.
        self._due = 0
        self._failure: str | None = None
        self._closed = False
        #: The process whose files these are; one forked from it has them too, and must not write.
        self._process = os.getpid()
        self._signals = HeldSignals()
        #: Whether there are ticks to watch: initialised, neither failed nor closed. On its own, as
        #: every tick of most hosts asks for it.
        self._watching = False
        self._is_whole = True
        self._written_at = 0
        self._first_entry = 0
        self._last_exit = 0
        self._emitter_ns = 0
        #: Calls of on_tick with nothing to do: how many in a row, and how many of these are left.
        self._quiet = 0
        self._quiet_left = 0
        self._observed_at = 0
        self._events_observed = 0

    @property
    def active(self) -> bool:
        """Whether ticks are being watched: initialised, enabled, neither failed nor closed."""
        return self._watching

    @property
    def emitter_ns(self) -> int:
        """Time spent in the emitter's calls since the first tick, ns."""
        return self._emitter_ns

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files and folders this run writes; none before :meth:`on_init`."""
        if self._sink is None:
            return ()
        return (*self._sink.paths, *(() if self._snapshots is None else (self._snapshots.path,)))

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
        if _LIVE.note is not None:
            _warn(_LIVE.note)
        try:
            self._open(host)
        except Exception as error:
            self._fail(error)

    def on_tick(self, packet: Mapping[str, Any] | Iterable[Any] | None = None) -> None:
        """Take note of a tick that the host has just completed.

        Parameters
        ----------
        packet : mapping, iterable or None
            The tick packet (its ``tick`` counts where the host has none, its ``events`` unless the
            host offers an ``event_table``), the tick's events, or None to read the host's.

        Raises
        ------
        HostError
            The host handed over something that does not fit, or its tick went backwards.
        OutputError
            The files cannot be written.
        """
        if self._quiet_left:
            self._quiet_left -= 1
            return
        entered = time.perf_counter_ns()
        if not self._watching:
            self._refuse()
            return
        if not self._first_entry:
            self._first_entry = entered
        try:
            self._observe(packet, entered)
        except Exception as error:
            self._fail(error)
        finally:
            self._last_exit = time.perf_counter_ns()
            self._emitter_ns += self._last_exit - entered
            if self._signals.arrived:
                self._signals.answer()

    def flush(self) -> None:
        """Write everything recorded so far, the open batch of events included."""
        if self._watching:
            entered = time.perf_counter_ns()
            try:
                self._flush()
            except Exception as error:
                self._fail(error)
            finally:
                self._emitter_ns += time.perf_counter_ns() - entered
                self._signals.answer()

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
        entered = time.perf_counter_ns()
        try:
            if self._watching and self._is_ours:
                self._finish(status, error, entered)
        except Exception as failure:
            self._fail(failure)
        finally:
            self._closed, self._watching = True, False
            self._release()
            self._signals.answer()

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
            self.close(status, told(error) if status == "failed" else None)
        except TelemetryError as failure:
            error.add_note(f"the telemetry could not be closed either: {failure}")

    # ---- the steps, whose failures go to _fail -------------------------------------------------

    def _open(self, host: Any) -> None:
        self._process = os.getpid()
        self._host = view = HostView(host)
        self._dimensions = view.dimensions()
        self._tick = view.tick() if view.has_tick else 0
        world = view.world()  # a host may make it anew at each look
        for species in defined_species(world):
            self._core.declare_species(species)
        self._core.begin_tick(self._tick)
        count = self._sample()
        self._core.take_events(cut=True)  # the first batch starts with the first tick
        if self.config.voxel_snapshots is not None:
            self._snapshots = self._snapshot_writer(self.config.voxel_snapshots, view, world)
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
            snapshots=None if self._snapshots is None else self._snapshots.settings,
        )
        files = open_sink(self.config, self.run_id)
        self._sink = Tee([files, *self._more_sinks]) if self._more_sinks else files
        self._watching = True
        self._sink.write_telemetry(line(record))
        if self._snapshots is not None:
            self._snapshots.take(self._tick, view.grid())
            self._snapshots.spent_ns = 0  # as emitter_ns, it counts from the first tick on
        self._plan()
        self._written_at = self._observed_at = time.perf_counter_ns()

    def _snapshot_writer(
        self, settings: SnapshotConfig, host: HostView, world: Mapping[str, Any]
    ) -> SnapshotWriter:
        return SnapshotWriter(
            snapshots_path(Path(self.config.output_dir).absolute(), self.run_id),
            self.run_id,
            settings,
            host.layers,
            self._dimensions,
            cell_size=cell_size_of(world),
            overwrite=self.config.overwrite,
        )

    def _observe(self, packet: Any, now: int) -> None:
        host, core = self._host, self._core
        assert host is not None
        before, calls = self._tick, self._quiet + 1
        tick, events = host.tick_done(packet, after=self._tick + self._quiet)
        host.check_same_table()
        if host.event_table is not None:
            # Without quiet calls the ticks may be any, as they may of other hosts.
            self._read_table(host.event_table, tick, every=calls > 1)
        else:
            self._tick = tick
            core.begin_tick(tick)
            if type(events) not in (list, tuple) or events:
                core.record_events(events, host.entities_by_id)
            core.end_tick()
        if tick >= self._due:
            self._look(host)
        if (
            now - self._written_at >= _LONGEST_WAIT_NS - _LONGEST_QUIET_NS
            or core.samples_pending >= _LARGEST_QUEUE
            or core.events_pending >= _LARGEST_BACKLOG
        ):
            self._write()
        if host.event_table is not None:
            if tick - before == calls:
                self._quiet = self._quiet_left = self._quiet_calls(host.event_table, calls, now)
            self._observed_at, self._events_observed = now, core.events_recorded

    def _quiet_calls(self, table: EventTable, calls: int, now: int) -> int:
        """Return for how many calls there will be nothing to do.

        The last ``calls`` say how long a tick takes and how many events it has: neither longer is
        waited than may be, nor for more events than fit the caches.
        """
        until_due = self._due - self._tick
        if until_due <= 1:
            return 0
        tick_ns = max((now - self._observed_at) // calls, 1)
        events_a_tick = (self._core.events_recorded - self._events_observed) // calls + 1
        ticks: int = min(
            table.ticks_kept,
            until_due,
            _LONGEST_QUIET_NS // tick_ns,
            _LARGEST_BACKLOG // events_a_tick,
        )
        return max(ticks - 1, 0)

    def _look(self, host: HostView) -> None:
        """Take the sample, the snapshot or both that are due."""
        self._check_process()
        if self._tick - self._sampled_tick >= self.config.interval:
            self._sample()
        if self._snapshots is not None and self._tick >= self._snapshots.due:
            self._snapshots.take(self._tick, host.grid())
        self._plan()

    def _plan(self) -> None:
        """Find the tick from which on there is something to take."""
        self._due = self._sampled_tick + self.config.interval
        if self._snapshots is not None:
            self._due = min(self._due, self._snapshots.due)

    def _catch_up(self) -> None:
        """Record the ticks of the quiet calls there were; the host may be in the next one."""
        calls = self._quiet - self._quiet_left
        self._quiet = self._quiet_left = 0
        if calls:
            assert self._host is not None
            self._last_exit = time.perf_counter_ns()  # the quiet calls did not look at the clock
            self._read_table(self._host.event_table, self._tick + calls)
            self._host.check_same_table()

    def _read_table(self, table: EventTable, tick: int, *, every: bool = True) -> None:
        """Record what the host's table has of the ticks up to ``tick``."""
        table.check_ticks(self._tick, tick, every=every)
        # From here on the ticks are dealt with; before, those of quiet calls could still be had.
        self._quiet = self._quiet_left = 0
        try:
            self._core.record_table(table, self._tick, tick)
        finally:
            self._tick = self._core.tick  # where it failed, that of the faulty event

    def _sample(self) -> int:
        """Read the host's state into a sample, and return its number of entities."""
        host, core = self._host, self._core
        assert host is not None
        columns = host.columns()
        count = (
            core.read_entities(host.entities()) if columns is None else core.read_columns(columns)
        )
        if host.layers:
            core.read_layers(host.layers, host.grid(), self._dimensions, host.voxel_versions())
        core.close_sample()
        self._sampled_tick = self._tick
        return count

    @property
    def _is_ours(self) -> bool:
        """Whether this is the process that opened the files."""
        return os.getpid() == self._process

    def _check_process(self) -> None:
        if not self._is_ours:
            raise TelemetryError(
                f"run {self.run_id} belongs to process {self._process}; this one, "
                f"{os.getpid()}, was forked from it and needs an emitter of its own"
            )

    def _write(self, *, cut: bool = False) -> None:
        assert self._sink is not None
        self._check_process()
        with self._signals:
            self._sink.write_events(self._core.take_events(cut=cut))
            self._sink.write_telemetry(self._core.take_samples())
        self._written_at = time.perf_counter_ns()

    def _flush(self) -> None:
        assert self._sink is not None
        self._catch_up()
        self._write(cut=True)
        self._sink.flush()
        if self._snapshots is not None:
            self._snapshots.flush()

    def _finish(self, status: Status, error: str | None, entered: int) -> None:
        interrupt: BaseException | None = None
        try:
            self._take_rest(status)
        except Exception:
            raise
        except BaseException as caught:  # such as Ctrl-C: what is recorded is written all the same
            status, error, interrupt = "stopped", None, caught
        try:
            with self._signals:
                self._write(cut=True)
                if self._snapshots is not None:
                    self._snapshots.close()
                self._emitter_ns += time.perf_counter_ns() - entered
                self._write_end(status, error)
        finally:
            if interrupt is not None:  # also where the files cannot be written: that is its context
                raise interrupt

    def _take_rest(self, status: Status) -> None:
        """Record the ticks left over, and sample the last."""
        self._catch_up()
        host = self._host
        assert host is not None
        if status == "completed" and self._is_whole and host.event_table is not None:
            # A host may have done more ticks than it announced; the last sample shows them all.
            tick = host.tick() if host.has_tick else self._tick
            if tick > self._tick:
                self._read_table(host.event_table, tick, every=False)
        if status != "failed" and self._is_whole and self._tick > self._sampled_tick:
            self._sample()

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
            snapshots=None if self._snapshots is None else self._snapshots.count,
            snapshot_ns=0 if self._snapshots is None else self._snapshots.spent_ns,
        )
        self._sink.write_telemetry(line(record))
        self._sink.close()

    # ---- failure and the end ------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        """End the telemetry after a failure, then raise or warn as ``on_error`` says."""
        failure = error
        if not isinstance(failure, TelemetryError):
            failure = HostError(f"reading the host failed: {told(error)}")
            failure.__cause__ = error
        self._failure = str(failure)
        self._watching = False
        if self._is_ours:
            self._end_after(failure)
        if self.config.on_error == "raise":
            raise failure
        _warn(f"the telemetry of run {self.run_id} stops at tick {self._tick}: {failure}")

    def _end_after(self, failure: TelemetryError) -> None:
        """Leave the files as complete as the failure allows.

        A file that could not be written gets no ``end`` record: a reader then knows that it is cut
        short, where a record with counts would say otherwise.
        """
        if self._sink is None:
            return
        try:
            self._catch_up()
        except Exception as error:
            # Events that waited may be faulty too; the first failure is the one to tell.
            if str(error) != str(failure):
                failure.add_note(f"then: {error}")
        try:
            if not isinstance(failure, OutputError):
                self._write(cut=True)
                if self._snapshots is not None:
                    self._snapshots.close()
                self._write_end("failed", str(failure))
        except OutputError as error:
            failure.add_note(str(error))
        finally:
            self._release()

    def _release(self) -> None:
        """Close the files, whatever state they are in."""
        if not self._is_ours:
            return
        if self._sink is not None:
            with contextlib.suppress(OutputError):
                self._sink.close()
        if self._snapshots is not None:
            with contextlib.suppress(OutputError):
                self._snapshots.close()

    def _refuse(self) -> None:
        """Say why a tick cannot be watched; say nothing where that was asked for."""
        if not self.config.enabled:
            return
        if self._closed:
            raise TelemetryError(f"on_tick: run {self.run_id} is closed; use a new emitter")
        if self._failure is None:
            raise TelemetryError("on_tick: expected on_init(host) first")
        if self.config.on_error == "raise":
            raise TelemetryError(f"on_tick: the telemetry failed before: {self._failure}")
