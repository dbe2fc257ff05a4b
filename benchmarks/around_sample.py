"""Where a sample costs time: in the call that takes it, and in the ticks behind it.

What the emitter reads drives something of the engine's out of the near caches, and the next ticks
pay for that; no account of the emitter's own can see it. Two engines of the demo world run by
turns, one of them watched, and each tick of the K between two samples is timed by its place there:
the mean over many samples, outer tenths left out, tells a few microseconds apart, where the ratio
of whole blocks (``overhead``) tells tens.

Two rows say what part of it no emitter can save: the layers are left out in one, and in the other
they are all that is read, once each by ``numpy.sum``, and nothing is written.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple

from ecosim.engine import EcosystemEngine
from ecosim.telemetry import TelemetryEmitter

INTERVAL: Final = 50
#: Place of the tick that is sampled among the INTERVAL of a block, in its middle.
SAMPLED: Final = 24
BEHIND: Final = 4
ROUNDS: Final = 6
TURNS: Final = 100


class Unwatched:
    """Takes the place of an emitter, so that both loops make the same calls."""

    def on_tick(self) -> None:
        """Do nothing."""


class WithoutLayers(EcosystemEngine):
    """The engine as a host that has no voxel grid; it runs the same."""

    voxel_grid = None  # type: ignore[assignment]


class PlainRead(AbstractContextManager["PlainRead"]):
    """Takes the place of an emitter, and does no more at a sample than read every cell once."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.interval = self.left = settings["interval"]

    def on_init(self, engine: EcosystemEngine) -> None:
        """Take the layers of an engine that is about to do its first tick."""
        self.layers = list(engine.voxel_grid.values())

    def on_tick(self) -> None:
        """Read them where a sample is due; the other calls are as short as the emitter's."""
        self.left -= 1
        if self.left:
            return
        self.left = self.interval
        for layer in self.layers:
            layer.sum()

    def __exit__(self, *error: object) -> None:
        return None


class Case(NamedTuple):
    """One row: which engine runs, who watches it, and how."""

    name: str
    engine: type[EcosystemEngine] = EcosystemEngine
    watcher: Callable[[dict[str, Any]], Any] = TelemetryEmitter
    events: bool = True


CASES: Final = (
    Case("all streams"),
    Case("no event log", events=False),
    Case("no layers", engine=WithoutLayers),
    Case("numpy.sum of layers alone", watcher=PlainRead),
)


class Times:
    """Times of one engine by the tick's place in its block, ns."""

    def __init__(self) -> None:
        self.ticks: list[list[int]] = [[] for _ in range(INTERVAL)]
        self.calls: list[list[int]] = [[] for _ in range(INTERVAL)]

    def run_block(self, engine: EcosystemEngine, emitter: Any) -> None:
        """Time the ticks of a block, and the calls behind them."""
        clock = time.perf_counter_ns
        for place in range(INTERVAL):
            start = clock()
            engine.step()
            middle = clock()
            emitter.on_tick()
            self.calls[place].append(clock() - middle)
            self.ticks[place].append(middle - start)


def trimmed_mean(values: list[int]) -> float:
    """Return the mean without the outer tenths, in us."""
    tenth = len(values) // 10
    middle = sorted(values)[tenth : len(values) - tenth]
    return sum(middle) / len(middle) / 1000


def measure(case: Case) -> dict[str, Any]:
    """Return the figures of one case."""
    plain, watched = Times(), Times()
    for seed in range(1, ROUNDS + 1):
        engines = case.engine("demo", seed=seed), case.engine("demo", seed=seed)
        # By turns, as the one that is made first is faster or slower for it, see overhead.
        alone, other = engines if seed % 2 else engines[::-1]
        with tempfile.TemporaryDirectory() as folder:
            settings = {"interval": INTERVAL, "output_dir": folder, "events": case.events}
            with case.watcher(settings) as emitter:
                emitter.on_init(other)
                for _ in range(INTERVAL - 1 - SAMPLED):
                    alone.step()
                    other.step()
                    emitter.on_tick()
                for _ in range(TURNS):
                    plain.run_block(alone, Unwatched())
                    watched.run_block(other, emitter)
                    watched.run_block(other, emitter)
                    plain.run_block(alone, Unwatched())
    without = [trimmed_mean(times) for times in plain.ticks]
    slower = [
        trimmed_mean(times) - before for times, before in zip(watched.ticks, without, strict=True)
    ]
    quiet = [
        trimmed_mean(watched.calls[place]) - trimmed_mean(plain.calls[place])
        for place in range(INTERVAL)
        if place != SAMPLED
    ]
    call, behind = trimmed_mean(watched.calls[SAMPLED]), slower[SAMPLED + 1 : SAMPLED + 1 + BEHIND]
    return {
        "case": case.name,
        "tick_us": sum(without) / INTERVAL,
        "call_us": call,
        "behind_us": behind,
        "quiet_us": sum(quiet),
        "share": (call + sum(behind) + sum(quiet)) / sum(without),
    }


def main() -> dict[str, Any]:
    """Measure, print the table, and return the figures."""
    print(
        f"{'demo world, K=' + str(INTERVAL):<26} {'tick us':>8} {'sample us':>10} "
        f"{'ticks behind it, us':>28} {'quiet calls, us':>16} {'together':>9}"
    )
    rows = []
    for case in CASES:
        row = measure(case)
        rows.append(row)
        behind = " ".join(f"{value:6.1f}" for value in row["behind_us"])
        print(
            f"{case.name:<26} {row['tick_us']:>8.0f} {row['call_us']:>10.0f} {behind:>28} "
            f"{row['quiet_us']:>16.1f} {row['share']:>9.2%}"
        )
    return {"rows": rows}


if __name__ == "__main__":
    main()
