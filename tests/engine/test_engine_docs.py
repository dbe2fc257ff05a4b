"""The pages about the model say what the code does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from ecosim.engine.phases import SCHEDULE
from ecosim.engine.species import STATE_NAMES

ROOT = Path(__file__).resolve().parents[2]
MODEL = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def coexistence() -> ModuleType:
    """Return the script that makes the page of that name."""
    path = ROOT / "scripts" / "coexistence.py"
    spec = importlib.util.spec_from_file_location("coexistence", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_schedule_of_the_page_is_that_of_the_code():
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \|", MODEL, flags=re.MULTILINE)
    assert [(name, int(period), int(offset)) for name, period, offset in rows] == [
        (phase.run.__name__, phase.period, phase.offset) for phase in SCHEDULE
    ]


def test_the_page_names_every_state_that_has_a_rule():
    table = MODEL.split("## States")[1].split("##")[0]
    without_rule = {"DYING", "DEAD", "GROWING", "ACTIVE"}
    assert [name for name in STATE_NAMES if name not in table and name not in without_rule] == []


def test_the_coexistence_page_counts_what_lives(coexistence):
    runs = [coexistence.follow(seed, 100) for seed in (0, 12)]
    runs[1]["extinct"] = {"bee": 50}
    text = coexistence.page(runs, 100)
    assert "(0 to 0): at least 9 of 12 species live on in 1 of 1 runs, all of them in 1" in text
    assert "(12 to 12): at least 9 of 12 species live on in 1 of 1 runs, all of them in 0" in text
    assert text.count("| bee 50 |") == 1
    assert runs[0]["lost"] < 1e-12
    deer = runs[0]["counts"]["deer"]
    assert f"| 0 | 12 | {deer[-1]} |" in text
    assert len(deer) == 2


def test_the_committed_coexistence_page_meets_the_aim():
    text = (ROOT / "docs" / "coexistence.md").read_text(encoding="utf-8")
    found = re.findall(r"at least 9 of 12 species live on in (\d+) of (\d+) runs", text)
    assert [int(runs) for _, runs in found] == [10, 10]
    assert all(int(kept) >= 8 for kept, _ in found)
