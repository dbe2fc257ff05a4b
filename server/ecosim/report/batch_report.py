"""The page of a batch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from ecosim.batch.progress import duration_text
from ecosim.batch.summary import failure_groups
from ecosim.report import batch_page
from ecosim.report.batch_data import BatchData, read_batch
from ecosim.report.page import Badge, Fact, Page, Section, Table
from ecosim.report.ranks import Correlation, correlations
from ecosim.report.sensitivity import rankings
from ecosim.report.texts import counted, listed, number_text

#: Most runs that are listed one by one, of all and of one reason of failure.
_MOST_LISTED: Final = 2048
_MOST_OF_REASON: Final = 20
_MOST_RANKED: Final = 25
_FOOTER: Final = (
    "Made from the dataset of the batch and its ledger. The figures are drawn in this file; it "
    "loads nothing."
)


def batch_page_of(folder: Path) -> Page:
    """Return the page of a batch folder; its dataset is built first if there is none.

    Raises
    ------
    BatchFolderError, DatasetError, OutputError
        As :func:`~ecosim.report.batch_data.read_batch` says.
    """
    data = read_batch(folder)
    plan = data.batch.plan
    standing = data.standing
    left = standing.total - standing.done - len(standing.failed)
    page = Page(
        kind=f"Batch of {plan.world}, {plan.sampler} design",
        heading=plan.batch_id,
        lead=_lead(data, left),
        badge=_badge(data, left),
        warnings=data.warnings,
        tiles=_tiles(data, left),
        footer=_FOOTER,
    )
    ranked = _ranked(data)
    sections = [
        _failures(data),
        Section(
            *("parameters", "What the parameters do"),
            _chance_text(ranked) + _category_text(data),
            figures=batch_page.scatters(data, ranked),
            tables=_rank_tables(ranked),
        ),
        Section(
            *("sensitivity", "Sensitivity"),
            "Results that ecosim analyze left in the batch folder.",
            rankings=rankings(data.results, data.warnings),
        ),
        Section("populations", "Populations", figures=batch_page.populations(data)),
        Section(
            *("collapse", "Time to collapse"),
            _collapse_text(data),
            figures=batch_page.survivals(data),
        ),
        Section("outcomes", "Outcomes", figures=batch_page.distributions(data)),
        Section("speed", "What the runs cost", figures=batch_page.speed(data)),
        Section("runs", "Runs", tables=_run_tables(data)),
        _about(data),
    ]
    page.sections = [section for section in sections if section.has_content()]
    return page


def _badge(data: BatchData, left: int) -> Badge:
    if left:
        return Badge(f"{left:,} left", "warn")
    failed = len(data.standing.failed)
    return Badge(f"{failed:,} failed", "bad") if failed else Badge("all done", "good")


def _lead(data: BatchData, left: int) -> str:
    standing = data.standing
    told = f"{standing.done:,} of {counted(standing.total, 'run')} finished"
    if standing.failed:
        told += f", {len(standing.failed):,} failed and were set aside"
    if left:
        told += f", {left:,} are not done yet"
    return told + "."


def _tiles(data: BatchData, left: int) -> list[Fact]:
    plan, standing = data.batch.plan, data.standing
    tiles = [
        Fact("Finished", number_text(standing.done), f"of {standing.total:,}"),
        Fact("Failed", number_text(len(standing.failed))),
        *([Fact("Left", number_text(left))] if left else []),
        Fact("Ticks a run", number_text(plan.ticks), f"sampled every {plan.interval:,}"),
        Fact("Parameters", number_text(len(plan.space.parameters))),
        Fact("Compute", duration_text(data.seconds), counted(data.attempts, "attempt")),
    ]
    for name in ("shannon_end", "richness_end"):
        if data.outcomes is not None and name in data.outcomes.values:
            values = data.outcomes.values[name]
            finite = values[np.isfinite(values)]
            if len(finite):
                label = {"shannon_end": "Shannon index", "richness_end": "Species alive"}[name]
                tiles.append(Fact(label, number_text(float(np.median(finite)), 3), "median at end"))
    return tiles


def _failures(data: BatchData) -> Section:
    groups = failure_groups(
        {name: f"{one.status}: {one.error}" for name, one in data.standing.failed.items()}
    )
    rows = []
    for reason, run_ids in groups:
        shown = ", ".join(run_ids[:_MOST_OF_REASON])
        more = len(run_ids) - _MOST_OF_REASON
        rows.append(
            [f"{len(run_ids):,}", reason, shown + (f" and {more:,} more" if more > 0 else "")]
        )
    table = Table("", ["runs", "reason", "which"], rows, prose=True)
    return Section(
        *("failures", "Runs that failed"),
        "Grouped by the reason that the last attempt gave, the most frequent first.",
        tables=[table] if rows else [],
    )


def _ranked(data: BatchData) -> list[Correlation]:
    if data.outcomes is None:
        return []
    wanted = [name for name in batch_page.KEY_OUTCOMES if name in data.outcomes.values]
    # Those that people analysed are of interest to them.
    named = (str(_outcome_name(result)) for result in data.results)
    wanted += [name for name in named if name in data.outcomes.values and name not in wanted]
    wanted = [name for name in wanted if name not in data.outcomes.censored]
    return correlations(data.parameters, {name: data.outcomes.values[name] for name in wanted})


def _outcome_name(result: dict[str, object]) -> object:
    outcome = result.get("outcome")
    return outcome.get("name") if isinstance(outcome, dict) else None


def _chance_text(ranked: list[Correlation]) -> str:
    if not ranked:
        return ""
    fewest = min(ranked, key=lambda one: one.n)
    return (
        f"Where there is no relation, ρ stays below {number_text(fewest.chance(), 2)} in size in "
        f"95 of 100 pairs of {fewest.n:,} runs; this page looks at {len(ranked):,} pairs. A rank "
        "correlation sees what rises or falls throughout, and misses a hump."
    )


def _category_text(data: BatchData) -> str:
    if not data.categories or data.outcomes is None:
        return ""
    return f" Left out, as they are names and not numbers: {listed(data.categories)}."


def _rank_tables(ranked: list[Correlation]) -> list[Table]:
    if not ranked:
        return []
    outcomes = sorted({pair.outcome for pair in ranked})
    found: dict[str, dict[str, float]] = {}
    for pair in ranked:
        found.setdefault(pair.parameter, {})[pair.outcome] = pair.rho
    rows = [
        [name, *(f"{rhos[one]:+.2f}" if one in rhos else "" for one in outcomes)]
        for name, rhos in list(found.items())[:_MOST_RANKED]
    ]
    title = "Rank correlations, the strongest first"
    if len(found) > len(rows):
        title = f"Rank correlations of the {len(rows)} strongest of {len(found)} parameters"
    return [Table(title, ["parameter", *outcomes], rows, folded=True)]


def _collapse_text(data: BatchData) -> str:
    if data.outcomes is None:
        return ""
    told = [
        f"{outcome.name}: {outcome.meaning.partition('; where there is none')[0]}."
        for outcome in data.outcomes.outcomes
        if outcome.name in data.outcomes.censored
    ]
    return " ".join(told)


def _run_tables(data: BatchData) -> list[Table]:
    outcomes = data.outcomes
    names = [] if outcomes is None else [n for n in batch_page.KEY_OUTCOMES if n in outcomes.values]
    times = [] if outcomes is None else list(outcomes.censored)
    place = {} if outcomes is None else {name: i for i, name in enumerate(outcomes.run_ids)}
    rows = []
    for run_id, status, seed in zip(data.run_ids, data.status, data.seeds, strict=True):
        cells = [run_id, status or "", f"{seed}"]
        at = place.get(run_id)
        if outcomes is not None and at is not None:
            cells += [number_text(float(outcomes.values[name][at])) for name in names]
            cells += [
                ("> " if outcomes.censored[name][at] else "")
                + number_text(float(outcomes.values[name][at]))
                for name in times
            ]
        else:
            cells += [""] * (len(names) + len(times))
        rows.append(cells)
        if len(rows) == _MOST_LISTED:
            break
    if not rows:
        return []
    text = (
        f"The first {len(rows):,} of {len(data.run_ids):,}. "
        if len(rows) < len(data.run_ids)
        else ""
    ) + "> marks a time that was not reached before the run ended."
    head = ["run", "status", "seed", *names, *times]
    return [Table(f"Every run ({len(data.run_ids):,})", head, rows, text, folded=True)]


def _about(data: BatchData) -> Section:
    plan = data.batch.plan
    facts = [
        Fact("Batch", plan.batch_id),
        Fact("World", plan.world),
        Fact("Engine", plan.engine),
        Fact("Sampler", plan.sampler),
        Fact("Sample size", number_text(plan.n)),
        Fact("Seed of the design", f"{plan.seed}"),
        Fact("Seeds of the runs", plan.seed_mode),
        Fact("Space", plan.space.name or "without a name"),
        Fact("World hash", plan.world_sha256),
        Fact("Design hash", plan.design_sha256),
        *(Fact(name, version) for name, version in plan.versions.items()),
    ]
    if plan.shard is not None:
        facts.append(Fact("Shard", plan.shard))
    rows = [
        [
            *(p.name, p.dist if not p.choices else "choice"),
            json.dumps(p.choices, ensure_ascii=False)[1:-1] if p.choices else _bounds(p.bounds),
            *(p.unit, p.description),
        ]
        for p in plan.space.parameters
    ]
    head = ["parameter", "distribution", "bounds", "unit", "what it is"]
    table = Table(f"Parameters ({len(rows):,})", head, rows, folded=len(rows) > 12, prose=True)
    return Section("about", "What was run", facts=facts, tables=[table] if rows else [])


def _bounds(bounds: Iterable[float]) -> str:
    return ", ".join(number_text(bound) for bound in bounds)
