"""Batches of the engines beside this file, made by the command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = HERE.parents[1] / "scripts"

#: The sum that an engine computes, as an outcome.
VALUE = "SELECT run_id, max(energy_mean) AS value FROM species WHERE tick = 1 GROUP BY run_id"

INPUTS = {
    "names": [f"environment.climate.{name}" for name in ("humidity", "rainfall", "light_level")],
    "bounds": [[0, 1], [0, 1], [0, 1]],
}


def run_batch(
    out: Path, engine: str, space: dict, *options: object, kind: str = "plain", ticks: int = 1
) -> Path:
    """Run a batch and return its folder; some of its runs may fail."""
    out.parent.mkdir(parents=True, exist_ok=True)
    world, space_file = out.with_suffix(".world.json"), out.with_suffix(".space.json")
    settings = {"events": False, "variables": ["hunger", "energy"]}
    environment = {"type": kind}
    content = {"environment": environment, "species_definitions": [], "telemetry": settings}
    world.write_text(json.dumps(content), encoding="utf-8")
    space_file.write_text(json.dumps(space), encoding="utf-8")
    words = ["--world", world, "--space", space_file, "--engine", engine, "--out", out]
    words += ["--ticks", ticks, "--workers", 2]
    words += [] if "--interval" in options else ["--interval", 1]
    command(["batch", *words, *options], codes=(0, 3))
    return out


def command(words: list, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    paths = os.pathsep.join([str(HERE), str(SCRIPTS)])
    done = subprocess.run(
        [sys.executable, "-m", "ecosim", *map(str, words)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in codes, done.stdout + done.stderr
    return done
