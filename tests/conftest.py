"""Fixtures for the whole suite: the backends under test."""

import pytest

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_event_table import EventTable
from parity import backends, compiled_table


@pytest.fixture(params=sorted(backends()))
def core_class(request: pytest.FixtureRequest) -> type[AggregateCore]:
    """Each core in turn: one suite holds for both."""
    return backends()[request.param]


@pytest.fixture(params=sorted(backends()))
def table_class(request: pytest.FixtureRequest) -> type[EventTable]:
    """Each event table in turn."""
    return EventTable if request.param == "python" else compiled_table()
