"""docs/cli.md is what its script makes, and names every command, option and key."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from command_bench import Bench, tree_options

from ecosim.batch import exit_codes
from ecosim.cli import COMMANDS, make_tree

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_cli_docs.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cli_docs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_the_one_its_script_makes(script: ModuleType) -> None:
    page = script.PAGE.read_text(encoding="utf-8")
    assert page == script.render(), "run scripts/make_cli_docs.py"


def test_the_page_has_every_option_of_the_tree(script: ModuleType) -> None:
    page = script.render()
    for command, option in tree_options():
        if command == "ecosim batch run":
            assert "are those of `ecosim batch`" in page
            continue
        if command == "ecosim":
            assert f"| `ecosim {option}` |" in page
            continue
        section = page.partition(f"\n## {command}\n")[2].partition("\n## ")[0]
        assert re.search(rf"^\| .*`{re.escape(option)}[ .`]", section, flags=re.MULTILINE), option


def test_every_command_and_option_says_what_it_is(script: ModuleType) -> None:
    for command, prog, parser in script.walk(make_tree(), COMMANDS):
        assert command.examples
        assert all(line.startswith(("ecosim ", 'eval "$(ecosim ')) for line in command.examples)
        assert any(line.startswith(prog) for line in command.examples)
        shown = parser.format_help()
        assert all(line in shown for line in command.examples)
        for action in parser._actions:
            if not isinstance(action, argparse._SubParsersAction):
                assert script.meaning(action), (prog, action.dest)
                assert "None" not in script.meaning(action)
        offers_json = any("--json" in action.option_strings for action in parser._actions)
        assert offers_json or not command.json_keys


def test_every_example_is_a_command_line(script: ModuleType) -> None:
    for command, _, _ in script.walk(make_tree(), COMMANDS):
        for line in command.examples:
            if line.startswith("ecosim "):
                words = shlex.split(line.partition(" > ")[0])[1:]
                assert make_tree().parse(words).command.name == command.name


def test_the_exit_codes_are_in_the_help_and_on_the_page(script: ModuleType, bench: Bench) -> None:
    codes = {value for name, value in vars(exit_codes).items() if name.startswith("EXIT_")}
    assert exit_codes.MEANINGS.keys() == codes
    shown = bench("--help").out
    for code, meaning in exit_codes.MEANINGS.items():
        assert f"  {code:<4} {meaning}" in shown
        assert f"| {code} | {meaning} |" in script.render()
