"""Build of the package; metadata lives in pyproject.toml.

``ECOSIM_EXTENSIONS`` says what becomes of the compiled core: ``auto`` (the default) builds it and
goes on without it where there is no working compiler, ``require`` fails without it, ``off`` leaves
it out. A wheel without it fits every platform. The build log says which it was.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

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


class BuildExtension(build_ext):
    """Leaves nothing of an earlier build where the extension could not be built again."""

    def run(self) -> None:
        self._beside_the_sources = bool(self.inplace)  # build_ext clears it while it builds
        super().run()

    def build_extension(self, ext: Extension) -> None:
        try:
            super().build_extension(ext)
        except Exception:
            Path(self.get_ext_fullpath(ext.name)).unlink(missing_ok=True)
            if self._beside_the_sources:
                Path("server", self.get_ext_filename(ext.name)).unlink(missing_ok=True)
            raise


class Wheel(bdist_wheel):
    """A wheel named after what was built: only with the compiled core is it one of a platform."""

    def run(self) -> None:
        if not self.skip_build:
            self.reinitialize_command("build_ext").inplace = False
            self.run_command("build")
        path = self.get_finalized_command("build_ext").get_ext_fullpath
        wanted = self.distribution.ext_modules or []
        built = [extension for extension in wanted if Path(path(extension.name)).exists()]
        if not built:
            if wanted:
                print("ecosim: the compiled core could not be built, so the wheel is without it")
            library = self.get_finalized_command("build").build_lib
            Path(library, "ecosim", "_telemetry_core.pyi").unlink(missing_ok=True)
            self.distribution.ext_modules = []
            self.root_is_pure = True
        super().run()


setup(
    ext_modules=extensions(os.environ.get("ECOSIM_EXTENSIONS", "auto")),
    cmdclass={"build_ext": BuildExtension, "bdist_wheel": Wheel},
)
