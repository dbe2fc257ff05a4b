"""The pages in a real browser: they draw, ask for nothing, and fit a phone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from report_cases import write_run

from chromium import chromium
from ecosim.report.write import write_report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def batch_html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small batch of the demo world."""
    folder = tmp_path_factory.mktemp("pages")
    words = "batch --world demo -n 8 --ticks 60 --interval 20 --workers 1 --out out --quiet"
    command = [sys.executable, "-m", "ecosim", *words.split()]
    subprocess.run(command, cwd=folder, check=True)
    return write_report(folder / "out")


@pytest.fixture(params=["run", "batch"])
def html(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(f"{request.param}_html")


class Visit:
    """A page that was opened, with what it asked for and said."""

    def __init__(self, browser: Browser, path: Path, *, width: int = 1200, theme: str = "light"):
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme
        )
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def test_a_page_asks_for_nothing_and_complains_of_nothing(browser, html):
    with Visit(browser, html) as visit:
        assert visit.requests == [html.as_uri()]
        assert visit.complaints == []


def test_every_plot_has_marks_within_it(browser, html):
    with Visit(browser, html) as visit:
        found = visit.page.evaluate(
            """() => [...document.querySelectorAll("svg")].map((svg) => {
                const box = svg.getBoundingClientRect();
                const marks = [...svg.querySelectorAll("path:not(.gridline)")];
                const lengths = marks.map((mark) => mark.getTotalLength());
                return [box.width, box.height, marks.length, Math.max(...lengths)];
            })"""
        )
        assert len(found) > 20
        for width, height, marks, longest in found:
            assert width > 100
            assert height > 60
            assert marks >= 1
            assert longest > 0


@pytest.mark.parametrize("width", [360, 1440])
def test_a_page_fits_the_width(browser, html, width):
    with Visit(browser, html, width=width) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width
        visit.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = 1")
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width


def test_a_page_follows_the_theme(browser, run_html):
    colours = {}
    for theme in ("light", "dark"):
        with Visit(browser, run_html, theme=theme) as visit:
            colours[theme] = visit.page.evaluate(
                """() => ["body", ".line"].map((one) => {
                    const style = getComputedStyle(document.querySelector(one));
                    return one === "body" ? style.backgroundColor : style.stroke;
                })"""
            )
    assert colours["light"][0] == "rgb(255, 255, 255)"
    assert colours["dark"][0] == "rgb(20, 23, 26)"
    assert colours["light"][1] != colours["dark"][1]


def test_values_are_shown_under_the_pointer(browser, run_html):
    with Visit(browser, run_html) as visit:
        plot = visit.page.locator("#populations svg").first
        label = plot.get_attribute("aria-label")
        box = plot.bounding_box()
        visit.page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
        lines = visit.page.locator("#tip").inner_text().splitlines()
        assert lines[0] == "at 0"
        shown = dict(line.split(" ") for line in lines[1:])
        assert len(shown) == 12
        for species, count in shown.items():
            assert f"{species} from {count} to" in label
        visit.page.mouse.move(2, 2)
        assert visit.page.locator("#tip").is_hidden()
        assert visit.complaints == []


def test_the_tables_open_with_the_keyboard(browser, run_html):
    with Visit(browser, run_html) as visit:
        visit.page.locator("#populations summary").focus()
        visit.page.keyboard.press("Enter")
        assert visit.page.locator("#populations table").is_visible()


def test_a_page_prints(browser, batch_html, tmp_path):
    with Visit(browser, batch_html) as visit:
        visit.page.pdf(path=tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_hostile_names_do_nothing_and_are_shown(browser, tmp_path):
    path = write_run(tmp_path, ticks=30, status="completed")
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    text = path.read_text(encoding="utf-8").replace('"bee"', f'"{hostile}"')
    path.write_text(text, encoding="utf-8")
    with Visit(browser, write_report(path)) as visit:
        assert len(visit.requests) == 1
        assert visit.complaints == []
        names = visit.page.locator("#populations .name b").all_inner_texts()
        assert hostile in names
        assert visit.page.locator("img").count() == 0
