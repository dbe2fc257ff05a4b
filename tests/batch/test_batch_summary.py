"""The summary: figures of telemetry files that were written by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from ecosim.batch.layout import BatchLayout, mark_file
from ecosim.batch.summary import (
    failure_groups,
    read_ending,
    shannon_index,
    summarize,
    summary_text,
)
from ecosim.telemetry_writers import telemetry_path


def write_run(
    layout: BatchLayout, run_id: str, counts: dict[str, int], *, mark: bool = True, padding: int = 0
) -> Path:
    """Write a run of 100 ticks at 50 a second, a tenth of the time spent in the telemetry."""
    folder = layout.run(run_id)
    folder.mkdir(parents=True)
    path = telemetry_path(folder, run_id)
    early = {"record": "sample", "tick": 0, "species": {"deer": {"count": 99}}}
    last = {
        "record": "sample",
        "tick": 100,
        "species": {name: {"count": count} for name, count in counts.items()},
        "padding": "." * padding,
    }
    lines = [
        {"record": "config", "species": ["deer", "oak"]},
        early,
        last,
        {"record": "end", "tick": 100, "emitter_ns": 200_000_000, "loop_ns": 2_000_000_000},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if mark:
        mark_file(folder).write_text("{}")
    return path


def test_figures_are_those_of_the_last_samples(tmp_path: Path) -> None:
    layout = BatchLayout(tmp_path)
    write_run(layout, "b-1", {"deer": 4, "oak": 4})
    write_run(layout, "b-2", {"deer": 0, "newt": 5})
    write_run(layout, "b-3", {"deer": 2, "oak": 6}, mark=False)
    write_run(layout, "b-4.partial", {"deer": 7})
    summary = summarize(layout)
    assert summary.runs == 2
    assert summary.final_counts == {"deer": [4, 0], "oak": [4, 0], "newt": [0, 5]}
    assert summary.shannon == [pytest.approx(math.log(2)), 0.0]
    assert summary.ticks_per_second == [50.0, 50.0]
    assert summary.overhead == [0.1, 0.1]


def test_the_text_names_species_speed_and_cost(tmp_path: Path) -> None:
    layout = BatchLayout(tmp_path)
    write_run(layout, "b-1", {"deer": 4, "oak": 4})
    write_run(layout, "b-2", {"deer": 0, "oak": 1})
    lines = summary_text(summarize(layout)).splitlines()
    assert lines[1].split() == ["deer", "50", "%", "2", "0..4"]
    assert lines[2].split() == ["oak", "100", "%", "2.5", "1..4"]
    assert lines[3] == "Shannon index at the end: median 0.35, range 0.00..0.69"
    assert lines[4] == "speed: median 50 ticks/s a worker, range 50..50"
    assert lines[5] == "telemetry: median 10.00 % of the run time, range 10.00..10.00 %"


def test_a_batch_without_runs_says_so(tmp_path: Path) -> None:
    assert summary_text(summarize(BatchLayout(tmp_path))) == "no finished runs"


@pytest.mark.parametrize("padding", [0, 2**16 - 200, 2**16, 2**18])
def test_an_ending_is_read_from_a_sample_of_any_length(tmp_path: Path, padding: int) -> None:
    path = write_run(BatchLayout(tmp_path), "b-1", {"deer": 3}, padding=padding)
    ending = read_ending(path)
    assert ending.species == ("deer", "oak")
    assert ending.sample["species"] == {"deer": {"count": 3}}
    assert ending.end["record"] == "end"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([], 0.0), ([0, 0], 0.0), ([7], 0.0), ([5, 5, 5, 0], math.log(3)), ([1, 3], 0.5623351446)],
)
def test_the_shannon_index_is_in_nats(counts: list[int], expected: float) -> None:
    assert shannon_index(counts) == pytest.approx(expected)


def test_failures_are_grouped_by_reason_most_frequent_first() -> None:
    errors = {"r1": "died", "r2": "raised", "r3": "raised", "r4": None}
    assert failure_groups(errors) == [
        ("raised", ["r2", "r3"]),
        ("died", ["r1"]),
        ("no reason given", ["r4"]),
    ]
