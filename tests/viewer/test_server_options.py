"""Every option of ``ecosim serve`` does what its help says; one without a case here fails."""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from serve_cases import Server, records, serving, stop, until

from ecosim.commands.serve import COMMAND


def first_status(server: Server) -> dict[str, Any]:
    status: dict[str, Any] = server.json("/status")
    return status


def option_world(folder: Path) -> None:
    with serving("--paused", "--no-telemetry", folder=folder, world="desert") as server:
        assert server.json("/state")["biome"] == "DESERT"


def option_rate_and_ticks(folder: Path) -> None:
    with serving(
        "--paused", "--no-telemetry", "--rate", "2.5", "--ticks", 9, folder=folder
    ) as server:
        status = first_status(server)
        assert (status["rate"], status["ticks_limit"]) == (2.5, 9)


def option_seed_interval_out_and_set(folder: Path) -> None:
    words = ("--seed", -4, "--interval", 3, "--out", "here/there", "--set", "rates.hunger=1.5")
    with serving("--paused", *words, folder=folder) as server:
        stop(server)
        assert server.ended()[0] == 0
    config = records(folder / "here" / "there")[0]
    assert (config["seed"], config["interval"]) == (-4, 3)
    assert config["parameters"] == {"rates.hunger": 1.5}
    assert config["world_rates"]["hunger"] == 1.5


def option_no_telemetry_and_paused(folder: Path) -> None:
    with serving("--no-telemetry", "--paused", folder=folder) as server:
        status = first_status(server)
        assert (status["paused"], status["telemetry"], status["tick"]) == (True, False, 0)
    assert list(folder.iterdir()) == []
    with serving(folder=folder) as server:
        assert not first_status(server)["paused"]
        (config,) = (json.loads(path.read_text().splitlines()[0])
                     for path in (folder / "telemetry").glob("*_telemetry.jsonl"))  # fmt: skip
        assert config["run_id"] == first_status(server)["run_id"]


def option_host_and_port(folder: Path) -> None:
    with socket.create_server(("127.0.0.2", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ecosim", "serve", "minimal", "--paused", "--no-telemetry",
               "--host", "127.0.0.2", "--port", str(port)]  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.kill()
    assert line == f"http://127.0.0.2:{port}/ shows minimal, seed 42\n"


def option_allow_origin(folder: Path) -> None:
    with serving(
        "--paused", "--allow-origin", "http://a.b", "--no-telemetry", folder=folder
    ) as server:
        body = '{"rate": 4}'
        asked = {origin: server.get("/rate", "PUT", data=body, headers={"Origin": origin})[0]
                 for origin in ("http://a.b", "http://b.a")}  # fmt: skip
    assert asked == {"http://a.b": 200, "http://b.a": 403}


def option_quiet(folder: Path) -> None:
    with serving("--quiet", "--ticks", 1, "--rate", 1000, folder=folder) as server:
        until(lambda: first_status(server)["finished"])
        stop(server)
        assert server.ended() == (0, "", "")
    assert server.first_line == f"{server.url}/\n"


CASES = {
    option_world: ("WORLD",),
    option_rate_and_ticks: ("--rate", "--ticks"),
    option_seed_interval_out_and_set: ("--seed", "--interval", "--out", "--set"),
    option_no_telemetry_and_paused: ("--no-telemetry", "--paused"),
    option_host_and_port: ("--host", "--port"),
    option_allow_origin: ("--allow-origin",),
    option_quiet: ("--quiet",),
}


@pytest.mark.parametrize("case", list(CASES), ids=lambda case: ", ".join(CASES[case]))
def test_an_option_has_an_effect(case: Any, tmp_path: Path) -> None:
    case(tmp_path)


def test_every_option_has_a_case_and_stands_in_the_page_with_its_default() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    COMMAND.add_options(parser)
    names = {action.option_strings[0] if action.option_strings else action.metavar: action
             for action in parser._actions}  # fmt: skip
    assert {name for shown in CASES.values() for name in shown} == names.keys()
    page = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
    page = page.partition("## Options")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"\| `([A-Z]+|--[\w-]+)[^`]*` \| ([^|]*)\|", page))
    assert rows.keys() == names.keys()
    for name, action in names.items():
        default = action.default
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        assert rows[name].strip(" `") == ("" if default in (None, False, []) else shown)
