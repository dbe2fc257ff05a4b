"""The one place that chooses the core."""

import os
import platform
import subprocess
import sys
import textwrap

import pytest

from ecosim.telemetry import BACKEND
from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_backend import choose
from ecosim.telemetry_errors import TelemetryConfigError
from ecosim.telemetry_event_table import EventTable
from parity import compiled_core

#: Makes the extension impossible to import, as where it was not built.
WITHOUT = "import sys; sys.modules['ecosim._telemetry_core'] = None;"

#: Lets the extension refuse to load, as where its self-test fails.
REFUSED = """
import sys

class Refusing:
    def find_spec(self, name, path, target=None):
        if name == "ecosim._telemetry_core":
            raise ImportError("ecosim._telemetry_core is refused: it does not like it here")

sys.meta_path.insert(0, Refusing())
"""

#: Lets the process flush denormal numbers to zero, as a library built with fast-math may.
FLUSHING = """
import ctypes
environment = (ctypes.c_uint32 * 8)()  # glibc's fenv_t on x86-64: MXCSR comes last
libm = ctypes.CDLL("libm.so.6")
libm.fegetenv(environment)
environment[7] |= 0x8040
libm.fesetenv(environment)
"""


def run(program: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "ECOSIM_BACKEND"}
        | environment,
    )


def test_what_was_required_is_live():
    """A broken build cannot hide behind the fallback."""
    if os.environ.get("ECOSIM_BACKEND") == "compiled" or (
        os.environ.get("ECOSIM_EXTENSIONS") == "require"
        and os.environ.get("ECOSIM_BACKEND") != "python"
    ):
        assert BACKEND == "compiled"


def test_python_is_the_reference():
    backend = choose("python")
    assert backend[:3] == ("python", AggregateCore, EventTable)
    assert "ms instead of" in backend.note


@pytest.mark.skipif(compiled_core() is None, reason="the compiled core is not built")
@pytest.mark.parametrize("choice", ["auto", "compiled"])
def test_the_compiled_core_is_taken_where_there_is_one(choice):
    backend = choose(choice)
    assert (backend.name, backend.note) == ("compiled", None)
    assert backend.core is not AggregateCore


@pytest.mark.parametrize("choice", ["", "Compiled", "c", "on"])
def test_any_other_choice_is_an_error(choice):
    with pytest.raises(TelemetryConfigError, match="ECOSIM_BACKEND: expected one of auto, comp"):
        choose(choice)


def test_the_environment_chooses():
    done = run("import ecosim.telemetry as t; print(t.BACKEND)", ECOSIM_BACKEND="python")
    assert done.stdout == "python\n"
    done = run("import ecosim.telemetry", ECOSIM_BACKEND="fast")
    assert done.stderr.endswith(
        "ECOSIM_BACKEND: expected one of auto, compiled, python, got 'fast'\n"
    )


def test_auto_falls_back_and_says_what_that_costs():
    done = run(WITHOUT + "from ecosim.telemetry_backend import choose; print(*choose())")
    name, _, note = done.stdout.partition(" ")
    assert name == "python"
    assert "no compiled core" in note
    assert "ms instead of" in note


def test_a_run_on_the_reference_says_once_what_that_costs(tmp_path):
    script = """
        import sys
        from ecosim.engine import EcosystemEngine
        with EcosystemEngine("minimal", seed=1, telemetry={"output_dir": sys.argv[1]}) as engine:
            for _ in range(120):
                engine.step()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        env=os.environ | {"ECOSIM_BACKEND": "python"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("a sample takes some 30 ms instead of") == 1
    assert len(list(tmp_path.glob("*_telemetry.jsonl"))) == 1


def test_what_is_missing_cannot_be_required():
    done = run(WITHOUT + "import ecosim.telemetry", ECOSIM_BACKEND="compiled")
    assert done.returncode == 1
    assert "ECOSIM_BACKEND: the compiled core cannot be used" in done.stderr


def test_an_extension_that_refuses_to_load_says_why():
    done = run(REFUSED + "import ecosim.telemetry", ECOSIM_BACKEND="compiled")
    assert done.stderr.endswith(
        "ECOSIM_BACKEND: the compiled core cannot be loaded: "
        "ecosim._telemetry_core is refused: it does not like it here\n"
    )
    done = run(REFUSED + "from ecosim.telemetry_backend import choose; print(choose().note)")
    assert done.stdout == (
        "the reference core, as the compiled one cannot be loaded (ecosim._telemetry_core is "
        "refused: it does not like it here): a sample takes some 30 ms instead of 0.2 ms\n"
    )


@pytest.mark.skipif(
    (platform.machine(), platform.libc_ver()[0]) != ("x86_64", "glibc"),
    reason="sets the register of x86-64 through glibc",
)
@pytest.mark.parametrize("choice", ["auto", "python"])
def test_the_reference_says_that_the_process_flushes_denormals(choice):
    program = f"from ecosim.telemetry_backend import choose; print(*choose({choice!r}))"
    done = run(FLUSHING + program)
    name, _, note = done.stdout.partition(" ")
    assert name == "python"
    assert "this process, which flushes denormal numbers to zero: its results may" in note
    if choice == "auto" and compiled_core() is not None:
        assert "ecosim._telemetry_core is refused: this process flushes denormal" in note
        done = run(FLUSHING + "import ecosim.telemetry", ECOSIM_BACKEND="compiled")
        assert "cannot be loaded: ecosim._telemetry_core is refused: this process" in done.stderr
        assert "ECOSIM_EXTENSIONS" not in done.stderr.splitlines()[-1]
