"""Compare the indices of functions with known answers, end to end, for several seeds.

Each is run as an engine of its own through batches, telemetry files, dataset and outcome. Run
``python scripts/known_answers.py`` and put what it prints into ``docs/analysis.md``; ``--n`` and
``--seeds`` choose less or more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ecosim.analysis.sensitivity import Sensitivity, analyze
from known_functions import G_FUNCTION, ISHIGAMI, QUERY, WORLD, Function

HERE = Path(__file__).resolve().parent
LIMIT = 0.05


def run_batch(function: Function, sampler: str, n: int, seed: int, folder: Path) -> Path:
    """Run a batch of a function with the command, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "world.json").write_text(json.dumps(WORLD))
    (folder / "space.json").write_text(json.dumps(function.space()))
    out = folder / f"{function.name}-{sampler}-{seed}"
    options = f"--sampler {sampler} -n {n} --ticks 1 --interval 1 --seed {seed}"
    options += f" --seed-mode common --engine known_functions:{function.name}"
    places = ["--world", folder / "world.json", "--space", folder / "space.json", "--out", out]
    paths = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    subprocess.run(
        [sys.executable, "-m", "ecosim", "batch", *options.split(), *places],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return out


def errors(function: Function, found: Sensitivity) -> dict[str, float]:
    """Return index to how far its worst entry is from the answer."""
    answers = {"S1": function.first, "ST": function.total}
    return {
        index: max(abs(a - b) for a, b in zip(found.estimate.values[index], answer, strict=True))
        for index, answer in answers.items()
        if index in found.estimate.values
    }


def row(function: Function, method: str, sampler: str, n: int, seed: int, folder: Path) -> str:
    """Return a line of the table for one batch."""
    started = time.perf_counter()
    out = run_batch(function, sampler, n, seed, folder)
    seconds = time.perf_counter() - started
    (found,) = analyze(out, [QUERY], method).results
    runs = len(found.values)
    worst = errors(function, found)
    cells = [f"{worst[index]:.3f}" if index in worst else "" for index in ("S1", "ST")]
    within = "yes" if max(worst.values()) <= LIMIT else "no"
    shown = [function.name, method, sampler, f"{n:,}", f"{runs:,}", str(seed), *cells, within]
    print(f"{runs} runs in {seconds:.0f} s", file=sys.stderr)
    return f"| {' | '.join(shown)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1024)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    heads = ["function", "method", "sampler", "n", "runs", "seed", "S1 off by", "ST off by"]
    print(f"| {' | '.join([*heads, f'within {LIMIT}'])} |")
    print("|---" * (len(heads) + 1) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for function in (ISHIGAMI, G_FUNCTION):
            for method, sampler in (("sobol", "saltelli"), ("rbd_fast", "sobol")):
                for seed in arguments.seeds:
                    line = row(function, method, sampler, arguments.n, seed, Path(folder))
                    print(line, flush=True)


if __name__ == "__main__":
    main()
