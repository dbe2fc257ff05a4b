"""Every error the package raises on purpose.

::

    EcosimError
    ├── TelemetryError
    │   ├── TelemetryConfigError (ValueError)   a setting that is unknown or out of range
    │   ├── HostError (TypeError)               an engine that does not fit the host interface
    │   ├── OutputError (OSError)               a telemetry file that cannot be written
    │   └── MergeError (ValueError)             files that are not parts of one world
    ├── WorldError (ValueError)                 a world definition with mistakes
    ├── DatasetError (ValueError)               a dataset that is missing, or lacks what was asked
    └── BatchError
        ├── SpaceError (ValueError)             a parameter space or design with mistakes
        ├── BatchFolderError (OSError)          a batch folder that is missing, locked or different
        │   └── RunFolderError                  a run's own files that cannot be read or written
        └── EngineError (TypeError)             an ``--engine`` callable that cannot be used

Each also inherits the builtin a caller would expect. A message says what was expected, what came
and where. The command line prints it without a traceback.
"""

from __future__ import annotations

from ecosim.telemetry_errors import (
    EcosimError,
    HostError,
    MergeError,
    OutputError,
    TelemetryConfigError,
    TelemetryError,
)

__all__ = [
    "BatchError",
    "BatchFolderError",
    "DatasetError",
    "EcosimError",
    "EngineError",
    "HostError",
    "MergeError",
    "OutputError",
    "RunFolderError",
    "SpaceError",
    "TelemetryConfigError",
    "TelemetryError",
    "WorldError",
]


class WorldError(EcosimError, ValueError):
    """A world definition with mistakes.

    Parameters
    ----------
    problems : list of str
        One line per mistake: ``path: expected ..., got ...``. All of them at once.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class DatasetError(EcosimError, ValueError):
    """A dataset that is missing, or that is asked for what it does not have."""


class BatchError(EcosimError):
    """Something about a batch: its space, its folder, or its engine."""


class SpaceError(BatchError, ValueError):
    """A parameter space or a design with mistakes."""


class BatchFolderError(BatchError, OSError):
    """A batch folder that is missing, locked, or belongs to another batch."""


class RunFolderError(BatchFolderError):
    """The files that are kept of a run cannot be read or written, whatever its engine does."""


class EngineError(BatchError, TypeError):
    """An ``--engine`` callable that is missing or does not fit the host interface."""
