"""What shows the effect of each option of ``serve``, ``tail`` and ``report``."""

from __future__ import annotations

import contextlib
import http.client
import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from command_bench import SMALL_BATCH, Bench, Case

_PATIENCE_S = 60.0


@dataclass
class Live:
    """A world that is served, in a process of its own."""

    first_line: str

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.first_line.split()[0])
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Return the status and the JSON of an answer; with a body the request is a PUT."""
        connection = http.client.HTTPConnection(*self.address, timeout=_PATIENCE_S)
        with contextlib.closing(connection):
            content = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "PUT", path, content, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
            with contextlib.suppress(ValueError):
                return answer.status, json.loads(text)
            return answer.status, text

    def until(self, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first status that is as wanted."""
        deadline = time.monotonic() + _PATIENCE_S
        while not ready(status := self.ask("/status")[1]):
            assert time.monotonic() < deadline, status
        assert isinstance(status, dict)
        return status


@contextlib.contextmanager
def _serving(bench: Bench, words: str, code: int = 0) -> Iterator[Live]:
    """Serve, and end the server by a termination request, whose exit code is checked."""
    command = [sys.executable, "-m", "ecosim", "serve", *shlex.split(words)]
    with subprocess.Popen(
        command, cwd=bench.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Live(process.stdout.readline())
        except BaseException:
            process.kill()
            raise
        process.terminate()
        _, error = process.communicate(timeout=_PATIENCE_S)
        assert process.returncode == code, error


def _whole(bench: Bench, words: str) -> Live:
    """Serve to the end of a run that ends."""
    with _serving(bench, f"{words} --port 0 --rate 1000") as live:
        live.until(lambda status: bool(status["finished"]))
    return live


def serve_run(bench: Bench) -> None:
    """Options that decide the run show in its files."""
    _whole(bench, "desert --ticks 5 --seed 9 --interval 2 --out here --set rates.hunger=1.5")
    config, *_, end = bench.records("here")
    assert (config["biome"], config["seed"], config["interval"]) == ("DESERT", 9, 2)
    assert config["parameters"] == {"rates.hunger": 1.5}
    assert bench.sampled("here") == [0, 2, 4, 5]
    assert (end["tick"], end["status"]) == (5, "completed")


def serve_host(bench: Bench) -> None:
    live = _whole(bench, "minimal --ticks 1 --host 127.0.0.2 --no-telemetry")
    assert live.address[0] == "127.0.0.2"


def serve_port(bench: Bench) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with _serving(bench, f"minimal --paused --port {port}", code=130) as live:
        assert live.address == ("127.0.0.1", port)


def serve_paused_rate(bench: Bench) -> None:
    with _serving(bench, "minimal --paused --port 0 --rate 77", code=130) as live:
        _, status = live.ask("/status")
    assert (status["paused"], status["tick"], status["rate"]) == (True, 0, 77)


def serve_no_telemetry(bench: Bench) -> None:
    before = set(bench.folder.iterdir())
    _whole(bench, "minimal --ticks 3 --no-telemetry --out here")
    assert set(bench.folder.iterdir()) == before


def serve_origin(bench: Bench) -> None:
    words = "minimal --paused --port 0 --allow-origin http://friend.example"
    with _serving(bench, words, code=130) as live:
        assert live.ask("/rate", {"rate": 5}, Origin="http://friend.example") == (200, {"rate": 5})
        assert live.ask("/rate", {"rate": 5}, Origin="http://other.example")[0] == 403


def serve_quiet(bench: Bench) -> None:
    words = "minimal --ticks 1 --no-telemetry"
    assert _whole(bench, words).first_line.rstrip().endswith("shows minimal, seed 42")
    assert len(_whole(bench, f"{words} --quiet").first_line.split()) == 1


def report(bench: Bench) -> None:
    bench("run minimal --ticks 20 --interval 5 --out run")
    bench("report run --out page.html")
    run_id = bench.records("run")[0]["run_id"]
    page = (bench.folder / "page.html").read_text(encoding="utf-8")
    assert run_id in page
    bench.write("page.html", "mine")
    assert "page.html" in bench("report run --out page.html", code=1).err
    bench("report run --out page.html --force")
    assert (bench.folder / "page.html").read_text(encoding="utf-8") == page
    bench(f"{SMALL_BATCH} --format jsonl,parquet --out batch")
    bench("report batch")
    page = (bench.folder / "batch" / "report.html").read_text(encoding="utf-8")
    assert bench.plan("batch")["batch_id"] in page


def report_output(bench: Bench) -> None:
    bench("run minimal --ticks 20 --interval 5 --out run")
    told = bench("report run --out page.html --json").json
    assert told == {"report": "page.html", "bytes": (bench.folder / "page.html").stat().st_size}
    assert bench("report run --out other.html --quiet").out == ""
    assert (bench.folder / "other.html").stat().st_size == told["bytes"]


def tail_once(bench: Bench) -> None:
    bench("run minimal --ticks 20 --interval 5 --out run")
    shown = bench("tail run --once").out
    *_, sample, end = bench.records("run")
    assert f"tick {sample['tick']}, {sample['entity_count']} entities" in shown
    assert f"completed at tick {end['tick']}" in shown


def tail_interval(bench: Bench) -> None:
    """What is written while a run is followed is shown at the next look, not before."""
    bench("run minimal --ticks 20 --interval 5 --out run")
    whole = min((bench.folder / "run").glob("*_telemetry.jsonl"))
    lines = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    for seconds, code in (("0.05", 0), ("3600", 130)):
        folder = bench.folder / seconds
        folder.mkdir()
        file = folder / whole.name
        file.write_text("".join(lines[:-1]), encoding="utf-8")
        command = [sys.executable, "-m", "ecosim", "tail", str(folder), "--interval", seconds]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            shown = process.stdout.readline()
            while not shown.endswith("\n") or "tick 20:" not in shown:
                shown += process.stdout.readline()
            with file.open("a", encoding="utf-8") as stream:
                stream.write(lines[-1])
            if code:
                process.terminate()
            rest, _ = process.communicate(timeout=_PATIENCE_S)
        assert process.returncode == code
        assert ("completed at tick 20" in rest) is (code == 0)


CASES: Mapping[tuple[str, str], Case] = {
    ("ecosim serve", "WORLD"): serve_run,
    ("ecosim serve", "--ticks"): serve_run,
    ("ecosim serve", "--seed"): serve_run,
    ("ecosim serve", "--interval"): serve_run,
    ("ecosim serve", "--out"): serve_run,
    ("ecosim serve", "--set"): serve_run,
    ("ecosim serve", "--host"): serve_host,
    ("ecosim serve", "--port"): serve_port,
    ("ecosim serve", "--rate"): serve_paused_rate,
    ("ecosim serve", "--paused"): serve_paused_rate,
    ("ecosim serve", "--no-telemetry"): serve_no_telemetry,
    ("ecosim serve", "--allow-origin"): serve_origin,
    ("ecosim serve", "--quiet"): serve_quiet,
    ("ecosim tail", "DIR"): tail_once,
    ("ecosim tail", "--once"): tail_once,
    ("ecosim tail", "--interval"): tail_interval,
    ("ecosim report", "DIR"): report,
    ("ecosim report", "--out"): report,
    ("ecosim report", "--force"): report,
    ("ecosim report", "--json"): report_output,
    ("ecosim report", "--quiet"): report_output,
}
