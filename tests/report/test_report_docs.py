"""The commands of the page on reports run, and the parts it lists are those there are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from report_cases import Element, read_page

from ecosim.report.batch_data import MOST_RUNS
from ecosim.report.run_file import MOST_POINTS

PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of the page were run, in order."""
    folder = tmp_path_factory.mktemp("docs")
    for line in re.findall(r"^    ecosim (.*)$", PAGE, flags=re.MULTILINE):
        words = line.split()
        if "out/demo/runs/RUN_ID" in words:
            words[-1] = str(next((folder / "out" / "demo" / "runs").iterdir()))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "ecosim", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        assert done.stdout.strip(), line
    return folder


def titles(page: Element) -> list[str]:
    return [one.text() for one in page.all("h2")]


def listed(after: str) -> set[str]:
    """Return the first column of the table that follows a heading of the page."""
    table = PAGE.partition(after)[2].partition("\n| part |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| ([^|]+?) \|", table, flags=re.MULTILINE))


def test_the_reports_are_where_the_page_says_and_have_the_parts_it_lists(folder):
    [run] = (folder / "out" / "one").glob("*_report.html")
    assert listed("## A report\n") == {"head", *titles(read_page(run))}
    batch = read_page(folder / "out" / "demo" / "report.html")
    parts = listed("## A report of a batch")
    assert set(titles(batch)) == parts - {"Runs that failed", "Sensitivity"}
    assert (folder / "demo.html").exists()
    assert len(list((folder / "out" / "demo" / "reports").iterdir())) == 1


def test_the_page_has_the_limits_of_the_code():
    assert f"more than {MOST_POINTS} samples" in PAGE
    assert f"more than {MOST_RUNS:,}\nruns" in PAGE
