"""What a hostile world cannot do to the page, and where the page sends requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser import STATIC, watching
from playwright.sync_api import Browser

from chromium import chromium
from ecosim.engine.world import load_world

TAG = "<img src=x onerror=window.pwned=1>"
SCRIPT = "</script><script>window.pwned=1</script>"
LONG = "w" * 180


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def hostile_world(folder: Path) -> Path:
    """Write the minimal world with names that want to be markup, prototypes or too long."""
    world = load_world("minimal").to_dict()
    world.pop("telemetry", None)
    world["session_id"] = SCRIPT
    for index, name in enumerate([TAG, SCRIPT, LONG, "__proto__", "constructor"]):
        world["entities"].append(
            {"id": f"{name}-{index}", "type": "PLANT", "species": name, "position": [index, 0, 1]}
        )
    path = folder / "hostile.json"
    path.write_text(json.dumps(world))
    return path


def test_hostile_names_are_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    world = hostile_world(tmp_path)
    with watching(
        browser, "--rate", 20, "--interval", 5, folder=tmp_path, world=str(world),
        viewport={"width": 360, "height": 740},
    ) as (_, watched):  # fmt: skip
        watched.wait_phase("running")
        watched.wait_text("#chart-population .readout", "tick")
        shown = watched.page.eval_on_selector_all(
            "#legend li", "items => items.map(item => item.dataset.species)"
        )
        assert {TAG, SCRIPT, LONG, "__proto__", "constructor"} <= set(shown)
        watched.page.focus("#map")
        for _ in range(12):
            watched.page.keyboard.press(",")
        watched.page.wait_for_selector("#inspector h3")
        assert watched.page.evaluate("window.pwned") is None
        assert watched.page.locator("#legend img, #inspector img, .readout img").count() == 0
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert watched.complaints == []


def test_asks_nothing_of_any_other_server(browser: Browser, tmp_path: Path) -> None:
    with watching(browser, "--rate", 20, "--interval", 5, folder=tmp_path) as (server, watched):
        watched.wait_text("#chart-population .readout", "tick")
        assert watched.origins() == {urlsplit(server.url).netloc}
        assert watched.complaints == []


def test_no_file_of_the_page_writes_markup_from_text() -> None:
    for path in (STATIC / "js").glob("*.js"):
        text = path.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, f"{path.name}: {word}"
