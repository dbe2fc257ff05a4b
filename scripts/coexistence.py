"""Run the demo world with twenty seeds and write who lives on into docs/coexistence.md.

``python scripts/coexistence.py [--seeds N] [--ticks T] [--workers P]`` takes about two minutes on
two cores. The page holds nothing that depends on the machine, so that running it again shows a
change of the model as a difference of the page.
"""

from __future__ import annotations

import argparse
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from ecosim.engine import EcosystemEngine

PAGE = Path(__file__).resolve().parent.parent / "docs" / "coexistence.md"
#: Ticks between two counts.
INTERVAL = 50
#: The defaults were chosen with the seeds below this one; the others were run once, afterwards.
HELD_OUT = 10


def follow(seed: int, ticks: int) -> dict[str, Any]:
    """Run the demo world and return its counts over time, its events and its nutrient account."""
    engine = EcosystemEngine("demo", seed=seed)
    names = engine.entity_columns().species_names
    start = engine.ledger()["balance"]
    counts: dict[str, list[int]] = {name: [] for name in names}
    events: Counter[str] = Counter()
    extinct: dict[str, int] = {}
    for _ in range(ticks):
        engine.step()
        events.update(event.event_type for event in engine.events)
        if engine.tick % INTERVAL == 0:
            columns = engine.entity_columns()
            present = Counter(columns.species[columns.alive].tolist())
            for code, name in enumerate(names):
                counts[name].append(present[code])
                if not present[code]:
                    extinct.setdefault(name, engine.tick)
    return {
        "seed": seed,
        "counts": counts,
        "events": dict(events),
        "extinct": extinct,
        "lost": abs(engine.ledger()["balance"] - start) / start,
    }


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def page(runs: list[dict[str, Any]], ticks: int) -> str:
    """Return the text of the page."""
    names = list(runs[0]["counts"])
    final = []
    for run in runs:
        gone = sorted((tick, name) for name, tick in run["extinct"].items())
        alive = sum(1 for counts in run["counts"].values() if counts[-1])
        final.append(
            [
                str(run["seed"]),
                str(alive),
                *(str(run["counts"][name][-1]) for name in names),
                ", ".join(f"{name} {tick}" for tick, name in gone) or "none",
            ]
        )
    first = len(runs[0]["counts"][names[0]]) // 4
    parts = {name: [run["counts"][name][first:] for run in runs] for name in names}
    later = {name: [count for part in parts[name] for count in part] for name in names}
    motion = {
        name: mean(pstdev(part) / mean(part) if mean(part) else 0.0 for part in parts[name])
        for name in names
    }
    kinds = sorted({kind for run in runs for kind in run["events"]})
    groups = {
        "the seeds the defaults were chosen with": [run for run in runs if run["seed"] < HELD_OUT],
        "held-out seeds": [run for run in runs if run["seed"] >= HELD_OUT],
    }
    lines = [
        "# Coexistence in the demo world",
        "",
        f"Made by `scripts/coexistence.py`: seeds {runs[0]['seed']} to {runs[-1]['seed']}, "
        f"{ticks:,} ticks each, counted every {INTERVAL} ticks.",
        "",
        *(_summary(label, part, len(names)) for label, part in groups.items() if part),
        "",
        "## Counts at the end, and the tick at which a species was first found extinct",
        "",
        *table(["seed", "alive", *names, "extinct"], final),
        "",
        "## Counts over the last three quarters of the runs",
        "",
        "The variation is the standard deviation over time over the mean, averaged over the runs.",
        "It contains trends. A species of a few individuals owes its survival to chance.",
        "",
        *table(
            ["species", "mean", "lowest", "highest", "variation in time"],
            [
                [
                    name,
                    f"{mean(later[name]):.1f}",
                    str(min(later[name])),
                    str(max(later[name])),
                    f"{motion[name]:.2f}",
                ]
                for name in names
            ],
        ),
        "",
        "## Events of a run",
        "",
        *table(
            ["event", "mean", "lowest", "highest"],
            [
                [kind, f"{mean(per_run):,.0f}", f"{min(per_run):,}", f"{max(per_run):,}"]
                for kind in kinds
                for per_run in [[run["events"].get(kind, 0) for run in runs]]
            ],
        ),
        "",
        "## Nutrients",
        "",
        f"What the account lost or made up over a run, relative to all nutrients: below "
        f"{_power_above(max(run['lost'] for run in runs))} in every run.",
        "",
    ]
    return "\n".join(lines)


def _summary(label: str, runs: list[dict[str, Any]], species: int) -> str:
    """Return a list item: how many of the runs keep most and all of their species."""
    alive = [species - len(run["extinct"]) for run in runs]
    most = sum(1 for one in alive if one >= 9)
    everyone = sum(1 for one in alive if one == species)
    return (
        f"- {label} ({runs[0]['seed']} to {runs[-1]['seed']}): at least 9 of {species} species "
        f"live on in {most} of {len(runs)} runs, all of them in {everyone}"
    )


def _power_above(value: float) -> str:
    """Return the power of ten above a value: only the size of rounding is the same everywhere."""
    exponent = -16
    while 10.0**exponent < value:
        exponent += 1
    return f"1e{exponent}"


def main(arguments: list[str] | None = None) -> None:
    """Run the worlds and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--ticks", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(partial(follow, ticks=options.ticks), range(options.seeds)))
    text = page(runs, options.ticks)
    options.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
