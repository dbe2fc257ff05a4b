"""Leaks, looked for in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parity import compiled_core

if compiled_core() is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)


SCRIPT = Path(__file__).with_name("isolated") / "references.py"


def run(*options):
    done = subprocess.run(
        [sys.executable, "-W", "error", SCRIPT, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_references_are_given_back():
    run("--references-only")


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="only Linux says how much memory is in use now"
)
@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the sanitizer keeps what is freed")
def test_memory_stays_flat_over_a_million_ticks():
    run("--memory-only")
