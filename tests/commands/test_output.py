"""Where words go, what a terminal and a pipe get, and how mistakes are told."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batch_option_cases import ENGINE
from command_bench import SMALL_BATCH, Bench

from ecosim.commands.progress import progress
from ecosim.telemetry_backend import choose

_COLOUR = re.compile(rb"\x1b\[[0-9;]*[1-9][0-9;]*m")

#: Each of its runs waits for a file to go away.
WAITING = """
import time
from pathlib import Path

class Waiting:
    def __init__(self, world, *, seed):
        self.seed, self.tick, self.events, self.entities = seed, 0, (), {}

    def step(self):
        if self.seed:
            Path("here").touch()
            deadline = time.monotonic() + 60
            while Path("wait").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
        self.tick += 1
"""


def _start(words: str, folder: Path, **streams: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ecosim", *words.split()],
        cwd=folder,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )


def _on_terminal(words: str, folder: Path, **environment: str) -> bytes:
    """Return what a command writes to a terminal."""
    master, slave = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(
        [sys.executable, "-m", "ecosim", *words.split()],
        cwd=folder,
        stdout=slave,
        stderr=slave,
        env={**inherited, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    ) as process:
        os.close(slave)
        written = b""
        try:
            while chunk := os.read(master, 65536):
                written += chunk
        except OSError:
            pass  # how Linux tells that nobody has the other end any more
        finally:
            os.close(master)
        assert process.wait() == 0
    return written


def test_the_status_of_a_batch_that_runs(bench: Bench) -> None:
    bench.write("waiting.py", WAITING)
    gate = bench.write("wait", "")
    words = SMALL_BATCH.replace("two.json", str(bench.folder / "two.json"))
    with _start(f"{words} --engine waiting:Waiting --out out", bench.folder) as process:
        deadline = time.monotonic() + 60
        while not (bench.folder / "here").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
        told = bench("batch status out --json").json
        shown = bench("batch status out").out
        gate.unlink()
        process.communicate()
        assert process.returncode == 0
    assert (told["state"], told["done"], told["left"], told["in_progress"]) == ("running", 0, 2, 1)
    assert told["seconds_per_run"] is None
    assert "running, 1 in progress\n" in shown
    assert bench("batch status out --json").json["state"] == "finished"


def test_a_terminal_gets_a_bar_in_colour_unless_told_otherwise(bench: Bench) -> None:
    shown = _on_terminal(f"{SMALL_BATCH} --out one", bench.folder)
    assert "━".encode() in shown
    assert _COLOUR.search(shown)
    shown = _on_terminal(f"{SMALL_BATCH} --out two", bench.folder, NO_COLOR="1")
    assert "━".encode() in shown
    assert not _COLOUR.search(shown)
    shown = _on_terminal(f"{SMALL_BATCH} --out three", bench.folder, TERM="dumb")
    assert b"2 runs to do" in shown
    assert b"\x1b" not in shown
    shown = _on_terminal("run minimal --ticks 4000 --interval 1000 --out run", bench.folder)
    assert b"/4000" in shown
    assert _COLOUR.search(shown)


def test_a_pipe_gets_plain_lines_with_progress_apart(bench: Bench) -> None:
    with _start(f"{SMALL_BATCH} --out out", bench.folder) as process:
        out, error = process.communicate()
    assert process.returncode == 0
    assert "\x1b" not in out + error
    assert [line for line in error.splitlines() if not line.startswith("note: ")] == [
        "2 runs to do"
    ]
    assert out.startswith("batch ")
    assert "2 of 2 runs done, 0 failed, 0 left" in out


@pytest.mark.parametrize(("option", "times"), [("", 1), ("--json", 1), ("--quiet", 0)])
def test_a_batch_on_the_reference_says_once_what_that_costs(
    bench: Bench, option: str, times: int
) -> None:
    environment = os.environ | {"ECOSIM_BACKEND": "python"}
    with _start(f"{SMALL_BATCH} --out out {option}", bench.folder, env=environment) as process:
        out, error = process.communicate()
    assert process.returncode == 0
    assert (out + error).count("ms instead of") == times
    assert error.count(f"note: {choose('python').note}\n") == times


def test_a_run_tells_in_a_line_what_the_reference_core_costs(bench: Bench) -> None:
    environment = os.environ | {"ECOSIM_BACKEND": "python"}
    with _start("run minimal --ticks 4 --out out", bench.folder, env=environment) as process:
        _, error = process.communicate()
    assert (process.returncode, error) == (0, f"warning: {choose('python').note}\n")


def test_a_long_run_tells_a_pipe_where_it_is() -> None:
    stream = io.StringIO()
    with progress(stream, "ticks", seconds=0) as advanced:
        advanced(1, 4)
        advanced(4, 4)
    first, last = stream.getvalue().splitlines()
    assert re.fullmatch(r"1 of 4 ticks, \d+ ticks/s, \d+ s left", first)
    assert re.fullmatch(r"4 of 4 ticks, \d+ ticks/s, 0 s left", last)


def test_json_is_alone_on_standard_output_when_a_run_is_interrupted(bench: Bench) -> None:
    words = "run minimal --ticks 10000000 --interval 100 --out out --json"
    with _start(words, bench.folder) as process:
        deadline = time.monotonic() + 60
        while not list((bench.folder / "out").glob("*_events.jsonl")):
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.terminate()
        out, error = process.communicate()
    assert process.returncode == 130
    assert json.loads(out)["status"] == "stopped"
    assert "interrupted; the data up to here is whole" in error


def test_a_step_that_fails_shows_where_and_the_data_up_to_there(bench: Bench) -> None:
    failing = ENGINE + "\n\nclass Failing(Stone):\n    def step(self):\n        super().step()\n"
    bench.write("stones.py", failing + "        return 1 / (3 - self.tick)\n")
    with _start("run minimal --engine stones:Failing --out out", bench.folder) as process:
        out, error = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert "a step failed, ZeroDivisionError: division by zero" in error
    assert "return 1 / (3 - self.tick)" in error
    assert all(line.startswith("error: ") for line in error.splitlines())
    *_, end = bench.records("out")
    assert (end["status"], end["tick"]) == ("failed", 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("vadilate demo", "ecosim: error: argument COMMAND: invalid choice: 'vadilate'"),
        ("vadilate demo", "did you mean 'validate'?"),
        ("batch stauts out", "did you mean 'status'?"),
        (
            "batch --smapler lhs --out x",
            "unrecognized arguments: --smapler; did you mean '--sampler'?",
        ),
        ("run demo --tick 5", "ecosim run: error: unrecognized arguments: --tick; did you mean"),
        ("run demo --zzz", "unrecognized arguments: --zzz\n"),
        ("run demo surplus", "unrecognized arguments: surplus\n"),
        ("batch --sampler sobl --out x", "did you mean 'sobol'?"),
        ("batch --world demo status x", "--world belongs to 'ecosim batch', not to"),
        ("completion fish", "invalid choice: 'fish'"),
    ],
)
def test_a_word_that_is_not_known_is_told_with_the_nearest(
    bench: Bench, words: str, message: str
) -> None:
    shown = bench(words, code=2)
    assert message in shown.err
    assert len(shown.err.splitlines()) == 2
    assert shown.out == ""


@pytest.mark.parametrize("words", ["info", "info --json", "run minimal --ticks 4 --out out"])
def test_a_report_that_finds_no_room_is_one_line(bench: Bench, words: str) -> None:
    with Path("/dev/full").open("w") as full, _start(words, bench.folder, stdout=full) as process:
        _, error = process.communicate()
    assert (process.returncode, error) == (1, "error: [Errno 28] No space left on device\n")


def test_a_batch_does_not_end_because_its_log_is_full(bench: Bench) -> None:
    words = f"{SMALL_BATCH} --out out"
    with Path("/dev/full").open("w") as full, _start(words, bench.folder, stderr=full) as process:
        out, _ = process.communicate()
    assert process.returncode == 0
    assert "2 of 2 runs done" in out


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_process_without_a_stream_does_its_work(bench: Bench, closed: str) -> None:
    line = f"exec '{sys.executable}' -m ecosim {SMALL_BATCH} --out out {closed}>&-"
    subprocess.run(["bash", "-c", line], cwd=bench.folder, check=True, capture_output=True)
    assert len(bench.finished("out")) == 2


def test_the_command_alone_shows_its_help(bench: Bench) -> None:
    shown = bench("", code=2)
    assert shown.out == ""
    assert "exit codes:" in shown.err
    assert shown.err == bench("--help").out


_FOLDERS = {
    "missing": "expected a batch folder, there is none",
    "empty": "expected a batch folder, batch.json: No such file or directory",
    "file": "expected a batch folder, batch.json: Not a directory",
    "foreign": "expected the plan of a batch",
}


@pytest.mark.parametrize("folder", _FOLDERS)
@pytest.mark.parametrize(
    "words",
    ["batch status {}", "batch verify {}", "batch rerun {} x", "batch merge {} --into new",
     "batch --out {} --resume", "batch --out {} --extend 2", "collect {}"],
)  # fmt: skip
def test_a_folder_that_is_no_batch_is_one_line(bench: Bench, folder: str, words: str) -> None:
    (bench.folder / "empty").mkdir()
    bench.write("file", "")
    (bench.folder / "foreign").mkdir()
    bench.write("foreign/batch.json", '["somebody else\'s"]')
    before = sorted(path.name for path in bench.folder.rglob("*"))
    shown = bench(words.format(folder), code=1)
    assert shown.err.startswith(f"error: {folder}")
    assert _FOLDERS[folder] in shown.err
    assert len(shown.err.splitlines()) == 1
    assert sorted(path.name for path in bench.folder.rglob("*")) == before


@pytest.mark.parametrize("folder", ["missing", "empty", "foreign"])
@pytest.mark.parametrize("words", ["analyze {} --outcome x", "report {}", "tail {} --once"])
def test_a_folder_with_nothing_to_show_is_one_line(bench: Bench, folder: str, words: str) -> None:
    (bench.folder / "empty").mkdir()
    (bench.folder / "foreign").mkdir()
    bench.write("foreign/batch.json", "not ours")
    shown = bench(words.format(folder), code=1)
    assert shown.out == ""
    assert shown.err.startswith(f"error: {folder}")
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize("into", ["file", "file/below", "/proc/nowhere/at/all"])
def test_a_rerun_that_has_no_room_is_one_line(bench: Bench, into: str) -> None:
    bench(f"{SMALL_BATCH} -n 1 --out out")
    bench.write("file", "")
    (run_id,) = bench.finished("out")
    shown = bench(f"batch rerun out {run_id} --into {into}", code=1)
    assert shown.err.startswith(f"error: {into}: expected a folder to write to, ")
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("block", "words", "ticks"),
    [
        ({"interval": 3}, "", [0, 3, 4]),
        ({"interval": 3}, "--interval 2", [0, 2, 4]),
        ({"_interval": 3}, "", [0, 4]),
        ({}, "", [0, 4]),
    ],
)
def test_a_batch_samples_as_often_as_its_world_says_unless_told(
    bench: Bench, block: dict[str, object], words: str, ticks: list[int]
) -> None:
    from ecosim.engine.world import load_world

    content = load_world("minimal").to_dict() | {"telemetry": block}
    bench.write("world.json", json.dumps(content))
    bench(f"{SMALL_BATCH} -n 1 --world world.json --out out {words}")
    assert bench.sampled("out") == ticks
    assert bench.plan("out")["interval"] == bench.records("out")[0]["interval"]
    bench(f"batch --out out --resume --format jsonl {words}")


def test_a_world_whose_interval_cannot_be_is_refused(bench: Bench) -> None:
    from ecosim.engine.world import load_world

    content = load_world("minimal").to_dict() | {"telemetry": {"interval": 0}}
    bench.write("world.json", json.dumps(content))
    shown = bench(f"{SMALL_BATCH} --world world.json --out out", code=2)
    assert "telemetry.interval: expected an integer >= 1, got 0" in shown.err
    assert not (bench.folder / "out").exists()


@pytest.mark.parametrize("seed", [-(2**63) - 1, 2**63])
def test_a_run_and_a_batch_refuse_the_same_seeds(bench: Bench, seed: int) -> None:
    words = f"error: seed: expected an integer from {-(2**63)} to {2**63 - 1}, got {seed}\n"
    assert bench(f"run minimal --ticks 1 --out out --seed {seed}", code=2).err == words
    assert bench(f"{SMALL_BATCH} --out out --seed {seed}", code=2).err == words
    assert not (bench.folder / "out").exists()
