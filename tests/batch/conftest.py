"""Batches of small engines: a world, a space of two parameters, and the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ecosim.cli import main

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def engines_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import ``small_engines``."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture
def space_file(tmp_path: Path) -> Path:
    path = tmp_path / "space.json"
    problem = {
        "names": ["rates.hunger", "environment.climate.temperature"],
        "bounds": [[1, 2], [10, 20]],
    }
    path.write_text(json.dumps(problem), encoding="utf-8")
    return path


@pytest.fixture
def batch_command(space_file: Path, tmp_path: Path) -> Callable[..., int]:
    """Run the batch command with a small engine, eight short runs, two workers."""

    def run(*options: object, engine: str = "SmallEngine", out: Path | None = None) -> int:
        words = ["batch", "--world", "minimal", "--space", space_file, "-n", 8, "--ticks", 12]
        words += ["--interval", 5, "--seed", 3, "--workers", 2]
        words += ["--engine", f"small_engines:{engine}", "--out", out or tmp_path / "out"]
        return main([str(word) for word in (*words, *options)])

    return run
