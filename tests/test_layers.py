"""Imports point downward only, and importing starts nothing."""

import ast
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
    "ecosim.engine": {"ecosim.telemetry", "ecosim.errors"}
    | {"numpy", "pydantic", "annotated_types"},  # the last comes with pydantic
    "ecosim.batch": {"ecosim.telemetry", "ecosim.errors", "ecosim.stopping"}
    | {"ecosim.engine", "ecosim.data"}
    | {"numpy", "rich", "scipy", "SALib"},
    "ecosim.datasets": {"ecosim.batch", "ecosim.telemetry", "ecosim.errors"},
    "ecosim.cli": {"ecosim", "rich"},
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


@pytest.mark.parametrize("module", MODULES)
def test_each_module_imports_alone(module):
    if module.endswith("__main__"):
        return
    name = module.removesuffix(".__init__")
    subprocess.run([sys.executable, "-W", "error", "-c", f"import {name}"], check=True)
