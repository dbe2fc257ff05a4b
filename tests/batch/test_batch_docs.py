"""The pages about batches: what they show runs, and what they list is what there is."""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from ecosim.batch import exit_codes, options
from ecosim.batch.ledger import UNCOUNTED
from ecosim.batch.options import BatchSettings, add_options
from ecosim.batch.samplers import SAMPLERS, SEED_MODES
from ecosim.batch.space import load_space, parse_space
from ecosim.batch.space_checks import DISTRIBUTIONS

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "batch.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_space_page_is_the_one_its_script_makes() -> None:
    path = PROJECT / "scripts" / "make_space_docs.py"
    spec = importlib.util.spec_from_file_location("make_space_docs", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text(encoding="utf-8") == script.page(load_space("default"))


def test_the_program_of_the_page_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block("python")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "2 runs of 2" in done.stdout


def test_the_space_of_the_page_loads() -> None:
    assert len(parse_space(json.loads(block("json")), "page").parameters) == 2
    assert all(re.search(rf"`{name}`\s\[", PAGE) for name in DISTRIBUTIONS)


def test_the_page_lists_every_option_with_its_default_and_no_other() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    flags = {action.option_strings[-1] for action in parser._actions if action.option_strings}
    table = PAGE.partition("## Options")[2].partition("| action |")[0]
    rows = dict(re.findall(r"\| `(-[\w-]+)[^`]*` \| ([^|]*)\|", table))
    assert rows.keys() == flags
    for name, default in asdict(BatchSettings()).items():
        flag = "-n" if name == "n" else "--" + name.replace("_", "-")
        assert rows[flag].strip(" `") == str(default)
    assert rows["--retries"].strip() == str(options.DEFAULT_RETRIES)


def test_the_page_lists_every_action_with_its_options() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    (actions,) = (action for action in parser._actions if action.dest == "action")
    assert isinstance(actions.choices, dict)
    for name, action in actions.choices.items():
        (row,) = re.findall(rf"\| `ecosim batch {name} .*", PAGE)
        flags = [flag for option in action._actions for flag in option.option_strings]
        assert all(f"`{flag} " in row for flag in flags if flag not in ("-h", "--help"))


@pytest.mark.parametrize("name", [*SAMPLERS, *SEED_MODES])
def test_the_page_names_every_choice(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_page_lists_the_exit_codes_and_failures() -> None:
    codes = {value for name, value in vars(exit_codes).items() if name.startswith("EXIT_")}
    table = PAGE.partition("| exit code |")[2].partition("## The folder")[0]
    assert set(map(int, re.findall(r"\| (\d+) \|", table))) == codes
    for status in ("failed", "died", "timeout", *UNCOUNTED):
        assert f"| `{status}` |" in PAGE
