"""Fixtures of the tests of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_bench import Bench


@pytest.fixture
def bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Bench:
    """A folder to run command lines in; it is the working folder."""
    monkeypatch.chdir(tmp_path)
    return Bench(tmp_path, capsys)
