"""Leaks, looked for in a process of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from parity import compiled_core

if compiled_core() is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)


def test_references_are_given_back_and_memory_stays_flat_over_a_million_ticks():
    script = Path(__file__).with_name("isolated") / "references.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
