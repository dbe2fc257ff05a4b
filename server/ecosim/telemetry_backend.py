"""The one place that chooses the core: compiled or the reference in plain Python.

``ECOSIM_BACKEND`` says which: ``auto`` (the default) takes the compiled core where there is one,
``compiled`` insists on it, ``python`` takes the reference. Both write the same bytes.
"""

from __future__ import annotations

import importlib
import os
from typing import Final, Literal, NamedTuple

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_errors import TelemetryConfigError
from ecosim.telemetry_event_table import EventTable

VARIABLE: Final = "ECOSIM_BACKEND"
CHOICES: Final = ("auto", "compiled", "python")

#: What a run pays on the reference: measured on the demo world (docs/compiled-core.md).
_COST: Final = "a sample takes some 30 ms instead of 0.1 ms"

_EXTENSION: Final = f"{__package__}._telemetry_core"


class Backend(NamedTuple):
    """A core, and what the user should know about how it was chosen."""

    name: Literal["compiled", "python"]
    core: type[AggregateCore]
    event_table: type[EventTable]
    #: One sentence on what the reference costs, where it is live; else None.
    note: str | None


def choose(choice: str | None = None) -> Backend:
    """Return the live backend.

    Parameters
    ----------
    choice : {"auto", "compiled", "python"}, optional
        Taken from ``ECOSIM_BACKEND`` when left out.

    Raises
    ------
    TelemetryConfigError
        The choice is none of the three, or ``compiled`` and the extension cannot be used.
    """
    if choice is None:
        choice = os.environ.get(VARIABLE, "auto")
    if choice not in CHOICES:
        raise TelemetryConfigError(
            f"{VARIABLE}: expected one of {', '.join(CHOICES)}, got {choice!r}"
        )
    if choice == "python":
        note = f"the reference core, as {VARIABLE} asks for: {_COST}"
        return Backend("python", AggregateCore, EventTable, note)
    try:
        extension = importlib.import_module(_EXTENSION)
    except ImportError as error:
        if choice == "compiled":
            raise TelemetryConfigError(
                f"{VARIABLE}: the compiled core cannot be used ({error}); install the package "
                "with ECOSIM_EXTENSIONS=require to see why, or set it to auto or python"
            ) from error
        note = f"no compiled core ({error}): {_COST}"
        return Backend("python", AggregateCore, EventTable, note)
    return Backend("compiled", extension.AggregateCore, extension.EventTable, None)
