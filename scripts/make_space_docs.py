"""Make ``docs/ECOSIM_PARAMETER_TELEMETRY_SPACE.md`` from the default space and the models.

Run ``python scripts/make_space_docs.py`` after a change of either; a test compares the two.
"""

from __future__ import annotations

import ast
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import ecosim.engine
from ecosim.batch.space import Parameter, Space, load_space
from ecosim.engine import EcosystemEngine
from ecosim.engine.config import BIOMES, THRESHOLD, BiomeClimate, Rates, SimConfig
from ecosim.engine.placement import Layout, place
from ecosim.engine.randomness import Streams
from ecosim.engine.simulation import Simulation
from ecosim.engine.world import load_world, settable_paths
from ecosim.engine.world_models import World
from ecosim.telemetry_config import DEFAULT_VARIABLES
from ecosim.telemetry_host import VOXEL_LAYERS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ECOSIM_PARAMETER_TELEMETRY_SPACE.md"
ENGINE = Path(ecosim.engine.__file__).parent
PROCESSES = [
    *sorted((ENGINE / "phases").glob("*.py")),
    *(ENGINE / f"{name}.py" for name in ("population", "simulation", "species", "voxels")),
]
WORLD = "demo"

INTRODUCTION = """\
# The default parameter space

<!-- Made by scripts/make_space_docs.py; edit the space or the models, not this page. -->

The space `default` ({file}) varies {count} numbers
of a world. `ecosim batch --space default` samples it; a space of your own is a file of the same
form, given by its path ([batch.md](batch.md)).

Each range holds the default of the `{world}` world. `limits` are what a world may say at all; a
range that leaves them is refused before anything runs. The unit `x` is a multiplier, `-` a ratio,
`u` a unit of length in the world, `s` a second of model time.

Every run's config record has its values under `parameters`, by the paths of this page; the batch's
`design.csv` has a column for each.
"""

LAYERS = """
## The layers of the parameter space

From what no world can change to what every world states. The default space takes its numbers from
the last columns; the counts are taken from the code and the `{world}` world when this page is made.

| layer | numbers | in the default space | where |
|---|---|---|---|
| fixed physics: constants of the processes | {fixed} | - \
| upper-case names in `server/ecosim/engine/phases` and beside it |
| thresholds: settings at which behaviour switches | {thresholds} | {thresholds_varied} \
| {threshold_names} |
| tunables: the other settings | {tunables} | {tunables_varied} \
| `sim_config` ([worlds.md](worlds.md)) |
| biome modifiers | {biome} for each of {biomes} biomes | - \
| `environment.biome` chooses; as a categorical parameter of a space |
| climate, soil and grid of a world | {environment} | {environment_varied} | `environment` |
| traits of the species | {traits} for {n_species} species | {traits_varied} \
| `species_definitions[...]` |
| derived from traits and settings: speeds, ranges, rates, sizes \
| {derived} arrays, a value a species | - | `server/ecosim/engine/species.py` |
| world rates: multipliers | {rates} | {rates_varied} | `rates` |
"""

TELEMETRY = """
## What a run of the `{world}` world reports

Every record is described in [records.md](records.md). A sample holds, for each species, its count,
its count by state, and number, mean and spread of each variable it has; for each voxel layer its
mean, minimum, maximum and variance; and for the window since the last sample the events by type.
State transitions of the window are in every sample line, too (`transitions`), but not in the tables
of the [dataset](dataset.md).

| part | names |
|---|---|
| species | {species} |
| variables | {variables} |
| voxel layers | {layers} |

| stream | how much of it |
|---|---|
| config snapshot | one record: everything that repeats the run |
| samples | one every K ticks: {numbers} numbers in the first of this world |
| events | {event_types} types: {events} |
| voxel snapshots, off by default \
| the layers themselves, every so many ticks ([snapshots.md](snapshots.md)) |

## What it is used for

| use | reads | page |
|---|---|---|
| which parameters matter | parameters and outcomes, one row a run \
| [analysis.md](analysis.md), [study.md](study.md) |
| surrogates: outcomes predicted from parameters | the same \
| [examples/surrogate](../examples/surrogate/README.md) |
| early warning of a collapse | windows of samples \
| [examples/early_warning](../examples/early_warning/README.md) |
| learned diffusion | voxel snapshots | [examples/diffusion](../examples/diffusion/README.md) |
| looking at it | samples and events, live or afterwards \
| [serve.md](serve.md), [report.md](report.md) |

## Reading results

Some pairs multiply each other, so that their effects cannot be told apart: `rates.hunger` with
`sim_config.metabolism.hunger_base`, `rates.reproduction` with
`sim_config.reproduction.drive_rate`, and `rates.dissolution`, `rates.mineralization` and
`rates.nutrient_leaching` with the settings of the soil. For sensitivity indices, vary one of each
pair.

## Every number that may be varied

Any number of a world can stand in a space, by its dotted path: the settings and rates of
[worlds.md](worlds.md), climate, soil, and the traits of a species
(`species_definitions[deer].body_mass_kg`). `ecosim.engine.world.settable_paths(world)` lists them
with their values.
"""


