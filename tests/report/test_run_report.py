"""The page of a run says what the files of the run say."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from report_cases import Element, facts, read_page, records, rows, section, write_run

from ecosim.report.run_file import MOST_POINTS, read_run
from ecosim.report.texts import number_text
from ecosim.report.write import write_report

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}</style></title>",
    "‮ \u2028 é 種 & ' ` \x00\x1b[31m",
)


@pytest.fixture(scope="module")
def page(run_html: Path) -> Element:
    return read_page(run_html)


def test_the_populations_of_the_page_are_those_of_the_samples(page, run_file):
    table = rows(next(section(page, "populations").all("table")))
    samples = records(run_file, "sample")
    names = sorted(samples[0]["species"])
    assert table[0] == ["tick", *names]
    assert table[1:] == [
        [str(s["tick"]), *(number_text(s["species"][name]["count"]) for name in names)]
        for s in samples
    ]


def test_the_variables_are_the_means_and_spreads_of_the_samples(page, run_file):
    samples = {str(s["tick"]): s for s in records(run_file, "sample")}
    figures = list(section(page, "variables").all("figure"))
    shown = set()
    for figure in figures:
        variable = next(figure.all("h3")).text()
        for species, tick, *cells in rows(next(figure.all("table")))[1:]:
            found = samples[tick]["species"][species]["vars"][variable]
            mean, std = found["mean"], found["std"]
            wanted = [None] * 3 if mean is None else [mean, mean - std, mean + std]
            assert cells == [number_text(value) for value in wanted]
            shown.add((species, variable))
    assert shown == {
        (species, variable)
        for sample in samples.values()
        for species, one in sample["species"].items()
        for variable in one["vars"]
    }


def test_the_layers_are_the_means_and_ranges_of_the_samples(page, run_file):
    samples = {str(s["tick"]): s for s in records(run_file, "sample")}
    table = rows(next(section(page, "layers").all("table")))[1:]
    assert {row[0] for row in table} == set(records(run_file, "config")[0]["voxel_layers"])
    for layer, tick, *cells in table:
        found = samples[tick]["voxels"][layer]
        assert cells == [number_text(found[key]) for key in ("mean", "min", "max")]


def test_the_events_are_those_of_the_windows(page, run_file):
    samples = records(run_file, "sample")
    head, *table = rows(next(section(page, "events").all("table")))
    total = Counter()
    for sample in samples:
        total.update(sample["events"]["by_type"])
    assert dict(zip(head[1:], table[-1][1:], strict=True)) == {
        kind: number_text(count) for kind, count in total.items()
    }
    assert table[-1][0] == "whole run"
    windows = {f"{s['window'][0]} to {s['window'][1]}": s["events"]["by_type"] for s in samples[1:]}
    assert [row[0] for row in table[:-1]] == list(windows)
    for window, *cells in table[:-1]:
        assert cells == [number_text(windows[window].get(kind, 0)) for kind in head[1:]]


def test_the_state_changes_are_the_sums_of_the_transitions(page, run_file):
    wanted: dict[str, Counter[str]] = {}
    for sample in records(run_file, "sample"):
        for species, changes in sample["transitions"].items():
            wanted.setdefault(species, Counter()).update(changes)
    found: dict[str, Counter[str]] = {}
    for figure in section(page, "transitions").all("figure"):
        species = next(figure.all("b")).text()
        head, *table = rows(next(figure.all("table")))
        found[species] = Counter(
            {
                f"{row[0]}>{entered}": int(cell.replace(",", ""))
                for row in table
                for entered, cell in zip(head[1:], row[1:], strict=True)
                if cell
            }
        )
    assert found == wanted


def test_the_states_are_those_of_the_samples(page, run_file):
    samples = {str(s["tick"]): s for s in records(run_file, "sample")}
    head, *table = rows(next(section(page, "states").all("table")))
    for species, tick, *cells in table:
        states = samples[tick]["species"][species]["states"]
        assert cells == [number_text(states.get(state, 0)) for state in head[2:]]


def test_what_was_run_and_what_it_cost_is_said(page, run_file):
    config, end = records(run_file, "config")[0], records(run_file, "end")[0]
    told = facts(section(page, "about"))
    assert told["Seed"] == str(config["seed"])
    assert told["Config hash"] == config["config_sha256"]
    assert told["Backend"] == config["software"]["backend"]
    assert [["parameter", "value"], ["rates.hunger", "1.5"]] in [
        rows(table) for table in section(page, "about").all("table")
    ]
    code = json.loads("".join(next(section(page, "about").all("pre")).children))
    assert code == config["sim_config_merged"]
    cost = facts(section(page, "cost"))
    assert cost["Events in the log"] == number_text(end["events"])
    share = 100 * end["emitter_ns"] / end["loop_ns"]
    assert cost["Share"] == f"{number_text(share, 3)} %"


def test_every_plot_has_marks_and_says_in_words_what_it_shows(page):
    plots = list(page.all("svg"))
    assert len(plots) > 60
    for plot in plots:
        assert plot.attributes["role"] == "img"
        assert len(plot.attributes["aria-label"] or "") > 10
        marks = [one for one in plot.all("path") if "gridline" not in one.classes()]
        assert marks


@pytest.mark.parametrize(
    ("status", "badge"),
    [("completed", "completed"), ("stopped", "stopped"), ("failed", "failed"), ("", "did not")],
)
def test_the_page_says_how_the_run_ended(tmp_path, status, badge):
    path = write_run(tmp_path, ticks=20, status=status)
    page = read_page(write_report(tmp_path))
    assert badge in next(page.all("h1")).text()
    assert path.with_name("one_report.html").exists()
    if not status:
        assert "no end record" in next(page.all("header")).text()


def test_a_last_line_cut_short_is_left_out_and_told(tmp_path):
    path = write_run(tmp_path, ticks=40)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    page = read_page(write_report(path))
    assert "cut short" in next(page.all("header")).text()
    assert [row[0] for row in rows(next(section(page, "populations").all("table")))] == [
        *("tick", "0", "10", "20", "30")
    ]


def test_hostile_names_are_text(tmp_path):
    path = write_run(tmp_path, ticks=30, run_id="one", status="failed")
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        for old, new in zip(("bee", "hunger", "FORAGING", "moisture"), HOSTILE, strict=True):
            line = line.replace(json.dumps(old), json.dumps(new))
        record = json.loads(line)
        record["run_id"] = HOSTILE[0]
        if record["record"] == "end":
            record["error"] = HOSTILE[1]
        lines.append(json.dumps(record) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    page = read_page(write_report(path))
    assert sum(1 for _ in page.all("script")) == 1
    assert not list(page.all("img"))
    text = page.text()
    assert HOSTILE[0] in text
    assert HOSTILE[1] in text
    assert "{{ 7*7 }}" in text


def test_a_long_run_is_put_together_and_loses_no_event(tmp_path):
    path = write_run(tmp_path, ticks=20, status="completed")
    lines = path.read_text(encoding="utf-8").splitlines()
    sample = json.loads(lines[-2])
    count = 2 * MOST_POINTS + 3
    with path.open("w", encoding="utf-8") as file:
        print(lines[0], file=file)
        for number in range(count):
            sample["tick"], sample["window"] = number * 10, [max(0, number * 10 - 9), number * 10]
            sample["species"]["bee"]["count"] = number
            sample["events"]["by_type"] = {"RAIN": 1}
            print(json.dumps(sample), file=file)
    data = read_run(path)
    assert data.samples == count
    assert MOST_POINTS / 2 <= len(data.points) <= MOST_POINTS
    assert data.events() == {"RAIN": count}
    assert data.points[0].tick == 0
    assert data.points[-1].tick == (count - 1) * 10
    assert [p.last for p in data.points[:-1]] == [p.first - 1 for p in data.points[1:]]
    assert data.highest["bee"] == count - 1
    assert len(write_report(path).read_bytes()) < 2_000_000


def test_a_run_of_another_engine_without_layers_states_or_species_has_a_page(tmp_path):
    path = write_run(tmp_path, ticks=20, status="completed")
    config = records(path, "config")[0] | {
        "species": [], "variables": [], "voxel_layers": [], "grid_dimensions": None,
        "sim_config_merged": {}, "world_rates": {}, "parameters": {}, "biome": None,
    }  # fmt: skip
    sample = records(path, "sample")[-1] | {"species": {}, "voxels": {}, "transitions": {}}
    sample["events"]["by_type"] = {}
    lines = [config, sample, records(path, "end")[0]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    page = read_page(write_report(path))
    assert [one.attributes["id"] for one in page.all("section")] == ["cost", "about"]
