"""Fixtures for the whole suite: the backends under test."""

import pytest

from ecosim.telemetry_aggregates import AggregateCore
from parity import backends


@pytest.fixture(params=sorted(backends()))
def core_class(request: pytest.FixtureRequest) -> type[AggregateCore]:
    """Each core in turn: one suite holds for both."""
    return backends()[request.param]
