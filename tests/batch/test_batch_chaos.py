"""Twenty kills at random points: of the coordinator, of a worker, of all of them at once.

Whatever is killed, a batch that is resumed ends with the dataset of one that nobody disturbed, byte
for byte, and without a run made twice.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest
from batch_cases import HERE, batch_words, wait_until, write_space

from ecosim.batch.layout import BatchLayout
from ecosim.batch.ledger import read_ledger
from ecosim.cli import main

KILLS = 4
OPTIONS = ["-n", "32", "--retries", "50"]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        patch.setenv("SMALL_ENGINES_PAUSE", "0")
        assert main(batch_words(write_space(folder), folder / "out", "Patient", *OPTIONS)) == 0
    return folder / "out"


def dataset(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in (out / "dataset").rglob("part-*.parquet")
    }


def progress(out: Path) -> int:
    """Return a number that grows as a batch goes on: names of runs, of their files, of parts."""
    while True:
        # A folder may get its final name while it is read.
        with contextlib.suppress(FileNotFoundError):
            return sum(1 for _ in out.rglob("*"))


@pytest.mark.parametrize("trial", range(5))
def test_killed_at_random_points_the_dataset_is_the_same(
    undisturbed: Path,
    space_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trial: int,
) -> None:
    monkeypatch.setenv("SMALL_ENGINES_PAUSE", "0.003")
    chance = random.Random(trial)
    out = tmp_path / "out"
    words = batch_words(space_file, out, "Patient", *OPTIONS)
    kills = 0
    while kills < KILLS:
        resume = ["--resume"] if BatchLayout(out).batch.exists() else []
        batch = subprocess.Popen(
            [sys.executable, "-m", "ecosim", *words, *resume],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        begun = progress(out)
        while kills < KILLS and batch.poll() is None:
            begun += chance.randrange(40)
            wait_until(batch, lambda: progress(out) >= begun)  # noqa: B023
            victim = chance.choice(["coordinator", "worker", "all"])
            kill(batch, victim, chance)
            kills += 1
            if victim != "worker":
                break
        batch.kill()
        batch.wait()
    assert main([*words, "--resume"]) == 0
    assert dataset(out) == dataset(undisturbed)
    layout = BatchLayout(out)
    assert layout.finished() == BatchLayout(undisturbed).finished()
    assert {path.name for path in layout.runs.iterdir()} == set(layout.finished())
    done = Counter(one.run_id for one in read_ledger(layout) if one.status == "done")
    assert set(done.values()) == {1}


def kill(batch: subprocess.Popen[bytes], victim: str, chance: random.Random) -> None:
    """Send SIGKILL to a coordinator, to one of its workers, or to all."""
    with contextlib.suppress(psutil.NoSuchProcess):
        workers = psutil.Process(batch.pid).children()
        if victim in ("coordinator", "all"):
            batch.kill()
        if victim == "worker" and workers:
            workers = [chance.choice(workers)]
        if victim != "coordinator":
            for worker in workers:
                worker.kill()
