"""Modules of the page on their own, in the browser: bounded memory, lost packets, colours."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import pytest
from browser import opened, static_files
from playwright.sync_api import Page

from chromium import chromium

Colour = tuple[float, float, float]

#: How the three kinds see linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.
SIGHTS: dict[str, tuple[Colour, Colour, Colour]] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser, static_files() as url, opened(browser, f"{url}/") as watched:
        yield watched.page


def run(page: Page, module: str, body: str) -> Any:
    """Run a function body with the exports of a module as ``m``."""
    return page.evaluate(
        f"async () => {{ const m = await import('./static/js/{module}.js'); {body} }}"
    )


def test_history_keeps_the_whole_run_in_bounded_memory(page: Page) -> None:
    found = run(
        page,
        "history",
        """
        const history = new m.History(100);
        for (let tick = 0; tick <= 10000; tick += 1) {
          history.add({ tick, window: [tick, tick], voxels: {},
            species: { deer: { count: tick, vars: {} } },
            events: { by_type: tick % 2 ? { RAIN: 1 } : {}, deaths: 1, reproductions: 0,
              predations: 0, pollinations: 0 } });
        }
        const sum = (column) => column.reduce((a, b) => a + b, 0);
        return { ticks: history.ticks, counts: history.column("count", "deer"),
          rain: sum(history.column("events", "RAIN")), windows: sum(history.windows),
          lengths: [...history.columns.values()].map((column) => column.length) };
        """,
    )
    assert len(found["ticks"]) < 100
    assert set(found["lengths"]) == {len(found["ticks"])}
    assert found["ticks"] == sorted(set(found["ticks"]))
    assert found["ticks"][-1] == 10000
    assert found["ticks"][0] < 500, "the start of the run is still in view"
    assert found["counts"] == found["ticks"]
    assert (found["rain"], found["windows"]) == (5000, 10001)


def test_history_leaves_out_a_sample_that_it_has(page: Page) -> None:
    found = run(
        page,
        "history",
        """
        const history = new m.History();
        const sample = (tick) => ({ tick, window: [tick, tick], species: {}, voxels: {},
          events: { by_type: {}, deaths: 0, reproductions: 0, predations: 0, pollinations: 0 } });
        return [...[5, 5, 4].map((tick) => history.add(sample(tick))), history.ticks];
        """,
    )
    assert found == [True, False, False, [5]]


def test_world_follows_packets_and_notices_those_it_missed(page: Page) -> None:
    found = run(
        page,
        "world",
        """
        const world = new m.World();
        const one = (id, x) => ({ id, species: "deer", type: "ANIMAL", state: "IDLE",
          position: [x, 0, 0], state_vars: {} });
        world.load({ run_id: "a", tick: 1, cell_size: 2, dimensions: [4, 1, 3], water_sources: [],
          species: [{ name: "deer", class: "ANIMAL" }], entities: [one("a", 1), one("b", 2)] });
        const seen = [world.size, world.species.get("deer").count];
        seen.push(world.apply({ tick: 2, entity_spawns: [one("c", 3)],
          entity_updates: [one("a", 5), one("b", 2), one("c", 3)] }, 0));
        const moved = world.entities.get("a");
        seen.push(world.species.get("deer").count, moved.x, moved.fromX);
        seen.push(world.apply({ tick: 3, entity_removals: ["b"],
          entity_updates: [one("a", 6), one("c", 3)] }, 0));
        seen.push(world.species.get("deer").count);
        seen.push(world.apply({ tick: 9, entity_updates: [one("c", 3), one("d", 1)] }, 0));
        seen.push([...world.entities.keys()], world.species.get("deer").count);
        return seen;
        """,
    )
    assert found == [[8, 6], 2, True, 3, 5, 1, True, 2, False, ["c"], 1]


def test_camera_keeps_the_point_under_the_pointer(page: Page) -> None:
    found = run(
        page,
        "camera",
        """
        const camera = new m.Camera();
        camera.resize(400, [32, 16]);
        const before = camera.toWorld(120, 180);
        camera.zoomAt(4, 120, 180);
        return [before, camera.toWorld(120, 180), camera.zoom];
        """,
    )
    assert found[0] == pytest.approx(found[1])
    assert found[2] == 4


def linear(colour: str) -> Colour:
    """Return linear RGB of a colour such as ``#a0b1c2``."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return red, green, blue


def seen(colour: str, sight: str) -> Colour:
    """Return a colour in OKLab (Ottosson 2020) as one kind of sight has it, times 100."""
    parts = linear(colour)
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, parts, strict=True))))
        for row in SIGHTS[sight]
    )
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        100 * (0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short),
        100 * (1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short),
        100 * (0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short),
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2."""
    weights = (0.2126, 0.7152, 0.0722)
    light, dark = sorted(
        (
            sum(w * c for w, c in zip(weights, linear(colour), strict=True))
            for colour in (one, other)
        ),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


def test_colours_of_a_shape_stay_apart_for_every_kind_of_sight(page: Page) -> None:
    colours = run(page, "palette", "return m.COLOURS")
    for theme in (0, 1):
        for name, pairs in colours.items():
            for one, other in itertools.combinations([pair[theme] for pair in pairs], 2):
                for sight in SIGHTS:
                    apart = math.dist(seen(one, sight), seen(other, sight))
                    assert apart > 9, (name, one, other, sight)


def test_colours_stand_out_from_their_grounds(page: Page) -> None:
    found = run(page, "palette", "return [m.COLOURS, m.WASHES, m.ANY_WASH]")
    colours, washes, any_wash = found
    for theme, name in enumerate(("light", "dark")):
        grounds = {"#ffffff"} if name == "light" else {"#171d1a"}
        for wash in (*washes.values(), any_wash):
            grounds.update(wash[name])
        for pairs in colours.values():
            for pair in pairs:
                for ground in grounds:
                    assert contrast(pair[theme], ground) >= 3, (pair[theme], ground)
