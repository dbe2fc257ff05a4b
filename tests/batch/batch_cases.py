"""The batch that the tests run: a space of two parameters, eight short runs, two workers."""

from __future__ import annotations

import json
from pathlib import Path

PROBLEM = {
    "names": ["rates.hunger", "environment.climate.temperature"],
    "bounds": [[1, 2], [10, 20]],
}


def write_space(folder: Path) -> Path:
    """Write a space of two parameters; half of its runs have a hunger above 1.5."""
    path = folder / "space.json"
    path.write_text(json.dumps(PROBLEM), encoding="utf-8")
    return path


def batch_words(space_file: Path, out: Path, engine: str) -> list[str]:
    """Return the options of a batch of eight short runs on two workers."""
    words = ["batch", "--world", "minimal", "--space", space_file, "-n", 8, "--ticks", 12]
    words += ["--interval", 5, "--seed", 3, "--workers", 2]
    words += ["--engine", f"small_engines:{engine}", "--out", out]
    return [str(word) for word in words]
