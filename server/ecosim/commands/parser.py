"""The parser of the whole tree: help with examples, and a suggestion where a word is not known."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from ecosim import __version__
from ecosim.batch.exit_codes import EXIT_MISTAKE, MEANINGS
from ecosim.commands.command import Command

#: How argparse begins its complaint about a value that is not among those allowed.
_INVALID_CHOICE: Final = re.compile(r"invalid choice: '(.*?)' \(")


class CommandParser(argparse.ArgumentParser):
    """Takes whole option names alone, tells a mistake in a line and suggests what is nearest."""

    def __init__(self, **settings: Any) -> None:
        # Abbreviations would make every new option a change to scripts that use them.
        settings = {"allow_abbrev": False, **settings}
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and end with the exit code of a mistake."""
        if (found := _INVALID_CHOICE.search(message)) and (near := self.nearest(found[1])):
            message = f"{message}; did you mean {near!r}?"
        self.exit(
            EXIT_MISTAKE,
            f"usage: '{self.prog} --help' lists the options\n{self.prog}: error: {message}\n",
        )

    def nearest(self, word: str) -> str | None:
        """Return the option, command or choice of this parser that is most like a word."""
        known = [name for action in self._actions
                 for name in (*action.option_strings, *map(str, action.choices or ()))]  # fmt: skip
        return next(iter(difflib.get_close_matches(word.partition("=")[0], known, 1)), None)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Return the options; those of the innermost command are to be its own.

        Raises
        ------
        SystemExit
            The words are mistaken, or ask for help or the version.
        """
        # Before argparse, which would take the value of an unknown option for a command.
        self._refuse_unknown(words)
        arguments, unknown = self.parse_known_args(words)
        parser: CommandParser = arguments.parser
        if unknown:
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        outer: CommandParser | None = arguments.outer
        if outer is not None:
            own = {action.dest for action in parser._actions}
            for action in outer._actions:
                if action.option_strings and action.dest in arguments and action.dest not in own:
                    option = action.option_strings[0]
                    parser.error(f"{option} belongs to '{outer.prog}', not to '{parser.prog}'")
        return arguments

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        """Complain of a long option that no command on the way to the innermost one has."""
        parser, known = self, set(self._option_string_actions)
        for word in words:
            if word == "--":
                return
            name = word.partition("=")[0]
            if name.startswith("--") and name not in known:
                near = parser.nearest(name)
                hint = f"; did you mean {near!r}?" if near else ""
                parser.error(f"unrecognized arguments: {name}{hint}")
            if inner := parser.inner(word):
                parser = inner
                known |= set(inner._option_string_actions)

    def inner(self, name: str) -> CommandParser | None:
        """Return the parser of a command under this one."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return action.choices.get(name)
        return None


def make_parser(commands: Sequence[Command]) -> CommandParser:
    """Return the parser of a tree of commands.

    A parsed namespace has ``command`` (the :class:`Command` that was typed), ``parser`` (its own)
    and ``outer`` (that of the command it stands under, or None).
    """
    parser = CommandParser(
        prog="ecosim",
        description="Run ecosystem worlds, watch them, and vary them in batches.",
        epilog="exit codes:\n" + "\n".join(f"  {code:<4} {text}" for code, text in MEANINGS.items())
        + "\n\n'ecosim COMMAND --help' shows the options of a command, and examples.",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"ecosim {__version__}",
                        help="print the version")  # fmt: skip
    places = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in commands:
        _add(places, command, None)
    return parser


def _add(places: Any, command: Command, outer: CommandParser | None) -> None:
    parser: CommandParser = places.add_parser(
        command.name,
        help=command.help,
        description=command.help[0].upper() + command.help[1:] + ".",
        epilog="examples:\n" + "\n".join(f"  {line}" for line in command.examples),
    )
    command.add_options(parser)
    parser.set_defaults(command=command, parser=parser, outer=outer)
    if command.subcommands:
        inner = parser.add_subparsers(prog=parser.prog, metavar="ACTION", title="actions")
        for subcommand in command.subcommands:
            _add(inner, subcommand, parser)
