"""Designs of the user's own, categorical parameters, and what they become in the dataset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from batch_cases import contents

import ecosim.datasets
from ecosim.batch.layout import BatchLayout
from ecosim.batch.rows import read_design
from ecosim.batch.space import load_space
from ecosim.batch.table import read_table
from ecosim.cli import main
from ecosim.errors import SpaceError

Command = Callable[..., int]

TABLE = """\
seed,rates.hunger,environment.biome,environment.climate.temperature
7,1.25,DESERT,20
8,1,ARCTIC,20

9,1.75,DESERT,20
"""


def run_table(text: str, folder: Path, *options: object) -> int:
    (folder / "table.csv").write_text(text, encoding="utf-8")
    words = ["batch", "--world", "minimal", "--design", folder / "table.csv", "--ticks", 12]
    words += ["--engine", "small_engines:SmallEngine", "--out", folder / "out", *options]
    return main([str(word) for word in words])


def test_each_line_of_a_table_is_a_run(tmp_path: Path) -> None:
    assert run_table(TABLE, tmp_path) == 0
    layout = BatchLayout(tmp_path / "out")
    rows = read_design(layout.design)
    assert [(row.seed, *row.parameters.values()) for row in rows] == [
        (7, 1.25, "DESERT", 20),
        (8, 1, "ARCTIC", 20),
        (9, 1.75, "DESERT", 20),
    ]
    plan = json.loads(layout.batch.read_text())
    assert (plan["sampler"], plan["n"]) == ("table", 3)
    assert plan["space"]["bounds"] == [[1, 1.75], [0, 1], [20, 20]]
    for row in rows:
        telemetry = layout.run(row.run_id) / f"{row.run_id}_telemetry.jsonl"
        config = json.loads(telemetry.read_text().splitlines()[0])
        assert config["parameters"] == row.parameters
        assert (config["seed"], config["biome"]) == (
            row.seed,
            row.parameters["environment.biome"],
        )
    runs = ecosim.datasets.open(layout.root).table("runs").to_pydict()
    assert runs["environment.biome"] == ["DESERT", "ARCTIC", "DESERT"]
    schema = pq.read_schema(layout.root / "dataset" / "runs" / "part-00000.parquet")
    assert str(schema.field("environment.biome").type).startswith("dictionary")


def test_a_table_batch_is_continued_with_its_own_table_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_table(TABLE, tmp_path) == 0
    assert run_table(TABLE, tmp_path, "--resume") == 0
    capsys.readouterr()
    assert run_table(TABLE.replace("1.25", "1.5"), tmp_path, "--resume") == 1
    assert "design: the batch has" in capsys.readouterr().err
    assert run_table(TABLE, tmp_path, "--extend", 3) == 2
    assert "expected a sobol batch, got table" in capsys.readouterr().err


def test_the_design_of_a_batch_can_be_run_again(batch_command: Command, tmp_path: Path) -> None:
    assert batch_command(out=tmp_path / "first") == 0
    text = (tmp_path / "first" / "design.csv").read_text()
    assert run_table(text, tmp_path, "--interval", 5) == 0

    def last_parts(out: Path) -> list[str]:
        return [
            (BatchLayout(out).run(run_id) / f"{run_id}_events.jsonl")
            .read_text()
            .replace(run_id, "")
            for run_id in contents(out)
        ]

    assert last_parts(tmp_path / "out") == last_parts(tmp_path / "first")


def test_units_come_from_the_space(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("rates.hunger,made.up\n1.5,2\n2,3\n")
    table = read_table(tmp_path / "t.csv", load_space("default"))
    hunger, unknown = table.space.parameters
    known = next(p for p in load_space("default").parameters if p.name == "rates.hunger")
    assert (hunger.unit, hunger.description) == (known.unit, known.description)
    assert (unknown.unit, unknown.integer, unknown.bounds) == ("", True, (2, 3))
    assert table.seeds is None


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["at least one parameter", "at least one row"]),
        ("rates.hunger\n", ["expected at least one row, got none"]),
        ("seed\n1\n", ["expected at least one parameter"]),
        ("a.b,a.b\n1,2\n", ["expected each column once, got 'a.b' 2 times"]),
        ("a.b,\n1,2\n", ["expected a dotted path in column 2"]),
        ("a.b,c.d\n1\n1,2,3\n", ["line 2: expected 2 values, got 1", "line 3: expected 2 values"]),
        ("a.b\n1\nred\n2\n", ["line 3: a.b: expected a number as in other lines", "got 'red'"]),
        ("a.b\nblue\nred\n2\n", ["line 4: a.b: expected text as in other lines", "got 2"]),
        ("a.b,c.d\n1,\n", ["line 2: c.d: expected a value, got nothing"]),
        ("seed,a.b\n-1,1\nx,2\n", ["line 2: seed: expected", "line 3: seed: expected"]),
        ("a.b\n" + "\n".join("," for _ in range(30)), ["and 10 more"]),
    ],
)
def test_every_mistake_of_a_table_is_named(tmp_path: Path, text: str, messages: list[str]) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(SpaceError) as caught:
        read_table(tmp_path / "t.csv")
    for message in messages:
        assert message in str(caught.value)


def test_a_table_that_does_not_fit_the_world_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_table("rates.hunger,environment.biome\n1,DESERT\n1,SWAMP\n", tmp_path) == 2
    assert "environment.biome: expected" in capsys.readouterr().err
    (tmp_path / "table.csv").write_bytes(b"\xff\xfe")
    assert (
        main(["batch", "--design", str(tmp_path / "table.csv"), "--out", str(tmp_path / "o")]) == 2
    )
    assert "expected UTF-8 text" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("choices", "bounds", "message"),
    [
        ("DESERT", [0, 1], "choices: expected a list of two values or more"),
        (["DESERT"], [0, 1], "choices: expected a list of two values or more"),
        (["DESERT", "1"], [0, 1], "choices[1]: expected text that a table does not take for"),
        (["DESERT", " x"], [0, 1], "choices[1]: expected text that a table does not take for"),
        (["DESERT", 1], [0, 1], "choices: expected text only or finite numbers only"),
        (["DESERT", "DESERT"], [0, 1], "choices: expected each value once"),
        ([True, False], [0, 1], "choices: expected text only or finite numbers only"),
        (["DESERT", "ARCTIC"], [0, 2], "expected unif and [0, 1], the first and last"),
    ],
)
def test_choices_that_cannot_be_are_refused(
    choices: object, bounds: list[int], message: str
) -> None:
    problem = {
        "names": ["environment.biome"],
        "bounds": [bounds],
        "parameters": {"environment.biome": {"choices": choices}},
    }
    with pytest.raises(SpaceError) as caught:
        load_space(problem)
    assert message in str(caught.value)


@pytest.mark.parametrize("sampler", ["sobol", "lhs", "saltelli", "morris"])
def test_every_sampler_takes_choices(
    batch_command: Command, space_file: Path, tmp_path: Path, sampler: str
) -> None:
    biomes = ["TROPICAL", "TEMPERATE", "ARCTIC", "DESERT"]
    space_file.write_text(
        json.dumps(
            {
                "names": ["rates.hunger", "environment.biome"],
                "bounds": [[1, 1.4], [0, 3]],
                "parameters": {"environment.biome": {"choices": biomes}},
            }
        )
    )
    assert batch_command("--sampler", sampler, "-n", 4, "--format", "jsonl") == 0
    assert not (tmp_path / "out" / "dataset").exists()
    rows = read_design(tmp_path / "out" / "design.csv")
    assert {row.parameters["environment.biome"] for row in rows} <= set(biomes)
    assert len({row.parameters["environment.biome"] for row in rows}) > 1
    assert batch_command("--sampler", sampler, "-n", 4, "--resume") == 0
    assert (tmp_path / "out" / "dataset").exists()
