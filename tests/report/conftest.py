"""A run of the demo world, and the page of it, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_cases import write_run

from ecosim.report.write import write_report


@pytest.fixture(scope="session")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The telemetry file of a run of 120 ticks, sampled every 10."""
    return write_run(tmp_path_factory.mktemp("run"), status="completed")


@pytest.fixture(scope="session")
def run_html(run_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(run_file, tmp_path_factory.mktemp("page") / "run.html")
