"""What a command of ``ecosim`` consists of."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its options and what it does.

    Attributes
    ----------
    name : str
        What the user types after ``ecosim``.
    help : str
        One line for the list of commands.
    examples : tuple of str
        Whole command lines as a user would type them, the plainest first.
    add_options : callable
        Adds the options to the command's parser.
    run : callable
        Takes the parsed options, calls the library, prints, and returns the exit code (those of
        :mod:`ecosim.batch.exit_codes`). Heavy packages are imported in here.
    json_keys : mapping of str to str
        The keys of the object that ``--json`` prints, each with its meaning; empty where there is
        no ``--json``, or where a page of its own describes it.
    subcommands : tuple of Command
        Commands typed after this one's name.
    """

    name: str
    help: str
    examples: tuple[str, ...]
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    json_keys: Mapping[str, str] = field(default_factory=dict)
    subcommands: tuple[Command, ...] = ()
