"""The one place that chooses the core: compiled or the reference in plain Python.

``ECOSIM_BACKEND`` says which: ``auto`` (the default) takes the compiled core where there is one,
``compiled`` insists on it, ``python`` takes the reference. Both write the same bytes.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final, Literal, NamedTuple

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_errors import TelemetryConfigError
from ecosim.telemetry_event_table import EventTable

VARIABLE: Final = "ECOSIM_BACKEND"
CHOICES: Final = ("auto", "compiled", "python")

#: What a run of the demo world pays on the reference: nearly all of it goes to five layers of
#: 32 x 32 x 32 cells (README.md, "What it costs": the jobs of the core, taking a sample).
_COST: Final = "a sample takes some 30 ms instead of 0.2 ms"

#: The extension refuses to load in such a process; the reference has no other arithmetic to offer.
_FLUSHED: Final = (
    "; it computes with the processor settings of this process, which flushes denormal numbers to "
    "zero: its results may differ from those of other processes"
)

_EXTENSION: Final = f"{__package__}._telemetry_core"


class Backend(NamedTuple):
    """A core, and what the user should know about how it was chosen."""

    name: Literal["compiled", "python"]
    core: type[AggregateCore]
    event_table: type[EventTable]
    #: Why the reference is live and what that costs, where it is; else None.
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
        return _reference(f"the reference core, as {VARIABLE} asks for")
    try:
        extension = importlib.import_module(_EXTENSION)
    except ModuleNotFoundError as error:
        if choice == "compiled":
            raise TelemetryConfigError(
                f"{VARIABLE}: the compiled core cannot be used ({error}); install the package "
                "with ECOSIM_EXTENSIONS=require to see why, or set it to auto or python"
            ) from error
        return _reference(f"no compiled core ({error})")
    except ImportError as error:  # it is there, and says what is wrong with it or the process
        if choice == "compiled":
            raise TelemetryConfigError(
                f"{VARIABLE}: the compiled core cannot be loaded: {error}"
            ) from error
        return _reference(f"the reference core, as the compiled one cannot be loaded ({error})")
    return Backend("compiled", extension.AggregateCore, extension.EventTable, None)


def _reference(reason: str) -> Backend:
    flushed = sys.float_info.min * 0.5 == 0.0
    note = f"{reason}: {_COST}{_FLUSHED if flushed else ''}"
    return Backend("python", AggregateCore, EventTable, note)
