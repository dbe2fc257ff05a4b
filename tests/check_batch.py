"""Hold every file of a batch against the records' contract, by what the files say.

    python tests/check_batch.py out/demo

Beyond the shape of each record it compares what is told twice: samples with the event log, windows
with each other, populations with states, the config with the design, the end with all of it.
"""

import csv
import itertools
import json
import sys
from collections import Counter
from pathlib import Path

from ecosim.telemetry_schema import problems


def check_batch(folder: Path) -> list[str]:
    """Return what is wrong with the batch in a folder; empty when everything fits."""
    batch = json.loads((folder / "batch.json").read_text())
    with (folder / "design.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    if len(rows) != batch["n"]:
        found.append(f"design.csv: expected {batch['n']} rows, got {len(rows)}")
    expected = {row["run_id"] for row in rows}
    present = {path.name for path in (folder / "runs").iterdir()}
    found += [f"runs/{name}: in the design, not on disk" for name in sorted(expected - present)]
    found += [f"runs/{name}: on disk, not in the design" for name in sorted(present - expected)]
    for row in rows:
        if row["run_id"] in present:
            place = folder / "runs" / row["run_id"]
            found += [f"runs/{row['run_id']}: {line}" for line in check_run(place, row, batch)]
    return found


def check_run(folder: Path, row: dict[str, str], batch: dict) -> list[str]:
    """Return what is wrong with one run."""
    run_id = row["run_id"]
    telemetry = read(folder / f"{run_id}_telemetry.jsonl")
    batches = read(folder / f"{run_id}_events.jsonl")
    found = [
        f"{record.get('record')} {number}: {line}"
        for number, record in enumerate(telemetry + batches)
        for line in problems(record)
    ]
    kinds = [record["record"] for record in telemetry]
    if found or kinds != ["config", *["sample"] * (len(kinds) - 2), "end"]:
        return found or [f"expected config, samples, end; got {Counter(kinds)}"]
    if {record["run_id"] for record in telemetry + batches} != {run_id}:
        return ["a record of another run"]
    config, *samples, end = telemetry
    found += check_config(config, row, batch)
    found += check_clock(samples, batches, end, batch)
    for sample in samples:
        found += [f"sample {sample['tick']}: {line}" for line in check_sample(sample, config)]
    found += check_log(samples, batches, end)
    return found


def read(path: Path) -> list[dict]:
    """Return the records of a file, every line of which must be whole."""
    text = path.read_bytes()
    assert text.endswith(b"\n"), f"{path}: the last line is cut short"
    return [json.loads(line, parse_constant=_no_constant) for line in text.splitlines()]


def _no_constant(token):
    raise ValueError(f"a {token} token")


def check_config(config: dict, row: dict[str, str], batch: dict) -> list[str]:
    """Compare the config record with the row of the design it was made from."""
    found = []
    fixed = {"run_id", "index", "seed"}
    parameters = {path: number(value) for path, value in row.items() if path not in fixed}
    if config["parameters"].keys() != parameters.keys():
        return ["config.parameters: other names than the design"]
    for path, value in parameters.items():
        if config["parameters"][path] != value:
            found.append(f"config.parameters[{path}]: design has {value}")
        section, *rest = path.split(".")
        block = {"rates": "world_rates", "sim_config": "sim_config_merged"}.get(section)
        if block is not None:
            merged = config[block]
            for key in rest:
                merged = merged[key]
            if merged != value:
                found.append(f"config.{block}: {path} is {merged}, design has {value}")
    if config["seed"] != int(row["seed"]):
        found.append(f"config.seed: {config['seed']}, design has {row['seed']}")
    if config["interval"] != batch["interval"]:
        found.append(f"config.interval: {config['interval']}, batch has {batch['interval']}")
    if config["species_count"] != len(config["species"]):
        found.append("config.species_count: not the length of species")
    return found


def number(text: str) -> float | str:
    """Return a value of the design: a number, or the name of a choice."""
    try:
        return float(text)
    except ValueError:
        return text


def check_clock(samples: list[dict], batches: list[dict], end: dict, batch: dict) -> list[str]:
    """Check that samples and batches cover every tick once and in order."""
    ticks, interval = batch["ticks"], batch["interval"]
    due = sorted({*range(0, ticks + 1, interval), ticks})
    found = []
    if [sample["tick"] for sample in samples] != due:
        found.append(f"samples: expected at {due[:3]}..{due[-1]}")
    windows = [[0, 0], *([a + 1, b] for a, b in itertools.pairwise(due))]
    if [sample["window"] for sample in samples] != windows:
        found.append("samples: windows with gaps or overlaps")
    last = 0
    for record in batches:
        first, until = record["ticks"]
        if not last < first <= until or any(not first <= t <= until for t in record["tick"]):
            found.append(f"events {record['ticks']}: out of order or beyond its ticks")
        last = until
    if (end["tick"], end["samples"], end["status"]) != (ticks, len(samples), "completed"):
        found.append(f"end: {end}")
    if not 0 < end["emitter_ns"] < end["loop_ns"]:
        found.append(f"end: emitter_ns {end['emitter_ns']} of loop_ns {end['loop_ns']}")
    return found


def check_sample(sample: dict, config: dict) -> list[str]:
    """Check that the numbers of one sample agree with each other."""
    found = []
    if list(sample["voxels"]) != config["voxel_layers"]:
        found.append("voxels: other layers than the config")
    if not set(config["species"]) <= set(sample["species"]):
        found.append("species: one of the config is not listed")
    if sample["entity_count"] != sum(one["count"] for one in sample["species"].values()):
        found.append("entity_count: not the sum over the species")
    for species, one in sample["species"].items():
        if sum(one["states"].values()) != one["count"]:
            found.append(f"{species}: states do not add up to its count")
        for variable, value in one["vars"].items():
            if variable not in config["variables"]:
                found.append(f"{species}.{variable}: not a variable of the config")
            if value["n"] + value.get("nonfinite", 0) != one["count"]:
                found.append(f"{species}.{variable}: n is not its count")
            if (value["mean"] is None) != (value["n"] == 0):
                found.append(f"{species}.{variable}: mean null with values, or a mean of none")
            if value["n"] and not (0 <= value["mean"] <= 1 and 0 <= value["std"] <= 0.5):
                found.append(f"{species}.{variable}: {value} for a variable in 0..1")
    for layer, value in sample["voxels"].items():
        ordered = 0 <= value["min"] <= value["mean"] <= value["max"] <= 1
        if not ordered or not 0 <= value["var"] <= 0.25:
            found.append(f"{layer}: {value} for a layer in 0..1")
    return found


def check_log(samples: list[dict], batches: list[dict], end: dict) -> list[str]:
    """Count the log again, and compare with what samples and end record say."""
    found = []
    columns = ("tick", "type", "source_id", "target_id", "position")
    for record in batches:
        if {len(record[column]) for column in columns} != {record["count"]}:
            found.append(f"events {record['ticks']}: columns of different length")
        if any(not 0 <= int(place) < record["count"] for place in record["extra"]):
            found.append(f"events {record['ticks']}: an extra of no event")
    logged = Counter(
        (tick, kind)
        for record in batches
        for tick, kind in zip(record["tick"], record["type"], strict=False)
    )
    if end["events_dropped"] or end["events"] != logged.total():
        found.append(f"end: {end['events']} events, {logged.total()} in the log")
    for sample in samples:
        first, last = sample["window"]
        window: Counter[str] = Counter()
        for (tick, kind), count in logged.items():
            if first <= tick <= last:
                window[kind] += count
        told = sample["events"]
        if told["by_type"] != dict(window):
            found.append(f"sample {sample['tick']}: by_type {told['by_type']}, log {window}")
        sums = {
            "deaths": sum(n for kind, n in window.items() if kind.startswith("DEATH_")),
            "reproductions": window["REPRODUCTION"],
            "predations": window["PREDATION"],
            "pollinations": window["POLLINATION"],
        }
        if {key: told[key] for key in sums} != sums:
            found.append(f"sample {sample['tick']}: {told}, the log gives {sums}")
        moves = sum(sum(changes.values()) for changes in sample["transitions"].values())
        if moves != window["STATE_CHANGE"]:
            found.append(f"sample {sample['tick']}: {moves} transitions, log {window}")
    return found


if __name__ == "__main__":
    wrong = check_batch(Path(sys.argv[1]))
    print("\n".join(wrong) or f"{sys.argv[1]}: every file of the batch fits")
    raise SystemExit(bool(wrong))
