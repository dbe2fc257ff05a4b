"""The page of one run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ecosim.report import run_page
from ecosim.report.page import Badge, Fact, Page, Section, Table
from ecosim.report.run_file import RunData
from ecosim.report.texts import NOTHING, bytes_text, counted, number_text, share_text
from ecosim.telemetry_writers import events_path

_FOOTER: Final = "Made from {files}. The figures are drawn in this file; it loads nothing."


def run_page_of(data: RunData) -> Page:
    """Return the page of a run, whether it finished or not."""
    config = data.config
    run_id = str(config["run_id"])
    page = Page(
        kind="Run of an ecosystem world",
        heading=run_id,
        lead=_lead(data),
        badge=_badge(data),
        warnings=_warnings(data),
        tiles=_tiles(data),
        footer=_FOOTER.format(files=data.path.name),
    )
    page.sections = [
        section
        for section in (
            Section("populations", "Populations", figures=run_page.populations(data)),
            Section("states", "Behaviour", figures=run_page.occupancy(data)),
            Section("variables", "State variables", figures=run_page.variables(data)),
            Section("layers", "Soil and water", figures=run_page.layers(data)),
            Section("events", "Events", figures=run_page.events(data)),
            Section(
                *("transitions", "State changes"),
                "How often an entity went from the state of a row to that of a column, over the "
                "whole run; the darker, the oftener within its species.",
                matrices=run_page.transitions(data),
            ),
        )
        if section.has_content()
    ]
    page.sections += [_cost(data), _about(data)]
    return page


def _last_tick(data: RunData) -> int | None:
    if data.end is not None:
        return int(data.end["tick"])
    return data.points[-1].last if data.points else None


def _badge(data: RunData) -> Badge:
    if data.end is None:
        return Badge("did not finish", "warn")
    status = str(data.end["status"])
    tones: dict[str, Badge] = {
        "completed": Badge("completed", "good"),
        "stopped": Badge("stopped", "warn"),
        "failed": Badge("failed", "bad"),
    }
    return tones[status]


def _lead(data: RunData) -> str:
    tick = _last_tick(data)
    if tick is None:
        return "The file has a config record and no sample: nothing was watched yet."
    if data.end is None:
        return (
            f"There is no end record: the run is still going on, or it ended without finishing. "
            f"The last sample is of tick {data.points[-1].tick:,}."
        )
    if data.end["status"] == "failed":
        return f"An error ended the run at tick {tick:,}: {data.end['error'] or 'none is named'}"
    if data.end["status"] == "stopped":
        return f"Somebody ended the run early, at tick {tick:,}."
    gone = sorted(data.first_gone, key=lambda name: data.first_gone[name])
    told = f"{tick:,} ticks to the end."
    if not gone:
        return told + " No species that was seen alive was gone in a later sample."
    listed = ", ".join(f"{name} (tick {data.first_gone[name]:,})" for name in gone[:6])
    more = f" and {len(gone) - 6} more" if len(gone) > 6 else ""
    return f"{told} Seen alive and gone in a later sample, first at: {listed}{more}."


def _warnings(data: RunData) -> list[str]:
    found = []
    if data.torn:
        found.append("The last line of the file is cut short and was left out.")
    if data.end is not None and data.end["events_dropped"]:
        found.append(
            f"{counted(data.end['events_dropped'], 'event')} did not fit the event ring and are "
            "missing from the event log. The counts of the samples include them."
        )
    if data.nonfinite:
        found.append(
            f"{counted(data.nonfinite, 'value')} of samples were not finite and are left out of "
            "their means and spreads."
        )
    if data.per_point > 1:
        found.append(
            f"The run has {data.samples:,} samples; a point of a figure stands for "
            f"{data.per_point} of them: counts and means are those of the last one."
        )
    return found


def _tiles(data: RunData) -> list[Fact]:
    tick = _last_tick(data)
    tiles = [Fact("Ticks", number_text(tick)), Fact("Samples", number_text(data.samples))]
    if data.points:
        first, last = (sum(data.points[at].counts.values()) for at in (0, -1))
        alive = sum(count > 0 for count in data.points[-1].counts.values())
        tiles += [
            Fact("Entities at the end", number_text(last), f"from {number_text(first)}"),
            Fact("Species alive", number_text(alive), f"of {len(data.species())}"),
            Fact("Events", number_text(sum(data.events().values()))),
        ]
    if data.end is not None:
        share = share_text(data.end["emitter_ns"], data.end["loop_ns"])
        tiles.append(Fact("Telemetry", share, "of the run time"))
    return tiles


def _cost(data: RunData) -> Section:
    facts = [Fact("Telemetry file", bytes_text(data.size))]
    run_id = str(data.config["run_id"])
    log = events_path(data.path.parent, run_id)
    if log.is_file():
        facts.append(Fact("Event log", bytes_text(log.stat().st_size)))
    if data.samples:
        facts.append(Fact("A sample", bytes_text(round(data.size / data.samples))))
    text = "The end record says this; a run without one does not."
    if data.end is not None:
        text = ""
        spent, loop = data.end["emitter_ns"], data.end["loop_ns"]
        ticks = data.end["tick"]
        facts = [
            Fact("Inside the telemetry", f"{number_text(spent / 1e6)} ms"),
            Fact("First tick to last", f"{number_text(loop / 1e6)} ms"),
            Fact("Share", share_text(spent, loop)),
            Fact("Ticks a second", number_text(ticks / loop * 1e9 if loop else None)),
            Fact("Telemetry a tick", f"{number_text(spent / ticks / 1e3 if ticks else None)} µs"),
            Fact("Events in the log", number_text(data.end["events"])),
            Fact("Events dropped", number_text(data.end["events_dropped"])),
            *facts,
        ]
    return Section("cost", "What telemetry cost", text, facts)


def _about(data: RunData) -> Section:
    config = data.config
    software = config["software"]
    grid = config["grid_dimensions"]
    facts = [
        Fact("Run", str(config["run_id"])),
        Fact("Seed", str(config["seed"])),
        Fact("Biome", str(config["biome"] or NOTHING)),
        Fact("Grid", " × ".join(map(str, grid)) if grid else NOTHING),
        Fact("Species", number_text(config["species_count"])),
        Fact("Entities at the first sample", number_text(config["entity_count_initial"])),
        Fact("Sampled every", counted(config["interval"], "tick")),
        Fact("Written", str(config["created_at"])),
        Fact("By", f"{software['package']} {software['version'] or ''}".strip()),
        Fact("Backend", str(software["backend"])),
        Fact("Python", str(software["python"])),
        Fact("Platform", str(software["platform"])),
        Fact("Revision", str(software["git_revision"] or NOTHING)),
        Fact("Config hash", str(config["config_sha256"])),
    ]
    tables = []
    if config["parameters"]:
        rows = _values(config["parameters"])
        tables.append(
            Table("Parameters that were set", ["parameter", "value"], rows, folded=len(rows) > 12)
        )
    if config["world_rates"]:
        rows = _values(config["world_rates"])
        tables.append(Table("Rates of the world", ["rate", "value"], rows, folded=True))
    return Section(
        *("about", "What was run"),
        facts=facts,
        tables=tables,
        code_title="All model settings, as JSON" if config["sim_config_merged"] else "",
        code=json.dumps(config["sim_config_merged"], indent=1, ensure_ascii=False)
        if config["sim_config_merged"]
        else "",
    )


def _values(settings: Mapping[str, Any]) -> list[list[str]]:
    return [
        [str(name), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
        for name, value in settings.items()
    ]
