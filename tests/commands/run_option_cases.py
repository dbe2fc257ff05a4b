"""What shows the effect of each option of ``run``, ``validate``, ``info`` and ``completion``."""

from __future__ import annotations

import json
from collections.abc import Mapping

from batch_option_cases import ENGINE
from command_bench import Bench, Case

from ecosim import __version__
from ecosim.commands import completion, info, run, validate
from ecosim.engine.world import load_world

RUN = "run minimal --ticks 4 --out out"


def version(bench: Bench) -> None:
    assert bench("--version").out == f"ecosim {__version__}\n"


def run_world(bench: Bench) -> None:
    bench(f"{RUN}/a")
    bench("run desert --ticks 1 --out out/b")
    assert bench.records("out/a")[0]["biome"] == "TEMPERATE"
    assert bench.records("out/b")[0]["biome"] == "DESERT"


def run_ticks(bench: Bench) -> None:
    bench("run minimal --ticks 7 --out out")
    assert bench.records("out")[-1]["tick"] == 7


def run_seed(bench: Bench) -> None:
    for seed in (5, -5):
        bench(f"{RUN}/{seed} --seed {seed}")
        assert bench.records(f"out/{seed}")[0]["seed"] == seed
    first, second = (bench.records(f"out/{seed}")[2]["species"] for seed in (5, -5))
    assert first != second


def run_engine(bench: Bench) -> None:
    bench.write("stones.py", ENGINE)
    bench(f"{RUN}/stones --engine stones:Stone --seed 8")
    config, first, *_, end = bench.records("out/stones")
    assert first["species"]["stone"]["count"] == 1
    assert (config["seed"], end["tick"], end["status"]) == (8, 4, "completed")
    bench.write("broken.py", "class Broken:\n    def __init__(self, world, *, seed): 1 / 0\n")
    shown = bench(f"{RUN} --engine broken:Broken", code=2)
    assert "expected an engine for this world, ZeroDivisionError" in shown.err
    shown = bench(f"{RUN} --engine stones:nobody", code=2)
    assert "expected 'nobody' in stones, it has none" in shown.err
    assert not list((bench.folder / "out").glob("*_telemetry.jsonl"))


def run_interval(bench: Bench) -> None:
    bench(f"{RUN} --interval 2")
    assert bench.sampled("out") == [0, 2, 4]


def run_out(bench: Bench) -> None:
    bench("run minimal --ticks 1 --out here/there")
    assert bench.sampled("here/there") == [0, 1]


def run_format(bench: Bench) -> None:
    import ecosim.datasets

    bench(f"{RUN}/tables --format parquet")
    (tables,) = (bench.folder / "out" / "tables").iterdir()
    ticks = ecosim.datasets.open(tables).table("species").column("tick").to_pylist()
    assert set(ticks) == {0, 4}
    told = bench(f"{RUN}/both --format jsonl,parquet --json").json
    assert {path.partition(told["run_id"])[2] for path in told["files"]} == {
        "_telemetry.jsonl",
        "_events.jsonl",
        "_parquet",
    }
    assert "expected jsonl or parquet" in bench(f"{RUN} --format csv", code=2).err


def run_set(bench: Bench) -> None:
    bench(f"{RUN} --set rates.hunger=1.5 --set environment.biome=ARCTIC")
    config = bench.records("out")[0]
    assert (config["world_rates"]["hunger"], config["biome"]) == (1.5, "ARCTIC")
    assert config["parameters"] == {"rates.hunger": 1.5, "environment.biome": "ARCTIC"}


def run_json(bench: Bench) -> None:
    told = bench(f"{RUN} --seed 3 --interval 4 --json").json
    assert told.keys() == run.COMMAND.json_keys.keys()
    assert (told["seed"], told["ticks"], told["interval"]) == (3, 4, 4)
    assert (told["world"], told["status"]) == ("minimal", "completed")
    telemetry, events = told["files"]
    assert told["run_id"] in telemetry
    assert telemetry.endswith("_telemetry.jsonl")
    assert events.endswith("_events.jsonl")


def run_quiet(bench: Bench) -> None:
    shown = bench(f"{RUN} --quiet")
    assert (shown.out, shown.err) == ("", "")
    assert bench.sampled("out") == [0, 4]


def validate_world(bench: Bench) -> None:
    assert "demo: in order; TEMPERATE" in bench("validate demo").out
    bench.write("bad.json", '{"version": "1"}')
    assert "species_definitions" in bench("validate bad.json", code=2).err


def validate_json(bench: Bench) -> None:
    told = bench("validate minimal --json").json
    assert told.keys() == validate.COMMAND.json_keys.keys()
    world = load_world("minimal")
    assert told["species"] == len(world.species_definitions)
    assert told["entities"] == len(world.entities)
    assert told["grid_dimensions"] == list(world.environment.voxel_grid.dimensions)
    assert (told["valid"], told["problems"]) == (True, [])
    content = world.to_dict() | {"rates": {"hunger": -1, "thirst": "much"}}
    bench.write("bad.json", json.dumps(content))
    told = bench("validate bad.json --json", code=2).json
    assert not told["valid"]
    assert [line.partition(":")[0] for line in told["problems"]] == ["rates.hunger", "rates.thirst"]


def validate_quiet(bench: Bench) -> None:
    assert bench("validate minimal --quiet").out == ""
    bench.write("bad.json", "{}")
    shown = bench("validate bad.json --quiet", code=2)
    assert shown.out == ""
    assert "error: " in shown.err


def info_json(bench: Bench) -> None:
    told = bench("info --json").json
    assert told.keys() == info.COMMAND.json_keys.keys()
    assert told["version"] == __version__
    assert "minimal" in told["worlds"]
    assert told["telemetry_defaults"]["interval"] == 50


def info_quiet(bench: Bench) -> None:
    assert bench("info --quiet").out == ""


def completion_shell(bench: Bench) -> None:
    first = {shell: bench(f"completion {shell}").out for shell in completion.SHELLS}
    assert "complete -o" in first["bash"]
    assert first["zsh"].startswith("#compdef ecosim")
    assert "complete ecosim " in first["tcsh"]


CASES: Mapping[tuple[str, str], Case] = {
    ("ecosim", "--version"): version,
    ("ecosim run", "WORLD"): run_world,
    ("ecosim run", "--ticks"): run_ticks,
    ("ecosim run", "--seed"): run_seed,
    ("ecosim run", "--engine"): run_engine,
    ("ecosim run", "--interval"): run_interval,
    ("ecosim run", "--out"): run_out,
    ("ecosim run", "--format"): run_format,
    ("ecosim run", "--set"): run_set,
    ("ecosim run", "--json"): run_json,
    ("ecosim run", "--quiet"): run_quiet,
    ("ecosim validate", "WORLD"): validate_world,
    ("ecosim validate", "--json"): validate_json,
    ("ecosim validate", "--quiet"): validate_quiet,
    ("ecosim info", "--json"): info_json,
    ("ecosim info", "--quiet"): info_quiet,
    ("ecosim completion", "SHELL"): completion_shell,
}
