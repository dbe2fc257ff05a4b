"""What shows the effect of each option of ``batch`` without an action."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from command_bench import SMALL_BATCH, Bench, Case

from ecosim.commands import batch

#: An engine of another kind: its one species is a stone, and `wait` makes each run meet another.
ENGINE = """
import os, time
from pathlib import Path

class Stone:
    def __init__(self, world, *, seed):
        self.world, self.seed, self.tick, self.events = world, seed, 0, ()
        self.entities = {"s": {"species": "stone", "state": "LYING", "state_vars": {}}}

    def step(self):
        self.tick += 1

class Mortal(Stone):
    def step(self):
        os._exit(7)

class Slow(Stone):
    def step(self):
        time.sleep(30 if self.seed else 0)
        super().step()

class Together(Stone):
    def step(self):
        if self.seed:
            Path(f"{self.seed}.here").touch()
            deadline = time.monotonic() + 20
            while len(list(Path().glob("*.here"))) < 2:
                if time.monotonic() > deadline:
                    raise TimeoutError("nobody came")
                time.sleep(0.01)
        super().step()

def mortal(world, *, seed):
    return (Mortal if seed else Stone)(world, seed=seed)
"""

#: Without the options that a case is about.
BARE = "batch --world minimal --ticks 4 --workers 1 --format jsonl"


def world(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --world desert --out out")
    assert bench.plan("out")["world"] == "desert"
    assert bench.records("out")[0]["biome"] == "DESERT"


def space(bench: Bench) -> None:
    bench.write("one.json", '{"names": ["rates.thirst"], "bounds": [[1, 2]]}')
    bench(f"{SMALL_BATCH} --space one.json --out out")
    assert list(bench.records("out")[0]["parameters"]) == ["rates.thirst"]


def sampler(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --sampler morris -n 1 --out out")
    first, *others = [(row["rates.hunger"], row["environment.climate.temperature"])
                      for row in bench.design("out")]  # fmt: skip
    assert len(others) == 2  # a path has a step for each parameter
    assert sum(old != new for old, new in zip(first, others[0], strict=True)) == 1


def size(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} -n 4 --out out")
    assert len(bench.finished("out")) == 4


def design(bench: Bench) -> None:
    bench.write("table.csv", "rates.hunger,seed\n1.25,7\n1.5,8\n")
    bench(f"{BARE} --design table.csv --out out")
    assert [(row["rates.hunger"], row["seed"]) for row in bench.design("out")] == [
        ("1.25", "7"),
        ("1.5", "8"),
    ]
    config = bench.records("out")[0]
    assert (config["parameters"], config["seed"]) == ({"rates.hunger": 1.25}, 7)


def ticks(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --ticks 6 --out out")
    assert bench.records("out")[-1]["tick"] == 6


def interval(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --interval 3 --out out")
    assert bench.sampled("out") == [0, 3, 4]


def seed(bench: Bench) -> None:
    for number in (3, -3):
        bench(f"{SMALL_BATCH} -n 1 --seed {number} --out out{number}")
        assert bench.plan(f"out{number}")["seed"] == number
    (first,), (second,) = bench.design("out3"), bench.design("out-3")
    assert first["rates.hunger"] != second["rates.hunger"]
    assert first["seed"] != second["seed"]


def seed_mode(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out each")
    bench(f"{SMALL_BATCH} --seed-mode common --out all")
    assert len({row["seed"] for row in bench.design("each")}) == 2
    assert len({row["seed"] for row in bench.design("all")}) == 1


def engine(bench: Bench) -> None:
    bench.write("stones.py", ENGINE)
    bench(f"{SMALL_BATCH} --engine stones:Stone --out out")
    counts = {name: one["count"] for name, one in bench.records("out")[1]["species"].items()}
    assert sum(counts.values()) == counts["stone"] == 1


def shard(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --shard 2/2 --out out")
    ids = [row["run_id"] for row in bench.design("out")]
    assert bench.finished("out") == [ids[1]]


def out(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out here/there")
    assert len(bench.finished("here/there")) == 2


@contextlib.contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """Start a scheduler and a worker; yield the scheduler's file."""
    file = folder / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    words = [
        ["scheduler", "--host", "127.0.0.1", "--port", "0", *common],
        ["worker", "--nthreads", "1", "--no-nanny", "--local-directory", str(folder), *common],
    ]
    with contextlib.ExitStack() as ended, (folder / "cluster.log").open("wb") as log:
        for kind in words:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *kind], stdout=log, stderr=log, cwd=folder
            )
            ended.callback(process.wait)
            ended.callback(process.kill)
            while not file.exists():
                assert process.poll() is None
        yield str(file)


