"""``ecosim completion``: a script that lets a shell complete commands, options and files."""

from __future__ import annotations

import argparse
from typing import Any, Final

from ecosim.batch.exit_codes import EXIT_DONE
from ecosim.commands.command import Command

SHELLS: Final = ("bash", "zsh", "tcsh")

#: What completes a value, by the name that help gives it; the rest is not completed.
_FOLDERS: Final = ("DIR", "FOLDER")
_FILES: Final = ("FILE",)
_NAMED: Final = {"WORLD": "worlds", "SPACE": "spaces"}


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help="the shell to write for")


def _run(arguments: argparse.Namespace) -> int:
    import shtab

    from ecosim.cli import make_tree

    tree = make_tree()
    _tell_kinds(tree, shtab.FILE, shtab.DIRECTORY)
    print(shtab.complete(tree, shell=arguments.shell, preamble=_preamble()[arguments.shell]))
    return EXIT_DONE


def _tell_kinds(parser: argparse.ArgumentParser, file: Any, folder: Any) -> None:
    """Mark the options of a tree whose values are files, folders, worlds or spaces."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _tell_kinds(inner, file, folder)
        elif action.metavar in _FOLDERS:
            action.complete = folder  # type: ignore[attr-defined]
        elif action.metavar in _FILES:
            action.complete = file  # type: ignore[attr-defined]
        elif isinstance(action.metavar, str) and (kind := _NAMED.get(action.metavar)):
            action.complete = {  # type: ignore[attr-defined]
                "bash": f"_ecosim_{kind}",
                "zsh": f"_ecosim_{kind}",
                "tcsh": "f",
            }


def _preamble() -> dict[str, str]:
    """Return the functions that complete shipped names and files, by shell."""
    from ecosim.batch.space import shipped_spaces
    from ecosim.engine.world import shipped_worlds

    names = {"worlds": " ".join(shipped_worlds()), "spaces": " ".join(shipped_spaces())}
    bash = [
        f'_ecosim_{kind}() {{ compgen -W "{words}" -- "$1"; compgen -f -- "$1"; }}'
        for kind, words in names.items()
    ]
    zsh = [
        f"_ecosim_{kind}() {{ _alternative 'shipped:shipped name:({words})' 'files:file:_files' }}"
        for kind, words in names.items()
    ]
    return {"bash": "\n".join(bash), "zsh": "\n".join(zsh), "tcsh": ""}


COMMAND: Final = Command(
    name="completion",
    help="print the script that completes commands, options and files in a shell",
    examples=(
        "ecosim completion bash > ~/.local/share/bash-completion/completions/ecosim",
        'eval "$(ecosim completion bash)"',
        "ecosim completion zsh > ~/.zfunc/_ecosim",
    ),
    add_options=_add_options,
    run=_run,
)
