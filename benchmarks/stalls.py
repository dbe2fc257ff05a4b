"""The longest that the emitter holds up one tick, and what it was doing."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, Final

from ecosim.engine import EcosystemEngine
from ecosim.telemetry import TelemetryEmitter

TICKS: Final = 6000


def main() -> dict[str, Any]:
    """Measure the demo world, print the table, and return the figures."""
    engine = EcosystemEngine("demo", seed=1)
    stalls: list[tuple[float, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        emitter = TelemetryEmitter({"output_dir": folder}, run_id="run")
        emitter.on_init(engine)
        path = Path(folder) / "run_telemetry.jsonl"
        for _ in range(TICKS):
            engine.step()
            written, start = path.stat().st_size, time.perf_counter_ns()
            emitter.on_tick()
            spent = (time.perf_counter_ns() - start) / 1000
            did = "a tick like most"
            if engine.tick % emitter.config.interval == 0:
                did = "taking a sample"
            if path.stat().st_size != written:
                did = "writing what had queued for a second"
            stalls.append((spent, did))
        emitter.close()
    rows = []
    print(f"{'a tick that was':<38} {'ticks':>6} {'median us':>10} {'p99.9 us':>9} {'worst us':>9}")
    for cause in ("a tick like most", "taking a sample", "writing what had queued for a second"):
        times = sorted(spent for spent, did in stalls if did == cause)
        if not times:
            continue
        row = {
            "cause": cause,
            "ticks": len(times),
            "median_us": times[len(times) // 2],
            "p999_us": times[int(0.999 * (len(times) - 1))],
            "worst_us": times[-1],
        }
        rows.append(row)
        print(
            f"{cause:<38} {row['ticks']:>6} {row['median_us']:>10.1f} {row['p999_us']:>9.0f} "
            f"{row['worst_us']:>9.0f}"
        )
    return {"rows": rows}


if __name__ == "__main__":
    main()
