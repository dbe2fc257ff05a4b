"""The batch that the tests run: a space of two parameters, eight short runs, two workers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ecosim.batch.layout import BatchLayout

HERE = Path(__file__).parent

PROBLEM = {
    "names": ["rates.hunger", "environment.climate.temperature"],
    "bounds": [[1, 2], [10, 20]],
}


def write_space(folder: Path) -> Path:
    """Write a space of two parameters; half of its runs have a hunger above 1.5."""
    path = folder / "space.json"
    path.write_text(json.dumps(PROBLEM), encoding="utf-8")
    return path


def batch_words(space_file: Path, out: Path, engine: str, *options: object) -> list[str]:
    """Return the options of a batch of eight short runs, on two workers of this machine or more."""
    words = ["batch", "--world", "minimal", "--space", space_file, "-n", 8, "--ticks", 12]
    words += ["--interval", 5, "--seed", 3]
    words += [] if "--executor" in options else ["--workers", 2]
    words += ["--engine", f"small_engines:{engine}", "--out", out, *options]
    return [str(word) for word in words]


def contents(out: Path) -> dict[str, str]:
    """Return the content hash of each whole run."""
    layout = BatchLayout(out)
    return {
        run_id: json.loads(layout.mark(run_id).read_text())["content_sha256"]
        for run_id in layout.finished()
    }


def start(space_file: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    """Start a batch of eight runs that take a quarter of a second each, in its own process."""
    words = [sys.executable, "-m", "ecosim", *batch_words(space_file, out, "Patient", *options)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def wait_until(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    """Return when the condition holds, or the process has ended."""
    while not condition():
        try:
            process.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            continue
        return
