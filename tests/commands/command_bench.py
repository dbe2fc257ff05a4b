"""What the tests of the commands share: a folder, and what a command line leaves in it."""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ecosim.cli import make_tree

#: A batch of two runs of a few ticks: enough for every option to show what it does.
SMALL_BATCH = "batch --world minimal --space two.json -n 2 --ticks 4 --workers 1 --format jsonl"

SPACE = {
    "names": ["rates.hunger", "environment.climate.temperature"],
    "bounds": [[1, 2], [10, 20]],
}


@dataclass(frozen=True)
class Shown:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


class Bench:
    """Runs command lines in a folder that has a space of two parameters, ``two.json``."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], herds: Callable[[], Path]
    ) -> None:
        self.folder = folder
        self._capsys = capsys
        self._herds = herds
        self.write("two.json", json.dumps(SPACE))

    def herds(self) -> None:
        """Lay the batch ``herds`` here, 128 runs whose deer follow the hunger, and its engine."""
        shutil.copy(self._herds().with_name("herds.py"), self.folder)
        shutil.copytree(self._herds(), self.folder / "herds")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def __call__(self, line: str, code: int = 0) -> Shown:
        """Run a command line (without ``ecosim``) and check its exit code."""
        from ecosim.cli import main

        self._capsys.readouterr()
        found = main(shlex.split(line))
        shown = Shown(found, *self._capsys.readouterr())
        assert found == code, shown
        assert "Traceback (most recent call last)" not in shown.err or "batch rerun" in line
        return shown

    def records(self, folder: str) -> list[dict[str, Any]]:
        """Return the telemetry of the one run in a folder, or of the first of a batch."""
        path = min((self.folder / folder).rglob("*_telemetry.jsonl"))
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def sampled(self, folder: str) -> list[int]:
        """Return the ticks of the samples of that run."""
        return [one["tick"] for one in self.records(folder) if one["record"] == "sample"]

    def design(self, folder: str) -> list[dict[str, str]]:
        with (self.folder / folder / "design.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def plan(self, folder: str) -> dict[str, Any]:
        value = json.loads((self.folder / folder / "batch.json").read_text(encoding="utf-8"))
        assert isinstance(value, dict)
        return value

    def ledger(self, folder: str) -> list[dict[str, Any]]:
        text = (self.folder / folder / "ledger.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def finished(self, folder: str) -> list[str]:
        """Return the ids of the whole runs of a batch."""
        return sorted(path.parent.name for path in (self.folder / folder).glob("runs/*/run.json"))


#: What shows that an option has an effect.
Case = Callable[[Bench], None]


def tree_options() -> Iterator[tuple[str, str]]:
    """Yield each command of the tree with each of its options and arguments."""
    yield from _options(make_tree())


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _options(inner)
        elif not isinstance(action, argparse._HelpAction):
            yield parser.prog, (action.option_strings or [str(action.metavar)])[0]
