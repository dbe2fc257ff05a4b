"""The scripts of the study: an earlier end is what a shorter run would have had."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import ecosim.datasets
from ecosim.analysis.community import survey
from ecosim.analysis.definitions import Settings, definitions
from ecosim.analysis.outcomes import outcome_table
from ecosim.analysis.series import read_series
from examples_cases import EXAMPLES, load, run_batch

STUDY = EXAMPLES.parent / "scripts" / "study"


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    """The same 6 runs of the minimal world, for 60 ticks and for 120."""
    folder = tmp_path_factory.mktemp("study")
    return [run_batch(folder / str(t), "-n", 6, "--ticks", t, "--seed", 3) for t in (60, 120)]


def test_a_run_until_a_tick_has_the_outcomes_of_one_that_ended_there(batches):
    module = load(STUDY / "ticks.py")
    short, whole = (ecosim.datasets.open(folder) for folder in batches)
    truth = outcome_table(short, list(module.OUTCOMES))
    own = definitions(survey(whole), Settings())
    runs = [module.until(run, 60) for run in read_series(whole, survey(whole))]
    for name in module.OUTCOMES:
        assert [own[name].value(run) for run in runs] == truth.values[name].tolist(), name


def test_the_table_compares_with_the_end(batches, tmp_path):
    out = tmp_path / "ticks.json"
    words = [str(STUDY / "ticks.py"), str(batches[1]), "60", "120", "--out", str(out)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["runs"] == 6
    assert found["ticks"][-1] == 120
    assert np.shape(found["consumers"]) == (6, len(found["ticks"]))
    at_the_end = found["outcomes"]["nutrients_fast_mean"]["120"]
    assert at_the_end["spearman"] == pytest.approx(1)
    assert at_the_end["change"] == 0
    assert "nutrients_fast_mean" in done.stdout


def test_the_aliases_of_a_design_are_listed(batches):
    words = [str(STUDY / "aliases.py"), str(batches[0])]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "6 rows, 3 columns, 6 indices that should be 0" in done.stdout
