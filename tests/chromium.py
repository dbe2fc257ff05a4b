"""The real browser of the tests that need one."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def chromium_path() -> str:
    """Return the path of a Chromium; without one skip, or fail if ECOSIM_BROWSER says require."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        advice = f"expected one of {', '.join(NAMES)} on the PATH, for instance Debian's chromium"
        if os.environ.get("ECOSIM_BROWSER") == "require":
            pytest.fail(advice)
        pytest.skip(advice)
    return found


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser and close it at the end."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
