"""The engine: one world, run tick by tick."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ecosim.engine.arrays import FloatArray, read_only
from ecosim.engine.packets import PacketWriter, entity_dicts
from ecosim.engine.phases import SCHEDULE
from ecosim.engine.placement import place
from ecosim.engine.randomness import Streams, choose_seed
from ecosim.engine.simulation import Simulation
from ecosim.engine.state import Columns
from ecosim.engine.world import load_world
from ecosim.engine.world_models import World
from ecosim.errors import WorldError

if TYPE_CHECKING:
    from ecosim.telemetry import Status, TelemetryConfig, TelemetryEmitter
    from ecosim.telemetry_event_table import EventRow, EventTable

#: Longest tick, s: beyond it the slow processes, which run every 50 ticks, would be too coarse.
MAX_DT = 0.5


class EcosystemEngine:
    """Runs one world. The same world and seed give the same run.

    Parameters
    ----------
    world : str, Path, mapping or World
        A loaded world, its data, a path, or the name of a shipped one.
    seed : int, optional
        Goes before the world's own; drawn where neither is stated.
    telemetry : bool, mapping, TelemetryConfig or TelemetryEmitter, optional
        Settings of the telemetry, or an emitter made before; True takes the world's settings or
        the defaults. None takes the world's block, and no telemetry where it has none.

    Attributes
    ----------
    tick : int
        Ticks completed.
    seed : int
        The seed in use.
    simulation : Simulation
        The state that the phases work on, for tests and tools; changing it changes the run.

    Raises
    ------
    WorldError
        The world or the seed has mistakes.
    TelemetryError
        The telemetry cannot start.
    """

    def __init__(
        self,
        world: str | os.PathLike[str] | Mapping[str, Any] | World,
        *,
        seed: int | None = None,
        telemetry: bool | Mapping[str, Any] | TelemetryConfig | TelemetryEmitter | None = None,
    ) -> None:
        self._definition = world if isinstance(world, World) else load_world(world)
        self.seed = choose_seed(seed, self._definition.seed)
        streams = Streams.from_seed(self.seed)
        layout = place(self._definition, streams.start)
        self.simulation = Simulation(self._definition, layout, streams)
        self._dt = self._definition.sim_config.time.dt
        self._last_dt = self._dt
        self._ran_at = [0.0] * len(SCHEDULE)
        self._packets = PacketWriter(self.simulation)
        self._packet: dict[str, Any] | None = None
        self._grid: dict[str, FloatArray] | None = None
        self._emitter = self._make_emitter(telemetry)
        if self._emitter is not None:
            self._emitter.on_init(self)

    def __getstate__(self) -> dict[str, Any]:
        # A copied view is no view of the copied layers, and a run has one telemetry.
        return {**vars(self), "_grid": None, "_emitter": None}

    # ---- running -------------------------------------------------------------------------------

    def step(self, dt: float | None = None) -> None:
        """Advance the world by one tick.

        Parameters
        ----------
        dt : float, optional
            Model time of the tick in s, above 0 and at most 0.5; ``sim_config.time.dt`` by
            default. Slow processes keep their periods in ticks and catch up on the time between.

        Raises
        ------
        WorldError
            ``dt`` is out of range.
        """
        sim = self.simulation
        chosen = self._dt if dt is None else _number("dt", dt, MAX_DT, open_at_zero=True)
        sim.tick += 1
        sim.time += chosen
        sim.event_table.begin_tick(sim.tick)
        tick, time, ran_at = sim.tick, sim.time, self._ran_at
        for index, phase in enumerate(SCHEDULE):
            if tick % phase.period == phase.offset:
                phase.run(sim, time - ran_at[index])
                ran_at[index] = time
        self._last_dt = chosen
        self._packet = None
        if self._emitter is not None:
            self._emitter.on_tick()

    def apply_rain(self, intensity: float) -> None:
        """Let it rain for ``sim_config.water.rain_duration`` from the next tick on.

        Parameters
        ----------
        intensity : float
            0 to 1. Takes the place of a storm under way.

        Raises
        ------
        WorldError
            The intensity is out of range.
        """
        chosen = _number("rain.intensity", intensity, 1.0)
        self.simulation.rain_asked = chosen

    def close(self, status: Status = "completed", error: str | None = None) -> None:
        """End the telemetry; a second call does nothing.

        Parameters
        ----------
        status : {"completed", "stopped", "failed"}
        error : str, optional
            What went wrong, one line.
        """
        if self._emitter is not None:
            self._emitter.close(status, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._emitter is not None:
            self._emitter.__exit__(kind, error, traceback)

    # ---- what a host shows ---------------------------------------------------------------------

    @property
    def tick(self) -> int:
        """Ticks completed."""
        return self.simulation.tick

    @property
    def time(self) -> float:
        """Model time of the completed ticks, s."""
        return self.simulation.time

    @property
    def world(self) -> dict[str, Any]:
        """The merged world definition, with the seed in use; a new mapping at each call."""
        return {**self._definition.to_dict(), "seed": self.seed}

    @property
    def entities(self) -> dict[str, dict[str, Any]]:
        """The living entities by id, as plain data made at each call."""
        return {one["id"]: one for one in entity_dicts(self.simulation)}

    @property
    def voxel_grid(self) -> dict[str, FloatArray]:
        """The layers, arrays of shape (nx, ny, nz), read-only views of the live values."""
        if self._grid is None:  # the arrays are the same ones all through the run
            layers = self.simulation.soil.layers
            self._grid = {name: read_only(layer) for name, layer in layers.items()}
        return self._grid.copy()

    @property
    def voxel_versions(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Pairs (depth_end, version) of each layer: equal versions, equal cells in those depths."""
        return self.simulation.soil.versions()

    @property
    def events(self) -> list[EventRow]:
        """The events of the tick just done, in the order in which they happened."""
        return list(self.event_table.rows_of(self.tick))

    @property
    def event_table(self) -> EventTable:
        """The events of the last ticks, by codes."""
        return self.simulation.event_table

    def entity_columns(self) -> Columns:
        """Return the entities as columns, valid until the next step."""
        return self.simulation.table.columns()

    def packet(self) -> dict[str, Any]:
        """Return the tick packet of the tick just done; a second call gives the same one."""
        if self._packet is None:
            self._packet = self._packets.packet(self.simulation, self._last_dt)
        return self._packet

    def ledger(self) -> dict[str, float]:
        """Return the nutrient account, see :meth:`Simulation.ledger`."""
        return self.simulation.ledger()

    # ---- telemetry -----------------------------------------------------------------------------

    def _make_emitter(
        self, telemetry: bool | Mapping[str, Any] | TelemetryConfig | TelemetryEmitter | None
    ) -> TelemetryEmitter | None:
        block = self._definition.telemetry
        if telemetry is None:
            settings: Any = block
        elif telemetry is True:
            settings = {**(block or {}), "enabled": True}
        else:
            settings = telemetry
        if settings is None or settings is False:
            return None
        from ecosim.telemetry import TelemetryEmitter

        if isinstance(settings, TelemetryEmitter):
            return settings
        emitter = TelemetryEmitter(settings)
        return emitter if emitter.config.enabled else None


def _number(path: str, value: Any, most: float, *, open_at_zero: bool = False) -> float:
    """Return a number from 0 to ``most``."""
    expected = f"{path}: expected a number {'> 0' if open_at_zero else '>= 0'} and <= {most}"
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise WorldError([f"{expected}, got {value!r}"])
    number = float(value)
    if not math.isfinite(number) or not 0 <= number <= most or (open_at_zero and number == 0):
        raise WorldError([f"{expected}, got {value!r}"])
    return number
