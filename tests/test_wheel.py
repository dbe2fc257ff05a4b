"""What is shipped: the sdist builds both ways, and the wheel works where there is no compiler."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
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


def command(*arguments, **environment):
    subprocess.run(
        [sys.executable, *map(str, arguments)],
        check=True,
        capture_output=True,
        env=os.environ | environment,
    )


def wheel_of(sdist, folder, extensions):
    """Build the sdist into a wheel with one choice about the extension."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder]
    command("-m", "pip", "wheel", *options, sdist, ECOSIM_EXTENSIONS=extensions)
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


def test_without_the_extension_the_wheel_fits_every_platform(sdist, tmp_path):
    pure = wheel_of(sdist, tmp_path, "off")
    assert pure.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(pure) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".so", ".pyd"))]


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
    tools = Path(sys.executable).parent
    subprocess.run(
        [sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", tmp_path, wheel],
        check=True,
        capture_output=True,
        env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
    )
    (repaired,) = tmp_path.glob("*.whl")
    assert "manylinux2014" in repaired.name
    with zipfile.ZipFile(repaired) as archive:
        # A library that had to be taken along would lie in a folder of its own.
        assert not [name for name in archive.namelist() if ".libs/" in name]
