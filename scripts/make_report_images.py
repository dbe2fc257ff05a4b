"""Make the pictures of docs/report.md: a run, a batch, and the terminal view.

::

    python scripts/make_report_images.py [BATCH]

BATCH is a batch folder that is there; left out, a batch of 64 runs of the demo world is made. Needs
the extras ``dev`` and Chromium on the PATH.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console

from ecosim.report.write import write_report
from ecosim.tail.follow import Follower
from ecosim.tail.screen import render
from ecosim.tail.view import RunView

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
RUN = "run demo --ticks 2000 --seed 5 --out"
BATCH = "batch --world demo --space default -n 64 --ticks 1000 --out"
CHROMIUM = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
WIDTH, HEIGHT = 1160, 960


def ecosim(words: str, folder: Path) -> None:
    """Run a command of the package that ends with a folder."""
    subprocess.run([sys.executable, "-m", "ecosim", *words.split(), str(folder)], check=True)


def photograph(pages: dict[str, Path]) -> None:
    """Write the upper part of each page as a picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM
        )
        for name, path in pages.items():
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(path.as_uri())
            page.screenshot(path=IMAGES / name)
        browser.close()


def draw_terminal(path: Path) -> None:
    """Write the terminal view of a run halfway through as SVG."""
    view = RunView(path)
    with Follower(path, whole=True) as follower:
        records = follower.poll()
    for number, record in enumerate(records[: len(records) * 3 // 4]):
        view.take(record, number / 4)
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=104, height=18, file=nowhere, force_terminal=True)
        console.print(render(view, console, standing="", quiet_seconds=0.4))
    text = console.export_svg(title="ecosim tail out/one")
    # Its fonts would come from a network; those of the reader do.
    text = re.sub(r"@font-face \{.*?\}", "", text, flags=re.DOTALL)
    (IMAGES / "tail.svg").write_text(text.replace("Fira Code", "ui-monospace"), encoding="utf-8")


def main() -> None:
    """Make the three pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ecosim(RUN, root / "one")
        batch = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "demo"
        if len(sys.argv) < 2:
            ecosim(BATCH, batch)
        pages = {
            "report-run.png": write_report(root / "one", root / "run.html"),
            "report-batch.png": write_report(batch, root / "batch.html"),
        }
        photograph(pages)
        draw_terminal(next((root / "one").glob("*_telemetry.jsonl")))


if __name__ == "__main__":
    main()
