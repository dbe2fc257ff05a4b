"""The files of the page, read once: a request can only name what was found at the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Final

INDEX: Final = "index.html"

#: Not asked of the system, whose tables differ.
_CONTENT_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """The content of a file and its media type."""

    content: bytes
    content_type: str


def page_files() -> dict[str, StaticFile]:
    """Return the files of the shipped page by their path below ``static``, with ``/``."""
    return read_files(files("ecosim.viewer") / "static")


def read_files(folder: Traversable) -> dict[str, StaticFile]:
    """Return every file below a folder by its path, with ``/``; links are left out.

    A path as in ``static/js/main.js`` is the key ``js/main.js``, so no other file can be asked for.
    """
    return {
        name: StaticFile(
            entry.read_bytes(),
            _CONTENT_TYPES.get(PurePosixPath(name).suffix, "text/plain"),
        )
        for name, entry in _walk(folder, "")
    }


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if isinstance(entry, Path) and entry.is_symlink():
            continue
        name = prefix + entry.name
        if entry.is_dir():
            yield from _walk(entry, f"{name}/")
        elif entry.is_file():
            yield name, entry
