"""A real headless Chromium, and what the tests of the page do with it."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page
from serve_cases import PATIENCE_S, Server, serving

import ecosim.viewer

STATIC = Path(ecosim.viewer.__file__).parent / "static"


@dataclass
class Watched:
    """A page and everything that it asked for or complained about.

    Attributes
    ----------
    page : Page
    requests : list of str
        Address of each request and WebSocket.
    complaints : list of str
        Errors and warnings of the console, and exceptions that nobody caught.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return str(self.page.text_content(selector))

    def wait(self, expression: str, argument: Any = None) -> None:
        """Wait until a JavaScript expression holds."""
        self.page.wait_for_function(expression, arg=argument, timeout=PATIENCE_S * 1000)

    def wait_text(self, selector: str, text: str) -> None:
        """Wait until an element that is shown contains a text."""
        self.wait(
            "([selector, text]) => { const node = document.querySelector(selector);"
            " return node.checkVisibility() && node.textContent.includes(text); }",
            [selector, text],
        )

    def wait_phase(self, phase: str) -> None:
        """Wait until the page says where the run stands."""
        self.wait("phase => document.querySelector('#phase').dataset.phase === phase", phase)

    def origins(self) -> set[str]:
        """Return host and port of everything that was asked for."""
        return {urlsplit(url).netloc for url in self.requests if not url.startswith("data:")}


@contextlib.contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Watched]:
    """Open an address in a fresh profile and note what it does."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_S * 1000)
    watched = Watched(context.new_page())
    page = watched.page
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on("websocket", lambda web_socket: watched.requests.append(web_socket.url))
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            watched.complaints.append(message.text)
            if message.type in ("error", "warning")
            else None
        ),
    )
    try:
        page.goto(url)
        yield watched
    finally:
        context.close()


def ask(server: Server, path: str) -> Any:
    """Return what the server answers, without the event loop: the browser's driver has it."""
    with urllib.request.urlopen(server.url + path, timeout=PATIENCE_S) as answer:
        return json.loads(answer.read())


@contextlib.contextmanager
def watching(
    browser: Browser, *words: object, folder: Path, world: str = "minimal", **options: Any
) -> Iterator[tuple[Server, Watched]]:
    """Run a live server and open its page."""
    with (
        serving(*words, folder=folder, world=world) as server,
        opened(browser, server.url + "/", **options) as watched,
    ):
        yield server, watched


class _Files(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/":
            self.path = "/static/index.html"
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def static_files() -> Iterator[str]:
    """Serve the files of the page and nothing else; yields the address, no slash at its end."""
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Files, directory=str(STATIC.parent))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
