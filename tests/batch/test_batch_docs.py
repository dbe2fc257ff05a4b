"""The pages about batches: what they show runs, and what they list is what there is."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ecosim.batch.execution import _KEPT_SETTINGS
from ecosim.batch.hashes import VOLATILE_KEYS
from ecosim.batch.ledger import UNCOUNTED
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


@pytest.mark.parametrize("name", [*SAMPLERS, *SEED_MODES])
def test_the_page_names_every_choice(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_page_names_what_a_batch_takes_of_the_telemetry_block() -> None:
    assert all(f"`{name}`" in PAGE for name in ("interval", *_KEPT_SETTINGS))


def test_the_page_names_what_may_differ_between_equal_batches() -> None:
    assert all(f"`{name}`" in PAGE for names in VOLATILE_KEYS.values() for name in names)


def test_the_page_lists_the_failures() -> None:
    for status in ("failed", "died", "timeout", *UNCOUNTED):
        assert f"| `{status}` |" in PAGE
