"""The page about merging: its program and its command run, and its table is the one made."""

import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PAGE = (PROJECT / "docs" / "merging.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """A folder where the program of the page has run, and what it printed."""
    folder = tmp_path_factory.mktemp("merging")
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return folder, done.stdout


def script(folder, words):
    command = [sys.executable, PROJECT / "scripts" / "merge_tiles.py", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_program_of_the_page_merges_two_tiles(tiles):
    folder, printed = tiles
    assert printed == "3 samples and 200 events in meadow_telemetry.jsonl\n"
    lines = (folder / "out" / "meadow_telemetry.jsonl").read_text().splitlines()
    config, *_, sample, end = map(json.loads, lines)
    assert config["grid_dimensions"] == [4, 1, 2]
    assert sample["species"]["rabbit"]["vars"]["hunger"]["n"] == 8
    assert sample["voxels"]["moisture"] == {"mean": 0.5, "min": 0.25, "max": 0.75, "var": 0.03125}
    assert sample["events"]["by_type"] == {"GRAZING": 100}
    assert end["events"] == 200


def test_the_command_of_the_page_does_the_same(tiles):
    folder, _ = tiles
    (line,) = re.findall(r"^    python scripts/merge_tiles.py (.*)$", PAGE, flags=re.MULTILINE)
    done = script(folder, shlex.split(line))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 samples and 200 events of 2 parts up to tick 100, in ")
    for stream in ("telemetry", "events"):
        one, two = (
            (folder / "out" / f"{n}_{stream}.jsonl").read_text() for n in ("meadow", "meadow2")
        )
        assert two == one.replace('"meadow"', '"meadow2"')


def test_a_mistake_is_said_in_a_line(tiles):
    folder, _ = tiles
    done = script(folder, ["out/west_telemetry.jsonl", "nowhere", "--run-id", "w", "--out", "new"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("merge_tiles: nowhere: expected a file named <run_id>_telemetry.jsonl\n")
    assert not (folder / "new").exists()
    words = ["out/west_telemetry.jsonl", "--run-id", "meadow", "--out", "out"]
    assert "meadow_telemetry.jsonl: expected no file" in script(folder, words).stderr
    assert script(folder, [*words, "--overwrite", "--dimensions", "2", "1", "2"]).returncode == 0
    words = ["out/west_telemetry.jsonl", "--run-id", "w", "--out", "out", "--cells", "4", "4"]
    assert "cells: expected one number a part, 1, got 2" in script(folder, words).stderr


def test_the_accuracy_table_is_the_generated_one(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT / "scripts"))
    made = runpy.run_path(str(PROJECT / "scripts" / "make_merge_accuracy.py"))
    assert made["updated"](PAGE) == PAGE, "run scripts/make_merge_accuracy.py"
