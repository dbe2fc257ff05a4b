"""The root of the error tree and the errors of the telemetry.

They live apart from :mod:`ecosim.errors` (which draws the whole tree) so that the ``telemetry*``
modules need nothing but each other: a host engine may be a package called ``ecosim`` with an
``errors`` module of its own.
"""

from __future__ import annotations


def told(error: BaseException) -> str:
    """Return an error as one text, whatever its class makes of itself."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, which cannot be shown as text"


class EcosimError(Exception):
    """Root of every error this package raises on purpose."""


class TelemetryError(EcosimError):
    """Something about the telemetry: its settings, its host, or its output."""


class TelemetryConfigError(TelemetryError, ValueError):
    """A telemetry setting that is unknown or out of range."""


class HostError(TelemetryError, TypeError):
    """A host engine handed over something that does not fit the host interface."""


class OutputError(TelemetryError, OSError):
    """A telemetry file could not be created, written or closed."""


class MergeError(TelemetryError, ValueError):
    """Records or files that are not parts of one world, or lack what a merge needs."""
