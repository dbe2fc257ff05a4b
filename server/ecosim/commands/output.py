"""Where a command's words go: reports to standard output, all else to standard error."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ecosim.printable import printable_lines

_SHOWN_RUNS: Final = 3


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--json`` and ``--quiet``."""
    # Suppressed defaults: given before a sub-command or after it, an option counts the same.
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS,
                        help="print one JSON object instead of text")  # fmt: skip
    parser.add_argument("--quiet", action="store_true", default=argparse.SUPPRESS,
                        help="print only warnings, errors and what --json asks for")  # fmt: skip


class Output:
    """The report of one command, for people or for a program.

    Parameters
    ----------
    arguments : namespace
        With ``json`` and ``quiet``, as :func:`add_output_options` has them; absent means not given.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.json: bool = getattr(arguments, "json", False)
        self.quiet: bool = getattr(arguments, "quiet", False)

    def line(self, text: str = "") -> None:
        """Print a line for people, at once: what watches a pipe sees it when it is true."""
        if not (self.json or self.quiet):
            print(printable_lines(text), flush=True)

    def note(self, text: str) -> None:
        """Print what is good to know on standard error; nothing ends because that is full."""
        if not self.quiet:
            with contextlib.suppress(OSError):
                print(f"note: {printable_lines(text)}", file=sys.stderr, flush=True)

    def document(self, value: Mapping[str, Any]) -> None:
        """Print the object that stands for the whole report, if it was asked for."""
        if self.json:
            print(json.dumps(value, indent=2, allow_nan=False), flush=True)


def group_lines(groups: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Return one line for each reason, with how many runs it befell and the first of them.

    Parameters
    ----------
    groups : iterable of (str, sequence of str)
        Reasons with run ids.
    """
    lines = []
    for reason, runs in groups:
        more = ", ..." if len(runs) > _SHOWN_RUNS else ""
        lines.append(f"{len(runs)} x {reason} ({', '.join(runs[:_SHOWN_RUNS])}{more})")
    return lines


@contextlib.contextmanager
def warnings_as_lines() -> Iterator[list[str]]:
    """Print each different warning of the block once, as a line on standard error.

    Yields
    ------
    list of str
        The texts, filled when the block has ended.
    """
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield texts
        finally:
            texts += dict.fromkeys(str(warning.message) for warning in caught)
            for text in texts:
                print(f"warning: {printable_lines(text)}", file=sys.stderr)