def limits(name: str) -> tuple[float, float]:
    """Return the lowest and highest value that a world accepts at a path of the default space."""
    section, *rest = name.split(".")
    if section == "sim_config":
        model = SimConfig.model_fields[rest[0]].annotation
    else:
        model = {"rates": Rates, "environment": BiomeClimate}[section]
    assert model is not None
    found = {type(limit).__name__: limit for limit in model.model_fields[rest[-1]].metadata}
    return found["Ge"].ge, found["Le"].le


def section_of(parameter: Parameter) -> str:
    """Return the heading a parameter stands under: its path without the last name."""
    return parameter.name.rpartition(".")[0]


def page(space: Space) -> str:
    """Return the whole page."""
    world = load_world(WORLD)
    defaults = settable_paths(world)
    file = f"`server/ecosim/data/spaces/{space.name}.json`"
    text = INTRODUCTION.format(file=file, count=len(space.parameters), world=WORLD)
    for section in dict.fromkeys(map(section_of, space.parameters)):
        text += f"\n## `{section}`\n\n"
        text += "| path | default | low | high | unit | limits | meaning |\n"
        text += "|---|---|---|---|---|---|---|\n"
        for parameter in space.parameters:
            if section_of(parameter) == section:
                low, high = parameter.bounds
                least, most = limits(parameter.name)
                text += (
                    f"| `{parameter.name}` | {defaults[parameter.name]:g} | {low:g} | {high:g} "
                    f"| {parameter.unit} | {least:g}..{most:g} | {parameter.description} |\n"
                )
    numbers, events = first_records()
    return (
        text
        + layers(space)
        + TELEMETRY.format(
            world=WORLD,
            numbers=numbers,
            event_types=len(events),
            events=code_list(events),
            species=code_list(species.species_id for species in world.species_definitions),
            variables=code_list(DEFAULT_VARIABLES),
            layers=code_list(VOXEL_LAYERS),
        )
    )


def layers(space: Space) -> str:
    """Return the table of the parameter space by layer, with its counts."""
    world = load_world(WORLD)
    settings = {
        f"sim_config.{section}.{name}": field.json_schema_extra
        for section, group in SimConfig.model_fields.items()
        for name, field in group.annotation.model_fields.items()  # type: ignore[union-attr]
    }
    thresholds = [
        path
        for path, extra in settings.items()
        if isinstance(extra, dict) and extra.get("role") == THRESHOLD
    ]
    varied = [parameter.name for parameter in space.parameters]
    settable = settable_paths(world)

    def count(start: str, paths: Iterable[str]) -> int:
        return sum(path.startswith(start) for path in paths)

    in_space = sum(path in varied for path in thresholds)
    (biome, *_) = BIOMES.values()
    derived = [
        value for value in vars(Simulation(world, *start(world)).species).values()
        if isinstance(value, np.ndarray)
    ]  # fmt: skip
    return LAYERS.format(
        world=WORLD,
        fixed=sum(map(constants, PROCESSES)),
        thresholds=len(thresholds),
        thresholds_varied=in_space,
        threshold_names=code_list(path.removeprefix("sim_config.") for path in thresholds),
        tunables=len(settings) - len(thresholds),
        tunables_varied=count("sim_config.", varied) - in_space,
        biome=numbers_in(biome.model_dump()),
        biomes=len(BIOMES),
        environment=count("environment.", settable),
        environment_varied=count("environment.", varied),
        traits=count("species_definitions", settable),
        traits_varied=count("species_definitions", varied),
        n_species=len(world.species_definitions),
        derived=len(derived),
        rates=count("rates.", settable),
        rates_varied=count("rates.", varied),
    )


def start(world: World) -> tuple[Layout, Streams]:
    """Return the layout and the streams that a simulation of a world begins with."""
    streams = Streams.from_seed(0)
    return place(world, streams.start), streams


def constants(path: Path) -> int:
    """Return how many numbers a module of the engine fixes under upper-case names."""
    found = 0
    for node in ast.parse(path.read_bytes()).body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            (target,) = node.targets
        if isinstance(target, ast.Name) and target.id.isupper() and node.value is not None:
            found += sum(
                isinstance(part, ast.Constant) and type(part.value) in (int, float)
                for part in ast.walk(node.value)
            )
    return found


def numbers_in(value: Any) -> int:
    """Return how many numbers plain data holds."""
    if isinstance(value, dict):
        return sum(map(numbers_in, value.values()))
    return type(value) in (int, float)


def first_records() -> tuple[int, list[str]]:
    """Return how many numbers the first sample holds, and the types of event of a run."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"output_dir": folder}
        with EcosystemEngine(WORLD, seed=0, telemetry=settings) as engine:
            for _ in range(2000):
                engine.step()
        (path,) = Path(folder).glob("*_telemetry.jsonl")
        records = [json.loads(line) for line in path.read_text().splitlines()]
    samples = [record for record in records if record["record"] == "sample"]
    return numbers_in(samples[0]), sorted(
        {kind for sample in samples for kind in sample["events"]["by_type"]}
    )


def code_list(names: Iterable[str]) -> str:
    """Return names as Markdown code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(load_space("default")), encoding="utf-8")
