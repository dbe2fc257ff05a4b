"""Make the pictures of the live page in docs/images.

    python scripts/make_screenshots.py

Runs `ecosim serve demo` on a free port, lets it come to a tick at which there is something to see,
and takes the page in a headless Chromium at two widths in both themes. Needs the extras `viewer`
and `dev`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZES = {"wide": (1120, 800), "phone": (360, 780)}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TICK = 1500
PATIENCE_MS = 300_000
#: So long that the chart of the cost, one point every two seconds, has a line to show.
COST_MS = 20_000


def take(browser: Browser, url: str, name: str, folder: Path) -> Iterator[Path]:
    """Save the page at one width in both themes and yield the files."""
    width, height = SIZES[name]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(url)
    page.wait_for_function(
        "tick => Number(document.querySelector('#fact-tick').textContent.replaceAll(',', ''))"
        " > tick",
        arg=TICK,
        timeout=PATIENCE_MS,
    )
    page.wait_for_selector("#chart-population canvas")
    page.wait_for_selector("#chart-cost canvas", timeout=PATIENCE_MS)
    page.wait_for_selector("#scale:not([hidden])")
    page.wait_for_timeout(COST_MS)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.wait_for_selector(f":root[data-theme={theme}]")
        path = folder / f"page-{name}-{theme}.png"
        page.screenshot(path=path)
        yield path
    page.close()


def main() -> int:
    """Take all pictures and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder of the pictures")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ecosim", "serve", "demo", "--port", "0", "--seed", "42"]
        server = subprocess.Popen(
            [*command, "--rate", "50", "--out", folder], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split(" ")[0].strip()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"]
                )
                for name in SIZES:
                    for path in take(browser, url, name, options.out):
                        print(path)
                browser.close()
        finally:
            server.terminate()
            server.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
