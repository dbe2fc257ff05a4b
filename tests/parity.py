"""Drive both twins with the same calls and compare all that a caller can see."""

from __future__ import annotations

import math
from typing import Any

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_backend import choose
from ecosim.telemetry_errors import TelemetryConfigError
from ecosim.telemetry_event_table import EventTable

#: What a caller can read of a core at any time.
COUNTS = (
    "samples_taken",
    "samples_pending",
    "events_recorded",
    "events_written",
    "events_dropped",
    "events_pending",
)


def compiled_core() -> type[AggregateCore] | None:
    """Return the compiled core, or None where it is not built."""
    try:
        return choose("compiled").core
    except TelemetryConfigError:
        return None


def compiled_table() -> type[EventTable]:
    """Return the compiled event table, which has to be there."""
    return choose("compiled").event_table


def backends() -> dict[str, type[AggregateCore]]:
    """Return every core this installation has, by name."""
    compiled = compiled_core()
    # Without the extension there is one; a test elsewhere fails when it was required.
    return {"python": AggregateCore} | ({} if compiled is None else {"compiled": compiled})


class Outcome:
    """What a call gave: a value, or the exception it raised."""

    def __init__(self, call, *args: Any, **options: Any) -> None:
        self.value = self.error = None
        try:
            self.value = call(*args, **options)
        except Exception as error:
            self.error = error

    def __repr__(self) -> str:
        return repr(self.value if self.error is None else self.error)

    def same(self, other: Outcome) -> bool:
        """Whether value and type, or exception and words (causes included), are the same."""
        if type(self.error) is not type(other.error) or str(self.error) != str(other.error):
            return False
        mine, theirs = (getattr(found.error, "__cause__", None) for found in (self, other))
        if type(mine) is not type(theirs) or str(mine) != str(theirs):
            return False
        return type(self.value) is type(other.value) and self.value == other.value


class TableTwins:
    """A reference event table and a compiled one that are called together."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.reference = EventTable(*args, **options)
        self.compiled = compiled_table()(*args, **options)

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of both, compare all that a caller can see, and return what it gave."""
        reference = Outcome(getattr(self.reference, method), *args, **options)
        compiled = Outcome(getattr(self.compiled, method), *args, **options)
        assert reference.same(compiled), (method, args, options, reference, compiled)
        for name in ("tick", "forgotten"):
            assert getattr(self.reference, name) == getattr(self.compiled, name), (method, name)
        kept = self.reference.ticks_between(-1, 2**53)
        assert kept == self.compiled.ticks_between(-1, 2**53)
        return reference.value

    def same_rows(self) -> None:
        """Compare the events of every tick, as far as their ids can be had."""
        for tick in self.reference.ticks_between(-1, 2**53):
            reference = Outcome(_exact_rows, self.reference, tick)
            compiled = Outcome(_exact_rows, self.compiled, tick)
            assert reference.same(compiled), (tick, reference, compiled)


def _exact_rows(table: Any, tick: int) -> list[tuple[Any, ...]]:
    """Return the events of a tick so that equal means the same bits, NaN included."""
    return [
        (*row[:4], row.position and tuple(map(float.hex, row.position)), *row[5:])
        for row in table.rows_of(tick)
    ]


class Twins:
    """A reference core and a compiled core that are called together.

    A method's arguments are made anew for each twin where they are an Anew (iterators run out, and
    hosts could keep what they are handed); of TableTwins each core gets its own.
    """

    def __init__(self, *args: Any, kernel: str | None = None, **options: Any) -> None:
        self.reference = AggregateCore(*args, **options)
        self.compiled = compiled_core()(*args, **options)  # type: ignore[misc]
        if kernel is not None:
            self.compiled.use_kernel(kernel)

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of both, compare what a caller can see, and return what it gave."""
        own = [_made(argument, "reference") for argument in args]
        other = [_made(argument, "compiled") for argument in args]
        reference = Outcome(getattr(self.reference, method), *own, **options)
        compiled = Outcome(getattr(self.compiled, method), *other, **options)
        assert reference.same(compiled), (method, args, reference, compiled)
        for name in COUNTS:
            assert getattr(self.reference, name) == getattr(self.compiled, name), (method, name)
        core = self.compiled
        assert core.events_recorded == (
            core.events_written + core.events_pending + core.events_dropped
        )
        assert self.reference.species() == core.species()
        return reference.value

    def take(self) -> bytes:
        """Take every line of both."""
        return self.call("take_samples") + self.call("take_events", cut=True)


def _made(argument: Any, twin: str) -> Any:
    if isinstance(argument, TableTwins):
        return getattr(argument, twin)
    return argument.make() if isinstance(argument, Anew) else argument


class Anew:
    """An argument that is made for each twin."""

    def __init__(self, make) -> None:
        self.make = make

    def __repr__(self) -> str:
        return f"Anew({self.make()!r})"


def same_number(a: float | None, b: float | None) -> bool:
    """Whether two numbers are the same bits (no NaN comes out of statistics)."""
    if a is None or b is None:
        return a is b
    return a == b and math.copysign(1, a) == math.copysign(1, b)
