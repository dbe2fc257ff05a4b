"""Which engine it is: the version and the content of the code that ``MODULE:CALLABLE`` names.

A batch is continued by the engine that began it. Nothing is imported to find out: what an engine
does when it is imported is for the processes that make runs.
"""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

_CODE_SUFFIXES: Final = (".py", ".so", ".pyd")
_UNKNOWN: Final = "unknown"


def engine_identity(engine: str) -> str:
    """Return a text that changes when the engine's code does.

    Parameters
    ----------
    engine : str
        ``MODULE:CALLABLE``.

    Returns
    -------
    str
        The distribution and its version where there is one, and a hash over the module, or over
        every code file of the package it lies in. ``unknown`` where no such file is found.
    """
    module = engine.partition(":")[0]
    files = _code_files(module)
    if not files:
        return _UNKNOWN
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return ", ".join(
        [*_versions(module.partition(".")[0], files[0][1]), f"code {digest.hexdigest()[:16]}"]
    )


def _code_files(module: str) -> list[tuple[str, Path]]:
    """Return names and paths of the files that the module, or the package around it, is made of."""
    # An engine beside the caller is found last, as the workers find it.
    places = [*sys.path, str(Path.cwd())]
    folder: Path | None = None
    origin: Path | None = None
    *parents, last = module.split(".")
    for part in (*parents, last):
        try:
            spec = PathFinder.find_spec(part, places)
        except (ImportError, ValueError):
            return []
        if spec is None:
            return []
        origin = Path(spec.origin) if spec.origin is not None and spec.has_location else None
        places = list(spec.submodule_search_locations or ())
        folder = Path(places[0]) if places else folder
    if folder is None:
        return [] if origin is None else [(origin.name, origin)]
    return sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.suffix in _CODE_SUFFIXES and path.is_file()
    )


def _versions(package: str, file: Path) -> list[str]:
    """Return names and versions of the installed distributions that a package came with."""
    places = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    # Asking what is installed reads the list of every distribution's files.
    if places.isdisjoint(file.resolve().parents):
        return []
    names = metadata.packages_distributions().get(package, ())
    return [f"{name} {metadata.version(name)}" for name in sorted(set(names))]
