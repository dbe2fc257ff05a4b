"""Pages read back, and runs and batches to report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from ecosim.engine import EcosystemEngine
from ecosim.engine.world import load_world
from ecosim.telemetry import TelemetryEmitter
from ecosim.telemetry_writers import telemetry_path

_VOID = {"meta", "link", "br", "img", "input", "hr"}


class Element:
    """One element of a page, with its attributes and what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element | str] = []

    def all(self, tag: str) -> Iterator[Element]:
        """Yield the elements of a tag within this one, in order."""
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag:
                    yield child
                yield from child.all(tag)

    def text(self) -> str:
        """Return the text within this element."""
        parts = (child if isinstance(child, str) else child.text() for child in self.children)
        return " ".join("".join(parts).split())

    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_page(path: Path) -> Element:
    """Return the elements of an HTML file whose tags are all closed."""
    builder = _Builder()
    builder.feed(path.read_text(encoding="utf-8"))
    builder.close()
    assert len(builder.open) == 1
    return builder.open[0]


def section(page: Element, anchor: str) -> Element:
    """Return one section of a page."""
    found = [one for one in page.all("section") if one.attributes["id"] == anchor]
    assert len(found) == 1, f"{len(found)} sections {anchor}"
    return found[0]


def rows(table: Element) -> list[list[str]]:
    """Return the cells of a table, the head first."""
    return [
        [cell.text() for cell in row.children if isinstance(cell, Element)]
        for row in table.all("tr")
    ]


def facts(element: Element) -> dict[str, str]:
    """Return the names and values of the definition lists in an element."""
    names = [one.text() for one in element.all("dt")]
    values = [one.text() for one in element.all("dd")]
    return dict(zip(names, values, strict=True))


def write_run(
    folder: Path, *, ticks: int = 120, interval: int = 10, run_id: str = "one", status: str = ""
) -> Path:
    """Run the demo world and return the telemetry file; without an end unless there is a status."""
    world = load_world("demo", parameters={"rates.hunger": 1.5})
    engine = EcosystemEngine(world, seed=4, telemetry=False)
    settings = {"enabled": True, "interval": interval, "output_dir": str(folder)}
    emitter = TelemetryEmitter(settings, run_id=run_id, parameters={"rates.hunger": 1.5})
    emitter.on_init(engine)
    for _ in range(ticks):
        engine.step()
        emitter.on_tick()
    emitter.close(status or "completed")
    path = telemetry_path(folder, run_id)
    if not status:
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))
    return path


def records(path: Path, kind: str) -> list[dict[str, Any]]:
    """Return the records of one kind of a telemetry file."""
    found = (json.loads(line) for line in path.read_bytes().splitlines())
    return [record for record in found if record["record"] == kind]
