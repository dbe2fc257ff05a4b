"""The command ``ecosim``: parse, call the library, print.

Errors of the library are one line (or one line a mistake) on standard error, without a traceback.
Exit codes are those of :mod:`ecosim.batch.exit_codes` for every command.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Sequence
from typing import Final

from ecosim.batch.exit_codes import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_MISTAKE
from ecosim.commands import (
    analyze,
    batch,
    collect,
    completion,
    info,
    report,
    run,
    serve,
    tail,
    validate,
)
from ecosim.commands.command import Command
from ecosim.commands.parser import CommandParser, make_parser
from ecosim.errors import (
    EcosimError,
    EngineError,
    SpaceError,
    TelemetryConfigError,
    WorldError,
)

#: The tree, in the order of the help.
COMMANDS: Final[tuple[Command, ...]] = (
    run.COMMAND,
    batch.COMMAND,
    collect.COMMAND,
    validate.COMMAND,
    info.COMMAND,
    serve.COMMAND,
    tail.COMMAND,
    report.COMMAND,
    analyze.COMMAND,
    completion.COMMAND,
)


def make_tree() -> CommandParser:
    """Return the parser of every command."""
    return make_parser(COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process when left out.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal of a narrow encoding
    tree = make_tree()
    if not words:
        tree.print_help(sys.stderr)
        return EXIT_MISTAKE
    try:
        arguments = tree.parse(words)
        command: Command = arguments.command
        return command.run(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_MISTAKE
    except (SpaceError, WorldError, EngineError, TelemetryConfigError) as error:
        _complain(error)
        return EXIT_MISTAKE
    except EcosimError as error:
        _complain(error)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed; this command needs: "
              "pip install 'ecosim-telemetry[all]'", file=sys.stderr)  # fmt: skip
        return EXIT_ERROR
    except BrokenPipeError:
        # Whoever read the output has gone; there is nobody left to tell.
        with contextlib.suppress(OSError):
            sys.stdout.close()
        return EXIT_ERROR


def _complain(error: EcosimError) -> None:
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr)
