"""A finished batch goes on, is verified, split and joined, and lets single runs be made again."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy
import pytest
from batch_cases import contents

from ecosim.batch import merge
from ecosim.batch.execution import content_mark
from ecosim.batch.executors import LocalExecutor
from ecosim.batch.layout import BatchLayout
from ecosim.batch.ledger import read_ledger
from ecosim.batch.prepare import open_batch
from ecosim.batch.progress import PlainProgress
from ecosim.batch.rows import read_design
from ecosim.batch.runner import run_batch
from ecosim.cli import main
from ecosim.errors import BatchFolderError
from ecosim.telemetry_writers import telemetry_path

Command = Callable[..., int]


def test_an_extended_batch_is_the_larger_batch(batch_command: Command, tmp_path: Path) -> None:
    out, larger = tmp_path / "out", tmp_path / "larger"
    assert batch_command("-n", 4) == 0
    before = {run_id: BatchLayout(out).mark(run_id).stat().st_mtime_ns for run_id in contents(out)}
    assert batch_command("-n", 4, "--extend", 4) == 0
    assert batch_command("-n", 8, out=larger) == 0
    assert contents(out) == contents(larger)
    for name in ("batch.json", "design.csv", "world.json"):
        assert (out / name).read_bytes() == (larger / name).read_bytes()
    after = {run_id: BatchLayout(out).mark(run_id).stat().st_mtime_ns for run_id in before}
    assert after == before, "an old run was made again"


def test_an_extension_that_was_cut_short_is_as_if_never_begun(
    batch_command: Command, tmp_path: Path
) -> None:
    """The design is written before the plan: the rows beyond the plan are not the batch's yet."""
    out, larger = tmp_path / "out", tmp_path / "larger"
    assert batch_command("-n", 4) == batch_command("-n", 8, out=larger) == 0
    (out / "design.csv").write_bytes((larger / "design.csv").read_bytes())
    assert batch_command("-n", 4, "--resume") == 0
    assert len(contents(out)) == 4
    assert batch_command("-n", 4, "--extend", 4) == 0
    assert contents(out) == contents(larger)


