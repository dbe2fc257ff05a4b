"""Whole runs: with either backend the files of a run are the same bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from parity import compiled_core

if compiled_core() is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)

from ecosim import _telemetry_core as compiled

#: What a clock or the choice of backend decides, by record.
EXEMPT = {"config": ("created_at",), "end": ("emitter_ns", "loop_ns")}

OUR_ENGINE = """
from ecosim.engine import EcosystemEngine
engine = EcosystemEngine("demo", seed=3)
"""
DICT_HOST = """
from hosts import MeadowHost
engine = MeadowHost(seed=3, rabbits=40)
"""
PROGRAM = """
import sys
from ecosim.telemetry import BACKEND, TelemetryEmitter
{host}
settings = dict(interval={interval}, output_dir=sys.argv[1], ring_capacity={capacity})
with TelemetryEmitter(settings, run_id="run") as emitter:
    emitter.on_init(engine)
    for _ in range({ticks}):
        emitter.on_tick(engine.step())
from ecosim import _telemetry_core
print(BACKEND, _telemetry_core.__file__)
"""


#: All but the word that the reference is slow is an error.
QUIET = ("-W", "error", "-W", "ignore:the reference core")


def files_of(backend, folder, program):
    """Run a program with one backend, and return its two files without what is exempt."""
    # First what this process imports from: the build under test may be no installed one.
    paths = [*filter(None, [os.environ.get("PYTHONPATH")]), str(Path(__file__).parent)]
    environment = os.environ | {"ECOSIM_BACKEND": backend, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, *QUIET, "-c", program, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert (done.stdout, done.stderr) == (f"{backend} {compiled.__file__}\n", "")
    lines = (folder / "run_telemetry.jsonl").read_bytes().splitlines()
    for place in (0, -1):
        record = json.loads(lines[place])
        for key in EXEMPT[record["record"]]:
            assert record.pop(key) is not None
        if record["record"] == "config":
            assert record["software"].pop("backend") == backend
        lines[place] = json.dumps(record).encode()
    return lines, (folder / "run_events.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("host", "interval", "capacity", "ticks"),
    [(OUR_ENGINE, 1, 65_536, 25), (OUR_ENGINE, 50, 65_536, 400), (DICT_HOST, 7, 16, 200)],
    ids=["every tick", "every fiftieth tick", "a host with dicts and a small ring"],
)
def test_a_run_leaves_the_same_bytes_with_either_backend(host, interval, capacity, ticks, tmp_path):
    program = PROGRAM.format(host=host, interval=interval, capacity=capacity, ticks=ticks)
    python = files_of("python", tmp_path / "python", program)
    compiled = files_of("compiled", tmp_path / "compiled", program)
    assert len(python[0]) == 2 + 1 + -(-ticks // interval)
    assert python == compiled
