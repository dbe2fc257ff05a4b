"""Fixtures for the whole suite: the backends under test."""

import contextlib

import pytest

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_backend import choose
from ecosim.telemetry_errors import TelemetryConfigError


def backends() -> dict[str, type[AggregateCore]]:
    """Return every core this installation has, by name."""
    found = {"python": AggregateCore}
    # Without the extension there is one; a test elsewhere fails when it was required.
    with contextlib.suppress(TelemetryConfigError):
        found["compiled"] = choose("compiled").core
    return found


@pytest.fixture(params=sorted(backends()))
def core_class(request: pytest.FixtureRequest) -> type[AggregateCore]:
    """Each core in turn: one suite holds for both."""
    return backends()[request.param]
