"""The one place that chooses the core: compiled or the reference in plain Python.

``ECOSIM_BACKEND`` says which: ``auto`` (the default) takes the compiled core where it is built,
``compiled`` insists on it, ``python`` takes the reference.
"""

from __future__ import annotations

import os
from typing import Final

from ecosim.telemetry_aggregates import AggregateCore
from ecosim.telemetry_errors import TelemetryConfigError

VARIABLE: Final = "ECOSIM_BACKEND"
CHOICES: Final = ("auto", "compiled", "python")


def choose(choice: str | None = None) -> tuple[str, type[AggregateCore]]:
    """Return the name of the live backend and its core.

    Parameters
    ----------
    choice : {"auto", "compiled", "python"}, optional
        Taken from ``ECOSIM_BACKEND`` when left out.

    Raises
    ------
    TelemetryConfigError
        The choice is none of the three, or ``compiled`` and the extension is not built.
    """
    if choice is None:
        choice = os.environ.get(VARIABLE, "auto")
    if choice not in CHOICES:
        raise TelemetryConfigError(
            f"{VARIABLE}: expected one of {', '.join(CHOICES)}, got {choice!r}"
        )
    if choice == "compiled":
        raise TelemetryConfigError(
            f"{VARIABLE}: the compiled core is not part of this version; expected auto or python"
        )
    return "python", AggregateCore
