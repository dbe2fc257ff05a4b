"""Fixtures of the tests of the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_bench import SPACE, Bench

#: Deer that are many where hunger is high, and die out at once where it is highest.
HERD = """
def some(species, state, count):
    one = {"species": species, "state": state, "state_vars": {"hunger": 0.5}}
    return {f"{species}{number}": one for number in range(count)}

class Herd:
    def __init__(self, world, *, seed):
        self.hunger, self.seed, self.tick, self.events = world["rates"]["hunger"], seed, 0, ()
        self.fill()

    def fill(self):
        deer = 1 if self.tick > 2 and self.hunger > 1.8 else round(20 * self.hunger)
        deer += self.seed % 2
        self.entities = (
            some("deer", "FORAGING", deer) | some("grass", "GROWING", 5) | some("moss", "LYING", 3)
        )

    def step(self):
        self.tick += 1
        self.fill()
"""


@pytest.fixture(scope="session")
def herds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch of 128 runs of five ticks, for outcomes to depend on its parameters."""
    folder = tmp_path_factory.mktemp("herds")
    (folder / "herds.py").write_text(HERD, encoding="utf-8")
    (folder / "two.json").write_text(json.dumps(SPACE), encoding="utf-8")
    words = "batch --world minimal --space two.json --engine herds:Herd --sampler lhs -n 128"
    words += " --ticks 5 --interval 1 --out herds --quiet"
    command = [sys.executable, "-m", "ecosim", *words.split()]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return folder / "herds"


@pytest.fixture
def bench(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Bench:
    """A folder to run command lines in; it is the working folder."""
    monkeypatch.chdir(tmp_path)
    return Bench(tmp_path, capsys, lambda: request.getfixturevalue("herds"))
