"""What is shipped: the sdist builds both ways, and the wheel works where there is no compiler."""

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SHIPPED = ("ext", "server", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
SOURCES = (".pyx", ".pxi", ".pxd", ".h", ".md")

DEMO = """
from ecosim.telemetry import BACKEND, TelemetryEmitter

class Pond:
    tick = 0
    entities = {"frog_1": {"species": "frog", "state": "IDLE", "state_vars": {"energy": 0.5}}}
    voxel_grid = {"moisture": memoryview(bytes(64)).cast("d")}

    def step(self):
        self.tick += 1
        return {"tick": self.tick, "events": [{"type": "CROAK", "source_id": "frog_1"}]}

pond = Pond()
with TelemetryEmitter({"interval": 10, "output_dir": "out"}, run_id="pond") as emitter:
    emitter.on_init(pond)
    for _ in range(30):
        emitter.on_tick(pond.step())
print(BACKEND)
"""


def outer():
    """Return this process's environment without what Python and pytest would take from it."""
    return {key: item for key, item in os.environ.items() if not key.startswith("PY")}


def command(*arguments, **environment):
    subprocess.run(
        [sys.executable, *map(str, arguments)],
        check=True,
        capture_output=True,
        env=outer() | environment,
    )


IN_PLACE = """
import os, runpy, sys
os.chdir(sys.argv[1])
sys.argv = ["setup.py", "--quiet", "build_ext", "--inplace"]
runpy.run_path("setup.py", run_name="__main__")
"""


def wheel_of(source, folder, extensions, **environment):
    """Build an sdist or a folder into a wheel with one choice about the extension."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder]
    environment["ECOSIM_EXTENSIONS"] = extensions
    command("-m", "pip", "wheel", *options, source, **environment)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The sdist of a copy of this checkout that holds no build of its own."""
    source = tmp_path_factory.mktemp("source")
    for name in SHIPPED:
        if (PROJECT / name).is_dir():
            ignore = shutil.ignore_patterns("*.egg-info", "__pycache__", "*.so", "*.c")
            shutil.copytree(PROJECT / name, source / name, ignore=ignore)
        else:
            shutil.copy(PROJECT / name, source)
    command("-m", "build", "--sdist", "--no-isolation", "--outdir", source / "dist", source)
    (made,) = (source / "dist").glob("*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    return wheel_of(sdist, tmp_path_factory.mktemp("compiled"), "require")


def test_the_sdist_holds_the_sources_of_the_core_and_no_build(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    ours = {f"ext/{path.name}" for path in (PROJECT / "ext").iterdir() if path.suffix in SOURCES}
    assert ours <= names
    assert not [name for name in names if name.endswith((".so", ".pyc", "_core.c"))]


def test_a_wrong_build_choice_is_an_error():
    done = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"ECOSIM_EXTENSIONS": "yes"},
    )
    assert done.returncode != 0
    assert "ECOSIM_EXTENSIONS: expected one of auto, require, off, got 'yes'" in done.stderr


def assert_pure(wheel):
    """Assert that a wheel fits every platform, and holds nothing of the compiled core."""
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (about,) = [name for name in names if name.endswith(".dist-info/WHEEL")]
        assert "Root-Is-Purelib: true" in archive.read(about).decode().splitlines()
    assert not [name for name in names if name.endswith((".so", ".pyd"))]
    assert not [name for name in names if "_telemetry_core" in name]
    assert "ecosim/telemetry.py" in names


def test_without_the_extension_the_wheel_fits_every_platform(sdist, tmp_path):
    assert_pure(wheel_of(sdist, tmp_path, "off"))


@pytest.mark.skipif(sys.platform == "win32", reason="there CC does not name the compiler")
def test_without_a_compiler_the_wheel_fits_every_platform(sdist, tmp_path):
    assert_pure(wheel_of(sdist, tmp_path, "auto", CC="/nonexistent"))
    with pytest.raises(subprocess.CalledProcessError):
        wheel_of(sdist, tmp_path, "require", CC="/nonexistent")


@pytest.mark.skipif(sys.platform == "win32", reason="there CC does not name the compiler")
def test_a_wheel_takes_no_extension_of_other_sources_along(sdist, tmp_path):
    """Where a folder is built twice, what was built the first time may be out of date."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    core = source / "ext" / "_telemetry_core.pyx"
    core.write_text("SMALL = 1\n")
    assert "-none-any" not in wheel_of(source, tmp_path / "first", "auto").name
    core.write_text("SMALL = 2\n")
    assert_pure(wheel_of(source, tmp_path / "second", "auto", CC="/nonexistent"))
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    stale = source / "server" / "ecosim" / f"_telemetry_core{suffix}"
    stale.write_bytes(b"of other sources")
    command("-c", IN_PLACE, source, CC="/nonexistent", ECOSIM_EXTENSIONS="auto")
    assert not stale.exists()
    assert "-none-any" not in wheel_of(source, tmp_path / "third", "auto").name


def test_the_wheel_holds_the_core_its_types_and_no_sources_of_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    core = [name for name in names if name.startswith("ecosim/_telemetry_core")]
    assert len(core) == 2
    assert "ecosim/_telemetry_core.pyi" in core
    assert "ecosim/py.typed" in names
    page = "ecosim/viewer/static"
    assert {f"{page}/index.html", f"{page}/js/main.js", f"{page}/vendor/uPlot/LICENSE"} < set(names)
    assert "ecosim/report/templates/page.html" in names
    assert not [name for name in names if name.endswith((".pyx", ".pxi", ".h", ".c"))]


def test_the_wheel_runs_the_emitter_on_the_compiled_core_without_a_compiler(wheel, tmp_path):
    venv.create(tmp_path / "home", with_pip=False)
    python = tmp_path / "home" / "bin" / "python"
    options = ["--quiet", "--no-index", "--disable-pip-version-check"]
    command("-m", "pip", "--python", python, "install", *options, wheel)
    done = subprocess.run(
        [python, "-W", "error", "-c", DEMO],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path), "ECOSIM_BACKEND": "compiled"},
    )
    assert (done.stdout, done.stderr) == ("compiled\n", "")
    lines = (tmp_path / "out" / "pond_telemetry.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["record"] for record in records] == ["config", *["sample"] * 4, "end"]
    assert records[-1]["events"] == 30
    assert records[2]["events"]["by_type"] == {"CROAK": 10}


@pytest.mark.skipif(sys.platform == "win32", reason="there the tools lie in another folder")
def test_the_wheel_passes_the_tests_that_every_platform_runs(wheel, tmp_path):
    """The command of cibuildwheel.toml, where nothing is installed but what it asks for."""
    ci = tomllib.loads((PROJECT / "cibuildwheel.toml").read_text())["tool"]["cibuildwheel"]
    venv.create(tmp_path / "home", with_pip=False)
    tools = tmp_path / "home" / "bin"
    wanted = [f"{wheel}[{','.join(ci['test-extras'])}]", *ci["test-requires"]]
    options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "--python", tools / "python", "install", *options, *wanted],
        capture_output=True,
        text=True,
        check=False,
        env=outer(),
    )
    if installed.returncode != 0 and "connection" in installed.stderr.lower():
        pytest.skip("pip reaches no index of packages")
    assert installed.returncode == 0, installed.stderr
    words = [word.format(project=PROJECT) for word in shlex.split(ci["test-command"])]
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [tools / words[0], *words[1:]],
        cwd=tmp_path,
        env=outer() | ci["test-environment"] | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the tag is one of Linux")
def test_the_wheel_needs_no_newer_library_than_manylinux2014_has(wheel):
    """The core is C: what it asks of libc is old, and it asks for no C++ library."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [item for item in archive.namelist() if item.endswith(".so")]
        binary = archive.read(name)
    versions = {
        tuple(map(int, word[6:].split(b".")))
        for word in binary.split(b"\0")
        if word.startswith(b"GLIBC_") and word[6:].replace(b".", b"").isdigit()
    }
    assert versions
    assert max(versions) <= (2, 17)
    assert b"GLIBCXX" not in binary


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the tag is one of Linux")
def test_auditwheel_gives_the_wheel_a_tag_that_old_systems_take(wheel, tmp_path):
    """Also in a newer image, which names its own tag to auditwheel in the environment."""
    ci = tomllib.loads((PROJECT / "cibuildwheel.toml").read_text())["tool"]["cibuildwheel"]
    architecture = platform.machine()
    image = ci["linux"][f"manylinux-{architecture}-image"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    options = ["repair", "--wheel-dir", tmp_path, wheel]
    asked = f"{image}_{architecture}"
    command("-m", "auditwheel", *options, PATH=path, AUDITWHEEL_PLAT=asked)
    (repaired,) = tmp_path.glob("*.whl")
    assert asked in repaired.name
    assert "manylinux2014" in repaired.name
    with zipfile.ZipFile(repaired) as archive:
        # A library that had to be taken along would lie in a folder of its own.
        assert not [name for name in archive.namelist() if ".libs/" in name]
