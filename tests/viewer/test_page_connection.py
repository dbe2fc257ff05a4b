"""The page without a server, after a restart, and without telemetry: words, and a fresh start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import ask, opened, static_files, watching
from playwright.sync_api import Browser
from serve_cases import serving

from chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def test_reconnects_after_a_restart_and_starts_fresh(browser: Browser, tmp_path: Path) -> None:
    words = ("--rate", 100, "--interval", 5)
    with serving(*words, "--ticks", 60, folder=tmp_path, world="demo") as first:
        port = first.port
        with opened(browser, first.url + "/") as watched:
            watched.wait_phase("ended")
            watched.wait_text("#chart-population .readout", "tick 60")
            run = watched.text("#run-name")
            first.process.kill()
            watched.wait_text("#banner-text", "Trying again in")
            with serving("--paused", "--port", port, folder=tmp_path, world="minimal") as second:
                watched.page.click("#banner-action")
                watched.wait_phase("paused")
                assert watched.text("#run-name") != run
                assert ask(second, "/status")["run_id"] in watched.text("#run-name")
                assert watched.text("#fact-tick") == "0"
                watched.wait(
                    "() => !document.querySelector('#chart-population').textContent"
                    ".includes('tick 60')"
                )
                names = {one["name"] for one in ask(second, "/state")["species"]}
                shown = watched.page.eval_on_selector_all(
                    "#legend li", "items => items.map(item => item.dataset.species)"
                )
                assert set(shown) == names


def test_says_that_the_connection_is_lost_and_comes_back_by_itself(
    browser: Browser, tmp_path: Path
) -> None:
    with serving("--paused", folder=tmp_path) as first:
        port = first.port
        with opened(browser, first.url + "/") as watched:
            watched.wait_phase("paused")
            first.process.kill()
            watched.wait_phase("lost")
            watched.wait_text("#banner-text", "The connection was lost")
            watched.wait_text("#banner-text", "Trying again in")
            assert watched.page.is_disabled("#pause")
            with serving("--paused", "--port", port, folder=tmp_path):
                watched.wait_phase("paused")
                assert watched.page.is_hidden("#banner")
                assert watched.page.is_enabled("#pause")


@pytest.mark.parametrize("words", [("--no-telemetry",), ()], ids=["no telemetry", "telemetry"])
def test_a_run_that_was_stopped_is_shown_as_ended_until_another_comes(
    browser: Browser, tmp_path: Path, words: tuple[str, ...]
) -> None:
    with serving("--rate", 50, *words, folder=tmp_path) as first:
        port = first.port
        with opened(browser, first.url + "/") as watched:
            watched.wait_phase("running")
            watched.wait("() => Number(document.querySelector('#fact-tick').textContent) > 5")
            watched.page.evaluate(
                "() => { window.phases = []; new MutationObserver(() => phases.push("
                "document.querySelector('#phase').dataset.phase)).observe("
                "document.querySelector('#phase'), { attributes: true }); }"
            )
            first.process.terminate()
            watched.wait_phase("ended")
            watched.wait_text("#banner-text", "The run has ended at tick ")
            watched.wait_text("#banner-text", ": stopped. The server is gone; looking for a new")
            assert first.ended()[0] == 130
            # The second attempt is one that finds no server at all.
            watched.wait_text("#banner-text", "one. Trying again in 2 s.")
            watched.wait_text("#banner-text", "The run has ended at tick ")
            assert watched.page.evaluate("window.phases") == ["ended"]
            with serving("--paused", "--port", port, folder=tmp_path):
                watched.wait_phase("paused")
                assert watched.page.is_hidden("#banner")
                assert watched.page.evaluate("window.phases") == ["ended", "paused"]


def test_says_so_when_there_is_no_server_behind_the_page(browser: Browser) -> None:
    with static_files() as url, opened(browser, f"{url}/") as watched:
        watched.wait_phase("lost")
        watched.wait_text("#banner-text", "No connection to the server. Trying again in")
        watched.wait_text("#chart-population .empty", "No samples yet: not connected to a run.")
        watched.wait_text("#map-empty", "Waiting for the world")
        assert watched.page.is_disabled("#pause")


def test_telemetry_that_is_off_is_said_in_words(browser: Browser, tmp_path: Path) -> None:
    with watching(browser, "--no-telemetry", folder=tmp_path) as (_, watched):
        watched.wait_phase("running")
        watched.wait_text("#chart-population .empty", "Telemetry is off")
        watched.wait_text("#chart-cost .empty", "costs nothing")
        assert not [url for url in watched.requests if "/telemetry" in url]
        assert watched.complaints == []


def test_an_error_of_the_server_is_shown_and_can_be_put_away(
    browser: Browser, tmp_path: Path
) -> None:
    with watching(browser, "--ticks", 3, "--rate", 50, folder=tmp_path) as (_, watched):
        watched.wait_phase("ended")
        watched.wait("() => !document.querySelector('#stop').disabled")
        # In one go: what the server says next disables the button again.
        watched.page.evaluate(
            "() => { const rain = document.querySelector('#rain');"
            " rain.disabled = false; rain.click(); }"
        )
        watched.wait_text("#notice-text", "The server refused")
        watched.page.click("#notice-close")
        assert watched.page.is_hidden("#notice")
