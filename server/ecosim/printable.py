"""Text of engines, worlds and files, made fit for a terminal or a log."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return text that cannot move the cursor, change colours or break a line."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def printable_lines(text: str) -> str:
    """Return text of several lines with each of them printable."""
    return "\n".join(map(printable, text.split("\n")))
