"""What the HTTP library has to say, as lines of the server's own log."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp.http import HttpProcessingError


class _LineHandler(logging.Handler):
    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        # Whoever sends what is no HTTP is answered with 400; it is nothing to tell the user.
        if not isinstance(error, HttpProcessingError):
            self._log(self.format(record))


def line_logger(log: Callable[[str], None]) -> logging.Logger:
    """Return a logger of its own, outside the process's tree, that hands lines to ``log``."""
    logger = logging.Logger("ecosim.viewer", logging.WARNING)
    logger.addHandler(_LineHandler(log))
    return logger
