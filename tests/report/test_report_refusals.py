"""What cannot be reported is refused in a line, and no file is touched that was there."""

from __future__ import annotations

import json

import pytest
from report_cases import read_page, write_run

from ecosim.cli import main
from ecosim.errors import DatasetError, OutputError
from ecosim.report.write import write_report


def test_a_path_without_anything_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="expected a run or a batch folder, there is nothing"):
        write_report(tmp_path / "gone")
    with pytest.raises(DatasetError, match="there is neither"):
        write_report(tmp_path)


def test_a_folder_of_several_runs_is_refused_with_the_name_of_one(tmp_path):
    write_run(tmp_path, ticks=5, run_id="one")
    write_run(tmp_path, ticks=5, run_id="two")
    with pytest.raises(DatasetError, match=r"it holds 2.*one_telemetry\.jsonl"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("place", "line", "told"),
    [
        (0, "not json", "1: expected a record"),
        (0, "[]", "1: expected a config record, got None"),
        (0, '{"record": "sample"}', "1: expected a config record, got 'sample'"),
        (0, '{"record": "config"}', "1: config record: schema_version: expected count"),
        (2, "[1, 2]", "3: record: expected one of"),
        (2, '{"record": "sample"}', "3: run_id: expected text, it is missing"),
        (2, "{" * 50_000, "3: expected a record"),
        (-1, '{"record": "end", "tick": "x"}', "end record: run_id"),
    ],
)
def test_a_damaged_line_is_named_with_what_was_expected(tmp_path, place, line, told):
    path = write_run(tmp_path, ticks=20, status="completed")
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[place] = line
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError) as caught:
        write_report(path)
    assert told in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "one_events.jsonl",
        "one_telemetry.jsonl",
    ]


def test_a_wrong_kind_of_value_is_named(tmp_path):
    path = write_run(tmp_path, ticks=20, status="completed")
    lines = path.read_text(encoding="utf-8").splitlines()
    sample = json.loads(lines[2])
    sample["species"]["bee"]["count"] = None
    lines[2] = json.dumps(sample)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r":3: species\.bee\.count: expected count, got None"):
        write_report(path)


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "one_telemetry.jsonl"
    path.touch()
    with pytest.raises(DatasetError, match="expected a config record in the first line"):
        write_report(path)


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(tmp_path):
    path = write_run(tmp_path / "run", ticks=5, status="completed")
    out = tmp_path / "page.html"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="expected no file of this name"):
        write_report(path, out)
    assert out.read_text(encoding="utf-8") == "mine"
    write_report(path, out, force=True)
    assert "completed" in next(read_page(out).all("h1")).text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.html", "run"]


def test_a_link_to_nowhere_is_not_followed(tmp_path):
    path = write_run(tmp_path / "run", ticks=5, status="completed")
    (tmp_path / "page.html").symlink_to(tmp_path / "elsewhere.html")
    with pytest.raises(OutputError, match="expected no file of this name"):
        write_report(path, tmp_path / "page.html")
    assert not (tmp_path / "elsewhere.html").exists()


def test_an_output_that_cannot_be_written_is_refused(tmp_path):
    path = write_run(tmp_path / "run", ticks=5, status="completed")
    with pytest.raises(OutputError, match="it is a folder"):
        write_report(path, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="could not write"):
        write_report(path, tmp_path / "file" / "page.html")


def test_the_command_tells_a_mistake_in_a_line(tmp_path, capsys):
    assert main(["report", str(tmp_path / "gone")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