@pytest.mark.parametrize("trouble", ["scheduler", "engine"])
def test_an_extension_that_cannot_start_changes_nothing(
    batch_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    layout = BatchLayout(tmp_path / "out")
    monkeypatch.setenv("ODD_ENGINES_TEMPER", "even")
    assert batch_command("-n", 4, "--engine", "odd_engines:tempered") == 0
    before = layout.batch.read_bytes(), layout.design.read_bytes()
    words = ["batch", "--out", str(layout.root), "--extend", "4"]
    if trouble == "engine":
        monkeypatch.setenv("ODD_ENGINES_TEMPER", "hot")
        assert main(words) == 2
    else:
        assert main([*words, "--executor", "dask", "--scheduler", "nofile.json"]) == 1
    assert (layout.batch.read_bytes(), layout.design.read_bytes()) == before
    monkeypatch.setenv("ODD_ENGINES_TEMPER", "even")
    assert main(words) == 0
    assert len(contents(layout.root)) == 8


def test_only_a_sequence_can_go_on(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command("--sampler", "lhs", "-n", 2) == 0
    assert batch_command("--sampler", "lhs", "-n", 2, "--extend", 2) == 2
    assert "--extend: expected a sobol batch, got lhs" in capsys.readouterr().err
    assert len(read_design(tmp_path / "out" / "design.csv")) == 2


def test_a_sequence_with_other_points_is_not_continued(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command("-n", 2) == 0
    path = tmp_path / "out" / "design.csv"
    first, second, rest = path.read_text().split("\n", 2)
    path.write_text("\n".join([first, second.rpartition(",")[0] + ",12.5", rest]), newline="")
    changed = path.read_bytes()
    assert batch_command("-n", 2, "--extend", 2) == 1
    assert "design.csv: expected the batch's design, it was changed" in capsys.readouterr().err
    plan = json.loads((tmp_path / "out" / "batch.json").read_text())
    plan["design_sha256"] = read_design(path).sha256()
    (tmp_path / "out" / "batch.json").write_text(json.dumps(plan))
    assert batch_command("-n", 2, "--extend", 2) == 1
    assert "it has others" in capsys.readouterr().err
    assert path.read_bytes() == changed


@pytest.mark.parametrize("sampler", ["saltelli", "morris", "lhs"])
def test_every_sampler_makes_a_batch(batch_command: Command, tmp_path: Path, sampler: str) -> None:
    assert batch_command("--sampler", sampler, "-n", 2, "--seed-mode", "per_block") == 0
    plan = json.loads((tmp_path / "out" / "batch.json").read_text())
    assert plan["rows_per_block"] == {"saltelli": 4, "morris": 3, "lhs": 1}[sampler]
    assert len(contents(tmp_path / "out")) == 2 * plan["rows_per_block"]


def test_verify_finds_nothing_wrong_with_a_sound_batch(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command() == 0
    capsys.readouterr()
    assert main(["batch", "verify", str(tmp_path / "out"), "--rerun", "3"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "8 of 8 finished runs have the content of their marks",
        "3 of 3 runs made again have the same content",
    ]


def test_verify_finds_a_changed_and_a_lost_file(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command() == 0
    layout = BatchLayout(tmp_path / "out")
    first, second, *_ = layout.finished()
    changed = telemetry_path(layout.run(first), first)
    changed.write_bytes(changed.read_bytes().replace(b'"tick":5', b'"tick":6'))
    telemetry_path(layout.run(second), second).unlink()
    capsys.readouterr()
    assert main(["batch", "verify", str(layout.root), "--rerun", "0"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{first}: expected the content of the mark, {first}_telemetry.jsonl differs",
        f"{second}: expected the content of the mark, {second}_telemetry.jsonl differs",
        "6 of 8 finished runs have the content of their marks",
    ]


def test_one_run_is_made_again_with_the_same_bytes(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command() == 0
    out, beside = tmp_path / "out", tmp_path / "beside"
    run_id = BatchLayout(out).finished()[3]
    attempts = list(read_ledger(BatchLayout(out)))
    words = ["batch", "rerun", str(out), run_id, "--into", str(beside)]
    assert main(words) == 0
    assert "the same content as in the batch" in capsys.readouterr().out
    mark = json.loads((beside / run_id / "run.json").read_text())
    assert mark["content_sha256"] == contents(out)[run_id]
    assert list(read_ledger(BatchLayout(out))) == attempts
    assert main(words) == 1
    assert "expected a new folder" in capsys.readouterr().err


def test_a_failed_run_made_again_shows_its_traceback(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch_command(engine="Raising") == 3
    layout = BatchLayout(tmp_path / "out")
    failed = next(iter({row.run_id for row in read_design(layout.design)} - {*layout.finished()}))
    words = ["batch", "rerun", str(layout.root), failed, "--into", str(tmp_path / "beside")]
    assert main(words) == 1
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: hunger went through the roof" in shown
    assert "in go_wrong" in shown
    assert main(["batch", "rerun", str(layout.root), "x"]) == 1
    assert "run 'x': expected one of" in capsys.readouterr().err


def test_shards_join_to_the_batch_that_was_never_split(
    batch_command: Command, tmp_path: Path
) -> None:
    parts = [tmp_path / f"part{number}" for number in (1, 2, 3)]
    for number, part in enumerate(parts, start=1):
        assert batch_command("--shard", f"{number}/3", out=part) == 0
    assert [len(contents(part)) for part in parts] == [3, 3, 2]
    assert not (parts[0] / "dataset").exists()
    whole, joined = tmp_path / "whole", tmp_path / "joined"
    assert batch_command(out=whole) == 0
    assert main(["batch", "merge", *map(str, parts), "--into", str(joined)]) == 0
    assert contents(joined) == contents(whole)
    for name in ("batch.json", "design.csv", "world.json"):
        assert (joined / name).read_bytes() == (whole / name).read_bytes()
    assert {attempt.run_id for attempt in read_ledger(BatchLayout(joined))} == set(contents(whole))
    assert main(["batch", "verify", str(joined)]) == 0
    assert batch_command("--resume", out=joined) == 0


def test_a_joined_batch_knows_what_failed_and_makes_what_is_missing(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part, joined, whole = tmp_path / "part", tmp_path / "joined", tmp_path / "whole"
    assert batch_command("--shard", "1/2", out=part, engine="Raising") == 3
    assert main(["batch", "merge", str(part), "--into", str(joined)]) == 3
    failed = 4 - len(contents(part))
    assert f"{4 - failed} of 8 runs done, {failed} failed, 4 left" in capsys.readouterr().out
    assert batch_command("--resume", out=joined, engine="Raising") == 3
    assert batch_command(out=whole, engine="Raising") == 3
    assert contents(joined) == contents(whole)


def test_folders_of_different_batches_do_not_join(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, joined = tmp_path / "one", tmp_path / "two", tmp_path / "joined"
    assert batch_command("--shard", "1/2", out=one) == 0
    assert batch_command("--shard", "2/2", "--seed", 4, out=two) == 0
    assert main(["batch", "merge", str(one), str(two), "--into", str(joined)]) == 1
    shown = capsys.readouterr().err
    assert f"{two}: expected a shard of the batch in {one}, it differs:" in shown
    assert "seed: 3 there, 4 here" in shown
    assert not joined.exists()
    plan = json.loads((one / "batch.json").read_text())
    plan["versions"]["numpy"] = "1.0"
    plan["ticks"] = 13
    (one / "batch.json").write_text(json.dumps(plan))
    assert main(["batch", "merge", str(one), str(two), "--into", str(joined)]) == 1
    shown = capsys.readouterr().err
    assert "ticks: 13 there, 12 here" in shown
    assert f"version of numpy: 1.0 there, {numpy.__version__} here" in shown


def test_a_run_that_shards_tell_differently_is_an_error(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, joined = tmp_path / "one", tmp_path / "two", tmp_path / "joined"
    for part in (one, two):
        assert batch_command("--shard", "1/2", out=part) == 0
    row = next(row for row in read_design(two / "design.csv") if row.run_id in contents(two))
    folder = BatchLayout(two).run(row.run_id)
    spoil(telemetry_path(folder, row.run_id))
    (folder / "run.json").write_text(json.dumps(content_mark(row, folder)))
    assert main(["batch", "merge", str(one), str(two), "--into", str(joined)]) == 1
    assert "the engine is not deterministic" in capsys.readouterr().err
    assert not joined.exists()


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"tick":5', b'"tick":6'))


def test_a_sound_copy_of_a_run_is_taken_and_one_without_is_left_out(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, joined = tmp_path / "one", tmp_path / "two", tmp_path / "joined"
    for part in (one, two):
        assert batch_command("--shard", "1/2", out=part) == 0
    whole = contents(one)
    first, second, third, _ = whole
    spoil(telemetry_path(BatchLayout(one).run(first), first))
    BatchLayout(one).mark(second).write_text("{")
    for part in (one, two):
        spoil(telemetry_path(BatchLayout(part).run(third), third))
    capsys.readouterr()
    assert main(["batch", "merge", str(one), str(two), "--into", str(joined), "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert (told["done"], told["left"], list(told["left_out"])) == (3, 5, [third])
    assert f"left out: {one / 'runs' / third}: expected the content of the mark" in shown.err
    assert contents(joined) == {name: whole[name] for name in whole if name != third}
    assert main(["batch", "verify", str(joined), "--rerun", "0"]) == 0
    assert batch_command("--resume", out=joined) == 0
    assert contents(joined).items() > whole.items()


def test_what_failed_keeps_its_telemetry_and_its_count(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part, joined, again = tmp_path / "part", tmp_path / "joined", tmp_path / "again"
    assert batch_command("--shard", "1/2", out=part, engine="Raising") == 3
    attempts = list(read_ledger(BatchLayout(part)))
    partials = {path.relative_to(part) for path in part.glob("runs/*.partial/*")}
    assert partials
    assert main(["batch", "merge", str(part), "--into", str(joined)]) == 3
    assert main(["batch", "merge", str(joined), str(part), "--into", str(again)]) == 3
    for folder in (joined, again):
        assert list(read_ledger(BatchLayout(folder))) == attempts
        assert {path.relative_to(folder) for path in folder.glob("runs/*.partial/*")} == partials
    capsys.readouterr()
    same = part.parent / "." / "part" / ".." / "part"
    assert main(["batch", "merge", str(part), str(same), "--into", str(tmp_path / "no")]) == 1
    assert "expected each folder once" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


MERGING = """
import os, signal, sys
from ecosim.batch import merge
from ecosim.cli import main
copy, done = merge._copy_run, []
def copy_and_die(*arguments):
    done.append(copy(*arguments))
    if len(done) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
def move_and_die(private, layout):
    private.runs.rename(layout.runs)
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "copying":
    merge._copy_run = copy_and_die
else:
    merge._move_up = move_and_die
main(sys.argv[2:])
"""


@pytest.mark.parametrize("moment", ["copying", "moving"])
def test_a_killed_merge_is_begun_anew(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    part, joined = tmp_path / "part", tmp_path / "joined"
    assert batch_command(out=part) == 0
    words = ["batch", "merge", str(part), "--into", str(joined)]
    killed = subprocess.run([sys.executable, "-c", MERGING, moment, *words])
    assert killed.returncode == -signal.SIGKILL
    assert main(["batch", "status", str(joined)]) == 1
    mine = joined / "mine.txt"
    mine.write_text("keep")
    assert main(words) == 1
    assert "it has files" in capsys.readouterr().err
    mine.unlink()
    assert main(words) == 0
    assert contents(joined) == contents(part)
    names = {path.name for path in joined.iterdir()}
    assert names == {path.name for path in part.iterdir()} - {"dataset"}


@pytest.mark.parametrize(
    "shard", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "one/two", "1/ 2"]
)
def test_a_shard_that_cannot_be_is_refused(
    batch_command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], shard: str
) -> None:
    assert batch_command(f"--shard={shard}") == 2
    assert "shard: expected I/N with I in 1..N" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_merge_that_finds_the_batch_of_another_leaves_it_alone(
    batch_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, joined = tmp_path / "part", tmp_path / "joined"
    assert batch_command("-n", 4, out=part) == 0
    take = merge.lock_batch

    def let_another_finish(layout: BatchLayout) -> IO[bytes]:
        """Lock the folder, which a second merge became the owner of a moment before."""
        monkeypatch.setattr(merge, "lock_batch", take)
        assert main(["batch", "merge", str(part), "--into", str(joined)]) == 0
        return take(layout)

    monkeypatch.setattr(merge, "lock_batch", let_another_finish)
    assert main(["batch", "merge", str(part), "--into", str(joined)]) == 1
    assert contents(joined) == contents(part)
    assert main(["batch", "verify", str(joined)]) == 0


def test_another_number_of_retries_does_not_take_an_extension_back(
    batch_command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert batch_command("-n", 4) == 0
    earlier = open_batch(out)
    assert batch_command("-n", 4, "--extend", 4) == 0
    progress = PlainProgress(io.StringIO())
    with (
        LocalExecutor(out, 1) as executor,
        pytest.raises(BatchFolderError, match="another command has changed it; repeat yours"),
    ):
        run_batch(earlier, executor, progress, retries=5)
    assert open_batch(out).plan.n == 8
