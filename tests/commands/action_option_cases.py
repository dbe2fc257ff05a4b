"""What shows the effect of each option of the actions of ``batch``, and of ``collect``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from command_bench import SMALL_BATCH, Bench, Case

from ecosim.commands import batch, collect
from ecosim.commands.command import Command


def _action(name: str) -> Command:
    return next(one for one in batch.COMMAND.subcommands if one.name == name)


def status_folder(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    lines = bench("batch status out").out.splitlines()
    assert lines[:2] == [
        f"batch {bench.plan('out')['batch_id']}: minimal, 4 ticks a run",
        "2 of 2 runs done, 0 failed, 0 left",
    ]
    assert lines[2].endswith(" a worker")


def status_json(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    told = bench("batch status out --json").json
    assert told.keys() == _action("status").json_keys.keys()
    plan = bench.plan("out")
    same = ("batch_id", "world", "sampler", "n", "seed", "ticks", "interval", "shard")
    assert [told[key] for key in same] == [plan[key] for key in same]
    assert (told["state"], told["total"], told["done"], told["in_progress"]) == (
        "finished",
        2,
        2,
        0,
    )
    seconds = [line["seconds"] for line in bench.ledger("out")]
    assert told["seconds_per_run"] == sum(seconds) / 2
    shutil.rmtree(bench.folder / "out" / "runs" / bench.finished("out")[0])
    told = bench("batch --json status out").json
    assert (told["state"], told["done"], told["left"]) == ("unfinished", 1, 1)


def status_quiet(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    assert bench("batch status out --quiet").out == ""


def verify_folder(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    assert bench("batch verify out --rerun 0").out == (
        "2 of 2 finished runs have the content of their marks\n"
    )


def verify_rerun(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    assert bench("batch verify out --rerun 1").out.splitlines()[-1] == (
        "1 of 1 runs made again have the same content"
    )


def verify_json(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    first, _ = bench.finished("out")
    (file,) = (bench.folder / "out" / "runs" / first).glob("*_telemetry.jsonl")
    file.write_bytes(file.read_bytes().replace(b'"tick":4', b'"tick":5'))
    told = bench("batch verify out --json --rerun 0", code=1).json
    assert told.keys() == _action("verify").json_keys.keys()
    assert (told["sound"], told["finished"], told["repeated"]) == (False, 2, [])
    assert told["damaged"] == {
        first: f"expected the content of the mark, {first}_telemetry.jsonl differs"
    }


def verify_quiet(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    assert bench("batch verify out --rerun 0 --quiet").out == ""


def rerun_folder_and_run(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    _, second = bench.finished("out")
    bench(f"batch rerun out {second}")
    assert bench.records("rerun")[0]["run_id"] == second
    assert bench.sampled("rerun") == [0, 4]


def rerun_into(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    first, _ = bench.finished("out")
    bench(f"batch rerun out {first} --into again/here")
    assert bench.records("again/here")[0]["run_id"] == first


def rerun_json(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    first, _ = bench.finished("out")
    told = bench(f"batch rerun out {first} --json").json
    assert told.keys() == _action("rerun").json_keys.keys()
    assert (told["run_id"], told["data"], told["same"]) == (first, f"rerun/{first}", True)
    assert told["content_sha256"] == told["batch_content_sha256"]


def rerun_quiet(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    assert bench(f"batch rerun out {bench.finished('out')[0]} --quiet").out == ""
    assert bench.sampled("rerun") == [0, 4]


def _shards(bench: Bench) -> None:
    for number in (1, 2):
        bench(f"{SMALL_BATCH} --shard {number}/2 --out part{number}")


def merge(bench: Bench) -> None:
    _shards(bench)
    shown = bench("batch merge part1 part2 --into whole")
    assert "2 of 2 runs done" in shown.out
    assert bench.finished("whole") == [*bench.finished("part1"), *bench.finished("part2")]
    told = bench("batch merge part1 --into half --json").json
    assert told.keys() == _action("merge").json_keys.keys()
    assert (told["folder"], told["done"], told["left"]) == ("half", 1, 1)
    assert bench("batch merge part2 --into other --quiet").out == ""
    assert bench.finished("other") == bench.finished("part2")


def collect_folder(bench: Bench) -> None:
    import ecosim.datasets

    bench(f"{SMALL_BATCH} --out out")
    assert "dataset: out/dataset, 2 runs" in bench("collect out").out
    runs = ecosim.datasets.open(bench.folder / "out").table("runs")
    assert runs.column("run_id").to_pylist() == bench.finished("out")


def collect_json(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    first, _ = bench.finished("out")
    (bench.folder / "out" / "runs" / first / "run.json").unlink()
    shown = bench("collect out").out
    assert shown == f"dataset: out/dataset, 1 runs\nleft out: 1 x not finished ({first})\n"
    told = bench("collect out --json").json
    assert told.keys() == collect.COMMAND.json_keys.keys()
    assert told == {"dataset": "out/dataset", "runs": 1, "left_out": {first: "not finished"}}


def collect_quiet(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    assert bench("collect out --quiet").out == ""
    assert (bench.folder / "out" / "dataset" / "runs" / "part-00000.parquet").stat().st_size


CASES: Mapping[tuple[str, str], Case] = {
    ("ecosim batch status", "DIR"): status_folder,
    ("ecosim batch status", "--json"): status_json,
    ("ecosim batch status", "--quiet"): status_quiet,
    ("ecosim batch verify", "DIR"): verify_folder,
    ("ecosim batch verify", "--rerun"): verify_rerun,
    ("ecosim batch verify", "--json"): verify_json,
    ("ecosim batch verify", "--quiet"): verify_quiet,
    ("ecosim batch rerun", "DIR"): rerun_folder_and_run,
    ("ecosim batch rerun", "RUN_ID"): rerun_folder_and_run,
    ("ecosim batch rerun", "--into"): rerun_into,
    ("ecosim batch rerun", "--json"): rerun_json,
    ("ecosim batch rerun", "--quiet"): rerun_quiet,
    ("ecosim batch merge", "DIR"): merge,
    ("ecosim batch merge", "--into"): merge,
    ("ecosim batch merge", "--json"): merge,
    ("ecosim batch merge", "--quiet"): merge,
    ("ecosim collect", "DIR"): collect_folder,
    ("ecosim collect", "--json"): collect_json,
    ("ecosim collect", "--quiet"): collect_quiet,
}
