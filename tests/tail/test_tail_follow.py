"""The records of a file that grows, and what the view makes of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ecosim.cli import main
from ecosim.errors import DatasetError
from ecosim.tail import plain
from ecosim.tail.follow import Follower
from ecosim.tail.screen import render
from ecosim.tail.view import RunView


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The telemetry file of a run of the demo world."""
    folder = tmp_path_factory.mktemp("run")
    words = f"run demo --ticks 200 --interval 20 --seed 3 --out {folder}"
    assert main(words.split()) == 0
    return next(folder.glob("*_telemetry.jsonl"))


def view_of(path: Path) -> RunView:
    view = RunView(path)
    with Follower(path, whole=True) as follower:
        for number, record in enumerate(follower.poll()):
            view.take(record, float(number))
    return view


def drawn(view: RunView) -> str:
    """Return the screen as text without colours."""
    console = Console(width=120, height=40, color_system=None)
    with console.capture() as capture:
        console.print(render(view, console, standing="", quiet_seconds=None))
    return capture.get()


@given(st.data())
def test_records_are_whole_however_the_file_grows(tmp_path_factory, data):
    wanted = [{"number": number, "text": "ä" * number} for number in range(20)]
    content = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in wanted).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(content)), max_size=8)))
    path = tmp_path_factory.mktemp("file") / "one.jsonl"
    path.touch()
    found = []
    with Follower(path) as follower, path.open("ab", buffering=0) as stream:
        for start, stop in zip([0, *cuts], [*cuts, len(content)], strict=True):
            stream.write(content[start:stop])
            found += follower.poll()
            assert found == wanted[: content[:stop].count(b"\n")]
    assert found == wanted


def test_the_middle_of_a_long_file_is_skipped(tmp_path):
    path = tmp_path / "one.jsonl"
    line = json.dumps({"text": "x" * 1000})
    count = 12_000
    with path.open("w") as stream:
        for number in range(count):
            stream.write(f'{{"number": {number}, "of": {line}}}\n')
    with Follower(path) as follower:
        found = [record["number"] for record in follower.poll()]
        assert found[0] == 0
        assert found[1:] == list(range(found[1], count))
        assert 500 < len(found) < 2000
        with path.open("a") as stream:
            stream.write('{"number": -1}\n')
        assert [record["number"] for record in follower.poll()] == [-1]


def test_a_file_that_shrinks_or_holds_no_records_is_refused(tmp_path):
    path = tmp_path / "one.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    with Follower(path) as follower:
        assert len(follower.poll()) == 2
        path.write_text("")
        with pytest.raises(DatasetError, match="expected it to grow"):
            follower.poll()
    for text in ("nonsense\n", "[1]\n", "[" * 50_000 + "\n"):
        path.write_text(text)
        with Follower(path) as follower, pytest.raises(DatasetError, match="expected records"):
            follower.poll()


def test_a_record_that_is_not_telemetry_is_refused():
    view = RunView(Path("one"))
    for record in ({}, {"record": "sample"}, {"record": "config"}, {"record": "end"}):
        with pytest.raises(DatasetError, match="expected a record of telemetry"):
            view.take(record, 0.0)


def test_the_view_is_the_last_sample_with_its_changes(run_file):
    samples = [json.loads(line) for line in run_file.read_bytes().splitlines()[1:-1]]
    view = view_of(run_file)
    before, last = samples[-2]["species"], samples[-1]["species"]
    assert [(one.name, one.count, one.change) for one in view.populations()] == [
        (name, last[name]["count"], last[name]["count"] - before[name]["count"]) for name in last
    ]
    assert view.populations()[0].past == [s["species"]["bee"]["count"] for s in samples]
    counts = samples[-1]["events"]["by_type"]
    assert {one.name: one.count for one in view.events()} == counts
    assert {one.name: one.rate for one in view.events()} == {n: c * 5.0 for n, c in counts.items()}
    assert view.entities() == samples[-1]["entity_count"]
    assert (view.tick(), view.status()) == (200, "completed")


@pytest.mark.parametrize("width", [1, 5, 12, 24, 40, 60, 95, 96, 110, 300])
@pytest.mark.parametrize("height", [1, 4, 10, 50])
def test_the_screen_fits_every_terminal(run_file, width, height):
    console = Console(width=width, height=height, force_terminal=True, legacy_windows=False)
    view = view_of(run_file)
    drawn = render(view, console, standing="batch x: 1 of 2 runs done", quiet_seconds=9.0)
    lines = console.render_lines(drawn, console.options)
    assert all(sum(segment.cell_length for segment in line) <= width for line in lines)
    if height >= 10:
        assert len(lines) <= height


def test_the_bars_of_the_screen_are_in_proportion(run_file):
    view = view_of(run_file)
    lines = drawn(view).splitlines()
    bars = {}
    for one in view.populations():
        [line] = [line for line in lines if line.startswith(one.name + " ")]
        bars[one.name] = line.count("█", 29, 55)
        assert f" {one.count} " in line
    found = {one.name: one.count for one in view.populations()}
    largest = max(found, key=lambda name: found[name])
    for name, count in found.items():
        assert abs(bars[name] - bars[largest] * count / found[largest]) <= 1


def test_names_cannot_move_the_cursor(run_file, tmp_path):
    hostile = "\x1b[2J\n[bold]x[/]"
    path = tmp_path / run_file.name
    text = run_file.read_text().replace('"bee"', json.dumps(hostile))
    path.write_text(text)
    view = view_of(path)
    shown = "\n".join([*plain.snapshot(view), plain.sample_line(view)])
    assert "\x1b" not in shown
    assert "\\x1b[2J\\x0a[bold]x[/]" in shown
    assert "\\x1b[2J\\x0a[bold]x[/]" in drawn(view)


def test_once_prints_how_it_stands(run_file, capsys, tmp_path):
    assert main(["tail", str(run_file.parent), "--once"]) == 0
    out = capsys.readouterr().out.splitlines()
    view = view_of(run_file)
    assert out[0].startswith(f"run {view.run_id()}, biome TEMPERATE, seed 3")
    assert out[-1] == "completed at tick 200"
    for one in view.populations():
        assert any(line.split()[:2] == [one.name, str(one.count)] for line in out)
    unfinished = tmp_path / run_file.name
    shutil.copy(run_file, unfinished)
    unfinished.write_bytes(unfinished.read_bytes()[:-30])
    assert main(["tail", str(unfinished), "--once"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("no end record")


def test_what_is_missing_is_said_in_a_line(tmp_path, capsys):
    assert main(["tail", str(tmp_path / "gone")]) == 1
    assert main(["tail", str(tmp_path), "--once"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"error: {tmp_path / 'gone'}: expected a run or a batch folder, there is nothing",
        f"error: {tmp_path}: there is no file *_telemetry.jsonl yet, expected one",
    ]


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", "1e9"])
def test_an_interval_out_of_range_is_a_mistake(tmp_path, capsys, text):
    assert main(["tail", str(tmp_path), f"--interval={text}"]) == 2
    assert "expected seconds from 0.01 to 3600" in capsys.readouterr().err
