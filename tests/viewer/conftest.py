"""A live server that several tests of what must not change it may share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serve_cases import Server, serving


@pytest.fixture(scope="module")
def paused_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the small world that waits at tick 0, without telemetry."""
    folder = tmp_path_factory.mktemp("paused")
    with serving("--paused", "--no-telemetry", folder=folder) as server:
        yield server
