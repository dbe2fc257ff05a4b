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
