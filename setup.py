"""Build of the package; metadata lives in pyproject.toml.

``ECOSIM_EXTENSIONS`` says what becomes of the compiled core: ``auto`` (the default) builds it and
goes on without it where there is no working compiler, ``require`` fails without it, ``off`` makes
a pure-Python wheel. The build log says which it was.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

CHOICES = ("auto", "require", "off")


def compile_arguments() -> list[str]:
    """Return the options that keep the numbers as they are written, in the compiler's words."""
    if sys.platform == "win32":
        # /fp:precise neither reorders nor (since Visual Studio 2022) contracts.
        return ["/O2", "/std:c11", "/fp:precise"]
    # A multiply and an add fused into one rounding give other bits; the twins would differ.
    # Debugging symbols of the translated code would be nine tenths of the wheel.
    return ["-O3", "-std=c11", "-ffp-contract=off", "-g0"]


def extensions(choice: str) -> list[Extension]:
    """Return the compiled core, translated to C; empty where it is not wanted or cannot be."""
    if choice not in CHOICES:
        raise SystemExit(f"ECOSIM_EXTENSIONS: expected one of {', '.join(CHOICES)}, got {choice!r}")
    if choice == "off":
        print("ecosim: building without the compiled core (ECOSIM_EXTENSIONS=off)")
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        if choice == "require":
            raise
        print("ecosim: no Cython, so building without the compiled core")
        return []
    core = Extension(
        "ecosim._telemetry_core",
        ["ext/_telemetry_core.pyx"],
        include_dirs=["ext"],
        depends=["setup.py", *sorted(map(str, Path("ext").glob("*.[hp]*")))],
        extra_compile_args=compile_arguments(),
    )
    found = cythonize([core], include_path=["ext"])
    for extension in found:
        # cythonize makes new Extension objects and drops this flag from those it was given.
        extension.optional = choice == "auto"
    print(f"ecosim: building the compiled core (ECOSIM_EXTENSIONS={choice})")
    return found


setup(ext_modules=extensions(os.environ.get("ECOSIM_EXTENSIONS", "auto")))
