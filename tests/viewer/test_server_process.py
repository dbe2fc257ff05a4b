"""The process: how it starts, ends and fails, as the one who typed the command sees it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from serve_cases import records, serving, until, upgrade


def run(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecosim", "serve", *map(str, words)],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", [(), ("--paused",)], ids=["running", "paused"])
def test_a_signal_ends_the_run_with_its_records_written(
    tmp_path: Path, number: signal.Signals, words: tuple[str, ...]
) -> None:
    with serving("--rate", 200, "--out", "out", "--seed", 3, *words, folder=tmp_path) as server:
        until(lambda: words or server.json("/status")["tick"] > 5)
        server.process.send_signal(number)
        code, out, err = server.ended()
    end = records(tmp_path / "out")[-1]
    assert (end["record"], end["status"]) == ("end", "stopped")
    assert out.startswith(f"{end['tick']} ticks of minimal, seed 3\ndata: ")
    assert (code, err) == (130, "interrupted; the data up to here is whole\n")
    assert all(line.endswith("}") for path in (tmp_path / "out").iterdir()
               for line in path.read_text().splitlines())  # fmt: skip


def test_a_signal_ends_a_server_whose_clients_do_not_read(tmp_path: Path) -> None:
    with (
        serving("--rate", 500, folder=tmp_path, world="demo") as server,
        upgrade(server),
        upgrade(server, "/telemetry"),
    ):
        until(lambda: server.json("/status")["tick"] > 150)
        server.process.terminate()
        assert server.ended()[0] == 130


def test_after_a_completed_run_a_signal_is_a_good_end(tmp_path: Path) -> None:
    with serving("--rate", 1000, "--ticks", 3, folder=tmp_path) as server:
        until(lambda: server.json("/status")["finished"])
        server.process.terminate()
        assert server.ended()[0] == 0


def test_a_port_in_use_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("minimal", "--port", port, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: 127.0.0.1:{port}: could not listen: Address already in use; "
        "choose another --port (0 takes a free one) or --host\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "x" * 300, "a b"])
def test_a_host_that_is_not_here_is_one_clear_line(tmp_path: Path, host: str) -> None:
    done = run("minimal", "--host", host, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {host}:8765: could not listen: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere"),
        (["minimal", "--set", "rates.hunger=-1"], "rates.hunger: expected"),
        (["minimal", "--seed", "1x"], "--seed: expected an integer"),
        (["minimal", "--rate", "0"], "--rate: expected ticks a second above 0 and at most 1000"),
        (["minimal", "--rate", "nan"], "--rate: expected ticks a second above 0 and at most 1000"),
        (["minimal", "--rate", "1001"], "got 1001"),
        (["minimal", "--port", "65536"], "--port: expected an integer from 0 to 65535, got 65536"),
        (["minimal", "--ticks", "0"], "--ticks: expected an integer >= 1"),
        (["minimal", "--allow-origin", "lab"], "--allow-origin: expected an origin such as"),
    ],
)
def test_mistaken_words_are_told_without_a_traceback(
    tmp_path: Path, words: list[str], message: str
) -> None:
    done = run(*words, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("minimal", "--port", 0, "--out", "file/out", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: telemetry.output_dir: expected a folder")
    assert len(done.stderr.splitlines()) == 1
