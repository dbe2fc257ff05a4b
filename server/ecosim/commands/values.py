"""What the values of options are: each function reads a text and says what it expected."""

from __future__ import annotations

import argparse
import json
import threading
from typing import Any


def positive(text: str) -> int:
    """Return an integer of 1 or more."""
    return _integer(text, 1)


def count(text: str) -> int:
    """Return an integer of 0 or more."""
    return _integer(text, 0)


def seed(text: str) -> int:
    """Return the seed of a run or a design: an integer; 64 bits are for the library to check."""
    return integer(text)


def integer(text: str) -> int:
    """Return an integer; which of them will do is for the library to say."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected an integer, got {text}") from None


def seconds(text: str) -> float:
    """Return a time in seconds, above 0 and no longer than a thread can wait."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"expected seconds > 0, got {text}")
    return value


def assignment(text: str) -> tuple[str, Any]:
    """Return the path and value of ``path=value``; what is not JSON is a string."""
    path, separator, value = text.partition("=")
    if not separator or not path:
        raise argparse.ArgumentTypeError(f"expected PATH=VALUE, got {text!r}")
    try:
        return path, json.loads(value)
    except ValueError:
        return path, value


def _integer(text: str, lowest: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = lowest - 1
    if value < lowest:
        raise argparse.ArgumentTypeError(f"expected an integer >= {lowest}, got {text}")
    return value
