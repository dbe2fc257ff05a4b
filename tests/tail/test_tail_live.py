"""The command in a terminal of its own, beside a run and a batch that are being written."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SMALL_ENGINES = Path(__file__).parents[1] / "batch"
DEADLINE = 60.0
TAIL = (sys.executable, "-W", "error", "-m", "ecosim", "tail")


class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, *words: str, columns: int = 100, rows: int = 30) -> None:
        self._main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            words,
            stdin=side,
            stdout=side,
            stderr=side,
            env={**kept, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(side)
        self.output = ""

    def read_until(self, condition: Callable[[str], object]) -> str:
        """Read until the text so far, without control sequences, fulfils the condition."""
        ends = time.monotonic() + DEADLINE
        while not condition(self.text()):
            assert time.monotonic() < ends, self.text()[-3000:]
            if not self._read(0.1) and self.process.poll() is not None:
                while self._read(0.1):
                    pass
                assert condition(self.text()), self.text()[-3000:]
        return self.text()

    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.output).replace("\r", "")

    def wait(self) -> int:
        """Read to the end and return the exit code."""
        self.read_until(lambda _: self.process.poll() is not None)
        while self._read(0.1):
            pass
        return self.process.wait()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._main)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._main], [], [], seconds)[0]:
            return False
        try:
            found = os.read(self._main, 65536)
        except OSError:
            return False
        self.output += found.decode(errors="replace")
        return bool(found)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*words: str, **size: int) -> Terminal:
        opened.append(Terminal(*TAIL, *words, **size))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of the telemetry file of a finished run."""
    folder = tmp_path_factory.mktemp("run")
    words = f"run demo --ticks 100 --interval 20 --seed 3 --out {folder}".split()
    subprocess.run([sys.executable, "-m", "ecosim", *words], check=True, capture_output=True)
    return next(folder.glob("*_telemetry.jsonl")).read_bytes().splitlines(keepends=True)


def test_a_run_is_followed_from_before_its_first_line_to_its_end(tmp_path, lines, terminal):
    screen = terminal(str(tmp_path), "--interval", "0.05")
    screen.read_until(lambda text: "*_telemetry.jsonl yet" in text)
    with (tmp_path / "one_telemetry.jsonl").open("ab", buffering=0) as stream:
        stream.write(lines[0] + lines[1][:50])
        screen.read_until(lambda text: "no sample yet" in text)
        stream.write(lines[1][50:])
        screen.read_until(lambda text: "tick 0," in text)
        stream.write(lines[2])
        bees = json.loads(lines[2])["species"]["bee"]["count"]
        text = screen.read_until(lambda text: "tick 20," in text and "ticks 1 to 20" in text)
        assert re.search(rf"bee +{bees} +[0+-]", text[text.rindex("tick 20,") :])
        stream.write(b"".join(lines[3:]))
    assert screen.wait() == 0
    left = screen.output[screen.output.rindex("\x1b[?1049l") :]
    assert "completed" in left
    assert "tick 100" in left
    assert screen.output.count("\x1b[?1049h") == screen.output.count("\x1b[?1049l") == 1
    assert "\x1b[?25h" in screen.output[screen.output.rindex("\x1b[?25l") :]


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_a_signal_ends_it_and_gives_the_terminal_back(tmp_path, lines, terminal, signum, code):
    (tmp_path / "one_telemetry.jsonl").write_bytes(b"".join(lines[:3]))
    screen = terminal(str(tmp_path), "--interval", "0.05", columns=40, rows=8)
    screen.read_until(lambda text: "tick 20" in text)
    screen.process.send_signal(signum)
    assert screen.wait() == code
    assert "Traceback" not in screen.text()
    left = screen.output[screen.output.rindex("\x1b[?1049l") :]
    assert "tick 20" in left


def test_the_file_that_is_removed_is_told(tmp_path, lines, terminal):
    path = tmp_path / "one_telemetry.jsonl"
    path.write_bytes(b"".join(lines[:3]))
    screen = terminal(str(path), "--interval", "0.05")
    screen.read_until(lambda text: "tick 20" in text)
    path.unlink()
    assert screen.wait() == 1
    assert "it was removed" in screen.text()


def test_without_a_terminal_each_sample_is_a_line(tmp_path, lines):
    (tmp_path / "one_telemetry.jsonl").write_bytes(b"".join(lines))
    done = subprocess.run([*TAIL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    found = done.stdout.splitlines()
    assert found[0].startswith("run ")
    assert [line.partition(":")[0] for line in found[1:-1]] == [
        f"tick {json.loads(line)['tick']}" for line in lines[1:-1]
    ]
    assert found[-1] == "completed at tick 100"


def test_the_runs_of_a_batch_are_followed_one_after_the_other(tmp_path, terminal):
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"names": ["rates.hunger"], "bounds": [[1, 1.4]]}))
    words = f"batch --world minimal --space {space} -n 4 --ticks 40 --interval 5 --workers 1"
    words += f" --engine small_engines:Patient --out {tmp_path / 'out'} --quiet"
    paths = {**os.environ, "PYTHONPATH": str(SMALL_ENGINES), "SMALL_ENGINES_PAUSE": "0.05"}
    command = [sys.executable, "-m", "ecosim", *words.split()]
    with subprocess.Popen(command, env=paths) as batch:
        ends = time.monotonic() + DEADLINE
        while not (tmp_path / "out" / "batch.json").exists():
            assert time.monotonic() < ends
            batch.poll()
        screen = terminal(str(tmp_path / "out"), "--interval", "0.05")
        assert screen.wait() == 0
        assert batch.wait() == 0
    text = screen.text()
    ids = sorted(path.name for path in (tmp_path / "out" / "runs").iterdir())
    assert len(ids) == 4
    seen = [run_id for run_id in ids if f"{run_id}  running" in text]
    assert len(seen) >= 3
    assert sorted(seen, key=text.index) == seen
    assert re.search(r"batch \w{8}: 4 of 4 runs done", text)


def test_a_batch_whose_runs_fail_is_followed_to_its_end(tmp_path):
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"names": ["rates.hunger"], "bounds": [[2, 3]]}))
    words = f"batch --world minimal --space {space} -n 2 --ticks 12 --interval 5 --workers 1"
    words += f" --engine small_engines:Raising --out {tmp_path / 'out'} --quiet"
    paths = {**os.environ, "PYTHONPATH": str(SMALL_ENGINES)}
    subprocess.run([sys.executable, "-m", "ecosim", *words.split()], env=paths, check=False)
    done = subprocess.run([*TAIL, str(tmp_path / "out")], capture_output=True, text=True)
    assert done.returncode == 0
    assert re.fullmatch(r"batch \w{8}: 0 of 2 runs done, 2 failed\n", done.stdout)
    once = subprocess.run([*TAIL, str(tmp_path / "out"), "--once"], capture_output=True, text=True)
    assert once.stdout.splitlines()[1:] == ["no run is being made"]
