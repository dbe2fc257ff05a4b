"""The command ``ecosim``: parse, call the library, print.

Errors of the library are one line (or one line a mistake) on standard error, without a traceback.
Exit codes are those of :mod:`ecosim.batch.exit_codes` for every command.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

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
from ecosim.printable import printable

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
    with _streams():
        try:
            return _run(words)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return EXIT_INTERRUPTED
        except BrokenPipeError:
            # Whoever read the output has gone; there is nobody left to tell.
            _leave(sys.stdout)
        except OSError as error:
            _leave(sys.stdout)
            with contextlib.suppress(OSError):
                print(f"error: {error}", file=sys.stderr)
        finally:
            _leave(sys.stderr)
        return EXIT_ERROR


def _run(words: Sequence[str]) -> int:
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
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed; this command needs: "
              "pip install 'ecosim-telemetry[all]'", file=sys.stderr)  # fmt: skip
        return EXIT_ERROR


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    """Give a process that was started without standard streams somewhere to write to."""
    with contextlib.ExitStack() as opened:
        for stream, redirect in (
            (sys.stdout, contextlib.redirect_stdout),
            (sys.stderr, contextlib.redirect_stderr),
        ):
            if stream is None:
                nowhere = opened.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
                opened.enter_context(redirect(nowhere))
        yield


def _leave(stream: TextIO) -> None:
    """Close a stream if it cannot be written, so that the interpreter does not try at its end."""
    try:
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):
            stream.close()


def _complain(error: EcosimError) -> None:
    for line in str(error).splitlines():
        print(f"error: {printable(line)}", file=sys.stderr)
