"""What shows the effect of each option of ``analyze``."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from typing import Any

from command_bench import Bench, Case

ANALYZE = "analyze herds --outcome total_consumers_end --resamples 10"


def _result(bench: Bench, words: str) -> dict[str, Any]:
    """Return the one result of an analysis that is asked for as JSON."""
    (result,) = bench(f"{words} --json").json["results"]
    assert isinstance(result, dict)
    return result


def _median(bench: Bench, words: str, name: str) -> float:
    """Return the median of an outcome over the runs."""
    (outcome,) = (one for one in bench(f"{words} --json").json["outcomes"] if one["name"] == name)
    return float(outcome["median"])


def outcome_and_folder(bench: Bench) -> None:
    bench.herds()
    shown = bench(ANALYZE)
    assert shown.out.startswith("total_consumers_end by ")
    (file,) = (bench.folder / "herds" / "analysis").glob("*.json")
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["ranking"][0]["name"] == "rates.hunger"
    with file.with_suffix(".csv").open(encoding="utf-8", newline="") as stream:
        names = [row["name"] for row in csv.DictReader(stream)]
    assert names == [one["name"] for one in told["ranking"]]


def listing(bench: Bench) -> None:
    bench.herds()
    shown = bench("analyze herds --list")
    assert "capacity.deer: " in shown.out
    assert "not in the dataset" not in shown.out
    assert not (bench.folder / "herds" / "analysis").exists()
    runs = bench.folder / "herds" / "runs"
    mark = json.loads(next(runs.glob("*/run.json")).read_text(encoding="utf-8"))
    later = runs / "later"
    later.mkdir()
    (later / "run.json").write_text(json.dumps(mark | {"run_id": "later"}), encoding="utf-8")
    shown = bench("analyze herds --list")
    shutil.rmtree(later)
    assert (
        "note: finished runs that are not in the dataset: 1; add them, or see why they are left "
        "out, with: ecosim collect herds" in shown.out
    )


def method(bench: Bench) -> None:
    bench.herds()
    for name in ("delta", "rbd_fast"):
        assert _result(bench, f"{ANALYZE} --method {name}")["method"] == name
    shown = bench(f"{ANALYZE} --method sobol", code=2)
    assert "saltelli" in shown.err


def replicate(bench: Bench) -> None:
    bench.herds()
    rows = [{name: value for name, value in row.items() if name != "seed"}
            for row in bench.design("herds")]  # fmt: skip
    with (bench.folder / "again.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    bench("batch --world minimal --space two.json --engine herds:Herd --design again.csv --seed 3 "
          "--ticks 5 --interval 1 --quiet --out again")  # fmt: skip
    (alone,) = bench(f"{ANALYZE} --out one --json").json["results"]
    (both,) = bench(f"{ANALYZE} --out two --json --replicate again").json["results"]
    assert alone["batch"]["replicates"] == []
    assert both["batch"]["replicates"] == [bench.plan("again")["batch_id"]]
    assert both["ranking"] != alone["ranking"]


def out(bench: Bench) -> None:
    bench.herds()
    bench(f"{ANALYZE} --out results")
    assert len(list((bench.folder / "results").iterdir())) == 2
    assert not (bench.folder / "herds" / "analysis").exists()


def force(bench: Bench) -> None:
    bench.herds()
    bench(ANALYZE)
    bench(f"{ANALYZE} --seed 5", code=1)
    assert _result(bench, f"{ANALYZE} --seed 5 --force")["settings"]["seed"] == 5
    (file,) = (bench.folder / "herds" / "analysis").glob("*.json")
    assert json.loads(file.read_text(encoding="utf-8"))["settings"]["seed"] == 5


def top(bench: Bench) -> None:
    bench.herds()
    assert "environment.climate.temperature" in bench(ANALYZE).out
    assert "environment.climate.temperature" not in bench(f"{ANALYZE} --top 1").out


def seed(bench: Bench) -> None:
    bench.herds()
    first, second = (_result(bench, f"{ANALYZE} --seed {n} --out o{n}") for n in (1, 2))
    assert first["ranking"] != second["ranking"]


def confidence(bench: Bench) -> None:
    bench.herds()
    narrow, wide = (
        _result(bench, f"{ANALYZE} --confidence {share} --out o{share}") for share in (0.5, 0.99)
    )

    def widths(result: dict[str, Any]) -> list[float]:
        values = [one["values"] for one in result["ranking"]]
        return [one[name] for one in values for name in sorted(one) if name.endswith("_conf")]

    assert widths(narrow) != widths(wide)
    assert (narrow["settings"]["confidence"], wide["settings"]["confidence"]) == (0.5, 0.99)


def resamples(bench: Bench) -> None:
    bench.herds()
    few, many = (_result(bench, f"{ANALYZE} --resamples {n} --out o{n}") for n in (10, 20))
    assert few["ranking"] != many["ranking"]
    assert many["settings"]["resamples"] == 20


def role(bench: Bench) -> None:
    bench.herds()
    words = "analyze herds --list --outcome total_consumers_end"
    without = _median(bench, words, "total_consumers_end")
    told = _median(bench, f"{words} --role moss=consumer", "total_consumers_end")
    assert told == without + 3


def collapse_fraction(bench: Bench) -> None:
    bench.herds()
    words = "analyze herds --outcome time_to_collapse --list --json"

    def meaning(more: str) -> str:
        (one,) = bench(words + more).json["outcomes"]
        return str(one["meaning"])

    assert "below 10 %" in meaning("")
    assert "below 30 %" in meaning(" --collapse-fraction 0.3")
    for fraction, earliest in ((0.01, 5.0), (0.2, 3.0)):
        found = bench(
            f"analyze herds --outcome time_to_collapse --resamples 10 --json --out o{fraction} "
            f"--collapse-fraction {fraction}",
            code=1 if earliest == 5.0 else 0,
        ).json
        lowest = [one["distribution"]["min"] for one in found["results"]]
        assert lowest == ([] if earliest == 5.0 else [earliest])


def late_share(bench: Bench) -> None:
    bench.herds()
    words = "analyze herds --list --outcome capacity_consumers --json"
    meanings = [
        bench(words + more).json["outcomes"][0]["meaning"] for more in ("", " --late-share 0.5")
    ]
    assert "last 20 %" in meanings[0]
    assert "last 50 %" in meanings[1]


def as_json(bench: Bench) -> None:
    bench.herds()
    told = bench(f"{ANALYZE} --json").json
    assert set(told) == {"results", "refused", "files"}
    written = json.loads((bench.folder / told["files"][0]).read_text(encoding="utf-8"))
    assert told["results"] == [written]


def quiet(bench: Bench) -> None:
    bench.herds()
    assert bench(f"{ANALYZE} --quiet").out == ""
    assert list((bench.folder / "herds" / "analysis").glob("*.csv"))


CASES: Mapping[tuple[str, str], Case] = {
    ("ecosim analyze", "DIR"): outcome_and_folder,
    ("ecosim analyze", "--outcome"): outcome_and_folder,
    ("ecosim analyze", "--list"): listing,
    ("ecosim analyze", "--method"): method,
    ("ecosim analyze", "--replicate"): replicate,
    ("ecosim analyze", "--out"): out,
    ("ecosim analyze", "--force"): force,
    ("ecosim analyze", "--top"): top,
    ("ecosim analyze", "--seed"): seed,
    ("ecosim analyze", "--confidence"): confidence,
    ("ecosim analyze", "--resamples"): resamples,
    ("ecosim analyze", "--role"): role,
    ("ecosim analyze", "--collapse-fraction"): collapse_fraction,
    ("ecosim analyze", "--late-share"): late_share,
    ("ecosim analyze", "--json"): as_json,
    ("ecosim analyze", "--quiet"): quiet,
}
