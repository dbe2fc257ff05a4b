"""The command: what it prints, where it writes, and how it says that something is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ecosim import __version__
from ecosim.cli import main
from ecosim.engine.world import load_world
from ecosim.telemetry import BACKEND


def telemetry(folder: Path) -> list[dict]:
    (path,) = folder.glob("*_telemetry.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_run_writes_the_telemetry_of_one_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "minimal", "--ticks", "12", "--seed", "9", "--interval", "5"]
    words += ["--set", "rates.hunger=1.5", "--set", "environment.biome=DESERT"]
    assert main([*words, "--out", str(tmp_path / "o u t")]) == 0
    config, *samples, end = telemetry(tmp_path / "o u t")
    assert (config["seed"], config["biome"]) == (9, "DESERT")
    assert config["parameters"] == {"rates.hunger": 1.5, "environment.biome": "DESERT"}
    assert config["world_rates"]["hunger"] == 1.5
    assert [sample["tick"] for sample in samples] == [0, 5, 10, 12]
    assert end["status"] == "completed"
    shown = capsys.readouterr().out
    assert "12 ticks of minimal, seed 9" in shown
    assert f"{config['run_id']}_telemetry.jsonl" in shown
    assert f"{config['run_id']}_events.jsonl" in shown


def test_run_obeys_the_telemetry_block_of_the_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    world = load_world("minimal").to_dict()
    world["telemetry"] = {"enabled": False, "interval": 4, "output_dir": "mine", "events": False}
    Path("world.json").write_text(json.dumps(world))
    assert main(["run", "world.json", "--ticks", "6"]) == 0
    assert [record.get("tick") for record in telemetry(Path("mine"))] == [None, 0, 4, 6, 6]
    assert not list(Path("mine").glob("*_events.jsonl"))


def test_a_drawn_seed_is_told_and_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = set()
    for name in ("a", "b"):
        out = tmp_path / name
        assert (
            main(["run", "minimal", "--ticks", "1", "--set", "seed=null", "--out", str(out)]) == 0
        )
        seed = telemetry(out)[0]["seed"]
        assert f"seed {seed}" in capsys.readouterr().out
        seeds.add(seed)
    assert len(seeds) == 2


def test_validate_describes_a_world_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "demo"]) == 0
    shown = capsys.readouterr().out
    assert "demo: in order; TEMPERATE, 12 species" in shown
    assert "32 x 32 x 32 cells" in shown


def test_validate_tells_every_mistake_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "world.json"
    world = {"version": "1", "session_id": "s", "species_definitions": [], "rates": {"hunger": -1}}
    world["environment"] = {"climate": {"humidity": "wet"}}
    path.write_text(json.dumps(world))
    assert main(["validate", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "rates.hunger: expected" in shown.err
    assert "environment.climate.humidity: expected" in shown.err
    assert all(line.startswith("error: ") for line in shown.err.splitlines())


def test_info_tells_versions_backend_and_what_is_shipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["info"]) == 0
    shown = capsys.readouterr().out
    assert f"ecosim {__version__}" in shown
    assert f"telemetry backend: {BACKEND}" in shown
    assert "interval 50" in shown
    assert "demo" in shown
    assert "spaces: default" in shown


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "COMMAND"),
        (["dance"], 2, "invalid choice: 'dance'"),
        (["run"], 2, "WORLD"),
        (["run", "no such world"], 2, "no such world"),
        (["run", "minimal", "--ticks", "0"], 2, "expected an integer >= 1, got 0"),
        (["run", "minimal", "--ticks", "many"], 2, "expected an integer >= 1, got many"),
        (["run", "minimal", "--set", "rates.hunger"], 2, "expected PATH=VALUE"),
        (["run", "minimal", "--set", "rates.hungr=1"], 2, "hungr"),
        (["run", "minimal", "--seed", "many"], 2, "expected an integer, got many"),
        (["batch", "--out", "x", "--design", "no.csv"], 2, "no.csv: expected a table"),
        (["batch", "--out", "x", "--design", "x", "-n", "3"], 2, "--design takes the place"),
        (["batch", "--out", "x", "--format", "csv"], 2, "expected jsonl or jsonl,parquet"),
        (["batch", "--out", "x", "--format", "parquet"], 2, "expected jsonl or jsonl,parquet"),
        (["batch"], 2, "--out DIR is required"),
        (["batch", "--out", "x", "--force"], 2, "--force goes with --resume or --extend"),
        (["batch", "--out", "x", "--resume"], 1, "x: expected a batch folder"),
        (["batch", "--out", "x", "--world", "no such world"], 2, "no such world"),
        (["batch", "--out", "x", "--space", "no such space"], 2, "no such space"),
        (["batch", "--out", "x", "--ticks", "0"], 2, "ticks: expected an integer >= 1, got 0"),
        (["batch", "--out", "x", "-n", "0"], 2, "at least 1 run, got 0"),
        (["batch", "--out", "x", "--workers", "0"], 2, "expected an integer >= 1, got 0"),
        (["batch", "--out", "x", "--retries", "-1"], 2, "expected an integer >= 0, got -1"),
        (["batch", "--out", "x", "--run-timeout", "nan"], 2, "expected seconds > 0, got nan"),
        (["batch", "--out", "x", "--sampler", "dice"], 2, "invalid choice: 'dice'"),
        (["batch", "--out", "/proc/no/where"], 1, "expected a folder to write to"),
        (["batch", "status", "x"], 1, "x: expected a batch folder"),
    ],
)
def test_a_mistake_is_a_line_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["batch", "--help"], ["run", "-h"]])
def test_help_and_version_end_well(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capsys.readouterr().out


def test_the_module_and_the_script_are_the_command() -> None:
    script = Path(__file__).parents[1] / "scripts" / "run_batch.py"
    for words in (["-m", "ecosim", "batch"], [str(script)]):
        done = subprocess.run(
            [sys.executable, *words, "--out", "x", "--force"], capture_output=True, text=True
        )
        assert done.returncode == 2
        assert done.stderr.endswith("error: --force goes with --resume or --extend\n")


def test_other_commands_do_not_load_the_samplers(tmp_path: Path) -> None:
    program = (
        "import sys; from ecosim.cli import main; main(['validate', 'minimal']); "
        "print(sorted({'scipy', 'SALib', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("[]\n")


def test_a_reader_that_leaves_is_no_error() -> None:
    """``ecosim info | head -0`` ends without a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ecosim", "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert b"Traceback" not in errors


def test_run_names_the_files_that_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = load_world("minimal").to_dict()
    world["telemetry"] = {"format": "parquet"}
    (tmp_path / "world.json").write_text(json.dumps(world))
    words = ["run", str(tmp_path / "world.json"), "--ticks", "6", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    shown = [line[6:] for line in capsys.readouterr().out.splitlines() if line.startswith("data: ")]
    assert [Path(path).exists() for path in shown] == [True]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_ends_with_whole_files(tmp_path: Path, number: int) -> None:
    out = tmp_path / "out"
    words = ["run", "minimal", "--ticks", "10000000", "--interval", "100", "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-m", "ecosim", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while not (out.exists() and any(p.stat().st_size > 3000 for p in out.glob("*_telemetry*"))):
            assert process.poll() is None
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted; the data up to here is whole" in error
    *_, sample, end = telemetry(out)
    assert (end["status"], end["tick"]) == ("stopped", sample["tick"])
