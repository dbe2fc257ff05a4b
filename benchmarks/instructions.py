"""Count the instructions that telemetry adds to a tick, and fail above a limit.

``python -m benchmarks.instructions [--limit PERCENT]`` needs valgrind, and writes nothing. A count
is repeatable where a time is not, so this is what continuous integration can hold a change against:
the demo world at K=50, telemetry on against off. Start-up is taken out by running two lengths and
subtracting.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Final

SHORT: Final = 100
LONG: Final = 1000
INTERVAL: Final = 50
GOAL: Final = 0.01
CALLGRIND: Final = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")

PROGRAM: Final = """
import sys
from ecosim.engine import EcosystemEngine
from ecosim.telemetry import TelemetryEmitter
ticks, interval, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
engine = EcosystemEngine("demo", seed=1)
if folder:
    emitter = TelemetryEmitter({"interval": interval, "output_dir": folder}, run_id="run")
    emitter.on_init(engine)
for _ in range(ticks):
    engine.step()
    if folder:
        emitter.on_tick()
"""


def run(*wrapper: str, ticks: int, watched: bool) -> subprocess.CompletedProcess[str]:
    """Run the program, within another if one is named."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [
                *(*wrapper, sys.executable, "-c", PROGRAM),
                *(str(ticks), str(INTERVAL), folder if watched else ""),
            ],
            capture_output=True,
            text=True,
            check=False,
            # Threads that wait, and a hash that differs, would count differently each time.
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        )


def count(ticks: int, *, watched: bool) -> int:
    """Return the instructions of a run."""
    done = run(*CALLGRIND, ticks=ticks, watched=watched)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"valgrind: expected a count of instructions, got\n{done.stderr}")
    return int(found[1])


def main() -> dict[str, Any] | None:
    """Count, print, and return the figures; None where there is no valgrind."""
    if shutil.which("valgrind") is None:
        print("valgrind: not installed")
        return None
    # Once without counting, which compiles the modules that were never imported here before.
    run(ticks=1, watched=True)
    plain, watched = (
        (count(LONG, watched=on) - count(SHORT, watched=on)) / (LONG - SHORT)
        for on in (False, True)
    )
    added = watched / plain - 1
    print(f"instructions a tick: {plain:,.0f} without, {watched - plain:,.0f} more with telemetry")
    print(f"telemetry adds {added:.2%}")
    return {
        "case": f"demo world, K={INTERVAL}",
        "plain": plain,
        "watched": watched,
        "overhead": added,
        "limit": GOAL,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--limit", type=float, metavar="PERCENT", help="fail above this")
    limit = parser.parse_args().limit
    figures = main()
    if figures is None:
        raise SystemExit(1)
    if limit is not None and figures["overhead"] > limit / 100:
        raise SystemExit(f"instructions: expected at most {limit:g} % more, see above")
