"""How long the emitter holds up a tick: most of them, the longest, and what it was doing.

What a call did is told by what it left behind, not by the time it took. A quiet call, which only
counts down, does not add to the emitter's own account; one that writes makes a file longer; one at
a multiple of the interval takes a sample. Any other call reads the table that the engine keeps its
events in. A call that both samples and writes counts as writing.
"""

from __future__ import annotations

import tempfile
import time
from typing import Any, Final

from ecosim.engine import EcosystemEngine
from ecosim.telemetry import TelemetryEmitter

TICKS: Final = 6000

QUIET: Final = "a call with nothing to do"
READING: Final = "reading the events between two samples"
SAMPLING: Final = "taking a sample"
WRITING: Final = "writing what had queued"


def time_calls() -> list[tuple[float, str]]:
    """Return of each tick of the demo world how long the emitter took, us, and what it did."""
    calls = []
    engine = EcosystemEngine("demo", seed=1)
    with tempfile.TemporaryDirectory() as folder:
        emitter = TelemetryEmitter({"output_dir": folder}, run_id="run")
        emitter.on_init(engine)

        def written() -> int:
            return sum(path.stat().st_size for path in emitter.paths)

        for _ in range(TICKS):
            engine.step()
            size, account = written(), emitter.emitter_ns
            start = time.perf_counter_ns()
            emitter.on_tick()
            spent = (time.perf_counter_ns() - start) / 1000
            if written() != size:
                did = WRITING
            elif engine.tick % emitter.config.interval == 0:
                did = SAMPLING
            else:
                did = QUIET if emitter.emitter_ns == account else READING
            calls.append((spent, did))
        emitter.close()
    return calls


def main() -> dict[str, Any]:
    """Measure the demo world, print the table, and return the figures."""
    calls = sorted(time_calls())
    figures: dict[str, Any] = {
        "ticks": len(calls),
        "median_us": calls[len(calls) // 2][0],
        "p999_us": calls[int(0.999 * (len(calls) - 1))][0],
        "worst_us": calls[-1][0],
        "worst_cause": calls[-1][1],
    }
    heads = f"{'ticks':>6} {'median us':>10} {'p99.9 us':>9} {'worst us':>9}"
    print(f"{'us that the emitter holds up':<40} {heads}")
    print(
        f"{'all ticks':<40} {figures['ticks']:>6} {figures['median_us']:>10.1f} "
        f"{figures['p999_us']:>9.0f} {figures['worst_us']:>9.0f}  {figures['worst_cause']}"
    )
    rows = []
    for cause in (QUIET, READING, SAMPLING, WRITING):
        times = [spent for spent, did in calls if did == cause]
        if not times:
            continue
        row = {
            "cause": cause,
            "ticks": len(times),
            "median_us": times[len(times) // 2],
            "worst_us": times[-1],
        }
        rows.append(row)
        print(
            f"{cause:<40} {row['ticks']:>6} {row['median_us']:>10.1f} {'':>9} "
            f"{row['worst_us']:>9.0f}"
        )
    return {**figures, "rows": rows}


if __name__ == "__main__":
    main()
