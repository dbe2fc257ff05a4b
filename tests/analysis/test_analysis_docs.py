"""docs/analysis.md: its commands and programs run, its tables and keys are those there are."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from analysis_cases import SCRIPTS

from ecosim.analysis.methods import METHODS
from ecosim.analysis.results import SCHEMA_VERSION

TEXT = (SCRIPTS.parent / "docs" / "analysis.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A folder in which every command of the page was typed, in order, with what each printed."""
    folder = tmp_path_factory.mktemp("page")
    (space,) = blocks("json")
    (own,) = (program for program in blocks("python") if program.startswith("def "))
    (folder / "three.json").write_text(space, encoding="utf-8")
    (folder / "own.py").write_text(own, encoding="utf-8")
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    printed = {}
    for line in re.findall(r"^ {4,}((?:ecosim|cut) .*)$", TEXT, flags=re.MULTILINE):
        done = subprocess.run(
            line,
            shell=True,
            cwd=folder,
            env={**os.environ, "PATH": places},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        printed[line] = done.stdout
    return folder, printed


def test_every_command_of_the_page_runs(followed):
    _, printed = followed
    assert len(printed) == 10
    analyses = [text for line, text in printed.items() if line.startswith("ecosim analyze")]
    assert len(analyses) == 6
    assert all("rates.hunger" in text for text in analyses[1:])
    assert "shannon_end: " in analyses[0]


@pytest.mark.parametrize("number", range(2))
def test_every_program_of_the_page_runs(followed, number):
    folder, _ = followed
    programs = [program for program in blocks("python") if not program.startswith("def ")]
    assert len(programs) == 2
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", programs[number]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_files_have_the_keys_of_the_page(followed):
    folder, _ = followed
    (shown,) = blocks("text")
    found = {path.name for path in (folder / "out" / "screen" / "analysis").iterdir()}
    names = ("shannon_end", "nutrients_fast_mean", "hottest", "rabbit_hunger")
    assert found == {f"{name}.morris.{kind}" for name in names for kind in ("json", "csv")}
    document = json.loads((folder / "out/both/nutrients_fast_mean.morris.json").read_text())
    assert document["schema_version"] == SCHEMA_VERSION
    assert len(document["batch"]["replicates"]) == 1

    def keys(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield key
                yield from keys(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from keys(inner)

    sobol = json.loads((folder / "out/sobol/analysis/nutrients_fast_mean.sobol.json").read_text())
    indices = {f"{index.name}{end}" for index in METHODS["morris"].indices for end in ("", "_conf")}
    told = set(re.findall(r'"(\w+)":', shown))
    assert set(keys(sobol)) <= told
    assert set(keys(document)) <= told | indices


def test_the_tables_are_those_the_script_makes():
    spec = importlib.util.spec_from_file_location(
        "make_analysis_docs", SCRIPTS / "make_analysis_docs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.page(TEXT) == TEXT, "run scripts/make_analysis_docs.py"
    assert all(f"| `{name}` |" in TEXT for name in METHODS)
