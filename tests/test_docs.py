"""What the pages show runs, and what they list is what there is."""

import contextlib
import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ecosim.cli import main, make_tree
from ecosim.engine.world import load_world
from ecosim.telemetry import TelemetryConfig

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))]


def blocks(page, language):
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_engine_of_the_host_interface_page_runs(tmp_path):
    program = blocks("host-interface.md", "python")[0]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
    lines = (tmp_path / "out" / "pond_telemetry.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 5 + 1  # config, samples at 0, 50, 100, 150 and 200, end


def test_the_pond_of_the_host_interface_page_runs_from_the_command_line(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (program,) = (block for block in blocks("host-interface.md", "python") if "world, *" in block)
    (tmp_path / "pond.py").write_text(program, encoding="utf-8")
    one, many = lines(DOCS / "host-interface.md")
    assert main(shlex.split(smaller(one))[1:]) == 0
    (path,) = (tmp_path / "out").glob("*_telemetry.jsonl")
    *_, sample, _ = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert sample["species"]["frog"]["vars"]["hunger"]["mean"] == pytest.approx(0.25 + 20 * 0.0015)
    assert main(shlex.split(smaller(many))[1:]) == 0
    assert len(list((tmp_path / "out" / "ponds" / "runs").glob("*/run.json"))) == 4


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A folder with a small batch in out/demo, collected, as the pages assume."""
    folder = tmp_path_factory.mktemp("demo")
    options = "--world demo --space default -n 4 --ticks 60 --interval 20 --out out/demo"
    command = [sys.executable, DOCS.parent / "scripts" / "run_batch.py", *options.split()]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "ecosim", "collect", "out/demo"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("number", range(len(blocks("dataset.md", "python"))))
def test_the_examples_of_the_dataset_page_run(demo, number):
    program = blocks("dataset.md", "python")[number]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=demo, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def lines(page):
    """Return the command lines that a page shows, indented, without their comments."""
    text = page.read_text(encoding="utf-8").replace("\\\n", "")
    found = re.findall(r"^    ((?:ecosim|dask) .*)$", text, flags=re.MULTILINE)
    return [line.partition("  # ")[0].rstrip(" &") for line in found]


def smaller(line, runs=4):
    """Return a command line with sizes that a test has time for."""
    for option, most in (("-n", runs), ("--ticks", 20), ("--extend", 4), ("--nworkers", 1)):
        line = re.sub(
            rf"(?<= {option} )\d+", lambda found, most=most: str(min(int(found[0]), most)), line
        )
    return line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_is_one(page):
    for line in lines(page):
        if line.startswith("ecosim "):
            make_tree().parse(shlex.split(line.partition(" > ")[0])[1:])


@pytest.mark.parametrize(
    ("name", "runs"),
    # An analysis refuses a design that is too small for it, so those of the README stay large.
    [("batch.md", 4), ("dataset.md", 4), ("files.md", 4), ("../README.md", 1024)],
)
def test_the_commands_of_a_page_run_one_after_the_other(name, runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_world.json").write_text(json.dumps(load_world("demo").to_dict()))
    # A server runs until it is stopped; the tests of the viewer run those lines.
    shown = [line for line in lines(DOCS / name) if not line.startswith("ecosim serve ")]
    assert shown
    for line in shown:
        assert main(shlex.split(smaller(line, runs))[1:]) == 0, (line, capsys.readouterr())


def test_a_cluster_that_is_started_by_hand_runs_the_batch(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scheduler, worker, batch = lines(DOCS / "cluster.md")[1:4]
    with contextlib.ExitStack() as ended, (tmp_path / "log").open("wb") as log:
        for line in (f"{scheduler} --host 127.0.0.1 --port 0", f"{worker} --local-directory ."):
            words = [sys.executable, "-m", "dask", *smaller(line).split()[1:]]
            process = subprocess.Popen(words, stdout=log, stderr=log)
            ended.callback(process.wait)
            ended.callback(process.terminate)
            while not (tmp_path / "scheduler.json").exists():
                assert process.poll() is None
        assert main([*shlex.split(smaller(batch))[1:], "--ticks", "4"]) == 0
    assert len(list((tmp_path / "out" / "hand" / "runs").glob("*/run.json"))) == 4


def test_the_job_array_of_the_cluster_page_makes_and_continues_its_shards(tmp_path):
    script = DOCS / "slurm" / "batch.sh"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    words = ["bash", script, "out/big", "--world", "minimal", "-n", "4", "--ticks", "4"]
    for number in ("1", "2", "1"):
        array = {"SLURM_ARRAY_TASK_ID": number, "SLURM_ARRAY_TASK_COUNT": "2"}
        environment = {**os.environ, "PATH": path, **array}
        subprocess.run(words, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert "join.sh out/big\n" in (DOCS / "cluster.md").read_text(encoding="utf-8")
    subprocess.run(
        ["bash", DOCS / "slurm" / "join.sh", "out/big"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        check=True,
        capture_output=True,
    )
    whole = tmp_path / "out" / "big" / "whole"
    assert len(list(whole.glob("runs/*/run.json"))) == 4
    assert (whole / "dataset" / "runs" / "part-00000.parquet").stat().st_size


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The folder with the runs that the page about files makes."""
    folder = tmp_path_factory.mktemp("one")
    for line in lines(DOCS / "files.md"):
        words = shlex.split(smaller(line))[1:]
        command = [sys.executable, "-m", "ecosim", *words]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("number", range(len(blocks("files.md", "python"))))
def test_the_programs_of_the_files_page_run(one, number):
    program = blocks("files.md", "python")[number]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=one, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_index_names_every_page():
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\]\(([\w-]+\.md)\)", text))
    assert named == {page.name for page in DOCS.glob("*.md")} - {"index.md"}


def test_the_host_interface_page_lists_every_setting_with_its_default():
    page = (DOCS / "host-interface.md").read_text(encoding="utf-8")
    for field in dataclasses.fields(TelemetryConfig):
        shown = field.default
        if isinstance(shown, tuple):
            default = " ".join(shown)
        else:
            default = f'`"{shown}"`' if isinstance(shown, str) else f"`{shown}`"
        assert f"| `{field.name}` | {default} |" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_the_pages_leads_somewhere(page):
    found = re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8"))
    for target, anchor in found:
        linked = page.parent / target if target else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in headings]
            assert anchor in slugs, f"{target}#{anchor}"
