"""What the pages show runs, and what they list is what there is."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ecosim.telemetry import TelemetryConfig

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page, language):
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_engine_of_the_host_interface_page_runs(tmp_path):
    program = blocks("host-interface.md", "python")[0]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
    lines = (tmp_path / "out" / "pond_telemetry.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 5 + 1  # config, samples at 0, 50, 100, 150 and 200, end


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A folder with a small batch in out/demo, collected, as the pages assume."""
    folder = tmp_path_factory.mktemp("demo")
    options = "--world demo --space default -n 4 --ticks 60 --interval 20 --out out/demo"
    command = [sys.executable, DOCS.parent / "scripts" / "run_batch.py", *options.split()]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "ecosim", "collect", "out/demo"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("number", range(5))
def test_the_examples_of_the_dataset_page_run(demo, number):
    program = blocks("dataset.md", "python")[number]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=demo, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_every_example_of_the_dataset_page_is_among_those_that_run():
    assert len(blocks("dataset.md", "python")) == 5


def test_the_host_interface_page_lists_every_setting_with_its_default():
    page = (DOCS / "host-interface.md").read_text(encoding="utf-8")
    for field in dataclasses.fields(TelemetryConfig):
        shown = field.default
        if isinstance(shown, tuple):
            default = " ".join(shown)
        else:
            default = f'`"{shown}"`' if isinstance(shown, str) else f"`{shown}`"
        assert f"| `{field.name}` | {default} |" in page


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_link_between_the_pages_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
