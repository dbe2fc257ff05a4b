"""Batches on a Dask cluster of real processes: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from batch_cases import HERE, contents, start, wait_until
from clusters import Cluster

from ecosim.batch.cluster import DaskExecutor
from ecosim.batch.layout import BatchLayout
from ecosim.batch.ledger import Attempt, read_ledger
from ecosim.batch.options import BatchSettings
from ecosim.batch.prepare import create_batch, open_batch
from ecosim.batch.progress import PlainProgress
from ecosim.batch.runner import BatchReport, run_batch
from ecosim.cli import main
from ecosim.telemetry_backend import choose

Command = Callable[..., int]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    with Cluster(folder) as cluster:
        yield cluster


def on(cluster: Cluster) -> list[str]:
    return ["--executor", "dask", "--scheduler", cluster.address]


def assert_whole(out: Path, quiet: Path) -> None:
    """Check that each run was finished once, in the same bytes as in a quiet local batch."""
    layout = BatchLayout(out)
    assert contents(out) == contents(quiet)
    done = Counter(attempt.run_id for attempt in read_ledger(layout) if attempt.status == "done")
    # A coordinator that is killed may have seen a run finish without writing it down.
    assert set(done.values()) == {1}
    assert done.keys() <= set(layout.finished())
    assert {path.name for path in layout.runs.iterdir()} == set(layout.finished())
    assert not list(out.glob("cluster-*"))
    dataset = sorted((quiet / "dataset").rglob("*.parquet"))
    assert dataset
    for path in dataset:
        assert (out / path.relative_to(quiet)).read_bytes() == path.read_bytes()


def test_a_killed_worker_costs_its_run_and_late_ones_help_the_slow_one_too(
    quiet_batch: Path, space_file: Path, tmp_path: Path, cluster: Cluster
) -> None:
    out = tmp_path / "out"
    first = cluster.start_worker()
    batch = start_on(cluster, space_file, out)
    runs = BatchLayout(out).runs
    wait_until(batch, lambda: len(contents(out)) >= 2 and bool(list(runs.glob("*.partial/*"))))
    cluster.kill(first)
    done = len(contents(out))
    cluster.start_worker()
    cluster.start_worker(SMALL_ENGINES_PAUSE="0.06")
    shown, errors = batch.communicate(timeout=120)
    assert batch.returncode == 0, errors
    assert done < 8
    assert "8 of 8 runs done" in shown
    assert_whole(out, quiet_batch)
    assert len({attempt.worker for attempt in read_ledger(BatchLayout(out))}) >= 2


def test_a_lost_scheduler_stops_the_batch_and_another_one_continues_it(
    quiet_batch: Path, space_file: Path, tmp_path: Path, cluster: Cluster
) -> None:
    out = tmp_path / "out"
    worker = cluster.start_worker()
    batch = start_on(cluster, space_file, out)
    wait_until(batch, lambda: len(contents(out)) >= 2)
    assert cluster.scheduler is not None
    cluster.kill(cluster.scheduler)
    _, errors = batch.communicate(timeout=120)
    assert batch.returncode == 1
    assert f"the scheduler {cluster.address} was lost" in errors
    assert "start the scheduler again, then" in errors
    assert "Traceback" not in errors
    assert 2 <= len(contents(out)) < 8
    cluster.kill(worker)
    cluster.start_scheduler()
    cluster.start_worker()
    again = start_on(cluster, space_file, out, "--resume")
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert_whole(out, quiet_batch)


def test_a_killed_coordinator_is_continued_while_its_workers_are_still_busy(
    quiet_batch: Path, space_file: Path, tmp_path: Path, cluster: Cluster
) -> None:
    out = tmp_path / "out"
    for _ in range(2):
        cluster.start_worker()
    batch = start_on(cluster, space_file, out)
    wait_until(batch, lambda: len(contents(out)) >= 2)
    batch.kill()
    batch.communicate()
    assert list(out.glob("cluster-*"))
    again = start_on(cluster, space_file, out, "--resume")
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert_whole(out, quiet_batch)


@pytest.mark.parametrize("times", [1, 2])
def test_a_batch_with_a_worker_that_does_not_answer_can_be_stopped(
    quiet_batch: Path, space_file: Path, tmp_path: Path, cluster: Cluster, times: int
) -> None:
    out = tmp_path / "out"
    silent = cluster.start_worker()
    batch = start_on(cluster, space_file, out)
    wait_until(batch, lambda: len(contents(out)) >= 2)
    silent.send_signal(signal.SIGSTOP)
    for _ in range(times):
        batch.send_signal(signal.SIGINT)
    _, errors = batch.communicate(timeout=60)
    assert batch.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    cluster.kill(silent)
    cluster.start_worker()
    again = start_on(cluster, space_file, out, "--resume")
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert_whole(out, quiet_batch)


def start_on(cluster: Cluster, space_file: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    return start(space_file, out, *on(cluster), *options)


@pytest.fixture(scope="module")
def steady_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of one worker that nobody disturbs."""
    with pytest.MonkeyPatch.context() as patch, Cluster(tmp_path_factory.mktemp("c")) as cluster:
        patch.setenv("PYTHONPATH", str(HERE))
        cluster.start_worker()
        yield cluster


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """Let a limit on file sizes stand for a full disk of this process."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def without_folder(
    cluster: Cluster,
    space_file: Path,
    out: Path,
    engine: str,
    trouble: AbstractContextManager[None] | None = None,
) -> BatchReport:
    """Run a batch on workers that do not see its folder: the sign in it is not there."""
    settings = BatchSettings(
        world="minimal", space=space_file, n=8, ticks=12, interval=5, seed=3,
        engine=f"small_engines:{engine}",
    )  # fmt: skip
    batch = create_batch(settings, out)
    with (out.parent / "progress").open("w") as shown, DaskExecutor(batch, cluster.address) as dask:
        (sign,) = out.glob("cluster-*.sign")
        sign.unlink()
        dask.probe()
        with trouble or contextlib.nullcontext():
            return run_batch(batch, dask, PlainProgress(shown))


@pytest.mark.parametrize("shared", [True, False])
def test_whole_and_failed_runs_arrive_with_all_they_have_to_tell(
    batch_command: Command, space_file: Path, tmp_path: Path, steady_cluster: Cluster, shared: bool
) -> None:
    out, local = tmp_path / "out", tmp_path / "local"
    assert batch_command(engine="Raising", out=local) == 3
    if shared:
        assert batch_command(*on(steady_cluster), engine="Raising", out=out) == 3
    else:
        report = without_folder(steady_cluster, space_file, out, "Raising")
        assert (report.ending, report.done, len(report.failed)) == ("finished", 4, 4)
    layout = BatchLayout(out)
    assert contents(out) == contents(local)
    assert sorted(map(told, read_ledger(layout))) == sorted(
        map(told, read_ledger(BatchLayout(local)))
    )
    assert files(layout.runs) == files(local / "runs")
    for partial in layout.runs.glob("*.partial"):
        (telemetry,) = partial.glob("*_telemetry.jsonl")
        end = json.loads(telemetry.read_text().splitlines()[-1])
        assert (end["record"], end["status"], end["tick"]) == ("end", "failed", 2)


def test_a_full_disk_of_the_coordinator_is_not_held_against_the_runs(
    batch_command: Command, space_file: Path, tmp_path: Path, steady_cluster: Cluster
) -> None:
    out, local = tmp_path / "out", tmp_path / "local"
    assert batch_command(out=local) == 0
    report = without_folder(steady_cluster, space_file, out, "SmallEngine", no_room())
    assert (report.ending, report.failed) == ("stopped", {})
    assert "File too large" in report.reason
    assert {attempt.status for attempt in read_ledger(BatchLayout(out))} <= {"done", "no_space"}
    with (tmp_path / "again").open("w") as shown:
        batch = open_batch(out)
        report = run_batch(batch, DaskExecutor(batch, steady_cluster.address), PlainProgress(shown))
    assert report.ending == "finished"
    assert contents(out) == contents(local)


def told(attempt: Attempt) -> tuple[object, ...]:
    """Return what the ledger says about an attempt, place and time apart."""
    return attempt.run_id, attempt.attempt, attempt.status, attempt.error, attempt.stderr


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_run_that_kills_its_process_leaves_the_worker_alive(
    batch_command: Command, tmp_path: Path, steady_cluster: Cluster
) -> None:
    (worker,) = steady_cluster.workers
    assert batch_command(*on(steady_cluster), engine="Killed") == 3
    assert worker.poll() is None
    lost = [one for one in read_ledger(BatchLayout(tmp_path / "out")) if one.status != "done"]
    assert {one.error for one in lost} == {"the worker was killed by SIGKILL"}
    assert Counter(one.attempt for one in lost) == {1: 4, 2: 4}


def test_a_worker_on_the_reference_says_what_that_costs(
    batch_command: Command, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.start_worker(ECOSIM_BACKEND="python")
    assert batch_command(*on(cluster)) == 0
    assert capsys.readouterr().err.count(f"note: {choose('python').note}\n") == 1


def test_a_worker_with_other_code_is_refused(
    batch_command: Command,
    tmp_path: Path,
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    source = (HERE / "small_engines.py").read_text()
    (other / "small_engines.py").write_text(source + "# changed\n")
    cluster.start_worker(PYTHONPATH=str(other))
    assert batch_command(*on(cluster)) == 2
    shown = capsys.readouterr().err
    assert "expected the coordinator's versions on" in shown
    assert "engine code" in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--executor", "dask"], "--executor dask and --scheduler ADDR go together"),
        (["--scheduler", "tcp://x:1"], "--executor dask and --scheduler ADDR go together"),
        (["--executor", "dask", "--scheduler", "gone.json"], "expected an address such as tcp://"),
        (["--executor", "dask", "--scheduler", "tcp://"], "expected a Dask scheduler"),
        (["--executor", "dask", "--scheduler", "x", "--workers", "2"], "--workers goes with"),
    ],
)
def test_a_cluster_that_is_not_there_is_said(
    space_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    out = tmp_path / "out"
    code = main(
        ["batch", "--world", "minimal", "--space", str(space_file), "--out", str(out), *words]
    )
    assert code in (1, 2)
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert not out.exists()
