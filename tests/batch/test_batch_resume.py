"""Batches that are stopped, killed and continued end with the same bytes as quiet ones."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from batch_cases import contents, start, wait_until

from ecosim.batch.layout import BatchLayout
from ecosim.batch.ledger import Ledger, read_ledger
from ecosim.batch.rows import read_design
from ecosim.batch.runner import sweep
from ecosim.cli import main

Command = Callable[..., int]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_batch_says_how_to_continue(
    quiet_batch: Path,
    batch_command: Command,
    space_file: Path,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    out = tmp_path / "out"
    process = start(space_file, out)
    wait_until(process, lambda: len(contents(out)) >= 2)
    process.send_signal(number)
    shown, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "--resume continues" in errors
    done = len(contents(out))
    assert 2 <= done < 8
    assert f"{done} of 8 runs done, 0 failed, {8 - done} left" in shown
    assert batch_command("--resume", engine="Patient") == 0
    assert contents(out) == contents(quiet_batch)
    assert not list(BatchLayout(out).runs.glob("*.partial"))


@pytest.mark.parametrize("count", [0, 3])
def test_a_killed_batch_resumes_to_the_same_bytes(
    quiet_batch: Path, batch_command: Command, space_file: Path, tmp_path: Path, count: int
) -> None:
    out = tmp_path / "out"
    process = start(space_file, out)
    wait_until(process, lambda: BatchLayout(out).batch.exists() and len(contents(out)) >= count)
    process.kill()
    process.communicate()
    before = {name: BatchLayout(out).mark(name).stat().st_mtime_ns for name in contents(out)}
    assert batch_command("--resume", engine="Patient") == 0
    assert contents(out) == contents(quiet_batch)
    after = {name: BatchLayout(out).mark(name).stat().st_mtime_ns for name in before}
    assert after == before, "a finished run was made again"


def test_workers_end_with_a_killed_coordinator(space_file: Path, tmp_path: Path) -> None:
    process = start(space_file, tmp_path / "out", "--ticks", "100000")
    partials = BatchLayout(tmp_path / "out").runs
    wait_until(process, lambda: len(list(partials.glob("*.partial/*_events.jsonl"))) >= 2)
    process.kill()
    # Workers hold the write end of the coordinator's standard error: it ends when they do.
    process.communicate(timeout=60)


def test_resuming_a_finished_batch_returns_at_once(batch_command: Command, tmp_path: Path) -> None:
    assert batch_command() == 0
    attempts = list(read_ledger(BatchLayout(tmp_path / "out")))
    assert batch_command("--resume") == 0
    assert list(read_ledger(BatchLayout(tmp_path / "out"))) == attempts


def test_what_was_set_aside_stays_aside(batch_command: Command, tmp_path: Path) -> None:
    assert batch_command(engine="Raising") == 3
    attempts = list(read_ledger(BatchLayout(tmp_path / "out")))
    assert batch_command("--resume", engine="Raising") == 3
    assert list(read_ledger(BatchLayout(tmp_path / "out"))) == attempts


def test_settings_of_another_batch_are_refused_one_by_one(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command() == 0
    capsys.readouterr()
    assert batch_command("--resume", "--seed", 4, "--ticks", 13, "--world", "demo") == 1
    shown = capsys.readouterr().err
    assert "seed: the batch has 3, got 4" in shown
    assert "ticks: the batch has 12, got 13" in shown
    assert "world: the batch has minimal, got demo" in shown
    assert "space:" not in shown
    assert batch_command("--resume", "--seed", 4, "--force") == 0


def test_another_version_is_refused(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command() == 0
    layout = BatchLayout(tmp_path / "out")
    plan = json.loads(layout.batch.read_text())
    plan["versions"]["numpy"] = "1.0"
    layout.batch.write_text(json.dumps(plan))
    assert batch_command("--resume") == 1
    assert "version of numpy: the batch has 1.0, here is" in capsys.readouterr().err


def test_a_second_coordinator_is_refused(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command() == 0
    with Ledger(BatchLayout(tmp_path / "out")):
        assert batch_command("--resume") == 1
    assert "another one is at work here" in capsys.readouterr().err
    assert batch_command("--resume") == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("batch.json", None, "expected a batch folder"),
        ("batch.json", "{}", "expected the plan of a batch"),
        ("batch.json", "[", "expected the plan of a batch"),
        ("batch.json", '{"schema_version": 99}', "expected schema_version 1, got 99"),
        ("world.json", "{}", "expected the world with sha256"),
        ("world.json", None, "expected the batch's world"),
        ("design.csv", None, "expected a design"),
        ("ledger.jsonl", "nonsense\n", "expected an attempt"),
    ],
)
def test_a_damaged_folder_is_named(
    batch_command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str | None,
    message: str,
) -> None:
    assert batch_command() == 0
    path = tmp_path / "out" / name
    path.unlink() if content is None else path.write_text(content)
    capsys.readouterr()
    assert batch_command("--resume") == 1
    shown = capsys.readouterr().err
    assert message in shown
    assert name in shown or "a batch folder" in shown


@pytest.mark.parametrize(
    "left", [["ledger.lock"], ["ledger.lock", "world.json.tmp"], ["ledger.lock", "design.csv"]]
)
def test_what_ended_before_its_plan_was_written_is_begun_anew(
    batch_command: Command, tmp_path: Path, left: list[str]
) -> None:
    out = tmp_path / "out"
    (out / "runs").mkdir(parents=True)
    for name in left:
        (out / name).write_text("half")
    assert batch_command("--resume") == 1
    assert batch_command() == 0
    assert len(contents(out)) == 8


@pytest.mark.parametrize("kept", ["world.json", "ledger.lock/mine", "runs/mine"])
def test_files_of_somebody_else_are_not_taken_for_leftovers(
    batch_command: Command, tmp_path: Path, kept: str
) -> None:
    path = tmp_path / "out" / kept
    path.parent.mkdir(parents=True)
    path.write_text("keep")
    assert batch_command() == 1
    assert path.read_text() == "keep"


def test_other_code_of_the_engine_is_refused(
    batch_command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = tmp_path / "beside_me.py"
    engine.write_text("from small_engines import SmallEngine as make\n")
    assert batch_command("--engine", "beside_me:make") == 0
    engine.write_text("from small_engines import SmallEngine as make  # changed\n")
    capsys.readouterr()
    assert batch_command("--engine", "beside_me:make", "--resume") == 1
    assert "version of engine: the batch has code " in capsys.readouterr().err
    assert batch_command("--engine", "beside_me:make", "--resume", "--force") == 0


def test_a_lost_run_is_made_again(batch_command: Command, tmp_path: Path) -> None:
    assert batch_command() == 0
    layout = BatchLayout(tmp_path / "out")
    before = contents(layout.root)
    lost = read_design(layout.design)[5].run_id
    layout.mark(lost).unlink()
    for path in layout.run(lost).iterdir():
        path.unlink()
    layout.run(lost).rmdir()
    assert batch_command("--resume") == 0
    assert contents(layout.root) == before


@pytest.mark.parametrize("mark", ["{", "[]", '{"files": {}}', '{"content_sha256": "0"}'])
def test_a_damaged_mark_holds_up_no_other_run(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], mark: str
) -> None:
    assert batch_command() == 0
    layout = BatchLayout(tmp_path / "out")
    before = contents(layout.root)
    damaged, lost, *_ = before
    layout.mark(damaged).write_text(mark)
    shutil.rmtree(layout.run(lost))
    capsys.readouterr()
    named = f"{layout.mark(damaged)}: expected the mark of a run"
    assert main(["batch", "status", str(layout.root)]) == 0
    shown = capsys.readouterr().out
    assert "6 of 8 runs done, 0 failed, 2 left" in shown
    assert named in shown
    assert "delete the folder of a run like this, then" in shown
    assert batch_command("--resume") == 1
    shown = capsys.readouterr()
    assert "7 of 8 runs done, 0 failed, 1 left" in shown.out
    assert named in shown.err
    assert main(["batch", "verify", str(layout.root), "--rerun", "8", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert list(told["damaged"]) == [damaged]
    assert (len(told["repeated"]), told["different"]) == (7, [])
    assert main(["collect", str(layout.root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["runs"], list(told["left_out"])) == (7, [damaged])
    assert "expected the mark of a run" in told["left_out"][damaged]
    shutil.rmtree(layout.run(damaged))
    assert batch_command("--resume") == 0
    assert contents(layout.root) == before


def test_status_tells_how_a_batch_stands(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch_command(engine="Raising")
    capsys.readouterr()
    assert main(["batch", "status", str(tmp_path / "out")]) == 3
    shown = capsys.readouterr().out
    assert "4 of 8 runs done, 4 failed, 0 left" in shown
    assert "4 x failed: ZeroDivisionError: hunger went through the roof" in shown
    assert main(["batch", "status", str(tmp_path)]) == 1
    assert "expected a batch folder" in capsys.readouterr().err


def test_a_batch_that_met_a_full_disk_is_finished_after_making_room(
    quiet_batch: Path, batch_command: Command, space_file: Path, tmp_path: Path
) -> None:
    """A limit on file sizes stands for the disk: the operating system refuses to write on."""
    out = tmp_path / "out"
    process = start(space_file, out)
    wait_until(process, lambda: len(contents(out)) >= 1)
    process.kill()
    process.communicate()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        process = start(space_file, out, "--resume")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    _, errors = process.communicate()
    assert process.returncode == 1, errors
    assert "make room, or put right what" in errors
    assert "Traceback" not in errors
    assert contents(out).items() <= contents(quiet_batch).items()
    assert batch_command("--resume", engine="Patient") == 0
    assert contents(out) == contents(quiet_batch)


def test_a_run_that_is_finished_while_it_is_swept_is_whole(tmp_path: Path) -> None:
    """As a worker may that lost its coordinator: it gives its folder the final name meanwhile."""
    layout = BatchLayout(tmp_path)
    run_ids = {f"run-{number}" for number in range(400)}
    parts = {f"part-{number}" for number in range(12)}
    at_work = threading.Event()

    def finish(run_id: str) -> None:
        private = layout.partial(run_id, "owner")
        private.mkdir(parents=True, exist_ok=True)
        for part in parts:
            (private / part).touch()
        private.rename(layout.run(run_id))

    def finish_all() -> None:
        for run_id in run_ids:
            while not layout.run(run_id).exists():
                with contextlib.suppress(FileNotFoundError):
                    finish(run_id)
        at_work.clear()

    worker = threading.Thread(target=finish_all)
    at_work.set()
    worker.start()
    while at_work.is_set():
        sweep(layout, run_ids)
        time.sleep(0.005)  # or the worker would get nowhere
    worker.join()
    sweep(layout, run_ids)
    assert not layout.partials(run_ids)
    for run_id in run_ids:
        assert {path.name for path in layout.run(run_id).iterdir()} == parts
