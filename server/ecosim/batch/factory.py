"""Engines by name: ``MODULE:CALLABLE`` resolved to ``make(world, *, seed) -> engine``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ecosim.errors import EngineError

EngineFactory = Callable[..., Any]


def load_factory(name: str) -> EngineFactory:
    """Import the callable that ``MODULE:CALLABLE`` names.

    The working folder is searched after everything else, so that a module beside the caller can be
    named without being installed.

    Raises
    ------
    EngineError
        The name has another form, the module cannot be imported, or the callable is not there.
    """
    module_name, separator, attribute = name.partition(":")
    if not separator or not all(part.isidentifier() for part in module_name.split(".")):
        raise EngineError(f"--engine: expected MODULE:CALLABLE, got {name!r}")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise EngineError(
            f"--engine {name}: expected a module that can be imported, "
            f"{type(error).__name__}: {error}"
        ) from error
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise EngineError(
                f"--engine {name}: expected {part!r} in {module_name}, it has none"
            ) from error
    if not callable(found):
        raise EngineError(f"--engine {name}: expected a callable, got {type(found).__name__}")
    factory: EngineFactory = found
    return factory


def make_engine(factory: EngineFactory, name: str, world: dict[str, Any], seed: int) -> Any:
    """Return a new engine, which must have ``step``.

    Raises
    ------
    EngineError
        What came back has no ``step``. Errors of the factory itself pass unchanged.
    """
    engine = factory(world, seed=seed)
    if not callable(getattr(engine, "step", None)):
        raise EngineError(
            f"--engine {name}: expected an engine with a method 'step', got {type(engine).__name__}"
        )
    return engine
