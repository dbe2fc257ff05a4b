"""Imports point downward only, and importing starts nothing."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ecosim

PACKAGE = Path(ecosim.__file__).parent
MODULES = sorted(
    ".".join(("ecosim", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in PACKAGE.rglob("*.py")
)

#: What a layer may import beside itself and the standard library. First match counts.
ALLOWED = {
    "ecosim.telemetry": {"ecosim.telemetry", "ecosim._telemetry_core"},
    "ecosim.errors": {"ecosim.telemetry_errors"},
    "ecosim.stopping": set(),
    "ecosim.printable": set(),
    "ecosim.engine": {"ecosim.telemetry", "ecosim.errors"}
    | {"numpy", "pydantic", "annotated_types"},  # the last comes with pydantic
    "ecosim.batch": {"ecosim.telemetry", "ecosim.errors", "ecosim.stopping", "ecosim.printable"}
    | {"ecosim.engine", "ecosim.data"}
    | {"numpy", "rich", "scipy", "SALib"},
    "ecosim.datasets": {"ecosim.batch", "ecosim.telemetry", "ecosim.errors"},
    "ecosim.analysis": {"ecosim.datasets", "ecosim.batch", "ecosim.telemetry", "ecosim.errors"}
    | {"numpy", "scipy", "SALib"},
    "ecosim.report": {"ecosim.analysis", "ecosim.datasets", "ecosim.batch"}
    | {"ecosim.telemetry", "ecosim.errors"}
    | {"numpy", "jinja2", "markupsafe"},  # the last comes with jinja2
    "ecosim.tail": {
        "ecosim.batch",
        "ecosim.telemetry",
        "ecosim.errors",
        "ecosim.printable",
        "rich",
    },
    "ecosim.viewer": {"ecosim.engine", "ecosim.telemetry", "ecosim.errors", "aiohttp", "numpy"},
    "ecosim.commands": {"ecosim", "rich", "shtab", "numpy"},
    "ecosim.cli": {"ecosim"},
    "ecosim.__main__": {"ecosim"},
    "ecosim.__init__": set(),
}


def imports(module):
    """Yield the names a module imports, wherever in it they stand."""
    path = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name"
            yield node.module


def layer_of(module):
    return next(prefix for prefix in ALLOWED if module == prefix or module.startswith(prefix))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_its_own_layer_and_those_below(module):
    own = layer_of(module)
    for name in imports(module):
        if name.split(".")[0] in sys.stdlib_module_names:
            continue
        if name == "ecosim" and own != "ecosim.telemetry":
            continue  # for its version
        reach = {own} | ALLOWED[own]
        below = any(name == item or name.startswith((f"{item}.", f"{item}_")) for item in reach)
        assert below, f"{module} imports {name}"


@pytest.mark.parametrize("module", ["ecosim", "ecosim.errors", "ecosim.telemetry"])
def test_importing_loads_nothing_heavy_and_starts_nothing(module):
    program = (
        "import sys, threading; before = set(sys.modules);"
        f"import {module};"
        "loaded = {name.split('.')[0] for name in set(sys.modules) - before};"
        # An extension made by Cython brings these two empty modules of its own.
        "loaded = {name for name in loaded if not name.startswith(('_cython_', 'cython_runtime'))};"
        "print(sorted(loaded - set(sys.stdlib_module_names)), threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['ecosim'] 1\n"


IMPORT_EACH = """
import importlib, os, sys
for heavy in sys.argv[1].split(","):
    importlib.import_module(heavy)
for module in sys.argv[2].split(","):
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(module)
        except BaseException as error:
            print(f"{module}: {error!r}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each module is imported in a fork")
def test_each_module_imports_alone():
    """In a process that has loaded no other module of ours, only what is slow to load."""
    heavy = "numpy,pydantic,scipy.stats,pyarrow.dataset,rich.console,aiohttp,distributed"
    names = [module.removesuffix(".__init__") for module in MODULES if "__main__" not in module]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH, heavy, ",".join(names)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