def scheduler(bench: Bench) -> None:
    with _cluster(bench.folder) as file:
        words = "batch --world minimal --space two.json -n 2 --ticks 4 --executor dask --out out"
        bench(f"{words} --scheduler '{file}' --format jsonl")
    assert len(bench.finished("out")) == 2
    assert not any(line["worker"].startswith("local") for line in bench.ledger("out"))
    shown = bench("batch --space two.json --executor dask --out other", code=2)
    assert "--executor dask and --scheduler ADDR go together" in shown.err


def workers(bench: Bench) -> None:
    bench.write("stones.py", ENGINE)
    bench(f"{SMALL_BATCH} --engine stones:Together --ticks 1 --workers 2 --out out")
    assert len(bench.finished("out")) == 2


def run_timeout(bench: Bench) -> None:
    bench.write("stones.py", ENGINE)
    words = f"{SMALL_BATCH} -n 1 --engine stones:Slow --run-timeout 0.2 --out out"
    bench(words, code=3)
    assert [line["status"] for line in bench.ledger("out")] == ["timeout"]


def retries(bench: Bench) -> None:
    bench.write("stones.py", ENGINE)
    for count in (0, 2):
        words = f"{SMALL_BATCH} -n 1 --engine stones:mortal --retries {count} --out out{count}"
        bench(words, code=3)
        lines = bench.ledger(f"out{count}")
        assert [line["status"] for line in lines] == ["died"] * (count + 1)


def file_format(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out without")
    assert not (bench.folder / "without" / "dataset").exists()
    shown = bench(f"{SMALL_BATCH} --format jsonl,parquet --out with")
    assert "dataset: with/dataset, 2 runs" in shown.out
    assert (bench.folder / "with" / "dataset" / "species" / "part-00000.parquet").stat().st_size


def resume(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    lost, kept = bench.finished("out")
    shutil.rmtree(bench.folder / "out" / "runs" / lost)
    bench("batch --out out --resume --workers 1 --format jsonl")
    assert bench.finished("out") == [lost, kept]
    assert [line["run_id"] for line in bench.ledger("out")] == [lost, kept, lost]


def extend(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    before = bench.design("out")
    bench("batch --out out --extend 2 --workers 1 --format jsonl")
    assert bench.design("out")[:2] == before
    assert len(bench.finished("out")) == 4


def force(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --out out")
    shown = bench("batch --out out --resume --seed 5", code=1)
    assert "seed: the batch has 0, got 5" in shown.err
    bench("batch --out out --resume --seed 5 --force --format jsonl")
    assert bench.plan("out")["seed"] == 0


def as_json(bench: Bench) -> None:
    shown = bench(f"{SMALL_BATCH} --json --format jsonl,parquet --out out")
    told = shown.json
    assert told.keys() == batch.COMMAND.json_keys.keys()
    assert told["batch_id"] == bench.plan("out")["batch_id"]
    assert (told["total"], told["done"], told["failed"], told["left"]) == (2, 2, 0, 0)
    assert (told["folder"], told["ending"], told["failures"]) == ("out", "finished", [])
    assert told["dataset"] == {"dataset": "out/dataset", "runs": 2, "left_out": {}}
    assert "2 runs to do" in shown.err
    bench.write("stones.py", ENGINE)
    words = f"{SMALL_BATCH} --engine stones:mortal --retries 0 --json --out failed"
    told = bench(words, code=3).json
    (failure,) = told["failures"]
    assert failure["runs"] == [row["run_id"] for row in bench.design("failed")]
    assert failure["reason"].startswith("died: ")


def quiet(bench: Bench) -> None:
    shown = bench(f"{SMALL_BATCH} --quiet --out out")
    assert (shown.out, shown.err) == ("", "")
    assert len(bench.finished("out")) == 2


CASES: Mapping[tuple[str, str], Case] = {
    ("ecosim batch", "--world"): world,
    ("ecosim batch", "--space"): space,
    ("ecosim batch", "--sampler"): sampler,
    ("ecosim batch", "-n"): size,
    ("ecosim batch", "--design"): design,
    ("ecosim batch", "--ticks"): ticks,
    ("ecosim batch", "--interval"): interval,
    ("ecosim batch", "--seed"): seed,
    ("ecosim batch", "--seed-mode"): seed_mode,
    ("ecosim batch", "--engine"): engine,
    ("ecosim batch", "--shard"): shard,
    ("ecosim batch", "--out"): out,
    ("ecosim batch", "--executor"): scheduler,
    ("ecosim batch", "--scheduler"): scheduler,
    ("ecosim batch", "--workers"): workers,
    ("ecosim batch", "--run-timeout"): run_timeout,
    ("ecosim batch", "--retries"): retries,
    ("ecosim batch", "--format"): file_format,
    ("ecosim batch", "--resume"): resume,
    ("ecosim batch", "--extend"): extend,
    ("ecosim batch", "--force"): force,
    ("ecosim batch", "--json"): as_json,
    ("ecosim batch", "--quiet"): quiet,
}
