"""Run hosts under an emitter and read back what it wrote."""

import array
import json
import os
from pathlib import Path

import pytest

from ecosim.telemetry import EventTable, TelemetryEmitter
from hosts import MeadowHost

posix = pytest.mark.skipif(
    os.name != "posix", reason="users, limits and files removed while open are those of POSIX"
)


def records(folder, stream="telemetry", run_id="r"):
    path = Path(folder) / f"{run_id}_{stream}.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def run(host, folder, ticks, *, packets=True, **settings):
    """Run a host under telemetry and return its telemetry records and its batches of events."""
    with TelemetryEmitter({"output_dir": folder, **settings}, run_id="r") as emitter:
        emitter.on_init(host)
        for _ in range(ticks):
            packet = host.step()
            emitter.on_tick(packet if packets else None)
    return records(folder), records(folder, "events")


def ticks_logged(folder):
    """Return the tick of every event in the log, in order."""
    return [tick for batch in records(folder, "events") for tick in batch["tick"]]


def started(host, folder, **settings):
    emitter = TelemetryEmitter({"output_dir": folder, **settings}, run_id="r")
    emitter.on_init(host)
    return emitter


class KeepingHost(MeadowHost):
    """Keeps its events in a table, and notes when it is looked at."""

    def __init__(self, ticks_kept=10, ids="e{}".format):
        self.looks = []
        super().__init__()
        self.event_table = EventTable(ids, ticks_kept=ticks_kept)
        self.event_table.bind(entity=array.array("q", [7]))

    @property
    def tick(self):
        self.looks.append(self._tick)
        return self._tick

    @tick.setter
    def tick(self, tick):
        self._tick = tick

    def hop(self, tick):
        """Complete a tick in which one frog hops."""
        self.tick = tick
        self.event_table.begin_tick(tick)
        self.event_table.add("HOP", array.array("b", [0]))

    def hop_through(self, emitter, ticks):
        """Complete ticks, each with a hop, and announce them."""
        for tick in ticks:
            self.hop(tick)
            emitter.on_tick()

    def step(self):
        packet = super().step()
        self.hop(self.tick)
        return packet
