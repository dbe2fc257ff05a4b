"""Write the report of a run or a batch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from ecosim.errors import OutputError
from ecosim.report.locate import locate
from ecosim.report.page import Page, render
from ecosim.report.run_file import read_run
from ecosim.report.run_report import run_page_of


def write_report(given: Path, out: Path | None = None, *, force: bool = False) -> Path:
    """Write the report of a run or a batch and return its path.

    Parameters
    ----------
    given : Path
        A batch folder, a folder with the telemetry file of one run, or that file.
    out : Path, optional
        The HTML file; ``report.html`` in a batch folder, ``<run_id>_report.html`` beside a run and
        under ``reports/`` of its batch when left out.
    force : bool
        Whether a file of that name is replaced.

    Raises
    ------
    DatasetError
        There is no run or batch to report, its data is damaged, or a package is missing.
    OutputError
        The file exists and ``force`` is not set, or it cannot be written.
    """
    found = locate(given)
    target = found.default_output() if out is None else out
    if target.is_dir():
        raise OutputError(f"{target}: expected the name of a file, it is a folder")
    if not force and os.path.lexists(target):
        raise OutputError(f"{target}: expected no file of this name; --force replaces it")
    page = _batch_page(found.path) if found.is_batch else run_page_of(read_run(found.path))
    _write(target, render(page), force=force)
    return target


def _batch_page(folder: Path) -> Page:
    # Behind this is numpy, which the report of a run does without.
    from ecosim.report.batch_report import batch_page_of

    return batch_page_of(folder)


def _write(target: Path, pieces: Iterable[str], *, force: bool) -> None:
    """Write a file so that it appears whole or not at all."""
    private = target.with_name(f".{target.name}.{os.getpid()}.partial")
    reserved = False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target}: could not write: {error.strerror or error}") from error
    try:
        if not force:
            # Nobody else can make a file of this name any more, and a link is not followed.
            target.open("x").close()
            reserved = True
        with private.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.writelines(pieces)
        private.replace(target)
        reserved = False
    except FileExistsError as error:
        raise OutputError(
            f"{target}: expected no file of this name; --force replaces it"
        ) from error
    except OSError as error:
        raise OutputError(f"{target}: could not write: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            private.unlink(missing_ok=True)
            if reserved:
                target.unlink()
