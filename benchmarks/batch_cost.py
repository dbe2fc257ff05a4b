"""What a batch costs beside its simulations: time a run, use of a second core, memory.

``python -m benchmarks.batch_cost`` prints three tables. The machine's other work is met alike by
what is compared: one after the other, pair by pair, and the medians of the pairs are the figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from ecosim.batch.executors import LocalExecutor
from ecosim.batch.ledger import Ledger
from ecosim.batch.options import BatchSettings
from ecosim.batch.prepare import Batch, BatchWarning, create_batch
from ecosim.batch.runner import Observer, run_batch
from ecosim.batch.slots import Task
from ecosim.engine import EcosystemEngine, load_world

TICKS: Final = 300
#: Few, so that the noise of the simulation does not hide what stands beside it.
COST_TICKS: Final = 20
RUNS: Final = 64
SCALING_PAIRS: Final = 3
#: Enough that the start of the second worker, a third of a second, is not what is measured.
SCALING_RUNS: Final = 48
#: The batch command, which then tells the most memory it had.
COMMAND: Final = """
import sys
from ecosim.cli import main
code = main(sys.argv[1:])
print([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
sys.exit(code)
"""
SIZES: Final = (100, 1_000, 10_000)


class Idle:
    """An engine of one entity that does nothing."""

    def __init__(self, world: dict[str, Any], *, seed: int) -> None:
        self.tick = 0
        self.entities = {"stone": {"species": "stone", "state": "IDLE", "state_vars": {}}}
        self.events: list[Any] = []

    def step(self) -> None:
        """Let a tick pass."""
        self.tick += 1


def new_batch(folder: Path, **settings: Any) -> Batch:
    """Return a batch of the demo world in a new folder."""
    with warnings.catch_warnings():
        # How evenly the space is covered does not matter here.
        warnings.simplefilter("ignore", BatchWarning)
        return create_batch(BatchSettings(**{"ticks": TICKS, **settings}), folder)


def cpu_seconds() -> float:
    """Return the processor time of this process and its living children so far."""
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children())]
    return float(sum(one.user + one.system for one in times))


def overhead() -> dict[str, float]:
    """Return milliseconds a run takes in a batch, and the same simulation without one.

    Of the time on the clock the median is taken. Processor time, which other work on the machine
    does not lengthen much, is counted in hundredths of a second and so given as the mean.
    """
    pairs = []
    cpu_in_batch = cpu_alone = 0.0
    with tempfile.TemporaryDirectory() as folder:
        batch = new_batch(Path(folder) / "batch", n=RUNS, ticks=COST_TICKS)
        world = json.loads(batch.layout.world.read_bytes())
        with LocalExecutor(batch.layout.root, 1) as executor, Ledger(batch.layout) as ledger:
            executor.probe()
            for row in batch.rows:
                cpu, begun = cpu_seconds(), time.perf_counter()
                executor.submit(Task(row, 1))
                while (outcome := executor.next_outcome(60.0)) is None:
                    pass
                ledger.append(outcome)
                in_batch = time.perf_counter() - begun
                cpu_in_batch += cpu_seconds() - cpu
                loaded = load_world(world, parameters={**row.parameters, "seed": row.seed})
                cpu, begun = cpu_seconds(), time.perf_counter()
                engine = EcosystemEngine(loaded, telemetry=False)
                for _ in range(COST_TICKS):
                    engine.step()
                pairs.append((in_batch, time.perf_counter() - begun))
                cpu_alone += cpu_seconds() - cpu
    return {
        "run_in_batch_cpu_ms": 1e3 * cpu_in_batch / RUNS,
        "simulation_cpu_ms": 1e3 * cpu_alone / RUNS,
        "overhead_cpu_ms": 1e3 * (cpu_in_batch - cpu_alone) / RUNS,
        "run_in_batch_ms": 1e3 * median(both[0] for both in pairs),
        "simulation_ms": 1e3 * median(both[1] for both in pairs),
        "overhead_ms": 1e3 * median(batch - alone for batch, alone in pairs),
    }


def scaling() -> dict[str, float]:
    """Return seconds that a batch takes on one worker and on two."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for pair in range(SCALING_PAIRS):
        for workers in (1, 2) if pair % 2 == 0 else (2, 1):
            with tempfile.TemporaryDirectory() as folder:
                batch = new_batch(Path(folder) / "batch", n=SCALING_RUNS, ticks=3 * TICKS)
                with LocalExecutor(batch.layout.root, workers) as executor:
                    executor.probe()
                    begun = time.perf_counter()
                    run_batch(batch, executor, Observer())
                    seconds[workers].append(time.perf_counter() - begun)
    ratios = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    return {
        "one_worker_s": median(seconds[1]),
        "two_workers_s": median(seconds[2]),
        "ratio": median(ratios),
    }


def memory(runs: int) -> dict[str, float]:
    """Return the peak memory of the command that runs a batch of idle engines, and its time.

    The process reads its own high-water mark: what ``wait4`` tells of a child is never below the
    memory of the process that started it.
    """
    here = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-c", COMMAND, "batch", "--world", "minimal", "-n", str(runs)]
        words += ["--ticks", "1", "--engine", "benchmarks.batch_cost:Idle", "--format", "jsonl"]
        words += ["--out", f"{folder}/out"]
        # Before what is there already, which may say whose code is measured.
        paths = [str(here), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        begun = time.perf_counter()
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"the batch of {runs} idle runs: {done.stdout}{done.stderr}")
    kilobytes = int(done.stdout.split()[-2])
    return {"runs": runs, "peak_mb": kilobytes / 1024, "ms_a_run": 1e3 * seconds / runs}


def main() -> dict[str, Any]:
    """Measure, print the tables, and return the figures."""
    cost = overhead()
    print(f"one run of the demo world, {COST_TICKS} ticks, median of {RUNS}")
    print(f"{'ms':>20} {'clock':>8} {'processor':>9}")
    for label, name in (
        ("in a batch", "run_in_batch"),
        ("simulation alone", "simulation"),
        ("difference", "overhead"),
    ):
        print(f"{label:>20} {cost[f'{name}_ms']:>8.1f} {cost[f'{name}_cpu_ms']:>9.1f}")
    print(f"{'limit':>20} {20:>8.1f}")
    scale = scaling()
    runs = f"{SCALING_RUNS} runs of the demo world, {3 * TICKS} ticks"
    print(f"\n{runs}, median of {SCALING_PAIRS} pairs")
    print(f"{'one worker':>20} {scale['one_worker_s']:>8.2f} s")
    print(f"{'two workers':>20} {scale['two_workers_s']:>8.2f} s")
    print(f"{'ratio':>20} {scale['ratio']:>8.2f}    (limit 1.9)")
    sizes = [memory(runs) for runs in SIZES]
    print(f"\n{'idle runs':>20} {'peak MB':>8} {'ms a run':>9}")
    for row in sizes:
        print(f"{row['runs']:>20.0f} {row['peak_mb']:>8.1f} {row['ms_a_run']:>9.1f}")
    return {"overhead": cost, "scaling": scale, "memory": sizes}


if __name__ == "__main__":
    main()
