"""The page beside a running world: what it draws, and what its buttons and keys do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import ask, opened, watching
from playwright.sync_api import Browser
from serve_cases import serving

from chromium import chromium

COLOURS_ON_MAP = """() => {
  const map = document.querySelector("#map");
  const copy = new OffscreenCanvas(map.width, map.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(map, 0, 0);
  const { data } = context.getImageData(0, 0, map.width, map.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) {
    seen.add("#" + [0, 1, 2].map(c => data[at + c].toString(16).padStart(2, "0")).join(""));
  }
  return [...seen];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def test_draws_the_world_and_counts_as_the_state_does(browser: Browser, tmp_path: Path) -> None:
    with watching(browser, "--paused", folder=tmp_path, world="demo") as (server, watched):
        watched.wait_phase("paused")
        watched.wait("() => !document.querySelector('#scale').hidden")
        state = ask(server, "/state")
        counts = Counter(one["species"] for one in state["entities"])
        shown = watched.page.eval_on_selector_all(
            "#legend li",
            "items => items.map(item => [item.dataset.species,"
            " Number(item.querySelector('.count').textContent)])",
        )
        assert dict(shown) == {one["name"]: counts[one["name"]] for one in state["species"]}
        assert watched.text("#fact-entities") == str(len(state["entities"]))
        looks = watched.page.evaluate(
            "() => import('./static/js/palette.js').then(m => m.COLOURS.ANIMAL.map(c => c[0]))"
        )
        watched.wait(f"colours => colours.every(c => ({COLOURS_ON_MAP})().includes(c))", looks[:3])
        watched.page.click("#legend li[data-species=rabbit] button")
        animals = [one["name"] for one in state["species"] if one["class"] == "ANIMAL"]
        gone = looks[animals.index("rabbit")]
        watched.wait(f"colour => !({COLOURS_ON_MAP})().includes(colour)", gone)
        assert watched.complaints == []


def test_pauses_and_resumes_the_server(browser: Browser, tmp_path: Path) -> None:
    with watching(browser, "--rate", 20, folder=tmp_path) as (server, watched):
        watched.wait_phase("running")
        watched.page.click("#pause")
        watched.wait_phase("paused")
        assert ask(server, "/status")["paused"] is True
        assert watched.text("#pause") == "Resume"
        watched.page.click("#pause")
        watched.wait_phase("running")
        assert ask(server, "/status")["paused"] is False
        before = ask(server, "/status")["tick"]
        watched.wait(
            "tick => Number(document.querySelector('#fact-tick').textContent.replace(',', ''))"
            " > tick",
            before,
        )


def test_rain_reaches_the_world_and_is_shown(browser: Browser, tmp_path: Path) -> None:
    with watching(browser, "--rate", 20, "--out", "out", folder=tmp_path) as (server, watched):
        watched.wait_phase("running")
        watched.page.fill("#intensity", "0.85")
        watched.page.click("#rain")
        watched.wait_text("#rain-sign", "Rain, intensity 0.85")
        watched.page.click("#stop")
        watched.page.click("#stop-dialog button[value=stop]")
        assert server.ended()[0] == 0
    (file,) = (tmp_path / "out").glob("*_events.jsonl")
    batches = [json.loads(line) for line in file.read_text().splitlines()]
    strengths = [
        extra["intensity"] for batch in batches for extra in batch["extra"].values()
        if "intensity" in extra
    ]  # fmt: skip
    assert 0.85 in strengths


def test_stopping_asks_first_and_then_says_how_the_run_ended(
    browser: Browser, tmp_path: Path
) -> None:
    with watching(browser, "--rate", 20, folder=tmp_path) as (server, watched):
        watched.wait_phase("running")
        watched.page.click("#stop")
        watched.page.click("#stop-dialog button[value=keep]")
        assert ask(server, "/status")["finished"] is False
        watched.page.click("#stop")
        watched.page.click("#stop-dialog button[value=stop]")
        watched.wait_phase("ended")
        watched.wait_text("#banner-text", "The run has ended at tick")
        watched.wait_text("#banner-text", "stopped")
        assert server.ended()[0] == 0


def test_speed_changes_by_the_list_and_by_steps(browser: Browser, tmp_path: Path) -> None:
    with watching(browser, "--rate", 7, "--paused", folder=tmp_path) as (server, watched):
        watched.wait_phase("paused")
        assert watched.page.input_value("#speed") == "7"
        watched.page.click("#faster")
        watched.wait("() => document.querySelector('#speed').value === '10'")
        assert ask(server, "/status")["rate"] == 10
        watched.page.select_option("#speed", "50")
        watched.wait_text("#live", "50 ticks a second")
        assert ask(server, "/status")["rate"] == 50


def test_keys_steer_the_run_and_walk_over_the_map(browser: Browser, tmp_path: Path) -> None:
    with watching(browser, "--rate", 10, folder=tmp_path, world="demo") as (server, watched):
        press = watched.page.keyboard.press
        watched.wait_phase("running")
        press("Space")
        watched.wait_phase("paused")
        press("+")
        watched.wait("() => document.querySelector('#speed').value === '20'")
        press("-")
        watched.wait("() => document.querySelector('#speed').value === '10'")
        press("?")
        watched.wait_text("#help-dialog", "pause, resume")
        press("Escape")
        watched.wait("() => !document.querySelector('#help-dialog').open")
        press("m")
        press("ArrowRight")
        watched.wait("() => !document.querySelector('#inspector').hidden")
        first = watched.text("#inspector h3")
        ids = {one["id"] for one in ask(server, "/state")["entities"]}
        assert first in ids
        assert first in watched.text("#live")
        press(".")
        watched.wait("id => document.querySelector('#inspector h3').textContent !== id", first)
        assert watched.text("#inspector h3") in ids
        press("Escape")
        watched.wait("() => document.querySelector('#inspector').hidden")
        assert watched.page.evaluate("document.activeElement.id") == "map"
        press("Tab")
        assert watched.page.evaluate("document.activeElement.id") != "map", "the map let go of Tab"
        press("Shift+Tab")
        press("r")
        press("Space")
        watched.wait_text("#rain-sign", "Rain")
        assert watched.complaints == []


def test_a_key_held_down_steers_once(browser: Browser, tmp_path: Path) -> None:
    with watching(browser, "--rate", 10, folder=tmp_path) as (_, watched):
        watched.wait_phase("running")
        watched.page.evaluate(
            "() => { window.clicks = []; for (const id of ['pause', 'rain'])"
            " document.getElementById(id).addEventListener('click', () => clicks.push(id)); }"
        )
        keyboard = watched.page.keyboard
        for key in ("Space", "r"):
            for _ in range(4):
                keyboard.down(key)
            keyboard.up(key)
        assert watched.page.evaluate("window.clicks") == ["pause", "rain"]
        watched.wait_phase("paused")


def test_hovering_tells_the_values_of_an_entity(browser: Browser, tmp_path: Path) -> None:
    with watching(browser, "--paused", folder=tmp_path, world="demo") as (server, watched):
        watched.wait_phase("paused")
        state = ask(server, "/state")
        deer = next(one for one in state["entities"] if one["id"] == "deer_01")
        box = watched.page.locator("#map").bounding_box()
        assert box is not None
        x, _, z = deer["position"]
        watched.page.mouse.move(
            box["x"] + x / state["dimensions"][0] * box["width"],
            box["y"] + z / state["dimensions"][2] * box["height"],
        )
        watched.wait_text("#tip", "hunger")
        assert "state" in watched.text("#tip")


def test_charts_follow_the_samples(browser: Browser, tmp_path: Path) -> None:
    words = ("--rate", 200, "--interval", 5, "--ticks", 40, "--seed", 3, "--out", "out")
    with watching(browser, *words, folder=tmp_path, world="demo") as (_, watched):
        watched.wait_phase("ended")
        watched.wait_text("#banner-text", "The run has ended at tick 40: completed.")
        watched.wait_text("#chart-population .readout", "tick 40")
        (file,) = (tmp_path / "out").glob("*_telemetry.jsonl")
        records = [json.loads(line) for line in file.read_text().splitlines()]
        last = [one for one in records if one["record"] == "sample"][-1]
        shown = watched.text("#chart-population .readout")
        for name, one in last["species"].items():
            assert f"{name.replace('_', ' ')} {one['count']}" in shown
        for chart in ("population", "variable", "voxels", "events"):
            assert watched.page.locator(f"#chart-{chart} canvas").count() == 1
        watched.page.select_option("#chart-population .choice", "log")
        watched.page.select_option("#chart-events .choice", "all")
        watched.wait_text("#chart-events .readout", "state change")
        assert watched.complaints == []


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_fits_the_width_in_both_themes(browser: Browser, tmp_path: Path, width: int) -> None:
    with serving("--rate", 20, "--interval", 5, folder=tmp_path, world="demo") as server:
        for scheme in ("light", "dark"):
            with opened(
                browser,
                server.url + "/",
                viewport={"width": width, "height": 800},
                color_scheme=scheme,
            ) as watched:
                watched.wait_phase("running")
                watched.wait_text("#chart-population .readout", "tick")
                wide = watched.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width
                assert watched.page.evaluate("document.documentElement.dataset.theme") == scheme


def test_remembers_the_chosen_theme(browser: Browser, tmp_path: Path) -> None:
    with watching(
        browser, "--paused", folder=tmp_path, color_scheme="light"
    ) as (_, watched):  # fmt: skip
        theme = "document.documentElement.dataset.theme"
        watched.page.click("#theme")
        watched.page.click("#theme")
        assert watched.page.evaluate(theme) == "dark"
        watched.page.reload()
        assert watched.page.evaluate(theme) == "dark"
        watched.page.click("#theme")
        assert watched.page.evaluate(theme) == "light"
