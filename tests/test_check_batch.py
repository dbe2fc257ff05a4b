"""The check of a whole batch: it passes what the command makes and finds what was tampered with."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from check_batch import check_batch

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """A small batch of the demo world, made by the command people use."""
    folder = tmp_path_factory.mktemp("batch") / "out"
    options = "--world demo --space default -n 4 --ticks 130 --interval 50 --seed 3 --workers 2"
    subprocess.run(
        [sys.executable, PROJECT / "scripts" / "run_batch.py", *options.split(), "--out", folder],
        check=True,
        capture_output=True,
    )
    return folder


def test_a_batch_of_the_command_fits_the_contract(batch):
    assert check_batch(batch) == []


def edit_record(path, number, change):
    """Change one record of a file in place."""
    lines = path.read_text().splitlines()
    record = json.loads(lines[number])
    change(record)
    lines[number] = json.dumps(record)
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("stream", "number", "change", "expected"),
    [
        ("telemetry", 0, lambda r: r.update(seed=5), "config.seed: 5, design has"),
        ("telemetry", 0, lambda r: r["world_rates"].update(hunger=9.0), "rates.hunger is 9.0"),
        ("telemetry", 0, lambda r: r.update(interval=7), "config.interval: 7, batch has 50"),
        ("telemetry", 1, lambda r: r.update(entity_count=3), "not the sum over the species"),
        ("telemetry", 2, lambda r: r.update(window=[2, 50]), "windows with gaps or overlaps"),
        ("telemetry", 2, lambda r: r["events"]["by_type"].update(RAIN=99), "by_type"),
        ("telemetry", 2, lambda r: r["voxels"]["moisture"].update(max=0.0), "moisture"),
        ("telemetry", 2, lambda r: r["species"]["deer"]["states"].clear(), "deer: states do not"),
        ("telemetry", -1, lambda r: r.update(events=1), "end: 1 events"),
        ("telemetry", -1, lambda r: r.update(status="stopped"), "'status': 'stopped'"),
        ("events", 0, lambda r: r["type"].pop(), "columns of different length"),
        ("events", 0, lambda r: r.update(count=1.5), "count: expected count, got 1.5"),
        ("events", 0, lambda r: r["tick"].__setitem__(0, 77), "beyond its ticks"),
    ],
)
def test_a_record_that_was_changed_is_found(batch, tmp_path, stream, number, change, expected):
    copied = shutil.copytree(batch, tmp_path / "out")
    run = sorted((copied / "runs").iterdir())[0]
    edit_record(run / f"{run.name}_{stream}.jsonl", number, change)
    found = check_batch(copied)
    assert any(expected in line for line in found), found


def test_a_run_that_is_missing_or_too_many_is_found(batch, tmp_path):
    copied = shutil.copytree(batch, tmp_path / "out")
    first, second, *_ = sorted((copied / "runs").iterdir())
    first.rename(first.with_name("stranger"))
    shutil.rmtree(second)
    assert check_batch(copied) == [
        f"runs/{first.name}: in the design, not on disk",
        f"runs/{second.name}: in the design, not on disk",
        "runs/stranger: on disk, not in the design",
    ]
