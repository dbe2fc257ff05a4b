"""The emitter as an engine author installs it: an empty environment, an engine that is not ours."""

import email
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "server", "ext")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout without the extension, built from a copy of its sources."""
    folder = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        source = PROJECT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("*.egg-info", "__pycache__", "*.so", "*.cpp", "*.c")
            shutil.copytree(source, folder / name, ignore=ignore)
        elif source.exists():
            shutil.copy(source, folder)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*command, "--wheel-dir", folder / "dist", folder],
        check=True,
        env=os.environ | {"ECOSIM_EXTENSIONS": "off"},
    )
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare_python(wheel, tmp_path_factory):
    """The interpreter of a new environment that holds this package and nothing else."""
    home = tmp_path_factory.mktemp("bare")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    options = ["--quiet", "--no-index", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", *options, wheel], check=True
    )
    return python


def run(python, folder, program, **files):
    """Run a program in a folder of its own beside other files, in a bare environment."""
    for name, text in {"main.py": program, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return subprocess.run(
        [python, "-W", "error", "-W", "default:no compiled core", "main.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
        timeout=120,
    )


def test_the_wheel_requires_nothing_and_says_what_the_extras_bring(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
        names = archive.namelist()
    required = metadata.get_all("Requires-Dist") or []
    assert [line for line in required if "extra ==" not in line] == []
    extras = {*("engine", "batch", "parquet", "viewer", "report", "snapshots", "shell", "all"),
              *("cluster", "examples", "bench", "dev")}  # fmt: skip
    assert set(metadata.get_all("Provides-Extra")) == extras
    assert "ecosim/py.typed" in names
    assert "ecosim/data/worlds/demo.json" in names
    assert "ecosim/data/spaces/default.json" in names


FOREIGN = """
from ecosim.telemetry import TelemetryEmitter
from ecosim.telemetry_testing import check_host

class Pond:
    def __init__(self):
        self.tick = 0
        self.entities = {"f1": {"species": "frog", "state": "IDLE", "state_vars": {"hunger": 0.25}}}
    def step(self):
        self.tick += 1
        return {"tick": self.tick, "events": [{"type": "CROAK", "source_id": "f1"}]}

pond = Pond()
assert check_host(pond) == []
with TelemetryEmitter({"interval": 10, "output_dir": "out"}, run_id="pond") as emitter:
    emitter.on_init(pond)
    for _ in range(25):
        emitter.on_tick(pond.step())
"""


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_foreign_engine_runs_under_the_emitter_in_an_empty_environment(bare_python, tmp_path):
    done = run(bare_python, tmp_path, FOREIGN)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("no compiled core") == 1  # says once what the reference costs
    config, *samples, end = records(tmp_path / "out" / "pond_telemetry.jsonl")
    assert config["software"]["backend"] == "python"
    assert config["software"]["version"]
    assert [sample["tick"] for sample in samples] == [0, 10, 20, 25]
    assert samples[1]["species"]["frog"]["vars"]["hunger"] == {"n": 1, "mean": 0.25, "std": 0.0}
    assert samples[1]["events"]["by_type"] == {"CROAK": 10}
    assert (end["status"], end["events"]) == ("completed", 25)
    events = records(tmp_path / "out" / "pond_events.jsonl")
    assert [batch["count"] for batch in events] == [10, 10, 5]


def test_a_host_whose_package_is_also_called_ecosim_needs_one_line(bare_python, tmp_path):
    """Its own ``errors`` and ``engine`` stay its own; ours are found beside them."""
    one_line = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'
    program = FOREIGN + (
        "import ecosim, ecosim.errors, ecosim.engine\n"
        "assert ecosim.mine and ecosim.errors.mine and ecosim.engine.mine\n"
    )
    files = {
        "ecosim/__init__.py": one_line + "mine = True\n",
        "ecosim/errors.py": "mine = True\n",
        "ecosim/engine.py": "mine = True\n",
    }
    done = run(bare_python, tmp_path, program, **files)
    assert done.returncode == 0, done.stderr
    assert records(tmp_path / "out" / "pond_telemetry.jsonl")[-1]["status"] == "completed"
    files["ecosim/__init__.py"] = "mine = True\n"
    without = run(bare_python, tmp_path, program, **files)
    assert "No module named 'ecosim.telemetry'" in without.stderr


def test_the_command_says_which_extra_it_lacks(bare_python, tmp_path):
    done = run(bare_python, tmp_path, "import ecosim.cli, sys; sys.exit(ecosim.cli.main(['info']))")
    assert (done.returncode, done.stderr) == (0, "")
    assert "python" in done.stdout
    for arguments in (["run", "demo"], ["validate", "demo"], ["batch", "--out", "x"]):
        program = f"import ecosim.cli, sys; sys.exit(ecosim.cli.main({arguments!r}))"
        done = run(bare_python, tmp_path, program)
        assert done.returncode in (1, 2)
        assert "Traceback" not in done.stderr
        assert "pip install" in done.stderr, done.stderr
